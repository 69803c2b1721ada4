"""Notebook 02: right answers pass, and each mistake gets its own sentence."""

from __future__ import annotations

import pytest

from edgewb.courses import check
from edgewb.intervals import examples_for_half_width, mcnemar_p_value, wilson_interval

LOW, HIGH = wilson_interval(47, 50)


@pytest.mark.parametrize(
    ("number", "answers"),
    [
        ("02.1", (LOW, HIGH)),
        ("02.1", (round(LOW, 3), round(HIGH, 3))),
        ("02.2", (1143,)),
        ("02.2", (1143.0,)),
        ("02.2", (1140,)),
        ("02.3", (mcnemar_p_value(9, 2), "cannot tell")),
        ("02.3", (0.065, "Cannot tell")),
    ],
)
def test_right_answers(number: str, answers: tuple[object, ...]) -> None:
    assert check(number, *answers).passed, check(number, *answers).message


@pytest.mark.parametrize(
    ("number", "answers", "said"),
    [
        ("02.1", (..., HIGH), "low is still open"),
        ("02.1", (HIGH, LOW), "the lower end comes first"),
        ("02.1", (100 * LOW, 100 * HIGH), "these are percent"),
        ("02.1", (0.8742, 1.0058), "textbook"),
        ("02.1", (1 - HIGH, 1 - LOW), "the wrong answers"),
        ("02.1", (0.5, HIGH), "how many were right, and of how many"),
        ("02.1", (0.94, 0.94), "the share that was seen"),
        ("02.1", (LOW, None), "a number is asked for"),
        ("02.2", (...,), "still open"),
        ("02.2", (1118,), "textbook"),
        ("02.2", (1,), "a hundred points"),
        ("02.2", (examples_for_half_width(0.97, 0.005),), "the whole interval one point wide"),
        ("02.2", (500,), "too small"),
        ("02.2", (1143.5,), "whole number"),
        ("02.3", (..., "A"), "p_value is still open"),
        ("02.3", (100 * mcnemar_p_value(9, 2), "A"), "that is percent"),
        ("02.3", (0.0327, "A"), "one-sided"),
        ("02.3", (0.065, "A"), "a coin would do that"),
        ("02.3", (0.065, "B"), "A is right on more"),
        ("02.3", (0.065, 3), "in quotes"),
        ("02.3", (0.9, "A"), "too large"),
    ],
)
def test_wrong_answers(number: str, answers: tuple[object, ...], said: str) -> None:
    result = check(number, *answers)
    assert not result.passed
    assert said in result.message
