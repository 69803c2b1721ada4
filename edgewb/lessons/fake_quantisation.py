"""What quantisation-aware training computes: rounding on the way forward, and on the way back as if there were none.

``tfmot`` puts such a step behind every weight and result while it trains; the arithmetic is that of ``tflite.quantization``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgewb.tflite.quantization import dequantize, quantize


def fake_quantise(values: npt.ArrayLike, scale: float, zero_point: int = 0) -> npt.NDArray[np.float32]:
    """What int8 keeps of real numbers, as real numbers again: quantised and dequantised, same shape.

    Raises:
        InputError: see ``tflite.quantization.quantize``.
    """
    return dequantize(quantize(values, scale, zero_point, "int8"), scale, zero_point)


def straight_through(values: npt.ArrayLike, scale: float, zero_point: int = 0) -> npt.NDArray[np.float32]:
    """The gradient that training takes for that of ``fake_quantise``: 1 within the range int8 holds, 0 beyond it. Same shape.

    The true one is 0 on every step of the staircase, by which nothing could be learnt.

    Source: Y. Bengio et al., arXiv 1308.3432 (the straight-through estimator); B. Jacob et al., arXiv 1712.05877, section 3.
    """
    limits = np.iinfo(np.int8)
    low, high = dequantize(np.array([limits.min, limits.max], np.int8), scale, zero_point)
    real = np.asarray(values, np.float32)
    return np.asarray((real >= low) & (real <= high), np.float32)


@dataclass(frozen=True)
class Descent:
    """A weight that learns, step by step from its start on: ``latent`` is what training moves, ``used`` what the network computes with."""

    latent: tuple[float, ...]
    used: tuple[float, ...]


def descend(start: float, target: float, scale: float, *, straight: bool, steps: int = 40, rate: float = 0.05) -> Descent:
    """Gradient descent of one fake-quantised weight towards a target, by the squared error.

    Args:
        straight: with the straight-through gradient; otherwise with the true one of the staircase.
        rate: learning rate.
    """
    weight, latent, used = start, [start], [float(fake_quantise(start, scale))]
    for _ in range(steps):
        slope = float(straight_through(weight, scale)) if straight else 0.0
        weight -= rate * 2 * (used[-1] - target) * slope
        latent.append(weight)
        used.append(float(fake_quantise(weight, scale)))
    return Descent(tuple(latent), tuple(used))
