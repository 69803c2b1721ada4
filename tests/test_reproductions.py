"""The command and the program that make a study again: what stands in them, and that they do."""

import ast
import dataclasses
import json
import os
import runpy
import shlex
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_records import build_record, build_regression

from edgewb.cli.parsers import parser
from edgewb.locations import HOME_VARIABLE
from edgewb.models import MODELS
from edgewb.optimizers.training import FAST, FULL
from edgewb.records import load_records
from edgewb.reproductions import Asked, asked_of, command_line, python_call, python_code
from edgewb.types import Basis

ROOT = Path(__file__).parents[1]
BUILT_IN = {"training": dataclasses.asdict(FAST), "input_range": [0.0, 1.0], "model_kind": "builtin"}
names = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1).filter(lambda text: not text.startswith("-"))
ranges = st.tuples(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3)).filter(lambda pair: pair[0] < pair[1])
asked_for = st.builds(
    Asked,
    dataset=names,
    recipes=st.lists(st.sampled_from(["float32", "ptq_int8", "qat_int8"]), min_size=1, unique=True).map(tuple),
    model=st.none() | names,
    weights=st.none() | names,
    targets=st.lists(st.sampled_from(["cpu", "openvino:GPU.1"]), unique=True).map(tuple),
    budget=st.floats(0, 100),
    seed=st.integers(0, 2**32 - 1),
    input_range=st.none() | ranges,
    task=st.sampled_from([None, "classification", "regression"]),
    shifts=st.lists(st.sampled_from(["noise3", "blur1"]), unique=True).map(tuple),
    fast=st.booleans(),
)


@given(asked_for)
def test_both_forms_say_all_that_was_asked_for(asked):
    read = parser().parse_args(shlex.split(command_line(asked))[1:])
    assert (read.dataset, read.model, read.weights, read.seed, read.budget) == (
        asked.dataset,
        asked.model,
        asked.weights,
        asked.seed,
        asked.budget,
    )
    assert (read.recipes, read.targets or "", read.shifts) == (",".join(asked.recipes), ",".join(asked.targets), ",".join(asked.shifts))
    assert (read.input_range, read.task, read.fast) == (asked.input_range, asked.task, asked.fast)
    call = ast.parse(python_call(asked), mode="eval").body
    said = {word.arg: ast.literal_eval(word.value) for word in call.keywords}
    assert [ast.literal_eval(word) for word in call.args] == [asked.dataset, list(asked.recipes)]
    for name, value in list(dataclasses.asdict(asked).items())[2:]:
        default = {"targets": [], "shifts": []}.get(name, Asked.__dataclass_fields__[name].default)
        assert said.get(name, default) == (list(value) if name in ("targets", "shifts") else value)


@pytest.mark.parametrize("training", [FAST, FULL])
def test_a_record_tells_what_to_ask_for(training):
    settings = BUILT_IN | {"training": dataclasses.asdict(training), "weights": "w.h5", "shifts": ["noise3"]}
    records = [build_record(recipe=name, settings=settings, seed=3) for name in ("float32", "qat_int8")]
    assert asked_of(records, 1.5) == Asked(
        dataset="digits",
        recipes=("float32", "qat_int8"),
        model="digits_cnn",
        weights="w.h5",
        targets=("cpu",),
        budget=1.5,
        seed=3,
        shifts=("noise3",),
        fast=training is FAST,
    )


def test_of_a_regression_the_task_is_said():
    record = build_regression(dataset="numbers.npz")
    assert "--task regression" in command_line(asked_of([record], 1.0))
    assert "task='regression'" in python_code(record, 1.0)


def test_a_built_in_nets_own_range_goes_without_saying_and_another_does_not():
    own = MODELS["digits_cnn"].input_range
    assert asked_of([build_record(settings=BUILT_IN | {"input_range": list(own)})], 1.0).input_range is None
    assert asked_of([build_record(settings=BUILT_IN | {"input_range": [-0.123456789, 1.0]})], 1.0).input_range == (-0.123456789, 1.0)


def run_code(code, tmp_path, monkeypatch, sha256):
    """Run the program with a stand-in for the minutes of training: what it asked for, and what it printed."""
    asked = {}

    def run(*arguments, **options):
        asked.update(options, arguments=arguments)
        return types.SimpleNamespace(records=[types.SimpleNamespace(recipe="qat_int8", sha256=sha256)])

    monkeypatch.setattr("edgewb.run", run, raising=False)
    path = tmp_path / "made.py"
    path.write_text(code, encoding="utf-8")
    runpy.run_path(str(path))
    return asked


def test_the_code_asks_for_the_same_study(tmp_path, monkeypatch, capsys):
    record = build_record(recipe="qat_int8", settings=BUILT_IN, seed=3)
    asked = run_code(python_code(record, 0.5), tmp_path, monkeypatch, record.sha256)
    assert asked == {
        "arguments": ("digits", ["qat_int8"]),
        "model": "digits_cnn",
        "targets": ["cpu"],
        "budget": 0.5,
        "seed": 3,
        "fast": True,
    }
    assert "the same file as recorded" in capsys.readouterr().out
    run_code(python_code(record, 0.5), tmp_path, monkeypatch, "0" * 64)
    assert "not the same file" in capsys.readouterr().out


def test_own_data_and_models_are_named_and_the_reader_is_told_to_put_paths():
    record = build_record(dataset="mine.npz", model="net.keras", settings={"model_kind": "tf_keras", "input_range": [-1.0, 1.0]})
    code = python_code(record, 1.0)
    assert "input_range=(-1.0, 1.0)" in code
    assert "put their path there" in code
    assert "put its path there" in code
    assert "--input-range=-1,1" in code
    assert "will differ" in code


@pytest.mark.parametrize(("weights", "said"), [({"weights": "w.h5"}, "weights='w.h5'"), ({}, "the record holds no name")])
def test_pretrained_weights_are_named_or_asked_for(weights, said):
    settings = BUILT_IN | {"model_sha256": "0" * 64, "input_range": list(MODELS["mobilenet_v2"].input_range)} | weights
    assert said in python_code(build_record(model="mobilenet_v2", settings=settings), 1.0)


def test_a_strangers_record_cannot_put_code_into_the_program():
    evil = "x\"\"\"'''\\'); print('run'); ("
    settings = {"training": {evil: evil}, "model_kind": evil, "weights": evil, "shifts": [evil, 3], "input_range": evil}
    code = python_code(build_record(recipe="qat_int8", dataset=evil, model=evil.replace("/", ""), settings=settings), 1.0)
    calls = [node.func for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]
    assert sorted(ast.unparse(call) for call in calls) == ["edgewb.run", "next", "print", "print"]


def test_what_needs_an_address_or_a_recording_is_not_asked_for_again():
    (sample,) = build_record().latency
    others = [
        dataclasses.replace(sample, target=name, basis=basis) for name, basis in (("ssh", Basis.MEASURED), ("replay", Basis.REPLAYED))
    ]
    assert "--targets cpu --budget" in command_line(asked_of([build_record(latency=(sample, *others))], 1.0))


def data(folder, task):
    """Whole numbers as y: classes, or, where that is said, quantities."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 6)).astype(np.float32)
    y = np.round(10 * x[:, 0] + 3 * x[:, 1]).astype(np.int64) + 50
    np.savez(folder / "numbers.npz", x=x, y=y if task == "regression" else (y > 50).astype(np.int64))


def run_in(folder, home, *words):
    """A process of this package, in that folder and with that home."""
    environment = {**os.environ, HOME_VARIABLE: str(home), "PYTHONPATH": str(ROOT)}
    return subprocess.run([sys.executable, *words], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=300)


@pytest.mark.training
@pytest.mark.parametrize("task", ["classification", "regression"])
def test_what_is_saved_makes_the_very_file_again(tmp_path, monkeypatch, task):
    data(tmp_path, task)
    said = ["--task", task] if task == "regression" else []
    study = ["--dataset", "numbers.npz", "--recipes", "ptq_int8", "--targets", "cpu", "--seed", "3", "--fast", "--json", *said]
    first = run_in(tmp_path, tmp_path / "home", "-m", "edgewb.cli", "run", *study)
    assert first.returncode in (0, 1), first.stderr
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    record = load_records(recipe="ptq_int8")[0]
    assert str(record.task) == task

    # Of a new home: nothing of the first training is there.
    (tmp_path / "make.py").write_text(python_code(record, 1.0))
    program = run_in(tmp_path, tmp_path / "other", "make.py")
    assert "the same file as recorded" in program.stdout.splitlines(), program.stdout + program.stderr

    words = shlex.split(command_line(asked_of([record], 1.0)))
    typed = run_in(tmp_path, tmp_path / "third", "-m", "edgewb.cli", *words[1:], "--json")
    made = {row["recipe"]: row["sha256"] for row in json.loads(typed.stdout)["records"]}
    assert made["ptq_int8"] == record.sha256
