"""Driving the system's Chromium: one started browser, pages that note what they should not say or ask for."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from typing import Any

import pytest

ARGUMENTS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
]
PATIENCE_MS = 120_000
"""Nothing that is waited for takes so long on a computer that others use, too: who waits longer waits in vain."""


def started_browser(arguments: tuple[str, ...] = ()) -> Iterator[Any]:
    """Headless Chromium, started by its path; a skip where there is none."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no Chromium on this machine")
    sync_api = pytest.importorskip("playwright.sync_api", reason="the Python package playwright is not installed")
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=[*ARGUMENTS, *arguments], timeout=PATIENCE_MS)
        yield started
        started.close()


def wait_until(page: Any, condition: str, seconds: float = PATIENCE_MS / 1000) -> None:
    """Until a JavaScript expression is true. Not ``wait_for_function``: a content security policy may forbid the eval it polls with."""
    deadline = time.monotonic() + seconds
    while not page.evaluate(condition):
        assert time.monotonic() < deadline, f"never came true: {condition}"
        page.wait_for_timeout(50)


class Watched:
    """What pages said on their consoles, and what they asked of others than ``origin``."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.console: list[str] = []
        self.outside: list[str] = []

    def watch(self, page: Any) -> None:
        def route(request: Any) -> None:
            if request.request.url.startswith((self.origin, "data:", "blob:")):
                request.continue_()
            else:
                self.outside.append(request.request.url)
                request.abort()

        page.route("**/*", route)
        page.on("console", lambda message: self.console.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self.console.append(str(error)))

    def check(self) -> None:
        """Neither a message nor an outside request."""
        assert (self.console, self.outside) == ([], [])
