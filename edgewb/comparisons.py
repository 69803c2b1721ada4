"""Do two .tflite files compute the same? Both are run, in a process of their own: a kernel that crashes is an answer here, not the end.

What the child runs is LiteRT's built-in kernels on one thread, which give the same bits every time.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from edgewb.child_processes import ending, run_module
from edgewb.enclosures import close_off, end_with_parent, leave_files, prepare_litert
from edgewb.errors import EdgewbError, ModelFileError
from edgewb.locations import write_whole
from edgewb.types import Basis, Jsonable

KERNELS: Final = "builtin"
INPUTS: Final = 32
_SECONDS: Final = 20.0
"""After this time no further input is tried, but for the first ``_FEWEST``."""
_FEWEST: Final = 4
_MOST_INNER_BYTES: Final = 2**28
"""Of all results within a model; beyond it they are not kept, and only the outputs are compared."""
_TOGETHER: Final = 32
_NEAR: Final = 1e-3
CLOSED_VARIABLE: Final = "EDGEWB_CLOSED_OFF"
"""Where it is 1, the child leaves network, files and other processes before it loads a file, as far as the system lets it."""
_LATER: Final = ("ai_edge_litert.schema_py_generated", "edgewb.tflite.quantization", "edgewb.tflite.reader", "numpy.random")
"""What is imported when it is used, and cannot be once the files are left."""
_LIMIT_SECONDS: Final = 300
"""A child that has not answered by then is ended."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Verification(Jsonable):
    """Two files run on the same ``inputs`` random inputs, drawn from ``seed``.

    ``why`` says where they differ, and is None when they do not. ``inner_tensors`` of the same name in both were compared as well; 0 where
    that would take too much memory. ``distinct`` counts the different answers: 1 means that the model answered
    everything alike, and the comparison says little. ``dequantized_alike``: the float outputs of the first file are, bit for bit, what
    ``quantization.dequantize`` makes of the second's; where they are not, they are what the built-in DEQUANTIZE makes of them, whose last
    bits differ. None where no output was moved.
    """

    inputs: int
    seed: int
    kernels: str
    identical: bool
    why: str | None
    inner_tensors: int
    distinct: int
    dequantized_alike: bool | None
    basis: Basis = Basis.MEASURED


def compare(first: bytes, second: bytes, seed: int = 0) -> Verification:
    """Run both files on the same inputs and compare the outputs bit for bit.

    The second may differ in its edges: where the first takes or gives float32 and the second 8-bit integers, they are quantised and
    dequantised here (exact halves are not tried at the end of a tensor, see ``quantization``); where the first takes a batch and the
    second one example, the second is run once per example.

    Raises:
        ModelFileError: one of them cannot be run here.
    """
    answer = _ask({"task": "compare", "seed": seed}, first, second)
    return Verification(seed=seed, kernels=KERNELS, **answer)


def observe(content: bytes, tensors: Sequence[int]) -> tuple[dict[int, tuple[int, ...]], dict[int, npt.NDArray[np.generic]]]:
    """The shape of each tensor of the main graph in one run on zeros, and the values of some integer tensors.

    Raises:
        ModelFileError: it cannot be run here.
    """
    answer = _ask({"task": "observe", "tensors": list(tensors)}, content)
    shapes = {int(index): tuple(shape) for index, shape in answer["shapes"].items()}
    return shapes, {int(index): np.array(values, dtype) for index, (values, dtype) in answer["values"].items()}


def _ask(request: dict[str, Any], *contents: bytes) -> dict[str, Any]:
    """What the child answers. It gets the files in a folder of their own."""
    with tempfile.TemporaryDirectory(prefix="edgewb-") as folder:
        files = [Path(folder, f"{number}.tflite") for number in range(len(contents))]
        for file, content in zip(files, contents, strict=True):
            write_whole(file, content)
        request = {**request, "files": [str(file) for file in files], "parent": os.getpid()}
        try:
            done = run_module("edgewb.comparisons", json.dumps(request), _LIMIT_SECONDS)
        except subprocess.TimeoutExpired:
            raise ModelFileError(f"it took more than {_LIMIT_SECONDS} s to run here") from None
    if done.returncode != 0:
        raise ModelFileError(f"LiteRT crashed while it ran here ({ending(done.returncode)})")
    answer: dict[str, Any] = json.loads(done.stdout)
    if "error" in answer:
        raise ModelFileError(str(answer["error"]))
    return answer


class _Runner:
    """One file in LiteRT, with what is needed to feed it. Only in the child."""

    def __init__(self, content: bytes, keep: bool = False) -> None:
        from ai_edge_litert.interpreter import Interpreter, OpResolverType

        self.interpreter: Any = Interpreter(
            model_content=content,
            num_threads=1,
            experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
            experimental_preserve_all_tensors=keep,
        )
        self.inputs: list[dict[str, Any]] = self.interpreter.get_input_details()
        self.outputs: list[dict[str, Any]] = self.interpreter.get_output_details()

    def resize(self, shapes: Sequence[tuple[int, ...]]) -> None:
        """Give inputs that may change these shapes, and make ready to run."""
        for detail, shape in zip(self.inputs, shapes, strict=True):
            signature = tuple(int(side) for side in detail["shape_signature"])
            if -1 in signature and tuple(detail["shape"]) != shape:
                self.interpreter.resize_tensor_input(detail["index"], shape)
        self.interpreter.allocate_tensors()
        self.inputs = self.interpreter.get_input_details()

    def run(self, inputs: Sequence[npt.NDArray[Any]]) -> list[npt.NDArray[Any]]:
        self.interpreter.reset_all_variables()
        for detail, array in zip(self.inputs, inputs, strict=True):
            self.interpreter.set_tensor(detail["index"], array)
        self.interpreter.invoke()
        return [self.interpreter.get_tensor(detail["index"]) for detail in self.outputs]


def _shape(detail: dict[str, Any]) -> tuple[int, ...]:
    return tuple(int(side) for side in detail["shape"])


def _scheme(detail: dict[str, Any]) -> tuple[float, int] | None:
    scales, points = detail["quantization_parameters"]["scales"], detail["quantization_parameters"]["zero_points"]
    return (float(scales[0]), int(points[0])) if len(scales) == 1 else None


def _integers(turn: int, detail: dict[str, Any], rng: np.random.Generator) -> npt.NDArray[Any]:
    """Stored values: the ends of the range, every value there is, then noise of several kinds. Wide integers, perhaps indices: 0 and 1."""
    dtype, shape = np.dtype(detail["dtype"]), _shape(detail)
    if dtype.kind == "b" or dtype.itemsize > 2:
        return rng.integers(0, 2 if turn else 1, shape).astype(dtype)
    ends = np.iinfo(dtype)
    count = int(np.prod(shape))
    if turn < 2:
        return np.full(shape, (ends.min, ends.max)[turn], dtype)
    if turn == 2 or turn % 4 == 0:
        return rng.permutation(np.resize(np.arange(ends.min, ends.max + 1), count)).astype(dtype).reshape(shape)
    if turn % 4 == 1:
        return rng.choice(np.array([ends.min, ends.max], dtype), shape)
    if turn % 4 == 2:
        return rng.integers(ends.min, ends.max, shape, endpoint=True).astype(dtype)
    middle, width = rng.uniform(ends.min, ends.max), rng.uniform(1, ends.max - ends.min) / 4
    return np.clip(np.rint(rng.normal(middle, width, shape)), ends.min, ends.max).astype(dtype)


def _reals(turn: int, detail: dict[str, Any], rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Real numbers around stored values: on them, between them, exactly halfway, and up to ten ranges beyond."""
    scheme = _scheme(detail)
    if scheme is None:
        return rng.normal(0, (1, 0.1, 10)[turn % 3], _shape(detail)).astype(np.float32)
    stored = _integers(turn, detail, rng).astype(np.float64)
    off = (0.0, 0.5, rng.uniform(-0.5, 0.5, stored.shape))[turn % 3]
    far = 10.0 if turn % 8 == 7 else 1.0
    return np.asarray((stored - scheme[1] + off) * far * scheme[0], np.float32)


def _feed(turn: int, first: dict[str, Any], second: dict[str, Any], rng: np.random.Generator) -> tuple[Any, Any]:
    """The same input for both files, as each takes it; drawn in the shape of the first, from the scheme of the second."""
    from edgewb.tflite.quantization import quantize

    like = {**second, "shape": first["shape"]}
    scheme = _scheme(second)
    if np.dtype(first["dtype"]).kind != "f":
        values = _integers(turn, like, rng)
        return values, values
    real = _reals(turn, like, rng).astype(first["dtype"])
    if np.dtype(second["dtype"]).kind == "f" or scheme is None:
        return real, real
    _off_halves(real, scheme[0])
    return real, quantize(real, *scheme, np.dtype(second["dtype"]).name)


def _off_halves(real: npt.NDArray[np.floating[Any]], scale: float) -> None:
    """Move the last values off the middle between two stored ones, where the kernel's rounding depends on how many values are left over.

    Eight at a time are rounded as ``quantize`` does here; other machines may take other numbers.
    """
    flat = real.reshape(-1)
    last = flat[flat.size - flat.size % _TOGETHER :]
    steps = last / np.float32(scale)
    last[np.abs(np.abs(steps - np.trunc(steps)) - 0.5) < _NEAR] += np.float32(scale / 4)


def _compare(files: Sequence[bytes], seed: int) -> dict[str, Any]:
    inner = _inner(files)
    first, second = (_Runner(file, keep=bool(inner)) for file in files)
    second.resize([_shape(detail) for detail in second.inputs])
    first.resize([_shape(detail) for detail in second.inputs])
    batches = {_shape(a)[0] for a, b in zip(first.inputs, second.inputs, strict=True) if _shape(a) != _shape(b)}
    examples = batches.pop() if batches else 1
    inner = inner if examples == 1 else []
    rng = np.random.default_rng(seed)
    answers: set[bytes] = set()
    why, alike = None, None
    started, tried = time.monotonic(), 0
    while why is None and tried < INPUTS and (tried < _FEWEST or time.monotonic() - started < _SECONDS):
        feeds = [_feed(tried, a, b, rng) for a, b in zip(first.inputs, second.inputs, strict=True)]
        expected = first.run([feed[0] for feed in feeds])
        rows = [second.run([feed[1] if examples == 1 else feed[1][row : row + 1] for feed in feeds]) for row in range(examples)]
        got = [np.concatenate(parts) if examples > 1 else parts[0] for parts in zip(*rows, strict=True)]
        tried += 1
        for position, (want, have, detail) in enumerate(zip(expected, got, second.outputs, strict=True)):
            difference, same = _difference(want, have, detail)
            alike = alike if same is None else same and alike is not False
            why = why or (difference and f"output {position} differs {difference} on input {tried} of {INPUTS}")
        for name, here, there in () if why else inner:
            difference, _ = _difference(first.interpreter.get_tensor(here), second.interpreter.get_tensor(there), {})
            why = why or (difference and f"the tensor {name!r:.80} within differs {difference} on input {tried} of {INPUTS}")
        answers.add(hashlib.sha256(b"".join(array.tobytes() for array in expected)).digest())
    return {
        "inputs": tried,
        "identical": why is None,
        "why": why,
        "inner_tensors": len(inner),
        "distinct": len(answers),
        "dequantized_alike": alike,
    }


def _inner(files: Sequence[bytes]) -> list[tuple[str, int, int]]:
    """Name and index in either file of results that both have; none where there is too much to keep."""
    from edgewb.tflite.reader import read_graph

    found: list[dict[tuple[str, str], int]] = []
    for file in files:
        graph = read_graph(file)
        made = [tensor for tensor in graph.tensors if tensor.index in graph.producers]
        if graph.subgraphs > 1 or sum(tensor.byte_count or 0 for tensor in made) > _MOST_INNER_BYTES:
            return []
        names = [tensor.name for tensor in graph.tensors]
        once = {name for name, count in Counter(names).items() if count == 1}
        found.append({(t.name, t.dtype): t.index for t in made if t.name in once and t.index not in graph.outputs})
    return [(name, index, found[1][name, dtype]) for (name, dtype), index in found[0].items() if (name, dtype) in found[1]]


def _difference(want: npt.NDArray[Any], have: npt.NDArray[Any], detail: dict[str, Any]) -> tuple[str | None, bool | None]:
    """Where two results differ, if they do; and for a float one that is stored now, whether ``dequantize`` gives it to the last bit."""
    from edgewb.tflite.quantization import dequantize, dequantize_builtin

    alike = None
    if want.dtype.kind == "f" and have.dtype.kind in "iu":
        scale, point = _scheme(detail) or (1.0, 0)
        stored = have
        have = dequantize(stored, scale, point)
        alike = _same(want, have)
        if not alike and want.shape == have.shape and want.dtype == have.dtype:
            # The kernel computes most values in one way and those left over at the end in the other.
            have = np.where(_bits(want) == _bits(have), have, dequantize_builtin(stored, scale, point))
    if _same(want, have):
        return None, alike
    if want.shape != have.shape:
        return f"in its shape, {list(want.shape)} and {list(have.shape)}", alike
    return f"in {int((want != have).sum())} of {want.size} values", alike


def _bits(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return values.view(f"u{values.dtype.itemsize}")


def _same(first: npt.NDArray[Any], second: npt.NDArray[Any]) -> bool:
    """The same bits, a NaN and the sign of a zero included."""
    return first.shape == second.shape and first.dtype == second.dtype and first.tobytes() == second.tobytes()


def _observe(files: Sequence[bytes], tensors: Sequence[int]) -> dict[str, Any]:
    runner = _Runner(files[0], keep=True)
    runner.interpreter.allocate_tensors()
    runner.inputs = runner.interpreter.get_input_details()
    runner.run([np.zeros(_shape(detail), detail["dtype"]) for detail in runner.inputs])
    shapes = {int(detail["index"]): _shape(detail) for detail in runner.interpreter.get_tensor_details()}
    values = {index: runner.interpreter.get_tensor(index) for index in tensors}
    return {"shapes": shapes, "values": {index: (array.tolist(), array.dtype.name) for index, array in values.items()}}


def _close_off() -> None:
    """Leave all that the files have no business with, after what is imported later on."""
    if not close_off():
        return
    for name in _LATER:
        importlib.import_module(name)
    prepare_litert()
    if not leave_files():
        raise SystemExit("the file system could not be left")


def _main(text: str) -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what LiteRT prints must not get into the answer
    request = json.loads(text)
    end_with_parent(request["parent"])
    files = [Path(file).read_bytes() for file in request["files"]]
    if os.environ.get(CLOSED_VARIABLE) == "1":
        _close_off()
    try:
        answer = _observe(files, request["tensors"]) if request["task"] == "observe" else _compare(files, request["seed"])
    except (EdgewbError, ValueError, RuntimeError, MemoryError) as error:
        answer = {"error": f"LiteRT cannot run it here ({' '.join(str(error).split()).rstrip('.')[:300] or type(error).__name__})"}
    json.dump(answer, answers)
    answers.flush()


if __name__ == "__main__":
    _main(sys.argv[1])
