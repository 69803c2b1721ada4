"""Quantise and dequantise: the only place for this arithmetic.

    real = scale * (stored - zero point)

is TensorFlow Lite's scheme (https://ai.google.dev/edge/litert/conversion/tensorflow/quantization/quantization_spec). To 8 bits,
``quantize`` does what the QUANTIZE op of ai-edge-litert does by default (XNNPACK), bit for bit: multiply by float32(1 / scale) in
float32, round half to even, add the zero point, clip. Its built-in kernels, which also do 16 bits, do the same eight values at a time;
of those that are left over at the end of a tensor they round exact halves away from zero instead. ``dequantize`` does what its
DEQUANTIZE does by default: subtract in a wide type, multiply, give float32 (the built-in int8 and uint8 kernels compute scale * stored
- scale * zero point, whose last bits may differ, but for values left over). Tests hold both to the interpreter, quantising on every tie
and its float32 neighbours, and at every size up to 40. TensorFlow's older reference kernel (``AffineQuantize`` in
``kernels/internal/reference/quantize.h``) divides and rounds half away from zero: exact ties then differ by one step.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from edgewb.errors import InputError

DTYPES: Final = ("int8", "uint8", "int16", "int32")
"""The integer types values are stored in; int32 is for biases."""
_SMALLEST_SCALE: Final = float(np.finfo(np.float32).tiny)
"""Below it 1 / scale is no longer a float32."""


def _per_axis(values: Any, what: str, shape: tuple[int, ...], axis: int | None) -> npt.NDArray[np.float64]:
    """A scale or zero point, shaped to broadcast against an array of ``shape``."""
    try:
        given = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f"{what} {values!r:.60} is not a number or a list of numbers") from None
    if given.size == 1:
        return given.reshape(())
    if axis is None:
        raise InputError(f"{given.size} {what}s were given without an axis: one per tensor, or name the axis they run along")
    if not -len(shape) <= axis < len(shape):
        raise InputError(f"axis {axis} does not exist in an array of shape {list(shape)}: axes 0 to {len(shape) - 1}")
    if given.ndim != 1 or given.size != shape[axis]:
        raise InputError(f"{given.size} {what}s for {shape[axis]} channels along axis {axis} of shape {list(shape)}: one each is needed")
    layout = [1] * len(shape)
    layout[axis] = given.size
    return given.reshape(layout)


def _check(
    scale: Any, zero_point: Any, dtype: str, shape: tuple[int, ...], axis: int | None
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    if dtype not in DTYPES:
        raise InputError(f"cannot store quantised values as {dtype}: known: {', '.join(DTYPES)}")
    # A scale is a float32 in the file: a Python float that is not exactly one is rounded to it first.
    scales = _per_axis(scale, "scale", shape, axis)
    with np.errstate(over="ignore", under="ignore"):
        scales = scales.astype(np.float32).astype(np.float64)
    usable = np.isfinite(scales) & (scales >= _SMALLEST_SCALE)
    if not usable.all():
        raise InputError(f"scale {scales[~usable].flat[0]} cannot be used: every scale must be a finite number above 0, as a float32")
    points = _per_axis(zero_point, "zero point", shape, axis)
    limits = np.iinfo(dtype)
    if not ((points >= limits.min) & (points <= limits.max) & (points == np.trunc(points))).all():
        raise InputError(f"zero point {zero_point!r:.60} is not a whole number that {dtype} holds ({limits.min} to {limits.max})")
    return scales, points


def quantize(values: npt.ArrayLike, scale: Any, zero_point: Any, dtype: str, axis: int | None = None) -> npt.NDArray[Any]:
    """Store real numbers as integers: ``clip(round(values / scale) + zero_point)``, halves to even.

    To 8 and 16 bits the ratio is taken in float32 as the interpreter does; to int32, in float64. The rest is in float64, wide enough
    to be exact, and is clipped before it is narrowed: nothing wraps. Infinities go to the ends of the range.

    Args:
        values: real numbers, any shape; taken as float32 (to int32: as float64).
        scale: one number, or one per index along ``axis``.
        zero_point: the same, whole numbers within ``dtype``.
        dtype: "int8", "uint8", "int16" or "int32".
        axis: the axis along which scales differ; None when there is one scale.

    Returns:
        An array of ``dtype`` in the shape of ``values``.

    Raises:
        InputError: a NaN, a scale that is not above 0, a zero point outside ``dtype``, counts or axis that do not fit.
    """
    try:
        with np.errstate(over="ignore"):
            real: npt.NDArray[np.floating[Any]] = np.asarray(values).astype(np.float64 if dtype == "int32" else np.float32)
    except (TypeError, ValueError):
        raise InputError(f"values of type {type(values).__name__} are not an array of real numbers") from None
    scales, points = _check(scale, zero_point, dtype, real.shape, axis)
    if np.isnan(real).any():
        raise InputError(f"{int(np.isnan(real).sum())} of {real.size} values are NaN, which no integer stands for: remove them first")
    with np.errstate(over="ignore"):
        # As in LiteRT: the reciprocal is itself rounded to float32 before it is multiplied with.
        ratio = real / scales if dtype == "int32" else real * (np.float32(1) / scales.astype(np.float32))
    limits = np.iinfo(dtype)
    return np.asarray(np.clip(np.rint(ratio.astype(np.float64)) + points, limits.min, limits.max).astype(dtype))


def dequantize(values: npt.ArrayLike, scale: Any, zero_point: Any, axis: int | None = None) -> npt.NDArray[np.float32]:
    """The real numbers that stored integers stand for: ``scale * (values - zero_point)``.

    The values are widened before the subtraction, so that uint8 and int8 do not wrap.

    Args:
        values: an array of int8, uint8, int16 or int32, any shape.
        scale: one number, or one per index along ``axis``.
        zero_point: the same, whole numbers within the type of ``values``.
        axis: the axis along which scales differ; None when there is one scale.

    Returns:
        A float32 array in the shape of ``values``.

    Raises:
        InputError: values of another type, a scale that is not above 0, a zero point outside the type, counts or axis that do not fit.
    """
    stored = np.asarray(values)
    scales, points = _check(scale, zero_point, stored.dtype.name, stored.shape, axis)
    with np.errstate(over="ignore"):
        return np.asarray(((stored.astype(np.float64) - points) * scales).astype(np.float32))


def dequantize_builtin(values: npt.ArrayLike, scale: float, zero_point: int) -> npt.NDArray[np.float32]:
    """``dequantize`` as LiteRT's built-in kernel does it from int8 and uint8: ``scale * values - scale * zero_point``, all in float32.

    Its last bits may differ from those of ``dequantize``, which is what that kernel gives for values left over behind the last eight. For
    comparing files bit for bit; for anything else take ``dequantize``.

    Raises:
        InputError: as ``dequantize``.
    """
    stored = np.asarray(values)
    _check(scale, zero_point, stored.dtype.name, stored.shape, None)
    factor = np.float32(scale)
    with np.errstate(over="ignore"):
        return np.asarray(factor * stored.astype(np.float32) - factor * np.float32(zero_point), dtype=np.float32)


def fit_range(low: float, high: float, dtype: str = "int8", *, symmetric: bool = False) -> tuple[float, int]:
    """Scale and zero point with which an integer type covers a range, as TensorFlow's converter chooses them.

    The range is widened to hold 0, which must have an integer of its own: padding and ReLU make exact zeros. The zero point is the whole
    number nearest to where 0 lies. ``symmetric``: zero point 0 and the same reach either way, as for weights (int8 then leaves -128 out).
    A range without extent gets the scale 1.

    Args:
        low, high: the ends, finite, low not above high.
        dtype: "int8", "uint8" or "int16".

    Raises:
        InputError: another type, or no range.
    """
    if dtype not in DTYPES[:3]:
        raise InputError(f"cannot fit a range to {dtype}: known: {', '.join(DTYPES[:3])}")
    if not (np.isfinite([low, high]).all() and low <= high):
        raise InputError(f"the range from {low!r:.40} to {high!r:.40} cannot be used: two finite numbers are wanted, the lower one first")
    limits = np.iinfo(dtype)
    low, high = min(float(low), 0.0), max(float(high), 0.0)
    if high == low:
        return 1.0, 0
    least = float(np.finfo(np.float64).tiny)  # of an extent near 0 a step would be rounded to 0
    if symmetric:
        return max(max(-low, high) / limits.max, least), 0
    scale = max((high - low) / (limits.max - limits.min), least)
    return scale, int(np.clip(np.rint(limits.min - low / scale), limits.min, limits.max))
