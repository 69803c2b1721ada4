"""Single calls as figures: their data, and what is written on them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from edgewb.bundles import bundled_model
from edgewb.latencies import Measurement, measure
from edgewb.lessons.latencies import SelfComparison
from edgewb.types import Basis
from edgewb.views.call_plots import (
    calls_info,
    histogram_info,
    plot_calls,
    plot_histogram,
    plot_self_comparisons,
    plot_settling,
    plot_summaries,
    settling_info,
    summaries_info,
)


@pytest.fixture(scope="module")
def measured() -> Measurement:
    return measure(bundled_model("digits_cnn_int8").path, runs=600)


def test_calls_are_shown_from_the_first(measured: Measurement) -> None:
    info = calls_info(measured, shown=20)
    assert (len(info.warmup_ms), len(info.samples_ms)) == (10, 20)
    assert info.samples_ms == measured.samples_ms[:20]
    first, warm, samples = plot_calls(measured, shown=20).data
    assert (first.x, first.y) == ((1,), (measured.first_ms,))
    assert (warm.x[0], samples.x[0], samples.x[-1]) == (2, 12, 31)


def test_every_call_is_in_one_bin(measured: Measurement) -> None:
    info = histogram_info(measured)
    assert sum(info.counts) == info.n == 600
    assert len(info.edges_ms) == len(info.counts) + 1
    assert info.marks_ms == {name: getattr(measured.latency_ms, name) for name in ("p50", "p90", "p99", "mean")}
    equal = dataclasses.replace(measured, samples_ms=(1.0,) * 30)
    assert sum(histogram_info(equal).counts) == 30
    figure = plot_histogram(measured)
    assert [trace.name.split()[0] for trace in figure.data] == ["calls", "p50", "p90", "p99", "mean"]
    assert "measured" in figure.layout.xaxis.title.text


def test_summaries(measured: Measurement) -> None:
    (row,) = summaries_info({"a<b": measured})
    assert (row.p50, row.n, row.basis) == (measured.latency_ms.p50, 600, "measured")
    figure = plot_summaries({"a<b": measured, "c": measured})
    assert figure.data[0].y == ("a&lt;b", "c")
    assert "600, 600" in figure.layout.xaxis.title.text


def test_settling(measured: Measurement) -> None:
    info = settling_info(measured)
    assert [point.n for point in info["p99"]][-1] == 600
    assert [point.ci95 is not None for point in info["p99"]] == [point.n >= 368 for point in info["p99"]]
    figure = plot_settling(measured)
    assert list(figure.data[1].marker.symbol[:2]) == ["x-open", "x-open"]
    assert np.all(np.asarray(figure.data[0].error_y.array) >= 0)


def test_what_was_not_measured_is_stamped(measured: Measurement) -> None:
    simulated = dataclasses.replace(measured, basis=Basis.SIMULATED)
    for figure in (plot_calls(simulated), plot_histogram(simulated), plot_summaries({"a": simulated}), plot_settling(simulated)):
        assert any(note.text == "SIMULATED" for note in figure.layout.annotations)
    assert not plot_calls(measured).layout.annotations


def test_self_comparisons() -> None:
    rows = [SelfComparison(how="one after the other", mean_ratio=4.0, p50_ratio=1.01, n=10)]
    rows.append(SelfComparison(how="in turns", mean_ratio=1.1, p50_ratio=1.0, n=10))
    figure = plot_self_comparisons(rows)
    assert figure.data[0].x == (4.0, 1.1)
    assert "1 is the truth" in figure.layout.xaxis.title.text.replace("<br>", " ")
