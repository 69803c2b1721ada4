"""A folder of images as edgewb reads them, to look at and to copy the form of; and any such folder in words."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from edgewb.bundles import bundled_test_images
from edgewb.errors import DatasetError, require
from edgewb.images import IMAGE_SUFFIXES
from edgewb.locations import write_whole


def write_example_folder(out: str | Path = "../runs/course/photos", per_class: int = 24) -> Path:
    """Write some of the bundled test images of digits as PNG files, one sub-folder per class; files that are there are written anew.

    Args:
        out: the folder; it is made where it does not exist.
        per_class: images of each class, as far as there are so many.

    Returns:
        The folder.

    Raises:
        StorageError: it cannot be written.
    """
    image = require("PIL.Image", "data", "to write images")
    split = bundled_test_images()
    chosen = sorted(int(index) for label in np.unique(split.y) for index in np.flatnonzero(split.y == label)[:per_class])
    for number in chosen:
        label = split.y[number]
        grey = np.round(255 * split.x[number, ..., 0]).astype(np.uint8)
        content = io.BytesIO()
        image.fromarray(grey).save(content, format="PNG")
        write_whole(Path(out) / str(label) / f"{number:04d}.png", content.getvalue())
    return Path(out)


def describe_folder(folder: str | Path) -> str:
    """A folder of classes as a tree: each class with how many images it has and the first of them.

    Raises:
        DatasetError: it is no folder, or has no sub-folder.
    """
    place = Path(folder)
    if not place.is_dir():
        raise DatasetError(f"{str(folder)!r} is no folder: give one with a sub-folder of images per class")
    classes = sorted(one for one in place.iterdir() if one.is_dir() and not one.name.startswith("."))
    if not classes:
        raise DatasetError(f"{str(folder)!r} has no sub-folder: sort the images into one per class")
    lines = [f"{place.name}/"]
    for one in classes:
        images = sorted(path.name for path in one.rglob("*") if path.suffix.lower() in IMAGE_SUFFIXES)
        first = f": {images[0]}, ..." if len(images) > 1 else f": {images[0]}" if images else ""
        lines.append(f"    {one.name}/  {len(images)} image{'s' * (len(images) != 1)}{first}")
    return "\n".join(lines)
