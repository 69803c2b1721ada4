"""The published rows of the desktop, and the constants fitted to them."""

from pathlib import Path

import pytest

from edgewb.estimates.forms import fit
from edgewb.estimates.hosts import form
from edgewb.estimates.priors import PHYSICAL
from edgewb.estimates.published import load_rows

FOLDER = Path(__file__).parents[2] / "data" / "latency"


@pytest.fixture(scope="module")
def desktop():
    return load_rows("desktop", FOLDER)


@pytest.fixture(scope="module")
def constants(desktop):
    return fit(desktop.table, desktop.ms, form(), PHYSICAL)
