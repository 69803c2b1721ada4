"""Parameters as the device stores them, against a writer of plain loops that shares no code with the encoder."""

from __future__ import annotations

import builders
import device_writer
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewb.compilers.encodings import plan
from edgewb.tflite.reader import read_graph


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["INT8", "UINT8"]),
    st.booleans(),
    st.integers(1, 9),
    st.integers(2, 140),
    st.integers(1, 3),
    st.integers(1, 70),
    st.booleans(),
    st.integers(0, 2**31),
)
def test_every_op_is_written_as_by_plain_loops(dtype, per_channel, depth, channels, kernel, units, bias, seed) -> None:
    raw = device_writer.net(
        dtype=dtype, per_channel=per_channel, depth=depth, channels=channels, kernel=kernel, units=units, size=2, bias=bias, seed=seed
    )
    graph = read_graph(raw)
    for op in graph.ops:
        made = plan(graph, op)
        assert made is not None
        assert made.sure
        candidates = [encoding.data for encoding in made.encodings(False)]
        assert all(len(data) <= made.size for data in candidates)
        for keep_zero_bias in (True, False):
            for by_inputs in (False, True):
                assert device_writer.write_op(graph, op, keep_zero_bias, by_inputs) in candidates
        near = [encoding for encoding in made.encodings(True) if encoding.bias_lost]
        assert bool(near) == bias
        assert all(len(encoding.data) == made.least for encoding in near)


def test_each_byte_knows_its_part_and_channel() -> None:
    graph = read_graph(device_writer.net(channels=70, depth=5))
    for op in graph.ops:
        encoding = next(plan(graph, op).encodings(False))
        part, lane = encoding.map()
        assert len(part) == len(lane) <= len(encoding.data)
        for number, one in enumerate(encoding.parts):
            raw = np.frombuffer(encoding.data, np.uint8)[: len(part)]
            for some in (0, 1, 5):
                here = raw[(part == number) & (lane == some)]
                assert here.tobytes() == one.values[some].tobytes()


def test_a_depth_multiplier_on_one_channel_is_a_convolution() -> None:
    b = builders.Builder()
    rng = np.random.default_rng(1)
    image = b.tensor("image", (1, 4, 4, 1))
    data = rng.integers(-127, 128, (1, 3, 3, 8)).astype(np.int8)
    weights = b.constant("w", data, scale=0.01)
    bias = b.constant("b", np.arange(8, dtype=np.int32), scale=[0.001])
    result = b.tensor("y", (1, 4, 4, 8))
    b.op("DEPTHWISE_CONV_2D", [image, weights, bias], [result], 3, "DepthwiseConv2DOptions", depthMultiplier=8, **device_writer.PADDING)
    graph = read_graph(b.build([image], [result]))
    raw = next(plan(graph, graph.ops[0]).encodings(False)).data
    assert len(raw) == 16 * (4 + 9 * 4)
    assert np.frombuffer(raw[:64], "<i4").tolist() == [*range(8), *[0] * 8]
    first_tap = np.frombuffer(raw[64:128], np.uint8).reshape(16, 4)
    assert first_tap[:8, 0].tolist() == [int(v) + 128 for v in data[0, 0, 0]]
    assert (first_tap[:8, 1:] == 128).all()
    assert not first_tap[8:].any()


def test_padding_channels_is_an_identity() -> None:
    b = builders.Builder()
    image, result = b.tensor("image", (1, 4, 4, 6)), b.tensor("y", (1, 4, 4, 9))
    amounts = b.constant("amounts", np.array([[0, 0], [0, 0], [0, 0], [1, 2]], np.int32), scale=None)
    b.op("PAD", [image, amounts], [result], 1, "PadOptions")
    graph = read_graph(b.build([image], [result]))
    raw = np.frombuffer(next(plan(graph, graph.ops[0]).encodings(False)).data, np.uint8)
    assert not raw[:64].any()
    cells = raw[64:].reshape(2, 16, 4)
    assert [(int(c * 4 + i), int(lane)) for c, lane, i in np.argwhere(cells)] == [(i, i + 1) for i in range(6)]


def elementwise(kind: str) -> tuple[np.ndarray, bytes]:
    b = builders.Builder()
    image = b.tensor("image", (1, 5), "UINT8", scale=0.1, zero_point=3)
    values = np.array([0, 9, 11, 200, 255], np.uint8)
    constant = b.constant("c", values, scale=0.05, zero_point=10)
    result = b.tensor("y", (1, 5), "UINT8", scale=0.2, zero_point=1)
    b.op(kind, [image, constant], [result], 1, kind.title() + "Options")
    graph = read_graph(b.build([image], [result]))
    made = plan(graph, graph.ops[0])
    assert not made.sure
    assert made.trained
    return values, next(made.encodings(False)).data


def test_constants_of_mul_and_add() -> None:
    values, raw = elementwise("MUL")
    table = np.frombuffer(raw, "<f4").reshape(2, 16)
    assert not table[:, 4:].any()
    np.testing.assert_allclose(table[:, :4].reshape(-1)[:5], (values.astype(float) - 10) * 0.05 * 0.1 / 0.2, rtol=1e-6)
    values, raw = elementwise("ADD")
    assert np.frombuffer(raw, "<i4").reshape(2, 16)[:, :4].reshape(-1).tolist()[:5] == [-5, 0, 0, 95, 122]


def test_what_is_not_known_has_no_plan(tflite_bytes) -> None:
    graph = read_graph(tflite_bytes("float"))
    assert all(plan(graph, op) is None for op in graph.ops if op.name != "RESHAPE")
    graph = read_graph(tflite_bytes("leaky_branches"))
    assert [op.name for op in graph.ops if plan(graph, op) is None] == ["LEAKY_RELU", "ADD"]


@pytest.mark.parametrize("scale", [0.0, float("nan"), float("inf")])
def test_strange_scales_are_encoded_without_complaint(scale: float) -> None:
    b = builders.Builder()
    image = b.tensor("image", (1, 4, 4, 3), scale=scale)
    result = b.conv(image, 8, per_channel=True)
    graph = read_graph(b.build([image], [result]))
    assert next(plan(graph, graph.ops[0]).encodings(False)).data
