"""Fake quantisation: what int8 keeps, the gradient taken for it, and a weight that learns by it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewb.lessons.fake_quantisation import descend, fake_quantise, straight_through

SCALES = st.floats(0.01, 10)
POINTS = st.integers(-128, 127)


@given(SCALES, POINTS, st.floats(-1000, 1000))
def test_fake_quantise_is_near_within_the_range_and_the_end_beyond(scale: float, point: int, real: float) -> None:
    low, high = scale * (-128 - point), scale * (127 - point)
    kept = float(fake_quantise(real, scale, point))
    slack = 1e-4 * max(1.0, abs(real), abs(low), abs(high))
    assert abs(kept - min(max(real, low), high)) <= scale / 2 + slack


@given(SCALES, POINTS, st.floats(-1000, 1000))
def test_fake_quantise_twice_changes_nothing(scale: float, point: int, real: float) -> None:
    once = fake_quantise(real, scale, point)
    assert fake_quantise(once, scale, point) == pytest.approx(once)


def test_straight_through_is_one_within_and_zero_beyond() -> None:
    assert straight_through([-64.1, -64.0, 0.0, 63.5, 63.6], 0.5).tolist() == [0, 1, 1, 1, 0]
    assert straight_through(np.full((2, 3), 70.0), 0.5).shape == (2, 3)


def test_tensorflows_own_fake_quantisation_agrees() -> None:
    tf = pytest.importorskip("tensorflow", reason="TensorFlow is not installed")
    real = np.linspace(-70, 70, 1001).astype(np.float32) + 0.013
    with tf.GradientTape() as tape:
        x = tf.constant(real)
        tape.watch(x)
        y = tf.quantization.fake_quant_with_min_max_args(x, min=-64, max=63.5, num_bits=8)
    assert fake_quantise(real, 0.5) == pytest.approx(y.numpy(), abs=1e-4)
    assert straight_through(real, 0.5).tolist() == tape.gradient(y, x).numpy().tolist()


def test_a_weight_learns_by_the_straight_through_gradient_alone() -> None:
    learnt, stuck = (descend(0.1, 0.9, 0.25, straight=straight) for straight in (True, False))
    assert set(learnt.used[-10:]) == {0.75, 1.0}  # to and fro between the two steps next to the target
    assert set(stuck.latent) == {0.1}
    assert set(stuck.used) == {0.0}
    assert len(learnt.latent) == len(learnt.used) == 41


def test_a_weight_whose_target_is_a_step_stays_there() -> None:
    assert descend(0.1, 0.75, 0.25, straight=True).used[-5:] == (0.75,) * 5
