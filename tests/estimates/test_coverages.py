"""Intervals from residuals."""

import numpy as np
import pytest

from edgewb.estimates.coverages import held_out_coverage, quantiles


def test_quantiles_hold_what_they_say() -> None:
    residuals = np.linspace(-1, 1, 99)
    low, high = quantiles(residuals)
    assert np.mean((np.exp(residuals) >= low) & (np.exp(residuals) <= high)) == pytest.approx(0.8, abs=0.03)
    draws = np.random.default_rng(0).normal(0, 0.2, 400)
    assert held_out_coverage(draws, [str(i) for i in range(400)]) == pytest.approx(0.8, abs=0.04)
    assert quantiles([0.5]) == (1.0, pytest.approx(np.exp(0.5)))
