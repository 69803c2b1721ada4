"""Notebook 01: right answers pass, each usual mistake gets its own sentence."""

import pytest

from edgewb.courses import check

SCALE, POINT = 10.2 / 255, -53


def said(number, *answers):
    result = check(number, *answers)
    assert not result.passed
    return result.message


def test_cycles():
    assert check("01.1", 106, 1600 / 106).passed
    assert check("01.1", 106.0, 15.1).passed
    assert "still open" in said("01.1", ..., ...)


@pytest.mark.parametrize(
    ("cycles", "part"),
    [(100, "one cycle per row"), (1600, "one multiplication per cycle"), (103, "one way is missing"), (108, "nearly"), (107, "nearly"),
     (110, "weights are loaded before"), (50, "too small"), ("106", "number")],
)  # fmt: skip
def test_cycles_mistaken(cycles, part):
    assert part in said("01.1", cycles, 15.09)


@pytest.mark.parametrize(
    ("speedup", "part"), [(16, "not all at work"), (106 / 1600, "other way round"), (100 / 106, "single unit"), (8, "too small")]
)
def test_speedup_mistaken(speedup, part):
    assert part in said("01.1", 106, speedup)


def test_scale():
    assert "0 as −53" in check("01.2", SCALE, POINT).message
    assert check("01.2", 0.04, -53.0).passed


@pytest.mark.parametrize(
    ("scale", "part"),
    [(10.2 / 256, "255 steps"), (7.2 / 255, "begins at −3"), (7.2 / 127, "not symmetric"), (25, "reciprocal"), (1, "too large"),
     ([0.04], "single number")],
)  # fmt: skip
def test_scale_mistaken(scale, part):
    assert part in said("01.2", scale, POINT)


@pytest.mark.parametrize(
    ("point", "part"),
    [(75, "uint8"), (53, "sign"), (0, "stored as 0"), (-128, "must stand for −3"), (127, "must stand for 7.2"), (-52, "how many steps"),
     (-53.4, "whole number")],
)  # fmt: skip
def test_zero_point_mistaken(point, part):
    assert part in said("01.2", SCALE, point)


def clip(value):
    return max(-128, min(127, value))


def test_store():
    assert check("01.3", lambda value, scale, point: clip(round(value / scale) + point)).passed
    assert check("01.3", lambda value, scale, point: min(127.0, max(-128.0, float(round(value / scale) + point)))).passed


@pytest.mark.parametrize(
    ("store", "part"),
    [
        (lambda v, s, z: ..., "returns nothing"),
        (lambda v, s, z: None, "returns nothing"),
        (lambda v, s, z: round(v / s) + z, "kept at its ends"),
        (lambda v, s, z: clip(int(v / s) + z), "cuts towards 0"),
        (lambda v, s, z: clip(round(v / s) - z), "subtracted"),
        (lambda v, s, z: clip(round(v / s)), "zero point is missing"),
        (lambda v, s, z: clip(v / s + z), "whole number"),
        (lambda v, s, z: clip(round(v * s) + z), "multiplied by the scale"),
        (lambda v, s, z: max(0, min(255, round(v / s) + z)), "uint8"),
        (lambda v, s, z: clip(round(v / s)) + z, "at the very end"),
        (lambda v, s, z: s * (v - z), "the way back"),
        (lambda v, s, z: float("nan"), "finite"),
        (lambda v, s, z: "7", "It should be"),
        (lambda v, s, z: "seven", "no number"),
        (lambda v, s, z: [1], "no number"),
        (lambda v, s, z: 1 / 0, "ZeroDivisionError"),
        (lambda v: v, "raises TypeError"),
        (3, "a function of value"),
    ],
)
def test_store_mistaken(store, part):
    assert part in said("01.3", store)


def test_products():
    assert check("01.4", 131_071).passed
    assert check("01.4", (2**31 - 1) // 2**14).passed


@pytest.mark.parametrize(
    ("products", "part"),
    [(2**31 // 2**14, "one too many"), ((2**31 - 1) / 2**14, "131071.9999"), (10**400, "too large"),
     (2**31 // 255, "product of two"), (2**32 // 2**14, "has a sign"), ((2**31 - 1) // 127**2, "close"), (2**15, "2^14"),
     (1, "16 bits"), (12, "How large"), ("many", "number")],
)  # fmt: skip
def test_products_mistaken(products, part):
    assert part in said("01.4", products)
