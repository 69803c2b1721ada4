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
MOST_PAGES = 12
"""Of each dashboard kept ready where nobody says how many: a class of twenty on 2 cores sees its plot in time, see PUBLISHING.md."""
QUIET_S = 1.0
LOADING_S = 10.0
"""After this time a page that was given out and has not come to life is waited for no longer: whoever asked for it is no browser."""
GIVEN_UP_S = 45.0
"""After this time its kernel is ended where others need the place. A crowd's browsers may take a quarter of a minute to show a page."""
PATIENCE_S = 30.0
"""After this time a page is drawn ahead also where it never becomes quiet."""
_LOOK_S = 0.1


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
    """Keeps ``size`` pages of each dashboard ready, drawn when nobody is being served: visitors' browsers need the processors first.

    Args:
        names: the dashboards.
        size: pages of each that are kept ready; 0 draws every page when it is asked for.
        draw: starts a kernel and draws a page; ends the kernel again when it fails or is cancelled.
        alive: whether a kernel still runs.
        turns: how many are drawn at once.
        ahead: how many of these nobody waits for.
        delay_s: how long it has to be quiet before such a one is begun.
        room: how many visitors may still come: more pages than that are not made ready, but for one of each.
    """

    def __init__(
        self,
        names: Iterable[str],
        size: int,
        draw: Callable[[str], Awaitable[DrawnPage]],
        alive: Callable[[str], Awaitable[bool]],
        turns: Turns,
        ahead: int = 2,
        delay_s: float = QUIET_S,
        room: Callable[[], int] = lambda: MOST_PAGES,
    ) -> None:
        self._ready: dict[str, deque[DrawnPage]] = {name: deque() for name in names}
        self._filling: dict[str, int] = dict.fromkeys(self._ready, 0)
        self._tasks: set[asyncio.Task[None]] = set()
        self._size, self._draw, self._alive, self._turns, self._delay_s, self._room = size, draw, alive, turns, delay_s, room
        self._ahead = asyncio.Semaphore(ahead)
        self._asking = 0
        self._loading: dict[str, float] = {}
        self._quiet_from = 0.0
        self.log = logging.getLogger(__name__)

    def __contains__(self, kernel_id: object) -> bool:
        """Whether this kernel's page waits for its visitor."""
        return any(page.kernel_id == kernel_id for pages in self._ready.values() for page in pages)

    def ready(self, name: str) -> int:
        """How many pages of a dashboard wait for their visitors."""
        return len(self._ready[name])

    def fill(self) -> None:
        """Begin to draw what is missing, and return at once. One of each dashboard comes before a second of any."""
        size = min(self._size, max(1, self._room()))
        for wanted in range(1, size + 1):
            for name, pages in self._ready.items():
                if len(pages) + self._filling[name] < wanted:
                    self._filling[name] += 1
                    task = asyncio.get_running_loop().create_task(self._add(name))
                    self._tasks.add(task)
                    task.add_done_callback(self._tasks.discard)

    def loaded(self, kernel_id: str) -> None:
        """The page of this kernel has come to life at its visitor's."""
        if self._loading.pop(kernel_id, None) is not None:
            self._quiet_from = self._now() + self._delay_s

    async def take(self, name: str) -> DrawnPage:
        """A page for a visitor: one that is ready, else one drawn now, before any that nobody waits for."""
        self._asking += 1
        try:
            page = await self._find(name)
            self._loading[page.kernel_id] = self._now() + LOADING_S
            return page
        finally:
            self._asking -= 1
            self._quiet_from = self._now() + self._delay_s
            self.fill()

    async def _find(self, name: str) -> DrawnPage:
        pages = self._ready[name]
        while pages:
            page = pages.popleft()
            if await self._alive(page.kernel_id):
                return page
        async with self._turns.turn(urgent=True):
            return await self._draw(name)

    async def close(self) -> None:
        """Stop drawing."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _quiet(self) -> None:
        """Wait until nobody is being served, for a while."""
        until = self._now() + PATIENCE_S
        while (now := self._now()) < until:
            self._loading = {kernel_id: end for kernel_id, end in self._loading.items() if end > now}
            if not self._asking and not self._loading and now >= self._quiet_from:
                return
            await asyncio.sleep(_LOOK_S)

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()

    async def _add(self, name: str) -> None:
        try:
            async with self._ahead:
                await self._quiet()
                async with self._turns.turn(urgent=False):
                    page = await self._draw(name)
        except Exception:
            self.log.exception("the page %s could not be drawn ahead", name)
        else:
            if ERROR_MARK not in page.html:
                self._ready[name].append(page)
        finally:
            self._filling[name] -= 1
