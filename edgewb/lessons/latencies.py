"""Measurements of measuring: a file against itself, a recording played back, samples and tables to judge."""

from __future__ import annotations

import contextlib
import dataclasses
import tempfile
from collections.abc import Sequence
from pathlib import Path

from edgewb.errors import InputError
from edgewb.intervals import quantile_interval, samples_needed
from edgewb.latencies import Measurement, measure
from edgewb.lessons.loads import other_load
from edgewb.ratios import TURNS, turns_of_files
from edgewb.recorders import prepare_recording
from edgewb.timings import summarise_latency
from edgewb.types import Jsonable

TEN_CALLS_MS = (2.0, 2.1, 2.0, 2.2, 2.0, 2.1, 2.3, 2.1, 9.8, 2.0)
"""Made up for an exercise: ten calls, one of which something interrupted."""
_LOADED_FROM = 1 / 3
"""The part of a comparison in turns after which the other load begins: so that either file's median is one of calls beside it."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class SelfComparison(Jsonable):
    """One file measured as if it were two, the second's latency over the first's; the truth is 1.

    ``how``: "one after the other" or "in turns". ``mean_ratio`` is of means, ``p50_ratio`` of medians, of ``n`` calls each.
    """

    how: str
    mean_ratio: float
    p50_ratio: float
    n: int


def compare_with_itself(model: str | Path, pairs: int = 3, runs: int = 5_000) -> tuple[SelfComparison, ...]:
    """The same file as if it were two, while other programs begin to compute in the middle: what ratio comes out?

    One after the other, the other programs begin between the two; in turns, after the first third of the turns, so that they hit both
    alike.

    Args:
        model: a .tflite that this computer runs.
        pairs: comparisons of either kind. runs: calls of each file in each.

    Raises:
        InputError: no pairs. ModelFileError, TargetError: as ``ratios.compare_files``.
    """
    if pairs < 1:
        raise InputError(f"{pairs} pairs: 1 or more are wanted")
    ways = (("one after the other", 1, 1), ("in turns", TURNS, round(2 * TURNS * _LOADED_FROM)))
    return tuple(_self_comparison(model, how, runs, turns, moment) for _ in range(pairs) for how, turns, moment in ways)


def _self_comparison(model: str | Path, how: str, runs: int, turns: int, moment: int) -> SelfComparison:
    """Other programs begin when so many of all the turns are over."""
    with contextlib.ExitStack() as stack:

        def between(done: int) -> None:
            if done == moment:
                stack.enter_context(other_load())

        blocks = turns_of_files((model, model), "cpu", runs, 10, 2.0, turns, between)
    first, second = (summarise_latency([value for block in own for value in block]) for own in blocks)
    return SelfComparison(how=how, mean_ratio=second.mean / first.mean, p50_ratio=second.p50 / first.p50, n=runs)


def record_and_replay(model: str | Path, runs: int = 200) -> tuple[Measurement, Measurement]:
    """Measure a file here, write the recording, and play it back: the measured and the replayed one.

    The recording lies in a temporary folder and is gone afterwards.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "recording.json"
        recorder = prepare_recording(model, path)
        measured = measure(model, runs=runs)
        recorder.write(measured)
        return measured, measure(model, target=f"replay:{path}", runs=runs)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Percentile(Jsonable):
    """A percentile of the first ``n`` calls, in milliseconds, with its 95 % interval; None where n is too small for one."""

    name: str
    n: int
    ms: float
    ci95: tuple[float, float] | None


def percentiles_of_first(samples_ms: Sequence[float], share: float) -> tuple[Percentile, ...]:
    """How a percentile settles as calls are added: of the first 10, 20, 50, 100, ... calls, and of all.

    Args:
        samples_ms: milliseconds of calls in their order, at least 10.
        share: 0.5 for the median.
    """
    if len(samples_ms) < 10:
        raise InputError(f"{len(samples_ms)} calls: 10 or more are wanted")
    steps = [step * 10**power for power in range(1, 7) for step in (1, 2, 5)]
    counts = sorted({n for n in steps if n < len(samples_ms)} | {len(samples_ms)})
    found = []
    for n in counts:
        summary = summarise_latency(samples_ms[:n])
        value = {0.5: summary.p50, 0.9: summary.p90, 0.99: summary.p99}.get(share)
        if value is None:
            raise InputError(f"share {share}: 0.5, 0.9 or 0.99 is wanted")
        found.append(Percentile(name=f"p{round(100 * share)}", n=n, ms=value, ci95=quantile_interval(samples_ms[:n], share)))
    return tuple(found)


CALLS_NEEDED = {f"p{round(100 * share)}": samples_needed(share) for share in (0.5, 0.9, 0.99)}
"""Calls without which a percentile has no 95 % interval."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class MadeUpTable:
    """A table of an invented report, to be judged; ``missing`` are the keys of ``FACTS`` it leaves out."""

    name: str
    text: str
    missing: tuple[str, ...]

    def __repr__(self) -> str:
        return f"{self.name}\n{self.text}"


FACTS = {
    "basis": "whether it was measured, and where",
    "host": "computer, bus and clock",
    "n": "how many calls",
    "first call": "that the first call is apart",
    "percentile": "which percentile or mean it is",
    "turns": "that both were measured in turns",
    "interval": "how sure the comparison is",
}
TABLES = {
    "A": MadeUpTable(
        name="Table A (made up)",
        text="net       inference    speed-up\nfloat     24.18 ms\nint8       3.02 ms      8.0x\n"
        "Mean of 10 runs on our board with the USB stick.",
        missing=("basis", "host", "first call", "turns", "interval"),
    ),
    "B": MadeUpTable(
        name="Table B (made up)",
        text="net       p50 ms   p99 ms   ratio [95 %]\nfloat      24.1     26.0\nint8        3.9      4.6    0.162 [0.158, 0.167]\n"
        "Measured on a Raspberry Pi 4, USB 3, max clock; n = 1,000 calls each in 20 turns, first call apart.",
        missing=(),
    ),
}
"""Two tables of the same comparison. Neither was measured: they are there to be judged by what they say of themselves."""
