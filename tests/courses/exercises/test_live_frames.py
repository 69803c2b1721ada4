"""Notebook 08: right answers pass, each usual mistake gets its own sentence."""

import pytest

from edgewb.courses import check
from edgewb.courses.exercises.live_frames import RECORDED
from edgewb.views.live_plots import recorded_info


def said(number, *answers):
    result = check(number, *answers)
    assert not result.passed
    return result.message


def test_frames():
    assert check("08.1", 15, 15).passed
    assert "next frame comes at 67 ms" in said("08.1", 20, 10)
    assert "what the camera gives" in said("08.1", 30, 0)
    assert "too small" in said("08.1", 10, 20)
    assert "20 answers" in said("08.1", 15, 10)
    assert "still open" in said("08.1", 15, ...)


def test_histogram():
    summary = recorded_info(RECORDED).summary
    assert check("08.2", summary.p50, "median").passed
    assert check("08.2", 0.0125, " Median ").passed
    for wrong, part in (
        (summary.mean, "that is the mean"),
        (summary.p90, "slowest tenth"),
        (12.3, "microseconds"),
        (0.035, "half of the axis"),
        (0.001, "too small"),
    ):
        assert part in said("08.2", wrong, "median")
    assert "more than a millisecond" in said("08.2", summary.p50, "mean")
    assert "one of" in said("08.2", summary.p50, "p90")


@pytest.mark.parametrize(
    ("sentence", "part"), [("a", "No Edge TPU took part"), ("B", "made so"), ("d", "one of"), (3, "in quotes"), (..., "still open")]
)
def test_sentence_mistaken(sentence, part):
    assert part in said("08.3", sentence)


def test_sentence():
    assert check("08.3", "c").passed
