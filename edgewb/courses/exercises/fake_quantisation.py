"""Exercises of notebook 04: steps of a small channel, a pass through fake quantisation, and the choice of a remedy."""

from __future__ import annotations

from collections.abc import Sequence

from edgewb.courses.checks import NotYet, exercise, expect_close, number_in, text_in
from edgewb.lessons.fake_quantisation import fake_quantise, straight_through
from edgewb.types import Record

LARGEST, SMALL, STEPS = 20.0, 0.4, 255
SCALE, INSIDE, OUTSIDE = 0.5, 3.3, 70.0
CHOICES = ("ptq_int8", "equalize_ptq_int8", "qat_int8")


@exercise("04.1")
def judge_steps(scale: object, steps: object) -> str:
    """One scale for 0 to 20, and what it leaves for 0 to 0.4."""
    right = LARGEST / STEPS
    expect_close(
        scale,
        right,
        "scale",
        mistakes={
            "that is the scale the small channel would like; it is set by the largest one.": SMALL / STEPS,
            "those are steps per unit: the scale is what one step stands for, the other way round.": STEPS / LARGEST,
            "that is 20 / 127: after a ReLU no values are negative, and all 255 steps lie above 0.": LARGEST / 127,
        },
        hint="A step is the whole range divided by 255.",
    )
    expect_close(
        steps,
        SMALL / right,
        "steps",
        absolute=0.15,
        mistakes={
            "that would be all of them; its scale is the largest channel's.": float(STEPS),
            "divide 0.4 by the scale, do not multiply.": SMALL * right,
        },
        hint="How many times does the scale fit into 0.4?",
    )
    return "five steps for all that this channel has to say: it is stored with less than 3 bits."


@exercise("04.2")
def judge_pass(used: object, gradient_inside: object, gradient_outside: object) -> str:
    """3.3 and 70 through a scale of 0.5."""
    expect_close(
        used,
        float(fake_quantise(INSIDE, SCALE)),
        "used",
        relative=1e-6,
        mistakes={
            "that is the stored integer; the network computes with scale × integer.": round(INSIDE / SCALE),
            "that is the real value, which int8 cannot hold.": INSIDE,
            "that is rounded down; the nearest step is wanted.": 3.0,
            "that is 3.3 / 0.5, which has still to be rounded, and multiplied by the scale again.": INSIDE / SCALE,
        },
        hint="Which multiple of 0.5 is nearest to 3.3?",
    )
    if number_in(gradient_inside, "gradient_inside") == 0:
        raise NotYet(
            "gradient_inside is 0: that is the staircase's own gradient, with which nothing is learnt. What is taken in its place?"
        )
    value = "that is the value; what is asked for is the factor the gradient gets."
    straight = "As if there were no rounding: what is the slope of that line?"
    expect_close(
        gradient_inside, float(straight_through(INSIDE, SCALE)), "gradient_inside", relative=1e-6,
        mistakes={value: INSIDE}, hint=straight,
    )  # fmt: skip
    if number_in(gradient_outside, "gradient_outside") == 1:
        raise NotYet(
            "gradient_outside is 1, but 70 lies beyond 63.5, where int8 ends: the value is cut there, and moving it changes nothing."
        )
    expect_close(
        gradient_outside, float(straight_through(OUTSIDE, SCALE)), "gradient_outside", relative=1e-6,
        mistakes={value: OUTSIDE}, hint="70 is cut to 63.5: what changes there when 70 becomes 71?",
    )  # fmt: skip
    return "rounded forward, passed straight through backward, and cut off at the end of the range."


@exercise("04.3")
def judge_choice(choice: object, records: object) -> str:
    """The quickest recipe within the budget, by the records the reader made."""
    said = text_in(choice, "choice", CHOICES)
    if not isinstance(records, Sequence) or not all(isinstance(record, Record) for record in records):
        raise NotYet("the second answer is not the study's records: run the study above, and leave the check as it is.")
    by_name = {record.recipe: record for record in records}
    if missing := [name for name in CHOICES if name not in by_name]:
        raise NotYet(f"the records lack {missing[0]}: run the cell of the study above again.")
    chosen = by_name[said]
    change = 0.0 if chosen.accuracy_delta is None else chosen.accuracy_delta.points
    if said == "ptq_int8":
        raise NotYet(f"ptq_int8 changes accuracy by {change:+.1f} points here, and 1 point may be lost.")
    seconds = float(chosen.settings.get("making_seconds", 0.0))
    if said == "qat_int8":
        raise NotYet(
            f"qat_int8 comes back, too ({change:+.1f} points), but it was trained for {seconds:.0f} s. One of the others is not trained."
        )
    return f"{change:+.1f} points against float on n = {chosen.score.n} test images, and {seconds:.1f} s to make it, without any training."
