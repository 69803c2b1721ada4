"""Notebook 05: right answers pass, and each mistake gets its own sentence."""

from __future__ import annotations

import pytest

from edgewb.courses import check

CHIP, SENT, KEPT = "structured50_ptq_int8", "prune80_ptq_int8", "ptq_int8"


@pytest.mark.parametrize(
    ("number", "answers"), [("05.1", (8192, 8192, 2048)), ("05.1", (8192.0, 8192, 2048)), ("05.2", (CHIP, SENT, KEPT))]
)
def test_right_answers(number: str, answers: tuple[object, ...]) -> None:
    assert check(number, *answers).passed, check(number, *answers).message


@pytest.mark.parametrize(
    ("number", "answers", "said"),
    [
        ("05.1", (192, 8192, 2048), "so multiply"),
        ("05.1", (32768, 8192, 2048), "4 bytes for each"),
        ("05.1", (65536, 8192, 2048), "that is bits"),
        ("05.1", (8192, 1638, 2048), "where is a zero stored"),
        ("05.1", (8192, 1638.0, 2048), "where is a zero stored"),
        ("05.1", (8192, 6554, 2048), "counts the zeros alone"),
        ("05.1", (8192, 8192 * (1 - 0.8), 2048), "where is a zero stored"),
        ("05.1", (8192, 8192 * 0.8, 2048), "counts the zeros alone"),
        ("05.1", (8192, 0, 2048), "weights that are left"),
        ("05.1", (8192, 8192, 4096), "half of one side"),
        ("05.1", (8192, 8192, 8192), "whole channels do go"),
        ("05.1", (8192, 8192, 1000), "too small"),
        ("05.1", (8192.5, 8192, 2048), "whole number"),
        ("05.2", (SENT, SENT, KEPT), "a byte each on the chip"),
        ("05.2", (KEPT, SENT, KEPT), "fewer bytes on the chip"),
        ("05.2", (CHIP, KEPT, KEPT), "the largest of the three"),
        ("05.2", (CHIP, CHIP, KEPT), "channels are gone"),
        ("05.2", (CHIP, SENT, SENT), "was trained on"),
        ("05.2", (CHIP, SENT, 3), "in quotes"),
        ("05.2", (..., SENT, KEPT), "still open"),
    ],
)
def test_wrong_answers(number: str, answers: tuple[object, ...], said: str) -> None:
    result = check(number, *answers)
    assert not result.passed
    assert said in result.message
