"""Latency as a sample: every call timed, the first one apart."""

from __future__ import annotations

import dataclasses
import hashlib
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgewb.environments import environment
from edgewb.errors import InputError
from edgewb.targets import Target, TensorSpec, open_target
from edgewb.tflite.reader import load_bytes
from edgewb.types import Basis, Environment, Jsonable, Latency, LatencySummary

TURNS = 10
LEAST_RUNS = 20  # a time limit never cuts a sample below this: of fewer, p90 is just the largest
RUN_LIMIT = 1_000_000


@dataclasses.dataclass(frozen=True, kw_only=True)
class Drift(Jsonable):
    """Whether the machine got slower or faster while it was measured: the medians of the first and last third of a sample.

    ``ratio`` is last / first; ``n_per_third`` samples are in each. All None for fewer than 3 samples.
    """

    first_third_median_ms: float | None
    last_third_median_ms: float | None
    ratio: float | None
    n_per_third: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Measurement(Jsonable):
    """Latency of a file on a target; one sample is one call: inputs copied in, one invocation, outputs copied out.

    ``first_ms`` (the first call after loading) and ``warmup_runs`` more calls are not among the ``runs`` samples. ``ratio``: the median
    over that of a reference measured in turns, where one was given.
    """

    basis: Basis
    target: str
    environment: Environment
    runs: int
    warmup_runs: int
    first_ms: float
    latency_ms: LatencySummary
    samples_ms: tuple[float, ...]
    drift: Drift
    threads: int
    kernels: str
    file: str
    sha256: str
    ratio: float | None = None

    def to_latency(self) -> Latency:
        """The same sample as a record keeps it."""
        return Latency(
            target=self.target,
            basis=self.basis,
            n=self.runs,
            latency_ms=self.latency_ms,
            first_ms=self.first_ms,
            warmup_runs=self.warmup_runs,
            threads=self.threads,
            kernels=self.kernels,
            samples_ms=self.samples_ms,
            ratio=self.ratio,
        )


def summarise_latency(samples_ms: npt.ArrayLike) -> LatencySummary:
    """Percentiles (linear between samples), mean and standard deviation (n - 1; 0 for one sample) of milliseconds.

    Raises:
        InputError: no samples, or one that is no time.
    """
    samples = np.asarray(samples_ms, dtype=np.float64)
    if samples.ndim != 1 or samples.size == 0 or not np.isfinite(samples).all() or samples.min() < 0:
        raise InputError("latency samples must be one row of milliseconds, at least one, none negative or NaN")
    p50, p90, p99 = (float(value) for value in np.percentile(samples, [50, 90, 99]))
    stdev = float(samples.std(ddof=1)) if samples.size > 1 else 0.0
    return LatencySummary(p50=p50, p90=p90, p99=p99, mean=float(samples.mean()), stdev=stdev)


def measure(
    path: str | Path,
    target: str = "cpu",
    runs: int = 200,
    warmup_runs: int = 10,
    seconds: float = 2.0,
    threads: int = 1,
    kernels: str = "xnnpack",
    beside: str | Path | None = None,
) -> Measurement:
    """Latency of a .tflite file, fed with seeded random values (the time of these kernels does not depend on values).

    Args:
        path: the file.
        target: where to run it, see ``targets.TARGETS``.
        runs: samples wanted, 1 to 1,000,000.
        warmup_runs: calls between the first one and the samples, 0 to 1,000,000.
        seconds: time for the samples, and as much at most for warming up; the sample then ends early, but never below
            20 runs (or ``runs``, if that is less).
        threads, kernels: see ``targets.open_target``.
        beside: a reference that is measured in turns with the file, ``TURNS`` times each: two figures taken one after the other on a
            busy computer differ by half for no reason in the files. Gives ``Measurement.ratio``.

    Raises:
        InputError: a value out of range. ModelFileError: a file that does not run on the target.
    """
    runs, warmup_runs = _whole("runs", runs, 1), _whole("warmup_runs", warmup_runs, 0)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds <= 86_400:
        raise InputError(f"seconds {seconds!r}: a number above 0 and up to 86400 is wanted")
    with open_target(target, threads=threads, kernels=kernels) as opened:
        opened.load(path)
        inputs = [_random_values(spec) for spec in opened.inputs]
        first_ms = _sample(opened, inputs, 1, 1, seconds)[0]
        warmed = _sample(opened, inputs, warmup_runs, 0, seconds)
        if beside is None:
            samples, ratio = _sample(opened, inputs, runs, min(runs, LEAST_RUNS), seconds), None
        else:
            with open_target(target, threads=threads, kernels=kernels) as other:
                other.load(beside)
                samples, ratio = _in_turns(opened, inputs, other, runs, seconds)
        return Measurement(
            basis=opened.basis,
            target=opened.name,
            environment=environment(),
            runs=len(samples),
            warmup_runs=len(warmed),
            first_ms=first_ms,
            latency_ms=summarise_latency(samples),
            samples_ms=tuple(samples),
            drift=_drift(samples),
            ratio=ratio,
            threads=opened.threads,
            kernels=opened.kernels,
            file=Path(path).name,
            sha256=hashlib.sha256(load_bytes(path)).hexdigest(),
        )


def _whole(name: str, value: int, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not least <= value <= RUN_LIMIT:
        raise InputError(f"{name} {value!r}: a whole number from {least} to {RUN_LIMIT:,} is wanted")
    return int(value)


def _random_values(spec: TensorSpec) -> npt.NDArray[Any]:
    rng = np.random.default_rng(0)
    if spec.dtype in (np.int8, np.uint8):
        limits = np.iinfo(spec.dtype)
        return rng.integers(limits.min, limits.max, spec.shape, dtype=spec.dtype, endpoint=True)
    if spec.dtype.kind == "f":
        return rng.random(spec.shape).astype(spec.dtype)
    return np.zeros(spec.shape, dtype=spec.dtype)  # wider integers are mostly indices, and only 0 is sure to be a valid one


def _sample(target: Target, inputs: list[npt.NDArray[Any]], wanted: int, least: int, seconds: float) -> list[float]:
    """Milliseconds of up to ``wanted`` calls, fewer (but at least ``least``) once ``seconds`` have passed."""
    samples: list[float] = []
    run, clock = target.run, time.perf_counter_ns
    deadline = clock() + int(seconds * 1e9)
    for _ in range(wanted):
        started = clock()
        run(inputs)
        ended = clock()
        samples.append((ended - started) / 1e6)
        if ended > deadline and len(samples) >= least:
            break
    return samples


def _in_turns(
    target: Target, inputs: list[npt.NDArray[Any]], other: Target, wanted: int, seconds: float
) -> tuple[list[float], float | None]:
    """Samples of the target, and its median over that of the other, both sampled in turns."""
    given = [_random_values(spec) for spec in other.inputs]
    _sample(other, given, 10, 1, seconds)
    samples: list[float] = []
    others: list[float] = []
    each, least = -(-wanted // TURNS), -(-min(wanted, LEAST_RUNS) // TURNS)
    for _ in range(TURNS):
        count = min(each, wanted - len(samples))
        if count > 0:
            samples += _sample(target, inputs, count, min(count, least), seconds / TURNS)
            others += _sample(other, given, count, min(count, least), seconds / TURNS)
    reference = float(np.median(others))
    return samples, float(np.median(samples)) / reference if reference > 0 else None


def _drift(samples: list[float]) -> Drift:
    third = len(samples) // 3
    if third == 0:
        return Drift(first_third_median_ms=None, last_third_median_ms=None, ratio=None, n_per_third=0)
    first, last = float(np.median(samples[:third])), float(np.median(samples[-third:]))
    return Drift(first_third_median_ms=first, last_third_median_ms=last, ratio=last / first if first > 0 else None, n_per_third=third)
