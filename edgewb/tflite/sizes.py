"""Sizes of a model with a batch of 1 as they follow from the file, without a run: the shapes in it, and what is computed of them.

Of the ops that compute with sizes those are known that Keras's layers are converted to.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from edgewb.errors import ModelFileError
from edgewb.tflite.graphs import Graph, Op
from edgewb.tflite.reader import read_graph

Shapes = dict[int, tuple[int, ...]]
Values = dict[int, npt.NDArray[np.generic]]
_TARGETS: Final = {"RESHAPE": 1, "TRANSPOSE_CONV": 0}
"""Which input is the shape of the result."""
_AS_INPUT: Final = frozenset({"QUANTIZE", "DEQUANTIZE", "RELU", "RELU6", "LOGISTIC", "TANH", "SOFTMAX", "CAST"})
_MOST_VALUES: Final = 64
_MOST_ELEMENTS: Final = 2**31 - 1


def follow_sizes(content: bytes, tensors: Sequence[int]) -> tuple[Shapes, Values]:
    """The shape of each tensor, and the values of some integer tensors, where the input's batch may change and is 1.

    Args:
        content: a .tflite in which sizes that may change are -1 in the shape signatures, and 1 in the shapes, as the converter writes them.
        tensors: integer tensors whose values are wanted.

    Raises:
        ModelFileError: they do not follow from the file, or not by the ops that are known here.
    """
    graph = read_graph(content)
    shapes: Shapes = {}
    values: Values = {}
    for index, tensor in enumerate(graph.tensors):
        batch_alone = -1 not in tensor.shape_signature[1:] and (tensor.shape_signature[:1] != (-1,) or tensor.shape[:1] == (1,))
        if batch_alone and -1 not in tensor.shape:
            shapes[index] = tensor.shape
    for index in graph.inputs:
        if graph.tensors[index].shape_signature[:1] != (-1,) or index not in shapes:
            raise ModelFileError(f"the batch of the input {graph.tensors[index].name!r:.80} is not one that may change")
    for op in graph.ops:
        given = [_value(graph, values, index) for index in op.inputs]
        if len(op.outputs) != 1 or op.outputs[0] < 0 or not op.inputs:
            continue
        (out,) = op.outputs
        place = _TARGETS.get(op.name)
        if out not in shapes and place is not None and place < len(given):
            target = given[place]
            if target is not None and (wanted := _as_shape(op, target, shapes)):
                shapes[out] = wanted
        if out not in shapes and op.name in _AS_INPUT and op.inputs[0] in shapes:
            shapes[out] = shapes[op.inputs[0]]
        moved = (op.inputs[0], out) if op.name == "RESHAPE" else ()
        if moved and all(index in shapes for index in moved) and len({math.prod(shapes[index]) for index in moved}) > 1:
            raise ModelFileError(f"op {op.index} (RESHAPE) makes another number of values than it is given, going by the file")
        if graph.tensors[out].dtype in ("int32", "int64") and (value := _compute(op, given, shapes)) is not None:
            value = value.astype(graph.tensors[out].dtype)
            if value.size > _MOST_VALUES or shapes.setdefault(out, value.shape) != value.shape:
                raise ModelFileError(f"what op {op.index} ({op.name[:60]}) computes is not of the size that the file says")
            values[out] = value
    read = {index for op in graph.ops for index in (*op.inputs, *op.outputs) if index >= 0}
    for missing in sorted(read - set(shapes)):
        raise ModelFileError(f"the shape of {graph.tensors[missing].name!r:.80} is not written in the file")
    for missing in tensors:
        if missing not in values:
            raise ModelFileError(f"what {graph.tensors[missing].name!r:.80} becomes is not known")
    return shapes, {index: values[index] for index in tensors}


def _value(graph: Graph, values: Values, index: int) -> npt.NDArray[Any] | None:
    if index in values or index < 0:
        return values.get(index)
    tensor = graph.tensors[index]
    small = (
        tensor.is_constant and not tensor.is_sparse and tensor.dtype in ("int32", "int64") and int(np.prod(tensor.shape)) <= _MOST_VALUES
    )
    return np.array(graph.constant(index)).reshape(tensor.shape) if small else None


def _as_shape(op: Op, target: npt.NDArray[Any], shapes: Shapes) -> tuple[int, ...]:
    """The shape that is asked for; () where that is none, or not one for what is given."""
    wanted = tuple(int(size) for size in target.ravel())
    elements = math.prod(wanted)
    if target.ndim != 1 or min(wanted, default=0) < 1 or elements > _MOST_ELEMENTS:
        return ()
    given = shapes.get(op.inputs[0])
    return () if op.name == "RESHAPE" and (given is None or math.prod(given) != elements) else wanted


def _compute(op: Op, given: list[npt.NDArray[Any] | None], shapes: Shapes) -> npt.NDArray[Any] | None:
    """What an op makes of sizes; None where that is not known."""
    if op.name == "SHAPE" and op.inputs[0] in shapes:
        return np.array(shapes[op.inputs[0]])
    known = [value for value in given if value is not None]
    if len(known) != len(given) or not known:
        return None
    if op.name == "STRIDED_SLICE" and len(known) == 4 and known[0].ndim == 1 and all(value.size == 1 for value in known[1:]):
        if op.options.get("ellipsis_mask") or op.options.get("new_axis_mask") or op.options.get("offset"):
            return None
        begin, end, step = (int(value.ravel()[0]) for value in known[1:])
        if op.options.get("shrink_axis_mask"):
            return np.array(known[0][begin]) if -len(known[0]) <= begin < len(known[0]) else None
        cut = slice(None if op.options.get("begin_mask") else begin, None if op.options.get("end_mask") else end, step or None)
        return known[0][cut]
    if op.name == "PACK" and op.options.get("axis") == 0 and all(value.ndim == 0 for value in known):
        return np.stack(known)
    if op.name == "CONCATENATION" and all(value.ndim == 1 for value in known):
        return np.concatenate(known)
    if op.name == "CAST":
        return known[0]
    return None
