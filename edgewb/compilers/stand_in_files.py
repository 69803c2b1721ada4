"""What the stand-in compiler writes: a file shaped like a compiled one, marked as simulated, whose programs are zeros."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import flatbuffers
from ai_edge_litert import schema_py_generated as schema
from flatbuffers import flexbuffers

from edgewb.compilers.budgets import Budget
from edgewb.compilers.packages import STAND_IN_CHIP
from edgewb.tflite.graphs import EDGETPU_CUSTOM_OP, Graph
from edgewb.types import OpPlacement, Placement

DESCRIPTION: Final = "edgewb stand-in compiler: simulated, nothing is compiled"
_TYPES: Final = ("STAND_ALONE", "PARAMETER_CACHING", "EXECUTION_ONLY")
_OFFSET: Final = "UOffsetTRelative"


def compiled_file(content: bytes, graph: Graph, placements: Sequence[OpPlacement], memory: Budget, runtime: int) -> bytes:
    """The model with one Edge TPU op in place of those that map.

    Args:
        content: the source file, of which ``graph`` was read.
        placements: where each op goes; at least one maps.
        memory: the predicted parameters, which become zeros of the same number.
        runtime: the Edge TPU runtime the file asks for.
    """
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    main = model.subgraphs[0]
    mapped = {entry.index for entry in placements if entry.placement is Placement.EDGETPU}
    made = {tensor for i in mapped for tensor in graph.ops[i].outputs if tensor >= 0}
    read = [tensor for i in sorted(mapped) for tensor in graph.ops[i].inputs if tensor >= 0 and tensor not in made]
    needed = set(graph.outputs) | {tensor for op in graph.ops if op.index not in mapped for tensor in op.inputs}
    code = schema.OperatorCodeT()
    code.builtinCode, code.deprecatedBuiltinCode, code.version = schema.BuiltinOperator.CUSTOM, schema.BuiltinOperator.CUSTOM, 1
    code.customCode = EDGETPU_CUSTOM_OP
    model.operatorCodes.append(code)
    op = schema.OperatorT()
    op.opcodeIndex = len(model.operatorCodes) - 1
    op.inputs = [tensor for tensor in dict.fromkeys(read) if not graph.tensors[tensor].is_constant]
    op.outputs = sorted(made & needed)
    op.customOptions = list(_package(_executables(memory), runtime))
    above, below = _around(graph, mapped)
    main.operators = [main.operators[i] for i in above] + [op] + [main.operators[i] for i in below]
    # What only mapped ops read lies in the package now.
    kept = {graph.tensors[tensor].buffer for i in (*above, *below) for tensor in graph.ops[i].inputs if tensor >= 0}
    for number, buffer in enumerate(model.buffers):
        if number not in kept:
            buffer.data = None
    model.description, model.metadata, model.signatureDefs = DESCRIPTION, None, None
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _around(graph: Graph, mapped: set[int]) -> tuple[list[int], list[int]]:
    """The ops left on the CPU: those that need nothing from the Edge TPU, and the rest."""
    behind = {tensor for i in mapped for tensor in graph.ops[i].outputs}
    above, below = [], []
    for op in graph.ops:
        if op.index in mapped:
            continue
        if behind.intersection(op.inputs):
            behind.update(op.outputs)
            below.append(op.index)
        else:
            above.append(op.index)
    return above, below


def _executables(memory: Budget) -> list[bytes]:
    if not memory.on_chip_bytes:
        return [_executable("STAND_ALONE", memory.off_chip_bytes)]
    return [_executable("EXECUTION_ONLY", memory.off_chip_bytes), _executable("PARAMETER_CACHING", memory.on_chip_bytes)]


def _executable(kind: str, parameters: int) -> bytes:
    b = flatbuffers.Builder(1024)
    fields = {
        6: (_OFFSET, b.CreateByteVector(bytes(parameters))),
        10: (_OFFSET, b.CreateString(STAND_IN_CHIP)),
        13: ("Int16", _TYPES.index(kind)),
    }
    b.Finish(_table(b, 17, fields))
    return bytes(b.Output())


def _package(executables: Sequence[bytes], runtime: int) -> bytes:
    b = flatbuffers.Builder(1024)
    parts = [b.CreateString(part) for part in executables]
    b.StartVector(4, len(parts), 4)
    for part in reversed(parts):
        b.PrependUOffsetTRelative(part)
    b.Finish(_table(b, 1, {0: (_OFFSET, b.EndVector())}))
    several = bytes(b.Output())
    b = flatbuffers.Builder(1024)
    content = b.CreateByteVector(several)
    b.Finish(_table(b, 8, {0: ("Int32", runtime), 1: (_OFFSET, content)}), b"DWN1")
    options = flexbuffers.Builder()
    with options.Map():
        options.Key("4")
        options.Blob(bytes(b.Output()))
    return bytes(options.Finish())


def _table(b: flatbuffers.Builder, slots: int, fields: dict[int, tuple[str, Any]]) -> int:
    b.StartObject(slots)
    for slot, (kind, value) in fields.items():
        getattr(b, f"Prepend{kind}Slot")(slot, value, 0)
    return int(b.EndObject())
