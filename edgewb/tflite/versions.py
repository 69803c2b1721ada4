"""Lowers op versions to what an op uses.

The version an op needs is decided by ``GetBuiltinOperatorVersion`` of TensorFlow (tensorflow/lite/tools/versioning/op_version.cc, as of
TensorFlow 2.19); here are its answers for 8-bit ops. The number stands in the operator code, which several ops may share.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

import numpy as np

from edgewb.tflite.edits import Change, Edit
from edgewb.tflite.floats import EIGHT_BIT, usable
from edgewb.tflite.graphs import Graph, Op, Tensor

if TYPE_CHECKING:
    from edgewb.tflite.mends import Runs

_MAIN_INPUT: Final = {"TRANSPOSE_CONV": 2, "SPLIT": 1}
"""Which input carries the data, where it is not the first."""


def _rank(tensor: Tensor | None) -> int:
    return 0 if tensor is None else len(tensor.shape)


def _input(graph: Graph, op: Op, position: int) -> Tensor | None:
    return graph.tensors[op.inputs[position]] if position < len(op.inputs) and op.inputs[position] >= 0 else None


def _plain(graph: Graph, op: Op) -> tuple[int, str]:
    signed = any(t.dtype == "int8" for t in (_input(graph, op, _MAIN_INPUT.get(op.name, 0)), *graph.output_tensors(op)) if t is not None)
    return (2, "int8") if signed else (1, "")


def _convolution(graph: Graph, op: Op) -> tuple[int, str]:
    source, weights = _input(graph, op, 0), _input(graph, op, 1)
    grouped = source is not None and weights is not None and _rank(source) == _rank(weights) == 4 and source.shape[3] != weights.shape[3]
    if grouped:
        return 6, "groups"
    return (3, "int8") if _plain(graph, op)[0] == 2 else (1, "")


def _depthwise(graph: Graph, op: Op) -> tuple[int, str]:
    if _plain(graph, op)[0] == 2:
        return 3, "int8"
    return (2, "dilation") if {op.options.get("dilation_wfactor", 1), op.options.get("dilation_hfactor", 1)} != {1} else (1, "")


def _fully_connected(graph: Graph, op: Op) -> tuple[int, str]:
    weights, result = _input(graph, op, 1), graph.output_tensors(op)[:1]
    if weights is not None and weights.is_sparse:
        return 8, "sparse weights"
    if op.options.get("keep_num_dims") and _rank(result[0] if result else None) > 2:
        return 5, "it keeps the dimensions of its input"
    if _plain(graph, op)[0] == 2:
        return 4, "int8"
    return (2, "shuffled weights") if op.options.get("weights_format", 0) else (1, "")


def _transpose_convolution(graph: Graph, op: Op) -> tuple[int, str]:
    if not activation_cuts_nothing(graph, op):
        return 4, f"{op.options.get('fused_activation_function')} is fused into it"
    if _input(graph, op, 3) is not None:
        return 3, "a bias"
    weights = _input(graph, op, 1)
    return (2, "int8") if weights is not None and weights.dtype == "int8" else (1, "")


def _broadcast(graph: Graph, op: Op) -> tuple[int, str]:
    shapes = [t.shape for t in graph.input_tensors(op)]
    if len(set(shapes)) > 1 and max(map(len, shapes)) > 4:
        return 3, "it broadcasts more than four dimensions"
    return _plain(graph, op)


def _multiplication(graph: Graph, op: Op) -> tuple[int, str]:
    schemes = [t.quantization for t in (*graph.input_tensors(op)[:2], *graph.output_tensors(op)[:1])]
    scales = [float(np.float32(s.scale)) for s in schemes if s is not None]
    if len(scales) == 3 and all(scales) and scales[0] * scales[1] / scales[2] >= 1:
        return 3, "its scales multiply to 1 or more"
    return _plain(graph, op)


def _by_rank(*limits: tuple[int, int]) -> Callable[[Graph, Op], tuple[int, str]]:
    def need(graph: Graph, op: Op) -> tuple[int, str]:
        rank = _rank(_input(graph, op, 0))
        for above, version in limits:
            if rank > above:
                return version, f"{rank} dimensions"
        return _plain(graph, op)

    return need


def _strided_slice(graph: Graph, op: Op) -> tuple[int, str]:
    if op.options.get("offset"):
        return 8, "offsets"
    if op.options.get("ellipsis_mask") or op.options.get("new_axis_mask"):
        return 6, "an ellipsis or a new axis"
    return _by_rank((4, 4))(graph, op)


def _bilinear(graph: Graph, op: Op) -> tuple[int, str]:
    return (3, "half-pixel centres") if op.options.get("half_pixel_centers") else _plain(graph, op)


def _nearest(graph: Graph, op: Op) -> tuple[int, str]:
    aligned = op.options.get("half_pixel_centers") or op.options.get("align_corners")
    return (3, "half-pixel centres or aligned corners") if aligned else _plain(graph, op)


def _quantize(graph: Graph, op: Op) -> tuple[int, str]:
    result = graph.output_tensors(op)[:1]
    scheme = result[0].quantization if result else None
    return (3, "one scale per channel") if scheme is not None and scheme.per_channel else (1, "")


def _relu(graph: Graph, op: Op) -> tuple[int, str]:
    return 2, "8 bits"


def _first(graph: Graph, op: Op) -> tuple[int, str]:
    return 1, ""


NEEDS: Final[Mapping[str, Callable[[Graph, Op], tuple[int, str]]]] = {
    "CONV_2D": _convolution,
    "DEPTHWISE_CONV_2D": _depthwise,
    "FULLY_CONNECTED": _fully_connected,
    "TRANSPOSE_CONV": _transpose_convolution,
    "SUB": _broadcast,
    "MAXIMUM": _broadcast,
    "MINIMUM": _broadcast,
    "MUL": _multiplication,
    "PAD": _by_rank((4, 4)),
    "SLICE": _by_rank((4, 5)),
    "TRANSPOSE": _by_rank((5, 6), (4, 4)),
    "STRIDED_SLICE": _strided_slice,
    "RESIZE_BILINEAR": _bilinear,
    "RESIZE_NEAREST_NEIGHBOR": _nearest,
    "QUANTIZE": _quantize,
    "RELU": _relu,
    **dict.fromkeys(("RESHAPE", "EXPAND_DIMS", "PRELU", "SQUEEZE"), _first),
    **dict.fromkeys(
        (
            *("ADD", "CONCATENATION", "SOFTMAX", "MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN", "RELU6", "LOGISTIC", "TANH", "SPLIT"),
            *("AVERAGE_POOL_2D", "MAX_POOL_2D", "L2_NORMALIZATION", "RSQRT", "SPACE_TO_DEPTH", "SQUARED_DIFFERENCE"),
        ),
        _plain,
    ),
}
"""Kind of op -> the version an 8-bit one needs once its idle features are dropped, and what needs it."""

BEST: Final = 2
"""How well a compiler takes a version: 2 it was seen mapped, 1 not known, 0 refused."""

_IDLE_ACTIVATIONS: Final = ("TRANSPOSE_CONV", "AVERAGE_POOL_2D", "MAX_POOL_2D", "CONCATENATION")
"""Ops that the compiler does not take, or is not known to take, with an activation fused into them."""


def activation_cuts_nothing(graph: Graph, op: Op) -> bool:
    """No value the output can store lies outside what the activation fused into the op lets through.

    The bounds are those of ``CalculateActivationRangeQuantized`` (tensorflow/lite/kernels/kernel_util.cc): each real bound is divided by
    the scale in float32, rounded half away from zero, and the zero point is added.
    """
    fused = op.options.get("fused_activation_function", "NONE")
    bounds = {"NONE": (None, None), "RELU": (0.0, None), "RELU6": (0.0, 6.0), "RELU_N1_TO_1": (-1.0, 1.0)}.get(str(fused))
    results = graph.output_tensors(op)
    if bounds is None or len(results) != 1:
        return False
    if bounds == (None, None):
        return True
    result, scheme = results[0], results[0].quantization
    if result.dtype not in EIGHT_BIT or scheme is None or not usable(scheme):
        return False
    ends = np.iinfo(result.dtype)
    low, high = (None if bound is None else _stored(bound, scheme.scale) + scheme.zero_point for bound in bounds)
    return (low is None or low <= ends.min) and (high is None or high >= ends.max)


def _stored(bound: float, scale: float) -> int:
    ratio = np.float32(bound) / np.float32(scale)
    return int(np.sign(ratio) * np.floor(np.abs(np.float64(ratio)) + 0.5))


def lower_versions(content: bytes, runs: Runs, rate: Callable[[str, int], int]) -> Change:
    """An op asks for no newer version than it uses: activations that cut nothing and options without effect are dropped with it."""
    edit = Edit(content)
    touched: list[int] = []
    refused: list[str] = []
    for op in edit.graph.ops:
        idle = op.name in _IDLE_ACTIVATIONS and op.options.get("fused_activation_function", "NONE") != "NONE"
        if op.is_custom or op.name not in NEEDS or not all(t.dtype in EIGHT_BIT for t in edit.graph.output_tensors(op)):
            continue
        rated = rate(op.name, op.version)
        if rated == BEST and not idle:
            continue
        named = f"op {op.index} ({op.name} version {op.version})"
        needed, feature = NEEDS[op.name](edit.graph, op)
        if rated != BEST and rate(op.name, needed) <= rated:
            refused.append(f"{named} stays: it needs version {needed} ({feature}), which is no better known to the compiler")
        elif idle and not activation_cuts_nothing(edit.graph, op):
            refused.append(f"{named} stays: {op.options['fused_activation_function']} is fused into it and cuts values off")
        else:
            _lower(edit, op, min(needed, op.version))
            touched.append(op.index)
    return edit.change(touched, refused=refused)


def _lower(edit: Edit, op: Op, version: int) -> None:
    packed = edit.main.operators[op.index]
    if op.name in _IDLE_ACTIVATIONS and packed.builtinOptions is not None:
        packed.builtinOptions.fusedActivationFunction = 0
    if op.name == "FULLY_CONNECTED":
        if packed.builtinOptions is not None and op.options.get("keep_num_dims"):
            packed.builtinOptions.keepNumDims = False
        if len(packed.inputs) == 2:  # without a place for the bias it would be version 6
            packed.inputs = [*packed.inputs, -1]
    if version != op.version:
        edit.set_version(op.index, version)
