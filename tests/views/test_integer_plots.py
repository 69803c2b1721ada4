import json

import pytest

from edgewb.errors import InputError
from edgewb.lessons.systolic_arrays import run_array
from edgewb.views.integer_plots import (
    energy_info,
    plot_energies,
    plot_rounding,
    plot_utilisation,
    rounding_info,
    utilisation_info,
)


def test_errors_stay_within_half_a_step_inside_and_grow_outside():
    info = rounding_info(-1, 4)
    assert (info.zero_point, info.low, info.high) == (-77, pytest.approx(-1), pytest.approx(4))
    inside = [abs(error) for value, error in info.whole if -1 <= value <= 4]
    outside = [abs(error) for value, error in info.whole if value > 4.1]
    assert max(inside) <= info.scale / 2 * 1.001 < min(outside)
    assert (0.0, 0.0) in [(round(x, 12), y) for x, y in info.near]
    with pytest.raises(InputError):
        rounding_info(1, 0)


def test_utilisation_is_that_of_the_array_itself():
    curve = utilisation_info((3,))[0]
    for rows, percent in list(zip(curve.rows, curve.percent, strict=True))[:6]:
        assert percent == pytest.approx(100 * run_array([[1] * 3] * rows, [[1] * 3] * 3).utilisation)


def test_figures_show_their_data_with_basis_and_units():
    energies = json.loads(plot_energies().to_json())
    shown = {y: x for trace in energies["data"] for x, y in zip(trace["x"], trace["y"], strict=True)}
    assert shown == {cost.operation: cost.picojoules for cost in energy_info()}
    assert "published" in energies["layout"]["xaxis"]["title"]["text"]
    assert len(plot_utilisation().data) == 3
    rounding = json.loads(plot_rounding(-1, 4).to_json())["layout"]
    assert {rounding[axis]["title"]["text"] for axis in ("yaxis", "yaxis2")} == {"restored value", "error (value)"}
    assert "−77" in rounding["title"]["text"]
