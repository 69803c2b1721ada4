import itertools
import json

import pytest

from edgewb.errors import InputError
from edgewb.views.live_plots import (
    calls_info,
    frames_info,
    list_calls,
    list_targets_here,
    plot_calls,
    plot_frames,
    plot_recorded_calls,
    recorded_info,
)
from edgewb.views.widgets import Live
from edgewb.views.widgets.live_plays import play_test_images


@pytest.fixture(scope="module")
def live():
    return play_test_images(Live(target="simulated", beside="cpu"), 40)


def test_the_first_call_is_no_part_of_the_histogram(live):
    first, second = list_calls(live).rows
    assert (first[0], first[-1], second[-1]) == ("simulated", "simulated", "measured")
    assert (first[-2], second[-2]) == ("39", "39")
    assert float(first[1]) > 0
    assert first[4] == "– (needs 100 calls)"


def test_what_was_not_measured_says_so(live):
    figure = json.loads(plot_calls(live).to_json())
    assert [one["text"] for one in figure["layout"]["annotations"] if one.get("name") == "watermark"] == ["SIMULATED"]
    assert "simulated, n = 39" in figure["layout"]["xaxis"]["title"]["text"].replace("<br>", " ")
    assert sum(figure["data"][0]["y"]) <= 39


def test_slow_calls_are_counted_not_drawn():
    info = calls_info([1.0] * 30 + [100.0], "cpu", "measured")
    assert (info.beyond, sum(info.counts), info.n) == (1, 30, 31)
    with pytest.raises(InputError, match="20 at least"):
        calls_info([1.0] * 19, "cpu", "measured")


def test_a_recorded_histogram_says_where_and_shows_no_percentile():
    info = recorded_info("prune80_ptq_int8")
    assert (info.n, info.basis, info.where) == (200, "measured", "on another computer")
    figure = plot_recorded_calls("prune80_ptq_int8")
    assert "another computer" in figure.layout.xaxis.title.text.replace("<br>", " ")
    assert not figure.layout.shapes
    with pytest.raises(InputError, match="recipe"):
        recorded_info("none")


def test_frames_add_up_to_the_camera():
    assert all(one.answered_fps + one.dropped_fps == pytest.approx(30) for one in frames_info())
    falls = [(a, b) for a, b in itertools.pairwise(frames_info()) if b.answered_fps < a.answered_fps]
    assert len(falls) == 4
    assert all(b.answer_ms - a.answer_ms < 0.2 for a, b in falls)  # upright stairs, not slopes
    assert [trace.name for trace in plot_frames().data] == ["answered", "left out"]


def test_targets_are_listed_with_what_is_missing():
    rows = {row[0]: row for row in list_targets_here().rows}
    assert rows["cpu[:KERNELS]"][2:] == ("yes", "")
    assert rows["ssh:user@host[:port]"][2] == "asked when named"
    assert all((len(row[3]) > 10) == (row[2] == "no") for row in rows.values())
