"""Predicts what the Edge TPU compiler maps: each op by the rules, then a cut by data flow."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Final
from weakref import WeakKeyDictionary

from edgewb.compilers.limits import check_generation
from edgewb.compilers.rules import INTEGER_POSITIONS, Case
from edgewb.compilers.shapes import RULES
from edgewb.errors import InputError
from edgewb.tflite.graphs import Graph
from edgewb.types import Basis, Blocker, OpPlacement, Placement, PlacementSummary

_ABOUT_FLOAT: Final = frozenset({"float", "dtype", "not_constant", "op_version"})
"""What quantising the model mends: float values, weights that pass through a DEQUANTIZE, and the versions that go with both."""
_NOT_8_BIT: Final = ("float", "dtype")
_BRIDGES: Final = ("QUANTIZE", "DEQUANTIZE")


@dataclasses.dataclass(frozen=True)
class _Verdict:
    """What the rules say of one op alone. ``refuses_file``: the compiler would not compile anything because of it."""

    placement: Placement = Placement.EDGETPU
    reason: str | None = None
    detail: str | None = None
    refuses_file: bool = False


_MAPS: Final = _Verdict()
_RANK: Final = {Placement.EDGETPU: 0, Placement.UNKNOWN: 1, Placement.CPU: 2}


def _judge(case: Case, ignore: frozenset[str] = frozenset()) -> _Verdict:
    for rule in RULES:
        if rule.reason in ignore or (rule.ops and case.op.name not in rule.ops):
            continue
        ok, detail = rule.check(case)
        if ok is False:
            return _Verdict(Placement.CPU, rule.reason, detail, rule.refuses_file)
        if ok is None:
            return _Verdict(Placement.UNKNOWN, rule.reason, detail)
    return _MAPS


_JUDGED: Final[WeakKeyDictionary[Graph, dict[str, tuple[_Verdict, ...]]]] = WeakKeyDictionary()
"""What the rules said of each graph that is still in use, per generation: placing and finding the blocker ask the same."""


def _verdicts(graph: Graph, compiler: str, fixed: frozenset[int]) -> list[_Verdict]:
    known = _JUDGED.setdefault(graph, {})
    if compiler not in known:
        known[compiler] = tuple(_judge(Case(graph, op, compiler)) for op in graph.ops)
    return [_MAPS if i in fixed else verdict for i, verdict in enumerate(known[compiler])]


def _leading(graph: Graph) -> frozenset[int]:
    """The CPU ops seen above mapped ops: QUANTIZE from float and CAST, fed by nothing but graph inputs and each other."""
    found: set[int] = set()
    made, passed = graph.producers, set[int]()
    for op in graph.ops:
        kind = op.name == "CAST" or (op.name == "QUANTIZE" and any("float" in t.dtype for t in graph.input_tensors(op)))
        if kind and not op.is_custom and all(tensor not in made or tensor in passed for tensor in op.inputs):
            found.add(op.index)
            passed.update(op.outputs)
    return frozenset(found)


def _flow(graph: Graph, verdicts: Sequence[_Verdict]) -> tuple[OpPlacement, ...]:
    """Cuts by data flow: everything that rests on the result of an op left on the CPU is stranded there, too.

    Source: 354 real compiler pairs, 135 ops stranded that way. A branch beside it maps all the same; and of ops on the CPU with mapped
    ones after them, the pairs hold none but a leading QUANTIZE from float and CAST.
    """
    refusing = next((graph.ops[i] for i, verdict in enumerate(verdicts) if verdict.refuses_file), None)
    leading = _leading(graph)
    blocked: dict[int, tuple[Placement, int]] = {}
    placed: list[OpPlacement] = []
    for op, verdict in zip(graph.ops, verdicts, strict=True):
        # What computes its sizes strands nothing once they are constants; until then its own rule keeps it off the Edge TPU.
        sizes = INTEGER_POSITIONS.get(op.name, ())
        above = [blocked[tensor] for place, tensor in enumerate(op.inputs) if tensor in blocked and place not in sizes]
        worst = next((entry for entry in above if entry[0] is Placement.CPU), above[0] if above else None)
        placement, reason, detail, root = verdict.placement, verdict.reason, verdict.detail, op.index
        if worst is not None and _RANK[worst[0]] > _RANK[placement]:
            placement, root = worst
            state = "stays on the CPU" if placement is Placement.CPU else "may stay on the CPU"
            reason, detail = "downstream", f"depends on op {root} ({graph.ops[root].name[:60]}), which {state}"
        if placement is not Placement.EDGETPU and op.index not in leading:
            blocked.update((tensor, (placement, root)) for tensor in op.outputs if tensor >= 0)
        if refusing is not None and placement is not Placement.CPU:
            placement, reason = Placement.CPU, "compile_error"
            detail = f"the compiler refuses the whole file because of op {refusing.index} ({refusing.name[:60]} version {refusing.version})"
        placed.append(
            OpPlacement(
                index=op.index,
                op=op.name,
                version=op.version,
                placement=placement,
                reason=reason,
                detail=detail,
                refuses_file=verdict.refuses_file,
            )
        )
    return tuple(placed)


def place(graph: Graph, compiler: str = "16.0", assume_fixed: Sequence[int] = ()) -> tuple[OpPlacement, ...]:
    """Predict where the compiler puts each op of a source model.

    Args:
        graph: an uncompiled model.
        compiler: a compiler generation, see ``limits.GENERATIONS``.
        assume_fixed: indices of ops taken as if they met every rule: what if they were mended?

    Returns:
        One entry per op, in file order. ``reason`` and ``detail`` are None for ops that map.

    Raises:
        InputError: unknown compiler generation, or no such op.
    """
    check_generation(compiler)
    for index in assume_fixed:
        if not 0 <= index < len(graph.ops):
            raise InputError(f"no op {index} to assume fixed: the model has ops 0 to {len(graph.ops) - 1}")
    return _flow(graph, _verdicts(graph, compiler, frozenset(assume_fixed)))


def first_blocker(
    graph: Graph, placements: Sequence[OpPlacement], compiler: str = "16.0", assume_fixed: Sequence[int] = ()
) -> Blocker | None:
    """The first op that keeps others off the Edge TPU, and how many more ops map once it is mended.

    An op that is not 8-bit is mended by quantising the model, so all others are judged as if they were 8-bit as well; QUANTIZE
    and DEQUANTIZE beside them go away and are not counted as gained. None when no op that stays behind strands another: a leading
    QUANTIZE, a DEQUANTIZE or a post-processing op at the end.

    Args:
        placements: what ``place`` gave for the same ``compiler`` and ``assume_fixed``.

    Raises:
        InputError: unknown compiler generation.
    """
    check_generation(compiler)
    leading = _leading(graph)
    refused = any(entry.reason == "compile_error" for entry in placements)
    nothing_maps = not any(entry.placement is Placement.EDGETPU for entry in placements)
    own = [e for e in placements if e.reason not in (None, "downstream", "compile_error") and e.index not in leading]
    if refused:
        # Nothing else can be mended with any effect before the op that costs the whole file.
        own.sort(key=lambda entry: not entry.refuses_file)
    for entry in own:
        op = graph.ops[entry.index]
        followers = {index for tensor in op.outputs for index in graph.consumers.get(tensor, ())}
        found = entry.refuses_file or any(placements[i].reason == "downstream" for i in followers)
        if entry.reason == "float" or (entry.reason == "dtype" and nothing_maps):
            found = op.name not in _BRIDGES
        if found:
            return _blocker(graph, placements, entry, compiler, frozenset(assume_fixed))
    # Nothing but a DEQUANTIZE and a QUANTIZE between two mapped parts.
    for entry in own:
        if any(placements[i].reason == "downstream" for tensor in graph.ops[entry.index].outputs for i in graph.consumers.get(tensor, ())):
            return _blocker(graph, placements, entry, compiler, frozenset(assume_fixed))
    return None


def _blocker(graph: Graph, placements: Sequence[OpPlacement], entry: OpPlacement, compiler: str, fixed: frozenset[int]) -> Blocker:
    verdicts = _verdicts(graph, compiler, fixed)
    reason, detail = entry.reason or "", entry.detail or ""
    bridges: set[int] = set()
    if entry.reason in _NOT_8_BIT:
        for op, verdict in zip(graph.ops, verdicts, strict=True):
            if verdict.reason in _NOT_8_BIT and op.name in _BRIDGES:
                bridges.add(op.index)
                verdicts[op.index] = _MAPS
            elif verdict.reason in _NOT_8_BIT:
                verdicts[op.index] = _judge(Case(graph, op, compiler), _ABOUT_FLOAT)
        beneath = verdicts[entry.index]
        if beneath.reason and any(p.placement is Placement.EDGETPU for p in placements):
            # A float island in an 8-bit model: it is float because the converter could not quantise this op.
            reason, detail = beneath.reason, f"{beneath.detail}, and {detail}"
    verdicts[entry.index] = _MAPS
    after = sum(p.placement is Placement.EDGETPU and p.index not in bridges for p in _flow(graph, verdicts))
    before = sum(p.placement is Placement.EDGETPU for p in placements)
    return Blocker(index=entry.index, op=entry.op, reason=reason, detail=detail, ops_gained_if_fixed=max(after - before, 0))


def summarise(placements: Sequence[OpPlacement]) -> PlacementSummary:
    """Counts of ops per place; the sum is the number of ops. Basis: predicted."""
    counts = {place: sum(p.placement is place for p in placements) for place in Placement}
    return PlacementSummary(
        ops_total=len(placements),
        ops_edgetpu=counts[Placement.EDGETPU],
        ops_cpu=counts[Placement.CPU],
        ops_unknown=counts[Placement.UNKNOWN],
        basis=Basis.PREDICTED,
    )
