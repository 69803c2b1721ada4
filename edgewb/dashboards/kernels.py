"""The program behind each page: an IPython kernel without debugger, and with a limit to its memory. Started as ``python -m``, or forked."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Sequence

MEMORY_BYTES = 2 * 2**30
"""What one kernel may take: a visitor's file that wants more gets a message, and the computer goes on."""


def limit_memory(limit: int = MEMORY_BYTES) -> None:
    """A limit for this process's private memory, where the system knows one; a lower one that is in force stays."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
        bounds = [bound for bound in (soft, hard, limit) if bound != resource.RLIM_INFINITY]
        resource.setrlimit(resource.RLIMIT_DATA, (min(bounds), hard))


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
    limit_memory()
    sys.argv = ["ipykernel_launcher", *arguments]
    from ipykernel.kernelapp import launch_new_instance

    launch_new_instance()


if __name__ == "__main__":
    forgo_debugger()
    run_kernel(sys.argv[1:])
