"""Two files on the same examples: the change is paired, as the library's own parts have it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import builders
import numpy as np
import pytest
import quantisers

import edgewb
from edgewb.accuracies import accuracy_delta, predict
from edgewb.cli import main
from edgewb.datasets import as_inputs, load_dataset
from edgewb.errors import InputError
from edgewb.views.measurement_texts import pair_lines


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path, Path]:
    """A float net, its int8 file with a coarse range, and data that the float net answers right but for some."""
    monkeypatch.setenv("EDGEWB_HOME", str(tmp_path / "home"))
    content = quantisers.float_net(1)
    one, other, data = tmp_path / "int8.tflite", tmp_path / "float.tflite", tmp_path / "data.npz"
    other.write_bytes(content)
    one.write_bytes(quantisers.quantise(content, quantisers.data(300, 1), {8: 0.5}))
    x = quantisers.data(800, 5)
    y = predict(other, x).argmax(axis=1)
    y[::7] = (y[::7] + 1) % quantisers.CLASSES
    np.savez(data, x=(255 * x).astype(np.uint8), y=y.astype(np.int64))
    return one, other, data


def test_the_change_is_that_of_the_paired_answers(files: tuple[Path, Path, Path]) -> None:
    one, other, path = files
    pair = edgewb.evaluate_against(one, other, path)
    test = load_dataset(path).open_test()
    right = [predict(file, as_inputs(test)).argmax(axis=1) == test.y for file in (one, other)]
    assert pair.accuracy_delta == accuracy_delta(*right, "float.tflite")
    assert pair.error_delta is None
    assert pair.evaluation == edgewb.evaluate(one, path)
    assert pair.against == edgewb.evaluate(other, path)
    flips = pair.flips
    assert flips is not None
    assert (flips.gained, flips.lost) == (pair.accuracy_delta.gained, pair.accuracy_delta.lost)
    assert flips.lost > 0
    text = "\n".join(pair_lines(pair))
    assert f"int8.tflite against float.tflite: {pair.delta.points:+.1f} points, 95 % interval " in text
    assert f"paired on the same n = {len(test)} examples (measured); a loss is negative" in text
    assert f"{flips.lost} lost (right only by float.tflite)" in text


def test_the_command_prints_both_and_the_change(files: tuple[Path, Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    one, other, path = files
    words = ["evaluate", str(one), "--dataset", str(path), "--against", str(other)]
    assert main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("float.tflite on the test split of data.npz")
    assert any(line.startswith("int8.tflite on the test split") for line in lines)
    assert any(line.startswith("int8.tflite against float.tflite: ") for line in lines)
    assert main([*words, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert main([*words[:4], "--json"]) == 0
    alone = json.loads(capsys.readouterr().out)
    assert {key: told[key] for key in alone} == alone
    assert told.keys() - alone.keys() == {"against", "accuracy_delta", "error_delta", "flips"}
    assert told["accuracy_delta"]["against"] == told["against"]["file"] == "float.tflite"


def test_a_regression_changes_in_points_of_r2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("EDGEWB_HOME", str(tmp_path / "home"))
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 4)).astype(np.float32)
    y = x @ [1.0, -2.0, 0.5, 0.0] + rng.normal(0, 0.5, 400)
    np.savez(tmp_path / "line.npz", x=x, y=y)
    for name, weights in (("good", [1.0, -2.0, 0.5, 0.0]), ("poor", [0.5, -2.0, 0.5, 0.4])):
        b = builders.Builder()
        source = b.tensor("x", (1, 4), "FLOAT32")
        result = b.tensor("y", (1, 1), "FLOAT32")
        kernel = b.constant("w", np.array([weights], np.float32))
        b.op("FULLY_CONNECTED", [source, kernel, b.constant("b", np.zeros(1, np.float32))], [result], 1, "FullyConnectedOptions")
        (tmp_path / f"{name}.tflite").write_bytes(b.build([source], [result]))
    words = ["evaluate", str(tmp_path / "poor.tflite"), "--dataset", str(tmp_path / "line.npz"), "--against", str(tmp_path / "good.tflite")]
    assert main([*words, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["accuracy_delta"] is None
    assert told["flips"] is None
    assert told["error_delta"]["points"] == pytest.approx(100 * (told["errors"]["r2"] - told["against"]["errors"]["r2"]))
    assert told["error_delta"]["points"] < 0
    assert main(words) == 0
    out = capsys.readouterr().out
    assert "points of R2, 95 % interval" in out
    assert "MAE changes by" in out


def test_what_cannot_be_paired_is_refused(
    files: tuple[Path, Path, Path], tflite_file: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    one, other, path = files
    with pytest.raises(InputError, match="are the same file: give another one"):
        edgewb.evaluate_against(one, one, path)
    assert main(["evaluate", str(one), "--dataset", str(path), "--against", str(tflite_file("int8_conv"))]) == 2
    assert "evaluate it on the data it was trained for" in capsys.readouterr().err
    assert main(["evaluate", str(one), "--dataset", str(path), "--against", str(other) + "x"]) == 2
    assert "no such file" in capsys.readouterr().err
