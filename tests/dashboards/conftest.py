"""Dashboards served for real, visited with the system's Chromium."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from browsers import PATIENCE_MS, Watched, started_browser, wait_until

ROOT = Path(__file__).parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """``python -m edgewb.cli dashboard`` with its own home, and a pool of preheated kernels."""

    def __init__(self, home: Path, *arguments: str) -> None:
        self.port = free_port()
        self.origin = f"http://127.0.0.1:{self.port}"
        self.log = home / "server.log"
        environment = {**os.environ, "EDGEWB_HOME": str(home), "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "edgewb.cli", "dashboard", "--no-browser", "--port", str(self.port), *arguments]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + 180
        while True:
            try:
                urllib.request.urlopen(self.origin, timeout=5).close()
                return
            except OSError:
                assert self.process.poll() is None, self.log.read_text()
                assert time.monotonic() < deadline, self.log.read_text()
                time.sleep(0.2)

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
