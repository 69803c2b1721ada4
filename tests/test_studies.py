"""Whole studies in processes of their own: interrupted, killed, out of disk, two at once, and done a second time."""

import contextlib
import json
import os
import random
import re
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from sklearn.metrics import r2_score
from study_driver import RECIPES, command, files, run, wait_until_begun
from target_helpers import ROOT, run_without

from edgewb.datasets import load_dataset
from edgewb.errors import DatasetError, InputError
from edgewb.measurements import predict
from edgewb.optimizers.recipes import decode_recipe
from edgewb.powers import EnergyPlan
from edgewb.running import RunningStudy, cancel_study, running_studies
from edgewb.studies import STUDY_TARGETS, _costs, _targets, run_study


def rows(home: Path) -> dict[str, tuple[Any, ...]]:
    """The records of a database as they are stored, by key."""
    if not (home / "records.sqlite").exists():
        return {}
    with contextlib.closing(sqlite3.connect(home / "records.sqlite")) as connection:
        try:
            return {row[1]: row for row in connection.execute("SELECT * FROM records")}
        except sqlite3.OperationalError:  # killed before the tables were made
            return {}


def entries(home: Path) -> dict[str, int]:
    """Finished stages and when each was finished, in nanoseconds."""
    return {str(p.parent.relative_to(home)): p.stat().st_mtime_ns for p in home.glob("cache/[!.]*/[!.]*/entry.json")}


def part_of(earlier: dict[str, Any], later: dict[str, Any]) -> bool:
    return earlier.items() <= later.items()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Home and output of a study nobody disturbed."""
    folder = tmp_path_factory.mktemp("undisturbed")
    done = run(folder / "home", folder / "out")
    assert done.returncode in (0, 1), done.stderr
    assert [r["recipe"] for r in json.loads(done.stdout)["records"]] == list(RECIPES)
    return folder / "home", folder / "out"


@pytest.mark.training
@pytest.mark.parametrize(("seed", "number"), [(1, signal.SIGKILL), (2, signal.SIGINT)])
def test_killed_at_random_moments_nothing_finished_is_lost(seed: int, number: int, undisturbed: tuple[Path, Path], tmp_path: Path) -> None:
    home, out = tmp_path / "home", tmp_path / "out"
    draw = random.Random(seed)
    stages: dict[str, int] = {}
    stored: dict[str, tuple[Any, ...]] = {}
    stops = 0
    # Loading TensorFlow takes most of the first seconds, and each finished stage shortens what is left.
    for _ in range(4):
        process = subprocess.Popen(**command(home, out), stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
        wait_until_begun(home, process)
        delay = draw.uniform(1.0, 6.0)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(delay)
        ended = process.poll() is not None
        workers = [] if ended else psutil.Process(process.pid).children()
        if not ended:
            os.killpg(process.pid, number) if number == signal.SIGINT else process.send_signal(number)
        _, errors = process.communicate(timeout=300)
        assert psutil.wait_procs(workers, timeout=60)[1] == [], "a worker outlived the study"
        assert "Traceback" not in errors
        assert part_of(stages, entries(home)), "a finished stage was lost or done again"
        assert part_of(stored, rows(home)), "a record was lost or changed"
        stages, stored = entries(home), rows(home)
        if ended:
            assert process.returncode in (0, 1), errors
            break
        stops += 1
        assert process.returncode == (130 if number == signal.SIGINT else -signal.SIGKILL)
        if number == signal.SIGINT:
            assert "every finished variant is kept" in errors.splitlines()[-1]
    assert stops > 0
    done = run(home, out)
    assert done.returncode in (0, 1), done.stderr
    assert part_of(stages, entries(home))
    assert part_of(stored, rows(home))
    assert len(rows(home)) == len(RECIPES)
    assert files(out) == files(undisturbed[1])
    assert rows(home).keys() == rows(undisturbed[0]).keys()
    assert list(out.rglob("*.part")) == []


@pytest.mark.training
def test_a_second_run_trains_nothing_and_starts_no_worker(undisturbed: tuple[Path, Path], tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(undisturbed[0], home)
    before, stages = rows(home), entries(home)
    # A TensorFlow that cannot be loaded: whoever started a worker would not get far.
    (tmp_path / "tensorflow.py").write_text("raise ModuleNotFoundError(name='tensorflow')\n")
    again = command(home, tmp_path / "out")
    again["env"]["PYTHONPATH"] = os.pathsep.join([str(tmp_path), *(p for p in sys.path if p)])
    done = subprocess.run(**again, capture_output=True, check=False, timeout=300)
    assert done.returncode in (0, 1), done.stderr
    assert rows(home) == before
    assert entries(home) == stages
    assert files(tmp_path / "out") == files(undisturbed[1])
    made = json.loads(done.stdout)["records"]
    assert {r["key"]: r["created"] for r in made} == {key: row[8] for key, row in before.items()}


@pytest.mark.training
def test_a_record_names_its_file_from_any_folder(undisturbed: tuple[Path, Path], tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(undisturbed[0], home)
    asked = command(home, Path("out"))
    asked["env"]["PYTHONPATH"] = os.pathsep.join(p for p in sys.path if p)
    done = subprocess.run(**asked, capture_output=True, check=False, timeout=300, cwd=tmp_path)
    assert done.returncode in (0, 1), done.stderr
    named = [Path(record["file"]) for record in json.loads(done.stdout)["records"]]
    assert named == [tmp_path / "out" / "models" / f"{recipe}.tflite" for recipe in RECIPES]


@pytest.mark.training
def test_another_order_of_recipes_gives_the_same_files(undisturbed: tuple[Path, Path], tmp_path: Path) -> None:
    done = run(tmp_path / "home", tmp_path / "out", "--recipes", ",".join(reversed(RECIPES)))
    assert done.returncode in (0, 1), done.stderr
    assert files(tmp_path / "out") == files(undisturbed[1])


@pytest.mark.training
def test_two_at_once_share_their_work_and_store_each_record_once(undisturbed: tuple[Path, Path], tmp_path: Path) -> None:
    home = tmp_path / "home"
    outs = [tmp_path / "a", tmp_path / "b"]
    both = [subprocess.Popen(**command(home, out), stdout=subprocess.PIPE, stderr=subprocess.PIPE) for out in outs]
    answers = [process.communicate(timeout=600) for process in both]
    assert [process.returncode in (0, 1) for process in both] == [True, True], answers
    assert len(rows(home)) == len(RECIPES)
    assert files(outs[0]) == files(outs[1]) == files(undisturbed[1])
    # What each printed is what is stored, whoever was first.
    stored = {key: json.loads(row[-1])["latency"] for key, row in rows(home).items()}
    for out, _ in answers:
        measured = {r["key"]: [entry for entry in r["latency"] if entry["basis"] == "measured"] for r in json.loads(out)["records"]}
        assert measured == stored


@pytest.mark.training
def test_a_full_disk_is_one_line_and_the_next_run_goes_on(undisturbed: tuple[Path, Path], tmp_path: Path) -> None:
    """The study (not its worker) can write no file of more than 30 kB: the database is the first that needs more."""
    home, out = tmp_path / "home", tmp_path / "out"
    process = subprocess.Popen(**command(home, out), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while not psutil.Process(process.pid).children():
        assert time.monotonic() < deadline, "no worker was started"
        time.sleep(0.01)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (30_000, resource.RLIM_INFINITY))
    printed, errors = process.communicate(timeout=600)
    assert process.returncode == 2
    assert printed == ""
    assert len(errors.splitlines()) == 1
    assert "records.sqlite" in errors
    kept, stages = rows(home), entries(home)
    assert 0 < len(kept) < len(RECIPES)
    done = run(home, out)
    assert done.returncode in (0, 1), done.stderr
    assert part_of(kept, rows(home))
    assert part_of(stages, entries(home))
    assert files(out) == files(undisturbed[1])


FULL_DISK = """
set -eu
mount -t tmpfs -o size=256k none "$1"
first=0; "${@:2}" >"$RESULTS/out1" 2>"$RESULTS/err1" || first=$?
mount -o remount,size=16m "$1"
cp -r "$1" "$RESULTS/home_between"
second=0; "${@:2}" >"$RESULTS/out2" 2>"$RESULTS/err2" || second=$?
cp -r "$1" "$RESULTS/home_after"
echo "$first $second"
"""


@pytest.mark.training
def test_a_really_full_disk_is_one_line_and_the_next_run_goes_on(undisturbed: tuple[Path, Path], tmp_path: Path) -> None:
    unshare = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--mount"]
    home = tmp_path / "home"
    home.mkdir()
    try:
        probe = subprocess.run([*unshare, "mount", "-t", "tmpfs", "none", str(home)], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("no unshare on this system: no small disk can be made")
    if probe.returncode:
        pytest.skip(f"the system does not let us mount a small disk: {probe.stderr.strip()}")
    study = command(home, tmp_path / "out")
    study["env"]["RESULTS"] = str(tmp_path)
    words = [*unshare, "bash", "-c", FULL_DISK, "bash", str(home), *study.pop("args")]
    done = subprocess.run(words, **study, capture_output=True, check=False, timeout=600)
    first, second = done.stdout.split()
    error = (tmp_path / "err1").read_text()
    assert first == "2", error
    assert len(error.splitlines()) == 1
    assert "free some space" in error
    assert (tmp_path / "out1").read_text() == ""
    assert second in ("0", "1"), (tmp_path / "err2").read_text()
    assert part_of(rows(tmp_path / "home_between"), rows(tmp_path / "home_after"))
    assert entries(tmp_path / "home_between").keys() <= entries(tmp_path / "home_after").keys()
    assert entries(tmp_path / "home_between"), "the disk was full before anything was finished: the test shows nothing"
    assert files(tmp_path / "out") == files(undisturbed[1])


@pytest.mark.training
def test_a_job_asked_to_end_stops_as_after_ctrl_c(tmp_path: Path) -> None:
    process = subprocess.Popen(**command(tmp_path / "home", tmp_path / "out"), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 120
    while not (workers := psutil.Process(process.pid).children()) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.terminate()
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130
    assert len(workers) == 1
    assert psutil.wait_procs(workers, timeout=60)[1] == []
    assert "every finished variant is kept" in errors
    assert "Traceback" not in errors


@pytest.mark.training
def test_ctrl_c_twice_is_still_no_traceback(tmp_path: Path) -> None:
    process = subprocess.Popen(
        **command(tmp_path / "home", tmp_path / "out"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )
    while not psutil.Process(process.pid).children():  # its worker, which loads TensorFlow
        assert process.poll() is None
        time.sleep(0.05)
    time.sleep(1)
    for _ in range(3):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
        time.sleep(0.02)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "Traceback" not in errors


def wait_for(home: Path, monkeypatch: pytest.MonkeyPatch, true: Callable[[RunningStudy], bool], seconds: float = 600.0) -> RunningStudy:
    """The one study under way in that home, once it is so far."""
    monkeypatch.setenv("EDGEWB_HOME", str(home))
    deadline = time.monotonic() + seconds
    while not (found := [study for study in running_studies() if true(study)]):
        assert time.monotonic() < deadline, f"no study came so far: {running_studies()}"
        time.sleep(0.02)
    (study,) = found
    return study


@pytest.mark.training
def test_a_study_cancelled_in_a_training_keeps_what_is_finished_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, out = tmp_path / "home", tmp_path / "out"
    long = command(home, out)
    long["env"]["STUDY_FINE_TUNE_STEPS"] = "1000000"  # hours, were it not cancelled
    kept: dict[str, tuple[Any, ...]] = {}
    for _ in range(2):
        process = subprocess.Popen(**long, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        study = wait_for(home, monkeypatch, lambda s: s.current == "prune50_ptq_int8" and psutil.Process(s.pid).children() != [])
        workers = psutil.Process(process.pid).children()
        assert study.done == ("float32", "ptq_int8", "dynamic_range")
        assert {json.loads(row[-1])["recipe"] for row in rows(home).values()} == set(study.done), "a record is there once its variant is"
        time.sleep(3.0)
        cancel_study(study.id)
        assert psutil.wait_procs(workers, timeout=60)[1] == [], "the training went on"
        printed, errors = process.communicate(timeout=120)
        assert (process.returncode, printed) == (130, "")
        assert errors == "\nedgewb: cancelled; every finished variant is kept, the same command goes on from there\n"
        assert list((home / "running").iterdir()) == []
        assert kept in ({}, rows(home)), "what was finished was made again"
        kept = rows(home)


@pytest.mark.training
def test_of_two_studies_in_one_home_only_the_one_named_is_cancelled(
    undisturbed: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    both = [
        subprocess.Popen(**command(home, tmp_path / str(seed), "--seed", str(seed)), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for seed in (0, 1)
    ]
    study = wait_for(home, monkeypatch, lambda s: s.seed == 1 and s.current != "")
    cancel_study(study.id)
    said = [process.communicate(timeout=120) for process in both]
    assert both[1].returncode == 130, said[1]
    assert both[0].returncode in (0, 1), said[0]
    assert files(tmp_path / "0") == files(undisturbed[1])


def test_a_study_whose_worker_does_not_answer_is_cancelled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without TensorFlow: one that never finishes loading, so that the cancel comes in the middle of a task."""
    (tmp_path / "tensorflow.py").write_text("import time\ntime.sleep(600)\n")
    home = tmp_path / "home"
    study = command(home, tmp_path / "out")
    study["env"]["PYTHONPATH"] = os.pathsep.join([str(tmp_path), *(p for p in sys.path if p)])
    process = subprocess.Popen(**study, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    seen = wait_for(home, monkeypatch, lambda s: s.current == "training table_mlp")
    assert (seen.dataset, seen.model, seen.recipes, seen.done, seen.alive) == ("breast_cancer", "table_mlp", RECIPES, (), True)
    cancel_study(seen.id)
    printed, errors = process.communicate(timeout=120)
    assert (process.returncode, printed) == (130, "")
    assert "cancelled; every finished variant is kept" in errors
    assert running_studies() == ()


@pytest.mark.training
def test_an_imported_record_is_never_taken_for_a_measurement(undisturbed: tuple[Path, Path], tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(undisturbed[0], home)
    with contextlib.closing(sqlite3.connect(home / "records.sqlite")) as connection, connection:
        before = connection.execute("SELECT record FROM records ORDER BY id").fetchall()
        connection.execute("UPDATE records SET origin = 'imported', record = replace(record, '\"correct\":', '\"correct\":9')")
        assert all('"correct":9' in text for (text,) in connection.execute("SELECT record FROM records"))
    done = run(home, tmp_path / "out")
    assert done.returncode in (0, 1), done.stderr
    assert {row[9] for row in rows(home).values()} == {"local"}
    with contextlib.closing(sqlite3.connect(home / "records.sqlite")) as connection:
        after = connection.execute("SELECT record FROM records ORDER BY id").fetchall()
    correct = [re.findall(r'"correct":[0-9]+', text) for (text,) in before]
    assert [re.findall(r'"correct":[0-9]+', text) for (text,) in after] == correct


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"budget": float("nan")}, "budget of nan"),
        ({"budget": -1.0}, "budget of -1.0"),
        ({"seed": -1}, "seed -1 is out of range"),
        ({"seed": 2**32}, "out of range"),
        ({"targets": ("gpu",)}, "unknown target 'gpu'"),
        ({"recipes": "ptq_int9"}, "did you mean 'ptq_int8'"),
        ({"recipes": []}, "no recipe given"),
        ({"recipes": "PTQ_INT8"}, "write 'ptq_int8'"),
        (
            {"recipes": "prune50_ptq_int8_uint8_io_calib99999_first"},
            "and digits has 100: write prune50_ptq_int8_uint8_io_calib100_first or a smaller number, or "
            "prune50_ptq_int8_uint8_io for all 100",
        ),
        ({"dataset": "digit"}, "did you mean 'digits'"),
        ({"dataset": ""}, "dataset"),
        ({"model": "digits_cn"}, "did you mean 'digits_cnn'"),
        ({"model": "table_mlp"}, "is for table, data set 'digits' holds images"),
        ({"weights": "w.h5"}, "--weights needs a model"),
        ({"energy": EnergyPlan(meter="no-such-meter")}, "neither such a file nor a command"),
        ({"model": "mobilenet_v2", "weights": __file__}, "takes colour images"),
    ],
)
def test_bad_arguments_are_refused_before_any_work(
    options: dict[str, Any], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGEWB_HOME", str(tmp_path / "home"))
    with pytest.raises(InputError, match=says) as caught:
        run_study(**{"dataset": "digits", "recipes": "ptq_int8", "out": tmp_path / "out", **options})
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()
    assert entries(tmp_path / "home") == {}


def test_targets_that_are_not_installed_are_left_out_with_a_note_unless_asked_for(tmp_path: Path) -> None:
    words = ["run", "--dataset", "digits", "--recipes", "float32", "--out", str(tmp_path / "out"), "--targets", "cpu,openvino"]
    done = run_without(["openvino"], *words, EDGEWB_HOME=str(tmp_path / "home"))
    assert done.returncode == 2
    assert done.stderr.startswith("edgewb: target 'openvino' cannot be used: openvino is not installed; pip install 'edgewb[runtimes]'")
    assert not (tmp_path / "out").exists()
    assert _targets(None) == (STUDY_TARGETS, ())
    script = "import sys; sys.modules['openvino'] = None; from edgewb.studies import _targets; print(*_targets(None), sep='\\n')"
    said = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    assert said[0] == "('cpu', 'onnxruntime')"
    assert "not measured on openvino: openvino is not installed; pip install 'edgewb[runtimes]'" in said[1]


def test_the_output_folder_is_tried_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from edgewb.errors import StorageError

    monkeypatch.setenv("EDGEWB_HOME", str(tmp_path / "home"))
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="file"):
        run_study("breast_cancer", "ptq_int8", out=tmp_path / "file")
    assert entries(tmp_path / "home") == {}


def test_what_begins_alike_is_counted_once() -> None:
    def costs(*names: str) -> list[float]:
        return list(_costs([decode_recipe(name) for name in names]).values())

    convert, alone, qat = (costs(name)[0] for name in ("ptq_int8", "prune50_ptq_int8", "qat_int8"))
    assert convert < qat
    assert convert < alone
    assert costs("prune50_ptq_int8", "prune50_float16", "prune50_cluster16_ptq_int8") == [alone, convert, alone]
    assert costs("prune50_qat_int8", "prune50_ptq_int8", "prune80_ptq_int8") == [alone - convert + qat, convert, alone]
    assert costs("qat_int8", "qat_int8_uint8_io") == [qat, costs("qat_int8_uint8_io")[0] - (alone - convert)]
    assert costs("equalize_ptq_int8") == [convert]


def test_calibration_by_class_is_refused_for_a_regression(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a regression has no classes: leave _balanced out"):
        run_study("diabetes", "ptq_int8_calib20_balanced", out=tmp_path / "out")
    with pytest.raises(DatasetError, match="is for regression and classification is wanted"):
        run_study("diabetes", "ptq_int8", out=tmp_path / "out", task="classification")


@pytest.mark.training
def test_a_regression_is_studied_from_end_to_end(tmp_path: Path) -> None:
    home, out = tmp_path / "home", tmp_path / "out"
    recipes = "ptq_int8,distill_ptq_int8,student_ptq_int8"
    words = ("--dataset", "diabetes", "--recipes", recipes, "--targets", "cpu")
    done = run(home, out, *words)
    assert done.returncode in (0, 1), done.stderr
    told = json.loads(done.stdout)
    assert [r["recipe"] for r in told["records"]] == ["float32", *recipes.split(",")]
    data = load_dataset("diabetes")
    mean, stdev = data.truth_scale
    test = data.open_test()
    for record in told["records"]:
        assert record["accuracy"] is record["accuracy_delta"] is record["validation_delta"] is record["answers"] is None
        assert record["settings"]["task"] == "regression"
        assert record["settings"]["output_scale"] == pytest.approx([mean, stdev])
        predicted = predict(out / "models" / f"{record['recipe']}.tflite", test.x)[:, 0] * stdev + mean
        assert record["errors"]["r2"] == pytest.approx(r2_score(test.y, predicted), abs=1e-5)
        assert record["errors"]["mae"] == pytest.approx(np.abs(test.y - predicted).mean(), rel=1e-5)
    float32, *others = told["records"]
    assert float32["error_delta"] is None
    for record in others:
        assert record["error_delta"]["points"] == pytest.approx(100 * (record["errors"]["r2"] - float32["errors"]["r2"]), abs=1e-6)
        assert record["validation_error_delta"]["n"] == 66
        assert record["placement"]["ops_edgetpu"] == record["placement"]["ops_total"]
        assert "validation_r2" in record["settings"] or record["recipe"] == "ptq_int8"
        assert record["settings"]["making_seconds"] > 0
    assert told["context"]["task"] == "regression"
    curve = told["context"]["learning_curve"]
    assert (curve["measure"], curve["n"], curve["basis"]) == ("r2", 66, "measured")
    assert len(curve["losses"]) == len(curve["validation"]) >= 2
    assert curve["losses"][0] > curve["losses"][-1] > 0
    assert curve["seconds"] > 0
    assert any(f"R2 {curve['validation'][-1]:.3f} on 66" in note for note in told["context"]["notes"])
    assert any("distill_ptq_int8 against student_ptq_int8" in note and "points of R2" in note for note in told["context"]["notes"])
    page = (out / "report.html").read_text()
    assert "R2 against compressed size" in page
    assert "--dataset diabetes" in page
    # The file is evaluated as it was made, and on validation alone where that is not known.
    environment = {**os.environ, "EDGEWB_HOME": str(home)}
    asked = [sys.executable, "-m", "edgewb.cli", "evaluate", str(out / "models" / "ptq_int8.tflite"), "--dataset", "diabetes", "--json"]
    again = json.loads(subprocess.run(asked, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout)
    assert again["errors"] == others[0]["errors"]
    assert again["notes"] == []
    environment["EDGEWB_HOME"] = str(tmp_path / "elsewhere")
    other = json.loads(subprocess.run(asked, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout)
    assert other["errors"] == again["errors"]
    assert "in standard deviations" in other["notes"][0]
    # What was recorded is taken from the cache and can be passed on.
    assert json.loads(run(home, out, *words).stdout)["records"] == told["records"]
