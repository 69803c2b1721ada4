"""Models a reader may bring that are no plain classifier, built byte by byte, and files that are none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import made_regressions
from builders import ALL, Builder


def two_inputs() -> bytes:
    """Two images, added; one output of ten."""
    b = Builder()
    left, right = b.tensor("left", (1, 8, 8, 3)), b.tensor("right", (1, 8, 8, 3))
    x = b.dense(b.flatten(b.add(b.conv(left, 4), b.conv(right, 4))), 10)
    return b.build([left, right], [x])


def detector() -> bytes:
    """One image, two outputs."""
    b = Builder()
    source = b.tensor("image", (1, 8, 8, 3))
    x = b.conv(source, 4)
    return b.build([source], [b.conv(x, 4), b.conv(x, 2)])


def segmentation() -> bytes:
    """Two values for each pixel."""
    b = Builder()
    source = b.tensor("image", (1, 8, 8, 3))
    return b.build([source], [b.conv(source, 2)])


def image_regression() -> bytes:
    """One number for an image."""
    b = Builder()
    source = b.tensor("image", (1, 8, 8, 1))
    return b.build([source], [b.dense(b.flatten(b.conv(source, 4)), 1)])


def _half() -> bytes:
    content = ALL["int8_conv"]()
    return content[: len(content) // 2]


MADE: dict[str, Callable[[], bytes]] = {
    "two_inputs": two_inputs,
    "detector": detector,
    "segmentation": segmentation,
    "image_regression": image_regression,
    "regression": lambda: made_regressions.linear_net(made_regressions.WEIGHTS, made_regressions.MEAN),
    "half": _half,
    "empty": lambda: b"",
    **ALL,
}


def write(folder: Path, name: str) -> Path:
    """The model of that name as a file; "missing" is the path of no file."""
    path = folder / f"{name}.tflite"
    if name != "missing":
        path.write_bytes(MADE[name]())
    return path
