"""The bars, on the published rows in data/: everything is left out before it is estimated. Errors are mean absolute percentage errors."""

from pathlib import Path

import numpy as np
import pytest

from edgewb.estimates.cross_validations import errors, errors_from_three, leave_out, nested_coverage
from edgewb.estimates.hosts import form, stored
from edgewb.estimates.priors import PHYSICAL, prior_of_sweeps
from edgewb.estimates.published import load_rows, load_sweeps

FOLDER = Path(__file__).parents[2] / "data" / "latency"


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
    assert errors_from_three(load_rows("pi4", FOLDER), constants, form()).mean() <= 0.15
