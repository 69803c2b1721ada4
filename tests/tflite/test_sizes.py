"""Sizes that follow from a file: as LiteRT has them in a run, and refused where they do not follow."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from builders import Builder
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewb import comparisons
from edgewb.errors import ModelFileError
from edgewb.tflite.sizes import follow_sizes


def flattened(ask: tuple[int, ...], *, signature: tuple[int, ...] = (-1, 4, 6, 2), batch: int = 1) -> bytes:
    """Two sizes of a picture taken out of its SHAPE and packed with ``ask`` to the target of a RESHAPE."""
    b = Builder()
    source = b.tensor("image", (batch, 4, 6, 2), "FLOAT32", signature=signature)
    shape = b.tensor("shape", (4,), "INT32")
    b.op("SHAPE", [source], [shape], 1, "ShapeOptions", outType=2)
    taken = []
    for place in (0, 1):
        ends = [b.constant(f"{name}{place}", np.array([value], np.int32), scale=None) for name, value in (("b", place), ("e", place + 1))]
        step = b.constant(f"s{place}", np.array([1], np.int32), scale=None)
        taken.append(b.tensor(f"size{place}", (), "INT32"))
        b.op("STRIDED_SLICE", [shape, *ends, step], [taken[-1]], 1, "StridedSliceOptions", shrinkAxisMask=1)
    numbers = [b.constant(f"n{place}", np.array(n, np.int32), scale=None) for place, n in enumerate(ask)]
    target = b.tensor("target", (2 + len(ask),), "INT32")
    b.op("PACK", [*taken, *numbers], [target], 1, "PackOptions", valuesCount=2 + len(ask), axis=0)
    result = b.tensor("result", (1,) * (2 + len(ask)), "FLOAT32", signature=(-1,) * (2 + len(ask)))
    b.op("RESHAPE", [source, target], [result], 1, "ReshapeOptions")
    return b.build([source], [result])


@pytest.mark.parametrize("ask", [(12,), (6, 2), (3, 4), (1, 12, 1)])
def test_they_are_those_of_a_run(ask):
    content = flattened(ask)
    names = {tensor.name: index for index, tensor in enumerate(_graph(content).tensors)}
    target = names["target"]
    shapes, values = follow_sizes(content, [target])
    ran_shapes, ran_values = comparisons.observe(content, [target])
    assert {index: shapes[index] for index in ran_shapes if index in shapes} == {i: s for i, s in ran_shapes.items() if i in shapes}
    assert shapes[names["result"]] == (1, 4, *ask)
    assert (values[target] == ran_values[target]).all()
    assert values[target].dtype == ran_values[target].dtype


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"ask": (13,)}, "shape of 'result' is not written"),  # another number of elements
        ({"ask": (0,)}, "shape of 'result' is not written"),
        ({"ask": (2**30, 2**30)}, "shape of 'result' is not written"),
        ({"ask": (12,), "signature": (-1, -1, 6, 2)}, "is not one that may change"),
        ({"ask": (12,), "signature": (1, 4, 6, 2)}, "is not one that may change"),
        ({"ask": (12,), "batch": 3}, "is not one that may change"),
    ],
)
def test_what_does_not_follow_is_refused(options, said):
    with pytest.raises(ModelFileError, match=said):
        follow_sizes(flattened(**options), [])


def test_a_value_that_is_not_known_is_refused():
    content = flattened((12,))
    with pytest.raises(ModelFileError, match="what 'image' becomes is not known"):
        follow_sizes(content, [0])


def reshaped(result: tuple[int, ...], *, inputs: bool = True) -> bytes:
    """A RESHAPE of a picture of 48 values to sizes that stand in the file."""
    b = Builder()
    source = b.tensor("image", (1, 4, 6, 2), "FLOAT32", signature=(-1, 4, 6, 2))
    target = b.constant("target", np.array(result, np.int32), scale=None)
    out = b.tensor("result", result, "FLOAT32")
    b.op("RESHAPE", [source, target] if inputs else [], [out], 1, "ReshapeOptions")
    return b.build([source], [out])


def test_a_result_with_another_number_of_values_is_refused():
    """As of heads moved into the batch, where the converter writes 1 for what is not known."""
    assert follow_sizes(reshaped((1, 48)), [])[0][2] == (1, 48)
    with pytest.raises(ModelFileError, match=r"op 0 \(RESHAPE\) makes another number of values than it is given"):
        follow_sizes(reshaped((1, 24)), [])


def test_an_op_without_inputs_costs_no_traceback():
    assert isinstance(follow_sizes(reshaped((1, 48), inputs=False), []), tuple)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damaged_files_are_followed_or_refused(data):
    content = bytearray(flattened((12,)))
    for place in data.draw(st.lists(st.integers(8, len(content) - 1), min_size=1, max_size=4)):
        content[place] = data.draw(st.integers(0, 255))
    with contextlib.suppress(ModelFileError):  # and nothing else
        follow_sizes(bytes(content), [])


def _graph(content):
    from edgewb.tflite.reader import read_graph

    return read_graph(content)
