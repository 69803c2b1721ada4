"""One set of verbs for classes and for a regression."""

import numpy as np
import pytest

from edgewb.answers import Predictions, read_answers
from edgewb.errors import InputError
from edgewb.measurements import accuracy, accuracy_delta
from edgewb.residuals import RAW, Residuals, error_delta, regression_errors
from edgewb.scores import by_task, compare, read_outputs, score
from edgewb.types import Basis


def test_classes_are_counted_and_a_regression_is_subtracted() -> None:
    rng = np.random.default_rng(0)
    truth, (scores, others) = rng.integers(0, 3, 50), rng.normal(size=(2, 50, 3)).astype(np.float32)
    first, second = read_outputs(scores, truth, None), read_outputs(others, truth, None)
    assert isinstance(first, Predictions)
    right = [read_answers(outputs, truth).right for outputs in (scores, others)]
    assert score(first, "cpu") == accuracy(right[0], "cpu")
    assert score(first, "replay", Basis.REPLAYED).basis is Basis.REPLAYED
    assert compare(second, first, "float32") == accuracy_delta(right[1], right[0], "float32")

    values, (outputs, moved) = rng.normal(size=50), rng.normal(size=(2, 50, 1)).astype(np.float32)
    mine, other = read_outputs(outputs, values, RAW), read_outputs(moved, values, RAW)
    assert isinstance(mine, Residuals)
    assert score(mine, "cpu", Basis.REPLAYED) == regression_errors(mine, "cpu", Basis.REPLAYED)
    assert compare(other, mine, "float32") == error_delta(other, mine, "float32")


def test_a_figure_goes_where_its_kind_does() -> None:
    values = np.arange(5.0)
    errors = regression_errors(Residuals(values, values + 1), "cpu")
    assert by_task("accuracy", "errors", errors) == {"accuracy": None, "errors": errors}
    right = accuracy(np.ones(3, bool), "cpu")
    assert by_task("accuracy", "errors", right) == {"accuracy": right, "errors": None}
    assert by_task("delta", "error_delta", None) == {"delta": None, "error_delta": None}


def test_other_examples() -> None:
    values = np.arange(5.0)
    with pytest.raises(InputError, match="the same examples twice"):
        compare(Residuals(values, values), Residuals(values + 1, values), "float32")
