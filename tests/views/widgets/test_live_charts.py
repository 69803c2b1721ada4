"""The pictures of a live page: what stands in them, and that they hold together."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewb.intervals import median_interval
from edgewb.types import Basis
from edgewb.views.widgets import live_charts
from edgewb.views.widgets.live_models import describe_classifier
from edgewb.views.widgets.live_sides import Answer, open_side


@pytest.fixture
def side(tflite_file):
    """A target with no call yet, whose samples a test puts in."""
    classifier = describe_classifier(tflite_file("int8_conv"))
    opened = open_side("cpu", classifier, classifier.path, 1)
    yield opened
    opened.close()


def fill(side, samples, every_s=0.02):
    side.samples_ms.extend(samples)
    side.ended_s.extend(np.arange(1, len(samples) + 1) * every_s)


@given(st.lists(st.floats(0, 1e4), min_size=20, max_size=300))
@settings(deadline=None, max_examples=80)
def test_a_histogram_counts_every_call_once(tmp_path_factory, tflite_bytes, samples):
    path = tmp_path_factory.mktemp("model") / "model.tflite"
    path.write_bytes(tflite_bytes("int8_conv"))
    classifier = describe_classifier(path)
    side = open_side("cpu", classifier, path, 1)
    fill(side, samples)
    found = live_charts.histogram(side)
    assert found is not None
    most = int(found.heights[1].text.replace(",", ""))
    drawn = sum(round(height / 120 * most) for _, _, _, height in found.bars)
    assert drawn + found.beyond == found.n == len(samples)
    for x, y, width, height in found.bars:
        assert 0 <= x <= x + width <= live_charts.WIDTH
        assert y >= 10 - 1e-9
        assert y + height == pytest.approx(130)
    assert all(0 <= mark.at <= live_charts.WIDTH for mark in found.marks)
    side.close()


def test_few_calls_make_no_histogram_and_no_line(side):
    fill(side, [1.0] * 19)
    assert live_charts.histogram(side) is None
    assert live_charts.timeline(side) is None
    assert "too few calls" in live_charts.read_drift(side)


def test_one_call_that_waited_leaves_room_for_the_others(side):
    fill(side, [1.0, 1.1] * 50 + [400.0])
    found = live_charts.histogram(side)
    assert found.beyond == 1
    assert float(found.ticks[-1].text) <= 3.3


def test_medians_over_time_have_their_intervals(side):
    rng = np.random.default_rng(0)
    samples = np.concatenate([rng.normal(2, 0.05, 600), rng.normal(3, 0.05, 600)]).tolist()
    fill(side, samples)
    levels = side.levels()
    assert len(levels) == 24
    assert sum(level.n for level in levels) == 1200
    middle, interval = median_interval(samples[: levels[0].n])
    assert (levels[0].median_ms, levels[0].ci95_ms) == (middle, interval)
    assert [round(level.median_ms) for level in levels] == [2] * 12 + [3] * 12
    found = live_charts.timeline(side)
    assert (found.n, found.basis, found.stamp) == (1200, "measured", "")
    first, last = (float(words) for words in re.findall(r"([\d.]+) ms", found.reading))
    assert (round(first), round(last)) == (2, 3)
    words = live_charts.read_drift(side)
    assert words.startswith("slower by")
    assert "(n = 1,200 calls, measured)" in words


def test_axes_have_round_numbers(side):
    fill(side, np.random.default_rng(0).normal(0.0877, 0.004, 200).tolist(), every_s=0.1)
    for found in (live_charts.histogram(side), live_charts.timeline(side)):
        assert 2 <= len(found.ticks) <= 5
        assert all(len(tick.text.replace(".", "").strip("0")) <= 3 for tick in found.ticks)
        gaps = np.diff([float(tick.text) for tick in found.ticks])
        assert gaps == pytest.approx(gaps[0])


def test_a_pause_between_two_streams_is_no_window(side):
    fill(side, [1.0] * 60)
    side.samples_ms.extend([1.0] * 60)
    side.ended_s.extend(100 + np.arange(60) * 0.02)
    assert all(level.n >= 15 for level in side.levels())
    assert 2 <= len(side.levels()) < 8


def answer(top):
    return Answer(
        frame=1, source="draw", target="cpu", basis=Basis.MEASURED, label=top[0][0], confidence=top[0][1], top=tuple(top), latency_ms=1.0
    )


def test_bars_stay_in_the_picture_whatever_the_labels():
    bars = live_charts.bars(answer([("a very long name of a class indeed", 0.99997), ("b", 0.00003), ("c", 0.0)]))
    assert [bar.text for bar in bars] == [">99 %", "0.0 %", "0.0 %"]
    assert bars[0].label == "a very long name …"
    for bar in bars:
        assert 0 < bar.begin < bar.begin + bar.length + 60 <= live_charts.WIDTH
    assert live_charts.bars(None) == ()


@pytest.mark.parametrize(
    ("value", "text"), [(0.0123456, "0.0123"), (12.34, "12.3"), (999.4, "999"), (1234.5, "1234"), (0, "0"), (0.1, "0.100"), (565.0, "565")]
)
def test_milliseconds_have_three_digits_and_no_exponent(value, text):
    assert live_charts.digits(value) == text
