"""A progress bar with the time left, the same in a terminal and in a notebook; or none at all."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

_FORMAT = "{percentage:3.0f}%|{bar}| {elapsed} gone, {desc}"
_PRIOR_S = 10.0
"""So long the expected costs count as much as what was seen: the first seconds, in which TensorFlow loads, say little about the rest."""


class Bar:
    """A bar over work of a known expected cost. Costs are in seconds of an ordinary laptop; only their ratios matter.

    ``tell`` is called with what is being done and the share of the total that is done, 0..1, whenever one of them changes.

    The time left is what is left times the time that a unit of cost took so far, at first mixed with the expectation.
    """

    def __init__(self, total: float, show: bool, tell: Callable[[str, float], None] | None = None) -> None:
        self._bar: Any = None
        self._tell = tell
        self._done, self._total, self._label = 0.0, total, ""
        self._started = time.monotonic()
        if show:
            from tqdm.auto import tqdm

            # On standard error, where it disturbs neither --json nor a pipe.
            self._bar = tqdm(total=total, bar_format=_FORMAT, smoothing=0, leave=False, dynamic_ncols=True, mininterval=0.2)

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.close()

    def begin(self, label: str) -> None:
        """Say what is being done now."""
        self._label = label
        self._show()

    def reach(self, done: float) -> None:
        """So much of the total is done. Never goes back."""
        done = min(done, self._total)
        if done > self._done:
            if self._bar is not None:
                self._bar.update(done - self._done)
            self._done = done
            self._show()

    def _show(self) -> None:
        if self._tell is not None:
            self._tell(self._label, self._done / self._total if self._total else 0.0)
        if self._bar is not None:
            pace = (time.monotonic() - self._started + _PRIOR_S) / (self._done + _PRIOR_S)
            minutes, seconds = divmod(round(pace * (self._total - self._done)), 60)
            self._bar.set_description_str(f"{minutes:02d}:{seconds:02d} left  {self._label}")
