"""Looks for every op of a source model in the programs of a compiled file, and says what became of each."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Final

import numpy as np

from edgewb.compilers.blobs import Blobs, Place, compare_at
from edgewb.compilers.doubts import ALIKE, SCATTERED, describe, doubt_of
from edgewb.compilers.encodings import plan
from edgewb.compilers.layouts import ALIGNED, Encoding, Plan
from edgewb.compilers.lookups import Lookups
from edgewb.compilers.packages import Program
from edgewb.compilers.parameters import round_up, store
from edgewb.compilers.requantisations import read_requantisations
from edgewb.tflite.graphs import Graph, Op

_TWO_ACTIVATIONS: Final = frozenset({"ADD", "MUL"})
"""Kinds whose range was found in the instructions each time, in 141 of 141 ops. Source: real compiler pairs."""
_TRAINED_TYPES: Final = frozenset({"int8", "uint8", "int16", "float32", "float16"})
_GAPS: Final = 4
_LOCATED: Final = 16
"""How many ops that are not there are looked at closer; of the others nothing is said."""
_COST: Final = 8
"""Comparing byte by byte and part by part costs so many times as much as reading."""
_SAME: Final = 0.99
"""So much of the weights must stand in the bytes that are no other op's for a mere change of order to be likely."""
_FEW: Final = 2


@dataclasses.dataclass
class Found:
    """What became of one op.

    ``trained``: constants of its own stand behind it, so that not comparing it leaves a doubt. ``near``: its bytes are there but for such
    as say nothing of the model's numbers. ``shared``: the place is another op's too.
    """

    verdict: str
    detail: str
    bytes: int | None = None
    place: Place | None = None
    trained: bool = False
    near: bool = False
    shared: bool = False


class Search:
    """Compares the ops of ``source`` that are not in ``left_on_cpu``; ``found`` has one entry for each of them after ``run``."""

    def __init__(self, source: Graph, programs: Sequence[Program], blobs: Blobs, left_on_cpu: frozenset[int]) -> None:
        self._graph, self._blobs = source, blobs
        self._ops = [op for op in source.ops if op.index not in left_on_cpu]
        self._known = read_requantisations(programs) or frozenset()
        self._plans: dict[int, Plan] = {}
        self._beyond: frozenset[int] = frozenset()
        self._scattered = False
        self.found: dict[int, Found] = {}
        self.checked = 0

    def run(self) -> None:
        """Fill ``found``.

        Raises:
            TooMuchWorkError: the budget is used up; ``give_up`` fills in the rest.
        """
        room = sum(self._blobs.sizes)
        too_large = []
        for op in self._ops:
            constants = sum(self._graph.tensors[i].buffer_bytes for i in op.inputs if i >= 0)
            self._blobs.spend(constants)
            made = plan(self._graph, op)
            if constants > 2 * room + 1024 and _trained(self._graph, op):
                too_large.append((op, made))
            elif made is not None:
                self._plans[op.index] = made
        weighted = frozenset(p.op for p in self._plans.values() if p.sure)
        self._lookups = Lookups(self._graph, self._ops, self._known, weighted)
        for made in sorted(self._plans.values(), key=lambda p: (-p.size, p.op)):
            self._look_for(made)
        self._locate()
        for op, large in too_large:
            known = large is not None and large.sure
            detail = f"its constants need more than the {room:,} bytes of parameters there are"
            self.found[op.index] = Found("differs" if known else "not_encoded", detail, trained=True)
        self._settle()
        self._check_requantisations()

    def give_up(self) -> None:
        """Say of every op that was not reached that it was not."""
        for op in self._ops:
            if op.index not in self.found:
                self.found[op.index] = Found("not_encoded", "not compared: the files ask for too much work", trained=True)

    def _look_for(self, made: Plan) -> None:
        if made.size > sum(self._blobs.sizes) + 64 * 1024:
            return
        shared: Found | None = None
        for encoding in made.encodings(False):
            self._blobs.spend(made.size)
            found = self._blobs.find(encoding.data)
            if found is None or (found[1] and not made.trained):
                continue
            size = len(encoding.data)
            if not found[1]:
                self._blobs.own(found[0], size)
                self.found[made.op] = Found("agrees", f"all {size:,} bytes agree", size, found[0], made.trained)
                return
            shared = Found("agrees", f"all {size:,} bytes agree (they are another op's too)", size, found[0], made.trained, shared=True)
        if shared is not None:
            self.found[made.op] = shared

    def _locate(self) -> None:
        """Find out, for each op whose bytes are not there, what stands in their place."""
        exact = self._exact_rooms()
        missing = [
            p for i, p in sorted(self._plans.items()) if i not in self.found and p.trained and (p.least or p.size) <= sum(self._blobs.sizes)
        ]
        self._beyond = frozenset(made.op for made in missing[_LOCATED:])
        self._scattered = self._share_in_gaps([made for made in missing if made.sure]) >= _SAME
        for made in missing[:_LOCATED]:
            best: tuple[float, Place, Encoding] | None = None
            for encoding in made.encodings(True):
                self._blobs.spend(made.size)
                size = len(encoding.data)
                if made.op in exact:
                    places = [exact[made.op][0]] if size == exact[made.op][1] else []
                else:
                    places = self._likely_places(made.op, size)
                for place in places:
                    alike = self._blobs.alike(place, encoding.data)
                    if alike is None:
                        continue
                    if encoding.head and bytes(self._blobs.at(place, len(encoding.head))) == encoding.head:
                        alike += ALIKE  # a layer trained anew that kept its scales or its biases
                    if best is None or alike > best[0]:
                        best = alike, place, encoding
            if best is not None and (best[0] >= ALIKE or (made.sure and made.op in exact)):
                self._differs_at(made, best[1], best[2])

    def _differs_at(self, made: Plan, place: Place, encoding: Encoding) -> None:
        size = len(encoding.data)
        self._blobs.spend(_COST * size)
        compared = compare_at(encoding, self._blobs.at(place, size))
        self._blobs.own(place, size, explained=False)
        op = self._graph.ops[made.op]
        if doubt := doubt_of(op.name, made, encoding, compared, scattered=self._scattered, shows=self._shows(op)):
            near = compared.rounded or (not compared.channels and not compared.rearranged)
            self.found[made.op] = Found("not_encoded", doubt, size, place, True, near)
            return
        lost = "its bias is not there, as if it were all zero" if encoding.bias_lost else ""
        self.found[made.op] = Found("differs", "; ".join(filter(None, (lost, describe(compared)))), size, place, True)

    def _exact_rooms(self) -> dict[int, tuple[Place, int]]:
        """Ops in a row that were not found, where bytes in a row are free that are just as many as they need: each one's place and size."""
        exact: dict[int, tuple[Place, int]] = {}
        gaps = list(self._blobs.gaps())
        run: list[Plan] = []
        before: Place | None = None
        for made in [*(p for _, p in sorted(self._plans.items()) if p.trained or p.op in self.found), None]:
            if made is not None and made.op not in self.found:
                run.append(made)
                continue
            # One compiler leaves out every bias of zeros or none.
            for sizes in ([p.size for p in run], [p.least or p.size for p in run]) if run else ():
                rooms = [place for place, size in gaps if size == sum(sizes)]
                if rooms:
                    place = before if before is not None and before in rooms else rooms[0]
                    for p, size in zip(run, sizes, strict=True):
                        exact[p.op] = place, size
                        place = Place(place.program, place.offset + size)
                    break
            found = None if made is None else self.found[made.op]
            run, before = [], None if found is None or found.place is None else _end(found, found.place)
        return exact

    def _likely_places(self, index: int, size: int) -> list[Place]:
        """Behind the op before, in front of the op behind, and at both ends of each room that is large enough."""
        placed = {i: found.place for i, found in sorted(self.found.items()) if found.place is not None}
        places: list[Place] = []
        if before := [i for i in placed if i < index]:
            places.append(_end(self.found[before[-1]], placed[before[-1]]))
        if behind := [place for i, place in placed.items() if i > index and place.offset >= size]:
            places.append(Place(behind[0].program, behind[0].offset - size))
        for place, length in self._blobs.gaps():
            if length >= size:
                places += [place, Place(place.program, place.offset + length - size)]
            if len(places) > 2 * _GAPS:
                break
        return list(dict.fromkeys(places))

    def _settle(self) -> None:
        """Decide about the ops that were not found and stand nowhere else."""
        gaps = [size for _, size in self._blobs.gaps()]
        left_over, room = sum(gaps), max(gaps, default=0)
        sure = [p for p in self._plans.values() if p.sure]
        most_found = 2 * sum(self._agrees(p.op) for p in sure) >= len(sure)
        trust = self._trusted()
        for op in self._ops:
            if op.index in self.found:
                continue
            made = self._plans.get(op.index)
            no_room = made is not None and made.sure and (not left_over or made.least > room)
            if not (_trained(self._graph, op) if made is None else made.trained):
                if left_over and _stores(self._graph, op):
                    self.found[op.index] = Found("not_encoded", "what it may store follows from shapes; in which form is not known")
                else:
                    self.found[op.index] = Found("no_parameters", "it stores nothing among the parameters")
            elif made is None:
                self.found[op.index] = Found("not_encoded", "its constants are stored in a form that is not known", trained=True)
            elif self._scattered:
                self.found[op.index] = Found("not_encoded", f"its bytes were not found in a known form{SCATTERED}", trained=True)
            elif no_room:
                self.found[op.index] = Found("differs", "its bytes are not among the parameters: there is no room for them", trained=True)
            elif made.sure and op.index not in self._beyond and not self._shows(op) and (not most_found or self._replaced(op, trust)):
                self.found[op.index] = Found("differs", "its bytes are not among the parameters: nothing like them is there", trained=True)
            else:
                self.found[op.index] = Found("not_encoded", "its bytes were not found in a known form", trained=True)

    def _agrees(self, index: int) -> bool:
        return index in self.found and self.found[index].verdict == "agrees"

    def _trusted(self) -> bool:
        return self._lookups.trustworthy([op for op in self._ops if self._agrees(op.index)])

    def _replaced(self, op: Op, trust: bool) -> bool:
        """Another word stands in the instructions for this op's."""
        return trust and bool(self._lookups.missing(op)) and self._lookups.replaced(op)

    def _shows(self, op: Op) -> bool:
        """Of a net with one or two layers, whose form no other layer vouches for: the instructions hold this op's word."""
        few = sum(p.sure for p in self._plans.values()) <= _FEW
        return few and bool(self._lookups.asked(op)) and not self._lookups.missing(op)

    def _share_in_gaps(self, missing: Sequence[Plan]) -> float:
        """How much of the weights of ops that were not found stands somewhere in the bytes that are no other op's, in whatever order.

        The zero point does not count: it pads.
        """
        there = np.zeros(256, np.int64)
        for place, size in self._blobs.gaps():
            self._blobs.spend(size)
            there += np.bincount(self._blobs.at(place, size), minlength=256)
        asked = np.zeros(256, np.int64)
        for made in missing:
            if made.weights is not None:
                self._blobs.spend(made.size)
                counts = np.bincount(made.weights().reshape(-1), minlength=256)
                counts[made.fill] = 0
                asked += counts
        return float(np.minimum(asked, there).sum()) / float(asked.sum()) if asked.any() else 0.0

    def _check_requantisations(self) -> None:
        """Look up multipliers and ranges in the instructions: scales and activation are not all among the parameters."""
        trust = self._trusted()
        for op in self._ops:
            if self.found[op.index].verdict == "not_encoded" and not self.found[op.index].near:
                continue
            if self._lookups.asked(op):
                self.checked += 1
                self._check_word(op, trust)
            elif op.name in _TWO_ACTIVATIONS and not any(self._graph.tensors[i].is_constant for i in op.inputs if i >= 0):
                self._check_range(op)

    def _check_word(self, op: Op, trust: bool) -> None:
        found, missing = self.found[op.index], self._lookups.missing(op)
        if not missing:
            if found.verdict == "agrees":
                found.detail += ", and so do multiplier, range and zero points in the instructions"
        elif self._replaced(op, trust):
            joint = ", but" if found.verdict == "agrees" else "; and"
            detail = f"{found.detail}{joint} its {missing} not in the instructions"
            self.found[op.index] = dataclasses.replace(found, verdict="differs", detail=detail)
        elif found.verdict == "agrees":
            detail = f"{found.detail}, but its {missing} not in the instructions in a known form"
            self.found[op.index] = dataclasses.replace(found, verdict="not_encoded", detail=detail, trained=True)

    def _check_range(self, op: Op) -> None:
        """Of an op of two computed tensors, which may be fused with others in ways that were never seen: a range alone proves nothing."""
        lacks = self._lookups.lacks_range(op)
        if lacks is None:
            return
        self.checked += 1
        found = self.found[op.index]
        if not lacks:
            found.detail += "; its range is in the instructions"
        elif found.verdict != "differs":
            detail = "its range (output scale, zero point or activation) is not in the instructions in a known form"
            self.found[op.index] = dataclasses.replace(found, verdict="not_encoded", detail=detail, trained=True)


def _end(found: Found, place: Place) -> Place:
    return Place(place.program, place.offset + round_up(found.bytes or 0, ALIGNED))


def _stores(graph: Graph, op: Op) -> bool:
    stored = [store(graph, op, compiler) for compiler in ("14.1-15.0", "16.0")]
    return any(s.parameter_bytes or s.const_bytes or s.doubt for s in stored)


def _trained(graph: Graph, op: Op) -> bool:
    """It has constants that training makes: more than one number, and no shapes or axes."""
    tensors = [graph.tensors[i] for i in op.inputs if i >= 0]
    return any(t.is_constant and t.elements > 1 and t.dtype in _TRAINED_TYPES for t in tensors)
