"""Calibration data on another scale than training data: constant, too wide or narrow, beyond its ends, or on one side of zero."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from edgewb.types import Finding, Severity

Floats = npt.NDArray[np.float32]
_CHANCE: Final = 1e-3
_RATIO: Final = 3.0
"""Of spreads: from which on two data sets are not on the same scale."""
_FEATURE_RATIO: Final = 10.0
"""The same for one feature of a table, whose spread within one class may well be a third."""
_MARGIN: Final = 0.05
"""By which share of the reference's range a value must lie beyond it to count, and of how many values that is another scale."""
_FIX: Final = "prepare calibration data exactly as for training: the same division by 255, the same -1..1 or 0..1"


def check_range(calibration: Floats, reference: Floats, noisy: bool) -> Finding | None:
    """Values on another scale than the reference's.

    Args:
        calibration, reference: (n, ...) and (m, ...), finite.
        noisy: the calibration data look like noise, whose values may lie anywhere; only what is far off is another scale then.
    """
    (low, high, mean, stdev), (true_low, true_high, true_mean, true_stdev) = _spread(calibration), _spread(reference)
    n, m = len(calibration), len(reference)
    given, wanted = f"{low:.3g}..{high:.3g} (n = {n})", f"{true_low:.3g}..{true_high:.3g} (n = {m})"
    if stdev == 0:
        return Finding(
            id="calibration.constant",
            severity=Severity.ERROR,
            message=f"every calibration value is {low:.3g}; the model's inputs are {wanted}",
            fix="give the converter examples of the data, not zeros",
        )
    ratio = stdev / true_stdev if true_stdev else float("inf")
    # One example, or one class, may have a mean of its own; only what no example of the reference has is another scale.
    means = reference.reshape(m, -1).mean(axis=1)
    outside = not means.min() - true_stdev <= mean <= means.max() + true_stdev
    wide = (high - low) > _RATIO * (true_high - true_low) or _RATIO * (high - low) < (true_high - true_low)
    feature = _feature(calibration, reference)
    of_feature = "" if feature is None else f"feature {feature[0]} has {feature[1]:.3g} times the spread"
    if (wide and (ratio > _RATIO or ratio < 1 / _RATIO)) or outside:
        why = f"spread {ratio:.3g} times, mean {mean:.3g} for {true_mean:.3g}{of_feature and f'; {of_feature}'}"
    elif noisy:
        return None
    elif beyond := _beyond(calibration, true_low, true_high):
        why = f"{100 * beyond:.0f} % of the values lie beyond{of_feature and f'; {of_feature}'}"
    elif (shares := _never_negative(calibration, reference)) is not None:
        why = f"no value below 0, which {100 * shares:.0f} % of the model's own examples have"
    elif of_feature:
        why = of_feature
    else:
        return None
    return Finding(
        id="calibration.range",
        severity=Severity.ERROR,
        message=f"calibration values are {given}, the model's inputs {wanted}: another scale ({why})",
        fix=_FIX,
    )


def _spread(x: Floats) -> tuple[float, float, float, float]:
    values = x.astype(np.float64)
    return float(values.min()), float(values.max()), float(values.mean()), float(values.std())


def _beyond(calibration: Floats, low: float, high: float) -> float | None:
    """The share of values clearly beyond the reference's ends, where it is a good one."""
    margin = _MARGIN * (high - low)
    share = float(np.mean((calibration < low - margin) | (calibration > high + margin)))
    return share if share > _MARGIN else None


def _never_negative(calibration: Floats, reference: Floats) -> float | None:
    """The share of the reference's examples with a negative value, where no calibration example has one and that is no chance."""
    if calibration.min() < 0:
        return None
    negative = int((reference.reshape(len(reference), -1).min(axis=1) < 0).sum())
    without = (len(reference) - negative + 1) / (len(reference) + 1)
    return negative / len(reference) if without ** len(calibration) < _CHANCE else None


def _feature(calibration: Floats, reference: Floats) -> tuple[int, float] | None:
    """The feature of a table whose spread differs most, and how many times, where it is on another scale."""
    if calibration.ndim != 2 or len(calibration) < 10:
        return None
    here, there = _middle_half(calibration), _middle_half(reference)
    known = (here > 0) & (there > 0)
    ratios = np.where(known, here, 1) / np.where(known, there, 1)
    worst = int(np.abs(np.log(ratios)).argmax())
    return (worst, float(ratios[worst])) if not 1 / _FEATURE_RATIO <= ratios[worst] <= _FEATURE_RATIO else None


def _middle_half(table: Floats) -> npt.NDArray[Any]:
    """How wide the middle half of each feature's values is."""
    quarter, three = np.quantile(table.astype(np.float64), (0.25, 0.75), axis=0)
    return np.asarray(three - quarter)
