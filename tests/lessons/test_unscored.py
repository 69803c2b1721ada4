"""Why there is no accuracy: told by the form of the model."""

from __future__ import annotations

from pathlib import Path

import brought_models
import pytest

from edgewb.accuracies import evaluate
from edgewb.errors import EdgewbError
from edgewb.lessons.example_folders import write_example_folder
from edgewb.lessons.unscored import DEVICE, LEFT, Unscored, explain_no_score


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_example_folder(tmp_path_factory.mktemp("data") / "photos", per_class=4)


def explained(path: Path, photos: Path) -> Unscored:
    with pytest.raises(EdgewbError) as caught:
        evaluate(path, photos)
    return explain_no_score(path, caught.value)


@pytest.mark.parametrize(
    ("name", "why", "instead"),
    [
        ("two_inputs", "it takes 2 inputs", LEFT),
        ("detector", "it gives 2 outputs, as detectors do", LEFT),
        ("segmentation", "the shape [1, 8, 8, 2]", LEFT),
        ("custom_op", "the shape [1, 10, 4]", LEFT),
        ("image_regression", "it gives a single number", "Set DATA to an .npz"),
        ("regression", "it gives a single number", "Set DATA to an .npz"),
        ("compiled", "runs on its device alone", DEVICE),
        ("half", "truncated", "Nothing can be said"),
        ("missing", "no such file", "Nothing can be said"),
    ],
)
def test_each_form_has_its_sentence(tmp_path: Path, photos: Path, name: str, why: str, instead: str) -> None:
    found = explained(brought_models.write(tmp_path, name), photos)
    assert why in found.why
    assert found.why.endswith(".")
    assert found.instead.startswith(instead)
    assert repr(found).startswith("No accuracy: ")
    assert "<b>No accuracy:</b>" in found._repr_html_()


def test_a_classifier_keeps_the_message(tmp_path: Path, photos: Path) -> None:
    two = Path(photos.parent) / "two"
    for name in ("0", "1"):
        (two / name).mkdir(parents=True)
        for image in (photos / name).iterdir():
            (two / name / image.name).write_bytes(image.read_bytes())
    found = explained(brought_models.write(tmp_path, "int8_conv"), two)  # ten outputs, two classes
    assert "2 classes" in found.why
    assert "input range" in found.instead


def test_names_do_no_harm(tmp_path: Path, photos: Path) -> None:
    path = tmp_path / "<b>.tflite"
    path.write_bytes(b"rubbish")
    assert "&lt;b&gt;" in explained(path, photos)._repr_html_()
