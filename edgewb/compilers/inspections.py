"""``inspect``: what an Edge TPU does with a model, from the file alone."""

from __future__ import annotations

import dataclasses
import hashlib
from math import isfinite
from pathlib import Path
from typing import Any

from edgewb.compilers.findings import find
from edgewb.compilers.limits import check_generation
from edgewb.compilers.placement import first_blocker, place, summarise
from edgewb.compilers.reports import to_html, to_text
from edgewb.errors import ModelFileError
from edgewb.tflite.graphs import EDGETPU_CUSTOM_OP, Graph
from edgewb.tflite.reader import load_bytes, read_graph
from edgewb.types import Basis, Blocker, Finding, Jsonable, OpPlacement, Placement


@dataclasses.dataclass(frozen=True, kw_only=True)
class TensorInfo(Jsonable):
    """An input or output. ``scale`` and ``zero_point`` are None for a float tensor; a size that may change is -1 in ``shape``."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    scale: float | None
    zero_point: int | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Inspection(Jsonable):
    """What an Edge TPU does with a model. Invariant for a source model: ops_edgetpu + ops_cpu + ops_unknown = ops_total.

    ``kind``: "source" (an ordinary .tflite; ``basis`` predicted) or "compiled" (made by the Edge TPU compiler; ``basis`` compiled).
    Of a compiled model the ops of the source are gone: ``ops`` lists the custom op and what is left on the CPU, the counts and
    ``compiler`` are None. ``subgraphs`` counts the Edge TPU custom ops: the compiler makes one, or none when nothing maps.
    Fields that nothing can fill yet are None, or empty for ``executables``.
    """

    file: str
    sha256: str
    kind: str
    basis: Basis
    compiler: str | None
    ops: tuple[OpPlacement, ...]
    ops_total: int | None
    ops_edgetpu: int | None
    ops_cpu: int | None
    ops_unknown: int | None
    subgraphs: int
    first_blocker: Blocker | None
    parameter_bytes: int | None = None
    on_chip_bytes: int | None = None
    off_chip_bytes: int | None = None
    streamed_const_bytes: int | None = None
    findings: tuple[Finding, ...]
    executables: tuple[dict[str, Any], ...] = ()
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]

    def __str__(self) -> str:
        """A plain-text report."""
        return to_text(self)

    def _repr_html_(self) -> str:
        """The report for a notebook; every name from the file is escaped."""
        return to_html(self)


def inspect(path: str | Path, compiler: str = "16.0") -> Inspection:
    """What an Edge TPU does with a .tflite file, source or compiled.

    Args:
        path: the file.
        compiler: the compiler generation to predict, see ``limits.GENERATIONS``.

    Raises:
        ModelFileError: no such file, not a .tflite, truncated or corrupted.
        InputError: unknown compiler generation.
    """
    check_generation(compiler)
    raw = load_bytes(path)
    try:
        graph = read_graph(raw)
    except ModelFileError as error:
        raise ModelFileError(str(error).replace("the given bytes", repr(str(path)), 1)) from None
    return inspect_graph(graph, str(path), hashlib.sha256(raw).hexdigest(), compiler)


def inspect_graph(graph: Graph, file: str, sha256: str, compiler: str = "16.0") -> Inspection:
    """The same for a graph already read; ``file`` and ``sha256`` are passed on."""
    check_generation(compiler)
    inputs, outputs = _infos(graph, graph.inputs), _infos(graph, graph.outputs)
    if graph.is_compiled:
        return Inspection(
            file=file,
            sha256=sha256,
            kind="compiled",
            basis=Basis.COMPILED,
            compiler=None,
            ops=_compiled_ops(graph),
            ops_total=None,
            ops_edgetpu=None,
            ops_cpu=None,
            ops_unknown=None,
            subgraphs=sum(op.is_custom and op.name == EDGETPU_CUSTOM_OP for op in graph.ops),
            first_blocker=None,
            findings=find(graph, (), None),
            inputs=inputs,
            outputs=outputs,
        )
    placements = place(graph, compiler)
    counts = summarise(placements)
    blocker = first_blocker(graph, placements, compiler)
    return Inspection(
        file=file,
        sha256=sha256,
        kind="source",
        basis=Basis.PREDICTED,
        compiler=compiler,
        ops=placements,
        ops_total=counts.ops_total,
        ops_edgetpu=counts.ops_edgetpu,
        ops_cpu=counts.ops_cpu,
        ops_unknown=counts.ops_unknown,
        subgraphs=int(counts.ops_edgetpu > 0),
        first_blocker=blocker,
        findings=find(graph, placements, blocker),
        inputs=inputs,
        outputs=outputs,
    )


def _compiled_ops(graph: Graph) -> tuple[OpPlacement, ...]:
    return tuple(
        OpPlacement(
            index=op.index,
            op=op.name,
            version=op.version,
            placement=Placement.EDGETPU if op.is_custom and op.name == EDGETPU_CUSTOM_OP else Placement.CPU,
        )
        for op in graph.ops
    )


def _infos(graph: Graph, tensors: tuple[int, ...]) -> tuple[TensorInfo, ...]:
    infos = []
    for tensor in (graph.tensors[i] for i in tensors):
        scheme = tensor.quantization
        infos.append(
            TensorInfo(
                name=tensor.name,
                shape=tensor.shape_signature,
                dtype=tensor.dtype,
                # JSON has no NaN: a corrupted scale is shown as none.
                scale=scheme.scale if scheme is not None and isfinite(scheme.scale) else None,
                zero_point=None if scheme is None else scheme.zero_point,
            )
        )
    return tuple(infos)
