"""The process in which a visitor's model runs, see ``sandboxes``: started with ``python -m``, it limits itself before it reads one."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import sys
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from edgewb.enclosures import close_off, leave_files, prepare_litert
from edgewb.views.widgets.sandboxes import HEAD, MODEL_FILE, SMALLEST_FILE, TEXT_BYTES


class _Runtime(Protocol):
    version: str

    def leave(self) -> bool: ...
    def load(self, content: bytes) -> None: ...
    def run(self, content: bytes) -> bytes: ...


class _LiteRt:
    """LiteRT: takes the model as bytes."""

    def __init__(self, kernels: str) -> None:
        from ai_edge_litert.interpreter import Interpreter, OpResolverType

        from edgewb.targets.litert import litert_version

        self.version = litert_version()
        self._resolver = OpResolverType.AUTO if kernels == "xnnpack" else OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        self._make: Any = Interpreter
        prepare_litert()

    def leave(self) -> bool:
        return leave_files()

    def load(self, content: bytes) -> None:
        self._interpreter = self._make(model_content=content, num_threads=1, experimental_op_resolver_type=self._resolver)
        self._interpreter.allocate_tensors()

    def run(self, content: bytes) -> bytes:
        offset = 0
        for detail in self._interpreter.get_input_details():
            array = np.frombuffer(content, detail["dtype"], int(np.prod(detail["shape"])), offset).reshape(detail["shape"])
            self._interpreter.set_tensor(detail["index"], array)
            offset += array.nbytes
        self._interpreter.invoke()
        return b"".join(self._interpreter.get_tensor(detail["index"]).tobytes() for detail in self._interpreter.get_output_details())


class _OpenVino:
    """OpenVINO: takes the model as a file, of a folder in which there is nothing else. Models of one input and one output."""

    def __init__(self, folder: str) -> None:
        from edgewb.targets.openvino import PlainOpener

        self.version = f"openvino {importlib.metadata.version('openvino')}"
        self._folder, self._open = folder, PlainOpener().open
        self._open(os.path.join(folder, SMALLEST_FILE)).infer()  # loads the libraries for the processor and for this kind of file

    def leave(self) -> bool:
        left = leave_files(self._folder)
        self._folder = "/" if left else self._folder
        return left

    def load(self, content: bytes) -> None:
        self._request = self._open(os.path.join(self._folder, MODEL_FILE))
        compiled = self._request.get_compiled_model()
        if len(compiled.inputs) != 1 or len(compiled.outputs) != 1:
            raise ValueError("models of one input and one output are run with OpenVINO here")
        self._view: npt.NDArray[Any] = self._request.get_input_tensor(0).data

    def run(self, content: bytes) -> bytes:
        np.copyto(self._view, np.frombuffer(content, self._view.dtype).reshape(self._view.shape))
        self._request.infer()
        answer: bytes = self._request.get_output_tensor(0).data.tobytes()
        return answer


def _limit(memory_bytes: int, cpu_seconds: int) -> None:
    """No more memory, processor time or open files than this, no file longer than nothing, no core dump."""
    import resource

    limits = {"AS": memory_bytes, "DATA": memory_bytes, "CPU": cpu_seconds, "FSIZE": 0, "CORE": 0, "NOFILE": 64}
    for name, value in limits.items():
        kind = getattr(resource, f"RLIMIT_{name}")
        hard = resource.getrlimit(kind)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        with contextlib.suppress(ValueError, OSError):  # macOS refuses some
            resource.setrlimit(kind, (value, value))


def _main(memory_bytes: int, cpu_seconds: int, name: str, kernels: str, folder: str) -> None:
    """The child: one model, then calls, until the parent closes the pipe."""
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a runtime prints must not get between the answers
    _limit(memory_bytes, cpu_seconds)
    closed = close_off()
    from edgewb.targets.litert import one_line

    runtime: _Runtime = _LiteRt(kernels) if name == "cpu" else _OpenVino(folder)
    closed = closed and runtime.leave()
    while len(head := requests.read(HEAD)) == HEAD:
        content = requests.read(int.from_bytes(head[1:], "little"))
        try:
            if head[:1] == b"L":
                runtime.load(content)
                answer = f"{'closed' if closed else 'open'} {runtime.version}".encode()
            else:
                answer = runtime.run(content)
            kind = b"A"
        except Exception as error:  # OpenVINO has errors of its own
            kind, answer = b"E", one_line(error).encode()[:TEXT_BYTES]
        answers.write(kind + len(answer).to_bytes(8, "little") + answer)
        answers.flush()


if __name__ == "__main__":
    _main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:6])
