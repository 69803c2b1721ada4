"""Accuracy with its interval, paired differences, and running a file on data."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import made_regressions
import msgspec
import numpy as np
import pytest
from builders import Builder
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from edgewb import datasets
from edgewb.datasets import Dataset, load_dataset
from edgewb.errors import DatasetError, EdgewbError, InputError, ModelFileError
from edgewb.intervals import tango_interval, wilson_interval
from edgewb.measurements import accuracy, accuracy_delta, evaluate, predict
from edgewb.types import Accuracy, AccuracyDelta

Files = Callable[[str], Path]


class TestAccuracy:
    @given(st.lists(st.booleans(), min_size=1, max_size=300))
    @settings(deadline=None)
    def test_share_count_and_interval(self, answers: list[bool]) -> None:
        found = accuracy(np.array(answers), "cpu")
        assert found.correct == sum(answers)
        assert found.n == len(answers)
        assert found.value == sum(answers) / len(answers)
        assert found.ci95 == wilson_interval(sum(answers), len(answers))
        assert msgspec.convert(json.loads(json.dumps(found.to_dict())), Accuracy) == found

    @pytest.mark.parametrize("bad", [[], [[True]], [1, 0], [0.5]])
    def test_what_is_no_row_of_booleans(self, bad: list[object]) -> None:
        with pytest.raises(InputError, match="booleans"):
            accuracy(np.array(bad), "cpu")

    @given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=300))
    @settings(deadline=None)
    def test_a_paired_difference(self, pairs: list[tuple[bool, bool]]) -> None:
        variant, reference = np.array(pairs).T
        found = accuracy_delta(variant, reference, "float32")
        assert found.points == pytest.approx(100 * (variant.mean() - reference.mean()))
        assert found.gained - found.lost == variant.sum() - reference.sum()
        assert found.gained + found.lost == (variant != reference).sum()
        assert found.ci95 == pytest.approx(tuple(100 * limit for limit in tango_interval(found.gained, found.lost, len(pairs))))
        assert found.ci95[0] <= found.points <= found.ci95[1]
        assert (found.n, found.against) == (len(pairs), "float32")
        assert msgspec.convert(json.loads(json.dumps(found.to_dict())), AccuracyDelta) == found

    def test_a_loss_is_negative_and_p_is_exact(self) -> None:
        reference = np.ones(100, bool)
        variant = reference.copy()
        variant[:6] = False
        found = accuracy_delta(variant, reference, "float32")
        assert found.points == -6
        assert found.ci95[1] < 0
        assert found.p_value == pytest.approx(2 / 2**6)

    @pytest.mark.parametrize("answers", [[True], [False], [True] * 50, [False] * 50])
    def test_no_discordant_pair(self, answers: list[bool]) -> None:
        found = accuracy_delta(np.array(answers), np.array(answers), "float32")
        assert (found.points, found.p_value, found.gained, found.lost) == (0.0, 1.0, 0, 0)
        assert found.ci95[0] == -found.ci95[1] < 0

    def test_different_lengths(self) -> None:
        with pytest.raises(InputError, match="2 and 3 were given"):
            accuracy_delta(np.ones(2, bool), np.ones(3, bool), "float32")


def pass_through(shape: tuple[int, ...], dtype: str, scale: float = 0.5, zero_point: int = 0) -> bytes:
    """A model whose outputs are its inputs, as the file's own numbers store them."""
    builder = Builder()
    options = {"scale": scale, "zero_point": zero_point} if dtype != "FLOAT32" else {"scale": None}
    source = builder.tensor("x", shape, dtype, **options)
    target = builder.constant("shape", np.array(shape, np.int32), scale=None)
    result = builder.tensor("y", shape, dtype, **options)
    builder.op("RESHAPE", [source, target], [result], 1, "ReshapeOptions", newShape=list(shape))
    return builder.build([source], [result])


class TestPredict:
    @pytest.mark.parametrize(("dtype", "zero_point"), [("INT8", 3), ("INT8", -128), ("UINT8", 128), ("FLOAT32", 0)])
    def test_the_files_own_scale_is_used_both_ways(self, tmp_path: Path, dtype: str, zero_point: int) -> None:
        path = tmp_path / "same.tflite"
        path.write_bytes(pass_through((1, 4), dtype, 0.5, zero_point))
        lowest = {"INT8": -128, "UINT8": 0, "FLOAT32": -1000}[dtype]
        highest = {"INT8": 127, "UINT8": 255, "FLOAT32": 1000}[dtype]
        stored = np.random.default_rng(0).integers(lowest, highest + 1, (600, 4))
        real = 0.5 * (stored - zero_point)
        found = predict(path, real)
        assert found.dtype == np.float32
        assert np.array_equal(found, real)  # halves are exact, so nothing may be lost

    def test_values_beyond_the_range_are_clipped_not_wrapped(self, tmp_path: Path) -> None:
        path = tmp_path / "same.tflite"
        path.write_bytes(pass_through((1, 2), "INT8", 0.5, 0))
        assert predict(path, np.array([[1000.0, -1000.0]])).tolist() == [[63.5, -64.0]]

    def test_order_and_bits_do_not_depend_on_the_company(self, tflite_file: Files) -> None:
        path = tflite_file("int8_conv")
        x = np.random.default_rng(0).uniform(-1, 1, (300, 8, 8, 3)).astype(np.float32)
        together = predict(path, x)
        assert together.shape == (300, 10)
        assert len({row.tobytes() for row in together}) > 10
        for row in (0, 255, 256, 299):
            assert np.array_equal(predict(path, x[row : row + 1])[0], together[row])

    def test_a_dynamic_batch_gives_the_same(self, tflite_file: Files) -> None:
        x = np.random.default_rng(0).uniform(-1, 1, (20, 8, 8, 3))
        assert np.array_equal(predict(tflite_file("dynamic_batch"), x), predict(tflite_file("int8_conv"), x))

    def test_inputs_that_do_not_fit(self, tflite_file: Files) -> None:
        path = tflite_file("int8_conv")
        with pytest.raises(InputError, match=r"takes \(8, 8, 3\) per example and the inputs have \(8, 8, 1\)"):
            predict(path, np.zeros((2, 8, 8, 1)))
        with pytest.raises(InputError, match="finite numbers"):
            predict(path, np.full((2, 8, 8, 3), np.nan))
        with pytest.raises(InputError, match="finite numbers"):
            predict(path, np.zeros(3))

    @pytest.mark.parametrize(
        ("content", "expected"),
        [
            (pass_through((4, 3), "INT8"), "fixed shape (4, 3)"),
            (pass_through((1, 3), "INT32"), "the input is int32"),
            (pass_through((1, 3, 2), "FLOAT32"), "the output has the shape (1, 3, 2)"),
        ],
    )
    def test_models_that_are_no_classifier(self, tmp_path: Path, content: bytes, expected: str) -> None:
        path = tmp_path / "odd.tflite"
        path.write_bytes(content)
        with pytest.raises(InputError) as caught:
            predict(path, np.zeros((1, 3)))
        assert expected in str(caught.value)

    def test_int8_without_a_scale(self, tmp_path: Path) -> None:
        builder = Builder()
        source, result = (builder.tensor(name, (1, 3), "INT8", scale=None) for name in "xy")
        target = builder.constant("shape", np.array((1, 3), np.int32), scale=None)
        builder.op("RESHAPE", [source, target], [result], 1, "ReshapeOptions", newShape=[1, 3])
        path = tmp_path / "bare.tflite"
        path.write_bytes(builder.build([source], [result]))
        with pytest.raises(InputError, match="int8 without scale and zero point"):
            predict(path, np.zeros((1, 3)))


def write_table(path: Path, n: int = 40, classes: int = 4) -> Path:
    """Rows whose largest value is at the label, but for every tenth row: so the model that changes nothing knows 90 %."""
    rng = np.random.default_rng(1)
    y = np.arange(n) % classes
    x = rng.uniform(-5, 5, (n, classes)).round()
    x[np.arange(n), np.where(np.arange(n) % 10 == 0, (y + 1) % classes, y)] = 20
    np.savez(path, x=x, y=y, class_names=np.array([f"c{label}" for label in range(classes)]))
    return path


class TestEvaluate:
    def test_accuracy_on_the_test_split(self, tmp_path: Path) -> None:
        path, data = tmp_path / "same.tflite", write_table(tmp_path / "rows.npz")
        path.write_bytes(pass_through((1, 4), "INT8", 0.5, 0))
        found = evaluate(path, data)
        test = load_dataset(data).open_test()
        right = test.x.argmax(axis=1) == test.y
        told = json.loads(json.dumps(found.to_dict()))
        assert told["accuracy"]["correct"] == right.sum()
        assert told["accuracy"]["n"] == len(test) == sum(entry["n"] for entry in told["classes"])
        assert sum(entry["correct"] for entry in told["classes"]) == right.sum()
        assert [entry["name"] for entry in told["classes"]] == ["c0", "c1", "c2", "c3"]
        assert (told["file"], told["dataset"], told["target"], told["basis"], told["kernels"]) == (
            "same.tflite",
            "rows.npz",
            "cpu",
            "measured",
            "builtin",
        )
        assert told["dataset_fingerprint"] == load_dataset(data).fingerprint
        assert sum(entry["n"] for entry in told["confusion"]) == len(test) - right.sum()
        assert told["class_names"] == ["c0", "c1", "c2", "c3"]
        assert told["top5"] is None  # of four classes
        assert evaluate(path, load_dataset(data)) == found
        assert evaluate(str(path), str(data)) == found

    def test_a_real_classifier_on_the_digits(self, tmp_path: Path) -> None:
        """Nearest class mean is a linear classifier, so numpy can say what the file must answer."""
        digits = load_dataset("digits")
        means = np.stack([digits.train.x[digits.train.y == label].mean(axis=0).ravel() for label in range(10)])
        weights, bias = 2 * means, -(means**2).sum(axis=1)
        builder = Builder()
        source = builder.tensor("image", (1, 32, 32, 1), "FLOAT32")
        flat = builder.flatten(source, dtype="FLOAT32")
        result = builder.tensor("scores", (1, 10), "FLOAT32")
        parameters = [builder.constant("w", weights.astype(np.float32)), builder.constant("b", bias.astype(np.float32))]
        builder.op("FULLY_CONNECTED", [flat, *parameters], [result], 1, "FullyConnectedOptions")
        path = tmp_path / "means.tflite"
        path.write_bytes(builder.build([source], [result]))
        found = evaluate(path, "digits")
        test = digits.open_test()
        expected = (test.x.reshape(500, -1) @ weights.T + bias).argmax(axis=1) == test.y
        assert found.accuracy.correct == expected.sum()
        assert 0.85 < found.accuracy.value < 0.95
        scores = test.x.reshape(500, -1) @ weights.T + bias
        ranks = (scores > scores[np.arange(500), test.y][:, None]).sum(axis=1)
        assert found.top5.correct == (ranks < 5).sum() > found.accuracy.correct
        assert evaluate(path, digits, input_range=(-1, 1)).accuracy.value < found.accuracy.value

    def test_the_test_split_is_opened_once_and_the_others_are_not_needed(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path, data = tmp_path / "same.tflite", write_table(tmp_path / "rows.npz")
        path.write_bytes(pass_through((1, 4), "INT8", 0.5, 0))
        opened = []
        original = Dataset.open_test
        monkeypatch.setattr(Dataset, "open_test", lambda self: opened.append(self.name) or original(self))
        evaluate(path, data)
        assert opened == ["rows.npz"]
        path.write_bytes(pass_through((1, 3), "INT8", 0.5, 0))
        with pytest.raises(InputError):
            evaluate(path, data)
        assert opened == ["rows.npz"]

    def test_data_that_do_not_fit_name_both_sides(self, tflite_file: Files) -> None:
        with pytest.raises(
            InputError, match=r"takes \(8, 8, 3\) and gives 10 outputs.*'digits' has examples of \(32, 32, 1\) in 10 classes"
        ):
            evaluate(tflite_file("int8_conv"), "digits")

    def test_a_folder_is_resized_to_the_model_and_scaled_to_its_range(self, tmp_path: Path, tflite_file: Files) -> None:
        rng = np.random.default_rng(0)
        for label in range(10):
            (tmp_path / "images" / f"c{label}").mkdir(parents=True)
            for number in range(4):
                Image.fromarray(rng.integers(0, 256, (11, 17, 3), dtype=np.uint8)).save(tmp_path / "images" / f"c{label}" / f"{number}.png")
        found = evaluate(tflite_file("int8_conv"), tmp_path / "images", input_range=(-1, 1))
        assert found.accuracy.n == 10
        assert found.input_range == (-1.0, 1.0)
        data = load_dataset(tmp_path / "images", image_size=(8, 8, 3))
        outputs = predict(tflite_file("int8_conv"), datasets.as_inputs(data.open_test(), (-1, 1)))
        assert found.accuracy.correct == (outputs.argmax(axis=1) == data.open_test().y).sum()
        path = tmp_path / "table.tflite"
        path.write_bytes(pass_through((1, 4), "INT8"))
        with pytest.raises(InputError, match=r"takes \(4,\).*folder of images"):
            evaluate(path, tmp_path / "images")

    def test_outputs_that_are_no_numbers(self, tmp_path: Path) -> None:
        builder = Builder()
        source, result = (builder.tensor(name, (1, 4), "FLOAT32") for name in "xy")
        nothing = builder.constant("nan", np.full((1, 4), np.nan, np.float32))
        builder.op("ADD", [source, nothing], [result], 1, "AddOptions")
        path = tmp_path / "nan.tflite"
        path.write_bytes(builder.build([source], [result]))
        with pytest.raises(InputError, match="NaN or infinite"):
            evaluate(path, write_table(tmp_path / "rows.npz"))

    def test_bad_names(self, tflite_file: Files, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="unknown dataset 'digit'"):
            evaluate(tflite_file("int8_conv"), "digit")
        with pytest.raises(DatasetError, match="no such file"):
            evaluate(tflite_file("int8_conv"), tmp_path / "missing.npz")
        with pytest.raises(EdgewbError, match="unknown target"):
            evaluate(tflite_file("int8_conv"), "digits", target="gpu")
        with pytest.raises(ModelFileError, match="no such file"):
            evaluate(tmp_path / "missing.tflite", "digits")


class TestEvaluateRegression:
    def test_errors_in_the_unit_of_y_whatever_the_model_answers_in(self, tmp_path: Path) -> None:
        data, raw, standardised = made_regressions.made(tmp_path)
        test = data.open_test()
        off = np.abs(test.x @ made_regressions.WEIGHTS + made_regressions.MEAN - test.y)
        found = [evaluate(path, tmp_path / "rows.npz") for path in (raw, standardised)]
        for each in found:
            assert each.accuracy is None
            assert each.errors is not None
            assert each.errors.mae == pytest.approx(off.mean(), rel=1e-4)
            assert each.errors.n == len(test) == 100
            told = json.loads(json.dumps(each.to_dict()))
            assert told["accuracy"] is told["confusion"] is told["top5"] is None
            assert told["errors"]["r2"] == each.errors.r2
            assert "R2 0.8" in repr(each)
            assert f"MAE {each.errors.mae:.4g}" in repr(each)
        assert [each.output_scale for each in found] == [(0.0, 1.0), data.truth_scale]
        assert "in the unit of y" in found[0].notes[0].split(":")[0]
        assert "in standard deviations" in found[1].notes[0].split(":")[0]

    def test_the_scale_is_chosen_without_the_test_split(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        data, raw, _ = made_regressions.made(tmp_path)
        mean, stdev = data.truth_scale
        # A test split in other units: were it looked at, the model would be taken for a standardised one.
        moved = dataclasses.replace(data, _test=dataclasses.replace(data.open_test(), y=data.open_test().y * stdev + mean))
        assert evaluate(raw, moved).output_scale == (0.0, 1.0)

    def test_a_scale_that_is_given_is_taken(self, tmp_path: Path) -> None:
        data, raw, _ = made_regressions.made(tmp_path)
        found = evaluate(raw, data, output_scale=(1.0, 1.0))
        assert found.notes == ()
        assert found.output_scale == (1.0, 1.0)

    def test_what_does_not_fit(self, tmp_path: Path) -> None:
        data, raw, _ = made_regressions.made(tmp_path)
        classifier = tmp_path / "classes.tflite"
        classifier.write_bytes(pass_through((1, 6), "FLOAT32"))
        with pytest.raises(InputError, match=r"gives 6 outputs, the dataset 'rows.npz' is a regression .* wants one output"):
            evaluate(classifier, data)
        with pytest.raises(InputError, match=r"gives 1 outputs, the dataset 'breast_cancer' .* 2 classes"):
            evaluate(raw, "breast_cancer")
        with pytest.raises(DatasetError, match="labels are whole numbers"):
            evaluate(raw, tmp_path / "rows.npz", task="classification")
