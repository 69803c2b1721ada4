"""One net on every computer and bus: what is estimated, and beside it what others published."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, Final

from edgewb.estimates.estimations import Estimate, estimate
from edgewb.lessons.published_nets import estimate_published, published_net, published_nets
from edgewb.types import Basis, Jsonable
from edgewb.views.figures import BLUE, GREEN, GREY, escaped, graph_objects, lay_out_rows, log_axis, wrapped
from edgewb.views.widgets.inspector_parts import place_label

PLACES: Final = (
    ("desktop", "usb3", "max"), ("desktop", "usb3", "std"), ("desktop", "usb2", "max"), ("pi4", "usb3", "max"), ("pi4", "usb2", "max"),
    ("pi3", "usb2", "max"), ("devboard", "pcie", "max"),
)  # fmt: skip


@dataclasses.dataclass(frozen=True, kw_only=True)
class HostRow(Jsonable):
    """A net at one place. ``low`` to ``high`` is the 80 % interval; all three None where no estimate is given: then ``refused`` says why,
    and ``least_ms`` is what it takes at least, where anything maps.

    ``published`` are milliseconds others published for this very place, with their sources.
    """

    place: str
    mid_ms: float | None
    low_ms: float | None
    high_ms: float | None
    refused: str | None
    least_ms: float | None = None
    published: tuple[tuple[float, str], ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class HostsInfo(Jsonable):
    """What ``plot_hosts`` draws; the figures of the rows are estimated, those in ``published`` published."""

    net: str
    rows: tuple[HostRow, ...]
    basis: str


def hosts_info(model: str | Path) -> HostsInfo:
    """The data of ``plot_hosts``.

    Args:
        model: a .tflite file, or the name of a net in ``data/latency/models.json``.

    Raises:
        ModelFileError: the file cannot be read.
    """
    known = str(model) in published_nets()
    estimates = estimate_published(str(model), PLACES) if known else [estimate(model, host, bus, clock) for host, bus, clock in PLACES]
    rows = tuple(_row(one, str(model) if known else None) for one in estimates)
    return HostsInfo(net=Path(model).name, rows=rows, basis=Basis.ESTIMATED)


def _row(one: Estimate, net: str | None) -> HostRow:
    span = one.latency_ms
    latencies = published_net(net).latencies if net is not None else ()
    here = tuple((latency.ms, latency.source) for latency in latencies if (latency.host, latency.bus, latency.clock) == _place(one))
    clock = ", half the clock" if one.clock == "std" else ""
    return HostRow(
        place=place_label(f"{one.host} {one.bus}") + clock,
        mid_ms=None if span is None else span.mid,
        low_ms=None if span is None else span.low,
        high_ms=None if span is None else span.high,
        refused=one.refused,
        least_ms=None if one.bound_ms is None else one.bound_ms.at_least,
        published=here,
    )


def _place(one: Estimate) -> tuple[str, str, str]:
    return one.host, one.bus, one.clock


def plot_hosts(model: str | Path) -> Any:
    """Milliseconds per inference at each place on a log axis: the estimate with its 80 % interval, and published figures as diamonds."""
    go = graph_objects()
    info = hosts_info(model)
    known = [row for row in info.rows if row.mid_ms is not None and row.low_ms is not None and row.high_ms is not None]
    figure = go.Figure()
    figure.add_scatter(
        x=[row.mid_ms for row in known],
        y=[escaped(row.place) for row in known],
        mode="markers",
        name="estimate, 80 % interval",
        marker={"size": 12, "symbol": "square", "color": BLUE},
        error_x={
            "type": "data", "symmetric": False, "array": [(row.high_ms or 0) - (row.mid_ms or 0) for row in known],
            "arrayminus": [(row.mid_ms or 0) - (row.low_ms or 0) for row in known], "thickness": 2, "width": 6, "color": GREY,
        },
        customdata=[[f"{row.mid_ms:.3g} [{row.low_ms:.3g}, {row.high_ms:.3g}]"] for row in known],
        hovertemplate="<b>%{y}</b><br>%{customdata[0]} ms (estimated)<extra></extra>",
    )  # fmt: skip
    published = [(ms, escaped(row.place), escaped(source)) for row in info.rows for ms, source in row.published]
    if published:
        figure.add_scatter(
            x=[ms for ms, _, _ in published],
            y=[place for _, place, _ in published],
            mode="markers",
            name="published",
            marker={"size": 13, "symbol": "diamond-open", "color": GREEN, "line": {"width": 3, "color": GREEN}},
            customdata=[source for _, _, source in published],
            hovertemplate="<b>%{y}</b><br>%{x:.3g} ms (published)<br>%{customdata}<extra></extra>",
        )
    bounds = [(row.least_ms, escaped(row.place)) for row in info.rows if row.least_ms is not None]
    if bounds:
        figure.add_scatter(
            x=[ms for ms, _ in bounds],
            y=[place for _, place in bounds],
            mode="markers",
            name="no estimate: it takes at least so long",
            marker={"size": 14, "symbol": "triangle-right-open", "color": GREY, "line": {"width": 3, "color": GREY}},
            hovertemplate="<b>%{y}</b><br>at least %{x:.3g} ms (estimated)<extra></extra>",
        )
    basis = f"{info.basis}; diamonds: published" if published else info.basis
    x_title = wrapped("ms per inference, log axis", f"({basis})", width=40)
    lay_out_rows(figure, f"{escaped(info.net[-40:])} on an Edge TPU", x_title, [escaped(row.place) for row in info.rows])
    values = [value for row in known for value in (row.low_ms, row.high_ms) if value is not None]
    log_axis(figure, values + [ms for ms, _, _ in published] + [ms for ms, _ in bounds])
    figure.update_yaxes(type="category")  # also where nothing is drawn
    if not known and not published and not bounds:
        why = wrapped(info.rows[0].refused or "no estimate", width=40)
        figure.add_annotation(x=0.5, y=0.5, xref="paper", yref="paper", text=why, showarrow=False, font={"size": 16})
    figure.update_layout(showlegend=True)
    return figure
