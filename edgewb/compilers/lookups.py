"""Looks up what a source's ops ask for in the instructions of a compiled file, and says when a word that is not there proves anything.

A fusion or a generation that was never seen may keep an op's multiplier and range in another form. So a word that is missing says
``differs`` only where the instructions hold a near one instead that no op of the source asks for, and where most ops do find theirs.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import cached_property
from typing import Final

from edgewb.compilers.requantisations import Requantisation, ranges, stands, wanted
from edgewb.tflite.graphs import Graph, Op

_RANGE: Final = "range (output scale, zero point or activation) is"
_ONE: Final = struct.pack("<f", 1.0)
_MOST: Final = 0.5
"""Of the ops whose bytes agree so many must find their word, or else words are no evidence in this file."""


class Lookups:
    """``known`` is what the instructions hold; ``ops`` are those of the source that map, ``weighted`` the indices of those that ask for a
    multiplier and a range of their own."""

    def __init__(self, graph: Graph, ops: Sequence[Op], known: frozenset[Requantisation], weighted: frozenset[int]) -> None:
        self._graph, self._ops, self._known, self._weighted = graph, ops, known, weighted
        self._asked: dict[int, tuple[Requantisation, ...]] = {}
        self._pairs = {one[:2] for one in known}
        self._ranges = {one[1] for one in known}

    def asked(self, op: Op) -> tuple[Requantisation, ...]:
        """What the instructions must hold one of; empty where that is not known, or where nothing could be read at all."""
        if op.index not in self._weighted or not self._known:
            return ()
        if op.index not in self._asked:
            self._asked[op.index] = wanted(self._graph, op)
        return self._asked[op.index]

    def missing(self, op: Op) -> str:
        """What of its requantisation is not in the instructions, "" when all of it is, or nothing is asked for."""
        asked = self.asked(op)
        if not asked or any(stands(one, self._known) for one in asked):
            return ""
        if any(one[:2] in self._pairs for one in asked):
            return "zero points (of weights, input or output) are"
        return "multiplier (scales) is" if any(one[1] in self._ranges for one in asked) else _RANGE

    def lacks_range(self, op: Op) -> bool | None:
        """For an op of two computed tensors: its range is not in the instructions. None where none is asked for."""
        asked = ranges(self._graph, op)
        if not asked or not self._known:
            return None
        return not any(one in self._ranges for one, _ in asked)

    def trustworthy(self, agreeing: Sequence[Op]) -> bool:
        """Whether words are evidence in this file: most ops whose bytes agree find theirs."""
        asking = [op for op in agreeing if self.asked(op)]
        found = sum(not self.missing(op) for op in asking)
        return bool(asking) and found >= _MOST * len(asking)

    def replaced(self, op: Op) -> bool:
        """The instructions hold a word that no op of the source asks for, with this op's multiplier, or with its range and zero points."""
        multipliers, rest = self._surplus
        return any(one[0] in multipliers or one[1:] in rest for one in self.asked(op))

    @cached_property
    def _surplus(self) -> tuple[frozenset[bytes], frozenset[tuple[bytes, bytes]]]:
        asked = {one for op in self._ops for one in self.asked(op)}
        pairs = {one[:2] for one in asked}
        others = {one for op in self._ops if op.index not in self._weighted for one, _ in ranges(self._graph, op)}
        left = [x for x in self._known if x not in asked and not (not x[2] and x[:2] in pairs)]
        # A word that may be of an op without weights counts only by what such an op does not share: a multiplier or a weights' zero point.
        return (
            frozenset(x[0] for x in left if x[0] != _ONE or x[1] not in others),
            frozenset((x[1], x[2]) for x in left if x[2] and (x[2][0] or x[1] not in others)),
        )
