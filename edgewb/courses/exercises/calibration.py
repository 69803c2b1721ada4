"""Judges of notebook 03: what runs on the chip, what an outlier costs, scales per channel, a calibration gone wrong."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from edgewb.compilers.inspections import inspect
from edgewb.courses.checks import NotYet, exercise, expect_close, text_in
from edgewb.lessons.calibration_trials import KINDS, study_file
from edgewb.lessons.recalibrations import channel_scales

OUTLIER, USUAL = 300.0, 3.0
CAUSES: Final = ("too few images", "pixels 0 to 255", "divided twice", "random noise")
_CHANNELS: Final = (
    ((0.5, -1.27, 0.1), (0.02, 0.0127, -0.0254)),
    ((-2.54, 1.0), (0.0, 0.0), (0.127, -0.1)),
)


@exercise("03.1")
def judge_on_chip(on_chip: object) -> str:
    """Which of the recipes shown run on an Edge TPU from the first op to the last."""
    if isinstance(on_chip, str) or not isinstance(on_chip, Iterable):
        raise NotYet('on_chip is not a list of names: write it like ["float32", "float16"].')
    given = {one.strip() if isinstance(one, str) else repr(one) for one in on_chip}
    for one in given:
        if one not in KINDS:
            raise NotYet(f"{one!r} is no name in the table: {', '.join(KINDS)} are.")
    placed = {recipe: inspect(study_file(recipe)) for recipe in KINDS}
    right = {recipe for recipe, seen in placed.items() if seen.ops_edgetpu == seen.ops_total}
    if wrong := sorted(str(one) for one in given - right):
        seen = placed[wrong[0]]
        small = "Nothing in it is an integer" if wrong[0] == "float32" else "Small weights are not enough"
        raise NotYet(
            f"{wrong[0]} has {seen.ops_edgetpu} of {seen.ops_total} ops on the Edge TPU. {small}: look at the column "
            "of the values between layers."
        )
    if missing := right - given:
        raise NotYet(f"{len(missing)} more run{'s' if len(missing) == 1 else ''} there. Which rows have integers everywhere?")
    return "only files whose values between layers are 8-bit integers map; scales per channel or per tensor make no difference to that."


@exercise("03.2")
def judge_outlier(scale: object, steps: object) -> str:
    """Values of 0 to 3 and one of 300: the scale, and how many steps are left for 0 to 3."""
    right = OUTLIER / 255
    expect_close(
        scale,
        right,
        "scale",
        relative=0.0035,  # 1.18 passes, 300 / 256 does not
        mistakes={
            "that is the scale without the outlier. Calibration takes the largest value it sees.": USUAL / 255,
            "that is for a range around 0; these values begin at 0, and int8 spends all 255 steps above it.": OUTLIER / 127,
            "between 256 numbers there are 255 steps.": OUTLIER / 256,
        },
        hint="The range is 0 to 300; give three digits or more.",
    )
    expect_close(
        steps,
        USUAL / right,
        "steps",
        relative=0.03,
        absolute=0.05,
        mistakes={
            "that many there are over all of the range. How many lie between 0 and 3?": 255,
            "that is the share of the range, not the number of steps.": USUAL / OUTLIER,
            "that is the reciprocal.": right / USUAL,
            "so many whole ones fit; give the steps with their fraction.": 2,
        },
        hint="How often does the scale go into 3?",
    )
    return "two and a half steps for everything that matters: less than two bits are left of eight."


@exercise("03.4")
def judge_channel_scales(scales: object) -> str:
    """A function from channels of weights to their symmetric int8 scales."""
    if not callable(scales):
        raise NotYet(f"scales is {scales!r:.40}; a function of channels is asked for.")
    for channels in _CHANNELS:
        rows = [list(channel) for channel in channels]
        try:
            given: Any = scales(rows)
        except ZeroDivisionError:
            raise NotYet("a channel of zeros ends in a division by zero. Which division is that? The scale itself needs none.") from None
        except Exception as error:
            raise NotYet(f"scales({rows}) raises {type(error).__name__}: {error}") from None
        if given is ... or given is None:
            raise NotYet("scales returns nothing yet: put `return` and your answer in the place of the dots.")
        _compare(rows, given)
    return "each channel gets the finest grid that still holds its largest weight."


def _compare(rows: list[list[float]], given: Any) -> None:
    if not isinstance(given, Iterable) or len(got := list(given)) != len(rows):
        raise NotYet(f"for {len(rows)} channels {given!r:.60} came; a list of {len(rows)} numbers is asked for.")
    width = max(map(len, rows))
    largest = max(abs(one) for row in rows for one in row) / 127
    for row, one, right in zip(rows, got, channel_scales([r + [0.0] * (width - len(r)) for r in rows], 0), strict=True):
        if not any(row):
            continue  # any scale holds zeros
        span = max(row) - min(row)
        expect_close(
            one,
            float(right),
            f"the scale of {row}",
            relative=0.003,
            mistakes={
                "that is the scale of the whole tensor: each channel has its own.": largest,
                "the largest size counts, whatever its sign (`abs`).": max(row) / 127,
                "that divides by 255 or 256. Weights lie around 0, and 127 steps go either way.": max(map(abs, row)) / 255,
                "weights have zero point 0: the range goes as far below 0 as above it.": span / 255,
                "that is the range, not yet a step: divide it by 127.": max(map(abs, row)),
                "int8 weights leave −128 out, so that both sides have 127 steps.": max(map(abs, row)) / 128,
            },
            hint="It is the largest size in the channel over 127.",
        )


@exercise("03.3")
def judge_cause(cause: object) -> str:
    """What went wrong in a calibration whose input has the scale 1.0 and the zero point -128."""
    said = text_in(cause, "cause", CAUSES)
    answers = {
        "too few images": "a single image has black and white in it already, so the input's range would be 0 to 1, its scale 1 / 255.",
        "divided twice": "then the input's range would be 255 times too small, not too large: a scale of 1 / 255 / 255.",
        "random noise": "numbers between 0 and 1 have the same ends as pictures: the input's scale would be 1 / 255.",
    }
    if said in answers:
        raise NotYet(answers[said][0].upper() + answers[said][1:])
    return "256 numbers one apart reach from 0 to 255. Of pixels from 0 to 1 only 0 and 1 are left, and all later ranges are too wide."
