import json

import numpy as np
import pytest

from edgewb.errors import InputError
from edgewb.lessons.calibration_trials import spoilt_calibrations, spread_net
from edgewb.views.quantization_plots import (
    channel_info,
    grid_info,
    plot_calibrations,
    plot_channels,
    plot_grid,
    plot_ranges,
    plot_spreads,
)


@pytest.fixture(scope="module")
def sets():
    return spoilt_calibrations()


def test_a_grid_says_how_many_numbers_are_left():
    values = np.random.default_rng(0).random(1000) * 3
    full, wide = grid_info(values), grid_info(values, high=300)
    assert (full.used, full.inside, full.n) == (256, 1.0, 1000)
    assert wide.used == 4  # 0, 1.18, 2.35, and 3.53, to which the largest values are rounded
    assert sum(full.counts) == 1000
    assert grid_info(values, high=1.5).inside == pytest.approx(0.5, abs=0.05)


def test_channels_with_one_scale_lose_sizes_and_with_their_own_none():
    kind, spread = channel_info(5), channel_info(5, spread_net(3))
    assert len(kind.levels) == len(kind.per_channel) == 64
    assert max(kind.levels) == max(spread.levels) == 127
    assert min(spread.levels) < 5 < min(kind.levels)
    assert kind.per_tensor == max(kind.per_channel)
    with pytest.raises(InputError, match="0, 1, 2"):
        channel_info(11)


def test_figures_show_their_data(sets):
    grid = json.loads(plot_grid(np.arange(100.0), what="value").to_json())
    assert grid["layout"]["title"]["text"].startswith("256 of 256")
    assert "43 of 127" in json.loads(plot_channels(5).to_json())["layout"]["title"]["text"]
    ranges = plot_ranges({name: sets[name] for name in ("1 image", "10 images")})
    assert len(ranges.data) == 4
    assert len(ranges.data[0].x) == 15


def test_trials_show_interval_basis_and_n(sets):
    trials = json.loads(plot_calibrations({"1 image": sets["1 image"]}).to_json())
    assert trials["data"][0]["y"] == ["1 image"]
    assert "measured, n = 200" in trials["layout"]["xaxis"]["title"]["text"].replace("<br>", " ")
    assert trials["data"][0]["error_x"]["arrayminus"][0] > 0
    spreads = plot_spreads((0, 3))
    assert [trace.name for trace in spreads.data] == ["float32", "int8, a scale per channel", "int8, a scale per tensor"]
    assert spreads.data[2].y[1] < spreads.data[1].y[1]
