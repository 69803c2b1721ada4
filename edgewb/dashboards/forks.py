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
import time
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
ANSWER_SECONDS = 2.0
"""Within which a zygote that is ready forks, and one that is not yet makes headway: to begin anew takes hardly longer than this wait.

With a load of 20 on 2 cores it forked in 0.07 s, 0.19 s at most of 20; and imported, which takes 1.3 s by itself, in 6.8 s."""
TOLD_SECONDS = 1.0
"""Within which it tells how a kernel ended that is seen to have ended."""
MOST_FAILURES = 3
"""Zygotes one after the other that forked nothing: then kernels are started one by one until the server ends."""
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
        self._seen_ended: float | None = None
        self._process: psutil.Process | None = None
        with contextlib.suppress(psutil.NoSuchProcess):
            self._process = psutil.Process(pid)

    def poll(self) -> int | None:
        """The exit code, or None while it runs. Where the zygote does not tell it, because it is gone or stopped, nobody knows it: 1."""
        if self.returncode is None:
            self.returncode = self._zygote.codes.get(self.pid)
        if self.returncode is None and not self._runs():
            now = time.monotonic()
            self._seen_ended = self._seen_ended or now
            if self._zygote.ended or now - self._seen_ended > TOLD_SECONDS:
                self.returncode = _UNKNOWN_CODE
        return self.returncode

    def _runs(self) -> bool:
        """What the system says."""
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
            [sys.executable, "-m", "edgewb.dashboards.zygotes", str(os.getpid()), *map(str, descriptors)],
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
        self._given: set[int] = set()
        self._lock = asyncio.Lock()
        self._ready = asyncio.Event()
        self._reply: asyncio.Future[int] | None = None
        self._listening = asyncio.get_running_loop().create_task(self._listen())

    @property
    def pid(self) -> int:
        return self._process.pid

    async def fork(self, argv: Sequence[str], environment: Mapping[str, str], folder: str | None) -> ForkedKernel:
        """One more kernel.

        Raises:
            ZygoteError: it cannot. If it does not answer, it is ended; kernels it has forked go on.
        """
        request = json.dumps({"argv": list(argv), "env": dict(environment), "cwd": folder}).encode()
        if len(request) > REQUEST_BYTES:
            raise ZygoteError("its environment is too large")
        async with self._lock:
            loop = asyncio.get_running_loop()
            try:
                await self._prepared()
                if self.ended:
                    raise ZygoteError(f"the process they are forked of ended with status {self._process.poll()}")
                self._reply = loop.create_future()
                async with asyncio.timeout(ANSWER_SECONDS):
                    await loop.sock_sendall(self._socket, request)
                    pid = await self._reply
            except TimeoutError:
                self._end_with_strays()
                raise ZygoteError(f"the process they are forked of did not answer within {ANSWER_SECONDS:g} s") from None
            except OSError as error:
                self._process.kill()
                self.ended = True
                raise ZygoteError(f"the process they are forked of is gone ({error})") from None
            finally:
                self._reply = None
            self._given.add(pid)
        return ForkedKernel(pid, self)

    async def _prepared(self) -> None:
        """Wait until it has imported everything, however slow the computer is, but not for one that stands still: a TimeoutError then."""
        before = self._headway()
        while True:
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    await self._ready.wait()
                return
            except TimeoutError:
                now = self._headway()
                if now == before:
                    raise
                before = now

    def _headway(self) -> object:
        """Something else each time it is asked, if the zygote does something: its processor time; or it waits for a disk."""
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(self.pid)
            return object() if process.status() == psutil.STATUS_DISK_SLEEP else process.cpu_times()[:2]
        return None

    def _end_with_strays(self) -> None:
        """End the zygote, and a copy that it has made just now and nobody was told of."""
        self.ended = True
        with contextlib.suppress(psutil.NoSuchProcess):
            self._process.send_signal(signal.SIGSTOP)
            for child in psutil.Process(self.pid).children():
                if child.pid not in self._given:
                    child.kill()
        self._process.kill()

    async def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while message := await loop.sock_recv(self._socket, 4096):
                self._heard(json.loads(message))
        except OSError:
            pass
        self.ended = True
        status = await asyncio.to_thread(self._process.wait)  # or it would stay in the list of processes until the server ends
        self._socket.close()
        self._ready.set()
        if self._reply is not None and not self._reply.done():
            self._reply.set_exception(ZygoteError(f"the process they are forked of ended with status {status}"))

    def _heard(self, told: dict[str, int]) -> None:
        if "code" in told:
            self.codes[told["pid"]] = told["code"]
            self._given.discard(told["pid"])
        elif "pid" not in told:
            self._ready.set()
        else:
            self.codes.pop(told["pid"], None)  # of an earlier process of the same number
            if self._reply is not None and not self._reply.done():
                self._reply.set_result(told["pid"])

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
        self._failed: Zygote | None = None

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
        """One more kernel, of another zygote where the first one fails; None where it has to be started."""
        with contextlib.suppress(OSError):  # no process can be begun
            while (zygote := self.begin()) is not None:
                try:
                    kernel = await zygote.fork(argv, environment, folder)
                except ZygoteError as error:
                    if zygote is not self._failed:  # many may have waited for the same
                        self._failed = zygote
                        self._failures += zygote.ended
                        _LOG.warning("a kernel takes a second longer: %s", error)
                    if not zygote.ended:
                        break
                else:
                    self._failures = 0
                    return kernel
        return None

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
