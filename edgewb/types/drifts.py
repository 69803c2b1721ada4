"""What a sample of calls shows over time: changes, ranges, windows."""

from __future__ import annotations

import dataclasses

from edgewb.types.bases import Jsonable


@dataclasses.dataclass(frozen=True, kw_only=True)
class Change(Jsonable):
    """A moment within a sample at which calls became slower or faster for good: ``ratio`` = after / before.

    ``before_ms`` and ``after_ms`` are what the same percentile of calls typically was, in short windows before and after: ``percentile`` is
    50, their medians, unless calls come in several speeds and the median jumps between these. ``ratio_ci95`` is an interval for the ratio
    from how the windows vary; a slow drift beside the step is not in it.
    """

    at_s: float
    before_ms: float
    after_ms: float
    ratio: float
    n_before: int
    n_after: int
    ratio_ci95: tuple[float, float] | None = None
    percentile: int = 50


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sensitivity(Jsonable):
    """A slow-down of ``percent`` put into a sample by arithmetic, at ``tried`` places, one at a time, was found at ``found`` of them."""

    percent: int
    tried: int
    found: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Drift(Jsonable):
    """Whether calls got slower or faster while they were measured: the medians of the first and last third of a sample, and changes.

    ``ratio`` is last / first; ``n_per_third`` samples are in each; all None for fewer than 3 samples. ``changes`` is None where nothing
    was looked for, because the sample was too short to tell a change from noise. ``sensitivity``: what would have been found, where none
    was.
    """

    first_third_median_ms: float | None
    last_third_median_ms: float | None
    ratio: float | None
    n_per_third: int
    changes: tuple[Change, ...] | None = None
    sensitivity: Sensitivity | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Jitter(Jsonable):
    """How much calls differ from each other: ranges between percentiles, which one long call does not decide (as RFC 5481 describes delay
    variation by them). From the median to the 99th; from the 25th to the 75th; the latter over the median, None where that is 0.
    """

    p50_to_p99_ms: float
    p25_to_p75_ms: float
    p25_to_p75_over_p50: float | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Window(Jsonable):
    """Percentiles of the ``n`` kept calls that ended within a window of a sustained run; it began ``start_s`` after the run."""

    start_s: float
    n: int
    p10_ms: float
    p50_ms: float
    p90_ms: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sustained(Jsonable):
    """A run of ``wanted_s`` seconds that lasted ``lasted_s``: ``calls`` in all, of which one in ``one_in`` is kept as a sample.

    ``back_to_back``: only durations are known, since another computer or a recording timed the calls; moments are then sums of them.
    ``windows`` of ``window_s`` each, those left out in which no kept call ended.
    """

    wanted_s: float
    lasted_s: float
    calls: int
    kept: int
    one_in: int
    back_to_back: bool
    window_s: float
    windows: tuple[Window, ...]
