"""What is inside a compiled model: the package in the options of the op ``edgetpu-custom-op``.

Tables and slots as in libedgetpu's ``executable/executable.fbs`` (google-coral/libedgetpu on GitHub): a flexbuffer map whose key "4" is
a flatbuffer ``Package``; in it a ``MultiExecutable``; in that one flatbuffer ``Executable`` per job. Read with the bounded reader.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeVar

from edgewb.errors import ModelFileError
from edgewb.tflite.flatbuffers import Data, Table, TruncatedError
from edgewb.tflite.flexbuffers import read_map
from edgewb.tflite.graphs import EDGETPU_CUSTOM_OP, Graph
from edgewb.types import Jsonable

_PACKAGE_KEY: Final = "4"
_FILE_IDENTIFIER: Final = b"DWN1"
_TYPES: Final = ("STAND_ALONE", "PARAMETER_CACHING", "EXECUTION_ONLY")
_DATA_TYPES: Final = {
    0: "FIXED_POINT8", 1: "FIXED_POINT16", 2: "SIGNED_FIXED_POINT32", 3: "BFLOAT", 4: "HALF", 5: "SINGLE",
    8: "SIGNED_FIXED_POINT8", 9: "SIGNED_FIXED_POINT16",
}  # fmt: skip
_ITEM_BYTES: Final = {0: 1, 1: 2, 2: 4, 3: 2, 4: 2, 5: 4, 8: 1, 9: 2}
_DMA: Final = ("OUTPUT", "INPUT", "PARAMETER", "SCRATCH")
STAND_IN_CHIP: Final = "edgewb stand-in"
"""The chip named in what edgewb's stand-in compiler writes: nothing in such a file was compiled."""
_UNITS: Final = 50_000
"""Work for all packages of a file together: a real one needs some 400 units, and the same bytes may be referred to without end."""
_MAX_NAME: Final = 1_024
_Read = TypeVar("_Read")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Layer(Jsonable):
    """An input or output as the device sees it. ``padded_bytes`` are what crosses the bus, ``bytes`` what the tensor holds."""

    name: str
    shape_yxz: tuple[int, int, int]
    type: str
    bytes: int
    padded_bytes: int
    zero_point: int | None
    scale: float | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Executable(Jsonable):
    """One program for the device.

    ``type`` PARAMETER_CACHING loads the cache once; EXECUTION_ONLY runs at each inference; STAND_ALONE does all by itself.
    ``parameters_bytes`` are cached for PARAMETER_CACHING, and streamed at each inference for the other two. ``dma_bytes`` is what the
    compiler says will be moved, by kind; it may leave some out (``dma_complete`` False). ``estimated_cycles`` is None where the
    compiler left it empty, as the last ones always do.
    """

    type: str
    parameters_bytes: int
    instruction_bytes: int
    instruction_chunks: int
    scratch_bytes: int
    narrow_memory_bytes_per_tile: int
    estimated_cycles: int | None
    min_runtime_version: int
    chip: str
    caching_token: str | None
    dma_bytes: dict[str, int]
    dma_complete: bool
    inputs: tuple[Layer, ...]
    outputs: tuple[Layer, ...]


@dataclasses.dataclass(frozen=True, eq=False)
class Program:
    """The content of one executable: views on the file, no copies. ``parameters`` is what ``parameters_bytes`` counts."""

    type: str
    parameters: memoryview
    instructions: tuple[memoryview, ...]


def read_packages(graph: Graph) -> tuple[Executable, ...]:
    """The executables of every Edge TPU custom op in a compiled model, in the order of the file.

    Raises:
        ModelFileError: a package is missing or corrupted.
    """
    return _read_all(graph, _read_executable)


def read_programs(graph: Graph) -> tuple[Program, ...]:
    """The bytes of the same executables, in the same order.

    Raises:
        ModelFileError: a package is missing or corrupted, or its executables refer to more bytes than the file has.
    """
    programs = _read_all(graph, _read_program)
    size = sum(len(program.parameters) + sum(map(len, program.instructions)) for program in programs)
    if size > graph.file_bytes:
        raise ModelFileError(f"its executables refer to {size:,} bytes of a file of {graph.file_bytes:,}: compile the model again")
    return programs


def _read_all(graph: Graph, read: Callable[[Table, int], _Read]) -> tuple[_Read, ...]:
    found: list[_Read] = []
    meter = [_UNITS]
    for op in graph.ops:
        if op.is_custom and op.name == EDGETPU_CUSTOM_OP:
            try:
                found += [read(table, runtime) for table, runtime in _open_package(op.custom_options, meter)]
            except TruncatedError as error:
                raise ModelFileError(f"the package in op {op.index} is truncated or corrupted ({error}): compile the model again") from None
            except ModelFileError as error:
                raise ModelFileError(f"the package in op {op.index} is corrupted ({error}): compile the model again") from None
    return tuple(found)


def on_and_off_chip(executables: Sequence[Executable]) -> tuple[int, int]:
    """Parameter bytes kept in the chip's cache, and those streamed at each inference."""
    cached = sum(e.parameters_bytes for e in executables if e.type == "PARAMETER_CACHING")
    return cached, sum(e.parameters_bytes for e in executables) - cached


def _open_package(options: memoryview, meter: list[int]) -> Iterator[tuple[Table, int]]:
    blob = read_map(options, meter).get(_PACKAGE_KEY)
    if not isinstance(blob, memoryview):
        raise ModelFileError(f"no package under the key {_PACKAGE_KEY!r}")
    if bytes(blob[4:8]) != _FILE_IDENTIFIER:
        raise ModelFileError("no DWN1 at byte 4 of the package")
    package = Data(blob, meter).root()
    runtime = _not_negative("runtime version", package.integer(0))
    content = package.blob(1)
    if not content:
        raise ModelFileError("the package holds no executables")
    for part in Data(content, meter).root().blobs(0):
        yield Data(part, meter).root(), runtime


def _not_negative(what: str, value: int) -> int:
    if value < 0:
        raise ModelFileError(f"a {what} of {value}")
    return value


def _kind(table: Table) -> str:
    kind = table.integer(13, "h")
    if not 0 <= kind < len(_TYPES):
        raise ModelFileError(f"an executable of type {kind}")
    return _TYPES[kind]


def _read_program(table: Table, _runtime: int) -> Program:
    return Program(_kind(table), table.blob(6), tuple(chunk.blob(0) for chunk in table.tables(5)))


def _read_executable(table: Table, runtime: int) -> Executable:
    kind = _kind(table)
    chunks = [len(chunk.blob(0)) for chunk in table.tables(5)]
    dma, complete = _read_dma(table.table(7))
    token = table.integer(14, "Q")
    return Executable(
        type=kind,
        parameters_bytes=len(table.blob(6)),
        instruction_bytes=sum(chunks),
        instruction_chunks=len(chunks),
        scratch_bytes=_not_negative("scratch size", table.integer(4)),
        narrow_memory_bytes_per_tile=_not_negative("memory size", table.integer(12)),
        estimated_cycles=_not_negative("cycle count", table.integer(16, "q") or table.integer(11)) or None,
        min_runtime_version=runtime,
        chip=table.text(10),
        caching_token=f"{token:016x}" if token else None,
        dma_bytes=dma,
        dma_complete=complete,
        inputs=tuple(_read_layer(layer) for layer in table.tables(8)),
        outputs=tuple(_read_layer(layer) for layer in table.tables(9)),
    )


def _read_dma(hints: Table | None) -> tuple[dict[str, int], bool]:
    moved = dict.fromkeys(_DMA, 0)
    if hints is None:
        return moved, False
    for hint in hints.tables(0):
        # The union's first member: a descriptor. The others (instructions, interrupts, fences) move no tensor.
        descriptor = hint.table(1) if hint.integer(0, "B") == 1 else None
        meta = descriptor.table(0) if descriptor is not None else None
        if descriptor is not None and meta is not None:
            kind = meta.integer(0, "h")
            if not 0 <= kind < len(_DMA):
                raise ModelFileError(f"a transfer of kind {kind}")
            moved[_DMA[kind]] += _not_negative("transfer size", descriptor.integer(2))
    return moved, bool(hints.number(1, "?"))


def _read_layer(table: Table) -> Layer:
    shape = tuple(_not_negative("layer size", table.integer(slot)) for slot in (2, 3, 4))
    if shape[0] * shape[1] * shape[2] >= 2**40:
        raise ModelFileError(f"a layer of {shape[0]} x {shape[1]} x {shape[2]} values")
    name = table.text(0)
    if len(name) > _MAX_NAME:
        raise ModelFileError(f"a layer's name of {len(name)} characters")
    data_type = table.integer(6, "h")
    numerics = table.table(5)
    scale = float(numerics.number(1, "f")) if numerics is not None else 0.0
    return Layer(
        name=name,
        shape_yxz=(shape[0], shape[1], shape[2]),
        type=_DATA_TYPES.get(data_type, f"type {data_type}"),
        bytes=shape[0] * shape[1] * shape[2] * _ITEM_BYTES.get(data_type, 1),
        padded_bytes=_not_negative("padded size", table.integer(1)),
        zero_point=numerics.integer(0) if numerics is not None else None,
        scale=scale if 0 < scale < float("inf") else None,
    )
