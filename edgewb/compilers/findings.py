"""What a person should know about a model before it goes to an Edge TPU, and what helps. Causes and fixes are in ``problems.toml``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from edgewb.compilers.budgets import CACHE_BYTES, Budget
from edgewb.compilers.checks import check_graph, dynamic_range_op
from edgewb.compilers.limits import KNOWN_CUSTOM_OPS
from edgewb.compilers.problems import problems, without_hidden
from edgewb.tflite.graphs import Graph
from edgewb.types import Blocker, Finding, OpPlacement, Placement, Severity


def find(graph: Graph, placements: Sequence[OpPlacement], blocker: Blocker | None, memory: Budget | None = None) -> tuple[Finding, ...]:
    """The findings for a model, the most severe first. ``placements`` is empty and ``memory`` None for a compiled model."""
    if graph.is_compiled:
        return without_hidden([problems()["needs_edgetpu_delegate"].to_finding(), *check_graph(graph, of_source=False)])
    found = _about_refusal(graph, placements) + _about_placement(graph, placements, blocker)
    if memory is not None:
        found += _about_memory(graph, memory)
    return without_hidden(found + check_graph(graph))


def _about_refusal(graph: Graph, placements: Sequence[OpPlacement]) -> list[Finding]:
    """What makes the compiler refuse the whole file, or may."""
    known, found = problems(), []
    refusing = next((entry for entry in placements if entry.refuses_file), None)
    if refusing is not None and refusing.reason == "unsupported_op":
        found.append(known["op_unknown_to_compiler"].to_finding(f"Op {refusing.index}, {refusing.op}: {refusing.detail}."))
    elif refusing is not None and refusing.reason == "op_version":
        problem = known["op_version_too_new"]
        said = f"Op {refusing.index}, {refusing.op} version {refusing.version}, is newer than the compiler: it refuses the file."
        # With the file at hand, what can be tried at once comes first: these two `fix` knows how to lower.
        found.append(problem.to_finding(said, problem.fixes[1] if refusing.op in ("TRANSPOSE_CONV", "FULLY_CONNECTED") else None))
    strange = [op for op in graph.ops if op.is_custom and op.name not in KNOWN_CUSTOM_OPS]
    if strange:
        found.append(
            known["custom_op"].to_finding(
                f"Op {strange[0].index} is a custom op, {strange[0].name[:60]!r}: with one it does not know, the compiler may refuse the "
                "whole file (unresolved custom op)."
            )
        )
    newer = [entry for entry in placements if entry.reason == "op_version" and entry.placement is Placement.UNKNOWN]
    if newer:
        found.append(
            known["op_version_never_seen"].to_finding(
                f"{len(newer)} ops have a version that was never seen mapped, first op {newer[0].index}: {newer[0].detail}."
            )
        )
    return found


def _begin(blocker: Blocker | None) -> str:
    if blocker is None:
        return "Replace the ops by ones that are supported (`edgewb rules`)."
    return f"Begin with op {blocker.index}, {blocker.op}: {blocker.detail}."


def _unsupported(placements: Sequence[OpPlacement]) -> list[Finding]:
    """Kinds of op the Edge TPU does not have, besides those every detection model ends with."""
    kinds = Counter(
        e.op for e in placements if e.reason == "unsupported_op" and not e.refuses_file and e.op not in (*KNOWN_CUSTOM_OPS, *_SIZES)
    )
    if not kinds:
        return []
    named = ", ".join(f"{kind[:40]} ({count})" for kind, count in kinds.most_common(6)) + (", ..." if len(kinds) > 6 else "")
    problem = problems()["unsupported_op"]
    # LEAKY_RELU and TRANSPOSE are what the threads speak of; for others nothing better is known.
    fix = None if "LEAKY_RELU" in kinds else "Replace it by ops of the list in `edgewb rules`, and train again."
    return [problem.to_finding(f"{problem.title}: {named}. {problem.cause}", fix)]


def _nothing_maps(graph: Graph, placements: Sequence[OpPlacement], blocker: Blocker | None) -> list[Finding]:
    known = problems()
    said = f"None of the {len(placements)} ops runs on the Edge TPU"
    # A QUANTIZE or DEQUANTIZE between two 8-bit parts does not make a model float.
    own = [entry for entry in placements if entry.op not in ("QUANTIZE", "DEQUANTIZE")]
    wide = sum(entry.reason in ("float", "dtype") for entry in own)
    floats = sum(entry.reason == "float" for entry in own)
    if 2 * wide <= len(own):
        return [known["nothing_maps"].to_finding(f"{said}.", _begin(blocker))]
    if 2 * floats > len(own):
        found = [known["float_model"].to_finding(f"{said}: the model is float. {known['float_model'].cause}")]
    else:
        found = [known["nothing_maps"].to_finding(f"{said}: the model is not 8-bit.")]
    op = dynamic_range_op(graph)
    if op is not None:
        problem = known["dynamic_range_model"]
        found.append(problem.to_finding(f"{said}: op {op.index}, {op.name}, has small weights but float activations. {problem.cause}"))
    return found


def _left_behind(placements: Sequence[OpPlacement]) -> list[Finding]:
    """Ops on the CPU that strand nothing: the last ones."""
    known = problems()
    left = [e for e in placements if e.placement is Placement.CPU and e.reason not in ("float", "downstream") and e.op != "CAST"]
    custom = [entry for entry in left if entry.op in KNOWN_CUSTOM_OPS]
    others = [entry for entry in left if entry not in custom]
    found = [known["postprocess_on_cpu"].to_finding()] if custom else []
    if others:
        first = others[0]
        said = f"{_ops(len(others))} at the end on the CPU, first op {first.index}, {first.op}: {first.detail}."
        found.append(known["last_ops_on_cpu"].to_finding(said))
    return found


def _ops(count: int) -> str:
    return "1 op stays" if count == 1 else f"{count} ops stay"


def _about_placement(graph: Graph, placements: Sequence[OpPlacement], blocker: Blocker | None) -> list[Finding]:
    known, found = problems(), []
    mapped = sum(entry.placement is Placement.EDGETPU for entry in placements)
    unknown = sum(entry.placement is Placement.UNKNOWN for entry in placements)
    floats = sum(entry.reason == "float" for entry in placements)
    if placements and not mapped and not unknown:
        found += _nothing_maps(graph, placements, blocker)
    elif not mapped and 2 * unknown < len(placements):
        said = f"None of the {len(placements)} ops is known to run on the Edge TPU, and {unknown} at most may"
        found.append(known["nothing_maps"].to_finding(f"{said}.", _begin(blocker)))
    elif any(entry.reason == "float" and entry.op not in ("QUANTIZE", "DEQUANTIZE") for entry in placements):
        found.append(known["float_ops"].to_finding(f"{floats} ops work on floating-point numbers and stay on the CPU."))
    wide = [entry for entry in placements if entry.reason == "rank"]
    if wide:
        said = f"{_ops(len(wide))} on the CPU, first op {wide[0].index}, {wide[0].op}: {wide[0].detail}."
        batch = any(len(graph.tensors[i].shape) == 4 and graph.tensors[i].shape[0] > 1 for i in graph.inputs)
        found.append(known["rank"].to_finding(said, known["rank"].fixes[0 if batch else 1]))
    if mapped and blocker is not None:
        verb = "may stay" if placements[blocker.index].placement is Placement.UNKNOWN else "stay"
        gain = f"{mapped} -> {mapped + blocker.ops_gained_if_fixed} ops on the Edge TPU"
        fix = f"Mend or replace it: {gain}." if blocker.ops_gained_if_fixed else "Mend or replace it; more ops behind it are blocked too."
        if blocker.reason == "not_constant" and any(op.name == "SHAPE" for op in graph.ops):
            fix = f"Run `edgewb fix`, which makes the batch 1 and such sizes constants: {gain}."
        found.append(
            known["cut_short"].to_finding(
                f"Op {blocker.index}, {blocker.op}, and all that depends on it {verb} on the CPU: {blocker.detail}.",
                fix,
            )
        )
    elif mapped:
        found += _left_behind(placements)
    if floats * 2 < len(placements) and (blocker is not None or not mapped):
        found += _unsupported(placements)
    if unknown:
        found.append(
            known["never_observed"].to_finding(
                f"{unknown} {'op is' if unknown == 1 else 'ops are'} unlike anything observed, or depend on one: whether they map is not "
                "known; their parameters are in no sum."
            )
        )
    return found


_SIZES: Final = ("SHAPE", "PACK", "CAST")
"""They compute sizes from a batch that may change: that is said of the batch."""
_LEAST_ROOM: Final = 5_253_366
"""5.01 MiB, the least the compiler's logs ever gave to parameters: a net with large activations leaves less room."""


def _about_memory(graph: Graph, memory: Budget) -> list[Finding]:
    known, found = problems(), []
    if memory.off_chip:
        problem = known["parameters_streamed"]
        large = any(graph.ops[i].name == "FULLY_CONNECTED" for i in memory.off_chip) and memory.parameter_bytes <= CACHE_BYTES
        named = ", ".join(f"{i} {graph.ops[i].name}" for i in memory.off_chip[:3]) + (", ..." if len(memory.off_chip) > 3 else "")
        found.append(
            problem.to_finding(
                f"{memory.off_chip_bytes / 1e6:.2f} MB of parameters (ops {named}) are sent to the Edge TPU at each inference: they do not "
                f"stay in its cache of {CACHE_BYTES / 1e6:.2f} MB.",
                problem.fixes[1] if large else None,
            )
        )
    elif memory.parameter_bytes > _LEAST_ROOM:
        found.append(
            known["cache_nearly_full"].to_finding(
                f"{memory.parameter_bytes / 1e6:.2f} MB of parameters fit into {CACHE_BYTES / 1e6:.2f} MB, but large activations "
                f"shrink that room: compiler logs show {_LEAST_ROOM / 1e6:.2f} MB and more."
            )
        )
    if memory.parameter_bytes and memory.compiler in ("1.0", "2.x", "15.x+key6"):
        found.append(
            known["streaming_unknown"].to_finding(
                f"Compiler {memory.compiler} streamed parameters of some small models too, by a rule that is not known."
            )
        )
    doubts = [(graph.ops[i], s.doubt) for i, s in enumerate(memory.stored) if s is not None and s.doubt]
    if doubts:
        op, doubt = doubts[0]
        found.append(
            known["parameter_bytes_uncertain"].to_finding(
                f"The parameter bytes of {len(doubts)} ops are not sure, first op {op.index}, {op.name}: {doubt}.", severity=Severity.INFO
            )
        )
    return found
