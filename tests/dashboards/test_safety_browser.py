"""The life of a page and its kernel, and what a page cannot do, in a real browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from browsers import PATIENCE_MS, Watched, started_browser, wait_until
from dashboard_servers import Running, running, write_notebook

from edgewb.dashboards.websockets import PageConnection

pytestmark = pytest.mark.browser
CONNECTED = "document.documentElement.dataset.connected === 'true'"
BUTTON = '''
import time
from edgewb.views.widgets.pages import Page, _environment
import jinja2
template = """{% extends "page.html.j2" %}{% block body %}<h1>Probe</h1><button data-click="add" data-value="1">Add</button>
<button data-click="add" data-value="10">Add ten</button><input id="name" aria-label="Name" data-input="name">
<div data-region="main">{% block main %}<output>{{ count }}</output>{% endblock %}</div>
<div data-region="hello">{% block hello %}<p>Hello {{ word }}</p><input id="inner" aria-label="Inner" data-input="name" value="{{ word }}">
{% endblock %}</div>{% endblock %}"""
_environment().loader = jinja2.ChoiceLoader([jinja2.DictLoader({"probe": template}), _environment().loader])

class Probe(Page):
    template, regions, name, count, word, seen = "probe", ("main", "hello"), "explorer", 0, "", []
    def context(self): return {"count": self.count, "word": self.word}
    def on_add(self, value, buffers):
        time.sleep(.05)
        self.count += int(value)
    def on_name(self, value, buffers):
        time.sleep(.05)
        self.word, self.count = value, self.count + 100
'''


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("notebooks")
    write_notebook(made / "explorer.ipynb", BUTTON, "Probe()")
    return made


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    yield from started_browser()


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[Running]:
    with running(folder) as server:
        yield server


@pytest.fixture
def view(chromium: Any) -> Iterator[Callable[..., tuple[Any, Watched]]]:
    """A page of a server, in a context of its own, and what it says on its console."""
    contexts = []

    def open_page(server: Running, path: str = "/explorer", width: int = 1366, scheme: str = "light") -> tuple[Any, Watched]:
        context = chromium.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        page, watched = context.new_page(), Watched(server.origin)
        watched.watch(page)
        page.goto(server.origin + path)
        return page, watched

    yield open_page
    for context in contexts:
        context.close()


def count(page: Any) -> int:
    return int(page.inner_text("output"))


def kernel_of(page: Any) -> str:
    return str(page.get_attribute("main", "data-kernel"))


def test_a_closed_page_and_a_reloaded_one_end_their_kernels(served, view):
    page, watched = view(served)
    wait_until(page, CONNECTED)
    first = kernel_of(page)
    page.reload()
    wait_until(page, CONNECTED)
    second = kernel_of(page)
    assert second != first
    served.wait_until(lambda: first not in served.kernels())
    assert second in served.kernels()
    page.close()
    served.wait_until(lambda: second not in served.kernels())
    watched.check()


def test_clicks_are_all_counted_in_order_and_of_typing_the_last(served, view):
    page, watched = view(served)
    wait_until(page, CONNECTED)
    page.evaluate("""() => { const [one, ten] = document.querySelectorAll('button');
        for (let i = 0; i < 3; i++) { one.click(); ten.click(); } }""")
    wait_until(page, "document.querySelector('output').textContent === '33'")
    page.evaluate("""() => { const name = document.querySelector('#name');
        for (const text of 'abcdefghij') { name.value += text; name.dispatchEvent(new Event('input', {bubbles: true})); } }""")
    wait_until(page, "document.querySelector('[data-region=hello] p').textContent === 'Hello abcdefghij'")
    assert count(page) == 233, "the first and the last of ten; those between were never sent"
    watched.check()


def test_who_types_keeps_the_focus_and_the_place_of_the_cursor(served, view):
    page, _ = view(served)
    wait_until(page, CONNECTED)
    page.fill("#inner", "edge")
    wait_until(page, "document.querySelector('[data-region=hello] p').textContent === 'Hello edge'")
    page.keyboard.press("ArrowLeft")
    page.keyboard.type("X")
    wait_until(page, "document.querySelector('[data-region=hello] p').textContent === 'Hello edgXe'")
    assert page.evaluate("[document.activeElement.id, document.activeElement.selectionStart]") == ["inner", 4]


def test_a_broken_connection_is_made_anew_and_nothing_is_lost(served, view):
    page, _ = view(served)
    wait_until(page, CONNECTED)
    page.click("text=Add ten")
    wait_until(page, "document.querySelector('output').textContent === '10'")
    kernel = kernel_of(page)
    served.inside(lambda: [connection.ws_connection.stream.close() for connection in tuple(PageConnection.open_ones[kernel])])
    wait_until(page, "document.querySelector('#connection').textContent.includes('Trying again')")
    wait_until(page, CONNECTED)
    assert page.inner_text("#connection") == ""
    page.click("text=Add >> nth=0")
    wait_until(page, "document.querySelector('output').textContent === '11'")
    assert kernel_of(page) == kernel


def test_a_dead_kernel_is_said_and_the_page_can_be_loaded_again(served, view):
    page, _ = view(served)
    wait_until(page, CONNECTED)
    served.process(kernel_of(page)).kill()
    wait_until(page, "document.querySelector('#connection').textContent.includes('lost its kernel')")
    assert "it broke down. What was asked for may need more memory than a page is given here." in page.inner_text("#connection")
    page.click("text=Load the page again")
    wait_until(page, CONNECTED)
    page.click("text=Add ten")
    wait_until(page, "document.querySelector('output').textContent === '10'")


def test_a_page_nobody_looks_at_loses_its_kernel_and_says_so(folder, view):
    with running(folder, idle_s=4.0) as server:
        page, _ = view(server)
        page.evaluate("Object.defineProperties(document, {visibilityState: {value: 'hidden'}, hidden: {value: true}})")
        wait_until(page, "document.querySelector('#connection').textContent.includes('not used for too long')", 40)
        server.wait_until(lambda: server.kernels() == [])
        page.close()


def test_no_script_that_somebody_slips_in_is_run(served, view):
    page, watched = view(served)
    wait_until(page, CONNECTED)
    page.evaluate("""() => { window.slipped = 0;
        const script = document.createElement('script'); script.textContent = 'window.slipped = 1'; document.body.append(script);
        document.querySelector('output').innerHTML = '<img src="data:," onerror="window.slipped = 2">';
        const far = document.createElement('script'); far.src = 'https://example.org/x.js'; document.body.append(far);
        const link = document.createElement('a'); link.href = 'javascript:window.slipped = 3'; document.body.append(link);
        link.click(); }""")
    page.wait_for_timeout(500)
    assert page.evaluate("window.slipped") == 0
    assert any("Content Security Policy" in line for line in watched.console)
    assert watched.outside == []
    assert page.evaluate("fetch('https://example.org/').then(() => 'sent', () => 'refused')") == "refused"


def test_a_page_cannot_be_framed_by_another(served, view, chromium):
    page = chromium.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.set_content(f'<iframe src="{served.origin}/"></iframe>')
    page.wait_for_timeout(700)
    assert "edgewb dashboards" not in page.frames[1].content()
    page.close()


def test_the_token_is_asked_for_and_then_remembered(folder, view):
    with running(folder, token="let-me-in-please") as server:
        page, watched = view(server)
        assert page.inner_text("h1") == "Who is there?"
        page.keyboard.type("wrong")
        page.keyboard.press("Enter")
        page.wait_for_selector("text=That is not the token.")
        assert watched.console == ["Failed to load resource: the server responded with a status of 401 (Unauthorized)"]
        watched.console.clear()
        assert serious(page) == []
        page.fill("#password", "let-me-in-please")
        page.keyboard.press("Enter")
        page.wait_for_url("**/explorer")
        wait_until(page, CONNECTED)
        page.click("text=Add ten")
        wait_until(page, "document.querySelector('output').textContent === '10'")
        page.goto(f"{server.origin}/explorer?token=let-me-in-please")
        wait_until(page, CONNECTED)
        assert "token" not in page.url
        kernel = kernel_of(page)
        page.close()
        server.wait_until(lambda: kernel not in server.kernels())
        watched.check()


def test_all_works_under_a_path_of_its_own(folder, view):
    with running(folder, base_url="/under/this/") as server:
        page, watched = view(server, "/under/this/")
        assert page.inner_text("h1") == "edgewb dashboards"
        page.click("text=Trade-off explorer")
        page.wait_for_url("**/explorer")
        wait_until(page, CONNECTED)
        page.click("text=Add ten")
        wait_until(page, "document.querySelector('output').textContent === '10'")
        page.click("text=All dashboards")
        page.wait_for_selector("text=edgewb dashboards")
        watched.check()
        server.wait_until(lambda: server.kernels() == [])


def test_a_full_house_says_so_and_lets_in_who_waits(folder, view, monkeypatch):
    monkeypatch.setattr("edgewb.dashboards.handlers._ASK_AGAIN_S", 6)
    with running(folder, visitors=1) as server:
        first, _ = view(server)
        wait_until(first, CONNECTED)
        second, _ = view(server)
        assert second.inner_text("h1") == "All places are taken"
        assert serious(second) == []
        first.close()
        second.wait_for_selector("main[data-kernel]", timeout=60_000)
        wait_until(second, CONNECTED)


def serious(page: Any) -> list[str]:
    """What axe finds wrong, of those that matter."""
    found = Axe().run(page).response["violations"]
    return [f"{rule['id']}: {node['html'][:120]}" for rule in found if rule["impact"] in ("serious", "critical") for node in rule["nodes"]]


@pytest.mark.parametrize("width", [1366, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_gallery_is_for_everybody(served, view, width, scheme):
    page, watched = view(served, "/", width, scheme)
    assert serious(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/explorer")
    wait_until(page, CONNECTED)
    assert serious(page) == []
    watched.check()


def test_a_page_that_is_not_there_says_so_in_our_own_words(served, view):
    page, watched = view(served, "/a/b/nosuch")
    assert page.inner_text("h1") == "Not Found"
    page.click("text=All dashboards")
    page.wait_for_selector("text=edgewb dashboards")
    assert watched.console == ["Failed to load resource: the server responded with a status of 404 (Not Found)"]


def test_while_a_kernel_starts_the_page_says_so(served, view, chromium):
    context = chromium.new_context()
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.goto(f"{served.origin}/explorer", wait_until="commit")
    page.wait_for_selector("#starting:visible")
    wait_until(page, CONNECTED)
    assert not page.is_visible("#starting")
    context.close()
