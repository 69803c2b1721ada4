"""The picture of an estimate: where the milliseconds go, and what would change. The data come from ``estimates.reports.breakdown_info``."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from edgewb.estimates.estimations import Estimate
from edgewb.estimates.reports import breakdown_info, ms
from edgewb.views.figures import BLUE, GREEN, GREY, HATCH, ORANGE, PURPLE, SKY, VERMILION, escaped, graph_objects, lay_out

_LINE: Final = "#444444"
_PARTS: Final = {
    "overhead": (GREY, ""), "input": (SKY, "/"), "output": (BLUE, "\\"), "parameters": (VERMILION, "x"), "compute": (GREEN, ""),
    "cpu_ops": (PURPLE, "."),
}  # fmt: skip


def plot_breakdown(estimate: Estimate) -> Any:
    """A bar of the parts with the interval around it, and a bar for each thing that would change; for a refused estimate the bound
    alone."""
    go = graph_objects()
    info = breakdown_info(estimate)
    figure = go.Figure()
    now = f"now: {info['host']}, {info['bus']}, {info['clock']} clock"
    for part in info["parts"]:
        colour, pattern = _PARTS[part["part"]]
        figure.add_bar(
            x=[part["ms"]], y=[now], orientation="h", name=f"{part['label']} {ms(part['ms'])} ms",
            marker={"color": colour, "pattern": {**HATCH, "shape": pattern}},
            hovertemplate=f"{part['label']}: {ms(part['ms'])} ms ({100 * part['share']:.0f} %)<extra></extra>",
        )  # fmt: skip
    if info["interval"] is not None:
        low, high = info["interval"]
        mid = estimate.mid_ms
        figure.add_scatter(
            x=[mid], y=[now], mode="markers", name=f"interval {ms(low)} to {ms(high)} ms",
            marker={"symbol": "line-ns-open", "size": 18, "color": _LINE},
            error_x={"type": "data", "symmetric": False, "array": [high - mid], "arrayminus": [mid - low], "thickness": 2, "color": _LINE},
            hovertemplate=f"{ms(low)} to {ms(high)} ms<extra></extra>",
        )  # fmt: skip
    elif estimate.bound_ms is not None:
        least = estimate.bound_ms.at_least
        figure.add_bar(
            x=[least], y=[now], orientation="h", name=f"at least {ms(least)} ms", marker={"color": GREY, "pattern": {"shape": "/"}},
            hovertemplate=f"at least {ms(least)} ms<extra></extra>",
        )  # fmt: skip
    for change in info["changes"]:
        figure.add_bar(
            x=[change["ms"]], y=[change["label"]], orientation="h", showlegend=False, marker={"color": ORANGE},
            text=[f"{ms(change['ms'])} ms"], textposition="auto", hovertemplate=f"{change['label']}: {ms(change['ms'])} ms<extra></extra>",
        )  # fmt: skip
    title = "Where do the milliseconds go?" if info["parts"] else "No estimate, only a bound"
    rows = 1 + len(info["changes"])
    lay_out(
        figure, f"{title} {escaped(Path(estimate.file).name[-60:])}", f"milliseconds ({info['basis']})", 260 + 60 * rows, barmode="stack"
    )
    # At the foot of the figure, clear of the axis title whatever the number of its lines.
    figure.update_layout(legend={"yref": "container", "y": 0, "yanchor": "bottom", "traceorder": "normal"})
    figure.update_yaxes(autorange="reversed")
    figure.update_xaxes(rangemode="tozero")
    return figure
