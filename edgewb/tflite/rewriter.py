"""Change a .tflite: unpacked into plain objects, changed, packed again. For files the user trusts: the whole file is held in memory."""

from __future__ import annotations

import io
import struct
import zipfile
from typing import Any, Final

import numpy as np

from edgewb.errors import ModelFileError
from edgewb.tflite.graphs import Graph
from edgewb.tflite.reader import read_graph

_BUFFER_ALIGNMENT: Final = 16
"""Of a buffer's bytes in the file: ``force_align: 16`` in TensorFlow's schema.fbs, which the Python packer does not know."""
_DAMAGED: Final = (struct.error, IndexError, ValueError, TypeError, AttributeError, OverflowError, KeyError)
"""What the generated readers raise over damaged bytes."""


def unpack(content: bytes, graph: Graph) -> Any:
    """The file as mutable objects of ai-edge-litert's schema (``ModelT``).

    Args:
        content: the bytes of the file.
        graph: the same, read by ``read_graph``: what that refuses is not unpacked.

    Raises:
        ModelFileError: damaged in a part that ``read_graph`` does not look at, or options stored outside the flatbuffer.
    """
    from ai_edge_litert import schema_py_generated as schema

    try:
        model = schema.ModelT.InitFromPackedBuf(content, 0)
    except _DAMAGED as error:
        raise ModelFileError(f"it is corrupted ({type(error).__name__} while unpacking): copy it again, or convert it again") from None
    if any(op.largeCustomOptionsOffset > 1 for subgraph in model.subgraphs for op in subgraph.operators or []):
        raise ModelFileError("it keeps a custom op's options outside the flatbuffer: such a file cannot be rewritten; convert it again")
    for packed, data in zip(model.buffers or [], graph.buffers, strict=True):
        if packed.offset > 1:  # beyond 2 GB the bytes follow the flatbuffer; here they all fit into it
            packed.data = np.frombuffer(data, np.uint8)
        packed.offset = packed.size = 0
    return model


def pack(model: Any, original: bytes) -> bytes:
    """The bytes of a file again: buffers aligned as the schema demands, and the files attached to ``original`` (labels) attached anew."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    class Aligned(schema.BufferT):  # type: ignore[misc]
        """A buffer whose bytes begin at a multiple of 16."""

        def Pack(self, builder: Any) -> Any:
            data = None
            if self.data is not None:
                content = np.asarray(self.data, np.uint8).tobytes()
                builder.StartVector(1, len(content), _BUFFER_ALIGNMENT)
                head = builder.Head() - len(content)
                builder.head = head
                builder.Bytes[head : head + len(content)] = content
                data = builder.EndVector()
            schema.BufferStart(builder)
            if data is not None:
                schema.BufferAddData(builder, data)
            return schema.BufferEnd(builder)

    kept = model.buffers
    model.buffers = [Aligned(buffer.data) for buffer in kept or []]
    try:
        builder = flatbuffers.Builder(len(original) + 1024)
        builder.Finish(model.Pack(builder), b"TFL3")
    finally:
        model.buffers = kept
    return _attach_files(bytes(builder.Output()), original)


def _attach_files(content: bytes, original: bytes) -> bytes:
    """TFLite metadata keeps label files in a zip behind the flatbuffer: the same files, behind the new one."""
    if not zipfile.is_zipfile(io.BytesIO(original)):
        return content
    stream = io.BytesIO(content)
    stream.seek(0, io.SEEK_END)
    try:
        with zipfile.ZipFile(io.BytesIO(original)) as attached, zipfile.ZipFile(stream, "a") as archive:
            for entry in attached.infolist():
                archive.writestr(entry, attached.read(entry))
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, ValueError, OSError, EOFError) as error:
        raise ModelFileError(f"the files attached to it cannot be read ({error}): write the metadata again") from None
    return stream.getvalue()


def fix_batch(content: bytes) -> bytes:
    """The same model with its batch fixed to 1, as an int8 conversion and the Edge TPU need it.

    The converter writes 1 as the size of a batch that may change, and the -1 into the tensor's shape signature alone; taking the
    signature away fixes it. A model whose batch is fixed comes back as it was.

    Raises:
        ModelFileError: unreadable, or a size other than the batch may change.
    """
    graph = read_graph(content)
    dynamic = [t for t in graph.tensors if t.is_dynamic]
    if not dynamic:
        return content
    for tensor in dynamic:
        if tensor.shape[:1] != (1,) or -1 in tensor.shape_signature[1:]:
            raise ModelFileError(
                f"tensor {tensor.name!r} has the shape {list(tensor.shape_signature)}, in which more than the batch may change: "
                "convert the model again with a fixed input shape"
            )
    model = unpack(content, graph)
    for subgraph in model.subgraphs:
        for packed in subgraph.tensors:
            packed.shapeSignature = None
    return pack(model, content)
