"""The picture of a diagnosis: signal to noise along the net. The data come from ``debugging.reports.layer_info``."""

from __future__ import annotations

from typing import Any

from edgewb.debugging.reports import html_fragment, layer_info
from edgewb.debugging.results import Diagnosis
from edgewb.views.figures import BLUE, GREY, ORANGE, VERMILION, escaped, graph_objects, lay_out

_LINES = {
    "at_outputs": ("own error, at the outputs", BLUE, "circle", "solid"),
    "own": ("own error, in its result", GREY, "square", "dot"),
    "accumulated": ("all errors up to it", ORANGE, "diamond", "dash"),
}


def plot_layers(diagnosis: Diagnosis) -> Any:
    """Three lines over the ops in running order; the culprit is marked by a vertical line and named in the title."""
    go = graph_objects()
    info = layer_info(diagnosis)
    figure = go.Figure()
    labels = [layer["label"] for layer in info["layers"]]
    for key, (name, colour, symbol, dash) in _LINES.items():
        figure.add_scatter(
            x=labels, y=[layer[key] for layer in info["layers"]], mode="lines+markers", name=name,
            line={"color": colour, "dash": dash}, marker={"symbol": symbol, "size": 8},
            text=[escaped(layer["name"][:60]) for layer in info["layers"]],
            hovertemplate="%{x}: %{y:.1f} dB<br>%{text}<extra>" + name + "</extra>",
        )  # fmt: skip
    title = f"Signal to noise along the net: {'no culprit' if info['culprit'] is None else escaped(info['culprit'])}"
    lay_out(figure, title, "op, in running order", 480)
    if info["culprit"] is not None:
        figure.add_vline(x=labels.index(info["culprit"]), line={"color": VERMILION, "width": 2, "dash": "dash"})
    figure.update_layout(legend={"y": -0.5})
    figure.update_yaxes(title={"text": f"dB ({info['basis']}, n = {info['n']})"})
    figure.update_xaxes(type="category")
    return figure


def diagnosis_page(diagnosis: Diagnosis) -> str:
    """One HTML file with the tables and the figure, which asks nothing from outside."""
    figure = plot_layers(diagnosis).to_html(full_html=False, include_plotlyjs=True)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        "<title>edgewb debug</title><style>body{font:16px/1.5 system-ui,sans-serif;max-width:75rem;margin:2rem auto;padding:0 1rem}"
        "td,th{padding:.2rem .6rem}</style></head><body><main><h1>Where the int8 model loses</h1>"
        f"{html_fragment(diagnosis)}{figure}</main></body></html>\n"
    )
