"""The target "ssh" against a real OpenSSH server on loopback, with real LiteRT at the other end."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import platform
import pty
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from builders import Builder
from ssh_servers import SshServer, serve

from edgewb.environments import environment
from edgewb.errors import EdgewbError, InputError, ModelFileError, TargetError
from edgewb.measurements import evaluate, measure
from edgewb.ratios import measure_targets
from edgewb.sampling import random_values, sample
from edgewb.targets import Target, connections, open_target
from edgewb.targets.ssh import SshTarget
from edgewb.types import Basis

Files = Callable[[str], Path]
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def _server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    try:
        with serve(tmp_path_factory.mktemp("ssh")) as started:
            yield started
    except LookupError as missing:
        pytest.skip(str(missing))


@pytest.fixture
def server(_server: SshServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[SshServer]:
    """The server; whatever a test does with it, afterwards nothing of a login runs and nothing lies there that did not before."""
    _server.reset()
    monkeypatch.setenv("EDGEWB_SSH_CONFIG", str(_server.folder / "config"))
    monkeypatch.setenv("EDGEWB_SSH_PYTHON", sys.executable)
    before = _server.files()
    yield _server
    wait_for(lambda: not _server.running())
    assert _server.files() == before


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it does not end"
        time.sleep(0.02)


def random_input(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(-128, 128, (1, 8, 8, 3)).astype(np.int8)


def worker(server: SshServer) -> psutil.Process:
    """The runner's process that holds the interpreter: the child of its keeper."""
    return max(server.running(), key=lambda process: process.create_time())


def wait_until_sampled(server: SshServer) -> None:
    """Starting takes the runner less than a second of processor time, and after one of sampling the first samples are on their way."""
    wait_for(lambda: len(server.running()) > 1 and worker(server).cpu_times().user > 2.5, 300)


def refusal(target: str | Target, path: Path, kind: type[EdgewbError] = TargetError) -> str:
    """What loading says; one line, however it fails, and soon."""
    started = time.monotonic()
    opened = open_target(target) if isinstance(target, str) else target
    with opened, pytest.raises(kind) as caught:
        opened.load(path)
    assert time.monotonic() - started < 60
    assert str(caught.value).isprintable()
    return str(caught.value)


def names_nobody(text: str, server: SshServer) -> None:
    """Neither who logged in where, nor a path."""
    user = server.user if server.user != "runner" else "runner@"  # some services test as a user of that name, a word of ours
    for word in (user, "127.0.0.1", str(server.port), socket.gethostname(), str(server.folder), sys.prefix, str(Path.home())):
        assert not re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text), word


class TestRunning:
    @pytest.mark.parametrize("kernels", ["xnnpack", "builtin"])
    def test_it_answers_what_the_same_interpreter_answers_here(self, server: SshServer, tflite_file: Files, kernels: str) -> None:
        path = tflite_file("int8_conv")
        with open_target(server.target, kernels=kernels) as there, open_target("cpu", kernels=kernels) as here:
            there.load(path)
            here.load(path)
            assert (there.name, there.basis, there.threads, there.kernels) == ("ssh", Basis.MEASURED, 1, kernels)
            assert (there.inputs, there.outputs) == (here.inputs, here.outputs)
            ours = environment()
            note = f"Ran on another computer: {ours.cpu}, {ours.cores} cores, {ours.platform}."
            assert there.facts == dataclasses.replace(here.facts, notes=(note,))
            answers = set()
            for seed in range(5):
                (ours,), (theirs,) = here.run([random_input(seed)]), there.run([random_input(seed)])
                assert theirs.dtype == ours.dtype
                assert np.array_equal(theirs, ours)
                answers.add(theirs.tobytes())
            assert len(answers) > 1

    def test_its_environment_is_that_computers(self, server: SshServer, tflite_file: Files) -> None:
        with open_target(server.target) as target:
            target.load(tflite_file("float"))
            found, ours = target.environment, environment()
            assert found is not None
            assert {**found.to_dict(), "packages": {}} == {**ours.to_dict(), "packages": {}}
            assert {name: ours.packages[name] for name in ("edgewb", "numpy", "ai-edge-litert")} == found.packages

    def test_several_inputs_one_an_index(self, server: SshServer, tmp_path: Path) -> None:
        builder = Builder()
        table = builder.constant("table", np.arange(12, dtype=np.float32).reshape(4, 3), scale=None)
        index = builder.tensor("index", (1,), "INT32")
        row = builder.tensor("row", (1, 3), "FLOAT32")
        builder.op("GATHER", [table, index], [row], 1, "GatherOptions", axis=0)
        other = builder.tensor("other", (1, 3), "FLOAT32")
        result = builder.tensor("sum", (1, 3), "FLOAT32")
        builder.op("ADD", [row, other], [result], 1, "AddOptions")
        path = tmp_path / "two.tflite"
        path.write_bytes(builder.build([index, other], [row, result]))
        with open_target(server.target) as target:
            target.load(path)
            first, second = target.run([np.array([2], np.int32), np.array([[1, 2, 3]], np.float32)])
            assert first.tolist() == [[6, 7, 8]]
            assert second.tolist() == [[7, 9, 11]]
            for bad in (-1, 4):  # the kernel refuses it, in the middle of a sample too
                with pytest.raises(ModelFileError, match=r"failed while it ran there.*gather index out of bounds"):
                    target.sample([np.array([bad], np.int32), np.ones((1, 3), np.float32)], 10, 1, 1.0)
            assert target.run([np.array([0], np.int32), np.zeros((1, 3), np.float32)])[0].tolist() == [[0, 1, 2]]

    def test_inputs_that_do_not_fit(self, server: SshServer, tflite_file: Files) -> None:
        with open_target(server.target) as target:
            with pytest.raises(InputError, match="no model is loaded"):
                target.run([random_input()])
            target.load(tflite_file("int8_conv"))
            with pytest.raises(InputError, match="has 1 inputs and 2"):
                target.run([random_input(), random_input()])
            with pytest.raises(InputError, match=r"float32 of shape .* was given, int8 of shape"):
                target.run([random_input().astype(np.float32)])
            with pytest.raises(InputError, match="does not fit"):
                sample(target, [random_input()[:, 1:]], 5, 1, 1.0)
            assert target.run([random_input()])[0].shape == (1, 10)
            target.close()
            with pytest.raises(InputError, match="no model is loaded"):
                target.run([random_input()])

    def test_a_measurement_names_neither_user_nor_host(self, server: SshServer, tflite_file: Files) -> None:
        found = measure(tflite_file("int8_conv"), server.target, runs=300, warmup_runs=3, threads=2)
        assert (found.target, found.basis, found.runs, found.threads, found.failed) == ("ssh", Basis.MEASURED, 300, 2, None)
        assert all(0 < milliseconds < 1000 for milliseconds in found.samples_ms)
        names_nobody(json.dumps(found.to_dict()), server)

    def test_beside_a_target_here_its_record_is_of_its_own_computer(self, server: SshServer, tflite_file: Files) -> None:
        got = measure_targets(tflite_file("int8_conv"), ["cpu", server.target], runs=40)
        here, there = got.measurements
        assert got.labels == ("cpu:xnnpack", "ssh")
        assert here.conditions is not None
        assert there.conditions is not None
        assert there.conditions != here.conditions
        assert here.memory.process_peak_bytes is None  # one process holds what runs here
        assert (there.memory.process_peak_bytes or 0) > 10**6
        assert "ssh: meanwhile: " in repr(got)

    def test_a_sample_ends_when_it_should_and_comes_with_what_went_on(self, server: SshServer, tflite_file: Files) -> None:
        with open_target(server.target) as target:
            assert isinstance(target, SshTarget)
            target.load(tflite_file("int8_conv"))
            inputs = [random_values(spec) for spec in target.inputs]
            assert target.sample(inputs, 0, 0, 1.0) == []
            assert target.remote_conditions is None
            assert len(target.sample(inputs, 10**6, 7, 1e-9)) == 7
            started = time.monotonic()
            taken = target.sample(inputs, 10**6, 20, 1.2)  # more than a second: it arrives in parts
            assert time.monotonic() - started >= 1.2
            assert 20 < len(taken) < 10**6
            assert sum(taken) / 1e3 > 0.5
            assert sum(taken[:-1]) / 1e3 <= 1.2  # the last call alone may end behind the time
            conditions, memory = target.remote_conditions, target.remote_memory
            assert conditions is not None
            assert conditions.load_before == pytest.approx(os.getloadavg()[0] / (os.cpu_count() or 1), abs=1)
            assert 0 <= (conditions.others_share or 0) <= 1
            assert memory is not None
            assert memory.file_bytes == tflite_file("int8_conv").stat().st_size
            assert 10**6 < (memory.process_before_bytes or 0) < (memory.process_peak_bytes or 0) < 10**10

    def test_accuracy_is_what_it_is_here(self, server: SshServer, tflite_file: Files, tmp_path: Path) -> None:
        rng = np.random.default_rng(0)
        path = tmp_path / "small.npz"
        np.savez(path, x=rng.random((300, 8, 8, 3), dtype=np.float32), y=np.arange(300) % 10)
        ours, theirs = (evaluate(tflite_file("int8_conv"), path, target, input_range=(-1, 1)) for target in ("cpu", server.target))
        assert theirs.target == theirs.accuracy.target == "ssh"
        assert (theirs.accuracy.correct, theirs.classes) == (ours.accuracy.correct, ours.classes)
        names_nobody(json.dumps(theirs.to_dict()), server)


class TestEnding:
    """The runner, the connection or we go away in mid-run; the fixture looks that nothing stays behind."""

    def test_the_connection_is_lost(self, server: SshServer, tflite_file: Files) -> None:
        started: list[psutil.Process] = []

        def cut() -> None:
            wait_until_sampled(server)
            started.extend(server.running())
            for process in server.sessions():
                if process not in started:
                    process.kill()

        with open_target(server.target) as target:
            target.load(tflite_file("int8_conv"))
            inputs = [random_values(spec) for spec in target.inputs]
            sample(target, inputs, 10, 1, 1.0)
            cutter = threading.Thread(target=cut)
            cutter.start()
            with pytest.raises(TargetError, match="the connection was lost") as caught:
                sample(target, inputs, 10**6, 1, 60.0)
            cutter.join()
            with pytest.raises(InputError, match="no model is loaded"):
                target.run(inputs)
        assert len(caught.value.samples_ms) > 100
        assert all(0 < milliseconds < 1000 for milliseconds in caught.value.samples_ms)
        names_nobody(str(caught.value), server)
        assert len(started) >= 2
        wait_for(lambda: not any(process.is_running() for process in started))  # they are no children of the server any more

    def test_the_runner_is_killed_and_what_was_measured_before_is_kept(self, server: SshServer, tflite_file: Files) -> None:
        def kill() -> None:
            wait_until_sampled(server)
            worker(server).kill()

        killer = threading.Thread(target=kill)
        killer.start()
        found = measure(tflite_file("int8_conv"), server.target, runs=10**6, warmup_runs=0, seconds=60)
        killer.join()
        assert found.failed is not None
        assert "ended by signal 9: by somebody, or because memory ran out" in found.failed
        assert found.runs == len(found.samples_ms) > 100
        names_nobody(json.dumps(found.to_dict()), server)

    def test_a_crash_of_litert_is_told_from_a_kill(self, server: SshServer, tflite_file: Files) -> None:
        with open_target(server.target) as target:
            target.load(tflite_file("int8_conv"))
            worker(server).send_signal(signal.SIGSEGV)
            with pytest.raises(TargetError, match=r"LiteRT there crashed \(SIGSEGV\)"):
                target.run([random_input()])

    def test_we_are_killed(self, server: SshServer, tflite_file: Files) -> None:
        script = (
            "import sys; from edgewb.targets import open_target; from edgewb.sampling import random_values\n"
            "target = open_target(sys.argv[1]); target.load(sys.argv[2]); print('ready', flush=True)\n"
            "target.sample([random_values(spec) for spec in target.inputs], 10**6, 10**6, 600.0)\n"
        )
        command = [sys.executable, "-c", script, server.target, str(tflite_file("int8_conv"))]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as ours:
            assert ours.stdout is not None
            assert ours.stdout.readline() == b"ready\n"
            clients = psutil.Process(ours.pid).children()
            assert clients
            assert len(server.running()) >= 2
            ours.kill()
        wait_for(lambda: not server.running())
        wait_for(lambda: not any(client.is_running() for client in clients))

    def test_a_runner_that_hangs_is_killed_there(self, server: SshServer, tflite_file: Files) -> None:
        target = open_target(server.target)
        target.load(tflite_file("int8_conv"))
        worker(server).suspend()  # it sees neither the end of its input nor a polite request
        target.close()
        wait_for(lambda: not server.running())


class TestReaching:
    """Everything before a model is there."""

    def test_available(self, server: SshServer, monkeypatch: pytest.MonkeyPatch) -> None:
        assert open_target(server.target).available().to_dict() == {"available": True, "reason": "", "fix": ""}
        monkeypatch.setenv("EDGEWB_SSH_PYTHON", "no-such-python")
        found = open_target(server.target).available()
        assert not found.available
        assert "there is no no-such-python" in found.reason
        assert "EDGEWB_SSH_PYTHON" in found.fix

    def test_an_unknown_host_key_is_refused_and_not_learnt(self, server: SshServer, tflite_file: Files) -> None:
        server.configure(known="")
        text = refusal(server.target, tflite_file("float"))
        assert "the host key of 127.0.0.1 is not known here: log in once by hand with `ssh -F" in text
        assert "fingerprint" in text
        assert (server.folder / "known_hosts").read_text() == ""

    def test_a_changed_host_key_is_refused(self, server: SshServer, tflite_file: Files) -> None:
        server.configure(known=f"[127.0.0.1]:{server.port} " + server.other_key.with_suffix(".pub").read_text())
        text = refusal(server.target, tflite_file("float"))
        assert "is not the one known here" in text
        assert f"ssh-keygen -f '{server.folder / 'known_hosts'}' -R '[127.0.0.1]:{server.port}'" in text.replace('"', "'")

    def test_no_configuration_of_ones_own_lets_a_key_pass(self, server: SshServer, tflite_file: Files) -> None:
        config = server.configure(known="")
        config.write_text("StrictHostKeyChecking no\nNoHostAuthenticationForLocalhost yes\n" + config.read_text())
        assert "is not known here" in refusal(server.target, tflite_file("float"))
        assert (server.folder / "known_hosts").read_text() == ""

    def test_permission_denied_does_not_wait_for_a_password(self, server: SshServer, tflite_file: Files) -> None:
        for key in (server.other_key, server.locked_key):
            server.configure(key=key)
            assert "127.0.0.1 does not let you in: put your key there with ssh-copy-id" in refusal(server.target, tflite_file("float"))

    def test_in_a_terminal_a_passphrase_can_be_typed(self, server: SshServer, tflite_file: Files) -> None:
        server.configure(key=server.locked_key)
        path = tflite_file("int8_conv")
        process, terminal = pty.fork()
        if process == 0:
            os.chdir(ROOT)
            command = [sys.executable, "-m", "edgewb.cli", "measure", str(path), "--target", server.target, "--runs", "5"]
            os.execv(sys.executable, command)
        shown, typed = b"", False
        with contextlib.suppress(OSError):  # how a terminal says that nobody is there any more
            while part := os.read(terminal, 4096):
                shown += part
                if not typed and b"passphrase" in shown:
                    os.write(terminal, b"open sesame\n")
                    typed = True
        os.close(terminal)
        assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0, shown
        assert typed
        assert b"n = 5 (measured)" in shown

    def test_nobody_listens(self, server: SshServer, tflite_file: Files) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            text = refusal(f"ssh:{server.user}@127.0.0.1:{unused.getsockname()[1]}", tflite_file("float"))
        assert "127.0.0.1 refuses the connection" in text

    def test_a_host_that_does_not_answer(self, server: SshServer, tflite_file: Files, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(connections, "CONNECT_SECONDS", 1)
        with socket.socket() as mute:
            mute.bind(("127.0.0.1", 0))
            mute.listen()
            text = refusal(f"ssh:{server.user}@127.0.0.1:{mute.getsockname()[1]}", tflite_file("float"))
        assert "127.0.0.1 does not answer: is it on" in text

    def test_a_name_that_does_not_resolve(self, server: SshServer, tflite_file: Files) -> None:
        assert "the name no-such-host.invalid does not resolve" in refusal("ssh:pi@no-such-host.invalid", tflite_file("float"))

    def test_a_configuration_that_is_not_there(self, server: SshServer, tflite_file: Files, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("EDGEWB_SSH_CONFIG", str(server.folder / "missing"))
        assert "ssh's configuration cannot be read" in refusal(server.target, tflite_file("float"))

    def test_no_ssh_here(self, server: SshServer, tflite_file: Files, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", str(server.home))
        assert "there is no ssh on this computer: install" in refusal(server.target, tflite_file("float"))

    @pytest.mark.parametrize("given", ["-c", "a\nb", "it's", "a\\b"])
    def test_a_python_that_is_no_path(self, server: SshServer, tflite_file: Files, monkeypatch: pytest.MonkeyPatch, given: str) -> None:
        monkeypatch.setenv("EDGEWB_SSH_PYTHON", given)
        assert "EDGEWB_SSH_PYTHON" in refusal(server.target, tflite_file("float"), InputError)
        assert not open_target(server.target).available().available


class TestOtherSide:
    """What can be wrong over there."""

    def test_a_python_in_the_home_folder_with_a_space_in_its_path(self, server: SshServer, tflite_file: Files, monkeypatch) -> None:
        link = server.home / "my tools" / "python"
        link.parent.mkdir()
        try:
            link.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
            link.chmod(0o755)
            monkeypatch.setenv("EDGEWB_SSH_PYTHON", "~/my tools/python")
            with open_target(server.target) as target:
                target.load(tflite_file("float"))
        finally:
            link.unlink()
            link.parent.rmdir()

    def test_an_old_python(self, server: SshServer, tflite_file: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        old = tmp_path / "python3"  # this one, and it says that it is an old one
        pretend = "import sys; sys.version_info = (3, 7, 16); exec(sys.argv[4])"
        old.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{pretend}" "$@"\n')
        old.chmod(0o755)
        monkeypatch.setenv("EDGEWB_SSH_PYTHON", str(old))
        assert "Python 3.7 on 127.0.0.1 is too old: install Python 3.8" in refusal(server.target, tflite_file("float"))

    def test_a_python_without_litert(self, server: SshServer, tflite_file: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        bare = tmp_path / "python3"
        bare.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n')
        bare.chmod(0o755)
        monkeypatch.setenv("EDGEWB_SSH_PYTHON", str(bare))
        text = refusal(server.target, tflite_file("float"))
        assert "no LiteRT for the Python there (No module named 'ai_edge_litert'" in text
        assert "pip install ai-edge-litert" in text

    def test_no_folder_to_write_to_is_no_matter(self, server: SshServer, tflite_file: Files) -> None:
        server.force('HOME=/nonexistent TMPDIR=/nonexistent; export HOME TMPDIR; eval "$SSH_ORIGINAL_COMMAND"')
        with open_target(server.target) as target:
            target.load(tflite_file("float"))
            opened = [file.path for process in server.running() for file in process.open_files()]
            assert opened == []

    def test_what_the_shell_prints_before_is_read_over(self, server: SshServer, tflite_file: Files) -> None:
        server.force('echo "Welcome! EWB1"; seq 20000; printf "no newline"; eval "$SSH_ORIGINAL_COMMAND"')
        with open_target(server.target) as target:
            target.load(tflite_file("int8_conv"))
            assert target.run([random_input()])[0].shape == (1, 10)

    @pytest.mark.parametrize(
        ("command", "said"),
        [
            ("echo This account is not available.", "did not run .*This account is not available"),
            ("exit 3", "did not run .*exit status 3"),
            ("yes", r"did not run .*\(y\)"),
        ],
    )
    def test_something_else_answers(self, server: SshServer, tflite_file: Files, command: str, said: str) -> None:
        server.force(command)
        assert re.search(said, refusal(server.target, tflite_file("float")))

    def test_nothing_starts(self, server: SshServer, tflite_file: Files, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(connections, "START_SECONDS", 1)
        server.force("exec sleep 600")
        text = refusal(server.target, tflite_file("float"))
        assert "was reached, but nothing started there in time" in text
        for process in server.running():  # it reads nothing, so it does not see that we went; no runner was ever there
            process.kill()

    @pytest.mark.parametrize(
        "answer", ["garbage", r"EWB1\377\377\377\377\377\377\377\377\377\377\377\377", r"EWB1\2\0\0\0\0\0\0\0\0\0\0\0[]"]
    )
    def test_an_answer_that_is_none(self, server: SshServer, tflite_file: Files, answer: str) -> None:
        server.force(f'read marker rest; printf "\\n%s\\n" "$marker"; printf "%b" "{answer} and so on and on and on"; cat > /dev/null')
        text = refusal(server.target, tflite_file("float"))
        assert "what came back is no answer of the runner" in text
        names_nobody(text, server)

    def test_a_model_that_litert_there_refuses(self, server: SshServer, tmp_path: Path) -> None:
        builder = Builder()
        source = builder.tensor("image", (1, 8, 8, 3))
        result = builder.tensor("result", (1, 8, 8, 3))
        builder.op("MyOwnOp", [source], [result])
        path = tmp_path / "custom.tflite"
        path.write_bytes(builder.build([source], [result]))
        assert "LiteRT there cannot run it (Encountered unresolved custom op: MyOwnOp" in refusal(server.target, path, ModelFileError)

    def test_a_compiled_model_wants_the_library_of_the_edge_tpu(self, server: SshServer, tflite_file: Files, tmp_path: Path) -> None:
        name = {"Darwin": "libedgetpu.1.dylib"}.get(platform.system(), "libedgetpu.so.1")
        library = tmp_path / name
        library.write_text("no library")
        server.force(f'LD_LIBRARY_PATH={tmp_path}; export LD_LIBRARY_PATH; eval "$SSH_ORIGINAL_COMMAND"')
        text = refusal(server.target, tflite_file("compiled"))
        assert f"the library of the Edge TPU does not load there ({name}: file too short): install libedgetpu1-std" in text

    def test_a_compiled_model_wants_an_edge_tpu(self, server: SshServer, tflite_file: Files, tmp_path: Path) -> None:
        compiler = shutil.which("cc")
        if compiler is None:
            pytest.skip("no C compiler (cc) to build a library that finds no device")
        source = "void *tflite_plugin_create_delegate() { return 0; }\nvoid tflite_plugin_destroy_delegate(void *it) { (void)it; }\n"
        (tmp_path / "none.c").write_text(source)
        command = [compiler, "-shared", "-fPIC", "-o", str(tmp_path / "libedgetpu.so.1"), str(tmp_path / "none.c")]
        subprocess.run(command, check=True)
        server.force(f'LD_LIBRARY_PATH={tmp_path}; export LD_LIBRARY_PATH; eval "$SSH_ORIGINAL_COMMAND"')
        text = refusal(server.target, tflite_file("compiled"))
        assert "no Edge TPU answers there (Failed to load delegate from libedgetpu.so.1): plug it in" in text

    def test_a_bad_file_costs_no_login(self, server: SshServer, tmp_path: Path) -> None:
        log = server.log.read_bytes()
        path = tmp_path / "bad.tflite"
        path.write_bytes(b"no model")
        refusal(server.target, path, ModelFileError)
        refusal(server.target, tmp_path / "missing.tflite", ModelFileError)
        assert server.log.read_bytes() == log
