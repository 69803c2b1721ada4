"""Pages drawn ahead, and turns: the urgent first."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from edgewb.dashboards import pools
from edgewb.dashboards.pools import ERROR_MARK, DrawnPage, PagePool, Turns


class Studio:
    """Draws pages without kernels: notes what was begun, and finishes when told."""

    def __init__(self, html: str = "page", gate: asyncio.Event | None = None) -> None:
        self.begun: list[str] = []
        self.dead: set[str] = set()
        self.failing = False
        self.html, self.gate = html, gate

    async def draw(self, name: str) -> DrawnPage:
        self.begun.append(name)
        if self.failing:
            raise RuntimeError("no kernel")
        kernel = f"{name}{len(self.begun)}"
        if self.gate is not None:
            await self.gate.wait()
        return DrawnPage(kernel, self.html)

    async def alive(self, kernel: str) -> bool:
        return kernel not in self.dead

    def pool(self, size: int, names: tuple[str, ...] = ("a", "b"), delay_s: float = 0.0, turns: int = 2, **options: Any) -> PagePool:
        return PagePool(names, size, self.draw, self.alive, Turns(turns), delay_s=delay_s, **options)


async def settled(pool: PagePool) -> None:
    while pool._tasks:
        await asyncio.sleep(0.001)


async def take(pool: PagePool, name: str) -> DrawnPage:
    """A page, whose visitor's browser has shown it."""
    page = await pool.take(name)
    pool.loaded(page.kernel_id)
    return page


def test_one_of_each_dashboard_is_drawn_before_a_second_of_any():
    async def run() -> None:
        studio = Studio()
        pool = studio.pool(2)
        pool.fill()
        await settled(pool)
        assert studio.begun == ["a", "b", "a", "b"]
        assert (pool.ready("a"), pool.ready("b")) == (2, 2)
        assert "a1" in pool
        assert "a9" not in pool

    asyncio.run(run())


def test_a_page_taken_is_replaced_and_an_empty_pool_draws_at_once():
    async def run() -> None:
        studio = Studio()
        pool = studio.pool(1)
        assert (await take(pool, "a")).kernel_id == "a1", "nothing was ready"
        await settled(pool)
        assert sorted(studio.begun) == ["a", "a", "b"]
        taken = await take(pool, "a")
        assert taken.kernel_id not in pool
        await settled(pool)
        assert pool.ready("a") == 1

    asyncio.run(run())


def test_a_page_whose_kernel_has_died_meanwhile_is_given_to_nobody():
    async def run() -> None:
        studio = Studio()
        pool = studio.pool(2, names=("a",))
        pool.fill()
        await settled(pool)
        studio.dead = {"a1"}
        assert (await take(pool, "a")).kernel_id == "a2"
        studio.dead = {f"a{i}" for i in range(1, 5)}
        await settled(pool)
        assert (await pool.take("a")).kernel_id == "a5", "all that waited were dead: drawn now"

    asyncio.run(run())


def test_a_page_that_shows_an_error_is_not_kept_for_others(caplog):
    async def run() -> None:
        pool = Studio(html=f"<p {ERROR_MARK}>").pool(1)
        pool.fill()
        await settled(pool)
        assert pool.ready("a") == 0
        assert ERROR_MARK in (await pool.take("a")).html
        await pool.close()

    asyncio.run(run())


def test_a_failure_is_logged_and_the_next_visitor_is_served(caplog):
    async def run() -> None:
        studio = Studio()
        studio.failing = True
        pool = studio.pool(1, names=("a",))
        pool.fill()
        await settled(pool)
        assert "could not be drawn ahead" in caplog.text
        with pytest.raises(RuntimeError, match="no kernel"):
            await pool.take("a")
        studio.failing = False
        assert await take(pool, "a")
        await settled(pool)
        assert pool.ready("a") == 1

    asyncio.run(run())


def test_visitors_go_before_pages_nobody_waits_for():
    async def run() -> None:
        gate = asyncio.Event()
        studio = Studio(gate=gate)
        pool = studio.pool(3, names=("ahead", "wanted"), turns=1)
        pool.fill()
        while not studio.begun:
            await asyncio.sleep(0)
        taken = asyncio.gather(pool.take("wanted"), pool.take("wanted"))
        for _ in range(20):  # whatever can go on does
            await asyncio.sleep(0)
        assert studio.begun == ["ahead"], "one at a time"
        gate.set()
        pages = await taken
        assert studio.begun[:3] == ["ahead", "wanted", "wanted"]
        assert len({page.kernel_id for page in pages}) == 2
        await pool.close()
        assert not pool._tasks

    asyncio.run(run())


def test_nothing_is_drawn_ahead_while_somebody_is_being_served(monkeypatch):
    async def run() -> None:
        studio = Studio()
        pool = studio.pool(2, names=("a",), delay_s=2.0)
        pool.fill()
        await settled(pool)
        first, second = await pool.take("a"), await pool.take("a")
        await asyncio.sleep(0.5)
        assert studio.begun == ["a", "a"], "neither browser has shown its page"
        pool.loaded(first.kernel_id)
        await asyncio.sleep(0.5)
        assert studio.begun == ["a", "a"]
        pool.loaded(second.kernel_id)
        pool.loaded(second.kernel_id)  # connected again, which is no page shown
        await asyncio.sleep(0.15)
        assert studio.begun == ["a", "a"], "a moment more"
        await settled(pool)
        assert pool.ready("a") == 2

    asyncio.run(run())


@pytest.mark.parametrize("name", ["LOADING_S", "PATIENCE_S"])
def test_who_never_shows_a_page_does_not_keep_the_others_from_theirs_for_ever(monkeypatch, name):
    monkeypatch.setattr(pools, name, 2.0)

    async def run() -> None:
        studio = Studio()
        pool = studio.pool(1, names=("a",))
        await pool.take("a")
        await asyncio.sleep(0.15)
        assert studio.begun == ["a"]
        await asyncio.wait_for(settled(pool), 30)
        assert studio.begun == ["a", "a"]

    asyncio.run(run())


def test_so_many_are_drawn_ahead_at_once_and_visitors_beside_them():
    async def run() -> None:
        gate = asyncio.Event()
        studio = Studio(gate=gate)
        pool = studio.pool(4, names=("ahead", "wanted"), turns=8, ahead=2)
        pool.fill()
        await asyncio.sleep(0.01)
        assert studio.begun == ["ahead", "wanted"]
        visitor = asyncio.create_task(pool.take("wanted"))
        await asyncio.sleep(0.01)
        assert studio.begun == ["ahead", "wanted", "wanted"]
        gate.set()
        assert (await visitor).html == "page"
        await pool.close()

    asyncio.run(run())


@pytest.mark.parametrize(("room", "ready"), [(9, 4), (3, 3), (1, 1), (0, 1), (-2, 1)])
def test_no_more_pages_than_visitors_may_come_but_one_of_each(room, ready):
    async def run() -> None:
        pool = Studio().pool(4, room=lambda: room)
        pool.fill()
        await settled(pool)
        assert (pool.ready("a"), pool.ready("b")) == (ready, ready)

    asyncio.run(run())


def test_a_visitor_who_goes_away_gives_his_turn_back():
    async def run() -> None:
        turns = Turns(1)
        order: list[str] = []

        async def work(name: str, urgent: bool = True) -> None:
            async with turns.turn(urgent):
                order.append(name)
                await asyncio.sleep(0.005)

        tasks: list[asyncio.Task[Any]] = [asyncio.create_task(work("first"))]
        await asyncio.sleep(0)
        tasks += [asyncio.create_task(work(name, urgent)) for name, urgent in (("idle", False), ("gone", True), ("second", True))]
        await asyncio.sleep(0)
        tasks[2].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert order == ["first", "second", "idle"]
        await asyncio.wait_for(work("again"), 60)

    asyncio.run(run())


def test_one_that_is_cancelled_just_as_it_is_its_turn_passes_it_on():
    async def run() -> None:
        turns = Turns(1)

        async def work() -> None:
            async with turns.turn(True):
                await asyncio.sleep(0)

        async with turns.turn(True):
            waiting = asyncio.create_task(work())
            await asyncio.sleep(0)
        waiting.cancel()  # the turn is its own already, and it has not noticed yet
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await asyncio.wait_for(work(), 60)

    asyncio.run(run())
