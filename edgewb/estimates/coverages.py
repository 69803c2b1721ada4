"""Intervals: quantiles of the logarithms of truth over estimate on models that had no part in the fit, and how often they hold."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, exp, floor
from typing import Final

import numpy as np
import numpy.typing as npt

STATED: Final = 0.8
"""The coverage every interval is stated with."""


def quantiles(residuals: Sequence[float] | npt.NDArray[np.float64], coverage: float = STATED) -> tuple[float, float]:
    """Factors on the estimate between which ``coverage`` of the truth lies: order statistics, one further out than the share asks for."""
    ordered = sorted(float(r) for r in residuals)
    n = len(ordered)
    tail = (1 - coverage) / 2
    low = max(0, floor(tail * (n + 1)) - 1)
    high = min(n - 1, ceil((1 - tail) * (n + 1)) - 1)
    return exp(min(0.0, ordered[low])), exp(max(0.0, ordered[high]))


def held_out_coverage(residuals: Sequence[float] | npt.NDArray[np.float64], groups: Sequence[str], coverage: float = STATED) -> float:
    """How often the interval made from the other groups holds a group's rows."""
    inside = 0
    for i, group in enumerate(groups):
        others = [r for r, g in zip(residuals, groups, strict=True) if g != group]
        low, high = quantiles(others, coverage)
        inside += low <= exp(residuals[i]) <= high
    return inside / len(residuals)
