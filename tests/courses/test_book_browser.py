"""The HTML edition in a real browser, from the disk: for everybody, it draws its figures and asks nobody for anything."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from browsers import PATIENCE_MS, Watched, started_browser, wait_until

from edgewb.courses.books import make_book

pytestmark = [pytest.mark.browser, pytest.mark.notebooks]
CHAPTERS = ("00", "01", "09", "10")
LOOKS = [(1366, "light"), (390, "dark")]  # both widths and both schemes: colours do not depend on the width
FITS = "document.documentElement.scrollWidth <= window.innerWidth"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    yield from started_browser()


@contextlib.contextmanager
def opened(browser: Any, width: int, scheme: str) -> Iterator[Any]:
    """A page that in the end has said nothing on its console, and has asked nobody outside for anything."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    context.set_default_timeout(PATIENCE_MS)
    page, watched = context.new_page(), Watched("file:")
    watched.watch(page)
    try:
        yield page
        watched.check()
    finally:
        context.close()


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Chapters that are executed in seconds, without TensorFlow: with figures, tables, printed text, pictures, widgets and exercises."""
    folder = tmp_path_factory.mktemp("book")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EDGEWB_HOME", str(tmp_path_factory.mktemp("book_home")))
        made = make_book(folder, only=CHAPTERS)
    assert made.failures == ()
    assert tuple(chapter.number for chapter in made.chapters) == CHAPTERS
    return folder


def serious(page: Any) -> list[str]:
    """What axe finds wrong, of those that matter. (Asked to fetch style sheets itself, it would fail on pages from the disk.)"""
    found = Axe().run(page, options={"preload": False}).response["violations"]
    return [f"{rule['id']}: {node['html'][:120]}" for rule in found if rule["impact"] in ("serious", "critical") for node in rule["nodes"]]


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_the_index(browser: Any, book: Path, width: int, scheme: str) -> None:
    with opened(browser, width, scheme) as page:
        page.goto((book / "index.html").as_uri())
        assert page.evaluate(FITS)
        assert serious(page) == []
        assert len(page.query_selector_all("ol.chapters a")) == len(CHAPTERS)
        page.click("ol.chapters a")
        page.wait_for_url(f"**/{CHAPTERS[0]}_*.html")


@pytest.mark.parametrize("number", CHAPTERS)
@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_a_page(browser: Any, book: Path, number: str, width: int, scheme: str) -> None:
    (file,) = book.glob(f"{number}_*.html")
    with opened(browser, width, scheme) as page:
        page.goto(file.as_uri())
        assert page.query_selector_all(".plot"), "each of these chapters has figures"
        for plot in page.query_selector_all(".plot"):
            plot.scroll_into_view_if_needed()
        wait_until(page, "[...document.querySelectorAll('.plot')].every(place => place.dataset.drawn === 'yes')")
        assert page.evaluate(FITS), "nothing sticks out"
        assert serious(page) == []
        assert not page.is_visible("details.solution pre"), "solutions are folded"
        assert page.evaluate("document.querySelector('nav.contents details').open") == (width > 1000)
        anchors = page.evaluate(
            "[...document.querySelectorAll('nav.contents a')]"
            ".filter(a => !document.getElementById(decodeURIComponent(a.hash.slice(1)))).length"
        )
        assert anchors == 0, "every line of the contents leads somewhere"


def test_what_is_wider_than_a_phone_is_scrolled_by_keys(browser: Any, book: Path) -> None:
    (file,) = book.glob("10_*.html")
    with opened(browser, 390, "light") as page:
        page.goto(file.as_uri())
        wide = "[...document.querySelectorAll('.scroll')].find(box => box.scrollWidth > box.clientWidth + 100)"
        page.evaluate(f"{wide}.focus()")
        page.keyboard.press("ArrowRight")
        wait_until(page, "document.activeElement.scrollLeft > 0")
