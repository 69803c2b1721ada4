"""The target simulated, with real LiteRT on kilobyte models. Times are given room: the machine of a test may be busy."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgewb.errors import InputError, ModelFileError
from edgewb.estimates.estimations import estimate
from edgewb.estimates.hosts import find_profile, save
from edgewb.measurements import measure, predict
from edgewb.sampling import random_values
from edgewb.targets import CountsCalls, open_target
from edgewb.types import Basis

Files = Callable[[str], Path]


@pytest.mark.parametrize("host", ["desktop", "pi3", "devboard"])
def test_the_pace_is_the_middle_of_the_estimate(host: str, tflite_file: Files) -> None:
    model = tflite_file("int8_conv")
    guess = estimate(model, host=host)
    assert guess.latency_ms is not None
    assert guess.first_inference_ms is not None
    found = measure(model, f"simulated:{host}", runs=60, warmup_runs=3)
    assert (found.basis, found.target, found.runs, found.kernels) == (Basis.SIMULATED, "simulated", 60, "xnnpack")
    assert all(guess.mid_ms <= ms <= guess.mid_ms * 1.05 for ms in found.samples_ms)
    assert guess.first_inference_ms.mid <= found.first_ms <= guess.first_inference_ms.mid * 1.05
    facts = found.facts
    assert facts.stands_for == f"an Edge TPU on {host}, {guess.bus}, max clock"
    assert (facts.device, facts.bus, facts.clock) == (host, guess.bus, "max")
    assert facts.notes[0].startswith(f"paced to the estimate of {guess.mid_ms:.2f} ms [{guess.latency_ms.low:.2f}, ")


def test_without_a_host_it_is_a_desktop(tflite_file: Files) -> None:
    with open_target("simulated") as target:
        target.load(tflite_file("int8_conv"))
        assert target.facts.stands_for == "an Edge TPU on desktop, usb3, max clock"


def slow_host(folder: Path, factor: float) -> str:
    """The profile of a host ``factor`` times as slow as a desktop in what an inference takes at least."""
    known = find_profile()
    profile = known.__class__(
        **{**known.__dict__, "host": "made up", "constants": {**known.constants, "overhead_ms": known.constants["overhead_ms"] * factor}}
    )
    path = folder / "made_up.json"
    save(profile, path)
    return str(path)


def test_a_call_ends_when_the_estimate_says(tflite_file: Files, tmp_path: Path) -> None:
    model, host = tflite_file("int8_conv"), slow_host(tmp_path, 100)
    wanted = estimate(model, host=host).mid_ms
    assert wanted > 20
    with open_target(f"simulated:{host}") as target:
        target.load(model)
        given = [random_values(spec) for spec in target.inputs]
        target.run(given)
        took = []
        while len(took) < 10 or (min(took) >= wanted + 0.5 and len(took) < 200):  # a busy computer makes most calls late
            started = time.perf_counter()
            target.run(given)
            took.append(1000 * (time.perf_counter() - started))
        assert wanted <= min(took) < wanted + 0.5


def test_a_processor_slower_than_the_estimate_is_said_and_its_time_is_not_passed_off(tflite_file: Files, tmp_path: Path) -> None:
    model, host = tflite_file("int8_conv"), slow_host(tmp_path, 1)
    content = json.loads(Path(host).read_text())
    # So quick a host that no processor keeps its pace: microseconds of overhead, and buses without end.
    content["constants"] = {name: 1e-5 if name.endswith("_ms") else 1e8 for name in content["constants"]}
    Path(host).write_text(json.dumps(content))
    found = measure(model, f"simulated:{host}", runs=30, warmup_runs=0)
    wanted = estimate(model, host=host).mid_ms
    assert wanted < 0.001
    assert found.samples_ms == (wanted,) * 30
    (note,) = (note for note in found.facts.notes if "could not be kept" in note)
    assert "in 30 of 31 calls" in note or "in 31 of 31 calls" in note
    assert "median, measured" in note
    with open_target(f"simulated:{host}") as target:
        target.load(model)
        assert isinstance(target, CountsCalls)
        assert target.last_ms == 0
        for _ in range(2):
            target.run([random_values(spec) for spec in target.inputs])
        assert target.last_ms == wanted
        assert target.late_calls in (1, 2)


@pytest.mark.parametrize("kernels", ["xnnpack", "builtin"])
def test_answers_are_those_of_the_cpu(kernels: str, tflite_file: Files) -> None:
    model = tflite_file("int8_conv")
    with open_target("simulated", kernels=kernels) as target, open_target("cpu", kernels=kernels) as cpu:
        target.load(model)
        cpu.load(model)
        assert (target.inputs, target.outputs) == (cpu.inputs, cpu.outputs)
        given = [random_values(spec) for spec in target.inputs]
        assert np.array_equal(target.run(given)[0], cpu.run(given)[0])
    values = np.random.default_rng(0).random((3, 8, 8, 3))
    assert np.array_equal(predict(model, values, "simulated"), predict(model, values))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("float", r"nothing runs on the Edge TPU\): quantise the model to int8.*`edgewb inspect float.tflite`"),
        ("leaky_branches", r"a heavy or unknown part is left on the CPU.*\): `edgewb inspect leaky_branches.tflite`"),
        ("compiled", r"give the int8 \.tflite it was compiled from"),
    ],
)
def test_models_that_cannot_be_simulated(name: str, said: str, tflite_file: Files) -> None:
    with open_target("simulated") as target:
        target.load(tflite_file("int8_conv"))
        with pytest.raises(ModelFileError, match=said) as caught:
            target.load(tflite_file(name))
        assert "\n" not in str(caught.value)
        assert target.inputs == ()
        with pytest.raises(InputError, match="no model is loaded"):
            target.run([])


def test_a_refusal_has_the_reason_of_the_estimate(tflite_file: Files) -> None:
    for name in ("float", "leaky_branches"):
        refused = estimate(tflite_file(name)).refused
        with open_target("simulated") as target, pytest.raises(ModelFileError) as caught:
            target.load(tflite_file(name))
        assert f"({refused})" in str(caught.value)


def test_unknown_hosts_and_options() -> None:
    with pytest.raises(InputError, match=r"unknown host 'pi5'.*known: desktop"):
        open_target("simulated:pi5")
    with pytest.raises(InputError, match=r"no profile 'none\.json'"):
        open_target("simulated:none.json")
    with pytest.raises(InputError, match="threads"):
        open_target("simulated", threads=0)


def test_time_ends_a_sample_but_not_below_the_least(tflite_file: Files) -> None:
    model = tflite_file("int8_conv")
    assert measure(model, "simulated", runs=100_000, seconds=0.05).runs < 1000
    assert measure(model, "simulated", runs=100, seconds=1e-9).runs == 20


def test_nothing_is_timed_beside_what_was_not_measured(tflite_file: Files) -> None:
    assert measure(tflite_file("int8_conv"), "simulated", runs=3, beside=tflite_file("float")).ratio is None
