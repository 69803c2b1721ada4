"""Judges of notebook 01: cycles of an array, scale and zero point, storing, room in a sum."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

from edgewb.courses.checks import NotYet, exercise, expect_close, whole_number_in
from edgewb.lessons.systolic_arrays import count_cycles, safe_products
from edgewb.tflite.quantization import fit_range, quantize

RANGE: Final = (-3.0, 7.2)
ROWS, SIDE = 100, 4
_PROBES: Final = (1.01, 0.0, 0.03, 0.51, 7.19, -0.7, -3.0, 7.2, 19.0, -9.0)


@exercise("01.1")
def judge_cycles(cycles: object, speedup: object) -> str:
    """Cycles of 100 input rows on 4 x 4 cells, and how many times fewer that is than one multiplication per cycle."""
    right = count_cycles(ROWS, SIDE, SIDE)
    expect_close(
        cycles,
        right,
        "cycles",
        relative=0,
        absolute=0.5,
        mistakes={
            "that is one cycle per row. The last row still has to cross the array and fall through it.": ROWS,
            "that is what a unit with one multiplication per cycle takes.": ROWS * SIDE * SIDE,
            "one way is missing: numbers go to the right, and sums go down.": ROWS + SIDE - 1,
            "nearly: the first cell is on both ways, and its cycle is among the hundred already.": ROWS + 2 * SIDE,
            "nearly: count again from the widget, where 6 rows took 12 cycles.": ROWS + 2 * SIDE - 1,
            "the weights are loaded before; that is not asked for here.": right + SIDE,
        },
        hint="In the widget 6 rows took 12 cycles: which part of that grows with the number of rows?",
    )
    expect_close(
        speedup,
        ROWS * SIDE * SIDE / right,
        "speedup",
        mistakes={
            "that many cells there are, but they are not all at work at the beginning and at the end.": SIDE * SIDE,
            "that is the share the other way round.": right / (ROWS * SIDE * SIDE),
            "that compares with one row per cycle: a single unit needs 16 cycles for each row.": ROWS / right,
        },
        hint="One multiplication per cycle takes rows × 4 × 4 cycles.",
    )
    return f"{right} cycles instead of {ROWS * SIDE * SIDE:,}; with more rows it comes nearer to 16 times."


@exercise("01.2")
def judge_scale(scale: object, zero_point: object) -> str:
    """Scale and zero point of int8 for values from -3 to 7.2."""
    low, high = RANGE
    right_scale, right_point = fit_range(low, high)
    expect_close(
        scale,
        right_scale,
        "scale",
        relative=0.002,
        mistakes={
            "that is 10.2 / 256. Between 256 numbers there are 255 steps.": (high - low) / 256,
            "that covers 0 to 7.2 alone: the range begins at −3.": high / 255,
            "that reaches as far below 0 as above it, which leaves numbers unused: the range is not symmetric.": high / 127,
            "that is the reciprocal, steps per unit: the scale is units per step.": 255 / (high - low),
        },
        hint="It is the width of the range over the number of steps between the lowest and the highest int8 number.",
    )
    point = whole_number_in(zero_point, "zero_point")
    said = {
        right_point + 128: "that counts from 0, as uint8 does. The lowest int8 number is −128.",
        -right_point: "the sign is the other way round: 0 lies nearer to the lower end of this range, and so does its number.",
        0: "with it 0 would be stored as 0, in the middle, although the range does not lie evenly around 0.",
        -128: "with it the real 0 would be stored as −128, which must stand for −3.",
        127: "with it the real 0 would be stored as 127, which must stand for 7.2.",
    }
    if point != right_point:
        sentence = said.get(point, "The lowest value, −3, must be stored as −128: how many steps above −128 does 0 lie?")
        raise NotYet(f"zero_point is {point}: {sentence}")
    return f"−3 is stored as −128, 0 as −{-right_point}, 7.2 as 127."


@exercise("01.3")
def judge_store(store: object) -> str:
    """A function that stores a real number as int8."""
    if not callable(store):
        raise NotYet(f"store is {store!r:.40}; a function of value, scale and zero_point is asked for.")
    scale, point = fit_range(*RANGE)
    for value in _PROBES:
        right = int(quantize(value, scale, point, "int8"))
        given = _called(store, value, scale, point)
        if given == right:
            continue
        raise NotYet(f"store({value:g}, {scale:.5f}, {point}) gives {given!r:.60}{_store_mistake(given, value, scale, point)}")
    return f"all of {len(_PROBES)} values are stored as LiteRT stores them, those outside the range too."


def _called(store: Callable[..., Any], value: float, scale: float, point: int) -> Any:
    try:
        given = store(value, scale, point)
    except Exception as error:
        raise NotYet(f"store({value:g}, {scale:.5f}, {point}) raises {type(error).__name__}: {error}") from None
    if given is ... or given is None:
        raise NotYet("store returns nothing yet: put `return` and your answer in the place of the dots.")
    return given


def _store_mistake(given: Any, value: float, scale: float, point: int) -> str:
    """What somebody did who gets this; the sentences begin behind what was given."""
    steps = value / scale
    unclipped = round(steps) + point
    try:
        number = float(given)
    except (TypeError, ValueError):
        return ", which is no number."
    if not math.isfinite(number):
        return ", which is no finite number."
    if math.isclose(number, scale * (value - point)):
        return ": that is the way back, from a stored number to a real one."
    if number != int(number):
        return ". What is stored is a whole number: round it."
    kept = [max(-128, min(127, one)) for one in (round(steps), round(steps) - point, int(steps) + point)]
    if number == unclipped:
        return ": int8 goes from −128 to 127, and what lies beyond is kept at its ends."
    if number == max(0, min(255, unclipped)):
        return ": that keeps within 0 and 255, as uint8 does. int8 goes from −128 to 127."
    if number == kept[0] + point:
        return ": kept within −128 and 127 first, moved by the zero point afterwards. Keep within them at the very end."
    if number in (kept[0], round(steps)):
        return ": the zero point is missing. It is added after the division."
    if number in (kept[1], round(steps) - point):
        return ": the zero point was subtracted. Storing adds it; restoring subtracts it."
    if number in (kept[2], int(steps) + point):
        return ": `int` cuts towards 0; the nearest number is wanted (`round`)."
    if number in (round(value * scale) + point, max(-128, min(127, round(value * scale) + point))):
        return ": multiplied by the scale. A value of one scale is one step: divide."
    return ". It should be value / scale, rounded, plus the zero point, kept within −128 to 127."


@exercise("01.4")
def judge_products(products: object) -> str:
    """How many products of two int8 numbers fit into an int32 sum in the worst case."""
    right = safe_products()
    value = whole_number_in(products, "products")
    if value == right:
        return f"{right:,} of the largest products, (−128) × (−128), stay below 2^31. A 3 x 3 convolution over 512 channels adds up 4,608."
    said = {
        right + 1: "one too many: they add up to exactly 2^31, and the sum ends one below.",
        2**31 // 255: "that divides by one number. A product of two is up to 128 × 128.",
        (2**31 - 1) // 127: "that divides by one number. A product of two is up to 128 × 128.",
        2**32 // 2**14: "the sum has a sign, too: it ends at 2^31 − 1.",
        (2**31 - 1) // 127**2: "close: the largest product is (−128) × (−128), not 127 × 127.",
        2**31 // 2**16: "that takes 16 bits for a product. Two signed numbers of 8 bits multiply to 2^14 at most.",
        (2**15 - 1) // 2**14: "that is for a sum of 16 bits.",
    }
    raise NotYet(f"products is {value:,}: {said.get(value, 'How large is the largest product, and how often does it go into 2^31 − 1?')}")
