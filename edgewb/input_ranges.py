"""What a classifier from a file takes: whether its inputs and outputs are those of the data, and the range of its images, by validation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from edgewb.errors import InputError
from edgewb.model_files import ModelSource
from edgewb.optimizers.workers import Worker
from edgewb.types import Task

if TYPE_CHECKING:
    from edgewb.datasets import Dataset


def rate_ranges(worker: Worker, source: ModelSource, data: Dataset) -> list[list[Any]]:
    """Each of the common input ranges, and the share of validation images (0..1) that the model answers rightly with it."""
    from edgewb.datasets import as_inputs

    validation = data.validation
    ranges = worker.call("rate_input_ranges", source=source, validation_x=as_inputs(validation, (0.0, 1.0)), validation_y=validation.y)
    return [[list(r), a] for r, a in ranges.items()]


def choose_range(rated: Sequence[Sequence[Any]], n: int) -> tuple[tuple[float, float], str]:
    """The best, the first of equals, among what ``rate_ranges`` gave for ``n`` images, and a note on the choice."""
    (low, high), accuracy = max(rated, key=lambda row: float(row[1]))
    equal = sum(a == accuracy for _, a in rated)
    note = (
        f"input range {low:g}..{high:g} {'chosen' if equal == 1 else f'taken, though {equal} do equally well'}: "
        f"{100 * accuracy:.1f} % of {n} validation images right, against "
        + ", ".join(f"{100 * a:.1f} % with {lo:g}..{hi:g}" for (lo, hi), a in rated if (lo, hi) != (low, high))
        + " (measured); --input-range sets it"
    )
    return (float(low), float(high)), note


def check_fit(name: str, description: Mapping[str, Any], data: Dataset) -> None:
    """A user's model must take this data's shape and give one output per class, or one for a regression.

    Raises:
        InputError: it does not.
    """
    shape, outputs = tuple(description["input_shape"]), description["outputs"]
    if shape != tuple(data.input_shape):
        raise InputError(
            f"{name} takes inputs of shape {shape}, data set {data.name} has {tuple(data.input_shape)}: "
            "give data of that shape (a folder of images is resized by itself)"
        )
    if data.task is Task.REGRESSION:
        if outputs != 1:
            raise InputError(
                f"{name} gives {outputs} outputs, and {data.name} is a regression, which has one: give a model "
                "with one linear output, or say --task classification"
            )
    elif outputs != len(data.class_names):
        raise InputError(
            f"{name} gives {outputs} outputs, data set {data.name} has {len(data.class_names)} classes: "
            "they must match, and the classes be in the order the model was trained with (folders: alphabetical)"
        )
