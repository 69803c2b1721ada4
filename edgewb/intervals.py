"""Confidence intervals and tests: shares of right answers, single and paired; means of dependent readings. Two-sided, 95 % unless said."""

from __future__ import annotations

import bisect
import functools
import math
from collections.abc import Sequence
from statistics import NormalDist

Z95 = 1.959963984540054  # the standard normal's 97.5 % point
Z95_ONE_SIDED = 1.6448536269514722  # its 95 % point: the limit of a one-sided interval
_TAIL = 0.025  # on either side of a 95 % interval
MAX_PAIRS = 1_000_000
"""A need for more than this many examples is not given as a number."""


def wilson_interval(correct: int, n: int, z: float = Z95) -> tuple[float, float]:
    """Score interval of a share, without continuity correction.

    Source: E. B. Wilson, J. Am. Stat. Assoc. 22 (1927) 209-212; method 3 of R. G. Newcombe, Statist. Med. 17 (1998) 857-872.

    Args:
        correct: successes, 0..n.
        n: examples, at least 1.
        z: normal quantile.
    """
    _check_counts(n, correct)
    middle, half = _wilson(correct / n, n, z)
    # Exactly 0 and 1 at the ends: rounding would leave 1e-17 of it.
    low = 0.0 if correct == 0 else max(0.0, middle - half)
    high = 1.0 if correct == n else min(1.0, middle + half)
    return low, high


def _wilson(share: float, n: int, z: float = Z95) -> tuple[float, float]:
    """Middle and half width of the score interval of a share seen among ``n``."""
    scale = 1 + z * z / n
    return (share + z * z / (2 * n)) / scale, z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / scale


def examples_for_half_width(share: float, half_width: float) -> int:
    """How many examples make the 95 % Wilson interval of a share no wider than ``half_width`` to either side of its middle.

    Args:
        share: what is expected to be seen, 0..1; an assumption.
        half_width: as a share, above 0: 0.01 is one point.

    Returns:
        The smallest such number, at most ``MAX_PAIRS`` squared.
    """
    if not 0 <= share <= 1 or not half_width > 0:
        raise ValueError(f"share {share} and half width {half_width}: a share in 0..1 and a number above 0 are wanted")
    return bisect.bisect_left(range(1, MAX_PAIRS**2), -half_width, key=lambda n: -_wilson(share, n)[1]) + 1


def newcombe_interval(correct: int, n: int, other_correct: int, other_n: int, z: float = Z95) -> tuple[float, float]:
    """Score interval of the difference of two shares of different examples: the first minus the second.

    From the Wilson limits of both. For the same examples twice it is wider than need be: ``tango_interval``.

    Source: R. G. Newcombe, Statist. Med. 17 (1998) 873-890, method 10.
    """
    low, high = wilson_interval(correct, n, z)
    other_low, other_high = wilson_interval(other_correct, other_n, z)
    share, other = correct / n, other_correct / other_n
    difference = share - other
    return difference - math.hypot(share - low, other_high - other), difference + math.hypot(high - share, other - other_low)


def mcnemar_p_value(gained: int, lost: int) -> float:
    """Exact two-sided p of McNemar's test: under the null, ``gained`` is Binomial(gained + lost, 1/2); 1 when both are 0.

    Source: Q. McNemar, Psychometrika 12 (1947) 153-157; the exact form doubles the smaller tail, at most 1.
    """
    from scipy.special import bdtr

    discordant = gained + lost
    _check_counts(discordant + 1, gained, lost)
    if discordant == 0:
        return 1.0
    return min(1.0, 2.0 * float(bdtr(min(gained, lost), discordant, 0.5)))


def tango_interval(gained: int, lost: int, n: int, z: float = Z95) -> tuple[float, float]:
    """Score interval of the difference of two paired shares, (gained - lost) / n.

    The limits d are where |gained - lost - n d| = z sqrt(n (2 q + d (1 - d))), q being the probability of ``lost`` that is
    most likely if the difference is d: the positive root of A q^2 + B q + C = 0 with A = 2 n,
    B = -gained - lost + (2 n - gained + lost) d, C = -lost d (1 - d).

    Source: T. Tango, Statist. Med. 17 (1998) 891-908, the score interval and the restricted estimate it is built on.

    Args:
        gained: examples only the first got right. lost: examples only the second got right.
        n: all examples, at least 1.
        z: normal quantile.
    """
    _check_counts(n, gained, lost, gained + lost)
    # Mirrored rather than solved twice, so that swapping the two gives exactly the mirrored interval.
    return -_upper_limit(lost, gained, n, z), _upper_limit(gained, lost, n, z)


def batch_means_interval(batches: Sequence[float]) -> tuple[float, float]:
    """95 % interval of the mean of readings that depend on the ones before them, from the means of batches of them, one after the other.

    Batches that are long against the time over which readings depend on each other are nearly independent, so Student's t holds for
    their means. Source: B. W. Schmeiser, Oper. Res. 30 (1982) 556-568: more than 30 batches gain nothing, few widen it honestly.

    Args:
        batches: at least 2 means of equally long batches, in their order.
    """
    from scipy.special import stdtrit

    n = len(batches)
    if n < 2:
        raise ValueError(f"{n} batches: at least 2 are wanted")
    middle = math.fsum(batches) / n
    variance = math.fsum((value - middle) ** 2 for value in batches) / (n - 1)
    half = float(stdtrit(n - 1, 0.975)) * math.sqrt(variance / n)
    return middle - half, middle + half


def median_interval(samples: Sequence[float]) -> tuple[float, tuple[float, float]]:
    """The median, and a 95 % interval for it between two of the samples, whatever their distribution.

    The interval runs from the j-th smallest to the j-th largest, j being the largest number with 2 P(X < j) <= 0.05 for X of
    Binomial(n, 1/2); of fewer than 6 samples from the smallest to the largest, which holds less often. Samples that depend on the ones
    before them make it too narrow. Source: W. R. Thompson, Ann. Math. Statist. 7 (1936) 122-128.

    Args:
        samples: at least one.
    """
    ordered = sorted(samples)
    n = len(ordered)
    if n < 1:
        raise ValueError("no samples: at least one is wanted")
    middle = (ordered[(n - 1) // 2] + ordered[n // 2]) / 2
    j = _median_rank(n)
    return middle, (ordered[j - 1], ordered[n - j])


def quantile_interval(samples: Sequence[float], share: float) -> tuple[float, float] | None:
    """A 95 % interval for the value below which a share of all calls lies, between two of the samples, whatever their distribution.

    Of n samples in order it runs from the l-th to the u-th: l the largest number with P(X < l) <= 0.025, u the smallest with
    P(X >= u) <= 0.025, for X of Binomial(n, share). Samples that depend on the ones before them make it too narrow.
    Source: W. R. Thompson, Ann. Math. Statist. 7 (1936) 122-128; W. J. Conover, Practical Nonparametric Statistics, section 3.2.

    Args:
        share: 0.99 for the 99th percentile; between 0 and 1, neither of them.

    Returns:
        None where there are too few samples for one (``samples_needed``).
    """
    from scipy.special import bdtr, bdtrc

    if not 0 < share < 1:
        raise ValueError(f"share {share}: more than 0 and less than 1 is wanted")
    ordered, n = sorted(samples), len(samples)
    if n < samples_needed(share):
        return None
    low = next(k for k in range(math.ceil(n * share), 0, -1) if bdtr(k - 1, n, share) <= _TAIL)
    high = next(k for k in range(max(1, math.floor(n * share)), n + 1) if bdtrc(k - 1, n, share) <= _TAIL)
    return ordered[low - 1], ordered[high - 1]


def samples_needed(share: float) -> int:
    """How many samples ``quantile_interval`` takes at least: 6 for the median, 368 for the 99th percentile."""
    return math.ceil(math.log(_TAIL) / math.log(max(share, 1 - share)) - 1e-9)


@functools.cache
def _median_rank(n: int) -> int:
    """See ``median_interval``; in whole numbers, without scipy, which a live page does without."""
    j, ways, below = 1, 1, 1  # ways to choose j - 1 of n, and all up to there
    while 2 * j < n:
        ways = ways * (n - j + 1) // j
        if 40 * (below + ways) > 2**n:
            break
        j, below = j + 1, below + ways
    return j


def loss_score(gained: int, lost: int, n: int, margin: float) -> float:
    """Tango's score statistic of a loss (lost - gained) / n against a margin: above 0 when the loss seen is below the margin.

    Its normal tail is the one-sided p that the loss is ``margin`` or more, and that of its negative the p that it is ``margin`` or less. It
    is 1.645 exactly where the margin is the upper limit of ``tango_interval(lost, gained, n, Z95_ONE_SIDED)``. No pair discordant and a
    margin of 0 say nothing: 0.

    The 5 % are nominal: summed over all tables of 100 to 1,000 examples, a loss of the margin passes for less in at most 5.6 % of the
    splits where a share of 0.002 or more is gained by chance; where nothing ever is, in up to 6.8 %.

    Source: T. Tango, Statist. Med. 17 (1998) 891-908, the test of equivalence; J. Nam, Biometrics 53 (1997) 1422-1430, the same test.

    Args:
        margin: the loss against which to test, as a share, 0..1.
    """
    _check_counts(n, gained, lost, gained + lost)
    distance, variance = n * margin - (lost - gained), n * _unit_variance(lost, gained, n, margin)
    if variance <= 0:
        return math.copysign(math.inf, distance) if distance else 0.0
    return distance / math.sqrt(variance)


def pairs_needed(gain: float, loss: float, margin: float, power: float = 0.8) -> int | None:
    """How many pairs it takes until ``loss_score`` passes 1.645, one way or the other, with the given probability.

    n = ((1.645 sqrt(v0) + z sqrt(v1)) / (margin - loss + gain))^2, where v1 is the variance of one pair, v0 the same under the margin, and
    z the normal quantile of the power: Nam's formula for the score test.

    Source: J. Nam, Biometrics 53 (1997) 1422-1430.

    Args:
        gain, loss: true shares of pairs that only the first, or only the second, gets right; assumed, not known.
        margin: see ``loss_score``.

    Returns:
        The number, rounded up; None when the true loss is the margin, or so near to it that more than ``MAX_PAIRS`` were needed.
    """
    difference = loss - gain
    under_margin, true = _unit_variance(loss, gain, 1, margin), loss + gain - difference**2
    standard = Z95_ONE_SIDED * math.sqrt(max(0.0, under_margin)) + NormalDist().inv_cdf(power) * math.sqrt(max(0.0, true))
    if standard >= abs(margin - difference) * math.sqrt(MAX_PAIRS):
        return None
    return max(1, math.ceil((standard / (margin - difference)) ** 2))


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """p-values raised so that all that stay below a level hold together at that level.

    Source: S. Holm, Scand. J. Statist. 6 (1979) 65-70.
    """
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for rank, i in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = highest
    return tuple(adjusted)


def _unit_variance(gained: float, lost: float, n: float, d: float) -> float:
    """Variance of one pair's difference when its mean is d: 2 q + d (1 - d), q the restricted estimate (see ``tango_interval``)."""
    b = -gained - lost + (2 * n - gained + lost) * d
    c = -lost * d * (1 - d)
    root = math.sqrt(max(0.0, b * b - 8 * n * c))
    # The form without a difference of two nearly equal numbers.
    q = (root - b) / (4 * n) if b <= 0 else -2 * c / (b + root)
    return 2 * q + d * (1 - d)


@functools.lru_cache(maxsize=4096)  # who moves the budget of a dashboard asks for the same ones again and again
def _upper_limit(gained: int, lost: int, n: int, z: float) -> float:
    point = (gained - lost) / n

    def excess(d: float) -> float:
        """Negative inside the interval, positive outside."""
        return float((gained - lost - n * d) ** 2 - z * z * n * _unit_variance(gained, lost, n, d))

    # At the point itself the excess is 0 when no pair is discordant, or all are: start just beside it.
    inside, outside = point + 1e-9, 1.0
    if inside >= 1 or excess(inside) >= 0:
        return min(1.0, inside)
    if excess(1.0) <= 0:
        return 1.0
    # Halved here: scipy.optimize for this one root would cost the kernel of each visitor of a dashboard 13 MB.
    while outside - inside > 1e-13:
        middle = (inside + outside) / 2
        if not inside < middle < outside:
            break
        inside, outside = (middle, outside) if excess(middle) < 0 else (inside, middle)
    return (inside + outside) / 2


def _check_counts(n: int, *counts: int) -> None:
    if n < 1 or any(not 0 <= count <= n for count in counts):
        raise ValueError(f"counts {counts} out of {n}: each must lie in 0..n, and n must be at least 1")
