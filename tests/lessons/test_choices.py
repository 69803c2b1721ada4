"""What a budget takes, and how flattering it is to be the best of many."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from edgewb.bundles import bundled_studies
from edgewb.errors import InputError
from edgewb.lessons.choices import best_of_many, choices_by_budget
from edgewb.recommendations import recommend
from edgewb.types import Basis


def test_choices_join_without_gaps_and_are_what_recommend_says() -> None:
    records = bundled_studies()[0].records
    found = choices_by_budget(records, highest_points=5.0)
    assert found[0].low_points == 0
    assert found[-1].high_points == pytest.approx(5.0)
    for one, after in itertools.pairwise(found):
        assert one.high_points == pytest.approx(after.low_points)
        assert one.recipe != after.recipe
    for one in found:
        assert recommend(records, one.low_points + 0.05).recipe == one.recipe


@pytest.mark.parametrize("step", [0.0, -1.0, 7.0])
def test_a_step_that_makes_no_sense(step: float) -> None:
    with pytest.raises(InputError, match="step"):
        choices_by_budget(bundled_studies()[0].records, 5.0, step)


def test_the_excess_is_that_of_the_largest_of_binomials() -> None:
    n, variants, right = 200, 20, 0.98
    below = binom.cdf(range(n + 1), n, right) ** variants
    expected = sum(1 - below[k] for k in range(n)) * 100 / n - 100 * right
    found = best_of_many(variants, n, 100 * right, repeats=20_000)
    assert found.excess_points == pytest.approx(expected, abs=0.02)
    assert found.low_points <= found.excess_points <= found.high_points
    assert found.basis is Basis.SIMULATED


@given(st.integers(1, 30), st.integers(1, 300), st.floats(0, 100))
def test_more_variants_never_look_worse(variants: int, n: int, right: float) -> None:
    one, many = (best_of_many(count, n, right, repeats=200, seed=1) for count in (1, variants))
    assert many.excess_points >= one.excess_points - 100 * 4 * (0.25 / n / 200) ** 0.5 - 1e-9
    assert many.excess_points <= 100 - right + 1e-9


@pytest.mark.parametrize(
    ("arguments", "said"), [((0, 10), "variants"), ((1, 0), "n = 0"), ((1, 10, 101.0), "accuracy"), ((1, 10, 50.0, 0), "repeats")]
)
def test_bad_arguments(arguments: tuple[int, ...], said: str) -> None:
    with pytest.raises(InputError, match=said):
        best_of_many(*arguments)
