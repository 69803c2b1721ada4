"""What devices and servers cost against the number of sensors, at prices the reader gives."""

from __future__ import annotations

import dataclasses
from typing import Any

from edgewb.lessons.queues import BreakEven, break_even, most_sensors, server_costs
from edgewb.types import Jsonable
from edgewb.views.figures import BLUE, GREY, VERMILION, graph_objects, lay_out, wrapped


@dataclasses.dataclass(frozen=True, kw_only=True)
class CostsInfo(Jsonable):
    """What ``plot_costs`` draws, for 1, 2, ... sensors, in the reader's money; prices are assumed, ``most_per_server`` is estimated."""

    sensors: tuple[int, ...]
    devices: tuple[float, ...]
    servers: tuple[float, ...]
    even: BreakEven


def costs_info(
    device_price: float, server_price: float, link_price: float, frame_rate: float, service_ms: float, network_ms: float, limit_ms: float
) -> CostsInfo:
    """The data of ``plot_costs``, with its arguments.

    Raises:
        InputError: a value out of range.
    """
    most = most_sensors(frame_rate, service_ms, network_ms, limit_ms)
    even = break_even(device_price, server_price, link_price, most)
    sensors = tuple(range(1, min(2 * max(most, even.sensors or 1, 10), 1000) + 1))
    return CostsInfo(
        sensors=sensors,
        devices=tuple(n * float(device_price) for n in sensors),
        servers=tuple(server_costs(n, server_price, link_price, most) for n in sensors) if most else (),
        even=even,
    )


def plot_costs(
    device_price: float,
    server_price: float,
    link_price: float,
    frame_rate: float = 10,
    service_ms: float = 2.57,
    network_ms: float = 5,
    limit_ms: float = 100,
) -> Any:
    """Cost of a device at each sensor, and of servers for all, against the number of sensors.

    Args:
        device_price, server_price, link_price: yours, see ``queues.break_even``.
        frame_rate: frames per second of each sensor. service_ms: of one frame on the server. network_ms: there and back.
        limit_ms: 99 of 100 frames are to be answered within so many milliseconds, which limits what one server takes.
    """
    go = graph_objects()
    info = costs_info(device_price, server_price, link_price, frame_rate, service_ms, network_ms, limit_ms)
    most, even = info.even.most_per_server, info.even.sensors
    figure = go.Figure()
    for name, costs, colour, dash in (
        ("a device at each", info.devices, BLUE, "solid"),
        ("servers for all", info.servers, VERMILION, "dash"),
    ):
        figure.add_scatter(
            x=list(info.sensors[: len(costs)]), y=list(costs), mode="lines", name=name, line={"color": colour, "width": 3, "dash": dash},
            hovertemplate="%{x} sensors: %{y:,.0f}<extra></extra>",
        )  # fmt: skip
    if even is not None:
        figure.add_scatter(
            x=[even], y=[even * device_price], mode="markers", name=f"break-even: {even} sensors",
            marker={"symbol": "diamond", "size": 14, "color": "#ffffff", "line": {"width": 3, "color": GREY}},
            hovertemplate="break-even: %{x} sensors<extra></extra>",
        )  # fmt: skip
    figure.add_vline(x=most, line={"color": GREY, "width": 2, "dash": "dot"})
    figure.add_annotation(
        x=most, y=1, yref="paper", xanchor="right" if most > 5 else "left", yanchor="top", showarrow=False, font={"size": 14},
        text=f"one server takes {most}<br>(estimated)", align="right",
    )  # fmt: skip
    x_title = wrapped("number of sensors", f"({frame_rate:g} frames/s each; 99 of 100 answered within {limit_ms:g} ms)", width=34)
    lay_out(figure, "A device at each sensor, or servers for all?", x_title, 480)
    figure.update_yaxes(title={"text": "cost in your money (prices assumed)", "font": {"size": 14}}, rangemode="tozero")
    figure.update_layout(legend={"y": -0.36})
    return figure
