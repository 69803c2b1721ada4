"""Checks of a model's graph that find, before compiling, what the compiler or the device would trip over."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from edgewb.compilers.limits import LARGEST_SEEN
from edgewb.compilers.problems import problems
from edgewb.compilers.shapes import joined_badly, same_scheme
from edgewb.tflite.graphs import Graph, Op
from edgewb.types import Finding, Severity

_WEIGHTED: Final = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV")
_SMALL: Final = ("int8", "uint8", "float16", "int4")
_MOVERS: Final = (
    "RESHAPE", "TRANSPOSE", "MAX_POOL_2D", "PAD", "STRIDED_SLICE", "SLICE", "SPLIT", "SQUEEZE", "EXPAND_DIMS", "SPACE_TO_DEPTH", "TILE",
    "RESIZE_NEAREST_NEIGHBOR",
)  # fmt: skip
"""Ops that hand numbers on as they are: TensorFlow Lite does not look whether the scales agree."""


def check_graph(graph: Graph, of_source: bool = True) -> list[Finding]:
    """Findings about inputs, outputs, scales and sizes; of a compiled model (``of_source`` False) those on its edges alone."""
    found = _about_edges(graph)
    if of_source:
        found += _about_batch(graph) + _about_scales(graph) + _about_sizes(graph)
    if graph.subgraphs > 1:
        known = problems()["control_flow"]
        found.append(
            known.to_finding(f"The file holds {graph.subgraphs} graphs (control flow, such as a loop): only the main one is counted here.")
        )
    return found


def dynamic_range_op(graph: Graph) -> Op | None:
    """The first op with small weights (8-bit or float16) and floating-point activations, or None."""
    unpacked = {t: graph.tensors[op.inputs[0]] for op in graph.ops if op.name == "DEQUANTIZE" and op.inputs for t in op.outputs}
    for op in graph.ops:
        stored = [unpacked.get(t.index, t) for t in graph.input_tensors(op)]
        is_float = op.name in _WEIGHTED and any(t.dtype == "float32" for t in graph.output_tensors(op))
        if is_float and any(t.dtype in _SMALL and t.is_constant for t in stored):
            return op
    return None


def _about_scales(graph: Graph) -> list[Finding]:
    known, found = problems(), []
    problem = known["inconsistent_scales"]
    refused = next(((op, tensor) for op in graph.ops if (tensor := joined_badly(graph, op)) is not None), None)
    if refused is not None:
        op, tensor = refused
        message = (
            f"Op {op.index}, {op.name}: tensor {tensor.index} has another scale or zero point, and the compiler refuses the whole file."
        )
        found.append(problem.to_finding(message, severity=Severity.ERROR))
    else:
        moved = [op for op in graph.ops if op.name in _MOVERS and _moves_badly(graph, op)]
        if moved:
            op = moved[0]
            message = f"{len(moved)} ops hand numbers on under another scale, first op {op.index}, {op.name}: they then mean other values."
            found.append(problem.to_finding(message))
    strays = list(_strays(graph))
    if strays:
        first = strays[0]
        message = f"{len(strays)} ops convert values to the scale they have, or back, first op {first.index}, {first.name}."
        found.append(known["stray_quantize"].to_finding(message))
    return found


def _moves_badly(graph: Graph, op: Op) -> bool:
    source = next((t for t in graph.input_tensors(op) if t.dtype in ("int8", "uint8") and not t.is_constant), None)
    return source is not None and any(t.dtype == source.dtype and not same_scheme(source, t) for t in graph.output_tensors(op))


def _strays(graph: Graph) -> Iterator[Op]:
    """QUANTIZE to the same type and scheme, and DEQUANTIZE whose result is quantised again."""
    for op in graph.ops:
        sources, results = graph.input_tensors(op)[:1], graph.output_tensors(op)[:1]
        if not sources or not results or sources[0].is_constant:
            continue
        if (
            op.name == "QUANTIZE"
            and sources[0].dtype == results[0].dtype
            and sources[0].quantization
            and same_scheme(sources[0], results[0])
        ):
            yield op
        readers = graph.consumers.get(results[0].index, ())
        if op.name == "DEQUANTIZE" and readers and all(graph.ops[i].name == "QUANTIZE" for i in readers):
            yield op


def _about_sizes(graph: Graph) -> list[Finding]:
    largest = max((t for op in graph.ops for t in graph.output_tensors(op)), key=lambda t: t.elements, default=None)
    if largest is None or largest.elements <= LARGEST_SEEN:
        return []
    problem = problems()["huge_activations"]
    size = f"Tensor {largest.index} of shape {list(largest.shape)} holds {largest.elements:,} values"
    return [problem.to_finding(f"{size}; the largest seen compiled held {LARGEST_SEEN:,}. {problem.cause}")]


def _about_batch(graph: Graph) -> list[Finding]:
    signatures = [graph.tensors[i].shape_signature for i in graph.inputs]
    if not any(-1 in signature for signature in signatures):
        return []
    problem = problems()["dynamic_batch"]
    if any(-1 in signature[1:] for signature in signatures):
        said = "An input's height, width or another size is not fixed (-1): the compiler takes the size in the file, or refuses the file."
        return [problem.to_finding(said, "Convert with a fixed input size, and a batch of 1.")]
    if any(op.name == "SHAPE" for op in graph.ops):
        return [
            problem.to_finding(
                "The batch is not fixed (-1), and ops compute sizes from it: these stay on the CPU, or the compiler refuses the file."
            )
        ]
    # 23 of the 79 public pairs have such a batch, and all of them were compiled.
    return [problem.to_finding("The batch is not fixed (-1): the compiler takes the 1 in the file.", severity=Severity.INFO)]


def _about_edges(graph: Graph) -> list[Finding]:
    """Float inputs that are quantised at once, and float outputs that were 8-bit a moment before."""
    found = []
    if any("float" in graph.tensors[t].dtype and graph.ops[i].name == "QUANTIZE" for t in graph.inputs for i in graph.consumers.get(t, ())):
        problem = problems()["float_input"]
        found.append(problem.to_finding(first_fix=problem.fixes[1]))
    made = graph.producers
    if any("float" in graph.tensors[t].dtype and t in made and graph.ops[made[t]].name == "DEQUANTIZE" for t in graph.outputs):
        problem = problems()["float_output"]
        found.append(problem.to_finding(first_fix=problem.fixes[1]))
    return found
