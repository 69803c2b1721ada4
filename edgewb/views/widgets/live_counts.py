"""What a live page counts: frames, how many of them were another than the one before, what had to be left out, how long the way took."""

from __future__ import annotations

import statistics
import time
from collections import deque
from typing import Any, Final

_RATE_OVER_S: Final = 2.0
_KEPT: Final = 1_000
_MOST: Final = 1_000_000
_LEAST: Final = 20


class Counts:
    """Since counting began: ``frames`` answered, ``distinct`` ones among them, ``dropped`` ones that the page left out; and of the last
    1,000 frames of a stream ``end_to_end_ms``, from the moment the page had them until their answers were drawn, as the page tells it."""

    def __init__(self) -> None:
        self.frames = self.distinct = self.dropped = 0
        self.end_to_end_ms: deque[float] = deque(maxlen=_KEPT)
        self._moments: deque[float] = deque(maxlen=_KEPT)
        self._content: int | None = None

    def hear(self, told: Any) -> None:
        """What the page tells of frames before: ``{"dropped": 2, "took": [31.5, 30.2]}``. Anything else is left alone."""
        told = told if isinstance(told, dict) else {}
        dropped, took = told.get("dropped"), told.get("took")
        if isinstance(dropped, int) and not isinstance(dropped, bool) and 0 <= dropped <= _MOST:
            self.dropped += dropped
        for ms in took[:_KEPT] if isinstance(took, list) else ():
            if isinstance(ms, int | float) and 0 <= ms <= _MOST:
                self.end_to_end_ms.append(float(ms))

    def add(self, content: int, *, streaming: bool) -> None:
        """One frame; ``content`` is a checksum of it."""
        self.frames += 1
        if content != self._content:
            self._content = content
            self.distinct += 1
            if streaming:
                self._moments.append(time.monotonic())

    def end(self) -> None:
        """A stream is over."""
        self._moments.clear()

    @property
    def per_second(self) -> float | None:
        """Distinct frames over the last two seconds of a stream; None where there is none."""
        recent = [moment for moment in self._moments if self._moments[-1] - moment <= _RATE_OVER_S]
        return (len(recent) - 1) / (recent[-1] - recent[0]) if len(recent) > 2 else None

    @property
    def end_to_end(self) -> tuple[float, float] | None:
        """Median and 95th percentile of ``end_to_end_ms``; None for fewer than 20."""
        if len(self.end_to_end_ms) < _LEAST:
            return None
        took = sorted(self.end_to_end_ms)
        return statistics.median(took), took[round(0.95 * (len(took) - 1))]
