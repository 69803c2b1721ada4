"""Bytes by hand against what ``inspect`` counts for real layers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewb.bundles import bundled_model
from edgewb.compilers.budgets import CACHE_BYTES
from edgewb.compilers.inspections import inspect
from edgewb.errors import InputError
from edgewb.lessons.caches import convolution_bytes, layers_that_fit
from edgewb.tflite.reader import read_graph


@pytest.mark.parametrize("name", ["digits_cnn_int8", "elu_branch", "dynamic_batch"])
def test_as_inspect_counts_it(name: str) -> None:
    path = bundled_model(name).path
    graph = read_graph(path)
    compared = 0
    for op in inspect(path).ops:
        if op.op == "CONV_2D" and op.parameter_bytes:
            outputs, side, _, inputs = graph.tensors[graph.ops[op.index].inputs[1]].shape
            # A bias of zeros is not stored: 4 bytes less per lane.
            assert op.parameter_bytes in (convolution_bytes(side, inputs, outputs), convolution_bytes(side, inputs, outputs, header=8))
            compared += 1
    assert compared >= 2


def test_the_example_of_the_notebook() -> None:
    assert convolution_bytes(3, 16, 20) == 4_992
    assert convolution_bytes(1, 4, 3, header=0) == 64  # up to 4 channels take 4 lanes, the whole is padded to 64
    assert layers_that_fit(CACHE_BYTES) == 1
    assert layers_that_fit(CACHE_BYTES + 1) == 0


@given(st.integers(1, 7), st.integers(1, 600), st.integers(1, 600))
def test_never_less_than_the_weights(side: int, inputs: int, outputs: int) -> None:
    size = convolution_bytes(side, inputs, outputs)
    assert size >= side * side * inputs * outputs
    assert size % 64 == 0
    assert size <= convolution_bytes(side, inputs, outputs + 1) or outputs < 4
    assert size <= convolution_bytes(side, inputs + 1, outputs)


def test_bad_sizes() -> None:
    with pytest.raises(InputError, match="1 or more"):
        convolution_bytes(0, 1, 1)
    with pytest.raises(InputError, match="1 or more"):
        layers_that_fit(0)
