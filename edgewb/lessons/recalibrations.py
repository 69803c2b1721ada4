"""An int8 file with its numbers made anew: from the float file of the same net, and from whatever examples are given for calibration.

This is post-training quantisation without the converter. The ops stay those of the int8 file; scales, zero points, weights and biases are
worked out as TensorFlow's converter does it (minimum and maximum of every activation over the examples; the largest size of each weight
channel; biases with the scale input x weights). The result is a real int8 file: what it answers is measured, not imitated.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from edgewb.debugging.layer_errors import Runner
from edgewb.debugging.matches import Match, match_graphs
from edgewb.errors import InputError
from edgewb.tflite.graphs import Graph, Op
from edgewb.tflite.quantization import fit_range, quantize
from edgewb.tflite.reader import load_bytes, read_graph
from edgewb.tflite.rewriter import pack, unpack
from edgewb.types import Jsonable

Floats = npt.NDArray[np.float32]
_FIXED: Final = frozenset({"SOFTMAX", "LOG_SOFTMAX", "LOGISTIC", "TANH", "L2_NORMALIZATION"})
"""Ops whose result always has the same range: the converter gives it a fixed scale."""
_PASSING: Final = frozenset({"RESHAPE", "MAX_POOL_2D", "AVERAGE_POOL_2D", "PAD", "TRANSPOSE", "SQUEEZE", "STRIDED_SLICE"})
"""Ops whose result keeps the scale of what they read."""
_WEIGHTED: Final = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"})
_TAKEN: Final = _WEIGHTED | _PASSING | _FIXED | {"MEAN", "ADD", "QUANTIZE", "DEQUANTIZE"}
_AT_ONCE: Final = 50


@dataclasses.dataclass(frozen=True, kw_only=True)
class ActivationRange(Jsonable):
    """The least and the largest value of one tensor over ``n`` examples; ``layer`` is "input" or the op that makes it, with its number."""

    layer: str
    low: float
    high: float
    n: int


def record_ranges(float_file: str | Path | bytes, inputs: npt.ArrayLike) -> tuple[ActivationRange, ...]:
    """What calibration does: run the float net on examples, and keep the ends of every activation.

    Args:
        float_file: a float32 .tflite of batch 1, one input and one output.
        inputs: (n, ...) as the net takes them.

    Returns:
        One range for the input, then one per op in its order.

    Raises:
        InputError: no example, examples of another shape, or values that are not finite. ModelFileError: no model LiteRT can run.
    """
    content = _content(float_file)
    graph = read_graph(content)
    ends = _ends(content, graph, _examples(graph, inputs))
    n = len(np.asarray(inputs))
    made = [(_layer(op), op.outputs[0]) for op in graph.ops if op.outputs[0] in ends]
    return tuple(ActivationRange(layer=name, low=ends[t][0], high=ends[t][1], n=n) for name, t in [("input", graph.inputs[0]), *made])


def layer_values(float_file: str | Path | bytes, inputs: npt.ArrayLike, op: int) -> Floats:
    """What one op of the float net gives for examples: (n, ...).

    Raises:
        InputError: no such op, or examples that do not fit. ModelFileError: no model LiteRT can run.
    """
    content = _content(float_file)
    graph = read_graph(content)
    if not 0 <= op < len(graph.ops):
        raise InputError(f"op {op!r}: the model has ops 0 to {len(graph.ops) - 1}")
    (values,) = Runner(content, keep=True).run([_examples(graph, inputs)], [graph.ops[op].outputs[0]])
    return np.asarray(values, np.float32)


def recalibrate(int8_file: str | Path | bytes, float_file: str | Path | bytes, inputs: npt.ArrayLike) -> bytes:
    """The int8 file with new numbers.

    Args:
        int8_file: gives the ops, and whether weights have a scale per channel or one per tensor.
        float_file: the float32 .tflite of the same net: its weights, and its activations on ``inputs``, are what is quantised.
        inputs: (n, ...) the calibration examples, as the converter would be given them.

    Returns:
        The bytes of a new .tflite.

    Raises:
        InputError: files of different nets, an op whose scales are not worked out here, or examples that do not fit.
    """
    content, float_content = _content(int8_file), _content(float_file)
    graph, float_graph = read_graph(content), read_graph(float_content)
    match = match_graphs(float_graph, graph)
    for op in graph.ops:
        if op.name not in _TAKEN or op.index in match.unmatched:
            raise InputError(f"op {op.index} is a {op.name}, whose scales are not worked out here: {', '.join(sorted(_TAKEN))} are taken")
    ends = _ends(float_content, float_graph, _examples(float_graph, inputs))
    schemes = _activation_schemes(graph, match, ends)
    model = unpack(content, graph)
    for tensor, (scale, point) in schemes.items():
        _set_scheme(model, tensor, np.array([scale]), np.array([point]))
    for op in graph.ops:
        if op.name in _WEIGHTED:
            partner = match.ops[op.index]
            assert partner is not None
            _requantise_weights(model, graph, op, float_graph, float_graph.ops[partner], schemes[op.inputs[0]][0])
    return pack(model, content)


def _content(given: str | Path | bytes) -> bytes:
    return given if isinstance(given, bytes) else load_bytes(given)


def _layer(op: Op) -> str:
    return f"{op.index} {op.name.lower()}"


def _examples(graph: Graph, inputs: npt.ArrayLike) -> Floats:
    examples = np.ascontiguousarray(inputs, np.float32)
    wanted = graph.tensors[graph.inputs[0]].shape[1:]
    if examples.shape[1:] != wanted or len(examples) < 1:
        raise InputError(f"calibration examples of shape {examples.shape}: (n, {', '.join(map(str, wanted))}) is wanted, n at least 1")
    if not np.isfinite(examples).all():
        raise InputError("the calibration examples hold values that are NaN or infinite: leave these examples out")
    return examples


def _ends(content: bytes, graph: Graph, examples: Floats) -> dict[int, tuple[float, float]]:
    """Float tensor -> least and largest value over the examples."""
    wanted = [op.outputs[0] for op in graph.ops if op.outputs and graph.tensors[op.outputs[0]].dtype == "float32"]
    runner = Runner(content, keep=True)
    ends = {graph.inputs[0]: (float(examples.min()), float(examples.max()))}
    for start in range(0, len(examples), _AT_ONCE):
        for tensor, values in zip(wanted, runner.run([examples[start : start + _AT_ONCE]], wanted), strict=True):
            low, high = ends.get(tensor, (np.inf, -np.inf))
            ends[tensor] = (min(low, float(values.min())), max(high, float(values.max())))
    return ends


def _activation_schemes(graph: Graph, match: Match, ends: dict[int, tuple[float, float]]) -> dict[int, tuple[float, int]]:
    """Tensor of the int8 file -> new scale and zero point."""
    given = graph.inputs[0]
    schemes = {given: fit_range(*ends[match.tensors[given]], graph.tensors[given].dtype)} if _quantised(graph, given) else {}
    for op in graph.ops:
        (tensor,) = op.outputs
        if not _quantised(graph, tensor):
            continue
        if op.name in _FIXED:
            held = graph.tensors[tensor].quantization
            assert held is not None
            schemes[tensor] = (held.scale, held.zero_point)
        elif op.name in _PASSING:
            schemes[tensor] = schemes[op.inputs[0]]
        else:
            schemes[tensor] = fit_range(*ends[match.tensors[tensor]], graph.tensors[tensor].dtype)
    return schemes


def _quantised(graph: Graph, tensor: int) -> bool:
    return graph.tensors[tensor].quantization is not None and graph.tensors[tensor].dtype in ("int8", "uint8")


def channel_scales(weights: npt.ArrayLike, axis: int | None) -> npt.NDArray[np.float64]:
    """Symmetric int8 scales of weights: the largest size over 127, one per index along ``axis``, or a single one for None.

    All-zero weights get the scale 1, with which they stay zero.
    """
    values = np.abs(np.asarray(weights, np.float64))
    largest = values.max(keepdims=True).ravel() if axis is None else np.moveaxis(values, axis, 0).reshape(values.shape[axis], -1).max(1)
    return np.asarray(np.where(largest > 0, largest / 127, 1.0))


def _requantise_weights(model: Any, graph: Graph, op: Op, float_graph: Graph, partner: Op, input_scale: float) -> None:
    stored = graph.tensors[op.inputs[1]]
    weights = np.asarray(float_graph.constant(partner.inputs[1]), np.float32)
    if weights.shape != stored.shape or stored.dtype != "int8" or stored.quantization is None:
        raise InputError(f"op {op.index} ({op.name}) has weights of {stored.dtype} {stored.shape}, the float file's are {weights.shape}")
    axis = stored.quantization.axis if stored.quantization.per_channel else None
    scales = channel_scales(weights, axis).astype(np.float32).astype(np.float64)
    given = scales if axis is not None else scales[0]
    _set_values(model, graph, stored.index, quantize(weights, given, 0, "int8", axis))
    _set_scheme(model, stored.index, scales, np.zeros(len(scales), np.int64))
    if len(op.inputs) > 2 and op.inputs[2] >= 0 and len(partner.inputs) > 2 and partner.inputs[2] >= 0:
        bias = np.asarray(float_graph.constant(partner.inputs[2]), np.float64)
        bias_scales = (scales * np.float32(input_scale)).astype(np.float32).astype(np.float64)
        wide = bias_scales if axis is not None else bias_scales[0]
        _set_values(model, graph, op.inputs[2], quantize(bias, wide, 0, "int32", 0 if axis is not None else None))
        _set_scheme(model, op.inputs[2], bias_scales, np.zeros(len(bias_scales), np.int64))


def _set_scheme(model: Any, tensor: int, scales: npt.NDArray[Any], points: npt.NDArray[Any]) -> None:
    held = model.subgraphs[0].tensors[tensor].quantization
    held.scale, held.zeroPoint = [float(scale) for scale in scales], [int(point) for point in points]


def _set_values(model: Any, graph: Graph, tensor: int, values: npt.NDArray[Any]) -> None:
    model.buffers[graph.tensors[tensor].buffer].data = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
