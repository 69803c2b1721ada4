"""Axes of the explorer's picture: from where to where they go, their ticks, and values as pixels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

_LOG_FROM = 10.0
"""A cost that spans more than this many times itself is drawn on a logarithmic axis."""
_STRETCH = 0.5
"""A line may make an axis longer by this share of what it has to hold; one that would take more is cut."""


@dataclass(frozen=True)
class Tick:
    """A round value: where its line is and what stands there; ``text_at`` is the middle of that, None for right at the line."""

    at: float
    text: str
    text_at: float | None = None


@dataclass(frozen=True)
class Span:
    """What an axis has to hold, in values; lines that go beyond it are cut."""

    low: float
    high: float
    logarithmic: bool


def span_of(values: Sequence[float], lows: Sequence[float], highs: Sequence[float]) -> Span:
    """Every value is held, and the lines about them but for those that would squeeze all others.

    Held in any case are the values and the ends of some three quarters of the lines on either side. Of the others those are, that make the
    axis longer by at most half of that; the rest are cut.

    Args:
        values: of the points, at least one. lows, highs: where the lines end that begin there.
    """
    least, most = min(*values, sorted(lows)[len(lows) - 1 - _quarter(lows)]), max(*values, sorted(highs)[_quarter(highs)])
    logarithmic = least > 0 and most > _LOG_FROM * least
    if logarithmic:
        stretch = (most / least) ** _STRETCH
        floor, roof = least / stretch, most * stretch
    else:
        floor, roof = least - _STRETCH * (most - least), most + _STRETCH * (most - least)
    low = min([least, *(value for value in lows if value >= floor and (value > 0 or not logarithmic))])
    high = max([most, *(value for value in highs if value <= roof)])
    return Span(low, high, logarithmic or (low > 0 and high > _LOG_FROM * low))


def _quarter(ends: Sequence[float]) -> int:
    """The place, in order, that three quarters of so many do not exceed."""
    return 3 * (len(ends) - 1) // 4


class Scale:
    """Values to pixels, linearly or by their logarithm, with some air at both ends."""

    def __init__(self, low: float, high: float, start: float, end: float, logarithmic: bool = False, air: float = 0.06) -> None:
        self.logarithmic = logarithmic
        first, last = (math.log10(low), math.log10(high)) if logarithmic else (low, high)
        if last - first < 1e-9 * max(1.0, abs(last)):
            spread = abs(first) * 0.1 or 0.1
            first, last = first - spread, last + spread
        extra = air * (last - first)
        self._first, self._last = first - extra, last + extra
        self._start, self._end = start, end

    def __call__(self, value: float) -> float:
        at = math.log10(value) if self.logarithmic else value
        return round(self._start + (at - self._first) / (self._last - self._first) * (self._end - self._start), 1)

    def ticks(self, most: int) -> tuple[Tick, ...]:
        """Round values inside the axis, at most so many."""
        if self.logarithmic:
            return tuple(Tick(self(value), f"{value:.10g}") for value in self._log_values(most))
        values = self._linear_values(most)
        decimals = max((len(f"{value:.10g}".partition(".")[2]) for value in values), default=0)  # as many on each tick
        return tuple(Tick(self(value), f"{value:.{decimals}f}") for value in values)

    def _linear_values(self, most: int) -> list[float]:
        span = self._last - self._first
        power = 10.0 ** math.floor(math.log10(span / most))
        step = next(s * power for s in (1, 2, 2.5, 5, 10, 20) if span / (s * power) <= most)
        first = math.ceil(self._first / step)
        return [i * step for i in range(first, math.floor(self._last / step) + 1)]

    def _log_values(self, most: int) -> list[float]:
        decades = range(math.floor(self._first), math.ceil(self._last) + 1)
        for steps in ((1, 1.5, 2, 3, 5, 7), (1, 2, 5), (1, 3), (1,)):
            values = [s * 10.0**d for d in decades for s in steps if self._first <= math.log10(s) + d <= self._last]
            if len(values) <= most:
                break
        return values[:: max(1, math.ceil(len(values) / most))]
