"""Figures: each takes records, asks ``infos`` for the data and draws it. Colours are never the only difference."""

from __future__ import annotations

import html
import math
import textwrap
from collections.abc import Sequence
from typing import Any

from edgewb.errors import require
from edgewb.types import Record
from edgewb.verdicts import of
from edgewb.views.infos import accuracy_info, latency_info, loss_info, placement_info, size_info

# Okabe and Ito's palette (jfly.uni-koeln.de/color), told apart with every common colour blindness; black and yellow left out,
# which vanish on a dark or a light page.
BLUE, ORANGE, GREEN, VERMILION, SKY, PURPLE = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7"
GREY = "#808080"
_SHAPES = ("circle", "square", "diamond", "cross", "triangle-up", "triangle-down", "pentagon", "hexagram", "bowtie", "hourglass")
_COLOURS = (BLUE, ORANGE, GREEN, VERMILION, SKY, PURPLE, GREY)
FONT_SIZE = 15
ROW_PIXELS = 40
_MOST_TICKS = 4
_HATCH = {"fillmode": "overlay", "fgcolor": "rgba(0,0,0,0.45)", "fgopacity": 1, "size": 7, "solidity": 0.2}
GRID = "rgba(128,128,128,0.25)"


def _graph_objects() -> Any:
    return require("plotly.graph_objects", "views", "for figures")


def _text(value: str) -> str:
    """Text from data for plotly, which reads a small HTML."""
    return html.escape(value, quote=False)


def _label(recipe: str, recommended: bool) -> str:
    # A mark beside the name, so that the choice shows without colour; the explanation is in the figure's title or legend.
    return f"<b>★ {_text(recipe)}</b>" if recommended else _text(recipe)


def _wrapped(*lines: str, width: int = 26) -> str:
    """Short lines: an axis title is centred on the axis and would be cut off on a phone. They come unescaped."""
    return "<br>".join(_text(part) for line in lines for part in textwrap.wrap(line, width))


def _log_ticks(low: float, high: float) -> list[float]:
    """Round values of every decade that touches low..high: the finest steps of which at most four lie inside, so that they fit a phone."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    ticks: list[float] = []
    for steps in ((1, 1.5, 2, 3, 5, 7), (1, 2, 5), (1, 3), (1,)):
        ticks = [step * 10.0**power for power in range(first, last + 1) for step in steps]
        if sum(low <= tick <= high for tick in ticks) <= _MOST_TICKS:
            break
    return ticks


def log_axis(figure: Any, values: Sequence[float]) -> None:
    """A logarithmic x axis with labels within the range of the values drawn on it."""
    drawn = [value for value in values if value > 0]
    ticks = _log_ticks(min(drawn), max(drawn)) if drawn else []
    if drawn and max(drawn) < 2 * min(drawn):  # a constant pace: fitted to its microseconds, the axis would show noise and no tick
        centre = math.log10(min(drawn) * max(drawn)) / 2
        figure.update_xaxes(range=[centre - math.log10(2) / 2, centre + math.log10(2) / 2])
    figure.update_xaxes(type="log", tickvals=ticks, ticktext=[f"{tick:.10f}".rstrip("0").rstrip(".") for tick in ticks], tickangle=0)


def _layout(figure: Any, title: str, x_title: str, height: int, **more: Any) -> Any:
    axis = {"gridcolor": GRID, "zerolinecolor": GREY, "linecolor": GREY, "automargin": True, "ticks": "outside", "tickcolor": GREY}
    figure.update_layout(
        title={"text": title, "font": {"size": 18}, "x": 0.01, "xanchor": "left"},
        font={"size": FONT_SIZE, "color": "#444444", "family": "system-ui, sans-serif"},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        template="none",
        height=height,
        margin={"l": 10, "r": 18, "t": 56, "b": 10},
        legend={"orientation": "h", "yanchor": "top", "y": -0.22, "x": 0, "font": {"size": 14}},
        hoverlabel={"font": {"size": 14}},
    )
    figure.update_xaxes(title={"text": x_title, "standoff": 12, "font": {"size": 14}}, tickfont={"size": 14}, **axis)
    figure.update_yaxes(tickfont={"size": 14}, **axis)
    figure.update_layout(**more)
    return figure


def _rows_layout(figure: Any, title: str, x_title: str, labels: Sequence[str], **more: Any) -> Any:
    """One row per variant, the first on top, at a fixed height per row so that names never collide."""
    height = 150 + ROW_PIXELS * max(len(labels), 2)
    _layout(figure, title, x_title, height, **more)
    figure.update_yaxes(categoryorder="array", categoryarray=list(labels), range=[len(labels) - 0.5, -0.5], showgrid=False, ticks="")
    # Pixels, not shares of the height: the legend must clear the axis title whatever the number of rows.
    lines = x_title.count("<br>") + 1
    figure.update_layout(height=height + 19 * lines, legend={"y": -(62 + 19 * lines) / (height - 120)})
    return figure


def _stamped(figure: Any, stamp: str) -> Any:
    """The word across the whole figure, where it has one: a picture of it alone must not pass for one of a measurement."""
    if stamp:
        figure.add_annotation(
            x=0.5, y=0.5, xref="paper", yref="paper", text=stamp.replace(", ", "<br>"), showarrow=False, textangle=-18,
            font={"size": 34, "color": VERMILION}, opacity=0.4, name="watermark",
        )  # fmt: skip
    return figure


def plot_accuracy(records: Sequence[Record], recommended: str | None = None, cost: str = "size") -> Any:
    """Accuracy in percent, or R2, with its 95 % interval against compressed kB (``cost="size"``) or p50 latency (``"latency"``)."""
    go = _graph_objects()
    info = accuracy_info(records, recommended, cost)
    figure = go.Figure()
    for index, point in enumerate(info.points):
        colour = _COLOURS[index % len(_COLOURS)]
        bars: dict[str, Any] = {
            "error_y": {
                "type": "data",
                "symmetric": False,
                "array": [max(point.high - point.score, 0.0)],
                "arrayminus": [max(point.score - point.low, 0.0)],
                "thickness": 1.5,
                "width": 4,
                "color": colour,
            }
        }
        where = f"{point.cost:.3g} {info.cost_unit}"
        if point.cost_low is not None and point.cost_high is not None:
            where += f" (p10 to p90 {point.cost_low:.3g} to {point.cost_high:.3g})"
            bars["error_x"] = {
                "type": "data",
                "symmetric": False,
                "array": [max(point.cost_high - point.cost, 0.0)],
                "arrayminus": [max(point.cost - point.cost_low, 0.0)],
                "thickness": 1.5,
                "width": 4,
                "color": colour,
            }
        interval = f"{info.shown(point.score)}{info.unit} [{info.shown(point.low)}, {info.shown(point.high)}], n = {point.n}"
        figure.add_scatter(
            x=[point.cost],
            y=[point.score],
            mode="markers",
            name=_label(point.recipe, point.recommended),
            marker={"size": 13, "symbol": _SHAPES[index % len(_SHAPES)], "color": colour, "line": {"width": 0}},
            hovertemplate=f"<b>{_text(point.recipe)}</b><br>{interval}<br>{where}<extra></extra>",
            **bars,
        )
        if point.recommended:
            figure.add_scatter(
                x=[point.cost],
                y=[point.score],
                mode="markers",
                marker={"size": 25, "symbol": "circle-open", "color": VERMILION, "line": {"width": 3}},
                showlegend=False,
                hoverinfo="skip",
            )
            # The words stand above the plot, where no interval runs through them; a dotted line leads down to the point.
            figure.add_shape(
                type="line", x0=point.cost, x1=point.cost, y0=0, y1=1, yref="paper", line={"color": GREY, "width": 1, "dash": "dot"}
            )
            figure.add_annotation(
                x=point.cost, y=1, yref="paper", yanchor="bottom", text="★ recommended", showarrow=False, font={"size": 14}
            )
    extent = ", 10th to 90th percentile" if cost == "latency" else ""
    x_title = _wrapped(f"{info.cost} in {info.cost_unit}{extent} ({info.cost_basis})", width=38)
    _layout(figure, f"{info.measure[0].upper()}{info.measure[1:]} against {_text(info.cost)}", x_title, 560)
    what = f"{info.measure} in %" if info.unit else info.measure
    figure.update_yaxes(
        title={"text": f"{what}, 95 % interval<br>({info.accuracy_basis}, n = {info.n})", "standoff": 10, "font": {"size": 14}}
    )
    figure.update_xaxes(rangemode="tozero")
    return _stamped(figure, info.stamp)


def plot_loss(records: Sequence[Record], recommended: str | None = None, budget_points: float | None = None) -> Any:
    """The paired change in points with its 95 % interval per variant, a line at zero and one at the budget."""
    go = _graph_objects()
    info = loss_info(records, recommended, budget_points)
    labels = [_label(r.recipe, r.recommended) for r in info.rows]
    figure = go.Figure()
    figure.add_scatter(
        x=[r.points for r in info.rows],
        y=labels,
        mode="markers",
        marker={
            "size": [17 if r.recommended else 12 for r in info.rows],
            "symbol": ["star" if r.recommended else "square" for r in info.rows],
            "color": [VERMILION if r.recommended else BLUE for r in info.rows],
            "opacity": 1,
            "line": {"width": 0},
        },
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [max(r.high_points - r.points, 0.0) for r in info.rows],
            "arrayminus": [max(r.points - r.low_points, 0.0) for r in info.rows],
            "thickness": 2,
            "width": 6,
            "color": GREY,
        },
        customdata=[[f"{r.points:+.1f} [{r.low_points:+.1f}, {r.high_points:+.1f}]", f"{r.p_value:.3g}", r.n] for r in info.rows],
        hovertemplate=f"<b>%{{y}}</b><br>%{{customdata[0]}} points<br>{_text(info.test)} p %{{customdata[1]}}, n = %{{customdata[2]}}"
        "<extra></extra>",
        showlegend=False,
    )
    what = "change in points [95 %]" if not of(info.measure) else f"points{of(info.measure)} [95 %]"
    x_title = _wrapped(what, f"({info.basis}, n = {info.n})", f"left of 0: {info.measure} lost")
    _rows_layout(figure, f"Paired change against {_text(info.against)}", x_title, labels)
    figure.add_vline(x=0, line={"color": GREY, "width": 2})
    if budget_points is not None:
        figure.add_vline(x=-budget_points, line={"color": VERMILION, "width": 2, "dash": "dash"})
        figure.add_annotation(
            x=-budget_points, y=1, yref="paper", yanchor="bottom", text=f"budget −{budget_points:g}", showarrow=False, font={"size": 14}
        )
    return _stamped(figure, info.stamp)


def plot_latency(records: Sequence[Record], recommended: str | None = None, target: str | None = None) -> Any:
    """Every variant's latency sample on a log axis, with p50, p90 and p99. At most 200 calls per variant are drawn, evenly by rank."""
    go = _graph_objects()
    info = latency_info(records, recommended, target)
    labels = [_label(r.recipe, r.recommended) for r in info.rows]
    figure = go.Figure()
    dots = [(value, label) for row, label in zip(info.rows, labels, strict=True) for value in row.drawn_ms]
    figure.add_scatter(
        x=[value for value, _ in dots],
        y=[label for _, label in dots],
        mode="markers",
        name="one call",
        marker={"symbol": "line-ns", "size": 16, "color": SKY, "line": {"width": 1.2, "color": SKY}, "opacity": 0.45},
        hoverinfo="skip",
    )
    quantiles = (("p50", "diamond", BLUE, 13), ("p90", "triangle-up", ORANGE, 13), ("p99", "x", VERMILION, 11))
    for name, symbol, colour, size in quantiles:
        figure.add_scatter(
            x=[getattr(r, f"{name}_ms") for r in info.rows],
            y=labels,
            mode="markers",
            name=name,
            marker={"symbol": symbol, "size": size, "color": colour, "line": {"width": 0}},
            customdata=[r.n for r in info.rows],
            hovertemplate=f"<b>%{{y}}</b><br>{name} %{{x:.3g}} ms, n = %{{customdata}}<extra></extra>",
        )
    conditions = f"({info.basis}, n = {info.n}, {info.kernels}, threads {info.threads}, first call apart)"
    x_title = _wrapped("ms per call, log axis", conditions)
    marked = f" ({info.stamp})" if info.stamp else ""
    _rows_layout(figure, f"Latency on {_text(info.target)}{marked}", x_title, labels)
    log_axis(figure, [value for row in info.rows for value in (*row.drawn_ms, row.p99_ms)])
    return _stamped(figure, info.stamp)


def plot_size(records: Sequence[Record], recommended: str | None = None) -> Any:
    """Bytes of each file as stored and compressed."""
    go = _graph_objects()
    info = size_info(records, recommended)
    labels = [_label(r.recipe, r.recommended) for r in info.rows]
    figure = go.Figure()
    for name, colour, pattern, values in (
        ("file", SKY, "", [r.file_bytes / 1000 for r in info.rows]),
        ("compressed", BLUE, "/", [r.compressed_bytes / 1000 for r in info.rows]),
    ):
        figure.add_bar(
            x=values,
            y=labels,
            orientation="h",
            name=name,
            marker={"color": colour, "pattern": {"shape": pattern, **_HATCH}, "line": {"width": 0}},
            hovertemplate=f"<b>%{{y}}</b><br>{name} %{{x:.1f}} kB<extra></extra>",
        )
    _rows_layout(
        figure, "File size, as stored and compressed", f"size in kB of 1,000 bytes<br>({info.basis})", labels, barmode="group", bargap=0.25
    )
    figure.update_layout(legend={"traceorder": "normal"})
    return figure


def plot_placement(records: Sequence[Record], recommended: str | None = None) -> Any:
    """Ops of each variant that go to the Edge TPU, stay on the CPU, or are of a kind never observed."""
    go = _graph_objects()
    info = placement_info(records, recommended)
    labels = [_label(r.recipe, r.recommended) for r in info.rows]
    figure = go.Figure()
    for name, colour, pattern, values in (
        ("Edge TPU", GREEN, "", [r.ops_edgetpu for r in info.rows]),
        ("CPU", ORANGE, "/", [r.ops_cpu for r in info.rows]),
        ("unknown", GREY, "x", [r.ops_unknown for r in info.rows]),
    ):
        if any(values):
            figure.add_bar(
                x=values,
                y=labels,
                orientation="h",
                name=name,
                text=[str(v) if v else "" for v in values],
                textposition="inside",
                insidetextanchor="middle",
                textangle=0,
                # On the paler of these colours only dark text is readable.
                insidetextfont={"size": 14, "color": "#111111"},
                marker={"color": colour, "pattern": {"shape": pattern, **_HATCH}, "line": {"width": 0}},
                hovertemplate=f"<b>%{{y}}</b><br>{name} %{{x}} ops<extra></extra>",
            )
    _rows_layout(figure, "Where the ops would run", f"number of ops ({info.basis})", labels, barmode="stack", bargap=0.3)
    figure.update_layout(legend={"traceorder": "normal"}, showlegend=True)
    return figure
