"""One matrix product on the device: its cycles over the tiles, how often its weights are sent, the instructions it takes; which of several
layers stay in the cache."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import cache
from math import ceil
from typing import Final

from edgewb.compilers.budgets import CACHE_BYTES
from edgewb.compilers.parameters import lanes, round_up

TILES: Final = 16
TILE_MEMORY_BYTES: Final = TILES * 192 * 1024
"""Activation memory of all tiles. Source: no compiled file of 79 pairs uses more than 196,608 bytes per tile."""

INSTRUCTION_BYTES: Final = (3_980.0, 2_163.0, 32_985.0)
"""Instruction bytes are guessed as a constant, so many per matrix op, and so many for each time a layer's activations exceed the tiles'
memory. Fitted by ``refits.fit_instructions``; the study says how far off it is."""

_SPLITS: Final = tuple((y, x, TILES // (y * x)) for y in (1, 2, 4, 8, 16) for x in (1, 2, 4, 8, 16) if y * x <= TILES)
_PASS_BYTES: Final = 2_350_000
"""Room for one pass of a streamed layer; with a quarter of its weights in it. The two figures reproduce the steps of one sweep (64 x 64
pixels, 3 x 3 kernels) and were seen nowhere else, so a layer they speak of is refused in an estimate."""


@dataclasses.dataclass(frozen=True)
class Layer:
    """One matrix product. ``cycles``: 1,024 multiplications each on the busiest tile's share; ``streamed``: its weights do not fit the
    cache."""

    kind: str
    cycles: float
    macs: int
    parameter_bytes: int
    input_bytes: int
    output_bytes: int
    streamed: bool = False
    passes: int = 1


@cache
def conv_cycles(height: int, width: int, inputs: int, outputs: int, kernel: int) -> int:
    """The best split of the 16 tiles over rows, columns and groups of 16 lanes; a tile takes 4 input channels of 16 lanes a cycle."""
    groups = ceil(lanes(outputs) / 16)
    return min(ceil(height / y) * ceil(width / x) * kernel * ceil(inputs / 4) * ceil(groups / z) for y, x, z in _SPLITS)


@cache
def depthwise_cycles(height: int, width: int, channels: int, kernel: int) -> int:
    """The same with one input channel per lane."""
    groups = ceil(channels / 16)
    return min(ceil(height / y) * ceil(width / x) * kernel * ceil(groups / z) for y, x, z in _SPLITS)


def passes(height: int, width: int, inputs: int, outputs: int, kernel: int, parameter_bytes: int) -> int:
    """How often a streamed layer's weights are sent: once per block of the image whose activations fit the tiles beside a quarter of the
    weights. 1 while input and output fit as a whole."""
    if height * width * (inputs + outputs) <= TILE_MEMORY_BYTES:
        return 1
    border = int(kernel**0.5) - 1
    rows = columns = 1
    while rows * columns < 400:
        y, x = ceil(height / rows), ceil(width / columns)
        halo_y, halo_x = border * (rows > 1) * (0.5 if rows == 2 else 1), border * (columns > 1) * (0.5 if columns == 2 else 1)
        block = (y + halo_y) * (x + halo_x) * round_up(inputs, 4) + y * x * lanes(outputs)
        if block + parameter_bytes / 4 <= _PASS_BYTES:
            break
        if rows == columns:
            columns += 1
        else:
            rows += 1
    return rows * columns


def make_layer(kind: str, height: int, width: int, inputs: int, outputs: int, kernel: int, input_bytes: int, parameter_bytes: int) -> Layer:
    """A layer from its sizes; ``kernel`` is height times width."""
    if kind == "dw":
        cycles, macs = depthwise_cycles(height, width, outputs, kernel), height * width * outputs * kernel
    else:
        cycles, macs = conv_cycles(height, width, inputs, outputs, kernel), height * width * outputs * kernel * inputs
    times = passes(height, width, inputs, outputs, kernel, parameter_bytes) if kind == "conv" else 1
    return Layer(kind, cycles, macs, parameter_bytes, input_bytes, height * width * outputs, passes=times)


def guess_instructions(layers: Sequence[Layer], constants: Sequence[float] = INSTRUCTION_BYTES) -> float:
    """Instruction bytes from the layers."""
    return constants[0] + constants[1] * len(layers) + constants[2] * overflow(layers)


def overflow(layers: Sequence[Layer]) -> float:
    """How many times the tiles' memory the layers' activations exceed it, summed."""
    return sum(max(0.0, (layer.input_bytes + layer.output_bytes) / TILE_MEMORY_BYTES - 1) for layer in layers)


def cache_layers(layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """Marks what is streamed: the largest until the rest fits the cache, as ``compilers.budgets`` does."""
    room = sum(layer.parameter_bytes for layer in layers)
    streamed: set[int] = set()
    for i in sorted(range(len(layers)), key=lambda i: -layers[i].parameter_bytes):
        if room <= CACHE_BYTES:
            break
        streamed.add(i)
        room -= layers[i].parameter_bytes
    return tuple(dataclasses.replace(layer, streamed=i in streamed) for i, layer in enumerate(layers))
