"""Studies that notebooks recall where nothing can be trained: all that they ask for was recorded, and says so."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import course_notebooks
import jupytext
import pytest

from edgewb.bundles import bundled_test_images
from edgewb.courses.recorded import course_folder, debug_or_recall, recall, run_or_recall
from edgewb.errors import InputError
from edgewb.measurements import predict

TRAINING = [source for source in course_notebooks.SOURCES if "run_or_recall(" in source.read_text()]


def calls(source: Path) -> list[dict[str, Any]]:
    """What a notebook asks ``run_or_recall`` for, as far as it is written out."""
    found = []
    code = "\n".join(cell.source for cell in course_notebooks.code_cells(jupytext.read(source)))
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "run_or_recall":
            named = {word.arg: word.value for word in node.keywords}
            found.append(
                {
                    "dataset": ast.literal_eval(node.args[0]),
                    "recipes": ast.literal_eval(node.args[1]),
                    **({"model": ast.literal_eval(named["model"])} if "model" in named else {}),
                }
            )
    return found


def test_the_notebooks_that_train_can_do_without() -> None:
    assert [source.name[:2] for source in TRAINING] == ["02", "04", "05"]


@pytest.mark.parametrize("source", TRAINING, ids=lambda path: path.stem)
def test_what_a_notebook_asks_for_was_recorded(source: Path) -> None:
    asked = calls(source)
    assert asked
    for one in asked:
        study = recall(**one)
        assert [record.recipe for record in study.records] == [name.strip() for name in one["recipes"].split(",")]
        assert {record.origin for record in study.records} == {"imported"}
        assert study.context.learning_curve is not None
        assert len(study.context.learning_curve.losses) == 25
        assert all(record.settings["making_seconds"] > 0 for record in study.records)


def test_seeds_of_the_notebooks_were_recorded() -> None:
    assert [recall("digits", "float32", seed=seed).records[0].seed for seed in (0, 1, 2)] == [0, 1, 2]


def test_a_recalled_study_says_where_it_is_from(capsys: pytest.CaptureFixture[str]) -> None:
    study = run_or_recall("digits", "float32, ptq_int8", recorded=True)
    said = capsys.readouterr().out
    assert said.startswith("Recorded on 20")
    assert "on another computer" in said
    assert study.context.notes[0] == said.strip()
    assert "ptq_int8" in study.to_text()


def test_a_kept_file_is_the_one_that_was_measured() -> None:
    record = recall("digits", "float32, ptq_int8").records[1]
    images = bundled_test_images()
    assert record.accuracy is not None
    assert int((predict(record.file, images.x).argmax(axis=-1) == images.y).sum()) == record.accuracy.correct


def test_float_stands_first_whatever_is_asked_for() -> None:
    assert [record.recipe for record in recall("digits", ["qat_int8", "float32"]).records] == ["float32", "qat_int8"]


def test_what_was_not_recorded_is_said() -> None:
    with pytest.raises(InputError, match=r"no study of digits, digits_wide, seed 0 .*: there are digits-digits_cnn-seed0, .*make setup"):
        recall("digits", "float32", model="digits_wide")
    with pytest.raises(InputError, match=r"float16 was not recorded for digits_cnn: there are float32, .*make setup"):
        recall("digits", "float16")
    with pytest.raises(InputError, match="no diagnosis of digits_wide on digits was recorded"):
        debug_or_recall("digits_wide", recorded=True)


def test_the_recalled_diagnosis_names_the_layer() -> None:
    diagnosis = debug_or_recall("digits_hard", recorded=True)
    assert diagnosis.culprit is not None
    assert diagnosis.culprit.cause == "channels"
    assert "Culprit" in repr(diagnosis)
    assert "Culprit" in diagnosis._repr_html_()


@pytest.mark.parametrize(("where", "base"), [("notebooks", "."), ("notebooks/solutions", "."), ("elsewhere", "elsewhere")])
def test_notebooks_write_beside_their_folder(where: str, base: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / where).mkdir(parents=True)
    monkeypatch.chdir(tmp_path / where)
    assert course_folder() == (tmp_path / base / "runs" / "course").resolve()
