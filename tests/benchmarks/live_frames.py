"""The live page's loop: a camera of 60 frames a second, MobileNetV2 at 224 x 224 on the processor, everything through a real browser.

The camera is a film that Chromium plays in its place (``--use-file-for-fake-video-capture``), every frame of it different, since
Chromium's own fake camera gives 20 frames a second. Frames are counted by what they hold, where they are answered; the time from the
moment the page has a frame until its answer is drawn is taken in the page.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[2]
NET = "keras_mobilenet_v2_224"
SECONDS, WARM_UP_SECONDS = 20, 4
_SERVE = """
import sys
from pathlib import Path
from edgewb.dashboards.servers import Serving, serve_dashboards
serve_dashboards(Serving(Path(sys.argv[1]), port=int(sys.argv[2])), lambda server: print(server.address(), flush=True))
"""


def mobilenet() -> Path:
    """MobileNetV2 with random weights as an int8 file; converted once, which takes half a minute, and kept in edgewb's home."""
    from edgewb.locations import home

    folder = home() / "benchmarks"
    path = folder / f"{NET}.tflite"
    if not path.is_file():
        command = [sys.executable, "tests/estimates/keras_nets.py", NET, "--only-build", "--keep", str(folder)]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return path


def film(path: Path, frames: int = 120, width: int = 320, height: int = 240, rate: int = 60) -> Path:
    """Moving stripes and noise as YUV4MPEG2, no two frames alike."""
    rng = np.random.default_rng(0)
    across = np.arange(width)
    with path.open("wb") as stream:
        stream.write(f"YUV4MPEG2 W{width} H{height} F{rate}:1 Ip A1:1 C420jpeg\n".encode())
        for number in range(frames):
            stripes = 110 + 60 * np.sin((across + 8 * number) / 17)
            light = np.clip(stripes + rng.normal(0, 8, (height, width)), 0, 255).astype(np.uint8)
            colour = np.full((height // 2, width // 2), 90 + number, np.uint8)
            stream.write(b"FRAME\n" + light.tobytes() + colour.tobytes() + colour[::-1].tobytes())
    return path


@contextmanager
def served(folder: Path, cell: str) -> Iterator[str]:
    """The address of a live page with this one cell, served from a folder of its own as dashboards are."""
    import nbformat

    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell)])
    nbformat.write(notebook, folder / "live.ipynb")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    server = subprocess.Popen(
        [sys.executable, "-c", _SERVE, str(folder), str(port)], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        yield server.stdout.readline().strip() + "live"
    finally:
        server.terminate()
        server.wait(timeout=60)


def _stream(browser: Any, address: str) -> tuple[float, str]:
    """Distinct frames a second over the time, and the figures as the page shows them at the end."""
    from browsers import wait_until

    context = browser.new_context(permissions=["camera"], viewport={"width": 1366, "height": 768})
    page = context.new_page()
    page.goto(address)
    wait_until(page, "document.documentElement.dataset.connected === 'true'", 60)
    page.click("[data-source=camera]")
    page.click("[data-camera]")
    page.wait_for_timeout(1000 * WARM_UP_SECONDS)
    page.click("#live-clear")
    started = time.perf_counter()
    page.wait_for_timeout(1000 * SECONDS)
    page.click("[data-camera]")
    lasted = time.perf_counter() - started
    page.wait_for_timeout(1000)
    text = str(page.inner_text("[data-region=figures]"))
    context.close()
    found = re.search(r"([\d,]+) of them distinct", text)
    assert found is not None, text
    return int(found.group(1).replace(",", "")) / lasted, text


def live() -> None:
    """The page beside its kernel on one computer, where one frame is under way at a time."""
    sys.path.insert(0, str(ROOT / "tests"))
    from browsers import started_browser

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = film(folder / "film.y4m")
        with served(folder, f"from edgewb.views.widgets import Live\nLive({str(mobilenet())!r})") as address:
            starting = started_browser((f"--use-file-for-fake-video-capture={source}",))
            rate, text = _stream(next(starting), address)
            starting.close()
    frames = re.search(r"(\S+ of them distinct; \S+ dropped)", text)
    way = re.search(r"answer drawn: (\S+ ms in the median, \S+ ms at the 95th percentile \(n = \d+)", text)
    calls = re.search(r"cpu\S*\s+(\S+)\s+(\S+)", text)
    if not (frames and way and calls):
        raise SystemExit(f"the page shows no figures: {text}")
    print(
        f"live, MobileNetV2     {rate:.1f} distinct frames a second of 60   bar 30   ({frames.group(1)}; calls: first {calls.group(1)} ms, "
        f"median {calls.group(2)} ms)"
    )
    print(f"                      from frame to answer drawn {way.group(1)})   bar 50 ms   (load {os.getloadavg()[0]:.1f})")
