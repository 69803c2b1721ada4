"""How an op's values lie in the parameter bytes of a compiled file: groups of lanes, in each one part after the other."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
ALIGNED: Final = 64
"""An op's bytes are padded to a multiple of it."""


@dataclasses.dataclass(frozen=True, eq=False)
class Part:
    """One kind of value. ``values``: uint8 of shape [lanes, cells, 4], little-endian; stored cell by cell, in each all lanes of a group.

    ``own`` makes an array of the same shape: 1 where a byte is the model's, 0 where it pads; None: all are the model's.
    """

    name: str
    values: Bytes
    own: Callable[[], Bytes] | None = None


@dataclasses.dataclass(frozen=True, eq=False)
class Encoding:
    """An op's parts. ``group`` lanes stand together; ``channels`` names each lane's output channel, -1 for padding (int64, [lanes]).

    ``bias_lost``: the bias is left out although it is not all zero, as no compiler does.
    """

    parts: tuple[Part, ...]
    group: int
    channels: npt.NDArray[np.int64]
    bias_lost: bool = False

    @cached_property
    def data(self) -> bytes:
        """The bytes as they stand in the file, padded with zeros to 64."""
        raw = self._in_place([part.values for part in self.parts]).tobytes()
        return raw + bytes(-len(raw) % ALIGNED)

    def _in_place(self, values: Sequence[Bytes]) -> Bytes:
        """One array per part, as they stand in the file before the final padding."""
        rows = [array.reshape(-1, self.group, *array.shape[1:]) for array in values]
        return np.concatenate([row.transpose(0, 2, 1, 3).reshape(len(row), -1) for row in rows], axis=1).reshape(-1)

    @property
    def head(self) -> bytes:
        """The multipliers and biases of the first group, with which the bytes begin; empty where they are all zero."""
        size = sum(4 * self.group for part in self.parts if part.name in ("multipliers", "bias"))
        return self.data[:size] if any(self.data[:size]) else b""

    def map(self) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int32]]:
        """For each byte before the final padding, the number of its part and of its lane."""
        cells = [part.values.shape[1] for part in self.parts]
        groups = len(self.channels) // self.group
        part = np.repeat(np.arange(len(cells), dtype=np.uint8), [4 * self.group * count for count in cells])
        lane = np.tile(np.repeat(np.arange(self.group, dtype=np.int32), 4), sum(cells))
        return np.tile(part, groups), (lane + self.group * np.arange(groups, dtype=np.int32)[:, None]).reshape(-1)

    def own(self) -> npt.NDArray[np.bool_]:
        """For each byte before the final padding, whether it is the model's; the others only pad, also within a channel."""
        made = [np.ones_like(part.values) if part.own is None else part.own() for part in self.parts]
        return self._in_place(made).astype(np.bool_) & (self.channels[self.map()[1]] >= 0)


@dataclasses.dataclass(frozen=True, eq=False)
class Plan:
    """How an op may be stored: ``encodings`` makes one candidate after the other, each of at most ``size`` bytes.

    Asked for ``near`` candidates, it gives those too that no compiler would write for this op, but may have for one with another bias;
    ``least`` is the size of the smallest of them. ``sure`` is False where the form was seen in few pairs, or not with all compilers, so
    that bytes that are not found prove nothing. ``trained`` is False where they say nothing about the model's constants. ``weights`` makes
    the op's own weights as the device has them, in any order, None where ``sure`` is False; ``fill`` is what pads them.
    """

    op: int
    size: int
    sure: bool
    trained: bool
    encodings: Callable[[bool], Iterator[Encoding]]
    least: int = 0
    weights: Callable[[], Bytes] | None = None
    fill: int = 0


def unsigned(values: npt.NDArray[np.generic]) -> Bytes:
    """8-bit values as the device has them: int8 XOR 0x80, uint8 as is."""
    return values.view(np.uint8) ^ np.uint8(0x80) if values.dtype == np.int8 else values.view(np.uint8)


def words(values: npt.NDArray[np.generic], dtype: str) -> Bytes:
    """[lanes] -> [lanes, 1, 4]."""
    return np.ascontiguousarray(values.astype(dtype)).view(np.uint8).reshape(-1, 1, 4)
