"""Notebook 03: right answers pass, each usual mistake gets its own sentence."""

import pytest

from edgewb.courses import check


def said(number, *answers):
    result = check(number, *answers)
    assert not result.passed
    return result.message


@pytest.mark.parametrize(
    "given", [["ptq_int8", "ptq_int8_per_tensor"], ("ptq_int8_per_tensor", " ptq_int8 "), {"ptq_int8", "ptq_int8_per_tensor"}]
)
def test_what_runs_on_the_chip(given):
    assert check("03.1", given).passed


@pytest.mark.parametrize(
    ("given", "part"),
    [(..., "still open"), ("ptq_int8", "list of names"), (7, "list of names"), (["int8"], "no name in the table"),
     ([["x"]], "no name in the table"), (["float32"], "Nothing in it"),
     (["ptq_int8"], "1 more runs"), ([], "2 more run "), (["ptq_int8", "dynamic_range"], "0 of 14 ops"), (["float16"], "0 of 38 ops")],
)  # fmt: skip
def test_what_runs_on_the_chip_mistaken(given, part):
    assert part in said("03.1", given)


def test_outlier():
    assert check("03.2", 300 / 255, 2.55).passed
    assert check("03.2", 1.18, 2.5).passed


@pytest.mark.parametrize(
    ("scale", "part"),
    [
        (3 / 255, "without the outlier"),
        (300 / 256, "255 steps"),
        (300 / 127, "range around 0"),
        (2, "too large"),
        (..., "still open"),
        ("1", "number"),
    ],
)
def test_outlier_scale_mistaken(scale, part):
    assert part in said("03.2", scale, 2.55)


@pytest.mark.parametrize(
    ("steps", "part"),
    [(255, "all of the range"), (0.01, "share of the range"), (1 / 2.55, "reciprocal"), (2, "fraction"), (5, "too large")],
)
def test_outlier_steps_mistaken(steps, part):
    assert part in said("03.2", 300 / 255, steps)


def test_cause():
    assert check("03.3", "Pixels 0 to 255").passed
    for wrong, part in (("too few images", "black and white"), ("divided twice", "too small"), ("random noise", "same ends")):
        assert part in said("03.3", wrong)
    assert "one of" in said("03.3", "x")


def largest(channel):
    return max(abs(weight) for weight in channel)


def test_channel_scales():
    assert check("03.4", lambda channels: [largest(channel) / 127 for channel in channels]).passed
    assert check("03.4", lambda channels: tuple(largest(channel) / 127 or 1 for channel in channels)).passed


@pytest.mark.parametrize(
    ("scales", "part"),
    [
        (lambda cs: ..., "returns nothing"),
        (lambda cs: [max(c) / 127 for c in cs], "whatever its sign"),
        (lambda cs: [max(map(largest, cs)) / 127] * len(cs), "whole tensor"),
        (lambda cs: [largest(c) / 255 for c in cs], "127 steps go either way"),
        (lambda cs: [(max(c) - min(c)) / 255 for c in cs], "zero point 0"),
        (lambda cs: [largest(c) for c in cs], "not yet a step"),
        (lambda cs: [largest(c) / 128 for c in cs], "leave −128 out"),
        (lambda cs: largest(cs[0]) / 127, "a list of 2 numbers"),
        (lambda cs: [1 / largest(c) for c in cs], "too large"),
        (lambda cs: [127 / largest(c) / 127**2 if largest(c) > 1 else largest(c) / 127 for c in cs], "too small"),
        (lambda cs: [largest(c) / 127 / (largest(c) / largest(c)) for c in cs], "division by zero"),
        (lambda cs: cs.largest, "AttributeError"),
        ([1, 2], "a function of channels"),
    ],
)
def test_channel_scales_mistaken(scales, part):
    assert part in said("03.4", scales)
