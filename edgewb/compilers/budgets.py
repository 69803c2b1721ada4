"""What a model asks of the device: which parameters stay in the cache, which are streamed, and how many multiplications it makes."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from math import prod
from typing import Final

from edgewb.compilers.parameters import STREAMED_INPUTS, Stored, input_tensor, output_tensor, store
from edgewb.tflite.graphs import Graph, Op
from edgewb.types import OpPlacement, Placement

CACHE_BYTES: Final = 8_126_464
"""7.75 MiB: what of the 8 MiB on the chip holds parameters. Source: whole ops left off the chip, largest first, until what stays
fits it: that gives what compiler 16.0's log calls off-chip in 131 of 134 published rows (Jorgitou98/EdgeTPU-QuantRL-Evaluation)."""


@dataclasses.dataclass(frozen=True)
class Budget:
    """A model's parameters: parameter_bytes = on_chip_bytes + off_chip_bytes; ``streamed_const_bytes`` come on top.

    ``stored`` has one entry per op, None for ops not on the device; ``off_chip`` lists the ops streamed at each inference.
    """

    parameter_bytes: int
    on_chip_bytes: int
    off_chip_bytes: int
    streamed_const_bytes: int
    log_bytes: int
    off_chip: tuple[int, ...]
    compiler: str
    stored: tuple[Stored | None, ...]


def budget(graph: Graph, placements: Sequence[OpPlacement], compiler: str = "16.0") -> Budget:
    """Count the parameters of the ops that map, and say which stay on the chip.

    Whole ops are cached or streamed. The largest are streamed until the rest fits ``CACHE_BYTES``; 16.0 also streams every
    FULLY_CONNECTED of ``STREAMED_INPUTS`` inputs and more. Source: see the two constants.
    """
    stored: list[Stored | None] = []
    for op, placed in zip(graph.ops, placements, strict=True):
        stored.append(store(graph, op, compiler) if placed.placement is Placement.EDGETPU else None)
    sizes = {i: s.parameter_bytes for i, s in enumerate(stored) if s is not None and s.parameter_bytes}
    streamed = {i for i in sizes if compiler == "16.0" and _many_inputs(graph.ops[i], graph)}
    room = sum(size for i, size in sizes.items() if i not in streamed)
    for i in sorted(sizes, key=lambda i: -sizes[i]):
        if room <= CACHE_BYTES:
            break
        if i not in streamed:
            streamed.add(i)
            room -= sizes[i]
    total = sum(sizes.values())
    return Budget(
        parameter_bytes=total,
        on_chip_bytes=room,
        off_chip_bytes=total - room,
        streamed_const_bytes=sum(s.const_bytes for s in stored if s is not None),
        log_bytes=sum(s.log_bytes for s in stored if s is not None),
        off_chip=tuple(sorted(streamed)),
        compiler=compiler,
        stored=tuple(stored),
    )


def _many_inputs(op: Op, graph: Graph) -> bool:
    weights = input_tensor(graph, op, 1)
    return op.name == "FULLY_CONNECTED" and weights is not None and len(weights.shape) == 2 and weights.shape[1] >= STREAMED_INPUTS


def macs(graph: Graph, op: Op) -> int:
    """Multiply-accumulate operations of one inference; 0 for kinds of op that are no matrix products."""
    weights, output = input_tensor(graph, op, 1), output_tensor(graph, op)
    if weights is None or output is None:
        return 0
    if op.name == "CONV_2D" and len(weights.shape) == 4:
        return output.elements * prod(weights.shape[1:])
    if op.name == "DEPTHWISE_CONV_2D" and len(weights.shape) == 4:
        return output.elements * prod(weights.shape[1:3])
    if op.name == "FULLY_CONNECTED" and len(weights.shape) == 2:
        return output.elements * weights.shape[1]
    if op.name == "TRANSPOSE_CONV" and len(weights.shape) == 4:
        source = input_tensor(graph, op, 2)
        return source.elements * prod(weights.shape[:3]) if source is not None else 0
    return 0
