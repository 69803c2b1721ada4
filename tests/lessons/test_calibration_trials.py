"""Good and bad calibration data, and spread channels: figures that stand in notebook 03's words."""

import pytest

from edgewb.errors import InputError
from edgewb.lessons.calibration_trials import (
    KINDS,
    list_kinds,
    spoilt_calibrations,
    study_file,
    study_record,
    try_calibrations,
    try_spreads,
)


def test_a_wrong_preparation_is_ruinous_and_few_images_are_not():
    sets = spoilt_calibrations()
    wanted = ["100 images", "1 image", "pixels 0 to 255 (forgot / 255)", "divided by 255 twice", "one pixel of 255"]
    found = {trial.name: trial for trial in try_calibrations({name: sets[name] for name in wanted})}
    assert [trial.n for trial in found.values()] == [200] * 5
    good, one, forgot, twice, pixel = (found[name] for name in wanted)
    assert good.ci95[0] < good.accuracy < good.ci95[1]
    assert abs(one.accuracy - good.accuracy) < 0.03
    assert max(forgot.accuracy, twice.accuracy) < 0.3 < pixel.accuracy < good.accuracy - 0.1


def test_one_scale_per_tensor_breaks_first_and_one_per_channel_later():
    even, three, four = try_spreads((0, 3, 4))
    assert even.per_tensor.accuracy > 0.95
    assert three.per_tensor.accuracy < 0.5 < 0.9 < three.per_channel.accuracy
    assert four.per_channel.accuracy < 0.8
    assert even.float32.accuracy == three.float32.accuracy == four.float32.accuracy


def test_kinds_say_what_the_files_hold():
    table = list_kinds()
    by_column = dict(zip(table.columns, zip(*table.rows, strict=True), strict=True))
    assert by_column["recipe"] == KINDS
    assert by_column["between layers"] == ("float32",) * 3 + ("int8",) * 2
    assert by_column["scales"] == ("none", "per channel", "none", "per channel", "per tensor")
    assert by_column["weights"] == ("float32", "float32 and int8", "float16", "int8", "int8")
    assert by_column["ops on Edge TPU"] == ("0 of 14", "0 of 14", "0 of 38", "14 of 14", "14 of 14")
    assert "predicted" in table.note
    assert "n = 500" in table.note


def test_unknown_recipe_is_refused():
    with pytest.raises(InputError, match="ptq_int8"):
        study_file("ptq")
    assert study_record("float32").recipe == "float32"
