"""Dashboards served for real, visited with the system's Chromium."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from browsers import PATIENCE_MS, Watched, started_browser, wait_until

ROOT = Path(__file__).parents[2]


class Server:
    """``python -m edgewb.cli dashboard`` with its own home, and a pool of preheated kernels."""

    def __init__(self, home: Path, *arguments: str) -> None:
        self.log = home / "server.log"
        environment = {**os.environ, "EDGEWB_HOME": str(home), "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "edgewb.cli", "dashboard", "--no-browser", "--port", "0", *arguments]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + 180
        while "Ctrl-C" not in (said := self.log.read_text()):
            assert self.process.poll() is None, said
            assert time.monotonic() < deadline, said
            time.sleep(0.1)
        self.origin = re.search(r"http://127\.0\.0\.1:\d+", said)[0]

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=120)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home the served kernels see: a module's own fixture of this name fills it with records."""
    return tmp_path_factory.mktemp("served")


@pytest.fixture(scope="module")
def server(home: Path) -> Iterator[Server]:
    started = Server(home)
    yield started
    started.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    yield from started_browser()


@pytest.fixture
def visit(browser: Any, server: Server) -> Iterator[Callable[..., Any]]:
    """``visit("explorer", width=390, scheme="dark")``: the page, connected with its kernel.

    Checked at the end: a silent console, nothing from outside.
    """
    watched, contexts = Watched(server.origin), []

    def open_page(name: str, width: int = 1366, height: int = 768, scheme: str = "light", **options: Any) -> Any:
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme, accept_downloads=True, **options)
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        page = context.new_page()
        watched.watch(page)
        page.goto(f"{server.origin}/{name}")
        wait_until(page, "document.documentElement.dataset.connected === 'true'")
        return page

    yield open_page
    for context in contexts:
        context.close()
    watched.check()
