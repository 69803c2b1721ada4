"""What helps each kind of model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from edgewb.bundles import bundled_model, bundled_studies
from edgewb.errors import ModelFileError
from edgewb.lessons.remedies import REMEDIES, find_remedy, mend_if_possible

STUDY = {record.recipe: record.file for record in bundled_studies()[0].records}


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (bundled_model("digits_cnn_int8").path, "nothing"),
        (bundled_model("elu_branch").path, "change a layer"),
        (STUDY["float32"], "convert"),
        (STUDY["dynamic_range"], "convert"),
        (STUDY["float16"], "convert"),
    ],
)
def test_remedies(path: Path, name: str) -> None:
    found = find_remedy(path)
    assert found.name == name
    assert found.advice == REMEDIES[name]
    assert found.gain == ""


def test_a_fix_says_what_it_brings() -> None:
    found = find_remedy(bundled_model("dynamic_batch").path)
    assert (found.name, found.gain) == ("fix", "7 of 13 -> 10 of 10 ops on the Edge TPU (predicted).")


def test_a_float_edge_is_mended(tmp_path: Path, tflite_bytes: Callable[[str], bytes]) -> None:
    path = tmp_path / "io.tflite"
    path.write_bytes(tflite_bytes("float_io"))
    assert find_remedy(path).name == "fix"


def test_what_holds_nothing_back_may_stay(tmp_path: Path, tflite_bytes: Callable[[str], bytes]) -> None:
    path = tmp_path / "detector.tflite"
    path.write_bytes(tflite_bytes("custom_op"))
    assert find_remedy(path).name == "nothing"
    path.write_bytes(tflite_bytes("leaky_branches"))
    assert find_remedy(path).name == "change a layer"


def test_mending_what_can_be_mended(tmp_path: Path, tflite_bytes: Callable[[str], bytes]) -> None:
    path, out = tmp_path / "a.tflite", tmp_path / "mended.tflite"
    path.write_bytes(tflite_bytes("float_io"))
    assert mend_if_possible(path, out).file == str(out)
    path.write_bytes(tflite_bytes("int8_conv"))
    nothing = mend_if_possible(path, tmp_path / "other.tflite")
    assert nothing.file == str(path)
    assert "nothing mended" in repr(nothing)
    path.write_bytes(tflite_bytes("compiled"))
    assert mend_if_possible(path, out).file == str(path)
    assert "&" not in mend_if_possible(path, out)._repr_html_()


def test_compiled_and_unreadable(tmp_path: Path, tflite_bytes: Callable[[str], bytes]) -> None:
    path = tmp_path / "a_edgetpu.tflite"
    path.write_bytes(tflite_bytes("compiled"))
    assert find_remedy(path).name == "use it"
    path.write_bytes(b"rubbish")
    with pytest.raises(ModelFileError):
        find_remedy(path)
