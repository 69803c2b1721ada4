"""What of a net's parameters stays on the chip, and what it costs to send the rest: published nets as figures."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Final

from edgewb.compilers.budgets import CACHE_BYTES
from edgewb.estimates.hosts import stored
from edgewb.lessons.published_nets import PublishedNet, published_net, published_nets
from edgewb.types import Basis, Jsonable
from edgewb.views.figures import BLUE, GREY, HATCH, ORANGE, VERMILION, escaped, graph_objects, lay_out, lay_out_rows, wrapped

NETS: Final = (
    "mobilenet_v1_0.25_128", "mobilenet_v2_1.0_224", "inception_v1_224", "inception_v2_224", "efficientnet_edgetpu_L", "resnet50_299",
    "inception_v4_299",
)  # fmt: skip
"""From what fits with room to spare to what does not."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class MemoryRow(Jsonable):
    """Parameters of a net in MB of 1,000,000 bytes, as the device stores them."""

    net: str
    kept_mb: float
    streamed_mb: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class MemoryInfo(Jsonable):
    """What ``plot_memory`` draws; ``room_mb`` is what the chip keeps at most."""

    rows: tuple[MemoryRow, ...]
    room_mb: float
    basis: str


def memory_info(nets: Sequence[str] = NETS) -> MemoryInfo:
    """The data of ``plot_memory``. Raises InputError for an unknown net."""
    chosen = [published_net(name) for name in nets]
    rows = (MemoryRow(net=net.name, kept_mb=net.cached_bytes / 1e6, streamed_mb=net.streamed_bytes / 1e6) for net in chosen)
    return MemoryInfo(rows=tuple(rows), room_mb=CACHE_BYTES / 1e6, basis=Basis.PREDICTED)


def plot_memory(nets: Sequence[str] = NETS) -> Any:
    """Megabytes of parameters per net: kept on the chip, and streamed at each inference; a line where the chip is full."""
    go = graph_objects()
    info = memory_info(nets)
    labels = [escaped(row.net) for row in info.rows]
    figure = go.Figure()
    for name, colour, pattern, values in (
        ("kept on the chip", BLUE, "", [row.kept_mb for row in info.rows]),
        ("streamed at each inference", ORANGE, "/", [row.streamed_mb for row in info.rows]),
    ):
        figure.add_bar(
            x=values,
            y=labels,
            orientation="h",
            name=name,
            marker={"color": colour, "pattern": {"shape": pattern, **HATCH}, "line": {"width": 0}},
            hovertemplate=f"<b>%{{y}}</b><br>{name}: %{{x:.2f}} MB<extra></extra>",
        )
    x_title = wrapped("parameters in MB of 1,000,000 bytes", f"({info.basis} from the layers)", width=40)
    lay_out_rows(figure, "Does it fit on the chip?", x_title, labels, barmode="stack", bargap=0.3)
    figure.add_vline(x=info.room_mb, line={"color": VERMILION, "width": 2, "dash": "dash"})
    figure.add_annotation(
        x=info.room_mb, y=1, yref="paper", yanchor="bottom", xanchor="left", text=f"full at {info.room_mb:.2f} MB", showarrow=False,
        font={"size": 14},
    )  # fmt: skip
    figure.update_layout(legend={"traceorder": "normal"})
    return figure


@dataclasses.dataclass(frozen=True, kw_only=True)
class StreamingPoint(Jsonable):
    """One published figure: megabytes streamed at each inference (predicted), milliseconds (published), and who published it."""

    net: str
    streamed_mb: float
    ms: float
    source: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class StreamingInfo(Jsonable):
    """What ``plot_streaming`` draws. ``rate_mb_s``: at which parameters are sent over USB 3, fitted to published figures."""

    points: tuple[StreamingPoint, ...]
    rate_mb_s: float

    @property
    def farthest_mb(self) -> float:
        """The right end of the line."""
        return max(point.streamed_mb for point in self.points)


def streaming_info() -> StreamingInfo:
    """The data of ``plot_streaming``: every net published for a desktop on USB 3 that does not fit."""
    nets: list[PublishedNet] = [net for net in published_nets().values() if net.streamed_bytes]
    points = [
        StreamingPoint(net=net.name, streamed_mb=net.streamed_bytes / 1e6, ms=latency.ms, source=latency.source)
        for net in nets
        for latency in net.latencies
        if latency.host == "desktop"
    ]
    rate = stored()["hosts"]["desktop"]["buses"]["usb3"]["constants"]["stream_mb_s"]["value"]
    return StreamingInfo(points=tuple(points), rate_mb_s=float(rate))


def plot_streaming() -> Any:
    """Published milliseconds against the megabytes that are sent at each inference, with what the sending alone would take."""
    go = graph_objects()
    info = streaming_info()
    figure = go.Figure()
    end = 1.05 * info.farthest_mb
    figure.add_scatter(
        x=[0, end], y=[0, 1000 * end / info.rate_mb_s], mode="lines", name=f"sending alone, {info.rate_mb_s:.0f} MB/s (estimated)",
        line={"color": GREY, "width": 2, "dash": "dash"}, hoverinfo="skip",
    )  # fmt: skip
    figure.add_scatter(
        x=[point.streamed_mb for point in info.points],
        y=[point.ms for point in info.points],
        mode="markers",
        name="one net (published)",
        marker={"size": 12, "symbol": "diamond", "color": BLUE},
        customdata=[[escaped(point.net), escaped(point.source)] for point in info.points],
        hovertemplate="<b>%{customdata[0]}</b><br>%{x:.1f} MB, %{y:.3g} ms<br>%{customdata[1]}<extra></extra>",
    )
    title = wrapped("MB of parameters streamed at each inference (predicted)", width=60)
    lay_out(figure, "What streaming costs", title, 460)
    figure.update_yaxes(
        title={
            "text": f"ms per inference (published,<br>desktop, USB 3, n = {len(info.points)} figures)",
            "standoff": 10,
            "font": {"size": 14},
        },
        rangemode="tozero",
    )
    figure.update_layout(legend={"y": -0.25})
    return figure
