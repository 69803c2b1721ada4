"""What choosing does to the figure one chooses by: the best of several equally good variants looks better than it is."""

from __future__ import annotations

import numpy as np


def expected_best(share: float, n: int, variants: int) -> float:
    """The expected share of right answers of the best of several variants, all of them right on the same true share of examples.

    Exact, from the distribution function of the largest of independent binomial counts: E[max] = sum over k of 1 - F(k)^variants.
    Variants of one network answer alike, so that theirs gain less by being chosen than this says: it is the most there is to gain.

    Args:
        share: the true share of right answers of each, 0..1.
        n: examples, at least 1. variants: at least 1.

    Returns:
        A share, never less than ``share``.
    """
    from scipy.stats import binom

    if not 0 <= share <= 1 or n < 1 or variants < 1:
        raise ValueError(f"share {share}, n {n}, variants {variants}: a share in 0..1 and at least 1 of each are wanted")
    below = binom.cdf(np.arange(n), n, share)
    return max(share, float((1 - below**variants).sum() / n))
