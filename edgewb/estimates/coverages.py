"""Intervals: quantiles of the logarithms of truth over estimate on models that had no part in the fit, and how often they hold."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp
from typing import Final

import numpy as np
import numpy.typing as npt

STATED: Final = 0.8
"""The coverage every interval is stated with."""

_LEVELS: Final = (0.80, 0.82, 0.84, 0.86, 0.88, 0.90, 0.92, 0.94, 0.96)


def quantiles(residuals: Sequence[float] | npt.NDArray[np.float64], coverage: float = STATED) -> tuple[float, float]:
    """Factors on the estimate between which ``coverage`` of the truth lies: of n residuals the one at the place p (n + 1), between two of
    them by proportion, so that the next one lies beyond it with the probability asked for."""
    tail = (1 - coverage) / 2
    low, high = np.quantile(np.asarray(residuals, float), [tail, 1 - tail], method="weibull")
    return exp(min(0.0, float(low))), exp(max(0.0, float(high)))


def held_out_coverage(residuals: Sequence[float] | npt.NDArray[np.float64], groups: Sequence[str], coverage: float = STATED) -> float:
    """How often the interval made from the other groups holds a group's rows."""
    inside = 0
    for i, group in enumerate(groups):
        others = [r for r, g in zip(residuals, groups, strict=True) if g != group]
        low, high = quantiles(others, coverage)
        inside += low <= exp(residuals[i]) <= high
    return inside / len(residuals)


def calibrated(residuals: Sequence[float] | npt.NDArray[np.float64], groups: Sequence[str]) -> tuple[float, float, float]:
    """Factors from quantiles just far enough out that intervals made without a group hold ``STATED`` of the groups' rows, and how many they
    hold. Rows of one group are alike: with few groups the plain quantiles would hold too few rows of the next one."""
    for level in _LEVELS:
        held = held_out_coverage(residuals, groups, level)
        if held >= STATED:
            break
    return *quantiles(residuals, level), held
