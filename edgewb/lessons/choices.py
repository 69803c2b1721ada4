"""What a budget does to a choice, and what choosing does to the figures of what was chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgewb.errors import InputError
from edgewb.lessons.selections import expected_best
from edgewb.recommendations import recommend
from edgewb.types import Jsonable, Record


@dataclass(frozen=True, kw_only=True)
class Choice(Jsonable):
    """For budgets from ``low_points`` up to, but not at, ``high_points``: what is recommended, None for nothing."""

    low_points: float
    high_points: float
    recipe: str | None


@dataclass(frozen=True, kw_only=True)
class BestOfMany(Jsonable):
    """The best of several variants that are all equally good.

    Attributes:
        variants: how many there were to choose from; ``n`` examples each was judged on.
        true_percent: accuracy of every one of them.
        excess_points: by how much the best one looks better than it is: the expected value, then the 10th and 90th percentile.
    """

    variants: int
    n: int
    true_percent: float
    excess_points: float
    low_points: float
    high_points: float


def choices_by_budget(records: Sequence[Record], highest_points: float = 5.0, step_points: float = 0.1) -> tuple[Choice, ...]:
    """What ``edgewb.run`` would recommend for every budget from 0 to ``highest_points``.

    Raises:
        InputError: a step that is not positive, or larger than the highest budget.
    """
    if not 0 < step_points <= highest_points:
        raise InputError(f"a step of {step_points} points up to {highest_points} makes no sense: give a step above 0, such as 0.1")
    found: list[Choice] = []
    budgets = [i * step_points for i in range(round(highest_points / step_points) + 1)]
    for budget in budgets:
        recipe = recommend(records, round(budget, 9)).recipe
        if found and found[-1].recipe == recipe:
            found[-1] = Choice(low_points=found[-1].low_points, high_points=budget, recipe=recipe)
        else:
            if found:
                found[-1] = Choice(low_points=found[-1].low_points, high_points=budget, recipe=found[-1].recipe)
            found.append(Choice(low_points=budget, high_points=budget, recipe=recipe))
    return tuple(found)


def best_of_many(variants: int, n: int, true_percent: float = 98.0) -> BestOfMany:
    """Equally good variants are judged on ``n`` examples each, the best is taken: by how much does its figure flatter it?

    Computed, not drawn: the best of independent binomial counts has the distribution function F(k)^variants. Real variants err on much
    the same images, which makes the excess smaller.

    Args:
        variants: 1 or more. n: examples, 1 or more.
        true_percent: accuracy of all of them.

    Raises:
        InputError: an argument out of range.
    """
    from scipy.stats import binom

    for name, value in (("variants", variants), ("n", n)):
        if value < 1:
            raise InputError(f"{name} = {value}: give 1 or more")
    if not 0 <= true_percent <= 100:
        raise InputError(f"true_percent = {true_percent}: an accuracy lies between 0 and 100 %")
    share = true_percent / 100
    low, high = (100 * float(binom.ppf(level ** (1 / variants), n, share)) / n - true_percent for level in (0.1, 0.9))
    return BestOfMany(
        variants=variants,
        n=n,
        true_percent=true_percent,
        excess_points=100 * expected_best(share, n, variants) - true_percent,
        low_points=low,
        high_points=high,
    )
