"""A progress bar with the time left, the same in a terminal and in a notebook; or none at all."""

from __future__ import annotations

from types import TracebackType
from typing import Any

_FORMAT = "{percentage:3.0f}%|{bar}| {elapsed} gone, {remaining} left  {desc}"


class Bar:
    """A bar over work of a known expected cost. Costs are in seconds of an ordinary laptop; only their ratios matter.

    The time left is tqdm's: what is left times the time that a unit of cost took so far.
    """

    def __init__(self, total: float, show: bool) -> None:
        self._bar: Any = None
        self._done = 0.0
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
        if self._bar is not None:
            self._bar.set_description_str(label)

    def reach(self, done: float) -> None:
        """So much of the total is done. Never goes back."""
        if self._bar is not None and done > self._done:
            self._bar.update(done - self._done)
            self._done = done
