"""How long calls take: measured, or estimated."""

from __future__ import annotations

import dataclasses

from edgewb.types.bases import Basis, Jsonable
from edgewb.types.energies import Energy, EnergyRange
from edgewb.types.surroundings import Conditions, TargetFacts


@dataclasses.dataclass(frozen=True, kw_only=True)
class LatencySummary(Jsonable):
    """Milliseconds per call over a sample without its first call."""

    p50: float
    p90: float
    p99: float
    mean: float
    stdev: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class Latency(Jsonable):
    """A latency sample on one target. ``n`` counts ``samples_ms``; ``first_ms`` and the warm-up are not in it.

    ``ratio`` is its median over that of a reference measured in turns with it, so that a clock or a load that changes between two
    variants does not count for one of them; None where nothing was measured beside it. ``facts`` and ``conditions`` are None in records
    older than these fields, ``energy`` where nothing measured it; ``energy_missing`` says why, where a meter was asked for.
    """

    target: str
    basis: Basis
    n: int
    latency_ms: LatencySummary
    first_ms: float
    warmup_runs: int
    threads: int
    kernels: str
    samples_ms: tuple[float, ...]
    ratio: float | None = None
    facts: TargetFacts | None = None
    conditions: Conditions | None = None
    energy: Energy | None = None
    energy_missing: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class LatencyRange(Jsonable):
    """Milliseconds of one inference: an estimate and the interval around it."""

    low: float
    mid: float
    high: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class EstimatedLatency(Jsonable):
    """What one inference would take on a device nobody measured. ``latency_ms`` is None where no estimate is given: ``refused`` says why.
    ``energy_mj`` follows from it, and is None there, too, and in records older than this field.

    ``coverage`` is how often such an interval should hold, ``held_out`` how often it did for ``n`` nets left out of the fit; None: too few.
    """

    target: str
    host: str
    bus: str
    clock: str
    basis: Basis
    n: int
    latency_ms: LatencyRange | None
    coverage: float | None
    held_out: float | None
    refused: str | None
    energy_mj: EnergyRange | None = None
