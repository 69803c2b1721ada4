"""A small float net and its int8 file without TensorFlow, for tests that should take no seconds."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema
from builders import ACTIVATION, PADDING, Builder

from edgewb.debugging.layer_errors import Runner
from edgewb.tflite.reader import read_graph
from edgewb.tflite.rewriter import pack, unpack

Floats = npt.NDArray[np.float32]
SHAPE = (8, 8, 2)
CLASSES = 4
RIDGE = 1.0


def float_net(seed: int = 0) -> bytes:
    """Convolution, residual block, two separable blocks, mean, dense, softmax: random weights, plain ReLU."""
    rng = np.random.default_rng(seed)
    b = Builder()

    def layer(source: int, name: str, channels: int, kernel: int) -> int:
        depth = b.shape_of(source)[-1]
        depthwise = name == "DEPTHWISE_CONV_2D"
        shape = (1, kernel, kernel, depth) if depthwise else (channels, kernel, kernel, depth)
        channels = depth if depthwise else channels
        inputs = kernel * kernel * (1 if depthwise else depth)
        weights = rng.normal(0, np.sqrt(2 / inputs), shape) * (
            rng.uniform(0.5, 2, channels) if depthwise else rng.uniform(0.5, 2, (channels, 1, 1, 1))
        )
        index = len(b.graph.operators)
        operands = [
            b.constant(f"w{index}", weights.astype(np.float32)),
            b.constant(f"b{index}", rng.normal(0, 0.2, channels).astype(np.float32)),
        ]
        result = b.tensor(f"layer{index}", (*b.shape_of(source)[:-1], channels), "FLOAT32")
        multiplier = {"depthMultiplier": 1} if depthwise else {}
        b.op(
            name, [source, *operands], [result], 1, "DepthwiseConv2DOptions" if depthwise else "Conv2DOptions", padding=PADDING["SAME"],
            strideW=1, strideH=1, fusedActivationFunction=ACTIVATION["RELU"], **multiplier,
        )  # fmt: skip
        return result

    source = b.tensor("image", (1, *SHAPE), "FLOAT32")
    x = layer(source, "CONV_2D", 12, 3)
    y = layer(x, "CONV_2D", 12, 3)
    total = b.tensor("sum", b.shape_of(x), "FLOAT32")
    b.op("ADD", [x, y], [total], 1, "AddOptions")
    x = total
    for channels in (16, 24):
        x = layer(layer(x, "DEPTHWISE_CONV_2D", 0, 3), "CONV_2D", channels, 1)
    mean = b.tensor("mean", (1, 24), "FLOAT32")
    b.op("MEAN", [x, b.constant("axes", np.array([1, 2], np.int32), scale=None)], [mean], 1, "ReducerOptions", keepDims=False)
    logits = b.dense(mean, CLASSES, dtype="FLOAT32")
    result = b.softmax(logits, dtype="FLOAT32")
    features = Runner(b.build([source], [result]), keep=True).run([data(300)], [mean])[0].astype(np.float64)
    # The last layer is fitted (ridge regression to the classes), so that the net answers right and is no chance result of rounding.
    middle = features.mean(axis=0)
    known, wanted = features - middle, 8 * np.eye(CLASSES)[labels(300)] - 2
    fitted = np.linalg.solve(known.T @ known + RIDGE * np.trace(known.T @ known) / 24 * np.eye(24), known.T @ wanted)
    fitted = np.vstack([fitted, -middle @ fitted])
    for tensor, values in zip(b.graph.operators[-2].inputs[1:], (fitted[:-1].T, fitted[-1]), strict=True):
        b.model.buffers[b.graph.tensors[tensor].buffer].data = _bytes(values.astype(np.float32))
    return b.build([source], [result])


def labels(n: int) -> npt.NDArray[np.int64]:
    """The classes of ``data``: the direction of the wave."""
    return np.arange(n, dtype=np.int64) % CLASSES


def data(n: int, seed: int = 0) -> Floats:
    """Waves in four directions, of any phase and contrast: 0..1."""
    rng = np.random.default_rng([seed, 1])
    row, column = np.meshgrid(np.arange(8), np.arange(8), indexing="ij")
    angle = (labels(n) * np.pi / CLASSES + rng.normal(0, 0.1, n)).reshape(n, 1, 1, 1)
    waves = 1.2 * (np.cos(angle) * row[..., None] + np.sin(angle) * column[..., None])
    contrast = rng.uniform(0.5, 1, (n, 1, 1, 1))
    return (0.5 + 0.5 * np.sin(waves + rng.uniform(0, 6.3, (n, 1, 1, 2))) * contrast).astype(np.float32)


def quantise(content: bytes, calibration: Floats, factors: Mapping[int, float] | None = None) -> bytes:
    """The int8 file: min and max of every result over ``calibration`` (times its factor), weights per channel (dense per tensor).

    As TensorFlow's converter does it, what a CONCATENATION, MAXIMUM or RESHAPE reads gets the range of its result, and a range of nothing
    is widened.
    """
    graph = read_graph(content)
    model = unpack(content, graph)
    main = model.subgraphs[0]
    results = [graph.inputs[0], *(op.outputs[0] for op in graph.ops)]
    values = Runner(content, keep=True).run([calibration], results)
    ranges = {
        tensor: tuple(end * (factors or {}).get(tensor, 1.0) for end in (min(0.0, float(value.min())), max(0.0, float(value.max()))))
        for tensor, value in zip(results, values, strict=True)
    }
    for op in reversed(graph.ops):
        if op.name in ("CONCATENATION", "MAXIMUM", "RESHAPE"):
            ranges |= {tensor: ranges[op.outputs[0]] for tensor in op.inputs if tensor in ranges}
    for tensor, (low, high) in ranges.items():
        if high - low < 1e-6:
            low, high = low - 1e-6, high + 1e-6
        scale = (high - low) / 255
        _store(main.tensors[tensor], [scale], round(-128 - low / scale), schema.TensorType.INT8)
    if graph.ops[-1].name == "SOFTMAX":
        _store(main.tensors[graph.outputs[0]], [1 / 256], -128, schema.TensorType.INT8)
    for op in graph.ops:
        version = {"CONV_2D": 3, "DEPTHWISE_CONV_2D": 3, "FULLY_CONNECTED": 4, "RESHAPE": 1}.get(op.name, 2)
        model.operatorCodes[main.operators[op.index].opcodeIndex].version = version
        if len(op.inputs) < 3:
            for tensor in graph.input_tensors(op):
                if tensor.is_constant and tensor.dtype == "float32":  # of one positive value
                    model.buffers[main.tensors[tensor.index].buffer].data = _bytes(np.full(tensor.shape, 127, np.int8))
                    _store(main.tensors[tensor.index], [float(graph.constant(tensor.index).max()) / 127], 0, schema.TensorType.INT8)
            continue
        weights, bias = graph.constant(op.inputs[1]).astype(np.float64), graph.constant(op.inputs[2]).astype(np.float64)
        axis = 3 if op.name == "DEPTHWISE_CONV_2D" else 0
        others = tuple(a for a in range(weights.ndim) if a != axis)
        scales = np.abs(weights).max(axis=others) / 127 if op.name != "FULLY_CONNECTED" else np.array([np.abs(weights).max() / 127])
        layout = [1] * weights.ndim
        layout[axis] = len(scales)
        model.buffers[main.tensors[op.inputs[1]].buffer].data = _bytes(np.rint(weights / scales.reshape(layout)).astype(np.int8))
        _store(main.tensors[op.inputs[1]], scales, 0, schema.TensorType.INT8, axis)
        wide = main.tensors[op.inputs[0]].quantization.scale[0] * scales
        model.buffers[main.tensors[op.inputs[2]].buffer].data = _bytes(np.rint(bias / wide).astype("<i4"))
        _store(main.tensors[op.inputs[2]], wide, 0, schema.TensorType.INT32)
    return pack(model, content)


def _bytes(values: npt.NDArray[np.generic]) -> npt.NDArray[np.uint8]:
    return np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)


def _store(tensor: schema.TensorT, scales: npt.ArrayLike, point: int, kind: int, axis: int = 0) -> None:
    tensor.type = kind
    tensor.quantization = schema.QuantizationParametersT()
    tensor.quantization.scale = [float(scale) for scale in np.asarray(scales)]
    tensor.quantization.zeroPoint = [point] * len(tensor.quantization.scale)
    tensor.quantization.quantizedDimension = axis
