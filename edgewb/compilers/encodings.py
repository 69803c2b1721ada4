"""One op's parameters as the Edge TPU stores them, byte by byte.

An op is a row of groups of lanes. A group holds, one after the other, for each of its lanes: a float32 multiplier where the scales of
the channels differ, an int32 bias, an int32 zero point for per-channel weights, and the weights in cells of four input channels.
Found by taking real compiler pairs apart; each function says what it was seen on. What is not known is not guessed: ``plan`` gives None.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from edgewb.compilers.layouts import ALIGNED, Bytes, Encoding, Part, Plan, unsigned, words
from edgewb.compilers.parameters import input_tensor, lanes, output_tensor, round_up, taken_apart_by
from edgewb.compilers.tables import elementwise, softmax
from edgewb.tflite.graphs import Graph, Op, Tensor

_MOST_INPUTS: Final = 16


def plan(graph: Graph, op: Op) -> Plan | None:
    """How one op's parameters are stored, or None where that is not known. Nothing is computed before ``encodings`` is called."""
    make = _PLANS.get(op.name)
    return None if make is None else make(graph, op)


def multipliers(graph: Graph, op: Op) -> npt.NDArray[np.float32] | None:
    """float32(float32(s_in * s_w) * float32(1 / s_out)), of shape [1] or [channels]; exact in all real pairs. None for lack of a scale."""
    source, weights, result = input_tensor(graph, op, 0), input_tensor(graph, op, 1), output_tensor(graph, op)
    if source is None or weights is None or result is None:
        return None
    if source.quantization is None or weights.quantization is None or result.quantization is None:
        return None
    with np.errstate(all="ignore"):
        product = np.float32(source.quantization.scale) * weights.quantization.scales.astype(np.float32)
        return (product * (np.float32(1) / np.float32(result.quantization.scale))).astype(np.float32)


@dataclasses.dataclass(frozen=True, eq=False)
class _Layer:
    """What convolutions and fully connected ops have in common; ``multiplier``, ``bias``, ``zero_points`` of shape [channels]."""

    weights: Tensor
    bias_dropped: tuple[bool, ...]
    multiplier: npt.NDArray[np.float32]
    bias: npt.NDArray[np.int32]
    zero_points: npt.NDArray[np.int64]
    per_channel: bool
    scales_differ: bool

    @property
    def fill(self) -> np.uint8:
        """What padding weights are: the zero point."""
        return np.uint8(self.zero_points[0] & 0xFF)

    def drops(self, near: bool) -> tuple[bool, ...]:
        """Whether the bias may be left out: both must be tried."""
        return (False, True) if near else self.bias_dropped

    def loses(self, drop: bool) -> bool:
        """Leaving out the bias would lose numbers."""
        return drop and bool(self.bias.any())

    def header(self, drop_bias: bool) -> list[tuple[str, npt.NDArray[np.generic], str, float]]:
        """Name, values, type and the padding value of each word in front of a lane's weights."""
        found: list[tuple[str, npt.NDArray[np.generic], str, float]] = []
        if self.scales_differ:
            found.append(("multipliers", self.multiplier, "<f4", float(self.multiplier[0])))
        if not drop_bias:
            found.append(("bias", self.bias, "<i4", 0))
        if self.per_channel:
            found.append(("zero points", self.zero_points, "<i4", float(self.zero_points[0])))
        return found


def _layer(graph: Graph, op: Op, axis: int) -> _Layer | None:
    """None unless weights and bias are constants of the types seen; ``axis`` is that of the output channels in the weights."""
    weights, bias = input_tensor(graph, op, 1), input_tensor(graph, op, 2)
    multiplier = multipliers(graph, op)
    if weights is None or weights.quantization is None or multiplier is None:
        return None
    if not weights.is_constant or weights.is_sparse or weights.dtype not in ("int8", "uint8") or not weights.elements:
        return None
    channels, scheme = weights.shape[axis], weights.quantization
    if scheme.per_channel and (scheme.axis != axis or len(scheme.scales) != channels):
        return None
    if np.abs(scheme.zero_points.astype(np.float64)).max(initial=0) >= 2**30:
        return None  # no 8-bit value is so far away
    values = np.zeros(channels, np.int32)
    if bias is not None:
        if not bias.is_constant or bias.dtype != "int32" or bias.is_sparse or bias.elements != channels:
            return None
        values = graph.constant(bias.index).astype(np.int32).reshape(-1)
    shift = 128 if weights.dtype == "int8" else 0
    return _Layer(
        weights=weights,
        # The newest generations leave out a bias of zeros, the others store it; which one made a file is not written in it.
        bias_dropped=(False,) if values.any() else (False, True),
        multiplier=np.broadcast_to(multiplier, (channels,)),
        bias=values,
        zero_points=np.broadcast_to(scheme.zero_points + shift, (channels,)),
        per_channel=scheme.per_channel,
        scales_differ=scheme.scales_differ,
    )


def _dense_encodings(
    layer: _Layer, weights: Bytes, group: int, total: int, spread: npt.NDArray[np.int64], near: bool
) -> Iterator[Encoding]:
    """Every way ``weights`` ([channels, height, width, inputs]) may lie in ``total`` lanes, ``group`` together.

    Lanes up to the channels padded to 4 are filled with zero points (bias 0, the first channel's multiplier); later lanes are 0, except
    multipliers of 1.0 where there are several groups. Source: real compiler pairs.
    """
    count, height, width, depth = weights.shape
    used = round_up(int(spread[-1]) + 1, 4)
    padded = np.zeros((total, height, width, round_up(depth, 4)), np.uint8)
    padded[:used] = layer.fill
    padded[spread, :, :, :depth] = weights
    cells = padded.reshape(total, height, width, -1, 4)
    channels = np.full(total, -1, np.int64)
    channels[spread] = np.arange(count)
    several = total > group

    def own() -> Bytes:
        mask = np.zeros_like(padded)
        mask[spread, :, :, :depth] = 1
        return mask.reshape(cells.shape)

    def turned(one: Bytes) -> Bytes:
        return np.ascontiguousarray(one.transpose(0, 3, 1, 2, 4)).reshape(total, -1, 4)

    for drop in layer.drops(near):
        header, lost = [], layer.loses(drop)
        for name, values, dtype, pad in layer.header(drop):
            row = np.full(total, 1.0 if several and dtype == "<f4" else 0.0, dtype)
            row[:used] = pad
            row[spread] = values
            header.append(Part(name, words(row, dtype)))
        yield Encoding((*header, Part("weights", cells.reshape(total, -1, 4), lambda: own().reshape(total, -1, 4))), group, channels, lost)
        if height * width > 1 and depth > 4:
            yield Encoding((*header, Part("weights", turned(cells), lambda: turned(own()))), group, channels, lost)


def _dense(op: Op, layer: _Layer, values: Callable[[], Bytes], depth: int, taps: int, few: bool, spread: npt.NDArray[np.int64]) -> Plan:
    channels = int(spread[-1]) + 1
    total = 4 if few and channels <= 4 else lanes(channels)
    per_lane = taps * round_up(depth, 4)
    size, least = (round_up(total * (per_lane + 4 * len(layer.header(drop))), ALIGNED) for drop in (False, True))

    def encodings(near: bool) -> Iterator[Encoding]:
        yield from _dense_encodings(layer, values(), min(total, 64), total, spread, near)

    return Plan(op.index, size, True, True, encodings, least, values, int(layer.fill))


def conv_2d(graph: Graph, op: Op) -> Plan | None:
    """Groups of 4 (up to 4 output channels), of 16, 32, 48 or 64, and of 64 beyond. Weights stand tap by tap, or four input channels by
    four. Where a RESHAPE takes the output channels apart, each part is padded to 4 channels. Source: real compiler pairs."""
    weights, layer, result = input_tensor(graph, op, 1), _layer(graph, op, 0), output_tensor(graph, op)
    if weights is None or layer is None or result is None or len(weights.shape) != 4 or len(result.shape) != 4:
        return None
    channels, height, width, depth = weights.shape
    source = input_tensor(graph, op, 0)
    if source is None or len(source.shape) != 4 or source.shape[3] != depth or result.shape[3] != channels:
        return None  # groups
    apart = taken_apart_by(graph, result)
    order = np.arange(channels)
    spread = order // apart * round_up(apart, 4) + order % apart
    made = _dense(op, layer, lambda: unsigned(graph.constant(weights.index)), depth, height * width, True, spread)
    return made if apart == channels else dataclasses.replace(made, sure=False)


def fully_connected(graph: Graph, op: Op) -> Plan | None:
    """As a convolution, in 16 lanes at least. On an input of four dimensions each pixel's channels are padded to 4: the weights are seen
    as [outputs, height, width, channels]. Source: real compiler pairs."""
    weights, layer, source = input_tensor(graph, op, 1), _layer(graph, op, 0), input_tensor(graph, op, 0)
    if weights is None or layer is None or source is None or len(weights.shape) != 2:
        return None
    outputs, inputs = weights.shape
    height, width, depth = source.shape[1:] if len(source.shape) == 4 else (1, 1, inputs)
    if height * width * depth != inputs:
        return None
    shape = (outputs, height, width, depth)
    return _dense(
        op, layer, lambda: unsigned(graph.constant(weights.index)).reshape(shape), depth, height * width, False, np.arange(outputs)
    )


def depthwise_conv_2d(graph: Graph, op: Op) -> Plan | None:
    """Groups of 4 channels; each tap is a block of 4 by 4 with the weights on its diagonal and the zero point elsewhere. With a depth
    multiplier on a single input channel it is a convolution in 16 lanes at least. Source: real compiler pairs."""
    weights, layer, source = input_tensor(graph, op, 1), _layer(graph, op, 3), input_tensor(graph, op, 0)
    if weights is None or layer is None or source is None or len(weights.shape) != 4 or len(source.shape) != 4 or weights.shape[0] != 1:
        return None
    _, height, width, channels = weights.shape
    if source.shape[3] == 1 and channels > 1:
        turned = lambda: np.ascontiguousarray(unsigned(graph.constant(weights.index)).transpose(3, 1, 2, 0))  # noqa: E731
        return _dense(op, layer, turned, 1, height * width, False, np.arange(channels))
    if source.shape[3] != channels:
        return None
    total, taps = round_up(channels, 4), height * width

    def encodings(near: bool) -> Iterator[Encoding]:
        values = unsigned(graph.constant(weights.index)).reshape(taps, channels).T
        blocks = np.full((total, taps, 4), layer.fill, np.uint8)
        order = np.arange(channels)
        blocks[order, :, order % 4] = values
        lane_channels = np.where(np.arange(total) < channels, np.arange(total), -1)

        def own() -> Bytes:
            mask = np.zeros_like(blocks)
            mask[order, :, order % 4] = 1
            return mask

        for drop in layer.drops(near):
            header = []
            for name, given, dtype, pad in layer.header(drop):
                row = np.full(total, pad, dtype)
                row[:channels] = given
                header.append(Part(name, words(row, dtype)))
            yield Encoding((*header, Part("weights", blocks, own)), 4, lane_channels, layer.loses(drop))

    size, least = (round_up(total * (4 * taps + 4 * len(layer.header(drop))), ALIGNED) for drop in (False, True))
    return Plan(op.index, size, True, True, encodings, least, lambda: unsigned(graph.constant(weights.index)), int(layer.fill))


def pad(graph: Graph, op: Op) -> Plan | None:
    """Padding the channels is a 1x1 convolution with a bias of 0 and ones on the diagonal. Source: real compiler pairs."""
    source, result = input_tensor(graph, op, 0), output_tensor(graph, op)
    amounts = input_tensor(graph, op, 1)
    if source is None or result is None or amounts is None or len(source.shape) != 4 or len(result.shape) != 4 or not amounts.is_constant:
        return None
    depth, channels = source.shape[3], result.shape[3]
    if depth == channels or not depth or amounts.shape != (4, 2):
        return None
    first = int(np.asarray(graph.constant(amounts.index)).astype(np.int64)[3, 0])
    if not 0 <= first <= channels - depth:
        return None
    return _identity(op, depth, first + np.arange(depth), channels)


def reshape(graph: Graph, op: Op) -> Plan | None:
    """Taking the channels apart, when no convolution does it already, is a 1x1 convolution as for ``pad`` that puts each part on channels
    padded to 4. Source: one real compiler pair (28 x 28 to 28 x 28 x 1)."""
    source, result = input_tensor(graph, op, 0), output_tensor(graph, op)
    if source is None or result is None or len(source.shape) < 2 or not result.shape:
        return None
    depth, part = source.shape[-1], result.shape[-1]
    if not 0 < part < depth or depth % part or part % 4 == 0:
        return None
    order = np.arange(depth)
    return _identity(op, depth, order // part * round_up(part, 4) + order % part, depth // part * round_up(part, 4))


def _identity(op: Op, depth: int, spread: npt.NDArray[np.int64], channels: int) -> Plan:
    """A bias of 0, then ones where input i goes to output ``spread[i]``."""
    total = lanes(channels)

    def encodings(near: bool) -> Iterator[Encoding]:
        weights = np.zeros((total, round_up(depth, 4)), np.uint8)
        weights[spread, np.arange(depth)] = 1
        parts = (Part("bias", np.zeros((total, 1, 4), np.uint8)), Part("weights", weights.reshape(total, -1, 4)))
        yield Encoding(parts, min(total, 64), np.arange(total))

    return Plan(op.index, round_up(total * (round_up(depth, 4) + 4), ALIGNED), False, False, encodings)


def concatenation(graph: Graph, op: Op) -> Plan | None:
    """Along channels of which some input has no multiple of 4: one bias of 0, and per input a 1x1 convolution as for ``pad`` that puts it
    on its place. Source: two real compiler pairs (1 channel and 1 channel)."""
    sources, result = graph.input_tensors(op), output_tensor(graph, op)
    if result is None or not 2 <= len(sources) <= _MOST_INPUTS or any(not t.shape or t.is_constant for t in sources):
        return None
    depths, channels = [t.shape[-1] for t in sources], (result.shape or (0,))[-1]
    if sum(depths) != channels or min(depths) < 1 or all(depth % 4 == 0 for depth in depths) or channels > 64:
        return None
    total = lanes(channels)

    def encodings(near: bool) -> Iterator[Encoding]:
        parts, first = [Part("bias", np.zeros((total, 1, 4), np.uint8))], 0
        for depth in depths:
            weights = np.zeros((total, round_up(depth, 4)), np.uint8)
            weights[first + np.arange(depth), np.arange(depth)] = 1
            parts.append(Part("weights", weights.reshape(total, -1, 4)))
            first += depth
        yield Encoding(tuple(parts), total, np.arange(total))

    return Plan(op.index, round_up(total * (sum(round_up(d, 4) for d in depths) + 4), ALIGNED), False, False, encodings)


_PLANS: Final[dict[str, Callable[[Graph, Op], Plan | None]]] = {
    "CONV_2D": conv_2d,
    "DEPTHWISE_CONV_2D": depthwise_conv_2d,
    "FULLY_CONNECTED": fully_connected,
    "PAD": pad,
    "RESHAPE": reshape,
    "CONCATENATION": concatenation,
    "SOFTMAX": softmax,
    "MUL": elementwise,
    "ADD": elementwise,
}
