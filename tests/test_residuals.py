"""Errors of a regression against scikit-learn and scipy, their intervals by simulation, and the scale that outputs are taken in."""

import json
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics

from edgewb.errors import InputError
from edgewb.residuals import RAW, Residuals, choose_output_scale, error_delta, r_squared, read_residuals, regression_errors, scale_note
from edgewb.types import ErrorDelta, RegressionErrors

SEEDS = st.integers(0, 2**32 - 1)


def made(n: int, seed: int, noise: float = 1.0) -> tuple[Residuals, Residuals]:
    """A reference and a variant that is a little off it, on the same examples."""
    rng = np.random.default_rng(seed)
    signal = rng.normal(50, 10, n)
    truth = signal + rng.normal(0, 7, n)
    return Residuals(truth, signal), Residuals(truth, signal + rng.normal(0, noise, n))


@given(st.integers(2, 300), SEEDS)
@settings(max_examples=30, deadline=None)
def test_the_figures_are_those_of_scikit_learn(n: int, seed: int) -> None:
    reference, _ = made(n, seed)
    found = regression_errors(reference, "cpu")
    assert found.mae == pytest.approx(metrics.mean_absolute_error(reference.truth, reference.predicted))
    assert found.rmse == pytest.approx(metrics.root_mean_squared_error(reference.truth, reference.predicted))
    assert found.r2 == pytest.approx(metrics.r2_score(reference.truth, reference.predicted))
    assert found.r2 == pytest.approx(1 - (found.rmse / found.truth_stdev) ** 2)
    assert (found.value, found.ci95) == (found.r2, found.r2_ci95)
    assert found.n == n
    assert msgspec.convert(json.loads(json.dumps(found.to_dict())), RegressionErrors) == found


@pytest.mark.parametrize("values", [[3.0, 3.0, 3.0], [1.0, 2.0, 4.0]])
@pytest.mark.parametrize("off", [0.0, 0.5])
def test_r2_of_a_truth_that_does_not_vary_is_that_of_scikit_learn(values: list[float], off: float) -> None:
    truth = np.array(values)
    assert r_squared(truth + off, truth) == pytest.approx(metrics.r2_score(truth, truth + off))


def test_intervals_are_those_of_other_resamples_up_to_chance() -> None:
    reference, variant = made(110, 3)
    found, delta = regression_errors(reference, "cpu"), error_delta(variant, reference, "float32")
    rng = np.random.default_rng(99)
    rows = rng.integers(0, 110, (20_000, 110))
    y, before, after = (values[rows] for values in (reference.truth, reference.predicted, variant.predicted))
    variance = y.var(axis=1)
    r2 = 1 - np.square(before - y).mean(axis=1) / variance
    points = 100 * (1 - np.square(after - y).mean(axis=1) / variance - r2)
    change = (np.abs(after - y) - np.abs(before - y)).mean(axis=1)
    shares = (2.5, 97.5)
    for interval, values in (
        (found.r2_ci95, r2),
        (found.mae_ci95, np.abs(before - y).mean(axis=1)),
        (found.rmse_ci95, np.sqrt(np.square(before - y).mean(axis=1))),
        (delta.ci95, points),
        (delta.mae_change_ci95, change),
    ):
        assert interval == pytest.approx(tuple(np.percentile(values, shares)), abs=0.25 * values.std())
    assert delta.ci90 == pytest.approx(tuple(np.percentile(points, (5, 95))), abs=0.25 * points.std())


def test_intervals_hold_the_true_values_about_as_often_as_they_say() -> None:
    """Of 200 draws of 60 examples each; truth and prediction are normal, so the true values are known: an interval that held 95 % would
    hold fewer than 176 of 200 once in 10,000."""
    draws, n, held = 200, 60, np.zeros(3, int)
    true = {"mae": np.sqrt(2 / np.pi), "rmse": 1.0, "r2": 0.8}
    rng = np.random.default_rng(5)
    for _ in range(draws):
        signal = rng.normal(0, 2, n)
        found = regression_errors(Residuals(signal + rng.normal(0, 1, n), signal), "cpu")
        intervals = (found.mae_ci95, found.rmse_ci95, found.r2_ci95)
        held += [low <= value <= high for value, (low, high) in zip(true.values(), intervals, strict=True)]
    assert (held >= 176).all()
    assert (held < draws).all()


@given(st.integers(3, 60), SEEDS, st.floats(0.01, 1000), st.floats(-1000, 1000))
@settings(max_examples=20, deadline=None)
def test_r2_has_no_unit_and_the_others_have_that_of_y(n: int, seed: int, scale: float, shift: float) -> None:
    reference, variant = made(n, seed)

    def moved(residuals: Residuals) -> Residuals:
        return Residuals(residuals.truth * scale + shift, residuals.predicted * scale + shift)

    first, second = regression_errors(reference, "cpu"), regression_errors(moved(reference), "cpu")
    assert second.r2_ci95 == pytest.approx(first.r2_ci95, rel=1e-6, abs=1e-6)
    assert (second.mae, *second.rmse_ci95) == pytest.approx((first.mae * scale, *(scale * end for end in first.rmse_ci95)), rel=1e-6)
    one, other = error_delta(variant, reference, "float32"), error_delta(moved(variant), moved(reference), "float32")
    assert other.points == pytest.approx(one.points, rel=1e-6, abs=1e-6)
    assert other.mae_change == pytest.approx(one.mae_change * scale, rel=1e-6, abs=1e-6 * scale)


@given(st.integers(3, 80), SEEDS)
@settings(max_examples=20, deadline=None)
def test_a_paired_change_the_other_way_round_is_its_negative(n: int, seed: int) -> None:
    reference, variant = made(n, seed)
    one, other = error_delta(variant, reference, "a"), error_delta(reference, variant, "b")
    assert (other.points, other.mae_change) == pytest.approx((-one.points, -one.mae_change))
    for name in ("ci95", "ci90", "mae_change_ci95"):
        low, high = getattr(one, name)
        assert getattr(other, name) == pytest.approx((-high, -low), abs=1e-9)
    assert one.ci95[0] <= one.ci90[0] <= one.ci90[1] <= one.ci95[1]
    assert other.p_value == pytest.approx(one.p_value)
    sizes = [np.abs(r.predicted - r.truth) for r in (variant, reference)]
    assert one.p_value == pytest.approx(stats.wilcoxon(*sizes).pvalue)
    assert "Wilcoxon" in one.test
    assert one.points == pytest.approx(100 * (r_squared(variant.predicted, variant.truth) - r_squared(reference.predicted, variant.truth)))
    assert msgspec.convert(json.loads(json.dumps(one.to_dict())), ErrorDelta) == one


def test_a_loss_is_negative_and_no_difference_is_none() -> None:
    reference, variant = made(400, 1, noise=6.0)
    delta = error_delta(variant, reference, "float32")
    assert delta.ci95[1] < 0 < delta.mae_change_ci95[0]
    assert delta.p_value < 0.05
    same = error_delta(reference, reference, "float32")
    assert (same.points, same.ci95, same.ci90, same.mae_change, same.p_value) == (0.0, (0.0, 0.0), (0.0, 0.0), 0.0, 1.0)


def test_figures_are_the_same_each_time() -> None:
    reference, variant = made(60, 2)
    assert regression_errors(reference, "cpu") == regression_errors(reference, "cpu")
    assert error_delta(variant, reference, "a") == error_delta(variant, reference, "a")


class TestScale:
    @pytest.mark.parametrize(("mean", "stdev"), [(150.0, 77.0), (-3.0, 0.01)])
    @pytest.mark.parametrize("standardised", [False, True])
    def test_the_unit_a_model_answers_in_is_found(self, mean: float, stdev: float, standardised: bool) -> None:
        rng = np.random.default_rng(0)
        truth = rng.normal(mean, stdev, 50)
        given = truth + rng.normal(0, stdev / 2, 50)
        outputs = ((given - mean) / stdev if standardised else given)[:, None].astype(np.float32)
        scale, mae, other = choose_output_scale(outputs, truth, (mean, stdev))
        assert scale == ((mean, stdev) if standardised else RAW)
        assert mae == pytest.approx(np.abs(given - truth).mean(), rel=1e-3)
        assert other > mae
        note = scale_note(scale, mae, other, 50)
        assert ("in standard deviations" if standardised else "in the unit of y") in note.split(":")[0]
        assert "50 validation examples" in note

    def test_outputs_are_multiplied_out(self) -> None:
        found = read_residuals(np.array([[0.0], [2.0]], np.float32), np.array([10, 11]), (10.0, 0.5))
        assert found.predicted.tolist() == [10.0, 11.0]
        assert found.truth.dtype == found.predicted.dtype == np.float64

    def test_they_come_back_from_bytes(self) -> None:
        first, _ = made(20, 0)
        again = Residuals.from_bytes(first.to_bytes())
        assert all(np.array_equal(a, b) for a, b in zip(first.arrays, again.arrays, strict=True))


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda: read_residuals(np.zeros((4, 2), np.float32), np.zeros(4), RAW), "one number per example"),
        (lambda: regression_errors(Residuals(np.ones(5), np.zeros(5)), "cpu"), "all 5 examples is the same"),
        (lambda: regression_errors(Residuals(np.ones(1), np.zeros(1)), "cpu"), "at least two different ones"),
        (lambda: error_delta(made(5, 0)[0], made(5, 1)[0], "a"), "the same examples twice"),
    ],
)
def test_what_makes_no_sense(call: Any, expected: str) -> None:
    with pytest.raises(InputError, match=expected):
        call()
