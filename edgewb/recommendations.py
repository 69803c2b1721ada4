"""Which variant to take for an accuracy budget, and why, in words that carry the figures they rest on."""

from __future__ import annotations

import math
from collections.abc import Sequence

from edgewb.errors import InputError
from edgewb.records.formats import points
from edgewb.types import AccuracyDelta, Basis, ErrorDelta, Latency, Recommendation, Record, Task
from edgewb.verdicts import R2, budget_text, judge_loss, judge_losses, of, verdict_text

DEFAULT_BUDGET = 1.0
"""Points of accuracy that may be lost where nobody says otherwise."""
SAME_SPEED = 1.15
"""Within this ratio two variants count as equally fast: repeated samples of one file on a busy laptop differ by about as much."""


def check_budget(points: float) -> float:
    """A budget is a finite number of points, 0 or more.

    Raises:
        InputError: it is not.
    """
    if not math.isfinite(points) or not 0 <= points <= 100:
        raise InputError(
            f"a budget of {points} points makes no sense: give the accuracy you can lose, 0 to 100 points, such as --budget 1.0"
        )
    return points


def report_name(budget_points: float) -> str:
    """What the report for a budget is called: each budget has its own, as its recommendation is another."""
    return "report.html" if budget_points == DEFAULT_BUDGET else f"report-budget{budget_points:g}.html"


def recommend(records: Sequence[Record], budget_points: float) -> Recommendation:
    """Choose a variant on the validation examples, then let the test examples confirm or refute it.

    Among the variants that lose at most ``budget_points`` on the validation examples (paired with float), in this order: most ops on
    the Edge TPU (predicted), then fastest on the first target that was measured (against float32 in turns; within ``SAME_SPEED`` counts as
    equal; what was replayed or simulated has no part in it), then those whose interval rules out a loss beyond the budget, of these the
    smallest compressed; where the interval of none does, the one with the highest lower end. The test examples have no part in that: had
    they, the best of many would look better than it is. Where they show the chosen one to lose more than the budget, nothing is
    recommended, and no second choice is made on them.
    """
    check_budget(budget_points)
    compared = [r for r in records if r.delta is not None and r.validated is not None]
    within = [r for r in compared if _validated(r).points >= -budget_points - 1e-9]
    head = f"At most {budget_text(budget_points)} lost"
    if any(r.task is Task.REGRESSION for r in compared):
        head = f"At most {budget_text(budget_points, R2)} lost (R2 {budget_points / 100:g} lower)"
    verdicts = judge_losses(records, budget_points)

    def answer(recipe: str | None, why: str) -> Recommendation:
        if recipe is None and (remains := _remains(records)):
            why += f"; {remains}"
        return Recommendation(recipe=recipe, why=why, budget_points=budget_points, verdicts=verdicts)

    if not compared:
        return answer(None, f"{head}: there is no variant beside float32 to choose from")
    if not within:
        nearest = max(compared, key=lambda r: _validated(r).points)
        why = f"{head}: no variant stays within it on the validation examples; {nearest.recipe} comes nearest, "
        why += _loss_text(_validated(nearest))
        return answer(None, why)
    share = max(_edgetpu_share(r) for r in within)
    mapped = [r for r in within if _edgetpu_share(r) == share]
    target = _deciding_target(records)
    fastest = min((t for r in mapped if (t := _slowness(r, target)) is not None), default=None)
    fast = [r for r in mapped if fastest is None or (t := _slowness(r, target)) is None or t <= fastest * SAME_SPEED]
    sure = [r for r in fast if _validated(r).ci95[0] >= -budget_points - 1e-9]
    best = min(sure or fast, key=lambda r: (0.0 if sure else -round(_validated(r).ci95[0], 6), r.compressed_bytes, r.recipe))
    tested = best.delta
    assert tested is not None
    if tested.points < -budget_points - 1e-9:
        why = (
            f"{head}: nothing is recommended. {best.recipe} was chosen on the validation examples, where {_loss_text(_validated(best))}, "
            f"but on the test examples {_loss_text(tested)}; {_verdict(best, budget_points)}. To choose again on the test "
            "examples would be to fit them: allow a larger loss, or give more data"
        )
        return answer(None, why)
    return answer(best.recipe, f"{head}: take {best.recipe}, because {_reasons(best, fast, sure, budget_points, target)}")


def _remains(records: Sequence[Record]) -> str:
    """What is left where no variant is recommended: the reference, which loses nothing, and costs what it costs."""
    against = next((r.delta.against for r in records if r.delta is not None), None)
    reference = next((r for r in records if r.recipe == against), None)
    if reference is None:
        return ""
    placed = reference.placement
    where = f"{placed.ops_edgetpu} of its {placed.ops_total} ops would run on the Edge TPU ({placed.basis})"
    return f"{reference.recipe}, against which losses are counted, remains: it loses nothing; {where}"


def _validated(record: Record) -> AccuracyDelta | ErrorDelta:
    assert record.validated is not None
    return record.validated


def _verdict(record: Record, budget: float) -> str:
    assert record.delta is not None
    return verdict_text(judge_loss(record.recipe, record.delta, budget))


def _edgetpu_share(record: Record) -> float:
    return record.placement.ops_edgetpu / record.placement.ops_total if record.placement.ops_total else 0.0


def _deciding_target(records: Sequence[Record]) -> str | None:
    """Where fast counts: the first target that was measured. A replayed or simulated figure says nothing about which variant is faster
    here, and figures of different targets are not compared."""
    return next((sample.target for r in records for sample in r.latency if sample.basis is Basis.MEASURED), None)


def _latency(record: Record, target: str | None) -> Latency | None:
    return next((sample for sample in record.latency if sample.target == target and sample.basis is Basis.MEASURED), None)


def _slowness(record: Record, target: str | None) -> float | None:
    """Its median over that of float32 measured in turns with it; the median itself where nothing was measured beside it."""
    latency = _latency(record, target)
    if latency is None:
        return None
    return latency.latency_ms.p50 if latency.ratio is None else latency.ratio


def _loss_text(delta: AccuracyDelta | ErrorDelta) -> str:
    low, high = delta.ci95
    change = "loses nothing"
    if delta.points:
        what = of(R2) if isinstance(delta, ErrorDelta) else ""
        change = f"{'gains' if delta.points > 0 else 'loses'} {abs(delta.points):.1f} points{what}"
    return f"it {change} against {delta.against} (95 % interval {points(low)} to {points(high)}, n = {delta.n}, {delta.basis})"


def _reasons(best: Record, fast: Sequence[Record], sure: Sequence[Record], budget: float, target: str | None) -> str:
    tested = best.delta
    assert tested is not None
    parts = [f"on the validation examples, by which it is chosen, {_loss_text(_validated(best))}"]
    placed = best.placement
    if placed.ops_edgetpu:
        parts.append(f"{placed.ops_edgetpu} of its {placed.ops_total} ops would run on the Edge TPU ({placed.basis})")
    else:
        parts.append("no variant within the budget would run on the Edge TPU (predicted)")
    latency = _latency(best, target)
    if latency is not None:
        same = (
            f", as fast as the others left ({len(fast)} within {100 * (SAME_SPEED - 1):.0f} %)" if len(fast) > 1 else ", the fastest left"
        )
        if latency.ratio is not None:
            same = f", {latency.ratio:.2f} times float32 measured in turns{same}"
        parts.append(f"it takes {latency.latency_ms.p50:.3g} ms on {latency.target} (p50, n = {latency.n}, {latency.basis}){same}")
    if len(fast) > 1:
        parts.append(f"of these {_last_reason(best, fast, sure)}")
    shown = judge_loss(best.recipe, tested, budget).outcome == "below"
    said = f"{'confirm it' if shown else 'do not refute it'}: there {_loss_text(tested)}; {_verdict(best, budget)}"
    return "; ".join(parts) + f". The test examples, which had no part in the choice, {said}."


def _last_reason(best: Record, fast: Sequence[Record], sure: Sequence[Record]) -> str:
    size = f"its {best.compressed_bytes / 1000:.1f} kB compressed are the fewest"
    if not sure:
        return "its validation interval leaves the least room for a loss"
    if len(sure) == 1:
        return "it is the only one whose validation interval rules out a loss beyond the budget"
    return size if len(sure) == len(fast) else f"{size} among the {len(sure)} whose validation interval rules out a loss beyond the budget"
