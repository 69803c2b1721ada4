"""The program behind each page: an IPython kernel without debugger, and with a limit to its memory. Started as ``python -m``, or forked."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from edgewb.enclosures import end_with_parent

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
    """End this process as soon as the other end of a pipe is closed, which the server does when it ends, however it ends.

    The system does it by a signal: no thread has to wait for it, and it ends one, too, that is stopped or lets no other thread run. Linux
    alone. https://man7.org/linux/man-pages/man2/fcntl.2.html (F_SETSIG)
    """
    import fcntl

    mine = os.open(
        f"/proc/self/fd/{lifeline}", os.O_RDONLY | os.O_NONBLOCK
    )  # who gets the signal is noted with what was opened: not shared
    os.close(lifeline)
    fcntl.fcntl(mine, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(mine, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(mine, fcntl.F_SETFL, fcntl.fcntl(mine, fcntl.F_GETFL) | os.O_ASYNC)
    with contextlib.suppress(BlockingIOError):  # that it would have to wait says: the other end is open
        os.read(mine, 1)
        os._exit(1)


def run_kernel(arguments: Sequence[str]) -> None:
    """Be a kernel until the server says otherwise, or is gone."""
    limit_memory(int(os.environ.get(MEMORY_VARIABLE, MEMORY_BYTES)))
    sys.argv = ["ipykernel_launcher", *arguments]
    from ipykernel.kernelapp import launch_new_instance

    launch_new_instance()


if __name__ == "__main__":
    end_with_parent(int(os.environ.get("JPY_PARENT_PID") or os.getppid()))
    forgo_debugger()
    run_kernel(sys.argv[1:])
