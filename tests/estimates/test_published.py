"""The rows behind the estimates."""

import hashlib
import json
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "data" / "latency"


def test_the_desktop_rows_are_41_and_none_is_dropped(desktop) -> None:
    assert len(desktop.ms) == 41
    assert int(desktop.accepted.sum()) == 31


def test_the_sums_in_the_readme_are_those_of_the_files() -> None:
    text = (ROOT / "data" / "README.md").read_text(encoding="utf-8")
    for file in FOLDER.glob("*.json"):
        assert hashlib.sha256(file.read_bytes()).hexdigest() in text, file.name


def test_the_pairs_behind_the_std_clock_and_the_first_inference() -> None:
    from edgewb.estimates.estimations import FIRST_MS, FIRST_SPREAD
    from edgewb.estimates.hosts import STD_BUS, find_profile

    pairs = json.loads((FOLDER / "pairs.json").read_text(encoding="utf-8"))
    ratios = [slow / fast for _, _, slow, fast, _ in pairs["clocks"]["rows"]]
    assert min(ratios) < STD_BUS < np.mean(ratios)
    inside = []
    for _, bus, megabytes, first, later, _ in pairs["first"]["rows"]:
        extra = FIRST_MS + 1000 * megabytes / find_profile("pi3" if bus == "usb2" else "desktop", bus).constants["stream_mb_s"]
        inside.append(FIRST_SPREAD[0] <= (first - later) / extra <= FIRST_SPREAD[1])
    assert sum(inside) == len(inside) - 1
