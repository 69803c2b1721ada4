"""Tables the Edge TPU keeps for ops that are no convolutions: those of SOFTMAX, and the constants of ADD and MUL.

All stand in rows of 64 bytes: four values of four bytes, one per channel, and 48 zero bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from edgewb.compilers.layouts import Encoding, Part, Plan, words
from edgewb.compilers.parameters import input_tensor, output_tensor, round_up
from edgewb.tflite.graphs import Graph, Op

_LANES: Final = 16
"""Words of a row."""
_MAX_CHANNELS: Final = 65_536
_LOWEST: Final = -(2**31)
_LARGEST: Final = np.finfo(np.float32).max


def _rows(name: str, values: npt.NDArray[np.generic]) -> Part:
    """Values of shape [n], n a multiple of 4, in rows of four."""
    table = np.zeros((len(values) // 4, _LANES), values.dtype)
    table[:, :4] = values.reshape(-1, 4)
    return Part(name, words(table.reshape(-1), values.dtype.str))


def _channels(count: int, padded: int) -> npt.NDArray[np.int64]:
    table = np.full((padded // 4, _LANES), -1, np.int64)
    order = np.arange(padded)
    table[:, :4] = np.where(order < count, order, -1).reshape(-1, 4)
    return table.reshape(-1)


def _stacked(parts: list[Part], channels: npt.NDArray[np.int64]) -> Encoding:
    """Whole tables one after the other: a single group of lanes."""
    return Encoding(tuple(parts), len(channels), channels)


def softmax(graph: Graph, op: Op) -> Plan | None:
    """For channels that are no multiple of 4: an int32 of -2**31 on the padding lanes, 0 elsewhere, once (14.1-15.0) or twice (newer), and
    then the input's scale (float32, inverted twice), on the padding lanes times the largest float32. Source: two real compiler pairs."""
    source = input_tensor(graph, op, 0)
    if source is None or source.quantization is None or not source.shape or op.options.get("beta") != 1.0:
        return None
    channels = source.shape[-1]
    if channels % 4 == 0 or not 0 < channels <= _MAX_CHANNELS or source.elements != channels:
        return None
    padded, one = round_up(channels, 4), np.float32(1)
    with np.errstate(all="ignore"):
        scale = one / (one / np.float32(source.quantization.scale))

    def encodings(near: bool) -> Iterator[Encoding]:
        masked = np.arange(padded) >= channels
        mask = _rows("mask", np.where(masked, _LOWEST, 0).astype("<i4"))
        with np.errstate(all="ignore"):
            scales = _rows("scales", np.where(masked, scale * _LARGEST, scale).astype("<f4"))
        for times in (2, 1):
            yield _stacked([mask] * times + [scales], _channels(channels, padded))

    return Plan(op.index, 3 * padded * _LANES, False, False, encodings)


def elementwise(graph: Graph, op: Op) -> Plan | None:
    """A constant vector over the channels. MUL: float32 multipliers, ((q - zero point) * s_constant * s_in) * float32(1 / s_out).
    ADD: int32, (q - zero point) * s_constant in units of the input's scale, rounded. Source: one real compiler pair.
    """
    constants = [i for i in op.inputs if i >= 0 and graph.tensors[i].is_constant]
    if len(op.inputs) != 2 or len(constants) != 1:
        return None
    constant, result = graph.tensors[constants[0]], output_tensor(graph, op)
    source = input_tensor(graph, op, 1 if op.inputs[0] == constants[0] else 0)
    if source is None or result is None or not source.shape or constant.dtype not in ("int8", "uint8") or constant.is_sparse:
        return None
    count = constant.elements
    if not 1 < count <= _MAX_CHANNELS or count != source.shape[-1] or constant.quantization is None:
        return None
    if source.quantization is None or result.quantization is None or constant.quantization.per_channel:
        return None
    own, s_in = np.float32(constant.quantization.scale), np.float32(source.quantization.scale)
    s_out, zero_point = np.float32(result.quantization.scale), constant.quantization.zero_point

    def encodings(near: bool) -> Iterator[Encoding]:
        padded = round_up(count, 4)
        values = np.zeros(padded, np.float32)
        values[:count] = graph.constant(constant.index).reshape(-1).astype(np.int64) - zero_point
        one = np.float32(1)
        with np.errstate(all="ignore"):
            if op.name == "MUL":
                # Which of the roundings, where they differ, was seen for the first only; a constant that is one off differs by far more.
                products = (values * own * s_in * (one / s_out), values * (own * s_in * (one / s_out)), values * own * (s_in / s_out))
                tables = [_rows("multipliers", product.astype("<f4")) for product in products]
            else:
                units = np.nan_to_num(np.rint(values * own * (one / s_in)))
                tables = [_rows("bias", np.clip(units, _LOWEST, 2**31 - 128).astype("<i4"))]
        for table in tables:
            yield _stacked([table], _channels(count, padded))

    return Plan(op.index, round_up(count, 4) * _LANES, False, True, encodings)
