"""What comes with the repository is what it is said to be, and is read without TensorFlow, scikit-learn or plotly."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edgewb import bundles, locations
from edgewb.bundles import bundled_model, bundled_models, bundled_studies, bundled_test_images
from edgewb.datasets import load_dataset
from edgewb.errors import InputError, StorageError
from edgewb.optimizers.recipes import DEMO_RECIPES

ROOT = Path(__file__).parents[1]


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder ``data`` beside a package that is somewhere else."""
    monkeypatch.setattr(locations, "__file__", str(tmp_path / "edgewb" / "locations.py"))
    for cached in (bundled_models, bundled_studies):
        cached.cache_clear()
    yield tmp_path / "data"
    for cached in (bundled_models, bundled_studies):
        cached.cache_clear()


def test_the_images_are_the_test_split_bit_for_bit() -> None:
    bundled, loaded = bundled_test_images(), load_dataset("digits").open_test()
    assert (bundled.x.dtype, bundled.y.dtype, bundled.name) == (loaded.x.dtype, loaded.y.dtype, loaded.name)
    assert np.array_equal(bundled.x, loaded.x)
    assert np.array_equal(bundled.y, loaded.y)


def test_files_agree_with_their_descriptions_and_with_the_code() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "data" / "make.py", "--check"], cwd=ROOT, env=_own_package(), capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")


def _own_package() -> dict[str, str]:
    import os

    return {**os.environ, "PYTHONPATH": str(ROOT)}


@pytest.mark.parametrize("damage", ["models/elu_branch.tflite", "studies/digits/float32.tflite", "digits/test_images.npz"])
def test_the_check_finds_a_file_that_changed(damage: str, tmp_path: Path) -> None:
    import shutil

    for name in ("data", "edgewb"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    file = tmp_path / "data" / damage
    if file.suffix == ".npz":
        with np.load(file) as arrays:
            np.savez_compressed(file, x=arrays["x"], y=arrays["y"][::-1])
    else:
        file.write_bytes(file.read_bytes() + b"\0")
    environment = {**_own_package(), "PYTHONPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, tmp_path / "data" / "make.py", "--check"], env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert "data/make.py" in done.stderr
    assert ("digits_cnn_int8" if file.suffix == ".npz" else file.stem) in done.stderr


def test_models_have_what_a_page_shows_of_them() -> None:
    models = bundled_models()
    assert next(iter(models)) == "digits_cnn_int8"
    assert models["digits_cnn_int8"].labels == load_dataset("digits").class_names
    assert sorted(p.stem for p in (ROOT / "data" / "models").glob("*.tflite")) == sorted(models)
    assert all(model.path.is_file() and model.about and model.licence for model in models.values())
    with pytest.raises(InputError, match=r"unknown bundled model 'elu_brunch': did you mean 'elu_branch'"):
        bundled_model("elu_brunch")


def test_the_study_is_the_demo_and_marked_as_recorded_elsewhere() -> None:
    (study,) = bundled_studies()
    assert tuple(record.recipe for record in study.records) == DEMO_RECIPES
    assert {record.origin for record in study.records} == {"imported"}
    assert {record.dataset_fingerprint for record in study.records} == {load_dataset("digits").fingerprint}
    assert all(Path(record.file).is_file() for record in study.records)
    assert study.recorded in study.about
    assert study.records[0].environment.cpu in study.about
    assert "not here" in study.about
    listed = {flip.index for record in study.records if record.answers and record.answers.flips for flip in record.answers.flips.listed}
    assert study.pictures.keys() <= listed
    assert study.pictures


def test_nothing_of_the_computer_it_was_recorded_on_is_told() -> None:
    text = (ROOT / "data" / "studies" / "digits.json").read_text()
    study = json.loads(text)
    del study["pictures"]
    strings = re.findall(r'"((?:[^"\\]|\\.)*)"', json.dumps(study))
    assert not [s for s in strings if re.match(r"/|~|[A-Za-z]:[\\/]|file:", s)]
    assert {Path(record["file"]).name for record in study["records"]} == {record["file"] for record in study["records"]}
    assert all("origin" not in record for record in study["records"])


def test_the_readme_names_every_file() -> None:
    readme = (ROOT / "data" / "README.md").read_text(encoding="utf-8")
    names = [f"models/{name}.tflite" for name in bundled_models()] + ["digits/test_images.npz", "studies/digits.json"]
    assert [name for name in names if f"`{name}`" not in readme] == []


def test_all_of_it_stays_small() -> None:
    sizes = [p.stat().st_size for name in ("models", "digits", "studies") for p in (ROOT / "data" / name).rglob("*") if p.is_file()]
    assert sum(sizes) < 1_500_000


def test_reading_it_imports_nothing_heavy() -> None:
    script = (
        "import sys; from edgewb.bundles import *; bundled_models(); bundled_test_images(); bundled_studies(); "
        "print([m for m in ('tensorflow', 'sklearn', 'plotly', 'pandas', 'PIL', 'scipy.stats', 'ai_edge_litert') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=_own_package(), capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_without_the_repository_it_is_one_line(elsewhere: Path) -> None:
    (elsewhere / "models").mkdir(parents=True)  # some other folder of that name
    for read in (bundled_models, bundled_studies, bundled_test_images):
        with pytest.raises(StorageError, match=r"come with the repository; clone it") as caught:
            read()
        assert "\n" not in str(caught.value)


def test_what_is_damaged_is_one_line(elsewhere: Path) -> None:
    (elsewhere / "studies").mkdir(parents=True)
    (elsewhere / "digits").mkdir()
    (elsewhere / "models.json").write_text("{")
    (elsewhere / "studies" / "s.json").write_text(json.dumps({"files": {}, "records": [{"key": 1}]}))
    (elsewhere / "digits" / "test_images.npz").write_bytes(b"PK\3\4")
    for read in (bundles.bundled_models, bundles.bundled_studies, bundles.bundled_test_images):
        with pytest.raises(StorageError, match="damaged") as caught:
            read()
        assert "\n" not in str(caught.value)
