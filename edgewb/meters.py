"""Where watts come from: a command that prints them, a file that holds them, or the log of a logger.

Readings are taken by a thread of their own, a few a second, beside the calls and never between the two clock readings of one on purpose;
the rows of a log are read after the calls. What went wrong with a meter is kept as its ``failure``: it never ends a measurement.
"""

from __future__ import annotations

import contextlib
import datetime
import math
import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import IO, Final, Self

from edgewb.errors import InputError, first_line, unknown_name

UNITS: Final = {"W": 1.0, "mW": 1e-3, "uW": 1e-6}
MOST_WATTS: Final = 10_000.0
"""A socket gives at most some 3,600 W: what is far above is a wrong unit, or no power."""
POLL_SECONDS: Final = 0.25
REPEAT_SECONDS: Final = 1.0
FIRST_SECONDS: Final = 10.0
_MOST_PER_SECOND = 200
_LINE_BYTES = 4096


class Meter:
    """Readings with their times (``time.perf_counter``), from ``start`` to ``stop``.

    ``source`` names it in a record, without path, host or argument; ``covers`` says what its watts are the power of.
    """

    source: str = ""
    patience_s = FIRST_SECONDS
    means = False  # whether a reading is the mean since the one before, or the power at its own moment
    covers: str = "what the meter is connected to, in full: its own error is not in the interval"

    def __init__(self) -> None:
        self.failure: str | None = None
        self._times: list[float] = []
        self._watts: list[float] = []
        self._done = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to read.

        Raises:
            InputError: it gives no number within ``patience_s``; nothing was measured yet, so nothing is lost.
        """
        self._thread = threading.Thread(target=self._guarded, name="edgewb-meter", daemon=True)
        self._thread.start()
        deadline = time.perf_counter() + self.patience_s
        while not self._times and self.failure is None and time.perf_counter() < deadline:
            time.sleep(0.02)
        if self.failure is None and not self._times:
            self.failure = f"printed no number within {self.patience_s:g} s: let it write each line at once (python -u, stdbuf -oL)"
        if self.failure is not None:
            self.stop()
            raise InputError(f"the meter {self.source}: {self.failure}")

    def stop(self) -> None:
        """End it. Harmless when called again."""
        self._done.set()
        if self._thread is not None:
            self._thread.join(timeout=3)
            self._thread = None

    def readings(self, until: float) -> tuple[list[float], list[float]]:
        """Times and watts so far; waits a little for one from after ``until``, so that the last seconds are covered."""
        deadline = time.perf_counter() + 2 * REPEAT_SECONDS
        while self.failure is None and (not self._times or self._times[-1] < until) and time.perf_counter() < deadline:
            time.sleep(0.02)
        n = min(len(self._times), len(self._watts))
        return self._times[:n], self._watts[:n]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def _guarded(self) -> None:
        try:
            self._read()
        except _MeterFailureError as failure:
            self.failure = str(failure)
        except Exception as error:  # in a thread nobody would see it: no sample is lost for a meter, but the reason is told
            self.failure = f"failed: {first_line(error)}"

    def _read(self) -> None:
        """Take readings until ``self._done`` is set."""
        raise NotImplementedError

    def _take(self, watts: float) -> None:
        self._watts.append(watts)
        self._times.append(time.perf_counter())


class _MeterFailureError(Exception):
    """Why a meter gives no more readings."""


def open_meter(given: str, unit: str | None = None) -> Meter:
    """A meter, not yet started.

    Args:
        given: a file, or a command with its arguments as one writes it in a shell (no pipes: ``sh -c '...'`` has them). A command is run
            once and prints a number per line; one that ends after one number is run again each second. A file holds the present power, as
            ``power1_input`` of hwmon does, or grows by lines ``time,watts`` (seconds since 1970 or ISO 8601).
        unit: "W", "mW" or "uW"; None for watts, and for microwatts in a file named as hwmon names them.

    Raises:
        InputError: an unknown unit, no such file or command, a file that holds no number.
    """
    if unit is not None and unit not in UNITS:
        raise unknown_name("unit of the meter", unit, UNITS)
    path = Path(given).expanduser() if given.strip() else Path()
    if not given.strip():
        raise InputError("--meter is empty: give a command that prints watts, or a file that holds them")
    if path.is_dir():
        raise InputError(f"--meter {given!r} is a folder: give a file in it, such as power1_input, or a command")
    if path.is_file() and not os.access(path, os.X_OK):
        scale = UNITS[unit or ("uW" if path.name.startswith("power") and path.name.endswith(("_input", "_average")) else "W")]
        try:
            head = path.read_bytes()[: 1 << 16].decode("utf-8", errors="replace").split("\n")
        except OSError as error:
            raise InputError(f"--meter {given!r} cannot be read ({error.strerror}): give yourself permission, or another file") from None
        rows = [line for line in head if line.strip()]
        return LogMeter(path, scale) if len(rows) > 1 or any("," in row for row in rows) else FileMeter(path, scale)
    try:
        words = shlex.split(given)
    except ValueError as error:
        raise InputError(f"--meter {given!r} is no command: {error}") from None
    if not words or shutil.which(words[0]) is None:
        raise InputError(f"--meter {given!r}: there is neither such a file nor a command {words[0] if words else ''!r} that can be run")
    return CommandMeter(words, UNITS[unit or "W"])


def parse_watts(text: str, scale: float) -> float:
    """A number in units of ``scale`` watts.

    Raises:
        ValueError: no number, negative, or more than any socket gives.
    """
    shown = repr(text.strip()[:60])
    try:
        watts = float(text) * scale
    except ValueError:
        raise ValueError(f"gave {shown}, which is no number") from None
    if not math.isfinite(watts) or watts < 0 or watts > MOST_WATTS:
        raise ValueError(f"gave {shown}, that is {watts:g} W: 0 to {MOST_WATTS:g} W is possible (--meter-unit W, mW or uW)")
    return watts


class CommandMeter(Meter):
    """A program that prints numbers."""

    def __init__(self, words: list[str], scale: float) -> None:
        super().__init__()
        self.source = f"command {Path(words[0]).name}"
        self._words, self._scale = words, scale
        self._process: subprocess.Popen[bytes] | None = None

    def stop(self) -> None:
        self._done.set()
        process = self._process
        if process is not None:
            for number in (signal.SIGTERM, getattr(signal, "SIGKILL", signal.SIGTERM)):
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    # Its own group, see below: `sh -c "while ..."` has children.
                    os.killpg(process.pid, number) if hasattr(os, "killpg") else process.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(timeout=1)
                    break
        super().stop()

    def _read(self) -> None:
        while not self._done.is_set():
            begun = time.perf_counter()
            before = len(self._times)
            with tempfile.TemporaryFile() as errors:
                try:
                    self._process = subprocess.Popen(
                        self._words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, start_new_session=True
                    )
                except OSError as error:
                    raise _MeterFailureError(f"cannot be started: {error.strerror}") from None
                with self._process as process:
                    assert process.stdout is not None
                    if self._done.is_set():
                        process.kill()
                    self._lines(process.stdout)
                    status = process.wait()
                given = len(self._times) - before
                if self._done.is_set():
                    return
                if status or given != 1:
                    errors.seek(0)
                    said = errors.read(_LINE_BYTES).decode("utf-8", errors="replace").strip().splitlines()
                    raise _MeterFailureError(
                        f"ended with exit status {status} after {given} reading(s)" + (f": {said[-1][:120]}" if said else "")
                    )
            self._done.wait(max(0.0, begun + REPEAT_SECONDS - time.perf_counter()))

    def _lines(self, stream: IO[bytes]) -> None:
        first = True
        while line := stream.readline(_LINE_BYTES):
            text = line.decode("utf-8", errors="replace")
            if not text.strip():
                continue
            try:
                watts = parse_watts(text, self._scale)
            except ValueError as problem:
                if first and not self._times and not any(c.isdigit() for c in text):  # a heading
                    first = False
                    continue
                self._end_with(str(problem))
            self._take(watts)
            # Since it began: on a busy computer this thread is late now and then, and reads many lines at once that were not printed so.
            if len(self._times) > _MOST_PER_SECOND * max(1.0, self._times[-1] - self._times[0]):
                self._end_with(f"prints more than {_MOST_PER_SECOND} numbers a second, which would disturb the calls: let it sleep")

    def _end_with(self, problem: str) -> None:
        assert self._process is not None
        if not self._done.is_set():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGTERM) if hasattr(os, "killpg") else self._process.terminate()
        raise _MeterFailureError(problem)


class FileMeter(Meter):
    """A file whose content is the present power."""

    def __init__(self, path: Path, scale: float) -> None:
        super().__init__()
        self.source = f"file {path.name}"
        self._path, self._scale = path, scale

    def _read(self) -> None:
        while not self._done.is_set():
            try:
                self._take(parse_watts(self._path.read_bytes()[:_LINE_BYTES].decode("utf-8", errors="replace"), self._scale))
            except OSError as error:
                raise _MeterFailureError(f"can no longer be read: {error.strerror}") from None
            except ValueError as problem:
                raise _MeterFailureError(str(problem)) from None
            self._done.wait(POLL_SECONDS)


class LogMeter(Meter):
    """A file that another program adds lines to: ``time,watts``, and more columns if it likes. Nothing reads it during the calls."""

    def __init__(self, path: Path, scale: float) -> None:
        super().__init__()
        self.source = f"log {path.name}"
        self._path, self._scale = path, scale
        self._from, self._torn, self._offset = 0, False, 0.0

    def start(self) -> None:
        with self._path.open("rb") as stream:
            self._from = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, self._from - 1))
            self._torn = self._from > 0 and stream.read(1) != b"\n"
        # Its rows carry the time of day, ours a clock that nobody sets: taken together once, at the start.
        self._offset = time.time() - time.perf_counter()

    def readings(self, until: float) -> tuple[list[float], list[float]]:
        deadline = time.perf_counter() + min(self.patience_s, 5.0)
        while True:
            try:
                self._parse()
            except (OSError, ValueError) as problem:
                self.failure = problem.strerror if isinstance(problem, OSError) else str(problem)
                return [], []
            if (self._times and self._times[-1] >= until) or time.perf_counter() >= deadline:
                break
            time.sleep(0.1)
        if not self._times:
            self.failure = "got no new line while this was measured: let its logger run, and write each line at once"
        elif self._times[0] > until or self._times[-1] < until - 60:
            self.failure = "has times that are not of this computer's clock: let it write seconds since 1970, or ISO 8601 with its zone"
        return self._times, self._watts

    def _parse(self) -> None:
        with self._path.open("rb") as stream:
            stream.seek(self._from)
            rows = stream.read().split(b"\n")[:-1]  # the last one is empty, or still being written
        self._times, self._watts = [], []
        for row in rows[self._torn :]:  # where we began may be the middle of a line
            cells = [cell.strip() for cell in row.decode("utf-8", errors="replace").split(",")]
            if not any(cells) or (not self._times and not any(c.isdigit() for c in cells[0])):
                continue
            if len(cells) < 2:
                raise ValueError(f"has a line {','.join(cells)[:60]!r}: time,watts is wanted")
            self._watts.append(parse_watts(cells[1], self._scale))
            self._times.append(_seconds(cells[0]) - self._offset)
        if any(later < earlier for earlier, later in zip(self._times, self._times[1:], strict=False)):
            raise ValueError("has times that go backwards")


def _seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        pass
    try:
        return datetime.datetime.fromisoformat(text).timestamp()
    except ValueError:
        raise ValueError(f"has a time {text[:60]!r}: seconds since 1970 or ISO 8601 is wanted") from None
