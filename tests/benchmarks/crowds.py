"""What pages kept ready cost and bring: twenty visitors in the same second, pool by pool in turns, in one run."""

from __future__ import annotations

import os
import statistics
import tempfile
import time

import psutil

from tests.benchmarks.dashboards import CHROMIUM, VISITORS, crowd, find_chromium, kernels_of, ours, serving, spread, warm

POOLS = ("1", "4", "7", "20", "auto")
_IDLE_SECONDS = 10.0


def tree_of(server: psutil.Process) -> list[psutil.Process]:
    """A server, what it forks kernels of, and these."""
    return [server, *server.children(recursive=True)]


def cpu_seconds(processes: list[psutil.Process]) -> float:
    """What they have taken of the processors so far."""
    return float(sum(sum(process.cpu_times()[:2]) for process in processes))


def crowds() -> None:
    """Each pool of ``EDGEWB_POOLS`` (default: 1, 4, 7, 20 and auto), as often as ``EDGEWB_ROUNDS`` says (1), the pools taking turns."""
    from playwright.sync_api import sync_playwright

    if (program := find_chromium()) is None:
        return
    pools = os.environ.get("EDGEWB_POOLS", ",".join(POOLS)).split(",")
    rounds = int(os.environ.get("EDGEWB_ROUNDS", "1"))
    seen: dict[str, list[float]] = {pool: [] for pool in pools}
    print(f"crowds              load {os.getloadavg()[0]:.1f} before, {os.cpu_count()} cores; {VISITORS} visitors in the same second")
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=CHROMIUM)
        for _ in range(rounds):
            for pool in pools:
                begun = time.perf_counter()
                with serving(ours(pool), home, "") as (origin, server):
                    answered = time.perf_counter() - begun
                    full = warm(server, None if pool == "auto" else 3 * int(pool))
                    processes = tree_of(server)
                    before = cpu_seconds(processes)
                    time.sleep(_IDLE_SECONDS)
                    idle = (cpu_seconds(processes) - before) / _IDLE_SECONDS
                    memory = sum(process.memory_full_info().pss for process in processes) / 1e6
                    ready = len(kernels_of(server))
                    times, _, wrong = crowd(browser, origin, server)
                    seen[pool] += times
                    print(
                        f"pool {pool:<5} answers after {answered:.1f} s, full ({ready} pages) {full:.1f} s later; "
                        f"memory of all {memory:.0f} MB; "
                        f"idle {100 * idle:.2f} % of a core; first plot {spread(times)}; {len(wrong)} errors"
                        f"{': ' + '; '.join(sorted(set(wrong))[:3]) if wrong else ''}",
                        flush=True,
                    )
        browser.close()
    for pool, times in seen.items():
        print(f"pool {pool:<5} first plot {statistics.median(times):.2f} s in the median of {len(times)}   bar 10 s")
    print(f"                    load {os.getloadavg()[0]:.1f} after")
