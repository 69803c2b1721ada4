"""Change a .tflite without changing what it computes. For files the user trusts: the whole file is unpacked and packed again."""

from __future__ import annotations

from edgewb.errors import ModelFileError
from edgewb.tflite.reader import read_graph


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
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(content, 0)
    for subgraph in model.subgraphs:
        for packed in subgraph.tensors:
            packed.shapeSignature = None
    builder = flatbuffers.Builder(len(content) + 1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())
