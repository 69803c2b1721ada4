"""Data sets with four fixed, disjoint splits: train, calibration, validation, test."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgewb.arrays import read_npz
from edgewb.errors import DatasetError, InputError, require, unknown_name
from edgewb.images import read_folder
from edgewb.shifts import decode_shift, is_shift, shift_images
from edgewb.splits import Content, IntArray, add_array, assign_splits, duplicate_notes, task_of
from edgewb.types import Task

FloatArray = npt.NDArray[np.float32]


@dataclasses.dataclass(frozen=True, eq=False)
class Split:
    """Some examples of a data set. ``x``: (N, height, width, channels) uint8 or float32 in 0..1, or (N, features) float32; ``y``: (N,),
    classes as int64, or for a regression float64 in its own unit."""

    x: npt.NDArray[Any]
    y: npt.NDArray[Any]
    name: str

    def __len__(self) -> int:
        return len(self.y)

    def __repr__(self) -> str:
        return f"Split({self.name!r}, n={len(self)}, x={self.x.shape} {self.x.dtype})"


@dataclasses.dataclass(frozen=True, eq=False)
class Dataset:
    """Examples in four splits. The test split is opened by a call, ``open_test()``, so that every use of it can be found.

    ``content_sha256`` is of the examples as they were read; ``fingerprint`` also covers the seed, the splits as they are here
    (prepared), and what ``as_inputs`` makes of them. A regression has no ``class_names``.
    """

    name: str
    kind: str
    input_shape: tuple[int, ...]
    class_names: tuple[str, ...]
    fingerprint: str
    content_sha256: str
    source: str
    licence: str
    seed: int
    train: Split
    calibration: Split
    validation: Split
    notes: tuple[str, ...]
    _test: Split = dataclasses.field(repr=False)

    def open_test(self) -> Split:
        """The test split: for final figures alone, never for a decision."""
        return self._test

    @property
    def task(self) -> Task:
        return task_of(self.train.y)

    @property
    def truth_scale(self) -> tuple[float, float]:
        """Mean and standard deviation of a regression's y in the train split: in these steps a net is trained."""
        return float(self.train.y.mean()), float(self.train.y.std())

    @property
    def sizes(self) -> dict[str, int]:
        """How many examples each split has."""
        return {split.name: len(split) for split in (self.train, self.calibration, self.validation, self._test)}

    def __repr__(self) -> str:
        sizes = ", ".join(f"{name} {n}" for name, n in self.sizes.items())
        answers = "regression" if self.task is Task.REGRESSION else f"{len(self.class_names)} classes"
        return f"Dataset({self.name!r}, {self.kind} {self.input_shape}, {answers}, {sizes})"


@dataclasses.dataclass(frozen=True)
class _Bundled:
    """A data set that comes with scikit-learn: nothing is downloaded."""

    read: Callable[[], Content]
    prepare: Callable[[npt.NDArray[Any], IntArray], FloatArray]
    source: str
    licence: str
    sizes: Mapping[str, int] | None = None


def load_dataset(name: str | Path, *, seed: int = 0, image_size: tuple[int, int, int] | None = None, task: str | None = None) -> Dataset:
    """A data set by its name, or from a path.

    Args:
        name: ``"digits"`` (images 32 x 32 x 1, float32 in 0..1), ``"digits_noise3"`` (the same under a shift, see ``shifts``),
            ``"breast_cancer"`` (30 features, standardised with mean and
            standard deviation of the train split alone), ``"diabetes"`` (a regression, 10 features, standardised likewise); a
            folder with one sub-folder of images per class; an .npz with ``x``, ``y`` and optionally ``class_names`` (a table in it is
            taken as it is).
        seed: chooses the splits, not less than 0; the same seed gives the same splits.
        image_size: (height, width, channels) a folder of images is brought to, 64 x 64 x 3 by default. Nothing else is
            resized: another data set must have this shape already.
        task: ``"classification"`` or ``"regression"``: what the y of an .npz is. By default classes if all of it is whole numbers.

    Raises:
        InputError: a name that is neither known nor a path; an unknown task.
        DatasetError: what is there cannot be used; the message says why and what to do.
    """
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise DatasetError(f"seed {seed!r}: a whole number of 0 or more is wanted")
    asked = _as_task(task)
    if isinstance(name, str) and name in _BUNDLED:
        return _with_task(_with_shape(_load_bundled(name, seed), image_size), asked)
    base = unshifted_name(str(name))
    if base != str(name):
        shifted = shift_dataset(_load_bundled(base, seed), str(name).removeprefix(f"{base}_"))
        return _with_task(_with_shape(shifted, image_size), asked)
    path = _existing_path(name)
    what = path.resolve().name
    if path.is_dir():
        if asked is Task.REGRESSION:
            raise DatasetError(
                f"{path}: is a folder of images per class, and a regression needs a number for each: give an .npz with x and y"
            )
        try:
            content = read_folder(path, image_size)
        except OSError as error:
            raise DatasetError(f"{path}: cannot be read ({error.strerror}): check its permissions") from None
    else:
        if not path.is_file():
            raise DatasetError(f"{path}: is neither a folder nor a regular file: give a folder of images or an .npz file")
        content = read_npz(path, asked)
    splits = assign_splits(content, str(path), seed=seed)
    loaded = _assemble(what, content, content.x, splits, seed, "given by path", "not stated")
    return loaded if path.is_dir() else _with_shape(loaded, image_size)


def unshifted_name(name: str) -> str:
    """``"digits"`` for ``"digits_noise3"``; any other name as it is."""
    base, _, shift = name.partition("_")
    return base if base == "digits" and is_shift(shift) else name


def shift_dataset(dataset: Dataset, shift: str) -> Dataset:
    """The same images in the same splits as they might come in the field: for a model trained and calibrated without the shift.

    Args:
        dataset: images.
        shift: kind and severity, such as ``"noise3"``, see ``shifts.SHIFTS``.

    Raises:
        InputError: an unknown shift. DatasetError: a table.
    """
    decode_shift(shift)
    if dataset.kind != "images":
        raise DatasetError(f"{dataset.name}: holds a {dataset.kind}, and {shift} is a shift of images: give images, or leave the shift out")
    digest = hashlib.sha256(f"{dataset.fingerprint} {shift}".encode())
    shifted = {}
    for split in (dataset.train, dataset.calibration, dataset.validation, dataset.open_test()):
        shifted[split.name] = dataclasses.replace(split, x=shift_images(split.x, shift, dataset.seed, split.name))
        add_array(digest, shifted[split.name].x)
    return dataclasses.replace(
        dataset,
        name=f"{dataset.name}_{shift}",
        fingerprint=digest.hexdigest(),
        train=shifted["train"],
        calibration=shifted["calibration"],
        validation=shifted["validation"],
        _test=shifted["test"],
    )


def as_inputs(examples: Split | npt.NDArray[Any], input_range: tuple[float, float] = (0.0, 1.0)) -> FloatArray:
    """The float32 values a model is fed: the one place where images are scaled.

    Args:
        examples: a split, or examples (N, height, width, channels) as uint8 0..255 or float in 0..1, or a table (N, features).
        input_range: what black and white become; (-1.0, 1.0) for many pretrained models. A table is not touched.

    Raises:
        InputError: an input range whose end is not above its start.
    """
    low, high = (float(value) for value in input_range)
    if not (np.isfinite([low, high]).all() and low < high):
        raise InputError(f"input range ({low:g}, {high:g}): two finite numbers are wanted, the second above the first, such as (0, 1)")
    x = examples.x if isinstance(examples, Split) else np.asarray(examples)
    if x.ndim == 2:
        return x.astype(np.float32)
    unit = x.astype(np.float32)
    if x.dtype == np.uint8:
        unit /= np.float32(255)
    if (low, high) != (0.0, 1.0):
        unit *= np.float32(high - low)
        unit += np.float32(low)
    return unit


def _existing_path(name: str | Path) -> Path:
    text = str(name)
    if text == "":  # which Path would take for the current folder
        raise unknown_name("dataset", text, DATASET_NAMES, "a path to a folder of images or to an .npz file is also possible")
    path = Path(os.path.expanduser(text))  # unlike Path, os.path raises nothing for unknown users or long names
    if os.path.exists(path):
        return path
    if isinstance(name, Path) or "/" in text or "\\" in text or path.suffix:
        known = ", ".join(DATASET_NAMES)
        raise DatasetError(f"{text!r}: no such file or folder; known names: {known}; a folder of images or an .npz file is also possible")
    if text.startswith("digits_"):
        decode_shift(text.removeprefix("digits_"))  # which says what is wrong with it
    raise unknown_name("dataset", text, DATASET_NAMES, "a path to a folder of images or to an .npz file is also possible")


def _as_task(task: str | None) -> Task | None:
    if task is None:
        return None
    try:
        return Task(task)
    except ValueError:
        raise unknown_name("task", str(task), map(str, Task)) from None


def _with_task(dataset: Dataset, wanted: Task | None) -> Dataset:
    if wanted is not None and wanted is not dataset.task:
        raise DatasetError(
            f"{dataset.name}: is for {dataset.task} and {wanted} is wanted: leave --task out; it tells what the y of an .npz is"
        )
    return dataset


def _with_shape(dataset: Dataset, wanted: tuple[int, ...] | None) -> Dataset:
    if wanted is not None and tuple(wanted) != dataset.input_shape:
        raise DatasetError(
            f"{dataset.name}: has examples of the shape {dataset.input_shape} and {tuple(wanted)} is wanted; only a folder of images is "
            "resized: choose a model or data that fit"
        )
    return dataset


def _load_bundled(name: str, seed: int) -> Dataset:
    bundled = _BUNDLED[name]
    content = bundled.read()
    splits = assign_splits(content, name, seed=seed, sizes=bundled.sizes)
    return _assemble(name, content, bundled.prepare(content.x, splits["train"]), splits, seed, bundled.source, bundled.licence)


def _assemble(
    name: str, content: Content, x: npt.NDArray[Any], splits: Mapping[str, IntArray], seed: int, source: str, licence: str
) -> Dataset:
    content_sha256 = content.sha256()
    digest = hashlib.sha256(f"{content_sha256} seed {seed}".encode())
    cut = {split_name: Split(x[indices], content.y[indices], split_name) for split_name, indices in splits.items()}
    for split_name, split in cut.items():
        digest.update(f"\n{split_name} ".encode() + splits[split_name].astype("<i8").tobytes())
        add_array(digest, split.x)
        add_array(digest, split.y)
    # A few examples show how as_inputs scales; all of them would be four times the bytes above.
    for input_range in ((0.0, 1.0), (-1.0, 1.0)):
        add_array(digest, as_inputs(cut["train"].x[:16], input_range))
    return Dataset(
        name=name,
        kind=content.kind,
        input_shape=tuple(int(side) for side in x.shape[1:]),
        class_names=content.class_names,
        fingerprint=digest.hexdigest(),
        content_sha256=content_sha256,
        source=source,
        licence=licence,
        seed=seed,
        train=cut["train"],
        calibration=cut["calibration"],
        validation=cut["validation"],
        notes=content.notes + duplicate_notes(content),
        _test=cut["test"],
    )


def describe_inputs(data: Dataset, input_range: tuple[float, float]) -> str:
    """What ``as_inputs`` makes of this data set's examples, in a few words: images are scaled, a table is not."""
    if data.kind == "images":
        return "input range {:g}..{:g}".format(*input_range)
    return "features standardised" if data.name in _BUNDLED else "features as they are in the file"


def _read_digits() -> Content:
    raw = require("sklearn.datasets", "data", "for the bundled digits").load_digits()
    images = raw.images[..., np.newaxis].astype(np.uint8)  # whole numbers 0..16
    return Content(images, raw.target.astype(np.int64), tuple(str(digit) for digit in range(10)))


def enlarge_digits(x: npt.NDArray[Any]) -> FloatArray:
    """Digits (n, 8, 8, 1) of whole numbers 0..16 as the data set has them: (n, 32, 32, 1) in 0..1, each pixel repeated."""
    unit = x.astype(np.float32) / np.float32(16)
    return unit.repeat(4, axis=1).repeat(4, axis=2)


def _read_breast_cancer() -> Content:
    raw = require("sklearn.datasets", "data", "for the bundled breast_cancer").load_breast_cancer()
    return Content(raw.data.astype(np.float64), raw.target.astype(np.int64), tuple(str(name) for name in raw.target_names))


def _read_diabetes() -> Content:
    raw = require("sklearn.datasets", "data", "for the bundled diabetes").load_diabetes(scaled=False)
    return Content(raw.data.astype(np.float64), raw.target.astype(np.float64), ())


def _standardise(x: npt.NDArray[Any], train: IntArray) -> FloatArray:
    mean, stdev = x[train].mean(axis=0), x[train].std(axis=0)
    stdev[stdev == 0] = 1.0  # a feature that never changes stays at 0
    scaled: FloatArray = ((x - mean) / stdev).astype(np.float32)
    return scaled


_BUNDLED = {
    "digits": _Bundled(
        read=_read_digits,
        prepare=lambda x, _train: enlarge_digits(x),
        source="E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits (test part), UCI Machine Learning Repository, "
        "doi:10.24432/C50P49, as distributed with scikit-learn (load_digits)",
        licence="CC BY 4.0",
        sizes={"calibration": 100, "validation": 200, "test": 500},
    ),
    "breast_cancer": _Bundled(
        read=_read_breast_cancer,
        prepare=_standardise,
        source="W. Wolberg, O. Mangasarian, N. Street and W. Street, Breast Cancer Wisconsin (Diagnostic), UCI Machine Learning "
        "Repository, doi:10.24432/C5DW2B, as distributed with scikit-learn (load_breast_cancer)",
        licence="CC BY 4.0",
    ),
    "diabetes": _Bundled(
        read=_read_diabetes,
        prepare=_standardise,
        source="B. Efron, T. Hastie, I. Johnstone and R. Tibshirani, Least Angle Regression, Annals of Statistics 32 (2004) 407-499, "
        "doi:10.1214/009053604000000067, as distributed with scikit-learn (load_diabetes)",
        licence="not stated",
    ),
}
DATASET_NAMES: tuple[str, ...] = tuple(_BUNDLED)
