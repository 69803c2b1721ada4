"""What a study lets see which split, and what its stages keep."""

import contextlib
import dataclasses
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import made_regressions
import numpy as np
import pytest
from builders import Builder
from dataset_helpers import make_folder
from model_zoo import zoo

import edgewb.studies
from edgewb.caches import StageCache
from edgewb.datasets import Dataset, Split, as_inputs, load_dataset
from edgewb.errors import InputError
from edgewb.model_files import ModelSource, identify_model
from edgewb.optimizers.recipes import decode_recipe
from edgewb.optimizers.training import FAST, FULL, TrainingData, TrainingSettings
from edgewb.optimizers.workers import Worker
from edgewb.stages import Stages

TINY = TrainingSettings(steps=6, fine_tune_steps=6, minimum_epochs=1)


class Spied(Worker):
    """A worker that notes what is asked of it."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[str, Any]] = []

    def call(self, task: str, **arguments: Any) -> Any:
        shared = arguments.get("shared")
        self.calls.append((task, None if shared is None else shared.value))
        return super().call(task, **arguments)


@pytest.fixture(scope="module")
def worker() -> Iterator[Spied]:
    with Spied() as shared_worker:
        yield shared_worker


def stages_of(source: ModelSource, data: Dataset, folder: Path, worker: Worker, **changes: Any) -> Stages:
    options = {"seed": 0, "settings": FULL, "input_range": None, **changes}
    stages = Stages(source, options["seed"], options["settings"], options["input_range"], StageCache(folder), worker)
    stages.dataset = data
    return stages


@pytest.fixture(scope="module")
def cancer() -> Dataset:
    return load_dataset("breast_cancer")


def test_what_a_variant_depends_on_changes_its_key(cancer: Dataset, tmp_path: Path) -> None:
    with Worker() as idle:
        base: dict[str, Any] = {"source": identify_model("table_mlp"), "data": cancer, "folder": tmp_path, "worker": idle}
        recipe = decode_recipe("ptq_int8")

        def key(recipe_name: str = "ptq_int8", **changes: Any) -> str:
            return stages_of(**{**base, **changes})._variant_key(decode_recipe(recipe_name))

        again = key()
        assert key() == again
        others = [
            key("float16"),
            key("prune50_ptq_int8"),
            key(seed=1),
            key(settings=FAST),
            key(data=load_dataset("breast_cancer", seed=1)),
            key(source=identify_model("image_cnn")),
            key(input_range=(-1.0, 1.0)),
        ]
        assert len({again, *others}) == len(others) + 1
        assert stages_of(**base).kept_variant(recipe) is None
        assert idle.starts == 0


def test_built_in_networks_know_their_input_range(cancer: Dataset, tmp_path: Path) -> None:
    with Worker() as idle:
        assert stages_of(identify_model("image_cnn"), cancer, tmp_path, idle).input_range == (0.0, 1.0)
        given = stages_of(identify_model("image_cnn"), cancer, tmp_path, idle, input_range=(-1.0, 1.0))
        assert given.input_range == (-1.0, 1.0)
        assert idle.starts == 0


def whole_study(
    dataset: str | Path, model: str | Path | None, recipes: str, worker: Spied, folder: Path, patch: pytest.MonkeyPatch
) -> tuple[list[TrainingData], list[str], Dataset]:
    """Run it; what was sent to the worker, who opened the test split, and the data set as it was loaded."""
    opened: list[str] = []
    loaded: list[Dataset] = []
    real_open, real_load = Dataset.open_test, load_dataset

    def open_test(self: Dataset) -> Split:
        names = [frame.function for frame in inspect.stack()[1:6]]
        opened.append(names[0])
        return real_open(self)

    def load(*arguments: Any, **options: Any) -> Dataset:
        loaded.append(real_load(*arguments, **options))
        return loaded[-1]

    patch.setenv("EDGEWB_HOME", str(folder / "home"))
    patch.setattr(Dataset, "open_test", open_test)
    patch.setattr("edgewb.datasets.load_dataset", load)
    patch.setattr(edgewb.studies, "FAST", TINY)
    patch.setattr(edgewb.studies, "Worker", lambda: contextlib.nullcontext(worker))
    worker.calls.clear()
    edgewb.studies.run_study(dataset, recipes, model=model, fast=True, out=folder / "out")
    sent = [value for _, value in worker.calls if value is not None]
    assert len(loaded) == 1
    return sent, opened, loaded[0]


def rows(x: np.ndarray) -> set[bytes]:
    return {np.ascontiguousarray(row).tobytes() for row in x}


@pytest.mark.training
@pytest.mark.parametrize("kind", ["table", "pictures", "own_model"])
def test_calibration_comes_from_its_split_and_the_test_split_is_opened_at_the_end_alone(
    kind: str, worker: Spied, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = make_folder(tmp_path / "pictures", {"dark": 20, "grey": 20, "light": 20}, size=(16, 16))
    recipes = "ptq_int8,qat_int8,prune50_ptq_int8,cluster4_ptq_int8"
    dataset, model = {
        "table": ("breast_cancer", None),
        "pictures": (pictures, "digits_cnn"),
        "own_model": (pictures, zoo() / "tf_keras.keras"),
    }[kind]
    if kind == "pictures":
        recipes = "ptq_int8"
    sent, opened, data = whole_study(dataset, model, recipes, worker, tmp_path, monkeypatch)
    assert sent
    test = rows(as_inputs(data._test, (0.0, 1.0))) | rows(as_inputs(data._test, (-1.0, 1.0)))
    for given in sent:
        assert np.array_equal(given.calibration_x, as_inputs(data.calibration))
        assert np.array_equal(given.train_x, as_inputs(data.train))
        assert np.array_equal(given.validation_x, as_inputs(data.validation))
        for x in (given.calibration_x, given.train_x, given.validation_x):
            assert rows(x) & test == set()
        assert rows(given.calibration_x) & rows(given.train_x) == set()
        assert rows(given.calibration_x) & rows(given.validation_x) == set()
    assert set(opened) <= {"_answers", "test_examples"}
    # Once per finished file; files that are equal byte for byte are answered once. And once for the pictures of what flipped.
    assert 1 < opened.count("_answers") <= len(recipes.split(",")) + 1
    assert opened.count("test_examples") <= 1
    assert "test_examples" not in opened[:-1]


@pytest.mark.training
def test_every_stage_is_computed_once(cancer: Dataset, worker: Spied, tmp_path: Path) -> None:
    recipe = decode_recipe("ptq_int8")

    def names(stages: Stages) -> list[str]:
        worker.calls.clear()
        stages.float_weights()
        first = stages.variant(recipe)
        assert stages.variant(recipe) == first
        return [name for name, _ in worker.calls]

    source = identify_model("table_mlp")
    assert names(stages_of(source, cancer, tmp_path, worker, settings=TINY)) == ["train_float", "make_variant"]
    assert names(stages_of(source, cancer, tmp_path, worker, settings=TINY)) == []
    assert "make_variant" in names(stages_of(source, cancer, tmp_path, worker, settings=TINY, seed=1))


@pytest.mark.training
def test_damaged_stages_are_computed_again_to_the_same_bytes(cancer: Dataset, worker: Spied, tmp_path: Path) -> None:
    def stages() -> Stages:
        return stages_of(identify_model("table_mlp"), cancer, tmp_path, worker, settings=TINY)

    recipe = decode_recipe("ptq_int8")
    before = stages().variant(recipe)
    for file in [*tmp_path.glob("variant/*/model.tflite"), *tmp_path.glob("float_model/*/weights.npz")]:
        file.write_bytes(file.read_bytes()[:100])
    again = stages().variant(recipe)
    took = [variant.facts["making_seconds"] for variant in (before, again)]  # measured anew, so not the same
    assert min(took) > 0
    assert dataclasses.replace(again, facts={**again.facts, "making_seconds": took[0]}) == before


@pytest.mark.training
def test_facts_of_a_variant_come_back_from_the_cache(cancer: Dataset, worker: Spied, tmp_path: Path) -> None:
    make: Callable[[], Stages] = lambda: stages_of(identify_model("table_mlp"), cancer, tmp_path, worker, settings=TINY)  # noqa: E731
    recipe = decode_recipe("prune50_ptq_int8")
    made = make().variant(recipe)
    assert 40 <= made.facts["zero_weights_percent"] <= 51
    kept = make().kept_variant(recipe)
    assert kept == made


class TestRegression:
    """What a user's regression answers in is found on the validation split."""

    def test_one_output_for_a_regression_and_one_per_class_for_classes(self, cancer: Dataset, tmp_path: Path) -> None:
        data, raw, _ = made_regressions.made(tmp_path)
        with Worker() as idle:
            mine = stages_of(identify_model(raw), data, tmp_path, idle)
            mine.check_fit({"input_shape": [6], "outputs": 1})
            with pytest.raises(InputError, match=r"gives 3 outputs, and rows\.npz is a regression, which has one"):
                mine.check_fit({"input_shape": [6], "outputs": 3})
            with pytest.raises(InputError, match="gives 1 outputs, data set breast_cancer has 2 classes"):
                stages_of(identify_model(raw), cancer, tmp_path, idle).check_fit({"input_shape": [30], "outputs": 1})
            trained = stages_of(identify_model("table_mlp"), data, tmp_path, idle)
            assert trained.output_scale == data.truth_scale
            assert trained._truth(data.train).mean() == pytest.approx(0, abs=1e-5)
            assert trained._truth(data.train).std() == pytest.approx(1, abs=1e-5)
            assert stages_of(identify_model("table_mlp"), cancer, tmp_path, idle).output_scale is None

    @pytest.mark.training
    def test_the_unit_of_a_file_is_chosen_on_validation(self, worker: Spied, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        data, raw, standardised = made_regressions.made(tmp_path)

        def never(self: Dataset) -> Split:
            raise AssertionError("the test split was opened for a choice")

        monkeypatch.setattr(Dataset, "open_test", never)
        for file, scale in ((raw, (0.0, 1.0)), (standardised, data.truth_scale)):
            mine = stages_of(identify_model(file), data, tmp_path, worker)
            assert mine.output_scale == pytest.approx(scale)
            assert mine.input_range == (0.0, 1.0)
            assert len(mine.notes) == 1
            assert "on 60 validation examples" in mine.notes[0]
            again = stages_of(identify_model(file), data, tmp_path, worker)
            before = len(worker.calls)
            assert again.output_scale == mine.output_scale
            assert len(worker.calls) == before
            answers = mine.validation_answers(file, mine.source.sha256)
            assert np.abs(answers.predicted - data.validation.y).mean() < 20
            assert np.array_equal(mine.validation_answers(file, mine.source.sha256).predicted, answers.predicted)

    @pytest.mark.training
    def test_pictures_have_their_range_and_their_unit_chosen_together(self, worker: Spied, tmp_path: Path) -> None:
        rng = np.random.default_rng(0)
        x = rng.integers(0, 256, (80, 4, 4), dtype=np.uint8)
        np.savez(tmp_path / "pictures.npz", x=x, y=x.mean(axis=(1, 2)) + rng.normal(0, 1, 80))
        data = load_dataset(tmp_path / "pictures.npz")
        builder = Builder()
        source = builder.tensor("image", (1, 4, 4, 1), "FLOAT32")
        result = builder.tensor("value", (1, 1), "FLOAT32")
        # Trained with -1..1, and answers in the unit of y.
        operands = [builder.constant("w", np.full((1, 16), 127.5 / 16, np.float32)), builder.constant("b", np.array([127.5], np.float32))]
        flat = builder.flatten(source, dtype="FLOAT32")
        builder.op("FULLY_CONNECTED", [flat, *operands], [result], 1, "FullyConnectedOptions")
        (tmp_path / "own.tflite").write_bytes(builder.build([source], [result]))
        mine = stages_of(identify_model(tmp_path / "own.tflite"), data, tmp_path, worker)
        assert mine.input_range == (-1.0, 1.0)
        assert mine.output_scale == (0.0, 1.0)
        assert len(mine.notes) == 2
        fixed = stages_of(identify_model(tmp_path / "own.tflite"), data, tmp_path, worker, input_range=(0.0, 1.0))
        assert fixed.input_range == (0.0, 1.0)
        assert fixed.output_scale == (0.0, 1.0)
        assert len(fixed.notes) == 1
