"""Parameter bytes by hand: each figure here was worked out on paper from a compiled file's layout, not printed by the code."""

from __future__ import annotations

import numpy as np
import pytest
from builders import Builder
from hypothesis import given
from hypothesis import strategies as st

from edgewb.compilers.budgets import CACHE_BYTES, budget, macs
from edgewb.compilers.inspections import inspect_graph
from edgewb.compilers.parameters import Stored, lanes, round_up
from edgewb.compilers.placement import place
from edgewb.tflite.graphs import Graph
from edgewb.tflite.reader import read_graph


def stored(b: Builder, source: int, result: int, compiler: str = "16.0", op: int = 0) -> Stored:
    graph = read_graph(b.build([source], [result]))
    got = budget(graph, place(graph, compiler), compiler).stored[op]
    assert got is not None
    return got


@given(st.integers(1, 5000), st.integers(1, 200))
def test_round_up_and_lanes(number: int, step: int) -> None:
    up = round_up(number, step)
    assert up % step == 0
    assert number <= up < number + step
    assert lanes(number) % (16 if number <= 64 else 64) == 0
    assert number <= lanes(number) < number + (16 if number <= 64 else 64)


def conv_net(
    channels: int, depth: int, size: int = 3, *, scale: list[float] | float = 0.05, bias: int | None = 1, pixels: int = 8
) -> tuple[Builder, int, int]:
    b = Builder()
    source = b.tensor("image", (1, pixels, pixels, depth))
    weights = b.constant("w", np.ones((channels, size, size, depth), np.int8), scale=scale)
    inputs = [source, weights] if bias is None else [source, weights, b.constant("b", np.full(channels, bias, np.int32))]
    result = b.tensor("y", (1, pixels, pixels, channels))
    b.op("CONV_2D", inputs, [result], 1, "Conv2DOptions", strideW=1, strideH=1)
    return b, source, result


@pytest.mark.parametrize(
    ("channels", "depth", "scale", "bias", "compiler", "size"),
    [
        # 16 lanes x (9 taps x 4 channels + 4 bias)
        (16, 3, 0.05, 1, "16.0", 16 * 40),
        # a bias of zeros is dropped by the newest, and stored by the older ones
        (16, 3, 0.05, 0, "16.0", 16 * 36),
        (16, 3, 0.05, 0, "2.x", 16 * 40),
        (16, 3, 0.05, None, "16.0", 16 * 36),
        # per channel: 4 bytes of zero point, and 4 of multiplier when the scales differ
        (2, 3, [0.05, 0.05], 1, "16.0", round_up(4 * (36 + 8), 64)),
        (2, 3, [0.05, 0.06], 1, "16.0", round_up(4 * (36 + 12), 64)),
        # 17 channels take 32 lanes, 65 take 128
        (17, 4, 0.05, 1, "16.0", 32 * 40),
        (65, 4, 0.05, 1, "16.0", 128 * 40),
    ],
)
def test_conv_2d(channels: int, depth: int, scale: list[float] | float, bias: int | None, compiler: str, size: int) -> None:
    b, source, result = conv_net(channels, depth, scale=scale, bias=bias)
    assert stored(b, source, result, compiler).parameter_bytes == size


def test_the_log_pads_all_lanes_to_64() -> None:
    b, source, result = conv_net(16, 3)
    assert stored(b, source, result).log_bytes == 64 * 40


def test_a_reshape_behind_a_convolution_takes_its_channels_apart() -> None:
    b, source, x = conv_net(6, 96, 1, pixels=8)
    shape = b.constant("shape", np.array([1, 384, 1], np.int32))
    result = b.tensor("z", (1, 384, 1))
    b.op("RESHAPE", [x, shape], [result], 1)
    # 6 parts padded to 4 channels are 24, in 32 lanes; the RESHAPE itself is free.
    assert stored(b, source, result).parameter_bytes == 32 * 100
    assert stored(b, source, result, op=1).parameter_bytes == 0


def test_other_reshapes() -> None:
    def reshaped(before: tuple[int, ...], after: tuple[int, ...]) -> Stored:
        b = Builder()
        source = b.tensor("x", before)
        result = b.tensor("y", after)
        b.op("RESHAPE", [source, b.constant("s", np.array(after, np.int32))], [result], 1)
        return stored(b, source, result)

    assert reshaped((1, 7, 7, 64), (1, 3136)) == Stored()
    assert reshaped((1, 16, 16, 1), (1, 256)) == Stored()
    # 28 channels, each on a pixel of its own: 112 outputs in 128 lanes, 28 inputs.
    assert reshaped((1, 28, 28), (1, 28, 28, 1)).parameter_bytes == 128 * (28 + 4)
    # A row of 10 pixels of 10 channels gathered: 100 outputs in 128 lanes, 10 x 12 inputs.
    assert reshaped((1, 144, 10, 10), (1, 144, 100)).parameter_bytes == 128 * (120 + 4)
    assert "2.1 MB" in (reshaped((1, 6, 6, 114), (1, 4104)).doubt or "")


@pytest.mark.parametrize(("pixels", "size"), [(10, 2624), (20, 12864)])
def test_transpose_to_the_front(pixels: int, size: int) -> None:
    b = Builder()
    source = b.tensor("x", (1, pixels, pixels, 144))
    result = b.tensor("y", (1, 144, pixels, pixels))
    b.op("TRANSPOSE", [source, b.constant("p", np.array([0, 3, 1, 2], np.int32))], [result], 2)
    assert stored(b, source, result) == Stored(size, log_bytes=size)


def test_depthwise_takes_four_times_its_size() -> None:
    def depthwise(inputs: int, channels: int) -> Stored:
        b = Builder()
        source = b.tensor("x", (1, 8, 8, inputs))
        weights = b.constant("w", np.ones((1, 3, 3, channels), np.int8), scale=0.05, axis=3)
        bias = b.constant("b", np.ones(channels, np.int32))
        result = b.tensor("y", (1, 8, 8, channels))
        b.op(
            "DEPTHWISE_CONV_2D", [source, weights, bias], [result], 1, "DepthwiseConv2DOptions",
            strideW=1, strideH=1, depthMultiplier=channels // inputs,
        )  # fmt: skip
        return stored(b, source, result)

    assert depthwise(10, 10).parameter_bytes == round_up(12 * (36 + 4), 64)
    assert depthwise(1, 12).parameter_bytes == 16 * (36 + 4)
    assert depthwise(2, 12).doubt is not None


def dense(inputs: tuple[int, ...], columns: int, outputs: int) -> tuple[Builder, int, int]:
    b = Builder()
    source = b.tensor("x", inputs)
    weights = b.constant("w", np.ones((outputs, columns), np.int8), scale=0.05)
    result = b.tensor("y", (1, outputs))
    b.op("FULLY_CONNECTED", [source, weights, -1], [result], 1, "FullyConnectedOptions")
    return b, source, result


def test_fully_connected() -> None:
    assert stored(*dense((1, 100), 100, 10)).parameter_bytes == 16 * 100
    assert stored(*dense((1, 100), 100, 10), compiler="1.0").parameter_bytes == 16 * 104
    # Each of 4 pixels of 3 channels is padded to 4.
    assert stored(*dense((1, 2, 2, 3), 12, 100)).parameter_bytes == 128 * 16


@pytest.mark.parametrize(
    ("channels", "compiler", "size"), [(10, "16.0", 576), (10, "14.1-15.0", 384), (10, "2.x", 0), (8, "16.0", 0), (2, "13", 192)]
)
def test_softmax(channels: int, compiler: str, size: int) -> None:
    b = Builder()
    source = b.tensor("x", (1, channels))
    assert stored(b, source, b.softmax(source), compiler).parameter_bytes == size


@pytest.mark.parametrize(("shape", "const"), [((128,), 16 * 128), ((1,), 0), ((1, 4, 4, 10), 160)])
def test_elementwise_constants_are_sent_with_each_inference(shape: tuple[int, ...], const: int) -> None:
    b = Builder()
    source = b.tensor("x", (1, 4, 4, 128 if shape == (128,) else 10))
    result = b.tensor("y", (1, 4, 4, 128 if shape == (128,) else 10))
    b.op("MUL", [source, b.constant("c", np.ones(shape, np.int8))], [result], 1, "MulOptions")
    assert stored(b, source, result) == Stored(const_bytes=const)


@pytest.mark.parametrize(("padded", "size"), [((1, 10, 10, 24), 0), ((1, 8, 8, 28), 32 * 28)])
def test_padding_channels_is_a_convolution(padded: tuple[int, ...], size: int) -> None:
    b = Builder()
    source = b.tensor("x", (1, 8, 8, 24))
    result = b.tensor("y", padded)
    b.op("PAD", [source, b.constant("p", np.zeros((4, 2), np.int32))], [result], 1, "PadOptions")
    assert stored(b, source, result).parameter_bytes == size


def stack(*columns: int) -> Graph:
    """Fully connected ops one behind the other, of 1,024 outputs each."""
    b = Builder()
    source = x = b.tensor("x", (1, columns[0]))
    for inputs in columns:
        if b.graph.tensors[x].shape[-1] != inputs:
            y = b.tensor("sum", (1, inputs))
            b.op("PAD", [x, b.constant("p", np.zeros((2, 2), np.int32))], [y], 1, "PadOptions")
            x = y
        y = b.tensor("y", (1, 1024))
        weights = b.constant("w", np.zeros((1024, inputs), np.int8), scale=0.05)
        b.op("FULLY_CONNECTED", [x, weights, -1], [y], 1, "FullyConnectedOptions")
        x = y
    return read_graph(b.build([source], [x]))


def test_the_largest_ops_are_streamed_until_the_rest_fits() -> None:
    graph = stack(1024, 1024, 4096, 4096)
    held = budget(graph, place(graph))
    assert held.parameter_bytes == 10 * 1024 * 1024
    assert held.on_chip_bytes == 6 * 1024 * 1024
    assert held.off_chip_bytes == 4 * 1024 * 1024
    assert len(held.off_chip) == 1
    inspection = inspect_graph(graph, "stack", "")
    assert "parameters_streamed" in {finding.id for finding in inspection.findings}
    assert [op.memory for op in inspection.ops if op.op == "FULLY_CONNECTED"].count("off_chip") == 1


def test_many_inputs_are_streamed_by_the_newest_whatever_the_room() -> None:
    graph = read_graph(dense((1, 16384), 16384, 1)[0].build([0], [2]))
    assert budget(graph, place(graph)).off_chip_bytes == 16 * 16384 < CACHE_BYTES
    assert budget(graph, place(graph, "2.x"), "2.x").off_chip_bytes == 0
    assert "may be streamed" in (stored(*dense((1, 6000), 6000, 1)).doubt or "")
    assert stored(*dense((1, 5904), 5904, 1)).doubt is None


def test_macs() -> None:
    b, source, result = conv_net(16, 3)
    graph = read_graph(b.build([source], [result]))
    assert macs(graph, graph.ops[0]) == 8 * 8 * 16 * 9 * 3
    b, source, result = dense((1, 100), 100, 10)
    graph = read_graph(b.build([source], [result]))
    assert macs(graph, graph.ops[0]) == 1000


def test_ops_left_on_the_cpu_store_nothing_on_the_device(tflite_bytes) -> None:
    inspection = inspect_graph(read_graph(tflite_bytes("leaky_branches")), "", "")
    for op in inspection.ops:
        assert (op.parameter_bytes is None) == (op.placement != "edgetpu")
    assert inspection.parameter_bytes == sum(op.parameter_bytes or 0 for op in inspection.ops)
    everything = inspect_graph(read_graph(tflite_bytes("leaky_branches")), "", "", assume_fixed=(1,))
    assert everything.ops_edgetpu == 6
    assert everything.assumed_fixed == (1,)
    assert everything.parameter_bytes > inspection.parameter_bytes


def test_a_constant_that_many_ops_read_through_one_dequantize_is_looked_at_once() -> None:
    import time

    b = Builder()
    packed = b.constant("w", np.zeros((1, 4), np.int8))
    source = x = b.tensor("x", (1, 4), "FLOAT32")
    unpacked = b.tensor("u", (1, 4), "FLOAT32")
    b.op("DEQUANTIZE", [packed] * 30_000, [unpacked], 2, "DequantizeOptions")
    for i in range(800):
        y = b.tensor(f"y{i}", (1, 4), "FLOAT32")
        b.op("ADD", [x, unpacked], [y], 1, "AddOptions")
        x = y
    graph = read_graph(b.build([source], [x]))
    start = time.process_time()
    assert inspect_graph(graph, "", "").ops_edgetpu == 0
    assert time.process_time() - start < 2


def test_a_constant_without_a_fixed_shape_is_corrupted() -> None:
    from edgewb.errors import ModelFileError

    b, source, result = conv_net(3, 9, 1)
    b.graph.tensors[1].shape = [-1, -1, 1, 27]
    with pytest.raises(ModelFileError, match="a constant of the shape"):
        read_graph(b.build([source], [result]))


def test_what_is_not_known_is_said() -> None:
    b, source, x = conv_net(6, 96, 1)
    result = b.tensor("z", (1, 384, 1))
    b.op("RESHAPE", [x, b.constant("shape", np.array([1, 384, 1], np.int32))], [result], 1)
    inspection = inspect_graph(read_graph(b.build([source], [result])), "", "")
    assert "parameter_bytes_uncertain" in {finding.id for finding in inspection.findings}

    b, source, x = conv_net(8, 4, 1)
    alpha = b.constant("alpha", np.zeros((8,), np.int8))
    y = b.tensor("p", (1, 8, 8, 8))
    b.op("PRELU", [x, alpha], [y], 1)
    inspection = inspect_graph(read_graph(b.build([source], [y])), "", "")
    assert inspection.ops_unknown == 1
    assert "1 unknown ops not counted" in str(inspection)

    old = inspect_graph(read_graph(conv_net(8, 4, 1)[0].build([0], [3])), "", "", "1.0")
    assert "streaming_unknown" in {finding.id for finding in old.findings}


@pytest.mark.parametrize(
    ("op", "finding"), [("GELU", "op_unknown_to_compiler"), ("Atan", "custom_op"), ("TFLite_Detection_PostProcess", None)]
)
def test_ops_the_compiler_does_not_know(op: str, finding: str | None) -> None:
    b, source, x = conv_net(8, 4, 1)
    y = b.tensor("y", (1, 8, 8, 8))
    b.op(op, [x], [y], 1)
    inspection = inspect_graph(read_graph(b.build([source], [y])), "", "")
    ids = {f.id for f in inspection.findings}
    assert ids & {"op_unknown_to_compiler", "custom_op"} == ({finding} if finding else set())
    assert inspection.ops_edgetpu == (0 if op == "GELU" else 1)


@pytest.mark.parametrize(("order", "shape", "mapped"), [([0, 3, 1, 2], (1, 4, 8, 8), 1), ([0, 2, 1, 3], (1, 8, 8, 4), 0)])
def test_a_transpose_unlike_any_seen_is_unknown(order: list[int], shape: tuple[int, ...], mapped: int) -> None:
    b = Builder()
    source, result = b.tensor("x", (1, 8, 8, 4)), b.tensor("y", shape)
    b.op("TRANSPOSE", [source, b.constant("p", np.array(order, np.int32))], [result], 2)
    inspection = inspect_graph(read_graph(b.build([source], [result])), "", "")
    assert (inspection.ops_edgetpu, inspection.ops_unknown) == (mapped, 1 - mapped)
