import json

import pytest

from edgewb.errors import InputError
from edgewb.lessons.hardware import mobilenet_throughputs
from edgewb.lessons.language_models import count_parameters
from edgewb.lessons.queues import most_sensors, server_delay
from edgewb.views.hardware_plots import plot_language_model, plot_sensors_per_server, plot_server_delays, plot_tops, server_delays_info


def _figure(figure):
    return json.loads(figure.to_json())


def test_tops_shows_each_device_once_and_says_published():
    figure = _figure(plot_tops())
    shown = {name: value for trace in figure["data"] for name, value in zip(trace["y"], trace["x"], strict=True)}
    assert shown == {row.device: pytest.approx(row.frames_per_tops) for row in mobilenet_throughputs()}
    assert "published" in figure["layout"]["xaxis"]["title"]["text"]
    assert {trace["name"] for trace in figure["data"]} == {"published throughput", "1 over a published latency"}


def test_delays_are_those_of_the_model():
    info = server_delays_info(10, [2.13, 2.57, 3.19], 5, 25.87)
    at = {delay.sensors: delay for delay in info.mid}
    assert at[10] == server_delay(10, 10, 2.57, 5)
    assert info.most == most_sensors(10, 2.57)
    assert all(low.p99_ms <= mid.p99_ms <= high.p99_ms for low, mid, high in zip(info.low, info.mid, info.high, strict=True))
    # Cameras of a fixed rate wait no longer than frames at random moments.
    assert all(ms <= at[n].p99_ms * 1.02 for n, ms in zip(info.simulated_sensors, info.simulated_p99_ms, strict=True) if n > 3)
    with pytest.raises(InputError, match="give three"):
        server_delays_info(10, [3, 2, 1], 5, 20)


def test_delays_say_their_basis_and_never_leave_the_page():
    figure = _figure(plot_server_delays())
    names = " ".join(trace["name"] for trace in figure["data"])
    assert "estimated" in names
    assert "simulated" in names
    assert any("published" in one["text"] for one in figure["layout"]["annotations"])
    top = figure["layout"]["yaxis"]["range"][1]
    assert all(value <= 10 * top for trace in figure["data"] for value in trace["y"])
    assert "Infinity" not in plot_server_delays().to_json()


def test_grid_marks_what_the_text_claims():
    figure = _figure(plot_sensors_per_server([1, 30], [2.6, 12], 100, 5))
    (heat,) = figure["data"]
    assert heat["text"] == [["<b>360</b>", "<b>59</b>"], ["<b>12</b> ◆", "<b>1</b>"]]
    assert "estimated" in figure["layout"]["xaxis"]["title"]["text"]


def test_language_model_beside_the_cache():
    figure = _figure(plot_language_model())
    shown = {name: value for trace in figure["data"] for name, value in zip(trace["y"], trace["x"], strict=True)}
    assert shown.pop("cache of an Edge TPU") == pytest.approx(8.126, abs=0.001)
    assert sum(shown.values()) == pytest.approx(sum(part.parameters for part in count_parameters()) / 1e6)
