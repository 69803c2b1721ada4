"""Notebook 07: right answers pass, each known mistake gets its own sentence."""

from __future__ import annotations

import pytest

from edgewb.courses import check


@pytest.mark.parametrize(
    ("number", "answers"),
    [
        ("07.1", (2.3,)),
        ("07.1", (3.05,)),
        ("07.2", (1, "p50")),
        ("07.3", (368,)),
        ("07.3", (367.04,)),
        ("07.4", ("published", "estimated", "replayed", "simulated")),
        ("07.5", ("B", ["host", "turns", "interval"])),
        ("07.5", ("b", {"basis", "first call", "turns", "host"})),
    ],
)
def test_right(number: str, answers: tuple[object, ...]) -> None:
    assert check(number, *answers).passed


@pytest.mark.parametrize(
    ("number", "answers", "said"),
    [
        ("07.1", (...,), "still open"),
        ("07.1", (9.8,), "longest call"),
        ("07.1", (2.1,), "median"),
        ("07.1", (2.86,), "mean"),
        ("07.1", (8.82,), "counts calls"),
        ("07.1", ("2.3",), "a number"),
        ("07.1", (5,), "Sort the calls"),
        ("07.2", (9, "p50"), "less than the mean"),
        ("07.2", (5, "p50"), "for the median"),
        ("07.2", (0.1, "p50"), "which share"),
        ("07.2", (1, "mean"), "not one of the ten"),
        ("07.2", (1, "p99"), "prepared for"),
        ("07.2", (1, "mode"), "one of 'p50'"),
        ("07.3", (36,), "enough for p90"),
        ("07.3", (6,), "enough for p50"),
        ("07.3", (100,), "37 of 100"),
        ("07.3", (200,), "0.99 to the power"),
        ("07.3", (299,), "it is 5 %"),
        ("07.4", ("measured", "estimated", "replayed", "simulated"), "a is not 'measured'"),
        ("07.4", ("published", "published", "replayed", "simulated"), "formula"),
        ("07.4", ("published", "estimated", "measured", "simulated"), "played back"),
        ("07.4", ("published", "estimated", "replayed", "estimated"), "waited"),
        ("07.5", ("A", ["host", "turns", "interval"]), "promises more"),
        ("07.5", ("B", "host"), "a list of texts"),
        ("07.5", ("B", 3), "a list of texts"),
        ("07.5", ("B", ["host", "turns"]), "2 of the gaps"),
        ("07.5", ("B", ["host", "host", "host"]), "1 of the gaps"),
        ("07.5", ("B", ["host", "turns", "n"]), "does say how many calls"),
        ("07.5", ("B", ["weather"]), "one of 'basis'"),
    ],
)
def test_wrong(number: str, answers: tuple[object, ...], said: str) -> None:
    result = check(number, *answers)
    assert not result.passed
    assert said in result.message
