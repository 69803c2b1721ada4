"""Visitors: each has a page and a kernel; there are only so many."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import psutil
from jupyter_core.utils import ensure_async
from voila.notebook_renderer import NotebookRenderer
from voila.utils import get_page_config

from edgewb.dashboards import pools
from edgewb.dashboards.managers import VisitorKernels
from edgewb.dashboards.pools import MOST_PAGES, DrawnPage, PagePool, Turns

BYTES_PER_VISITOR = 260 * 10**6
"""What a visitor's kernel takes at most, of itself: its limit (``kernels.MEMORY_BYTES``) less the stacks that no thread fills."""
BYTES_PER_SANDBOX = 2 * 370 * 10**6
"""And a model of a visitor's own on two targets, where these are run: ``sandboxes.MEMORY_BYTES`` less what all share or never touch."""
_SHARE_WAITING = 8
"""Pages kept ready take one part in so many of the free memory at most, where nobody says how many."""
_FORKED_AT_ONCE = 4
"""Per processor: a start by fork is waiting for the most part, one from the beginning is all work."""
BYTES_WAITING = 35 * 10**6
"""Of a kernel that waits for its visitor."""


def visitors_that_fit(available_bytes: int, trusted: bool = False) -> int:
    """How many visitors three quarters of the free memory are enough for if each takes what he may: at least one, at most a hundred."""
    return max(1, min(100, available_bytes * 3 // 4 // (BYTES_PER_VISITOR + trusted * BYTES_PER_SANDBOX)))


def pages_that_fit(available_bytes: int, dashboards: int, visitors: int, forked: bool) -> int:
    """How many pages of each dashboard are worth being kept ready: 1 at least, as many as visitors can come at most.

    They take a part of the memory, see ``_SHARE_WAITING``. Where kernels are not forked each takes a second and a half of a processor to
    make, and twice the memory: 1.
    """
    if not forked or not dashboards:
        return 1
    return max(1, min(MOST_PAGES, visitors, available_bytes // _SHARE_WAITING // (dashboards * BYTES_WAITING)))


def free_bytes(root: Path = Path("/")) -> int:
    """Memory free for the server: the computer's, or what is left of its own share (version 2 of control groups: systemd, containers)."""
    free = int(psutil.virtual_memory().available)
    with contextlib.suppress(OSError, ValueError, StopIteration):
        own = next(line[3:] for line in (root / "proc/self/cgroup").read_text().splitlines() if line.startswith("0::"))
        group = root / "sys/fs/cgroup" / own.strip().lstrip("/")
        limit, used = (int((group / f"memory.{name}").read_text()) for name in ("max", "current"))  # "max" is no number: no limit
        free = min(free, max(0, limit - used))
    return free


class Visits:
    """Draws pages for visitors, and knows how many are here.

    Args:
        server: the Voila application, whose settings and kernels are used.
        names: the dashboards.
        most: visitors at once, or None for as many as the memory free now is enough for.
        size: pages of each dashboard that are kept ready, or None for as many as ``pages_that_fit``.
        trusted: whether models that visitors bring are run.
    """

    def __init__(self, server: Any, names: tuple[str, ...], most: int | None, size: int | None, trusted: bool) -> None:
        self.server = server
        self.kernels: VisitorKernels = server.kernel_manager
        free, forked, processors = free_bytes(), self.kernels.forks.possible, max(1, psutil.cpu_count() or 1)
        if size is None:
            size = pages_that_fit(free, len(names), most or visitors_that_fit(free, trusted), forked)
        self.most = most or visitors_that_fit(free - size * len(names) * BYTES_WAITING, trusted)
        turns = Turns(processors * (_FORKED_AT_ONCE if forked else 1))
        self.pool = PagePool(names, size, self._draw, self._alive, turns, processors, room=lambda: self.most - self.here)
        self._given: set[str] = set()
        self._ending: set[str] = set()
        self._coming: set[asyncio.Task[Any]] = set()
        self._drawing: set[str] = set()
        self.kernels.is_waiting = lambda kernel_id: kernel_id in self._drawing or kernel_id in self.pool
        self.kernels.on_connect = self.pool.loaded
        server.log.info("at most %d visitors at once; %d pages of each dashboard kept ready", self.most, size)

    @property
    def here(self) -> int:
        """Visitors who have a page, or are about to get one."""
        self._given = {kernel_id for kernel_id in self._given if kernel_id in self.kernels}
        return len(self._given) + len(self._coming)

    @property
    def full(self) -> bool:
        """Whether nobody can be let in now."""
        return self.here >= self.most

    async def make_room(self) -> None:
        """End one that was given a page which never came to life: mostly somebody who loaded it again before it was there."""
        for kernel_id in tuple(self._given - self._ending):
            if kernel_id in self.kernels and kernel_id not in self.kernels.shown and self.kernels.unused_s(kernel_id)[0] > pools.GIVEN_UP_S:
                self._ending.add(kernel_id)
                try:
                    await ensure_async(self.kernels.shutdown_kernel(kernel_id, now=True))
                finally:
                    self._ending.discard(kernel_id)
                return

    def free_in_s(self) -> float:
        """When the place that is unused for longest is free again at the latest, in seconds, if its page stays as it is."""
        left = [limit - idle for idle, limit in map(self.kernels.unused_s, (k for k in self._given if k in self.kernels))]
        return max(0.0, min(left, default=0.0))

    def take(self, name: str) -> asyncio.Task[DrawnPage]:
        """A page for one more visitor, whose place is taken from this moment on: not only when the task begins."""
        coming = asyncio.ensure_future(self._take(name))
        self._coming.add(coming)
        coming.add_done_callback(self._coming.discard)
        return coming

    async def _take(self, name: str) -> DrawnPage:
        page = await self.pool.take(name)
        self._given.add(page.kernel_id)
        self.kernels.touch(page.kernel_id)
        return page

    async def close(self) -> None:
        """Let nobody wait any more, and end what was begun for them."""
        coming = tuple(self._coming)
        for task in coming:
            task.cancel()
        await asyncio.gather(*coming, return_exceptions=True)
        await self.pool.close()

    async def _alive(self, kernel_id: str) -> bool:
        return kernel_id in self.kernels and bool(await ensure_async(self.kernels.get_kernel(kernel_id).is_alive()))

    async def _draw(self, name: str) -> DrawnPage:
        server = self.server
        starting = asyncio.ensure_future(self.kernels.start_kernel(kernel_name="python3", path=""))
        try:
            kernel_id = await asyncio.shield(starting)  # one that is half started could not be ended
            self._drawing.add(kernel_id)
            renderer = NotebookRenderer(
                voila_configuration=server.voila_configuration,
                traitlet_config=server.config,
                notebook_path=f"{name}.ipynb",
                template_paths=server.template_paths,
                config_manager=server.config_manager,
                contents_manager=server.contents_manager,
                base_url=server.base_url,
                kernel_spec_manager=server.kernel_spec_manager,
                page_config=get_page_config(
                    base_url=server.base_url,
                    settings=server.app.settings,
                    log=server.log,
                    voila_configuration=server.voila_configuration,
                ),
            )
            await renderer.initialize()
            html = await renderer.generate_content_str(kernel_id, self.kernels.get_kernel(kernel_id))
            self.kernels.touch(kernel_id)
            return DrawnPage(kernel_id, html)
        except BaseException:  # also when the visitor has gone away meanwhile
            with contextlib.suppress(Exception):  # it did not start, and that is what is raised
                kernel_id = await starting
                if kernel_id in self.kernels:
                    await ensure_async(self.kernels.shutdown_kernel(kernel_id, now=True))
            raise
        finally:
            if starting.done() and not starting.cancelled() and starting.exception() is None:
                self._drawing.discard(starting.result())
