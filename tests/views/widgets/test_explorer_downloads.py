"""What a visitor of the explorer saves: the variant's file, the report, the code."""

import ast
import dataclasses
import hashlib
import runpy
import shlex
import types

import pytest

from edgewb.cli.parsers import parser
from edgewb.errors import EdgewbError, InputError
from edgewb.optimizers.training import FAST, FULL
from edgewb.types import Basis
from edgewb.views.widgets.explorer_downloads import (
    command_line,
    find_model,
    find_report,
    make_report,
    python_code,
    read_model,
)

BUILT_IN = {"training": dataclasses.asdict(FAST), "input_range": [0.0, 1.0], "model_kind": "builtin"}


@pytest.fixture
def kept(make_record, tmp_path):
    """A record whose file is where it says."""
    path = tmp_path / "run" / "models" / "ptq_int8.tflite"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"a model")
    return make_record("ptq_int8", file=str(path), size_bytes=7, sha256=hashlib.sha256(b"a model").hexdigest())


def test_the_very_file_that_was_recorded_is_given(kept):
    assert find_model(kept) is not None
    assert read_model(kept) == b"a model"


def test_another_file_in_its_place_is_refused(kept, tmp_path):
    (tmp_path / "run" / "models" / "ptq_int8.tflite").write_bytes(b"another")
    assert find_model(kept) is not None  # of the same size: only its content tells
    with pytest.raises(InputError, match="has changed"):
        read_model(kept)


def test_a_file_that_has_gone_or_is_only_a_name_is_refused(kept, make_record, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path / "run" / "models")
    for record in (
        dataclasses.replace(kept, file="ptq_int8.tflite"),
        dataclasses.replace(kept, file=str(tmp_path / "gone")),
        make_record("x"),
    ):
        assert find_model(record) is None
        with pytest.raises(InputError, match="no longer where it was made"):
            read_model(record)


def test_a_report_is_taken_only_if_it_is_of_these_files_and_of_this_budget(kept, tmp_path):
    assert find_report([kept], 1.0) is None
    page = tmp_path / "run" / "report.html"
    page.write_text("about other files")
    assert find_report([kept], 1.0) is None
    page.write_text(f"about {kept.sha256}")
    assert find_report([kept], 1.0) == page.read_bytes()
    assert find_report([kept, dataclasses.replace(kept, sha256="b" * 64)], 1.0) is None
    assert find_report([kept], 0.5) is None
    other = tmp_path / "run" / "report-budget0.5.html"
    other.write_text(f"half a point, {kept.sha256}")
    assert find_report([kept], 0.5) == other.read_bytes()


def test_a_report_is_made_anew_from_the_records(nine):
    records = [dataclasses.replace(r, validation_delta=r.accuracy_delta) for r in nine]
    page = make_report(records, 2.0, ["recorded elsewhere"], {}).decode()
    assert page.startswith("<!DOCTYPE html>")
    assert "At most 2.0 points lost" in page
    assert "recorded elsewhere" in page
    assert all(record.sha256 in page for record in records)


def test_a_report_that_cannot_be_made_says_why(nine):
    with pytest.raises(EdgewbError, match=r"a budget of 200\.0 points makes no sense"):
        make_report(nine, 200.0, [], {})


@pytest.mark.parametrize("settings", [BUILT_IN, BUILT_IN | {"training": dataclasses.asdict(FULL)}])
def test_the_command_is_one_that_edgewb_takes(make_record, settings):
    records = [make_record(name, settings=settings, seed=3) for name in ("float32", "qat_int8")]
    words = shlex.split(command_line(records, 1.5))
    assert words[0] == "edgewb"
    read = parser().parse_args(words[1:])
    assert (read.dataset, read.model, read.seed, read.budget) == ("digits", "digits_cnn", 3, 1.5)
    assert read.recipes == "float32,qat_int8"
    assert read.fast is (settings is BUILT_IN)


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


def test_the_code_asks_for_the_same_study(make_record, tmp_path, monkeypatch, capsys):
    record = make_record("qat_int8", settings=BUILT_IN, seed=3)
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


def test_own_data_and_models_are_named_and_the_reader_is_told_to_put_paths(make_record):
    record = make_record("ptq_int8", dataset="mine.npz", model="net.keras", settings={"model_kind": "keras", "input_range": [-1.0, 1.0]})
    code = python_code(record, 1.0)
    assert "input_range=(-1.0, 1.0)" in code
    assert "put their path there" in code
    assert "put its path there" in code
    assert "--input-range=-1,1" in code
    assert "will differ" in code


def test_a_strangers_record_cannot_put_code_into_the_program(make_record, tmp_path, monkeypatch, capsys):
    evil = "x\"\"\"'''\\'); print('run'); ("
    record = make_record("qat_int8", dataset=evil, model=evil.replace("/", ""), settings={"training": {evil: evil}, "model_kind": evil})
    code = python_code(record, 1.0)
    calls = [node.func for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]
    named = sorted(ast.unparse(call) for call in calls)
    assert named == ["edgewb.run", "next", "print", "print"]


def test_what_needs_an_address_or_a_recording_is_not_asked_for_again(make_record):
    (sample,) = make_record("ptq_int8").latency
    others = [dataclasses.replace(sample, target=name, basis=basis) for name, basis in (("ssh", "measured"), ("replay", "replayed"))]
    others = [dataclasses.replace(other, basis=Basis(other.basis)) for other in others]
    record = make_record("ptq_int8", latency=(sample, *others))
    assert "--targets cpu --budget" in command_line([record], 1.0)
