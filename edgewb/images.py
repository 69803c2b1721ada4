"""Read a folder with one sub-folder of images per class."""

from __future__ import annotations

import os
import stat
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgewb.errors import DatasetError, require
from edgewb.splits import PER_CLASS_MINIMUM, Content

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp")
MEMORY_LIMIT_BYTES = 2 * 1024**3
MODEL_VALUE_BYTES = 4  # models are fed float32: memory is counted for those copies, also where one byte a value is kept
PIXEL_LIMIT = 50_000_000  # of one image; a larger one is a decompression bomb or a mistake
DEFAULT_IMAGE_SIZE = (64, 64, 3)
_SIDE_LIMIT = 4096
_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP")


def read_folder(folder: Path, image_size: tuple[int, int, int] | None = None) -> Content:
    """All images of a folder, as uint8 (N, height, width, channels), classes in alphabetical order as Keras has them.

    Images are turned upright by their EXIF orientation, converted to RGB or grey, and resized (not cropped) with a
    bilinear filter widened for reduction, so that fine patterns do not alias. Hidden files and folders are ignored; of
    other files that are no images the number is noted.

    Args:
        folder: holds one sub-folder per class; images may lie deeper in a sub-folder.
        image_size: (height, width, channels) of the result, channels 1 (grey) or 3 (RGB); 64 x 64 x 3 by default.

    Raises:
        DatasetError: fewer than two classes, an empty class, an unreadable image, too little or too much of it.
    """
    size = _checked_size(image_size)
    class_folders = sorted((p for p in folder.iterdir() if p.is_dir() and not _ignored(p.name)), key=lambda p: p.name)
    if len(class_folders) < 2:
        found = f"only {class_folders[0].name!r}" if class_folders else "none"
        raise DatasetError(f"{folder}: needs at least two sub-folders, one per class, and has {found}: sort the images into sub-folders")
    strays = sum(p.is_file() and not _ignored(p.name) for p in folder.iterdir())
    files: list[Path] = []
    labels: list[int] = []
    for label, class_folder in enumerate(class_folders):
        images, others = _list_images(class_folder)
        strays += others
        if not images:
            raise DatasetError(
                f"{folder}: class {class_folder.name!r} has no image ({', '.join(IMAGE_SUFFIXES)}): add images or remove the sub-folder"
            )
        files += images
        labels += [label] * len(images)
    _check_amount(folder, len(files), len(class_folders), size)

    x = np.empty((len(files), *size), dtype=np.uint8)
    for row, file in enumerate(files):
        x[row] = _read_image(file, folder, size)
    notes = (f"{strays} files that are no images of a class were ignored",) if strays else ()
    return Content(x, np.array(labels, dtype=np.int64), tuple(p.name for p in class_folders), notes)


def _ignored(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"  # the latter is left behind by archives made on a Mac


def _list_images(class_folder: Path) -> tuple[list[Path], int]:
    images: list[Path] = []
    others = 0
    for here, folders, names in os.walk(class_folder):
        folders[:] = sorted(name for name in folders if not _ignored(name))
        for name in sorted(names):
            if _ignored(name):
                continue
            if name.lower().endswith(IMAGE_SUFFIXES):
                images.append(Path(here, name))
            else:
                others += 1
    return images, others


def _checked_size(image_size: tuple[int, int, int] | None) -> tuple[int, int, int]:
    if image_size is None:
        return DEFAULT_IMAGE_SIZE
    size = tuple(image_size)
    sound = len(size) == 3 and all(isinstance(v, int | np.integer) for v in size)
    if not sound or not (1 <= size[0] <= _SIDE_LIMIT and 1 <= size[1] <= _SIDE_LIMIT and size[2] in (1, 3)):
        shown = " x ".join(str(value) for value in size)
        raise DatasetError(f"image size {shown}: height x width x channels wanted, sides 1 to {_SIDE_LIMIT}, channels 1 (grey) or 3 (RGB)")
    return int(size[0]), int(size[1]), int(size[2])


def _check_amount(folder: Path, n: int, classes: int, size: tuple[int, int, int]) -> None:
    if n < PER_CLASS_MINIMUM * classes:
        raise DatasetError(
            f"{folder}: {n} images of {classes} classes are too few: every class needs at least {PER_CLASS_MINIMUM} "
            f"(one each for train, calibration, validation and test), so {PER_CLASS_MINIMUM * classes}: add images"
        )
    needed = n * size[0] * size[1] * size[2] * MODEL_VALUE_BYTES
    if needed > MEMORY_LIMIT_BYTES:
        raise DatasetError(
            f"{folder}: {n} images of {size[0]} x {size[1]} x {size[2]} take {needed / 1024**3:.1f} GiB of memory "
            f"({MODEL_VALUE_BYTES} bytes a value, since models take float32), the limit is {MEMORY_LIMIT_BYTES / 1024**3:.1f} GiB: "
            "use a smaller image size or fewer images"
        )


def _read_image(file: Path, folder: Path, size: tuple[int, int, int]) -> npt.NDArray[np.uint8]:
    image_module = require("PIL.Image", "data", "to read images")
    operations = require("PIL.ImageOps", "data", "to read images")
    shown = file.relative_to(folder)
    height, width, channels = size
    try:
        if not stat.S_ISREG(file.stat().st_mode):  # opening a pipe would wait for ever
            raise DatasetError(f"{folder}: image {str(shown)!r} is a pipe or a device, only regular files are read: remove it")
        # Pillow only warns of images up to twice its own limit; the one here is stricter and an error.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            opened = image_module.open(file, formats=_FORMATS)
            with opened as image:
                if image.width * image.height > PIXEL_LIMIT:
                    raise DatasetError(
                        f"{folder}: image {str(shown)!r} has {image.width} x {image.height} pixels, at most {PIXEL_LIMIT:,} are read: "
                        "make it smaller or remove it"
                    )
                # A JPEG can be decoded at a half, a quarter or an eighth at once: much faster, and still twice as fine as needed.
                image.draft(None, (2 * max(height, width), 2 * max(height, width)))
                pixels = _eight_bit(operations.exif_transpose(image), image_module).convert("L" if channels == 1 else "RGB")
        resized = pixels.resize((width, height), image_module.Resampling.BILINEAR)
    except DatasetError:
        raise
    except image_module.DecompressionBombError:
        raise DatasetError(f"{folder}: image {str(shown)!r} has more than {PIXEL_LIMIT:,} pixels: make it smaller or remove it") from None
    except Exception as error:  # Pillow's decoders raise OSError, ValueError, SyntaxError, struct.error and more on damaged files
        reason = " ".join(str(error).split()).replace(str(file), str(shown)) or type(error).__name__
        raise DatasetError(f"{folder}: image {str(shown)!r} cannot be read ({reason}): replace it or remove it") from None
    return np.asarray(resized, dtype=np.uint8).reshape(size)


def _eight_bit(image: Any, image_module: Any) -> Any:
    """The same image with 8 bits a channel: Pillow itself clips 16-bit grey at 255 and so turns nearly all of it white."""
    if not image.mode.startswith("I"):
        return image
    wide = np.asarray(image).astype(np.int64)
    return image_module.fromarray(np.clip(wide >> 8, 0, 255).astype(np.uint8))
