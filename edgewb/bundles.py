"""What comes with the repository, so that dashboards have something to show without TensorFlow, a training or a network."""

from __future__ import annotations

import functools
import io
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgewb.errors import StorageError, unknown_name
from edgewb.locations import data_folder, storage_error
from edgewb.types import Record

if TYPE_CHECKING:
    from edgewb.datasets import Split


@dataclass(frozen=True, kw_only=True)
class BundledModel:
    """A .tflite of ``data/models``; ``path`` is where it is on this computer.

    Attributes:
        about: what it is an example of, in a sentence for people.
        made: how; ``licence``: of the data it was trained on, and of the file.
        labels: names of its classes in the order of its outputs; () where it was not trained.
        input_range: what black and white are for it, before quantisation.
    """

    name: str
    path: Path
    sha256: str
    about: str
    made: str
    licence: str
    labels: tuple[str, ...]
    input_range: tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class BundledStudy:
    """A study recorded on another computer; its records have the origin "imported".

    Attributes:
        about: where and when it was recorded, in a sentence to be shown beside every figure of it.
        recorded: the day, as 2026-01-31. command: what was typed.
        records: those of one study in its order; ``file`` is the path of the model on this computer.
        pictures: index of a test example -> ``data:`` address of its picture, for the examples that flipped.
    """

    name: str
    about: str
    recorded: str
    command: str
    budget_points: float
    records: tuple[Record, ...]
    pictures: dict[int, str]


def _read_json(name: str) -> dict[str, Any]:
    path = data_folder() / name
    try:
        read: dict[str, Any] = json.loads(path.read_bytes())
    except OSError as error:
        raise storage_error(path, "read", error) from None
    except ValueError as error:
        raise StorageError(f"{str(path)!r} is damaged ({error}): take it from the repository again") from None
    return read


@functools.cache
def bundled_models() -> dict[str, BundledModel]:
    """The models by name, the one to show first at the head.

    Raises:
        StorageError: the repository's data are not there, or damaged.
    """
    folder = data_folder() / "models"
    return {
        name: BundledModel(
            name=name,
            path=folder / f"{name}.tflite",
            sha256=entry["sha256"],
            about=entry["about"],
            made=entry["made"],
            licence=entry["licence"],
            labels=tuple(entry["labels"]),
            input_range=(entry["input_range"][0], entry["input_range"][1]),
        )
        for name, entry in _read_json("models.json").items()
    }


def bundled_model(name: str) -> BundledModel:
    """One of ``bundled_models()``.

    Raises:
        InputError: an unknown name. StorageError: as there.
    """
    models = bundled_models()
    if name not in models:
        raise unknown_name("bundled model", name, models)
    return models[name]


def bundled_test_images() -> Split:
    """The 500 test images of ``load_dataset("digits")`` with seed 0, bit for bit, without scikit-learn.

    Returns:
        x (500, 32, 32, 1) float32 in 0..1, y (500,) int64; the indices are those of a study's flips.

    Raises:
        StorageError: the repository's data are not there, or damaged.
    """
    import numpy as np

    from edgewb.datasets import Split, enlarge_digits

    path = data_folder() / "digits" / "test_images.npz"
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as arrays:
            small, labels = arrays["x"], arrays["y"]
    except OSError as error:
        raise storage_error(path, "read", error) from None
    except Exception as error:  # a damaged file makes zipfile, zlib and numpy raise their own
        raise StorageError(f"{str(path)!r} is damaged ({type(error).__name__}): take it from the repository again") from None
    return Split(enlarge_digits(small[..., np.newaxis]), labels.astype(np.int64), "test")


@functools.cache
def bundled_studies() -> tuple[BundledStudy, ...]:
    """The studies that come with the repository. Their latencies are of the computer they were recorded on, whatever this one is.

    Raises:
        StorageError: the repository's data are not there, or damaged.
    """
    return tuple(_read_study(path.stem) for path in sorted((data_folder() / "studies").glob("*.json")))


def _read_study(name: str) -> BundledStudy:
    import msgspec

    study = _read_json(f"studies/{name}.json")
    files = {recipe: str(data_folder() / file) for recipe, file in study["files"].items()}
    try:
        # Checked like any import by `data/make.py --check`, not again in each kernel.
        records = [msgspec.convert(record, Record) for record in study["records"]]
    except msgspec.ValidationError as error:
        raise StorageError(f"the bundled study {name!r} is damaged ({error}): take it from the repository again") from None
    return BundledStudy(
        name=name,
        about=study["about"],
        recorded=study["recorded"],
        command=study["command"],
        budget_points=study["budget_points"],
        records=tuple(replace(record, origin="imported", file=files.get(record.recipe, record.file)) for record in records),
        pictures={int(index): uri for index, uri in study["pictures"].items()},
    )
