"""What a budget takes, and what a second look shows."""

from __future__ import annotations

import itertools

import pytest

from edgewb.bundles import bundled_studies
from edgewb.errors import InputError
from edgewb.lessons.choices import choices_by_budget, look_twice
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


def test_a_second_look_has_both_figures_the_best_looking_first() -> None:
    records = bundled_studies()[0].records
    looks = look_twice(records)
    assert [one.chosen_points for one in looks] == sorted((one.chosen_points for one in looks), reverse=True)
    by_recipe = {record.recipe: record for record in records}
    assert {one.recipe for one in looks} == set(by_recipe) - {"float32"}
    for one in looks:
        delta, before = by_recipe[one.recipe].accuracy_delta, by_recipe[one.recipe].validation_delta
        assert delta is not None
        assert before is not None
        assert (one.test_points, one.test_n, one.chosen_points, one.chosen_n) == (delta.points, delta.n, before.points, before.n)
        assert one.low_points <= one.test_points <= one.high_points
        assert one.fall_points == pytest.approx(before.points - delta.points)


def test_records_without_deltas_have_no_second_look() -> None:
    assert look_twice(bundled_studies()[0].records[:1]) == ()
