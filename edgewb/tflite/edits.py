"""One edit of a file's main graph: ops taken out, tensors replaced, constants added; what is then unused is dropped."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from edgewb.errors import ModelFileError
from edgewb.tflite.graphs import Graph
from edgewb.tflite.reader import read_graph
from edgewb.tflite.rewriter import pack, unpack

_KEPT: Final = frozenset({"CALL", "CALL_ONCE", "IF", "WHILE", "VAR_HANDLE", "ASSIGN_VARIABLE", "READ_VARIABLE"})
"""Ops that do something besides making their outputs; so may every custom op and whatever touches a resource."""
_ONE_TO_ONE: Final = frozenset({"QUANTIZE", "DEQUANTIZE", "RESHAPE", "TRANSPOSE", "TRANSPOSE_CONV"})
"""Ops the mends change, each with a first input and one result."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Change:
    """What a mend did to a file.

    ``ops`` are the indices, in the file it was given, of the ops it changed or took out; ``others`` counts what else it changed: tensors,
    operator codes. ``kept`` gives for each op of the new file its index in the old one. ``refused``: what it left alone, and why, one
    sentence each. The new file does not differ from the old one when there are neither ``ops`` nor ``others``.
    """

    content: bytes
    ops: tuple[int, ...] = ()
    others: int = 0
    kept: tuple[int, ...] = ()
    refused: tuple[str, ...] = ()

    @property
    def applied(self) -> bool:
        """The new file differs."""
        return bool(self.ops or self.others)


class Edit:
    """A file being changed. Indices are those of the file as it was until ``change`` packs it.

    Raises:
        ModelFileError: not a .tflite, or damaged.
    """

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.graph: Graph = read_graph(content)
        self.model = unpack(content, self.graph)
        self.main = self.model.subgraphs[0]
        self.removed: set[int] = set()
        self.main.operators = self.main.operators or []
        for known in self.graph.ops:
            if known.name in _ONE_TO_ONE and not (known.inputs and known.outputs and min(*known.inputs[:1], *known.outputs) >= 0):
                raise ModelFileError(f"op {known.index} ({known.name}) has no input or no result: the file is corrupted; convert it again")
        for op in self.main.operators:
            op.inputs, op.outputs = _ints(op.inputs), _ints(op.outputs)
            if any(not -1 <= tensor < len(self.graph.tensors) for tensor in _ints(op.intermediates)):
                raise ModelFileError(f"an op refers to a tensor beyond {len(self.graph.tensors)}: the file is corrupted; convert it again")
        self.main.inputs, self.main.outputs = _ints(self.main.inputs), _ints(self.main.outputs)

    def replace_reads(self, old: int, new: int) -> None:
        """Every op that reads tensor ``old`` reads ``new``."""
        for op in self.main.operators:
            op.inputs = [new if tensor == old else tensor for tensor in op.inputs]

    def replace_writes(self, old: int, new: int) -> None:
        """The op that makes tensor ``old`` makes ``new``."""
        for op in self.main.operators:
            op.outputs = [new if tensor == old else tensor for tensor in op.outputs]

    def replace_edge(self, old: int, new: int, *, output: bool) -> None:
        """The graph's input (or output) ``old`` becomes tensor ``new``, in its signatures too."""
        name = "outputs" if output else "inputs"
        setattr(self.main, name, [new if tensor == old else tensor for tensor in getattr(self.main, name)])
        for signature in self.model.signatureDefs or []:
            if signature.subgraphIndex == 0:
                for entry in getattr(signature, name) or []:
                    if entry.tensorIndex == old:
                        entry.tensorIndex = new

    def take_name(self, old: int, new: int) -> None:
        """Tensor ``new`` gets the name of ``old``, which nothing uses any more: programs find inputs and outputs by name."""
        self.main.tensors[new].name = self.main.tensors[old].name

    def add_constant(self, name: str, values: npt.NDArray[Any]) -> int:
        """A new int32 or int64 tensor with these values; its index."""
        from ai_edge_litert import schema_py_generated as schema

        tensor, buffer = schema.TensorT(), schema.BufferT()
        buffer.data = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
        tensor.name, tensor.shape, tensor.buffer = name, list(values.shape), len(self.model.buffers)
        tensor.type = {"int32": schema.TensorType.INT32, "int64": schema.TensorType.INT64}[values.dtype.name]
        self.model.buffers.append(buffer)
        self.main.tensors.append(tensor)
        return len(self.main.tensors) - 1

    def set_version(self, op_index: int, version: int) -> None:
        """Gives an op a version of its own; other ops with the same operator code keep theirs."""
        import copy

        op = self.main.operators[op_index]
        code = copy.copy(self.model.operatorCodes[op.opcodeIndex])
        code.version = version
        op.opcodeIndex = len(self.model.operatorCodes)
        self.model.operatorCodes.append(code)

    def remove_dead(self) -> tuple[int, ...]:
        """Takes out every op whose results nobody reads; their indices."""
        dead: list[int] = []
        while True:
            read = set(self.main.outputs)
            for index, op in enumerate(self.main.operators):
                if index not in self.removed:
                    read.update(op.inputs)
            found = [
                index
                for index, op in enumerate(self.main.operators)
                if index not in self.removed and not read.intersection(op.outputs) and self._may_go(index)
            ]
            if not found:
                return tuple(sorted(dead))
            self.removed.update(found)
            dead += found

    def _may_go(self, index: int) -> bool:
        op = self.graph.ops[index]
        tensors = (*self.graph.input_tensors(op), *self.graph.output_tensors(op))
        return not (op.is_custom or op.name in _KEPT or any(t.is_variable or t.dtype in ("resource", "variant") for t in tensors))

    def change(self, ops: Iterable[int] = (), *, others: int = 0, refused: Iterable[str] = ()) -> Change:
        """The changed file, or the old one when nothing was changed (no ``ops``, no ``others``)."""
        touched = tuple(sorted(set(ops)))
        if not touched and not others:
            return Change(content=self.content, kept=tuple(range(len(self.graph.ops))), refused=tuple(refused))
        kept = tuple(index for index in range(len(self.main.operators)) if index not in self.removed)
        self.main.operators = [self.main.operators[index] for index in kept]
        self._drop_unused_tensors()
        self._drop_unused_buffers()
        self._merge_codes()
        return Change(content=pack(self.model, self.content), ops=touched, others=others, kept=kept, refused=tuple(refused))

    def _drop_unused_tensors(self) -> None:
        used = {*self.main.inputs, *self.main.outputs}
        signatures = [s for s in self.model.signatureDefs or [] if s.subgraphIndex == 0]
        for signature in signatures:
            used.update(entry.tensorIndex for entries in (signature.inputs, signature.outputs) for entry in entries or [])
        for op in self.main.operators:
            used.update(op.inputs, op.outputs, _ints(op.intermediates))
        used.discard(-1)
        number = {old: new for new, old in enumerate(sorted(used))} | {-1: -1}
        self.main.tensors = [self.main.tensors[index] for index in sorted(used)]
        for op in self.main.operators:
            op.inputs, op.outputs = _renumbered(op.inputs, number), _renumbered(op.outputs, number)
            if op.intermediates is not None:
                op.intermediates = _renumbered(_ints(op.intermediates), number)
        self.main.inputs, self.main.outputs = _renumbered(self.main.inputs, number), _renumbered(self.main.outputs, number)
        for signature in signatures:
            for entries in (signature.inputs, signature.outputs):
                for entry in entries or []:
                    entry.tensorIndex = number[entry.tensorIndex]

    def _drop_unused_buffers(self) -> None:
        # Buffer 0 is empty by convention. The older list of metadata buffers is kept with what it points at.
        tensors = [tensor for subgraph in self.model.subgraphs for tensor in subgraph.tensors or []]
        entries = self.model.metadata or []
        older = _ints(self.model.metadataBuffer)
        used = sorted({0, *older, *(tensor.buffer for tensor in tensors), *(entry.buffer for entry in entries)})
        if used[-1] >= len(self.model.buffers):
            raise ModelFileError(
                f"it refers to buffer {used[-1]} of {len(self.model.buffers)}: the file is corrupted; copy or convert it again"
            )
        number = {old: new for new, old in enumerate(used)}
        self.model.buffers = [self.model.buffers[index] for index in used]
        for owner in (*tensors, *entries):
            owner.buffer = number[owner.buffer]
        if self.model.metadataBuffer is not None:
            self.model.metadataBuffer = _renumbered(older, number)

    def _merge_codes(self) -> None:
        codes: list[Any] = []
        number: dict[tuple[Any, ...], int] = {}
        for subgraph in self.model.subgraphs:
            for op in subgraph.operators or []:
                code = self.model.operatorCodes[op.opcodeIndex]
                key = (code.builtinCode, code.deprecatedBuiltinCode, code.customCode, code.version)
                if key not in number:
                    number[key] = len(codes)
                    codes.append(code)
                op.opcodeIndex = number[key]
        self.model.operatorCodes = codes


def _ints(values: Any) -> list[int]:
    return [] if values is None else [int(value) for value in values]


def _renumbered(values: list[int], number: Mapping[int, int]) -> list[int]:
    return [number[value] for value in values]
