"""What importing edgewb costs, what it offers, and what works without the large optional packages."""

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import edgewb

HEAVY = (
    *("tensorflow", "tf_keras", "keras", "plotly", "ipywidgets", "pandas", "scipy", "sklearn"),
    *("PIL", "ai_edge_litert", "jinja2", "tqdm", "rich"),
)


def python(code: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=False,
        timeout=300,
    )


def without(*packages: str) -> str:
    """Code that makes packages impossible to import in a process."""
    return f"import sys\nfor name in {packages!r}: sys.modules[name] = None\n"


def test_importing_edgewb_loads_nothing_large() -> None:
    done = python("import sys, edgewb; print(' '.join(sys.modules))")
    assert done.stderr == ""
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    assert "edgewb" in loaded
    assert loaded & {*HEAVY, "numpy"} == set()


@pytest.mark.parametrize("arguments", [["--help"], ["recipes"], ["run", "--help"], ["--version"]])
def test_help_and_lists_load_nothing_large(arguments: list[str]) -> None:
    code = f"import sys\nfrom edgewb.cli import main\nassert main({arguments!r}) == 0\nprint('\\nLOADED', *sys.modules)"
    done = python(code)
    assert done.stderr == ""
    loaded = {name.split(".")[0] for name in done.stdout.split("\nLOADED ")[1].split()}
    assert loaded & set(HEAVY) == set()


def test_every_public_name_resolves_and_is_listed() -> None:
    for name in edgewb.__all__:
        assert getattr(edgewb, name) is not None
    assert dir(edgewb) == sorted(edgewb.__all__)
    assert {"run", "inspect", "measure", "evaluate", "load_records", "EdgewbError"} <= set(edgewb.__all__)


def test_an_unknown_name_says_what_there_is() -> None:
    with pytest.raises(AttributeError, match=r"no attribute 'estimat'; it has .*evaluate"):
        _ = edgewb.estimat  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "verb", ["run", "inspect", "fix", "measure", "evaluate", "diagnose", "list_targets", "load_records", "load_dataset"]
)
def test_no_module_hides_a_verb(verb: str) -> None:
    """A module of the name of a function would replace it once somebody imports the module."""
    for home in set(edgewb._HOMES.values()):
        importlib.import_module(home)
    assert callable(getattr(edgewb, verb))
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module(f"edgewb.{verb}")


@pytest.fixture
def wide_data(tmp_path: Path) -> Path:
    path = tmp_path / "wide.npz"
    rng = np.random.default_rng(0)
    np.savez(path, x=rng.integers(0, 255, (80, 8, 8, 3)).astype(np.uint8), y=np.arange(80) % 10)
    return path


NO_TRAINING = ("tensorflow", "tf_keras", "keras", "tensorflow_model_optimization", "h5py")


def test_inspect_measure_and_evaluate_work_without_tensorflow(tflite_file: Callable[[str], Path], wide_data: Path) -> None:
    code = without(*NO_TRAINING) + (
        "import edgewb\nfile, data = sys.argv[1:]\n"
        "print(edgewb.inspect(file).ops_edgetpu, edgewb.measure(file, runs=3).runs, edgewb.evaluate(file, data).accuracy.n)"
    )
    done = python(code, str(tflite_file("int8_conv")), str(wide_data))
    assert done.stderr == ""
    assert done.stdout.split() == ["5", "3", "20"]


@pytest.mark.parametrize("command", [["inspect"], ["measure", "--runs", "2"], ["evaluate", "--dataset", "DATA"], ["records"]])
def test_their_commands_do_too(command: list[str], tflite_file: Callable[[str], Path], wide_data: Path, tmp_path: Path) -> None:
    words = [str(wide_data) if word == "DATA" else word for word in command]
    if command[0] != "records":
        words.insert(1, str(tflite_file("int8_conv")))
    code = without(*NO_TRAINING) + f"from edgewb.cli import main\nsys.exit(main({[*words, '--json']!r}))"
    done = python(code, EDGEWB_HOME=str(tmp_path / "home"))
    assert (done.returncode, done.stderr) == (0, "")
    assert isinstance(json.loads(done.stdout), dict)


def test_fix_does_too(tflite_file: Callable[[str], Path], tmp_path: Path) -> None:
    blocked = tmp_path / "blocked"
    blocked.mkdir()
    for name in ("tensorflow", "tf_keras"):  # for the process that runs the files as well
        (blocked / f"{name}.py").write_text("raise ModuleNotFoundError")
    code = "import sys\nsys.path.insert(0, sys.argv[1])\nimport edgewb\nprint(edgewb.fix(sys.argv[2]).verification.identical)"
    done = python(code, str(blocked), str(tflite_file("float_io")))
    assert (done.stdout, done.stderr) == ("True\n", "")


def test_a_study_without_tensorflow_says_which_extra_brings_it(tmp_path: Path) -> None:
    (tmp_path / "tensorflow.py").write_text("raise ModuleNotFoundError(\"No module named 'tensorflow'\", name='tensorflow')\n")
    code = f"import sys\nsys.path.insert(0, {str(tmp_path)!r})\nfrom edgewb.cli import main\nsys.exit(main(sys.argv[1:]))"
    out = str(tmp_path / "out")
    done = python(code, "run", "--dataset", "breast_cancer", "--json", "--out", out, EDGEWB_HOME=str(tmp_path / "home"))
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert "'tensorflow' is not installed" in done.stderr
    assert "edgewb[train]" in done.stderr


@pytest.mark.parametrize(
    ("package", "extra", "code"),
    [
        ("plotly", "views", "from edgewb.views import plots; import inspect as i\n"
         "f = next(v for k, v in vars(plots).items() if k.startswith('plot_') and i.isfunction(v))\nf([])"),
        ("pandas", "views", "edgewb.load_records().to_frame()"),
        ("sklearn", "data", "edgewb.load_dataset('digits')"),
    ],
)  # fmt: skip
def test_a_missing_package_names_the_extra_that_brings_it(package: str, extra: str, code: str, tmp_path: Path) -> None:
    blocked = (package, f"{package}.graph_objects", f"{package}.datasets")
    program = without(*blocked) + (
        "import edgewb, edgewb.errors\ntry:\n"
        + "".join(f"    {line}\n" for line in code.splitlines())
        + "except edgewb.errors.MissingPackageError as error:\n    print(error)\n"
    )
    done = python(program, EDGEWB_HOME=str(tmp_path))
    assert done.stderr == ""
    assert f"edgewb[{extra}]" in done.stdout
    assert repr(package) in done.stdout
