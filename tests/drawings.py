"""Digits as people draw them with the mouse on the live page's paper: several forms of each, some to choose by, others to judge by."""

from __future__ import annotations

import itertools

import numpy as np
from PIL import Image, ImageDraw
from scenes import STROKES, arc

from edgewb.sketches import SIDE

PAPER, PEN = 320, 22
"""Pixels: as in live.js."""

Line = np.ndarray
"""Points (n, 2) in a square, x to the right, y down."""


def _large(lines: list[Line]) -> list[Line]:
    """Lines that fill their square, with room around."""
    return [(line - 0.5) * 0.72 + 0.5 for line in lines]


def _line(*points: tuple[float, float]) -> Line:
    """Straight from point to point, in steps as a mouse makes them."""
    parts = [np.linspace(begin, end, 10) for begin, end in itertools.pairwise(points)]
    return np.concatenate(parts)


CHOOSING: dict[int, list[list[Line]]] = {
    0: [_large(STROKES[0]), [arc(0.5, 0.5, 0.24, 0.36, -90, -455)]],
    1: [_large(STROKES[1]), [_line((0.52, 0.14), (0.5, 0.86))], [_line((0.36, 0.3), (0.54, 0.14), (0.54, 0.86))]],
    2: [_large(STROKES[2]), [np.concatenate([arc(0.48, 0.32, 0.2, 0.18, -170, 20), _line((0.66, 0.4), (0.3, 0.84), (0.72, 0.84))])]],
    3: [_large(STROKES[3]), [np.concatenate([arc(0.46, 0.31, 0.2, 0.17, -150, 80), arc(0.46, 0.67, 0.23, 0.19, -80, 150)])]],
    4: [
        _large(STROKES[4]),
        [_line((0.56, 0.12), (0.26, 0.58), (0.76, 0.58)), _line((0.6, 0.36), (0.6, 0.88))],
        [_line((0.3, 0.15), (0.28, 0.5), (0.68, 0.5)), _line((0.68, 0.14), (0.66, 0.88))],
    ],
    5: [
        _large(STROKES[5]),
        [np.concatenate([_line((0.36, 0.14), (0.34, 0.46)), arc(0.46, 0.64, 0.22, 0.2, -125, 140)]), _line((0.36, 0.14), (0.7, 0.14))],
    ],
    6: [_large(STROKES[6]), [np.concatenate([arc(0.72, 0.5, 0.42, 0.4, -115, -180), arc(0.5, 0.66, 0.2, 0.2, -180, 180)])]],
    7: [
        _large(STROKES[7]),
        [_line((0.28, 0.16), (0.72, 0.16), (0.44, 0.86))],
        [_line((0.28, 0.16), (0.72, 0.16), (0.44, 0.86)), _line((0.38, 0.52), (0.66, 0.52))],
    ],
    8: [
        _large(STROKES[8]),
        [np.concatenate([arc(0.5, 0.32, 0.17, 0.17, -60, -270), arc(0.5, 0.67, 0.2, 0.19, -90, 270), arc(0.5, 0.32, 0.17, 0.17, 90, -60)])],
    ],
    9: [_large(STROKES[9]), [np.concatenate([arc(0.5, 0.34, 0.2, 0.2, 0, -360), _line((0.7, 0.34), (0.66, 0.86))])]],
}
"""The forms that normalisation and training may look at."""

JUDGING: dict[int, list[list[Line]]] = {
    0: [[arc(0.5, 0.5, 0.3, 0.38, -60, 285)], [arc(0.5, 0.5, 0.17, 0.36, -110, 260)]],
    1: [
        [_line((0.58, 0.12), (0.44, 0.88))],
        [_line((0.3, 0.36), (0.52, 0.12), (0.52, 0.88))],
        [_line((0.4, 0.26), (0.5, 0.13), (0.5, 0.86)), _line((0.32, 0.86), (0.68, 0.86))],
    ],
    2: [
        [np.concatenate([_line((0.28, 0.16), (0.68, 0.16), (0.3, 0.84)), _line((0.3, 0.84), (0.74, 0.84))])],
        [
            np.concatenate(
                [
                    arc(0.5, 0.3, 0.2, 0.17, -190, 50),
                    _line((0.62, 0.44), (0.36, 0.74)),
                    arc(0.36, 0.79, 0.08, 0.06, 90, 330)[::-1],
                    _line((0.42, 0.76), (0.56, 0.86), (0.74, 0.82)),
                ]
            )
        ],
    ],
    3: [
        [np.concatenate([_line((0.3, 0.14), (0.7, 0.14), (0.46, 0.42)), arc(0.46, 0.64, 0.24, 0.22, -90, 140)])],
        [np.concatenate([arc(0.48, 0.32, 0.16, 0.2, -140, 70), arc(0.46, 0.68, 0.19, 0.19, -70, 160)])],
    ],
    4: [
        [np.concatenate([_line((0.34, 0.14), (0.26, 0.44)), arc(0.46, 0.4, 0.2, 0.12, 160, 20)]), _line((0.72, 0.12), (0.6, 0.9))],
        [_line((0.26, 0.14), (0.26, 0.56), (0.8, 0.56)), _line((0.62, 0.3), (0.62, 0.88))],
        [_line((0.66, 0.88), (0.66, 0.12), (0.2, 0.62), (0.84, 0.62))],
    ],
    5: [
        [np.concatenate([_line((0.72, 0.14), (0.34, 0.16), (0.3, 0.44)), arc(0.44, 0.63, 0.26, 0.23, -120, 150)])],
        [
            np.concatenate(
                [arc(0.56, 0.24, 0.2, 0.12, -20, -170), _line((0.36, 0.26), (0.36, 0.44)), arc(0.46, 0.64, 0.22, 0.22, -110, 160)]
            )
        ],
    ],
    6: [
        [np.concatenate([_line((0.62, 0.1), (0.34, 0.56)), arc(0.5, 0.66, 0.19, 0.2, -150, 200)])],
        [np.concatenate([arc(0.6, 0.42, 0.28, 0.3, -60, -190), arc(0.5, 0.66, 0.2, 0.2, 190, 530)])],
    ],
    7: [
        [_line((0.26, 0.24), (0.26, 0.14), (0.74, 0.14), (0.4, 0.88))],
        [np.concatenate([_line((0.24, 0.16), (0.74, 0.14)), arc(0.86, 0.86, 0.36, 0.72, -110, -180)])],
        [_line((0.24, 0.14), (0.72, 0.14), (0.5, 0.88)), _line((0.4, 0.5), (0.72, 0.46))],
    ],
    8: [
        [arc(0.5, 0.3, 0.16, 0.17, 0, 360), arc(0.5, 0.66, 0.2, 0.2, -90, 270)],
        [
            np.concatenate(
                [
                    arc(0.5, 0.31, 0.18, 0.18, -30, -200),
                    _line((0.34, 0.38), (0.66, 0.6)),
                    arc(0.5, 0.67, 0.19, 0.19, -20, 200),
                    _line((0.34, 0.6), (0.66, 0.24)),
                ]
            )
        ],
    ],
    9: [
        [np.concatenate([arc(0.5, 0.32, 0.2, 0.19, -30, -350), _line((0.7, 0.26), (0.52, 0.88))])],
        [np.concatenate([arc(0.48, 0.34, 0.19, 0.2, 10, -350), _line((0.68, 0.3), (0.68, 0.66)), arc(0.5, 0.68, 0.18, 0.2, 0, 140)])],
    ],
}
"""Other forms, for the figures alone."""

WAYS: dict[str, dict[str, float]] = {
    "large": {"size": 1.0, "shake": 3},
    "small, in a corner": {"size": 0.45, "shift": -0.2, "shake": 1.5},
    "leaning forwards": {"size": 0.85, "lean": 0.3, "shake": 3},
    "leaning backwards": {"size": 0.85, "lean": -0.2, "shake": 3},
    "shaky": {"size": 1.0, "shake": 8},
}
"""``size`` and ``shift`` in shares of the paper, ``lean`` in widths per height, ``shake`` in pixels of the paper."""


def bend(lines: list[Line], rng: np.random.Generator) -> list[Line]:
    """Another hand: turned by up to 12 degrees, wider or narrower, and bent smoothly by some hundredths of its size."""
    turn, wide = np.radians(rng.uniform(-12, 12)), rng.uniform(0.7, 1.25)
    turning = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) * [wide, 1]
    waves, phases, amounts = rng.uniform(2, 7, (2, 2, 2)), rng.uniform(0, 2 * np.pi, (2, 2)), rng.normal(0, 0.025, (2, 2))
    bent = []
    for line in lines:
        points = (np.asarray(line) - 0.5) @ turning.T
        along = np.sin(np.einsum("nc,wkc->nwk", points, waves) + phases)
        bent.append(points + np.einsum("nwk,wk->nk", along, amounts) + 0.5)
    return bent


def draw(
    lines: list[Line],
    rng: np.random.Generator,
    *,
    size: float = 1.0,
    shift: float = 0.0,
    lean: float = 0.0,
    shake: float = 0.0,
    pen: float = PEN,
) -> np.ndarray:
    """The paper as the page sends it: (128, 128) uint8."""
    finer = 2
    picture = Image.new("L", (PAPER * finer, PAPER * finer), 255)
    thick, brush = round(pen * finer), ImageDraw.Draw(picture)
    for line in lines:
        points = np.asarray(line) - 0.5
        points = points + lean * np.stack([-points[:, 1], np.zeros(len(points))], axis=1)
        places = ((points * size + 0.5 + shift) * PAPER + rng.uniform(-shake, shake, points.shape)) * finer
        brush.line([tuple(place) for place in places], fill=17, width=thick, joint="curve")
        for x, y in places:
            brush.ellipse([x - thick / 2, y - thick / 2, x + thick / 2, y + thick / 2], fill=17)
    return np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.BOX))
