"""What helps a model most: nothing, a mend in the file, another conversion, or another layer."""

from __future__ import annotations

import html
from dataclasses import dataclass
from pathlib import Path

from edgewb.compilers.inspections import inspect_bytes
from edgewb.mends import fix, mend_bytes
from edgewb.mends.results import gain
from edgewb.tflite.reader import load_bytes, read_graph
from edgewb.types import Jsonable

REMEDIES = {
    "nothing": "Compile it: no op holds others back.",
    "fix": "Run `edgewb fix`: it mends the file itself, and the answers stay the same bit for bit.",
    "convert": "Convert it again from the float model, with full-integer quantisation and int8 inputs and outputs.",
    "change a layer": "Replace the layer that is the first blocker by one that the Edge TPU has, and train again.",
    "use it": "It is compiled already.",
}


@dataclass(frozen=True, kw_only=True)
class Remedy(Jsonable):
    """``name`` is a key of ``REMEDIES``, ``advice`` its sentence; ``gain`` says what a fix would bring (predicted), "" for all others."""

    name: str
    advice: str
    gain: str = ""


def find_remedy(model: str | Path) -> Remedy:
    """What to do first about a .tflite. Nothing is written; mends are verified by running the model in a process of its own.

    A mend that brings ops onto the Edge TPU, or leaves none on the CPU, comes first, because it costs nothing; then, for a model in which
    hardly anything is 8-bit, another conversion. What holds nothing back may stay where it is; what is left needs another layer.

    Raises:
        ModelFileError: unreadable.
    """
    content = load_bytes(model)
    inspection = inspect_bytes(content, Path(model).name)
    if inspection.kind == "compiled":
        return _remedy("use it")
    if inspection.ops_edgetpu == inspection.ops_total:
        return _remedy("nothing")
    mended, _ = mend_bytes(content, Path(model).name, run=True)
    if mended.after.ops_edgetpu > mended.before.ops_edgetpu or mended.after.ops_edgetpu == mended.after.ops_total:
        return _remedy("fix", f"{gain(mended.before, mended.after)}.")
    if _mostly_float(content):
        return _remedy("convert")
    return _remedy("nothing" if inspection.first_blocker is None and inspection.ops_edgetpu else "change a layer")


def _remedy(name: str, gained: str = "") -> Remedy:
    return Remedy(name=name, advice=REMEDIES[name], gain=gained)


@dataclass(frozen=True)
class Attempt:
    """What came of ``mend_if_possible``: the file to go on with, and what was done or why not."""

    file: str
    said: str

    def __repr__(self) -> str:
        return self.said

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(self.said)}</pre>"


def mend_if_possible(model: str | Path, out: str | Path = "../runs/course/mended.tflite") -> Attempt:
    """``edgewb.fix``, which also takes what cannot be mended: the file to go on with is then the model itself.

    Raises:
        ModelFileError: unreadable. StorageError: the mended file cannot be written.
    """
    if inspect_bytes(load_bytes(model), Path(model).name).kind == "compiled":
        return Attempt(str(model), f"{Path(model).name} is compiled, its ops are gone: mend the file it was compiled from.")
    mended = fix(model, out=out)
    return Attempt(mended.out or str(model), str(mended))


def _mostly_float(content: bytes) -> bool:
    """Whether fewer than half of the ops make 8-bit values."""
    graph = read_graph(content)
    whole = sum(any(tensor.dtype in ("int8", "uint8") for tensor in graph.output_tensors(op)) for op in graph.ops)
    return 2 * whole < len(graph.ops)
