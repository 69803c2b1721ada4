"""Intervals against scipy and statsmodels, against direct sums, and by counting how often they cover the truth."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, binomtest, multinomial

from edgewb.intervals import (
    Z95,
    Z95_ONE_SIDED,
    examples_for_half_width,
    holm,
    loss_score,
    mcnemar_p_value,
    median_interval,
    newcombe_interval,
    pairs_needed,
    quantile_interval,
    samples_needed,
    tango_interval,
    wilson_interval,
)


@st.composite
def paired_counts(draw: st.DrawFn, largest: int = 2000) -> tuple[int, int, int]:
    n = draw(st.integers(1, largest))
    gained = draw(st.integers(0, n))
    return gained, draw(st.integers(0, n - gained)), n


@given(st.integers(1, 3000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
@settings(deadline=None)
def test_wilson_agrees_with_scipy(case: tuple[int, int]) -> None:
    correct, n = case
    expected = binomtest(correct, n).proportion_ci(method="wilson")
    low, high = wilson_interval(correct, n)
    assert low == pytest.approx(expected.low, abs=1e-12)
    assert high == pytest.approx(expected.high, abs=1e-12)
    assert 0 <= low <= correct / n <= high <= 1


def test_wilson_reaches_the_ends_exactly() -> None:
    assert wilson_interval(0, 7)[0] == 0.0
    assert wilson_interval(7, 7)[1] == 1.0


def test_wilson_gives_newcombes_published_example() -> None:
    # R. G. Newcombe, Statist. Med. 17 (1998) 857-872, table I: 81 of 263, method 3: 0.2553 to 0.3662.
    assert wilson_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)


def test_newcombe_gives_his_published_examples() -> None:
    # R. G. Newcombe, Statist. Med. 17 (1998) 873-890, table II, method 10.
    assert newcombe_interval(56, 70, 48, 80) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    assert newcombe_interval(6, 7, 2, 7) == pytest.approx((0.0582, 0.8062), abs=5e-5)
    assert newcombe_interval(10, 10, 0, 20) == pytest.approx((0.6791, 1.0), abs=5e-5)


@given(st.integers(1, 500), st.integers(1, 500), st.data())
def test_newcombe_is_mirrored_and_holds_the_difference(n: int, other_n: int, data: st.DataObject) -> None:
    correct, other = data.draw(st.integers(0, n)), data.draw(st.integers(0, other_n))
    low, high = newcombe_interval(correct, n, other, other_n)
    assert -1 - 1e-12 <= low <= correct / n - other / other_n <= high <= 1 + 1e-12
    assert newcombe_interval(other, other_n, correct, n) == pytest.approx((-high, -low), abs=1e-12)


@given(st.floats(0, 1), st.floats(0.001, 0.3))
def test_examples_for_half_width_is_the_smallest_number(share: float, half_width: float) -> None:
    def half(n: int) -> float:  # Wilson's formula, written out again
        return Z95 * math.sqrt(share * (1 - share) / n + Z95**2 / (4 * n * n)) / (1 + Z95**2 / n)

    n = examples_for_half_width(share, half_width)
    assert half(n) <= half_width * (1 + 1e-9)
    assert n == 1 or half(n - 1) >= half_width * (1 - 1e-9)


@pytest.mark.parametrize(("share", "half_width"), [(1.1, 0.01), (-0.1, 0.01), (0.9, 0.0), (0.9, float("nan"))])
def test_examples_for_half_width_refuses_what_is_no_share(share: float, half_width: float) -> None:
    with pytest.raises(ValueError, match="are wanted"):
        examples_for_half_width(share, half_width)


@given(st.integers(0, 60), st.integers(0, 60))
@settings(deadline=None)
def test_mcnemar_is_the_doubled_binomial_tail(gained: int, lost: int) -> None:
    n = gained + lost
    tail = sum(math.comb(n, k) for k in range(min(gained, lost) + 1)) / 2**n
    assert mcnemar_p_value(gained, lost) == pytest.approx(min(1.0, 2 * tail), rel=1e-12)


@given(st.integers(0, 5000), st.integers(0, 5000))
@settings(deadline=None)
def test_mcnemar_is_symmetric_and_a_probability(gained: int, lost: int) -> None:
    p = mcnemar_p_value(gained, lost)
    assert p == mcnemar_p_value(lost, gained)
    assert 0 <= p <= 1


@given(paired_counts())
@settings(deadline=None)
def test_tango_contains_the_point_and_is_symmetric(case: tuple[int, int, int]) -> None:
    gained, lost, n = case
    low, high = tango_interval(gained, lost, n)
    assert -1 <= low <= (gained - lost) / n <= high <= 1
    assert low < high
    assert tango_interval(lost, gained, n) == (-high, -low)


@given(paired_counts(300))
@settings(deadline=None)
def test_tango_limits_solve_its_equation(case: tuple[int, int, int]) -> None:
    """At a limit the score is 1.96, with the restricted estimate found by maximising the likelihood numerically."""
    gained, lost, n = case
    high = tango_interval(gained, lost, n)[1]
    if high > 1 - 1e-9:
        return
    # The likelihood of (gained, lost, rest) when P(gained) - P(lost) = high, over q = P(lost).
    q = np.linspace(0, (1 - high) / 2, 200_001)
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = gained * np.log(q + high) + np.where(lost == 0, 0, lost * np.log(q))
        rest = n - gained - lost
        logs = logs + np.where(rest == 0, 0, rest * np.log(np.maximum(1 - 2 * q - high, 0)))
    best = q[np.nanargmax(logs)]
    score = (gained - lost - n * high) / math.sqrt(n * (2 * best + high * (1 - high)))
    assert score == pytest.approx(-Z95, abs=2e-3)


@pytest.mark.parametrize("n", [1, 10, 500])
def test_tango_without_discordant_pairs_has_a_closed_form(n: int) -> None:
    # q = 0 for d > 0, so n d^2 = z^2 d (1 - d).
    limit = Z95**2 / (n + Z95**2)
    assert tango_interval(0, 0, n) == pytest.approx((-limit, limit), abs=1e-9)


@pytest.mark.parametrize("n", [1, 10, 500])
def test_tango_with_every_pair_gained_has_a_closed_form(n: int) -> None:
    # q = (1 - d) / 2, so n (1 - d) = z^2 (1 + d).
    low, high = tango_interval(n, 0, n)
    assert low == pytest.approx((n - Z95**2) / (n + Z95**2), abs=1e-9)
    assert high == 1.0


def test_tango_gives_the_published_example() -> None:
    # Airway hyper-responsiveness before and after a transplantation (1, 1, 7, 12), M. W. Fagerland, S. Lydersen and P. Laake,
    # Recommended tests and confidence intervals for paired binomial proportions, Statist. Med. 33 (2014) 2850-2875: -0.517 to -0.026.
    assert tango_interval(1, 7, 21) == pytest.approx((-0.517, -0.026), abs=5e-4)


@pytest.mark.parametrize("n", [8, 15, 25])
def test_tango_covers_the_truth_as_often_as_it_says(n: int) -> None:
    """Exact coverage: every possible table weighted with its multinomial probability, over a grid of true probabilities."""
    tables = [(b, c) for b in range(n + 1) for c in range(n + 1 - b)]
    limits = np.array([tango_interval(b, c, n) for b, c in tables])
    counts = np.array([(b, c, n - b - c) for b, c in tables])
    log_ways = np.array([math.lgamma(n + 1) - sum(math.lgamma(k + 1) for k in row) for row in counts.tolist()])
    coverages = []
    grid = np.linspace(0.02, 0.5, 13)
    for gain in grid:
        for loss in grid:
            if gain + loss > 0.98:
                continue
            weights = np.exp(log_ways + counts @ np.log([gain, loss, 1 - gain - loss]))
            assert weights.sum() == pytest.approx(1)
            truth = gain - loss
            coverages.append(weights[(limits[:, 0] <= truth) & (truth <= limits[:, 1])].sum())
    assert np.mean(coverages) >= 0.93
    assert min(coverages) >= 0.85
    assert np.mean(coverages) <= 0.985  # an interval of everything would cover too


STATSMODELS = "statsmodels is not installed (pip install edgewb[test])"


@given(st.integers(1, 3000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
@settings(deadline=None)
def test_wilson_agrees_with_statsmodels(case: tuple[int, int]) -> None:
    expected = pytest.importorskip("statsmodels.stats.proportion", reason=STATSMODELS).proportion_confint(*case, method="wilson")
    assert wilson_interval(*case) == pytest.approx(expected, abs=1e-12)


@given(st.integers(0, 900), st.integers(0, 900))
@settings(deadline=None)
def test_mcnemar_agrees_with_statsmodels(gained: int, lost: int) -> None:
    tables = pytest.importorskip("statsmodels.stats.contingency_tables", reason=STATSMODELS)
    expected = tables.mcnemar([[50, gained], [lost, 7]], exact=True).pvalue
    assert mcnemar_p_value(gained, lost) == pytest.approx(expected, rel=1e-9)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
@settings(deadline=None, max_examples=20)  # theirs takes its time
def test_holm_agrees_with_statsmodels(p_values: list[float]) -> None:
    expected = pytest.importorskip("statsmodels.stats.multitest", reason=STATSMODELS).multipletests(p_values, method="holm")[1]
    assert holm(p_values) == pytest.approx(tuple(expected), abs=1e-12)


def test_holm_of_nothing_is_nothing() -> None:
    assert holm([]) == ()


@given(paired_counts(), st.floats(0.001, 0.5))
@settings(deadline=None)
def test_the_score_passes_its_limit_where_the_one_sided_interval_ends(case: tuple[int, int, int], margin: float) -> None:
    gained, lost, n = case
    low, high = tango_interval(lost, gained, n, Z95_ONE_SIDED)
    score = loss_score(gained, lost, n, margin)
    if abs(margin - high) > 1e-6:
        assert (score > Z95_ONE_SIDED) == (high < margin)
    if abs(margin - low) > 1e-6:
        assert (score < -Z95_ONE_SIDED) == (low > margin)


@given(paired_counts())
@settings(deadline=None)
def test_against_a_margin_of_nothing_the_score_is_mcnemars(case: tuple[int, int, int]) -> None:
    tables = pytest.importorskip("statsmodels.stats.contingency_tables", reason=STATSMODELS)
    gained, lost, n = case
    score = loss_score(gained, lost, n, 0.0)
    if gained == lost:
        assert score == pytest.approx(0, abs=1e-9)
        return
    expected = tables.mcnemar([[0, gained], [lost, 0]], exact=False, correction=False).statistic
    assert score**2 == pytest.approx(expected, rel=1e-6)
    assert (score > 0) == (gained > lost)


@pytest.mark.parametrize(
    ("gained", "lost", "n", "score"), [(0, 0, 500, 500 * 0.01 / math.sqrt(500 * 0.01 * 0.99)), (0, 500, 500, -math.inf)]
)
def test_the_score_at_the_ends(gained: int, lost: int, n: int, score: float) -> None:
    margin = 0.01
    found = loss_score(gained, lost, n, margin)
    if math.isinf(score):  # nothing left but losses: the restricted estimate leaves some room, so the score is large, not infinite
        assert found < -10
    else:
        assert found == pytest.approx(score, rel=1e-9)


def test_the_score_and_its_limit_give_tangos_published_examples() -> None:
    # T. Tango, Statist. Med. 17 (1998) 891-908. Soft contact lenses: 44 pairs, one lost, none gained, margin 0.1: Z = 1.709, and the 90 %
    # interval ends at 0.096. Sleeping difficulties: 32 pairs, 9 and 3: -0.027 to 0.390.
    assert loss_score(0, 1, 44, 0.1) == pytest.approx(1.709, abs=5e-4)
    assert tango_interval(1, 0, 44, Z95_ONE_SIDED)[1] == pytest.approx(0.096, abs=5e-4)
    assert tango_interval(9, 3, 32) == pytest.approx((-0.027, 0.390), abs=5e-4)


def tables_drawn(gain: float, loss: float, n: int, times: int = 4000) -> list[tuple[int, int, int]]:
    """Distinct (gained, lost, how often) of so many test splits drawn with the given truth."""
    drawn = np.random.default_rng(n).multinomial(n, [gain, loss, 1 - gain - loss], size=times)
    found, counts = np.unique(drawn[:, :2], axis=0, return_counts=True)
    return [(g, lost, k) for (g, lost), k in zip(found.tolist(), counts.tolist(), strict=True)]


RATES = [(0.002, 0.002, 0.01), (0.004, 0.008, 0.01), (0.02, 0.03, 0.03), (0.001, 0.03, 0.01), (0.01, 0.013, 0.01), (0.1, 0.05, 0.01)]


@pytest.mark.parametrize(("gain", "loss", "margin"), RATES)
def test_with_the_number_needed_the_answer_comes_in_eight_of_ten_cases(gain: float, loss: float, margin: float) -> None:
    n = pairs_needed(gain, loss, margin)
    assert n is not None
    side = 1 if loss - gain < margin else -1
    power = sum(k for g, lost, k in tables_drawn(gain, loss, n) if side * loss_score(g, lost, n, margin) >= Z95_ONE_SIDED) / 4000
    assert 0.78 <= power <= 0.89
    # With half as many it would not: the number is needed.
    half = sum(k for g, lost, k in tables_drawn(gain, loss, n // 2) if side * loss_score(g, lost, n // 2, margin) >= Z95_ONE_SIDED) / 4000
    assert half < 0.7


@pytest.mark.parametrize("n", [100, 142, 268, 500, 1000])
@pytest.mark.parametrize("margin", [0.01, 0.02, 0.05])
@pytest.mark.parametrize(("gain", "most"), [(0.0, 0.068), (0.002, 0.056), (0.01, 0.056), (0.02, 0.056)])
def test_how_often_a_loss_of_the_margin_passes_for_less(gain: float, most: float, margin: float, n: int) -> None:
    """Exactly: every table that could plausibly be drawn, weighted with its probability."""
    loss = gain + margin
    gained, lost = (binom.ppf(1 - 1e-7, n, share).astype(int) for share in (gain, loss))
    tables = [(g, k) for g in range(gained + 1) for k in range(min(lost, n - g) + 1)]
    weights = multinomial.pmf([[g, k, n - g - k] for g, k in tables], n, [gain, loss, 1 - gain - loss])
    assert weights.sum() == pytest.approx(1, abs=1e-5)
    wrong = sum(w for (g, k), w in zip(tables, weights, strict=True) if loss_score(g, k, n, margin) >= Z95_ONE_SIDED)
    assert wrong <= most


def test_no_number_of_pairs_tells_a_loss_from_itself() -> None:
    assert pairs_needed(0.01, 0.02, 0.01) is None
    assert pairs_needed(0.01, 0.02 + 1e-6, 0.01) is None
    assert pairs_needed(0.0, 0.0, 0.01) == math.ceil(Z95_ONE_SIDED**2 * 99)  # one-sided limit z^2 / (n + z^2) of no discordant pair


@pytest.mark.parametrize("counts", [(1, 0, 0), (3, 3, 5), (-1, 0, 5), (0, 6, 5)])
def test_counts_that_cannot_be_are_refused(counts: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match=r"counts"):
        tango_interval(*counts)


@given(st.integers(1, 600))
@settings(deadline=None)
def test_the_interval_of_a_median_runs_between_the_ranks_of_the_binomial(n: int) -> None:
    middle, (low, high) = median_interval([float(value) for value in range(n, 0, -1)])
    assert middle == (n + 1) / 2
    assert low + high == n + 1  # as far from the one end as from the other
    j = int(low)
    assert j == 1 or 2 * binom.cdf(j - 1, n, 0.5) <= 0.05
    assert 2 * binom.cdf(j, n, 0.5) > 0.05 or 2 * j >= n


def test_the_interval_of_a_median_holds_it_in_95_of_100_skewed_samples() -> None:
    rng = np.random.default_rng(0)
    draws = rng.exponential(size=(2000, 40))
    held = sum(low <= math.log(2) <= high for _, (low, high) in (median_interval(row.tolist()) for row in draws))
    assert 0.94 <= held / 2000 <= 0.98  # 96.2 % exactly: ranks are whole


def test_no_samples_have_no_median() -> None:
    with pytest.raises(ValueError, match="no samples"):
        median_interval([])


@given(st.integers(6, 300), st.sampled_from([0.5, 0.9, 0.99]))
def test_the_interval_of_a_percentile_runs_between_the_ranks_of_the_binomial(n: int, share: float) -> None:
    found = quantile_interval(range(n), share)
    if n < samples_needed(share):
        assert found is None
        return
    assert found is not None
    low, high = int(found[0]) + 1, int(found[1]) + 1  # ranks from 1
    assert binom.cdf(low - 1, n, share) <= 0.025 < binom.cdf(low, n, share)
    assert binom.sf(high - 1, n, share) <= 0.025 < binom.sf(high - 2, n, share)
    if share == 0.5:
        assert found == median_interval(range(n))[1]


def test_the_interval_of_a_percentile_holds_it_in_95_of_100_skewed_samples() -> None:
    rng = np.random.default_rng(5)
    truth = float(np.exp(2.3263478740408408))  # the 99th percentile of a lognormal
    held = 0
    for _ in range(2000):
        low, high = quantile_interval(rng.lognormal(size=1000).tolist(), 0.99) or (0.0, 0.0)
        held += low <= truth <= high
    assert 0.94 <= held / 2000 <= 0.985  # ranks are whole


@pytest.mark.parametrize(("share", "n"), [(0.5, 6), (0.9, 36), (0.99, 368), (0.01, 368)])
def test_below_a_number_of_samples_a_percentile_has_no_interval(share: float, n: int) -> None:
    assert samples_needed(share) == n
    assert quantile_interval(range(n - 1), share) is None
    assert quantile_interval(range(n), share) is not None


@pytest.mark.parametrize("share", [0, 1, -0.1, float("nan")])
def test_shares_that_are_no_percentile_are_refused(share: float) -> None:
    with pytest.raises(ValueError, match="more than 0 and less than 1"):
        quantile_interval(range(10), share)
