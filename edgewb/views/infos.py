"""The data behind each figure, plain and tested: which values are drawn, with their unit, basis and n. No plotly here."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from edgewb.records.formats import listed, span
from edgewb.records.labels import latency_labels
from edgewb.types import ErrorDelta, Jsonable, Latency, Record, Task
from edgewb.verdicts import R2
from edgewb.watermarks import is_stand_in, stamp

MAX_DRAWN_SAMPLES = 200
"""More dots per variant than this hide each other; the percentiles always come from all samples."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class AccuracyPoint(Jsonable):
    """A score and its interval against a cost and, where the cost is a sample, its 10th to 90th percentile."""

    recipe: str
    score: float
    low: float
    high: float
    n: int
    cost: float
    cost_low: float | None
    cost_high: float | None
    recommended: bool


@dataclasses.dataclass(frozen=True, kw_only=True)
class AccuracyInfo(Jsonable):
    """The scores are accuracies in percent or, of a regression, R2: ``measure`` is "accuracy" or "R2".

    ``stamp``, here and below: the word that has to stand across a figure that was not measured, else "".
    """

    points: tuple[AccuracyPoint, ...]
    cost: str
    cost_unit: str
    cost_basis: str
    accuracy_basis: str
    n: str
    stamp: str = ""
    measure: str = "accuracy"

    def shown(self, score: float) -> str:
        """ "97.4", or as R2 "0.474"."""
        return f"{score:.3f}" if self.measure == R2 else f"{score:.1f}"

    @property
    def unit(self) -> str:
        """Behind a score: " %", or nothing."""
        return "" if self.measure == R2 else " %"


@dataclasses.dataclass(frozen=True, kw_only=True)
class LossRow(Jsonable):
    recipe: str
    points: float
    low_points: float
    high_points: float
    p_value: float
    n: int
    recommended: bool


@dataclasses.dataclass(frozen=True, kw_only=True)
class LossInfo(Jsonable):
    """Paired change against the reference, in points of ``measure`` ("accuracy" or "R2"); a loss is negative.

    ``budget_points`` is the loss allowed, None when none was set. ``test`` is what p comes from.
    """

    rows: tuple[LossRow, ...]
    against: str
    budget_points: float | None
    basis: str
    n: str
    stamp: str = ""
    measure: str = "accuracy"
    test: str = "McNemar"


@dataclasses.dataclass(frozen=True, kw_only=True)
class LatencyRow(Jsonable):
    """Milliseconds per call. ``drawn_ms`` are at most ``MAX_DRAWN_SAMPLES`` evenly spaced order statistics, extremes included."""

    recipe: str
    p50_ms: float
    p90_ms: float
    p99_ms: float
    first_ms: float
    n: int
    drawn_ms: tuple[float, ...]
    recommended: bool


@dataclasses.dataclass(frozen=True, kw_only=True)
class LatencyInfo(Jsonable):
    target: str
    rows: tuple[LatencyRow, ...]
    basis: str
    n: str
    kernels: str
    threads: str
    cpu: str
    stamp: str = ""
    stands_for: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class SizeRow(Jsonable):
    recipe: str
    file_bytes: int
    compressed_bytes: int
    recommended: bool


@dataclasses.dataclass(frozen=True, kw_only=True)
class SizeInfo(Jsonable):
    rows: tuple[SizeRow, ...]
    basis: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class PlacementRow(Jsonable):
    recipe: str
    ops_edgetpu: int
    ops_cpu: int
    ops_unknown: int
    recommended: bool


@dataclasses.dataclass(frozen=True, kw_only=True)
class PlacementInfo(Jsonable):
    rows: tuple[PlacementRow, ...]
    basis: str


def accuracy_info(records: Sequence[Record], recommended: str | None = None, cost: str = "size") -> AccuracyInfo:
    """Accuracy against ``cost``: "size" (compressed kB, 1 kB = 1,000 bytes) or "latency" (p50 in ms on the first target, p10 to p90).

    Records without that cost are left out, and those of another task than the first one's.
    """
    records = _alike(records)
    target, samples = _first_target(records)
    points = []
    for record, sample in zip(records, samples, strict=True):
        low: float | None = None
        high: float | None = None
        if cost == "latency":
            if sample is None:
                continue
            value = sample.latency_ms.p50
            low, high = (float(v) for v in np.percentile(sample.samples_ms, [10, 90]))
        else:
            value = record.compressed_bytes / 1000
        score, unit = record.score, 1 if record.task is Task.REGRESSION else 100
        points.append(
            AccuracyPoint(
                recipe=record.recipe,
                score=unit * score.value,
                low=unit * score.ci95[0],
                high=unit * score.ci95[1],
                n=score.n,
                cost=value,
                cost_low=low,
                cost_high=high,
                recommended=record.recipe == recommended,
            )
        )
    latency = cost == "latency"
    return AccuracyInfo(
        points=tuple(points),
        cost=f"latency on {target}, p50" if latency else "compressed size",
        cost_unit="ms" if latency else "kB",
        cost_basis=listed(s.basis for s in samples if s) if latency else listed(r.size_basis for r in records),
        accuracy_basis=listed(r.score.basis for r in records),
        stamp=stamp([*(r.score.basis for r in records), *(s.basis for s in samples if s and latency)]),
        n=span(p.n for p in points) if points else "0",
        measure=_measure(records),
    )


def loss_info(records: Sequence[Record], recommended: str | None = None, budget_points: float | None = None) -> LossInfo:
    """The paired change of every record that has one; those of another task than the first record's are left out."""
    records = _alike(records)
    rows, deltas = [], []
    for record in records:
        delta = record.delta
        if delta is None:
            continue
        deltas.append(delta)
        rows.append(
            LossRow(
                recipe=record.recipe,
                points=delta.points,
                low_points=delta.ci95[0],
                high_points=delta.ci95[1],
                p_value=delta.p_value,
                n=delta.n,
                recommended=record.recipe == recommended,
            )
        )
    return LossInfo(
        rows=tuple(rows),
        against=listed(d.against for d in deltas),
        budget_points=budget_points,
        basis=listed(d.basis for d in deltas),
        stamp=stamp(d.basis for d in deltas),
        n=span(d.n for d in deltas) if deltas else "0",
        measure=_measure(records),
        test=listed(d.test if isinstance(d, ErrorDelta) else "McNemar" for d in deltas),
    )


def _alike(records: Sequence[Record]) -> list[Record]:
    """Shares of right answers and R2 do not go on one axis."""
    return [r for r in records if r.task is records[0].task]


def _measure(records: Sequence[Record]) -> str:
    return R2 if any(r.task is Task.REGRESSION for r in records) else "accuracy"


def latency_info(records: Sequence[Record], recommended: str | None = None, target: str | None = None) -> LatencyInfo:
    """Latency samples on one target (the first one that a record has, unless named). Records without a sample there are left out."""
    labels = latency_labels(records)
    name = target if target is not None else next(iter(labels), "")
    rows, known, processors = [], [], []
    for record, sample in zip(records, labels.get(name, [None] * len(records)), strict=True):
        if sample is None:
            continue
        known.append(sample)
        if not is_stand_in(sample.basis):  # the others did not run on the record's processor
            processors.append(record.environment.cpu)
        rows.append(
            LatencyRow(
                recipe=record.recipe,
                p50_ms=sample.latency_ms.p50,
                p90_ms=sample.latency_ms.p90,
                p99_ms=sample.latency_ms.p99,
                first_ms=sample.first_ms,
                n=sample.n,
                drawn_ms=_thinned(sample.samples_ms),
                recommended=record.recipe == recommended,
            )
        )
    return LatencyInfo(
        target=name,
        rows=tuple(rows),
        basis=listed(s.basis for s in known),
        n=span(s.n for s in known) if known else "0",
        kernels=listed(s.kernels for s in known),
        threads=span(s.threads for s in known) if known else "0",
        cpu=listed(processors),
        stamp=stamp(s.basis for s in known),
        stands_for=listed(s.facts.stands_for for s in known if is_stand_in(s.basis) and s.facts and s.facts.stands_for),
    )


def size_info(records: Sequence[Record], recommended: str | None = None) -> SizeInfo:
    """The size of each file as stored, and compressed."""
    rows = tuple(
        SizeRow(recipe=r.recipe, file_bytes=r.size_bytes, compressed_bytes=r.compressed_bytes, recommended=r.recipe == recommended)
        for r in records
    )
    return SizeInfo(rows=rows, basis=listed(r.size_basis for r in records))


def placement_info(records: Sequence[Record], recommended: str | None = None) -> PlacementInfo:
    """How many ops of each variant go where."""
    rows = tuple(
        PlacementRow(
            recipe=r.recipe,
            ops_edgetpu=r.placement.ops_edgetpu,
            ops_cpu=r.placement.ops_cpu,
            ops_unknown=r.placement.ops_unknown,
            recommended=r.recipe == recommended,
        )
        for r in records
    )
    return PlacementInfo(rows=rows, basis=listed(r.placement.basis for r in records))


def _first_target(records: Sequence[Record]) -> tuple[str, list[Latency | None]]:
    for label, samples in latency_labels(records).items():
        return label, samples
    return "", [None] * len(records)


def _thinned(samples: Sequence[float]) -> tuple[float, ...]:
    ordered = np.sort(np.asarray(samples, dtype=float))
    if len(ordered) > MAX_DRAWN_SAMPLES:
        ordered = ordered[np.linspace(0, len(ordered) - 1, MAX_DRAWN_SAMPLES).round().astype(int)]
    return tuple(float(v) for v in ordered)
