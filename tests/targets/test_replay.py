"""The target replay, on recordings of the target cpu made here, and on one of a compiled file written by the same writer."""

import dataclasses
import hashlib
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest

from edgewb.errors import InputError, ModelFileError
from edgewb.measurements import evaluate, measure, predict
from edgewb.recorders import prepare_recording
from edgewb.recordings import RecordedTensor, Recording, input_key, read_recording, write_recording
from edgewb.sampling import random_values
from edgewb.targets import TimesItself, identify_target, open_target
from edgewb.types import Basis, TargetFacts

Files = Callable[[str], Path]


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    path = tmp_path / "pictures.npz"
    np.savez(path, x=np.random.default_rng(0).integers(0, 255, (80, 8, 8, 3)).astype(np.uint8), y=np.arange(80) % 10)
    return path


@pytest.fixture
def recorded(tflite_file: Files, tmp_path: Path, pictures: Path) -> tuple[Path, str]:
    """A model file, and the target that replays it: 5 warm-up calls, 40 samples, 20 test examples."""
    model, out = tflite_file("int8_conv"), tmp_path / "R.json"
    prepare_recording(model, out, dataset=pictures).write(measure(model, runs=40, warmup_runs=5))
    return model, f"replay:{out}"


def change(target: str, **changes: object) -> Recording:
    """The recording behind a target, rewritten by its own writer with other fields."""
    path = target.partition(":")[2]
    changed = msgspec.structs.replace(read_recording(path), **changes)
    write_recording(changed, path)
    return changed


def test_a_replayed_measurement_is_the_recorded_one_with_another_basis(recorded: tuple[Path, str]) -> None:
    model, target = recorded
    kept = read_recording(target.partition(":")[2])
    found = measure(model, target, runs=40, warmup_runs=5)
    assert (found.basis, found.target) == (Basis.REPLAYED, "replay")
    assert (found.first_ms, found.warmup_ms, found.samples_ms) == (kept.first_ms, kept.warmup_ms, kept.samples_ms)
    assert (found.threads, found.kernels, found.environment) == (kept.threads, kept.kernels, kept.environment)
    assert found.facts == dataclasses.replace(kept.facts, stands_for=f"recorded on cpu, {kept.environment.cpu}, {kept.made}")
    latency = found.to_latency()
    assert (latency.basis, latency.target, latency.facts) == (Basis.REPLAYED, "replay", found.facts)


@pytest.mark.parametrize(("runs", "warmup_runs", "n", "warmed"), [(1000, 1000, 40, 5), (7, 2, 7, 2), (40, 0, 40, 0), (1, 5, 1, 5)])
def test_asked_for_more_than_was_recorded_there_is_what_there_is(
    recorded: tuple[Path, str], runs: int, warmup_runs: int, n: int, warmed: int
) -> None:
    model, target = recorded
    kept = read_recording(target.partition(":")[2])
    found = measure(model, target, runs=runs, warmup_runs=warmup_runs)
    assert (found.runs, found.samples_ms, found.warmup_runs) == (n, kept.samples_ms[:n], warmed)
    assert found.first_ms == kept.first_ms


def test_samples_are_given_at_once(recorded: tuple[Path, str]) -> None:
    model, target = recorded
    change(target, samples_ms=(60_000.0,) * 50, first_ms=86_400_000.0)
    started = time.perf_counter()
    found = measure(model, target)
    assert time.perf_counter() - started < 60  # what one of the calls took
    assert (found.first_ms, found.latency_ms.p50, found.runs) == (86_400_000.0, 60_000.0, 50)


def test_no_sample_is_given_twice(recorded: tuple[Path, str]) -> None:
    model, target = recorded
    with open_target(target) as opened:
        assert isinstance(opened, TimesItself)
        opened.load(model)
        kept = read_recording(target.partition(":")[2])
        assert opened.sample([], 3, 1, 1.0) == [kept.first_ms, *kept.warmup_ms[:2]]
        assert opened.sample([], 0, 0, 1.0) == []
        assert opened.sample([], 30, 20, 1.0) == list(kept.samples_ms[:30])
        assert opened.sample([], 30, 20, 1.0) == list(kept.samples_ms[30:])
        assert opened.sample([], 30, 20, 1.0) == []
        opened.load(model)
        assert opened.sample([], 1, 1, 1.0) == [kept.first_ms]


def test_a_call_takes_as_long_as_the_recorded_one(recorded: tuple[Path, str]) -> None:
    model, target = recorded
    times = (30.0, 5.0, 15.0)
    change(target, first_ms=times[0], samples_ms=times[1:])
    with open_target(target) as opened:
        opened.load(model)
        given = [random_values(spec) for spec in opened.inputs]
        took = {wanted: [] for wanted in times}
        for wanted in (times[0], *times[1:] * 20):
            started = time.perf_counter()
            opened.run(given)
            took[wanted].append(1000 * (time.perf_counter() - started))
        for wanted, found in took.items():
            assert wanted <= min(found)
        for wanted in times[1:]:
            assert min(took[wanted]) < wanted + 20  # a busy computer makes some of them late, not all twenty


def test_accuracy_is_that_of_the_recorded_answers(recorded: tuple[Path, str], pictures: Path) -> None:
    model, target = recorded
    here = evaluate(model, pictures)
    found = evaluate(model, pictures, target)
    assert found.accuracy.correct == here.accuracy.correct
    assert (found.basis, found.accuracy.basis, found.target, found.accuracy.target) == (Basis.REPLAYED, Basis.REPLAYED, "replay", "replay")
    assert found.facts.stands_for is not None
    assert found.facts.stands_for.startswith("recorded on cpu, ")
    assert (found.kernels, found.environment) == ("xnnpack", read_recording(target.partition(":")[2]).environment)
    # Other answers, and the accuracy follows them: nothing is computed here.
    kept = read_recording(target.partition(":")[2])
    change(target, answers=dict.fromkeys(kept.answers, (bytes([127, *[128] * 9]),)))
    assert [row.correct for row in evaluate(model, pictures, target).classes] == [2] + [0] * 9


def test_an_input_that_was_not_recorded(recorded: tuple[Path, str]) -> None:
    model, target = recorded
    with pytest.raises(
        InputError, match=r"holds 21 answers, to the test examples of 'pictures.npz' \(--seed 0, --input-range=0,1\).*--dataset D"
    ):
        predict(model, np.full((1, 8, 8, 3), 0.123), target)


def test_inputs_that_do_not_fit(recorded: tuple[Path, str]) -> None:
    model, target = recorded
    with open_target(target) as opened:
        with pytest.raises(InputError, match="no model is loaded"):
            opened.run([])
        with pytest.raises(InputError, match="no model is loaded"):
            opened.sample([], 1, 1, 1.0)
        opened.load(model)
        given = random_values(opened.inputs[0])
        for wrong in (given.view(np.uint8), given.reshape(1, 3, 8, 8)):  # the same bytes
            with pytest.raises(InputError, match="does not fit"):
                opened.run([wrong])
        with pytest.raises(InputError, match="has 1 inputs and 2"):
            opened.run([given, given])
        answer = opened.run([given])[0]
        answer[:] = 0  # what is given is a copy
        assert opened.run([given])[0].any()


def test_a_recording_of_another_model(recorded: tuple[Path, str], tflite_file: Files) -> None:
    model, target = recorded
    with open_target(target) as opened:
        opened.load(model)
        with pytest.raises(
            ModelFileError, match=r"'float.tflite' \(sha256 \w{12}\) .* 'int8_conv.tflite' \(sha256 \w{12}\): give that file, or"
        ):
            opened.load(tflite_file("float"))
        assert opened.inputs == ()
        model.write_bytes(tflite_file("per_channel").read_bytes())
        with pytest.raises(ModelFileError, match="another content of that name"):
            opened.load(model)
        model.write_bytes(b"no model")
        with pytest.raises(ModelFileError, match=r"is not a \.tflite file"):
            opened.load(model)


def test_a_bad_recording_is_refused_when_the_target_is_opened(tmp_path: Path) -> None:
    for target in ("replay:", "replay", f"replay:{tmp_path}", "replay:none.json"):
        with pytest.raises(InputError, match=r"replay:FILE|is a folder|no recording"):
            open_target(target)


def test_another_recording_of_the_same_name_is_another_target(recorded: tuple[Path, str]) -> None:
    _, target = recorded
    before = identify_target(target)
    assert before == identify_target(target) != target
    change(target, first_ms=1.0)
    assert identify_target(target) != before
    assert [identify_target(given) for given in ("cpu", "simulated:pi4", "replay:none.json")] == [
        "cpu",
        "simulated:pi4",
        "replay:none.json",
    ]


def test_a_compiled_file_replays_without_delegate_or_device(tflite_file: Files, tmp_path: Path) -> None:
    model = tflite_file("compiled")
    given = np.zeros((1, 8, 8, 3), np.int8)
    answer = np.arange(10, dtype=np.float32).reshape(1, 10)
    with open_target("cpu") as cpu:
        cpu.load(tflite_file("int8_conv"))
        environment = measure(tflite_file("int8_conv"), runs=1).environment
    recording = Recording(
        edgewb_recording=1,
        file=model.name,
        sha256=hashlib.sha256(model.read_bytes()).hexdigest(),
        target="edgetpu",
        basis="measured",
        made="2026-11-21",
        facts=TargetFacts(runtime="made up for a test", device="usb:0", bus="usb3", clock="max"),
        environment=dataclasses.replace(environment, cpu="Test Processor 9000"),
        threads=1,
        kernels="edgetpu",
        first_ms=20.0,
        warmup_ms=(3.0,),
        samples_ms=(2.0, 4.0),
        inputs=(RecordedTensor(name="image", shape=(1, 8, 8, 3), dtype="int8", scale=0.05, zero_point=0),),
        outputs=(RecordedTensor(name="result", shape=(1, 10), dtype="float32", scale=None, zero_point=None),),
        data=None,
        answers={input_key([given]): (answer.tobytes(),)},
    )
    target = f"replay:{write_recording(recording, tmp_path / 'R.json')}"
    found = measure(model, target)
    assert found.facts.stands_for == "recorded on edgetpu (usb:0, usb3, max clock), Test Processor 9000, 2026-11-21"
    assert (found.first_ms, found.samples_ms, found.kernels) == (20.0, (2.0, 4.0), "edgetpu")
    assert np.array_equal(predict(model, np.zeros((1, 8, 8, 3)), target), answer)
    with pytest.raises(InputError, match="holds 1 answer, to what `edgewb measure` itself feeds"):
        predict(model, np.ones((1, 8, 8, 3)), target)
