"""The bundled data sets, their splits, and the scaling of inputs."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dataset_helpers import all_splits, make_folder, refusal, rows

from edgewb import datasets
from edgewb.datasets import DATASET_NAMES, Split, as_inputs, describe_inputs, load_dataset
from edgewb.errors import InputError
from edgewb.splits import SPLIT_NAMES


class TestBundled:
    def test_digits_have_exactly_the_promised_splits(self) -> None:
        digits = load_dataset("digits")
        assert digits.sizes == {"train": 997, "calibration": 100, "validation": 200, "test": 500}
        assert digits.input_shape == (32, 32, 1)
        assert digits.kind == "images"
        assert digits.class_names == tuple("0123456789")
        for split in all_splits(digits):
            assert split.x.dtype == np.float32
            assert split.y.dtype == np.int64
            assert split.x.min() >= 0
            assert split.x.max() == 1
            shares = np.bincount(split.y, minlength=10) / len(split)
            assert shares == pytest.approx(0.1, abs=0.011)

    def test_digits_are_enlarged_by_repeating_pixels(self) -> None:
        x = load_dataset("digits").train.x
        small = x[:, ::4, ::4]
        assert np.array_equal(x, small.repeat(4, axis=1).repeat(4, axis=2))
        assert np.array_equal(small * 16, np.round(small * 16))

    @pytest.mark.parametrize("name", DATASET_NAMES)
    def test_no_example_is_in_two_splits_and_none_is_lost(self, name: str) -> None:
        dataset = load_dataset(name)
        splits = all_splits(dataset)
        assert [split.name for split in splits] == list(SPLIT_NAMES)
        together = np.concatenate([split.x for split in splits])
        assert len(rows(together)) == len(together) == {"digits": 1797, "breast_cancer": 569, "diabetes": 442}[name]

    @pytest.mark.parametrize("name", DATASET_NAMES)
    def test_the_seed_alone_decides(self, name: str) -> None:
        first, again, other = load_dataset(name), load_dataset(name, seed=0), load_dataset(name, seed=1)
        for mine, same in zip(all_splits(first), all_splits(again), strict=True):
            assert np.array_equal(mine.x, same.x)
            assert np.array_equal(mine.y, same.y)
        assert first.fingerprint == again.fingerprint != other.fingerprint
        assert first.content_sha256 == other.content_sha256
        assert other.sizes == first.sizes
        assert rows(first.open_test().x) != rows(other.open_test().x)

    @pytest.mark.parametrize("name", DATASET_NAMES)
    def test_the_fingerprint_is_of_what_models_are_given(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        before = load_dataset(name)
        bundled = datasets._BUNDLED[name]

        def prepared_otherwise(x: np.ndarray, train: np.ndarray) -> np.ndarray:
            return np.sqrt(np.abs(bundled.prepare(x, train)))

        monkeypatch.setitem(datasets._BUNDLED, name, dataclasses.replace(bundled, prepare=prepared_otherwise))
        after = load_dataset(name)
        assert after.content_sha256 == before.content_sha256
        assert after.fingerprint != before.fingerprint
        monkeypatch.setitem(datasets._BUNDLED, name, bundled)
        assert load_dataset(name).fingerprint == before.fingerprint

    def test_the_fingerprint_follows_the_scaling_of_inputs(self, monkeypatch: pytest.MonkeyPatch) -> None:
        before = load_dataset("digits").fingerprint

        def scaled_otherwise(*given: Any) -> np.ndarray:
            return as_inputs(*given) * np.float32(0.5)

        monkeypatch.setattr(datasets, "as_inputs", scaled_otherwise)
        assert load_dataset("digits").fingerprint != before

    def test_a_table_is_standardised_with_the_train_split_alone(self) -> None:
        table = load_dataset("breast_cancer")
        assert table.kind == "table"
        assert table.input_shape == (30,)
        assert table.class_names == ("malignant", "benign")
        assert table.train.x.mean(axis=0) == pytest.approx(0, abs=1e-5)
        assert table.train.x.std(axis=0) == pytest.approx(1, abs=1e-5)
        assert np.abs(table.open_test().x.mean(axis=0)).max() > 0.01

    def test_diabetes_is_a_regression_in_its_own_unit(self) -> None:
        table = load_dataset("diabetes")
        assert (table.task, table.kind, table.input_shape, table.class_names) == ("regression", "table", (10,), ())
        assert table.sizes == {"train": 222, "calibration": 44, "validation": 66, "test": 110}
        assert table.train.x.mean(axis=0) == pytest.approx(0, abs=1e-5)
        assert table.train.x.std(axis=0) == pytest.approx(1, abs=1e-5)
        y = np.concatenate([split.y for split in all_splits(table)])
        assert (y.min(), y.max()) == (25, 346)
        for split in all_splits(table):
            assert split.y.mean() == pytest.approx(y.mean(), rel=0.1)

    def test_a_task_that_is_not_that_of_the_data(self, tmp_path: Path) -> None:
        assert load_dataset("diabetes", task="regression").fingerprint == load_dataset("diabetes").fingerprint
        assert "diabetes: is for regression and classification is wanted" in refusal("diabetes", task="classification")
        assert "digits: is for classification and regression is wanted" in refusal("digits", task="regression")
        assert "digits_noise1: is for classification" in refusal("digits_noise1", task="regression")
        folder = make_folder(tmp_path / "pictures", {"a": 4, "b": 4})
        assert "is a folder of images per class, and a regression needs a number for each" in refusal(folder, task="regression")
        assert "unknown task 'regresion': did you mean 'regression'?" in refusal("digits", task="regresion")

    def test_the_test_split_is_no_attribute(self) -> None:
        dataset = load_dataset("digits")
        assert not hasattr(dataset, "test")
        assert len(dataset.open_test()) == 500

    def test_reprs_are_short(self) -> None:
        dataset = load_dataset("digits")
        assert repr(dataset) == "Dataset('digits', images (32, 32, 1), 10 classes, train 997, calibration 100, validation 200, test 500)"
        assert repr(dataset.train) == "Split('train', n=997, x=(997, 32, 32, 1) float32)"

    def test_unknown_names(self) -> None:
        text = refusal("digit")
        assert "did you mean 'digits'" in text
        assert "a path to a folder of images or to an .npz file is also possible" in text
        assert "no such file or folder" in refusal("photos/missing")
        assert "no such file or folder" in refusal("missing.npz")
        assert "no such file or folder" in refusal(Path("digits"))
        assert "unknown dataset" in refusal("x" * 5000)
        assert "unknown dataset" in refusal("a\0b")
        assert "no such file or folder" in refusal("~nobody-of-this-name/images")
        assert "neither a folder nor a regular file" in refusal("/dev/null")

    def test_options_that_make_no_sense(self) -> None:
        assert "seed -1" in refusal("digits", seed=-1)

    def test_nothing_but_a_folder_is_resized(self) -> None:
        text = refusal("digits", image_size=(8, 8, 1))
        assert "has examples of the shape (32, 32, 1) and (8, 8, 1) is wanted; only a folder of images is resized" in text
        assert "(30,) and (8, 8, 1) is wanted" in refusal("breast_cancer", image_size=(8, 8, 1))
        assert load_dataset("digits", image_size=(32, 32, 1)).fingerprint == load_dataset("digits").fingerprint


class TestInputs:
    def test_bytes_become_the_range(self) -> None:
        x = np.array([0, 51, 255], np.uint8).reshape(1, 3, 1, 1)
        assert as_inputs(x).ravel().tolist() == pytest.approx([0, 0.2, 1])
        assert as_inputs(x, (-1, 1)).ravel().tolist() == pytest.approx([-1, -0.6, 1])
        assert as_inputs(x, (0, 255)).ravel().tolist() == pytest.approx([0, 51, 255])
        assert as_inputs(x).dtype == np.float32

    def test_floats_in_0_to_1_are_scaled_alike_and_not_changed_in_place(self) -> None:
        split = Split(np.array([0, 0.25, 1], np.float32).reshape(3, 1, 1, 1), np.zeros(3, np.int64), "train")
        assert as_inputs(split, (-1, 1)).ravel().tolist() == [-1, -0.5, 1]
        assert split.x.ravel().tolist() == [0, 0.25, 1]
        as_inputs(split)[:] = 7
        assert split.x.ravel().tolist() == [0, 0.25, 1]

    def test_a_table_is_not_touched(self) -> None:
        x = np.array([[3.0, -2.0]], np.float32)
        assert as_inputs(x, (-1, 1)).tolist() == x.tolist()

    @pytest.mark.parametrize("bad", [(1.0, 0.0), (0.0, 0.0), (0.0, float("nan"))])
    def test_a_range_must_go_up(self, bad: tuple[float, float]) -> None:
        with pytest.raises(InputError, match="input range"):
            as_inputs(np.zeros((1, 1, 1, 1), np.uint8), bad)


def test_what_a_model_is_fed_in_words(tmp_path: Path) -> None:
    assert describe_inputs(load_dataset("digits"), (-1.0, 1.0)) == "input range -1..1"
    assert describe_inputs(load_dataset("diabetes"), (0.0, 1.0)) == "features standardised"
    x, y = np.random.default_rng(0).normal(size=(200, 4)).astype(np.float32), np.arange(200) % 2
    np.savez(tmp_path / "mine.npz", x=x, y=y)
    assert describe_inputs(load_dataset(tmp_path / "mine.npz"), (0.0, 1.0)) == "features as they are in the file"
