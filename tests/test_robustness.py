"""Variants under shifts: paired with float under the same shift, on real files of a linear classifier."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from builders import Builder
from dataset_helpers import make_folder
from made_records import build_record
from model_zoo import zoo

from edgewb.datasets import as_inputs, load_dataset, shift_dataset
from edgewb.errors import DatasetError, InputError
from edgewb.measurements import accuracy_delta
from edgewb.records import RecordStore
from edgewb.robustness import NO_SHIFT, compare_under_shifts, shifts_text
from edgewb.workbench import evaluate, run


def classifier(path: Path, coarse: bool = False) -> tuple[Path, np.ndarray, np.ndarray]:
    """Nearest class mean of the digits, which is linear; ``coarse``: its weights rounded to three values."""
    digits = load_dataset("digits")
    means = np.stack([digits.train.x[digits.train.y == label].mean(axis=0).ravel() for label in range(10)])
    weights, bias = (2 * means).astype(np.float32), (-(means**2).sum(axis=1)).astype(np.float32)
    if coarse:
        weights = np.round(weights).astype(np.float32)
    builder = Builder()
    source = builder.tensor("image", (1, 32, 32, 1), "FLOAT32")
    flat = builder.flatten(source, dtype="FLOAT32")
    result = builder.tensor("scores", (1, 10), "FLOAT32")
    builder.op("FULLY_CONNECTED", [flat, builder.constant("w", weights), builder.constant("b", bias)], [result], 1, "FullyConnectedOptions")
    path.write_bytes(builder.build([source], [result]))
    return path, weights, bias


def test_each_variant_is_paired_with_float_under_the_same_shift(tmp_path: Path) -> None:
    fine, coarse = classifier(tmp_path / "fine.tflite"), classifier(tmp_path / "coarse.tflite", coarse=True)
    rows = compare_under_shifts({"float32": fine[0], "ptq_int8": coarse[0]}, "digits", "noise5,blur3")
    assert [(row.shift, row.recipe) for row in rows] == [
        (shift, recipe) for shift in (NO_SHIFT, "noise5", "blur3") for recipe in ("float32", "ptq_int8")
    ]
    digits = load_dataset("digits")
    for row in rows:
        test = (digits if row.shift == NO_SHIFT else shift_dataset(digits, row.shift)).open_test()
        flat = as_inputs(test).reshape(500, -1)
        right = [(flat @ weights.T + bias).argmax(axis=1) == test.y for _, weights, bias in (fine, coarse)]
        # Float sums in another order may decide a tie otherwise.
        assert abs(row.accuracy.correct - right[row.recipe == "ptq_int8"].sum()) <= 1
        if row.recipe == "float32":
            assert row.delta is None
        else:
            assert row.delta is not None
            assert row.delta.points == pytest.approx(accuracy_delta(right[1], right[0], "float32").points, abs=0.41)
    text = shifts_text(rows)
    lines = text.splitlines()
    assert len(lines) == len(rows) + 2
    assert lines[1].split() == ["none", "float32", f"{100 * rows[0].accuracy.value:.1f}"]
    assert lines[4].split()[:2] == ["noise5", "ptq_int8"]
    assert f"{rows[3].delta.points:+.1f} [" in lines[4]
    assert "n = 500" in lines[-1]


def test_without_float_there_is_no_difference(tmp_path: Path) -> None:
    rows = compare_under_shifts({"mine": classifier(tmp_path / "mine.tflite")[0]}, load_dataset("digits", seed=3), ["contrast2"])
    assert [row.delta for row in rows] == [None, None]
    assert rows[0].to_dict()["shift"] == NO_SHIFT


def test_nothing_to_compare_and_bad_names(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a file and a shift are wanted"):
        compare_under_shifts({}, "digits", "noise3")
    with pytest.raises(InputError, match="did you mean 'noise3'"):
        compare_under_shifts({"float32": tmp_path / "no.tflite"}, "digits", "nois3")


def test_a_file_trained_on_the_digits_is_shifted_in_the_splits_it_was_trained_on(tmp_path: Path) -> None:
    path = classifier(tmp_path / "mine.tflite")[0]
    record = build_record(sha256=hashlib.sha256(path.read_bytes()).hexdigest(), seed=3, dataset="digits", settings={})
    with RecordStore() as store:
        assert store.add(record)
    assert evaluate(path, "digits_noise3").dataset_fingerprint == load_dataset("digits_noise3", seed=3).fingerprint
    with pytest.raises(InputError, match="made with seed 3"):
        evaluate(path, "digits_noise3", seed=0)


@pytest.mark.training
def test_a_study_holds_its_variants_under_the_shifts_asked_for(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "pictures", {"a": 16, "b": 16, "c": 16})
    study = run(folder, "ptq_int8", model=zoo() / "tf_keras.keras", out=tmp_path / "out", shifts="noise1,blur1")
    assert [(row.shift, row.recipe) for row in study.shifts] == [
        (shift, record.recipe) for shift in (NO_SHIFT, "noise1", "blur1") for record in study.records
    ]
    assert [row.accuracy.correct for row in study.shifts[:2]] == [record.accuracy.correct for record in study.records]
    assert "blur1" in study.to_text()
    assert study.to_dict()["shifts"][2]["shift"] == "noise1"
    assert "--shifts noise1,blur1" in Path(study.report).read_text()


def test_a_misspelt_shift_or_a_table_is_refused_before_any_work(tmp_path: Path) -> None:
    for dataset, shifts, says in (("digits", "noise9", "severity from 1 to 5"), ("breast_cancer", "noise3", "holds a table")):
        with pytest.raises((InputError, DatasetError), match=says):
            run(dataset, "ptq_int8", out=tmp_path / "out", shifts=shifts)
    assert not (tmp_path / "out").exists()


def test_a_regression_under_shifts_is_paired_with_float_too(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (120, 4, 4), dtype=np.uint8)
    np.savez(tmp_path / "pictures.npz", x=x, y=x.mean(axis=(1, 2)) + rng.normal(0, 3, 120))
    data = load_dataset(tmp_path / "pictures.npz")
    files = {}
    for recipe, bias in (("float32", 0.0), ("ptq_int8", 3.0)):
        builder = Builder()
        source = builder.tensor("image", (1, 4, 4, 1), "FLOAT32")
        result = builder.tensor("value", (1, 1), "FLOAT32")
        operands = [builder.constant("w", np.full((1, 16), 255 / 16, np.float32)), builder.constant("b", np.array([bias], np.float32))]
        flat = builder.flatten(source, dtype="FLOAT32")
        builder.op("FULLY_CONNECTED", [flat, *operands], [result], 1, "FullyConnectedOptions")
        files[recipe] = tmp_path / f"{recipe}.tflite"
        files[recipe].write_bytes(builder.build([source], [result]))
    rows = compare_under_shifts(files, data, "noise1", output_scale=(0.0, 1.0))
    assert [(row.accuracy, row.delta) for row in rows] == [(None, None)] * 4
    assert [row.error_delta is None for row in rows] == [True, False, True, False]
    assert rows[0].errors.r2 > 0.9 > rows[2].errors.r2
    assert rows[1].error_delta.points < 0
    assert rows[1].errors.mae == pytest.approx(rows[0].errors.mae + rows[1].error_delta.mae_change)
    lines = shifts_text(rows).splitlines()
    assert lines[0].split()[2] == "R2"
    assert lines[1].split() == ["none", "float32", f"{rows[0].errors.r2:.3f}"]
    assert lines[-1].startswith("R2 (differences: 100 points are 1) of n = 30 test images")
