"""Where the compiler really put each op, and how that differs from what was predicted."""

from __future__ import annotations

import json
from pathlib import Path

import builders

from edgewb.compilers.differences import actual_placement, differences, report, structure
from edgewb.compilers.placement import place
from edgewb.tflite.reader import read_graph
from edgewb.types import Basis, Placement


def chain(names: list[str], mapped: range = range(0)) -> bytes:
    """x -> RELU -> ... -> y; the ops in ``mapped`` are replaced by one Edge TPU op."""
    b = builders.Builder()
    tensors = [b.tensor("x", (1, 4, 4, 8)), *(b.tensor(name, (1, 4, 4, 8)) for name in names)]
    for i in range(len(names)):
        if i not in mapped:
            b.op("RELU", [tensors[i]], [tensors[i + 1]])
        elif i == mapped.start:
            b.op("edgetpu-custom-op", [tensors[i]], [tensors[mapped.stop]], custom=b"")
    return b.build([tensors[0]], [tensors[-1]])


def test_ops_are_found_by_the_names_of_their_tensors():
    names = ["a", "b", "c", "d"]
    source, compiled = read_graph(chain(names)), read_graph(chain(names, range(1, 3)))
    assert [p.value for p in actual_placement(source, compiled)] == ["cpu", "edgetpu", "edgetpu", "cpu"]


def test_where_names_are_lost_shapes_decide_or_nothing_does():
    source = read_graph(chain(["a", "b", "c"]))
    renamed = read_graph(chain(["p", "q", "r"], range(2)))
    # One RELU is left of three of the same shape: which one is not known.
    assert {p.value for p in actual_placement(source, renamed)} == {"unknown"}
    everything = read_graph(chain(["p", "q", "r"]))
    assert {p.value for p in actual_placement(source, everything)} == {"cpu"}


def test_only_known_sides_differ():
    source = read_graph(chain(["a", "b", "c"]))
    predicted = place(source)
    assert [p.placement for p in predicted] == [Placement.EDGETPU] * 3
    missed = differences(predicted, (Placement.EDGETPU, Placement.CPU, Placement.UNKNOWN))
    assert [(m.index, m.predicted.value, m.actual.value) for m in missed] == [(1, "edgetpu", "cpu")]


def test_the_report_holds_no_names_and_no_weights(tflite_bytes):
    source = read_graph(tflite_bytes("int8_conv"))
    predicted = place(source)
    text = json.dumps(report(source, predicted, [Placement.CPU] * len(predicted), "16.0.384591198", Basis.COMPILED, []))
    for tensor in source.tensors:
        assert json.dumps(tensor.name) not in text
    facts = json.loads(text)
    assert facts["basis"] == "compiled"
    assert len(facts["structure"]["ops"]) == len(facts["predicted"]) == len(facts["actual"])
    assert structure(source)["ops"][0]["options"]["padding"] in ("SAME", "VALID")


def test_real_compiled_files(shared: Path):
    """Every op of the public pairs with a compiled file, against an independent comparison."""
    files = ops = 0
    for record in json.loads((shared / "oracle" / "oracle.json").read_text()):
        folder = shared / "oracle" / "models" / record["id"]
        if not (folder / "compiled_edgetpu.tflite").is_file():
            continue
        found = actual_placement(read_graph(folder / "source.tflite"), read_graph(folder / "compiled_edgetpu.tflite"))
        assert [p is Placement.EDGETPU for p in found] == [op["mapped"] for op in record["ops"]], record["id"]
        files, ops = files + 1, ops + len(found)
    assert files > 40
    assert ops > 900
