"""Exercises of notebook 02: an interval, the size of a test set, and whether one network is better than another."""

from __future__ import annotations

import math

from edgewb.courses.checks import NotYet, exercise, expect_close, number_in, text_in, whole_number_in
from edgewb.intervals import Z95, examples_for_half_width, mcnemar_p_value, wilson_interval

CORRECT, N = 47, 50
SHARE, HALF_WIDTH = 0.97, 0.01
ONLY_A, ONLY_B = 9, 2
LEVEL = 0.05


@exercise("02.1")
def judge_interval(low: object, high: object) -> str:
    """The Wilson interval of 47 of 50."""
    right_low, right_high = wilson_interval(CORRECT, N)
    first, second = number_in(low, "low"), number_in(high, "high")
    if first > second:
        raise NotYet(f"low ({first:g}) is above high ({second:g}): the lower end comes first.")
    if math.isclose(first, 100 * right_low, rel_tol=0.02) and math.isclose(second, 100 * right_high, rel_tol=0.02):
        raise NotYet("these are percent, and shares between 0 and 1 were asked for: leave them as the function gives them.")
    half = Z95 * math.sqrt(CORRECT / N * (1 - CORRECT / N) / N)
    textbook = "that is the textbook's p ± 1.96 √(p(1 − p)/n), which reaches beyond 1 here. Take wilson_interval."
    swapped = wilson_interval(N - CORRECT, N)
    wrong = "that is the interval of the wrong answers: 47 of the 50 were right."
    seen = "that is the share that was seen; its interval has an end below and one above it."
    ends = ((low, right_low, "low", CORRECT / N - half, swapped[0]), (high, right_high, "high", CORRECT / N + half, swapped[1]))
    hint = "wilson_interval takes how many were right, and of how many."
    for answer, right, name, simple, other in ends:
        mistakes = {textbook: simple, wrong: other, seen: CORRECT / N}
        expect_close(answer, right, name, relative=0.003, mistakes=mistakes, hint=hint)
    return f'"94 %" from 50 images may be {100 * right_low:.0f} % or {100 * right_high:.0f} %.'


@exercise("02.2")
def judge_images(images: object) -> str:
    """The smallest test set for 97 % to within one point."""
    right = examples_for_half_width(SHARE, HALF_WIDTH)
    asked = whole_number_in(images, "images")
    if asked == examples_for_half_width(SHARE, HALF_WIDTH / 2):
        raise NotYet(f"images is {asked}: that makes the whole interval one point wide. One point to either side is asked for.")
    if asked in (1, examples_for_half_width(SHARE, 1.0)):
        raise NotYet(f"images is {asked}: a half width of 1 is a hundred points. One point is the share 0.01.")
    textbook = math.ceil(Z95**2 * SHARE * (1 - SHARE) / HALF_WIDTH**2)
    if asked == textbook:
        raise NotYet(f"images is {asked}, by the textbook's interval, which is too narrow near 100 %. Take examples_for_half_width.")
    expect_close(images, right, "images", relative=0.005, hint="The share is 0.97, the half width 0.01.")
    return f"{right:,} labelled images, for one point to either side. Half a point would take about four times as many."


@exercise("02.3")
def judge_better(p_value: object, better: object) -> str:
    """9 against 2 of 400, by McNemar's exact test."""
    right = mcnemar_p_value(ONLY_A, ONLY_B)
    expect_close(
        p_value,
        right,
        "p_value",
        mistakes={
            "that is one-sided: B might have been the better one, too, so both tails count.": right / 2,
            "that is percent; leave the share as the function gives it.": 100 * right,
        },
        hint="mcnemar_p_value takes the two numbers of images on which only one of them is right.",
    )
    said = text_in(better, "better", ("A", "B", "cannot tell"))
    if said == "B":
        raise NotYet("better is 'B', but A is right on more of the images on which they part.")
    if said == "A":
        raise NotYet(f"A was right more often here, but a coin would do that, too: compare p = {right:.3f} with 5 %.")
    return f"p = {right:.3f}: equally good networks would part at least so unevenly in {100 * right:.1f} of 100 tests."
