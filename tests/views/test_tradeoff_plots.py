"""Figures about choosing: what is drawn is what their data say."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewb.bundles import bundled_studies
from edgewb.errors import InputError
from edgewb.lessons.choices import choices_by_budget, look_twice
from edgewb.views.tradeoff_plots import (
    _spread,
    architectures_info,
    plot_architectures,
    plot_choices,
    plot_second_looks,
    plot_tradeoff,
    tradeoff_of,
)

RECORDS = bundled_studies()[0].records


def test_tradeoff_draws_every_point_once_with_its_name() -> None:
    info = tradeoff_of(RECORDS)
    figure = plot_tradeoff(RECORDS)
    drawn = [(name, x, y) for trace in figure.data[:2] for name, x, y in zip(trace.text, trace.x, trace.y, strict=True)]
    assert sorted(drawn) == sorted((point.recipe, point.cost.value, point.score.percent) for point in info.points)
    assert set(figure.data[0].text) == {point.recipe for point in info.points if point.on_front}
    named = [note.text for note in figure.layout.annotations]
    assert {point.recipe for point in info.points} <= set(named)
    assert "float less 1 point" in named
    assert "measured" in figure.layout.yaxis.title.text
    assert "kB" in figure.layout.xaxis.title.text


def test_tradeoff_says_which_costs_there_are() -> None:
    with pytest.raises(InputError, match="did you mean 'compressed'"):
        plot_tradeoff(RECORDS, cost="compresed")


def test_estimates_are_called_so() -> None:
    figure = plot_tradeoff(RECORDS, cost="estimate")
    assert "estimated" in figure.layout.xaxis.title.text.lower()
    assert figure.layout.title.text == "Accuracy against Edge TPU latency, estimated"


@pytest.mark.parametrize(("cost", "side"), [("compressed", "right"), ("estimate", "left")])
def test_the_floor_is_named_where_no_name_of_a_variant_stands(cost: str, side: str) -> None:
    (floor,) = [note for note in plot_tradeoff(RECORDS, cost=cost).layout.annotations if note.text == "float less 1 point"]
    assert floor.xanchor == side


def test_architectures_front() -> None:
    front = {net.name for net, best in architectures_info() if best}
    assert {"MobileNetV2", "InceptionV3"} <= front
    assert not {"DenseNet121", "EfficientNetB0"} & front
    figure = plot_architectures()
    assert "published" in figure.layout.xaxis.title.text
    assert {note.text for note in figure.layout.annotations} == {net.name for net, _ in architectures_info()}


def test_choices_are_bars_side_by_side() -> None:
    figure = plot_choices(RECORDS)
    info = choices_by_budget(RECORDS)
    assert [trace.base[0] for trace in figure.data] == [choice.low_points for choice in info]
    assert [trace.text for trace in figure.data] == [choice.recipe or "nothing" for choice in info]


def test_second_looks_are_drawn_twice_a_row() -> None:
    figure, info = plot_second_looks(RECORDS), look_twice(RECORDS)
    test, chosen = figure.data
    assert list(test.y) == list(chosen.y) == [one.recipe for one in info]
    assert list(test.x) == [one.test_points for one in info]
    assert list(chosen.x) == [one.chosen_points for one in info]
    assert ("n = 500" in test.name, "n = 200" in chosen.name) == (True, True)
    assert "measured" in figure.layout.xaxis.title.text


@given(st.lists(st.floats(-500, 500), min_size=1, max_size=12), st.floats(1, 40))
def test_names_are_spread(places: list[float], gap: float) -> None:
    places = sorted(places, reverse=True)
    moved = _spread(places, gap)
    assert all(one - after >= gap - 1e-6 for one, after in itertools.pairwise(moved))
    assert sum(moved) == pytest.approx(sum(places), abs=1e-6)


def test_no_second_look_without_deltas() -> None:
    with pytest.raises(InputError, match="a reference and variants"):
        plot_second_looks(RECORDS[:1])
