"""The live page in front of a camera that shows digits: a film that Chromium plays in the camera's place, and what is answered to it."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
import scenes
from browsers import started_browser, wait_until
from PIL import Image

pytestmark = pytest.mark.browser

DIGITS = (0, 1, 3)
FRAMES, RATE = 40, 20
WIDTH, HEIGHT = 640, 480


def film(path: Path) -> Path:
    """Each digit for two seconds, drawn with a pen on paper, with some noise: raw pictures, brightness then two planes without colour."""
    rng = np.random.default_rng(0)
    grey = bytes([128]) * (WIDTH * HEIGHT // 2)
    with path.open("wb") as stream:
        stream.write(f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F{RATE}:1 Ip A1:1 C420\n".encode())
        for digit in DIGITS:
            drawn = Image.fromarray((scenes.ink("strokes", digit, None, np.random.default_rng(digit)) * 255).astype(np.uint8))
            cover = np.zeros((HEIGHT, WIDTH))
            cover[60:420, 140:500] = np.asarray(drawn.resize((360, 360))) / 255
            for _ in range(FRAMES):
                light = 215 - 160 * cover + rng.normal(0, 2, cover.shape)
                stream.write(b"FRAME\n" + light.clip(16, 235).astype(np.uint8).tobytes() + grey)
    return path


@pytest.fixture(scope="module")
def browser():
    with tempfile.TemporaryDirectory() as folder:
        yield from started_browser((f"--use-file-for-fake-video-capture={film(Path(folder, 'digits.y4m'))}",))


def test_digits_held_before_the_camera_are_read(visit):
    page = visit("live", permissions=["camera"])
    page.evaluate(
        """() => {
            window.said = [];
            new MutationObserver(() => {
                const label = document.querySelector("[data-label]").textContent.trim();
                if (label !== "–") window.said.push(label);
            }).observe(document.querySelector("[data-region=answers]"), { childList: true, subtree: true });
        }"""
    )
    page.click("[data-source=camera]")
    page.click("[data-camera]")
    wait_until(page, f"{list(map(str, DIGITS))}.every((digit) => window.said.filter((label) => label === digit).length >= 3)")
    page.click("[data-camera]")
    page.locator("[data-sign]").wait_for(state="hidden")
    said = page.evaluate("window.said")
    assert sum(label in map(str, DIGITS) for label in said) >= 0.9 * len(said), said
    assert "measured" in page.inner_text("[data-region=answers]")
