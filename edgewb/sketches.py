"""A digit in a picture, brought to the form of the bundled ones: found, cut out, enlarged, thinned or thickened, counted in cells.

The bundled digits are 32 x 32 bitmaps of handwriting, each as high as its field, of which the dark points of every 4 x 4 cell were counted
(E. Alpaydin and C. Kaynak, doi:10.24432/C50P49). Ink covers a share of 0.305 of the field on average (312 points), 0.29 to 0.33 from class
to class, and the digits are mostly 4 to 6 of the 8 cells wide (validation split, n = 200). What is found in a picture is made so, too.
Plain numpy: this runs in a dashboard's kernel, which scipy.ndimage would enlarge by 17 MB.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from edgewb.errors import InputError

SIDE: Final = 128
"""Sides of the pictures that are taken, in pixels."""
_FIELD, _CELL = 32, 4
_INK_POINTS: Final = 312
_MOST_MARGIN: Final = 6
_WIDEST, _NARROWEST, _BAR = 0.69, 0.6, 0.3
"""Widths as shares of the height. What is wider is made narrower, what is narrower wider, but for a bar, as a 1 may be: handwriting differs
in width more than the bundled digits do. Chosen with the demo's net, on drawn digits twice as high as wide (of 200, 171 were read, 97
without), on ones as wide as high (157, 133), and on handwriting of the validation split (189, 183). Sheared
upright by second moments, in part or whole, 337 to 377 of 460 drawings were read (363 as they are), and 183 to 196 of 200 of this
handwriting (194): not worth it."""
_BLUR: Final = 1.0
"""Before the darkest points are taken: joins what a thin pen left apart. 0.8 to 1.4 made no difference on the validation split."""
_LEAST_CONTRAST: Final = 0.15
"""Of ink to paper, as a share of the paper's brightness: below it there is nothing to read."""
_LEAST_POINTS: Final = 12
_TRIES: Final = 4

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


def read_sketch(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32] | None:
    """What the digits net is fed for a picture; None where no digit stands out.

    Args:
        picture: (128, 128) of uint8, dark on light or light on dark, anywhere, at least some 16 pixels high.

    Returns:
        (32, 32, 1) of float32 in 0..1, ink bright, as ``load_dataset("digits")`` has them.

    Raises:
        InputError: another shape or type.
    """
    if picture.shape != (SIDE, SIDE) or picture.dtype != np.uint8:
        raise InputError(f"a picture of {SIDE} x {SIDE} uint8 is wanted, and {picture.dtype} of shape {picture.shape} was given")
    found = find_ink(picture / 255.0)
    if found is None:
        return None
    return count_cells(found).astype(np.float32).repeat(_CELL, axis=0).repeat(_CELL, axis=1)[..., np.newaxis]


def find_ink(picture: Floats) -> Floats | None:
    """The ink of the most prominent mark, cut out: (height, width) in 0..1; None where there is none.

    A mark that reaches the edge of the picture (a shadow, a finger, the edge of the paper) is taken only where there is no other.

    Args:
        picture: (128, 128) in 0..1.
    """
    ink = _ink(1 - picture if _is_light_on_dark(picture) else picture)
    mask: Mask = np.greater(ink, _threshold(ink))
    if mask.all() or not mask.any() or ink[mask].mean() - ink[~mask].mean() < _LEAST_CONTRAST:
        return None
    # Whether points hang together is asked at half the size: nothing is lost, and it takes a quarter of the time.
    coarse, amount = np.asarray(_blocks(mask, 2).any(axis=2)), _blocks(ink, 2).mean(axis=2)
    chosen = _most_prominent(coarse, amount)
    if chosen is None:
        return None
    near = _spread(_spread(chosen)) if chosen.sum() > 4 * _LEAST_POINTS else _spread(chosen)
    kept = np.clip(ink / np.percentile(ink[mask], 75), 0, 1) * near.repeat(2, axis=0).repeat(2, axis=1)
    inside = np.ix_(*(_stretch(np.asarray((kept > 0.4).any(axis=axis))) for axis in (1, 0)))
    return kept[inside]


def count_cells(ink: Floats) -> Floats:
    """Shares of dark points in 8 x 8 cells, 0..1 in steps of 1/16, of ink cut out of a picture: (height, width) in 0..1.

    Strokes are made as thick as those of the bundled digits. A thin one grows by that, so it is drawn so much smaller that it just fills
    the field then.
    """
    points = _points(ink, 0)
    for margin in range(1, _MOST_MARGIN + 1):
        smaller = _points(ink, margin)
        if smaller.any(axis=1).sum() < _FIELD - 1:
            break
        points = smaller
    shares: Floats = _blocks(points, _CELL).mean(axis=2)
    return shares


def _points(ink: Floats, margin: int) -> Mask:
    """The darkest points of a field in which the ink stands with so much room above and below."""
    tall = _FIELD - 2 * margin
    width = min(_WIDEST, ink.shape[1] / ink.shape[0])
    wide = max(3, int(tall * (max(width, _NARROWEST) if width > _BAR else width) + 0.5))
    field = np.zeros((_FIELD, _FIELD))
    left = (_FIELD - wide) // 2
    field[margin : margin + tall, left : left + wide] = _resized(_resized(ink, tall).T, wide).T
    smooth = _blurring(_FIELD, _BLUR)
    blurred = smooth @ field @ smooth.T
    darkest = np.partition(blurred.ravel(), -_INK_POINTS)[-_INK_POINTS]
    points: Mask = blurred >= max(darkest, 1e-3)
    return points


def _is_light_on_dark(picture: Floats) -> bool:
    """By the skewness of what a plane of light leaves: marks cover less than their ground."""
    small = _blocks(picture, 4).mean(axis=2)
    y, x = np.mgrid[-1 : 1 : small.shape[0] * 1j, -1 : 1 : small.shape[1] * 1j]
    columns, values = np.stack([np.ones(small.size), x.ravel(), y.ravel()], axis=1), small.ravel()
    ground = np.ones(small.size, dtype=bool)
    for _ in range(3):
        plane = np.linalg.lstsq(columns[ground], values[ground], rcond=None)[0]
        off = values - columns @ plane
        ground = np.abs(off) <= 2.5 * (1.4826 * np.median(np.abs(off[ground])) + 1e-3)
    return bool((off**3).sum() > 0)


def _ink(picture: Floats) -> Floats:
    """How much darker than the paper around it each point is, as a share: the paper is a closing of the bright part of cells."""
    cells = np.percentile(_blocks(picture, 8), 85, axis=2)
    reach = 2
    paper = -_highest(-_highest(cells, reach), reach)
    smooth = _blurring(len(cells), 0.8)
    enlarge = _interpolation(len(picture), len(cells))
    ground = enlarge @ (smooth @ paper @ smooth.T) @ enlarge.T
    share: Floats = np.clip((ground - picture) / np.maximum(ground, 0.05), 0, 1)
    return share


def _threshold(values: Floats) -> float:
    """Between two heaps of values in 0..1 (N. Otsu, IEEE Trans. Syst. Man Cybern. 9 (1979) 62-66)."""
    counts, edges = np.histogram(values, 64, (0, 1))
    below = np.cumsum(counts)[:-1].astype(float)
    sums = np.cumsum(counts * (edges[:-1] + edges[1:]) / 2)
    apart = (sums[-1] * below / values.size - sums[:-1]) ** 2 / np.maximum(below * (values.size - below), 1)
    best = np.flatnonzero(apart >= 0.999 * apart.max())
    return float(edges[1:][int(best.mean())])


def _most_prominent(mask: Mask, amount: Floats) -> Mask | None:
    """The points that hang together around the most ink, and what lies close by: the bar of a 5 that does not touch the rest."""
    smooth = _blurring(len(mask), 3)
    prominence, left = smooth @ (amount * mask) @ smooth.T, mask
    at_edge: Mask | None = None
    for _ in range(_TRIES):
        if not left.any():
            break
        seed = np.zeros_like(mask)
        seed[np.unravel_index(np.argmax(np.where(left, prominence, -1)), mask.shape)] = True
        grown = _grown(seed, left)
        left = left & ~grown
        if grown.sum() < _LEAST_POINTS:
            continue
        if not (grown[[0, -1]].any() or grown[:, [0, -1]].any()):
            return grown | (left & _around(grown))
        at_edge = grown if at_edge is None else at_edge
    return at_edge


def _around(mask: Mask) -> Mask:
    """The box of a mask, an eighth of its size larger on each side."""
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    more = max(rows[-1] - rows[0], columns[-1] - columns[0]) // 8
    box = np.zeros_like(mask)
    box[max(0, rows[0] - more) : rows[-1] + more + 1, max(0, columns[0] - more) : columns[-1] + more + 1] = True
    return box


def _grown(seed: Mask, within: Mask) -> Mask:
    """All points of ``within`` that hang together with the seed, corners counting."""
    size = 0
    while (now := int(seed.sum())) > size:
        size, seed = now, _spread(_spread(seed) & within) & within
    return seed


def _spread(mask: Mask) -> Mask:
    """A mask and its neighbours, corners counting."""
    high = mask.copy()
    high[1:] |= mask[:-1]
    high[:-1] |= mask[1:]
    wide = high.copy()
    wide[:, 1:] |= high[:, :-1]
    wide[:, :-1] |= high[:, 1:]
    return wide


def _stretch(present: Mask) -> npt.NDArray[np.intp]:
    places = np.flatnonzero(present)
    return np.arange(places[0], places[-1] + 1) if len(places) else np.arange(len(present))


def _blocks(values: npt.NDArray[Any], side: int) -> npt.NDArray[Any]:
    """(height, width) as (height / side, width / side, side * side)."""
    rows, columns = values.shape[0] // side, values.shape[1] // side
    return values.reshape(rows, side, columns, side).swapaxes(1, 2).reshape(rows, columns, side * side)


def _highest(cells: Floats, reach: int) -> Floats:
    padded = np.pad(cells, reach, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (2 * reach + 1, 2 * reach + 1))
    highest: Floats = windows.max(axis=(2, 3))
    return highest


def _resized(values: Floats, rows: int) -> Floats:
    """Averages over equal parts of the first axis."""
    height = len(values)
    sums = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
    edges = np.linspace(0, height, rows + 1)
    low = np.minimum(edges.astype(int), height - 1)
    part = (edges - low)[:, np.newaxis]
    averages: Floats = np.diff(sums[low] * (1 - part) + sums[low + 1] * part, axis=0) * (rows / height)
    return averages


@cache
def _blurring(size: int, width: float) -> Floats:
    """A matrix that blurs a column by a Gaussian."""
    places = np.arange(size)
    weights: Floats = np.exp(-0.5 * ((places[:, np.newaxis] - places) / width) ** 2)
    weights /= weights.sum(axis=1, keepdims=True)
    return weights


@cache
def _interpolation(size: int, cells: int) -> Floats:
    """A matrix that enlarges a column of cells linearly between their middles."""
    places = np.clip((np.arange(size) + 0.5) * cells / size - 0.5, 0, cells - 1)
    low = np.minimum(places.astype(int), cells - 2)
    weights = np.zeros((size, cells))
    weights[np.arange(size), low] = 1 - (places - low)
    weights[np.arange(size), low + 1] = places - low
    return weights
