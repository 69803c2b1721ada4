"""The figure of a sustained run: its data, its words, what is drawn."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from edgewb.drifts import summarise_drift
from edgewb.latencies import Measurement, measure
from edgewb.types import Basis, Change, Drift, Sensitivity
from edgewb.views.drift_plots import drift_info, plot_drift, read_changes, read_jitter, read_sustained

CHANGE = Change(
    at_s=23.42, before_ms=0.0118, after_ms=0.0131, ratio=0.0131 / 0.0118, n_before=300, n_after=400, ratio_ci95=(1.1, 1.12), percentile=50
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, tflite_bytes: Callable[[str], bytes]) -> Measurement:
    path = tmp_path_factory.mktemp("run") / "a<b>.tflite"
    path.write_bytes(tflite_bytes("int8_conv"))
    return measure(path, sustain_s=1)


def with_drift(run: Measurement, **fields: object) -> Measurement:
    return dataclasses.replace(run, drift=dataclasses.replace(run.drift, **{"changes": (), "sensitivity": None, **fields}))


class TestWords:
    def test_a_slow_down_is_named_with_moment_size_and_basis(self, run: Measurement) -> None:
        (told,) = read_changes(with_drift(run, changes=(CHANGE,)))
        assert told == "slower by 11 % from 23.4 s on (0.0118 -> 0.0131 ms, medians, 95 % interval 10.0 to 12.0 %; measured)"
        faster = dataclasses.replace(CHANGE, ratio=0.9, ratio_ci95=(0.88, 0.92), percentile=10)
        (told,) = read_changes(with_drift(run, changes=(faster,)))
        assert told.startswith("faster by 10 % from 23.4 s on (")
        assert "10th percentiles, 95 % interval 8.0 to 12.0 %" in told

    def test_nothing_found_says_what_would_have_been(self, run: Measurement) -> None:
        (sure,) = read_changes(with_drift(run, sensitivity=Sensitivity(percent=10, tried=20, found=19)))
        assert "one of 10 % would have been seen" in sure
        assert "19 of 20 places" in sure
        assert "by arithmetic" in sure
        (unsure,) = read_changes(with_drift(run, sensitivity=Sensitivity(percent=10, tried=20, found=18)))
        assert "could have been missed" in unsure

    def test_not_looked_for(self, run: Measurement) -> None:
        assert "too few calls" in read_changes(with_drift(run, changes=None))[0]
        assert read_changes(dataclasses.replace(with_drift(run, changes=None), sustained=None)) == []

    def test_how_long_and_how_many(self, run: Measurement) -> None:
        (told,) = read_sustained(dataclasses.replace(run, sustained=dataclasses.replace(run.sustained, one_in=4)))
        assert f"{run.runs:,} calls" in told
        assert f"n = {run.sustained.kept:,}" in told
        short = dataclasses.replace(run, sustained=dataclasses.replace(run.sustained, wanted_s=60.0, one_in=1, back_to_back=True))
        (told,) = read_sustained(short)
        assert "of 60 s" in told
        assert "all kept" in told
        assert "timed elsewhere" in told
        assert read_jitter(run.jitter).startswith("jitter: p99 is ")


class TestFigure:
    def test_info_holds_what_is_drawn(self, run: Measurement) -> None:
        info = drift_info(with_drift(run, changes=(CHANGE,)))
        assert info.n == run.sustained.kept == sum(point.n for point in info.points)
        assert (info.calls, info.basis) == (run.runs, "measured")
        assert all(p.p10_ms <= p.p50_ms <= p.p90_ms and 0 < p.at_s < info.lasted_s for p in info.points)
        assert [mark.text for mark in info.marks] == ["slower by 11 % from 23.4 s on"]
        assert drift_info(dataclasses.replace(run, sustained=None)) is None

    def test_figure_has_units_basis_counts_and_marks(self, run: Measurement) -> None:
        info = drift_info(run)
        figure = plot_drift(with_drift(run, changes=(CHANGE,)))
        told = figure.layout.xaxis.title.text.replace("<br>", " ")
        assert "seconds" in told
        assert "measured" in told
        assert f"{info.n:,} kept of {info.calls:,} calls" in told
        assert "milliseconds" in figure.layout.yaxis.title.text
        assert "a&lt;b&gt;" in figure.layout.title.text
        assert list(figure.data[2].y) == [point.p50_ms for point in info.points]
        assert [shape.x0 for shape in figure.layout.shapes] == [CHANGE.at_s]
        assert "slower by 11 %" in figure.layout.annotations[0].text
        assert plot_drift(dataclasses.replace(run, sustained=None)) is None

    def test_an_early_end_is_marked(self, run: Measurement) -> None:
        figure = plot_drift(dataclasses.replace(run, failed="stopped by Ctrl-C"))
        assert "stopped here" in [note.text for note in figure.layout.annotations]

    def test_what_was_not_measured_has_the_word_across_it(self, run: Measurement) -> None:
        def words(figure: Any) -> list[str]:
            return [note.text for note in figure.layout.annotations if note.name == "watermark"]

        assert words(plot_drift(run)) == []
        assert words(plot_drift(dataclasses.replace(run, basis=Basis.REPLAYED))) == ["REPLAYED"]

    def test_the_words_come_from_a_real_summary(self, run: Measurement) -> None:
        samples = np.repeat([2.0, 2.5], 500) + np.random.default_rng(0).normal(0, 0.01, 1000)
        drift: Drift = summarise_drift(samples)
        (told,) = read_changes(dataclasses.replace(run, drift=drift))
        assert told.startswith("slower by 25 % from 1.0 s on (2 -> 2.5 ms, medians")
