"""The worker process: what it answers, how it dies, and what it leaves behind."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from study_driver import take_ctrl_c

from edgewb.errors import ConversionError, InputError, MissingPackageError, ModelFileError
from edgewb.model_files import ModelKind, ModelSource
from edgewb.optimizers.workers import Worker

SOURCE = ModelSource(ModelKind.TFLITE, "m.tflite", "no/such/m.tflite", "0" * 64)
HANGS = "import time\ntime.sleep(600)\n"
# A TensorFlow whose preparation succeeds: enough for tasks that never reach it.
PRETENDS = """
import os, sys
print("a library prints this on standard output", flush=True)
os.write(1, b"and this past Python\\n" * 1000)
class _Anything:
    def __getattr__(self, name): return self
    def __call__(self, *a, **k): return self
sys.modules[__name__] = sys.modules["tf_keras"] = _Anything()
"""


def wait_until(true: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def gone(pid: int) -> bool:
    """Whether a process ended (a zombie nobody has waited for counts as ended)."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}


@pytest.mark.usefixtures("no_tensorflow")
def test_an_error_of_the_child_arrives_as_its_class_and_the_child_lives_on() -> None:
    with Worker() as worker:
        assert (worker.pid, worker.starts) == (None, 0)
        for _ in range(2):
            with pytest.raises(MissingPackageError, match=r"'tensorflow' is not installed .*'edgewb\[train\]'"):
                worker.call("describe_model", source=SOURCE)
        assert worker.starts == 1
        pid = worker.pid
        assert pid is not None
    assert worker.pid is None
    assert gone(pid)


def test_what_libraries_print_does_not_get_between_the_answers(
    instead_of_tensorflow: Callable[[str], None], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    instead_of_tensorflow(PRETENDS)
    garbage = tmp_path / "m.tflite"
    garbage.write_bytes(b"\0\0\0\0TFL3" + bytes(50))
    with Worker() as worker:
        for _ in range(2):
            with pytest.raises(ModelFileError, match=r"m\.tflite.*corrupted") as caught:
                worker.call("describe_model", source=ModelSource(ModelKind.TFLITE, "m.tflite", str(garbage), ""))
            assert "\n" not in str(caught.value)
        assert worker.starts == 1
    out, err = capfd.readouterr()
    assert (out, err) == ("", "")


def test_any_other_failure_is_a_conversion_error_of_one_line(instead_of_tensorflow: Callable[[str], None]) -> None:
    instead_of_tensorflow(PRETENDS)
    with Worker() as worker:
        with pytest.raises(ConversionError, match="KeyError: 'no_such_task'") as caught:
            worker.call("no_such_task")
        assert "\n" not in str(caught.value)
        with pytest.raises(ConversionError, match=r"TypeError: .*unexpected keyword"):
            worker.call("describe_model", source=SOURCE, unexpected=1)
        assert worker.starts == 1


def kill_soon(worker: Worker, number: int) -> None:
    def kill() -> None:
        wait_until(lambda: worker.pid is not None)
        time.sleep(0.2)
        pid = worker.pid
        assert pid is not None
        os.kill(pid, number)

    threading.Thread(target=kill, daemon=True).start()


@pytest.mark.parametrize(
    ("number", "says"),
    [
        (signal.SIGSEGV, "signal 11, SIGSEGV"),
        (signal.SIGABRT, "signal 6, SIGABRT"),
        (signal.SIGKILL, "SIGKILL, often the system running out of memory"),
        (40, "signal 40"),
    ],
)
def test_a_crash_is_an_error_that_names_the_signal(instead_of_tensorflow: Callable[[str], None], number: int, says: str) -> None:
    instead_of_tensorflow(f"import sys\nprint('the last words', file=sys.stderr, flush=True)\n{HANGS}")
    with Worker() as worker:
        kill_soon(worker, number)
        with pytest.raises(ConversionError) as caught:
            worker.call("describe_model", source=SOURCE)
        text = str(caught.value)
        assert says in text
        assert "TensorFlow crashed during describe model" in text
        assert "\n" not in text
        assert worker.pid is None


def test_after_a_crash_the_next_call_works_in_a_new_child(instead_of_tensorflow: Callable[[str], None], tmp_path: Path) -> None:
    once = tmp_path / "crashed_once"
    instead_of_tensorflow(
        f"import os, pathlib, signal\nonce = pathlib.Path({str(once)!r})\n"
        "if not once.exists():\n    once.touch()\n    os.kill(os.getpid(), signal.SIGSEGV)\n"
        "raise ModuleNotFoundError(name='tensorflow')\n"
    )
    with Worker() as worker:
        with pytest.raises(ConversionError, match="SIGSEGV"):
            worker.call("describe_model", source=SOURCE)
        with pytest.raises(MissingPackageError):
            worker.call("describe_model", source=SOURCE)
        assert worker.starts == 2


@pytest.mark.usefixtures("no_tensorflow")
def test_a_child_that_died_between_two_calls_is_replaced() -> None:
    with Worker() as worker:
        with pytest.raises(MissingPackageError):
            worker.call("describe_model", source=SOURCE)
        pid = worker.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: worker.pid is None)
        with pytest.raises(MissingPackageError):
            worker.call("describe_model", source=SOURCE)
        assert worker.starts == 2


def test_a_child_that_just_exits_says_its_status_and_its_last_words(instead_of_tensorflow: Callable[[str], None]) -> None:
    instead_of_tensorflow("import os, sys\nprint('cannot allocate', file=sys.stderr, flush=True)\nos._exit(3)\n")
    with Worker() as worker, pytest.raises(ConversionError, match=r"exit status 3\)\. Its last words: 'cannot allocate'"):
        worker.call("describe_model", source=SOURCE)


def test_a_broken_installation_says_why(instead_of_tensorflow: Callable[[str], None]) -> None:
    instead_of_tensorflow("raise ImportError('libsomething.so: cannot open shared object file')\n")
    with Worker() as worker, pytest.raises(ConversionError, match=r"libsomething\.so: cannot open"):
        worker.call("describe_model", source=SOURCE)


PARENT = """
import sys, threading, time
from edgewb.model_files import ModelKind, ModelSource
from edgewb.optimizers.workers import Worker
with Worker() as worker:
    worker.start()
    print(worker.pid, flush=True)
    worker.call("describe_model", source=ModelSource(ModelKind.TFLITE, "m", "m", ""))
"""


def start_parent(instead_of_tensorflow: Callable[[str], None]) -> tuple[subprocess.Popen[bytes], int]:
    instead_of_tensorflow(HANGS)
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment(),
        start_new_session=True,
        preexec_fn=take_ctrl_c,
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.stdout.close()
    return parent, child


@pytest.mark.parametrize("delay", [0.0, 0.1, 0.5])
def test_the_child_dies_with_a_parent_that_was_killed(instead_of_tensorflow: Callable[[str], None], delay: float) -> None:
    parent, child = start_parent(instead_of_tensorflow)
    time.sleep(delay)
    parent.kill()
    parent.wait()
    wait_until(lambda: gone(child))


@pytest.mark.parametrize("delay", [0.1, 0.5])
def test_ctrl_c_leaves_no_child_behind(instead_of_tensorflow: Callable[[str], None], delay: float) -> None:
    parent, child = start_parent(instead_of_tensorflow)
    time.sleep(delay)
    os.killpg(parent.pid, signal.SIGINT)  # as a terminal does: the whole group, the child too
    assert parent.wait(timeout=60) != 0
    wait_until(lambda: gone(child))


def test_an_interrupted_call_ends_its_child_and_the_next_one_starts_another(instead_of_tensorflow: Callable[[str], None]) -> None:
    instead_of_tensorflow(HANGS)

    def interrupt() -> None:
        wait_until(lambda: worker.pid is not None)
        time.sleep(0.2)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    with Worker() as worker:
        worker.start()
        pid = worker.pid
        assert pid is not None
        before = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored when a shell runs the tests in the background
        threading.Thread(target=interrupt, daemon=True).start()
        try:
            with pytest.raises(KeyboardInterrupt):
                worker.call("describe_model", source=SOURCE)
        finally:
            signal.signal(signal.SIGINT, before)
        assert worker.pid is None
        assert gone(pid)
        worker.start()
        assert worker.starts == 2


def test_a_script_without_the_usual_guard_is_not_started_again(tmp_path: Path, instead_of_tensorflow: Callable[[str], None]) -> None:
    instead_of_tensorflow("raise ModuleNotFoundError(name='tensorflow')\n")
    script = tmp_path / "script.py"
    script.write_text(
        "import edgewb.errors\nfrom edgewb.model_files import ModelKind, ModelSource\nfrom edgewb.optimizers.workers import Worker\n"
        "print('started')\ntry:\n    with Worker() as w:\n"
        "        w.call('describe_model', source=ModelSource(ModelKind.TFLITE, 'm', 'm', ''))\n"
        "except edgewb.errors.MissingPackageError:\n    print('answered')\n"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, env=environment(), cwd=tmp_path, check=True)
    assert done.stdout.split() == ["started", "answered"]


@pytest.mark.usefixtures("no_tensorflow")
def test_closing_twice_and_closing_what_never_ran_is_fine() -> None:
    worker = Worker()
    worker.close()
    worker.start()
    worker.start()
    assert worker.starts == 1
    worker.close()
    worker.close()


@pytest.mark.training
def test_progress_comes_through_and_never_goes_back(worker: Worker, pictures: object, tiny: object) -> None:
    from edgewb.optimizers.workers import Shared

    seen: list[float] = []
    weights, outcome, description = worker.call(
        "train_float",
        shared=Shared("pictures", pictures),
        progress=seen.append,
        source=ModelSource(ModelKind.BUILTIN, "image_cnn"),
        settings=tiny,
        seed=0,
    )
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    assert len(seen) == outcome.epochs >= 1
    assert weights[:2] == b"PK"
    assert description.outputs == 3


@pytest.mark.training
def test_a_real_crash_of_the_converter_is_an_error_and_not_a_dead_kernel(tmp_path: Path) -> None:
    """TensorFlow 2.21 ends with a segmentation fault when it quantises this GRU; a later one may refuse it, or manage."""
    from model_zoo import zoo

    folder = tmp_path / "packages"
    folder.mkdir()
    # The data sets of edgewb have no sequences, so the task is a stand-in; converter, process and model are the real ones.
    (folder / "sitecustomize.py").write_text(
        "import sys\n"
        "if '-m' in sys.orig_argv and 'edgewb.optimizers.workers' in sys.orig_argv:\n"
        "    from edgewb.optimizers import tasks\n"
        "    def gru(progress, model, data):\n"
        "        import numpy, tf_keras\n"
        "        from edgewb.optimizers import conversion\n"
        "        from edgewb.optimizers.recipes import Conversion\n"
        "        net = tf_keras.models.load_model(model, compile=False)\n"
        "        x = numpy.load(data)['x']\n"
        "        return conversion.convert_function(lambda x: net(x, training=False), (8, 4), Conversion.PTQ_INT8, x)\n"
        "    tasks.TASKS['gru'] = gru\n"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        with Worker() as own:
            with pytest.raises(ConversionError) as caught:
                own.call("gru", model=str(zoo() / "gru.keras"), data=str(zoo() / "sequences.npz"))
            assert "\n" not in str(caught.value)
            if "converter refused" in str(caught.value):
                pytest.skip(f"this TensorFlow does not crash on it: {caught.value}")
            assert "SIGSEGV" in str(caught.value)
            with pytest.raises(InputError):
                own.call("describe_model", source=ModelSource(ModelKind.TF_KERAS, "x.keras", "no/such/x.keras", ""))
            assert own.starts == 2


def test_the_worker_is_found_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_tensorflow: None) -> None:
    monkeypatch.chdir(tmp_path)
    with Worker() as worker, pytest.raises(MissingPackageError):
        worker.call("describe_model", source=SOURCE)
