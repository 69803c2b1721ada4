"""Figures on quantisation-aware training: what it computes, where it is needed, and what it costs."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edgewb.debugging.channel_ranges import measure_channels
from edgewb.errors import InputError
from edgewb.lessons.fake_quantisation import Descent, descend, fake_quantise, straight_through
from edgewb.types import Basis, Jsonable, Record
from edgewb.views.figures import BLUE, GREY, ORANGE, VERMILION, escaped, graph_objects, lay_out, lay_out_rows, wrapped

if TYPE_CHECKING:
    from edgewb.study_contexts import LearningCurve

_STYLES = ((BLUE, "circle"), (VERMILION, "x"), (ORANGE, "diamond"), (GREY, "square"))


@dataclasses.dataclass(frozen=True, kw_only=True)
class StaircaseInfo(Jsonable):
    """Real numbers, what int8 keeps of them, and the gradient training takes, all of one length."""

    real: tuple[float, ...]
    kept: tuple[float, ...]
    gradient: tuple[float, ...]
    scale: float
    zero_point: int


def staircase_info(scale: float = 0.5, zero_point: int = 120) -> StaircaseInfo:
    """A staircase around the end of the range that int8 holds; computed."""
    end = scale * (127 - zero_point)
    real = np.linspace(end - 6 * scale, end + 3 * scale, 721)
    return StaircaseInfo(
        real=tuple(map(float, real)),
        kept=tuple(map(float, fake_quantise(real, scale, zero_point))),
        gradient=tuple(map(float, straight_through(real, scale, zero_point))),
        scale=scale,
        zero_point=zero_point,
    )


def plot_staircase(scale: float = 0.5, zero_point: int = 120) -> Any:
    """Fake quantisation on the way forward, above, and its straight-through gradient on the way back, below."""
    go = graph_objects()
    info = staircase_info(scale, zero_point)
    figure = go.Figure()
    figure.add_scatter(x=info.real, y=info.real, mode="lines", name="no rounding", line={"color": GREY, "dash": "dot"}, hoverinfo="skip")
    figure.add_scatter(
        x=info.real, y=info.kept, mode="lines", name="forward: fake-quantised", line={"color": BLUE, "width": 3},
        hovertemplate="real %{x:.2f}: the network computes with %{y:.2f}<extra></extra>",
    )  # fmt: skip
    figure.add_scatter(
        x=info.real, y=info.gradient, mode="lines", name="backward: gradient taken", yaxis="y2",
        line={"color": VERMILION, "width": 3, "dash": "dash"}, hovertemplate="real %{x:.2f}: gradient %{y:.0f}<extra></extra>",
    )  # fmt: skip
    lay_out(figure, "Rounding forward, none backward", f"real value (computed; scale {scale:g}, zero point {zero_point})", 520)
    figure.update_layout(
        yaxis={"domain": [0.36, 1], "title": {"text": "value used", "font": {"size": 14}}},
        yaxis2={
            "domain": [0, 0.26], "anchor": "x", "title": {"text": "gradient,<br>value", "font": {"size": 14}}, "range": [-0.15, 1.15],
            "tickvals": [0, 1], "tickfont": {"size": 14}, "automargin": True,
        },
        xaxis={"anchor": "y2"},
    )  # fmt: skip
    return figure


@dataclasses.dataclass(frozen=True, kw_only=True)
class DescentInfo(Jsonable):
    """One weight learning towards ``target``: with the straight-through gradient, and with the staircase's own."""

    target: float
    scale: float
    straight: Descent
    true: Descent


def descent_info(start: float = 0.1, target: float = 0.9, scale: float = 0.25) -> DescentInfo:
    """Computed, no measurement."""
    return DescentInfo(
        target=target,
        scale=scale,
        straight=descend(start, target, scale, straight=True),
        true=descend(start, target, scale, straight=False),
    )


def plot_descent(start: float = 0.1, target: float = 0.9, scale: float = 0.25) -> Any:
    """The weight that training moves and the one the network computes with, step by step."""
    go = graph_objects()
    info = descent_info(start, target, scale)
    numbers = list(range(len(info.straight.latent)))
    figure = go.Figure()
    for values, name, line in (
        (info.straight.latent, "the weight training moves", {"color": ORANGE, "width": 2}),
        (info.straight.used, "the weight used (rounded)", {"color": BLUE, "width": 3, "shape": "hv"}),
        (info.true.used, "used, with the staircase's own gradient", {"color": GREY, "width": 3, "dash": "dash"}),
    ):
        figure.add_scatter(x=numbers, y=values, mode="lines", name=name, line=line, hovertemplate="step %{x}: %{y:.3f}<extra></extra>")
    lay_out(figure, "A rounded weight learns", "number of training steps (computed)", 460)
    figure.update_yaxes(title={"text": f"value of the weight (scale {scale:g})", "font": {"size": 14}}, dtick=scale)
    figure.add_hline(y=target, line={"color": VERMILION, "width": 2, "dash": "dot"})
    figure.add_annotation(
        x=0.01, xref="paper", xanchor="left", y=target, yanchor="bottom", text="target", showarrow=False, font={"size": 14}
    )
    return figure


@dataclasses.dataclass(frozen=True, kw_only=True)
class ChannelSteps(Jsonable):
    """How many of the 255 steps each channel of a net's layer spans, the widest channel first; ``ratio``: widest over median."""

    label: str
    op: int
    kind: str
    steps: tuple[float, ...]
    ratio: float
    n: int
    basis: Basis


def channels_info(files: Mapping[str, str | Path], op: int = 3, dataset: str = "digits", examples: int = 64) -> tuple[ChannelSteps, ...]:
    """The channels of the same op in several float files, on calibration images.

    Args:
        files: label -> path of a float .tflite.
        dataset: see ``load_dataset``; taken in 0..1.

    Raises:
        InputError: see ``debugging.channel_ranges.measure_channels``.
    """
    from edgewb.datasets import as_inputs, load_dataset

    inputs = as_inputs(load_dataset(dataset).calibration, (0.0, 1.0))[:examples]
    found = []
    for label, path in files.items():
        ranges = measure_channels(path, inputs, op)
        steps = tuple(sorted(ranges.steps, reverse=True))
        found.append(
            ChannelSteps(label=label, op=op, kind=ranges.kind, steps=steps, ratio=ranges.ratio, n=ranges.n, basis=ranges.basis)
        )  # fmt: skip
    return tuple(found)


def plot_channels(files: Mapping[str, str | Path], op: int = 3, dataset: str = "digits", examples: int = 64) -> Any:
    """How many int8 steps each channel of a layer's result gets, for several nets, the widest channel first."""
    go = graph_objects()
    info = channels_info(files, op, dataset, examples)
    figure = go.Figure()
    for net, (colour, symbol) in zip(info, _STYLES, strict=False):
        figure.add_scatter(
            x=list(range(1, len(net.steps) + 1)), y=[max(steps, 0.05) for steps in net.steps], mode="markers+lines",
            name=escaped(net.label), marker={"size": 8, "symbol": symbol, "color": colour}, line={"width": 1, "color": colour},
            hovertemplate="channel %{x}: %{y:.1f} of 255 steps<extra>" + escaped(net.label) + "</extra>",
        )  # fmt: skip
    first = info[0]
    lay_out(figure, f"Steps for each channel behind op {first.op}, {escaped(first.kind)}", "number of the channel, the widest first", 480)
    figure.update_yaxes(
        title={"text": f"int8 steps it spans (of 255),<br>log axis ({first.basis}, n = {first.n} images)", "font": {"size": 14}},
        type="log", tickvals=[0.1, 1, 3, 10, 30, 100, 255], ticktext=["0.1", "1", "3", "10", "30", "100", "255"],
    )  # fmt: skip
    figure.add_hline(y=1, line={"color": GREY, "width": 2, "dash": "dash"})
    return figure


@dataclasses.dataclass(frozen=True, kw_only=True)
class MakingRow(Jsonable):
    """``what``: a recipe, or "float training"."""

    what: str
    seconds: float


def making_info(records: Sequence[Record], curve: LearningCurve | None = None) -> tuple[MakingRow, ...]:
    """What making each variant took: training, where it trains, and conversion, on the computer that made it.

    Args:
        curve: of the float training, which all of them need; it becomes the first row.

    Raises:
        InputError: no record says it.
    """
    first = [] if curve is None else [MakingRow(what="float training", seconds=curve.seconds)]
    rows = [MakingRow(what=r.recipe, seconds=float(r.settings["making_seconds"])) for r in records if "making_seconds" in r.settings]
    if not rows:
        raise InputError("none of these records says how long its variant took to make: run the study again with this version")
    return (*first, *rows)


def plot_making(records: Sequence[Record], curve: LearningCurve | None = None) -> Any:
    """Seconds each variant took to make, beside float's training, which all of them need (``study.context.learning_curve``)."""
    go = graph_objects()
    info = making_info(records, curve)
    labels = [escaped(row.what) for row in info]
    figure = go.Figure()
    figure.add_bar(
        x=[row.seconds for row in info], y=labels, orientation="h", showlegend=False, marker={"color": BLUE},
        text=[f"{row.seconds:.1f} s" for row in info], textposition="auto", textfont={"size": 14},
        hovertemplate="<b>%{y}</b><br>%{x:.1f} s<extra></extra>",
    )  # fmt: skip
    machine = records[0].environment
    x_title = wrapped(f"seconds (s) to train on and convert (measured once, {machine.cores} cores)", width=40)
    lay_out_rows(figure, "What each variant took to make", x_title, labels)
    return figure
