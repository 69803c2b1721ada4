"""A module in a process of its own: what it says comes back, how it ended is said."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from edgewb.child_processes import ending, run_module


def module(folder: Path, code: str, monkeypatch: pytest.MonkeyPatch) -> str:
    (folder / "made_child.py").write_text(code)
    monkeypatch.syspath_prepend(folder)
    return "made_child"


def test_it_gets_its_argument_and_the_import_path_of_this_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = run_module(module(tmp_path, "import sys; print(sys.argv[1], sys.stdin.read() == '')", monkeypatch), "a b", 60)
    assert (done.returncode, done.stdout.split()) == (0, [b"a", b"b", b"True"])


@pytest.mark.parametrize(
    ("code", "how"),
    [("import sys; sys.exit(3)", "exit status 3"), ("import os; os.kill(os.getpid(), 9)", f"signal {int(signal.SIGKILL)}")],
)
def test_how_it_ended(code: str, how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if os.name != "posix" and how.startswith("signal"):
        pytest.skip("no signals here")
    assert ending(run_module(module(tmp_path, code, monkeypatch), "", 60).returncode) == how


def test_a_child_that_takes_too_long_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        run_module(module(tmp_path, "import time; time.sleep(60)", monkeypatch), "", 0.5)
