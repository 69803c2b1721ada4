"""An int8 file quantised anew is the one the converter made; other examples and other nets give what they should."""

import builders
import numpy as np
import pytest

from edgewb.datasets import load_dataset
from edgewb.errors import InputError
from edgewb.lessons.calibration_trials import study_file
from edgewb.lessons.recalibrations import channel_scales, layer_values, recalibrate, record_ranges
from edgewb.tflite.reader import read_graph


@pytest.fixture(scope="module")
def calibration():
    return load_dataset("digits").calibration.x


@pytest.mark.parametrize("recipe", ["ptq_int8", "ptq_int8_per_tensor"])
def test_with_the_converters_examples_it_is_the_converters_file(recipe, calibration):
    """Scales, zero points and weights are the same; of the biases at most two differ, by a step: the converter rounds a half otherwise."""
    made = read_graph(recalibrate(study_file(recipe), study_file("float32"), calibration))
    converted = read_graph(study_file(recipe))
    other_biases = 0
    for tensor, other in zip(made.tensors, converted.tensors, strict=True):
        if tensor.quantization is None:
            continue
        np.testing.assert_array_equal(tensor.quantization.scales, other.quantization.scales)
        np.testing.assert_array_equal(tensor.quantization.zero_points, other.quantization.zero_points)
        if tensor.is_constant:
            difference = np.abs(made.constant(tensor.index).astype(int) - converted.constant(other.index).astype(int))
            if tensor.dtype == "int32":
                assert difference.max() <= 1
                other_biases += int(difference.sum())
            else:
                assert difference.max() == 0
    assert other_biases <= 2


def test_ranges_grow_with_the_examples_and_hold_their_values(calibration):
    one, all_of_them = (record_ranges(study_file("float32"), calibration[:n]) for n in (1, 100))
    assert [r.layer for r in one][:3] == ["input", "0 conv_2d", "1 depthwise_conv_2d"]
    assert {r.n for r in one} == {1}
    for few, many in zip(one, all_of_them, strict=True):
        assert many.low <= few.low <= few.high <= many.high
    values = layer_values(study_file("float32"), calibration, 2)
    assert values.shape == (100, 16, 16, 32)
    assert (values.min(), values.max()) == (all_of_them[3].low, all_of_them[3].high)


def test_examples_that_do_not_fit_are_refused(calibration):
    for wrong, said in ((calibration[:0], "at least 1"), (calibration[:, :8], "is wanted"), (calibration[:1] * np.nan, "NaN")):
        with pytest.raises(InputError, match=said):
            recalibrate(study_file("ptq_int8"), study_file("float32"), wrong)
    with pytest.raises(InputError, match="ops 0 to 13"):
        layer_values(study_file("float32"), calibration, 14)


def test_another_net_or_an_unknown_op_is_refused(tflite_bytes, calibration):
    with pytest.raises(InputError, match="another model"):
        recalibrate(tflite_bytes("int8_conv"), study_file("float32"), calibration)
    with pytest.raises(InputError, match="scales are not worked out here"):
        recalibrate(*_leaky_pair(), np.ones((1, 4), np.float32))


def _leaky_pair():
    """A net of one LEAKY_RELU, int8 and float."""
    files = []
    for dtype in ("INT8", "FLOAT32"):
        b = builders.Builder()
        x, y = b.tensor("x", [1, 4], dtype), b.tensor("y", [1, 4], dtype)
        b.op("LEAKY_RELU", [x], [y], alpha=0.1)
        files.append(b.build([x], [y]))
    return files


def test_channel_scales():
    weights = np.array([[1.27, -2.54], [0, 0], [0.1, 0.127]])
    assert channel_scales(weights, 0) == pytest.approx([0.02, 1, 0.001])
    assert channel_scales(weights, 1) == pytest.approx([0.01, 0.02])
    assert channel_scales(weights, None) == pytest.approx([0.02])
