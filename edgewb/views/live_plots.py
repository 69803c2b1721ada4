"""Figures about live answers: how long the calls took, and what becomes of a camera's frames."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from edgewb.errors import InputError
from edgewb.lessons.calibration_trials import study_record
from edgewb.lessons.frame_rates import FrameCount, count_frames
from edgewb.lessons.tables import WordTable
from edgewb.timings import summarise_latency
from edgewb.types import Jsonable, LatencySummary
from edgewb.views.figures import BLUE, GREEN, GREY, ORANGE, VERMILION, escaped, graph_objects, lay_out, stamp_across, wrapped
from edgewb.watermarks import stamp

if TYPE_CHECKING:
    from edgewb.views.widgets.live import Live

_BINS: Final = 40
_FOR_P99: Final = 100
_BEYOND: Final = 5.0
"""Times the median: calls beyond are counted in words, or one that waited for the processor would leave no room for the others."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class CallsInfo(Jsonable):
    """Calls on one target in milliseconds, the first one apart: ``counts`` between ``edges``; ``beyond`` were longer than the axis."""

    target: str
    basis: str
    where: str
    edges: tuple[float, ...]
    counts: tuple[int, ...]
    beyond: int
    n: int
    first_ms: float | None
    summary: LatencySummary


def calls_info(samples_ms: Sequence[float], target: str, basis: str, first_ms: float | None = None, where: str = "") -> CallsInfo:
    """The data of ``plot_calls`` and ``plot_recorded_calls``.

    Args:
        where: "" for this computer, else words for where it was measured.

    Raises:
        InputError: fewer than 20 calls.
    """
    if len(samples_ms) < 20:
        raise InputError(f"{len(samples_ms)} calls on {target}: 20 at least are wanted for a histogram; stream some test images first")
    samples = np.asarray(samples_ms, np.float64)
    summary = summarise_latency(samples_ms)
    top = min(float(samples.max()), _BEYOND * summary.p50)
    low = float(samples.min())
    counts, edges = np.histogram(samples, _BINS, (low, max(top, 1.02 * low)))
    return CallsInfo(
        target=target,
        basis=basis,
        where=where,
        edges=tuple(edges.tolist()),
        counts=tuple(counts.tolist()),
        beyond=int((samples > edges[-1]).sum()),
        n=len(samples),
        first_ms=first_ms,
        summary=summary,
    )


def live_infos(live: Live) -> tuple[CallsInfo, ...]:
    """One per target of a live widget."""
    return tuple(calls_info(tuple(side.samples_ms), side.label, side.basis, side.first_ms) for side in live.sides)


def plot_calls(live: Live) -> Any:
    """How long the calls of a live widget took: a histogram for its first target, with the median and the 90th percentile."""
    return _histogram(live_infos(live)[0], marked=True)


def plot_recorded_calls(recipe: str = "ptq_int8") -> Any:
    """A histogram without its percentiles, to be read: of a variant of the bundled digits study."""
    return _histogram(recorded_info(recipe), marked=False)


def recorded_info(recipe: str = "ptq_int8") -> CallsInfo:
    """The data of ``plot_recorded_calls``: what was measured on the computer the bundled study was recorded on.

    Raises:
        InputError: a recipe the study does not have.
    """
    record = study_record(recipe)
    latency = next((one for one in record.latency if one.samples_ms), None)
    if latency is None:
        raise InputError(f"the record of {record.recipe} holds no sample of latencies: measure it on a target first")
    return calls_info(latency.samples_ms, latency.target, latency.basis, latency.first_ms, "on another computer")


def _histogram(info: CallsInfo, *, marked: bool) -> Any:
    go = graph_objects()
    figure = go.Figure()
    centres = [(a + b) / 2 for a, b in zip(info.edges, info.edges[1:], strict=False)]
    figure.add_bar(
        x=centres, y=list(info.counts), marker={"color": BLUE}, showlegend=False, hovertemplate="%{x:.3g} ms: %{y} calls<extra></extra>"
    )
    beyond = f", {info.beyond} beyond the axis" if info.beyond else ""
    basis = f"{info.basis} {info.where}".strip()
    words = f"ms per call ({basis}, n = {info.n:,}, first call apart{beyond})"
    lay_out(figure, f"How long calls took on {escaped(info.target)}", wrapped(words, width=60), 380, bargap=0.03)
    figure.update_yaxes(title={"text": "number of calls", "font": {"size": 14}, "standoff": 10})
    if marked:
        for name, value, dash in (("median", info.summary.p50, "solid"), ("p90", info.summary.p90, "dash")):
            if value <= info.edges[-1]:
                figure.add_vline(x=value, line={"color": VERMILION, "width": 2, "dash": dash})
                right = name == "p90"
                figure.add_annotation(
                    x=value, y=1, yref="paper", yanchor="bottom", xanchor="left" if right else "right", text=name, showarrow=False,
                    font={"size": 14},
                )  # fmt: skip
    return stamp_across(figure, stamp([info.basis]))


def list_calls(live: Live) -> WordTable:
    """The targets of a live widget as a table: the first call apart, percentiles of the others, n and basis."""
    columns = ("target", "first call (ms)", "median (ms)", "p90 (ms)", "p99 (ms)", "calls without the first", "basis")
    rows = [
        (
            info.target,
            "–" if info.first_ms is None else f"{info.first_ms:.3g}",
            f"{info.summary.p50:.3g}",
            f"{info.summary.p90:.3g}",
            f"{info.summary.p99:.3g}" if info.n >= _FOR_P99 else f"– (needs {_FOR_P99} calls)",
            f"{info.n:,}",
            str(info.basis),
        )
        for info in live_infos(live)
    ]
    return WordTable(columns=columns, rows=tuple(rows))


def list_targets_here() -> WordTable:
    """What can run a model here, as a table: whether each target is usable, and what is missing where it is not."""
    from edgewb.targets.listings import list_targets

    usable = {True: "yes", False: "no", None: "asked when named"}
    rows = [
        (one.form, one.summary, usable[one.available], "" if one.available is not False else f"{one.reason}. {one.fix}".strip(". "))
        for one in list_targets()
    ]
    return WordTable(columns=("target", "what it is", "usable here", "what is missing"), rows=tuple(rows))


def frames_info(camera_fps: float = 30.0, most_ms: float = 150.0) -> tuple[FrameCount, ...]:
    """The data of ``plot_frames``: answers of 1 ms up to ``most_ms``, fine enough for upright stairs."""
    return tuple(count_frames(camera_fps, float(ms)) for ms in np.linspace(1, most_ms, 1491))


def plot_frames(camera_fps: float = 30.0, most_ms: float = 150.0) -> Any:
    """Of a camera's frames, how many are answered and how many left out, against how long an answer takes."""
    go = graph_objects()
    figure = go.Figure()
    counts = frames_info(camera_fps, most_ms)
    for name, colour, pattern, values in (
        ("answered", GREEN, "", [one.answered_fps for one in counts]),
        ("left out", ORANGE, "/", [one.dropped_fps for one in counts]),
    ):
        figure.add_scatter(
            x=[one.answer_ms for one in counts],
            y=values,
            mode="lines",
            name=name,
            stackgroup="frames",
            line={"color": colour, "width": 1},
            fillpattern={"shape": pattern, "fgcolor": "rgba(0,0,0,0.4)", "solidity": 0.2, "fillmode": "overlay"},
            hovertemplate=f"{name}: %{{y:.1f}} a second<extra></extra>",
        )
    figure.add_vline(x=1000 / camera_fps, line={"color": GREY, "width": 2, "dash": "dash"})
    figure.add_annotation(
        x=1000 / camera_fps, y=1, yref="paper", yanchor="bottom", xanchor="left", text=f"{1000 / camera_fps:.0f} ms between frames",
        showarrow=False, font={"size": 14},
    )  # fmt: skip
    title = f"A camera of {camera_fps:g} frames a second"
    lay_out(figure, title, wrapped("milliseconds from a frame to its answer (by arithmetic, one frame under way)", width=60), 400)
    figure.update_yaxes(title={"text": "frames a second (number)", "font": {"size": 14}, "standoff": 10}, rangemode="tozero")
    figure.update_layout(legend={"y": -0.3})
    return figure
