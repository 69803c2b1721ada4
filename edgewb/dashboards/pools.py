"""Pages drawn before somebody asks for them, each with its own kernel: the first visitor waits for neither."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

ERROR_MARK = 'class="edgewb-error"'
"""In the markup of a page whose notebook failed: it is shown, but not kept for others."""


@dataclass(frozen=True)
class DrawnPage:
    """The markup of a page, and the kernel that goes on with it."""

    kernel_id: str
    html: str


class Turns:
    """At most ``limit`` at once; among those who wait, the urgent go first, and then who came first.

    All at once, twenty starts would be ready together, after the time of twenty; in turns the first is ready after its own.
    """

    def __init__(self, limit: int) -> None:
        self._free = limit
        self._queue: list[tuple[bool, int, asyncio.Future[None]]] = []
        self._numbers = itertools.count()

    @asynccontextmanager
    async def turn(self, urgent: bool) -> AsyncIterator[None]:
        if self._free:
            self._free -= 1
        else:
            mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            heapq.heappush(self._queue, (not urgent, next(self._numbers), mine))
            try:
                await mine
            except asyncio.CancelledError:
                if mine.done() and not mine.cancelled():  # it was given the turn in the moment it gave up
                    self._pass_on()
                raise
        try:
            yield
        finally:
            self._pass_on()

    def _pass_on(self) -> None:
        while self._queue:
            _, _, waiting = heapq.heappop(self._queue)
            if not waiting.done():
                waiting.set_result(None)
                return
        self._free += 1


class PagePool:
    """Keeps ``size`` pages of each dashboard ready.

    Args:
        names: the dashboards.
        size: pages of each that are kept ready; 0 draws every page when it is asked for.
        draw: starts a kernel and draws a page; ends the kernel again when it fails or is cancelled.
        alive: whether a kernel still runs.
        turns: how many are drawn at once.
        delay_s: how long after a page was taken the next is begun: the visitor's browser needs the processors first.
    """

    def __init__(
        self,
        names: Iterable[str],
        size: int,
        draw: Callable[[str], Awaitable[DrawnPage]],
        alive: Callable[[str], Awaitable[bool]],
        turns: Turns,
        delay_s: float = 1.0,
    ) -> None:
        self._ready: dict[str, deque[DrawnPage]] = {name: deque() for name in names}
        self._filling: dict[str, int] = dict.fromkeys(self._ready, 0)
        self._tasks: set[asyncio.Task[None]] = set()
        self._size, self._draw, self._alive, self._turns, self._delay_s = size, draw, alive, turns, delay_s
        self.log = logging.getLogger(__name__)

    def __contains__(self, kernel_id: object) -> bool:
        """Whether this kernel's page waits for its visitor."""
        return any(page.kernel_id == kernel_id for pages in self._ready.values() for page in pages)

    def ready(self, name: str) -> int:
        """How many pages of a dashboard wait for their visitors."""
        return len(self._ready[name])

    def fill(self, delay_s: float = 0.0) -> None:
        """Begin to draw what is missing, and return at once. One of each dashboard comes before a second of any."""
        for _ in range(self._size):
            for name, pages in self._ready.items():
                if len(pages) + self._filling[name] < self._size:
                    self._filling[name] += 1
                    task = asyncio.get_running_loop().create_task(self._add(name, delay_s))
                    self._tasks.add(task)
                    task.add_done_callback(self._tasks.discard)

    async def take(self, name: str) -> DrawnPage:
        """A page for a visitor: one that is ready, else one drawn now, before any that nobody waits for."""
        pages = self._ready[name]
        try:
            while pages:
                page = pages.popleft()
                if await self._alive(page.kernel_id):
                    return page
            async with self._turns.turn(urgent=True):
                return await self._draw(name)
        finally:
            self.fill(self._delay_s)

    async def close(self) -> None:
        """Stop drawing."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _add(self, name: str, delay_s: float) -> None:
        try:
            await asyncio.sleep(delay_s)
            async with self._turns.turn(urgent=False):
                page = await self._draw(name)
        except Exception:
            self.log.exception("the page %s could not be drawn ahead", name)
        else:
            if ERROR_MARK not in page.html:
                self._ready[name].append(page)
        finally:
            self._filling[name] -= 1
