"""The page of a comparison: self-contained, escaped, and drawn by a real browser."""

import dataclasses
import shutil
import time

import made_regressions
import made_targets
import numpy as np
import pytest
from browsers import PATIENCE_MS

from edgewb.datasets import load_dataset
from edgewb.parities import compare_targets
from edgewb.views.parity_pages import write_parity_page


@pytest.fixture
def page(tmp_path, tflite_file, monkeypatch):
    made_targets.register(monkeypatch)
    x = np.random.default_rng(0).integers(0, 255, (400, 8, 8, 3)).astype(np.uint8)
    np.savez(tmp_path / "pictures.npz", x=x, y=np.arange(400) % 10, class_names=np.array(["</script><i>", *"123456789"]))
    data = load_dataset(tmp_path / "pictures.npz")
    parity = compare_targets(tflite_file("int8_conv"), ("cpu:builtin", "shifted:usb:0 250"), dataset=data)
    assert parity.flips
    return write_parity_page(tmp_path / "page.html", parity, data), parity


def test_it_says_what_the_comparison_says(page):
    path, parity = page
    text = path.read_text(encoding="utf-8")
    assert f"n = {parity.n} test examples of pictures.npz (simulated)" in text
    assert f"{len(parity.flips)} answers flip" in text
    assert "shifted is simulated, in the place of a device that is off: nothing here was measured on that device" in text
    assert text.count('<img alt="test image ') == min(len(parity.flips), 24)
    assert "</script><i>" not in text


@pytest.mark.browser
@pytest.mark.parametrize("width", [1366, 390])
def test_a_browser_draws_it_without_a_word_or_a_request(page, width):
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no Chromium on this machine")
    sync_api = pytest.importorskip("playwright.sync_api", reason="the Python package playwright is not installed")
    said, outside = [], []
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--disable-gpu", "--no-sandbox", "--disable-sync"])
        opened = browser.new_page(viewport={"width": width, "height": 800})
        opened.set_default_timeout(PATIENCE_MS)
        opened.on("console", lambda message: said.append(message.text))
        opened.on("pageerror", lambda error: said.append(str(error)))
        opened.on("request", lambda request: outside.append(request.url) if request.url.startswith("http") else None)
        opened.goto(page[0].as_uri())
        deadline = time.monotonic() + 120
        while opened.evaluate("document.querySelectorAll('[data-drawn]').length") < 2:
            assert time.monotonic() < deadline
            opened.wait_for_timeout(50)
        assert opened.evaluate("document.documentElement.scrollWidth") <= width
        assert opened.evaluate("[...document.images].every(image => image.complete && image.naturalWidth === 8)")
        assert opened.evaluate("document.querySelectorAll('.bars .point').length") == len(page[1].outputs[0].histogram)
        browser.close()
    assert (said, outside) == ([], [])


@pytest.fixture
def parity(tmp_path, tflite_file, monkeypatch):
    made_targets.register(monkeypatch)
    x = np.random.default_rng(0).integers(0, 255, (400, 8, 8, 3)).astype(np.uint8)
    np.savez(tmp_path / "pictures.npz", x=x, y=np.arange(400) % 10)
    data = load_dataset(tmp_path / "pictures.npz")
    return compare_targets(tflite_file("int8_conv"), ("cpu:builtin", "shifted:usb:0 250"), dataset=data)


def with_flips(parity, flips):
    return dataclasses.replace(parity, top_one=dataclasses.replace(parity.top_one, flips=tuple(flips)))


def test_a_single_flip_is_told_and_not_drawn(parity, tmp_path):
    one = with_flips(parity, parity.flips[:1])
    text = write_parity_page(tmp_path / "one.html", one).read_text(encoding="utf-8")
    assert "How near to a tie" not in text
    assert f"Flip: example {one.flips[0].example}: " in text
    many = write_parity_page(tmp_path / "many.html", parity).read_text(encoding="utf-8")
    assert "How near to a tie" in many
    assert "Flip: example" not in many


def test_flips_without_margins_are_told_up_to_ten(parity, tmp_path):
    margins = {"margin": None}
    flips = [
        dataclasses.replace(flip, first=dataclasses.replace(flip.first, **margins), second=dataclasses.replace(flip.second, **margins))
        for flip in (parity.flips * 12)[:12]
    ]
    text = write_parity_page(tmp_path / "ties.html", with_flips(parity, flips)).read_text(encoding="utf-8")
    assert text.count("Flip: example") == 10
    assert "And 2 more flips" in text


def test_where_nothing_can_flip_the_page_says_why(tmp_path):
    data, raw, _ = made_regressions.made(tmp_path)
    parity = compare_targets(raw, ("cpu:builtin", "cpu:xnnpack"), dataset=data)
    text = write_parity_page(tmp_path / "page.html", parity).read_text(encoding="utf-8")
    assert "No answer can flip here: the output has the shape [1, 1]" in text
