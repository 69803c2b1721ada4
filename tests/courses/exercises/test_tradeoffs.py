"""Answers to the exercises of notebook 09, right and wrong."""

from __future__ import annotations

import pytest

from edgewb.bundles import bundled_studies
from edgewb.courses import check

RECORDS = bundled_studies()[0].records


@pytest.mark.parametrize(
    ("front", "said"),
    [
        (["MobileNet", "MobileNetV2", "NASNetMobile", "DenseNet169"], None),
        (("densenet169 ", "MOBILENET", "NasNetMobile", "MobileNetV2"), None),
        ("MobileNet", "not a list"),
        (["MobileNet", "AlexNet"], "not in the figure"),
        (["MobileNet", "ResNet50"], "more than 30 ms"),
        (["MobileNet", "DenseNet121"], "DenseNet121 is beaten: MobileNet"),
        (["MobileNet", "MobileNetV2", "NASNetMobile"], "1 more belongs"),
        ([], "4 more belong "),
        (3, "not a list"),
    ],
)
def test_front(front: object, said: str | None) -> None:
    result = check("09.1", front)
    assert result.passed is (said is None), result
    assert (said or "") in result.message


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ("prune80_ptq_int8", None),
        ("PRUNE80_PTQ_INT8", None),
        ("prune50_ptq_int8", "smaller"),
        ("ptq_int8", "smaller"),
        ("float32", "compared with"),
        ("float16", "none of its ops"),
        ("dynamic_range", "none of its ops"),
        ("best", "one of 'float32'"),
        (80, "in quotes"),
    ],
)
def test_budget(choice: object, said: str | None) -> None:
    result = check("09.2", RECORDS, choice)
    assert result.passed is (said is None), result
    assert (said or "") in result.message


def test_budget_without_records() -> None:
    assert "leave it" in check("09.2", None, "ptq_int8").message


@pytest.mark.parametrize(
    ("excess", "said"),
    [
        (1.6, None),
        (1.4, None),
        (0.0, "one variant alone"),
        (3.2, "too large"),
        (0.6, "too small"),
        (0.016, "a share"),
        (2.0, "upper end of the bar"),
        (1.0, "lower end of the bar"),
        (99.6, "more than the 98 %"),
        (-1.6, "the sign"),
        ("1.6", "a number"),
    ],
)
def test_excess(excess: object, said: str | None) -> None:
    result = check("09.3", excess)
    assert result.passed is (said is None), result
    assert (said or "") in result.message
