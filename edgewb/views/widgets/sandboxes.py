"""A visitor's model, run by LiteRT or OpenVINO in a process of its own: with little memory, no files to write, nothing of the server's
environment, and ended when a call takes too long; where Linux allows it, without network, files to read, or other processes to see. Only
where the server was started for it.

These trust what is in a file. A model made to break out of it would find itself in that process, so what comes back is read as plain
bytes of a size known before, never unpickled.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt
import psutil

from edgewb.enclosures import smallest_model
from edgewb.errors import InputError, ModelFileError, TargetError
from edgewb.locations import write_whole
from edgewb.targets.interfaces import Availability, Target, TensorSpec
from edgewb.targets.runtimes import read_source, tensor_specs
from edgewb.tflite.reader import load_bytes
from edgewb.types import Basis, Environment, TargetFacts

MEMORY_BYTES: Final = 2**29
"""Of address space, of which Python, numpy and LiteRT take 170 MB."""
LOAD_SECONDS: Final = 20.0
CALL_SECONDS: Final = 3.0
CPU_SECONDS: Final = 3_600
CLOSED: Final = "without network, files, or sight of other processes"
OPEN: Final = "of which network and the reading of files are not limited, as this system does not let a program do so"
RUNTIMES: Final = ("cpu", "cpu:builtin", "openvino")
"""What runs a visitor's model. Not ONNX Runtime: the conversion for it needs TensorFlow, which no dashboard loads."""
OFFERED: Final = (*RUNTIMES, "simulated")
MODEL_FILE: Final = "model.tflite"
SMALLEST_FILE: Final = "smallest.tflite"
_END_SECONDS: Final = 1.0
HEAD: Final = 9
TEXT_BYTES: Final = 400
_KEPT_VARIABLES: Final = ("PATH", "LANG", "LD_LIBRARY_PATH", "SYSTEMROOT")


class SandboxTarget:
    """A target for one model of a visitor, see ``Target``. Times are there and back, as ``InChild`` targets have them."""

    basis = Basis.MEASURED
    threads = 1
    environment: Environment | None = None

    def __init__(self, given: str = RUNTIMES[0], *, memory_bytes: int = MEMORY_BYTES, call_seconds: float = CALL_SECONDS) -> None:
        """``given``: one of ``RUNTIMES``, see ``open_sandbox`` for more."""
        self.name, _, kernels = given.partition(":")
        self.kernels = kernels or {"cpu": "xnnpack"}.get(self.name, "CPU")
        self._title = "LiteRT" if self.name == "cpu" else "OpenVINO"
        self.inputs: tuple[TensorSpec, ...] = ()
        self.outputs: tuple[TensorSpec, ...] = ()
        self.facts = TargetFacts(runtime="", device="cpu")
        self._memory_bytes, self._call_seconds = memory_bytes, call_seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._ended = ""

    @property
    def process_id(self) -> int | None:
        """Of the process that runs the model; None while there is none."""
        if self._process is None:
            return None
        with contextlib.suppress(psutil.NoSuchProcess):
            for child in psutil.Process(self._process.pid).children():  # where it is closed off, ours only waits for that one
                return int(child.pid)
        return self._process.pid

    def available(self) -> Availability:
        """Where Python can limit a process: not on Windows."""
        import importlib.util

        if importlib.util.find_spec("resource") is None:
            return Availability(available=False, reason="this system cannot limit the memory of a process", fix="serve from Linux or macOS")
        return Availability(available=True)

    def load(self, path: str | Path) -> None:
        """Start the process and load the model there.

        Raises:
            ModelFileError: not a source .tflite, or not one that runs within the limits. TargetError: no limits here.
        """
        self.close()
        if not (found := self.available()).available:
            raise TargetError(f"models of visitors cannot be run here: {found.reason}; {found.fix}")
        graph = read_source(path, self.name)
        inputs, outputs = tensor_specs(path, graph, graph.inputs), tensor_specs(path, graph, graph.outputs)
        content = load_bytes(path)
        with tempfile.TemporaryDirectory(prefix="edgewb-") as folder:
            if self.name == "openvino":  # which takes files alone: these are all that it will see
                write_whole(Path(folder, SMALLEST_FILE), smallest_model())
                write_whole(Path(folder, MODEL_FILE), content)
            numbers = str(self._memory_bytes), str(CPU_SECONDS)
            self._start([sys.executable, "-P", "-m", "edgewb.views.widgets.sandbox_children", *numbers, self.name, self.kernels, folder])
            said = self._ask(b"L", content if self.name == "cpu" else b"", 0, LOAD_SECONDS, text=True)
        closed, _, runtime = said.decode(errors="replace").partition(" ")
        self.inputs, self.outputs = inputs, outputs
        note = "in a process of its own with limits, " + (CLOSED if closed == "closed" else OPEN)
        self.facts = TargetFacts(runtime=runtime, device="cpu" if self.name == "cpu" else self.kernels, notes=(note,))

    def _start(self, command: list[str]) -> None:
        environment = {key: os.environ[key] for key in _KEPT_VARIABLES if key in os.environ}
        environment["OPENBLAS_NUM_THREADS"] = environment["OMP_NUM_THREADS"] = "1"  # one with threads cannot be closed off
        environment["PYTHONPATH"] = os.pathsep.join(place or os.getcwd() for place in sys.path)
        self._process = subprocess.Popen(
            command,
            cwd="/",
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            start_new_session=True,
        )

    def run(self, inputs: Sequence[npt.NDArray[Any]]) -> list[npt.NDArray[Any]]:
        """One call; see ``Target.run``.

        Raises:
            InputError: nothing is loaded, or an array does not fit. ModelFileError: it failed, or did not answer in time.
        """
        if self._process is None:
            raise InputError(f"no model is loaded{self._ended}: give one")
        fits = [(array.dtype, array.shape) for array in inputs] == [(spec.dtype, spec.shape) for spec in self.inputs]
        if not fits:
            raise InputError("the inputs do not fit the model")
        sizes = [spec.dtype.itemsize * int(np.prod(spec.shape)) for spec in self.outputs]
        content = self._ask(b"R", b"".join(array.tobytes() for array in inputs), sum(sizes), self._call_seconds)
        cuts = np.cumsum([0, *sizes])
        parts = (content[begin:end] for begin, end in itertools.pairwise(cuts.tolist()))
        return [np.frombuffer(part, spec.dtype).reshape(spec.shape).copy() for part, spec in zip(parts, self.outputs, strict=True)]

    def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        self.inputs = self.outputs = ()
        if process is not None:
            with contextlib.suppress(psutil.Error, subprocess.TimeoutExpired):
                for child in psutil.Process(process.pid).children():  # ours has waited for it when it ends itself
                    child.kill()
                    process.wait(_END_SECONDS)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _ask(self, kind: bytes, content: bytes, size: int, seconds: float, *, text: bool = False) -> bytes:
        """What the process answers: ``size`` bytes, or a short text."""
        deadline = time.monotonic() + seconds
        try:
            self._write(kind + len(content).to_bytes(8, "little") + content, deadline)
            head = self._read(HEAD, deadline)
            length = int.from_bytes(head[1:], "little")
            refused = head[:1] == b"E"
            if length > TEXT_BYTES if refused or text else length != size:
                raise OSError("an answer of another size")
            answer = self._read(length, deadline)
        except TimeoutError:
            self.close()
            self._ended = f": the last one did not answer within {seconds:g} s and was ended"
            raise ModelFileError(f"the model did not answer within {seconds:g} s and was ended: give a smaller one") from None
        except (OSError, ValueError):
            self.close()
            self._ended = ": the last one ended its process"
            limit = f"{self._memory_bytes / 2**20:,.0f} MB of memory"
            raise ModelFileError(f"the model ended its process, which may take {limit}: give a smaller one, or convert it again") from None
        if refused:
            self.close()
            said = "".join(c for c in answer.decode(errors="replace") if c.isprintable())
            raise ModelFileError(
                f"{self._title} cannot run it here, where a model may take {self._memory_bytes / 2**20:,.0f} MB of memory ({said}): give a "
                "smaller one, or convert it again with builtin ops only"
            )
        return answer

    def _write(self, content: bytes, deadline: float) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        pipe, left = self._process.stdin.fileno(), memoryview(content)
        os.set_blocking(pipe, False)
        while left:
            if not select.select([], [pipe], [], max(0.0, deadline - time.monotonic()))[1]:
                raise TimeoutError
            left = left[os.write(pipe, left) :]

    def _read(self, size: int, deadline: float) -> bytes:
        assert self._process is not None
        assert self._process.stdout is not None
        pipe, content = self._process.stdout.fileno(), bytearray()
        while len(content) < size:
            if not select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))[0]:
                raise TimeoutError
            part = os.read(pipe, size - len(content))
            if not part:
                raise OSError("it is gone")
            content += part
        return bytes(content)


def open_sandbox(given: str) -> Target:
    """A target for a visitor's model, with nothing loaded yet: one of ``OFFERED``. What is simulated gets its answers from a sandbox, too.

    Raises:
        InputError: another target.
    """
    if given not in OFFERED:
        raise InputError(f"target {given!r} is not for visitors' models: choose {', '.join(OFFERED)}")
    if given in RUNTIMES:
        return SandboxTarget(given)
    from edgewb.targets.simulated import SimulatedTarget

    simulated: Any = SimulatedTarget(processor=SandboxTarget())  # its inputs are read only, as those of every target are to us
    target: Target = simulated
    return target
