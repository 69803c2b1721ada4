"""A model's graph as a metro map: a row per op or per run of ops, from top to bottom as they run, tensors as lines in lanes beside them."""

from __future__ import annotations

import dataclasses
import heapq
from collections.abc import Collection, Iterable, Sequence
from itertools import groupby
from typing import Final

from edgewb.tflite.graphs import Graph

ALONE: Final = 100
"""Up to so many ops each has a row of its own."""
SHORTEST: Final = 4
"""Ops in a run that is folded, at least."""
LONGEST: Final = 100
"""And at most, so that one click never opens more rows."""
MOST_ROWS: Final = 200
"""Beyond it neighbouring rows are folded whatever they hold."""
ROW: Final = 30
"""Height of a row, in pixels."""
_WIDEST: Final = 96
_LANE: Final = 16


@dataclasses.dataclass(frozen=True)
class Row:
    """Ops ``first`` to ``last`` of the file; ``kind``: "op", "run" (folded), "head" (of an opened run: its ops follow), "inputs" or
    "outputs" (of the graph: no op)."""

    kind: str
    first: int = -1
    last: int = -1

    @property
    def count(self) -> int:
        """How many ops."""
        return self.last - self.first + 1 if self.first >= 0 else 0


@dataclasses.dataclass(frozen=True)
class MetroMap:
    """``rows`` from top to bottom; ``lanes`` has for each the lane of its node, None for a head; ``lines`` is the path of all lines for
    SVG, in pixels, ``x`` the middle of each row's node."""

    rows: tuple[Row, ...]
    lanes: tuple[int | None, ...]
    x: tuple[float | None, ...]
    lines: str
    width: int
    height: int

    def y(self, row: int) -> float:
        """The middle of a row."""
        return ROW * (row + 0.5)


def fold(groups: Sequence[str], kept: Collection[int] = (), opened: Collection[int] = ()) -> list[Row]:
    """The rows for ops of these groups (their placements), in order; every op is in exactly one row besides heads.

    Args:
        groups: one per op; neighbours of the same group make a run.
        kept: ops that always have a row of their own.
        opened: first ops of runs that are shown op by op.
    """
    if len(groups) <= ALONE:
        return [Row("op", i, i) for i in range(len(groups))]
    runs: list[Row] = []
    for _, members in groupby(range(len(groups)), key=lambda i: (groups[i], i if i in kept else -1)):
        ops = list(members)
        runs += [_run(ops[start], ops[min(start + LONGEST, len(ops)) - 1]) for start in range(0, len(ops), LONGEST)]
    if sum(run.count if run.count < SHORTEST else 1 for run in runs) > MOST_ROWS:
        runs = _joined(runs, kept)
    rows: list[Row] = []
    for run in runs:
        if run.count < SHORTEST or run.first in opened:
            rows += [Row("head", run.first, run.last)] if run.count >= SHORTEST else []
            rows += [Row("op", i, i) for i in range(run.first, run.last + 1)]
        else:
            rows.append(run)
    return rows


def _run(first: int, last: int) -> Row:
    return Row("run", first, last)


def _joined(runs: Iterable[Row], kept: Collection[int]) -> list[Row]:
    """Neighbours put together as long as they are no longer than the longest; what is kept stays alone."""
    joined: list[Row] = []
    for run in runs:
        before = joined[-1] if joined else None
        alone = run.first in kept or (before is not None and before.first in kept)
        if before is not None and not alone and before.count + run.count <= LONGEST:
            joined[-1] = _run(before.first, run.last)
        else:
            joined.append(run)
    return joined


def edges_between(graph: Graph, rows: Sequence[Row]) -> set[tuple[int, int]]:
    """Which row reads what which row makes, as pairs of row numbers, the maker's first."""
    row_of = {op: number for number, row in enumerate(rows) if row.kind in ("op", "run") for op in range(row.first, row.last + 1)}
    inputs = next((number for number, row in enumerate(rows) if row.kind == "inputs"), None)
    outputs = next((number for number, row in enumerate(rows) if row.kind == "outputs"), None)
    edges: set[tuple[int, int]] = set()
    for tensor, readers in graph.consumers.items():
        maker = graph.producers.get(tensor)
        if maker is not None:
            edges |= {(row_of[maker], row_of[reader]) for reader in readers}
        elif inputs is not None and tensor in graph.inputs:
            edges |= {(inputs, row_of[reader]) for reader in readers}
    if outputs is not None:
        edges |= {(row_of[graph.producers[tensor]], outputs) for tensor in graph.outputs if tensor in graph.producers}
    # A variable that an earlier op reads again at the next call would be a line upwards.
    return {(maker, reader) for maker, reader in edges if maker < reader}


def assign_lanes(count: int, edges: Collection[tuple[int, int]], without_node: Collection[int] = ()) -> list[int | None]:
    """A lane for each row's node, such that the line down from it to its last reader meets no other node and no other line.

    A node goes on in the leftmost lane that ends at it, else it takes the leftmost free one.
    """
    makers: list[list[int]] = [[] for _ in range(count)]
    last = list(range(count))
    for maker, reader in edges:
        makers[reader].append(maker)
        last[maker] = max(last[maker], reader)
    lanes: list[int | None] = []
    free: list[int] = []
    lane_count = 0
    for row in range(count):
        if row in without_node:
            lanes.append(None)
            continue
        ended = sorted({lane for maker in makers[row] if last[maker] == row and (lane := lanes[maker]) is not None})
        if ended:
            lane, *others = ended
            for other in others:
                heapq.heappush(free, other)
        elif free:
            lane = heapq.heappop(free)
        else:
            lane = lane_count
            lane_count += 1
        lanes.append(lane)
        if last[row] == row:
            heapq.heappush(free, lane)
    return lanes


def draw(graph: Graph, groups: Sequence[str], kept: Collection[int] = (), opened: Collection[int] = ()) -> MetroMap:
    """The map of a graph; ``groups``, ``kept`` and ``opened`` as in ``fold``."""
    rows = [Row("inputs"), *fold(groups, kept, opened), Row("outputs")]
    edges = edges_between(graph, rows)
    lanes = assign_lanes(len(rows), edges, [number for number, row in enumerate(rows) if row.kind == "head"])
    count = 1 + max(lane for lane in lanes if lane is not None)
    step = min(_LANE, _WIDEST / count)
    x = tuple(None if lane is None else round(_LANE + lane * step, 1) for lane in lanes)
    return MetroMap(tuple(rows), tuple(lanes), x, _lines(x, edges), round(2 * _LANE + (count - 1) * step), ROW * len(rows))


def _lines(x: Sequence[float | None], edges: Collection[tuple[int, int]]) -> str:
    """Down from each maker, in its lane, and over to each reader within the row's height above it."""
    readers: dict[int, list[int]] = {}
    for maker, reader in sorted(edges):
        readers.setdefault(maker, []).append(reader)
    parts: list[str] = []
    for maker, reading in readers.items():
        here, top = x[maker], ROW * (maker + 0.5)
        straight = max((reader if x[reader] == here else reader - 1) for reader in reading)
        if straight > maker:
            parts.append(f"M{here} {top}V{ROW * (straight + 0.5)}")
        for reader in reading:
            there, bottom = x[reader], ROW * (reader + 0.5)
            if there != here:
                parts.append(f"M{here} {bottom - ROW}C{here} {bottom - ROW / 3} {there} {bottom - 2 * ROW / 3} {there} {bottom}")
    return "".join(parts)
