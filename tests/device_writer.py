"""Writes parameters and instructions as a compiled file holds them, with plain loops: an opinion of its own to hold edgewb to.

Nothing of edgewb's encoder is used; models come as ``Graph`` only to be read.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

import builders
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edgewb.tflite.graphs import Graph, Op
from edgewb.tflite.reader import read_graph


def _up(number: int, step: int) -> int:
    return (number + step - 1) // step * step


def _values(graph: Graph, tensor: int) -> list[int]:
    """As the device has them: 0 .. 255."""
    shift = 128 if graph.tensors[tensor].dtype == "int8" else 0
    return [int(v) + shift for v in graph.constant(tensor).reshape(-1)]


class Layer:
    """The numbers of one convolution, depthwise convolution or fully connected op."""

    def __init__(self, graph: Graph, op: Op) -> None:
        source, weights, result = (graph.tensors[i] for i in (op.inputs[0], op.inputs[1], op.outputs[0]))
        scheme, shift = weights.quantization, 128 if weights.dtype == "int8" else 0
        channels = weights.shape[-1] if op.name == "DEPTHWISE_CONV_2D" else weights.shape[0]
        self.bias = [int(v) for v in graph.constant(op.inputs[2])] if len(op.inputs) > 2 else [0] * channels
        scales = [np.float32(s) for s in scheme.scales] * (channels // len(scheme.scales))
        s_in, s_out = np.float32(source.quantization.scale), np.float32(result.quantization.scale)
        self.multipliers = [np.float32(np.float32(s_in * s) * np.float32(np.float32(1) / s_out)) for s in scales]
        self.points = [int(p) + shift for p in scheme.zero_points] * (channels // len(scheme.zero_points))
        self.per_channel = len(scheme.scales) > 1
        self.differ = any(s != scales[0] for s in scales)
        self.weights, self.values = weights, _values(graph, op.inputs[1])
        self.source, self.name = source, op.name


def write_op(graph: Graph, op: Op, keep_zero_bias: bool = True, by_inputs: bool = False) -> bytes:
    """The parameters of one op; ``by_inputs``: weights four input channels by four instead of tap by tap."""
    layer = Layer(graph, op)
    with_bias = keep_zero_bias or any(layer.bias)
    raw = _depthwise(layer, with_bias) if op.name == "DEPTHWISE_CONV_2D" else _dense(layer, with_bias, by_inputs)
    return raw + bytes(_up(len(raw), 64) - len(raw))


def _dense(layer: Layer, with_bias: bool, by_inputs: bool) -> bytes:
    shape = layer.weights.shape
    if layer.name == "FULLY_CONNECTED":
        pixels = layer.source.shape[1:] if len(layer.source.shape) == 4 else (1, 1, shape[1])
        channels, (height, width, depth) = shape[0], pixels
    else:
        channels, height, width, depth = shape
    if layer.name == "CONV_2D" and channels <= 4:
        groups, size = 1, 4
    elif channels <= 64:
        groups, size = 1, _up(channels, 16)
    else:
        groups, size = _up(channels, 64) // 64, 64
    out = bytearray()

    def weight(lane: int, y: int, x: int, c: int) -> int:
        if lane >= _up(channels, 4):
            return 0
        if lane >= channels or c >= depth:
            return layer.points[0]
        return layer.values[((lane * height + y) * width + x) * depth + c]

    for group in range(groups):
        lanes = range(group * size, (group + 1) * size)
        if layer.differ:
            for lane in lanes:
                rest = layer.multipliers[0] if lane < _up(channels, 4) else 1.0 if groups > 1 else 0.0
                out += struct.pack("<f", layer.multipliers[lane] if lane < channels else rest)
        if with_bias:
            for lane in lanes:
                out += struct.pack("<i", layer.bias[lane] if lane < channels else 0)
        if layer.per_channel:
            for lane in lanes:
                out += struct.pack("<i", layer.points[min(lane, channels - 1)] if lane < _up(channels, 4) else 0)
        taps = [(y, x) for y in range(height) for x in range(width)]
        fours = range(0, _up(depth, 4), 4)
        cells = [(t, f) for f in fours for t in taps] if by_inputs else [(t, f) for t in taps for f in fours]
        for (y, x), four in cells:
            for lane in lanes:
                out += bytes(weight(lane, y, x, four + i) for i in range(4))
    return bytes(out)


def _depthwise(layer: Layer, with_bias: bool) -> bytes:
    _, height, width, channels = layer.weights.shape
    out = bytearray()
    for first in range(0, channels, 4):
        lanes = range(first, first + 4)
        if layer.differ:
            for lane in lanes:
                out += struct.pack("<f", layer.multipliers[lane if lane < channels else 0])
        if with_bias:
            for lane in lanes:
                out += struct.pack("<i", layer.bias[lane] if lane < channels else 0)
        if layer.per_channel:
            for lane in lanes:
                out += struct.pack("<i", layer.points[lane if lane < channels else 0])
        for tap in range(height * width):
            for lane in lanes:
                for other in lanes:
                    own = lane == other and lane < channels
                    out.append(layer.values[tap * channels + lane] if own else layer.points[0])
    return bytes(out)


def write_word(graph: Graph, op: Op) -> bytes:
    """The 48 bytes of instructions with an op's zero points, multiplier and range."""
    layer, result = Layer(graph, op), graph.tensors[op.outputs[0]]
    scale = np.float32(result.quantization.scale)
    point = result.quantization.zero_point + (128 if result.dtype == "int8" else 0)
    low, high = np.float32(-point) * scale, np.float32(255 - point) * scale
    activation = op.options["fused_activation_function"]
    if activation in ("RELU", "RELU6"):
        low = max(low, np.float32(0))
    if activation == "RELU6":
        high = min(high, np.float32(6))
    inverse = np.float32(np.float32(1) / scale)
    own = np.float32(1) if layer.differ else layer.multipliers[0]
    number = 0
    for place, value in enumerate((own, np.float32(high * inverse), np.float32(low * inverse))):
        number |= int.from_bytes(struct.pack("<f", value), "little") << (29 + 32 * place)
    source = layer.source.quantization.zero_point + (128 if layer.source.dtype == "int8" else 0)
    before = (0 if layer.per_channel else layer.points[0]) << 62 | source << 78
    return b"".join((n | 0b10110).to_bytes(16, "little") for n in (before, number, point << 29))


def compiled(raw: bytes, cached: Sequence[bytes], streamed: bytes = b"", words: Sequence[bytes] | None = None) -> bytes:
    """A compiled file of the model ``raw``, all of whose ops map: ``cached`` are the parameters of one op each."""
    graph = read_graph(raw)
    if words is None:
        words = [write_word(graph, op) for op in graph.ops if op.name in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")]
    (source,), (result,) = ([graph.tensors[i] for i in ends] for ends in (graph.inputs, graph.outputs))

    def layer(tensor):
        *front, depth = tensor.shape[1:]
        height, width = front if len(front) == 2 else (1, 1)
        shift = 128 if tensor.dtype == "int8" else 0
        scheme = tensor.quantization
        return (tensor.name, (height, width, depth), _up(height * width * depth, 8), scheme.scale, scheme.zero_point + shift)

    running = builders.executable(
        "EXECUTION_ONLY",
        parameters=streamed,
        instructions=[bytes(48) + b"".join(words) + bytes(16)],
        inputs=[layer(source)],
        outputs=[layer(result)],
        token=7,
    )
    caching = builders.executable("PARAMETER_CACHING", parameters=b"".join(cached), instructions=[bytes(64)], token=7)
    b = builders.Builder()
    ends = [
        b.tensor(t.name, t.shape, t.dtype.upper(), scale=t.quantization.scale, zero_point=t.quantization.zero_point)
        for t in (source, result)
    ]
    b.op("edgetpu-custom-op", [ends[0]], [ends[1]], custom=builders.package([running, caching]))
    return b.build([ends[0]], [ends[1]])


def mutated(raw: bytes, change) -> bytes:
    """A .tflite after ``change`` was called with its first graph and its buffers, objects of the schema."""
    import flatbuffers

    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(bytearray(raw)))
    change(model.subgraphs[0], model.buffers)
    b = flatbuffers.Builder(len(raw))
    b.Finish(model.Pack(b), b"TFL3")
    return bytes(b.Output())


PADDING = {"padding": 0, "strideW": 1, "strideH": 1}


def net(
    *,
    dtype: str = "INT8",
    per_channel: bool = True,
    depth: int = 3,
    channels: int = 20,
    kernel: int = 3,
    units: int = 5,
    size: int = 4,
    bias: bool = True,
    seed: int = 0,
    activation: str = "NONE",
) -> bytes:
    """CONV_2D, DEPTHWISE_CONV_2D, CONV_2D 1x1, FULLY_CONNECTED on four dimensions, with random weights, biases and scales."""
    rng = np.random.default_rng(seed)
    unsigned = dtype == "UINT8"
    b = builders.Builder()

    def weights(name: str, shape: tuple[int, ...], axis: int, split: bool = per_channel) -> int:
        low, high, point = (0, 256, int(rng.integers(90, 160))) if unsigned else (-127, 128, 0)
        data = rng.integers(low, high, shape).astype(np.uint8 if unsigned else np.int8)
        scales = [float(s) for s in rng.uniform(0.001, 0.02, shape[axis])] if split else float(rng.uniform(0.001, 0.02))
        return b.constant(name, data, scale=scales, zero_point=point, axis=axis)

    def biases(name: str, count: int) -> int:
        return b.constant(name, (rng.integers(-9999, 9999, count) * bias).astype(np.int32), scale=[0.001])

    def result(name: str, shape: tuple[int, ...]) -> int:
        point = int(rng.integers(0, 256)) - (0 if unsigned else 128)
        return b.tensor(name, shape, dtype, scale=float(rng.uniform(0.01, 0.2)), zero_point=point)

    fused = {**PADDING, "fusedActivationFunction": builders.ACTIVATION[activation]}
    image = result("image", (1, size, size, depth))
    x = result("first", (1, size, size, channels))
    b.op("CONV_2D", [image, weights("w0", (channels, kernel, kernel, depth), 0), biases("b0", channels)], [x], 3, "Conv2DOptions", **fused)
    y = result("second", (1, size, size, channels))
    inputs = [x, weights("w1", (1, kernel, kernel, channels), 3), biases("b1", channels)]
    b.op("DEPTHWISE_CONV_2D", inputs, [y], 3, "DepthwiseConv2DOptions", depthMultiplier=1, **fused)
    z = result("third", (1, size, size, 6))
    b.op("CONV_2D", [y, weights("w2", (6, 1, 1, channels), 0), biases("b2", 6)], [z], 3, "Conv2DOptions", **fused)
    logits = result("logits", (1, units))
    inputs = [z, weights("w3", (units, size * size * 6), 0, split=False), biases("b3", units)]
    b.op("FULLY_CONNECTED", inputs, [logits], 4, "FullyConnectedOptions", fusedActivationFunction=0)
    return b.build([image], [logits])
