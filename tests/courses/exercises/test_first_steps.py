"""The judges of notebook 00: right answers, gaps, and each mistake they know."""

from __future__ import annotations

import pytest

from edgewb.courses import check


def test_right() -> None:
    assert check("00.1", 6, "RESHAPE").passed
    assert "from 7 to 10" in check("00.1", 6, "reshape").message
    assert check("00.1", 6.0, "10 RESHAPE").passed
    assert check("00.1", 6, "op 10 RESHAPE").passed
    assert check("00.2", "predicted", "estimated", "Measured").passed


@pytest.mark.parametrize(
    ("count", "name", "said"),
    [
        (..., "RESHAPE", "ops_on_cpu is still open"),
        (7, "RESHAPE", "that many would run on the Edge TPU"),
        (13, "RESHAPE", "that is all of them"),
        (5, "RESHAPE", "the line `ops` above the table"),
        ("6", "RESHAPE", "a number is asked for"),
        (6, "10", "its name is asked for"),
        (6, 10, "a text in quotes"),
        (6, "ELU", "no such op"),
        (6, " ", "is empty"),
        (6, "CONV_2D", "that op maps"),
        (6, "SHAPE", "mending it alone would bring nothing"),
    ],
)
def test_mistakes_in_reading(count: object, name: object, said: str) -> None:
    result = check("00.1", count, name)
    assert not result.passed
    assert said in result.message


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((..., ..., ...), "placement is still open"),
        (("measured", "estimated", "measured"), "rules said where the ops would go"),
        (("predicted", "measured", "measured"), "no Edge TPU ran anything here"),
        (("predicted", "estimated", "published"), "the answers counted"),
        (("guessed", "estimated", "measured"), "one of 'measured'"),
    ],
)
def test_mistakes_in_words(words: tuple[object, ...], said: str) -> None:
    result = check("00.2", *words)
    assert not result.passed
    assert said in result.message
