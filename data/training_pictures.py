"""What the net for drawings and the camera is trained on: digits drawn by line, handwriting of the train split photographed and as it is.

What is drawn or photographed passes through ``edgewb.sketches`` as a visitor's picture does. Of the drawn forms those for choosing alone
are used.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
import drawings
import scenes

from edgewb.datasets import load_dataset
from edgewb.sketches import read_sketch


def training_pictures(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Half drawn, three eighths photographed, one eighth as they are.

    Returns:
        x (up to n, 32, 32, 1) float32 in 0..1, y int64; pictures in which nothing was found are left out.
    """
    rng, written = np.random.default_rng(seed), load_dataset("digits").train
    x, y = [], []
    for number in range(n):
        place = int(rng.integers(len(written.x)))
        digit = int(rng.integers(10)) if number % 2 else int(written.y[place])
        if number % 8 == 0:
            fed = written.x[place]
        else:
            fed = read_sketch(_drawn(digit, rng) if number % 2 else _photographed(written.x[place, :, :, 0], digit, rng))
        if fed is not None:
            x.append(fed)
            y.append(digit)
    return np.stack(x), np.array(y, np.int64)


def _drawn(digit: int, rng: np.random.Generator) -> np.ndarray:
    forms = drawings.CHOOSING[digit]
    lines = drawings.bend(forms[int(rng.integers(len(forms)))], rng)
    size = rng.uniform(0.4, 1.0)
    room = (1 - size) / 2.5
    shift, lean, shake, pen = rng.uniform(-room, room), rng.uniform(-0.3, 0.4), rng.uniform(0, 7) * size, rng.uniform(12, 34) * size**0.5
    return drawings.draw(lines, rng, size=size, shift=shift, lean=lean, shake=shake, pen=pen)


def _photographed(example: np.ndarray, digit: int, rng: np.random.Generator) -> np.ndarray:
    drawn = scenes.ink("handwriting", digit, example, rng)
    lean, side = rng.uniform(-0.25, 0.25), drawn.shape[0]
    leaning = Image.fromarray((drawn * 255).astype(np.uint8)).transform(
        (side, side), Image.Transform.AFFINE, (1, lean, -lean * side / 2, 0, 1, 0), Image.Resampling.BILINEAR
    )
    return scenes.photograph(np.asarray(leaning, np.float32) / 255, str(rng.choice(scenes.LIGHTS)), rng)
