"""Figures on a baseline: their data, and that each has titles with units, basis and n."""

from __future__ import annotations

import json
from typing import Any

import pytest
from made_records import build_delta, build_record, build_regression

from edgewb.errors import InputError
from edgewb.intervals import examples_for_half_width, newcombe_interval, wilson_interval
from edgewb.study_contexts import LearningCurve
from edgewb.types import Accuracy
from edgewb.views import baseline_plots as plots


def accuracy(correct: int, n: int = 500) -> Accuracy:
    return Accuracy(value=correct / n, n=n, ci95=wilson_interval(correct, n), correct=correct, target="cpu")


CURVE = LearningCurve(losses=(2.0, 0.5, 0.1, 0.05), validation=(0.1, 0.9, 0.97, 0.98), n=200, measure="accuracy", seconds=12.3)
FLOAT = build_record("k0", "float32", accuracy=accuracy(495), accuracy_delta=None)
SMALL = build_record("k1", "student_float32", accuracy=accuracy(487), accuracy_delta=build_delta(3, 11, 500))
RECORDS = [FLOAT, SMALL]


def plain(figure: Any) -> Any:
    return json.loads(figure.to_json())


@pytest.mark.parametrize(
    ("figure", "basis"),
    [
        (plots.plot_learning_curve(CURVE), "measured"),
        (plots.plot_interval_widths(), "computed"),
        (plots.plot_shares({"a": FLOAT, "b": SMALL}, "Two"), "measured"),
        (plots.plot_comparison(RECORDS, "student_float32"), "measured"),
        (plots.plot_best_of(), "computed"),
    ],
)
def test_every_figure_has_titles_with_units_and_basis(figure: Any, basis: str) -> None:
    layout = plain(figure)["layout"]
    assert layout["title"]["text"]
    titles = [layout[axis]["title"].get("text", "") for axis in layout if axis.startswith(("xaxis", "yaxis")) and "title" in layout[axis]]
    assert basis in " ".join(titles)
    assert layout["font"]["size"] >= 14


def test_the_curve_has_an_interval_for_each_epoch() -> None:
    info = plots.curve_info(CURVE)
    assert [(e.epoch, e.loss, e.percent) for e in info.epochs] == [(1, 2.0, 10.0), (2, 0.5, 90.0), (3, 0.1, 97.0), (4, 0.05, 98.0)]
    low, high = wilson_interval(194, 200)
    assert (info.epochs[2].low_percent, info.epochs[2].high_percent) == pytest.approx((100 * low, 100 * high))


def test_epochs_below_the_axis_are_named() -> None:
    assert [epoch.epoch for epoch in plots.curve_info(CURVE).below] == [1]
    texts = [one["text"] for one in plain(plots.plot_learning_curve(CURVE))["layout"]["annotations"]]
    assert texts == [" below the axis: epoch 1 (10 %)"]


@pytest.mark.parametrize("curve", [None, LearningCurve(losses=(1.0,), validation=(0.3,), n=9, measure="r2", seconds=1.0)])
def test_a_curve_that_says_no_accuracy_is_refused(curve: LearningCurve | None) -> None:
    with pytest.raises(InputError, match="no accuracy was recorded epoch by epoch"):
        plots.plot_learning_curve(curve)


def test_widths_are_those_of_the_intervals() -> None:
    info = plots.width_info((95,))
    assert {(point.half_width_points, point.n) for point in info} >= {(1.0, examples_for_half_width(0.95, 0.01))}
    counts = [point.n for point in info]
    assert counts == sorted(counts)


def test_a_comparison_keeps_the_counts_and_both_intervals() -> None:
    info = plots.comparison_info(RECORDS, "student_float32")
    assert (info.both_right, info.gained, info.lost, info.both_wrong) == (484, 3, 11, 2)
    assert info.both_right + info.gained == 487
    assert info.both_right + info.lost == 495
    paired, unpaired = info.rows
    low, high = newcombe_interval(487, 500, 495, 500)
    assert (unpaired.low_points, unpaired.high_points) == pytest.approx((100 * low, 100 * high))
    assert paired.high_points - paired.low_points < unpaired.high_points - unpaired.low_points
    assert "both right 484, only float32 right 11, only student_float32 right 3, both wrong 2" in repr(info)
    assert "<strong>11</strong> lost" in info._repr_html_()


@pytest.mark.parametrize("recipe", ["float32", "other"])
def test_what_was_not_compared_is_refused(recipe: str) -> None:
    with pytest.raises(InputError, match="take one of student_float32"):
        plots.comparison_info(RECORDS, recipe)


def test_names_are_escaped() -> None:
    odd = build_record("k2", "<b>x", accuracy=accuracy(480), accuracy_delta=build_delta(1, 16, 500))
    assert "<b>x" not in plots.comparison_info([FLOAT, odd], "<b>x")._repr_html_()
    assert "<b>x" not in json.dumps(plain(plots.plot_shares({"<b>x": odd}, "t")))


def test_a_regression_has_no_accuracy_to_draw() -> None:
    with pytest.raises(InputError, match="is a regression"):
        plots.plot_shares({"a": build_regression()}, "t")


def test_the_best_of_one_looks_as_it_is_and_fewer_images_flatter_more() -> None:
    info = plots.best_info(98, (200, 5000))
    first = [point.points for point in info if point.variants == 1]
    assert first == pytest.approx([0, 0], abs=1e-9)
    by = {(point.n, point.variants): point.points for point in info}
    assert by[200, 20] > by[5000, 20] > by[5000, 2] > 0
