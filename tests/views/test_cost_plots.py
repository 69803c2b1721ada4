"""Costs against sensors: the arithmetic, and that nothing assumed passes for a fact."""

from __future__ import annotations

import json

import pytest

from edgewb.errors import InputError
from edgewb.lessons.queues import most_sensors
from edgewb.views.cost_plots import costs_info, plot_costs

PRICES = (100, 1500, 40)
LOAD = (10, 2.57, 5, 100)


def test_costs() -> None:
    info = costs_info(*PRICES, *LOAD)
    most = most_sensors(*LOAD)
    assert info.even.sensors == 25 <= most == info.even.most_per_server
    devices, servers = dict(zip(info.sensors, info.devices, strict=True)), dict(zip(info.sensors, info.servers, strict=True))
    assert devices[25] == servers[25] == 2500
    assert servers[24] > devices[24]
    assert servers[most] == 1500 + 40 * most < devices[most]
    assert servers[most + 1] == 3000 + 40 * (most + 1) > devices[most + 1]  # the second server


def test_the_figure_says_what_is_assumed() -> None:
    figure = json.loads(plot_costs(*PRICES).to_json())
    assert "assumed" in figure["layout"]["yaxis"]["title"]["text"]
    assert "number of sensors" in figure["layout"]["xaxis"]["title"]["text"]
    assert any("estimated" in one["text"] for one in figure["layout"]["annotations"])
    assert [trace["name"] for trace in figure["data"]] == ["a device at each", "servers for all", "break-even: 25 sensors"]


def test_never_even_and_no_server_at_all() -> None:
    names = [trace.name for trace in plot_costs(10, 1500, 40).data]
    assert names == ["a device at each", "servers for all"]
    assert costs_info(*PRICES, 10, 200, 5, 100).servers == ()
    assert len(plot_costs(*PRICES, service_ms=200).data) == 2


def test_a_price_below_zero() -> None:
    with pytest.raises(InputError, match="device_price"):
        plot_costs(-1, 2, 3)
