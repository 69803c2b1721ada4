"""Kernels of visitors: what they are started with, and when they end."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sys
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_server._tz import utcnow
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager

from edgewb.dashboards.forks import PROVISIONER, Forks, register_provisioner
from edgewb.dashboards.kernels import MEMORY_BYTES, MEMORY_VARIABLE

_PASSED_ON = re.compile(
    "PATH|HOME|USER|LOGNAME|LANG|LANGUAGE|LC_.*|TZ|TMPDIR|TEMP|TMP|SYSTEMROOT|SYSTEMDRIVE|WINDIR|APPDATA|LOCALAPPDATA|USERPROFILE|XDG_.*"
    "|LD_LIBRARY_PATH|DYLD_.*|PYTHONPATH|PYTHONHOME|PYTHONDONTWRITEBYTECODE|VIRTUAL_ENV|CONDA_PREFIX|OMP_NUM_THREADS"
    "|EDGEWB_(HOME|LIBEDGETPU|EDGETPU_COMPILER|SSH_CONFIG|SSH_PYTHON|DEBUG)"
)
_KEPT_BACK = re.compile(".*(TOKEN|SECRET|PASSWORD|KEY).*")
_PACKAGES = Path(__file__).parents[2]
LONELY_S = 60.0
"""How long a kernel nobody is connected with is kept: a page that reconnects after a hiccup finds it again."""


def kernel_environment(
    environment: Mapping[str, str],
    *,
    control: bool,
    trusted: bool,
    ipython: Path,
    live: tuple[str, str] = ("", ""),
    memory_bytes: int = MEMORY_BYTES,
) -> dict[str, str]:
    """What a kernel is told of the server's environment: where things are, and nothing that is a secret.

    Args:
        environment: the server's own.
        control: whether visitors can cancel running studies.
        trusted: whether models that visitors bring are run.
        live: the files of the live dashboard, see ``Serving``.
        ipython: an empty folder in place of the user's IPython profile, whose start-up files are none of a visitor's business.
        memory_bytes: what it may take, see ``kernels.MEMORY_BYTES``.
    """
    passed = {name: value for name, value in environment.items() if _PASSED_ON.fullmatch(name) and not _KEPT_BACK.fullmatch(name)}
    # A kernel runs in another folder, and has to find the same edgewb as the server.
    paths = [os.path.abspath(path) for path in passed.get("PYTHONPATH", "").split(os.pathsep) if path]
    if "site-packages" not in _PACKAGES.parts:
        paths.insert(0, str(_PACKAGES))
    if paths:
        passed["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(paths))
    return {
        **passed,
        "EDGEWB_DASHBOARD_CONTROL": str(int(control)),
        MEMORY_VARIABLE: str(memory_bytes),
        "EDGEWB_DASHBOARD_TRUSTED": str(int(trusted)),
        **{name: path for name, path in zip(("EDGEWB_LIVE_MODEL", "EDGEWB_LIVE_LABELS"), live, strict=True) if path},
        "IPYTHONDIR": str(ipython),
    }


class KernelProgram(KernelSpecManager):  # type: ignore[misc]
    """The one kernel of a dashboard: this Python, whatever kernels the user has installed under the same name."""

    def find_kernel_specs(self) -> dict[str, str]:
        return {"python3": str(Path(__file__).parent)}

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        argv = [sys.executable, "-m", "edgewb.dashboards.kernels", "-f", "{connection_file}", "--HistoryManager.enabled=False"]
        return KernelSpec(
            argv=argv, display_name="Python 3", language="python", metadata={"kernel_provisioner": {"provisioner_name": PROVISIONER}}
        )


class VisitorKernels(AsyncMappingKernelManager):  # type: ignore[misc]
    """Kernels with a bare environment, which end when nobody needs them.

    Attributes:
        environment: what every kernel is started with.
        forks: what they are forked of.
        is_waiting: whether a kernel waits for its visitor, and is not to be ended for being idle.
        on_end: called with the id of a kernel that is about to be ended.
        on_connect: called with the id of a kernel whose page has connected.
        shown: ids of kernels whose pages have connected at least once.
        lonely_s: seconds after which a kernel is ended that nobody is connected with.
    """

    environment: dict[str, str]
    forks: Forks
    is_waiting: Callable[[str], bool]
    on_end: Callable[[str], None]
    on_connect: Callable[[str], None]
    lonely_s = LONELY_S
    shown: set[str]

    async def _async_start_kernel(self, **options: Any) -> str:
        kernel_id = str(uuid.uuid4())
        files = self._files(kernel_id)
        files.mkdir(mode=0o700, parents=True)
        given = {"env": {**self.environment, **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(files))}, "kernel_id": kernel_id}
        return str(await super()._async_start_kernel(**{**options, **given}))

    start_kernel = _async_start_kernel

    def _files(self, kernel_id: str) -> Path:
        """Where a kernel and what it starts write what is to be gone with it."""
        return Path(self.connection_dir) / "files" / kernel_id

    def remove_kernel(self, kernel_id: str) -> Any:
        """Forget a kernel that has ended, and what it left."""
        shutil.rmtree(self._files(kernel_id), ignore_errors=True)
        self.shown.discard(kernel_id)
        return super().remove_kernel(kernel_id)

    async def _async_shutdown_kernel(self, kernel_id: str, now: bool = False, restart: bool = False) -> Any:
        self.on_end(kernel_id)
        return await super()._async_shutdown_kernel(kernel_id, now=now, restart=restart)

    shutdown_kernel = _async_shutdown_kernel

    def prepare(self, environment: dict[str, str]) -> None:
        """Say what every kernel is started with."""
        register_provisioner()
        self.environment, self.forks, self.shown = environment, Forks(environment), set()

    async def end_all(self) -> list[str]:
        """End all kernels, also those that somebody else is ending just now; their ids."""
        kernels = list(self.list_kernel_ids())
        await asyncio.gather(*(self.shutdown_kernel(kernel_id, now=True) for kernel_id in kernels), return_exceptions=True)
        for _ in range(100):
            if not self.list_kernel_ids():
                break
            await asyncio.sleep(0.05)
        await self.forks.close()
        return kernels

    def touch(self, kernel_id: str) -> None:
        """Somebody looks at this kernel's page."""
        if kernel_id in self:
            self.get_kernel(kernel_id).last_activity = utcnow()

    def notify_connect(self, kernel_id: str) -> None:
        super().notify_connect(kernel_id)
        self.shown.add(kernel_id)
        self.on_connect(kernel_id)

    def notify_disconnect(self, kernel_id: str) -> None:
        super().notify_disconnect(kernel_id)
        self.touch(kernel_id)

    def unused_s(self, kernel_id: str) -> tuple[float, float]:
        """Seconds since somebody used or looked at a kernel's page, and the seconds after which it is ended for that."""
        idle = float((utcnow() - self.get_kernel(kernel_id).last_activity).total_seconds())
        connected = self._kernel_connections.get(kernel_id, 0) > 0
        return idle, float(self.cull_idle_timeout if connected else min(self.lonely_s, self.cull_idle_timeout))

    async def cull_kernel_if_idle(self, kernel_id: str) -> None:
        """End a kernel whose page nobody has used or looked at, or has left.

        Busy ones are no exception: one that has said nothing for so long will not, and would keep a processor from everybody.
        """
        if kernel_id not in self._kernel_connections or self.is_waiting(kernel_id):  # the first: it is still being started
            return
        idle, limit = self.unused_s(kernel_id)
        if idle > limit:
            self.log.info("Kernel %s was not used for %.0f s: ended", kernel_id, idle)
            await self.shutdown_kernel(kernel_id, now=True)
