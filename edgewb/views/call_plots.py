"""Single calls as figures: the first ones, their histogram, how a percentile settles, what other programs do to it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

import numpy as np

from edgewb.latencies import Measurement
from edgewb.lessons.latencies import Percentile, SelfComparison, percentiles_of_first
from edgewb.types import Jsonable
from edgewb.views.figures import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    SKY,
    VERMILION,
    escaped,
    graph_objects,
    lay_out,
    lay_out_rows,
    log_axis,
    log_ticks,
    stamp_across,
    wrapped,
)
from edgewb.watermarks import stamp

_SHOWN: Final = 60
_MARKS: Final = (
    ("p50", "diamond", BLUE, "solid"), ("p90", "triangle-up", ORANGE, "dash"), ("p99", "x", VERMILION, "dot"),
    ("mean", "circle-open", GREEN, "dashdot"),
)  # fmt: skip


@dataclasses.dataclass(frozen=True, kw_only=True)
class CallsInfo(Jsonable):
    """What ``plot_calls`` draws: milliseconds of the first call, of those that warm up, and of the samples after them."""

    first_ms: float
    warmup_ms: tuple[float, ...]
    samples_ms: tuple[float, ...]
    p50_ms: float
    target: str
    basis: str


def calls_info(measured: Measurement, shown: int = _SHOWN) -> CallsInfo:
    """The data of ``plot_calls``, with the first ``shown`` samples."""
    return CallsInfo(
        first_ms=measured.first_ms,
        warmup_ms=measured.warmup_ms,
        samples_ms=measured.samples_ms[:shown],
        p50_ms=measured.latency_ms.p50,
        target=measured.target,
        basis=measured.basis,
    )


def _log_y(figure: Any, values: Sequence[float], title: str) -> None:
    ticks = log_ticks(min(values), max(values))
    figure.update_yaxes(
        type="log", tickvals=ticks, ticktext=[f"{tick:.10f}".rstrip("0").rstrip(".") for tick in ticks],
        title={"text": title, "standoff": 10, "font": {"size": 14}},
    )  # fmt: skip


def plot_calls(measured: Measurement, shown: int = _SHOWN) -> Any:
    """Milliseconds call by call from the very first one, on a log axis."""
    go = graph_objects()
    info = calls_info(measured, shown)
    figure = go.Figure()
    warm = len(info.warmup_ms)
    for name, start, values, symbol, colour, size in (
        ("first call", 1, (info.first_ms,), "star", VERMILION, 16),
        ("warming up, not counted", 2, info.warmup_ms, "triangle-up-open", ORANGE, 11),
        ("samples", 2 + warm, info.samples_ms, "circle", BLUE, 8),
    ):
        figure.add_scatter(
            x=list(range(start, start + len(values))), y=list(values), mode="markers", name=name,
            marker={"symbol": symbol, "size": size, "color": colour}, hovertemplate=f"call %{{x}}: %{{y:.3g}} ms<extra>{name}</extra>",
        )  # fmt: skip
    figure.add_hline(y=info.p50_ms, line={"color": GREY, "width": 2, "dash": "dash"})
    lay_out(
        figure, f"The first calls on {escaped(info.target)}", wrapped("number of the call, from the first after loading", width=60), 420
    )
    _log_y(figure, [info.first_ms, *info.warmup_ms, *info.samples_ms], f"ms per call, log axis ({info.basis})")
    figure.update_layout(legend={"y": -0.25})
    return stamp_across(figure, stamp([info.basis]))


@dataclasses.dataclass(frozen=True, kw_only=True)
class HistogramInfo(Jsonable):
    """What ``plot_histogram`` draws: ``edges_ms`` of logarithmic bins, one more than ``counts``; percentiles and mean by name."""

    edges_ms: tuple[float, ...]
    counts: tuple[int, ...]
    marks_ms: dict[str, float]
    target: str
    basis: str
    n: int


def histogram_info(measured: Measurement, bins: int = 40) -> HistogramInfo:
    """The data of ``plot_histogram``."""
    samples = np.asarray(measured.samples_ms)
    low, high = float(samples.min()), float(samples.max())
    edges = np.geomspace(low * 0.999, max(high, low * 1.01) * 1.001, bins + 1)
    summary = measured.latency_ms
    return HistogramInfo(
        edges_ms=tuple(edges.tolist()),
        counts=tuple(np.histogram(samples, edges)[0].tolist()),
        marks_ms={"p50": summary.p50, "p90": summary.p90, "p99": summary.p99, "mean": summary.mean},
        target=measured.target,
        basis=measured.basis,
        n=len(samples),
    )


def plot_histogram(measured: Measurement) -> Any:
    """How many calls took how long, on two log axes, so that a single slow call is still seen; percentiles and mean as lines."""
    go = graph_objects()
    info = histogram_info(measured)
    figure = go.Figure()
    edges = info.edges_ms
    figure.add_bar(
        x=[math.sqrt(low * high) for low, high in pairwise(edges)],
        y=list(info.counts),
        width=[high - low for low, high in pairwise(edges)],
        name="calls",
        marker={"color": SKY, "line": {"width": 0}},
        hovertemplate="%{y} calls near %{x:.3g} ms<extra></extra>",
    )
    top = 2 * max(info.counts)
    for name, _, colour, dash in _MARKS:
        value = info.marks_ms[name]
        figure.add_scatter(
            x=[value, value], y=[0.5, top], mode="lines", name=f"{name} {value:.3g} ms", line={"color": colour, "width": 3, "dash": dash},
            hoverinfo="name",
        )  # fmt: skip
    lay_out(figure, f"{info.n:,} calls on {escaped(info.target)}", f"ms per call, log axis ({info.basis})", 440, bargap=0)
    log_axis(figure, [edges[0], edges[-1]])
    powers = [10**power for power in range(math.ceil(math.log10(top)))]
    figure.update_yaxes(
        type="log", range=[math.log10(0.5), math.log10(top)], tickvals=powers, ticktext=[f"{power:,}" for power in powers],
        title={"text": "number of calls, log axis", "standoff": 10, "font": {"size": 14}},
    )  # fmt: skip
    figure.update_layout(legend={"y": -0.25})
    return stamp_across(figure, stamp([info.basis]))


@dataclasses.dataclass(frozen=True, kw_only=True)
class SummaryRow(Jsonable):
    """Percentiles and mean of one sample, in milliseconds."""

    label: str
    p50: float
    p90: float
    p99: float
    mean: float
    n: int
    basis: str


def summaries_info(measured: Mapping[str, Measurement]) -> tuple[SummaryRow, ...]:
    """The data of ``plot_summaries``: a row per label."""
    return tuple(
        SummaryRow(
            label=label, p50=(ms := one.latency_ms).p50, p90=ms.p90, p99=ms.p99, mean=ms.mean, n=len(one.samples_ms), basis=one.basis
        )
        for label, one in measured.items()
    )


def plot_summaries(measured: Mapping[str, Measurement]) -> Any:
    """p50, p90, p99 and mean of several samples, a row each, on a log axis."""
    go = graph_objects()
    rows = summaries_info(measured)
    figure = go.Figure()
    for name, symbol, colour, _ in _MARKS:
        figure.add_scatter(
            x=[getattr(row, name) for row in rows],
            y=[escaped(row.label) for row in rows],
            mode="markers",
            name=name,
            marker={"symbol": symbol, "size": 15, "color": colour, "line": {"width": 3 if "open" in symbol else 0, "color": colour}},
            hovertemplate=f"<b>%{{y}}</b><br>{name} %{{x:.3g}} ms<extra></extra>",
        )
    bases = ", ".join(dict.fromkeys(row.basis for row in rows))
    counts = ", ".join(f"{row.n:,}" for row in rows)
    title = wrapped("ms per call, log axis", f"({bases}, n = {counts})", width=40)
    lay_out_rows(figure, "Percentiles and mean", title, [escaped(row.label) for row in rows])
    log_axis(figure, [value for row in rows for value in (row.p50, row.p90, row.p99, row.mean)])
    return stamp_across(figure, stamp(row.basis for row in rows))


def settling_info(measured: Measurement) -> dict[str, tuple[Percentile, ...]]:
    """The data of ``plot_settling``: the median and the 99th percentile of ever more calls."""
    return {f"p{round(100 * share)}": percentiles_of_first(measured.samples_ms, share) for share in (0.5, 0.99)}


def plot_settling(measured: Measurement) -> Any:
    """The median and the 99th percentile of the first 10, 20, 50, ... calls with 95 % intervals, where there are enough calls for one."""
    go = graph_objects()
    info = settling_info(measured)
    figure = go.Figure()
    drawn: list[float] = []
    for (name, points), (colour, symbol, shift) in zip(info.items(), ((BLUE, "diamond", 0.96), (VERMILION, "x", 1.04)), strict=True):
        ends = [(point.ci95 or (point.ms, point.ms)) for point in points]
        drawn += [end for pair in ends for end in pair]
        figure.add_scatter(
            x=[shift * point.n for point in points],
            y=[point.ms for point in points],
            mode="lines+markers",
            name=f"{name} with 95 % interval",
            line={"color": colour, "width": 1, "dash": "dot"},
            marker={
                "symbol": [symbol if point.ci95 else f"{symbol}-open" for point in points], "size": 12, "color": colour,
            },
            error_y={
                "type": "data", "symmetric": False, "array": [high - p.ms for p, (_, high) in zip(points, ends, strict=True)],
                "arrayminus": [p.ms - low for p, (low, _) in zip(points, ends, strict=True)], "thickness": 2, "width": 5, "color": colour,
            },
            customdata=[[p.n, "no interval: too few calls" if p.ci95 is None else f"{p.ci95[0]:.3g} to {p.ci95[1]:.3g}"] for p in points],
            hovertemplate=f"{name} of %{{customdata[0]:,}} calls: %{{y:.3g}} ms<br>%{{customdata[1]}}<extra></extra>",
        )  # fmt: skip
    counts = [point.n for point in info["p50"]]
    lay_out(
        figure,
        "How many calls does it take?",
        wrapped("number of calls, log axis", "(open marks: too few for an interval)", width=40),
        460,
    )
    figure.update_xaxes(type="log", tickvals=counts, ticktext=[f"{n:,}" for n in counts], tickangle=0)
    _log_y(figure, drawn, f"ms per call, log axis ({measured.basis})")
    figure.update_layout(legend={"y": -0.25})
    return stamp_across(figure, stamp([measured.basis]))


def plot_self_comparisons(comparisons: Sequence[SelfComparison]) -> Any:
    """Ratios of a file to itself, by how they were measured; the line is the truth."""
    go = graph_objects()
    ways = list(dict.fromkeys(one.how for one in comparisons))
    figure = go.Figure()
    for name, symbol, colour in (("mean", "circle-open", GREEN), ("p50", "diamond", BLUE)):
        figure.add_scatter(
            x=[getattr(one, f"{name}_ratio") for one in comparisons],
            y=[one.how for one in comparisons],
            mode="markers",
            name=f"ratio of the {'means' if name == 'mean' else 'medians (p50)'}",
            marker={"symbol": symbol, "size": 14, "color": colour, "line": {"width": 3 if "open" in symbol else 0, "color": colour}},
            hovertemplate="<b>%{y}</b><br>%{x:.3g} times<extra></extra>",
        )
    n = ", ".join(dict.fromkeys(f"{one.n:,}" for one in comparisons))
    title = wrapped("times as long, log axis; 1 is the truth", f"(measured, n = {n} calls of either)", width=44)
    lay_out_rows(figure, "A file against itself", title, ways)
    log_axis(figure, [value for one in comparisons for value in (one.mean_ratio, one.p50_ratio)] + [1.0])
    figure.add_vline(x=1, line={"color": GREY, "width": 2, "dash": "dash"})
    return figure
