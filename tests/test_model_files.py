"""Models users bring: what each file is told to be, and that each kind goes all the way to int8 or says why not."""

import contextlib
import json
import os
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from dataset_helpers import make_folder
from model_zoo import zoo

import edgewb.studies
from edgewb.errors import EdgewbError, InputError, ModelFileError
from edgewb.model_files import NO_FINE_TUNING, ModelKind, identify_model
from edgewb.models import MODELS
from edgewb.optimizers.training import TrainingSettings
from edgewb.optimizers.workers import Worker
from edgewb.studies import Outcome, run_study


def keras_zip(path: Path, metadata: bytes = b'{"keras_version": "2.15.0"}') -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", metadata)
    return path


def keras_h5(path: Path, **attributes: Any) -> Path:
    with h5py.File(path, "w") as file:
        file.attrs.update(attributes)
    return path


def refused(name: str | Path, says: str, **more: Any) -> None:
    with pytest.raises(InputError, match=says) as caught:
        identify_model(name, **more)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("version", "kind"), [("2.15.0", ModelKind.TF_KERAS), ("2.21.0", ModelKind.TF_KERAS), ("3.0.1", ModelKind.KERAS3)])
def test_a_keras_file_is_told_by_the_version_that_wrote_it(version: str, kind: ModelKind, tmp_path: Path) -> None:
    in_zip = identify_model(keras_zip(tmp_path / "m.keras", json.dumps({"keras_version": version}).encode()))
    in_h5 = identify_model(keras_h5(tmp_path / "m.h5", model_config="{}", keras_version=version))
    assert (in_zip.kind, in_h5.kind) == (kind, kind)
    assert in_zip.name == "m.keras"
    assert in_zip.sha256 != in_h5.sha256
    assert not in_zip.trains
    assert in_zip.fine_tunes == (kind is ModelKind.TF_KERAS)


def test_the_content_counts_and_not_the_name(tmp_path: Path, tflite_bytes: Callable[[str], bytes]) -> None:
    odd = tmp_path / "model.h5"
    odd.write_bytes(tflite_bytes("float"))
    assert identify_model(odd).kind is ModelKind.TFLITE
    first = identify_model(keras_zip(tmp_path / "a.keras"))
    second = identify_model(shutil.copy(tmp_path / "a.keras", tmp_path / "b.keras"))
    assert first.sha256 == second.sha256


def test_a_saved_model_is_a_folder_and_every_file_in_it_counts(tmp_path: Path) -> None:
    folder = tmp_path / "saved"
    (folder / "variables").mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(b"x")
    (folder / "variables" / "v").write_bytes(b"1")
    before = identify_model(folder)
    assert before.kind is ModelKind.SAVED_MODEL
    (folder / "variables" / "v").write_bytes(b"2")
    assert identify_model(folder).sha256 != before.sha256


@pytest.mark.parametrize("name", [name for name in MODELS if not MODELS[name].takes_weights])
def test_built_in_names_train_here(name: str) -> None:
    source = identify_model(name)
    assert (source.kind, source.trains, source.fine_tunes, source.sha256) == (ModelKind.BUILTIN, True, True, "")


@pytest.mark.parametrize(
    "metadata", [b"{}", b"[]", b"7", b"null", b"{", b"\xff\xfe", b'{"keras_version": ""}', b'{"keras_version": null}', b"[" * 10_000]
)
def test_odd_metadata_of_a_keras_file_is_refused(metadata: bytes, tmp_path: Path) -> None:
    refused(keras_zip(tmp_path / "m.keras", metadata), "m.keras (is a zip but no readable .keras|does not say which Keras|is a Keras)")


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    whole = keras_zip(tmp_path / "m.keras").read_bytes()
    for length in range(4, len(whole), 7):
        (tmp_path / "m.keras").write_bytes(whole[:length])
        refused(tmp_path / "m.keras", "m.keras is a zip but no readable|no model edgewb can read")
    for position in range(0, len(whole), 3):
        damaged = bytearray(whole)
        damaged[position] ^= 0xFF
        (tmp_path / "m.keras").write_bytes(damaged)
        with contextlib.suppress(InputError):  # some bytes do not matter; anything but an InputError fails the test
            identify_model(tmp_path / "m.keras")
    whole = keras_h5(tmp_path / "m.h5", model_config="{}", keras_version="2.15.0").read_bytes()
    for length in (8, 50, 100, len(whole) // 2, len(whole) - 1):
        (tmp_path / "m.h5").write_bytes(whole[:length])
        refused(tmp_path / "m.h5", "damaged .h5")


def test_a_zip_that_is_no_keras_file_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "m.keras", "w") as archive:
        archive.writestr("readme.txt", "hello")
    refused(tmp_path / "m.keras", "no readable .keras")


def test_weights_alone_are_refused(tmp_path: Path) -> None:
    refused(keras_h5(tmp_path / "w.h5", keras_version="2.15.0"), "holds weights only: save the whole model")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("no/such/model.keras", "no such model 'no/such/model.keras'"),
        ("model.keras", "no such model 'model.keras'"),
        ("digits_cn", "did you mean 'digits_cnn'"),
        ("mobilenet_v2", "needs pretrained weights"),
    ],
)
def test_names_that_lead_nowhere(name: str, says: str) -> None:
    refused(name, says)


def test_weights_go_with_the_model_that_takes_them(tmp_path: Path) -> None:
    (tmp_path / "w.h5").write_bytes(b"w")
    refused("digits_cnn", "takes no --weights", weights=tmp_path / "w.h5")
    refused("mobilenet_v2", "no weights file", weights=tmp_path / "none.h5")
    refused(keras_zip(tmp_path / "m.keras"), "not with", weights=tmp_path / "w.h5")
    source = identify_model("mobilenet_v2", weights=tmp_path / "w.h5")
    assert len(source.weights_sha256) == 64


def test_other_files_and_folders_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text.keras").write_text("hello")
    (tmp_path / "empty.h5").write_bytes(b"")
    refused(tmp_path / "text.keras", "no model edgewb can read")
    refused(tmp_path / "empty.h5", "no model edgewb can read")
    refused(tmp_path, "is no SavedModel")


def test_a_pipe_is_refused_without_waiting_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.keras")
    refused(tmp_path / "pipe.keras", "neither a regular file nor a folder")


# From here on with TensorFlow.


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with Worker() as shared_worker:
        yield shared_worker


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three classes, 60 images."""
    return make_folder(tmp_path_factory.mktemp("pictures") / "brightness", {"dark": 20, "grey": 20, "light": 20})


@pytest.fixture
def study(worker: Worker, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Outcome]:
    """``study("m.keras", "ptq_int8")``: a study of a model of the zoo, six steps of training, in a home of its own."""
    monkeypatch.setenv("EDGEWB_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(edgewb.studies, "FAST", TrainingSettings(steps=6, fine_tune_steps=6, minimum_epochs=1))
    monkeypatch.setattr(edgewb.studies, "Worker", lambda: contextlib.nullcontext(worker))

    def run(model: str, recipes: str, dataset: str | Path = pictures, **options: Any) -> Outcome:
        return run_study(dataset, recipes, model=zoo() / model, fast=True, out=tmp_path / "out", **options)

    return run


@pytest.mark.training
@pytest.mark.parametrize(
    "model", ["tf_keras.keras", "tf_keras.h5", "batch1.keras", "keras3.keras", "keras3.h5", "saved_model", "dynamic.tflite"]
)
def test_ptq_and_inspection_work_for_every_kind(model: str, study: Callable[..., Outcome]) -> None:
    outcome = study(model, "ptq_int8,ptq_int8_per_tensor")
    assert [r.recipe for r in outcome.records] == ["float32", "ptq_int8", "ptq_int8_per_tensor"]
    assert outcome.skipped == ()
    assert outcome.context.input_shape == (16, 16, 3)
    for record in outcome.records:
        assert record.accuracy.n == 15
        assert record.accuracy.value >= 0.9
        inspection = edgewb.inspect(record.file)
        assert (inspection.ops_edgetpu == 0) == (record.recipe == "float32")
    assert outcome.recommendation.recipe is not None
    assert outcome.context.float_parameters == 24


@pytest.mark.training
@pytest.mark.parametrize(
    ("model", "kind"), [("keras3.keras", ModelKind.KERAS3), ("saved_model", ModelKind.SAVED_MODEL), ("dynamic.tflite", ModelKind.TFLITE)]
)
def test_recipes_that_train_say_why_they_cannot(model: str, kind: ModelKind, study: Callable[..., Outcome]) -> None:
    outcome = study(model, "qat_int8,prune50_ptq_int8,ptq_int8")
    assert [s.recipe for s in outcome.skipped] == ["qat_int8", "prune50_ptq_int8"]
    for skipped in outcome.skipped:
        assert "needs a tf_keras model" in skipped.reason
        assert NO_FINE_TUNING[kind] in skipped.reason
    with pytest.raises(InputError, match="needs a tf_keras model"):
        study(model, "qat_int8")


@pytest.mark.training
def test_techniques_that_train_work_on_a_users_tf_keras_model(study: Callable[..., Outcome]) -> None:
    outcome = study("tf_keras.h5", "qat_int8,prune50_ptq_int8,cluster4_ptq_int8")
    assert [r.recipe for r in outcome.records] == ["float32", "qat_int8", "prune50_ptq_int8", "cluster4_ptq_int8"]


@pytest.mark.training
def test_the_input_range_a_model_was_trained_in_is_found(study: Callable[..., Outcome]) -> None:
    outcome = study("minus_one.keras", "ptq_int8")
    assert outcome.context.input_range == (-1.0, 1.0)
    assert all(r.accuracy.value >= 0.9 and r.settings["input_range"] == [-1.0, 1.0] for r in outcome.records)
    assert "input range -1..1 chosen" in outcome.context.notes[0]
    wrong = study("minus_one.keras", "ptq_int8", input_range=(0.0, 1.0))
    assert wrong.context.input_range == (0.0, 1.0)
    assert wrong.records[0].accuracy.value < 0.5


@pytest.mark.training
@pytest.mark.parametrize(
    ("model", "says"),
    [
        ("lambda_tf_keras.keras", r"has a Lambda layer, 'lambda', which is Python code .* build the model from plain layers"),
        ("lambda_tf_keras.h5", r"has a Lambda layer, 'lambda', which is Python code .* build the model from plain layers"),
        ("lambda_keras3.keras", r"has a Lambda layer, 'lambda', which is Python code .* build the model from plain layers"),
        ("lambda_keras3.h5", r"has a Lambda layer, 'lambda', which is Python code .* build the model from plain layers"),
        ("custom_layer.keras", r"has layer 'odd' of class Odd, which is no part of Keras: .* or give it as a SavedModel"),
        ("custom_layer.h5", r"has layer 'odd' of class Odd, which is no part of Keras: .* or give it as a SavedModel"),
        ("weights_only.h5", "weights only"),
        ("two_inputs.keras", "has 2 inputs"),
        ("any_size.keras", r"inputs of shape \(None, None, 3\)"),
        ("gru.keras", r"inputs of shape \(8, 4\)"),
        ("no_signature", "has no signature"),
    ],
)
def test_models_that_cannot_be_used_say_why(model: str, says: str, study: Callable[..., Outcome]) -> None:
    with pytest.raises(ModelFileError, match=says) as caught:
        study(model, "ptq_int8")
    assert "\n" not in str(caught.value)


@pytest.mark.training
def test_code_in_a_lambda_layer_is_never_run(study: Callable[..., Outcome], tmp_path: Path) -> None:
    mark = Path(zoo() / "lambda_ran")
    mark.unlink(missing_ok=True)
    for model in ("lambda_tf_keras.h5", "lambda_tf_keras.keras", "lambda_keras3.h5", "lambda_keras3.keras"):
        with pytest.raises(ModelFileError):
            study(model, "ptq_int8")
    assert not mark.exists()


@pytest.mark.training
@pytest.mark.parametrize("model", ["tf_keras.keras", "tf_keras.h5", "keras3.keras", "keras3.h5", "dynamic.tflite"])
@pytest.mark.parametrize("share", [0.2, 0.6, 0.98])
def test_truncated_models_are_one_line(model: str, share: float, study: Callable[..., Outcome], tmp_path: Path) -> None:
    whole = (zoo() / model).read_bytes()
    cut = tmp_path / model
    cut.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(EdgewbError, match=model) as caught:
        study(str(cut), "ptq_int8")
    assert "\n" not in str(caught.value)
    assert "crash" not in str(caught.value)


@pytest.mark.training
def test_data_that_do_not_fit_the_model_are_refused(study: Callable[..., Outcome], tmp_path: Path) -> None:
    x = np.random.default_rng(0).integers(0, 256, (40, 16, 16, 3)).astype(np.uint8)
    np.savez(tmp_path / "four.npz", x=x, y=np.arange(40) % 4)
    with pytest.raises(InputError, match=r"gives 3 outputs, data set four\.npz has 4 classes"):
        study("tf_keras.keras", "ptq_int8", dataset=tmp_path / "four.npz")
    np.savez(tmp_path / "small.npz", x=x[:, :8, :8], y=np.arange(40) % 3)
    with pytest.raises(InputError, match=r"\(8, 8, 3\) and \(16, 16, 3\) is wanted"):
        study("tf_keras.keras", "ptq_int8", dataset=tmp_path / "small.npz")
    with pytest.raises(InputError):
        study("tf_keras.keras", "ptq_int8", dataset="breast_cancer")


@pytest.mark.training
def test_a_failing_recipe_does_not_take_the_others_with_it(study: Callable[..., Outcome]) -> None:
    outcome = study("elu.keras", "ptq_int8,float16,dynamic_range")
    assert [r.recipe for r in outcome.records] == ["float32", "float16", "dynamic_range"]
    assert [s.recipe for s in outcome.skipped] == ["ptq_int8"]
    assert "ELU" in outcome.skipped[0].reason
    # None of the variants that are left is integer: the recommendation says what that means.
    assert "Edge TPU" in outcome.recommendation.why


@pytest.mark.training
def test_mobilenet_v2_takes_its_weights_from_a_file(worker: Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGEWB_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(edgewb.studies, "FAST", TrainingSettings(steps=3, fine_tune_steps=3, minimum_epochs=1))
    monkeypatch.setattr(edgewb.studies, "Worker", lambda: contextlib.nullcontext(worker))
    y = np.repeat(np.arange(3), 20)
    x = np.clip(np.random.default_rng(0).normal(60 + 60 * y[:, None, None, None], 20, (60, 32, 32, 3)), 0, 255).astype(np.uint8)
    np.savez(tmp_path / "tiny.npz", x=x, y=y)
    with pytest.raises(InputError, match="do not belong to mobilenet_v2"):
        run_study(
            tmp_path / "tiny.npz", "ptq_int8", model="mobilenet_v2", weights=zoo() / "weights_only.h5", fast=True, out=tmp_path / "out"
        )
    outcome = run_study(
        tmp_path / "tiny.npz", "ptq_int8", model="mobilenet_v2", weights=zoo() / "mobilenet_v2.h5", fast=True, out=tmp_path / "out"
    )
    assert [r.recipe for r in outcome.records] == ["float32", "ptq_int8"]
    assert outcome.context.input_range == (-1.0, 1.0)
    assert outcome.records[1].placement.ops_cpu == 0
