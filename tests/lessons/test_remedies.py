"""What helps each kind of model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from edgewb.bundles import bundled_model, bundled_studies
from edgewb.errors import ModelFileError
from edgewb.lessons.remedies import REMEDIES, find_remedy

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
    assert found.ops_edgetpu_mended is None


def test_a_fix_says_what_it_brings() -> None:
    found = find_remedy(bundled_model("dynamic_batch").path)
    assert (found.name, found.ops_edgetpu, found.ops_edgetpu_mended) == ("fix", 7, 10)


def test_a_float_edge_is_mended(tmp_path: Path, tflite_bytes: Callable[[str], bytes]) -> None:
    path = tmp_path / "io.tflite"
    path.write_bytes(tflite_bytes("float_io"))
    assert find_remedy(path).name == "fix"


def test_compiled_and_unreadable(tmp_path: Path, tflite_bytes: Callable[[str], bytes]) -> None:
    path = tmp_path / "a_edgetpu.tflite"
    path.write_bytes(tflite_bytes("compiled"))
    assert find_remedy(path).name == "use it"
    path.write_bytes(b"rubbish")
    with pytest.raises(ModelFileError):
        find_remedy(path)
