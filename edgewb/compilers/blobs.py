"""Searches the parameter bytes of a compiled file for what an op should have left there."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from edgewb.compilers.layouts import ALIGNED, Encoding
from edgewb.compilers.packages import Program
from edgewb.errors import ModelFileError

_MOST: Final = 2**26
"""Parameter bytes that are looked through: the largest net ever seen compiled has 57 MB."""
_WORK: Final = 2**30
"""Bytes that are read again and again in one search, before it gives up: some seconds. A MobileNetV2 asks for some 30 MB."""
_STEP: Final = 4_096
"""Looking at one place costs as much as reading so many bytes."""
_SAMPLE: Final = 65_536
"""Bytes that are compared to find out where an op stands that is not there as it should."""
_ORDERED: Final = 0.9
"""So much of an op's bytes must agree for the others to be changed numbers, where all bytes are the same in another order."""
_LAST_PLACES: Final = 4
_SMALL: Final = 1e-12
_SCALES: Final = "multipliers"
_WEIGHTS: Final = "weights"
_FACTORS: Final = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93,
                            0xA0761D6478BD642F, 0xE7037ED1A0B428DB, 0x8EBC6AF09C88C6E3, 0x589965CC75374CC3], np.uint64)  # fmt: skip
"""Odd numbers: what a block of eight 64-bit words is multiplied with and summed to, to be looked up by."""


class TooMuchWorkError(Exception):
    """A search has used up its budget."""


@dataclasses.dataclass(frozen=True)
class Place:
    """Where bytes stand: which program of the file, and the first byte in its parameters."""

    program: int
    offset: int


class Blobs:
    """The parameters of all programs of a file in one row, each padded to blocks of 64 bytes, and which blocks have found an owner.

    Every op starts at a multiple of 64. Source: real compiler pairs.

    Raises:
        ModelFileError: more parameters than any Edge TPU could take.
    """

    def __init__(self, programs: Sequence[Program]) -> None:
        sizes = [len(program.parameters) for program in programs]
        if sum(sizes) > _MOST:
            raise ModelFileError(f"it holds {sum(sizes):,} bytes of parameters: more than {_MOST:,} are not compared")
        self.sizes = tuple(sizes)
        blocks = [-(-size // ALIGNED) for size in sizes]
        self._starts = np.concatenate([[0], np.cumsum(blocks, dtype=np.int64)]).astype(np.int64)
        row = np.zeros(int(self._starts[-1]) * ALIGNED, np.uint8)
        for program, start in zip(programs, self._starts, strict=False):
            row[int(start) * ALIGNED :][: len(program.parameters)] = np.frombuffer(program.parameters, np.uint8)
        self._row = row
        self._sums = _sums(row)
        self._order = np.argsort(self._sums, kind="stable")
        self._sorted = self._sums[self._order]
        self._owned = np.zeros(len(self._sums), np.bool_)
        self._explained = np.zeros(len(self._sums), np.bool_)
        self._work = _WORK

    @property
    def explained_bytes(self) -> int:
        """Bytes that agree with an op."""
        return sum(
            min(int(self._explained[first:last].sum()) * ALIGNED, size)
            for first, last, size in zip(self._starts[:-1].tolist(), self._starts[1:].tolist(), self.sizes, strict=True)
        )

    def spend(self, count: int) -> None:
        """Pay for reading so many bytes. Raises TooMuchWorkError when the budget is used up."""
        self._work -= count
        if self._work < 0:
            raise TooMuchWorkError

    def find(self, data: bytes) -> tuple[Place, bool] | None:
        """Where ``data`` (a multiple of 64 bytes) stands first, and whether it has an owner there: only where it stands nowhere else."""
        self.spend(len(data) + ALIGNED)
        wanted = np.frombuffer(data, np.uint8)
        sums = _sums(wanted)
        first, last = np.searchsorted(self._sorted, sums, "left"), np.searchsorted(self._sorted, sums, "right")
        if not len(sums) or not (first < last).all():
            return None
        # The block that is met least often leaves the fewest places to look at.
        rare = int(np.argmin(last - first))
        owned: Place | None = None
        for block in self._order[first[rare] : last[rare]].tolist():
            start = block - rare
            self.spend(_STEP)
            place = self._place(start, len(sums))
            if place is None:
                continue
            taken = bool(self._owned[start : start + len(sums)].any())
            if taken and owned is not None:
                continue
            self.spend(len(data))
            if np.array_equal(self._row[start * ALIGNED : start * ALIGNED + len(data)], wanted):
                if not taken:
                    return place, False
                owned = place
        return None if owned is None else (owned, True)

    def _place(self, start: int, blocks: int) -> Place | None:
        """Blocks of one program, or None when they reach out of it."""
        program = int(np.searchsorted(self._starts, start, "right")) - 1
        if start < 0 or program + 1 >= len(self._starts) or start + blocks > self._starts[program + 1]:
            return None
        return Place(program, (start - int(self._starts[program])) * ALIGNED)

    def own(self, place: Place, count: int, explained: bool = True) -> None:
        """Give ``count`` bytes an owner; ``explained`` where they agree with it."""
        start = int(self._starts[place.program]) + place.offset // ALIGNED
        self._owned[start : start + -(-count // ALIGNED)] = True
        if explained:
            self._explained[start : start + -(-count // ALIGNED)] = True

    def is_free(self, place: Place, count: int) -> bool:
        """``count`` bytes exist there, and none has an owner."""
        start = int(self._starts[place.program]) + place.offset // ALIGNED
        end = start + -(-count // ALIGNED)
        return place.offset >= 0 and end <= self._starts[place.program + 1] and not bool(self._owned[start:end].any())

    def at(self, place: Place, count: int) -> npt.NDArray[np.uint8]:
        """``count`` bytes, as a view."""
        start = int(self._starts[place.program]) * ALIGNED + place.offset
        return self._row[start : start + count]

    def alike(self, place: Place, data: bytes) -> float | None:
        """The share of ``data`` that agrees with free bytes at a place, of those that are not 0 in both; None where they are not free."""
        if not self.is_free(place, len(data)):
            return None
        step = len(data) // _SAMPLE + 1  # odd, so that all parts of a cell have their turn
        wanted, found = np.frombuffer(data, np.uint8)[:: step | 1], self.at(place, len(data))[:: step | 1]
        self.spend(len(wanted))
        counted = (wanted != 0) | (found != 0)
        return 1 - float(np.count_nonzero(wanted != found)) / max(1, int(np.count_nonzero(counted)))

    def gaps(self) -> Iterator[tuple[Place, int]]:
        """Where bytes without an owner begin, and how many there are in a row, program by program."""
        for program, (first, last) in enumerate(zip(self._starts[:-1].tolist(), self._starts[1:].tolist(), strict=True)):
            free = np.concatenate([[False], ~self._owned[first:last], [False]])
            edges = np.flatnonzero(free[1:] != free[:-1]).reshape(-1, 2)
            for start, end in edges.tolist():
                yield Place(program, start * ALIGNED), (end - start) * ALIGNED


def _sums(row: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint64]:
    """One number per block of 64 bytes."""
    return np.asarray((row.view("<u8").reshape(-1, 8) * _FACTORS).sum(axis=1, dtype=np.uint64))


@dataclasses.dataclass(frozen=True)
class Comparison:
    """How an op's bytes compare with those at a place. ``alike``: the share that agrees, of the bytes that are not 0 in both;
    ``weights_alike``: the share of the model's own weights that agree.

    ``differing`` and ``totals`` count by part; ``channels`` are the output channels with a difference in the model's own bytes, in order:
    none where only padding differs. ``rearranged``: the same bytes, far from where they should be. ``rounded``: nothing of the model
    differs but multipliers, each by some units in the last place. ``foreign``: where a bias of zeros should be, one other number stands in
    every channel; or what cannot be multipliers stands in their place. ``header_differs``: multipliers or zero points differ in most of
    their bytes.
    """

    alike: float
    weights_alike: float
    rearranged: bool
    rounded: bool
    foreign: bool
    header_differs: bool
    differing: dict[str, int]
    totals: dict[str, int]
    channels: tuple[int, ...]


def compare_at(encoding: Encoding, found: npt.NDArray[np.uint8]) -> Comparison:
    """Compare an op with as many bytes of a file, part by part."""
    wanted = np.frombuffer(encoding.data, np.uint8)
    differs = wanted != found
    count = int(((wanted != 0) | (found != 0)).sum())
    part, lane = encoding.map()
    names = [p.name for p in encoding.parts]
    totals: dict[str, int] = {}
    differing: dict[str, int] = {}
    for number, name in enumerate(names):
        here = part == number
        totals[name] = totals.get(name, 0) + int(here.sum())
        differing[name] = differing.get(name, 0) + int((here & differs[: len(part)]).sum())
    own = encoding.own()
    wrong = differs[: len(part)] & own
    weights = np.isin(part, _numbers(names, _WEIGHTS))
    channels = np.unique(encoding.channels[lane[wrong]])
    same_bytes = np.array_equal(np.bincount(wanted, minlength=256), np.bincount(found, minlength=256))
    alike = 1 - int(differs.sum()) / count if count else 1.0
    most = 2 * len(channels) >= len(np.unique(encoding.channels[encoding.channels >= 0]))
    return Comparison(
        alike=alike,
        weights_alike=1 - int((wrong & weights).sum()) / max(1, int((own & weights).sum())),
        rearranged=same_bytes and bool(differs.any()) and (alike < _ORDERED or most),
        rounded=_rounded(wanted[: len(part)], found[: len(part)], wrong, np.isin(part, _numbers(names, _SCALES))),
        foreign=_constant(wanted[: len(part)], found[: len(part)], own & np.isin(part, _numbers(names, "bias")))
        or _no_multipliers(found[: len(part)], own & np.isin(part, _numbers(names, _SCALES))),
        header_differs=any(2 * differing[name] > totals[name] for name in differing if name in (_SCALES, "zero points")),
        differing=differing,
        totals=totals,
        channels=tuple(channels.tolist()),
    )


def _numbers(names: Sequence[str], wanted: str) -> list[int]:
    return [number for number, name in enumerate(names) if name == wanted]


def _constant(wanted: npt.NDArray[np.uint8], found: npt.NDArray[np.uint8], bias: npt.NDArray[np.bool_]) -> bool:
    """Zeros are wanted, and one other number stands there in each of several channels."""
    theirs = np.ascontiguousarray(found[bias]).view("<i4")
    return len(theirs) > 1 and not wanted[bias].any() and bool(theirs[0]) and bool((theirs == theirs[0]).all())


def _no_multipliers(found: npt.NDArray[np.uint8], multipliers: npt.NDArray[np.bool_]) -> bool:
    """Half of the float32 at least are no multipliers of any net: negative, tiny, or huge."""
    theirs = np.ascontiguousarray(found[multipliers]).view("<f4")
    with np.errstate(invalid="ignore"):
        return len(theirs) > 0 and 2 * int(((theirs > _SMALL) & (theirs < 1 / _SMALL)).sum()) <= len(theirs)


def _rounded(
    wanted: npt.NDArray[np.uint8], found: npt.NDArray[np.uint8], wrong: npt.NDArray[np.bool_], scales: npt.NDArray[np.bool_]
) -> bool:
    """Only float32 differ, by so little that they may be the same number computed in another order."""
    if not wrong.any() or (wrong & ~scales).any():
        return False
    ours, theirs = (np.ascontiguousarray(raw[scales]).view("<i4").astype(np.int64) for raw in (wanted, found))
    return bool((np.abs(ours - theirs)[wrong[scales].reshape(-1, 4).any(axis=1)] <= _LAST_PLACES).all())
