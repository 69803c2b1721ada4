"""The inspector's reports: one file each, nothing from outside, nothing a name could smuggle in."""

from __future__ import annotations

import json
import re
from pathlib import Path

import builders
import pytest

import edgewb
from edgewb.compilers.budgets import budget
from edgewb.compilers.inspections import inspect_bytes
from edgewb.compilers.placement import place
from edgewb.compilers.stand_in_files import compiled_file
from edgewb.tflite.reader import read_graph
from edgewb.views.inspection_reports import report_html, report_json
from edgewb.views.widgets import Inspector

NASTY = "</style><script>alert(1)</script>"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "net.tflite"
    path.write_bytes(builders.leaky_branches_net())
    return path


def test_json_holds_what_the_verbs_answer(model):
    inspection, estimate = edgewb.inspect(model), edgewb.estimate(model)
    told = json.loads(report_json(inspection, [estimate]))
    assert told["inspection"] == inspection.to_dict()
    assert told["estimates"] == [estimate.to_dict()]
    assert told["explanation"] is None
    assert told["edgewb"] == edgewb.__version__


def test_the_page_says_what_the_verbs_say_and_asks_nobody(model):
    inspection, estimate = edgewb.inspect(model), edgewb.estimate(model)
    page = report_html(inspection, [estimate], edgewb.explain("Edge TPU Compiler version 16.0.384591198\nModel not quantized\n"))
    for words in ("2 of 6 on the Edge TPU", "LEAKY_RELU", "desktop, usb3, max clock", "Model not quantized", "nothing was measured"):
        assert words in page
    assert not re.search(r"<script|<link rel=.stylesheet|src=|https?://", page)
    assert "default-src 'none'" in page


def test_names_are_escaped():
    b = builders.Builder()
    source = b.tensor(NASTY, (1, 4, 4, 4))
    result = b.tensor(NASTY, (1, 4, 4, 4))
    b.op(NASTY, [source], [result])
    page = report_html(inspect_bytes(b.build([source], [result]), NASTY))
    assert "<script" not in page
    assert page.count("</style>") == 1
    assert "&lt;script&gt;" in page


def test_a_stand_ins_file_carries_the_word():
    content = builders.int8_conv_net()
    graph = read_graph(content)
    placements = place(graph)
    simulated = compiled_file(content, graph, placements, budget(graph, placements), 14)
    assert "SIMULATED" in report_html(inspect_bytes(simulated, "net_edgetpu.tflite"))
    assert "SIMULATED" not in report_html(inspect_bytes(content, "net.tflite"))
    widget = Inspector(simulated)
    assert "SIMULATED" in widget.markup
    assert "From a stand-in of the compiler: nothing in it is compiled" in widget.markup
