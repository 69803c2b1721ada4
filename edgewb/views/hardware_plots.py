"""Figures on choosing hardware: what a network gets of a stated peak, delays over an edge server, a language model against the cache."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from edgewb.compilers.budgets import CACHE_BYTES
from edgewb.errors import InputError
from edgewb.lessons.hardware import MOBILENET, Throughput, mobilenet_throughputs
from edgewb.lessons.language_models import QWEN3_0_6B, DecoderConfig, count_parameters
from edgewb.lessons.queues import Delay, break_even_grid, most_sensors, server_delay, simulate_waits, utilisation
from edgewb.types import Jsonable
from edgewb.views.figures import BLUE, FONT_SIZE, GREEN, GREY, HATCH, ORANGE, SKY, VERMILION, escaped, graph_objects, lay_out, lay_out_rows

CLAIMED_SENSORS: Final = (10, 20)
"""From so many sensors on an edge server pays, says a text (``iot_break_even`` of ``data/claims.toml``)."""


def plot_tops() -> Any:
    """Frames of MobileNetV2 a second for each TOPS of stated peak, by device (``mobilenet_throughputs``)."""
    go = graph_objects()
    rows = sorted(mobilenet_throughputs(), key=lambda row: -row.frames_per_tops)
    figure = go.Figure()
    for name, from_latency, colour in (("published throughput", False, BLUE), ("1 over a published latency", True, SKY)):
        chosen = [row for row in rows if row.from_latency == from_latency]
        figure.add_bar(
            x=[row.frames_per_tops for row in chosen],
            y=[escaped(row.device) for row in chosen],
            orientation="h",
            name=name,
            text=[_tops_text(row) for row in chosen],
            textposition="auto",
            insidetextfont={"color": "#111111" if from_latency else "#ffffff"},
            marker={"color": colour, "line": {"width": 0}},
            hovertemplate="<b>%{y}</b><br>%{x:.0f} frames/s for each TOPS<extra></extra>",
        )
    labels = [escaped(row.device) for row in rows]
    x_title = f"frames/s of {MOBILENET} for each TOPS of stated peak<br>(published, n = {len(rows)} devices)"
    return lay_out_rows(figure, "What a TOPS gives", x_title, labels, barmode="overlay", bargap=0.3)


def _tops_text(row: Throughput) -> str:
    return f"{row.frames_s:,.0f} frames/s of {row.peak_tops:g} TOPS: {100 * row.utilisation:.1f} % used"


@dataclasses.dataclass(frozen=True, kw_only=True)
class ServerDelaysInfo(Jsonable):
    """Delays over one edge server against the number of sensors.

    ``low``, ``mid`` and ``high`` are for the shortest, middle and longest service time; ``simulated_p99_ms`` for cameras that keep their
    frame rate, at ``simulated_sensors``. ``on_device_ms``: what the sensor's own processor takes. ``most``: sensors up to overload, with
    the middle service time.
    """

    frame_rate: float
    network_ms: float
    service_ms: tuple[float, float, float]
    low: tuple[Delay, ...]
    mid: tuple[Delay, ...]
    high: tuple[Delay, ...]
    simulated_sensors: tuple[int, ...]
    simulated_p99_ms: tuple[float, ...]
    on_device_ms: float
    most: int


def server_delays_info(
    frame_rate: float, service_ms: Sequence[float], network_ms: float, on_device_ms: float, sensors: Sequence[int] = ()
) -> ServerDelaysInfo:
    """The data of ``plot_server_delays``, with its arguments.

    Raises:
        InputError: a value out of range.
    """
    if len(service_ms) != 3 or sorted(service_ms) != list(service_ms):
        raise InputError(f"service_ms is {service_ms!r}: give three, the shortest, the middle and the longest, in milliseconds")
    low, mid, high = (float(value) for value in service_ms)
    most = most_sensors(frame_rate, mid)
    counts = tuple(sensors) or tuple(sorted({*range(1, 11), *(round(step) for step in np.linspace(1, most_sensors(frame_rate, low), 60))}))
    simulated = tuple(n for n in counts if utilisation(n, frame_rate, mid) < 0.995)[:: max(1, len(counts) // 12)]
    waits = [float(np.quantile(simulate_waits(n, frame_rate, mid, "periodic", frames=60_000), 0.99)) for n in simulated]
    low_delays, mid_delays, high_delays = (
        tuple(server_delay(n, frame_rate, one, network_ms) for n in counts) for one in (low, mid, high)
    )  # fmt: skip
    return ServerDelaysInfo(
        frame_rate=frame_rate,
        network_ms=network_ms,
        service_ms=(low, mid, high),
        low=low_delays,
        mid=mid_delays,
        high=high_delays,
        simulated_sensors=simulated,
        simulated_p99_ms=tuple(network_ms + mid + wait for wait in waits),
        on_device_ms=on_device_ms,
        most=most,
    )


def plot_server_delays(
    frame_rate: float = 10, service_ms: Sequence[float] = (2.13, 2.57, 3.19), network_ms: float = 5, on_device_ms: float = 25.87
) -> Any:
    """Delay from frame to answer over one edge server against the number of sensors that share it.

    Args:
        frame_rate: frames per second of each sensor.
        service_ms: of the server, shortest, middle and longest. By default the interval estimated for MobileNetV2 on a desktop with a
            Coral stick (``edgewb estimate``).
        network_ms: there and back. on_device_ms: the same network on the sensor's own processor; by default a Raspberry Pi 4's (published).
    """
    go = graph_objects()
    info = server_delays_info(frame_rate, service_ms, network_ms, on_device_ms)
    top = 3 * max(on_device_ms, network_ms + service_ms[2])
    figure = go.Figure()
    for label, of, colour, dash in (("99 of 100 frames within", "p99_ms", VERMILION, "solid"), ("mean", "mean_ms", BLUE, "dash")):
        band = [(d.sensors, min(getattr(d, of), 10 * top)) for d in info.low]
        back = [(d.sensors, min(getattr(d, of), 10 * top)) for d in reversed(info.high)]
        figure.add_scatter(
            x=[x for x, _ in band + back], y=[y for _, y in band + back], fill="toself", fillcolor=colour, opacity=0.15, mode="none",
            hoverinfo="skip", showlegend=False, name=f"{label}, interval",
        )  # fmt: skip
        figure.add_scatter(
            x=[d.sensors for d in info.mid], y=[min(getattr(d, of), 10 * top) for d in info.mid], mode="lines",
            name=f"{label} (estimated)", line={"color": colour, "width": 3, "dash": dash},
            hovertemplate="%{x} sensors: %{y:.1f} ms<extra></extra>",
        )  # fmt: skip
    figure.add_scatter(
        x=list(info.simulated_sensors), y=list(info.simulated_p99_ms), mode="markers",
        name="99 of 100, fixed frame rates (simulated)", marker={"symbol": "diamond", "size": 10, "color": GREEN},
        hovertemplate="%{x} sensors: %{y:.1f} ms<extra></extra>",
    )  # fmt: skip
    figure.add_hline(y=on_device_ms, line={"color": ORANGE, "width": 2, "dash": "dot"})
    figure.add_annotation(
        x=0.01, xref="paper", y=on_device_ms, yanchor="bottom", xanchor="left", showarrow=False, font={"size": 14},
        text=f"on the device itself: {on_device_ms:g} ms (published)",
    )  # fmt: skip
    figure.add_vrect(x0=CLAIMED_SENSORS[0], x1=CLAIMED_SENSORS[1], fillcolor=GREY, opacity=0.18, line={"width": 0}, layer="below")
    figure.add_annotation(
        x=CLAIMED_SENSORS[1],
        y=0.97,
        yref="paper",
        xanchor="left",
        yanchor="top",
        text="← claimed: 10 to 20",
        showarrow=False,
        font={"size": 14},
    )
    title = f"One server, {frame_rate:g} frames/s from each sensor, {network_ms:g} ms of network"
    lay_out(figure, title, "number of sensors that share the server", 480)
    figure.update_yaxes(title={"text": "delay from frame to answer in ms", "font": {"size": 14}}, range=[0, top])
    figure.update_xaxes(rangemode="tozero")
    return figure


def plot_sensors_per_server(
    frame_rates: Sequence[float] = (1, 5, 15, 30),
    services_ms: Sequence[float] = (2.6, 7.2, 12, 52),
    limit_ms: float = 100,
    network_ms: float = 5,
) -> Any:
    """How many sensors one server takes if 99 of 100 frames are to be answered in time, for frame rates and service times."""
    go = graph_objects()
    grid = break_even_grid(frame_rates, services_ms, limit_ms, network_ms)
    shade = [[float(np.log10(max(value, 0.5))) for value in row] for row in grid]
    low, high = CLAIMED_SENSORS
    figure = go.Figure(
        go.Heatmap(
            z=shade, x=[f"{service:g} ms" for service in services_ms], y=[f"{rate:g} frames/s" for rate in frame_rates],
            text=[[f"<b>{value}</b>" + (" ◆" if low <= value <= high else "") for value in row] for row in grid], texttemplate="%{text}",
            textfont={"size": FONT_SIZE + 3}, colorscale=[[0, "#f2f2f2"], [1, SKY]], showscale=False, xgap=3, ygap=3,
            hovertemplate="%{y}, %{x}: %{text} sensors<extra></extra>",
        )
    )  # fmt: skip
    lay_out(
        figure, "How many sensors one server takes", f"server time for each frame (estimated; 99 of 100 frames within {limit_ms:g} ms)", 380
    )
    figure.update_yaxes(title={"text": "frame rate of each sensor", "font": {"size": 14}}, showgrid=False)
    figure.update_xaxes(showgrid=False)
    return figure


def plot_language_model(config: DecoderConfig = QWEN3_0_6B) -> Any:
    """Parameters of a language model by part, in int8 megabytes, and the cache of an Edge TPU beside them."""
    go = graph_objects()
    parts = sorted(count_parameters(config), key=lambda part: -part.parameters)
    labels = [escaped(part.part) for part in parts] + ["cache of an Edge TPU"]
    sizes = [part.parameters / 1e6 for part in parts]
    figure = go.Figure()
    figure.add_bar(
        x=sizes, y=labels[:-1], orientation="h", name=escaped(config.name), marker={"color": BLUE},
        text=[f"{size:.3g} MB" for size in sizes], textposition="auto", hovertemplate="<b>%{y}</b><br>%{x:.1f} MB<extra></extra>",
    )  # fmt: skip
    figure.add_bar(
        x=[CACHE_BYTES / 1e6], y=labels[-1:], orientation="h", name="cache",
        marker={"color": VERMILION, "pattern": {"shape": "/", **HATCH}},
        text=[f"{CACHE_BYTES / 1e6:.3g} MB"], textposition="outside", hovertemplate="%{x:.1f} MB<extra></extra>",
    )  # fmt: skip
    total = sum(sizes)
    x_title = f"MB in int8, a byte for each parameter<br>(counted from the published sizes; {total:.0f} MB in all)"
    return lay_out_rows(figure, f"{config.name} beside the cache", x_title, labels, showlegend=False, bargap=0.25)
