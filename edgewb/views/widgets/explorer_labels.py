"""Where names stand in the explorer's picture: beside their points, over no other text, across a line only where nothing else is free."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from edgewb.views.tradeoffs import TradeoffInfo

Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""
LETTER = 7.7  # pixels of a letter of 14 px in the fonts that system-ui stands for; wide ones take 8
BOLD_LETTER = 9.2  # of a name that is drawn bold: those that are chosen, and the recommended one
_LINE = 17.0
_ROOM = 14.0  # of a point: the ring about a chosen one and a little air


@dataclass(frozen=True)
class Label:
    """A name: where its text is anchored ("start", "middle", "end"), and the end of a line to its point where it is apart, else None."""

    x: float
    y: float
    anchor: str
    leader: tuple[float, float] | None


def place_labels(
    info: TradeoffInfo,
    centres: dict[str, tuple[float, float]],
    box: Box,
    named: Sequence[str],
    written: tuple[Box, ...],
    lines: tuple[Box, ...],
) -> dict[str, Label]:
    """Where names fit beside what is ``written`` already, and best beside the ``lines``, too.

    They stay where they are whoever is chosen; who is chosen has a bold name, which takes the room of others where it has none.
    """
    ordered = sorted(info.points, key=lambda point: (not point.reference, not point.on_front))
    placed = dict(_place_all(tuple((point.recipe, *centres[point.recipe]) for point in ordered), box, written, lines))
    wanted = [*named, *(point.recipe for point in info.points if point.recommended)]
    bold: dict[str, Label] = {}
    fixed = [*dots_of(centres.values()), *written]
    for recipe in dict.fromkeys(name for name in wanted if name in centres):
        kept = [*fixed, *(area_of(label, name, BOLD_LETTER) for name, label in bold.items())]
        others = [area_of(label, name) for name, label in placed.items() if name != recipe and name not in bold]
        label, at = placed.get(recipe), centres[recipe]
        if label is None or not is_free(area_of(label, recipe, BOLD_LETTER), box, [*kept, *others]):
            tries = (([*kept, *others], True), (kept, True), (kept, False))  # beside its point it may take the room of others
            label = next(
                (found for taken, near in tries if (found := _free_place(recipe, *at, box, taken, lines, BOLD_LETTER, near))), None
            )
        if label is not None:
            bold[recipe] = label
    taken = [area_of(label, name, BOLD_LETTER) for name, label in bold.items()]
    plain = {name: label for name, label in placed.items() if name not in wanted and is_free(area_of(label, name), box, taken)}
    return plain | bold


@functools.lru_cache(maxsize=64)  # a moved slider leaves the points where they are
def _place_all(
    points: tuple[tuple[str, float, float], ...], box: Box, written: tuple[Box, ...], lines: tuple[Box, ...]
) -> tuple[tuple[str, Label], ...]:
    """Labels without an overlap, the first points first; who finds no room goes without."""
    taken, placed = [*dots_of((x, y) for _, x, y in points), *written], []
    for recipe, x, y in points:
        label = _free_place(recipe, x, y, box, taken, lines)
        if label is not None:
            taken.append(area_of(label, recipe))
            placed.append((recipe, label))
    return tuple(placed)


def _free_place(
    recipe: str, cx: float, cy: float, box: Box, taken: Sequence[Box], lines: Sequence[Box], letter: float = LETTER, near: bool = False
) -> Label | None:
    """The first place without another text or a line through it; else the first without another text. ``near``: without a leader."""
    places = [label for label in _places(cx, cy) if not (near and label.leader)]
    free = [label for label in places if is_free(area_of(label, recipe, letter), box, taken)]
    return next((label for label in free if is_free(area_of(label, recipe, letter), box, lines)), next(iter(free), None))


def area_of(label: Label, recipe: str, letter: float = LETTER) -> Box:
    """What a text takes, with letters of this width."""
    wide = letter * len(recipe)
    start = label.x - {"start": 0.0, "middle": wide / 2, "end": wide}[label.anchor]
    return start, label.y - 12, start + wide, label.y + 4


def is_free(area: Box, box: Box, taken: Sequence[Box]) -> bool:
    """Whether it lies inside the box and over none of what is there."""
    inside = box[0] + 2 <= area[0] and area[2] <= box[2] and box[1] <= area[1] and area[3] <= box[3]
    return inside and not any(_overlap(area, other) for other in taken)


def dots_of(centres: Iterable[tuple[float, float]]) -> list[Box]:
    """What the points themselves take."""
    return [(cx - 6, cy - 6, cx + 6, cy + 6) for cx, cy in centres]


def _places(cx: float, cy: float) -> Iterator[Label]:
    """Beside the point, above and below it; then farther away, with a line to it."""
    yield Label(cx + _ROOM, cy + 5, "start", None)
    for dy in (-7, 18):  # where a line goes through the point
        yield Label(cx + _ROOM - 5, cy + dy, "start", None)
    yield Label(cx - _ROOM, cy + 5, "end", None)
    for dy in (-7, 18):
        yield Label(cx - _ROOM + 5, cy + dy, "end", None)
    yield Label(cx, cy - 13, "middle", None)
    yield Label(cx, cy + 24, "middle", None)
    for lines in (1.3, -1.3, 2.3, -2.3, 3.3, -3.3, 4.3, -4.3):
        for side, anchor in ((1, "start"), (-1, "end")):
            x, y = cx + side * 2 * _ROOM, cy + 5 + lines * _LINE
            yield Label(round(x, 1), round(y, 1), anchor, (round(x - side * 3, 1), round(y - 5, 1)))


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
