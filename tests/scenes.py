"""Photographs of digits on paper, rendered: handwriting of the bundled images, drawn strokes and print, anywhere, large and small, lit in
several ways, as a camera of 640 x 480 would give them and the page would cut and scale them."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from edgewb.sketches import SIDE

KINDS = ("handwriting", "strokes", "print")
LIGHTS = ("even", "slope", "spot", "dim", "shadow")
WIDTH, HEIGHT = 640, 480
_FIELD = 512


def arc(x: float, y: float, wide: float, high: float, begin: float, end: float) -> np.ndarray:
    angles = np.radians(np.linspace(begin, end, 24))
    return np.stack([x + wide * np.cos(angles), y + high * np.sin(angles)], axis=1)


STROKES = {
    0: [arc(0.5, 0.5, 0.33, 0.5, -90, 270)],
    1: [np.array([[0.3, 0.2], [0.55, 0], [0.55, 1]])],
    2: [np.concatenate([arc(0.5, 0.28, 0.35, 0.28, -170, 40), [[0.12, 1.0], [0.9, 1.0]]])],
    3: [np.concatenate([arc(0.45, 0.25, 0.35, 0.25, -150, 80), arc(0.45, 0.74, 0.4, 0.26, -80, 150)])],
    4: [np.array([[0.6, 0], [0.08, 0.68], [0.92, 0.68]]), np.array([[0.68, 0.35], [0.68, 1.0]])],
    5: [np.concatenate([[[0.85, 0], [0.22, 0], [0.17, 0.45]], arc(0.45, 0.69, 0.38, 0.31, -110, 140)])],
    6: [np.concatenate([[[0.72, 0]], arc(0.55, 0.65, 0.42, 0.62, -120, -180), arc(0.5, 0.7, 0.36, 0.3, 180, -180)])],
    7: [np.array([[0.1, 0], [0.9, 0], [0.4, 1.0]])],
    8: [np.concatenate([arc(0.5, 0.25, 0.3, 0.25, 90, 450), arc(0.5, 0.74, 0.36, 0.26, -90, 270)])],
    9: [np.concatenate([arc(0.5, 0.3, 0.34, 0.3, 0, 360), [[0.84, 0.3], [0.78, 0.65], [0.65, 1.0]]])],
}
"""The lines of each digit in a square, x to the right, y down."""


def ink(kind: str, digit: int, example: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The ink of a digit, (512, 512) in 0..1; ``example``: a bundled image (32, 32), of which "handwriting" is made."""
    if kind == "handwriting":
        small = Image.fromarray((example[::4, ::4] * 255).astype(np.uint8))
        smooth = np.asarray(small.resize((384, 384), Image.Resampling.BICUBIC), np.float32) / 255
        return np.pad(1 / (1 + np.exp(-18 * (smooth - 0.45))), 64)
    picture = Image.new("L", (_FIELD, _FIELD), 0)
    draw = ImageDraw.Draw(picture)
    if kind == "print":
        draw.text((_FIELD / 2, _FIELD / 2), str(digit), font=ImageFont.load_default(400), fill=255, anchor="mm")
        return np.asarray(picture, np.float32) / 255
    pen, angle = round(_FIELD * rng.uniform(0.04, 0.14)), np.radians(rng.uniform(-8, 8))
    slant = np.array([[rng.uniform(0.55, 0.95), rng.uniform(-0.18, 0.18)], [0, 1]])
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    for line in STROKES[digit]:
        along = np.linspace(0, 1, len(line))[:, np.newaxis]
        shaky = line - 0.5 + rng.normal(0, 0.012, 2) * np.sin(3 * along) + rng.normal(0, 0.012, 2) * np.cos(5 * along)
        points = ((shaky @ slant.T @ turn.T) * 0.8 + 0.5) * _FIELD
        draw.line([tuple(point) for point in points], fill=255, width=pen, joint="curve")
        for x, y in points:
            draw.ellipse([x - pen / 2, y - pen / 2, x + pen / 2, y + pen / 2], fill=255)
    return np.asarray(picture, np.float32) / 255


def photograph(drawn: np.ndarray, light: str, rng: np.random.Generator, *, light_on_dark: bool = False) -> np.ndarray:
    """What the page sends: (128, 128) uint8. The digit is 30 to 80 % of the picture's height, anywhere where it is whole."""
    size = rng.uniform(0.3, 0.8)
    side = round(size * HEIGHT / 0.8)
    small = Image.fromarray((drawn * 255).astype(np.uint8)).resize((side, side), Image.Resampling.LANCZOS)
    small = small.rotate(rng.uniform(-6, 6), resample=Image.Resampling.BICUBIC)
    room = (HEIGHT - size * HEIGHT - 8) / 2
    covered = Image.new("L", (WIDTH, HEIGHT), 0)
    middle = (WIDTH / 2 + rng.uniform(-room, room), HEIGHT / 2 + rng.uniform(-room, room))
    covered.paste(small, (round(middle[0] - side / 2), round(middle[1] - side / 2)))
    cover = np.asarray(covered, np.float64) / 255
    paper, dark = rng.uniform(0.7, 0.95), rng.uniform(0.08, 0.3)
    if light_on_dark:
        paper, dark = 0.8 * dark, paper
    seen = (paper * (1 - cover) + dark * cover) * _LIGHTS[light](rng) + rng.normal(0, 0.015, cover.shape)
    whole = Image.fromarray((np.clip(seen, 0, 1) * 255).astype(np.uint8))
    left = (WIDTH - HEIGHT) // 2
    return np.asarray(whole.crop((left, 0, left + HEIGHT, HEIGHT)).resize((SIDE, SIDE), Image.Resampling.BILINEAR))


_Y, _X = np.mgrid[0:HEIGHT, 0:WIDTH] / HEIGHT


def _slope(rng: np.random.Generator) -> np.ndarray:
    angle = rng.uniform(0, 2 * np.pi)
    return 1 - 0.5 * (np.cos(angle) * (_X - 0.66) + np.sin(angle) * (_Y - 0.5) + 0.6) / 1.2


def _spot(rng: np.random.Generator) -> np.ndarray:
    x, y = rng.uniform(0.3, 1), rng.uniform(0.2, 0.8)
    return 0.45 + 0.55 * np.exp(-((_X - x) ** 2 + (_Y - y) ** 2) / 0.35)


def _shadow(rng: np.random.Generator) -> np.ndarray:
    return 0.8 + 0.2 * np.tanh((_X + 0.3 * _Y - rng.uniform(0.35, 0.95)) * 40)


_LIGHTS = {
    "even": lambda rng: np.ones_like(_X),
    "slope": _slope,
    "spot": _spot,
    "dim": lambda rng: np.full_like(_X, rng.uniform(0.25, 0.4)),
    "shadow": _shadow,
}
