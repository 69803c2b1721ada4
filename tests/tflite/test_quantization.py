"""The arithmetic of quantisation, against its definition and against ai-edge-litert's kernels."""

import builders
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from edgewb.errors import InputError
from edgewb.tflite.quantization import DTYPES, dequantize, dequantize_builtin, fit_range, quantize

SCALES = st.floats(float(np.float32(1e-6)), 1000, width=32)
SMALL = st.sampled_from(["int8", "uint8", "int16"])


def zero_points(dtype: str) -> st.SearchStrategy[int]:
    return st.integers(int(np.iinfo(dtype).min), int(np.iinfo(dtype).max))


@given(st.data(), SMALL, SCALES)
def test_round_trip_of_stored_values_is_exact(data, dtype, scale):
    point = data.draw(zero_points(dtype))
    stored = data.draw(hnp.arrays(dtype, hnp.array_shapes(max_dims=3, max_side=5)))
    again = quantize(dequantize(stored, scale, point), scale, point, dtype)
    assert again.dtype == stored.dtype
    np.testing.assert_array_equal(again, stored)


@given(st.data(), SMALL, SCALES)
def test_error_is_at_most_half_a_step_inside_the_range(data, dtype, scale):
    point = data.draw(zero_points(dtype))
    limits = np.iinfo(dtype)
    low, high = (float(limits.min) - point) * scale, (float(limits.max) - point) * scale
    real = np.float32(data.draw(st.floats(low, high)))
    back = dequantize(quantize([real], scale, point, dtype), scale, point)[0]
    # Half a step, plus the float32 rounding of the value itself.
    assert abs(float(back) - float(real)) <= 0.5 * scale + 2e-7 * (abs(float(real)) + scale)


@given(st.data(), SMALL, SCALES)
def test_never_wraps_and_is_monotonic(data, dtype, scale):
    point = data.draw(zero_points(dtype))
    values = np.sort(np.array(data.draw(st.lists(st.floats(width=32, allow_nan=False), min_size=2, max_size=20)), np.float32))
    stored = quantize(values, scale, point, dtype).astype(np.int64)
    assert (np.diff(stored) >= 0).all()
    assert quantize([-np.inf, np.inf], scale, point, dtype).tolist() == [np.iinfo(dtype).min, np.iinfo(dtype).max]


@given(st.integers(0, 2), st.data())
def test_per_channel_is_per_tensor_slice_by_slice(axis, data):
    values = np.random.default_rng(7).normal(size=(3, 4, 5)).astype(np.float32) * 10
    scales = data.draw(st.lists(SCALES, min_size=values.shape[axis], max_size=values.shape[axis]))
    points = data.draw(st.lists(zero_points("int8"), min_size=len(scales), max_size=len(scales)))
    whole = quantize(values, scales, points, "int8", axis=axis)
    back = dequantize(whole, scales, points, axis=axis)
    for i, (scale, point) in enumerate(zip(scales, points, strict=True)):
        np.testing.assert_array_equal(whole.take(i, axis), quantize(values.take(i, axis), scale, point, "int8"))
        np.testing.assert_array_equal(back.take(i, axis), dequantize(whole.take(i, axis), scale, point))


@pytest.mark.parametrize(("value", "stored"), [(0.5, 0), (1.5, 2), (2.5, 2), (-0.5, 0), (-1.5, -2), (0.50000006, 1), (-126.5, -126)])
def test_halves_go_to_even(value, stored):
    assert quantize(value, 1.0, 0, "int8").item() == stored


def test_uint8_does_not_wrap_below_its_zero_point():
    values = np.array([0, 127, 128, 255], np.uint8)
    np.testing.assert_array_equal(dequantize(values, 0.5, 128), np.array([-64, -0.5, 0, 63.5], np.float32))


def test_bias_keeps_all_of_int32():
    values = np.array([np.iinfo(np.int32).min, -1, 0, np.iinfo(np.int32).max], np.int32)
    np.testing.assert_array_equal(quantize(dequantize(values, 1.0, 0), 1.0, 0, "int32"), values)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: quantize([1.0, float("nan")], 1.0, 0, "int8"), "1 of 2 values are NaN"),
        (lambda: quantize([1.0], 0.0, 0, "int8"), "scale 0.0"),
        (lambda: quantize([1.0], -1.0, 0, "int8"), "scale -1.0"),
        (lambda: quantize([1.0], float("inf"), 0, "int8"), "scale inf"),
        (lambda: quantize([1.0], 1e-60, 0, "int8"), "scale 0.0"),
        (lambda: quantize([1.0], 1.0, 128, "int8"), "zero point 128"),
        (lambda: quantize([1.0], 1.0, 0.5, "int8"), "zero point 0.5"),
        (lambda: quantize([1.0], 1.0, 0, "float32"), "known: int8"),
        (lambda: quantize([1.0, 2.0], [1.0, 2.0], 0, "int8"), "without an axis"),
        (lambda: quantize([1.0, 2.0], [1.0, 2.0, 3.0], 0, "int8", axis=0), "3 scales for 2 channels"),
        (lambda: quantize([1.0, 2.0], [1.0, 2.0], 0, "int8", axis=3), "axis 3 does not exist"),
        (lambda: quantize(["a"], 1.0, 0, "int8"), "not an array of real numbers"),
        (lambda: quantize([1.0], "wide", 0, "int8"), "'wide'"),
        (lambda: dequantize(np.array([1.0]), 1.0, 0), "float64"),
        (lambda: dequantize(np.array([1], np.int8), 1.0, -129), "zero point -129"),
    ],
)
def test_bad_input_is_one_clear_line(call, says):
    with pytest.raises(InputError) as caught:
        call()
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def _run(dtype: str, scale: float, point: int, to_integers: bool, values: np.ndarray, kernels: str) -> np.ndarray:
    """QUANTIZE or DEQUANTIZE in ai-edge-litert."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    b = builders.Builder()
    kinds = ("FLOAT32", dtype.upper()) if to_integers else (dtype.upper(), "FLOAT32")
    source = b.tensor("in", values.shape, kinds[0], scale=scale, zero_point=point)
    result = b.tensor("out", values.shape, kinds[1], scale=scale, zero_point=point)
    name, options = ("QUANTIZE", "QuantizeOptions") if to_integers else ("DEQUANTIZE", "DequantizeOptions")
    b.op(name, [source], [result], 2 if not to_integers or dtype == "int16" else 1, options)
    resolver = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES if kernels == "built-in" else OpResolverType.AUTO
    interpreter = Interpreter(model_content=b.build([source], [result]), experimental_op_resolver_type=resolver)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], values)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16"])
@pytest.mark.parametrize("scale", [1.0, 0.1, 0.0039215688, 1 / 3, 0.25])
@pytest.mark.parametrize("kernels", ["built-in", "default"])
def test_agrees_with_the_kernels_of_litert(dtype, scale, kernels):
    point = {"int8": -3, "uint8": 117, "int16": 0}[dtype]
    limits = np.iinfo(dtype)
    steps = np.arange(max(limits.min, -300) - 5, min(limits.max, 300) + 5)
    # Every step, every exact tie, and both neighbours of each tie in float32.
    ties = ((steps + 0.5) * np.float32(scale)).astype(np.float32)
    neighbours = [np.nextafter(ties, np.float32(side)) for side in (-np.inf, np.inf)]
    values = np.concatenate([(steps * scale).astype(np.float32), ties, *neighbours])
    np.testing.assert_array_equal(quantize(values, scale, point, dtype), _run(dtype, scale, point, True, values, kernels))
    stored = np.arange(max(limits.min, -4000), min(limits.max, 4000) + 1).astype(dtype)
    ours, theirs = dequantize(stored, scale, point), _run(dtype, scale, point, False, stored, kernels)
    # The built-in 8-bit kernels multiply before they subtract: two float32 roundings of numbers as large as 255 * scale.
    slack = 0.0 if kernels == "default" or dtype == "int16" else 2**-23 * 512 * scale
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=slack)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16"])
def test_the_built_in_kernels_at_every_size(dtype):
    """Eight values at a time as here; those left over at the end otherwise: exact halves away from zero, and DEQUANTIZE as by default."""
    point, scale = {"int8": -3, "uint8": 117, "int16": 0}[dtype], 0.5
    for size in range(1, 41):
        whole = size - size % 8
        steps = np.random.default_rng(size).permutation(np.arange(-20, 21))[:size] + 0.5
        values = (steps * scale).astype(np.float32)
        got = _run(dtype, scale, point, True, values, "built-in")
        np.testing.assert_array_equal(got[:whole], quantize(values[:whole], scale, point, dtype))
        away = np.sign(steps) * np.ceil(np.abs(steps)) + point
        np.testing.assert_array_equal(got[whole:], away[whole:].astype(dtype))
        if dtype == "int16":
            continue
        np.testing.assert_array_equal(_run(dtype, scale, point, True, values, "default"), quantize(values, scale, point, dtype))
        ends = np.iinfo(dtype)
        stored = np.random.default_rng(size).integers(ends.min, ends.max, size, endpoint=True).astype(dtype)
        real = _run(dtype, 0.0371, point, False, stored, "built-in")
        np.testing.assert_array_equal(real[:whole], dequantize_builtin(stored, 0.0371, point)[:whole])
        np.testing.assert_array_equal(real[whole:], dequantize(stored, 0.0371, point)[whole:])


def test_every_dtype_is_stored_as_itself():
    assert [quantize([0.0], 1.0, 0, dtype).dtype.name for dtype in DTYPES] == list(DTYPES)


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
@pytest.mark.parametrize("seed", range(20))
def test_dequantize_builtin_is_the_built_in_kernel_for_all_values(dtype, seed):
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    rng, ends = np.random.default_rng(seed), np.iinfo(dtype)
    scale, point = float(np.float32(np.exp(rng.uniform(-9, 4)))), int(rng.integers(ends.min, ends.max, endpoint=True))
    b = builders.Builder()
    source, result = b.tensor("x", (256,), dtype.upper(), scale=scale, zero_point=point), b.tensor("y", (256,), "FLOAT32")
    b.op("DEQUANTIZE", [source], [result], 2, "DequantizeOptions")
    interpreter = Interpreter(
        model_content=b.build([source], [result]),
        num_threads=1,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.allocate_tensors()
    stored = np.arange(ends.min, ends.max + 1).astype(dtype)
    interpreter.set_tensor(source, stored)
    interpreter.invoke()
    want, have = interpreter.get_tensor(result), dequantize_builtin(stored, scale, point)
    assert have.dtype == np.float32
    assert want.tobytes() == have.tobytes()
    # Never further from the exact value than the rounding of the two products.
    assert np.abs(have - dequantize(stored, scale, point)).max() <= 1e-4 * scale


@given(SMALL, st.floats(-1e4, 1e4), st.floats(0, 1e4))
def test_a_fitted_range_holds_its_ends_and_zero(dtype, low, extent):
    high = low + extent
    scale, point = fit_range(low, high, dtype)
    assert np.iinfo(dtype).min <= point <= np.iinfo(dtype).max
    if scale < 1e-30:
        return
    for value in (low, high, 0.0):
        back = float(dequantize(quantize([value], scale, point, dtype), scale, point)[0])
        # The zero point is rounded: an end may lie half a step outside, and is then stored as the last integer.
        assert abs(back - value) <= scale * 1.01 + 1e-6 * abs(value)
    assert dequantize(quantize([0.0], scale, point, dtype), scale, point)[0] == 0


def test_fitted_ranges_by_hand():
    assert fit_range(-1, 4) == (5 / 255, -77)
    assert fit_range(0, 255, "uint8") == (1.0, 0)
    assert fit_range(2, 5) == (5 / 255, -128)  # widened down to 0
    assert fit_range(-3, 1.27, symmetric=True) == (3 / 127, 0)
    assert fit_range(0, 0) == fit_range(0, 0, symmetric=True) == (1.0, 0)
    assert fit_range(0, 5e-324)[1] == -128
    assert fit_range(0, 5e-324)[0] == fit_range(0, 5e-324, symmetric=True)[0] > 0


@pytest.mark.parametrize(("low", "high", "dtype"), [(1, 0, "int8"), (np.nan, 1, "int8"), (0, np.inf, "int8"), (0, 1, "int32")])
def test_no_range_is_refused(low, high, dtype):
    with pytest.raises(InputError):
        fit_range(low, high, dtype)
