"""What I have: each answer with its basis; what cannot be answered is open and says why."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from edgewb.bundles import bundled_model
from edgewb.errors import ModelFileError
from edgewb.lessons.example_folders import write_example_folder
from edgewb.lessons.summaries import HERE, OPEN, ModelSummary, summarise_model
from edgewb.types import Basis


def point(summary: ModelSummary, words: str):  # type: ignore[no-untyped-def]
    (found,) = [one for one in summary.points if words in one.question]
    return found


@pytest.fixture(scope="module")
def dynamic() -> ModelSummary:
    return summarise_model(bundled_model("dynamic_batch").path)


def test_every_basis_is_a_word_of_ours(dynamic: ModelSummary) -> None:
    assert {one.basis for one in dynamic.points} <= {*Basis, OPEN}
    assert len({one.question for one in dynamic.points}) == len(dynamic.points) == 6


def test_a_model_that_can_be_mended(dynamic: ModelSummary) -> None:
    placed = point(dynamic, "runs on an Edge TPU")
    assert "7 of 13 ops" in placed.answer
    assert "op 10, RESHAPE" in placed.answer
    assert "7 of 13 -> 10 of 10 ops" in placed.then
    assert placed.basis == "predicted"
    assert point(dynamic, "would it take").basis == OPEN
    assert "at least" in point(dynamic, "would it take").answer
    assert point(dynamic, HERE).basis == "measured"
    assert "Give data" in point(dynamic, "How good").then


def test_with_data(tmp_path: Path) -> None:
    folder = write_example_folder(tmp_path / "photos", per_class=6)
    summary = summarise_model(bundled_model("digits_cnn_int8").path, folder)
    good = point(summary, "How good")
    assert good.basis == "measured"
    assert "95 % interval" in good.answer
    assert "80 % intervals" in point(summary, "would it take").answer
    wrong = summarise_model(bundled_model("elu_branch").path, folder)
    assert point(wrong, "How good").basis == OPEN
    assert "classes" in point(wrong, "How good").answer


def test_a_compiled_file_is_not_run_here(tmp_path: Path, tflite_bytes: Callable[[str], bytes]) -> None:
    path = tmp_path / "a_edgetpu.tflite"
    path.write_bytes(tflite_bytes("compiled"))
    summary = summarise_model(path)
    assert point(summary, HERE).basis == OPEN
    assert "its device alone" in point(summary, HERE).then
    assert point(summary, "What is it").answer.startswith("compiled")


def test_advice_fits_the_file(tmp_path: Path, tflite_bytes: Callable[[str], bytes]) -> None:
    path = tmp_path / "a.tflite"
    path.write_bytes(tflite_bytes("float_io"))
    assert point(summarise_model(path), "What is it").then == ""  # `edgewb fix` moves the conversion out: no second advice
    path.write_bytes(tflite_bytes("custom_op"))
    assert point(summarise_model(path), HERE).basis == OPEN
    assert "its device alone" not in point(summarise_model(path), HERE).then


def test_names_do_no_harm(tmp_path: Path, tflite_bytes: Callable[[str], bytes]) -> None:
    path = tmp_path / "a<b>|c.tflite"
    path.write_bytes(tflite_bytes("int8_conv"))
    summary = summarise_model(path)
    assert "<b>|c" not in summary._repr_html_().replace("<b>a", "")
    assert "a&lt;b>\\|c" in summary.to_markdown()
    saved = summary.save(tmp_path / "out" / "have.md")
    assert saved.read_text(encoding="utf-8") == summary.to_markdown()
    assert "What is it?" in repr(summary)
    path.write_bytes(b"rubbish")
    with pytest.raises(ModelFileError):
        summarise_model(path)
