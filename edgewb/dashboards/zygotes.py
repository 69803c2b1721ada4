"""One process that has imported what pages need, and of which visitors' kernels are forked. Started as ``python -m``, on Linux alone.

Nothing runs in it but this loop: no thread, no event loop, no socket of ZeroMQ, so that a copy begins as a fresh kernel would. Copies share
the memory that neither side writes to.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import random
import signal
import socket
import sys
import tempfile
from collections.abc import Sequence
from types import FrameType
from typing import Any

from edgewb.dashboards import kernels
from edgewb.enclosures import end_with_parent

MODULES = (
    "ipykernel.kernelapp",
    "edgewb.views.widgets.explorer",
    "edgewb.views.widgets.inspector",
    "edgewb.views.widgets.live",
    # What is imported in the middle of a start, or when a page is drawn.
    "IPython.core.completerlib",
    "IPython.extensions.storemagic",
    "ai_edge_litert.interpreter",
    "ai_edge_litert.schema_py_generated",
    "edgewb.optimizers.checkpoints",
    "edgewb.residuals",
    "edgewb.targets.cpu",
    "edgewb.targets.edgetpu_devices",
    "encodings.cp437",
    "ipykernel.debugger",
    "numpy.ma",
    "tornado.platform.asyncio",
    "tornado.queues",
)
_REQUEST_BYTES = 2**18


def preload(modules: Sequence[str] = MODULES) -> None:
    """Import what pages need, compile their templates, and let the garbage collector leave all that alone: looking at it would copy it.

    Raises:
        RuntimeError: something has started a thread, which a copy would not have.
    """
    gc.disable()
    for name in modules:
        importlib.import_module(name)
    from edgewb.views.widgets.pages import compile_templates

    compile_templates()
    if (threads := len(os.listdir("/proc/self/task"))) > 1:
        raise RuntimeError(f"{threads - 1} threads were started by imports")
    gc.collect()
    gc.freeze()


def serve(control: socket.socket) -> dict[str, Any]:
    """Fork whenever asked to. Returns in the copies alone, with what was asked for; ends with the server.

    A message is a JSON object. In: ``{"argv", "env", "cwd"}``. Out: ``{}`` when it is ready; ``{"pid"}`` for each that was asked for, in
    their order, and ``{"pid", "code"}`` when one has ended, the code as ``subprocess`` has it.
    """

    def tell(**content: int) -> None:
        try:
            control.send(json.dumps(content).encode())
        except OSError:  # the server is gone
            os._exit(0)

    def reap(_signal: int, _frame: FrameType | None) -> None:
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                tell(pid=ended[0], code=os.waitstatus_to_exitcode(ended[1]))

    signal.signal(signal.SIGCHLD, reap)
    tell()
    while request := control.recv(_REQUEST_BYTES):
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})  # also one that ends at once is announced before its end is
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
            control.close()
            return dict(json.loads(request))
        tell(pid=pid)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
    os._exit(0)


def part_ways(environment: dict[str, str], folder: str | None) -> None:
    """What a copy must not share with the others: session, environment, folder, and numbers to come."""
    gc.enable()
    os.setsid()
    os.environ.clear()
    os.environ.update(environment)
    if folder:
        os.chdir(folder)
    tempfile.tempdir = None  # where that is follows from the environment
    random.seed()
    if numbers := sys.modules.get("numpy.random"):
        numbers.seed()


def main(server: int, control: int, lifeline: int) -> None:
    """Be the zygote; and in its copies, kernels.

    Args:
        server: its process id.
        control: file descriptor of a socket that keeps messages apart.
        lifeline: of a pipe whose other end the server alone holds.
    """
    end_with_parent(server)  # also one that is stopped; copies do not inherit it: they end with the server, by the lifeline
    for descriptor in (control, lifeline):
        os.set_inheritable(descriptor, False)
    kernels.forgo_debugger()
    preload()
    request = serve(socket.socket(fileno=control))
    part_ways(request["env"], request["cwd"])
    kernels.end_with_server(lifeline)
    kernels.run_kernel(request["argv"])


if __name__ == "__main__":
    main(*map(int, sys.argv[1:4]))
