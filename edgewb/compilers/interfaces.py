"""What a compiled file shows of its source by name: inputs, outputs, the ops left on the CPU with their constants, the device's layers.

The compiler keeps every name, and it fixes sizes that may change. Source: all tensors of 47 real compiler pairs agree with their source.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from edgewb.compilers.packages import Executable
from edgewb.tflite.graphs import EDGETPU_CUSTOM_OP, Graph, Op, Tensor

_COMPARED: Final = 2**28
"""Bytes of constants that are compared; real files have some MB on the CPU."""
_NAMESAKES: Final = 8
"""Tensors of one name that are looked at."""
_OPTIONS: Final = 64


def short(text: str) -> str:
    """A name from an untrusted file, as a Python literal and not too long."""
    return repr(text if len(text) <= 60 else text[:57] + "...")


class Interfaces:
    """Compares a compiled file with a source by name. ``differences`` are sentences; ``left`` maps an op of the source that the compiled
    file leaves on the CPU to its difference, "" where there is none; ``constants`` counts the constants compared byte by byte."""

    def __init__(self, source: Graph, compiled: Graph, executables: Sequence[Executable]) -> None:
        self._source, self._compiled = source, compiled
        self._left_to_compare = _COMPARED
        self._same_buffers: dict[tuple[int, int], bool] = {}
        self._named: dict[str, list[Tensor]] = {}
        self.constants = 0
        for tensor in source.tensors:
            self._named.setdefault(tensor.name, []).append(tensor)
        self.differences = [*self._ends(), *self._layers(executables)]
        self.left = self._left_on_cpu()

    def _ends(self) -> list[str]:
        found = []
        source, compiled = self._source, self._compiled
        for what, ours, theirs in (("input", source.inputs, compiled.inputs), ("output", source.outputs, compiled.outputs)):
            if len(ours) != len(theirs):
                found.append(f"{len(theirs)} graph {what}s, the source has {len(ours)}")
            for i, (mine, its) in enumerate(zip(ours, theirs, strict=False)):
                a, b = source.tensors[mine], compiled.tensors[its]
                if a.name != b.name:
                    found.append(f"{what} {i} is called {short(b.name)}, in the source {short(a.name)}")
                if problem := self._tensor(a, b):
                    found.append(f"{what} {i}, {short(b.name)}: {problem}")
        return found

    def _tensor(self, ours: Tensor, theirs: Tensor) -> str:
        """How two tensors differ, "" when they do not."""
        if ours.shape != theirs.shape:
            return f"shape {list(theirs.shape)}, in the source {list(ours.shape)}"
        if ours.dtype != theirs.dtype:
            return f"type {theirs.dtype}, in the source {ours.dtype}"
        a, b = ours.quantization, theirs.quantization
        if (a is None) != (b is None):
            return "quantised in one of the two only"
        if a is not None and b is not None and a is not b:
            if a.scales.tobytes() != b.scales.tobytes():
                return f"scale {b.scale:.9g}, in the source {a.scale:.9g}" if a.scale != b.scale else "other scales per channel"
            if a.zero_points.tobytes() != b.zero_points.tobytes() or (a.per_channel and a.axis != b.axis):
                return f"zero point {b.zero_point}, in the source {a.zero_point}"
        if ours.is_constant != theirs.is_constant:
            return "a constant in one of the two only"
        return "" if not ours.is_constant or self._same_constant(ours, theirs) else "its constant has other values than in the source"

    def _same_constant(self, ours: Tensor, theirs: Tensor) -> bool:
        key = (ours.buffer, theirs.buffer)
        if key not in self._same_buffers:
            a, b = self._source.buffers[ours.buffer], self._compiled.buffers[theirs.buffer]
            self._left_to_compare -= len(a)
            self._same_buffers[key] = len(a) == len(b) and self._left_to_compare >= 0 and bytes(a) == bytes(b)
            self.constants += 1
        return self._same_buffers[key]

    def _layers(self, executables: Sequence[Executable]) -> list[str]:
        """What the device takes and gives: uint8 with the zero point of int8 moved by 128."""
        found = []
        for layer in dict.fromkeys(layer for e in executables for layer in (*e.inputs, *e.outputs)):
            namesakes = self._named.get(layer.name, [])[:_NAMESAKES]
            if not namesakes:
                found.append(f"the device's layer {short(layer.name)} is no tensor of the source")
                continue
            problems = []
            for tensor in namesakes:
                scheme = tensor.quantization
                shift = 128 if tensor.dtype == "int8" else 0
                count = tensor.byte_count or 0
                # A layer is one example of a batch, or the whole tensor.
                if layer.bytes not in (count, count // max(1, tensor.shape[0] if tensor.shape else 1)):
                    problems.append(f"{layer.bytes:,} bytes, in the source {count:,}")
                elif scheme is not None and layer.scale is not None and layer.scale != scheme.scale:
                    problems.append(f"scale {layer.scale:.9g}, in the source {scheme.scale:.9g}")
                elif scheme is not None and layer.zero_point is not None and layer.zero_point != scheme.zero_point + shift:
                    problems.append(f"zero point {layer.zero_point}, in the source {scheme.zero_point + shift}")
            if len(problems) == len(namesakes):
                found.append(f"the device's layer {short(layer.name)}: {problems[0]}")
        return found

    def _left_on_cpu(self) -> dict[int, str]:
        made: dict[tuple[str, ...], list[Op]] = {}
        for op in self._source.ops:
            made.setdefault(tuple(t.name for t in self._source.output_tensors(op)), []).append(op)
        left: dict[int, str] = {}
        for op in self._compiled.ops:
            if op.is_custom and op.name == EDGETPU_CUSTOM_OP:
                self.differences += self._around(op)
                continue
            names = tuple(t.name for t in self._compiled.output_tensors(op))
            twins = [twin for twin in made.get(names, [])[:_NAMESAKES] if twin.index not in left]
            if not twins:
                of = f", which makes {short(names[0])}," if names else ""
                self.differences.append(f"op {op.index} on the CPU, {short(op.name)}{of} is no op of the source")
                continue
            left[twins[0].index] = self._op(twins[0], op)
        return left

    def _around(self, op: Op) -> list[str]:
        """The tensors that go into the Edge TPU's op and come out of it."""
        found = []
        for tensor in (*self._compiled.input_tensors(op), *self._compiled.output_tensors(op)):
            namesakes = self._named.get(tensor.name, [])[:_NAMESAKES]
            problems = [self._tensor(ours, tensor) for ours in namesakes]
            if not namesakes:
                found.append(f"{short(tensor.name)} at the Edge TPU's op is no tensor of the source")
            elif all(problems):
                found.append(f"{short(tensor.name)} at the Edge TPU's op: {problems[0]}")
        return found

    def _op(self, ours: Op, theirs: Op) -> str:
        if (ours.name, ours.is_custom) != (theirs.name, theirs.is_custom):
            return f"it is {short(theirs.name)}, in the source {short(ours.name)}"
        changed = [key for key in list(ours.options)[:_OPTIONS] if key in theirs.options and ours.options[key] != theirs.options[key]]
        if changed:
            return f"its option {changed[0]} is {theirs.options[changed[0]]}, in the source {ours.options[changed[0]]}"
        if ours.custom_options != theirs.custom_options:
            return "its custom options are others than in the source"
        for what, mine, its in (("input", ours.inputs, theirs.inputs), ("output", ours.outputs, theirs.outputs)):
            if [i >= 0 for i in mine] != [i >= 0 for i in its]:
                return f"it has other {what}s than in the source"
            for place, (a, b) in enumerate((a, b) for a, b in zip(mine, its, strict=True) if a >= 0):
                first, second = self._source.tensors[a], self._compiled.tensors[b]
                if first.name != second.name:
                    return f"{what} {place} is {short(second.name)}, in the source {short(first.name)}"
                if problem := self._tensor(first, second):
                    return f"{what} {place}, {short(second.name)}: {problem}"
        return ""
