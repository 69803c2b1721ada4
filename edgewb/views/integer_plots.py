"""Figures about whole numbers: what int8 does to a real number, how busy an array of cells is, what an operation costs."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from edgewb.lessons.integers import ENERGIES, EnergyCost
from edgewb.lessons.systolic_arrays import count_cycles
from edgewb.tflite.quantization import dequantize, fit_range, quantize
from edgewb.types import Jsonable
from edgewb.views.figures import BLUE, GREEN, GREY, HATCH, ORANGE, VERMILION, graph_objects, lay_out, log_ticks, wrapped

_STAIRS: Final = 8
"""Steps of the scale that the enlarged part shows."""
_KINDS: Final = {"integer": (GREEN, ""), "float": (ORANGE, "/"), "memory": (BLUE, "x")}
_SIDES: Final = (4, 16, 64)
_DASHES: Final = ("solid", "dash", "dot", "dashdot")


@dataclasses.dataclass(frozen=True, kw_only=True)
class RoundingInfo(Jsonable):
    """What int8 makes of real numbers: ``near`` a few steps around 0 as (real, restored), ``whole`` beyond both ends as (real, error)."""

    scale: float
    zero_point: int
    low: float
    high: float
    near: tuple[tuple[float, float], ...]
    whole: tuple[tuple[float, float], ...]


def rounding_info(low: float, high: float) -> RoundingInfo:
    """The data of ``plot_rounding``.

    Raises:
        InputError: no range.
    """
    scale, point = fit_range(low, high)
    ends = dequantize(np.array([-128, 127], np.int8), scale, point).astype(float).tolist()
    near = np.linspace(-_STAIRS / 2 * scale, _STAIRS / 2 * scale, 401)
    margin = 0.15 * (ends[1] - ends[0])
    whole = np.linspace(ends[0] - margin, ends[1] + margin, 1601)

    def restored(values: Any) -> Any:
        return dequantize(quantize(values, scale, point, "int8"), scale, point).astype(float)

    return RoundingInfo(
        scale=scale,
        zero_point=point,
        low=ends[0],
        high=ends[1],
        near=tuple(zip(near.tolist(), restored(near).tolist(), strict=True)),
        whole=tuple(zip(whole.tolist(), (restored(whole) - whole).tolist(), strict=True)),
    )


def plot_rounding(low: float, high: float) -> Any:
    """Left the stairs of int8 near 0, right the error over the whole range and beyond its ends."""
    go = graph_objects()
    info = rounding_info(low, high)
    figure = go.Figure()
    figure.add_scatter(
        x=[x for x, _ in info.near], y=[x for x, _ in info.near], mode="lines", name="real", line={"color": GREY, "dash": "dot"}
    )
    figure.add_scatter(x=[x for x, _ in info.near], y=[y for _, y in info.near], mode="lines", name="as int8", line={"color": BLUE})
    errors = {"x": [x for x, _ in info.whole], "y": [y for _, y in info.whole], "xaxis": "x2", "yaxis": "y2"}
    figure.add_scatter(mode="lines", name="error", line={"color": VERMILION}, **errors)
    lay_out(figure, f"int8 with scale {info.scale:.4g} and zero point {info.zero_point}".replace("-", "\N{MINUS SIGN}"), "", 400)
    grid = figure.layout.xaxis.to_plotly_json()
    titles = {
        "xaxis": "value (no unit), near 0",
        "xaxis2": "value (no unit), all of the range",
        "yaxis": "restored value",
        "yaxis2": "error (value)",
    }
    for name, text in titles.items():
        figure.update_layout({name: {**grid, "title": {"text": text, "font": {"size": 14}, "standoff": 10}}})
    figure.update_layout(
        xaxis={"domain": [0, 0.42]}, xaxis2={"domain": [0.58, 1], "anchor": "y2"}, yaxis2={"anchor": "x2"}, legend={"y": -0.3}
    )
    for end, name in ((info.low, "−128"), (info.high, "127")):
        figure.add_shape(type="line", x0=end, x1=end, y0=0, y1=1, xref="x2", yref="y2 domain", line={"color": GREY, "dash": "dash"})
        figure.add_annotation(x=end, y=1, xref="x2", yref="y2 domain", yanchor="bottom", text=name, showarrow=False, font={"size": 13})
    return figure


@dataclasses.dataclass(frozen=True, kw_only=True)
class UtilisationCurve(Jsonable):
    """A square array of ``side`` x ``side`` cells: input rows against the share of cells at work, percent."""

    side: int
    rows: tuple[int, ...]
    percent: tuple[float, ...]


def utilisation_info(sides: Sequence[int] = _SIDES) -> tuple[UtilisationCurve, ...]:
    """The data of ``plot_utilisation``: n rows take n + 2 x side - 2 cycles, in n of which a cell is at work."""
    rows = np.unique(np.round(np.logspace(0, 4, 81)).astype(int)).tolist()
    return tuple(
        UtilisationCurve(side=side, rows=tuple(rows), percent=tuple(100 * n / count_cycles(n, side, side) for n in rows)) for side in sides
    )


def plot_utilisation(sides: Sequence[int] = _SIDES) -> Any:
    """How much of a square array is at work, against the number of input rows, for some sizes."""
    go = graph_objects()
    figure = go.Figure()
    for i, curve in enumerate(utilisation_info(sides)):
        figure.add_scatter(
            x=list(curve.rows),
            y=list(curve.percent),
            mode="lines",
            name=f"{curve.side} x {curve.side} cells",
            line={"color": (BLUE, ORANGE, GREEN, VERMILION)[i % 4], "dash": _DASHES[i % 4], "width": 3},
            hovertemplate=f"{curve.side} x {curve.side} cells, %{{x}} rows: %{{y:.0f}} %<extra></extra>",
        )
    lay_out(figure, "A large array needs a lot to do", wrapped("number of input rows, log axis (by arithmetic)", width=60), 400)
    figure.update_xaxes(type="log", tickvals=[1, 10, 100, 1000, 10_000], ticktext=["1", "10", "100", "1,000", "10,000"])
    figure.update_layout(margin={"r": 34})  # room for half of the last tick's label, which is left out otherwise
    figure.update_yaxes(title={"text": "cells at work (%)", "font": {"size": 14}, "standoff": 10}, rangemode="tozero")
    return figure


def energy_info() -> tuple[EnergyCost, ...]:
    """The data of ``plot_energies``, the dearest first."""
    return tuple(sorted(ENERGIES, key=lambda cost: -cost.picojoules))


def plot_energies() -> Any:
    """Picojoules per operation on a log axis, published figures."""
    go = graph_objects()
    figure = go.Figure()
    costs = energy_info()
    for kind, (colour, pattern) in _KINDS.items():
        mine = [cost for cost in costs if cost.kind == kind]
        figure.add_bar(
            x=[cost.picojoules for cost in mine],
            y=[cost.operation for cost in mine],
            orientation="h",
            name=kind,
            marker={"color": colour, "pattern": {"shape": pattern, **HATCH}},
            text=[f"{cost.picojoules:,g}" for cost in mine],
            textposition="outside",
            cliponaxis=False,
            hovertemplate="%{y}: %{x:,g} pJ<extra></extra>",
        )
    lay_out(figure, "What one operation costs", wrapped("picojoules (pJ), log axis (published, 45 nm, 2014)", width=60), 480)
    figure.update_xaxes(type="log", range=[-2, 4], tickvals=log_ticks(0.01, 10_000), tickformat=",~g")
    figure.update_yaxes(categoryorder="array", categoryarray=[cost.operation for cost in costs], showgrid=False, ticks="")
    figure.update_layout(legend={"traceorder": "normal"}, bargap=0.25, margin={"r": 34})
    return figure
