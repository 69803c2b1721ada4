"""What a budget takes, and how flattering it is to be the best of many."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewb.bundles import bundled_studies
from edgewb.errors import InputError
from edgewb.lessons.choices import best_of_many, choices_by_budget
from edgewb.recommendations import recommend


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


def test_the_excess_is_what_drawing_gives() -> None:
    drawn = 100 * np.random.default_rng(0).binomial(200, 0.98, size=(40_000, 20)).max(axis=1) / 200 - 98
    found = best_of_many(20, 200, 98.0)
    assert found.excess_points == pytest.approx(drawn.mean(), abs=0.02)
    assert (found.low_points, found.high_points) == pytest.approx(tuple(np.percentile(drawn, [10, 90])))


@given(st.integers(1, 30), st.integers(1, 300), st.floats(0, 100))
def test_more_variants_never_look_worse(variants: int, n: int, right: float) -> None:
    one, many = (best_of_many(count, n, right) for count in (1, variants))
    assert one.excess_points == pytest.approx(0, abs=1e-6)
    assert many.excess_points >= -1e-9
    assert many.low_points >= one.low_points - 1e-9
    assert many.excess_points <= 100 - right + 1e-6


@pytest.mark.parametrize(("arguments", "said"), [((0, 10), "variants"), ((1, 0), "n = 0"), ((1, 10, 101.0), "accuracy")])
def test_bad_arguments(arguments: tuple[int, ...], said: str) -> None:
    with pytest.raises(InputError, match=said):
        best_of_many(*arguments)
