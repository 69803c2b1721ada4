"""Takes out ops that change nothing: steps to float and back, copies, and ops whose results nobody reads."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from edgewb.tflite.edits import Change, Edit
from edgewb.tflite.floats import EIGHT_BIT, same_scheme, usable
from edgewb.tflite.graphs import Graph, Op, Tensor
from edgewb.tflite.rewriter import pack

if TYPE_CHECKING:
    from edgewb.tflite.mends import Runs

_REQUANTIZE_VERSION = 1
"""QUANTIZE from 8 bits to 8 bits needs no more (op_version.cc)."""


def drop_strays(content: bytes, runs: Runs, rate: Callable[[str, int], int]) -> Change:
    """Ops that change nothing are dropped: steps to float and back, reshapes to the same shape, results nobody reads."""
    edit = Edit(content)
    graph = edit.graph
    used = {op.opcodeIndex for subgraph in edit.model.subgraphs for op in subgraph.operators or []}
    unused_codes = len(edit.model.operatorCodes or []) - len(used)
    touched: list[int] = []
    refused: list[str] = []
    for op in graph.ops:
        if op.name == "QUANTIZE" and not op.is_custom and len(op.inputs) == len(op.outputs) == 1:
            touched += _join(edit, op, runs, refused)
    # The inputs as they are by now: a pair taken out above may have changed them.
    for op in graph.ops:
        if op.index not in edit.removed and _is_copy(graph, op, edit.main.operators[op.index].inputs):
            touched += _take_out(edit, op.index)
    touched += edit.remove_dead()
    return edit.change(touched, others=unused_codes, refused=refused)


def _join(edit: Edit, op: Op, runs: Runs, refused: list[str]) -> list[int]:
    """A DEQUANTIZE whose result this QUANTIZE reads: passed by. Where the schemes differ, one QUANTIZE does it if all 256 values agree."""
    graph = edit.graph
    maker = graph.producers.get(op.inputs[0])
    if maker is None or graph.ops[maker].name != "DEQUANTIZE":
        return []
    source = graph.tensors[edit.main.operators[maker].inputs[0]]
    result = graph.tensors[op.outputs[0]]
    if source.is_constant or source.dtype not in EIGHT_BIT or result.dtype not in EIGHT_BIT:
        return []
    if not usable(source.quantization) or not usable(result.quantization) or source.shape != result.shape:
        return []
    where = f"ops {maker} and {op.index} (DEQUANTIZE, QUANTIZE) stay"
    if not same_scheme(source, result):
        why = runs.differ(_step(edit, maker, op, both=True), _step(edit, maker, op, both=False))
        if why:
            refused.append(f"{where}: one QUANTIZE between their scales does not give the same for all 256 values ({why})")
            return []
    edit.main.operators[op.index].inputs = [source.index]
    edit.set_version(op.index, _REQUANTIZE_VERSION)
    return [maker, op.index] if graph.consumers[op.inputs[0]] == (op.index,) and op.inputs[0] not in graph.outputs else [op.index]


def _step(edit: Edit, maker: int, op: Op, *, both: bool) -> bytes:
    """A file of its own with all 256 values going through these two ops, or through one QUANTIZE instead."""
    from ai_edge_litert import schema_py_generated as schema

    dequantize, quantize = edit.main.operators[maker], edit.main.operators[op.index]
    originals = [edit.main.tensors[index] for index in (dequantize.inputs[0], dequantize.outputs[0], quantize.outputs[0])]
    model, graph = schema.ModelT(), schema.SubGraphT()
    model.version, model.buffers, model.subgraphs = 3, [schema.BufferT()], [graph]
    graph.tensors, graph.inputs, graph.outputs = [], [0], [2]
    for number, original in enumerate(originals):
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.type, tensor.quantization = f"{number}", [256], original.type, original.quantization
        graph.tensors.append(tensor)
    steps: list[tuple[Any, int, int]] = [(dequantize, 0, 1), (quantize, 1, 2)] if both else [(quantize, 0, 2)]
    model.operatorCodes, graph.operators = [], []
    for step, source, result in steps:
        code, packed = schema.OperatorCodeT(), schema.OperatorT()
        old = edit.model.operatorCodes[step.opcodeIndex]
        code.builtinCode, code.deprecatedBuiltinCode, code.version = old.builtinCode, old.deprecatedBuiltinCode, old.version
        packed.opcodeIndex, packed.inputs, packed.outputs = len(model.operatorCodes), [source], [result]
        packed.builtinOptionsType, packed.builtinOptions = step.builtinOptionsType, step.builtinOptions
        model.operatorCodes.append(code)
        graph.operators.append(packed)
    return pack(model, b"")


def _is_copy(graph: Graph, op: Op, inputs: list[int]) -> bool:
    """What comes out is what goes in, whatever the values."""
    if op.is_custom or not inputs or inputs[0] < 0 or len(op.outputs) != 1:
        return False
    source, result = graph.tensors[inputs[0]], graph.tensors[op.outputs[0]]
    if source.is_variable or result.is_variable or source.shape != result.shape:
        return False
    if op.name == "QUANTIZE":
        return same_scheme(source, result)
    if source.is_dynamic or result.is_dynamic:
        return False
    unscaled = source.quantization is None and result.quantization is None
    if source.dtype != result.dtype or not (unscaled or same_scheme(source, result)):
        return False
    return op.name == "RESHAPE" or (op.name == "TRANSPOSE" and _keeps_order(graph, inputs[1:], len(source.shape)))


def _keeps_order(graph: Graph, inputs: list[int], rank: int) -> bool:
    order: Tensor | None = graph.tensors[inputs[0]] if inputs and inputs[0] >= 0 else None
    if order is None or not order.is_constant or order.dtype != "int32" or order.is_sparse or order.elements != rank:
        return False
    return bool(np.array_equal(graph.constant(order.index).reshape(-1), np.arange(rank)))


def _take_out(edit: Edit, index: int) -> list[int]:
    """Its readers read what it read; at the end of a graph, what came before makes the output. Neither, between two ends: it stays."""
    op = edit.main.operators[index]
    source, result = op.inputs[0], op.outputs[0]
    outputs = edit.main.outputs
    if result not in outputs:
        edit.replace_reads(result, source)
    elif source not in edit.main.inputs and source not in outputs and not edit.graph.tensors[source].is_constant:
        edit.removed.add(index)
        op.outputs = []
        edit.replace_writes(source, result)
        edit.replace_reads(source, result)
    else:
        return []
    edit.removed.add(index)
    return [index]
