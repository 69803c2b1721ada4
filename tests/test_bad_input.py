"""Every kind of bad input gets one line on standard error that says what is wrong, exit status 2, and nothing on standard output."""

import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from dataset_helpers import make_folder
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgewb.cli import main
from edgewb.records import RecordStore

Place = Callable[[Path], list[str]]


def _file(name: str, content: bytes) -> Callable[[Path], str]:
    def make(folder: Path) -> str:
        (folder / name).write_bytes(content)
        return str(folder / name)

    return make


def _npz(folder: Path, **arrays: np.ndarray) -> str:
    np.savez(folder / "data.npz", **arrays)
    return str(folder / "data.npz")


def _pictures(n: int = 40) -> np.ndarray:
    return np.random.default_rng(0).random((n, 8, 8, 3)).astype(np.float32)


def _nan(folder: Path) -> str:
    x = _pictures()
    x[3, 1, 1, 0] = np.nan
    return _npz(folder, x=x, y=np.arange(40) % 2)


def _unreadable(folder: Path) -> str:
    make_folder(folder / "pictures", {"a": 8, "b": 8})
    (folder / "pictures" / "a" / "003.png").write_bytes(b"this is no picture")
    return str(folder / "pictures")


def _tiny(folder: Path) -> str:
    return str(make_folder(folder / "pictures", {"a": 2, "b": 1}))


def _one_class(folder: Path) -> str:
    return str(make_folder(folder / "pictures", {"only": 9}))


def _unpacked_member(folder: Path) -> str:
    file = _npz(folder, y=np.arange(40) % 2)
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x", bytes(1000))  # no .npy, no magic
    return file


DATASETS: dict[str, tuple[Callable[[Path], str], str]] = {
    "unknown name": (lambda folder: "digitz", "did you mean 'digits'"),
    "no such folder": (lambda folder: str(folder / "missing"), "no such file or folder"),
    "empty name": (lambda folder: "", "unknown dataset"),
    "folder with one class": (_one_class, "at least two sub-folders"),
    "folder with an unreadable image": (_unreadable, "'a/003.png' cannot be read"),
    "folder with 3 images": (_tiny, "3 images of 2 classes are too few"),
    "empty folder": (lambda folder: str(folder), "at least two sub-folders"),
    "npz with NaN": (_nan, "NaN"),
    "npz with a negative label": (lambda f: _npz(f, x=_pictures(), y=np.arange(40) % 2 - 1), "label -1"),
    "npz with a label beyond its classes": (
        lambda f: _npz(f, x=_pictures(), y=np.arange(40) % 3, class_names=np.array(["a", "b"])),
        "out of range for 2 class names",
    ),
    "npz whose shapes do not match": (lambda f: _npz(f, x=_pictures(), y=np.arange(39) % 2), "one per example"),
    "npz without labels": (lambda f: _npz(f, x=_pictures()), "no array 'y'"),
    "npz with a member that is no array": (_unpacked_member, "no array 'x'"),
    "npz of a regression with NaN": (lambda f: _npz(f, x=_pictures(), y=np.where(np.arange(40) == 3, np.nan, 0.5)), "y is nan in row 3"),
    "npz of a regression with few examples": (lambda f: _npz(f, x=_pictures()[:20], y=np.arange(20) / 3), "needs at least 40"),
    "npz with pickled objects": (lambda f: _npz(f, x=np.array([{}, {}], dtype=object), y=np.arange(2)), "pickled"),
    "no npz": (_file("data.npz", b"hello"), "is not an .npz file"),
    "a device": (lambda folder: "/dev/null", "neither a folder nor a regular file"),
}


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGEWB_HOME", str(tmp_path / "home"))


def refused(capfd: pytest.CaptureFixture[str], words: list[str], says: str) -> None:
    assert main(words) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1, err
    assert err.startswith("edgewb: ")
    assert says in err
    assert "unexpected" not in err
    assert "Traceback" not in err


@pytest.mark.parametrize("kind", DATASETS)
def test_data_sets(kind: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    make, says = DATASETS[kind]
    (tmp_path / "given").mkdir()
    dataset = make(tmp_path / "given")
    refused(capfd, ["run", "--dataset", dataset, "--recipes", "ptq_int8", "--json", "--out", str(tmp_path / "out")], says)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", [k for k in DATASETS if k != "a device"])
def test_data_sets_given_to_evaluate(
    kind: str, tmp_path: Path, capfd: pytest.CaptureFixture[str], tflite_file: Callable[[str], Path]
) -> None:
    make, says = DATASETS[kind]
    (tmp_path / "given").mkdir()
    refused(capfd, ["evaluate", str(tflite_file("int8_conv")), "--dataset", make(tmp_path / "given"), "--json"], says)


@pytest.mark.parametrize("command", [["inspect"], ["fix"], ["measure", "--runs", "2"], ["evaluate", "--dataset", "digits"]])
@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda f: str(f / "missing.tflite"), "no such file"),
        (lambda f: str(f), "is a folder"),
        (lambda f: "", "folder"),
        (_file("text.tflite", b"this is no model, only text"), "text.tflite"),
        (_file("empty.tflite", b""), "empty.tflite"),
        (_file("header.tflite", b"\x1c\0\0\0TFL3"), "header.tflite"),
        (_file("image.png", b"\x89PNG\r\n\x1a\n" + bytes(100)), "image.png"),
    ],
)
def test_files_that_are_no_tflite(
    command: list[str], make: Callable[[Path], str], says: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    refused(capfd, [command[0], make(tmp_path), *command[1:]], says)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(share=st.floats(0.01, 0.99))
def test_truncated_models(share: float, tmp_path: Path, capfd: pytest.CaptureFixture[str], tflite_bytes: Callable[[str], bytes]) -> None:
    whole = tflite_bytes("int8_conv")
    path = tmp_path / "cut.tflite"
    path.write_bytes(whole[: int(share * len(whole))])
    for command in ("inspect", "fix", "measure"):
        refused(capfd, [command, str(path)], "cut.tflite")


RUN = ["run", "--dataset", "digits", "--recipes", "ptq_int8"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["run", "--dataset", "digits", "--recipes", "ptq_int9"], "did you mean 'ptq_int8'"),
        (["run", "--dataset", "digits", "--recipes", "prune100_ptq_int8"], "prune1 to prune99"),
        (["run", "--dataset", "digits", "--recipes", ""], "no recipe given"),
        (["run", "--dataset", "digits", "--recipes", ","], "no recipe given"),
        ([*RUN, "--budget", "nan"], "budget of nan"),
        ([*RUN, "--budget", "-1"], "budget of -1.0"),
        ([*RUN, "--budget", "inf"], "budget of inf"),
        ([*RUN, "--budget", "one"], "--budget"),
        ([*RUN, "--seed", "-1"], "seed -1"),
        ([*RUN, "--seed", "4294967296"], "seed 4294967296"),
        ([*RUN, "--seed", "1.5"], "--seed"),
        ([*RUN, "--targets", "edgetpux"], "unknown target 'edgetpux'"),
        ([*RUN, "--targets", ","], "--targets is empty"),
        ([*RUN, "--model", "digits_cm"], "did you mean 'digits_cnn'"),
        ([*RUN, "--model", "no/such.keras"], "no such model"),
        ([*RUN, "--model", "mobilenet_v2"], "--weights"),
        ([*RUN, "--weights", "w.h5"], "--weights"),
        ([*RUN, "--input-range", "-1,1"], "--input-range=-1,1"),
        ([*RUN, "--input-range", "1,0"], "no range"),
        ([*RUN, "--input-range", "nan,1"], "no range"),
        ([*RUN, "--input-range", "0,1,2"], "no range"),
        (["demo", "--budget", "-0.5"], "budget of -0.5"),
        (["demo", "--seed", "-1"], "seed -1"),
        (["records", "--import", "no/such.jsonl"], "cannot read 'no/such.jsonl'"),
        (["records", "--export", "/dev/null/x"], "cannot write"),
        (["records", "--export", "a", "--import", "b"], "not allowed with"),
        (["inspekt", "x"], "inspekt"),
    ],
)
def test_values_out_of_range_and_names_nobody_knows(words: list[str], says: str, capfd: pytest.CaptureFixture[str]) -> None:
    refused(capfd, words, says)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["inspect", "--compiler", "17.0"], "17.0"),
        (["inspect", "--compiler", ""], "compiler"),
        (["measure", "--runs", "0"], "runs 0"),
        (["measure", "--runs", "-3"], "runs -3"),
        (["measure", "--runs", "1000001"], "runs 1000001"),
        (["measure", "--threads", "0"], "threads 0"),
        (["measure", "--kernels", "xnn"], "did you mean 'xnnpack'"),
        (["measure", "--target", "gpu"], "unknown target 'gpu'"),
        (["evaluate", "--dataset", "digits", "--target", "gpu"], "unknown target 'gpu'"),
        (["evaluate", "--dataset", "digits"], "evaluate it on the data it was trained for"),
        (["evaluate", "--dataset", "digits", "--seed", "-1"], "seed -1"),
    ],
)
def test_options_of_commands_that_take_a_model(
    words: list[str], says: str, capfd: pytest.CaptureFixture[str], tflite_file: Callable[[str], Path]
) -> None:
    refused(capfd, [words[0], str(tflite_file("int8_conv")), *words[1:]], says)


def test_compiled_models_are_inspected_but_not_run(capfd: pytest.CaptureFixture[str], tflite_file: Callable[[str], Path]) -> None:
    compiled = str(tflite_file("compiled"))
    for words in (["measure", compiled], ["evaluate", compiled, "--dataset", "digits"]):
        refused(capfd, words, "edgetpu-custom-op")
    assert main(["inspect", compiled]) in (0, 1)


@pytest.mark.parametrize("model", ["int8_conv", "compiled"])
def test_a_quantised_or_compiled_tflite_is_no_float_model(model: str, tmp_path: Path, tflite_file: Callable[[str], Path]) -> None:
    from edgewb.errors import ModelFileError
    from edgewb.model_files import identify_model
    from edgewb.optimizers.float_models import load_float_model

    with pytest.raises(ModelFileError, match=r"needs the float32 \.tflite"):
        load_float_model(identify_model(tflite_file(model)))


def _newer(folder: Path) -> None:
    with RecordStore(folder / "home" / "records.sqlite"):
        pass
    with contextlib.closing(sqlite3.connect(folder / "home" / "records.sqlite")) as connection:
        connection.execute("PRAGMA user_version = 999")


@pytest.mark.parametrize("words", [["records"], ["records", "--json"], ["records", "--export", "x"], RUN, ["demo", "--fast"]])
def test_a_database_from_a_newer_version(words: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    _newer(tmp_path)
    content = (tmp_path / "home" / "records.sqlite").read_bytes()
    refused(capfd, words, "version 999")
    assert (tmp_path / "home" / "records.sqlite").read_bytes() == content


@pytest.mark.parametrize("words", [["records"], RUN])
def test_a_database_that_is_none(words: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "records.sqlite").write_bytes(b"this is no database" * 100)
    refused(capfd, words, "not a database")


@pytest.mark.parametrize(("words", "deeper"), [(["records"], ""), (["records", "--json"], ""), (RUN, ""), (RUN, "deeper")])
def test_a_file_in_the_place_of_the_home_folder(
    words: list[str], deeper: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("EDGEWB_HOME", str(tmp_path / "file" / deeper))
    refused(capfd, words, "file")


@pytest.mark.parametrize("words", [["records"], RUN])
def test_a_home_folder_of_a_user_nobody_knows(words: list[str], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("EDGEWB_HOME", "~nobody-of-this-name/x")
    refused(capfd, words, "EDGEWB_HOME is '~nobody-of-this-name/x'")


def test_a_file_in_the_place_of_the_output_folder(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "out").write_text("precious")
    for out in (tmp_path / "out", tmp_path / "out" / "deeper"):
        refused(capfd, ["run", "--dataset", "breast_cancer", "--recipes", "ptq_int8", "--json", "--out", str(out)], str(out))
    assert (tmp_path / "out").read_text() == "precious"


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_folders_without_permission(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "closed").mkdir(mode=0o500)
    refused(capfd, ["run", "--dataset", "breast_cancer", "--json", "--out", str(tmp_path / "closed" / "out")], "no permission")


@pytest.mark.parametrize(
    "words",
    [
        ["inspect", "missing.tflite"],
        ["run", "--dataset", "digitz"],
        ["demo", "--budget", "nan"],
        ["measure"],
        ["records", "--import", "missing"],
    ],
)
def test_the_program_itself_prints_one_line_and_no_traceback(words: list[str], tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-m", "edgewb.cli", *words], capture_output=True, text=True, check=False, timeout=300)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("edgewb: ")


LIMITED = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
from edgewb.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize("words", [RUN, ["records", "--import", "LINES"]])
def test_a_disk_with_no_room_for_the_database(words: list[str], tmp_path: Path) -> None:
    (tmp_path / "lines.jsonl").write_text("")
    words = [str(tmp_path / "lines.jsonl") if word == "LINES" else word for word in words]
    done = subprocess.run([sys.executable, "-c", LIMITED, *words], capture_output=True, text=True, check=False, timeout=300)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert "records.sqlite" in done.stderr
    shutil.rmtree(tmp_path / "home")
