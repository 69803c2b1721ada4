"""The commands that take several targets: ``parity``, and ``measure`` with ``--target`` more than once."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import made_targets
import numpy as np
import pytest

from edgewb.cli import main

Files = Callable[[str], Path]


@pytest.fixture(autouse=True)
def _targets(monkeypatch: pytest.MonkeyPatch) -> None:
    made_targets.register(monkeypatch)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "pictures.npz"
    np.savez(path, x=np.random.default_rng(0).integers(0, 255, (80, 8, 8, 3)).astype(np.uint8), y=np.arange(80) % 10)
    return path


@pytest.mark.parametrize(("by", "status"), [("0", 0), ("250", 1)])
def test_parity_answers_no_when_an_answer_flips(
    by: str, status: int, data: Path, tflite_file: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["parity", str(tflite_file("int8_conv")), "--target", "cpu:builtin", "--target", f"shifted:usb:0 {by}", "--dataset", str(data)]
    assert main([*words, "--json"]) == status
    out, err = capsys.readouterr()
    assert err == ""
    got = json.loads(out)
    assert got.keys() >= {"basis", "first", "second", "n", "identical", "outputs", "top_one", "notes", "seed", "dataset"}
    assert (got["basis"], got["first"]["basis"], got["n"]) == ("simulated", "measured", 20)
    assert got["identical"] == (by == "0")
    assert bool(got["top_one"]["flips"]) == bool(status)
    assert main(words) == status
    out, err = capsys.readouterr()
    assert out.splitlines()[1].startswith("int8_conv.tflite: cpu:builtin against shifted, n = 20 test examples of pictures.npz (simulated)")
    assert err == ""


def test_differences_without_a_flip_are_no_no(tflite_file: Files, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["parity", str(tflite_file("leaky_branches")), "--targets", "cpu:builtin,shifted:usb:0 3", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["identical"] is False


def test_parity_with_random_inputs_and_a_page(tflite_file: Files, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.html"
    words = ["parity", str(tflite_file("leaky_branches")), "--targets", "cpu:builtin,cpu", "--inputs", "7", "--seed", "3"]
    assert main([*words, "--report", str(page)]) == 0
    assert "n = 7 random inputs (seed 3) (measured)" in capsys.readouterr().out
    assert "cpu:builtin against cpu:xnnpack" in page.read_text(encoding="utf-8")
    assert main([*words, "--report", str(tmp_path)]) == 2
    out, err = capsys.readouterr()
    assert "n = 7 random inputs" in out  # what was computed is not lost
    assert len(err.splitlines()) == 1


def test_parity_takes_seed_and_range_as_recorded(tflite_file: Files, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import hashlib

    from made_records import build_record

    from edgewb.records import RecordStore

    path = tflite_file("int8_conv")
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    with RecordStore() as store:
        store.add(build_record(sha256=sha256, seed=3, dataset=data.name, settings={"input_range": [-1.0, 1.0]}))
    words = ["parity", str(path), "--targets", "cpu:builtin,shifted", "--dataset", str(data)]
    main([*words, "--json"])
    got = json.loads(capsys.readouterr().out)
    assert (got["seed"], got["input_range"]) == (3, [-1.0, 1.0])
    assert main([*words, "--seed", "0"]) == 2
    assert "was made with seed 3" in capsys.readouterr().err


def test_a_target_that_goes_away_in_mid_run(tflite_file: Files, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(tflite_file("int8_conv"))
    assert main(["parity", path, "--targets", "cpu:builtin,failing:17", "--json"]) == 1
    got = json.loads(capsys.readouterr().out)
    assert (got["n"], got["failed"]) == (12, "the device went away: plug it in again")
    assert main(["measure", path, "--target", "cpu", "--target", "failing:30", "--runs", "40", "--json"]) == 1
    got = json.loads(capsys.readouterr().out)
    assert [(m["runs"], m["failed"] is None) for m in got["measurements"]] == [(40, True), (19, False)]


def test_measure_side_by_side(tflite_file: Files, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["measure", str(tflite_file("int8_conv")), "--target", "cpu:builtin", "--target", "cpu", "--runs", "40"]
    assert main([*words, "--json"]) == 0
    got = json.loads(capsys.readouterr().out)
    assert got.keys() >= {"measurements", "ratios"}
    assert [m["kernels"] for m in got["measurements"]] == ["builtin", "xnnpack"]
    assert got["ratios"][0].keys() >= {"target", "against", "basis", "ratio", "ci95", "turns", "method"}
    assert main(words) == 0
    out = capsys.readouterr().out
    assert all(word in out for word in ("p50 ms", "p90 ms", "p99 ms", "95 % interval", "cpu:xnnpack", "measured"))
    assert main([*words[:4], "--runs", "3", "--json"]) == 0
    assert "samples_ms" in json.loads(capsys.readouterr().out)  # one target: one measurement, as ever


SOURCE, COMPILED = "SOURCE", "COMPILED"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["parity", SOURCE, "--targets", "cpu,gpu"], "unknown target 'gpu': "),
        (["parity", SOURCE, "--targets", "cpu,cpu"], "target 'cpu' was given twice"),
        (["parity", SOURCE, "--targets", "cpu,cpu:xnnpack"], "which is the same"),
        (["parity", SOURCE, "--targets", "cpu"], "compares two targets and 1"),
        (["parity", SOURCE, "--targets", ","], "compares two targets and 0"),
        (["parity", SOURCE, "--targets", "cpu,cpu:"], "ends with a colon"),
        (["parity", SOURCE, "--targets", "cpu,cpu:fast"], "unknown kernels 'fast'"),
        (["parity", SOURCE], "--targets --target is required"),
        (["parity", SOURCE, "--targets", "cpu,shifted", "--target", "cpu"], "not allowed with"),
        (["parity", SOURCE, "--targets", "cpu,shifted", "--inputs", "0"], "inputs 0"),
        (["parity", SOURCE, "--targets", "cpu,shifted", "--inputs", "5", "--dataset", "digits"], "not allowed with"),
        (["parity", SOURCE, "--targets", "cpu,shifted", "--dataset", "digits"], "takes (8, 8, 3) and the dataset 'digits' has"),
        (["parity", SOURCE, "--targets", "cpu,shifted", "--dataset", "digitz"], "did you mean 'digits'"),
        (["parity", SOURCE, "--targets", "cpu,shifted", "--seed", "-1"], "seed -1"),
        (["parity", SOURCE, "--targets", "cpu,shifted", "--threads", "0"], "threads 0"),
        (["parity", COMPILED, "--targets", "cpu,shifted"], "is compiled for the Edge TPU: give the source .tflite first"),
        (["parity", SOURCE, COMPILED, "--targets", "cpu,shifted"], "run the source: leave it out"),
        (["parity", SOURCE, SOURCE, "--targets", "cpu,shifted"], "is not compiled for the Edge TPU"),
        (["parity", "missing.tflite", "--targets", "cpu,shifted"], "no such file"),
        (["measure", SOURCE, "--target", "cpu", "--target", "gpu"], "unknown target 'gpu'"),
        (["measure", SOURCE, "--target", "cpu", "--target", "cpu"], "target 'cpu' was given twice"),
        (["measure", COMPILED, "--target", "cpu", "--target", "shifted"], "give the .tflite it was compiled from"),
        (["measure", SOURCE, "--target", "cpu", "--target", "shifted", "--runs", "0"], "runs 0"),
        (["measure", "missing.tflite", "--target", "cpu", "--target", "shifted"], "no such file"),
    ],
)
def test_bad_input_is_one_line(words: list[str], says: str, tflite_file: Files, capfd: pytest.CaptureFixture[str]) -> None:
    files = {SOURCE: str(tflite_file("int8_conv")), COMPILED: str(tflite_file("compiled"))}
    assert main([files.get(word, word) for word in words]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert err.startswith("edgewb: ")
    assert says in err


def test_neither_needs_tensorflow(tflite_file: Files) -> None:
    code = (
        "import sys\nfor name in ('tensorflow', 'tf_keras', 'keras'): sys.modules[name] = None\nimport edgewb\n"
        "print(edgewb.compare_targets(sys.argv[1], ['cpu:builtin', 'cpu'], inputs=3).n,"
        " len(edgewb.measure_targets(sys.argv[1], ['cpu:builtin', 'cpu'], runs=3).measurements))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tflite_file("int8_conv"))], capture_output=True, text=True, check=False, timeout=300
    )
    assert (done.stdout, done.stderr) == ("3 2\n", "")
