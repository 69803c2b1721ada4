"""The processor of this machine, through LiteRT."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgewb.errors import InputError, ModelFileError, unknown_name
from edgewb.targets.interfaces import Availability, TensorSpec
from edgewb.tflite.reader import load_bytes, read_graph
from edgewb.types import Basis

KERNELS = ("xnnpack", "builtin")
THREAD_LIMIT = 256
_stderr_lock = threading.Lock()


class CpuTarget:
    """Runs a .tflite with LiteRT.

    ``kernels`` is "xnnpack" (LiteRT's default: XNNPACK takes the ops it can, the built-in kernels the rest) or "builtin" (no
    delegate). Only "builtin" on one thread gives the same bits every time; figures of accuracy come from it.
    """

    name = "cpu"
    basis = Basis.MEASURED

    def __init__(self, *, threads: int = 1, kernels: str = "xnnpack") -> None:
        if isinstance(threads, bool) or not isinstance(threads, int) or not 1 <= threads <= THREAD_LIMIT:
            raise InputError(f"threads {threads!r}: a whole number from 1 to {THREAD_LIMIT} is wanted")
        if kernels not in KERNELS:
            raise unknown_name("kernels", str(kernels), KERNELS)
        self.threads = threads
        self.kernels = kernels
        self.inputs: tuple[TensorSpec, ...] = ()
        self.outputs: tuple[TensorSpec, ...] = ()
        self._interpreter: Any = None
        self._input_indices: tuple[int, ...] = ()
        self._output_indices: tuple[int, ...] = ()
        self._file = ""

    def available(self) -> Availability:
        """Whether LiteRT can be imported here."""
        try:
            import ai_edge_litert.interpreter  # noqa: F401
        except Exception as error:  # a missing package, or a library of it that does not load on this system
            return Availability(available=False, reason=_one_line(error), fix="pip install 'edgewb' again (it brings ai-edge-litert)")
        return Availability(available=True)

    def load(self, path: str | Path) -> None:
        """Prepare a file.

        Raises:
            ModelFileError: not a .tflite, damaged, made for the Edge TPU, or with something LiteRT cannot run.
        """
        self.close()
        graph = read_graph(path)  # LiteRT follows offsets of a damaged file out of bounds; the reader does not
        if graph.is_compiled:
            raise ModelFileError(
                f"{path} is compiled for the Edge TPU (custom op 'edgetpu-custom-op') and cannot run on the target 'cpu': "
                "give the .tflite it was compiled from, usually the name without _edgetpu"
            )
        try:
            with _quiet_stderr():
                interpreter = self._build(load_bytes(path))
                interpreter.allocate_tensors()
                inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
        except (ValueError, RuntimeError, MemoryError) as error:
            raise ModelFileError(f"{path}: LiteRT cannot run it ({_one_line(error)}): convert it again with builtin ops only") from None
        self.inputs = tuple(_spec(detail, path) for detail in inputs)
        self.outputs = tuple(_spec(detail, path) for detail in outputs)
        self._input_indices = tuple(int(detail["index"]) for detail in inputs)
        self._output_indices = tuple(int(detail["index"]) for detail in outputs)
        self._interpreter = interpreter
        self._file = str(path)

    def run(self, inputs: Sequence[npt.NDArray[Any]]) -> list[npt.NDArray[Any]]:
        """One call with one array per input; see ``Target.run``.

        Raises:
            InputError: nothing is loaded, or an array does not fit. ModelFileError: an op failed while it ran.
        """
        interpreter = self._interpreter
        if interpreter is None:
            raise InputError("no model is loaded: call load(path) first")
        if len(inputs) != len(self._input_indices):
            raise InputError(f"the model has {len(self._input_indices)} inputs and {len(inputs)} were given")
        try:
            for index, array in zip(self._input_indices, inputs, strict=True):
                interpreter.set_tensor(index, array)
        except (ValueError, TypeError) as error:
            raise InputError(f"an input does not fit the model: {_one_line(error)}") from None
        try:
            interpreter.invoke()
        except (ValueError, RuntimeError) as error:
            raise ModelFileError(
                f"{self._file} failed while it ran: {_one_line(error)}; convert the model again, or run edgewb inspect on it"
            ) from None
        return [interpreter.get_tensor(index) for index in self._output_indices]

    def close(self) -> None:
        """Drop the interpreter and its memory."""
        self._interpreter = None
        self.inputs = self.outputs = ()
        self._input_indices = self._output_indices = ()

    def __enter__(self) -> CpuTarget:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _build(self, content: bytes) -> Any:
        from ai_edge_litert.interpreter import Interpreter, OpResolverType

        resolver = OpResolverType.AUTO if self.kernels == "xnnpack" else OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        return Interpreter(model_content=content, num_threads=self.threads, experimental_op_resolver_type=resolver)


def _spec(detail: dict[str, Any], path: str | Path) -> TensorSpec:
    shape = tuple(int(side) for side in detail["shape"])
    dtype = np.dtype(detail["dtype"])
    if dtype.kind not in "iufb" or any(side < 1 for side in shape):
        raise ModelFileError(
            f"{path}: the tensor {detail['name']!r} is {dtype} of shape {shape}: numbers and a fixed, non-empty shape are wanted"
        )
    scales = detail["quantization_parameters"]["scales"]
    quantised = len(scales) == 1 and dtype.kind in "iu"
    zero_points = detail["quantization_parameters"]["zero_points"]
    return TensorSpec(
        name=str(detail["name"]),
        shape=shape,
        dtype=dtype,
        scale=float(scales[0]) if quantised else None,
        zero_point=int(zero_points[0]) if quantised else None,
    )


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__


@contextlib.contextmanager
def _quiet_stderr() -> Iterator[None]:
    """Keep LiteRT's information lines ("INFO: Created TensorFlow Lite XNNPACK delegate for CPU.") off the terminal.

    They are written by C++ to file descriptor 2, past Python's ``sys.stderr``. The descriptor is turned to a file for the few
    milliseconds of construction; whatever else was written meanwhile, by another thread perhaps, is passed on afterwards.
    """
    with contextlib.ExitStack() as stack:
        stack.enter_context(_stderr_lock)
        try:
            with contextlib.suppress(AttributeError, OSError, ValueError):
                sys.stderr.flush()
            kept = stack.enter_context(tempfile.TemporaryFile())
            saved = os.dup(2)
        except OSError:  # no standard error, or nowhere to write: noise is the smaller evil
            yield
            return
        os.dup2(kept.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)
            kept.seek(0)
            for line in kept:
                if not line.startswith(b"INFO:"):
                    with contextlib.suppress(OSError):
                        os.write(2, line)
