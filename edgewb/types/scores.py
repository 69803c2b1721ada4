"""How good a model's answers are: in one figure, beside its reference, class by class."""

from __future__ import annotations

import dataclasses

from edgewb.types.bases import Basis, Jsonable


@dataclasses.dataclass(frozen=True, kw_only=True)
class Accuracy(Jsonable):
    """Share of right answers, 0..1, over ``n`` examples, with a 95 % Wilson interval."""

    value: float
    n: int
    ci95: tuple[float, float]
    correct: int
    target: str
    basis: Basis = Basis.MEASURED


@dataclasses.dataclass(frozen=True, kw_only=True)
class AccuracyDelta(Jsonable):
    """Paired difference on the same examples, in points (percent of them): variant less reference, below 0 where it is worse.

    ``gained`` and ``lost`` count the examples only the variant, or only the reference, got right (McNemar's discordant pairs).
    """

    points: float
    ci95: tuple[float, float]
    p_value: float
    against: str
    n: int
    gained: int
    lost: int
    basis: Basis = Basis.MEASURED


@dataclasses.dataclass(frozen=True, kw_only=True)
class RegressionErrors(Jsonable):
    """How far a regression's outputs lie from the truth over ``n`` examples, each with a 95 % interval (see ``residuals``).

    ``mae`` and ``rmse`` (mean absolute and root mean squared error) are in the unit of y as the data give it, and so is ``truth_stdev``,
    the standard deviation of these examples' y; ``r2`` = 1 - (rmse / truth_stdev)^2. ``resamples``: of the bootstrap.
    """

    mae: float
    mae_ci95: tuple[float, float]
    rmse: float
    rmse_ci95: tuple[float, float]
    r2: float
    r2_ci95: tuple[float, float]
    n: int
    truth_stdev: float
    resamples: int
    target: str
    basis: Basis = Basis.MEASURED

    @property
    def value(self) -> float:
        """R2: what takes the place of the accuracy where either can stand."""
        return self.r2

    @property
    def ci95(self) -> tuple[float, float]:
        return self.r2_ci95


@dataclasses.dataclass(frozen=True, kw_only=True)
class ErrorDelta(Jsonable):
    """Paired difference of two regressions on the same examples, in points of R2 (100 * (variant - float); a loss is negative).

    ``ci90``: its ends are one-sided 95 % limits. ``mae_change`` (a loss is positive) is in the unit of y. ``p_value`` is of absolute
    errors, by the test that ``test`` names.
    """

    points: float
    ci95: tuple[float, float]
    ci90: tuple[float, float]
    mae_change: float
    mae_change_ci95: tuple[float, float]
    p_value: float
    test: str
    against: str
    n: int
    resamples: int
    basis: Basis = Basis.MEASURED


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClassAccuracy(Jsonable):
    """One class of a data set: how many test examples it has, how many were answered right, and the 95 % Wilson interval of the share.

    A class without test examples has no interval and is not listed.
    """

    name: str
    n: int
    correct: int
    ci95: tuple[float, float]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Confused(Jsonable):
    """``n`` test examples of class ``truth`` were answered ``answer``. Both are positions in ``Answers.class_names``."""

    truth: int
    answer: int
    n: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Flip(Jsonable):
    """A test example to which a variant gives another answer than its reference: classes by position, scores as the files give them.

    ``index`` is the example's position in the test split, from 0.
    """

    index: int
    truth: int
    reference: int
    variant: int
    reference_score: float
    variant_score: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class Flips(Jsonable):
    """The examples that flipped, ``lost`` ones first, then ``gained``, then those wrong in both: at most ``answers.MAX_FLIPS`` are listed.

    Attributes:
        lost, gained: right only by the reference, only by the variant; ``otherwise_wrong``: wrong by both, in different ways.
    """

    against: str
    lost: int
    gained: int
    otherwise_wrong: int
    listed: tuple[Flip, ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Answers(Jsonable):
    """How the answers to the test examples spread over the classes.

    Attributes:
        top5: the share whose class is among the five highest scores, ties counted against it; None with five classes or fewer.
        classes: per class, in the order of the data set; a class without test examples is absent.
        confusion: the mistakes alone, by truth, then answer; None where there are more kinds than ``answers.MAX_CONFUSED``.
        flips: against float; None where there was nothing to compare with.
    """

    class_names: tuple[str, ...]
    n: int
    top5: Accuracy | None
    classes: tuple[ClassAccuracy, ...]
    confusion: tuple[Confused, ...] | None
    flips: Flips | None
    basis: Basis = Basis.MEASURED
