"""The picture of an inspection."""

from __future__ import annotations

import json

import pytest

import edgewb
from edgewb.bundles import bundled_model
from edgewb.errors import InputError
from edgewb.types import Placement
from edgewb.views.op_plots import ops_info, plot_ops


def test_every_op_is_a_row_with_its_place() -> None:
    inspection = edgewb.inspect(bundled_model("elu_branch").path)
    info = ops_info(inspection)
    assert [row.label for row in info.rows][3:5] == ["3 DEQUANTIZE", "4 ELU"]
    assert sum(row.placement is Placement.EDGETPU for row in info.rows) == inspection.ops_edgetpu
    assert sum(row.macs for row in info.rows) == inspection.macs_total
    assert [row.label for row in info.rows if row.first_blocker] == ["4 ELU"]
    assert info.basis == "predicted"


def test_the_figure_says_what_is_what() -> None:
    figure = json.loads(plot_ops(edgewb.inspect(bundled_model("elu_branch").path)).to_json())
    assert {trace["name"] for trace in figure["data"]} == {"Edge TPU: 3 ops", "CPU: 10 ops"}
    assert "first blocker" in figure["layout"]["title"]["text"]
    assert "predicted" in figure["layout"]["xaxis"]["title"]["text"]
    on_cpu = next(trace for trace in figure["data"] if trace["name"].startswith("CPU"))
    assert "<b>▶ 4 ELU</b>" in on_cpu["y"]
    assert on_cpu["marker"]["pattern"]["shape"] == "/", "told apart without colour"
    assert on_cpu["text"][on_cpu["y"].index("11 FULLY_CONNECTED")] == "CPU", "too short a bar to show its colour"


def test_nothing_to_mark_where_all_maps() -> None:
    figure = json.loads(plot_ops(edgewb.inspect(bundled_model("digits_cnn_int8").path)).to_json())
    assert [trace["name"] for trace in figure["data"]] == ["Edge TPU: 14 ops"]
    assert "blocker" not in figure["layout"]["title"]["text"]


def test_a_compiled_file_has_no_ops_left() -> None:
    import dataclasses

    inspection = dataclasses.replace(edgewb.inspect(bundled_model("digits_cnn_int8").path), kind="compiled")
    with pytest.raises(InputError, match=r"inspect the \.tflite it was compiled from"):
        ops_info(inspection)
