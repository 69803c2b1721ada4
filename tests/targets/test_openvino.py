"""The openvino target with real OpenVINO on kilobyte models."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import builders
import numpy as np
import pytest
from builders import Builder
from target_helpers import ROOT, assert_agrees, difference_net, run_without

from edgewb.errors import InputError, ModelFileError, TargetError
from edgewb.latencies import measure
from edgewb.targets import open_target
from edgewb.types import Basis

Files = Callable[[str], Path]


@pytest.mark.parametrize("name", sorted(set(builders.ALL) - {"custom_op", "compiled"}))
def test_it_agrees_with_litert(tflite_file: Files, name: str) -> None:
    path = tflite_file(name)
    with open_target("openvino") as target:
        target.load(path)
        assert_agrees(path, target)  # float32, too: not the bfloat16 that OpenVINO takes by itself where the processor has it


def test_what_it_says_of_itself(tflite_file: Files) -> None:
    with open_target("openvino", threads=2) as target:
        assert target.available().available
        target.load(tflite_file("int8_conv"))
        assert (target.name, target.basis, target.threads, target.kernels) == ("openvino", Basis.MEASURED, 2, "CPU")
        assert target.facts.runtime.startswith("openvino 20")
        assert target.facts.device == "CPU"
        assert "reads the .tflite itself" in target.facts.notes
        compiled = target._request.get_compiled_model()
        assert compiled.get_property("INFERENCE_NUM_THREADS") == 2
        assert compiled.get_property("NUM_STREAMS") == 1
        assert str(compiled.get_property("PERFORMANCE_HINT")).endswith("LATENCY")


def test_inputs_and_outputs_keep_the_order_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "difference.tflite"
    path.write_bytes(difference_net())
    left, right = np.arange(4, dtype=np.float32)[None], np.full((1, 4), 10, np.float32)
    with open_target("openvino") as target:
        target.load(path)
        assert [spec.name for spec in target.inputs] == ["left", "right"]
        difference, opposite = target.run([left, right])
        assert np.array_equal(difference, left - right)
        assert np.array_equal(opposite, -right)


def test_a_result_is_a_copy(tflite_file: Files) -> None:
    with open_target("openvino") as target:
        target.load(tflite_file("float"))
        (first,) = target.run([np.zeros((1, 8, 8, 3), np.float32)])
        kept = first.copy()
        (second,) = target.run([np.ones((1, 8, 8, 3), np.float32)])
        assert np.array_equal(first, kept)
        assert not np.array_equal(first, second)


@pytest.mark.parametrize("given", ["openvino:cpu", "openvino:CPU", "openvino:auto"])
def test_devices_by_name(tflite_file: Files, given: str) -> None:
    with open_target(given) as target:
        target.load(tflite_file("int8_conv"))
        assert target.name == "openvino"
        assert target.kernels == target.facts.device == "CPU" or given == "openvino:auto"
        assert target.run([np.zeros((1, 8, 8, 3), np.int8)])[0].shape == (1, 10)


def test_a_device_that_is_not_here(tflite_file: Files) -> None:
    with open_target("openvino:abacus") as target:
        found = target.available()
        assert not found.available
        assert "CPU" in found.reason
        assert "AUTO" in found.fix
        with pytest.raises(TargetError, match="sees no device 'abacus' here, only CPU"):
            target.load(tflite_file("int8_conv"))


def test_inputs_that_do_not_fit(tflite_file: Files) -> None:
    given = np.zeros((1, 8, 8, 3), np.int8)
    with open_target("openvino") as target:
        with pytest.raises(InputError, match="no model is loaded"):
            target.run([given])
        target.load(tflite_file("int8_conv"))
        with pytest.raises(InputError, match="has 1 inputs and 2"):
            target.run([given, given])
        with pytest.raises(InputError, match=r"'image' takes int8 of shape \(1, 8, 8, 3\), and float32"):
            target.run([given.astype(np.float32)])
        with pytest.raises(InputError, match="does not fit"):
            target.run([given[:, 1:]])
        assert target.run([given])[0].shape == (1, 10)
        target.close()
        with pytest.raises(InputError, match="no model is loaded"):
            target.run([given])


@pytest.mark.parametrize(("name", "op"), [("custom_op", "TFLite_Detection_PostProcess"), (None, "RELU_N1_TO_1")])
def test_an_op_it_does_not_take_is_named(tmp_path: Path, tflite_file: Files, name: str | None, op: str) -> None:
    path = tmp_path / "other.tflite"
    builder = Builder()
    source = builder.tensor("x", (1, 4), "FLOAT32")
    path.write_bytes(builder.build([source], [builder.same("RELU_N1_TO_1", source)]))
    with open_target("openvino") as target:
        with pytest.raises(ModelFileError, match=f"OpenVINO does not take the op {op}: measure it on another target") as caught:
            target.load(tflite_file(name) if name else path)
        assert "\n" not in str(caught.value)
        assert target.inputs == ()


def test_a_name_used_twice_is_refused(tmp_path: Path) -> None:
    builder = Builder()
    one, two = (builder.tensor("same", (1, 4), "FLOAT32") for _ in range(2))
    result = builder.tensor("result", (1, 4), "FLOAT32")
    builder.op("SUB", [one, two], [result], 1, "SubOptions")
    path = tmp_path / "twice.tflite"
    path.write_bytes(builder.build([one, two], [result]))
    with open_target("openvino") as target, pytest.raises(ModelFileError, match="OpenVINO"):
        target.load(path)


def test_any_name_of_a_file_will_do(tmp_path: Path, tflite_bytes: Callable[[str], bytes]) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(tflite_bytes("int8_conv"))
    with open_target("openvino") as target:
        target.load(path)
        assert target.run([np.zeros((1, 8, 8, 3), np.int8)])[0].dtype == np.int8


def test_it_is_measured_as_any_target(tflite_file: Files) -> None:
    measured = measure(tflite_file("int8_conv"), "openvino", runs=25, beside=tflite_file("float"))
    assert (measured.target, measured.basis, measured.runs, measured.kernels) == ("openvino", "measured", 25, "CPU")
    assert measured.ratio is not None
    assert measured.facts.runtime.startswith("openvino")


def test_without_the_package_it_says_what_brings_it(tflite_file: Files) -> None:
    done = run_without(["openvino"], "measure", str(tflite_file("int8_conv")), "--target", "openvino")
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "edgewb: target 'openvino' cannot be used: openvino is not installed; pip install 'edgewb[runtimes]' (or `make setup` in a clone)"
    ]


# Everything by which it could report is refused, and told: a process of its own (how openvino_telemetry sends on Linux), a connection.
WATCH = """
import sys
def refuse(event, arguments):
    if event in ("os.fork", "subprocess.Popen", "socket.connect", "socket.getaddrinfo", "urllib.Request"):
        print("TRIED", event, flush=True)
        raise RuntimeError(event)
sys.addaudithook(refuse)
"""
PLAIN = WATCH + "import openvino, time; time.sleep(1)"
OURS = (
    WATCH
    + """
from edgewb.targets import open_target
with open_target("openvino") as target:
    target.load(sys.argv[1])
    target.run([__import__("numpy").zeros((1, 8, 8, 3), "int8")])
assert "openvino_telemetry" not in sys.modules
print("ran")
"""
)


def test_it_reports_to_nobody(tmp_path: Path, tflite_file: Files) -> None:
    pytest.importorskip("openvino_telemetry", reason="openvino_telemetry is not installed, so there is nothing to keep silent")
    path, said = tflite_file("int8_conv"), []
    for number, script in enumerate((PLAIN, OURS)):
        home = tmp_path / f"home{number}"
        home.mkdir()
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("CI", "GITHUB", "TF_BUILD", "JENKINS"))}
        done = subprocess.run(
            [sys.executable, "-c", script, str(path)],
            cwd=ROOT, text=True, capture_output=True, check=True, env={**environment, "HOME": str(home)},
        )  # fmt: skip
        said.append((done.stdout.split(), sorted(place.name for place in home.iterdir())))
    assert "TRIED" in said[0][0]  # else this test would prove nothing
    assert said[0][1] == ["intel"]
    assert said[1] == (["ran"], [])


def test_threads_that_open_it_at_once_all_find_it_whole() -> None:
    code = """
import threading
from edgewb.targets import open_target
found = []
threads = [threading.Thread(target=lambda: found.append(open_target("openvino").available())) for _ in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print([each.available for each in found], found[0].reason)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert done.stdout.startswith("[True, True, True, True]"), done.stdout + done.stderr
