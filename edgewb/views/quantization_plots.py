"""Figures about post-training quantisation: ranges of activations, the grid of values int8 can hold, channels of weights, what it costs."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from edgewb.lessons.calibration_trials import SpreadTrial, Trial, study_file, try_calibrations, try_spreads
from edgewb.lessons.recalibrations import ActivationRange, channel_scales, record_ranges
from edgewb.tflite.quantization import dequantize, fit_range
from edgewb.tflite.reader import read_graph
from edgewb.types import Jsonable
from edgewb.views.figures import BLUE, GREEN, GREY, ORANGE, SKY, VERMILION, escaped, graph_objects, lay_out, lay_out_rows, wrapped

_BINS: Final = 60
_MARKS: Final = (("circle", BLUE), ("square", ORANGE), ("diamond", GREEN), ("cross", VERMILION))
_MOST_LINES: Final = 256


@dataclasses.dataclass(frozen=True, kw_only=True)
class GridInfo(Jsonable):
    """A histogram of values and where int8 can put them.

    ``counts`` per bin between ``edges``; ``grid`` are the restored values of the int8 numbers that lie within the edges; ``used`` of the
    256 numbers lie between the least and the largest value; ``inside`` is the share of values within the range, 0..1.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    grid: tuple[float, ...]
    scale: float
    zero_point: int
    used: int
    inside: float
    n: int


def grid_info(values: npt.ArrayLike, low: float | None = None, high: float | None = None) -> GridInfo:
    """The data of ``plot_grid``.

    Raises:
        InputError: no range.
    """
    given = np.asarray(values, np.float64).ravel()
    least, largest = float(given.min()), float(given.max())
    low, high = least if low is None else low, largest if high is None else high
    scale, point = fit_range(low, high)
    counts, edges = np.histogram(given, _BINS)
    all_values = dequantize(np.arange(-128, 128).astype(np.int8), scale, point).astype(np.float64)
    half = scale / 2
    held = (all_values >= min(least, 0) - half) & (all_values <= max(largest, 0) + half)
    within = (given >= all_values[0] - half) & (given <= all_values[-1] + half)
    return GridInfo(
        edges=tuple(edges.tolist()),
        counts=tuple(counts.tolist()),
        grid=tuple(all_values[held].tolist()),
        scale=scale,
        zero_point=point,
        used=int(held.sum()),
        inside=float(within.mean()),
        n=len(given),
    )


def plot_grid(values: npt.ArrayLike, low: float | None = None, high: float | None = None, *, what: str = "activation") -> Any:
    """A histogram of values, and below it a tick for each number that int8 has there when it covers ``low`` to ``high``."""
    go = graph_objects()
    info = grid_info(values, low, high)
    centres = [(a + b) / 2 for a, b in zip(info.edges, info.edges[1:], strict=False)]
    figure = go.Figure()
    figure.add_bar(x=centres, y=list(info.counts), name="values", marker={"color": SKY}, hovertemplate="%{x:.3g}: %{y:,}<extra></extra>")
    figure.add_scatter(
        x=list(info.grid[:_MOST_LINES]),
        y=[0.5] * min(len(info.grid), _MOST_LINES),
        yaxis="y2",
        mode="markers",
        name="numbers int8 has",
        marker={"symbol": "line-ns", "size": 22, "line": {"width": 1.4, "color": VERMILION}},
        hovertemplate="%{x:.4g}<extra></extra>",
    )
    title = f"{info.used} of 256 int8 numbers lie where the values are"
    lay_out(figure, title, wrapped(f"{what} (no unit), scale {info.scale:.3g}, n = {info.n:,}, measured", width=60), 400, bargap=0.02)
    figure.update_yaxes(title={"text": "number of values, log axis", "font": {"size": 14}, "standoff": 10}, type="log", domain=[0.2, 1])
    figure.update_layout(
        yaxis2={"domain": [0, 0.13], "range": [0, 1], "visible": False, "anchor": "x"}, xaxis={"anchor": "y2"}, legend={"y": -0.32}
    )
    return figure


@dataclasses.dataclass(frozen=True, kw_only=True)
class RangesInfo(Jsonable):
    """The ends of every activation, for several calibration sets by name."""

    layers: tuple[str, ...]
    ranges: dict[str, tuple[ActivationRange, ...]]


def ranges_info(calibrations: Mapping[str, npt.ArrayLike], float_file: str | Path | None = None) -> RangesInfo:
    """The data of ``plot_ranges``.

    Args:
        float_file: None: the bundled digits net.
    """
    file = study_file("float32") if float_file is None else float_file
    ranges = {name: record_ranges(file, x) for name, x in calibrations.items()}
    return RangesInfo(layers=tuple(one.layer for one in next(iter(ranges.values()))), ranges=ranges)


def plot_ranges(calibrations: Mapping[str, npt.ArrayLike], float_file: str | Path | None = None) -> Any:
    """Least and largest value of every activation, one mark per calibration set."""
    go = graph_objects()
    info = ranges_info(calibrations, float_file)
    figure = go.Figure()
    for i, (name, ranges) in enumerate(info.ranges.items()):
        symbol, colour = _MARKS[i % len(_MARKS)]
        for part, end in enumerate(("high", "low")):
            figure.add_scatter(
                x=[getattr(one, end) for one in ranges],
                y=[one.layer for one in ranges],
                mode="markers",
                name=escaped(f"{name} (n = {ranges[0].n})"),
                legendgroup=name,
                showlegend=part == 0,
                marker={"symbol": symbol, "color": colour, "size": 10, "opacity": 0.8},
                hovertemplate=f"%{{y}}, {end} end: %{{x:.4g}}<extra></extra>",
            )
    lay_out_rows(figure, "Least and largest value of each layer", "value (no unit), measured", info.layers)
    height = 190 + 24 * len(info.layers)
    figure.update_layout(height=height, legend={"y": -90 / (height - 150)})
    return figure


@dataclasses.dataclass(frozen=True, kw_only=True)
class ChannelInfo(Jsonable):
    """Weights of one layer by output channel: the largest size in each, and the steps of int8 for it.

    ``per_channel`` scales one by one, ``per_tensor`` the one for all; ``levels`` are the whole numbers from 0 to 127 that a channel's
    weights reach with the scale of the whole tensor.
    """

    layer: str
    largest: tuple[float, ...]
    per_channel: tuple[float, ...]
    per_tensor: float
    levels: tuple[int, ...]


def channel_info(op: int, float_file: str | Path | bytes | None = None) -> ChannelInfo:
    """The data of ``plot_channels``.

    Args:
        op: index of a convolution or a dense layer.
        float_file: None: the bundled digits net.

    Raises:
        InputError: an op without weights.
    """
    from edgewb.errors import InputError

    graph = read_graph(study_file("float32") if float_file is None else float_file)
    kinds = {"CONV_2D": 0, "FULLY_CONNECTED": 0, "DEPTHWISE_CONV_2D": 3}
    if not 0 <= op < len(graph.ops) or graph.ops[op].name not in kinds:
        usable = ", ".join(str(one.index) for one in graph.ops if one.name in kinds)
        raise InputError(f"op {op!r} has no weights by channel: {usable} have")
    one = graph.ops[op]
    weights = np.asarray(graph.constant(one.inputs[1]), np.float64)
    scales = channel_scales(weights, kinds[one.name])
    (whole,) = channel_scales(weights, None)
    largest = scales * 127
    return ChannelInfo(
        layer=f"{one.index} {one.name.lower()}",
        largest=tuple(largest.tolist()),
        per_channel=tuple(scales.tolist()),
        per_tensor=float(whole),
        levels=tuple(round(value / whole) for value in largest.tolist()),
    )


def plot_channels(op: int, float_file: str | Path | bytes | None = None) -> Any:
    """How many of the 127 int8 sizes each channel of a layer reaches if all share one scale; with a scale each, all reach 127."""
    go = graph_objects()
    info = channel_info(op, float_file)
    figure = go.Figure()
    channels = list(range(len(info.levels)))
    figure.add_bar(
        x=channels,
        y=list(info.levels),
        name="one scale for the tensor",
        marker={"color": ORANGE, "pattern": {"shape": "/", "fillmode": "overlay", "solidity": 0.2, "fgcolor": "rgba(0,0,0,0.4)"}},
        hovertemplate="channel %{x}: %{y} of 127<extra></extra>",
    )
    figure.add_scatter(x=channels, y=[127] * len(channels), mode="lines", name="a scale per channel", line={"color": BLUE, "width": 3})
    fewest = min(info.levels)
    lay_out(figure, f"Layer {escaped(info.layer)}: the poorest channel has {fewest} of 127", "output channel (number)", 400, bargap=0.1)
    figure.update_yaxes(title={"text": "int8 sizes in use (number, of 127)", "font": {"size": 14}, "standoff": 10}, rangemode="tozero")
    return figure


def plot_calibrations(calibrations: Mapping[str, npt.ArrayLike] | None = None, *, recipe: str = "ptq_int8") -> Any:
    """The bundled digits net, quantised once per calibration set: share of right validation examples with its 95 % interval."""
    go = graph_objects()
    trials: tuple[Trial, ...] = try_calibrations(calibrations, recipe=recipe)
    labels = [escaped(trial.name) for trial in trials]
    figure = go.Figure()
    figure.add_scatter(
        x=[100 * trial.accuracy for trial in trials],
        y=labels,
        mode="markers",
        marker={"symbol": "square", "size": 12, "color": BLUE},
        error_x=_bars([100 * trial.accuracy for trial in trials], [(100 * t.ci95[0], 100 * t.ci95[1]) for t in trials]),
        showlegend=False,
        hovertemplate="%{y}: %{x:.1f} %<extra></extra>",
    )
    x_title = wrapped(f"validation accuracy (%), 95 % interval ({trials[0].basis}, n = {trials[0].n})", width=60)
    lay_out_rows(figure, "The same net, calibrated with …", x_title, labels)
    figure.update_xaxes(range=[0, 103])
    return figure


def plot_spreads(octaves: Sequence[float] = (0, 1, 2, 3, 4, 5)) -> Any:
    """Accuracy of float, of int8 with a scale per channel, and with one per tensor, against how far channels differ in size."""
    go = graph_objects()
    trials: tuple[SpreadTrial, ...] = try_spreads(octaves)
    figure = go.Figure()
    for i, which in enumerate(("float32", "per_channel", "per_tensor")):
        mine: list[Trial] = [getattr(trial, which) for trial in trials]
        symbol, colour = _MARKS[i]
        y = [100 * trial.accuracy for trial in mine]
        figure.add_scatter(
            x=[trial.octaves for trial in trials],
            y=y,
            mode="lines+markers",
            name=mine[0].name,
            line={"color": colour, "dash": ("dot", "solid", "dash")[i], "width": 2},
            marker={"symbol": symbol, "size": 10, "color": colour},
            error_y=_bars(y, [(100 * t.ci95[0], 100 * t.ci95[1]) for t in mine], colour),
            hovertemplate="%{x} octaves: %{y:.1f} %<extra></extra>",
        )
    n, basis = trials[0].float32.n, trials[0].float32.basis
    title = wrapped("spread k: each channel times 2 to the power of a number from −k to k", width=60)
    lay_out(figure, "Where one scale no longer fits all channels", title, 440)
    y_title = f"validation accuracy (%), 95 % interval<br>({basis}, n = {n})"
    figure.update_yaxes(title={"text": y_title, "font": {"size": 14}, "standoff": 10}, range=[0, 103])
    figure.update_layout(legend={"y": -0.28})
    return figure


def _bars(values: Sequence[float], ends: Sequence[tuple[float, float]], colour: str = GREY) -> dict[str, Any]:
    return {
        "type": "data",
        "symmetric": False,
        "array": [max(high - value, 0.0) for value, (_, high) in zip(values, ends, strict=True)],
        "arrayminus": [max(value - low, 0.0) for value, (low, _) in zip(values, ends, strict=True)],
        "thickness": 2,
        "width": 6,
        "color": colour,
    }
