"""Reads a .tflite file into a Graph. Any bytes give a Graph or a ModelFileError, within two seconds and without large allocations.

Field numbers are those of TensorFlow's schema.fbs (``tensorflow/compiler/mlir/lite/schema/schema.fbs``, version 3).
"""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import Final

import numpy as np

from edgewb.errors import ModelFileError
from edgewb.tflite.flatbuffers import Data, Table, TruncatedError
from edgewb.tflite.graphs import Graph, Op, Quantization, Signature, Tensor
from edgewb.tflite.schemas import op_names, read_options, type_names

_IDENTIFIER: Final = b"TFL3"
_MAX_RANK: Final = 16
_MAX_ELEMENTS: Final = 2**31 - 1
"""LiteRT counts elements in a 32-bit int."""
_MAX_OP_NAME: Final = 1_024
_MAX_FILE_BYTES: Final = 2**29
_HEAD_BYTES: Final = 4_096
_AGAIN: Final = "copy or download it again, or convert it again"
_KINDS: Final = (
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file, such as a Keras .h5 model"),
    (b"PK\x03\x04", "a zip archive, such as a .keras model or an .npz"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself: fetch it with `git lfs pull`"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"\x7fELF", "a program or library"),
    (b"<!DOCTYPE", "a web page: the download went wrong"),
    (b"<html", "a web page: the download went wrong"),
    (b"{", "JSON text"),
    (b"\x93NUMPY", "a numpy array"),
)
_NEEDED: Final = "a .tflite file is needed: convert the model with the TensorFlow Lite converter"


def read_graph(source: str | Path | bytes) -> Graph:
    """Read a TensorFlow Lite model.

    Args:
        source: a path, or the bytes of a file.

    Raises:
        ModelFileError: no such file, a folder, not a .tflite file (it says what it looks like), truncated, or corrupted.
    """
    if isinstance(source, bytes):
        return _parse(source, "the given bytes")
    return _parse(load_bytes(source), f"{str(source)!r}")


def load_bytes(path: str | Path) -> bytes:
    """The bytes of a .tflite file, or the first 4 KiB of any other. Raises ModelFileError when there is none or it cannot be read."""
    name = f"{str(path)!r}"
    try:
        place = Path(path)
        if place.is_dir():
            what = "a SavedModel folder" if (place / "saved_model.pb").is_file() else "a folder"
            raise ModelFileError(f"{name} is {what}: {_NEEDED}, and give the file itself")
        if not place.exists():
            raise ModelFileError(f"no such file: {name}; give the path of a .tflite file")
        if not place.is_file():
            raise ModelFileError(f"{name} is not a regular file: give the path of a .tflite file")
        with place.open("rb") as file:
            # What is not a .tflite file is not read as a whole, however large.
            head = file.read(_HEAD_BYTES)
            if head[4:8] != _IDENTIFIER:
                return head
            if (size := place.stat().st_size) > _MAX_FILE_BYTES:
                raise ModelFileError(
                    f"{name} has {size:,} bytes: files of more than {_MAX_FILE_BYTES:,} are not read, no Edge TPU could take such a model; "
                    "give a smaller one"
                )
            file.seek(0)
            return file.read()
    except MemoryError:
        raise ModelFileError(f"{name} does not fit into memory: use a smaller model or a machine with more") from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise ModelFileError(f"{name} cannot be read ({why}): give the path of a readable .tflite file") from None


def _looks_like(raw: bytes) -> str:
    if raw[4:8] == b"TFL2" or raw[4:8] == b"TFL1":
        return "a TensorFlow Lite file of an older format, version 3 is needed"
    for magic, what in _KINDS:
        if raw.startswith(magic):
            return what
    if raw.startswith(b"\x08\x01\x12"):
        return "a SavedModel .pb file"
    if raw[:1] == b"\x08" and b"onnx" in raw[:512].lower():
        return "an ONNX model"
    if raw[:1] == b"\x0a" and b"\x12" in raw[:64]:
        return "perhaps a frozen TensorFlow .pb graph"
    if all(byte in b"\t\n\r" or 32 <= byte < 127 for byte in raw[:64]):
        return "text"
    return "data of another kind"


def _parse(raw: bytes, name: str) -> Graph:
    if not raw:
        raise ModelFileError(f"{name} is empty (0 bytes): {_NEEDED}")
    if len(raw) < 8 and _IDENTIFIER.startswith(raw[4:8]) and raw[4:8]:
        raise ModelFileError(f"{name} is truncated ({len(raw)} bytes): {_AGAIN}")
    if raw[4:8] != _IDENTIFIER:
        raise ModelFileError(f"{name} is not a .tflite file (no TFL3 at byte 4), it looks like {_looks_like(raw)}; {_NEEDED}")
    try:
        return _read_model(Data(raw))
    except TruncatedError as error:
        raise ModelFileError(f"{name} is truncated or corrupted ({error}): {_AGAIN}") from None
    except ModelFileError as error:
        raise ModelFileError(f"{name} is corrupted ({error}): {_AGAIN}") from None


def _read_model(data: Data) -> Graph:
    model = data.root()
    if (version := model.integer(0, "I")) != 3:
        raise ModelFileError(f"schema version {version}, version 3 is needed")
    subgraphs = model.tables(2)
    if not subgraphs:
        raise ModelFileError("it holds no graph")
    if model.count(9):
        raise ModelFileError("its weights are in another file, which is not supported")
    buffers = tuple(_read_buffer(data, table) for table in model.tables(4))
    codes = [_read_code(table) for table in model.tables(1)]
    main = subgraphs[0]
    tensors = tuple(_read_tensor(i, table, buffers) for i, table in enumerate(main.tables(0)))
    ops = tuple(_read_op(i, table, codes, len(tensors)) for i, table in enumerate(main.tables(3)))
    graph = Graph(
        tensors=tensors,
        ops=ops,
        inputs=_indices("graph inputs", main.integers(1), len(tensors)),
        outputs=_indices("graph outputs", main.integers(2), len(tensors)),
        signatures=tuple(_read_signature(table, tensors, len(subgraphs)) for table in model.tables(7)),
        description=model.text(3),
        metadata=tuple(table.text(0) for table in model.tables(6)),
        subgraphs=len(subgraphs),
        file_bytes=data.size,
        buffers=buffers,
    )
    _check_order(graph)
    return graph


def _read_buffer(data: Data, table: Table) -> memoryview:
    # Beyond 2 GB the flatbuffer's own offsets do not reach: the bytes follow it, at a 64-bit offset from the start of the file.
    offset, size = table.integer(1, "Q"), table.integer(2, "Q")
    if offset > 1:
        data.check(offset, size)
        return data.view[offset : offset + size]
    return table.blob(0)


def _read_code(table: Table) -> tuple[str, int, bool]:
    """Name, version, and whether it is a custom op."""
    # Numbers up to 126 are also in the older 8-bit field; a file has one of the two or both (schema_utils.cc, GetBuiltinCode).
    number = max(table.integer(0, "b"), table.integer(3, "i"))
    name = op_names().get(number, f"BUILTIN_{number}")
    version = table.integer(2, "i", 1)
    if name != "CUSTOM":
        return name, version, False
    custom = table.text(1)
    if len(custom) > _MAX_OP_NAME:
        raise ModelFileError(f"a custom op's name has {len(custom)} characters")
    return custom or "unnamed custom op", version, True


def _read_quantization(table: Table | None, index: int, shape: tuple[int, ...]) -> Quantization | None:
    if table is None:
        return None
    scales = table.numbers(2, "<f4")
    zero_points = table.numbers(3, "<i8")
    axis = table.integer(6, "i")
    if not len(scales):
        return None
    if len(zero_points) not in (len(scales), 0, 1):
        raise ModelFileError(f"tensor {index} has {len(scales)} scales and {len(zero_points)} zero points")
    if len(scales) > 1 and not (0 <= axis < len(shape) and shape[axis] == len(scales)):
        raise ModelFileError(f"tensor {index} of shape {list(shape)} has {len(scales)} scales along axis {axis}")
    if len(zero_points) != len(scales):
        fill = int(zero_points[0]) if len(zero_points) else 0
        zero_points = np.broadcast_to(np.int64(fill), scales.shape)
    return Quantization(scales=scales.view(np.float32), zero_points=zero_points.view(np.int64), axis=axis)


def _read_tensor(index: int, table: Table, buffers: tuple[memoryview, ...]) -> Tensor:
    shape = table.integers(0)
    if len(shape) > _MAX_RANK or min(shape, default=0) < -1:
        raise ModelFileError(f"tensor {index} has the shape {list(shape[:8])}")
    signature = table.integers(7) or shape
    if len(signature) != len(shape) or min(signature, default=0) < -1:
        raise ModelFileError(f"tensor {index} has the shape {list(shape)} and the shape signature {list(signature[:8])}")
    number = table.integer(1, "b")
    dtype = type_names().get(number)
    if dtype is None:
        raise ModelFileError(f"tensor {index} has the unknown type {number}")
    buffer = table.integer(2, "I")
    if buffer >= len(buffers) and (buffer or buffers):
        raise ModelFileError(f"tensor {index} uses buffer {buffer} of {len(buffers)}")
    buffer_bytes = len(buffers[buffer]) if buffers else 0
    if abs(prod(shape)) > _MAX_ELEMENTS:
        raise ModelFileError(f"tensor {index} has the shape {list(shape[:8])}: no tensor holds more than {_MAX_ELEMENTS:,} numbers")
    tensor = Tensor(
        index=index,
        name=table.text(3),
        shape=shape,
        shape_signature=signature,
        dtype=dtype,
        buffer=buffer,
        buffer_bytes=buffer_bytes,
        is_constant=buffer_bytes > 0,
        is_variable=bool(table.number(5, "?")),
        is_sparse=table.table(6) is not None,
        quantization=_read_quantization(table.table(4), index, shape),
    )
    if tensor.is_constant and -1 in shape:
        raise ModelFileError(f"tensor {index} is a constant of the shape {list(shape)}")
    needed = tensor.byte_count
    if tensor.is_constant and needed is not None and not tensor.is_sparse and needed != buffer_bytes:
        raise ModelFileError(f"tensor {index} of shape {list(shape)} and type {dtype} has {buffer_bytes} bytes instead of {needed}")
    return tensor


def _indices(what: str, values: tuple[int, ...], count: int, lowest: int = 0) -> tuple[int, ...]:
    for value in values:
        if not lowest <= value < count:
            raise ModelFileError(f"{what}: tensor {value} of {count}")
    return values


def _read_op(index: int, table: Table, codes: list[tuple[str, int, bool]], tensors: int) -> Op:
    code = table.integer(0, "I")
    if code >= len(codes):
        raise ModelFileError(f"op {index} uses operator code {code} of {len(codes)}")
    name, version, is_custom = codes[code]
    return Op(
        index=index,
        name=name,
        version=version,
        is_custom=is_custom,
        inputs=_indices(f"inputs of op {index}", table.integers(1), tensors, -1),
        outputs=_indices(f"outputs of op {index}", table.integers(2), tensors, -1),
        options={} if is_custom else read_options(table.integer(3, "B"), table.table(4)),
        custom_options=table.blob(5) if is_custom else memoryview(b""),
    )


def _read_signature(table: Table, tensors: tuple[Tensor, ...], subgraphs: int) -> Signature:
    subgraph = table.integer(4, "I")
    if subgraph >= subgraphs:
        raise ModelFileError(f"a signature uses graph {subgraph} of {subgraphs}")
    names = [{entry.text(0): entry.integer(1, "I") for entry in table.tables(slot)} for slot in (0, 1)]
    if subgraph == 0:
        for entries in names:
            _indices("a signature", tuple(entries.values()), len(tensors))
    return Signature(key=table.text(2), inputs=names[0], outputs=names[1], subgraph=subgraph)


def _check_order(graph: Graph) -> None:
    """An op reads what earlier ops made: that is the order they run in, and it rules out cycles."""
    producers = graph.producers
    made: set[int] = set()
    for op in graph.ops:
        for tensor in op.inputs:
            if tensor in producers and tensor not in made and not graph.tensors[tensor].is_variable:
                raise ModelFileError(f"op {op.index} reads tensor {tensor}, which only op {producers[tensor]} makes")
        for tensor in op.outputs:
            if tensor in made:
                raise ModelFileError(f"tensor {tensor} is made twice, the second time by op {op.index}")
            if tensor >= 0:
                made.add(tensor)
