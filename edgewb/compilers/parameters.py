"""How many bytes a model's parameters take on the Edge TPU. One rule per kind of op.

The device stores weights padded to its lanes and to four input channels, with a header per lane. The rules below were found by taking
compiled files apart: in the blob of a compiled model each op's bytes lie in the order of the source's ops. They were fitted on the
very pairs they are tested on; what was met once or twice says so in its ``source``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from math import prod
from typing import Final

from edgewb.tflite.graphs import Graph, Op, Tensor

CACHED_INPUTS: Final = 5_904
STREAMED_INPUTS: Final = 9_504
"""A FULLY_CONNECTED of so many inputs was cached, and streamed however much room there was, by 16.0. Source: real pairs."""

_NEW: Final = ("15.x+key6", "13", "16.0")
"""The generations that leave out a bias of zeros and give a softmax a table of 48 bytes."""
_PAIRS: Final = "354 real compiler pairs"


@dataclasses.dataclass(frozen=True)
class Stored:
    """Bytes of one op on the device.

    ``parameter_bytes`` are cached, or streamed where the cache is full; ``const_bytes`` are constants that are sent with each inference
    in any case. ``log_bytes`` is what the compiler's log counts, with all lanes padded to 64. ``doubt`` says why the figure may be off.
    """

    parameter_bytes: int = 0
    const_bytes: int = 0
    log_bytes: int = 0
    doubt: str | None = None


def round_up(number: int, step: int) -> int:
    """The smallest multiple of ``step`` that is not below ``number``."""
    return -(-number // step) * step


def lanes(channels: int) -> int:
    """Output channels are dealt out in groups of 16 up to 64, and of 64 beyond."""
    return round_up(channels, 16) if channels <= 64 else round_up(channels, 64)


@dataclasses.dataclass(frozen=True)
class ParameterRule:
    """``ops``: the kinds it is for; the function's docstring is the sentence a reader sees."""

    ops: tuple[str, ...]
    store: Callable[[Graph, Op, str], Stored]
    source: str

    @property
    def name(self) -> str:
        """The function's name."""
        return getattr(self.store, "__name__", "rule")

    @property
    def sentence(self) -> str:
        """What the rule says."""
        return " ".join((self.store.__doc__ or "").split())


def input_tensor(graph: Graph, op: Op, position: int) -> Tensor | None:
    """The tensor at an input position, or None when it is left out."""
    return graph.tensors[op.inputs[position]] if position < len(op.inputs) and op.inputs[position] >= 0 else None


def output_tensor(graph: Graph, op: Op) -> Tensor | None:
    """The first output, or None when there is none."""
    return graph.tensors[op.outputs[0]] if op.outputs and op.outputs[0] >= 0 else None


_MAX_BIAS: Final = 65_536
"""A longer one is not looked through: a hostile file could ask for it at every op."""


def _is_zero(graph: Graph, bias: Tensor) -> bool:
    looked_through = bias.is_constant and not bias.is_sparse and bias.dtype in ("int32", "int64") and bias.elements <= _MAX_BIAS
    return looked_through and graph.is_zero(bias.index)


def _header(graph: Graph, op: Op, compiler: str) -> int:
    """Bytes per lane before the weights: a multiplier when channel scales differ, a zero point when per channel, a bias."""
    weights, bias = input_tensor(graph, op, 1), input_tensor(graph, op, 2)
    scheme = weights.quantization if weights is not None else None
    per_lane = 0
    if scheme is not None and scheme.per_channel:
        per_lane += 8 if scheme.scales_differ else 4
    if compiler in _NEW and (bias is None or _is_zero(graph, bias)):
        return per_lane
    return per_lane + 4


def _regrouped(channels: int, group: int) -> int:
    """Channels of which each ``group`` becomes a pixel of its own, padded to 4."""
    return channels // group * round_up(group, 4)


def taken_apart_by(graph: Graph, tensor: Tensor) -> int:
    """How many channels of it a RESHAPE that reads it keeps together; all of them when none takes them apart."""
    channels = tensor.shape[-1]
    if len(tensor.shape) != 4:
        return channels
    for reader in (graph.ops[i] for i in graph.consumers.get(tensor.index, ())):
        if reader.name == "RESHAPE" and reader.outputs and reader.outputs[0] >= 0:
            group = (graph.tensors[reader.outputs[0]].shape or (1,))[-1]
            if 0 < group < channels and channels % group == 0 and group % 4:
                return group
    return channels


def conv_2d(graph: Graph, op: Op, compiler: str) -> Stored:
    """Lanes times (kernel height x width x input channels padded to 4, plus a header), padded to 64 bytes. Lanes are the output channels
    padded to 16 up to 64 and to 64 beyond; up to 4 output channels take 4 lanes. The header of a lane is 4 bytes of bias (newer
    compilers drop a bias of zeros), 4 of zero point for per-channel weights, and 4 of multiplier where their scales differ. Where a
    RESHAPE takes the channels apart, each part is padded to 4 channels first."""
    weights = input_tensor(graph, op, 1)
    output = output_tensor(graph, op)
    if weights is None or len(weights.shape) != 4 or output is None or len(output.shape) != 4:
        return Stored(doubt="a convolution of other than 4 dimensions was never seen")
    _, height, width, depth = weights.shape
    plain = output.shape[3]
    channels = _regrouped(plain, taken_apart_by(graph, output)) if plain else 0
    doubt = None if lanes(plain) == lanes(channels) else "a RESHAPE takes its channels apart, which one pair in two counted otherwise"
    per_lane = height * width * round_up(depth, 4) + _header(graph, op, compiler)
    count = 4 if channels <= 4 else lanes(channels)
    return Stored(round_up(count * per_lane, 64), log_bytes=round_up(channels, 64) * per_lane, doubt=doubt)


def fully_connected(graph: Graph, op: Op, compiler: str) -> Stored:
    """Lanes times (inputs padded to 4, plus the same header as for a convolution). Of an input with height and width each pixel's
    channels are padded to 4."""
    weights, source = input_tensor(graph, op, 1), input_tensor(graph, op, 0)
    if weights is None or source is None or len(weights.shape) != 2:
        return Stored(doubt="a fully connected op without 2-dimensional weights was never seen")
    outputs, inputs = weights.shape
    if len(source.shape) == 4:
        inputs = source.shape[1] * source.shape[2] * round_up(source.shape[3], 4)
    per_lane = round_up(inputs, 4) + _header(graph, op, compiler)
    between = compiler == "16.0" and CACHED_INPUTS < weights.shape[1] < STREAMED_INPUTS
    doubt = f"with {weights.shape[1]:,} inputs it may be streamed: {CACHED_INPUTS:,} were cached, {STREAMED_INPUTS:,} streamed"
    return Stored(lanes(outputs) * per_lane, log_bytes=round_up(outputs, 64) * per_lane, doubt=doubt if between else None)


def depthwise_conv_2d(graph: Graph, op: Op, compiler: str) -> Stored:
    """Channels padded to 4 times (four times the kernel's height x width, plus the header): depthwise weights take four times their
    size. With a depth multiplier on a single input channel the channels are padded like the lanes of a convolution."""
    weights, source = input_tensor(graph, op, 1), input_tensor(graph, op, 0)
    if weights is None or source is None or len(weights.shape) != 4 or len(source.shape) != 4:
        return Stored(doubt="a depthwise convolution of other than 4 dimensions was never seen")
    _, height, width, channels = weights.shape
    per_lane = 4 * height * width + _header(graph, op, compiler)
    log = round_up(channels, 64) * per_lane
    if source.shape[3] == channels:
        return Stored(round_up(round_up(channels, 4) * per_lane, 64), log_bytes=log)
    doubt = None if source.shape[3] == 1 else "a depth multiplier on more than one channel was never seen"
    return Stored(lanes(channels) * per_lane, log_bytes=log, doubt=doubt)


def _identity(inputs: int, outputs: int) -> Stored:
    """A 1x1 convolution with ones on its diagonal: lanes times (input channels padded to 4, plus 4)."""
    per_lane = round_up(inputs, 4) + 4
    return Stored(lanes(outputs) * per_lane, log_bytes=round_up(outputs, 64) * per_lane)


def pad(graph: Graph, op: Op, compiler: str) -> Stored:
    """Padding height and width is free. Padding channels is a 1x1 identity convolution: lanes of the padded channels times (channels
    padded to 4, plus 4)."""
    source, output = input_tensor(graph, op, 0), output_tensor(graph, op)
    if source is None or output is None or len(source.shape) != 4 or len(output.shape) != 4 or source.shape[3] == output.shape[3]:
        return Stored()
    return _identity(source.shape[3], output.shape[3])


def softmax(graph: Graph, op: Op, compiler: str) -> Stored:
    """Nothing for a multiple of 4 channels. Else a table: 48 bytes per channel padded to 4, padded to 64 (the three newest generations),
    32 per channel (14.1-15.0), nothing before. Behind a RESHAPE that flattens, the channels before it count."""
    source = input_tensor(graph, op, 0)
    if source is None or not source.shape:
        return Stored()
    channels = source.shape[-1]
    producer = graph.producers.get(source.index)
    if producer is not None and graph.ops[producer].name == "RESHAPE":
        before = input_tensor(graph, graph.ops[producer], 0)
        if before is not None and len(before.shape) == 4 and before.elements == channels:
            channels = before.shape[3]
    if channels % 4 == 0:
        return Stored()
    padded = round_up(channels, 4)
    size = round_up(48 * padded, 64) if compiler in _NEW else 32 * padded if compiler == "14.1-15.0" else 0
    return Stored(size, log_bytes=size)


def elementwise(graph: Graph, op: Op, compiler: str) -> Stored:
    """A scalar constant is free. A constant vector over the channels takes 16 bytes per channel padded to 4, any other one its number of
    elements; it is sent with each inference and never cached."""
    for position in (0, 1):
        constant, other = input_tensor(graph, op, position), input_tensor(graph, op, 1 - position)
        if constant is None or other is None or not constant.is_constant or constant.elements <= 1:
            continue
        over_channels = bool(other.shape) and constant.elements == other.shape[-1]
        return Stored(const_bytes=16 * round_up(constant.elements, 4) if over_channels else constant.elements)
    return Stored()


def reshape(graph: Graph, op: Op, compiler: str) -> Stored:
    """Free while groups of 4 channels stay together, behind a convolution (which takes the channels apart itself), and for a single
    channel. Else a 1x1 identity convolution that puts each part on a pixel of its own, or one that gathers a row of pixels."""
    source, output = input_tensor(graph, op, 0), output_tensor(graph, op)
    if source is None or output is None or len(source.shape) < 2 or not output.shape:
        return Stored()
    before, after = source.shape, output.shape
    channels, group = before[-1], after[-1]
    if channels == group or channels <= 1 or group <= 0:
        return Stored()
    producer = graph.producers.get(source.index)
    if group < channels:
        if group % 4 == 0 or channels % group:
            return Stored() if channels % group == 0 else Stored(doubt="such a RESHAPE was never seen to be counted")
        if producer is not None and graph.ops[producer].name == "CONV_2D":
            return Stored()
        doubt = None if channels == 28 else f"a RESHAPE of {list(before)} to {list(after)} is counted by a rule from one pair"
        return dataclasses.replace(_identity(channels, _regrouped(channels, group)), doubt=doubt)
    if channels % 4 == 0 or prod(before[1:-1]) == 1:
        return Stored()
    width = before[-2]
    if group == width * channels and len(after) >= 3:
        # yolov8n: 144 x 10 x 10 to 144 x 100. A convolution over the whole row.
        per_lane = width * round_up(channels, 4) + 4
        return Stored(lanes(group) * per_lane, log_bytes=round_up(group, 64) * per_lane)
    return Stored(doubt=f"flattening {list(before)}, of which the channels are no multiple of 4, once cost 2.1 MB")


def transpose(graph: Graph, op: Op, compiler: str) -> Stored:
    """Channels to the front (NHWC to NCHW) of n x n pixels: 64 bytes, and lanes(n) x n x (4 + n padded to 4, at most 16)."""
    source, result = input_tensor(graph, op, 0), output_tensor(graph, op)
    if source is None or result is None or len(source.shape) != 4:
        return Stored(doubt="the bytes of a TRANSPOSE of other than 4 dimensions are not known")
    _, height, width, channels = source.shape
    known = height == width and channels == 144
    doubt = None if known else "the bytes of a TRANSPOSE are known for 144 channels and as many rows as columns only"
    if result.shape != (source.shape[0], channels, height, width):
        return Stored(doubt="the bytes of a TRANSPOSE are known for channels to the front only")
    size = 64 + lanes(width) * width * (4 + min(round_up(width, 4), 16))
    return Stored(size, log_bytes=size, doubt=doubt)


def split_or_join(graph: Graph, op: Op, compiler: str) -> Stored:
    """Free along height, width, and where all parts are multiples of 4 channels. Else it costs some bytes: how many is not known."""
    parts = graph.output_tensors(op) if op.name == "SPLIT" else tuple(t for t in graph.input_tensors(op) if t.dtype in ("int8", "uint8"))
    whole = graph.input_tensors(op)[-1:] if op.name == "SPLIT" else graph.output_tensors(op)[:1]
    if not parts or not whole or not whole[0].shape or parts[0].shape[-1:] == whole[0].shape[-1:]:
        return Stored()
    if all(len(t.shape) < 4 or t.shape[-1] % 4 == 0 for t in parts):
        return Stored()
    return Stored(doubt=f"{op.name} along channels that are no multiples of 4 costs bytes that are not known")


def cut(graph: Graph, op: Op, compiler: str) -> Stored:
    """Free along height and width, and where groups of 4 channels stay together. Else it may cost some bytes: how many is not known."""
    source, output = input_tensor(graph, op, 0), output_tensor(graph, op)
    if source is None or output is None or not source.shape or not output.shape:
        return Stored()
    if len(source.shape) < 4 or source.shape[-1] == output.shape[-1] or output.shape[-1] % 4 == 0:
        return Stored()
    return Stored(doubt=f"{op.name} along channels that are no multiples of 4 may cost bytes that are not known")


def lstm(graph: Graph, op: Op, compiler: str) -> Stored:
    """The bytes of an LSTM are not known; its weights are counted as they are in the file, which is too few."""
    size = sum(t.byte_count or 0 for t in graph.input_tensors(op) if t.is_constant)
    return Stored(size, log_bytes=size, doubt="the bytes of an LSTM are not known: the file's own count is too low")


def transpose_conv(graph: Graph, op: Op, compiler: str) -> Stored:
    """Counted like a convolution; no compiled file has shown it."""
    weights = input_tensor(graph, op, 1)
    if weights is None or len(weights.shape) != 4:
        return Stored(doubt="a transposed convolution without 4-dimensional weights was never seen")
    channels, height, width, depth = weights.shape
    size = round_up(lanes(channels) * (height * width * round_up(depth, 4) + 4), 64)
    return Stored(size, log_bytes=size, doubt="no compiled file with a TRANSPOSE_CONV was at hand: counted like a CONV_2D")


PARAMETER_RULES: Final = (
    ParameterRule(("CONV_2D",), conv_2d, f"{_PAIRS}; channels taken apart: one pair (face_detection_front)"),
    ParameterRule(("FULLY_CONNECTED",), fully_connected, _PAIRS),
    ParameterRule(("DEPTHWISE_CONV_2D",), depthwise_conv_2d, _PAIRS),
    ParameterRule(("PAD",), pad, _PAIRS),
    ParameterRule(("SOFTMAX",), softmax, _PAIRS),
    ParameterRule(("ADD", "SUB", "MUL", "MAXIMUM", "MINIMUM"), elementwise, _PAIRS),
    ParameterRule(("RESHAPE",), reshape, "two pairs (28 x 28 to 28 x 28 x 1; yolov8n)"),
    ParameterRule(("TRANSPOSE",), transpose, "one pair (yolov8n: 10 x 10 and 20 x 20 pixels)"),
    ParameterRule(("SPLIT", "CONCATENATION"), split_or_join, "one pair"),
    ParameterRule(("STRIDED_SLICE", "SLICE"), cut, "not known"),
    ParameterRule(("UNIDIRECTIONAL_SEQUENCE_LSTM",), lstm, "not known"),
    ParameterRule(("TRANSPOSE_CONV",), transpose_conv, "not known"),
)
"""One rule per kind of op; kinds that are not listed have no parameters."""

_BY_OP: Final = {name: rule for rule in PARAMETER_RULES for name in rule.ops}


def store(graph: Graph, op: Op, compiler: str) -> Stored:
    """What one op that maps stores on the device; kinds of op without a rule store nothing."""
    rule = _BY_OP.get(op.name)
    return Stored() if rule is None else rule.store(graph, op, compiler)
