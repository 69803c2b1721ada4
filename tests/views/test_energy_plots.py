"""Energy of one inference: estimates as estimates, a measurement as one."""

from __future__ import annotations

import json
import shlex
import sys

import pytest

import edgewb
from edgewb.bundles import bundled_model
from edgewb.powers import EnergyPlan
from edgewb.types import Basis
from edgewb.views.energy_plots import energies_info, plot_energies
from edgewb.views.host_plots import PLACES

MODEL = bundled_model("digits_cnn_int8").path
METER = f"{shlex.quote(sys.executable)} -uc 'import time, random\nwhile True:\n print(2 + random.random() / 10); time.sleep(0.02)'"


def test_each_place_has_the_interval_of_its_estimate() -> None:
    info = energies_info(MODEL)
    assert len(info.rows) == len(PLACES)
    for row, (host, bus, clock) in zip(info.rows, PLACES, strict=True):
        expected = edgewb.estimate(MODEL, host, bus, clock).energy_mj
        assert expected is not None
        assert (row.basis, row.low_mj, row.high_mj) == (Basis.ESTIMATED, expected.low, expected.high)
    assert info.missing == "nothing was measured"


def test_the_figure_says_unit_and_basis() -> None:
    figure = json.loads(plot_energies("mobilenet_v2_1.0_224").to_json())
    assert "mJ per inference" in figure["layout"]["xaxis"]["title"]["text"]
    assert "(estimated;" in figure["layout"]["xaxis"]["title"]["text"]
    assert [trace["name"] for trace in figure["data"]] == ["estimated for an Edge TPU, above idling"]
    assert all("mJ" in text for text in figure["data"][0]["text"])


def test_a_measurement_is_a_row_of_its_own() -> None:
    measured = edgewb.measure(MODEL, runs=100_000, seconds=1, energy=EnergyPlan(meter=METER, idle_seconds=0.2))
    assert measured.energy is not None, measured.energy_missing
    info = energies_info(MODEL, measured)
    assert info.missing is None
    assert (info.rows[-1].basis, info.rows[-1].mid_mj) == (Basis.MEASURED, measured.energy.total_mj)
    assert info.rows[-1].low_mj <= measured.energy.total_mj <= info.rows[-1].high_mj
    assert plot_energies(MODEL, measured).data[1].name == "measured here"


def test_a_net_without_an_estimate() -> None:
    assert energies_info(bundled_model("elu_branch").path).rows == ()
    assert "no estimate" in plot_energies(bundled_model("elu_branch").path).layout.annotations[0].text


def test_an_unreadable_file(tmp_path) -> None:
    with pytest.raises(edgewb.errors.ModelFileError):
        energies_info(tmp_path / "absent.tflite")
