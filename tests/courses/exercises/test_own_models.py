"""Notebook 12: the judges look at whatever model they are given."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from edgewb.bundles import bundled_model, bundled_studies
from edgewb.compilers.inspections import Inspection, inspect
from edgewb.courses import check


@pytest.fixture(scope="module")
def dynamic() -> Inspection:
    return inspect(bundled_model("dynamic_batch").path)


def test_share_and_blocker_of_models(dynamic: Inspection) -> None:
    assert check("12.1", dynamic, 7 / 13, 10).passed
    assert check("12.1", dynamic, 0.54, 10).passed
    assert check("12.1", inspect(bundled_model("elu_branch").path), 3 / 13, 4).passed
    assert "no op holds others back" in check("12.1", inspect(bundled_model("digits_cnn_int8").path), 1, None).message


@pytest.mark.parametrize(
    ("share", "blocker", "said"),
    [
        (..., 10, "still open"),
        (53.8, 10, "in percent"),
        (6 / 13, 10, "stays on the CPU"),
        (0.996, 10, "multiplications"),
        (7, 10, "divide"),
        (0.9, 10, "too large"),
        (7 / 13, None, "has a first blocker"),
        (7 / 13, "RESHAPE", "the number of the op"),
        (7 / 13, 99, "numbered 0 to 12"),
        (7 / 13, 0, "runs on the Edge TPU"),
        (7 / 13, 12, "only waits"),
        (7 / 13, 7, "another op brings more"),
    ],
)
def test_wrong_share_or_blocker(dynamic: Inspection, share: object, blocker: object, said: str) -> None:
    result = check("12.1", dynamic, share, blocker)
    assert not result.passed
    assert said in result.message


def test_other_wrong_answers(dynamic: Inspection, tmp_path: Path, tflite_bytes: Callable[[str], bytes]) -> None:
    assert "edgewb.inspect(MODEL)" in check("12.1", "mine.tflite", 1, None).message
    assert "the answer is None" in check("12.1", inspect(bundled_model("digits_cnn_int8").path), 1, 3).message
    compiled = tmp_path / "a_edgetpu.tflite"
    compiled.write_bytes(tflite_bytes("compiled"))
    for share, blocker in ((1, None), (None, 0), (7 / 13, 10)):
        refused = check("12.1", inspect(compiled), share, blocker)
        assert not refused.passed
        assert "both answers are None" in refused.message
        assert "the file it was compiled from" in refused.message
    assert not check("12.1", inspect(compiled), ..., ...).passed
    assert check("12.1", inspect(compiled), None, None).passed
    assert "what kind of file" in check("12.2", inspect(compiled), "fix").message.lower()
    assert check("12.2", inspect(compiled), "use it").passed


def test_next_step(dynamic: Inspection) -> None:
    assert "find something to mend" in check("12.2", dynamic, "convert").message
    assert "one of 'nothing'" in check("12.2", dynamic, "buy").message
    assert check("12.2", inspect(bundled_studies()[0].records[0].file), "convert").passed
    elu = inspect(bundled_model("elu_branch").path)
    assert check("12.2", elu, "change a layer").passed
    assert "stands in the way" in check("12.2", elu, "fix").message
