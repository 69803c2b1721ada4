"""The data behind the trade-off explorer's picture: accuracy against a chosen cost, and which variants no other one beats."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from edgewb.records.formats import listed, span
from edgewb.records.labels import latency_labels
from edgewb.types import Basis, Jsonable, Record, Task
from edgewb.watermarks import is_stand_in, stamp, watermark


@dataclasses.dataclass(frozen=True, kw_only=True)
class Score(Jsonable):
    """How good a variant is, in percent, with its 95 % interval; ``target`` answered the ``n`` test examples."""

    percent: float
    low_percent: float
    high_percent: float
    n: int
    target: str
    basis: Basis


@dataclasses.dataclass(frozen=True, kw_only=True)
class Amount(Jsonable):
    """What one variant costs; ``low`` and ``high`` where the cost is a sample or an interval."""

    value: float
    basis: Basis
    n: int | None = None
    low: float | None = None
    high: float | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cost(Jsonable):
    """A cost that some records have. ``amounts`` has one place per record, None where that one has no such figure.

    Attributes:
        id: of this cost among others; ``name`` by itself; ``kind`` and ``short`` where kinds stand in groups; ``title`` along an axis.
        range: what ``low`` and ``high`` of an amount are; "" where there are none.
        note: what else has to be known of it.
    """

    id: str
    kind: str
    short: str
    name: str
    title: str
    unit: str
    amounts: tuple[Amount | None, ...]
    range: str = ""
    note: str = ""

    @property
    def basis(self) -> str:
        return listed(amount.basis for amount in self.amounts if amount)

    @property
    def stamp(self) -> str:
        return stamp(amount.basis for amount in self.amounts if amount)


@dataclasses.dataclass(frozen=True, kw_only=True)
class TradeoffPoint(Jsonable):
    """One variant. ``on_front``: no other one is at least as good and costs no more, one of both strictly."""

    recipe: str
    score: Score
    cost: Amount
    on_front: bool
    reference: bool
    recommended: bool


@dataclasses.dataclass(frozen=True, kw_only=True)
class TradeoffInfo(Jsonable):
    """Score against cost.

    Attributes:
        points: in the order of the records; ``left_out`` are the recipes that have no such cost.
        measure: what the score is; ``score_basis`` and ``n`` are those of all points.
        floor_percent: score of the reference less the budget; None where there is no reference.
        stamp: the word that has to stand across the picture where not everything was measured, else "".
    """

    cost: Cost
    points: tuple[TradeoffPoint, ...]
    left_out: tuple[str, ...]
    measure: str
    score_basis: str
    n: str
    budget_points: float
    floor_percent: float | None
    stamp: str


def score_of(record: Record) -> Score:
    """The one place that says what is drawn upwards."""
    score = record.score
    low, high = score.ci95
    return Score(
        percent=100 * score.value,
        low_percent=100 * low,
        high_percent=100 * high,
        n=score.n,
        target=score.target,
        basis=score.basis,
    )


def measure_of(records: Sequence[Record]) -> str:
    """What ``score_of`` gives, in a word for an axis."""
    return "R2 (variance explained)" if any(record.task is Task.REGRESSION for record in records) else "accuracy"


def list_costs(records: Sequence[Record]) -> tuple[Cost, ...]:
    """What the records can be drawn against: latency on each target by itself, the estimate for the Edge TPU, sizes, energy."""
    found = [*_latency_costs(records), _estimate_cost(records), *_size_costs(records), _energy_estimate(records), *_energy_costs(records)]
    return tuple(cost for cost in found if any(cost.amounts))


def energy_missing(records: Sequence[Record]) -> str:
    """Why the records cannot be drawn against energy, in a sentence; "" where they can."""
    if any(any(cost.amounts) for cost in (_energy_estimate(records), *_energy_costs(records))):
        return ""
    refused = [record.estimate.refused for record in records if record.estimate is not None and record.estimate.refused]
    unread = [sample.energy_missing for record in records for sample in record.latency if sample.energy_missing]
    guessed = listed(refused) or "these records are older than estimates of energy, or have none: the same command makes them anew"
    measured = listed(unread) or "no meter was named (edgewb run --meter)"
    return f"no energy is known. Estimated: {guessed}. Measured: {measured}."


def references_of(records: Sequence[Record]) -> set[str]:
    """The recipes that others were compared with: float32, where there is one."""
    return {record.delta.against for record in records if record.delta is not None}


def tradeoff_info(records: Sequence[Record], cost: Cost, budget_points: float, recommended: str | None = None) -> TradeoffInfo:
    """Score against a cost.

    Args:
        cost: one of ``list_costs`` of the same records.
        budget_points: what may be lost against the reference.
        recommended: the recipe to mark, see ``recommendations.recommend``.
    """
    references = references_of(records)
    drawn = [(record, score_of(record), amount) for record, amount in zip(records, cost.amounts, strict=True) if amount is not None]
    front = pareto_front([(amount.value, score.percent) for _, score, amount in drawn])
    points = tuple(
        TradeoffPoint(
            recipe=record.recipe,
            score=score,
            cost=amount,
            on_front=best,
            reference=record.recipe in references,
            recommended=record.recipe == recommended,
        )
        for (record, score, amount), best in zip(drawn, front, strict=True)
    )
    reference = next((score_of(record) for record in records if record.recipe in references), None)
    return TradeoffInfo(
        cost=cost,
        points=points,
        left_out=tuple(record.recipe for record, amount in zip(records, cost.amounts, strict=True) if amount is None),
        measure=measure_of(records),
        score_basis=listed(point.score.basis for point in points),
        n=span(point.score.n for point in points),
        budget_points=budget_points,
        floor_percent=None if reference is None else reference.percent - budget_points,
        stamp=stamp([*(point.score.basis for point in points), *(point.cost.basis for point in points)]),
    )


def pareto_front(points: Sequence[tuple[float, float]]) -> list[bool]:
    """Of (cost, score): whether no other point has a score as high at a cost as low, one of both strictly better."""

    def beats(one: tuple[float, float], other: tuple[float, float]) -> bool:
        return one[0] <= other[0] and one[1] >= other[1] and one != other

    return [not any(beats(other, point) for other in points) for point in points]


def read_tradeoff(info: TradeoffInfo) -> str:
    """The picture in a sentence or two."""
    if not info.points:
        return "There is nothing to draw."
    front = [point.recipe for point in sorted(info.points, key=lambda p: p.cost.value) if point.on_front]
    text = f"{len(front)} of {len(info.points)} variants are beaten by no other in both {info.measure} and {info.cost.name.lower()}: "
    text += ", ".join(front) + f". Between variants whose intervals overlap, n = {info.n} test examples do not tell which is better."
    if info.left_out:
        text += f" Not drawn, for want of this figure: {', '.join(info.left_out)}."
    return text


def _latency_costs(records: Sequence[Record]) -> list[Cost]:
    costs = []
    for label, samples in latency_labels(records).items():
        amounts: list[Amount | None] = []
        for sample in samples:
            if sample is None:
                amounts.append(None)
                continue
            low, high = (float(v) for v in np.percentile(sample.samples_ms, [10, 90]))
            amounts.append(Amount(value=sample.latency_ms.p50, basis=sample.basis, n=sample.n, low=low, high=high))
        known = [sample for sample in samples if sample]
        note = listed(watermark(s.basis, s.facts) for s in known if is_stand_in(s.basis))
        costs.append(
            Cost(
                id=f"latency:{label}",
                kind="Latency",
                short=label,
                name=f"Latency on {label}",
                title=f"latency on {label}, median of a call",
                unit="ms",
                amounts=tuple(amounts),
                range="10th to 90th percentile",
                note=note,
            )
        )
    return costs


def _estimate_cost(records: Sequence[Record]) -> Cost:
    amounts: list[Amount | None] = []
    where, shares = set(), set()
    for record in records:
        guess = record.estimate
        if guess is None or guess.latency_ms is None:
            amounts.append(None)
            continue
        spread = guess.latency_ms
        amounts.append(Amount(value=spread.mid, basis=guess.basis, low=spread.low, high=spread.high))
        where.add(f"{guess.host}, {guess.bus}, {guess.clock} clock")
        shares.add(guess.coverage)
    level = f"{100 * share:.0f} % interval" if len(shares) == 1 and (share := next(iter(shares))) is not None else "interval"
    return Cost(
        id="estimate",
        kind="Latency",
        short="Edge TPU, estimated",
        name="Edge TPU latency, estimated",
        title="estimated latency on an Edge TPU",
        unit="ms",
        amounts=tuple(amounts),
        range=level,
        note=f"No Edge TPU was measured here: {listed(sorted(where))}.",
    )


def _size_costs(records: Sequence[Record]) -> list[Cost]:
    def sizes(name: str, title: str, identity: str, values: Sequence[int]) -> Cost:
        amounts = tuple(Amount(value=v / 1000, basis=r.size_basis) for v, r in zip(values, records, strict=True))
        short = name.split()[0].lower()
        return Cost(id=identity, kind="Size", short=short, name=name, title=title, unit="kB", amounts=amounts, note="1 kB = 1,000 bytes.")

    return [
        sizes("File size", "size of the file", "file", [r.size_bytes for r in records]),
        sizes("Compressed size", "size of the file, compressed", "compressed", [r.compressed_bytes for r in records]),
    ]


def _energy_estimate(records: Sequence[Record]) -> Cost:
    guesses = [record.estimate.energy_mj if record.estimate is not None else None for record in records]
    places = (f"{r.estimate.host}, {r.estimate.bus}, {r.estimate.clock} clock" for r in records if r.estimate and r.estimate.energy_mj)
    assumed = listed(guess.assumption for guess in guesses if guess)
    return Cost(
        id="energy_estimate",
        kind="Energy",
        short="Edge TPU, estimated",
        name="Edge TPU energy, estimated",
        title="estimated Edge TPU energy",
        unit="mJ/inference",
        amounts=tuple(
            Amount(value=guess.mid, basis=record.estimate.basis, low=guess.low, high=guess.high) if guess and record.estimate else None
            for guess, record in zip(guesses, records, strict=True)
        ),
        range="power and time range",
        note=f"No Edge TPU was measured here ({listed(places)}): {assumed}. It follows from estimated latency, and ranks "
        "variants as that does.",
    )


def _energy_costs(records: Sequence[Record]) -> list[Cost]:
    costs = []
    for label, samples in latency_labels(records).items():
        measured = [sample.energy if sample is not None else None for sample in samples]
        costs.append(
            Cost(
                id=f"energy:{label}",
                kind="Energy",
                short=label,
                name=f"Energy on {label}",
                title=f"energy on {label}",
                unit="mJ/inference",
                amounts=tuple(
                    Amount(value=e.total_mj, basis=e.basis, n=e.n, low=e.total_mj_ci95[0], high=e.total_mj_ci95[1]) if e else None
                    for e in measured
                ),
                range="95 % interval",
                note=listed(f"{e.source}, which covers {e.covers}" for e in measured if e),
            )
        )
    return costs
