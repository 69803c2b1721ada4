import json

import pytest

from edgewb.errors import InputError
from edgewb.robustness import ShiftedAccuracy
from edgewb.types import Accuracy
from edgewb.views.field_plots import plot_shifts


def _row(recipe, shift, correct):
    share = correct / 100
    return ShiftedAccuracy(
        recipe=recipe, shift=shift, delta=None,
        accuracy=Accuracy(value=share, n=100, ci95=(share - 0.05, share + 0.04), correct=correct, target="cpu"),
    )  # fmt: skip


def test_dots_and_intervals_are_the_rows():
    rows = [_row("float32", "none", 95), _row("int8", "none", 94), _row("float32", "noise3", 60), _row("int8", "noise3", 61)]
    figure = json.loads(plot_shifts(rows).to_json())
    by_name = {trace["name"]: trace for trace in figure["data"]}
    assert by_name["int8"]["x"] == [pytest.approx(94), pytest.approx(61)]
    assert by_name["int8"]["error_x"]["arrayminus"] == [pytest.approx(5), pytest.approx(5)]
    assert by_name["int8"]["customdata"] == ["none", "noise3"]
    assert [round(value) for value in by_name["float32"]["y"]] == [0, 1]
    assert figure["layout"]["yaxis"]["ticktext"] == ["as they are", "noise3"]
    title = figure["layout"]["xaxis"]["title"]["text"]
    assert "measured" in title
    assert "n = 100" in title


def test_no_rows():
    with pytest.raises(InputError, match="no rows"):
        plot_shifts([])
