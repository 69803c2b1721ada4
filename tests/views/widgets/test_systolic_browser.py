"""The systolic array in Chromium: steps, plays, follows the slider and the keys, and keeps still where motion is not wanted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browsers import PATIENCE_MS, started_browser, wait_until

from edgewb.views.widgets import Systolic

pytestmark = pytest.mark.browser
PAGE = """<!doctype html><meta charset="utf-8"><title>array</title><style>%s</style><body><div id="place"></div><script type="module">%s
window.sent = [];
let reply = () => {};
const model = {
  get: () => %s, on: (name, action) => { reply = action; }, off: () => {},
  send: (message) => { window.sent.push(message.value); setTimeout(() => reply({ done: message.number }, []), 0); },
};
render({ model, el: document.getElementById("place") });
</script>"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    yield from started_browser()


@pytest.fixture
def opened(chromium: Any, tmp_path: Path) -> Any:
    widget = Systolic()
    path = tmp_path / "page.html"
    script = widget._esm.replace("export default { render };", "")
    markup = json.dumps(widget.markup).replace("</", "<\\/")
    path.write_text(PAGE % (widget._css, script, markup), encoding="utf-8")

    def give(**options: Any) -> Any:
        page = chromium.new_page(**options)
        page.set_default_timeout(PATIENCE_MS)
        page.errors = []
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.goto(path.as_uri())
        wait_until(page, "Boolean(document.querySelector('[data-moves]'))")
        return page

    return give


def status(page: Any) -> str:
    return str(page.inner_text("[data-status]"))


def test_buttons_slider_and_keys(opened):
    page = opened()
    assert page.is_disabled("[data-go=back]")
    for _ in range(7):
        page.click("[data-go=step]")
    assert status(page).startswith("Cycle 7 of 12")
    run = Systolic().run
    shown = page.eval_on_selector('[data-cell="3,0"] [data-sum]', "e => e.textContent")
    assert int(shown.replace(",", "").replace("\N{MINUS SIGN}", "-")) == run.cycles[6].cells[3][0].partial
    page.focus("[data-slider]")
    page.keyboard.press("End")
    assert status(page).startswith("Cycle 12 of 12")
    page.keyboard.press("ArrowLeft")
    assert status(page).startswith("Cycle 11 of 12")
    page.click("[data-go=start]")
    wait_until(page, "window.sent.at(-1) === 0")
    assert page.errors == []


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_playing(opened, motion):
    page = opened(reduced_motion=motion)
    page.click("[data-go=play]")
    wait_until(page, "document.querySelector('[data-status]').textContent.startsWith('Cycle 2')")
    assert page.get_attribute("[data-go=play]", "aria-pressed") == "true"
    if motion == "reduce":
        assert page.evaluate("document.getAnimations().length") == 0
    else:
        wait_until(page, "document.getAnimations().length > 0")  # in one of the next cycles
    page.keyboard.press("Enter")  # the button has the focus
    assert page.inner_text("[data-go=play]") == "Play"
    stood = status(page)
    page.wait_for_timeout(1500)
    assert status(page) == stood
    assert page.errors == []
