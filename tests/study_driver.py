"""``python study_driver.py run ...``: the command line with a training of a few steps, so that a whole study takes seconds.

The environment variable STUDY_FINE_TUNE_STEPS makes what trains on take longer.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

RECIPES = ("float32", "ptq_int8", "dynamic_range", "prune50_ptq_int8", "cluster4_ptq_int8")


def command(home: Path, out: Path, *more: str) -> dict[str, Any]:
    """Arguments for ``subprocess``: a study of breast_cancer with ``RECIPES``, its results in ``home``, its files in ``out``."""
    words = ["run", "--dataset", "breast_cancer", "--recipes", ",".join(RECIPES), "--fast", "--json", "--out", str(out), *more]
    environment = {**os.environ, "EDGEWB_HOME": str(home)}
    environment.pop("PYTHONUNBUFFERED", None)
    return {"args": [sys.executable, __file__, *words], "env": environment, "text": True, "preexec_fn": take_ctrl_c}


def take_ctrl_c() -> None:
    """A test run in the background of a shell ignores Ctrl-C, and so would its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def run(home: Path, out: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """One such study, to its end."""
    return subprocess.run(**command(home, out, *more), capture_output=True, check=False, timeout=120)


def files(out: Path) -> dict[str, bytes]:
    """The finished models by name."""
    return {path.name: path.read_bytes() for path in sorted((out / "models").glob("*.tflite"))}


if __name__ == "__main__":
    import edgewb.studies
    from edgewb.cli import main
    from edgewb.optimizers.training import TrainingSettings

    edgewb.studies.FAST = TrainingSettings(steps=12, fine_tune_steps=int(os.environ.get("STUDY_FINE_TUNE_STEPS", "12")), minimum_epochs=1)
    sys.exit(main())
