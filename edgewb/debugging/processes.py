"""The layers of two files, found in a process of their own: a damaged file may bring LiteRT down."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

import edgewb.errors
from edgewb.child_processes import ending, run_module
from edgewb.debugging.results import Layer
from edgewb.errors import EdgewbError, ModelFileError, first_line
from edgewb.locations import write_whole

_LIMIT_SECONDS: Final = 1_800
_FILES: Final = ("float.tflite", "int8.tflite", "inputs.npy")


class _Answer(msgspec.Struct):
    layers: list[Layer] = []
    unmatched: list[int] = []
    error: tuple[str, str] | None = None


def analyse(float_content: bytes, int8_content: bytes, inputs: npt.NDArray[np.float32]) -> tuple[tuple[Layer, ...], tuple[int, ...]]:
    """The layers, the costliest first, and the int8 ops that have no counterpart (see ``layer_errors``).

    Raises:
        InputError: files of different models, or inputs that do not fit. ModelFileError: one cannot be run here.
    """
    with tempfile.TemporaryDirectory(prefix="edgewb-") as folder:
        write_whole(Path(folder, _FILES[0]), float_content)
        write_whole(Path(folder, _FILES[1]), int8_content)
        np.save(Path(folder, _FILES[2]), inputs)
        try:
            done = run_module("edgewb.debugging.processes", folder, _LIMIT_SECONDS)
        except subprocess.TimeoutExpired:
            raise ModelFileError(f"its layers took more than {_LIMIT_SECONDS} s: give a smaller model") from None
    if done.returncode != 0:
        last = (done.stderr.decode(errors="replace").strip().splitlines() or [""])[-1][:200]
        said = f" Its last words: {last!r}." if last else ""
        raise ModelFileError(
            f"LiteRT crashed while it ran the layers one by one ({ending(done.returncode)}): convert the model again.{said}"
        )
    answer = msgspec.json.decode(done.stdout, type=_Answer)
    if answer.error is not None:
        name, message = answer.error
        raise getattr(edgewb.errors, name)(message)
    return tuple(answer.layers), tuple(answer.unmatched)


def _answer(folder: str) -> _Answer:
    from edgewb.debugging.causes import explain_layers
    from edgewb.debugging.layer_errors import Bench

    files = [Path(folder, name) for name in _FILES]
    try:
        bench = Bench(files[0].read_bytes(), files[1].read_bytes(), np.load(files[2], allow_pickle=False))
        return _Answer(explain_layers(bench, bench.errors()), list(bench.match.unmatched))
    except EdgewbError as error:
        return _Answer(error=(type(error).__name__, str(error)))
    except (ValueError, RuntimeError, MemoryError) as error:
        return _Answer(error=("ModelFileError", f"the int8 file cannot be taken apart ({first_line(error)}): convert the model again"))


def _main(folder: str) -> None:
    answers: Any = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what LiteRT prints must not get into the answer
    answers.write(msgspec.json.encode(_answer(folder)))
    answers.flush()


if __name__ == "__main__":
    _main(sys.argv[1])
