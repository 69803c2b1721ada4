"""The exercises of notebook 10: right answers pass, each mistake has its sentence."""

from __future__ import annotations

import pytest

from edgewb.courses import check

RIGHT = 1036 * 8.74e9 / 26e12


@pytest.mark.parametrize(
    ("number", "answers"),
    [
        ("10.1", (RIGHT,)),
        ("10.1", (0.35,)),
        ("10.2", (20,)),
        ("10.2", (20.0,)),
        ("10.3", (1.44, "devices")),
        ("10.3", (1.44, " Devices")),
        ("10.4", (1.7e9 / 385e6,)),
    ],
)
def test_right(number: str, answers: tuple[object, ...]) -> None:
    assert check(number, *answers).passed


@pytest.mark.parametrize(
    ("number", "answers", "said"),
    [
        ("10.1", (100 * RIGHT,), "percent"),
        ("10.1", (1 / RIGHT,), "reciprocal"),
        ("10.1", (2 * RIGHT,), "nothing to double"),
        ("10.1", (1036 * 8.74 / 26,), "million millions"),
        ("10.1", (8.74e9 / 26e12,), "how many frames"),
        ("10.1", (1036 * 8.74e9,), "operations a second"),
        ("10.1", (0.2,), "too small"),
        ("10.2", (15,), "the link is missing"),
        ("10.2", (12,), "paid with the server"),
        ("10.2", (60,), "links alone"),
        ("10.2", (21,), "too large"),
        ("10.3", (144, "devices"), "percent"),
        ("10.3", (0.18, "devices"), "there are eight"),
        ("10.3", (120, "devices"), "frames a second"),
        ("10.3", (1440, "devices"), "0.012 s"),
        ("10.3", (1 / 1.44, "devices"), "reciprocal"),
        ("10.3", (1.44, "server"), "takes 3 of these"),
        ("10.3", (1.44, "cloud"), "one of 'server', 'devices'"),
        ("10.4", (4400,), "milliseconds"),
        ("10.4", (17.7,), "float32"),
        ("10.4", (8.8,), "16-bit"),
        ("10.4", (0.226,), "tokens a second"),
        ("10.4", (0.0044,), "too short"),
        ("10.4", (11,), "too long"),
        ("10.4", (1,), "too short"),
    ],
)
def test_mistakes(number: str, answers: tuple[object, ...], said: str) -> None:
    result = check(number, *answers)
    assert not result.passed
    assert said in result.message


@pytest.mark.parametrize("number", ["10.1", "10.2", "10.4"])
@pytest.mark.parametrize("odd", [..., None, "12", [1], float("nan"), object()])
def test_odd_answers(number: str, odd: object) -> None:
    result = check(number, odd)
    assert not result.passed
    assert "could not be looked at" not in result.message
