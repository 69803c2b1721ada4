"""Fixes the batch of a model to 1, with the sizes that are computed from it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import numpy as np

from edgewb.errors import ModelFileError
from edgewb.tflite.edits import Change, Edit
from edgewb.tflite.graphs import Graph
from edgewb.tflite.rewriter import pack

if TYPE_CHECKING:
    from edgewb.tflite.mends import Runs

_SIZES: Final = {
    "RESHAPE": (1,), "TRANSPOSE_CONV": (0,), "STRIDED_SLICE": (1, 2, 3), "SLICE": (1, 2), "PAD": (1,), "PADV2": (1,), "TILE": (1,),
    "RESIZE_BILINEAR": (1,), "RESIZE_NEAREST_NEIGHBOR": (1,), "BROADCAST_TO": (1,), "FILL": (0,), "RANGE": (0, 1, 2),
    "EXPAND_DIMS": (1,), "ONE_HOT": (1,), "SPARSE_TO_DENSE": (1,), "SPACE_TO_BATCH_ND": (1, 2), "BATCH_TO_SPACE_ND": (1, 2),
    "TOPK_V2": (1,), "SPLIT_V": (1,), "MIRROR_PAD": (1,), "CONV_3D_TRANSPOSE": (0,),
}  # fmt: skip
"""Inputs whose values decide the shape of the result."""
_BY_VALUES: Final = frozenset({"WHERE", "UNIQUE", "NON_MAX_SUPPRESSION_V4", "NON_MAX_SUPPRESSION_V5", "IF", "WHILE", "CALL", "SCATTER_ND"})
"""Ops whose result may have another shape for other values, or that run another graph."""
_TARGETS: Final = {"RESHAPE": 1, "TRANSPOSE_CONV": 0}
"""Which input is the whole shape of the result, batch and all."""
_NOT_FIXED: Final = "convert the model again with a fixed input shape"


def fix_batch(content: bytes, runs: Runs, rate: Callable[[str, int], int]) -> Change:
    """The batch is fixed to 1, and sizes that were computed from it become constants."""
    edit = Edit(content)
    graph = edit.graph
    dynamic = [t for t in graph.tensors if t.is_dynamic]
    unchanged = edit.change()
    sizes = {graph.tensors[i].shape[0] for i in graph.inputs if len(graph.tensors[i].shape) > 1}
    if dynamic:
        for index in graph.inputs:
            tensor = graph.tensors[index]
            if -1 in tensor.shape_signature[1:] or -1 in tensor.shape[1:]:
                why = f"the input {tensor.name!r:.80} has the shape {list(tensor.shape_signature)}, in which more than the batch may change"
                return _refused(unchanged, f"{why}: {_NOT_FIXED}")
        if all(t.shape[:1] == (1,) and -1 not in t.shape_signature[1:] for t in dynamic) and not any(
            op.name == "SHAPE" for op in graph.ops
        ):
            for tensor in edit.main.tensors:
                tensor.shapeSignature = None
            return edit.change(others=len(dynamic))
    elif len(sizes) != 1 or sizes <= {0, 1} or not _all_begin_with(graph, *sizes):
        return unchanged
    try:
        return _rebuild(edit, runs, 0 if dynamic else sizes.pop(), len(dynamic))
    except ModelFileError as error:
        return _refused(unchanged, str(error))


def _refused(unchanged: Change, why: str) -> Change:
    return Change(content=unchanged.content, kept=unchanged.kept, refused=(why,))


def _all_begin_with(graph: Graph, size: int) -> bool:
    """Every input and output is a batch of this size."""
    return all(len(graph.tensors[i].shape) > 1 and graph.tensors[i].shape[0] == size for i in (*graph.inputs, *graph.outputs))


def _rebuild(edit: Edit, runs: Runs, fixed: int, dynamic: int) -> Change:
    """Inputs with a batch of 1; all other shapes, and the sizes computed on the way, as a run of the model finds them.

    Raises:
        ModelFileError: it does not run that way, or a shape may depend on values.
    """
    graph = edit.graph
    computed = _computed_sizes(graph)
    # Only where a size besides the batch may change: a shape that depends on values would be fixed to what one run gave.
    for op in graph.ops:
        unknown = [i for i in _SIZES.get(op.name, ()) if i < len(op.inputs) and not _is_known(graph, op.inputs[i], computed)]
        if unknown or op.name in _BY_VALUES or op.is_custom:
            raise ModelFileError(
                f"the shape that op {op.index} ({op.name[:60]}) makes may depend on values, not on the batch alone: {_NOT_FIXED}"
            )
    for index in graph.inputs:
        shape = graph.tensors[index].shape
        if shape:
            edit.main.tensors[index].shape = [1, *shape[1:]]
    touched = _reshape_targets(edit, fixed) if fixed else []
    wanted = sorted({i for op in graph.ops if op.outputs and op.outputs[0] not in computed for i in op.inputs if i in computed})
    shapes, values = runs.observe(pack(edit.model, edit.content), wanted)
    for index, tensor in enumerate(edit.main.tensors):
        tensor.shapeSignature = None
        if index in shapes and index < len(graph.tensors) and not graph.tensors[index].is_constant:
            tensor.shape = list(shapes[index])
    for index in wanted:
        constant = edit.add_constant(f"{graph.tensors[index].name}_fixed", values[index])
        edit.replace_reads(index, constant)
        touched.append(graph.producers[index])
    touched += edit.remove_dead()
    return edit.change(touched, others=max(dynamic, 1))


def _computed_sizes(graph: Graph) -> frozenset[int]:
    """Tensors that depend on nothing but shapes and constants, so that they are the same in every run."""
    known: set[int] = set()
    for op in graph.ops:
        if op.is_custom or op.name in _BY_VALUES or op.name.startswith("RANDOM") or op.name == "MULTINOMIAL":
            continue
        small = all(t.dtype in ("int32", "int64") for t in graph.output_tensors(op))
        if small and (op.name == "SHAPE" or (op.inputs and all(_is_known(graph, i, known) for i in op.inputs))):
            known.update(op.outputs)
    return frozenset(known)


def _is_known(graph: Graph, tensor: int, known: frozenset[int] | set[int]) -> bool:
    return tensor < 0 or graph.tensors[tensor].is_constant or tensor in known


def _reshape_targets(edit: Edit, size: int) -> list[int]:
    """Constant target shapes that begin with a batch of ``size`` begin with 1; the ops changed."""
    graph = edit.graph
    changed: list[int] = []
    for op in graph.ops:
        place = _TARGETS.get(op.name)
        if place is None or graph.tensors[op.outputs[0]].shape[:1] != (size,):
            continue
        packed = edit.main.operators[op.index]
        shape = getattr(packed.builtinOptions, "newShape", None)
        if shape is not None and len(shape) and int(shape[0]) == size:
            packed.builtinOptions.newShape = [1, *(int(v) for v in shape[1:])]
            changed.append(op.index)
        if place < len(op.inputs) and op.inputs[place] >= 0 and graph.tensors[op.inputs[place]].is_constant:
            target = np.array(graph.constant(op.inputs[place]))
            if target.ndim == 1 and target.size and int(target[0]) == size:
                target[0] = 1
                packed.inputs[place] = edit.add_constant(f"{graph.tensors[op.inputs[place]].name}_fixed", target)
                changed.append(op.index)
    return changed
