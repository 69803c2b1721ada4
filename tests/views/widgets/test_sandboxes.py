"""Models of visitors in a process with limits: real models, real limits, and a child that misbehaves."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from edgewb.errors import InputError, ModelFileError, TargetError
from edgewb.sampling import random_values
from edgewb.targets import InChild, open_target
from edgewb.types import Basis
from edgewb.views.widgets import sandboxes
from edgewb.views.widgets.sandboxes import SandboxTarget, open_sandbox

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot limit a process")


@pytest.fixture
def sandbox(tflite_file):
    with SandboxTarget() as target:
        target.load(tflite_file("int8_conv"))
        yield target


def test_it_answers_as_the_target_cpu_does(sandbox, tflite_file):
    assert isinstance(sandbox, InChild)
    assert (sandbox.basis, sandbox.name) == (Basis.MEASURED, "cpu")
    with open_target("cpu") as cpu:
        cpu.load(tflite_file("int8_conv"))
        assert (sandbox.inputs, sandbox.outputs) == (cpu.inputs, cpu.outputs)
        for seed in range(5):
            given = [random_values(spec, seed) for spec in cpu.inputs]
            assert (sandbox.run(given)[0] == cpu.run(given)[0]).all()


def test_a_float_model_too(tflite_file):
    with SandboxTarget() as target, open_target("cpu") as cpu:
        for each in (target, cpu):
            each.load(tflite_file("float"))
        given = [random_values(spec) for spec in cpu.inputs]
        assert (target.run(given)[0] == cpu.run(given)[0]).all()


@pytest.mark.skipif(not Path("/proc/self/limits").exists(), reason="this system does not show the limits of a process")
def test_the_process_has_limits_and_nothing_of_the_environment(sandbox, tflite_file, monkeypatch):
    monkeypatch.setenv("EDGEWB_DASHBOARD_TOKEN", "secret")
    sandbox.load(tflite_file("int8_conv"))
    process = psutil.Process(sandbox.process_id)
    assert "EDGEWB_DASHBOARD_TOKEN" not in process.environ()
    assert not {"HOME", "EDGEWB_HOME"} & set(process.environ())
    assert process.cwd() in ("/", f"/proc/{process.pid}/fdinfo")
    assert process.rlimit(psutil.RLIMIT_AS) == (sandboxes.MEMORY_BYTES, sandboxes.MEMORY_BYTES)
    assert process.rlimit(psutil.RLIMIT_FSIZE) == (0, 0)
    assert process.rlimit(psutil.RLIMIT_CORE) == (0, 0)
    assert process.rlimit(psutil.RLIMIT_CPU)[1] == sandboxes.CPU_SECONDS


def test_closing_ends_the_process(sandbox):
    numbers = [process.pid for process in psutil.Process().children(recursive=True)]
    assert sandbox.process_id in numbers
    sandbox.close()
    assert not any(map(psutil.pid_exists, numbers))
    assert sandbox.process_id is None
    with pytest.raises(InputError, match="no model is loaded"):
        sandbox.run([])


def test_a_model_that_needs_more_memory_than_it_may_take_is_refused_and_its_process_ended(tflite_file):
    with SandboxTarget(memory_bytes=60 * 2**20) as target:
        with pytest.raises(ModelFileError, match=r"60 MB of memory|LiteRT cannot run it"):
            target.load(tflite_file("int8_conv"))
        assert target.process_id is None


def test_a_call_that_takes_too_long_is_ended(tflite_file):
    with SandboxTarget(call_seconds=0.5) as target:
        target.load(tflite_file("int8_conv"))
        number = target.process_id
        os.kill(number, signal.SIGSTOP)
        started = time.monotonic()
        with pytest.raises(ModelFileError, match=r"did not answer within 0\.5 s"):
            target.run([random_values(spec) for spec in target.inputs])
        assert time.monotonic() - started < 10
        assert not psutil.pid_exists(number)


def test_a_process_that_is_gone_is_said(sandbox):
    os.kill(sandbox.process_id, signal.SIGKILL)
    with pytest.raises(ModelFileError, match="ended its process"):
        sandbox.run([random_values(spec) for spec in sandbox.inputs])
    with pytest.raises(InputError, match="no model is loaded"):
        sandbox.run([])


@pytest.mark.parametrize(
    "answer",
    [
        b"A" + (2**62).to_bytes(8, "little"),
        b"E" + (2**40).to_bytes(8, "little"),
        b"A" + (3).to_bytes(8, "little") + b"abc",
        b"\x80\x04K\x01.",
    ],
    ids=["endless", "endless text", "too short", "a pickle"],
)
def test_an_answer_of_another_size_is_not_read(sandbox, answer, monkeypatch):
    """As a child that was taken over might give."""
    reading, writing = os.pipe()
    os.write(writing, answer)
    os.close(writing)
    sandbox._process.stdout.close()
    sandbox._process.stdout = os.fdopen(reading, "rb", buffering=0)
    with pytest.raises(ModelFileError, match="ended its process"):
        sandbox.run([random_values(spec) for spec in sandbox.inputs])
    assert sandbox.process_id is None


def test_inputs_that_do_not_fit_are_refused_here(sandbox):
    for given in ([], [np.zeros((1, 8, 8, 3), np.uint8)], [np.zeros((1, 8, 8, 4), np.int8)], [np.zeros((1, 8, 8, 3), np.int8)] * 2):
        with pytest.raises(InputError, match="do not fit"):
            sandbox.run(given)
    assert sandbox.process_id is not None


@pytest.mark.parametrize("name", ["custom_op", "compiled"])
def test_what_litert_cannot_run_is_refused(name, tflite_file):
    with SandboxTarget() as target:
        with pytest.raises(ModelFileError):
            target.load(tflite_file(name))
        assert target.process_id is None


def test_where_nothing_can_be_limited_nothing_is_run(tflite_file, monkeypatch):
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with SandboxTarget() as target, pytest.raises(TargetError, match="cannot be run here"):
        target.load(tflite_file("int8_conv"))


@pytest.mark.parametrize("given", ["cpu:builtin", "openvino"])
@pytest.mark.parametrize("model", ["int8_conv", "float"])
def test_every_runtime_answers_as_the_target_of_its_name_does(given, model, tflite_file):
    if given == "openvino":
        pytest.importorskip("openvino", reason="OpenVINO is not installed")
    with open_sandbox(given) as target, open_target(given) as plain:
        for each in (target, plain):
            each.load(tflite_file(model))
        assert (target.name, target.kernels, target.facts.runtime) == (plain.name, plain.kernels, plain.facts.runtime)
        for seed in range(3):
            values = [random_values(spec, seed) for spec in plain.inputs]
            assert (target.run(values)[0] == plain.run(values)[0]).all()
        if given == "openvino" and sandboxes.CLOSED in target.facts.notes[0]:
            assert os.listdir(f"/proc/{target.process_id}/root") == []  # also what OpenVINO was given as a file


def test_what_is_simulated_gets_its_answers_from_such_a_process_too(tflite_file):
    with open_sandbox("simulated") as target, open_target("cpu") as cpu:
        for each in (target, cpu):
            each.load(tflite_file("int8_conv"))
        assert target.basis is Basis.SIMULATED
        assert target.facts.stands_for
        values = [random_values(spec) for spec in cpu.inputs]
        assert (target.run(values)[0] == cpu.run(values)[0]).all()
        assert [process.name() for process in psutil.Process().children()] != []
    assert psutil.Process().children() == []


@pytest.mark.parametrize("given", ["onnxruntime", "edgetpu", "ssh:pi@raspberrypi", "cpu:other", ""])
def test_other_targets_are_not_for_visitors_models(given):
    with pytest.raises(InputError, match="not for visitors' models"):
        open_sandbox(given)
