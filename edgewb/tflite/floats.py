"""Moves the conversion from and to float out of a model: its input and output become the 8-bit tensors behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from edgewb.tflite.edits import Change, Edit
from edgewb.tflite.graphs import Graph, Quantization, Tensor

if TYPE_CHECKING:
    from edgewb.tflite.mends import Runs

EIGHT_BIT: Final = ("int8", "uint8")


def same_scheme(first: Tensor, second: Tensor) -> bool:
    """Both are 8-bit and stand for the same real numbers, with one scale each."""
    a, b = first.quantization, second.quantization
    if a is None or b is None or first.dtype != second.dtype or first.dtype not in EIGHT_BIT:
        return False
    return usable(a) and usable(b) and (a.scale, a.zero_point) == (b.scale, b.zero_point)


def usable(scheme: Quantization | None) -> bool:
    """One scale, a finite number above 0."""
    return scheme is not None and not scheme.per_channel and 0 < scheme.scale < float("inf")


def move_float_edges(content: bytes, runs: Runs, rate: Callable[[str, int], int]) -> Change:
    """The conversion of a float input and output moves outside: the caller converts, the model takes and gives 8-bit integers of the same
    names."""
    edit = Edit(content)
    graph = edit.graph
    touched: list[int] = []
    refused: list[str] = []
    for tensor in dict.fromkeys(graph.inputs):
        if graph.tensors[tensor].dtype == "float32":
            why = _input_stays(graph, tensor)
            if why:
                refused.append(f"the input {graph.tensors[tensor].name!r:.80} stays float: {why}")
            else:
                touched += _move_input(edit, tensor)
    for tensor in dict.fromkeys(graph.outputs):
        if graph.tensors[tensor].dtype == "float32":
            why = _output_stays(graph, tensor)
            if why:
                refused.append(f"the output {graph.tensors[tensor].name!r:.80} stays float: {why}")
            else:
                maker = graph.producers[tensor]
                edit.replace_edge(tensor, graph.ops[maker].inputs[0], output=True)
                edit.take_name(tensor, graph.ops[maker].inputs[0])
                edit.removed.add(maker)
                touched.append(maker)
    if len(edit.removed) == len(graph.ops):
        return Change(
            content=content, kept=tuple(range(len(graph.ops))), refused=("the model is nothing but conversions from and to float",)
        )
    return edit.change(touched, refused=refused)


def _input_stays(graph: Graph, tensor: int) -> str:
    """Why a float input cannot be moved, or nothing."""
    readers = [graph.ops[index] for index in graph.consumers.get(tensor, ())]
    if not readers:
        return "no op reads it"
    if tensor in graph.outputs:
        return "it is an output as well"
    for op in readers:
        if op.name != "QUANTIZE":
            return f"op {op.index} ({op.name[:60]}) reads it as float"
    results = [graph.tensors[op.outputs[0]] for op in readers]
    for result in results:
        if not same_scheme(result, results[0]):
            return f"op {readers[0].index} and others quantise it to different types or scales, or to none of 8 bits with one scale"
        if result.index in graph.outputs:
            return f"its quantised form, tensor {result.index}, is an output as well"
        if result.shape != graph.tensors[tensor].shape:
            return f"tensor {result.index} has another shape"
    return ""


def _move_input(edit: Edit, tensor: int) -> list[int]:
    """The results of all QUANTIZE that read it become one tensor, the new input."""
    readers = edit.graph.consumers[tensor]
    chosen = edit.graph.ops[readers[0]].outputs[0]
    for index in readers:
        edit.replace_reads(edit.graph.ops[index].outputs[0], chosen)
    edit.removed.update(readers)
    edit.replace_edge(tensor, chosen, output=False)
    edit.take_name(tensor, chosen)
    return list(readers)


def _output_stays(graph: Graph, tensor: int) -> str:
    """Why a float output cannot be moved, or nothing."""
    maker = graph.producers.get(tensor)
    if maker is None:
        return "no op makes it"
    op = graph.ops[maker]
    if op.name != "DEQUANTIZE":
        return f"op {maker} ({op.name[:60]}) makes it as float"
    stored = graph.tensors[op.inputs[0]]
    if stored.dtype not in EIGHT_BIT or not usable(stored.quantization):
        return f"it comes from {stored.dtype} or has no single scale"
    if graph.consumers.get(tensor):
        return f"op {graph.consumers[tensor][0]} ({graph.ops[graph.consumers[tensor][0]].name[:60]}) reads it as float"
    if stored.is_constant or stored.index in graph.inputs or stored.index in graph.outputs:
        return f"its quantised form, tensor {stored.index}, is a constant, an input, or an output as well"
    others = [o for o in graph.outputs if graph.producers.get(o) != maker and stored.index in _sources(graph, o)]
    if others:
        return f"its quantised form, tensor {stored.index}, is dequantised for two outputs"
    return ""


def _sources(graph: Graph, tensor: int) -> tuple[int, ...]:
    maker = graph.producers.get(tensor)
    return graph.ops[maker].inputs if maker is not None and graph.ops[maker].name == "DEQUANTIZE" else ()
