"""What the study wrote is what it would write, and names its sources."""

import json
from pathlib import Path

import pytest

from edgewb.estimates import layers, works
from edgewb.estimates.forms import NAMES
from edgewb.estimates.hosts import FILE, stored
from edgewb.estimates.published import load_instructions
from edgewb.estimates.refits import fingerprint, fit_cycles, fit_instructions

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "data" / "latency"


def test_what_is_stored_is_what_the_fit_gives(constants) -> None:
    kept = stored()["hosts"]["desktop"]["buses"]["usb3"]["constants"]
    for name in NAMES:
        assert kept[name]["value"] == pytest.approx(constants[name], rel=2e-3)


def test_what_the_study_wrote_is_not_stale() -> None:
    made_from = fingerprint(FOLDER)
    assert made_from in FILE.read_text(encoding="utf-8"), "run `make study`"
    assert made_from in (ROOT / "ESTIMATES.md").read_text(encoding="utf-8"), "run `make study`"


def test_guesses_of_a_package_are_what_was_fitted() -> None:
    rows = load_instructions(FOLDER)
    assert pytest.approx(fit_instructions(rows)[0], rel=1e-3) == layers.INSTRUCTION_BYTES
    powers, spread, _ = fit_cycles(rows)
    assert pytest.approx(powers, abs=1e-3) == works.CYCLES_GUESS
    assert pytest.approx(spread, rel=5e-3) == works.CYCLES_SPREAD


def test_every_row_and_constant_has_a_source() -> None:
    for row in json.loads((FOLDER / "latencies.json").read_text())["rows"]:
        assert row["source"]
    for model in json.loads((FOLDER / "models.json").read_text())["models"].values():
        assert model["source"]
    for host in stored()["hosts"].values():
        assert host["cpu_factor"]["source"]
        for bus in host["buses"].values():
            assert all(bus["constants"][name]["source"] and bus["constants"][name]["value"] > 0 for name in NAMES)
