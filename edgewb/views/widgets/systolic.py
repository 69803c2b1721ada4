"""A systolic array to look at: a small product of matrices, cycle by cycle, forwards and backwards.

The numbers are those of ``lessons.systolic_arrays``; the page's script only shows them one cycle after the other.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, ClassVar, Final

import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from edgewb.errors import InputError
from edgewb.lessons.systolic_arrays import Cell, SystolicRun, run_array
from edgewb.views.widgets.pages import HERE, Page, script, style
from edgewb.views.widgets.registry import PARTS

_MOST_SIDE: Final = 5
_MOST_ROWS: Final = 8
_LEFT, _TOP, _ACROSS, _DOWN = 330, 34, 112, 88
"""Where the array begins in the picture, and from one cell to the next."""


class Systolic(Page):
    """An animated systolic array.

    Args:
        inputs: (n, k) whole numbers of int8, n up to 8; None: six patches of two by two pixels from a bundled digit.
        weights: (k, m) whole numbers of int8, up to 5 x 5; None: two by two taps of four filters of the bundled digits net.
        cycle: the one shown first, 0 to the last.

    Attributes:
        run: every cycle of it. cycle: the one the page shows; 0 is before the first.

    Raises:
        InputError: matrices that do not fit each other or the page.
    """

    template: ClassVar[str] = "systolic.html.j2"
    name: ClassVar[str] = "systolic"
    _esm = script(*PARTS["systolic"][0])
    _css = style(*PARTS["systolic"][1])

    def __init__(self, inputs: npt.ArrayLike | None = None, weights: npt.ArrayLike | None = None, *, cycle: int = 0) -> None:
        self.given = ""
        if inputs is None or weights is None:
            self.given = "Inputs are from a bundled digit, weights from the bundled digits net."
            example_inputs, example_weights = example_matrices()
            inputs = example_inputs if inputs is None else inputs
            weights = example_weights if weights is None else weights
        self.run: SystolicRun = run_array(inputs, weights)
        if max(len(self.run.weights), len(self.run.weights[0])) > _MOST_SIDE or len(self.run.inputs) > _MOST_ROWS:
            raise InputError(
                f"{len(self.run.inputs)} input rows on {len(self.run.weights)} x {len(self.run.weights[0])} cells do not fit the page: "
                f"up to {_MOST_ROWS} on {_MOST_SIDE} x {_MOST_SIDE} do; `run_array` takes more"
            )
        self.cycle = self._checked(cycle)
        super().__init__()

    def on_cycle(self, value: Any, _buffers: Sequence[memoryview]) -> bool:
        """The page has come to a stop at another cycle; it shows it already."""
        self.cycle = self._checked(value)
        return False

    def context(self) -> dict[str, Any]:
        run, last = self.run, len(self.run.cycles)
        size = {"k": len(run.weights), "m": len(run.weights[0]), "n": len(run.inputs)}
        return {
            "systolic": self,
            "size": size,
            "last": last,
            "at": {"left": _LEFT, "top": _TOP, "across": _ACROSS, "down": _DOWN},
            "frames": json.dumps([self._frame(number) for number in range(last + 1)]),
            "shown": self._frame(self.cycle),
            "css": Markup((HERE / "static" / "systolic.css").read_text(encoding="utf-8")),  # noqa: S704 - our own file
        }

    def _frame(self, number: int) -> dict[str, Any]:
        """What stands where at the end of a cycle, as the page shows it: texts, not numbers to compute with."""
        run = self.run
        idle = tuple(tuple(Cell(row=None, input=None, partial=None) for _ in line) for line in run.weights)
        cells = run.cycles[number - 1].cells if number else idle
        done = [one for cycle in run.cycles[:number] for one in cycle.finished]
        fresh = {(one.row, one.column) for one in run.cycles[number - 1].finished} if number else set()
        product: list[list[str]] = [["" for _ in run.weights[0]] for _ in run.inputs]
        for one in done:
            product[one.row][one.column] = _shown(one.value)
        busy = run.cycles[number - 1].busy if number else 0
        all_cells = len(run.weights) * len(run.weights[0])
        so_far = sum(cycle.busy for cycle in run.cycles[:number])
        return {
            "cells": [[{"row": c.row, "x": _shown(c.input), "sum": _shown(c.partial)} for c in line] for line in cells],
            "waiting": [
                [{"row": i, "x": _shown(line[k]), "place": i + k - number} for i, line in enumerate(run.inputs) if i + k >= number]
                for k in range(len(run.weights))
            ],
            "product": product,
            "fresh": sorted([list(one) for one in fresh]),
            "status": f"Cycle {number} of {len(run.cycles)}: {busy} of {all_cells} cells multiply; {len(done)} of "
            f"{len(run.inputs) * len(run.weights[0])} sums are done"
            + (f"; utilisation so far {100 * so_far / (all_cells * number):.0f} %" if number else "")
            + ".",
        }

    def _checked(self, cycle: Any) -> int:
        if isinstance(cycle, bool) or not isinstance(cycle, int) or not 0 <= cycle <= len(self.run.cycles):
            raise InputError(f"cycle {str(cycle)[:40]!r}: 0 to {len(self.run.cycles)} are there")
        return cycle


def example_matrices() -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Six patches of 2 x 2 grey levels (0 to 16) from the middle of a bundled digit, and 2 x 2 taps of four filters of the bundled net's
    first layer as int8.

    Returns:
        (6, 4) and (4, 4).

    Raises:
        StorageError: the repository's data are not there, or damaged.
    """
    from edgewb.bundles import bundled_model, bundled_test_images
    from edgewb.tflite.reader import read_graph

    image = np.round(bundled_test_images().x[0, ::4, ::4, 0] * 16).astype(np.int64)
    graph = read_graph(bundled_model("digits_cnn_int8").path)
    kernel = graph.constant(graph.ops[0].inputs[1]).astype(np.int64)
    patches = [image[2 : 2 + 2, left : left + 2].ravel() for left in range(1, 7)]
    return np.array(patches), kernel[:4, :2, :2, 0].reshape(4, 4).T


def _shown(value: int | None) -> str:
    return "" if value is None else f"{value:,}".replace("-", "\N{MINUS SIGN}")
