"""Notebook 04: right answers pass, and each mistake gets its own sentence."""

from __future__ import annotations

import dataclasses

import pytest
from made_records import build_delta, build_record

from edgewb.courses import check

SECONDS = {"ptq_int8": 0.9, "equalize_ptq_int8": 3.6, "qat_int8": 9.0}
LOST = {"ptq_int8": 389, "equalize_ptq_int8": 1, "qat_int8": 4}
RECORDS = [
    dataclasses.replace(
        build_record(key=name, recipe=name), settings={"making_seconds": SECONDS[name]}, accuracy_delta=build_delta(0, LOST[name], 500)
    )
    for name in SECONDS
]


@pytest.mark.parametrize(
    ("number", "answers"),
    [
        ("04.1", (20 / 255, 0.4 / (20 / 255))),
        ("04.1", (0.0784, 5)),
        ("04.2", (3.5, 1, 0)),
        ("04.2", (3.5, 1.0, 0.0)),
        ("04.3", ("equalize_ptq_int8", RECORDS)),
        ("04.3", ("Equalize_PTQ_int8", tuple(RECORDS))),
    ],
)
def test_right_answers(number: str, answers: tuple[object, ...]) -> None:
    assert check(number, *answers).passed, check(number, *answers).message


@pytest.mark.parametrize(
    ("number", "answers", "said"),
    [
        ("04.1", (0.4 / 255, 255), "set by the largest one"),
        ("04.1", (255 / 20, 5.1), "the other way round"),
        ("04.1", (20 / 127, 2.5), "no values are negative"),
        ("04.1", (20 / 255, 255), "would be all of them"),
        ("04.1", (20 / 255, 0.4 * 20 / 255), "do not multiply"),
        ("04.1", (20 / 255, 50), "too large"),
        ("04.2", (7, 1, 0), "the stored integer"),
        ("04.2", (3.3, 1, 0), "cannot hold"),
        ("04.2", (3.0, 1, 0), "rounded down"),
        ("04.2", (3.5, 0, 0), "nothing is learnt"),
        ("04.2", (3.5, 0.5, 0), "slope of that line"),
        ("04.2", (3.5, 3.3, 70), "factor the gradient gets"),
        ("04.2", (3.5, 1, 70), "factor the gradient gets"),
        ("04.2", (6.6, 1, 0), "still to be rounded"),
        ("04.2", (3.5, 1, 1), "where int8 ends"),
        ("04.2", (3.5, 1, 0.5), "when 70 becomes 71"),
        ("04.3", ("ptq_int8", RECORDS), "changes accuracy by -77.8 points"),
        ("04.3", ("qat_int8", RECORDS), "is not trained"),
        ("04.3", ("float32", RECORDS), "one of"),
        ("04.3", ("equalize_ptq_int8", "no"), "not the study's records"),
        ("04.3", ("equalize_ptq_int8", RECORDS[:1]), "the records lack equalize_ptq_int8"),
        ("04.3", (..., RECORDS), "still open"),
    ],
)
def test_wrong_answers(number: str, answers: tuple[object, ...], said: str) -> None:
    result = check(number, *answers)
    assert not result.passed
    assert said in result.message
