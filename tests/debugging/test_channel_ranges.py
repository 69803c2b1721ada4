"""Ranges of channels: against numpy on a net whose values are known, and bad input."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import quantisers
from builders import PADDING, Builder

from edgewb.debugging.channel_ranges import measure_channels
from edgewb.errors import InputError

FACTORS = np.array([1.0, -2.0, 0.01], np.float32)


@pytest.fixture
def scaling(tmp_path: Path) -> Path:
    """A 1x1 convolution that multiplies its one input channel by each factor."""
    b = Builder()
    source = b.tensor("image", (1, 2, 2, 1), "FLOAT32")
    result = b.tensor("result", (1, 2, 2, 3), "FLOAT32")
    weights = b.constant("weights", FACTORS.reshape(3, 1, 1, 1))
    bias = b.constant("bias", np.zeros(3, np.float32))
    b.op("CONV_2D", [source, weights, bias], [result], 1, "Conv2DOptions", padding=PADDING["VALID"], strideW=1, strideH=1)
    path = tmp_path / "scaling.tflite"
    path.write_bytes(b.build([source], [result]))
    return path


def test_each_channel_gets_its_share_of_the_steps(scaling: Path) -> None:
    found = measure_channels(scaling, np.array([[0, 1, 2, 5], [3, 4, 5, 0]], np.float32).reshape(2, 2, 2, 1), op=0)
    assert found.low == pytest.approx((0, -10, 0))
    assert found.high == pytest.approx((5, 0, 0.05))
    assert found.steps == pytest.approx((85, 170, 0.85))  # of 255, over -10..5
    assert found.ratio == pytest.approx(2)
    assert (found.n, found.kind, found.op) == (2, "CONV_2D", 0)


def test_zero_belongs_to_every_range(scaling: Path) -> None:
    found = measure_channels(scaling, np.full((1, 2, 2, 1), 3, np.float32), op=0)
    assert found.low[0] == 0
    assert found.high == pytest.approx((3, 0, 0.03))


def test_a_layer_that_gives_nothing_has_no_steps(scaling: Path) -> None:
    assert measure_channels(scaling, np.zeros((1, 2, 2, 1), np.float32), op=0).steps == (0, 0, 0)


def test_bad_input(scaling: Path, tmp_path: Path) -> None:
    x = np.zeros((1, 2, 2, 1), np.float32)
    with pytest.raises(InputError, match="has no op 7: it has ops 0 to 0"):
        measure_channels(scaling, x, op=7)
    with pytest.raises(InputError, match="at least one of that shape"):
        measure_channels(scaling, x[:0], op=0)
    with pytest.raises(InputError, match="at least one of that shape"):
        measure_channels(scaling, np.zeros((1, 3, 3, 1), np.float32), op=0)
    int8 = tmp_path / "int8.tflite"
    content = quantisers.float_net()
    int8.write_bytes(quantisers.quantise(content, quantisers.data(20)))
    with pytest.raises(InputError, match="a float result with channels is wanted"):
        measure_channels(int8, quantisers.data(2), op=0)
