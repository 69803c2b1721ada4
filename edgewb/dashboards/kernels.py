"""The program behind each page: an IPython kernel without debugger, and with a limit to its memory. Started as ``python -m``, or forked."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

MEMORY_VARIABLE = "EDGEWB_DASHBOARD_MEMORY"
MEMORY_BYTES = 384 * 2**20
"""Of data a visitor's kernel may have, as RLIMIT_DATA counts it: 180 MB from the start, of which 120 are reserved for stacks of threads and
never touched; 300 with a model of 64 MiB. What would take more gets a message, and the computer and the others go on."""
OWN_MEMORY_BYTES = 2 * 2**30
"""The same where only the person at this computer can come: a model is converted in a child of the kernel, with TensorFlow."""


def limit_memory(limit: int) -> None:
    """A limit for this process's private memory, where the system knows one; a lower one that is in force stays.

    No core dump is written, and if the computer as a whole has too little, a kernel is ended before the server is.
    """
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        for kind, bytes_ in ((resource.RLIMIT_DATA, limit), (resource.RLIMIT_CORE, 0)):
            soft, hard = resource.getrlimit(kind)
            bounds = [bound for bound in (soft, hard, bytes_) if bound != resource.RLIM_INFINITY]
            resource.setrlimit(kind, (min(bounds), hard))
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500")


def forgo_debugger() -> None:
    """Nobody debugs here: 0.1 s of a start, and a message type fewer."""
    sys.modules["debugpy"] = None  # type: ignore[assignment]


def end_with_server(lifeline: int) -> None:
    """End this process as soon as the other end of a pipe is closed, which the server does when it ends, however it ends."""

    def wait() -> None:
        os.read(lifeline, 1)
        os._exit(1)

    threading.Thread(target=wait, name="lifeline", daemon=True).start()


def run_kernel(arguments: Sequence[str]) -> None:
    """Be a kernel until the server says otherwise, or is gone."""
    limit_memory(int(os.environ.get(MEMORY_VARIABLE, MEMORY_BYTES)))
    sys.argv = ["ipykernel_launcher", *arguments]
    from ipykernel.kernelapp import launch_new_instance

    launch_new_instance()


if __name__ == "__main__":
    forgo_debugger()
    run_kernel(sys.argv[1:])
