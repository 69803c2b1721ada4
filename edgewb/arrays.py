"""Read a data set from an .npz file, which is never trusted: no pickle, sizes checked before anything is unpacked."""

from __future__ import annotations

import io
import warnings
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgewb.errors import DatasetError
from edgewb.images import MEMORY_LIMIT_BYTES, MODEL_VALUE_BYTES
from edgewb.splits import PER_CLASS_MINIMUM, Content
from edgewb.types import Task

_WANTED = (
    "an .npz with x (images: N x height x width [x channels]; table: N x features) and y (N labels 0..K-1, or N numbers for a "
    "regression) is wanted"
)
_LARGEST_Y = 1e30  # squares of it, and of its differences from a mean, still fit
_HEADER_LIMIT_BYTES = 64 * 1024  # of an array; numpy itself trusts no header above 10,000 characters


def read_npz(file: Path, task: Task | None = None) -> Content:
    """Examples from the arrays ``x``, ``y`` and, if there, ``class_names`` of an .npz file.

    Whole-number images (0..255) are kept as uint8, images in 0..1 as float32, a table as float32 just as it is.

    Args:
        task: what y is; by default a regression's truth where some of it is no whole number and no class is named, else classes.

    Raises:
        DatasetError: anything that is not as described in one line.
    """
    arrays = _unpack(file)
    x = _checked_x(file, arrays["x"])
    flat = _checked_row(file, arrays["y"], len(x))
    names = arrays.get("class_names")
    if task is None:
        task = Task.REGRESSION if names is None and (flat != np.floor(flat)).any() else Task.CLASSIFICATION
    if task is Task.REGRESSION:
        return Content(x, _checked_truth(file, flat, names), ())
    y = _checked_y(file, flat, len(x))
    return Content(x, y, _checked_classes(file, names, y))


def _unpack(file: Path) -> dict[str, npt.NDArray[Any]]:
    """The arrays of interest; other members, whatever they are called, are never opened.

    ``numpy.load`` is not used: of a member without the npy magic it returns all bytes, however many they unpack to.
    """
    try:
        with zipfile.ZipFile(file) as archive, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # numpy warns of headers written by Python 2
            members = _checked_members(file, archive)
            arrays = {}
            for key, info in members.items():
                with archive.open(info) as member:
                    arrays[key] = np.asarray(np.lib.format.read_array(member, allow_pickle=False))
            return arrays
    except DatasetError:
        raise
    except zipfile.BadZipFile:
        raise DatasetError(f"{file}: is not an .npz file, or only part of one: {_WANTED}") from None
    except MemoryError:
        raise DatasetError(f"{file}: does not fit into memory: use fewer or smaller examples") from None
    except Exception as error:  # damaged files make numpy, zipfile and tokenize raise ValueError, zlib.error, TokenError and more
        reason = " ".join(str(error).split()).removesuffix(".")
        if "allow_pickle" in reason or "Object arrays" in reason:
            raise DatasetError(
                f"{file}: holds pickled Python objects, which are never loaded because they can run code: save plain arrays of numbers"
            ) from None
        raise DatasetError(f"{file}: cannot be read ({reason or type(error).__name__}): {_WANTED}") from None


def _checked_members(file: Path, archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """The members to read, refused by what their headers promise: a few kilobytes of zip can unpack to terabytes."""
    found = archive.infolist()
    names = [info.filename for info in found]
    name, times = Counter(names).most_common(1)[0] if names else ("", 0)
    if times > 1:
        raise DatasetError(f"{file}: has {times} members {name[:40]!r}, one of each name is allowed: save it again with numpy.savez")
    for key in ("x", "y"):
        if f"{key}.npy" not in names:
            shown = ", ".join(repr(name[:40]) for name in names[:8]) + (", ..." if len(names) > 8 else "")
            raise DatasetError(f"{file}: has no array {key!r} (no member '{key}.npy'; it has {shown or 'none'}): {_WANTED}")
    members = {key: info for key in ("x", "y", "class_names") for info in found if info.filename == f"{key}.npy"}
    total = sum(_declared_bytes(file, archive, info) for info in members.values())
    if total > MEMORY_LIMIT_BYTES:
        raise DatasetError(
            f"{file}: unpacks to {total / 1024**3:.1f} GiB (at least {MODEL_VALUE_BYTES} bytes a value, since models take float32), "
            f"the limit is {MEMORY_LIMIT_BYTES / 1024**3:.1f} GiB: use fewer or smaller examples"
        )
    return members


def _declared_bytes(file: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> int:
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):  # zipfile unpacks the others without a limit
        raise DatasetError(
            f"{file}: member {info.filename!r} is packed with zip method {info.compress_type}, stored or deflated is allowed: "
            "save it again with numpy.savez or numpy.savez_compressed"
        )
    with archive.open(info) as member:
        start = io.BytesIO(member.read(_HEADER_LIMIT_BYTES))  # a header may claim to be 4 GiB long
    version = np.lib.format.read_magic(start)
    # numpy has no public reader for version 3.0 (unicode field names), which plain arrays never need
    read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read_header(start)
    declared = max(dtype.itemsize, MODEL_VALUE_BYTES)
    for side in shape:
        declared *= abs(int(side))  # numpy multiplies negative sides before it refuses them
    return max(declared, info.file_size)


def _checked_x(file: Path, x: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if x.ndim not in (2, 3, 4) or 0 in x.shape:
        raise DatasetError(f"{file}: x has the shape {x.shape}: rank 2 (a table), 3 or 4 (images), and nothing empty, is allowed")
    if x.dtype.kind not in "iuf":
        raise DatasetError(f"{file}: x holds {x.dtype}: whole numbers or floats are allowed: convert it first")
    low, high = x.min(), x.max()  # NaN shows in both
    if not (np.isfinite(low) and np.isfinite(high)):
        bad = int(np.count_nonzero(~np.isfinite(x)))
        raise DatasetError(f"{file}: x has {bad} values that are NaN or infinite, of {x.size}: replace them or drop these examples")
    if x.ndim == 2:
        with np.errstate(over="ignore"):  # an overflow becomes infinite and is reported below
            table = x.astype(np.float32)
        if not np.isfinite(table).all():
            raise DatasetError(f"{file}: x reaches {max(abs(float(low)), abs(float(high))):g}, too large for float32: rescale it")
        return table
    if x.dtype.kind in "iu" and (low < 0 or high > 255):
        raise DatasetError(f"{file}: images of whole numbers must lie in 0..255 and x has {low}..{high}: rescale it to 0..255")
    if x.dtype.kind == "f" and (low < 0 or high > 1):
        raise DatasetError(
            f"{file}: images of floats must lie in 0..1 and x has {low:g}..{high:g}: divide by 255, or store whole numbers 0..255 as uint8"
        )
    if x.ndim == 4 and x.shape[1] in (1, 3) and x.shape[3] > 4:
        raise DatasetError(f"{file}: x has the shape {x.shape}, which looks like channels first: give N x height x width x channels")
    images = x.astype(np.uint8 if x.dtype.kind in "iu" else np.float32)
    return images[..., np.newaxis] if images.ndim == 3 else images


def _checked_row(file: Path, y: npt.NDArray[Any], n: int) -> npt.NDArray[Any]:
    """One finite number per example, whatever it means."""
    flat = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
    if flat.ndim != 1 or len(flat) != n:
        raise DatasetError(f"{file}: y has the shape {y.shape} and x has {n} examples: y must be {n} labels, one per example (not one-hot)")
    if flat.dtype.kind not in "iuf":
        raise DatasetError(f"{file}: y holds {y.dtype}: labels are whole numbers 0..K-1; names go into class_names")
    if not np.isfinite(flat).all():
        row = int(np.argmin(np.isfinite(flat)))
        raise DatasetError(
            f"{file}: y is {flat[row]} in row {row} (from 0): classes are whole numbers 0..K-1, a regression's y is finite: drop such rows"
        )
    return flat


def _checked_truth(file: Path, flat: npt.NDArray[Any], names: npt.NDArray[Any] | None) -> npt.NDArray[np.float64]:
    """The truth of a regression, in its own unit."""
    if names is not None:
        raise DatasetError(f"{file}: has class_names, which a regression has not: leave them out, or leave --task out for classes")
    truth = flat.astype(np.float64)
    row = int(np.abs(truth).argmax())
    if abs(truth[row]) > _LARGEST_Y:
        raise DatasetError(
            f"{file}: y is {truth[row]:g} in row {row} (from 0), at most {_LARGEST_Y:g} can be squared: give it in a larger unit"
        )
    if np.ptp(truth) == 0:
        raise DatasetError(f"{file}: y is {truth[0]:g} in all {len(truth)} rows: there is nothing to learn")
    return truth


def _checked_y(file: Path, flat: npt.NDArray[Any], n: int) -> npt.NDArray[np.int64]:
    other = "; --task regression takes y as numbers"
    if (flat != np.floor(flat)).any():
        odd = flat[flat != np.floor(flat)][0]
        raise DatasetError(f"{file}: y has the label {odd}: labels are whole numbers 0..K-1{other}")
    if flat.min() < 0:
        raise DatasetError(f"{file}: y has the label {flat.min():g}, below 0: labels are whole numbers 0..K-1{other}")
    if flat.max() >= n:
        raise DatasetError(
            f"{file}: y has the label {flat.max():g} and there are {n} examples: labels count classes from 0, without gaps{other}"
        )
    return flat.astype(np.int64)


def _checked_classes(file: Path, names: npt.NDArray[Any] | None, y: npt.NDArray[np.int64]) -> tuple[str, ...]:
    classes = int(y.max()) + 1
    if names is not None:
        if names.ndim != 1 or names.dtype.kind != "U":
            raise DatasetError(f"{file}: class_names must be one row of text, and is {names.dtype} of shape {names.shape}")
        if classes > len(names):
            raise DatasetError(f"{file}: y has the label {classes - 1}, out of range for {len(names)} class names (0..{len(names) - 1})")
        if len(set(names.tolist())) < len(names):
            raise DatasetError(f"{file}: class_names has a name twice: every class needs its own name")
        classes = len(names)
    if classes < 2:
        raise DatasetError(f"{file}: all examples have one class: at least two classes are needed")
    counts = np.bincount(y, minlength=classes)
    if counts.min() == 0:
        missing = int(counts.argmin())
        raise DatasetError(
            f"{file}: class {missing} of 0..{classes - 1} has no example in y: number the classes without gaps, "
            f"at least {PER_CLASS_MINIMUM} examples each; --task regression takes y as numbers"
        )
    return tuple(str(label) for label in (names.tolist() if names is not None else range(classes)))
