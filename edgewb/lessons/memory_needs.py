"""What a process takes to run a file of a given size: nets made for it, each run in a fresh process that does nothing else.

Two nets of about the same file: one whose weights are all, and one that works on a large picture besides.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from edgewb.child_processes import ending, run_module
from edgewb.errors import InputError, TargetError
from edgewb.lessons.tables import WordTable
from edgewb.memories import MemoryWatch
from edgewb.types import Basis, Jsonable

KINDS: Final = {"weights": 0, "large picture": 1024}
"""The nets by name: pixels on a side of the picture they begin with, 0 for none."""
MEGABYTES: Final = 50.0
_CHANNELS: Final = 64
_LIMIT_SECONDS: Final = 120.0
_SCALE: Final = 0.05


@dataclass(frozen=True, kw_only=True)
class MemoryNeed(Jsonable):
    """Bytes of a process: ``before_bytes`` with Python and the runtime but no model, ``loaded_bytes`` at most until the model was ready,
    ``peak_bytes`` at most after one inference. ``n`` counts the processes."""

    kind: str
    file_bytes: int
    before_bytes: int
    loaded_bytes: int
    peak_bytes: int
    basis: Basis = Basis.MEASURED
    n: int = 1

    @property
    def grown_bytes(self) -> int:
        """What the model and its first inference added."""
        return self.peak_bytes - self.before_bytes


def made_net(kind: str, megabytes: float = MEGABYTES) -> bytes:
    """An int8 .tflite of that size with random weights: three fully connected layers, in the second kind behind two convolutions of a
    picture of 1,024 x 1,024 pixels.

    Raises:
        InputError: an unknown kind, or not 0.1 to 200 megabytes.
    """
    if kind not in KINDS:
        raise InputError(f"unknown kind of net {kind!r}: {' or '.join(map(repr, KINDS))}")
    if not 0.1 <= megabytes <= 200:
        raise InputError(f"megabytes is {megabytes!r}: 0.1 to 200 are taken")
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model, graph, rng = schema.ModelT(), schema.SubGraphT(), np.random.default_rng(0)
    model.version, model.description = 3, "made by edgewb: random weights"
    model.buffers, model.operatorCodes, model.subgraphs = [schema.BufferT()], [], [graph]
    graph.tensors, graph.operators = [], []

    def tensor(shape: Sequence[int], data: npt.NDArray[Any] | None = None, scale: float | None = _SCALE) -> int:
        made, buffer = schema.TensorT(), schema.BufferT()
        made.name, made.shape, made.buffer = f"t{len(graph.tensors)}", list(shape), 0
        made.type = schema.TensorType.INT32 if data is not None and data.dtype == np.int32 else schema.TensorType.INT8
        if scale is not None:
            made.quantization = schema.QuantizationParametersT()
            made.quantization.scale, made.quantization.zeroPoint = [scale], [0]
        if data is not None:
            buffer.data = np.frombuffer(data.tobytes(), np.uint8)
            made.buffer = len(model.buffers)
            model.buffers.append(buffer)
        graph.tensors.append(made)
        return len(graph.tensors) - 1

    def op(name: str, version: int, inputs: list[int], shape: Sequence[int], options: str, **fields: Any) -> int:
        code, made, result = schema.OperatorCodeT(), schema.OperatorT(), tensor(shape)
        code.builtinCode = code.deprecatedBuiltinCode = getattr(schema.BuiltinOperator, name)
        code.version, made.opcodeIndex = version, len(model.operatorCodes)
        made.inputs, made.outputs = inputs, [result]
        made.builtinOptionsType, made.builtinOptions = getattr(schema.BuiltinOptions, options), getattr(schema, options + "T")()
        for field, value in fields.items():
            setattr(made.builtinOptions, field, value)
        model.operatorCodes.append(code)
        graph.operators.append(made)
        return result

    def layer(name: str, version: int, source: int, shape: Sequence[int], kernel: Sequence[int], options: str, **fields: Any) -> int:
        weights = tensor(kernel, rng.integers(-127, 128, kernel, dtype=np.int8))
        bias = tensor((kernel[0],), np.zeros(kernel[0], np.int32), _SCALE * _SCALE)
        return op(name, version, [source, weights, bias], shape, options, **fields)

    side, width = KINDS[kind], _CHANNELS
    source = last = tensor((1, side, side, 3) if side else (1, width))
    if side:
        picture = (1, side, side, width)
        last = layer("CONV_2D", 3, last, picture, (width, 3, 3, 3), "Conv2DOptions", strideW=1, strideH=1)
        last = layer("CONV_2D", 3, last, picture, (width, 1, 1, width), "Conv2DOptions", strideW=1, strideH=1)
        last = op("MEAN", 2, [last, tensor((2,), np.array([1, 2], np.int32), None)], (1, width), "ReducerOptions")
    units = round((megabytes * 1e6) ** 0.5)
    for inputs, outputs in ((width, units), (units, units), (units, 10)):
        last = layer("FULLY_CONNECTED", 4, last, (1, outputs), (outputs, inputs), "FullyConnectedOptions")
    graph.inputs, graph.outputs = [source], [last]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def measure_memory_need(kind: str, megabytes: float = MEGABYTES) -> MemoryNeed:
    """Make such a net, run it once in a fresh process (LiteRT, one thread, XNNPACK as by default), and say what that process took.

    Raises:
        InputError: as ``made_net``. TargetError: the process failed, or this system does not tell the peak of a process.
    """
    content = made_net(kind, megabytes)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "made.tflite"
        path.write_bytes(content)
        try:
            done = run_module("edgewb.lessons.memory_needs", str(path), _LIMIT_SECONDS)
        except subprocess.TimeoutExpired:
            raise TargetError(f"the net took more than {_LIMIT_SECONDS:.0f} s here: end what runs beside it, then try again") from None
    if done.returncode:
        said = (done.stderr.decode(errors="replace").strip().splitlines() or ["no message"])[-1]
        raise TargetError(f"the process that ran the net ended with {ending(done.returncode)} ({said}): try again")
    before, loaded, peak = json.loads(done.stdout)
    if None in (before, loaded, peak):
        raise TargetError("this system does not tell the peak of a process: measure on Linux")
    return MemoryNeed(kind=kind, file_bytes=len(content), before_bytes=before, loaded_bytes=loaded, peak_bytes=peak)


def show_memory_needs(megabytes: float = MEGABYTES) -> WordTable:
    """Both kinds of net, measured now.

    Raises:
        InputError, TargetError: as ``measure_memory_need``.
    """
    rows = []
    for kind in KINDS:
        need = measure_memory_need(kind, megabytes)
        figures = (need.file_bytes, need.before_bytes, need.loaded_bytes, need.peak_bytes, need.grown_bytes)
        rows.append((kind, *(f"{bytes_ / 1e6:.0f} MB" for bytes_ in figures)))
    return WordTable(
        columns=("net", "file", "process before", "most until loaded", "most after one inference", "added by the model"),
        rows=tuple(rows),
        note="Measured on this computer, one fresh process for each net (n = 1); LiteRT, one thread. Before: Python, edgewb, runtime.",
    )


def _main(path: str) -> None:
    from edgewb.sampling import random_values
    from edgewb.targets.cpu import CpuTarget

    target = CpuTarget()
    target.available()  # imports the runtime, which is no part of the model
    size = Path(path).stat().st_size
    watch = MemoryWatch()
    target.load(path)
    loaded = watch.read(size)
    target.run([random_values(spec) for spec in target.inputs])
    after = watch.read(size)
    json.dump((loaded.process_before_bytes, loaded.process_peak_bytes, after.process_peak_bytes), sys.stdout)


if __name__ == "__main__":
    _main(sys.argv[1])
