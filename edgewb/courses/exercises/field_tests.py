"""Notebook 11, from lab to field: what a shift costs, whether int8 is to blame, what of the checklist is open and what closes it."""

from __future__ import annotations

from functools import cache
from numbers import Real

from edgewb.bundles import BundledStudy, bundled_model, bundled_studies
from edgewb.courses.checks import NotYet, exercise, text_in, whole_number_in
from edgewb.lessons.checklists import Checklist, fill_checklist
from edgewb.lessons.field_data import SHIFTS, shares_right
from edgewb.robustness import NO_SHIFT, compare_under_shifts

MODEL = "digits_cnn_int8"
REASONS = ("nothing ran on an Edge TPU", "the accuracy is too low", "there are too few calibration inputs")
CLOSES = {
    1: ("budget_points", "study"), 2: ("accept",), 3: ("study",), 4: ("study",), 5: ("study",), 6: ("measured",), 7: ("measured",),
    8: ("measured", "accept"),
}  # fmt: skip
"""What of ``fill_checklist`` closes a point."""
WAYS = ("budget_points", "accept", "study", "measured", "nothing")


def _study() -> BundledStudy:
    return next(study for study in bundled_studies() if study.name == "digits")


@cache
def _shares() -> dict[str, float]:
    return shares_right(bundled_model(MODEL).path, SHIFTS)


@cache
def _paired_interval() -> tuple[float, float]:
    """Of int8 less float32, in points, under the shift that costs int8 most."""
    shares = _shares()
    files = {record.recipe: record.file for record in _study().records if record.recipe in ("float32", "ptq_int8")}
    rows = compare_under_shifts(files, shifts=min(shares, key=lambda name: shares[name]))
    return next(row.delta.ci95 for row in rows if row.delta is not None and row.shift != NO_SHIFT)


@exercise("11.1")
def judge_hardest(hardest: object) -> str:
    """Which shift costs the int8 net most."""
    given = text_in(hardest, "hardest", SHIFTS)
    shares = _shares()
    right = min(shares, key=lambda name: shares[name])
    if given != right:
        sentence = "that one costs least." if given == max(shares, key=lambda name: shares[name]) else "another one leaves fewer right."
        raise NotYet(f"hardest is {given!r}: {sentence} Look for the mark furthest to the left.")
    return f"{right} leaves {100 * shares[right]:.0f} of 100 right. No test on upright images would have shown it."


@exercise("11.2")
def judge_blame(int8_is: object) -> str:
    """Whether int8 lost more than float under that shift: the paired interval decides."""
    given = text_in(int8_is, "int8_is", ("worse", "better", "cannot be told"))
    low, high = _paired_interval()
    right = "worse" if high < 0 else "better" if low > 0 else "cannot be told"
    if given != right:
        raise NotYet(
            f"int8_is is {given!r}: look at the last column, the paired difference and its interval. What does an interval say that "
            "holds zero?"
        )
    return "the interval holds zero. What the shift costs, it costs both: look for the remedy in the data, not in the quantisation."


@exercise("11.3")
def judge_open_points(open_points: object, reason: object) -> str:
    """Which of the eight points are open for this study, and why."""
    if isinstance(open_points, str | bytes) or not hasattr(open_points, "__iter__"):
        raise NotYet(f"open_points is {open_points!r}; their numbers are asked for, such as [1, 2].")
    given = list(open_points)
    if not all(not isinstance(number, bool) and isinstance(number, Real) and number in range(1, 9) for number in given):
        raise NotYet(
            f"open_points is {given!r}; numbers from 1 to 8 are asked for, such as [1, 2]. What stands beyond the list does not count here."
        )
    right = set(fill_checklist(bundled_model(MODEL).path, _study()).open_points)
    if missing := sorted(right - set(given)):
        raise NotYet(f"{len(missing)} more of the eight {'is' if len(missing) == 1 else 'are'} open. An estimate is no measurement.")
    if extra := sorted(set(given) - right):
        raise NotYet(f"point {extra[0]} is not open: read what stands beside it.")
    if text_in(reason, "reason", REASONS) != REASONS[0]:
        raise NotYet("reason: the open points have one thing in common. What would you need to close them?")
    return "time, power and temperature need the device itself. Whoever has one can close them with three commands."


@exercise("11.4")
def judge_next_step(mine: object, first_open: object, closed_by: object) -> str:
    """The first open point of the reader's own list, and what closes it."""
    if not isinstance(mine, Checklist):
        raise NotYet(f"the first answer is a {type(mine).__name__}; what fill_checklist(MODEL, ...) gives is asked for.")
    way = text_in(closed_by, "closed_by", WAYS)
    if not mine.open_points:
        if first_open is not None or way != "nothing":
            raise NotYet("none of the eight points of your list is open: the answers are None and 'nothing'.")
        return "none is open. Hand the file over, with the three points beyond the list."
    right = mine.open_points[0]
    if first_open is None:
        raise NotYet(f"{len(mine.open_points)} of the eight are open: look for the word in the third column.")
    number = whole_number_in(first_open, "first_open")
    if number != right:
        known = {point.number: point.state for point in mine.points}
        why = "it is open, but not the first" if number in mine.open_points else f"that one is {known.get(number, 'not among the eight')}"
        raise NotYet(f"first_open is {number}: {why}.")
    if way not in CLOSES[right]:
        raise NotYet(f"closed_by is {way!r}: that does not close point {right}. The table above has a row for it.")
    return f"point {right} is closed by {way!r}. Then {len(mine.open_points) - 1} of the eight stay open."
