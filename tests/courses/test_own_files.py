"""What the reader brings is taken or replaced by an example, in sentences; notebook 12 runs to its end with all of it."""

from __future__ import annotations

import re
from pathlib import Path

import brought_models
import course_notebooks as course
import made_regressions
import pytest

from edgewb.accuracies import Evaluation
from edgewb.bundles import bundled_model
from edgewb.courses.own_files import EXAMPLE, evaluate_own_model, take_data, take_model
from edgewb.lessons.example_folders import write_example_folder
from edgewb.lessons.unscored import Unscored

SOURCE = course.FOLDER / "sources" / "12_your_own_model.py"


@pytest.mark.parametrize("name", ["two_inputs", "detector", "compiled", "float", "dynamic_batch"])
def test_what_can_be_read_is_taken(tmp_path: Path, name: str) -> None:
    path = brought_models.write(tmp_path, name)
    taken = take_model(path)
    assert taken.file == path
    assert repr(taken).startswith(f"Your model: {name}.tflite (")


@pytest.mark.parametrize(("name", "why"), [("half", "truncated"), ("empty", "is empty"), ("missing", "no such file")])
def test_what_cannot_be_read_is_replaced_and_said(tmp_path: Path, name: str, why: str) -> None:
    taken = take_model(brought_models.write(tmp_path, name))
    assert taken.file == bundled_model(EXAMPLE).path
    assert why in repr(taken)
    assert "All below is about another one" in repr(taken)
    assert taken._repr_html_().count("<p>") == 2


@pytest.mark.parametrize("given", [5, "", "~nobody-of-that-name/a.tflite", "a\0b"])
def test_what_is_no_path_is_said_too(given: object) -> None:
    assert "cannot be used" in repr(take_model(given))  # type: ignore[arg-type]


def test_no_model_and_a_model_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "No model was given" in repr(take_model(None))
    monkeypatch.setenv("HOME", str(tmp_path))
    path = brought_models.write(tmp_path, "int8_conv")
    assert take_model("~/int8_conv.tflite").file == path


def test_data(tmp_path: Path) -> None:
    folder = write_example_folder(tmp_path / "photos", per_class=4)
    taken = take_data(folder, tmp_path / "out")
    assert (taken.place, taken.yours) == (str(folder), str(folder))
    assert "0/  4 images" in repr(taken)
    assert "<pre>photos/" in taken._repr_html_()
    assert not (tmp_path / "out").exists()
    rows = made_regressions.write_data(tmp_path / "rows.npz", n=60)
    assert "regression" in repr(take_data(rows))
    assert take_data(rows).tree == ""


@pytest.mark.parametrize(
    ("given", "why"),
    [(None, "No data were given"), ("/no/such/folder", "no such file"), ("photos", "unknown dataset"), (5, "unknown dataset")],
)
def test_other_data_are_replaced_and_said(tmp_path: Path, given: object, why: str) -> None:
    taken = take_data(given, tmp_path / "out")  # type: ignore[arg-type]
    assert (taken.place, taken.yours) == (str(tmp_path / "out"), None)
    assert why in repr(taken)


def test_images_without_labels(tmp_path: Path) -> None:
    folder = write_example_folder(tmp_path / "photos", per_class=4) / "0"
    assert "sub-folders" in repr(take_data(folder, tmp_path / "out"))


def test_evaluating(tmp_path: Path) -> None:
    folder = write_example_folder(tmp_path / "photos", per_class=4)
    assert isinstance(evaluate_own_model(bundled_model("digits_cnn_int8").path, folder), Evaluation)
    assert isinstance(evaluate_own_model(brought_models.write(tmp_path, "detector"), folder), Unscored)
    rows = made_regressions.write_data(tmp_path / "rows.npz", n=60)
    found = evaluate_own_model(brought_models.write(tmp_path, "regression"), rows)
    assert "MAE" in repr(found)


@pytest.mark.notebooks
@pytest.mark.parametrize(
    ("name", "with_data"),
    [
        ("regression", True),
        ("two_inputs", True),
        ("segmentation", True),
        ("custom_op", True),
        ("compiled", True),
        ("half", True),
        ("float", False),
    ],
)
def test_the_notebook_runs_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, with_data: bool) -> None:
    import jupytext
    from nbclient import NotebookClient

    monkeypatch.setenv("EDGEWB_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")
    model = brought_models.write(tmp_path, name)
    data = str(write_example_folder(tmp_path / "photos", per_class=4)) if with_data else None
    notebook = jupytext.read(SOURCE)
    first = course.code_cells(notebook)[0]
    for key, value in (("MODEL", str(model)), ("DATA", data)):
        first.source, found = re.subn(rf"^{key} = None", f"{key} = {value!r}", first.source, flags=re.MULTILINE)
        assert found == 1
    place = tmp_path / "notebooks"
    place.mkdir()
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(place)}}).execute()
    outputs = [output for cell in course.code_cells(notebook) for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error"]
    said = "\n".join(output.data.get("text/plain", "") for output in outputs if "data" in output)
    assert "What is it?" in said
    if with_data and name != "half":
        assert "No accuracy: " in said
