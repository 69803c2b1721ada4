import dataclasses
import itertools
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_records import build_regression

from edgewb.types import LatencySummary
from edgewb.views import figures, plots

EVERY = [plots.plot_accuracy, plots.plot_loss, plots.plot_latency, plots.plot_size, plots.plot_placement]


def plain(figure):
    return json.loads(figure.to_json())


@pytest.mark.parametrize("plot", EVERY)
def test_every_figure_has_titles_with_basis_and_readable_type(nine, plot):
    figure = plain(plot(nine, "ptq_int8"))
    layout = figure["layout"]
    assert layout["title"]["text"]
    assert "measured" in layout["xaxis"]["title"]["text"] or "predicted" in layout["xaxis"]["title"]["text"]
    sizes = [layout["font"]["size"], *(layout[axis]["tickfont"]["size"] for axis in ("xaxis", "yaxis")), layout["legend"]["font"]["size"]]
    sizes.append(layout["xaxis"]["title"]["font"]["size"])
    sizes += [a["font"]["size"] for a in layout.get("annotations", ())]
    assert min(sizes) >= 14


@pytest.mark.parametrize("plot", EVERY)
def test_the_recommended_variant_is_marked_in_words_or_by_a_sign(nine, plot):
    assert "★" in plot(nine, "ptq_int8").to_json().encode().decode("unicode_escape") or "\\u2605" in plot(nine, "ptq_int8").to_json()
    assert "\\u2605" not in plot(nine, None).to_json()


@pytest.mark.parametrize("plot", EVERY)
def test_texts_from_data_are_escaped(make_record, plot):
    text = json.dumps(plain(plot([make_record("float32"), make_record('<a href="x">go</a>')])))
    assert "<a " not in text
    assert "&lt;a " in text


@pytest.mark.parametrize("plot", EVERY)
@pytest.mark.parametrize("count", [0, 1])
def test_few_records_make_a_figure(nine, plot, count):
    assert plot(nine[:count]).to_json()


def test_each_variant_has_its_own_shape_and_colour(nine):
    drawn = [t for t in plain(plots.plot_accuracy(nine))["data"] if t.get("name")]
    assert len({(t["marker"]["symbol"], t["marker"]["color"]) for t in drawn}) == len(nine)
    assert len({t["marker"]["symbol"] for t in drawn}) == len(nine)


def test_accuracy_whiskers_are_the_interval(nine):
    for trace, record in zip(plain(plots.plot_accuracy(nine))["data"], nine, strict=True):
        y, error = trace["y"][0], trace["error_y"]
        assert (y - error["arrayminus"][0], y + error["array"][0]) == pytest.approx([100 * v for v in record.accuracy.ci95])
    assert "error_x" in plain(plots.plot_accuracy(nine, cost="latency"))["data"][0]


def test_loss_has_a_line_at_zero_and_one_at_the_budget(nine):
    shapes = plain(plots.plot_loss(nine, budget_points=1.5))["layout"]["shapes"]
    assert [shape["x0"] for shape in shapes] == [0, -1.5]
    assert shapes[0]["line"].get("dash") != shapes[1]["line"]["dash"]
    assert len(plain(plots.plot_loss(nine))["layout"]["shapes"]) == 1


def test_latency_is_on_a_log_axis_with_labels_in_sight(nine):
    figure = plain(plots.plot_latency(nine))
    axis = figure["layout"]["xaxis"]
    assert axis["type"] == "log"
    values = [v for t in figure["data"] for v in t["x"]]
    inside = [label for tick, label in zip(axis["tickvals"], axis["ticktext"], strict=True) if min(values) <= tick <= max(values)]
    assert len(inside) >= 2
    assert all(float(label) == pytest.approx(tick) for tick, label in zip(axis["tickvals"], axis["ticktext"], strict=True))
    assert [t["name"] for t in figure["data"]] == ["one call", "p50", "p90", "p99"]


@pytest.mark.parametrize("ms", [0.0121, 0.565, 1.01, 1.65, 4.2, 8.9, 57.0])
def test_calls_that_hardly_differ_are_drawn_beside_a_labelled_tick(make_record, ms):
    record = make_record("float32")
    changes = {"samples_ms": (ms, ms * 1.002) * 200, "latency_ms": LatencySummary(p50=ms, p90=ms, p99=ms * 1.002, mean=ms, stdev=0.0)}
    axis = plain(plots.plot_latency([make_record("float32", latency=(dataclasses.replace(record.latency[0], **changes),))]))["layout"][
        "xaxis"
    ]
    low, high = (10**end for end in axis["range"])
    assert high / low == pytest.approx(2)
    assert low < ms < ms * 1.002 < high
    assert any(low <= tick <= high for tick in axis["tickvals"])


@pytest.mark.parametrize(("low", "high"), [(0.05, 0.07), (0.9, 1.1), (0.001, 900), (3, 3)])
def test_log_ticks_cover_the_range_in_order(low, high):
    ticks = figures.log_ticks(low, high)
    assert ticks == sorted(ticks)
    assert ticks[0] <= low
    assert ticks[-1] >= high
    assert all(math.isfinite(t) for t in ticks)


@given(st.floats(1e-4, 1e3), st.floats(0, 3.7))
def test_log_ticks_do_not_touch_on_a_phone(low, decades):
    high = low * 10**decades
    inside = [math.log10(tick) for tick in figures.log_ticks(low, high) if low <= tick <= high]
    apart = [after - before for before, after in itertools.pairwise(inside)]
    assert all(gap >= 0.27 * decades - 1e-6 for gap in apart)  # of the axis; of more decades not even powers of ten are so far apart


def test_bars_differ_by_pattern_too(nine):
    for figure in (plots.plot_size(nine), plots.plot_placement(nine)):
        bars = plain(figure)["data"]
        assert len({bar["marker"]["pattern"]["shape"] for bar in bars}) == len(bars) == 2


def test_a_regression_has_its_own_axes():
    records = [build_regression("a", "float32"), build_regression("b"), build_regression("c", "qat_int8", bias=6.0)]
    figure = plain(plots.plot_accuracy(records, "ptq_int8"))
    assert figure["layout"]["title"]["text"] == "R2 against compressed size"
    assert figure["layout"]["yaxis"]["title"]["text"].startswith("R2, 95 % interval<br>(measured, n = 110)")
    assert "%" not in figure["data"][0]["hovertemplate"]
    assert figure["data"][0]["y"] == [records[0].errors.r2]
    loss = plain(plots.plot_loss(records, "ptq_int8", 1.0))
    assert loss["layout"]["xaxis"]["title"]["text"].startswith("points of R2 [95 %]<br>")
    assert "left of 0: R2 lost" in loss["layout"]["xaxis"]["title"]["text"]
    assert "Wilcoxon" in loss["data"][0]["hovertemplate"]
    assert loss["data"][0]["x"] == [r.error_delta.points for r in records[1:]]
