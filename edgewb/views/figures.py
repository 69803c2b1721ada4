"""What all figures share: palette, layout, names that collide with nothing, the word across a figure that was not measured."""

from __future__ import annotations

import html
import itertools
import math
import textwrap
from collections.abc import Sequence
from typing import Any

from edgewb.errors import require

# Okabe and Ito's palette (jfly.uni-koeln.de/color), told apart with every common colour blindness; black and yellow left out,
# which vanish on a dark or a light page.
BLUE, ORANGE, GREEN, VERMILION, SKY, PURPLE = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7"
GREY = "#808080"
SHAPES = ("circle", "square", "diamond", "cross", "triangle-up", "triangle-down", "pentagon", "hexagram", "bowtie", "hourglass")
COLOURS = (BLUE, ORANGE, GREEN, VERMILION, SKY, PURPLE, GREY)
FONT_SIZE = 15
ROW_PIXELS = 40
_MOST_TICKS = 4
_TICKS_APART = 0.27  # of the axis, which on a phone is as long as three labels and the room between them
HATCH = {"fillmode": "overlay", "fgcolor": "rgba(0,0,0,0.45)", "fgopacity": 1, "size": 7, "solidity": 0.2}
GRID = "rgba(128,128,128,0.25)"


def graph_objects() -> Any:
    """plotly's figures, or the extra that brings them."""
    return require("plotly.graph_objects", "views", "for figures")


def escaped(value: str) -> str:
    """Text from data for plotly, which reads a small HTML."""
    return html.escape(value, quote=False)


def recipe_label(recipe: str, recommended: bool) -> str:
    """A recipe's name for an axis or a legend."""
    # A mark beside the name, so that the choice shows without colour; the explanation is in the figure's title or legend.
    return f"<b>★ {escaped(recipe)}</b>" if recommended else escaped(recipe)


def wrapped(*lines: str, width: int = 26) -> str:
    """Short lines: an axis title is centred on the axis and would be cut off on a phone. They come unescaped."""
    return "<br>".join(escaped(part) for line in lines for part in textwrap.wrap(line, width))


def log_ticks(low: float, high: float) -> list[float]:
    """Round values of every decade that touches low..high, the finest steps that fit a phone.

    That is: of which at most four lie inside, and no two so near each other that their labels would touch.
    """
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    length = math.log10(high / low) + 1e-9
    ticks: list[float] = []
    for steps in ((1, 1.5, 2, 3, 5, 7), (1, 2, 5), (1, 3), (1,)):
        ticks = [step * 10.0**power for power in range(first, last + 1) for step in steps]
        inside = [tick for tick in ticks if low <= tick <= high]
        nearest = min((math.log10(b / a) for a, b in itertools.pairwise(inside)), default=length)
        if len(inside) <= _MOST_TICKS and nearest >= _TICKS_APART * length:
            break
    return ticks


def log_axis(figure: Any, values: Sequence[float]) -> None:
    """A logarithmic x axis with labels within the range of the values drawn on it."""
    drawn = [value for value in values if value > 0]
    ticks = log_ticks(min(drawn), max(drawn)) if drawn else []
    if drawn and max(drawn) < 2 * min(drawn):  # a constant pace: fitted to its microseconds, the axis would show noise and no tick
        centre = math.log10(min(drawn) * max(drawn)) / 2
        figure.update_xaxes(range=[centre - math.log10(2) / 2, centre + math.log10(2) / 2])
    figure.update_xaxes(type="log", tickvals=ticks, ticktext=[f"{tick:.10f}".rstrip("0").rstrip(".") for tick in ticks], tickangle=0)


def lay_out(figure: Any, title: str, x_title: str, height: int, **more: Any) -> Any:
    """The common look: title on the left, no background of its own (light and dark pages), legend below, axes that keep their room."""
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


def lay_out_rows(figure: Any, title: str, x_title: str, labels: Sequence[str], **more: Any) -> Any:
    """One row per variant, the first on top, at a fixed height per row so that names never collide."""
    height = 150 + ROW_PIXELS * max(len(labels), 2)
    lay_out(figure, title, x_title, height, **more)
    figure.update_yaxes(categoryorder="array", categoryarray=list(labels), range=[len(labels) - 0.5, -0.5], showgrid=False, ticks="")
    # Pixels, not shares of the height: the legend must clear the axis title whatever the number of rows.
    lines = x_title.count("<br>") + 1
    figure.update_layout(height=height + 19 * lines, legend={"y": -(62 + 19 * lines) / (height - 120)})
    return figure


def stamp_across(figure: Any, stamp: str) -> Any:
    """The word across the whole figure, where it has one: a picture of it alone must not pass for one of a measurement."""
    if stamp:
        figure.add_annotation(
            x=0.5, y=0.5, xref="paper", yref="paper", text=stamp.replace(", ", "<br>"), showarrow=False, textangle=-18,
            font={"size": 34, "color": VERMILION}, opacity=0.4, name="watermark",
        )  # fmt: skip
    return figure
