"""What the device is asked to do for one inference: a list of layers and the bytes that move, from a row of published facts, a source model
or a compiled file."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from math import exp, log
from typing import Any, Final

from edgewb.compilers.budgets import Budget
from edgewb.compilers.packages import Executable, on_and_off_chip
from edgewb.compilers.parameters import input_tensor, lanes, output_tensor, round_up
from edgewb.estimates.layers import INSTRUCTION_BYTES, Layer, cache_layers, guess_instructions, make_layer
from edgewb.tflite.graphs import Graph, Op
from edgewb.types import OpPlacement, Placement

MATRIX_OPS: Final = {"CONV_2D": "conv", "DEPTHWISE_CONV_2D": "dw", "FULLY_CONNECTED": "fc", "TRANSPOSE_CONV": "tconv"}
"""The kinds of op that multiply matrices; the others are carried along by them and cost nothing of their own here."""

HEADER_BYTES: Final = 8
"""Per lane, where only a published layer list is known: between 4 (one scale) and 12 (a scale and a zero point per channel, and a bias)."""


@dataclasses.dataclass(frozen=True)
class CpuOp:
    """An op left on the host's processor, and how many values it reads and writes."""

    op: str
    elements: int
    macs: int = 0
    is_custom: bool = False


@dataclasses.dataclass(frozen=True)
class Work:
    """One inference. ``guessed`` names what is not read but guessed."""

    layers: tuple[Layer, ...]
    input_bytes: int
    output_bytes: int
    instruction_bytes: float
    const_bytes: int = 0
    ops: int = 0
    unknown_ops: int = 0
    norm_constants: int = 0
    cpu: tuple[CpuOp, ...] = ()
    guessed: tuple[str, ...] = ()

    @property
    def streamed_bytes(self) -> int:
        """Parameters sent at each inference, once."""
        return sum(layer.parameter_bytes for layer in self.layers if layer.streamed)

    @property
    def cached_bytes(self) -> int:
        """Parameters kept on the chip."""
        return sum(layer.parameter_bytes for layer in self.layers if not layer.streamed)

    @property
    def cycles(self) -> float:
        """Of all layers."""
        return sum(layer.cycles for layer in self.layers)

    @property
    def macs(self) -> int:
        """Of all layers."""
        return sum(layer.macs for layer in self.layers)


def work_of_row(row: dict[str, Any]) -> Work:
    """A published model: ``layers`` as [kind, height, width, inputs, outputs, kernel height, kernel width, input elements],
    ``input_bytes``, ``output_bytes``, and where known ``ops`` (all of the device), ``norm_constants`` and their ``const_bytes``, ``cpu``
    ([[op, elements]])."""
    layers: list[Layer] = []
    header = row.get("header_bytes", HEADER_BYTES)
    for kind, height, width, inputs, outputs, kernel_y, kernel_x, elements in row["layers"]:
        if kind not in MATRIX_OPS.values():
            continue
        if kind == "fc":
            height = width = kernel_y = kernel_x = 1
            inputs = inputs or elements
        kernel = kernel_y * kernel_x
        if kind == "dw":
            size = round_up(round_up(outputs, 4) * (4 * kernel + header), 64)
        else:
            size = round_up(lanes(outputs) * (kernel * round_up(inputs, 4) + header), 64)
        layers.append(make_layer(kind, height, width, inputs, outputs, kernel, elements, size))
    cached = cache_layers(layers)
    return Work(
        layers=cached,
        input_bytes=row["input_bytes"],
        output_bytes=row["output_bytes"],
        instruction_bytes=row.get("instruction_bytes") or guess_instructions(cached),
        const_bytes=row.get("const_bytes", 0),
        ops=max(row.get("ops", 0), len(cached)),
        norm_constants=row.get("norm_constants", 0),
        cpu=tuple(CpuOp(op, elements, is_custom=op != op.upper()) for op, elements in row.get("cpu", ())),
        guessed=() if row.get("instruction_bytes") else ("instruction bytes",),
    )


def _matrix_layer(graph: Graph, op: Op, parameter_bytes: int) -> Layer | None:
    kind = MATRIX_OPS[op.name]
    weights, output = input_tensor(graph, op, 1), output_tensor(graph, op)
    source = input_tensor(graph, op, 2 if kind == "tconv" else 0)
    if weights is None or output is None or source is None or min((*weights.shape, *output.shape), default=0) < 1:
        return None
    held = source.byte_count or 0
    if kind == "fc":
        if len(weights.shape) != 2:
            return None
        return make_layer(
            kind, max(1, output.elements // weights.shape[0]), 1, weights.shape[1], weights.shape[0], 1, held, parameter_bytes
        )
    if len(weights.shape) != 4 or len(output.shape) != 4:
        return None
    first, kernel_y, kernel_x, last = weights.shape
    inputs, outputs = (1, last) if kind == "dw" else (last, first)
    height = output.shape[1] * output.shape[0]
    return make_layer(kind, height, output.shape[2], inputs, outputs, kernel_y * kernel_x, held, parameter_bytes)


def work_of_graph(graph: Graph, placements: Sequence[OpPlacement], memory: Budget) -> Work:
    """A source model, as ``compilers`` predicts it is mapped. Instruction bytes are guessed."""
    layers: list[Layer] = []
    left: list[CpuOp] = []
    on_device: set[int] = set()
    unknown = constants = 0
    for op, placed, stored in zip(graph.ops, placements, memory.stored, strict=True):
        touched = sum(t.elements for t in graph.input_tensors(op) if not t.is_constant) + sum(t.elements for t in graph.output_tensors(op))
        if placed.placement is Placement.CPU:
            heavy = _matrix_layer(graph, op, 0) if op.name in MATRIX_OPS else None
            left.append(CpuOp(op.name, touched, heavy.macs if heavy is not None else 0, op.is_custom))
            continue
        unknown += placed.placement is Placement.UNKNOWN
        on_device.add(op.index)
        size = stored.parameter_bytes if stored is not None else 0
        if op.name in MATRIX_OPS:
            layer = _matrix_layer(graph, op, size)
            if layer is not None:
                layers.append(dataclasses.replace(layer, streamed=op.index in memory.off_chip))
                continue
        if op.name.endswith("LSTM"):
            layers.append(Layer("lstm", 0, 0, size, 0, 0, streamed=op.index in memory.off_chip))
            continue
        constants += stored is not None and stored.const_bytes > 0
        if size:
            layers.append(Layer("other", 0, 0, size, 0, 0, streamed=op.index in memory.off_chip))
    moved_in, moved_out = _device_boundary(graph, on_device)
    return Work(
        layers=tuple(layers),
        input_bytes=moved_in,
        output_bytes=moved_out,
        instruction_bytes=guess_instructions([layer for layer in layers if layer.kind != "other"]),
        const_bytes=memory.streamed_const_bytes,
        ops=len(on_device),
        unknown_ops=unknown,
        norm_constants=constants,
        cpu=tuple(left),
        guessed=("instruction bytes",),
    )


def _device_boundary(graph: Graph, on_device: set[int]) -> tuple[int, int]:
    """Bytes that enter and leave the mapped ops."""
    read: set[int] = set()
    made: set[int] = set()
    for index in on_device:
        op = graph.ops[index]
        read.update(t.index for t in graph.input_tensors(op) if not t.is_constant)
        made.update(t for t in op.outputs if t >= 0)
    leaves = {t for t in made if t in graph.outputs or any(reader not in on_device for reader in graph.consumers.get(t, ()))}

    def size(tensors: set[int]) -> int:
        return sum(graph.tensors[t].byte_count or 0 for t in tensors)

    return size(read - made), size(leaves)


def work_of_package(graph: Graph, executables: Sequence[Executable], source: Work | None = None) -> Work:
    """A compiled file: instruction, streamed, input and output bytes as they are in it. Its ops are gone: what they compute is taken from
    the ``source`` it was made from, else from the cycles that older compilers wrote into it, else guessed from its instructions."""
    runs = [e for e in executables if e.type != "PARAMETER_CACHING"]
    cached, streamed = on_and_off_chip(executables)
    instructions = sum(e.instruction_bytes for e in runs)
    moved_in = sum(e.dma_bytes["INPUT"] if e.dma_complete and e.dma_bytes["INPUT"] else _layers_bytes(e.inputs) for e in runs)
    moved_out = sum(e.dma_bytes["OUTPUT"] if e.dma_complete and e.dma_bytes["OUTPUT"] else _layers_bytes(e.outputs) for e in runs)
    left = tuple(
        CpuOp(
            op.name,
            sum(t.elements for t in (*graph.input_tensors(op), *graph.output_tensors(op)) if not t.is_constant),
            _left_macs(graph, op),
            op.is_custom,
        )
        for op in graph.ops
        if not (op.is_custom and op.name == "edgetpu-custom-op")
    )
    guessed: tuple[str, ...] = ()
    if source is not None:
        layers = _fit_to(source.layers, streamed)
        ops, constants = source.ops, source.norm_constants
    else:
        cycles = sum(e.estimated_cycles or 0 for e in runs)
        # The inverse of the guess of instruction bytes.
        count = min(10_000, max(1, round((instructions - INSTRUCTION_BYTES[0]) / INSTRUCTION_BYTES[1])))
        guessed = ("number of ops",)
        if not cycles:
            cycles = round(
                guess_cycles(instructions, cached + streamed, moved_in, max((e.narrow_memory_bytes_per_tile for e in runs), default=1))
            )
            guessed = ("number of ops", "compute")
        layers, ops, constants = _summed(count, cycles, cached, streamed), count, 0
    return Work(
        layers=layers,
        input_bytes=moved_in,
        output_bytes=moved_out,
        instruction_bytes=instructions,
        ops=ops,
        norm_constants=constants,
        cpu=left,
        guessed=guessed,
    )


def _left_macs(graph: Graph, op: Op) -> int:
    layer = _matrix_layer(graph, op, 0) if op.name in MATRIX_OPS else None
    return layer.macs if layer is not None else 0


def _layers_bytes(tensors: Sequence[Any]) -> int:
    return sum(tensor.padded_bytes or tensor.bytes for tensor in tensors)


CYCLES_GUESS: Final = (-5.828, 0.401, -0.171, -0.294, 1.818)
CYCLES_SPREAD: Final = (0.407, 2.82)
"""Compute of a compiled file without cycles and without its source: the logarithm is a constant plus so much for that of instruction,
parameter and input bytes and of the memory used per tile. Crude: 80 % of 61 files lay between these two factors when their structure was
left out. Fitted by ``refits.fit_cycles``."""


def guess_cycles(instruction_bytes: float, parameter_bytes: float, input_bytes: float, tile_bytes: float) -> float:
    """Cycles from what a package says of itself; an estimate that rests on it carries the spread."""
    given = (instruction_bytes, parameter_bytes, input_bytes, tile_bytes)
    return exp(CYCLES_GUESS[0] + sum(power * log(max(value, 1)) for power, value in zip(CYCLES_GUESS[1:], given, strict=True)))


def _fit_to(layers: tuple[Layer, ...], streamed: int) -> tuple[Layer, ...]:
    """Layers of the source with the streamed bytes the file has: the largest are streamed until these are reached."""
    chosen: set[int] = set()
    total = 0
    for i in sorted(range(len(layers)), key=lambda i: -layers[i].parameter_bytes):
        if total >= streamed or not layers[i].parameter_bytes:
            break
        chosen.add(i)
        total += layers[i].parameter_bytes
    scale = streamed / total if total else 1.0
    return tuple(
        dataclasses.replace(
            layer, streamed=i in chosen, parameter_bytes=round(layer.parameter_bytes * scale) if i in chosen else layer.parameter_bytes
        )
        for i, layer in enumerate(layers)
    )


def _summed(count: int, cycles: float, cached: int, streamed: int) -> tuple[Layer, ...]:
    """``count`` equal layers, of which a share is streamed as large as the share of the bytes."""
    of_streamed = min(count, max(1, round(count * streamed / max(1, cached + streamed)))) if streamed else 0
    of_cached = max(count - of_streamed, 1 if cached or not streamed else 0)
    each = cycles / (of_streamed + of_cached)
    return (
        *(Layer("conv", each, round(each * 1024), cached // of_cached, 0, 0) for _ in range(of_cached)),
        *(Layer("conv", each, round(each * 1024), streamed // of_streamed, 0, 0, streamed=True) for _ in range(of_streamed)),
    )
