"""The command line: exit statuses, one JSON object on standard output, pipes and signals. Bad input is in test_bad_input.py."""

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import made_logs
import numpy as np
import pytest

from edgewb import __version__
from edgewb.cli import main
from edgewb.errors import EdgewbError
from edgewb.optimizers.choices import Conversion
from edgewb.optimizers.recipes import ALL_RECIPES, DEMO_RECIPES
from edgewb.optimizers.techniques import TECHNIQUES

Files = Callable[[str], Path]


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGEWB_HOME", str(tmp_path / "home"))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """80 pictures of 8 x 8 in ten classes: what the models of ``builders`` take."""
    path = tmp_path / "pictures.npz"
    np.savez(path, x=np.random.default_rng(0).integers(0, 255, (80, 8, 8, 3)).astype(np.uint8), y=np.arange(80) % 10)
    return path


def program(*words: str, buffered: bool = True, **options: Any) -> subprocess.CompletedProcess[str]:
    environment = dict(os.environ)
    if buffered:
        environment.pop("PYTHONUNBUFFERED", None)
    options = {"capture_output": True, **options}
    return subprocess.run([sys.executable, "-m", "edgewb.cli", *words], text=True, env=environment, check=False, timeout=300, **options)


def processor_seconds() -> float:
    """What this process and the programs it has waited for took of the processor: other people's programs do not count."""
    now = os.times()
    return now.user + now.system + now.children_user + now.children_system


def asked(capsys: pytest.CaptureFixture[str], *words: str, status: int = 0) -> dict[str, Any]:
    """The one JSON object on standard output."""
    assert main([*words, "--json"]) == status
    out, err = capsys.readouterr()
    assert err == ""
    value = json.loads(out)
    assert isinstance(value, dict)
    return value


INSPECTION = {
    "file", "sha256", "kind", "basis", "compiler", "ops", "ops_total", "ops_edgetpu", "ops_cpu", "ops_unknown", "subgraphs",
    "first_blocker", "parameter_bytes", "on_chip_bytes", "off_chip_bytes", "streamed_const_bytes", "findings",
}  # fmt: skip


def test_inspect_gives_the_documented_keys(capsys: pytest.CaptureFixture[str], tflite_file: Files) -> None:
    got = asked(capsys, "inspect", str(tflite_file("leaky_branches")))
    assert got.keys() >= INSPECTION
    assert (got["kind"], got["basis"], got["compiler"]) == ("source", "predicted", "16.0")
    assert got["ops_total"] == got["ops_edgetpu"] + got["ops_cpu"] + got["ops_unknown"] == len(got["ops"])
    for op in got["ops"]:
        assert op.keys() >= {"index", "op", "version", "placement", "reason", "detail", "parameter_bytes"}
    assert got["first_blocker"].keys() >= {"index", "op", "reason", "detail", "ops_gained_if_fixed"}
    for finding in got["findings"]:
        assert finding.keys() >= {"id", "severity", "message", "fix", "references"}


@pytest.mark.parametrize(("model", "status"), [("int8_conv", 0), ("leaky_branches", 0), ("float", 1)])
def test_inspect_answers_no_when_nothing_maps(model: str, status: int, capsys: pytest.CaptureFixture[str], tflite_file: Files) -> None:
    assert main(["inspect", str(tflite_file(model))]) == status
    out, err = capsys.readouterr()
    assert out
    assert err == ""


def test_what_if_an_op_were_mended(capsys: pytest.CaptureFixture[str], tflite_file: Files) -> None:
    before = asked(capsys, "inspect", str(tflite_file("leaky_branches")))
    after = asked(capsys, "inspect", str(tflite_file("leaky_branches")), "--assume-fixed", "1")
    assert (before["ops_edgetpu"], after["ops_edgetpu"], after["assumed_fixed"]) == (2, 6, [1])
    assert before["first_blocker"]["ops_gained_if_fixed"] == after["ops_edgetpu"] - before["ops_edgetpu"]
    assert after["first_blocker"] is None
    for words, says in (
        (["99"], "ops 0 to 5"),
        (["1,x"], "no list of op numbers"),
        ([""], "no list of op numbers"),
        (["-1"], "no list of op numbers"),
    ):
        assert main(["inspect", str(tflite_file("leaky_branches")), "--assume-fixed", *words]) == 2
        err = capsys.readouterr().err
        assert says in err
        assert len(err.splitlines()) == 1


def test_the_rules_can_be_read(capsys: pytest.CaptureFixture[str]) -> None:
    rules = asked(capsys, "rules")["rules"]
    assert {rule["topic"] for rule in rules} == {"placement", "parameters"}
    assert main(["rules"]) == 0
    out = capsys.readouterr().out
    assert all(rule["sentence"].replace("|", "\\|") in out for rule in rules)


def test_measure_gives_the_documented_keys(capsys: pytest.CaptureFixture[str], tflite_file: Files) -> None:
    got = asked(capsys, "measure", str(tflite_file("int8_conv")), "--runs", "7")
    assert got.keys() >= {"basis", "target", "environment", "runs", "warmup_runs", "first_ms", "latency_ms", "samples_ms", "drift"}
    assert got["latency_ms"].keys() >= {"p50", "p90", "p99", "mean", "stdev"}
    assert (got["basis"], got["target"], got["runs"], len(got["samples_ms"])) == ("measured", "cpu", 7, 7)


def test_of_several_targets_none_is_dropped_without_a_word(capsys: pytest.CaptureFixture[str], tflite_file: Files, data: Path) -> None:
    model = str(tflite_file("int8_conv"))
    assert main(["evaluate", model, "--dataset", str(data), "--target", "cpu", "--target", "cpu:builtin"]) == 2
    assert "--target is given twice" in capsys.readouterr().err
    got = asked(capsys, "measure", model, "--targets", "cpu:builtin,cpu:xnnpack", "--runs", "20")
    assert [one["kernels"] for one in got["measurements"]] == ["builtin", "xnnpack"]
    assert main(["measure", model, "--target", "tpu"]) == 2
    assert "did you mean 'edgetpu[:DEVICE]'?" in capsys.readouterr().err


def test_a_recording_is_made_confirmed_and_played(
    capsys: pytest.CaptureFixture[str], tflite_file: Files, data: Path, tmp_path: Path
) -> None:
    model, out = str(tflite_file("int8_conv")), tmp_path / "R.json"
    assert main(["measure", model, "--runs", "9", "--record", str(out), "--dataset", str(data)]) == 0
    text = capsys.readouterr().out
    assert f"recorded: {out}, 21 answers, {out.stat().st_size / 1000:.1f} kB; play it with --target replay:{out}\n" in text
    assert "n = 9 (measured)" in text
    got = asked(capsys, "measure", model, "--target", f"replay:{out}")
    assert (got["basis"], got["target"], got["runs"]) == ("replayed", "replay", 9)
    assert got["facts"]["stands_for"].startswith("recorded on cpu, ")
    scored = asked(capsys, "evaluate", model, "--dataset", str(data), "--target", f"replay:{out}")
    assert (scored["basis"], scored["target"], scored["accuracy"]["basis"], scored["accuracy"]["target"]) == (*["replayed", "replay"] * 2,)
    assert str(tmp_path) not in json.dumps(scored)
    # One JSON object on standard output stays the only thing there.
    again = tmp_path / "S.json"
    assert main(["measure", model, "--runs", "9", "--record", str(again), "--json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["runs"] == 9
    before = out.read_bytes()
    assert main(["measure", model, "--runs", "9", "--record", str(out)]) == 2
    assert "a recording is not written over; name another file" in capsys.readouterr().err
    assert out.read_bytes() == before
    assert "recorded: " in said.err


@pytest.mark.parametrize(("target", "word"), [("replay", "REPLAYED, not measured here: recorded on cpu, "), ("simulated", "SIMULATED, ")])
def test_what_was_not_measured_says_so_in_its_first_line(
    capsys: pytest.CaptureFixture[str], tflite_file: Files, data: Path, tmp_path: Path, target: str, word: str
) -> None:
    model, out = str(tflite_file("int8_conv")), str(tmp_path / "R.json")
    assert main(["measure", model, "--runs", "3", "--record", out, "--dataset", str(data)]) == 0
    target += f":{out}" if target == "replay" else ""
    capsys.readouterr()
    basis = f"({word.split(',')[0].lower()})"
    for words in (["measure", model, "--runs", "3"], ["evaluate", model, "--dataset", str(data)]):
        assert main([*words, "--target", target]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert lines[0].startswith(word)
        if words[0] == "measure":
            assert sum(basis in line for line in lines) == 2  # latency and jitter
        else:
            figures = [line for line in lines if re.search(r"\d of (n = )?\d", line)]
            assert len(figures) >= 12  # the accuracy, top-5, ten classes, and the mistakes made most often
            assert all(basis in line for line in figures)
        assert not any("(measured)" in line for line in lines)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--dataset", "digits"], "--dataset goes with --record"),
        (["--seed", "3"], "--seed goes with --record"),
        (["--input-range", "0,1"], "--input-range goes with --record"),
        (["--record", "R.json", "--target", "simulated"], "cannot be recorded: its figures are simulated"),
        (["--target", "replay"], "write it as replay:FILE"),
        (["--target", "replay:none.json"], "no recording 'none.json' (No such file or directory): make one with `edgewb measure"),
        (["--target", "simulated:moon"], "unknown host 'moon'"),
    ],
)
def test_recordings_and_stand_ins_that_cannot_be(
    capsys: pytest.CaptureFixture[str], tflite_file: Files, words: list[str], said: str
) -> None:
    assert main(["measure", str(tflite_file("int8_conv")), *words]) == 2
    out, err = capsys.readouterr()
    assert (out, len(err.splitlines())) == ("", 1)
    assert said in err


def test_what_was_measured_is_shown_although_it_cannot_be_recorded(
    capsys: pytest.CaptureFixture[str], tflite_file: Files, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    assert main(["measure", str(tflite_file("int8_conv")), "--runs", "3", "--record", str(tmp_path / "file" / "R.json")]) == 2
    out, err = capsys.readouterr()
    assert "n = 3 (measured)" in out
    assert "cannot write" in err
    assert len(err.splitlines()) == 1


def test_evaluate_gives_accuracy_with_n_and_interval(capsys: pytest.CaptureFixture[str], tflite_file: Files, data: Path) -> None:
    got = asked(capsys, "evaluate", str(tflite_file("int8_conv")), "--dataset", str(data))
    assert got["accuracy"].keys() >= {"value", "n", "ci95", "basis"}
    low, high = got["accuracy"]["ci95"]
    assert 0 <= low <= got["accuracy"]["value"] <= high <= 1
    assert got["accuracy"]["n"] == sum(row["n"] for row in got["classes"]) == 20
    assert got["inputs"] == "input range 0..1"
    assert main(["evaluate", str(tflite_file("int8_conv")), "--dataset", str(data)]) == 0
    assert "(input range 0..1, cpu, builtin kernels)" in capsys.readouterr().out


def test_a_file_of_ours_is_evaluated_on_examples_it_was_not_trained_on(
    capsys: pytest.CaptureFixture[str], tflite_file: Files, data: Path
) -> None:
    import hashlib

    from edgewb.records import RecordStore

    path = tflite_file("int8_conv")
    plain = asked(capsys, "evaluate", str(path), "--dataset", str(data))
    assert plain["input_range"] == [0.0, 1.0]
    from made_records import build_record

    record = build_record(
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(), seed=3, dataset=data.name, settings={"input_range": [-1.0, 1.0]}
    )
    with RecordStore() as store:
        assert store.add(record)
    ours = asked(capsys, "evaluate", str(path), "--dataset", str(data))
    assert ours["input_range"] == [-1.0, 1.0]
    assert ours["accuracy"] != plain["accuracy"] or ours["dataset_fingerprint"] != plain["dataset_fingerprint"]
    assert main(["evaluate", str(path), "--dataset", str(data), "--seed", "0"]) == 2
    assert "was made with seed 3" in capsys.readouterr().err


def test_records_are_an_empty_list_before_the_first_study(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert asked(capsys, "records") == {"records": []}
    assert not (tmp_path / "home").exists()


EXPLANATION = {
    "compiler_version", "outcome", "model", "compile_ms", "subgraphs", "on_chip_used_bytes", "on_chip_remaining_bytes", "off_chip_bytes",
    "ops", "ops_total", "ops_edgetpu", "ops_cpu", "findings", "compilations",
}  # fmt: skip


@pytest.mark.parametrize(
    ("log", "status", "outcome"),
    [
        (made_logs.Made().console(show=True), 0, "success"),
        (made_logs.Made(rows=(("ADD", 2, made_logs.TYPE),), subgraphs=0).operation_log(), 1, "nothing_mapped"),
        (made_logs.large_activations(), 1, "failed"),
        (made_logs.Made().banner, 1, "incomplete"),
        (made_logs.Made().banner + "Segmentation fault\n", 1, "crashed"),
        (made_logs.Made().console() + "Operations mapped to Edge TPU: 100%\n", 1, "unknown"),
        ("ValueError: Failed to load delegate from libedgetpu.so.1\n", 1, "unknown"),
    ],
)
def test_explain_gives_the_documented_keys(
    log: str, status: int, outcome: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import edgewb

    path = tmp_path / "bird_net_edgetpu.log"
    path.write_text(log)
    got = asked(capsys, "explain", str(path), status=status)
    assert got.keys() >= EXPLANATION
    assert got["outcome"] == outcome
    assert got == json.loads(json.dumps(edgewb.explain(log).to_dict()))
    for row in got["ops"]:
        assert row.keys() >= {"op", "count", "status"}
    for finding in got["findings"]:
        assert finding.keys() >= {"id", "severity", "message", "fix", "references"}
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(log.encode())))
    assert asked(capsys, "explain", "-", status=status) == got
    assert main(["explain", str(path)]) == status
    out, err = capsys.readouterr()
    assert out == f"{edgewb.explain(log)}\n"
    assert err == ""


def test_explain_refuses_what_is_no_log_and_what_is_huge(tmp_path: Path, tflite_file: Files) -> None:
    huge = tmp_path / "huge.log"
    with open(huge, "wb") as file:
        file.truncate(100 * 2**20)
    (tmp_path / "empty.log").write_text("")
    given = {
        str(tmp_path / "empty.log"): "the text is empty",
        str(tmp_path / "missing.log"): "no such file",
        str(tmp_path): "is a folder",
        str(tflite_file("int8_conv")): "edgewb inspect",
        str(huge): "give its last part",
    }
    for name, says in given.items():
        start = processor_seconds()
        done = program("explain", name, "--json")
        assert (done.returncode, done.stdout) == (2, "")
        assert len(done.stderr.splitlines()) == 1
        assert says in done.stderr
        assert processor_seconds() - start < 10
    with open(huge, "rb") as file:
        done = program("explain", "-", stdin=file)
    assert (done.returncode, done.stdout) == (2, "")
    assert "standard input has more than" in done.stderr


def test_recipes_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    known = asked(capsys, "recipes")
    names = [row["recipe"] for row in known["recipes"]]
    assert tuple(names) == ALL_RECIPES
    assert [row["recipe"] for row in known["recipes"] if row["demo"]] == list(DEMO_RECIPES)
    assert {row["conversion"] for row in known["conversions"]} == set(Conversion)
    assert {row["technique"] for row in known["techniques"]} == set(TECHNIQUES)
    # Each says what it can and cannot buy on an Edge TPU.
    assert all(row["buys"] for part in ("recipes", "techniques", "conversions", "interfaces") for row in known[part])
    assert main(["recipes"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in (*names, *Conversion, *TECHNIQUES))
    assert max(map(len, out.splitlines())) <= 140


@pytest.mark.parametrize("command", ["inspect", "measure", "evaluate"])
def test_tables_for_people_print_the_figures_with_basis_and_n(
    command: str, capsys: pytest.CaptureFixture[str], tflite_file: Files, data: Path
) -> None:
    more = {"inspect": [], "measure": ["--runs", "9"], "evaluate": ["--dataset", str(data)]}[command]
    assert main([command, str(tflite_file("int8_conv")), *more]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert {"inspect": "predicted", "measure": "n = 9 (measured)", "evaluate": "of n = 20 (measured)"}[command] in out


@pytest.mark.parametrize(
    ("recommended", "skipped", "status"),
    [("ptq_int8", False, 0), ("ptq_int8", True, 0), (None, False, 0), (None, True, 1)],
    ids=["recommended", "recommended, one failed", "float32 alone was asked for", "all that was asked for failed"],
)
def test_a_study_whose_recipes_all_failed_answers_no(
    recommended: str | None, skipped: bool, status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from types import SimpleNamespace

    import edgewb.workbench

    study = SimpleNamespace(
        records=("float32",) if recommended is None else ("float32", recommended),
        skipped=("qat_int8",) if skipped else (),
        recommendation=SimpleNamespace(recipe=recommended),
        context=SimpleNamespace(notes=()),
        report="report.html",
        to_text=lambda **_: "table",
    )
    monkeypatch.setattr(edgewb.workbench, "run", lambda **_: study)
    assert main(["run", "--dataset", "digits"]) == status


@pytest.mark.parametrize(("words", "recipes"), [([], DEMO_RECIPES), (["--fast"], DEMO_RECIPES), (["--all"], ALL_RECIPES)])
def test_the_demo_runs_nine_recipes_or_all(
    words: list[str], recipes: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import edgewb.workbench

    class Asked(EdgewbError):
        pass

    def run(**options: Any) -> None:
        assert options["recipes"] == recipes
        raise Asked("asked")

    monkeypatch.setattr(edgewb.workbench, "run", run)
    assert main(["demo", *words]) == 2
    assert capsys.readouterr().err == "edgewb: asked\n"


@pytest.mark.training
def test_a_study_from_the_shell_records_export_and_import(tmp_path: Path) -> None:
    from study_driver import RECIPES, run

    done = run(tmp_path / "home", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    got = json.loads(done.stdout)
    assert got.keys() >= {"records", "recommendation", "report"}
    assert got["recommendation"].keys() >= {"recipe", "why", "budget_points"}
    assert Path(got["report"]).read_text().startswith("<!")
    assert [r["recipe"] for r in got["records"]] == list(RECIPES)
    for record in got["records"]:
        assert record.keys() >= {
            "recipe", "file", "size_bytes", "accuracy", "accuracy_delta", "placement", "parameters", "latency", "environment", "seed",
            "created",
        }  # fmt: skip
        assert Path(record["file"]).stat().st_size == record["size_bytes"]
        assert record["accuracy"].keys() >= {"value", "n", "ci95"}
        assert record["placement"].keys() >= {"ops_total", "ops_edgetpu", "basis"}
        assert (record["accuracy_delta"] is None) == (record["recipe"] == "float32")
        if record["accuracy_delta"]:
            assert record["accuracy_delta"].keys() >= {"points", "ci95", "p_value", "against"}
        for latency in record["latency"]:
            assert latency.keys() >= {"target", "basis", "n", "latency_ms"}
            if latency["basis"] == "measured":
                assert latency["n"] == len(latency["samples_ms"])
            else:
                assert latency["basis"] == "estimated"
                assert latency["latency_ms"].keys() == {"low", "mid", "high"}
    listed = json.loads(program("records", "--json").stdout)["records"]
    assert [r["key"] for r in listed] == [r["key"] for r in got["records"]]
    exported = program("records", "--export", str(tmp_path / "all.jsonl"), "--json")
    assert json.loads(exported.stdout)["exported"] == len(RECIPES)
    assert str(tmp_path) not in (tmp_path / "all.jsonl").read_text()
    os.environ["EDGEWB_HOME"] = str(tmp_path / "other")
    imported = program("records", "--import", str(tmp_path / "all.jsonl"), "--json")
    assert json.loads(imported.stdout)["added"] == len(RECIPES)
    with (tmp_path / "all.jsonl").open("a") as stream:
        stream.write("not a record\n")
    refused = program("records", "--import", str(tmp_path / "all.jsonl"))
    assert refused.returncode == 1
    assert "line 6 refused" in refused.stderr


@pytest.mark.training
def test_a_budget_that_is_not_met_is_the_answer_no(tmp_path: Path) -> None:
    from study_driver import run

    done = run(tmp_path / "home", tmp_path / "out", "--recipes", "prune99_ptq_int8")
    assert done.returncode == 1, done.stderr
    got = json.loads(done.stdout)
    assert got["recommendation"]["recipe"] is None
    assert "no variant stays within it" in got["recommendation"]["why"]
    assert got["records"][1]["accuracy_delta"]["points"] < -1.0
    assert done.stderr == ""


def test_help_version_and_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"edgewb {__version__}\n"
    assert main(["--help"]) == 0
    assert "demo" in capsys.readouterr().out
    for words in ([], ["no_such_command"], ["inspect"], ["run"], ["demo", "--fast", "--all"], ["--jso"]):
        assert main(words) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert len(err.splitlines()) == 1
        assert "--help" in err


def test_the_program_itself_starts() -> None:
    done = program("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"edgewb {__version__}\n", "")


@pytest.mark.parametrize("words", [["recipes"], ["recipes", "--json"], ["--help"]])
@pytest.mark.parametrize("buffered", [True, False])
def test_a_reader_that_goes_away_is_no_error(words: list[str], buffered: bool) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = program(*words, buffered=buffered, capture_output=False, stdout=writing, stderr=subprocess.PIPE)
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize(
    ("words", "buffered"),
    # Unbuffered, argparse itself passes over a help text it cannot print.
    [
        (["recipes"], True),
        (["recipes"], False),
        (["recipes", "--json"], True),
        (["records"], True),
        (["records"], False),
        (["--help"], True),
    ],
)
def test_an_output_that_cannot_be_written_is_one_line(words: list[str], buffered: bool) -> None:
    with open("/dev/full", "w") as full:
        done = program(*words, buffered=buffered, capture_output=False, stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "No space left" in done.stderr


@pytest.mark.parametrize("words", [["recipes"], ["recipes", "--json"], ["--help"], ["inspect", "missing.tflite"]])
@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_standard_streams_change_neither_status_nor_the_other_stream(words: list[str], closed: str) -> None:
    command = f'exec "$@" {closed}'
    shell = ["bash", "-c", command, "bash", sys.executable, "-m", "edgewb.cli", *words]
    done = subprocess.run(shell, capture_output=True, text=True, check=False, timeout=300)
    plain = program(*words)
    assert done.returncode == plain.returncode
    assert done.stdout == ("" if ">&- " in closed or closed == ">&-" else plain.stdout)
    assert done.stderr == ("" if "2>&-" in closed else plain.stderr)


def test_a_terminal_without_unicode_still_gets_its_tables(tflite_file: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    for words in (["recipes"], ["inspect", str(tflite_file("leaky_branches"))], ["measure", str(tflite_file("int8_conv")), "--runs", "2"]):
        done = program(*words)
        assert (done.returncode, done.stderr) == (0, "")


def test_a_file_name_that_is_no_text_is_shown_all_the_same(tflite_file: Files, tmp_path: Path) -> None:
    odd = os.fsencode(tmp_path) + b"/m\xff.tflite"
    try:
        os.rename(tflite_file("int8_conv"), odd)
    except OSError:
        pytest.skip("this file system takes no such name")
    for words in (["inspect", "--json"], ["inspect"], ["measure", "--runs", "2", "--json"]):
        done = program(words[0], os.fsdecode(odd), *words[1:])
        assert "unexpected" not in done.stderr
        assert len(done.stderr.splitlines()) <= 1
        assert done.returncode in (0, 2)
