"""Single rules, on ops built to meet or to break them."""

import builders
import numpy as np
import pytest

from edgewb.compilers.limits import GENERATIONS, SUPPORT, readable_versions
from edgewb.compilers.placement import place
from edgewb.compilers.shapes import RULES
from edgewb.tflite.reader import read_graph

REASONS = {"scales", "unsupported_op", "float", "dtype", "shape", "op_version", "dynamic", "rank", "not_constant"}


def test_every_rule_has_a_sentence_a_source_and_a_known_reason():
    for rule in RULES:
        assert rule.reason in REASONS
        assert rule.sentence.endswith(".")
        assert "\n" not in rule.sentence
        assert rule.source
        assert rule.ops <= set(SUPPORT) or rule.refuses_file
    assert len({rule.name for rule in RULES}) == len(RULES)


def verdict(b: builders.Builder, result: int, source: int = 0, compiler: str = "16.0") -> tuple[str, str | None]:
    last = place(read_graph(b.build([source], [result])), compiler)[-1]
    return last.placement.value, last.reason


def two_inputs(name: str, shape, new_shape, second, dtype="INT8", version=1, options=None, **fields):
    """An op on one tensor and one constant."""
    b = builders.Builder()
    source = b.tensor("x", shape, dtype)
    constant = b.constant("c", np.array(second, np.int32), scale=None)
    result = b.tensor("y", new_shape, dtype)
    b.op(name, [source, constant], [result], version, options, **fields)
    return verdict(b, result)


@pytest.mark.parametrize(
    ("size", "new_size", "answer"),
    [
        ((6, 6), (12, 12), ("edgetpu", None)),
        ((33, 33), (33, 33), ("edgetpu", None)),
        ((1, 1), (33, 33), ("cpu", "shape")),
        ((33, 33), (513, 513), ("cpu", "shape")),
        ((10, 10), (40, 40), ("unknown", "shape")),
        ((12, 12), (6, 6), ("unknown", "shape")),
    ],
)
def test_bilinear_resize(size, new_size, answer):
    assert two_inputs("RESIZE_BILINEAR", (1, *size, 8), (1, *new_size, 8), new_size, version=3) == answer


@pytest.mark.parametrize(
    ("side", "answer"), [(10, ("edgetpu", None)), (20, ("edgetpu", None)), (30, ("unknown", "shape")), (40, ("cpu", "shape"))]
)
def test_transpose(side, answer):
    assert two_inputs("TRANSPOSE", (1, side, side, 144), (1, 144, side, side), (0, 3, 1, 2), version=2) == answer


@pytest.mark.parametrize(("axes", "answer"), [((1, 2), ("edgetpu", None)), ((0,), ("cpu", "shape")), ((-4, 1), ("cpu", "shape"))])
def test_mean_never_over_the_batch(axes, answer):
    assert two_inputs("MEAN", (1, 5, 5, 8), (1, 8), axes, version=2) == answer


@pytest.mark.parametrize("axes", [(3,), (-1,), (1, 2, 3)])
def test_mean_over_channels_is_not_known(axes):
    assert two_inputs("MEAN", (1, 5, 5, 8), (1, 5, 5), axes, version=2) == ("unknown", "shape")


@pytest.mark.parametrize(
    ("paddings", "answer"),
    [([[0, 0], [1, 1], [1, 1], [0, 0]], ("edgetpu", None)), ([[0, 1], [0, 0], [0, 0], [0, 0]], ("cpu", "shape"))],
)
def test_pad_never_the_batch(paddings, answer):
    assert two_inputs("PAD", (1, 4, 4, 3), (1, 6, 6, 3), paddings) == answer


@pytest.mark.parametrize(("dtype", "answer"), [("UINT8", ("edgetpu", None)), ("INT16", ("cpu", "dtype")), ("FLOAT32", ("cpu", "float"))])
def test_only_8_bits(dtype, answer):
    assert two_inputs("MEAN", (1, 5, 5, 8), (1, 8), (1, 2), dtype, version=2) == answer


@pytest.mark.parametrize(("version", "answer"), [(2, ("edgetpu", None)), (3, ("unknown", "op_version"))])
def test_versions(version, answer):
    assert two_inputs("MEAN", (1, 5, 5, 8), (1, 8), (1, 2), version=version) == answer


def test_strided_slice():
    def sliced(stride: int, **options):
        b = builders.Builder()
        source = b.tensor("x", (1, 8, 8, 4))
        parts = [b.constant(n, np.array(v, np.int32)) for n, v in (("b", [0] * 4), ("e", [1, 8, 8, 2]), ("s", [1, stride, stride, 1]))]
        result = b.tensor("y", (1, 8 // stride, 8 // stride, 2))
        b.op("STRIDED_SLICE", [source, *parts], [result], 2, "StridedSliceOptions", **options)
        return verdict(b, result)

    assert sliced(1) == ("edgetpu", None)
    assert sliced(2) == ("cpu", "shape")
    assert sliced(1, newAxisMask=1) == ("cpu", "shape")


def test_rank_counts_the_three_innermost_dimensions():
    def relu(*shape: int):
        b = builders.Builder()
        source = b.tensor("x", shape)
        return verdict(b, b.same("RELU", source, 2))

    assert relu(1, 1, 4, 4, 4) == ("edgetpu", None)
    assert relu(1, 2, 4, 4, 4) == ("cpu", "rank")
    assert relu(2, 4, 4, 4) == ("cpu", "rank")


def test_shapes_that_may_vary():
    def relu(shape, signature):
        b = builders.Builder()
        source = b.tensor("x", shape, signature=signature)
        return verdict(b, b.same("RELU", source, 2))

    assert relu((1, 4, 4, 3), (-1, 4, 4, 3)) == ("edgetpu", None)
    assert relu((1, 1, 1, 3), (1, -1, -1, 3)) == ("unknown", "dynamic")


def test_weights_must_be_constants_of_8_bits():
    b = builders.Builder()
    source = b.tensor("x", (1, 8))
    weights = b.tensor("w", (4, 8))
    result = b.tensor("y", (1, 4))
    b.op("FULLY_CONNECTED", [source, weights, -1], [result], 4, "FullyConnectedOptions")
    graph = read_graph(b.build([source, weights], [result]))
    assert place(graph)[0].reason == "not_constant"

    b = builders.Builder()
    source = b.tensor("x", (1, 8))
    weights = b.constant("w", np.zeros((4, 8), np.int16))
    result = b.tensor("y", (1, 4))
    b.op("FULLY_CONNECTED", [source, weights, -1], [result], 4, "FullyConnectedOptions")
    assert verdict(b, result) == ("cpu", "dtype")


def test_convolutions():
    def conv(depth: int, wide: int = 1, high: int = 1):
        b = builders.Builder()
        source = b.tensor("x", (1, 8, 8, 4))
        weights = b.constant("w", np.zeros((8, 3, 3, depth), np.int8))
        result = b.tensor("y", (1, 8, 8, 8))
        b.op("CONV_2D", [source, weights, -1], [result], 3, "Conv2DOptions", dilationWFactor=wide, dilationHFactor=high)
        return verdict(b, result)

    assert conv(4) == ("edgetpu", None)
    assert conv(4, 2, 2) == ("edgetpu", None)
    assert conv(4, 2, 1) == ("cpu", "shape")
    assert conv(2) == ("unknown", "shape")


def test_concatenation_of_constants():
    def concat(values: np.ndarray | None):
        b = builders.Builder()
        source = b.tensor("x", (1, 4))
        other = b.tensor("x2", (1, 4)) if values is None else b.constant("c", values)
        result = b.tensor("y", (1, 8))
        b.op("CONCATENATION", [source, other], [result], 2, "ConcatenationOptions", axis=1)
        return verdict(b, result)

    assert concat(None) == ("edgetpu", None)
    assert concat(np.ones((1, 4), np.int8)) == ("cpu", "shape")
    assert concat(np.zeros((1, 4), np.int8)) == ("unknown", "shape")


def test_8_bits_without_a_scale_are_unknown():
    b = builders.Builder()
    source = b.tensor("x", (1, 4), scale=None)
    assert verdict(b, b.same("RELU", source, 2)) == ("unknown", "dtype")


@pytest.mark.parametrize("length", [16_384, 16_385])
def test_softmax_length(length):
    b = builders.Builder()
    source = b.tensor("x", (1, length))
    expected = ("edgetpu", None) if length == 16_384 else ("unknown", "shape")
    assert verdict(b, b.softmax(source)) == expected


def test_ops_come_with_the_runtime():
    """TRANSPOSE is documented from runtime 14; log 14 (compiler 15.0) calls it "not supported"."""
    b = builders.Builder()
    source = b.tensor("x", (1, 4, 4, 3))
    order = b.constant("p", np.array([0, 3, 1, 2], np.int32))
    result = b.tensor("y", (1, 3, 4, 4))
    b.op("TRANSPOSE", [source, order], [result], 2, "TransposeOptions")
    raw = b.build([source], [result])
    answers = {c: place(read_graph(raw), c)[0].placement.value for c in GENERATIONS}
    assert answers == {c: "edgetpu" if c == "16.0" else "cpu" for c in GENERATIONS}


@pytest.mark.parametrize(
    ("op", "compiler", "surely", "perhaps"),
    [
        # Each was refused one version later, in public threads: google-coral/edgetpu 845, 631, 384, 147, 34; google-coral/libedgetpu 71.
        ("TRANSPOSE_CONV", "16.0", 3, 3),
        ("TRANSPOSE_CONV", "13", 3, 3),
        ("EXP", "16.0", 1, 1),
        ("CONV_2D", "16.0", 5, 5),
        ("RSQRT", "14.1-15.0", 1, 1),
        ("TRANSPOSE_CONV", "2.x", 1, 2),
        ("RELU", "2.x", 1, 2),
        ("GELU", "16.0", 0, 0),
    ],
)
def test_what_the_compilers_own_interpreter_reads(op, compiler, surely, perhaps):
    assert readable_versions(op, compiler) == (surely, perhaps)


def test_every_version_seen_mapped_can_be_read():
    for op, support in SUPPORT.items():
        assert readable_versions(op, "16.0")[0] >= support.version, op
