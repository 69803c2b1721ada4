"""The checklist with what ``edgewb measure --json`` really wrote here, of a kilobyte model on this processor."""

from __future__ import annotations

import json
import shlex
import sys

import pytest

from edgewb.cli import main
from edgewb.errors import InputError
from edgewb.lessons.checklist_measurements import read_measurements
from edgewb.lessons.checklist_points import ANSWERED, OPEN
from edgewb.lessons.checklists import fill_checklist

METER = f"{shlex.quote(sys.executable)} -uc 'import time, random\nwhile True:\n print(2 + random.random() / 10); time.sleep(0.02)'"


@pytest.fixture
def measure(tmp_path, tflite_file, capsys):
    """Measures as one would type it; gives the model and the file that holds what was printed."""

    def run(*words: str, name: str = "m.json", status: int = 0):
        model = tflite_file("int8_conv")
        assert main(["measure", str(model), "--json", *words]) == status
        path = tmp_path / name
        path.write_text(capsys.readouterr().out, encoding="utf-8")
        return model, path

    return run


def test_time_and_memory_close_on_the_hardware_of_the_field(measure) -> None:
    model, path = measure("--runs", "30")
    printed = json.loads(path.read_text(encoding="utf-8"))
    assert {6, 7, 8} <= set(fill_checklist(model, field="cpu").open_points)
    found = fill_checklist(model, measured=[path], field="cpu")
    assert {7, 8} <= set(found.open_points)
    assert found.points[5].state == ANSWERED
    assert f"median {printed['latency_ms']['p50']:.3g} ms" in found.points[5].answer
    assert "(measured, n = 30; " in found.points[5].answer
    assert printed["environment"]["cpu"] in found.points[5].answer
    assert all(note in found.points[5].answer for note in printed["conditions"]["notes"])
    assert found.beyond[1].state == (ANSWERED if printed["memory"]["process_peak_bytes"] else OPEN)


def test_a_developers_processor_is_not_the_edge_tpu_of_the_field(measure) -> None:
    model, path = measure("--runs", "20")
    found = fill_checklist(model, measured=[path])
    assert {6, 7, 8} <= set(found.open_points)
    assert "Left aside, as not the hardware of the field: cpu (n = 20)." in found.points[5].answer


def test_a_simulated_time_closes_nothing(measure) -> None:
    model, path = measure("--target", "simulated", "--runs", "20")
    found = fill_checklist(model, measured=[path], field="simulated")
    assert 6 in found.open_points
    assert "simulated, not measured" in found.points[5].answer


@pytest.mark.alone  # without a reading for a fifth of a second there is no energy
def test_power_and_both_temperatures_close(measure) -> None:
    asked = ("--sustain", "4s", "--meter", METER, "--idle", "0.3", "--warm", "0.2", "--protocol", "extremes")
    model, cold = measure(*asked, "--ambient", "-10", name="cold.json")
    _, hot = measure(*asked, "--ambient", "50", name="hot.json")
    one = fill_checklist(model, measured=[cold], field="cpu")
    assert one.points[6].state == ANSWERED
    assert one.points[7].state == OPEN
    both = fill_checklist(model, measured=[hot, cold], field="cpu")
    assert not {6, 7, 8} & set(both.open_points)
    energy = json.loads(cold.read_text(encoding="utf-8"))["energy"]
    assert f"{energy['watts']:.2f} W" in both.points[6].answer
    assert f"n = {energy['n']} readings" in both.points[6].answer
    assert both.points[7].answer.index("at -10 °C") < both.points[7].answer.index("at 50 °C")


def test_several_targets_in_one_file(measure) -> None:
    model, path = measure("--target", "cpu:builtin,cpu:xnnpack", "--runs", "20")
    assert len(read_measurements(path)) == 2
    assert fill_checklist(model, measured=[path], field="cpu").points[5].answer.count("(measured, n = 20") == 2


def test_of_another_file(measure, tflite_file) -> None:
    _, path = measure("--runs", "20")
    with pytest.raises(InputError, match=r"was measured with another file than dynamic_batch\.tflite: int8_conv\.tflite"):
        fill_checklist(tflite_file("dynamic_batch"), measured=[path])


@pytest.mark.parametrize("content", ["", "{}", "[]", "3", "[[]]", '{"basis": "measured"}', '{"measurements": [1]}', '{"measurements": []}'])
def test_no_measurement(content: str, tmp_path) -> None:
    path = tmp_path / "m.json"
    path.write_text(content)
    with pytest.raises(InputError, match="give a file that `edgewb measure FILE --json"):
        read_measurements(path)


def test_an_absent_file(tmp_path) -> None:
    with pytest.raises(InputError, match="cannot read"):
        read_measurements(tmp_path / "absent.json")


def test_the_command(measure, capsys, tmp_path) -> None:
    model, path = measure("--runs", "20")
    out = tmp_path / "list.html"
    words = [
        "checklist",
        str(model),
        "--measured",
        str(path),
        "--field",
        "cpu",
        "--budget",
        "1",
        "--accept",
        "8",
        "--out",
        str(out),
        "--json",
    ]
    assert main(words) == 1  # some points are open
    points = {point["number"]: point["state"] for point in json.loads(capsys.readouterr().out)["points"]}
    assert [points[number] for number in (1, 2, 6, 7, 8)] == ["answered", "answered", "answered", "open", "not needed"]
    assert "(measured, n = 20; " in out.read_text(encoding="utf-8")
    assert main(["checklist", str(model), "--accept", "7"]) == 2
    assert "your word settles 2 and 8 only" in capsys.readouterr().err
