"""A module of edgewb run in a process of its own: what brings LiteRT down there is an answer here."""

from __future__ import annotations

import os
import subprocess
import sys


def run_module(module: str, argument: str, limit_seconds: float) -> subprocess.CompletedProcess[bytes]:
    """Run ``python -m module argument`` with this process's import path and nothing on standard input.

    Raises:
        subprocess.TimeoutExpired: it took longer, and was ended.
    """
    return subprocess.run(
        [sys.executable, "-m", module, argument],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=limit_seconds,
        check=False,
    )


def ending(status: int) -> str:
    """How a process ended that has failed, from its exit status: negative after a signal."""
    return f"signal {-status}" if status < 0 else f"exit status {status}"
