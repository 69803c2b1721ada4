"""``edgewb lab --json`` as a program starts it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.notebooks
@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends it otherwise")
def test_as_json_it_prints_where_it_is_and_nothing_else(tmp_path):
    pytest.importorskip("jupyterlab", reason="JupyterLab is not installed")
    environment = {
        **os.environ,
        "EDGEWB_HOME": str(tmp_path),
        "PYTHONPATH": str(ROOT),
        "BROWSER": "true",
        "JUPYTER_RUNTIME_DIR": str(tmp_path),
    }
    command = [sys.executable, "-m", "edgewb.cli", "lab", "--json"]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=log, text=True)
    said = json.loads(process.stdout.readline())
    assert set(said) == {"address", "token", "pid"}
    try:
        status = said["address"].replace("/lab?", "/api/status?")
        with urllib.request.urlopen(status) as answer:
            assert "started" in json.loads(answer.read())
        os.kill(said["pid"], 0)
    finally:
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=120)
    assert output == ""
    with pytest.raises(ProcessLookupError):
        os.kill(said["pid"], 0)
