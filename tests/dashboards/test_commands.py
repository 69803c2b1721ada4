"""``edgewb dashboard`` as it is typed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

import psutil
import pytest
from dashboard_servers import write_notebook

from edgewb.cli import main
from edgewb.dashboards.catalogues import DASHBOARDS, dashboards_folder
from edgewb.errors import InputError

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nosuch"], "unknown dashboard 'nosuch': known: explorer, inspector, live; without a name, a page lists them"),
        (["explore"], "did you mean 'explorer'?"),
        (["--port", "99999"], "'99999' is no whole number from 0 to 65535"),
        (["--pool", "-1"], "'-1' is no whole number from 0 to 50"),
        (["--pool", "many"], "'many' is no whole number from 0 to 50, nor auto"),
        (["--visitors", "0"], "'0' is no whole number from 1 to 1000"),
        (["--idle", "soon"], "'soon' is no number of minutes"),
        (["--idle", "0"], "'0' is no number of minutes from 1 to 10080"),
        (["--idle", "nan"], "'nan' is no number of minutes"),
        (["--token", "short"], "a token has 8 to 200 letters"),
        (["--base-url", "a b"], "'a b' is no path such as /dashboards/"),
        (["--base-url", "//evil.example"], "is no path such as"),
        (["explorer", "--model", "a.tflite"], "--model and --labels are for the live dashboard"),
        (["live", "--labels", "a.txt"], "--labels goes with --model"),
        (["live", "--model", "nosuch.tflite"], "no such file: 'nosuch.tflite'"),
    ],
)
def test_what_cannot_be_served_is_one_line(arguments, said, capsys):
    assert main(["dashboard", "--no-browser", *arguments]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("203.0.113.7", "cannot listen on '203.0.113.7', port 8866: Cannot assign requested address; give another"),
        ("no address", "cannot listen on 'no address', port 8866: no such address"),
    ],
)
def test_where_it_cannot_listen_is_one_line(address, said, tmp_path):
    # In a process of its own: the server sets up logging anew, and handlers of absl, which others import, then close pytest's streams.
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "EDGEWB_HOME": str(tmp_path)}
    command = [sys.executable, "-m", "edgewb.cli", "dashboard", "--no-browser", "--ip", address]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_token_of_the_environment_is_held_to_the_same_rules_and_not_repeated(capsys, monkeypatch):
    monkeypatch.setenv("EDGEWB_DASHBOARD_TOKEN", "my secret!")
    assert main(["dashboard", "--no-browser"]) == 2
    error = capsys.readouterr().err
    assert "a token has 8 to 200 letters" in error
    assert "my secret!" not in error


def test_without_the_notebooks_it_says_where_they_come_from(tmp_path):
    with pytest.raises(InputError, match=r"explorer\.ipynb is not in .*: dashboards come with a clone of the repository"):
        dashboards_folder(tmp_path)
    for dashboard in DASHBOARDS:
        write_notebook(tmp_path / f"{dashboard.name}.ipynb", "1")
    assert dashboards_folder(tmp_path) == tmp_path


def started(home: Path, *arguments: str) -> tuple[Any, list[str]]:
    """The command at work, and what it has printed up to "Ctrl-C ends it."."""
    environment = {**os.environ, "EDGEWB_HOME": str(home), "PYTHONPATH": str(ROOT), "BROWSER": "true"}
    command = [sys.executable, "-m", "edgewb.cli", "dashboard", "--port", "0", *arguments]
    process = subprocess.Popen(command, cwd=home, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    lines = []
    for line in process.stdout:
        lines.append(line.rstrip())
        if line.startswith("Ctrl-C"):
            return process, lines
    raise AssertionError(process.stderr.read())


def test_ctrl_c_ends_it_quietly_and_its_kernels(tmp_path):
    process, lines = started(tmp_path, "live", "--token")
    address = lines[0].removeprefix("live: ")
    assert address.startswith("http://127.0.0.1:")
    assert "/live?token=" in address
    kernels = []
    while len(kernels) < 3:  # begun at once, before anybody comes: what forks them, and two of them
        kernels = psutil.Process(process.pid).children(recursive=True)
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    output, error = process.communicate(timeout=300)
    assert (process.returncode, output, error) == (0, "", "")
    assert psutil.wait_procs(kernels, timeout=120)[1] == []


def test_a_live_model_and_labels_that_do_not_fit_are_one_line(tmp_path, tflite_file, capsys):
    labels, model = tmp_path / "labels.txt", tflite_file("int8_conv")
    labels.write_text("one\ntwo")
    assert main(["dashboard", "live", "--no-browser", "--model", str(model), "--labels", str(labels)]) == 2
    assert "2 labels were given for 10 classes" in capsys.readouterr().err
    assert main(["dashboard", "live", "--no-browser", "--model", str(model), "--labels", str(tmp_path / "none.txt")]) == 2
    error = capsys.readouterr().err
    assert "none.txt' cannot be read" in error
    assert error.count("\n") == 1


@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends it otherwise")
def test_as_json_it_prints_where_it_is_and_nothing_else(tmp_path):
    environment = {**os.environ, "EDGEWB_HOME": str(tmp_path), "PYTHONPATH": str(ROOT), "BROWSER": "true"}
    command = [sys.executable, "-m", "edgewb.cli", "dashboard", "live", "--port", "0", "--json", "--no-browser", "--token"]
    process = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    said = json.loads(process.stdout.readline())
    assert set(said) == {"address", "token", "pid"}
    assert said["pid"] == process.pid
    assert said["address"].endswith(f"/live?token={said['token']}")
    with urllib.request.urlopen(said["address"].partition("/live")[0] + "/login") as answer:
        assert answer.status == 200
    process.send_signal(signal.SIGINT)
    output, error = process.communicate(timeout=300)
    assert (process.returncode, output, error) == (0, "", "")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
def test_a_server_may_have_many_files_open_whatever_the_shell_says(tmp_path):
    import resource

    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    code = "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (256, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))\n"
    code += "from edgewb.dashboards.servers import allow_files\nallow_files()\nprint(resource.getrlimit(resource.RLIMIT_NOFILE)[0])"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert int(done.stdout) == (2**16 if hard == resource.RLIM_INFINITY else min(hard, 2**16))


@pytest.mark.browser  # no browser, but seconds
def test_kernels_do_not_outlive_a_server_that_was_killed_and_the_next_one_removes_its_files(tmp_path, monkeypatch):
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        monkeypatch.setenv("TMPDIR", folder)
        killed_and_started_again(tmp_path, Path(folder))


def killed_and_started_again(home: Path, temporary: Path) -> None:
    process, _ = started(home, "--pool", "1", "--no-browser")
    kernels = []
    while len(kernels) < 4:  # what forks them, and three
        kernels = psutil.Process(process.pid).children(recursive=True)
        time.sleep(0.05)
    kernels[-1].suspend()  # one that does nothing ends, too
    kernels[0].suspend()
    process.kill()
    process.communicate()
    assert psutil.wait_procs(kernels, timeout=120)[1] == []
    (left,) = temporary.glob("edgewb.*")
    assert list(left.glob("kernel-*.json"))
    process, _ = started(home, "--pool", "0", "--no-browser")
    until = time.monotonic() + 60
    while left.exists():
        assert time.monotonic() < until
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert list(temporary.glob("edgewb.*")) == []
