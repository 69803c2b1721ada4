"""Is this computer ready? The checks, on this computer and on ones where something is missing."""

from __future__ import annotations

import dataclasses
import json
import socket
import sys
from pathlib import Path

import pytest
from made_machines import MadeMachine

from edgewb.checkups import Case, Check, Status
from edgewb.checkups.cases import advised, ok, skipped
from edgewb.cli import main
from edgewb.courses import rooms, workshops
from edgewb.courses.rooms import CHECKS, Room, ask, read_pins
from edgewb.doctor import Diagnosis, diagnose
from edgewb.machines import this_machine

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def room() -> Room:
    return Room(Case(this_machine()), diagnose(), ROOT)


def named(check: Check, name: str) -> Check:
    return dataclasses.replace(check, id=name)


def test_this_computer_in_the_words_of_the_command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    status = main(["workshop", "check", "--json"])
    found = json.loads(capsys.readouterr().out)
    checks = {check["id"]: check for check in found["checks"]}
    assert list(checks) == [check.__name__ for check in CHECKS]
    for name in ("python", "ports", "kernel", "jupyterlab", "model", "figure", "notebooks"):
        assert checks[name]["status"] == "ok", checks[name]
    assert status == (0 if found["ready"] else 1)
    assert found["ready"] == (found["missing"] == 0)
    assert 0 < found["seconds"] < 600


def test_ready_and_not() -> None:
    fine, warned = named(ok("fine"), "model"), named(advised(Status.WARNING, "little", "more"), "memory")
    trains, cannot = named(ok("TensorFlow 2.21"), "training"), named(skipped("not installed"), "training")
    assert workshops.readiness((fine, trains), 4.2).verdict == "Ready (nothing is missing, 4 s): all notebooks can be run here."
    without = workshops.readiness((fine, warned, cannot), 4.2)
    assert without.ready
    assert "those that train (02, 04 and 05): TensorFlow is not installed" in without.verdict
    assert "with one warning" in without.verdict
    broken = workshops.readiness((named(advised(Status.ERROR, "no kernel started", "mend"), "kernel"), fine), 1)
    assert not broken.ready
    assert broken.verdict == "Not ready: one thing is missing: kernel (no kernel started)."
    assert str(broken).splitlines()[0].startswith("MISSING  kernel")
    assert "mend" in str(broken)


def test_a_package_that_is_missing_or_another_than_tried(room: Room, tmp_path: Path) -> None:
    bare = dataclasses.replace(room.case.machine, import_path=(str(tmp_path),))
    missing = rooms.packages(dataclasses.replace(room, case=Case(bare)))
    assert missing.status is Status.ERROR
    assert "not installed" in missing.message
    (tmp_path / "constraints.txt").write_text("numpy==1.0\n")
    other = rooms.packages(dataclasses.replace(room, root=tmp_path))
    assert other.status is Status.WARNING
    assert "(tried 1.0)" in other.message


def test_pins(tmp_path: Path) -> None:
    (tmp_path / "c.txt").write_text("# text\nPyYAML==6.0\nai_edge-litert==2.3.0\n")
    assert read_pins(tmp_path / "c.txt") == {"pyyaml": "6.0", "ai-edge-litert": "2.3.0"}
    assert read_pins(tmp_path / "none.txt") == {}


def test_no_notebooks(room: Room, tmp_path: Path) -> None:
    assert rooms.notebooks(dataclasses.replace(room, root=tmp_path)).status is Status.ERROR


def test_a_port_that_is_taken_is_said_and_no_fault(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = server.getsockname()[1]
        monkeypatch.setattr(rooms, "PORTS", (("JupyterLab", taken),))
        found = rooms.ports(room)
    assert found.status is Status.OK
    assert f"{taken} (JupyterLab) is taken" in found.message


def test_a_kernel_that_cannot_start(room: Room, tmp_path: Path) -> None:
    found = rooms.kernel(dataclasses.replace(room, root=tmp_path / "nowhere"))
    assert found.status is Status.ERROR
    assert "no kernel started" in found.message


def test_jupyterlab_that_does_not_start(room: Room, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\necho 'No module named jupyterlab' >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    found = rooms.jupyterlab(room)
    assert found.status is Status.ERROR
    assert "No module named jupyterlab" in found.message


def test_what_a_check_did_not_foresee_is_its_answer(room: Room) -> None:
    def odd(room: Room) -> Check:
        """Is it odd?"""
        raise ZeroDivisionError("of all things")

    found = ask(odd, room)
    assert (found.id, found.title, found.status) == ("odd", "Is it odd?", Status.ERROR)
    assert "ZeroDivisionError: of all things" in found.message


def test_a_stick_that_cannot_be_used_is_a_warning(tmp_path: Path) -> None:
    machine = MadeMachine(tmp_path).stick().machine
    diagnosis = diagnose(machine=machine)
    found = rooms.edge_tpu(Room(Case(machine), diagnosis, ROOT))
    assert found.status is Status.WARNING
    assert "it cannot be used yet" in found.message


def test_no_stick_and_no_compiler_are_fine(room: Room) -> None:
    if not room.case.has_device:
        assert rooms.edge_tpu(room).status is Status.SKIPPED
    without = dataclasses.replace(room.diagnosis, checks=tuple(
        named(skipped("not found"), "compiler") if check.id == "compiler" else check for check in room.diagnosis.checks
    ))  # fmt: skip
    assert isinstance(without, Diagnosis)
    assert rooms.compiler(dataclasses.replace(room, diagnosis=without)).status is Status.SKIPPED


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["workshop"], "check|bundle"),
        (["workshop", "bundle", "--platform", "amiga"], "unknown platform 'amiga'"),
        (["workshop", "bundle", "--python-version", "2.7"], "3.11 and 3.12"),
        (["workshop", "bundle", "--out", __file__], "is a file: give a folder"),
    ],
)
def test_bad_input_is_one_line(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert said in printed.err
    assert len(printed.err.strip().splitlines()) == 1
