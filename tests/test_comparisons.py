"""Two files on the same inputs, in a process of their own."""

import builders
import numpy as np
import pytest
from builders import Builder

from edgewb.comparisons import INPUTS, compare, observe
from edgewb.errors import ModelFileError
from edgewb.types import Basis


def relu(name: str = "RELU", *, scale: float = 0.05) -> bytes:
    b = Builder()
    source = b.tensor("x", (1, 16))
    middle = b.tensor("middle", (1, 16), scale=scale)
    b.op("RELU", [source], [middle], 2)
    return b.build([source], [b.same(name, middle, 2)])


def test_a_file_agrees_with_itself_and_says_on_how_many_inputs() -> None:
    got = compare(builders.int8_conv_net(), builders.int8_conv_net(), seed=3)
    assert (got.identical, got.why, got.inputs, got.seed) == (True, None, INPUTS, 3)
    assert (got.kernels, got.basis) == ("builtin", Basis.MEASURED)
    assert got.inner_tensors == 4
    assert got.distinct > 16
    assert got.dequantized_alike is None
    assert got == compare(builders.int8_conv_net(), builders.int8_conv_net(), seed=3)


def test_a_difference_is_said_with_its_place() -> None:
    got = compare(relu(), relu("RELU6"))
    assert not got.identical
    assert got.why is not None
    assert got.why.startswith("output 0 differs in ")
    assert "of 16 values on input " in got.why


def test_a_difference_within_is_one_too() -> None:
    """The outputs alone would agree: the model answers everything alike."""
    files = []
    for scale in (0.05, 0.07):
        b = Builder()
        source = b.tensor("x", (1, 16))
        middle, nought = b.tensor("middle", (1, 16), scale=scale), b.constant("zero", np.zeros((1, 16), np.int8))
        b.op("RELU", [source], [middle], 2)
        result = b.tensor("y", (1, 16))
        b.op("MUL", [middle, nought], [result], 2, "MulOptions")
        files.append(b.build([source], [result]))
    assert compare(files[0], files[0]).distinct == 1
    got = compare(*files)
    assert not got.identical
    assert "the tensor 'middle' within differs" in str(got.why)


def test_moved_float_edges_are_converted_outside() -> None:
    b = Builder()
    source = b.tensor("image_int8", (1, 8, 8, 3))
    stored = b.build([source], [b.conv(source, 4)])
    got = compare(builders.float_io_net(), stored)
    assert got.identical, got.why
    assert got.dequantized_alike is not None


def test_what_cannot_run_says_so_on_one_line() -> None:
    with pytest.raises(ModelFileError, match=r"LiteRT cannot run it here \(.*edgetpu-custom-op") as caught:
        compare(builders.compiled_net(), builders.compiled_net())
    assert "\n" not in str(caught.value)


def test_shapes_and_values_of_a_run() -> None:
    b = Builder()
    source = b.tensor("x", (1, 4, 4, 3), signature=(-1, 4, 4, 3))
    shape = b.tensor("shape", (4,), "INT32")
    b.op("SHAPE", [source], [shape], 1, "ShapeOptions", outType=2)
    x = b.conv(source, 2, signature=(-1, 4, 4, 2))
    shapes, values = observe(b.build([source], [x, shape]), [shape])
    assert shapes[x] == (1, 4, 4, 2)
    assert values[shape].tolist() == [1, 4, 4, 3]
    assert values[shape].dtype == np.int32


@pytest.mark.parametrize("count", [1, 4, 7, 8, 10, 13, 30, 33, 100])
def test_moved_float_edges_of_any_size(count: int) -> None:
    """LiteRT's kernels take eight values at a time, and those left over at the end in another way."""
    files = []
    for real in (True, False):
        b = Builder()
        ends = [b.tensor(f"{name}_int8", (1, count), scale=0.0371, zero_point=3) for name in ("x", "y")]
        edges = [b.tensor(name, (1, count), "FLOAT32") for name in ("x", "y")] if real else ends
        if real:
            b.op("QUANTIZE", [edges[0]], [ends[0]], 1, "QuantizeOptions")
        b.op("RELU", [ends[0]], [ends[1]], 2)
        if real:
            b.op("DEQUANTIZE", [ends[1]], [edges[1]], 2, "DequantizeOptions")
        files.append(b.build(edges[:1], edges[1:]))
    got = compare(*files)
    assert got.identical, got.why
