"""A weight-stationary systolic array, cycle by cycle: what stands in every cell, and how many cycles a product of matrices takes.

Every cell keeps one weight. Inputs move one cell to the right per cycle, partial sums one cell down; each cell multiplies, adds, and
passes both on. Row k of the array gets its inputs k cycles late, so that what meets in a cell belongs to the same row of the input.

Source: H. T. Kung and C. E. Leiserson, Systolic Arrays (for VLSI), 1978; the first TPU used this scheme with 256 x 256 cells (N. Jouppi
et al., In-Datacenter Performance Analysis of a Tensor Processing Unit, arXiv 1704.04760, section 2).
"""

from __future__ import annotations

import dataclasses
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from edgewb.errors import InputError
from edgewb.types import Jsonable

Integers = npt.NDArray[np.int64]
_MOST_CELLS: Final = 4_096
_INT8: Final = np.iinfo(np.int8)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cell(Jsonable):
    """What a cell holds at the end of a cycle: the input row it is at work on, its input, and its partial sum; None where it waits."""

    row: int | None
    input: int | None
    partial: int | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Finished(Jsonable):
    """A sum that leaves the array at the bottom: entry (``row``, ``column``) of the product."""

    row: int
    column: int
    value: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cycle(Jsonable):
    """One beat of the array.

    ``number`` counts from 1. ``cells`` are those of each row of the array. ``finished`` left at the bottom in this cycle. ``busy`` cells
    of all multiplied something.
    """

    number: int
    cells: tuple[tuple[Cell, ...], ...]
    finished: tuple[Finished, ...]
    busy: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class SystolicRun(Jsonable):
    """A product of matrices on the array. ``inputs`` (n, k), ``weights`` (k, m), ``product`` (n, m), as rows of whole numbers."""

    inputs: tuple[tuple[int, ...], ...]
    weights: tuple[tuple[int, ...], ...]
    product: tuple[tuple[int, ...], ...]
    cycles: tuple[Cycle, ...]

    @property
    def multiplications(self) -> int:
        """Products of two numbers: what a unit that makes one per cycle would need as cycles."""
        return len(self.inputs) * len(self.weights) * len(self.weights[0])

    @property
    def utilisation(self) -> float:
        """Share of all cells in all cycles that multiplied something, 0..1."""
        cells = len(self.weights) * len(self.weights[0])
        return sum(cycle.busy for cycle in self.cycles) / (cells * len(self.cycles))


def count_cycles(rows: int, array_rows: int, array_columns: int) -> int:
    """Cycles until the last sum has left: the inputs one after the other, and the way across the array and down.

    Loading the weights is not counted: it happens once, before.

    Args:
        rows: of the input, at least 1.
        array_rows, array_columns: of the array, at least 1.

    Raises:
        InputError: a number below 1.
    """
    if min(rows, array_rows, array_columns) < 1:
        raise InputError(f"{rows} input rows, {array_rows} x {array_columns} cells: each of these must be 1 or more")
    return rows + array_rows + array_columns - 2


def run_array(inputs: npt.ArrayLike, weights: npt.ArrayLike) -> SystolicRun:
    """Multiply two int8 matrices by moving numbers from cell to cell, as the array does; sums are int32.

    Args:
        inputs: (n, k), -128 to 127.
        weights: (k, m), -128 to 127: row k of the array has the weights of input k, column m gives output m.

    Raises:
        InputError: shapes that do not fit, numbers that are no int8, or more than 4,096 cells.
    """
    x, w = _int8_matrix(inputs, "inputs"), _int8_matrix(weights, "weights")
    if x.shape[1] != len(w):
        raise InputError(f"inputs of {x.shape[1]} numbers a row do not fit weights of {len(w)} rows: both are the array's rows")
    if w.size > _MOST_CELLS:
        raise InputError(f"{len(w)} x {w.shape[1]} cells are too many to follow: up to {_MOST_CELLS:,} are taken")
    n, (k, m) = len(x), w.shape
    row = np.full((k, m), -1, np.int64)  # the input row a cell is at work on; -1: none
    held = np.zeros((k, m), np.int64)
    partial = np.zeros((k, m), np.int64)
    product = np.zeros((n, m), np.int64)
    cycles = []
    for number in range(1, count_cycles(n, k, m) + 1):
        entering = number - 1 - np.arange(k)  # row k of the array is k cycles late
        valid = (entering >= 0) & (entering < n)
        above = np.vstack([np.zeros((1, m), np.int64), partial[:-1]])
        row = np.column_stack([np.where(valid, entering, -1), row[:, :-1]])
        fed = np.where(valid, x[np.clip(entering, 0, n - 1), np.arange(k)], 0)
        held = np.column_stack([fed, held[:, :-1]])
        busy = row >= 0
        partial = np.where(busy, above + held * w, 0)
        done = tuple(
            Finished(row=int(row[-1, column]), column=column, value=int(partial[-1, column])) for column in range(m) if busy[-1, column]
        )
        for one in done:
            product[one.row, one.column] = one.value
        cycles.append(Cycle(number=number, cells=_cells(row, held, partial), finished=done, busy=int(busy.sum())))
    return SystolicRun(inputs=_rows(x), weights=_rows(w), product=_rows(product), cycles=tuple(cycles))


def _cells(row: Integers, held: Integers, partial: Integers) -> tuple[tuple[Cell, ...], ...]:
    return tuple(
        tuple(
            Cell(row=int(at), input=int(value), partial=int(total)) if at >= 0 else Cell(row=None, input=None, partial=None)
            for at, value, total in zip(*line, strict=True)
        )
        for line in zip(row, held, partial, strict=True)
    )


def _rows(matrix: Integers) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(line) for line in matrix.tolist())


def _int8_matrix(given: Any, what: str) -> Integers:
    try:
        matrix = np.asarray(given)
    except ValueError:
        raise InputError(f"{what} have rows of different lengths: a matrix is wanted") from None
    if matrix.ndim != 2 or matrix.size == 0 or matrix.dtype.kind not in "iu":
        raise InputError(f"{what} of shape {matrix.shape} and type {matrix.dtype}: a matrix of whole numbers is wanted")
    if matrix.min() < _INT8.min or matrix.max() > _INT8.max:
        raise InputError(f"{what} go from {matrix.min()} to {matrix.max()}: int8 holds {_INT8.min} to {_INT8.max}")
    return matrix.astype(np.int64)


def safe_products(bits: int = 8, sum_bits: int = 32) -> int:
    """How many products of two signed numbers a signed sum can take, whatever the numbers are, without overflow.

    Args:
        bits: of each factor, 2 to 32; their largest product is that of the two lowest numbers.
        sum_bits: of the sum, 2 to 64.

    Raises:
        InputError: other widths.
    """
    if not (2 <= bits <= 32 and 2 <= sum_bits <= 64):
        raise InputError(f"{bits} bits, summed in {sum_bits}: 2 to 32 bits are taken, summed in 2 to 64")
    return int((2 ** (sum_bits - 1) - 1) // 2 ** (2 * bits - 2))
