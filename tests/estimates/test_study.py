"""The bars, on the published rows in data/: everything is left out before it is estimated. Errors are mean absolute percentage errors."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from edgewb.estimates import layers
from edgewb.estimates.coverages import held_out_coverage, quantiles
from edgewb.estimates.forms import FORMS, NAMES, Table, fit
from edgewb.estimates.hosts import FILE, form, stored
from edgewb.estimates.published import load_instructions, load_rows, load_sweeps
from edgewb.estimates.refits import (
    PHYSICAL,
    _from_three,
    errors,
    fingerprint,
    fit_cycles,
    fit_instructions,
    leave_out,
    nested_coverage,
    prior_of_sweeps,
)

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "data" / "latency"


@pytest.fixture(scope="module")
def desktop():
    return load_rows("desktop", FOLDER)


@pytest.fixture(scope="module")
def constants(desktop):
    return fit(desktop.table, desktop.ms, form(), PHYSICAL)


def test_the_desktop_rows_are_41_and_none_is_dropped(desktop) -> None:
    assert len(desktop.ms) == 41
    assert int(desktop.accepted.sum()) == 31


def test_models_left_out(desktop) -> None:
    off = errors(leave_out(desktop, desktop.models, form(), PHYSICAL), desktop.ms)
    assert off.mean() <= 0.22
    assert off[desktop.accepted].mean() <= 0.16
    assert np.median(off[desktop.accepted]) <= 0.12


def test_families_left_out(desktop) -> None:
    off = errors(leave_out(desktop, desktop.families, form(), PHYSICAL), desktop.ms)
    assert off[desktop.accepted].mean() <= 0.20


def test_intervals_hold_as_often_as_they_should_on_folds_left_out(desktop) -> None:
    assert 0.75 <= nested_coverage(desktop, desktop.models, form(), PHYSICAL) <= 0.90
    assert 0.75 <= nested_coverage(desktop, desktop.families, form(), PHYSICAL) <= 0.90
    for name, interval in stored()["intervals"].items():
        if name != "doubtful":  # five rows: too few to say
            assert 0.75 <= interval["held_out"] <= 0.90, name


@pytest.fixture(scope="module")
def swept(desktop, constants):
    sweeps = load_sweeps(FOLDER)
    return sweeps, leave_out(sweeps, sweeps.models, form(), prior_of_sweeps(constants))


def test_synthetic_nets_with_their_width_left_out(swept) -> None:
    sweeps, estimated = swept
    assert errors(estimated, sweeps.ms)[sweeps.ms >= 3].mean() <= 0.12


@pytest.mark.parametrize(("below", "above"), [(442, 452), (512, 520), (632, 642), (712, 722)])
def test_the_steps_where_weights_no_longer_fit(below: int, above: int, swept) -> None:
    sweeps, estimated = swept

    def deepest(width: int) -> tuple[float, float]:
        return max((m, e) for name, m, e in zip(sweeps.models, sweeps.ms, estimated, strict=True) if name == f"CONV {width}")

    (before, guess_before), (after, guess_after) = deepest(below), deepest(above)
    assert after / before > 1.3
    assert guess_after / guess_before == pytest.approx(after / before, rel=0.1)
    assert guess_after == pytest.approx(after, rel=0.1)


def test_a_pi_4_from_three_nets(constants) -> None:
    """Every choice of three of the seven measured ones, starting from the desktop; the Pi's own profile has no part in it."""
    assert _from_three(load_rows("pi4", FOLDER), constants, form()).mean() <= 0.15


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
    assert pytest.approx(powers, abs=1e-3) == layers.CYCLES_GUESS
    assert pytest.approx(spread, rel=5e-3) == layers.CYCLES_SPREAD


def test_every_row_and_constant_has_a_source() -> None:
    for row in json.loads((FOLDER / "latencies.json").read_text())["rows"]:
        assert row["source"]
    for model in json.loads((FOLDER / "models.json").read_text())["models"].values():
        assert model["source"]
    for host in stored()["hosts"].values():
        assert host["cpu_factor"]["source"]
        for bus in host["buses"].values():
            assert all(bus["constants"][name]["source"] and bus["constants"][name]["value"] > 0 for name in NAMES)


def test_the_sums_in_the_readme_are_those_of_the_files() -> None:
    text = (ROOT / "data" / "README.md").read_text(encoding="utf-8")
    for file in FOLDER.glob("*.json"):
        assert hashlib.sha256(file.read_bytes()).hexdigest() in text, file.name


def test_slopes_are_those_of_the_times(desktop, constants) -> None:
    table = desktop.table
    for tried in FORMS:
        known = {**constants, **dict.fromkeys(tried.zero, 0.0)}
        slopes = table.slopes(known, tried)
        for place, name in enumerate(NAMES):
            up, down = ({**known, name: known[name] * np.exp(sign * 1e-5)} for sign in (1, -1))
            measured = (table.times(up, tried) - table.times(down, tried)) / 2e-5
            assert slopes[:, place] == pytest.approx(measured, rel=1e-3, abs=1e-6), (tried.name, name)


def test_a_fit_finds_the_constants_that_made_the_times(desktop) -> None:
    truth = {name: value * 1.1 for name, (value, _) in PHYSICAL.items()}
    times = desktop.table.times(truth, FORMS[4])
    found = fit(desktop.table, times, FORMS[4], {name: (value, 10.0) for name, (value, _) in PHYSICAL.items()})
    for name in NAMES:
        assert found[name] == pytest.approx(truth[name], rel=0.05), name


def test_chosen_works_are_a_table_of_their_own(desktop) -> None:
    known = {name: value for name, (value, _) in PHYSICAL.items()}
    some = [3, 17, 5]
    assert desktop.table.chosen(some).times(known, form()) == pytest.approx(Table([desktop.works[i] for i in some]).times(known, form()))


def test_quantiles_hold_what_they_say() -> None:
    residuals = np.linspace(-1, 1, 99)
    low, high = quantiles(residuals)
    assert np.mean((np.exp(residuals) >= low) & (np.exp(residuals) <= high)) == pytest.approx(0.8, abs=0.03)
    draws = np.random.default_rng(0).normal(0, 0.2, 400)
    assert held_out_coverage(draws, [str(i) for i in range(400)]) == pytest.approx(0.8, abs=0.04)
    assert quantiles([0.5]) == (1.0, pytest.approx(np.exp(0.5)))


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
