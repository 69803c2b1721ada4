"""Calibrated in the laboratory, used in the field: what each variant gets right under shifts, beside float under the same shift."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

from edgewb.datasets import Dataset, as_inputs, load_dataset, shift_dataset
from edgewb.errors import InputError
from edgewb.measurements import predict
from edgewb.optimizers.recipes import REFERENCE
from edgewb.scores import by_task, compare, read_outputs, score
from edgewb.shifts import decode_shifts
from edgewb.types import Accuracy, AccuracyDelta, ErrorDelta, Jsonable, RegressionErrors, Task

NO_SHIFT = "none"


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShiftedAccuracy(Jsonable):
    """One variant under one shift (``"none"``: the test images as they are).

    ``delta`` is paired with float32 on the same shifted images: what int8 costs there, and not what the shift itself costs. None for
    float32 itself, and where there is no float32. Of a regression ``errors`` and ``error_delta`` are filled in their place; what a
    rotation, say, does to the truth itself is not known here, and y stays as it is.
    """

    recipe: str
    shift: str
    accuracy: Accuracy | None
    delta: AccuracyDelta | None
    errors: RegressionErrors | None = None
    error_delta: ErrorDelta | None = None

    @property
    def score(self) -> Accuracy | RegressionErrors:
        """Whichever of the two there is."""
        score = self.accuracy or self.errors
        assert score is not None
        return score

    @property
    def change(self) -> AccuracyDelta | ErrorDelta | None:
        """Whichever of the two differences there is."""
        return self.delta or self.error_delta

    @property
    def shown(self) -> tuple[str, str, str]:
        """The score and the ends of its interval: accuracy in percent, or R2."""
        value, low, high = (f"{100 * v:.1f}" if self.errors is None else f"{v:.3f}" for v in (self.score.value, *self.score.ci95))
        return value, low, high


def compare_under_shifts(
    files: Mapping[str, str | Path],
    dataset: str | Path | Dataset = "digits",
    shifts: str | Sequence[str] = ("noise3", "blur3", "contrast3", "rotation3"),
    *,
    seed: int = 0,
    input_range: tuple[float, float] = (0.0, 1.0),
    target: str = "cpu",
    output_scale: tuple[float, float] | None = None,
) -> tuple[ShiftedAccuracy, ...]:
    """Accuracy of each file on the test split, unshifted and under each shift, and its paired difference to float32 under that shift.

    Args:
        files: .tflite by recipe; the one called ``float32`` is what the others are compared with.
        dataset: the images the models were trained and calibrated on, without a shift.
        shifts: such as ``"noise3,blur1"``, see ``shifts.SHIFTS``.
        seed: of the splits the models were trained on, when ``dataset`` is a name or a path.
        output_scale: of regressions, as their records' settings have it; by default that of the nets edgewb trains.

    Returns:
        For each shift, the unshifted first, one row per file in the given order.

    Raises:
        InputError: no file or shift, an unknown shift, or data that do not fit a model. DatasetError, ModelFileError: not usable.
    """
    names = decode_shifts(shifts if isinstance(shifts, str) else tuple(shifts))
    if not names or not files:
        raise InputError("a file and a shift are wanted at least, such as {'float32': path} and 'noise3'")
    data = dataset if isinstance(dataset, Dataset) else load_dataset(dataset, seed=seed)
    scale = None if data.task is Task.CLASSIFICATION else output_scale or data.truth_scale
    rows = []
    for name in (NO_SHIFT, *names):
        test = (data if name == NO_SHIFT else shift_dataset(data, name)).open_test()
        inputs = as_inputs(test, input_range)
        answered = {recipe: read_outputs(predict(path, inputs, target), test.y, scale) for recipe, path in files.items()}
        for recipe, answers in answered.items():
            compared = REFERENCE in answered and recipe != REFERENCE
            delta = compare(answers, answered[REFERENCE], REFERENCE) if compared else None
            figures = by_task("accuracy", "errors", score(answers, target)) | by_task("delta", "error_delta", delta)
            rows.append(ShiftedAccuracy(recipe=recipe, shift=name, **figures))
    return tuple(rows)


def shifts_text(rows: Sequence[ShiftedAccuracy]) -> str:
    """The rows as a table of text, a line per variant and shift."""
    regression = rows[0].errors is not None
    cells = [("shift", "recipe", "R2" if regression else "right", "to float32, points, 95 %"), *map(_cells, rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(3)]
    lines = [
        f"{shift:<{widths[0]}}  {recipe:<{widths[1]}}  {share:>{widths[2]}}  {delta}".rstrip() for shift, recipe, share, delta in cells
    ]
    first = rows[0].score
    what = "R2 (differences: 100 points are 1)" if regression else "% right"
    last = f"{what} of n = {first.n} test images under each shift, {first.target}, measured; differences paired, under the same shift"
    return "\n".join([*lines, last])


def _cells(row: ShiftedAccuracy) -> tuple[str, str, str, str]:
    change = row.change
    delta = "" if change is None else "{:+5.1f} [{:+.1f}, {:+.1f}]".format(change.points, *change.ci95)
    return row.shift, row.recipe, row.shown[0], delta
