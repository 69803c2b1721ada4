"""Figures: each takes records, asks ``infos`` for the data and draws it. Colours are never the only difference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edgewb.types import Record
from edgewb.verdicts import of
from edgewb.views.figures import (
    BLUE,
    COLOURS,
    GREEN,
    GREY,
    HATCH,
    ORANGE,
    SHAPES,
    SKY,
    VERMILION,
    escaped,
    graph_objects,
    lay_out,
    lay_out_rows,
    log_axis,
    recipe_label,
    stamp_across,
    wrapped,
)
from edgewb.views.infos import accuracy_info, latency_info, loss_info, placement_info, size_info


def plot_accuracy(records: Sequence[Record], recommended: str | None = None, cost: str = "size") -> Any:
    """Accuracy in percent, or R2, with its 95 % interval against compressed kB (``cost="size"``) or p50 latency (``"latency"``)."""
    go = graph_objects()
    info = accuracy_info(records, recommended, cost)
    figure = go.Figure()
    for index, point in enumerate(info.points):
        colour = COLOURS[index % len(COLOURS)]
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
            name=recipe_label(point.recipe, point.recommended),
            marker={"size": 13, "symbol": SHAPES[index % len(SHAPES)], "color": colour, "line": {"width": 0}},
            hovertemplate=f"<b>{escaped(point.recipe)}</b><br>{interval}<br>{where}<extra></extra>",
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
    x_title = wrapped(f"{info.cost} in {info.cost_unit}{extent} ({info.cost_basis})", width=38)
    lay_out(figure, f"{info.measure[0].upper()}{info.measure[1:]} against {escaped(info.cost)}", x_title, 560)
    what = f"{info.measure} in %" if info.unit else info.measure
    figure.update_yaxes(
        title={"text": f"{what}, 95 % interval<br>({info.accuracy_basis}, n = {info.n})", "standoff": 10, "font": {"size": 14}}
    )
    figure.update_xaxes(rangemode="tozero")
    return stamp_across(figure, info.stamp)


def plot_loss(records: Sequence[Record], recommended: str | None = None, budget_points: float | None = None) -> Any:
    """The paired change in points with its 95 % interval per variant, a line at zero and one at the budget."""
    go = graph_objects()
    info = loss_info(records, recommended, budget_points)
    labels = [recipe_label(r.recipe, r.recommended) for r in info.rows]
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
        hovertemplate=f"<b>%{{y}}</b><br>%{{customdata[0]}} points<br>{escaped(info.test)} p %{{customdata[1]}}, n = %{{customdata[2]}}"
        "<extra></extra>",
        showlegend=False,
    )
    what = "change in points [95 %]" if not of(info.measure) else f"points{of(info.measure)} [95 %]"
    x_title = wrapped(what, f"({info.basis}, n = {info.n})", f"left of 0: {info.measure} lost")
    lay_out_rows(figure, f"Paired change against {escaped(info.against)}", x_title, labels)
    figure.add_vline(x=0, line={"color": GREY, "width": 2})
    if budget_points is not None:
        figure.add_vline(x=-budget_points, line={"color": VERMILION, "width": 2, "dash": "dash"})
        figure.add_annotation(
            x=-budget_points, y=1, yref="paper", yanchor="bottom", text=f"budget −{budget_points:g}", showarrow=False, font={"size": 14}
        )
    return stamp_across(figure, info.stamp)


def plot_latency(records: Sequence[Record], recommended: str | None = None, target: str | None = None) -> Any:
    """Every variant's latency sample on a log axis, with p50, p90 and p99. At most 200 calls per variant are drawn, evenly by rank."""
    go = graph_objects()
    info = latency_info(records, recommended, target)
    labels = [recipe_label(r.recipe, r.recommended) for r in info.rows]
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
    x_title = wrapped("ms per call, log axis", conditions)
    marked = f" ({info.stamp})" if info.stamp else ""
    lay_out_rows(figure, f"Latency on {escaped(info.target)}{marked}", x_title, labels)
    log_axis(figure, [value for row in info.rows for value in (*row.drawn_ms, row.p99_ms)])
    return stamp_across(figure, info.stamp)


def plot_size(records: Sequence[Record], recommended: str | None = None) -> Any:
    """Bytes of each file as stored and compressed."""
    go = graph_objects()
    info = size_info(records, recommended)
    labels = [recipe_label(r.recipe, r.recommended) for r in info.rows]
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
            marker={"color": colour, "pattern": {"shape": pattern, **HATCH}, "line": {"width": 0}},
            hovertemplate=f"<b>%{{y}}</b><br>{name} %{{x:.1f}} kB<extra></extra>",
        )
    lay_out_rows(
        figure, "File size, as stored and compressed", f"size in kB of 1,000 bytes<br>({info.basis})", labels, barmode="group", bargap=0.25
    )
    figure.update_layout(legend={"traceorder": "normal"})
    return figure


def plot_placement(records: Sequence[Record], recommended: str | None = None) -> Any:
    """Ops of each variant that go to the Edge TPU, stay on the CPU, or are of a kind never observed."""
    go = graph_objects()
    info = placement_info(records, recommended)
    labels = [recipe_label(r.recipe, r.recommended) for r in info.rows]
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
                marker={"color": colour, "pattern": {"shape": pattern, **HATCH}, "line": {"width": 0}},
                hovertemplate=f"<b>%{{y}}</b><br>{name} %{{x}} ops<extra></extra>",
            )
    lay_out_rows(figure, "Where the ops would run", f"number of ops ({info.basis})", labels, barmode="stack", bargap=0.3)
    figure.update_layout(legend={"traceorder": "normal"}, showlegend=True)
    return figure
