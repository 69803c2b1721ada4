"""Which variant to take for an accuracy budget, and why, in words that carry the figures they rest on."""

from __future__ import annotations

import math
from collections.abc import Sequence

from edgewb.errors import InputError
from edgewb.records.columns import points
from edgewb.types import Latency, Recommendation, Record

SAME_SPEED = 1.15
"""Medians within this ratio count as equally fast: repeated samples of one file on a busy laptop differ by about as much."""


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


def recommend(records: Sequence[Record], budget_points: float) -> Recommendation:
    """Choose among the variants that lose at most ``budget_points`` on the same examples as float.

    In this order: most ops on the Edge TPU (predicted), then fastest here (medians within ``SAME_SPEED`` count as equal), then those
    whose interval rules out a loss beyond the budget, then smallest compressed, then most accurate.
    """
    check_budget(budget_points)
    compared = [r for r in records if r.accuracy_delta is not None]
    within = [r for r in compared if _points(r) >= -budget_points - 1e-9]
    head = f"At most {budget_points:.1f} point{'' if budget_points == 1 else 's'} lost"
    if not compared:
        return Recommendation(recipe=None, why=f"{head}: there is no variant beside float32 to choose from", budget_points=budget_points)
    if not within:
        nearest = max(compared, key=_points)
        why = f"{head}: no variant stays within it; {nearest.recipe} comes nearest, {_loss_text(nearest)}"
        return Recommendation(recipe=None, why=why, budget_points=budget_points)
    share = max(_edgetpu_share(r) for r in within)
    mapped = [r for r in within if _edgetpu_share(r) == share]
    fastest = min((t for r in mapped if (t := _median(r)) is not None), default=None)
    fast = [r for r in mapped if fastest is None or (t := _median(r)) is None or t <= fastest * SAME_SPEED]
    sure = [r for r in fast if _rules_out(r, budget_points)]
    best = min(sure or fast, key=lambda r: (r.compressed_bytes, -r.accuracy.value, r.recipe))
    return Recommendation(
        recipe=best.recipe,
        why=f"{head}: take {best.recipe}, because {_reasons(best, fast, sure, budget_points)}",
        budget_points=budget_points,
    )


def _points(record: Record) -> float:
    assert record.accuracy_delta is not None
    return record.accuracy_delta.points


def _rules_out(record: Record, budget: float) -> bool:
    """Whether the 95 % interval leaves no room for a loss beyond the budget."""
    assert record.accuracy_delta is not None
    return record.accuracy_delta.ci95[0] >= -budget - 1e-9


def _edgetpu_share(record: Record) -> float:
    return record.placement.ops_edgetpu / record.placement.ops_total if record.placement.ops_total else 0.0


def _latency(record: Record) -> Latency | None:
    return record.latency[0] if record.latency else None


def _median(record: Record) -> float | None:
    latency = _latency(record)
    return latency.latency_ms.p50 if latency else None


def _loss_text(record: Record) -> str:
    delta = record.accuracy_delta
    assert delta is not None
    low, high = delta.ci95
    change = "loses nothing"
    if delta.points:
        change = f"{'gains' if delta.points > 0 else 'loses'} {abs(delta.points):.1f} points"
    return f"it {change} against {delta.against} (95 % interval {points(low)} to {points(high)}, n = {delta.n}, measured)"


def _reasons(best: Record, fast: Sequence[Record], sure: Sequence[Record], budget: float) -> str:
    parts = [_loss_text(best)]
    placed = best.placement
    if placed.ops_edgetpu:
        parts.append(f"{placed.ops_edgetpu} of its {placed.ops_total} ops would run on the Edge TPU ({placed.basis})")
    else:
        parts.append("no variant within the budget would run on the Edge TPU (predicted)")
    latency = _latency(best)
    if latency is not None:
        same = (
            f", as fast as the others left ({len(fast)} within {100 * (SAME_SPEED - 1):.0f} %)" if len(fast) > 1 else ", the fastest left"
        )
        parts.append(f"it takes {latency.latency_ms.p50:.3g} ms on {latency.target} (p50, n = {latency.n}, {latency.basis}){same}")
    those = f"the {len(sure)} of them whose interval rules out a loss beyond the budget" if 1 < len(sure) < len(fast) else "them"
    if len(sure) == 1 and len(fast) > 1:
        parts.append("and it is the only one of them whose interval rules out a loss beyond the budget")
    elif len(fast) > 1:
        parts.append(f"and its {best.compressed_bytes / 1000:.1f} kB compressed are the fewest of {those}")
    text = "; ".join(parts)
    delta = best.accuracy_delta
    assert delta is not None
    if not _rules_out(best, budget):
        text += f". These {delta.n} examples cannot rule out a loss beyond the budget: the interval reaches {points(delta.ci95[0])} points"
    return text
