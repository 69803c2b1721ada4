"""What follows from records: whether a loss is below the budget, which variant to take."""

from __future__ import annotations

import dataclasses

from edgewb.types.bases import Basis, Jsonable


@dataclasses.dataclass(frozen=True, kw_only=True)
class LossVerdict(Jsonable):
    """What the test examples say, each side with 95 % confidence, on whether a variant loses less than a budget (see ``verdicts``).

    Attributes:
        outcome: "below" the budget, "above" it, or "open": too few examples to say.
        loss_low_points, loss_high_points: one-sided 95 % limits of the loss in points, each by itself; a loss is positive here.
        p_value: of a loss of the budget or more; ``holm_p_value`` the same, corrected for all variants judged on the same examples.
        n_needed: examples for an answer with 80 % power, were gains and losses as frequent as here; None unless open, or none helps.
        measure: what the points are of, "accuracy" or "R2".
    """

    recipe: str
    outcome: str
    budget_points: float
    loss_low_points: float
    loss_high_points: float
    p_value: float
    holm_p_value: float
    against: str
    n: int
    n_needed: int | None
    basis: Basis
    measure: str = "accuracy"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recommendation(Jsonable):
    """The variant to take for an accuracy budget; ``recipe`` is None when none stays within it.

    ``verdicts`` are of the test examples, one for each variant that was compared with float; they have no part in the choice.
    """

    recipe: str | None
    why: str
    budget_points: float
    verdicts: tuple[LossVerdict, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Skipped(Jsonable):
    """A recipe that was not run, and why."""

    recipe: str
    reason: str
