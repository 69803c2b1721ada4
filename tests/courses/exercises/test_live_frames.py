"""Notebook 08: right answers pass, each usual mistake gets its own sentence."""

import pytest

from edgewb.courses import check
from edgewb.courses.exercises.live_frames import RECORDED, against_the_mean, misreadings, what_the_tail_says
from edgewb.views.live_plots import calls_info, recorded_info


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


QUIET = [0.012 + 0.00001 * (i % 20) for i in range(200)]
BUSY = [*QUIET[:170], *[0.042] * 20, *[4.0] * 10]


def test_histogram():
    summary = recorded_info(RECORDED).summary
    assert check("08.2", summary.p50, "median").passed
    assert check("08.2", 1.1 * summary.p50, " Median ").passed
    assert "microseconds" in said("08.2", 1000 * summary.p50, "median")
    assert "too small" in said("08.2", 0.001, "median")
    assert f"the mean is {summary.mean:.3g} ms here" in said("08.2", summary.p50, "mean")
    assert "one of" in said("08.2", summary.p50, "p90")


def test_sentences_fit_a_sample_with_a_tail():
    info = calls_info(BUSY, "cpu", "measured")
    assert [round(value, 3) for value in misreadings(info).values()] == [0.214, 0.042, 12.11, 0.036]
    said = against_the_mean(info.summary, BUSY)
    assert "17.7 times the median: 10 of 200 calls that took more than 5 times the median" in said
    assert "long tail" in what_the_tail_says(info.summary)


def test_sentences_fit_a_quiet_sample():
    info = calls_info(QUIET, "cpu", "measured")
    assert list(misreadings(info)) == ["that is in microseconds; the axis is in milliseconds."]
    assert "near the median, as little disturbed these calls" in against_the_mean(info.summary, QUIET)
    assert "long tail" not in what_the_tail_says(info.summary)


@pytest.mark.parametrize(
    ("sentence", "part"), [("a", "No Edge TPU took part"), ("B", "made so"), ("d", "one of"), (3, "in quotes"), (..., "still open")]
)
def test_sentence_mistaken(sentence, part):
    assert part in said("08.3", sentence)


def test_sentence():
    assert check("08.3", "c").passed
