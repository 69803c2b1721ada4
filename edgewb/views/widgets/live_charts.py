"""The pictures of a live page as numbers: bars of classes, a histogram of latencies, medians over time. The template draws them as SVG."""

from __future__ import annotations

import dataclasses
from typing import Final

import numpy as np

from edgewb.types import Jsonable
from edgewb.views.widgets.explorer_axes import Scale
from edgewb.views.widgets.live_sides import Answer, Side
from edgewb.watermarks import stamp

WIDTH: Final = 460
"""Of every picture, in the units of its coordinates."""
_BINS: Final = 24
_LONGEST: Final = 3
"""Times the median: beyond it calls are counted, not drawn, or one that waited for the processor would leave no room for the others."""
_LEAST_FOR_HISTOGRAM: Final = 20
_LABEL: Final = 18
_LEFT, _RIGHT, _TOP, _HEIGHT = 76, 12, 10, 120
"""Of the area within the axes."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Bar(Jsonable):
    """A class, its share 0..1 also in words, and where its bar begins and how long it is."""

    label: str
    text: str
    share: float
    begin: float
    length: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tick(Jsonable):
    """A mark on an axis: where, and what stands there."""

    at: float
    text: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Histogram(Jsonable):
    """Calls per bin of milliseconds. ``bars`` are x, y, width, height; ``marks`` the median and the 90th percentile, where they are on the
    axis; ``beyond``: calls outside it."""

    title: str
    reading: str
    bars: tuple[tuple[float, float, float, float], ...]
    ticks: tuple[Tick, ...]
    heights: tuple[Tick, ...]
    marks: tuple[Tick, ...]
    n: int
    beyond: int
    basis: str
    stamp: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Timeline(Jsonable):
    """Medians over time. ``points`` are x, y, and the ends of the interval; ``line`` is the path between the medians."""

    title: str
    reading: str
    points: tuple[tuple[float, float, float, float], ...]
    line: str
    ticks: tuple[Tick, ...]
    heights: tuple[Tick, ...]
    n: int
    basis: str
    stamp: str


def digits(value: float) -> str:
    """Milliseconds to three digits. Without ``edgewb.records``, whose import would be a tenth of a second of a visitor's waiting."""
    return f"{value:#.3g}".rstrip(".") if 0 < value < 999.5 else f"{value:.0f}"


def bars(answer: Answer | None) -> tuple[Bar, ...]:
    """The likeliest classes of an answer, the first one first; none where there is no answer."""
    top = () if answer is None else answer.top
    room = 10 + 10 * max((min(len(label), _LABEL) for label, _ in top), default=0)
    return tuple(
        Bar(
            label=label if len(label) <= _LABEL else f"{label[: _LABEL - 1]}…",
            text=read_share(share),
            share=share,
            begin=room,
            length=1 + share * (WIDTH - room - 70),
        )
        for label, share in top
    )


def histogram(side: Side) -> Histogram | None:
    """Of the kept calls, from their 0.5th to their 99.5th percentile, at most thrice the median; None for fewer than 20."""
    samples = np.array(side.samples_ms)
    if len(samples) < _LEAST_FOR_HISTOGRAM:
        return None
    low, middle, high = (float(value) for value in np.percentile(samples, [0.5, 50, 99.5]))
    high = max(min(high, _LONGEST * middle), low * 1.02, low + 1e-4)
    counts, edges = np.histogram(samples, _BINS, (low, high))
    most = int(counts.max())
    inner, wide = _inner_width(), _inner_width() / _BINS
    summary = side.summary()
    assert summary is not None
    text = f"half of the calls took up to {digits(summary.p50)} ms, nine in ten up to {digits(summary.p90)} ms"
    return Histogram(
        title=f"How long calls took on {side.label}",
        reading=text,
        bars=tuple(
            (_LEFT + place * wide, _TOP + _HEIGHT * (1 - count / most), wide - 1, _HEIGHT * count / most)
            for place, count in enumerate(counts.tolist())
        ),
        ticks=_ticks(low, high, _LEFT, _LEFT + inner, 4),
        heights=(Tick(at=_TOP + _HEIGHT, text="0"), Tick(at=_TOP, text=f"{most:,}")),
        marks=tuple(
            Tick(at=_LEFT + inner * (value - low) / (high - low), text=name)
            for name, value in (("median", summary.p50), ("p90", summary.p90))
            if value <= high
        ),
        n=len(samples),
        beyond=int(((samples < edges[0]) | (samples > edges[-1])).sum()),
        basis=side.basis,
        stamp=stamp([side.basis]),
    )


def timeline(side: Side) -> Timeline | None:
    """Medians of stretches of time with their intervals; None where there are fewer than two."""
    levels = side.levels()
    if len(levels) < 2:
        return None
    # An interval may reach far beyond the medians; it is cut off there.
    last, top = levels[-1].at_s, 1.5 * max(level.median_ms for level in levels)
    inner = _inner_width()

    def x(seconds: float) -> float:
        return _LEFT + inner * seconds / last

    def y(milliseconds: float) -> float:
        return _TOP + _HEIGHT * max(0.0, 1 - milliseconds / top)

    points = tuple((x(level.at_s), y(level.median_ms), y(level.ci95_ms[1]), y(level.ci95_ms[0])) for level in levels)
    first, final = levels[0], levels[-1]
    return Timeline(
        title=f"Medians over time on {side.label}",
        reading=f"from {digits(first.median_ms)} ms at the beginning to {digits(final.median_ms)} ms at the end",
        points=points,
        line=" ".join(f"{'L' if number else 'M'}{px:.1f} {py:.1f}" for number, (px, py, _, _) in enumerate(points)),
        ticks=_ticks(0, last, _LEFT, _LEFT + inner, 5),
        heights=_ticks(0, top, _TOP + _HEIGHT, _TOP, 4),
        n=sum(level.n for level in levels),
        basis=side.basis,
        stamp=stamp([side.basis]),
    )


def read_drift(side: Side) -> str:
    """Whether calls became slower or faster for good, in a sentence. Takes some ten milliseconds: for the end of a run."""
    from edgewb.views.drift_plots import read_change

    changes = side.changes()
    if changes is None:
        return "too few calls to tell a lasting change from noise"
    found = "; ".join(map(read_change, changes)) or "no lasting change found"
    return f"{found} (n = {len(side.samples_ms):,} calls, {side.basis})"


def _ticks(low: float, high: float, start: float, end: float, most: int) -> tuple[Tick, ...]:
    """Round values of an axis from low to high, at most so many."""
    return tuple(Tick(at=tick.at, text=tick.text) for tick in Scale(low, high, start, end, air=0).ticks(most))


def _inner_width() -> float:
    return WIDTH - _LEFT - _RIGHT


def read_share(share: float) -> str:
    """Near 1 without a figure: one step of a quantised softmax is 0.4 %, and no answer is certain."""
    return ">99 %" if share >= 0.995 else f"{100 * share:.1f} %"
