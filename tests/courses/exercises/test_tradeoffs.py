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
    ("fallen", "points", "said"),
    [
        ("prune80_ptq_int8", 2.4, None),
        ("prune80_ptq_int8", 2.5, None),
        ("prune50_ptq_int8", 2.1, "looked best"),
        ("qat_int8", 0.2, "moved by +0.2"),
        ("ptq_int8", 0.5, "moved by -0.5"),
        ("float32", 0.0, "one of"),
        ("prune80_ptq_int8", -2.4, "without a sign"),
        ("prune80_ptq_int8", 1.4, "came from above 0"),
        ("prune80_ptq_int8", -1.4, "the figure on the test images"),
        ("prune80_ptq_int8", 1.0, "the figure on the validation images"),
        ("prune80_ptq_int8", 0.024, "a share"),
        ("prune80_ptq_int8", 4.0, "too large"),
        ("prune80_ptq_int8", "2.4", "a number"),
        (80, 2.4, "in quotes"),
    ],
)
def test_fall(fallen: object, points: object, said: str | None) -> None:
    result = check("09.3", RECORDS, fallen, points)
    assert result.passed is (said is None), result
    assert (said or "") in result.message


def test_fall_without_records() -> None:
    assert "leave it" in check("09.3", 3, "ptq_int8", 1.0).message
