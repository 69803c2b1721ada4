"""Does a variant lose less than the budget? What the test examples say with 95 % confidence, or how many would be needed to say."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

from edgewb.intervals import MAX_PAIRS, Z95_ONE_SIDED, holm, loss_score, pairs_needed, tango_interval
from edgewb.records.formats import points, span
from edgewb.types import AccuracyDelta, ErrorDelta, LossVerdict, Record

LEVEL = 0.05
POWER = 0.8
R2 = "R2"
"""What the points of a regression are of."""


def judge_losses(records: Sequence[Record], budget_points: float) -> tuple[LossVerdict, ...]:
    """A verdict for every record that was compared with a reference on the test examples, in order, with p corrected for their number."""
    compared = [(r.recipe, r.delta) for r in records if r.delta is not None]
    verdicts = [judge_loss(recipe, delta, budget_points) for recipe, delta in compared]
    corrected = holm([v.p_value for v in verdicts])
    return tuple(dataclasses.replace(v, holm_p_value=p) for v, p in zip(verdicts, corrected, strict=True))


def judge_loss(recipe: str, delta: AccuracyDelta | ErrorDelta, budget_points: float) -> LossVerdict:
    """Whether a loss is below the budget: of accuracy by Tango's score test, of R2 by its bootstrap limits; one-sided at 5 % either way."""
    if isinstance(delta, ErrorDelta):
        return _judge_r2(recipe, delta, budget_points)
    return _judge_accuracy(recipe, delta, budget_points)


def _judge_r2(recipe: str, delta: ErrorDelta, budget_points: float) -> LossVerdict:
    """The one-sided limits of the bootstrap against the budget.

    Between the limits and beyond them p goes along a normal curve on either side of the loss, as wide there as the limit is far: so p is
    below 5 % exactly where the limit is below the budget. The number needed is that of a normal mean, its error as here.
    """
    from scipy.special import ndtr, ndtri

    loss, low, high = -delta.points, -delta.ci90[1], -delta.ci90[0]
    outcome = "below" if high < budget_points else "above" if low > budget_points else "open"
    distance = budget_points - loss
    # A skew distribution may hold the loss itself outside its limits; the error is then what is left, or none.
    error = max(0.0, high - loss if distance > 0 else loss - low) / Z95_ONE_SIDED
    p_value = float(ndtr(-distance / error)) if error else (0.5 if distance == 0 else float(distance < 0))
    needed = None
    if outcome == "open" and distance:
        pairs = delta.n * ((Z95_ONE_SIDED + float(ndtri(POWER))) * error / distance) ** 2
        needed = math.ceil(pairs) if pairs <= MAX_PAIRS else None
    return LossVerdict(
        recipe=recipe,
        outcome=outcome,
        budget_points=budget_points,
        loss_low_points=low,
        loss_high_points=high,
        p_value=p_value,
        holm_p_value=p_value,
        against=delta.against,
        n=delta.n,
        n_needed=needed,
        basis=delta.basis,
        measure=R2,
    )


def _judge_accuracy(recipe: str, delta: AccuracyDelta, budget_points: float) -> LossVerdict:
    """Tango's score test of the loss against the budget, one-sided at 5 % either way (see ``intervals.loss_score``).

    The number needed takes the shares of gained and lost examples for true as they are seen here, half an example added to each
    (A. Agresti and Y. Min, Statist. Med. 24 (2005) 729-740): that none was lost among 500 does not mean that none ever is.
    """
    margin = budget_points / 100
    gained, lost, n = delta.gained, delta.lost, delta.n
    score = loss_score(gained, lost, n, margin)
    low, high = tango_interval(lost, gained, n, Z95_ONE_SIDED)
    outcome = "below" if score >= Z95_ONE_SIDED else "above" if score <= -Z95_ONE_SIDED else "open"
    p_value = math.erfc(score / math.sqrt(2)) / 2  # the upper tail of the normal distribution
    return LossVerdict(
        recipe=recipe,
        outcome=outcome,
        budget_points=budget_points,
        loss_low_points=100 * low,
        loss_high_points=100 * high,
        p_value=p_value,
        holm_p_value=p_value,
        against=delta.against,
        n=n,
        n_needed=pairs_needed((gained + 0.5) / (n + 2), (lost + 0.5) / (n + 2), margin, POWER) if outcome == "open" else None,
        basis=delta.basis,
    )


def budget_text(budget_points: float, measure: str = "accuracy") -> str:
    """ "1.0 point", "0.25 points", "1.0 point of R2"."""
    shown = f"{budget_points:.1f}" if round(budget_points, 1) == budget_points else f"{budget_points:g}"
    return f"{shown} point{'' if budget_points == 1 else 's'}{of(measure)}"


def of(measure: str) -> str:
    """What comes behind "points": nothing for those of accuracy."""
    return f" of {measure}" if measure == R2 else ""


def about(count: int) -> str:
    """A number of examples that is needed, in two digits, rounded up: 1,234 is "1,300"."""
    unit = 10 ** max(0, math.floor(math.log10(count)) - 1)
    return f"{math.ceil(count / unit) * unit:,}"


def verdict_text(verdict: LossVerdict) -> str:
    """The verdict as part of a sentence, with the figures it rests on."""
    budget = budget_text(verdict.budget_points, verdict.measure)
    high, low = (_limit(limit, verdict.budget_points) for limit in (verdict.loss_high_points, verdict.loss_low_points))
    if verdict.outcome == "below":
        return f"with 95 % confidence the loss is below {budget} (one-sided upper limit {high} points, n = {verdict.n}, {verdict.basis})"
    if verdict.outcome == "above":
        return f"with 95 % confidence the loss is above {budget} (one-sided lower limit {low} points, n = {verdict.n}, {verdict.basis})"
    limits = f"95 % limits of the loss, each by itself, {low} and {high} points, {verdict.basis}"
    text = f"n = {verdict.n} is too small to say whether the loss is below {budget} ({limits}): "
    if verdict.n_needed is None:
        return text + "what is lost here is so near to that budget that no number of test examples is likely to tell"
    needed = about(max(verdict.n_needed, verdict.n + 1))
    like = "the errors are spread as" if verdict.measure == R2 else "as many are gained and lost as"
    return text + f"about {needed} test examples are needed (for an answer in 8 of 10 cases, if {like} here)"


def verdict_note(verdicts: Sequence[LossVerdict], chosen: str | None = None) -> str:
    """All verdicts in one line for below a table; "" where there is none."""
    if not verdicts:
        return ""
    budget = budget_text(verdicts[0].budget_points, verdicts[0].measure)
    parts = []
    for outcome, words in (("below", "below it"), ("above", "above it")):
        if names := [v.recipe for v in verdicts if v.outcome == outcome]:
            parts.append(f"{words}: {', '.join(names)}")
    if unsure := [v for v in verdicts if v.outcome == "open"]:
        named = [f"{v.recipe} (about {about(max(v.n_needed, v.n + 1))})" if v.n_needed else f"{v.recipe} (too near)" for v in unsure]
        parts.append(f"too few examples to say (and how many would do): {', '.join(named)}")
    n, basis = span(v.n for v in verdicts), verdicts[0].basis
    text = f"loss against {budget}, 95 % confidence each, n = {n} test examples, {basis}: {'; '.join(parts)}"
    if len(verdicts) > 1 and any(v.outcome == "below" for v in verdicts):
        together = [v.recipe for v in verdicts if v.outcome == "below" and v.holm_p_value <= LEVEL]
        text += f". {len(verdicts)} variants judged on the same examples: below it all together (Holm): {', '.join(together) or 'none'}"
        if chosen in [v.recipe for v in verdicts if v.outcome == "below"]:
            text += f"; {chosen} was chosen without these examples and needs no such correction"
    return text


def _limit(value: float, budget: float) -> str:
    """A limit of a loss, in points; what was gained is a negative loss. It is never written as the budget that it differs from."""
    for digits in (1, 2, 3):
        text = f"{value:.{digits}f}"
        if float(text) != budget:
            break
    return points(value).removeprefix("+") if digits == 1 else text
