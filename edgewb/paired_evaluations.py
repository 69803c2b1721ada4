"""Two files on the same test examples: what each is worth, and the paired change, which is sharper than two intervals side by side."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from edgewb.accuracies import Evaluation, evaluate_answers
from edgewb.answers import Predictions, count_answers
from edgewb.datasets import Dataset
from edgewb.errors import InputError
from edgewb.residuals import Scale
from edgewb.scores import by_task, compare
from edgewb.types import AccuracyDelta, ErrorDelta, Flips, Jsonable


@dataclasses.dataclass(frozen=True, kw_only=True)
class PairedEvaluation(Jsonable):
    """A file against another one. ``to_dict`` has the keys of ``evaluation``, and ``against`` and what follows beside them.

    Attributes:
        evaluation, against: of the file, and of the one it is compared with.
        accuracy_delta, error_delta: the paired change from ``against`` to the file, in points of accuracy or, of a regression, of R2;
            the other one is None. A loss is negative.
        flips: the examples answered otherwise; None of a regression.
    """

    evaluation: Evaluation
    against: Evaluation
    accuracy_delta: AccuracyDelta | None
    error_delta: ErrorDelta | None
    flips: Flips | None

    @property
    def delta(self) -> AccuracyDelta | ErrorDelta:
        """Whichever there is."""
        delta = self.accuracy_delta or self.error_delta
        assert delta is not None
        return delta

    def to_dict(self) -> dict[str, Any]:
        told = super().to_dict()
        return {**told.pop("evaluation"), **told}

    def __repr__(self) -> str:
        delta = self.delta
        low, high = delta.ci95
        change = f"{delta.points:+.1f} points, 95 % interval {low:+.1f} to {high:+.1f}, p {delta.p_value:.3g}, n = {delta.n}"
        return (
            f"PairedEvaluation: {self.evaluation.file} against {self.against.file} on {self.evaluation.dataset}: {change} ({delta.basis})"
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Asked:
    """A file and how it is fed and read, see ``accuracies.evaluate``."""

    path: str | Path
    input_range: tuple[float, float] = (0.0, 1.0)
    output_scale: Scale | None = None


def evaluate_pair(
    first: Asked, against: Asked, dataset: str | Path | Dataset, target: str = "cpu", seed: int = 0, task: str | None = None
) -> PairedEvaluation:
    """Evaluate two files on one test split, and pair their answers example by example.

    Raises:
        InputError: one of them does not fit the data, or is the other. DatasetError, ModelFileError: one of them cannot be used.
    """
    (one, answered), (other, before) = (
        evaluate_answers(asked.path, dataset, target, asked.input_range, seed, asked.output_scale, task) for asked in (first, against)
    )
    if one.sha256 == other.sha256 and first == dataclasses.replace(against, path=first.path):
        raise InputError(f"{first.path} and {against.path} are the same file: give another one to compare with")
    if not np.array_equal(answered.truth, before.truth):
        raise InputError(f"{first.path} and {against.path} were not asked about the same examples: give data that both take as they are")
    delta = dataclasses.replace(compare(answered, before, other.file), basis=one.basis)
    flips = None
    if isinstance(answered, Predictions) and isinstance(before, Predictions):
        flips = count_answers(answered, one.class_names, one.target, before, other.file, one.basis).flips
    return PairedEvaluation(evaluation=one, against=other, flips=flips, **by_task("accuracy_delta", "error_delta", delta))
