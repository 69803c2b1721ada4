"""The model of a latency: its slopes, its fit."""

import numpy as np
import pytest

from edgewb.estimates.forms import FORMS, NAMES, Table, fit
from edgewb.estimates.hosts import form
from edgewb.estimates.priors import PHYSICAL


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
