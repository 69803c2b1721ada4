"""The doctor as a whole: what it prints, its JSON, this computer, and what every check promises."""

from __future__ import annotations

import ast
import inspect
import json
import re
import subprocess
import sys
from pathlib import Path

import builders
import pytest
from made_libraries import library
from made_machines import MadeMachine

import edgewb
from edgewb.checkups import CHECKS, Status
from edgewb.compilers.problems import problems
from edgewb.doctor import Diagnosis, diagnose, diagnosis_text
from edgewb.errors import ModelFileError
from edgewb.targets import TARGETS

BOTH = ("1a6e:089a", "18d1:9302")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "edgewb.cli", *arguments], capture_output=True, text=True, check=False, timeout=300)


def statuses(diagnosis: Diagnosis) -> dict[str, str]:
    return {check.id: check.status.value for check in diagnosis.checks}


def test_this_computer_through_the_command_line() -> None:
    done = run("doctor", "--json")
    assert done.stderr == ""
    found = json.loads(done.stdout)
    assert list(found) == ["checks", "problems", "warnings", "targets"]
    assert done.returncode == (1 if found["problems"] else 0)
    assert [check["id"] for check in found["checks"]] == [*(function.__name__ for function in CHECKS), "cpu"]
    counted = [check["status"] for check in found["checks"]]
    assert (found["problems"], found["warnings"]) == (counted.count("error"), counted.count("warning"))
    assert [target["name"] for target in found["targets"]] == list(TARGETS)
    assert next(check for check in found["checks"] if check["id"] == "cpu")["status"] == "ok"
    for check in found["checks"]:
        assert check["message"]
        assert check["status"] in list(Status)
        if check["status"] in ("error", "warning"):
            assert check["fix"]
            assert check["fix"] == check["fixes"][0]


def test_it_takes_little_and_loads_nothing_large() -> None:
    code = "import sys, time, edgewb\nprint(edgewb.diagnose())\nprint('LOADED', *sys.modules)\nprint('TOOK', time.process_time())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300)
    loaded = {name.split(".")[0] for name in done.stdout.split("LOADED ")[1].split("TOOK ")[0].split()}
    assert loaded & {"tensorflow", "tf_keras", "keras", "scipy", "pandas", "plotly"} == set()
    assert float(done.stdout.split("TOOK ")[1]) < 1.5  # seconds of the processor, some 0.4: how long it waited for one is not its doing


@pytest.mark.parametrize("name", ["nothing.tflite", "text.tflite"])
def test_a_file_that_is_none(name: str, tmp_path: Path) -> None:
    (tmp_path / "text.tflite").write_text("no model")
    done = run("doctor", str(tmp_path / name))
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)


def test_a_compiled_file_against_an_older_runtime(tmp_path: Path) -> None:
    made = MadeMachine(tmp_path / "root").stick().rules(*BOTH).with_variables(EDGEWB_LIBEDGETPU=library(tmp_path, "google_13"))
    file = tmp_path / "net_edgetpu.tflite"
    file.write_bytes(builders.compiled_net(runtime=14))
    assert statuses(diagnose(file, machine=made.machine))["runtime_version"] == "error"
    file.write_bytes(builders.compiled_net(runtime=13))
    assert statuses(diagnose(file, machine=made.machine))["runtime_version"] == "ok"
    file.write_bytes(builders.ALL["int8_conv"]())
    assert statuses(diagnose(file, machine=made.machine))["runtime_version"] == "skipped"
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(ModelFileError):
        diagnose(file, machine=made.machine)


def test_all_is_well_with_a_stick(tmp_path: Path) -> None:
    made = MadeMachine(tmp_path / "root").stick().rules(*BOTH).debian_package("libedgetpu1-std", "16.0tf2.19.1-1")
    found = diagnose(machine=made.with_facts(libedgetpu=library(tmp_path, "newer_14")).machine)
    assert (found.problems, found.warnings) == (0, 0), str(found)
    assert str(found).startswith("Nothing is wrong.\n")
    device = ("usb_device", "usb_speed", "usb_power", "libusb", "libedgetpu", "usb_permission", "busy", "interpreter_match")
    assert {statuses(found)[name] for name in device} == {"ok"}


def test_what_is_wrong_comes_first_and_in_its_order(tmp_path: Path) -> None:
    made = MadeMachine(tmp_path).stick("1-1", speed="480", mode=0o664).write("proc/meminfo", "MemAvailable: 100000 kB\n")
    found = diagnose(machine=made.machine)
    assert (found.problems, found.warnings) == (2, 2)
    text = str(found)
    assert text.splitlines()[0] == "2 errors, 2 warnings. Begin with `libedgetpu`."
    marks = re.findall(r"^(?:ERROR|WARNING)  (\w+)|^(OK|Cannot be told|Does not apply|Targets)", text, re.MULTILINE)
    assert [a or b for a, b in marks] == ["libedgetpu", "usb_permission", "usb_speed", "memory", "OK", "Does not apply", "Targets"]


def test_commands_can_be_copied_in_one_piece(tmp_path: Path) -> None:
    found = diagnose(machine=MadeMachine(tmp_path).stick(mode=0o664).machine)
    (rule,) = (line.strip() for line in str(found).splitlines() if "sudo tee /etc/udev" in line)
    command = rule.removesuffix(".").strip("`")
    assert command.startswith("printf")
    assert command.endswith("--reload-rules")
    shell = command.partition("| sudo tee")[0]
    written = subprocess.run(["sh", "-c", shell], capture_output=True, text=True, check=True, timeout=300).stdout.splitlines()
    assert [line.count("==") for line in written] == [3, 3]
    after = MadeMachine(tmp_path / "after").stick(mode=0o660).write("etc/udev/rules.d/70-edgetpu.rules", "\n".join(written))
    answer = next(check for check in diagnose(machine=after.machine).checks if check.id == "usb_permission")
    assert "no udev rule" not in answer.message, "the rule we tell people to write is one we then find"


def test_nothing_is_said_by_colour_or_width_alone(tmp_path: Path) -> None:
    found = diagnose(machine=MadeMachine(tmp_path).stick(mode=None).machine)
    text = diagnosis_text(found)
    assert "\x1b" not in text
    assert "ERROR  container" in text
    assert text.isascii() or "°" in text
    assert max(len(line) for line in text.splitlines() if "`" not in line) <= 100


def test_in_a_notebook_markup_is_escaped(tmp_path: Path) -> None:
    made = MadeMachine(tmp_path).stick().process(7, "<b>x</b>", "/dev/bus/usb/002/004")
    page = diagnose(machine=made.machine)._repr_html_()
    assert "&lt;b&gt;x&lt;/b&gt; (process 7)" in page
    assert "<b>x" not in page
    assert page.index("<strong>ERROR</strong>") < page.index("<td>ok</td>")


@pytest.mark.parametrize("function", CHECKS, ids=lambda function: function.__name__)
def test_a_check_asks_a_question(function: object) -> None:
    assert inspect.getdoc(function).endswith("?")  # type: ignore[union-attr]


def test_every_problem_the_checks_name_is_an_entry() -> None:
    named = set()
    for path in (Path(edgewb.__file__).parent / "checkups").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            first = node.args[0] if isinstance(node, ast.Call) and node.args else None
            if isinstance(first, ast.Constant) and ast.unparse(node.func) == "known":  # type: ignore[union-attr]
                named.add(first.value)
    assert len(named) > 15
    assert named <= set(problems())
    assert {problems()[name].stage for name in named} <= {"runtime", "python"}


@pytest.mark.parametrize("system", ["Darwin", "Windows"])
def test_other_systems_are_not_called_well(system: str, tmp_path: Path) -> None:
    made = MadeMachine(tmp_path).with_facts(system=system, architecture="arm64", libusb=None)
    found = statuses(diagnose(machine=made.machine))
    assert found["platform"] == "warning"
    linux_only = ("usb_speed", "usb_power", "usb_permission", "pcie_device", "container", "busy", "under_voltage", "wsl")
    assert {found[name] for name in linux_only} == {"skipped"}
    assert found["usb_device"] == "unknown"
