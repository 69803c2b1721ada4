"""What a record says of the targets: where a file was timed, and why not elsewhere."""

import dataclasses
from pathlib import Path
from typing import Any

import builders
import pytest
from builders import Builder
from made_records import build_record
from made_targets import register

from edgewb.errors import ModelFileError, TargetError
from edgewb.measurements import measure
from edgewb.optimizers.workers import Worker
from edgewb.powers import EnergyPlan
from edgewb.recorders import prepare_recording
from edgewb.records import RecordStore, import_records, load_records
from edgewb.records.columns import flat_rows, notes, summary_columns
from edgewb.records.formats import three_digits
from edgewb.results import Setting, _measure


def only_litert() -> bytes:
    """A model that LiteRT runs and OpenVINO does not take."""
    builder = Builder()
    source = builder.tensor("x", (1, 4), "FLOAT32")
    return builder.build([source], [builder.same("RELU_N1_TO_1", source)])


def setting(folder: Path, targets: tuple[str, ...], float32: bytes, variant: bytes) -> tuple[Path, Setting]:
    (folder / "models").mkdir()
    (folder / "models" / "float32.tflite").write_bytes(float32)
    path = folder / "models" / "variant.tflite"
    path.write_bytes(variant)
    unused: Any = None  # the model is not looked at here
    return path, Setting(unused, (), targets, 1.0, folder, 0)


def test_a_variant_is_timed_on_every_target_in_turns_with_float32_there(tmp_path: Path) -> None:
    path, asked = setting(tmp_path, ("cpu", "openvino"), builders.ALL["float"](), builders.ALL["int8_conv"]())
    with Worker() as worker:
        latencies, not_measured = _measure(path, asked, worker, ())
        assert worker.starts == 0  # neither of them needs a file of its own
    assert [latency.target for latency in latencies] == ["cpu", "openvino"]
    assert all(latency.ratio is not None and latency.facts is not None for latency in latencies)
    assert not_measured == {}


def test_what_one_target_does_not_take_is_timed_on_the_others_and_the_reason_kept(tmp_path: Path) -> None:
    path, asked = setting(tmp_path, ("openvino", "cpu"), builders.ALL["float"](), only_litert())
    with Worker() as worker:
        latencies, not_measured = _measure(path, asked, worker, ())
    assert [latency.target for latency in latencies] == ["cpu"]
    assert list(not_measured) == ["openvino"]
    assert not_measured["openvino"].startswith("variant.tflite: OpenVINO does not take the op RELU_N1_TO_1")
    assert str(tmp_path) not in not_measured["openvino"]


def test_where_float32_was_not_taken_a_variant_is_timed_alone(tmp_path: Path) -> None:
    path, asked = setting(tmp_path, ("cpu", "openvino"), only_litert(), builders.ALL["int8_conv"]())
    with Worker() as worker:
        latencies, not_measured = _measure(path, asked, worker, {"openvino": "float32.tflite: ..."})
    assert [(latency.target, latency.ratio is None) for latency in latencies] == [("cpu", False), ("openvino", True)]
    assert not_measured == {}


def test_half_a_sample_is_never_kept_as_a_whole_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    register(monkeypatch)
    path, asked = setting(tmp_path, ("cpu", "failing:30"), builders.ALL["float"](), builders.ALL["int8_conv"]())
    with Worker() as worker, pytest.raises(TargetError, match=r"failing:30 failed while variant.tflite was measured, after 19 calls"):
        _measure(path, asked, worker, ("failing:30",))


@pytest.mark.alone  # without a reading for a fifth of a second there is no energy
def test_energy_is_measured_in_calls_of_their_own_and_kept_beside_the_latency(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgewb.results.sample_seconds", lambda plan: 4.0)  # a file is read four times a second
    path, asked = setting(tmp_path, ("cpu",), builders.ALL["float"](), builders.ALL["int8_conv"]())
    (tmp_path / "power1_input").write_text("2500000")
    plan = EnergyPlan(meter=str(tmp_path / "power1_input"), idle_seconds=0)
    with Worker() as worker:
        ((latency,), _) = _measure(path, dataclasses.replace(asked, energy=plan), worker, ())
    assert latency.ratio is not None
    assert latency.energy_missing is None
    assert latency.energy is not None
    assert (latency.energy.watts, latency.energy.source) == (pytest.approx(2.5), "file power1_input")
    record = build_record(latency=(latency,))
    table = {column.title: column.cells for column in summary_columns([record])}
    assert table["mJ on cpu", "[95 %]"][0].startswith(three_digits(latency.energy.total_mj))
    assert f"n = {latency.energy.n} readings of file power1_input" in "\n".join(notes([record]))
    assert flat_rows([record])[0]["energy_cpu_mj"] == latency.energy.total_mj
    with RecordStore() as store:
        store.add(record)
        assert store.query(key=record.key)[0].latency[0].energy == latency.energy


def test_a_meter_that_fails_meanwhile_costs_the_energy_alone_and_the_reason_is_kept(tmp_path: Path) -> None:
    path, asked = setting(tmp_path, ("cpu",), builders.ALL["float"](), builders.ALL["int8_conv"]())
    plan = EnergyPlan(meter=str(tmp_path / "gone"), idle_seconds=0)
    with Worker() as worker:
        ((latency,), _) = _measure(path, dataclasses.replace(asked, energy=plan), worker, ())
    assert latency.energy is None
    assert "the meter could not be opened" in (latency.energy_missing or "")
    assert str(tmp_path) not in str(latency.energy_missing)
    assert "no energy on cpu: ptq_int8 (" in "\n".join(notes([build_record(latency=(latency,))]))


def test_what_was_played_has_no_energy_whatever_the_meter(tmp_path: Path) -> None:
    path, asked = setting(tmp_path, ("cpu",), builders.ALL["float"](), builders.ALL["int8_conv"]())
    prepare_recording(path, tmp_path / "R.json").write(measure(path, runs=3))
    targets, plan = (f"replay:{tmp_path / 'R.json'}",), EnergyPlan(meter="never opened")
    with Worker() as worker:
        ((latency,), _) = _measure(path, dataclasses.replace(asked, targets=targets, energy=plan), worker, ("replay:FILE",))
    assert latency.energy is None
    assert latency.energy_missing == "the sample is replayed: nothing ran that a meter could see"


def test_the_reason_names_no_folder_of_a_recording(tmp_path: Path) -> None:
    path, asked = setting(tmp_path, ("cpu",), builders.ALL["float"](), builders.ALL["int8_conv"]())
    reference, recording = tmp_path / "models" / "float32.tflite", tmp_path / "R.json"
    prepare_recording(reference, recording).write(measure(reference, runs=3))
    with Worker() as worker:
        _, not_measured = _measure(path, dataclasses.replace(asked, targets=("cpu", f"replay:{recording}")), worker, ())
    assert "'R.json' was recorded of" in not_measured["replay:FILE"]
    assert str(tmp_path) not in str(not_measured)


def test_what_no_target_takes_is_an_error(tmp_path: Path) -> None:
    path, asked = setting(tmp_path, ("openvino",), builders.ALL["float"](), only_litert())
    with Worker() as worker, pytest.raises(ModelFileError, match="RELU_N1_TO_1"):
        _measure(path, asked, worker, ())


def test_the_reason_is_kept_shown_and_passed_on(tmp_path: Path) -> None:
    reason = "OpenVINO does not take the op RELU_N1_TO_1: measure it on another target"
    one = build_record(key="a", recipe="ptq_int8", not_measured={"openvino": f"ptq_int8.tflite: {reason}"})
    two = dataclasses.replace(one, key="b", recipe="qat_int8", not_measured={"openvino": f"qat_int8.tflite: {reason}"})
    other = build_record(key="c", recipe="float32")
    with RecordStore() as store:
        for record in (one, two, other):
            store.add(record)
    stored = load_records()
    assert {r.key: r.not_measured for r in stored} == {r.key: r.not_measured for r in (one, two, other)}
    assert [line for line in notes([one, two, other]) if "not measured" in line] == [
        f"not measured on openvino: ptq_int8, qat_int8 ({reason})"
    ]
    assert not [line for line in notes([other]) if "not measured" in line]
    file = stored.export(tmp_path / "records.jsonl")
    with RecordStore(tmp_path / "elsewhere.sqlite") as elsewhere:
        imported = import_records(file, elsewhere)
        assert (imported.added, imported.rejected) == (3, ())
        assert {r.key: r.not_measured for r in elsewhere.query()} == {r.key: r.not_measured for r in (one, two, other)}
