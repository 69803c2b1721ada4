"""One long-lived process for everything that loads TensorFlow: a converter that crashes is an error here, not a dead kernel.

Requests and answers are pickles over the child's own pipes, between two processes of the same program and user. A pool of
the standard library would do for the calls; it re-imports ``__main__`` (a script without the usual guard starts itself
again), and streams no progress.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, Any

import edgewb.errors
from edgewb.errors import ConversionError, EdgewbError, MissingPackageError, StudyCancelled

Progress = Callable[[float], None]
"""Called with the finished share of the running task, 0..1."""

_LOOK_S = 0.5
"""While the child works, a request to stop is looked for so often."""
_SUGGESTION = "the other variants are not touched; set EDGEWB_DEBUG=1 to see all it printed"


@dataclass(frozen=True)
class Shared:
    """Data sent to a worker once in its life and handed to each task that names it. ``key`` identifies the content."""

    key: str
    value: Any


class Worker:
    """Runs functions of ``edgewb.optimizers.tasks`` in a child process, started when first needed and again after a crash.

    ``is_cancelled`` (None: nobody can) says whether its work is wanted no longer: the child is then ended in the middle of a task.
    ``seconds``: what the last call took in the child, without its start and without sending the data.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None
        self._sent: set[str] = set()
        self.starts = 0
        self.seconds = 0.0
        self.is_cancelled: Callable[[], bool] | None = None

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        """Start the child (it begins to import TensorFlow at once); does nothing while it lives."""
        if self._process is not None and self._process.poll() is None:
            return
        self.close()
        debug = bool(os.environ.get("EDGEWB_DEBUG"))
        self._log = None if debug else tempfile.TemporaryFile()  # noqa: SIM115 (closed by close())
        # Whatever the user's shell says: another Keras backend cannot be converted, and oneDNN rounds differently.
        environment = {"TF_CPP_MIN_LOG_LEVEL": "2", **os.environ, "KERAS_BACKEND": "tensorflow", "TF_ENABLE_ONEDNN_OPTS": "0"}
        # A virtual environment, or a clone that is not installed, must be found by the child as it was by us.
        environment["PYTHONPATH"] = os.pathsep.join(p for p in sys.path if p)
        environment["PYTHONHASHSEED"] = "0"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "edgewb.optimizers.workers"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=environment,
        )
        self.starts += 1

    @property
    def pid(self) -> int | None:
        """Process id of the living child, or None."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def check(self) -> None:
        """Raise StudyCancelled once the work is wanted no longer."""
        if self.is_cancelled is not None and self.is_cancelled():
            self.close()
            raise StudyCancelled("cancelled, as somebody asked for it; every finished variant is kept, the same call goes on from there")

    @contextlib.contextmanager
    def _ended_when_cancelled(self, process: subprocess.Popen[bytes]) -> Iterator[None]:
        """Look beside the wait for the child's answer, which may take minutes."""
        if (is_cancelled := self.is_cancelled) is None:
            yield
            return
        answered = threading.Event()

        def look() -> None:
            while not answered.wait(_LOOK_S):
                if is_cancelled():
                    process.kill()
                    return

        looking = threading.Thread(target=look, daemon=True)
        looking.start()
        try:
            yield
        finally:
            answered.set()
            looking.join()

    def call(self, task: str, *, shared: Shared | None = None, progress: Progress | None = None, **arguments: Any) -> Any:
        """Run ``tasks.<task>`` in the child and return its result.

        Raises:
            EdgewbError: what the task raised; ConversionError for any other failure and for a crash of the child, which is started again
                by the next call; StudyCancelled.
        """
        self.check()
        self.start()
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            with self._ended_when_cancelled(process):
                if shared is not None and shared.key not in self._sent:
                    pickle.dump(("shared", shared.key, shared.value), process.stdin)
                    self._sent = {shared.key}
                pickle.dump(("call", task, shared.key if shared else None, arguments), process.stdin)
                process.stdin.flush()
                while True:
                    kind, *payload = pickle.load(process.stdout)  # noqa: S301 (our own child)
                    if kind == "progress":
                        if progress is not None:
                            progress(payload[0])
                    elif kind == "result":
                        result, self.seconds = payload
                        return result
                    else:
                        raise _as_error(*payload)
        except (EOFError, BrokenPipeError, pickle.UnpicklingError):
            self.check()
            raise ConversionError(self._crash_message(task)) from None
        except BaseException as error:
            if not isinstance(error, EdgewbError):
                self.close()  # interrupted: the pipe may hold half an answer
            raise

    def _crash_message(self, task: str) -> str:
        assert self._process is not None
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=10)
        code = self._process.poll()
        if code is not None and code < 0:
            how = f"signal {-code}"
            with contextlib.suppress(ValueError):  # a signal without a name
                how += f", {signal.Signals(-code).name}"
                if -code == signal.SIGKILL:
                    how += ", often the system running out of memory"
        else:
            how = f"exit status {code}"
        last = self._last_line()
        self.close()
        said = f" Its last words: {last!r}." if last else ""
        return f"TensorFlow crashed during {task.replace('_', ' ')} ({how}).{said} This kernel is safe; {_SUGGESTION}"

    def _last_line(self) -> str:
        if self._log is None:
            return ""
        self._log.seek(0, os.SEEK_END)
        self._log.seek(max(0, self._log.tell() - 4000))
        lines = [line.strip() for line in self._log.read().decode(errors="replace").splitlines() if line.strip()]
        return lines[-1][:200] if lines else ""

    def close(self) -> None:
        """End the child; the next call starts a new one."""
        process, self._process = self._process, None
        self._sent.clear()
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with contextlib.suppress(OSError):
                        pipe.close()
        if self._log is not None:
            self._log.close()
            self._log = None


def _as_error(class_name: str, message: str) -> EdgewbError:
    known = getattr(edgewb.errors, class_name, None)
    if isinstance(known, type) and issubclass(known, EdgewbError):
        return known(message)
    return ConversionError(f"{class_name}: {message}; {_SUGGESTION}")


def _read_requests(requests: queue.Queue[tuple[Any, ...]]) -> None:
    """Runs in a thread: when the parent is gone, however it went, so is this process, even in the middle of a training."""
    while True:
        try:
            requests.put(pickle.load(sys.stdin.buffer))  # noqa: S301 (our own parent)
        except (EOFError, pickle.UnpicklingError):
            os._exit(0)
        except BaseException as error:  # no memory for the data, say: a parent that waits must hear of it
            print(f"{type(error).__name__} while the data were read", file=sys.stderr, flush=True)
            os._exit(1)


def main() -> None:
    """The child: answers requests until the parent closes the pipe."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print must not get between the answers
    requests: queue.Queue[tuple[Any, ...]] = queue.Queue()
    threading.Thread(target=_read_requests, args=(requests,), daemon=True).start()

    def send(*message: Any) -> None:
        pickle.dump(message, answers)
        answers.flush()

    from edgewb.optimizers import tasks

    shared: dict[str, Any] = {}
    failed_import: MissingPackageError | None = None
    try:
        tasks.prepare()
    except MissingPackageError as error:
        failed_import = error
    while True:
        kind, *payload = requests.get()
        if kind == "shared":
            shared = {payload[0]: payload[1]}  # one at a time: two would take the memory twice
            continue
        task, key, arguments = payload
        try:
            if failed_import is not None:
                raise failed_import
            if key is not None:
                arguments["data"] = shared[key]
            started = time.monotonic()
            result = tasks.TASKS[task](progress=lambda share: send("progress", share), **arguments)
            send("result", result, time.monotonic() - started)
        except Exception as error:
            if os.environ.get("EDGEWB_DEBUG") and not isinstance(error, EdgewbError):
                import traceback

                traceback.print_exc()
            lines = [line.strip() for line in str(error).splitlines() if line.strip()]
            message = str(error) if isinstance(error, EdgewbError) else (lines[0][:300] if lines else "no message")
            send("error", type(error).__name__, message)


if __name__ == "__main__":
    try:
        main()
    except BaseException:
        import traceback

        traceback.print_exc()
        sys.stderr.flush()
    # Not through Python's own exit: it aborts while the other thread reads standard input, and the reason above is lost.
    os._exit(1)
