"""Which record speaks of a compiled file: by its source's parameters, as ``inspect --against`` finds them."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from types import SimpleNamespace

import device_writer
import pytest

from edgewb.bundles import bundled_studies
from edgewb.errors import InputError
from edgewb.lessons.checklists import fill_checklist
from edgewb.tflite.reader import read_graph

RAW = device_writer.net()


@pytest.fixture
def files(tmp_path):
    """A source, what the compiler makes of it, and a net of the same shape with other weights."""
    graph = read_graph(RAW)
    ops = [device_writer.write_op(graph, op) for op in graph.ops if op.name in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")]
    contents = {"net.tflite": RAW, "other.tflite": device_writer.net(seed=5), "net_edgetpu.tflite": device_writer.compiled(RAW, ops)}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


def _study(path):
    """The bundled one, whose int8 record is of this file."""
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return SimpleNamespace(
        records=tuple(
            dataclasses.replace(r, file=str(path), sha256=sha256) if r.recipe == "ptq_int8" else r for r in bundled_studies()[0].records
        ),
        budget_points=1.0,
    )


def test_a_compiled_file_is_found_through_its_source(files) -> None:
    before = fill_checklist(files / "net.tflite", _study(files / "net.tflite"))
    after = fill_checklist(files / "net_edgetpu.tflite", _study(files / "net.tflite"))
    assert after.open_points == before.open_points == (6, 7, 8)
    assert "ptq_int8; compiled from net.tflite, 4 of whose" in after.study
    assert after.sha256 != before.sha256


def test_a_net_of_other_weights_is_not_taken_for_the_source(files) -> None:
    found = fill_checklist(files / "net_edgetpu.tflite", _study(files / "other.tflite"))
    assert {1, 3, 4, 5} <= set(found.open_points)
    assert "none of its models was shown to be in it" in found.study


def test_a_source_that_is_named(files) -> None:
    study = _study(files / "net.tflite")
    moved = SimpleNamespace(records=tuple(dataclasses.replace(r, file="gone.tflite") for r in study.records), budget_points=1.0)
    assert 3 in fill_checklist(files / "net_edgetpu.tflite", moved).open_points
    assert fill_checklist(files / "net_edgetpu.tflite", moved, source=files / "net.tflite").open_points == (6, 7, 8)
    with pytest.raises(InputError, match=r"net_edgetpu.tflite was not made from other.tflite"):
        fill_checklist(files / "net_edgetpu.tflite", study, source=files / "other.tflite")
    with pytest.raises(InputError, match=r"net.tflite is not compiled, so it has no source"):
        fill_checklist(files / "net.tflite", study, source=files / "other.tflite")


def test_a_file_that_was_replaced_is_not_compared(files) -> None:
    study = _study(files / "net.tflite")
    (files / "net.tflite").write_bytes((files / "other.tflite").read_bytes())
    assert 3 in fill_checklist(files / "net_edgetpu.tflite", study).open_points


def test_the_command_finds_what_was_recorded(files, capsys) -> None:
    from edgewb.cli import main
    from edgewb.records import RecordStore

    assert main(["checklist", str(files / "net_edgetpu.tflite"), "--budget", "1"]) == 1
    assert "no study was given" in capsys.readouterr().out
    with RecordStore() as store:
        for record in _study(files / "net.tflite").records:
            store.add(record)
    for words in ([], ["--source", str(files / "net.tflite")]):
        assert main(["checklist", str(files / "net_edgetpu.tflite"), "--budget", "1", "--json", *words]) == 1
        filled = json.loads(capsys.readouterr().out)
        assert [point["number"] for point in filled["points"] if point["state"] == "open"] == [6, 7, 8]
    assert main(["checklist", str(files / "net.tflite"), "--budget", "1"]) == 1
    assert "ptq_int8: +0.0 points" in capsys.readouterr().out
