"""Calibration data with the channels of an image, or the features of a table, in another order than the training data."""

from __future__ import annotations

from itertools import permutations
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from edgewb.types import Finding, Severity

Floats = npt.NDArray[np.float32]
_CHANCE: Final = 1e-3
_MOST_CHANNELS: Final = 4
_OTHER_CORRELATION: Final = 0.7
"""A difference of rank correlations; one class alone came to 0.6 in breast_cancer, features out of order to 1.1."""


def check_order(calibration: Floats, reference: Floats) -> Finding | None:
    """Channels of images, or features of tables, in another order; None where nothing says so."""
    return (_channels if calibration.ndim == 4 else _features)(calibration, reference)


def _channels(calibration: Floats, reference: Floats) -> Finding | None:
    channels = calibration.shape[-1]
    if not 2 <= channels <= _MOST_CHANNELS:
        return None
    # Against the mean of all channels, so that bright and dark pictures do not count.
    means = [x.reshape(len(x), -1, channels).mean(axis=1) for x in (calibration, reference)]
    here, there = (x - x.mean(axis=1, keepdims=True) for x in means)
    here = here.mean(axis=0)
    error = there.std(axis=0) * np.sqrt(1 / len(calibration) + 1 / len(reference)) + 1e-9

    def off(order: tuple[int, ...]) -> float:
        """Standard errors between the means, were the channels given in this order."""
        return float(np.max(np.abs(here[np.argsort(order)] - there.mean(axis=0)) / error))

    straight, *others = permutations(range(channels))
    best = min(others, key=off)
    if off(straight) <= 4 or off(best) >= min(4, off(straight) / 2):
        return None
    turned = best == straight[::-1]
    return Finding(
        id="calibration.channels",
        severity=Severity.ERROR,
        message=f"the mean colours of the calibration data are those of the training data in {'reverse' if turned else f'order {best}'} "
        f"(n = {len(calibration)}): {off(straight):.1f} standard errors off as they are, {off(best):.1f} so",
        fix=f"{'RGB and BGR are' if turned else 'the channels are'} mixed up: read calibration images as the training images were read",
    )


def _features(calibration: Floats, reference: Floats) -> Finding | None:
    """Two features that go together in one of the data sets and not in the other (Fisher's z of Spearman's rank correlation)."""
    from scipy.stats import norm

    n, m = len(calibration), len(reference)
    varied = np.flatnonzero((np.ptp(calibration, axis=0) > 0) & (np.ptp(reference, axis=0) > 0))
    if n < 10 or m < 10 or len(varied) < 2:
        return None
    pairs = np.triu_indices(len(varied), 1)
    here, there = (_rank_correlations(x[:, varied])[pairs] for x in (calibration, reference))
    # 1.06 / (n - 3) is the variance of z for ranks (Fieller, Hartley and Pearson, Biometrika 44, 1957).
    z = np.abs(np.arctanh(here) - np.arctanh(there)) / np.sqrt(1.06 / (n - 3) + 1.06 / (m - 3))
    sure = 2 * norm.sf(z) < _CHANCE / len(z)
    apart = np.where(sure, np.abs(here - there), 0)
    worst = int(apart.argmax())
    if apart[worst] < _OTHER_CORRELATION:
        return None
    first, second = (int(varied[side[worst]]) for side in pairs)
    return Finding(
        id="calibration.features",
        severity=Severity.ERROR,
        message=f"features {first} and {second} have a rank correlation of {here[worst]:.2f} in the calibration data (n = {n}), "
        f"{there[worst]:.2f} in the model's own (n = {m}); {int((apart > _OTHER_CORRELATION).sum())} of {len(z)} pairs differ so much",
        fix="give the features in the order of the training data, and the same ones",
    )


def _rank_correlations(table: Floats) -> npt.NDArray[Any]:
    from scipy.stats import rankdata

    # Not quite 1, so that its z is finite.
    return np.clip(np.corrcoef(rankdata(table, axis=0), rowvar=False), -0.999, 0.999)
