"""A sustained run as a figure and in words: milliseconds against time, what changed and when."""

from __future__ import annotations

import dataclasses
from typing import Any, Final

from edgewb.latencies import Measurement
from edgewb.types import Change, Jitter, Jsonable
from edgewb.views.figures import BLUE, GREY, VERMILION, escaped, graph_objects, lay_out, stamp_across, wrapped
from edgewb.watermarks import stamp

_LEVELS: Final = {10: "10th percentiles", 25: "25th percentiles", 50: "medians"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class DriftPoint(Jsonable):
    """A window of a run by its middle: percentiles of the ``n`` kept calls in it."""

    at_s: float
    p10_ms: float
    p50_ms: float
    p90_ms: float
    n: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class DriftMark(Jsonable):
    """A change: when, the level before and after, and both in words."""

    at_s: float
    before_ms: float
    after_ms: float
    text: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class DriftInfo(Jsonable):
    """What ``plot_drift`` draws. ``reading`` says in words what there is to see; ``n`` counts the kept calls, ``calls`` all."""

    file: str
    target: str
    points: tuple[DriftPoint, ...]
    marks: tuple[DriftMark, ...]
    basis: str
    n: int
    calls: int
    lasted_s: float
    wanted_s: float
    window_s: float
    back_to_back: bool
    failed: str | None
    reading: tuple[str, ...]


def drift_info(measured: Measurement) -> DriftInfo | None:
    """The data of ``plot_drift``; None for a measurement that is no sustained run."""
    run = measured.sustained
    if run is None:
        return None
    return DriftInfo(
        file=measured.file,
        target=measured.target,
        points=tuple(
            DriftPoint(at_s=w.start_s + run.window_s / 2, p10_ms=w.p10_ms, p50_ms=w.p50_ms, p90_ms=w.p90_ms, n=w.n) for w in run.windows
        ),
        marks=tuple(
            DriftMark(at_s=c.at_s, before_ms=c.before_ms, after_ms=c.after_ms, text=read_change(c)) for c in measured.drift.changes or ()
        ),
        basis=measured.basis,
        n=run.kept,
        calls=run.calls,
        lasted_s=run.lasted_s,
        wanted_s=run.wanted_s,
        window_s=run.window_s,
        back_to_back=run.back_to_back,
        failed=measured.failed,
        reading=(*read_sustained(measured), *read_changes(measured)),
    )


def read_jitter(jitter: Jitter) -> str:
    """One line."""
    share = "" if jitter.p25_to_p75_over_p50 is None else f", {100 * jitter.p25_to_p75_over_p50:.1f} % of p50"
    return f"jitter: p99 is {_ms(jitter.p50_to_p99_ms)} ms above p50; middle half of the calls within {_ms(jitter.p25_to_p75_ms)} ms{share}"


def _ms(value: float) -> str:
    return f"{value:.2g}" if value >= 0.001 else f"{value:.5f}"


def read_sustained(measured: Measurement) -> list[str]:
    """How long it ran and what was kept; nothing for a measurement that is no sustained run."""
    run = measured.sustained
    if run is None:
        return []
    whole = run.lasted_s >= 0.99 * run.wanted_s
    lasted = f"{run.lasted_s:.3g} s" if whole else f"{run.lasted_s:.3g} of {run.wanted_s:g} s"
    kept = "all kept" if run.one_in == 1 else f"one in {run.one_in} kept (n = {run.kept:,}), percentiles of all calls"
    clock = "; moments are sums of calls, which were timed elsewhere" if run.back_to_back else ""
    return [f"sustained for {lasted}: {run.calls:,} calls, {kept}{clock}"]


def read_changes(measured: Measurement) -> list[str]:
    """A line per change; or that none was found, and what would have been. Nothing where none was looked for."""
    drift = measured.drift
    if drift.changes:
        return [f"{read_change(change)} ({_levels(change)}; {measured.basis})" for change in drift.changes]
    if drift.changes is None:
        return ["too few calls to tell a change from noise: sustain it for longer"] if measured.sustained is not None else []
    tried = drift.sensitivity
    if tried is None:
        return ["no lasting change found"]
    share = f"put into these calls by arithmetic, it is found at {tried.found} of {tried.tried} places"
    noisy = tried.found < 0.95 * tried.tried
    seen = f"one of {tried.percent} % could have been missed" if noisy else f"one of {tried.percent} % would have been seen"
    return [f"no lasting change found; {seen} ({share})"]


def read_change(change: Change) -> str:
    """One change: which way, by how much, from when on."""
    word = "slower" if change.ratio > 1 else "faster"
    return f"{word} by {100 * abs(change.ratio - 1):.0f} % from {change.at_s:.1f} s on"


def _levels(change: Change) -> str:
    text = f"{change.before_ms:.3g} -> {change.after_ms:.3g} ms, {_LEVELS.get(change.percentile, f'{change.percentile}th percentiles')}"
    if change.ratio_ci95 is not None:
        ends = sorted(100 * abs(end - 1) if (end > 1) == (change.ratio > 1) else 0.0 for end in change.ratio_ci95)
        text += f", 95 % interval {ends[0]:.1f} to {ends[1]:.1f} %"
    return text


def plot_drift(measured: Measurement) -> Any:
    """Milliseconds per call against time: the median of each window on the band from its 10th to its 90th percentile, changes marked.

    None for a measurement that is no sustained run.
    """
    info = drift_info(measured)
    if info is None:
        return None
    go = graph_objects()
    figure = go.Figure()
    at = [point.at_s for point in info.points]
    shown = [(p.p10_ms, p.p90_ms, p.n) for p in info.points]
    figure.add_scatter(x=at, y=[p.p90_ms for p in info.points], mode="lines", line={"width": 0}, showlegend=False, hoverinfo="skip")
    figure.add_scatter(
        x=at,
        y=[p.p10_ms for p in info.points],
        mode="lines",
        line={"width": 0},
        fill="tonexty",
        fillcolor="rgba(86,180,233,0.35)",
        name="p10 to p90",
        hoverinfo="skip",
    )
    figure.add_scatter(
        x=at,
        y=[p.p50_ms for p in info.points],
        mode="lines+markers",
        line={"color": BLUE, "width": 2},
        marker={"size": 4},
        name="median",
        customdata=shown,
        hovertemplate="%{x:.1f} s: median %{y:.3g} ms<br>p10 to p90 %{customdata[0]:.3g} to %{customdata[1]:.3g} ms, n = %{customdata[2]}"
        "<extra></extra>",
    )
    for number, mark in enumerate(info.marks):
        figure.add_vline(x=mark.at_s, line={"color": VERMILION, "width": 2, "dash": "dash"})
        left = mark.at_s > 0.6 * info.lasted_s
        figure.add_annotation(
            x=mark.at_s,
            y=1 - 0.15 * number,
            yref="paper",
            xanchor="right" if left else "left",
            yanchor="top",
            xshift=-6 if left else 6,
            align="right" if left else "left",
            text=wrapped(mark.text, width=18),
            showarrow=False,
            font={"size": 14},
        )
    if info.failed is not None:
        figure.add_vline(x=info.lasted_s, line={"color": GREY, "width": 2, "dash": "dot"})
        figure.add_annotation(
            x=info.lasted_s, y=0, yref="paper", xanchor="right", yanchor="bottom", text="stopped here", showarrow=False, font={"size": 14}
        )
    times = "sum of the calls before" if info.back_to_back else "since the run began"
    window = f"windows of {info.window_s:.2g} s, n = {info.n:,} kept of {info.calls:,} calls, {info.basis}"
    lay_out(figure, f"{escaped(info.file[-60:])} on {escaped(info.target)}", wrapped(f"seconds, {times}", window, width=38), 480)
    figure.update_yaxes(title={"text": f"milliseconds per call ({info.basis})", "standoff": 10, "font": {"size": 14}}, rangemode="tozero")
    figure.update_xaxes(range=[0, 1.01 * info.lasted_s])
    figure.update_layout(legend={"y": -0.4}, hovermode="x")
    return stamp_across(figure, stamp([measured.basis]))
