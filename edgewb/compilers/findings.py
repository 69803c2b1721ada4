"""What a person should know about a model before it goes to an Edge TPU, and what helps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from edgewb.compilers.budgets import CACHE_BYTES, Budget
from edgewb.compilers.limits import DOCUMENTATION, KNOWN_CUSTOM_OPS
from edgewb.tflite.graphs import Graph
from edgewb.types import Blocker, Finding, OpPlacement, Placement, Severity

_PAIRS: Final = "354 real compiler pairs"
_LOGS: Final = "compiler logs"


def _about_subgraphs(graph: Graph) -> list[Finding]:
    if graph.subgraphs < 2:
        return []
    return [
        Finding(
            id="control_flow",
            severity=Severity.WARNING,
            message=f"The file holds {graph.subgraphs} graphs (control flow, such as a loop): only the main one is counted here.",
            fix="Unroll the loop, or export the model without control flow.",
            references=(_PAIRS,),
        )
    ]


def find(graph: Graph, placements: Sequence[OpPlacement], blocker: Blocker | None, memory: Budget | None = None) -> tuple[Finding, ...]:
    """The findings for a model, the most severe first. ``placements`` is empty and ``memory`` None for a compiled model."""
    found = [_needs_delegate()] if graph.is_compiled else _about_source(graph, placements, blocker)
    if memory is not None:
        found += _about_memory(graph, memory)
    found += _about_edges(graph) + _about_subgraphs(graph)
    order = (Severity.ERROR, Severity.WARNING, Severity.INFO)
    return tuple(sorted(found, key=lambda finding: order.index(finding.severity)))


def _needs_delegate() -> Finding:
    return Finding(
        id="needs_edgetpu_delegate",
        severity=Severity.INFO,
        message="This file is compiled for the Edge TPU: it does not run without the Edge TPU delegate, not even on the CPU.",
        fix="To run it on the CPU as well, keep the source .tflite it was compiled from.",
        references=(_PAIRS,),
    )


def _about_source(graph: Graph, placements: Sequence[OpPlacement], blocker: Blocker | None) -> list[Finding]:
    found: list[Finding] = []
    mapped = sum(entry.placement is Placement.EDGETPU for entry in placements)
    unknown = sum(entry.placement is Placement.UNKNOWN for entry in placements)
    refusing = [e for e in placements if e.reason != "compile_error" and "refuses the whole file" in (e.detail or "")]
    if refusing and refusing[0].reason == "unsupported_op":
        entry = refusing[0]
        found.append(
            Finding(
                id="op_unknown_to_compiler",
                severity=Severity.ERROR,
                message=f"Op {entry.index}, {entry.op}: {entry.detail}.",
                fix="Replace it by ops of the list in `edgewb rules`, or cut the model before it and run the rest yourself.",
                references=(_LOGS,),
            )
        )
    elif refusing:
        entry = refusing[0]
        found.append(
            Finding(
                id="op_version_too_new",
                severity=Severity.ERROR,
                message=f"Op {entry.index}, {entry.op} version {entry.version}, is newer than the compiler: it refuses the file.",
                fix="Convert with an older TensorFlow, or change the layer so that an older version of the op is written.",
                references=(_LOGS,),
            )
        )
    strange = [op for op in graph.ops if op.is_custom and op.name not in KNOWN_CUSTOM_OPS]
    if strange:
        found.append(
            Finding(
                id="custom_op",
                severity=Severity.WARNING,
                message=f"Op {strange[0].index} is a custom op, {strange[0].name[:60]!r}: with one it does not know, "
                "the compiler may refuse the whole file (unresolved custom op).",
                fix="Replace it by built-in ops, or cut the model before it and run the rest yourself.",
                references=(_LOGS,),
            )
        )
    newer = [entry for entry in placements if entry.reason == "op_version" and entry.placement is Placement.UNKNOWN]
    if newer:
        entry = newer[0]
        found.append(
            Finding(
                id="op_version_never_seen",
                severity=Severity.WARNING,
                message=f"{len(newer)} ops have a version that was never seen mapped, first op {entry.index}: {entry.detail}.",
                fix="Compile it to find out, or convert with an older TensorFlow.",
                references=(_PAIRS,),
            )
        )
    floats = sum(entry.reason == "float" for entry in placements)
    if not mapped and not unknown and placements:
        is_float = 2 * floats > len(placements)
        wide = sum(entry.reason in ("float", "dtype") for entry in placements)
        kind = "float" if is_float else "not 8-bit" if 2 * wide > len(placements) else ""
        found.append(
            Finding(
                id="nothing_maps",
                severity=Severity.ERROR,
                message=f"None of the {len(placements)} ops runs on the Edge TPU" + (f": the model is {kind}." if kind else "."),
                fix="Convert with full-integer quantisation (recipe ptq_int8 or qat_int8)."
                if kind
                else (f"Begin with op {blocker.index}, {blocker.op}: {blocker.detail}." if blocker else "See the reason of each op."),
                references=(_PAIRS, DOCUMENTATION),
            )
        )
    elif floats and any(entry.reason == "float" and entry.op not in ("QUANTIZE", "DEQUANTIZE") for entry in placements):
        found.append(
            Finding(
                id="float_ops",
                severity=Severity.WARNING,
                message=f"{floats} ops work on floating-point numbers and stay on the CPU.",
                fix="Convert with full-integer quantisation and replace ops the converter cannot quantise.",
                references=(_PAIRS,),
            )
        )
    if mapped and blocker is not None:
        verb = "may stay" if placements[blocker.index].placement is Placement.UNKNOWN else "stay"
        found.append(
            Finding(
                id="cut_short",
                severity=Severity.WARNING,
                message=f"Op {blocker.index}, {blocker.op}, and all that depends on it {verb} on the CPU: {blocker.detail}.",
                fix=f"Mend or replace it: {mapped} -> {mapped + blocker.ops_gained_if_fixed} ops on the Edge TPU.",
                references=(_PAIRS,),
            )
        )
    if unknown:
        found.append(
            Finding(
                id="never_observed",
                severity=Severity.INFO,
                message=f"{unknown} ops are unlike anything observed, or depend on one: whether they map is not known; their "
                "parameters are in no sum.",
                fix="Compile the model to find out.",
                references=(_PAIRS,),
            )
        )
    return found


_LEAST_ROOM: Final = 5_253_366
"""5.01 MiB, the least the compiler's logs ever gave to parameters: a net with large activations leaves less room."""


def _about_memory(graph: Graph, memory: Budget) -> list[Finding]:
    found: list[Finding] = []
    large = [i for i in memory.off_chip if graph.ops[i].name == "FULLY_CONNECTED"]
    if memory.off_chip:
        named = ", ".join(f"{i} {graph.ops[i].name}" for i in memory.off_chip[:3]) + (", ..." if len(memory.off_chip) > 3 else "")
        found.append(
            Finding(
                id="parameters_streamed",
                severity=Severity.WARNING,
                message=f"{memory.off_chip_bytes / 1e6:.2f} MB of parameters (ops {named}) are sent to the Edge TPU at each inference: "
                f"they do not stay in its cache of {CACHE_BYTES / 1e6:.2f} MB.",
                fix="Pool before the fully connected layer: one with very many inputs is streamed whatever room there is."
                if large and memory.parameter_bytes <= CACHE_BYTES
                else "Take a narrower network (fewer channels), or one with fewer layers; unstructured pruning does not help.",
                references=(_PAIRS, "Jorgitou98/EdgeTPU-QuantRL-Evaluation"),
            )
        )
    elif memory.parameter_bytes > _LEAST_ROOM:
        found.append(
            Finding(
                id="cache_nearly_full",
                severity=Severity.INFO,
                message=f"{memory.parameter_bytes / 1e6:.2f} MB of parameters fit into {CACHE_BYTES / 1e6:.2f} MB, "
                f"but large activations shrink that room: compiler logs show {_LEAST_ROOM / 1e6:.2f} MB and more.",
                fix="Compile it to be sure; the log's 'Off-chip memory used' should be 0.",
                references=(_LOGS,),
            )
        )
    if memory.parameter_bytes and memory.compiler in ("1.0", "2.x", "15.x+key6"):
        found.append(
            Finding(
                id="streaming_unknown",
                severity=Severity.INFO,
                message=f"Compiler {memory.compiler} streamed parameters of some small models too, by a rule that is not known.",
                fix="Take 'cached' as likely; compile the model and inspect the compiled file to be sure.",
                references=(_PAIRS,),
            )
        )
    doubts = [(graph.ops[i], s.doubt) for i, s in enumerate(memory.stored) if s is not None and s.doubt]
    if doubts:
        op, doubt = doubts[0]
        found.append(
            Finding(
                id="parameter_bytes_uncertain",
                severity=Severity.INFO,
                message=f"The parameter bytes of {len(doubts)} ops are not sure, first op {op.index}, {op.name}: {doubt}.",
                fix="Take the sum as a lower bound, or compile the model and inspect the compiled file.",
                references=(_PAIRS,),
            )
        )
    return found


def _about_edges(graph: Graph) -> list[Finding]:
    found: list[Finding] = []
    inputs = [graph.tensors[i] for i in graph.inputs]
    outputs = [graph.tensors[i] for i in graph.outputs]
    if any(-1 in tensor.shape_signature for tensor in inputs):
        found.append(
            Finding(
                id="dynamic_batch",
                severity=Severity.WARNING,
                message="An input's size is not fixed (-1): the compiler takes the size in the file, or refuses dynamic tensors.",
                fix="Convert with a fixed batch of 1 (for instance clone the Keras model with batch_size=1).",
                references=(_PAIRS, _LOGS),
            )
        )
    for what, tensors in (("input", inputs), ("output", outputs)):
        if any("float" in tensor.dtype for tensor in tensors):
            found.append(
                Finding(
                    id=f"float_{what}",
                    severity=Severity.INFO,
                    message=f"A float {what} is converted on the CPU at each inference; the compiler never changes an {what}'s type.",
                    fix=f"Set inference_{what}_type to int8 or uint8 when converting.",
                    references=(_PAIRS,),
                )
            )
    return found
