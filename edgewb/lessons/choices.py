"""What a budget does to a choice, and what becomes of the figures one chose by on other examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgewb.errors import InputError
from edgewb.recommendations import recommend
from edgewb.types import Jsonable, Record


@dataclass(frozen=True, kw_only=True)
class Choice(Jsonable):
    """For budgets from ``low_points`` up to, but not at, ``high_points``: what is recommended, None for nothing."""

    low_points: float
    high_points: float
    recipe: str | None


@dataclass(frozen=True, kw_only=True)
class SecondLook(Jsonable):
    """One variant's change against its reference, in points: on the examples one chooses by, and on those nothing was chosen by.

    Attributes:
        chosen_points: on ``chosen_n`` validation examples; test_points: on ``test_n`` test examples.
        low_points, high_points: the 95 % interval of ``test_points``.
    """

    recipe: str
    chosen_points: float
    chosen_n: int
    test_points: float
    test_n: int
    low_points: float
    high_points: float

    @property
    def fall_points(self) -> float:
        """By how much the test figure lies below the one of the choice; less than 0: above it."""
        return self.chosen_points - self.test_points


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


def look_twice(records: Sequence[Record]) -> tuple[SecondLook, ...]:
    """Each variant of a study that has both figures, the one that looked best when choosing first."""
    found = [
        SecondLook(
            recipe=record.recipe,
            chosen_points=record.validation_delta.points,
            chosen_n=record.validation_delta.n,
            test_points=record.accuracy_delta.points,
            test_n=record.accuracy_delta.n,
            low_points=record.accuracy_delta.ci95[0],
            high_points=record.accuracy_delta.ci95[1],
        )
        for record in records
        if record.validation_delta is not None and record.accuracy_delta is not None
    ]
    return tuple(sorted(found, key=lambda one: -one.chosen_points))
