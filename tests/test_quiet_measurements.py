"""data/quiet_measurements.py: recorded times are those of a quiet computer, or nothing is recorded."""

from __future__ import annotations

import dataclasses
import importlib.util
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from made_records import build_record

from edgewb.records.stores import RecordStore, records_path
from edgewb.types import Conditions, Record

SOURCE = Path(__file__).resolve().parent.parent / "data" / "quiet_measurements.py"
QUIET, BUSY = Conditions(load_before=0.2, others_share=0.02), Conditions(load_before=0.2, others_share=0.4)


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """The module, on a computer that is quiet whatever runs beside the tests, with a home of its own."""
    spec = importlib.util.spec_from_file_location("quiet_measurements", SOURCE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr("os.getloadavg", lambda: (0.0, 0.0, 0.0))
    monkeypatch.setenv("EDGEWB_HOME", str(tmp_path))
    return module


def record_under(conditions: Conditions) -> Record:
    record: Record = build_record()
    return dataclasses.replace(record, latency=tuple(dataclasses.replace(latency, conditions=conditions) for latency in record.latency))


class Runs:
    """Stands for a study: gives the records of the next attempt, keeps them in the store, and says which were kept before."""

    def __init__(self, *conditions: Conditions) -> None:
        self.left = list(conditions)
        self.kept: list[int] = []

    def __call__(self) -> Any:
        record = record_under(self.left.pop(0))
        with RecordStore() as store:
            self.kept.append(len(store))
            store.add(record)
        return SimpleNamespace(records=(record,))


def test_what_was_measured_right_after_training_is_measured_again(quiet: ModuleType) -> None:
    run = Runs(QUIET, QUIET)
    done = quiet.measured_quietly(run)
    assert run.left == []
    assert run.kept == [0, 0]  # the first records are gone: the second run measured
    assert done.records[0].latency[0].conditions == QUIET
    assert records_path().is_file()


def test_a_disturbed_attempt_is_repeated(quiet: ModuleType) -> None:
    run = Runs(QUIET, BUSY, BUSY, QUIET)
    assert quiet.measured_quietly(run).records[0].latency[0].conditions == QUIET
    assert run.left == []


def test_after_six_disturbed_attempts_nothing_is_given(quiet: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(quiet.NoisyError, match=r"ptq_int8 on cpu: others took 40 % .* --noisy"):
        quiet.measured_quietly(Runs(QUIET, *[BUSY] * 6))
    assert quiet.measured_quietly(Runs(QUIET, BUSY), noisy=True).records[0].latency[0].conditions == BUSY
    assert "others took 40 %" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("conditions", "why"),
    [
        (QUIET, None),
        (BUSY, "others took 40 %"),
        (Conditions(beside=("onnxruntime",)), "beside onnxruntime"),
        (Conditions(load_before=1.7), "load 1.7 per core"),
        (Conditions(), None),  # a system that tells nothing
    ],
)
def test_what_disturbs_a_sample(quiet: ModuleType, conditions: Conditions, why: str | None) -> None:
    found = quiet.disturbed([record_under(conditions)])
    assert len(found) == (why is not None)
    assert (why or "") in "".join(found)


@pytest.mark.parametrize(("slower", "said"), [(1.1, []), (1.3, ["the reference on cpu took 0.65 to 0.845 ms from variant to variant"])])
def test_a_computer_whose_speed_changes_between_two_variants(quiet: ModuleType, slower: float, said: list[str]) -> None:
    steady = record_under(QUIET)
    (latency,) = steady.latency
    times = [dataclasses.replace(latency.latency_ms, p50=0.65 * factor) for factor in (1.0, slower)]
    both = [dataclasses.replace(latency, ratio=1.0, latency_ms=each) for each in times]
    assert quiet.disturbed([dataclasses.replace(steady, latency=(each,)) for each in both]) == said


def test_a_computer_that_stays_busy_is_said_with_its_load(quiet: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    with pytest.raises(quiet.NoisyError, match=r"load 7\.5 after 0 s, at most 1\.0"):
        quiet.wait_until_quiet(0.01, lambda: 7.5)
    quiet.wait_until_quiet(0.01, lambda: 0.0)
