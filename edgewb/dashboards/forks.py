"""Kernels that are forked of a process with everything imported, in place of being started: the server's side of ``zygotes``."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import psutil
from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning import KernelProvisionerFactory, LocalProvisioner

PROVISIONER = "edgewb-fork"
REQUEST_BYTES = 2**17
"""Of a kernel's arguments and environment."""
ANSWER_SECONDS = 30.0
"""Within which a zygote forks, also one that imports first."""
MOST_FAILURES = 3
"""In a row: after so many, kernels are started one by one until the server ends."""
_UNKNOWN_CODE = 1
_LOOKS, _LOOK_SECONDS = 400, 0.005
_LOG = logging.getLogger(__name__)


class ZygoteError(Exception):
    """Nothing can be forked: the zygote has ended, or does not answer."""


class ForkedKernel:
    """A kernel's process as ``subprocess.Popen`` would show it. It is a child of the zygote, which says how it ended."""

    stdin = stdout = stderr = None

    def __init__(self, pid: int, zygote: Zygote) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._zygote = zygote
        self._process: psutil.Process | None = None
        with contextlib.suppress(psutil.NoSuchProcess):
            self._process = psutil.Process(pid)

    def poll(self) -> int | None:
        """The exit code, or None while it runs. Of one that has outlived its zygote nobody knows the code: 1."""
        if self.returncode is None:
            self.returncode = self._zygote.codes.get(self.pid)
            if self.returncode is None and self._zygote.ended and not self._runs():
                self.returncode = _UNKNOWN_CODE
        return self.returncode

    def _runs(self) -> bool:
        """What the system says, once nobody else does."""
        with contextlib.suppress(psutil.NoSuchProcess):
            return self._process is not None and self._process.is_running() and self._process.status() != psutil.STATUS_ZOMBIE
        return False

    def wait(self) -> int | None:
        """As ``poll``: who calls it has seen the end already."""
        return self.poll()

    def send_signal(self, number: int) -> None:
        """Send a signal to the process alone, if it still runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)


class Zygote:
    """A running zygote.

    Attributes:
        codes: exit codes of its kernels that have ended, by process id.
        ended: whether it has ended itself.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        lifeline, self._lifeline = os.pipe()
        descriptors = (theirs.fileno(), lifeline)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "edgewb.dashboards.zygotes", *map(str, descriptors)],
            # A kernel's algebra is small, and threads do not survive a fork. With 1 in place of the parent, ipykernel watches none.
            env={**environment, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "JPY_PARENT_PID": "1"},
            stdin=subprocess.DEVNULL,
            pass_fds=descriptors,
            start_new_session=True,
        )
        theirs.close()
        os.close(lifeline)
        self._socket.setblocking(False)
        self.codes: dict[int, int] = {}
        self.ended = False
        self._lock = asyncio.Lock()
        self._reply: asyncio.Future[int] | None = None
        self._listening = asyncio.get_running_loop().create_task(self._listen())

    @property
    def pid(self) -> int:
        return self._process.pid

    async def fork(self, argv: Sequence[str], environment: Mapping[str, str], folder: str | None) -> ForkedKernel:
        """One more kernel.

        Raises:
            ZygoteError: it cannot.
        """
        request = json.dumps({"argv": list(argv), "env": dict(environment), "cwd": folder}).encode()
        if len(request) > REQUEST_BYTES:
            raise ZygoteError("its environment is too large")
        async with self._lock:
            if self.ended:
                raise ZygoteError(f"the process they are forked of ended with status {self._process.poll()}")
            loop = asyncio.get_running_loop()
            self._reply = loop.create_future()
            try:
                await loop.sock_sendall(self._socket, request)
                pid = await asyncio.wait_for(self._reply, ANSWER_SECONDS)
            except TimeoutError:
                self._process.kill()
                raise ZygoteError(f"the process they are forked of did not answer within {ANSWER_SECONDS:g} s") from None
            except OSError as error:
                raise ZygoteError(f"the process they are forked of is gone ({error})") from None
            finally:
                self._reply = None
        return ForkedKernel(pid, self)

    async def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while message := await loop.sock_recv(self._socket, 4096):
                told = json.loads(message)
                if "code" in told:
                    self.codes[told["pid"]] = told["code"]
                else:
                    self.codes.pop(told["pid"], None)  # of an earlier process of the same number
                    if self._reply is not None and not self._reply.done():
                        self._reply.set_result(told["pid"])
        except OSError:
            pass
        self.ended = True
        if self._reply is not None and not self._reply.done():
            self._reply.set_exception(ZygoteError(f"the process they are forked of ended with status {self._process.wait()}"))

    async def close(self) -> None:
        """End it, and with it any kernel that still runs."""
        self._listening.cancel()
        await asyncio.gather(self._listening, return_exceptions=True)
        self.ended = True
        self._socket.close()
        os.close(self._lifeline)
        self._process.kill()
        self._process.wait()


class Forks:
    """The zygote of a server: begun with it, begun anew when it has died, done without where that does not help.

    Args:
        environment: what kernels are started with.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._zygotes: list[Zygote] = []
        self._failures = 0 if sys.platform == "linux" else MOST_FAILURES

    @property
    def possible(self) -> bool:
        """Whether kernels can be forked here, as far as is known."""
        return self._failures < MOST_FAILURES

    def begin(self) -> Zygote | None:
        """The zygote that runs, begun if there is none; None where kernels are started one by one."""
        if not self.possible:
            return None
        if not self._zygotes or self._zygotes[-1].ended:
            self._zygotes.append(Zygote(self._environment))
        return self._zygotes[-1]

    async def fork(self, argv: Sequence[str], environment: Mapping[str, str], folder: str | None) -> ForkedKernel | None:
        """One more kernel; None where it has to be started."""
        try:
            if (zygote := self.begin()) is None:
                return None
            kernel = await zygote.fork(argv, environment, folder)
        except (ZygoteError, OSError) as error:
            self._failures += 1
            _LOG.warning("a kernel is started, not forked, which takes a second longer: %s", error)
            return None
        self._failures = 0
        return kernel

    async def close(self) -> None:
        """End what is left."""
        for zygote in self._zygotes:
            await zygote.close()


class ForkProvisioner(LocalProvisioner):  # type: ignore[misc]
    """Where Jupyter's kernel manager gets its process: forked if possible, else started as always.

    https://jupyter-client.readthedocs.io/en/stable/provisioning.html
    """

    async def launch_kernel(self, cmd: list[str], **options: Any) -> KernelConnectionInfo:
        forks: Forks = self.parent.parent.forks  # the manager of all kernels
        folder = options.get("cwd")
        forked = await forks.fork(cmd[3:], options["env"], folder)  # what is behind: python -m edgewb.dashboards.kernels
        if forked is None:
            return await super().launch_kernel(cmd, **options)
        self.process = forked
        self.pid = self.pgid = forked.pid
        self.cwd = folder or Path.cwd()
        await self._listens(forked)
        return self.connection_info

    async def _listens(self, kernel: ForkedKernel) -> None:
        """Wait a moment until the kernel listens: who connects before tries again after a tenth of a second only."""
        last = Path(f"{self.connection_info['ip']}-{self.connection_info['hb_port']}")
        for _ in range(_LOOKS):
            if last.exists() or kernel.poll() is not None:
                return
            await asyncio.sleep(_LOOK_SECONDS)


def register_provisioner() -> None:
    """Let Jupyter know the provisioner by name, in this process alone: other Jupyter applications have nothing to do with it."""
    KernelProvisionerFactory.provisioners[PROVISIONER] = EntryPoint(
        PROVISIONER, f"{__name__}:ForkProvisioner", KernelProvisionerFactory.GROUP_NAME
    )
