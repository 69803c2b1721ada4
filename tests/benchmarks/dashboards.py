"""Dashboards in a real browser: when the plot is seen, when it answers, and twenty visitors at once; beside plain Voila in the same run.

Seen means seen: a screenshot is looked at for coloured points, because a page whose elements are all there can be blank.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
from PIL import Image

ROOT = Path(__file__).parents[2]
ROUNDS = 5
VISITORS = 20
CHROMIUM = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update"]
_VIVID_PIXELS = 60
_CONNECTED = "document.documentElement.dataset.connected === 'true' && document.querySelector('[data-ready]') !== null"
_PLAIN = (
    "import ipywidgets, plotly.graph_objects as go\nfrom IPython.display import display",
    "figure = go.FigureWidget(data=[go.Scatter(x=[1, 2, 3, 4], y=[1, 3, 2, 4], mode='markers', marker={'size': 14, 'color': '#d62728'})])\n"
    "slider = ipywidgets.FloatSlider(description='budget', min=0, max=5, value=1)\n"
    "def move(change):\n    figure.data[0].y = [1, 3, 2, change['new']]\n"
    "slider.observe(move, 'value')\ndisplay(ipywidgets.VBox([slider, figure]))",
)


def vivid_pixels(png: bytes) -> int:
    """Pixels of a picture that are clearly coloured, as points of a plot are and text is not."""
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    _hue, saturation, value = picture.convert("HSV").split()
    return sum(1 for s, v in zip(saturation.tobytes(), value.tobytes(), strict=True) if s > 120 and v > 90)


@contextlib.contextmanager
def serving(command: list[str], home: str, path: str) -> Iterator[tuple[str, psutil.Process]]:
    """A server at work, once it answers."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "EDGEWB_HOME": home, "PYTHONPATH": str(ROOT)}
    arguments = [part.format(port=port) for part in command]
    with subprocess.Popen(arguments, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        origin = f"http://127.0.0.1:{port}"
        try:
            deadline = time.monotonic() + 120
            while True:
                try:
                    urllib.request.urlopen(f"{origin}/{path}", timeout=5).close()
                    break
                except OSError:
                    if process.poll() is not None or time.monotonic() > deadline:
                        raise SystemExit(f"the server did not start: {' '.join(arguments)}") from None
                    time.sleep(0.2)
            yield origin, psutil.Process(process.pid)
        finally:
            process.terminate()
            process.wait(60)


def ours(pool: int | str) -> list[str]:
    """The command that serves our dashboards."""
    return [sys.executable, "-m", "edgewb.cli", "dashboard", "--no-browser", "--port", "{port}", "--pool", str(pool), "--visitors", "100"]


def plain(folder: Path, pool: int) -> list[str]:
    """The command that serves one notebook with plain Voila."""
    preheated = ["--preheat_kernel=True", f"--pool_size={pool}"] if pool else []
    return [sys.executable, "-m", "voila", str(folder), "--port", "{port}", "--no-browser", *preheated]


def plain_notebook(folder: Path) -> None:
    """The plain alternative: one FigureWidget and a slider."""
    cells = [
        {"cell_type": "code", "execution_count": None, "id": str(i), "metadata": {}, "outputs": [], "source": source}
        for i, source in enumerate(_PLAIN)
    ]
    metadata = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}, "language_info": {"name": "python"}}
    (folder / "plain.ipynb").write_text(json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}))


def kernels_of(server: psutil.Process) -> list[psutil.Process]:
    """The kernels of a server, whether it has started them or a process of its own forks them."""
    children = server.children()
    forking = [child for child in children if "edgewb.dashboards.zygotes" in child.cmdline()]
    return [child for child in children if child not in forking] + [kernel for zygote in forking for kernel in zygote.children()]


def warm(server: psutil.Process, kernels: int | None) -> float:
    """Wait until so many kernels run (None: as many as the server wants) and have nothing more to do; the seconds until then."""
    begun = time.monotonic()
    while (now := time.monotonic()) < begun + 240:
        running = kernels_of(server)
        if running and len(running) >= (kernels or 0):
            before = sum(sum(process.cpu_times()[:2]) for process in running)
            time.sleep(1.5)
            still = kernels_of(server)
            if len(still) == len(running) and sum(sum(process.cpu_times()[:2]) for process in running) - before < 0.1:
                return now - begun
        else:
            time.sleep(0.1)
    raise SystemExit(f"{kernels} kernels were never ready")


def find_chromium() -> str | None:
    """Where Chromium is; where there is none that is said."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        print("dashboards          no Chromium on this machine")
    return program


def first_plot(page: Any, url: str, plot: str) -> float:
    """Seconds from asking for a page until its plot is seen on a screenshot."""
    start = time.perf_counter()
    page.goto(url, wait_until="commit")
    while time.perf_counter() - start < 60:
        box = page.evaluate(
            "(plot) => { const found = document.querySelector(plot); if (!found) return null; const box = found.getBoundingClientRect();"
            "return {x: box.x, y: Math.max(0, box.y), width: box.width, height: Math.min(box.height, innerHeight - box.y)}; }",
            plot,
        )
        if box and box["width"] > 50 and box["height"] > 50:
            taken = time.perf_counter()
            if vivid_pixels(page.screenshot(clip=box)) >= _VIVID_PIXELS:
                return taken - start  # what is on the picture was there when it was asked for
        page.wait_for_timeout(15)
    raise SystemExit(f"no plot was seen at {url}")


def until(page: Any, condition: str, start: float) -> float:
    """Seconds since ``start`` when a condition has come true."""
    while not page.evaluate(condition):
        if time.perf_counter() - start > 60:
            raise SystemExit(f"never came true: {condition}")
        page.wait_for_timeout(10)
    return time.perf_counter() - start


_SLIDE = """async ([slider, drawn, values]) => {
  const target = document.querySelector(drawn), input = document.querySelector(slider), times = [];
  for (const value of values) {
    const changed = new Promise((resolve) => {
      const observer = new MutationObserver(() => requestAnimationFrame(() => setTimeout(() => { observer.disconnect(); resolve(true); })));
      observer.observe(target, {childList: true, subtree: true, attributes: true, characterData: true});
      setTimeout(() => resolve(false), 3000);
    });
    const start = performance.now();
    input.value = value;
    input.dispatchEvent(new Event('input', {bubbles: true}));
    if (await changed) times.push(performance.now() - start);
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
  return times;
}"""


def visits(browser: Any, url: str, plot: str, ready: str, between: Callable[[], None]) -> tuple[list[float], list[float]]:
    """Seconds to the first plot seen and to a page that answers, visitor by visitor, each with a browser context of his own."""
    seen, answers = [], []
    for _ in range(ROUNDS):
        between()
        context = browser.new_context(viewport={"width": 1366, "height": 768})
        page = context.new_page()
        start = time.perf_counter()
        seen.append(first_plot(page, url, plot))
        answers.append(until(page, ready, start))
        context.close()
    return seen, answers


def spread(seconds: list[float]) -> str:
    """Median and range."""
    return f"{statistics.median(seconds):5.2f} s ({min(seconds):.2f} to {max(seconds):.2f})"


def sliding(browser: Any, origin: str) -> list[float]:
    """Milliseconds from a moved slider to the plot drawn anew."""
    page = browser.new_context(viewport={"width": 1366, "height": 768}).new_page()
    first_plot(page, f"{origin}/explorer", "[data-region=plot]")
    until(page, _CONNECTED, time.perf_counter())
    low, high = page.evaluate("(() => { const slider = document.querySelector('#budget'); return [+slider.min, +slider.max]; })()")
    values = [low + (high - low) * (i % 10 + 0.5) / 10 for i in range(30)]
    drawn = page.evaluate(_SLIDE, ["#budget", "[data-region=plot]", values])
    page.context.close()
    if len(drawn) < 10:
        raise SystemExit(f"the plot was drawn anew {len(drawn)} times for {len(values)} moves of the slider")
    return [float(value) for value in drawn]


def crowd(browser: Any, origin: str, server: psutil.Process) -> tuple[list[float], list[Any], list[str]]:
    """Twenty visitors at once, the browser on the same machine: seconds to the first plot, memory per kernel, what went wrong."""
    wrong: list[str] = []
    pages = []
    for _ in range(VISITORS):
        page = browser.new_context(viewport={"width": 1366, "height": 768}).new_page()
        page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("response", lambda answer: wrong.append(f"{answer.status} {answer.url}") if answer.status >= 400 else None)
        pages.append(page)
    # One process drives all pages, so each notes for itself when it was first painted with its plot, by its own clock.
    script = """() => { const seen = () => { const plot = document.querySelector('[data-region=plot] svg');
        if (!plot || plot.getBoundingClientRect().height <= 50) return;
        observer.disconnect();
        requestAnimationFrame(() => setTimeout(() => { window.seenAt = Date.now(); })); };
      const observer = new MutationObserver(seen);
      observer.observe(document, {childList: true, subtree: true}); }"""
    for page in pages:
        page.add_init_script(f"({script})()")
    start = time.time()
    for page in pages:
        page.evaluate("(url) => { setTimeout(() => { location.href = url; }); }", f"{origin}/explorer")
    times = []
    for page in pages:
        while True:
            with contextlib.suppress(Exception):  # between two documents
                if at := page.evaluate("window.seenAt ?? 0"):
                    times.append(at / 1000 - start)
                    break
            if time.time() - start > 120:
                raise SystemExit("a visitor never saw the plot")
            page.wait_for_timeout(200)
    for page in pages:
        until(page, _CONNECTED, time.perf_counter())
        if vivid_pixels(page.screenshot()) < _VIVID_PIXELS:
            wrong.append("a page without a plot")
    memory = [process.memory_full_info() for process in kernels_of(server)]
    for page in pages:
        page.context.close()
    return times, memory, wrong


def dashboards() -> None:
    """First plot, interactive, slider, cold and preheated, beside plain Voila; then twenty visitors at once."""
    from playwright.sync_api import sync_playwright

    if (program := find_chromium()) is None:
        return
    print(f"dashboards          load {os.getloadavg()[0]:.1f} before, {os.cpu_count()} cores; median (range) of {ROUNDS} visits")
    with tempfile.TemporaryDirectory() as home, tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        plain_notebook(Path(folder))
        browser = playwright.chromium.launch(executable_path=program, args=CHROMIUM)
        plain_ready = "document.querySelector('.js-plotly-plot .point') !== null"
        for name, pool, bars in (("cold", 0, (2.5, None)), ("preheated", 1, (0.5, 3.0))):
            with serving(ours(pool), home, "") as (origin, server):

                def wait(server: psutil.Process = server, pool: int = pool) -> None:
                    time.sleep(1.0)
                    if pool:
                        warm(server, 3 * pool)

                first, answers = visits(browser, f"{origin}/explorer", "[data-region=plot]", _CONNECTED, wait)
                print(f"explorer, {name:<10}first plot {spread(first)}   bar {bars[0]} s;   interactive {spread(answers)}"
                      + (f"   bar {bars[1]} s" if bars[1] else ""))  # fmt: skip
                if pool:
                    moves = sliding(browser, origin)
                    print(f"slider to redrawn   {statistics.median(moves):.0f} ms median of {len(moves)}, 90th percentile "
                          f"{statistics.quantiles(moves, n=10)[-1]:.0f}   bar 60 ms")  # fmt: skip
            with serving(plain(Path(folder), pool), home, "") as (origin, server):

                def wait_plain(server: psutil.Process = server, pool: int = pool) -> None:
                    time.sleep(1.0)
                    if pool:
                        warm(server, 1)

                first, answers = visits(browser, f"{origin}/voila/render/plain.ipynb", ".js-plotly-plot", plain_ready, wait_plain)
                print(f"plain Voila, {name:<10} one FigureWidget: first plot {spread(first)}")
        for pool in (1, VISITORS):
            with serving(ours(pool), home, "") as (origin, server):
                warm(server, 3 * pool)
                times, memory, wrong = crowd(browser, origin, server)
                private, shared = ([getattr(kernel, kind) / 1e6 for kernel in memory] for kind in ("uss", "pss"))
                print(
                    f"{VISITORS} visitors at once, pool of {pool}: first plot {spread(times)}   bar 10 s in the median;   "
                    f"{len(wrong)} errors{': ' + '; '.join(sorted(set(wrong))[:3]) if wrong else ''}   bar 0;   memory per kernel "
                    f"{statistics.median(shared):.0f} MB (shared pages divided among those who share them), at most {max(shared):.0f} of "
                    f"{len(memory)}   bar 80 MB;   private {statistics.median(private):.0f} MB"
                )
        browser.close()
    print(f"                    load {os.getloadavg()[0]:.1f} after")
