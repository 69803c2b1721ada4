"""``inspect``: what an Edge TPU does with a model, from the file alone."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from math import isfinite
from pathlib import Path

from edgewb.compilers.budgets import CACHE_BYTES, budget, macs
from edgewb.compilers.findings import find
from edgewb.compilers.limits import check_generation
from edgewb.compilers.matches import Match, compare
from edgewb.compilers.packages import STAND_IN_CHIP, Executable, on_and_off_chip, read_packages
from edgewb.compilers.placement import first_blocker, place, summarise
from edgewb.compilers.problems import problems
from edgewb.compilers.reports import to_html, to_text
from edgewb.errors import InputError, ModelFileError
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
class SharedCache(Jsonable):
    """What models compiled together would share: one cache, so that no model pushes another out of it.

    Which ops of which model are streamed when they do not all fit is the compiler's secret; ``least_streamed_bytes`` is what cannot fit.
    """

    files: tuple[str, ...]
    parameter_bytes: int
    cache_bytes: int
    least_streamed_bytes: int
    basis: Basis


@dataclasses.dataclass(frozen=True, kw_only=True)
class Inspection(Jsonable):
    """What an Edge TPU does with a model. Invariant for a source model: ops_edgetpu + ops_cpu + ops_unknown = ops_total.

    ``kind``: "source" (an ordinary .tflite; ``basis`` predicted) or "compiled" (made by the Edge TPU compiler; ``basis`` compiled).
    A compiled model no longer holds its source's ops: ``ops`` lists the custom op and what is left on the CPU, the counts and
    ``compiler`` are None. ``subgraphs`` counts the Edge TPU custom ops: the compiler makes one, or none when nothing maps.

    Parameters are counted as the device stores them, parameter_bytes = on_chip_bytes + off_chip_bytes. Of a source model they are
    predicted, and ``streamed_const_bytes`` (constants of elementwise ops, sent with each inference) come on top. Of a compiled model
    they are read from ``executables``, where such constants are among the bytes off the chip. ``compiler_log_parameter_bytes`` is what
    the compiler's log counts for the same parameters, with all lanes padded to 64. ``macs`` are multiply-accumulate operations of one
    inference. ``against`` says whether a compiled file holds the source it was compared with, None where it was compared with none.
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
    compiler_log_parameter_bytes: int | None = None
    macs_total: int | None = None
    macs_edgetpu: int | None = None
    largest_activation_bytes: int | None = None
    assumed_fixed: tuple[int, ...] = ()
    shared_cache: SharedCache | None = None
    findings: tuple[Finding, ...]
    executables: tuple[Executable, ...] = ()
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    against: Match | None = None

    def __str__(self) -> str:
        """A plain-text report."""
        return to_text(self)

    def _repr_html_(self) -> str:
        """The report for a notebook; every name from the file is escaped."""
        return to_html(self)


def inspect(
    path: str | Path,
    compiler: str = "16.0",
    assume_fixed: Sequence[int] = (),
    together_with: Sequence[str | Path] = (),
    against: str | Path | None = None,
) -> Inspection:
    """What an Edge TPU does with a .tflite file, source or compiled.

    Args:
        path: the file.
        compiler: the compiler generation to predict, see ``limits.GENERATIONS``.
        assume_fixed: indices of ops taken as if nothing kept them off the Edge TPU: what would map if they were mended?
        together_with: other models that would be compiled together with this one, to share the cache.
        against: the source model that ``path``, a compiled file, may have been made from: does it hold it?

    Raises:
        ModelFileError: no such file, not a .tflite, truncated or corrupted.
        InputError: unknown compiler generation, no such op, a compiled file with ``assume_fixed``, or ``against`` with a source file
            as ``path`` or a compiled file as the one to compare with.
    """
    raw = load_bytes(path)
    inspection = inspect_bytes(raw, str(path), compiler, assume_fixed)
    if against is not None:
        inspection = dataclasses.replace(inspection, against=_compare(raw, str(path), against))
    if not together_with:
        return inspection
    return dataclasses.replace(inspection, shared_cache=share_cache([inspection, *(inspect(other, compiler) for other in together_with)]))


def inspect_bytes(raw: bytes, file: str, compiler: str = "16.0", assume_fixed: Sequence[int] = ()) -> Inspection:
    """The same for the bytes of a file; ``file`` is what messages call it."""
    check_generation(compiler)
    graph = _read(raw, file)
    try:
        return inspect_graph(graph, file, hashlib.sha256(raw).hexdigest(), compiler, assume_fixed)
    except ModelFileError as error:
        raise ModelFileError(f"{file!r}: {error}") from None


def _read(raw: bytes, file: str) -> Graph:
    try:
        return read_graph(raw)
    except ModelFileError as error:
        raise ModelFileError(str(error).replace("the given bytes", repr(file), 1)) from None


def _compare(raw: bytes, file: str, against: str | Path) -> Match:
    compiled = _read(raw, file)
    if compiled.is_compiled and any(executable.chip == STAND_IN_CHIP for executable in read_packages(compiled)):
        raise InputError(f"{file!r} is from edgewb's stand-in compiler and holds no parameters to compare: compile with edgetpu_compiler")
    if not compiled.is_compiled:
        raise InputError(f"{file!r} is a source model: --against compares a compiled file, given first, with the source it was made from")
    content = load_bytes(against)
    source = _read(content, str(against))
    try:
        return compare(source, compiled, str(against), hashlib.sha256(content).hexdigest())
    except ModelFileError as error:
        raise ModelFileError(f"{file!r}: {error}") from None


def share_cache(inspections: Sequence[Inspection]) -> SharedCache:
    """What these models would share if they were compiled together."""
    total = sum(inspection.parameter_bytes or 0 for inspection in inspections)
    bases = {inspection.basis for inspection in inspections}
    return SharedCache(
        files=tuple(inspection.file for inspection in inspections),
        parameter_bytes=total,
        cache_bytes=CACHE_BYTES,
        least_streamed_bytes=max(0, total - CACHE_BYTES),
        basis=Basis.COMPILED if bases == {Basis.COMPILED} else Basis.PREDICTED,
    )


def inspect_graph(graph: Graph, file: str, sha256: str, compiler: str = "16.0", assume_fixed: Sequence[int] = ()) -> Inspection:
    """The same for a graph already read; ``file`` and ``sha256`` are passed on."""
    check_generation(compiler)
    inputs, outputs = _infos(graph, graph.inputs), _infos(graph, graph.outputs)
    if graph.is_compiled:
        if assume_fixed:
            raise InputError("nothing can be assumed fixed in a compiled file, its ops are gone: give the .tflite it was compiled from")
        executables = read_packages(graph)
        cached, streamed = on_and_off_chip(executables)
        simulated = any(executable.chip == STAND_IN_CHIP for executable in executables)
        return Inspection(
            file=file,
            sha256=sha256,
            kind="compiled",
            basis=Basis.SIMULATED if simulated else Basis.COMPILED,
            compiler=None,
            ops=_compiled_ops(graph),
            ops_total=None,
            ops_edgetpu=None,
            ops_cpu=None,
            ops_unknown=None,
            subgraphs=sum(op.is_custom and op.name == EDGETPU_CUSTOM_OP for op in graph.ops),
            first_blocker=None,
            parameter_bytes=cached + streamed,
            on_chip_bytes=cached,
            off_chip_bytes=streamed,
            findings=(problems()["stand_in"].to_finding(),) if simulated else find(graph, (), None),
            executables=executables,
            inputs=inputs,
            outputs=outputs,
        )
    placements = place(graph, compiler, assume_fixed)
    counts = summarise(placements)
    blocker = first_blocker(graph, placements, compiler, assume_fixed)
    memory = budget(graph, placements, compiler)
    work = [macs(graph, op) for op in graph.ops]
    if sum(work) >= 2**63:
        raise ModelFileError("its shapes ask for more than 2**63 multiplications: it is corrupted; convert it again")
    mapped = [placed.placement is Placement.EDGETPU for placed in placements]
    return Inspection(
        file=file,
        sha256=sha256,
        kind="source",
        basis=Basis.PREDICTED,
        compiler=compiler,
        ops=tuple(
            dataclasses.replace(
                placed,
                parameter_bytes=None if stored is None else stored.parameter_bytes,
                memory=None
                if stored is None or not stored.parameter_bytes
                else "off_chip"
                if placed.index in memory.off_chip
                else "on_chip",
                macs=count,
            )
            for placed, stored, count in zip(placements, memory.stored, work, strict=True)
        ),
        ops_total=counts.ops_total,
        ops_edgetpu=counts.ops_edgetpu,
        ops_cpu=counts.ops_cpu,
        ops_unknown=counts.ops_unknown,
        subgraphs=int(counts.ops_edgetpu > 0),
        first_blocker=blocker,
        parameter_bytes=memory.parameter_bytes,
        on_chip_bytes=memory.on_chip_bytes,
        off_chip_bytes=memory.off_chip_bytes,
        streamed_const_bytes=memory.streamed_const_bytes,
        compiler_log_parameter_bytes=memory.log_bytes,
        macs_total=sum(work),
        macs_edgetpu=sum(count for count, on_device in zip(work, mapped, strict=True) if on_device),
        largest_activation_bytes=_largest_activation(graph),
        assumed_fixed=tuple(sorted(set(assume_fixed))),
        findings=find(graph, placements, blocker, memory),
        inputs=inputs,
        outputs=outputs,
    )


def _largest_activation(graph: Graph) -> int:
    return max((t.byte_count or 0 for op in graph.ops for t in graph.output_tensors(op)), default=0)


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
