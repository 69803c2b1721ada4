"""The rules on the shapes and options of single kinds of op. The same form as ``rules.py``."""

from __future__ import annotations

from typing import Final

from edgewb.compilers.limits import DOCUMENTATION
from edgewb.compilers.rules import GENERAL, MET, PAIRS, Answer, Case, Rule
from edgewb.tflite.graphs import Graph, Op, Tensor

JOINING: Final = "ai-edge-litert, tried; google-coral/edgetpu#244"


def same_dilation(case: Case) -> Answer:
    """A convolution has the same dilation in x and y."""
    wide, high = case.op.options.get("dilation_wfactor", 1), case.op.options.get("dilation_hfactor", 1)
    return MET if wide == high else (False, f"dilation {wide} in x and {high} in y: they must be the same")


def no_groups(case: Case) -> Answer:
    """A convolution is not grouped: its kernel is as deep as its input."""
    source, weights = case.input(0), case.input(1)
    if source is None or weights is None or len(source.shape) != 4 or len(weights.shape) != 4:
        return None, "a convolution on other than 4-dimensional tensors was never seen"
    if weights.shape[3] != source.shape[3]:
        return None, f"a grouped convolution ({source.shape[3]} channels, kernel of {weights.shape[3]}) was never seen"
    return MET


def no_fused_activation(case: Case) -> Answer:
    """No activation function is fused into it."""
    fused = case.op.options.get("fused_activation_function", "NONE")
    return MET if fused == "NONE" else (False, f"{fused} is fused into it: make it an op of its own")


def plain_weights(case: Case) -> Answer:
    """Fully-connected weights are in the default format."""
    layout = case.op.options.get("weights_format", 0)
    return MET if layout == 0 else (False, f"its weights are in the shuffled format {layout}")


_MAX_ZEROS: Final = 65_536
"""A longer constant is not looked through: a hostile file could ask for it at every op."""


def concatenates_activations(case: Case) -> Answer:
    """Nothing constant is concatenated, save one all-zero constant beside one other input."""
    inputs = case.graph.input_tensors(case.op)
    constants = [t for t in inputs if t.is_constant]
    if not constants:
        return MET
    if len(inputs) != 2 or len(constants) != 1:
        return False, f"{len(constants)} of its {len(inputs)} inputs are constants"
    constant = constants[0]
    if constant.dtype not in ("int8", "uint8") or constant.is_sparse or constant.elements > _MAX_ZEROS:
        return None, f"one of its inputs is a constant of {constant.elements:,} {constant.dtype} values, which was never seen"
    zero = constant.quantization.zero_point if constant.quantization else 0
    if (case.graph.constant(constant.index) != zero).any():
        return False, "one of its inputs is a constant that is not all zero"
    return None, "an all-zero constant among its inputs is documented as supported, but was never seen"


def not_the_batch(case: Case) -> Answer:
    """The batch is neither reduced, padded nor split."""
    op = case.op
    if op.name == "PAD":
        values = case.values(1)
        first = any(values[:2]) if values else False
    elif op.name == "SPLIT":
        values = case.values(0)
        first = _has_axis(values, case, 1)
    else:
        values = case.values(1)
        first = _has_axis(values, case, 0)
    return (False, f"{op.name} works on the batch dimension") if first else MET


def reduces_pixels(case: Case) -> Answer:
    """A mean or sum over a 4-dimensional tensor runs along height and width; along channels it was never seen."""
    source, axes = case.input(0), case.values(1)
    if source is None or len(source.shape) != 4 or axes is None or not any(axis in (3, -1) for axis in axes):
        return MET
    return None, f"{case.op.name} along the channels was never seen, and an early edition of the documentation excludes it"


def _has_axis(axes: list[int] | None, case: Case, source: int) -> bool:
    tensor = case.input(source)
    rank = len(tensor.shape) if tensor is not None else 0
    # A vector without a batch is reduced along its only axis; the limit is about the first of several.
    return rank > 1 and any(axis in (0, -rank) for axis in axes or ())


def unit_strides(case: Case) -> Answer:
    """A strided slice has strides of 1 and neither an ellipsis nor a new axis."""
    strides = case.values(3)
    if strides is not None and any(stride != 1 for stride in strides):
        return False, f"strides {strides}: all must be 1"
    for mask in ("ellipsis_mask", "new_axis_mask"):
        if case.op.options.get(mask, 0):
            return False, f"{mask.replace('_', ' ')} {case.op.options[mask]}: it must be 0"
    return MET


def softmax_is_short(case: Case) -> Answer:
    """A softmax runs over at most 16,384 values, the most seen mapped."""
    source = case.input(0)
    length = source.shape[-1] if source is not None and source.shape else 1
    return MET if length <= 16384 else (None, f"a softmax over {length:,} values was never seen mapped, 16,384 were")


def resize_is_modest(case: Case) -> Answer:
    """A bilinear resize enlarges at most twice; fifteen times and more stays on the CPU."""
    source, result = case.input(0), case.graph.output_tensors(case.op)[:1]
    if source is None or len(source.shape) != 4 or not result or len(result[0].shape) != 4:
        return None, "a resize of other than 4-dimensional tensors was never seen"
    (height, width), (new_height, new_width) = source.shape[1:3], result[0].shape[1:3]
    step = f"{height}x{width} to {new_height}x{new_width}"
    if height <= new_height <= 2 * height and width <= new_width <= 2 * width:
        return MET
    if new_height >= 15 * height and new_width >= 15 * width:
        return False, f"{step}: resizes of 15 times and more were left on the CPU"
    return None, f"{step}: only resizes of 1 to 2 times were seen mapped, and of 15 times and more refused"


_TRANSPOSE_MAPPED: Final = 57_600
_TRANSPOSE_REFUSED: Final = 230_400


def nearest_resize_is_modest(case: Case) -> Answer:
    """A nearest-neighbour resize enlarges at most twice."""
    source, result = case.input(0), case.graph.output_tensors(case.op)[:1]
    if source is None or len(source.shape) != 4 or not result or len(result[0].shape) != 4:
        return None, "a resize of other than 4-dimensional tensors was never seen"
    (height, width), (new_height, new_width) = source.shape[1:3], result[0].shape[1:3]
    if height <= new_height <= 2 * height and width <= new_width <= 2 * width:
        return MET
    return None, f"{height}x{width} to {new_height}x{new_width}: only resizes of 1 to 2 times were seen mapped"


def transpose_is_known(case: Case) -> Answer:
    """A transpose brings the channels to the front (NHWC to NCHW); another one was never seen."""
    order = case.values(1)
    return MET if order is None or order == [0, 3, 1, 2] else (None, f"a transpose by {order} was never seen, one by [0, 3, 1, 2] was")


def transpose_is_small(case: Case) -> Answer:
    """A transpose moves at most 57,600 values; 230,400 and more stay on the CPU."""
    source = case.input(0)
    elements = source.elements if source is not None else 0
    if elements <= _TRANSPOSE_MAPPED:
        return MET
    if elements >= _TRANSPOSE_REFUSED:
        return False, f"it moves {elements:,} values: {_TRANSPOSE_REFUSED:,} were left on the CPU, {_TRANSPOSE_MAPPED:,} mapped"
    return None, f"it moves {elements:,} values: {_TRANSPOSE_MAPPED:,} were seen mapped and {_TRANSPOSE_REFUSED:,} refused"


def same_scheme(one: Tensor, other: Tensor) -> bool:
    """The same scale and zero point."""
    a, b = one.quantization, other.quantization
    return a is None or b is None or (a.scale == b.scale and a.zero_point == b.zero_point)


def joined_badly(graph: Graph, op: Op) -> Tensor | None:
    """The first input or output whose scheme an op that joins or parts tensors cannot take, or None.

    TensorFlow Lite refuses an int8 CONCATENATION, and any PACK or UNPACK, whose inputs and outputs differ in scale or zero point; a uint8
    CONCATENATION converts. Source: ai-edge-litert (``concatenation.cc``, ``pack.cc``, ``unpack.cc``), tried; google-coral/edgetpu#244.
    """
    joins = op.name in ("CONCATENATION", "PACK")
    if not joins and op.name != "UNPACK":
        return None
    many, one = (graph.input_tensors(op), graph.output_tensors(op)) if joins else (graph.output_tensors(op), graph.input_tensors(op))
    for tensor in many if one else ():
        if op.name == "CONCATENATION" and tensor.dtype != "int8":
            continue
        if tensor.dtype in ("int8", "uint8") and not same_scheme(tensor, one[0]):
            return tensor
    return None


def joins_one_scale(case: Case) -> Answer:
    """What is joined or parted has one scale and zero point (save uint8 CONCATENATION); else the compiler refuses the whole file."""
    tensor = joined_badly(case.graph, case.op)
    if tensor is None:
        return MET
    return False, f"tensor {tensor.index} has another scale or zero point: the compiler refuses the whole file (failed to prepare)"


def _ops(*names: str) -> frozenset[str]:
    return frozenset(names)


SHAPES: Final = (
    Rule("scales", joins_one_scale, JOINING, _ops("CONCATENATION", "PACK", "UNPACK"), refuses_file=True),
    Rule("shape", same_dilation, DOCUMENTATION, _ops("CONV_2D", "DEPTHWISE_CONV_2D")),
    Rule("shape", no_groups, PAIRS, _ops("CONV_2D")),
    Rule("shape", no_fused_activation, DOCUMENTATION, _ops("AVERAGE_POOL_2D", "MAX_POOL_2D", "CONCATENATION")),
    Rule("shape", plain_weights, DOCUMENTATION, _ops("FULLY_CONNECTED")),
    Rule("shape", concatenates_activations, DOCUMENTATION, _ops("CONCATENATION")),
    Rule("shape", not_the_batch, DOCUMENTATION, _ops("MEAN", "SUM", "PAD", "SPLIT", "REDUCE_MAX", "REDUCE_MIN")),
    Rule("shape", reduces_pixels, f"{PAIRS}: 3 means; {DOCUMENTATION}", _ops("MEAN", "SUM")),
    Rule("shape", unit_strides, DOCUMENTATION, _ops("STRIDED_SLICE")),
    Rule("shape", softmax_is_short, PAIRS, _ops("SOFTMAX")),
    Rule("shape", resize_is_modest, f"{PAIRS}: 5 resizes", _ops("RESIZE_BILINEAR")),
    Rule("shape", nearest_resize_is_modest, f"{PAIRS}: 2 resizes", _ops("RESIZE_NEAREST_NEIGHBOR")),
    Rule("shape", transpose_is_known, PAIRS, _ops("TRANSPOSE")),
    Rule("shape", transpose_is_small, f"{PAIRS}: 144 channels at 10x10, 20x20, 40x40 and 80x80", _ops("TRANSPOSE")),
)

RULES: Final = (*(r for r in SHAPES if r.refuses_file), *GENERAL, *(r for r in SHAPES if not r.refuses_file))
"""All rules, in the order they are asked: first those that cost the whole file."""
