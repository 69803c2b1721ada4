"""Points of the checklist that model, study and the person's word can answer, each with its figures or what is to be done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from edgewb.compilers.inspections import Inspection
from edgewb.errors import EdgewbError
from edgewb.robustness import NO_SHIFT, ShiftedAccuracy
from edgewb.types import Basis, Jsonable, Record
from edgewb.verdicts import budget_text, judge_loss, verdict_text

ANSWERED, OPEN, NOT_NEEDED = "answered", "open", "not needed"
STATES: Final = (ANSWERED, OPEN, NOT_NEEDED)
FORMATS_POINT, TEMPERATURE_POINT = 2, 8
ACCEPTABLE: Final = {FORMATS_POINT: "the rest may run on the CPU", TEMPERATURE_POINT: "the field has no extremes of temperature"}
"""Points that a person's word can settle, and what is said by it; the others want a figure."""

_ENOUGH_INPUTS: Final = 100  # the guide's lower end; TensorFlow's documentation says around 100 to 500
_NO_STUDY: Final = (
    "give the study the model comes from: fill_checklist(model, study=edgewb.run(...)); `edgewb checklist` finds what `edgewb run` recorded"
)


@dataclass(frozen=True, kw_only=True)
class Point(Jsonable):
    """One point. ``answer`` says what is known, with figures, basis and n; ``to_do`` is "" unless the point is open."""

    number: int
    asks: str
    state: str
    answer: str
    to_do: str = ""


def point(number: int, asks: str, answer: str, to_do: str = "", state: str | None = None) -> Point:
    """A point that is open where something is left to do, and answered otherwise; ``state`` for another."""
    return Point(number=number, asks=asks, state=state or (OPEN if to_do else ANSWERED), answer=answer, to_do=to_do)


def accuracy_wanted(budget: float | None) -> Point:
    """1: the budget, in points of accuracy."""
    asks = "The least accuracy is set, before anything is quantised"
    if budget is None:
        return point(
            1, asks, "No budget is known.", "say how many points may be lost: fill_checklist(..., budget_points=1.0), or --budget 1.0"
        )
    return point(1, asks, f"At most {budget_text(budget)} may be lost against float32. Whether that was set beforehand, only you know.")


def formats(seen: Inspection, accepted: bool, field: str = "edgetpu") -> Point:
    """2: what would run, or does run, on the Edge TPU.

    Args:
        accepted: the person lets the rest run on the CPU.
        field: the target in the field; a file of which nothing runs on an Edge TPU is accepted for another one only.
    """
    asks = "The hardware takes the model's number formats"
    if seen.basis is Basis.SIMULATED:
        return point(FORMATS_POINT, asks, "It is from edgewb's stand-in compiler (simulated).", "compile it with Google's edgetpu_compiler")
    if seen.kind == "compiled":
        left = len(seen.ops) - seen.subgraphs
        said = f"It is compiled, with {left} op(s) left on the CPU ({seen.basis}, n = 1 file)."
        if not seen.subgraphs:
            return point(FORMATS_POINT, asks, f"{said} None runs on the Edge TPU.", "edgewb inspect on its source says why")
        to_do = "edgewb inspect on its source says why"
    else:
        left = (seen.ops_total or 0) - (seen.ops_edgetpu or 0)
        said = f"{seen.ops_edgetpu} of {seen.ops_total} ops would go to the Edge TPU ({seen.basis}, compiler {seen.compiler}, n = 1 file)."
        to_do = "mend the first blocker (edgewb fix, edgewb inspect)"
        if seen.first_blocker is not None:
            blocker = seen.first_blocker
            said += f" First blocker: op {blocker.index} {blocker.op}, {blocker.detail}."
    if not left:
        return point(FORMATS_POINT, asks, said)
    if seen.kind != "compiled" and not seen.ops_edgetpu and field == "edgetpu":
        return point(FORMATS_POINT, asks, f"{said} None would run on the Edge TPU.", to_do)
    if accepted:
        return point(FORMATS_POINT, asks, f"{said} You said: {ACCEPTABLE[FORMATS_POINT]}.")
    return point(FORMATS_POINT, asks, said, f"{to_do}; or say that {ACCEPTABLE[FORMATS_POINT]}: accept=[{FORMATS_POINT}]")


def calibration(own: Record | None) -> Point:
    """3: how many inputs the recipe of its record was given."""
    asks = f"Representative inputs were collected for calibration ({_ENOUGH_INPUTS} at least)"
    if own is None:
        return point(3, asks, "Not known for this file.", _NO_STUDY)
    size = _calibration_inputs(own)
    if size is None:
        return point(3, asks, f"The record names the data set {own.dataset!r}, not how many inputs.", "count the calibration split")
    said = f"{size} inputs, the calibration split of {own.dataset!r} (measured, n = {size})."
    return point(3, asks, said, "" if size >= _ENOUGH_INPUTS else "collect more, of all kinds the field will show")


def _calibration_inputs(own: Record) -> int | None:
    """How many the recipe was given; None where its data are not at hand, or others by now."""
    from edgewb.datasets import load_dataset
    from edgewb.optimizers.recipes import decode_recipe

    try:
        data = load_dataset(own.dataset, seed=own.seed)
        chosen = decode_recipe(own.recipe).choices
    except EdgewbError:
        return None
    if data.fingerprint != own.dataset_fingerprint:
        return None
    return min(chosen.calibration or len(data.calibration), len(data.calibration))


def _compared(records: Sequence[Record], *beginnings: str) -> Record | None:
    return next((r for r in records if r.recipe.startswith(beginnings) and r.delta is not None), None)


def _change(record: Record) -> str:
    delta = record.delta
    assert delta is not None  # only such records are asked
    low, high = delta.ci95
    return f"{record.recipe}: {delta.points:+.1f} points, 95 % interval {low:+.1f} to {high:+.1f} ({delta.basis}, n = {delta.n})"


def after_ptq(records: Sequence[Record], budget: float | None) -> Point:
    """4: what post-training quantisation cost."""
    asks = "Post-training quantisation was tried first, and its loss measured"
    ptq = _compared(records, "ptq_int8")
    if ptq is None or ptq.delta is None:
        return point(4, asks, "No record of it.", _NO_STUDY)
    verdict = "" if budget is None else f" Verdict: {verdict_text(judge_loss(ptq.recipe, ptq.delta, budget))}."
    return point(4, asks, f"{_change(ptq)}.{verdict}")


def if_not_enough(records: Sequence[Record], budget: float | None) -> Point:
    """5: what was tried where that is above the budget."""
    asks = "Where that is not enough: quantisation-aware training or distillation"
    ptq = _compared(records, "ptq_int8")
    if ptq is None or ptq.delta is None or budget is None:
        return point(5, asks, "Cannot be said without the loss and a budget.", "answer points 1 and 4")
    verdict = judge_loss(ptq.recipe, ptq.delta, budget)
    if verdict.outcome == "below":
        return point(5, asks, f"{verdict_text(verdict)[:1].upper()}{verdict_text(verdict)[1:]}.", state=NOT_NEEDED)
    other = _compared(records, "qat_int8", "equalize", "distill")
    tried = f" Tried: {_change(other)}." if other else ""
    if verdict.outcome == "open":
        return point(5, asks, f"Not decided: {verdict_text(verdict)}.{tried}", "measure on more test examples, then decide")
    if other is not None and other.delta is not None and judge_loss(other.recipe, other.delta, budget).outcome == "below":
        return point(5, asks, f"The loss is above the budget.{tried} {verdict_text(judge_loss(other.recipe, other.delta, budget))}.")
    return point(5, asks, f"The loss is above the budget.{tried}", "run qat_int8, equalize_ptq_int8 or a distilled student")


def field_data(shifts: Sequence[ShiftedAccuracy]) -> Point:
    """9: the worst of the made shifts."""
    asks = "What it gets right when the data differ from the laboratory's"
    shifted = [row for row in shifts if row.shift != NO_SHIFT]
    if not shifted:
        return point(9, asks, "Not looked at.", "edgewb.compare_under_shifts, or better: labelled examples from the field")
    worst = min(shifted, key=lambda row: row.score.value)
    value, low, high = worst.shown
    made = f"Worst of {len({row.shift for row in shifted})} made shifts: {worst.shift}, {value} [{low}, {high}]"
    said = f"{made} ({worst.score.basis}, n = {worst.score.n})."
    return point(9, asks, f"{said} Shifts made by arithmetic are no field.", "collect labelled examples from the field")


def updates(seen: Inspection) -> Point:
    """11: what nothing measures."""
    asks = "How the devices get a new model"
    todo = "who sends it, who sees that it arrived, which version answers a given frame, how to go back, and who compiles it again"
    return point(11, asks, f"Nothing measures this. This file is known by its sha256 {seen.sha256[:16]}…", todo)
