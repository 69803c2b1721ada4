"""Compiling: the stand-in behaves like each version and in each bad way; what came of it is judged by words and by files."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import builders
import pytest

from edgewb.cli import main
from edgewb.compilers.compilations import compile_model
from edgewb.compilers.explanations import explain
from edgewb.compilers.inspections import inspect
from edgewb.compilers.stand_in_texts import VERSIONS
from edgewb.compilers.stand_ins import BEHAVIOURS
from edgewb.compilers.vendor import CompilerOptions, find_compiler
from edgewb.errors import InputError


def script(path: Path, body: str) -> Path:
    path.write_text(body, encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """Compile with the stand-in behind a shell script, as the real compiler is; returns a function that sets version and behaviour."""
    python = f'PYTHONPATH="{Path(__file__).parents[2]}" "{sys.executable}" -m edgewb.compilers.stand_ins'
    # A command behind it keeps the shell from replacing itself, so that it is the shell that reports a signal.
    program = script(tmp_path / "edgetpu_compiler", f'#!/bin/bash\n{python} "$@"\nexit $?\n')
    monkeypatch.setenv("EDGEWB_EDGETPU_COMPILER", str(program))

    def choose(behaviour: str = "honest", version: str = "16.0") -> None:
        monkeypatch.setenv("EDGEWB_STAND_IN", f"version={version} behaviour={behaviour}")

    choose()
    return choose


@pytest.fixture
def no_compiler(monkeypatch, tmp_path):
    monkeypatch.delenv("EDGEWB_EDGETPU_COMPILER", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))


def ids(result) -> list[str]:
    return [finding.id for finding in result.findings]


def test_without_a_compiler_it_predicts_and_says_so(no_compiler, tflite_file):
    done = compile_model(tflite_file("leaky_branches"))
    assert (done.basis, done.outcome, done.ops_edgetpu, done.ops_total, done.tries) == ("predicted", "success", 2, 6, 0)
    assert "no_compiler" in ids(done)
    text = str(done)
    assert "would compile (predicted)" in text
    assert "x86-64" in text
    assert "notebook service" in text
    assert compile_model(tflite_file("float")).outcome == "nothing_mapped"


def test_a_refused_file_is_predicted_to_fail(no_compiler, tmp_path):
    b = builders.Builder()
    source = b.tensor("x", (1, 4, 4, 3))
    y = b.tensor("y", (1, 4, 4, 3))
    b.op("GELU", [source], [y])
    path = tmp_path / "gelu.tflite"
    path.write_bytes(b.build([source], [y]))
    assert compile_model(path).outcome == "failed"


@pytest.mark.parametrize("version", VERSIONS)
def test_the_stand_in_compiles_nothing_and_says_so(stand_in, version, tflite_file, tmp_path):
    stand_in(version=version)
    source = tflite_file("leaky_branches")
    done = compile_model(source, tmp_path / "out")
    if version == "1.0":
        # LEAKY_RELU version 2 came later.
        assert (done.basis, done.outcome, ids(done)[0]) == ("simulated", "failed", "op_version_too_new")
        done = compile_model(tflite_file("int8_conv"), tmp_path / "out")
        assert done.log.on_chip_available_bytes is not None
        assert done.ops_edgetpu == done.log.ops_edgetpu == done.ops_total
        return
    assert (done.basis, done.outcome, done.compiler_version) == ("simulated", "success", VERSIONS[version])
    assert (done.ops_edgetpu, done.ops_cpu, done.ops_total) == (2, 4, 6)
    assert done.log.ops_edgetpu == 2
    assert done.log.subgraphs == 1
    assert done.differences == ()
    assert "stand_in" in ids(done)
    assert "simulated" in str(done)
    (written,) = map(Path, done.outputs)
    assert written == tmp_path / "out" / f"{source.stem}_edgetpu.tflite"
    inside = inspect(written)
    assert (inside.kind, inside.basis) == ("compiled", "simulated")
    assert inside.parameter_bytes == done.predicted.parameter_bytes
    assert [op.op for op in inside.ops].count("edgetpu-custom-op") == 1
    log = explain(written.with_name(f"{source.stem}_edgetpu.log").read_text())
    assert (log.stand_in, log.basis, log.ops_edgetpu) == (True, "simulated", 2)
    unmarked = written.with_name(f"{source.stem}_edgetpu.log").read_text().split("\n", 1)[1]
    assert explain(unmarked).basis == "simulated"
    assert ("on_chip_available_bytes" if float(version) < 3 else "on_chip_remaining_bytes") in {
        key for key, value in done.log.to_dict().items() if value is not None
    }


FAILURES = {
    "internal_error": ("failed", "internal_compiler_error", 3),
    "large_activations": ("failed", "large_activations", 1),
    "no_reason": ("failed", "failed_without_reason", 1),
    "timeout": ("timeout", "timed_out", 1),
    "segfault": ("crashed", "compiler_crashed", 1),
    "exception": ("crashed", "compiler_crashed", 1),
    "killed": ("crashed", "out_of_memory", 1),
    "incomplete": ("incomplete", "incomplete_log", 1),
    "no_output": ("failed", "no_output_file", 1),
    "half_output": ("failed", "no_output_file", 1),
    "nothing": ("nothing_mapped", "nothing_maps", 1),
    "silent": ("failed", "no_output_file", 1),
    "garbage": ("failed", "no_output_file", 1),
}


@pytest.mark.parametrize("behaviour", FAILURES)
def test_each_way_to_fail(stand_in, behaviour, tflite_file, tmp_path):
    outcome, finding, tries = FAILURES[behaviour]
    stand_in(behaviour)
    done = compile_model(tflite_file("int8_conv"), tmp_path / "out")
    assert (done.outcome, done.findings[0].id if behaviour == "silent" else finding, done.tries) == (outcome, finding, tries)
    assert finding in ids(done)
    assert done.outputs == ()
    left = sorted(path.suffix for path in (tmp_path / "out").glob("*")) if (tmp_path / "out").exists() else []
    assert left == ([] if behaviour == "silent" else [".log"])
    assert str(done)


def test_the_known_nondeterministic_abort_is_tried_again(stand_in, tflite_file, tmp_path):
    stand_in(f"internal_error_once:{tmp_path / 'state'}")
    done = compile_model(tflite_file("int8_conv"), tmp_path / "out")
    assert (done.outcome, done.tries) == ("success", 2)


def test_a_compiler_that_hangs_is_ended_with_all_it_started(stand_in, tflite_file, tmp_path):
    stand_in("hang")
    done = compile_model(tflite_file("int8_conv"), tmp_path / "out", time_limit_s=1.5)
    assert (done.outcome, done.findings[0].id) == ("timeout", "timed_out")
    assert "after 1.5 s" in done.findings[0].message
    left = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert not [line for line in left.splitlines() if "edgewb.compilers.stand_ins" in line and str(tmp_path) in line]


def test_a_compiler_that_fills_the_disk_is_ended(stand_in, tflite_file, tmp_path, monkeypatch):
    monkeypatch.setattr("edgewb.compilers.vendor._MOST_DISK", 40 * 2**20)
    stand_in("fill_disk")
    done = compile_model(tflite_file("int8_conv"), tmp_path / "out")
    assert (done.outcome, done.findings[0].id) == ("failed", "no_output_file")
    assert "filled the disk" in done.findings[0].message


def test_every_behaviour_is_tested():
    other = {"honest", "hang", "slow", "fill_disk", "internal_error_once"}
    assert set(BEHAVIOURS) == set(FAILURES) | other


def test_a_float_model_is_refused_by_old_versions_and_left_on_the_cpu_by_the_last(stand_in, tflite_file, tmp_path):
    stand_in(version="15.0")
    assert "not_quantized" in ids(compile_model(tflite_file("float"), tmp_path))
    stand_in(version="16.0")
    done = compile_model(tflite_file("float"), tmp_path)
    assert (done.outcome, done.ops_edgetpu) == ("nothing_mapped", 0)


def test_a_difference_is_shown_and_can_be_written_down(stand_in, tflite_file, tmp_path, monkeypatch):
    # As if our rules had it that a RELU never maps: the stand-in, in a process of its own, still goes by the true ones.
    from edgewb.compilers import placement
    from edgewb.compilers.rules import Rule

    def never_relu(case):
        """No RELU maps."""
        return (False, "no RELU maps")

    monkeypatch.setattr(placement, "RULES", (*placement.RULES, Rule("shape", never_relu, "made up", frozenset({"RELU"}))))
    b = builders.Builder()
    x, y, z = (b.tensor(name, (1, 4, 4, 8)) for name in "xyz")
    b.op("RELU", [x], [y])
    b.op("LOGISTIC", [y], [z])
    path = tmp_path / "relu.tflite"
    path.write_bytes(b.build([x], [z]))
    done = compile_model(path, tmp_path / "out", report_to=tmp_path / "difference.json")
    assert [(d.index, d.predicted.value, d.actual.value) for d in done.differences] == [(0, "cpu", "edgetpu"), (1, "cpu", "edgetpu")]
    assert "placement_differs" in ids(done)
    assert "op 0 RELU: Edge TPU, predicted CPU (no RELU maps)" in str(done)
    facts = json.loads((tmp_path / "difference.json").read_text())
    assert facts["actual"] == ["edgetpu", "edgetpu"]
    assert facts["predicted"][0] == ["cpu", "shape"]
    again = compile_model(path, tmp_path / "out", CompilerOptions(search=True))
    assert again.differences is None


def test_the_options_reach_the_compiler(tmp_path, monkeypatch, tflite_file):
    program = script(tmp_path / "cc", f'#!/bin/sh\necho "$@" > "{tmp_path}/given"\n')
    monkeypatch.setenv("EDGEWB_EDGETPU_COMPILER", str(program))
    options = CompilerOptions(
        multiple_subgraphs=True,
        search=True,
        search_step=10,
        segments=2,
        intermediate_tensors=("a", "b/c;d"),
        timeout_s=600,
        min_runtime_version=13,
    )
    compile_model(tflite_file("int8_conv"), tmp_path, options)
    given = (tmp_path / "given").read_text().split()
    assert given[:-3] == ["-s", "-a", "-d", "-k", "10", "-n", "2", "-t", "600", "-m", "13", "-i", "a,b/c;d"]
    assert given[-3:-1] == ["-o", "out"]


def test_a_strange_name_does_not_reach_the_compiler(stand_in, tmp_path, tflite_bytes):
    path = tmp_path / "-o $(touch pwned) ü.tflite"
    path.write_bytes(tflite_bytes("int8_conv"))
    done = compile_model(path, tmp_path / "out")
    assert done.outcome == "success"
    assert (tmp_path / "out" / "-o $(touch pwned) ü_edgetpu.tflite").is_file()
    assert not list(tmp_path.rglob("pwned"))


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"segments": 0}, "number of segments of 0 is not possible: give 1 to 64"),
        ({"search_step": -1}, "search step"),
        ({"timeout_s": 0}, "time-out"),
        ({"min_runtime_version": 15}, "runtime version 15 is not known: give 10 to 14"),
        ({"intermediate_tensors": ("-x",)}, "'-x' is no tensor name"),
        ({"intermediate_tensors": ("",)}, "is no tensor name"),
    ],
)
def test_bad_options(fields, says):
    with pytest.raises(InputError, match=says):
        CompilerOptions(**fields)


def test_bad_input(stand_in, tflite_file, tmp_path, monkeypatch):
    with pytest.raises(InputError, match="is compiled already"):
        compile_model(tflite_file("compiled"))
    with pytest.raises(InputError, match="no such file"):
        compile_model(tmp_path / "none.tflite")
    with pytest.raises(InputError, match="a time limit of 0 s"):
        compile_model(tflite_file("int8_conv"), time_limit_s=0)
    monkeypatch.setenv("EDGEWB_EDGETPU_COMPILER", str(tmp_path / "missing"))
    with pytest.raises(InputError, match="EDGEWB_EDGETPU_COMPILER names"):
        find_compiler()
    broken = tmp_path / "broken"
    broken.write_bytes(b"\x7fELF but not really")
    broken.chmod(0o755)
    monkeypatch.setenv("EDGEWB_EDGETPU_COMPILER", str(broken))
    with pytest.raises(InputError, match="cannot be started"):
        compile_model(tflite_file("int8_conv"), tmp_path)


REAL = '#!/bin/bash\n{real} "$@"\n{then}\n'


@pytest.fixture
def wrapped(stand_in, tmp_path, monkeypatch):
    """The stand-in inside another script, which does something more in the folder it was started in."""
    real = os.environ["EDGEWB_EDGETPU_COMPILER"]

    def wrap(then: str) -> None:
        monkeypatch.setenv("EDGEWB_EDGETPU_COMPILER", str(script(tmp_path / "wrapper", REAL.format(real=real, then=then))))

    return wrap


def test_a_file_too_many_is_no_success(wrapped, tflite_file, tmp_path):
    wrapped("cp edgewb_model.tflite out/z_edgetpu.tflite")
    done = compile_model(tflite_file("int8_conv"), tmp_path / "out")
    assert (done.outcome, done.outputs) == ("failed", ())
    assert "a file holds no Edge TPU part" in done.findings[0].message
    wrapped("cp out/edgewb_model_edgetpu.tflite out/z_edgetpu.tflite")
    assert "2 compiled files were written, 1 asked for" in compile_model(tflite_file("int8_conv"), tmp_path / "out").findings[0].message


def test_a_file_of_another_model_is_no_success(wrapped, tflite_file, tmp_path):
    wrapped(f'cp "{tflite_file("compiled")}" out/edgewb_model_edgetpu.tflite')
    done = compile_model(tflite_file("leaky_branches"), tmp_path / "out")
    assert done.outcome == "failed"
    assert "of another model" in done.findings[0].message


@pytest.mark.parametrize(
    ("then", "outcome"),
    [
        ("head -c 100000 /dev/zero", "success"),
        ("for i in $(seq 300); do mkdir -p d/$i; rm -rf d; done", "success"),
        ("echo wrapper: all 3 layers are on the chip", "success"),
        ("exit 3", "failed"),
    ],
)
def test_what_a_wrapper_adds_does_not_lose_the_result(wrapped, then, outcome, tflite_file, tmp_path):
    wrapped(then)
    assert compile_model(tflite_file("int8_conv"), tmp_path / "out").outcome == outcome


def test_a_stand_in_without_its_note_is_known_by_its_file(stand_in, tflite_file, tmp_path, monkeypatch):
    real = os.environ["EDGEWB_EDGETPU_COMPILER"]
    body = f'#!/bin/bash\n"{real}" "$@" | sed "s/ (edgewb.*//"\n'
    monkeypatch.setenv("EDGEWB_EDGETPU_COMPILER", str(script(tmp_path / "stripped", body)))
    done = compile_model(tflite_file("int8_conv"), tmp_path / "out")
    assert (done.outcome, done.basis) == ("success", "simulated")


@pytest.mark.parametrize(
    ("printed", "status", "finding"),
    [
        ("bash: edgetpu_compiler: cannot execute binary file: Exec format error", 126, "wrong_machine"),
        ("ERROR: something new went wrong", 1, "no_output_file"),
    ],
)
def test_what_it_says_is_passed_on(printed, status, finding, tflite_file, tmp_path, monkeypatch):
    monkeypatch.setenv("EDGEWB_EDGETPU_COMPILER", str(script(tmp_path / "cc", f'#!/bin/sh\necho "{printed}"\nexit {status}\n')))
    done = compile_model(tflite_file("int8_conv"), tmp_path)
    assert (done.outcome, done.basis, done.findings[0].id) == ("failed", "predicted", finding)
    assert done.printed == (printed,)
    assert printed in str(done)


def test_segments_are_counted_and_named(tflite_file, tmp_path, monkeypatch):
    """As 16.0 prints them (google-coral/edgetpu#671); what stands in the files is the test's own."""
    body = "#!/bin/bash\necho 'Edge TPU Compiler version 16.0.384591198'\n"
    for i in range(2):
        body += f'cp "{tflite_file("compiled")}" out/edgewb_model_segment_{i}_of_2_edgetpu.tflite\n'
        body += "printf 'Started a compilation timeout timer of 180 seconds.\\n\\nModel compiled successfully in 9 ms.\\n\\n'\n"
        model = f"Input model: edgewb_model_segment_{i}_of_2.tflite"
        body += f"printf '{model}\\nNumber of Edge TPU subgraphs: 1\\nTotal number of operations: 3\\n'\n"
    monkeypatch.setenv("EDGEWB_EDGETPU_COMPILER", str(script(tmp_path / "cc", body)))
    path = tmp_path / "my_segment_net.tflite"
    path.write_bytes(tflite_file("int8_conv").read_bytes())
    done = compile_model(path, tmp_path / "out", CompilerOptions(segments=2))
    assert done.outcome == "success"
    assert [Path(name).name for name in done.outputs] == [f"my_segment_net_segment_{i}_of_2_edgetpu.tflite" for i in range(2)]
    assert [model.model for model in done.log.models] == [f"my_segment_net_segment_{i}_of_2.tflite" for i in range(2)]
    assert done.differences is None
    assert compile_model(path, tmp_path / "out", CompilerOptions(segments=3)).outcome == "failed"


def test_figures_are_of_a_success_alone(stand_in, tflite_file, tmp_path):
    stand_in("half_output")
    done = compile_model(tflite_file("int8_conv"), tmp_path / "out")
    assert (done.ops_edgetpu, done.differences, done.compiled) == (None, None, None)
    assert "went where they were predicted" not in str(done)


def test_no_folder_is_found_out_before_compiling(stand_in, tflite_file, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match="is a file: give another folder"):
        compile_model(tflite_file("int8_conv"), tmp_path / "file" / "out")


def test_options_that_are_not_predicted_are_said(no_compiler, tflite_file):
    assert "options_not_predicted" in ids(compile_model(tflite_file("int8_conv"), options=CompilerOptions(segments=2)))
    old = compile_model(tflite_file("int8_conv"), options=CompilerOptions(min_runtime_version=10))
    assert (old.outcome, "options_not_predicted" in ids(old)) == ("unknown", True)
    newer = compile_model(tflite_file("int8_conv"), options=CompilerOptions(min_runtime_version=13))
    assert (newer.predicted.compiler, "options_not_predicted" in ids(newer)) == ("13", False)


def test_a_closed_terminal_leaves_nothing_running(stand_in, tflite_file, tmp_path):
    stand_in("hang")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    command = [sys.executable, "-m", "edgewb.cli", "compile", str(tflite_file("int8_conv"))]
    environment = {**os.environ, "TMPDIR": str(scratch), "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        deadline = time.monotonic() + 120
        while not list(scratch.glob("*/printed.txt")) and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGHUP)
        process.communicate(timeout=120)
    assert os.listdir(scratch) == []


def test_nothing_is_left_behind(stand_in, tflite_file, tmp_path, monkeypatch):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    compile_model(tflite_file("int8_conv"), tmp_path / "out")
    stand_in("segfault")
    compile_model(tflite_file("int8_conv"), tmp_path / "out")
    assert os.listdir(scratch) == []


def test_on_the_command_line(stand_in, tflite_file, tmp_path, capsys):
    assert main(["compile", str(tflite_file("int8_conv")), "--out", str(tmp_path), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["basis"], result["outcome"], result["ops_edgetpu"]) == ("simulated", "success", result["ops_total"])
    assert "lines" not in result["log"]
    stand_in("no_reason")
    assert main(["compile", str(tflite_file("int8_conv"))]) == 1
    assert "FAILED" in capsys.readouterr().out
    assert main(["compile", str(tflite_file("int8_conv")), "-n", "0"]) == 2
    assert "number of segments" in capsys.readouterr().err
