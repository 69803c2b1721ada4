"""The Edge TPU target: real LiteRT with libraries that play libedgetpu, compiled for the test."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from builders import Builder, executable, package
from stand_in_delegates import build, expected, pcie_card, pycoral, usb_stick, without_libusb

from edgewb.cli import main
from edgewb.errors import EdgewbError, InputError, ModelFileError, TargetError
from edgewb.measurements import evaluate, measure, predict
from edgewb.targets import edgetpu_runners, open_target
from edgewb.targets.edgetpu import EdgeTpuTarget
from edgewb.types import Basis

Files = Callable[[str], Path]
Libraries = Callable[..., Path]


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Libraries:
    """``libraries("USB=2")``: such a library, compiled once."""
    built: dict[tuple[str, ...], Path] = {}

    def give(*defines: str) -> Path:
        if defines not in built:
            built[defines] = build(tmp_path_factory.mktemp("library"), *defines)
        return built[defines]

    return give


@pytest.fixture
def using(libraries: Libraries, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """``using("USB=2")``: edgewb takes such a library from here on."""
    return lambda *defines: monkeypatch.setenv("EDGEWB_LIBEDGETPU", str(libraries(*defines)))


@pytest.fixture(autouse=True)
def no_child_is_left() -> Iterator[None]:
    yield
    assert edgetpu_runners._runners == {}


def image(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(-128, 128, (1, 8, 8, 3)).astype(np.int8)


def classifier(folder: Path, runtime: int = 13) -> Path:
    """A compiled file that takes digits and gives ten int8 numbers."""
    b = Builder()
    source, result = b.tensor("image", (1, 32, 32, 1), scale=1 / 255, zero_point=-128), b.tensor("logits", (1, 10))
    b.op("edgetpu-custom-op", [source], [result], custom=package([executable("STAND_ALONE")], runtime=runtime))
    path = folder / "digits_edgetpu.tflite"
    path.write_bytes(b.build([source], [result]))
    return path


# What works


def test_load_and_run(tflite_file: Files, using: Callable[..., None]) -> None:
    using()
    with open_target("edgetpu") as target:
        target.load(tflite_file("compiled"))
        assert (target.name, target.basis, target.kernels, target.threads) == ("edgetpu", Basis.MEASURED, "edgetpu", 1)
        (given,), (result,) = target.inputs, target.outputs
        assert (given.shape, given.dtype, result.shape, result.dtype) == ((1, 8, 8, 3), np.int8, (1, 10), np.float32)
        answers = set()
        for seed in range(3):
            (output,) = target.run([image(seed)])
            assert np.allclose(output, 0.05 * expected(image(seed), 10).astype(np.float32))
            answers.add(output.tobytes())
        assert len(answers) == 3
        facts = target.facts
        assert facts.runtime.startswith("ai-edge-litert 2")
        assert facts.runtime.endswith("libedgetpu BuildLabel(stand-in), RuntimeVersion(14)")
        assert facts.device == "usb:0"
        assert facts.clock is None
        assert "no temperature readout on USB" in facts.notes
        assert any(note.startswith("not known whether the library is std or max") for note in facts.notes)
        assert "1 of 2 ops of the file run on the CPU (XNNPACK)" in facts.notes
    assert target.run.__self__.process_id is None


def test_measure(tflite_file: Files, using: Callable[..., None]) -> None:
    using("THROTTLED")
    done = measure(tflite_file("compiled"), "edgetpu:usb:0", runs=30, warmup_runs=3)
    assert (done.target, done.basis, done.runs, done.warmup_runs, done.failed) == ("edgetpu", Basis.MEASURED, 30, 3, None)
    assert (done.kernels, done.facts.device, done.facts.clock) == ("edgetpu", "usb:0", "std")
    assert all(0 < value < 1000 for value in done.samples_ms)


def test_the_time_limit_ends_a_sample_but_not_below_the_least(tflite_file: Files, using: Callable[..., None]) -> None:
    using("SLOW_AT=1")  # 5 ms each
    with open_target("edgetpu") as target:
        target.load(tflite_file("compiled"))
        assert len(target.sample([image()], 1000, 4, 0.001)) == 4
        began = time.perf_counter()
        samples = target.sample([image()], 1000, 1, 0.05)
        assert time.perf_counter() - began >= 0.05
        assert min(samples) >= 5
        assert sum(samples[:-1]) <= 50  # the last call alone may end behind the limit
        assert target.sample([image()], 0, 0, 1.0) == []


def test_two_models_share_a_device(tflite_file: Files, using: Callable[..., None]) -> None:
    using()
    done = measure(tflite_file("compiled"), "edgetpu", runs=40, beside=tflite_file("compiled"))
    assert done.ratio is not None
    with open_target("edgetpu") as first, open_target("edgetpu") as second:
        first.load(tflite_file("compiled"))
        second.load(tflite_file("compiled"))
        assert first.process_id == second.process_id
        second.close()
        assert first.run([image()])[0].shape == (1, 10)


def test_the_device_that_is_asked_for_is_the_one_that_is_used(
    tflite_file: Files, using: Callable[..., None], tmp_path: Path
) -> None:  # fmt: skip
    using("USB=2", "PCI=1", "DIRECT")
    usb_stick(tmp_path, "2-1")
    usb_stick(tmp_path, "1-4", speed="480", bus=1)
    card = pcie_card(tmp_path, celsius=40)
    seen = {}
    for asked in (None, "usb:1", ":1"):
        with EdgeTpuTarget(asked, sysfs=tmp_path / "sys", dev=tmp_path / "dev") as target:
            assert target.available().available
            target.load(tflite_file("compiled"))
            seen[asked] = (target.facts.device, target.facts.bus, target.facts.clock)
    assert seen == {None: ("pci:0", "pcie", "max"), "usb:1": ("usb:1", "usb2", "max"), ":1": ("usb:0", "usb3", "max")}
    with EdgeTpuTarget("pci", sysfs=tmp_path / "sys", dev=tmp_path / "dev") as target:
        target.load(tflite_file("compiled"))
        (card / "temp").write_text("61250\n")
        target.sample([image()], 2, 2, 1.0)
        target.sample([image()], 2, 2, 1.0)
        (note,) = (note for note in target.facts.notes if "chip" in note)
        assert note == "chip 40.0 degrees Celsius when loaded, 61.2 after the last sample; its driver lowers the clock at 85, 90, 95"


def test_a_library_that_lists_nothing_still_runs(tflite_file: Files, using: Callable[..., None]) -> None:
    using("LISTS_NOTHING")
    with EdgeTpuTarget("usb", sysfs="/nowhere") as target:
        target.load(tflite_file("compiled"))
        assert "neither the library nor the system told which device it is" in target.facts.notes
        assert (target.facts.device, target.facts.bus) == ("usb", None)


def test_real_pycoral_is_preferred(
    tflite_file: Files, libraries: Libraries, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    folder = libraries("USB=2").parent
    if not (folder / "libedgetpu.so.1").exists():
        (folder / "libedgetpu.so.1").symlink_to("libedgetpu.so.1.0")
    monkeypatch.delenv("EDGEWB_LIBEDGETPU", raising=False)
    monkeypatch.setenv("LD_LIBRARY_PATH", str(folder))
    pycoral(tmp_path, "real", "2.0.2")
    monkeypatch.syspath_prepend(str(tmp_path))
    with open_target("edgetpu:usb:1", threads=2) as target:
        assert target.available().available
        target.load(tflite_file("compiled"))
        assert target.facts.runtime.startswith("pycoral 2.0.2, ai-edge-litert 2")
        assert (target.facts.device, target.threads) == ("usb:1", 1)  # pycoral's interpreter has one thread
        assert "1 of 2 ops of the file run on the CPU (its interpreter's own kernels)" in target.facts.notes
        assert np.allclose(target.run([image()])[0], 0.05 * expected(image(), 10).astype(np.float32))
    with open_target("edgetpu:usb:2") as target, pytest.raises(TargetError, match=r"found usb:0 .*, usb:1"):
        target.load(tflite_file("compiled"))
    assert "pycoral" not in sys.modules  # it is imported where it cannot take this process along
    monkeypatch.setenv("EDGEWB_LIBEDGETPU", str(libraries()))
    with open_target("edgetpu") as target:
        target.load(tflite_file("compiled"))
        assert target.facts.runtime.startswith("ai-edge-litert")  # a library that is named is the one used


@pytest.mark.parametrize(("kind", "version"), [("other", "0.1.0"), ("clone", "2.0.2")])
def test_other_packages_called_pycoral_are_not_used(
    tflite_file: Files, libraries: Libraries, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, version: str
) -> None:  # fmt: skip
    folder = libraries("USB=2").parent
    if not (folder / "libedgetpu.so.1").exists():
        (folder / "libedgetpu.so.1").symlink_to("libedgetpu.so.1.0")
    monkeypatch.delenv("EDGEWB_LIBEDGETPU", raising=False)
    monkeypatch.setenv("LD_LIBRARY_PATH", str(folder))
    pycoral(tmp_path, kind, version)
    monkeypatch.syspath_prepend(str(tmp_path))
    with open_target("edgetpu") as target:
        target.load(tflite_file("compiled"))
        assert target.facts.runtime.startswith("ai-edge-litert")


# What does not


@pytest.mark.parametrize("given", ["edgetpu:gpu", "edgetpu:usb:x", "edgetpu:usb:"])
def test_devices_that_cannot_be(given: str) -> None:
    with pytest.raises(InputError, match="known are usb"):
        open_target(given)


def test_a_source_model_is_to_be_compiled_first(tflite_file: Files) -> None:
    with open_target("edgetpu") as target:
        with pytest.raises(ModelFileError, match=r"is not compiled .* `edgewb compile int8_conv\.tflite` .*int8_conv_edgetpu\.tflite"):
            target.load(tflite_file("int8_conv"))
        with pytest.raises(ModelFileError, match=r"compiling would map none of its ops: run `edgewb inspect float\.tflite`"):
            target.load(tflite_file("float"))
        with pytest.raises(ModelFileError):
            target.load("nowhere.tflite")


def test_what_the_stand_in_compiler_wrote_is_no_program(tflite_file: Files, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "edgewb.compilers.stand_ins", "-o", str(tmp_path), str(tflite_file("int8_conv"))]
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)})
    with open_target("edgetpu") as target, pytest.raises(ModelFileError, match="stand-in and holds no program"):
        target.load(tmp_path / "int8_conv_edgetpu.tflite")


def test_inputs_that_do_not_fit(tflite_file: Files, using: Callable[..., None]) -> None:
    using()
    with open_target("edgetpu") as target:
        for call in (target.run, lambda inputs: target.sample(inputs, 1, 1, 1.0)):
            with pytest.raises(InputError, match="no model is loaded"):
                call([image()])
        target.load(tflite_file("compiled"))
        for call in (target.run, lambda inputs: target.sample(inputs, 1, 1, 1.0)):
            with pytest.raises(InputError, match="has 1 inputs and 2"):
                call([image(), image()])
            with pytest.raises(InputError, match=r"'image' is int8 of shape \(1, 8, 8, 3\), given was float32"):
                call([image().astype(np.float32)])
            with pytest.raises(InputError, match=r"given was int8 of shape \(1, 7, 8, 3\)"):
                call([image()[:, 1:]])
            with pytest.raises(InputError, match="given was list"):
                call([image().tolist()])
        assert target.run([image()])[0].shape == (1, 10)


def failing(library: Path | None, file: Path, monkeypatch: pytest.MonkeyPatch, given: str = "edgetpu") -> str:
    if library is None:
        monkeypatch.delenv("EDGEWB_LIBEDGETPU", raising=False)
    else:
        monkeypatch.setenv("EDGEWB_LIBEDGETPU", str(library))
    with open_target(given) as target, pytest.raises(EdgewbError) as caught:
        target.load(file)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_no_library(tflite_file: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    said = failing(None, tflite_file("compiled"), monkeypatch)
    assert "libedgetpu.so.1: cannot open shared object file" in said
    assert "Install libedgetpu1-std" in said
    found = open_target("edgetpu").available()
    assert (found.available, found.reason.endswith("The Edge TPU runtime is not installed")) == (False, True)
    assert "feranick/libedgetpu" in found.fix


def test_no_libusb(tflite_file: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = failing(without_libusb(tmp_path), tflite_file("compiled"), monkeypatch)
    assert "libusb-1.0.so.0: cannot open shared object file" in said
    assert "Install libusb-1.0-0" in said
    assert "Install libusb-1.0-0" in open_target("edgetpu").available().fix


def test_no_device(tflite_file: Files, libraries: Libraries, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = failing(libraries("USB=0"), tflite_file("compiled"), monkeypatch)
    assert "no Edge TPU could be opened" in said
    assert "`lsusb` must show 1a6e:089a" in said
    target = EdgeTpuTarget(sysfs=tmp_path / "sys", dev=tmp_path / "dev")
    assert target.available().reason == "no Edge TPU is connected"
    pcie_card(tmp_path, driver=False)
    assert "without its driver" in target.available().reason
    usb_stick(tmp_path, "2-1")
    found = target.available()
    assert found.reason == "usb:0 is on the bus (usb3), but libedgetpu does not see it"
    assert "In a container" in found.fix


def test_the_wrong_device(tflite_file: Files, libraries: Libraries, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "found usb:0" in failing(libraries(), tflite_file("compiled"), monkeypatch, "edgetpu:usb:1")
    assert "found usb:0" in failing(libraries(), tflite_file("compiled"), monkeypatch, "edgetpu:pci")
    found = open_target("edgetpu:pci").available()
    assert "no Edge TPU 'pci' is connected" in found.reason
    # The library itself refuses, too: it cannot list, so that nothing was checked before.
    assert "no Edge TPU could be opened" in failing(libraries("LISTS_NOTHING"), tflite_file("compiled"), monkeypatch, "edgetpu:usb:1")


@pytest.mark.parametrize(
    ("defines", "says"),
    [
        (("CANNOT_OPEN",), "was found but could not be opened"),
        (('SAYS="I tflite/edgetpu_context_direct.cc:401] Failed to open device [Apex (USB)] at [x]"', "CANNOT_OPEN"), "(USB)] at [x])"),
        (('REPORTS="words of its own"',), "(words of its own)"),
        (("NEWER",), "needs a newer Edge TPU runtime than is installed"),
        (("RUNTIME=12",), "needs an Edge TPU runtime of version 13 and libedgetpu's is 12"),
        (("CRASH_WHEN_LOADED",), "do not belong together"),
        (("CRASH_WHEN_ASKED",), "signal 11, SIGSEGV"),
    ],
)  # fmt: skip
def test_failures_to_open(
    tflite_file: Files, libraries: Libraries, monkeypatch: pytest.MonkeyPatch, defines: tuple[str, ...], says: str
) -> None:  # fmt: skip
    assert says in failing(libraries(*defines), tflite_file("compiled"), monkeypatch)


def test_what_a_library_says_while_it_opens_is_passed_on(
    tflite_file: Files, using: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    using('SAYS="W driver.cc:1] odd"')
    with open_target("edgetpu") as target:
        target.load(tflite_file("compiled"))
    assert capsys.readouterr().err == "W driver.cc:1] odd\n"  # and not "INFO: Created TensorFlow Lite XNNPACK delegate for CPU."


@pytest.mark.parametrize(
    ("define", "says"),
    [
        ("FAIL_AT=21", "error 2 [LibUsbDataOutCallback]): A USB transfer did not end in time. Use a powered USB 3 hub"),
        ("ABORT_AT=21", "error 5 [LibUsbDataInCallback]): A USB transfer was cut off. Plug it in again"),
        ("CRASH_AT=21", "signal 11, SIGSEGV"),
    ],
)  # fmt: skip
def test_a_device_lost_in_mid_run_keeps_the_samples(
    tflite_file: Files, using: Callable[..., None], tmp_path: Path, define: str, says: str
) -> None:  # fmt: skip
    using(define)
    stick = usb_stick(tmp_path, "2-1")
    with EdgeTpuTarget(sysfs=tmp_path / "sys", dev=tmp_path / "dev") as target:
        target.load(tflite_file("compiled"))
        assert len(target.sample([image()], 5, 5, 1.0)) == 5
        for file in stick.iterdir():
            file.unlink()
        stick.rmdir()
        with pytest.raises(TargetError) as caught:
            target.sample([image()], 1000, 1000, 60.0)
        assert "call 16 failed, usb:0 is no longer connected" in str(caught.value)
        assert says in str(caught.value)
        assert len(caught.value.samples_ms) == 15
        assert all(value > 0 for value in caught.value.samples_ms)
        if define != "FAIL_AT=21":
            with pytest.raises(TargetError, match="load the model again"):
                target.run([image()])
        target.load(tflite_file("compiled"))  # plugged in again
        assert target.run([image()])[0].shape == (1, 10)


def test_a_device_that_hangs_is_given_up(tflite_file: Files, using: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    using("HANG_AT=4")
    monkeypatch.setattr(edgetpu_runners, "CALL_SECONDS", 2.0)
    with open_target("edgetpu") as target:
        target.load(tflite_file("compiled"))
        started = time.monotonic()
        with pytest.raises(TargetError, match=r"call 4 failed \(no answer within 2 s\)\. Plug it in again") as caught:
            target.sample([image()], 10, 10, 60.0)
        assert len(caught.value.samples_ms) == 3
        assert time.monotonic() - started < 30  # of the 60 s of the sample


def test_a_device_that_becomes_slow_is_seen(tflite_file: Files, using: Callable[..., None]) -> None:
    using("SLOW_AT=61")
    done = measure(tflite_file("compiled"), "edgetpu", runs=89, warmup_runs=0, seconds=60)
    samples = np.array(done.samples_ms)
    assert np.median(samples[:59]) < 5  # others may make some of them slow
    assert (samples[59:] >= 5).all()
    assert done.drift.ratio is not None
    assert done.drift.ratio > 10


def test_a_killed_parent_leaves_nothing_behind(tflite_file: Files, libraries: Libraries, tmp_path: Path) -> None:
    script = (
        "import sys\nfrom edgewb.targets import open_target\nimport numpy as np\n"
        "with open_target('edgetpu') as target:\n"
        "    target.load(sys.argv[1])\n    print(target.process_id, flush=True)\n"
        "    target.sample([np.zeros((1, 8, 8, 3), np.int8)], 1_000_000, 1_000_000, 600.0)\n"
    )
    environment = {**os.environ, "EDGEWB_LIBEDGETPU": str(libraries("SLOW_AT=1")), "TMPDIR": str(tmp_path)}
    environment["PYTHONPATH"] = os.pathsep.join(place for place in sys.path if place)
    command = [sys.executable, "-c", script, str(tflite_file("compiled"))]
    running = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert running.stdout is not None
    child = int(running.stdout.readline())
    time.sleep(0.3)
    running.kill()
    running.wait()
    deadline = time.monotonic() + 120
    while Path(f"/proc/{child}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert list(tmp_path.glob("edgewb-*")) == []
    assert not Path(f"/proc/{child}").exists() or "Z" in Path(f"/proc/{child}/stat").read_text().split()[2]


# Through the rest of edgewb


def test_accuracy_of_a_compiled_file(using: Callable[..., None], tmp_path: Path) -> None:
    from edgewb.datasets import as_inputs, load_dataset
    from edgewb.tflite.quantization import quantize

    using()
    path = classifier(tmp_path)
    data = load_dataset("digits")
    test = data.open_test()
    done = evaluate(path, "digits", "edgetpu:usb:0")
    stored = quantize(as_inputs(test, (0.0, 1.0)), float(np.float32(1 / 255)), -128, "int8")
    answers = np.array([expected(row, 10) for row in stored])
    assert done.accuracy.correct == int((answers.argmax(axis=1) == test.y).sum())
    assert (done.target, done.kernels, done.basis, done.accuracy.n) == ("edgetpu", "edgetpu", Basis.MEASURED, len(test.y))
    outputs = predict(path, as_inputs(test, (0.0, 1.0))[:3], "edgetpu")
    assert np.allclose(outputs, 0.05 * answers[:3])


def test_measure_and_evaluate_on_the_command_line(
    using: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    using()
    path = classifier(tmp_path)
    assert main(["measure", str(path), "--target", "edgetpu", "--runs", "25", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["target"], told["runs"], told["facts"]["device"], told["failed"]) == ("edgetpu", 25, "usb:0", None)
    assert str(tmp_path) not in json.dumps(told)
    assert main(["evaluate", str(path), "--dataset", "digits", "--target", "edgetpu"]) == 0
    assert "edgetpu kernels" in capsys.readouterr().out


def test_a_stick_pulled_out_on_the_command_line(tflite_file: Files, using: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    using("ABORT_AT=50")
    assert main(["measure", str(tflite_file("compiled")), "--target", "edgetpu", "--json"]) == 1
    out, err = capsys.readouterr()
    told = json.loads(out)
    assert told["runs"] == len(told["samples_ms"]) == 38  # 50 without the one that failed, the first one and ten to warm up
    assert "A USB transfer was cut off. Plug it in again" in told["failed"]
    assert err.startswith("edgewb: stopped after 38 calls, which are kept: call 39 failed")


def test_what_cannot_be_is_bad_input_on_the_command_line(
    tflite_file: Files, libraries: Libraries, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    monkeypatch.setenv("EDGEWB_LIBEDGETPU", str(libraries("USB=0")))
    for file, target in (("int8_conv", "edgetpu"), ("compiled", "edgetpu"), ("compiled", "edgetpu:x"), ("compiled", "edgetpu:")):
        assert main(["measure", str(tflite_file(file)), "--target", target]) == 2
        out, err = capsys.readouterr()
        assert (out, err.count("\n")) == ("", 1)


def test_real_compiled_files_load_and_run(shared: Path, using: Callable[..., None]) -> None:
    """Their custom op is the real compiler's; what computes it is the stand-in."""
    using()
    files = sorted((shared / "oracle" / "models").glob("*/compiled_edgetpu.tflite"))
    ran, refused = 0, []
    with open_target("edgetpu") as first:
        first.load(files[0])  # keeps the process for the others
        for file in files:
            with open_target("edgetpu") as target:
                try:
                    target.load(file)
                except ModelFileError as error:
                    refused.append(str(error))
                    continue
                zeros = [np.zeros(spec.shape, spec.dtype) for spec in target.inputs]
                outputs = target.run(zeros)
                assert [output.shape for output in outputs] == [spec.shape for spec in target.outputs]
                ran += 1
    assert ran == len(files) - len(refused)
    assert ran > 40
    assert all("needs the custom op" in text for text in refused)
