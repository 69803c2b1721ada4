"""What helps a model most: nothing, a mend in the file, another conversion, or another layer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgewb.compilers.inspections import Inspection, inspect_bytes
from edgewb.mends import mend_bytes
from edgewb.tflite.reader import load_bytes, read_graph
from edgewb.types import Jsonable

REMEDIES = {
    "nothing": "All of its ops map: compile it.",
    "fix": "Run `edgewb fix`: it mends the file itself, and the answers stay the same bit for bit.",
    "convert": "Convert it again from the float model, with full-integer quantisation and int8 inputs and outputs.",
    "change a layer": "Replace the layer that is the first blocker by one that the Edge TPU has, and train again.",
    "use it": "It is compiled already.",
}


@dataclass(frozen=True, kw_only=True)
class Remedy(Jsonable):
    """``name`` is a key of ``REMEDIES``, ``advice`` its sentence; ops on the Edge TPU as the file is and, for a fix, mended (predicted)."""

    name: str
    advice: str
    ops_edgetpu: int | None
    ops_edgetpu_mended: int | None


def find_remedy(model: str | Path) -> Remedy:
    """What to do first about a .tflite. Nothing is written; mends are verified by running the model in a process of its own.

    A mend that brings ops onto the Edge TPU comes first, because it costs nothing; then, for a model in which hardly anything is 8-bit,
    another conversion; what is left needs another layer.

    Raises:
        ModelFileError: unreadable.
    """
    content = load_bytes(model)
    inspection = inspect_bytes(content, Path(model).name)
    if inspection.kind == "compiled":
        return _remedy("use it", inspection, None)
    if inspection.ops_edgetpu == inspection.ops_total:
        return _remedy("nothing", inspection, None)
    mended, _ = mend_bytes(content, Path(model).name, run=True)
    if mended.after.ops_edgetpu > mended.before.ops_edgetpu or mended.after.ops_cpu == 0:
        return _remedy("fix", inspection, mended.after.ops_edgetpu)
    return _remedy("convert" if _mostly_float(content) else "change a layer", inspection, None)


def _remedy(name: str, inspection: Inspection, mended: int | None) -> Remedy:
    return Remedy(name=name, advice=REMEDIES[name], ops_edgetpu=inspection.ops_edgetpu, ops_edgetpu_mended=mended)


def _mostly_float(content: bytes) -> bool:
    """Whether fewer than half of the ops make 8-bit values."""
    graph = read_graph(content)
    whole = sum(any(tensor.dtype in ("int8", "uint8") for tensor in graph.output_tensors(op)) for op in graph.ops)
    return 2 * whole < len(graph.ops)
