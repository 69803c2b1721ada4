"""In which unit a user's regression answers, and for pictures with which input range: what has the smallest MAE on the validation split."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from edgewb.datasets import Dataset, as_inputs
from edgewb.errors import InputError
from edgewb.model_files import ModelSource
from edgewb.optimizers.tasks import INPUT_RANGES
from edgewb.optimizers.workers import Worker
from edgewb.residuals import Scale, choose_output_scale, scale_note

Range = tuple[float, float]


def rate_scales(worker: Worker, source: ModelSource, data: Dataset, given: Range | None) -> list[list[Any]]:
    """Per input range (the common ones for pictures, unless one is given): the range, the better scale, its MAE, the other scale's MAE.

    Raises:
        InputError: the model answers with NaN or infinite values in each of them.
    """
    # A table is not scaled, and 0..1 leaves it as it is.
    ranges: Sequence[Range] = (given or (0.0, 1.0),) if given is not None or data.kind != "images" else INPUT_RANGES
    asked = ranges if data.kind == "images" else ((0.0, 1.0),)
    outputs = worker.call("predict_ranges", source=source, x=as_inputs(data.validation, (0.0, 1.0)), ranges=asked)
    rows = []
    for tried, answers in zip(ranges, outputs.values(), strict=True):
        if np.isfinite(answers).all():
            scale, mae, other = choose_output_scale(answers, data.validation.y, data.truth_scale)
            rows.append([list(tried), list(scale), mae, other])
    if not rows:
        raise InputError(
            f"{source.name} answers with NaN or infinite values on the validation examples of {data.name}: check the model and the data"
        )
    return rows


def choose_scales(rows: Sequence[Sequence[Any]], n: int) -> tuple[Range, Scale, list[str]]:
    """The input range and output scale of the smallest MAE among what ``rate_scales`` gave for ``n`` examples, and notes on the choice."""
    (low, high), (mean, stdev), mae, other = min(rows, key=lambda row: float(row[2]))
    scale = (float(mean), float(stdev))
    notes = [scale_note(scale, mae, other, n)]
    if len(rows) > 1:
        notes.append(
            f"input range {low:g}..{high:g} chosen: MAE {mae:.4g} on {n} validation images, against "
            + ", ".join(f"{m:.4g} with {lo:g}..{hi:g}" for (lo, hi), _, m, _ in rows if (lo, hi) != (low, high))
            + " (measured); --input-range sets it"
        )
    return (float(low), float(high)), scale, notes
