"""What answers are worth, whatever the task: shares of right answers for classes, errors for a regression; one set of verbs for both."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from edgewb.accuracies import accuracy, accuracy_delta
from edgewb.answers import Predictions, read_answers
from edgewb.residuals import Residuals, Scale, error_delta, read_residuals, regression_errors
from edgewb.types import Accuracy, AccuracyDelta, Basis, ErrorDelta, RegressionErrors

Answered = Predictions | Residuals


def read_outputs(outputs: npt.NDArray[np.float32], truth: npt.NDArray[Any], output_scale: Scale | None) -> Answered:
    """Answers from a model's outputs.

    Args:
        outputs: (N, classes) scores, or (N, 1) of a regression; finite.
        truth: (N,) classes, or y in its own unit.
        output_scale: of a regression, see ``residuals.read_residuals``; None for classes.
    """
    return read_answers(outputs, truth) if output_scale is None else read_residuals(outputs, truth, output_scale)


def score(answered: Answered, target: str, basis: Basis = Basis.MEASURED) -> Accuracy | RegressionErrors:
    """Accuracy with its Wilson interval, or MAE, RMSE and R2 with bootstrap intervals."""
    if isinstance(answered, Residuals):
        return regression_errors(answered, target, basis)
    return dataclasses.replace(accuracy(answered.right, target), basis=basis)


def compare(variant: Answered, reference: Answered, against: str) -> AccuracyDelta | ErrorDelta:
    """The paired difference on the same examples, in points of accuracy or of R2.

    Raises:
        InputError: not the same examples.
    """
    if isinstance(variant, Residuals) and isinstance(reference, Residuals):
        return error_delta(variant, reference, against)
    assert isinstance(variant, Predictions)
    assert isinstance(reference, Predictions)  # one data set has one task
    return accuracy_delta(variant.right, reference.right, against)


def by_task(accuracy: str, errors: str, value: Any) -> dict[str, Any]:
    """A score or a difference under the name of the field that holds its kind; the other one, and both of None, are None."""
    regression = isinstance(value, RegressionErrors | ErrorDelta)
    return {accuracy: None if regression else value, errors: value if regression else None}
