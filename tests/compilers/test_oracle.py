"""Placement against what Google's compiler really did. The rules were fitted on these very files: agreement is no proof of generality."""

import json

import pytest

from edgewb.compilers.inspections import inspect
from edgewb.compilers.placement import place
from edgewb.tflite.reader import read_graph
from edgewb.types import Placement


@pytest.fixture(scope="module")
def records(shared):
    return json.loads((shared / "oracle" / "oracle.json").read_text())


def test_every_op_is_placed_as_the_compiler_placed_it(shared, records):
    wrong, ops = [], 0
    for record in records:
        graph = read_graph(shared / "oracle" / "models" / record["id"] / "source.tflite")
        placements = place(graph, record["compiler_gen_inferred"])
        assert [(p.op, p.version) for p in placements] == [(op["op"], op["version"]) for op in record["ops"]]
        for predicted, truth in zip(placements, record["ops"], strict=True):
            ops += 1
            if predicted.placement is not (Placement.EDGETPU if truth["mapped"] else Placement.CPU):
                wrong.append((record["id"], predicted))
    assert (len(records), ops) == (79, 2341)
    assert wrong == []


def test_compiled_files_list_what_the_compiler_left(shared, records):
    seen = 0
    for record in records:
        path = shared / "oracle" / "models" / record["id"] / "compiled_edgetpu.tflite"
        if not path.is_file():
            continue
        seen += 1
        inspection = inspect(path)
        assert (inspection.kind, inspection.subgraphs) == ("compiled", record["n_edgetpu_custom_ops"])
        left = [op.op for op in inspection.ops if op.placement is Placement.CPU]
        assert sorted(left) == sorted(op["op"] for op in record["ops"] if not op["mapped"])
    assert seen > 40
