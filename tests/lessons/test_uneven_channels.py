"""Channels spread without changing what a net answers."""

import numpy as np
import pytest

from edgewb.bundles import bundled_test_images
from edgewb.debugging.layer_errors import Runner
from edgewb.errors import InputError
from edgewb.lessons.calibration_trials import study_file
from edgewb.lessons.recalibrations import record_ranges
from edgewb.lessons.uneven_channels import widen_channels
from edgewb.tflite.reader import load_bytes


@pytest.fixture(scope="module")
def original():
    return load_bytes(study_file("float32"))


@pytest.mark.parametrize("octaves", [1, 4])
def test_answers_stay_and_ranges_do_not(original, octaves):
    images = bundled_test_images().x[:20]
    wide = widen_channels(original, octaves)
    (before,), (after,) = Runner(original).run([images]), Runner(wide).run([images])
    np.testing.assert_allclose(after, before, atol=2e-4)
    inside = [(a.high, b.high) for a, b in zip(record_ranges(original, images), record_ranges(wide, images), strict=True)]
    assert all(b > a for a, b in inside[1:12])  # the largest channel has become larger in every hidden layer
    assert inside[-1][1] == pytest.approx(inside[-1][0], rel=1e-3)


def test_no_octaves_change_nothing_and_a_seed_is_a_seed(original):
    images = bundled_test_images().x[:2]
    np.testing.assert_array_equal(Runner(widen_channels(original, 0)).run([images])[0], Runner(original).run([images])[0])
    assert widen_channels(original, 2, seed=3) == widen_channels(original, 2, seed=3)
    assert widen_channels(original, 2, seed=3) != widen_channels(original, 2, seed=4)


def test_what_no_factor_passes_through_is_refused(original, tflite_bytes):
    with pytest.raises(InputError, match="octaves 9"):
        widen_channels(original, 9)
    with pytest.raises(InputError):
        widen_channels(tflite_bytes("leaky_branches"), 1)
