"""The HTML edition in a real browser, from the disk: it draws its figures and asks nobody for anything."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browsers import PATIENCE_MS, Watched, started_browser, wait_until

from edgewb.courses.books import make_book

pytestmark = [pytest.mark.browser, pytest.mark.notebooks]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    yield from started_browser()


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The notebook that trains nothing and has figures, a table, pictures and exercises."""
    folder = tmp_path_factory.mktemp("book")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EDGEWB_HOME", str(tmp_path_factory.mktemp("book_home")))
        made = make_book(folder, only=("00",))
    assert made.failures == ()
    return folder


@pytest.mark.parametrize(("width", "scheme"), [(1366, "light"), (1366, "dark"), (390, "light")])
def test_a_page(browser: Any, book: Path, width: int, scheme: str) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    context.set_default_timeout(PATIENCE_MS)
    page, watched = context.new_page(), Watched("file:")
    watched.watch(page)
    page.goto((book / "index.html").as_uri())
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.click("ol.chapters a")
    wait_until(page, "document.querySelectorAll('.plot').length >= 2")
    for plot in page.query_selector_all(".plot"):
        plot.scroll_into_view_if_needed()
    wait_until(page, "[...document.querySelectorAll('.plot')].every(place => place.dataset.drawn === 'yes')")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "nothing sticks out"
    assert not page.is_visible("details.solution pre"), "solutions are folded"
    assert page.evaluate("document.querySelector('nav.contents details').open") == (width > 1000)
    anchors = page.evaluate(
        "[...document.querySelectorAll('nav.contents a')].filter(a => !document.getElementById(decodeURIComponent(a.hash.slice(1)))).length"
    )
    assert anchors == 0, "every line of the contents leads somewhere"
    watched.check()
    context.close()
