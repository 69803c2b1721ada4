"""The explorer's picture in pixels: axes, where each variant is drawn, and which names fit beside their points. The template draws it."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from edgewb.records.columns import three_digits
from edgewb.views.tradeoffs import TradeoffInfo, TradeoffPoint

Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""
_LETTER = 7.7  # pixels of a letter of 14 px in the fonts that system-ui stands for; wide ones take 8
_LINE = 17.0
_ROOM = 11.0  # of a point: its radius and a little air
_LOG_FROM = 10.0
"""A cost that spans more than this many times itself is drawn on a logarithmic axis."""


@dataclass(frozen=True)
class Tick:
    at: float
    text: str


@dataclass(frozen=True)
class Label:
    """A name: where its text is anchored ("start", "middle", "end"), and the end of a line to its point where it is apart, else None."""

    x: float
    y: float
    anchor: str
    leader: tuple[float, float] | None


@dataclass(frozen=True)
class Mark:
    """A variant: ``x``, ``y`` of its point, ends of its intervals (those of the cost None without one), where its name goes, if anywhere.

    ``shape`` is "reference", "recommended", "front" or "beaten".
    """

    point: TradeoffPoint
    x: float
    y: float
    top: float
    bottom: float
    left: float | None
    right: float | None
    shape: str
    label: Label | None
    text: str


@dataclass(frozen=True)
class Chart:
    """A drawing of ``width`` x ``height`` pixels; the plot itself lies between ``x0``..``x1`` and ``y0`` (top)..``y1``."""

    name: str
    width: float
    height: float
    x0: float
    x1: float
    y0: float
    y1: float
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    marks: tuple[Mark, ...]
    front: str
    floor: float | None
    x_title: tuple[str, ...]
    y_title: str
    logarithmic: bool


class Scale:
    """Values to pixels, linearly or by their logarithm, with some air at both ends."""

    def __init__(self, low: float, high: float, start: float, end: float, logarithmic: bool = False, air: float = 0.06) -> None:
        self.logarithmic = logarithmic
        first, last = (math.log10(low), math.log10(high)) if logarithmic else (low, high)
        if last - first < 1e-9 * max(1.0, abs(last)):
            spread = abs(first) * 0.1 or 0.1
            first, last = first - spread, last + spread
        extra = air * (last - first)
        self._first, self._last = first - extra, last + extra
        self._start, self._end = start, end

    def __call__(self, value: float) -> float:
        at = math.log10(value) if self.logarithmic else value
        return round(self._start + (at - self._first) / (self._last - self._first) * (self._end - self._start), 1)

    def ticks(self, most: int) -> tuple[Tick, ...]:
        """Round values inside the axis, at most so many."""
        if self.logarithmic:
            return tuple(Tick(self(value), f"{value:.10g}") for value in self._log_values(most))
        values = self._linear_values(most)
        decimals = max((len(f"{value:.10g}".partition(".")[2]) for value in values), default=0)  # as many on each tick
        return tuple(Tick(self(value), f"{value:.{decimals}f}") for value in values)

    def _linear_values(self, most: int) -> list[float]:
        span = self._last - self._first
        power = 10.0 ** math.floor(math.log10(span / most))
        step = next(s * power for s in (1, 2, 2.5, 5, 10, 20) if span / (s * power) <= most)
        first = math.ceil(self._first / step)
        return [i * step for i in range(first, math.floor(self._last / step) + 1)]

    def _log_values(self, most: int) -> list[float]:
        decades = range(math.floor(self._first), math.ceil(self._last) + 1)
        for steps in ((1, 1.5, 2, 3, 5, 7), (1, 2, 5), (1, 3), (1,)):
            values = [s * 10.0**d for d in decades for s in steps if self._first <= math.log10(s) + d <= self._last]
            if len(values) <= most:
                break
        return values[:: max(1, math.ceil(len(values) / most))]


def draw_chart(info: TradeoffInfo, name: str, width: int, height: int, named: Sequence[str] = ()) -> Chart:
    """Lay the picture out.

    Args:
        name: of this drawing, which tells its elements from those of another one on the same page.
        named: recipes whose name has to be there, as that of the recommended one has.
    """
    left, right, top = 58.0, width - 14.0, 14.0
    x_title = _x_title(info, width)
    bottom = height - 30.0 - _LINE * len(x_title)
    # A reference that lies outside costs no room: the line of the budget is drawn where it falls inside.
    lows, highs = [p.score.low_percent for p in info.points], [p.score.high_percent for p in info.points]
    y = Scale(min(lows), max(highs), bottom, top, air=0.04)
    ends = [v for p in info.points for v in (p.cost.low, p.cost.value, p.cost.high) if v is not None]
    logarithmic = min(ends) > 0 and max(ends) > _LOG_FROM * min(ends)
    x = Scale(min(ends), max(ends), left, right, logarithmic)
    floor = None if info.floor_percent is None else y(info.floor_percent)
    return Chart(
        name=name,
        width=width,
        height=height,
        x0=left,
        x1=right,
        y0=top,
        y1=bottom,
        x_ticks=x.ticks(5 if width < 500 else 8),
        y_ticks=y.ticks(6),
        marks=_marks(info, x, y, (left, top, right, bottom), named),
        front=_front_path(info, x, y, right),
        floor=floor if floor is not None and top < floor < bottom else None,
        x_title=x_title,
        y_title=f"{info.measure} in %, 95 % interval",
        logarithmic=logarithmic,
    )


def describe_point(point: TradeoffPoint, info: TradeoffInfo) -> str:
    """A variant in words, for who does not see where it lies."""
    score, cost = point.score, point.cost
    text = f"{point.recipe}: {info.measure} {score.percent:.1f} % (95 % interval {score.low_percent:.1f} to {score.high_percent:.1f}, "
    text += f"n = {score.n}, {score.basis}); {info.cost.title} {three_digits(cost.value)} {info.cost.unit}"
    if cost.low is not None and cost.high is not None:
        text += f" ({info.cost.range} {three_digits(cost.low)} to {three_digits(cost.high)}"
        text += f", n = {cost.n}, {cost.basis})" if cost.n is not None else f", {cost.basis})"
    else:
        text += f" ({cost.basis})"
    roles = [word for word, there in (("recommended", point.recommended), ("the reference", point.reference)) if there]
    return "; ".join([text, *roles, "on the Pareto front" if point.on_front else "beaten by another"])


def _x_title(info: TradeoffInfo, width: int) -> tuple[str, ...]:
    title = f"{info.cost.title}, {info.cost.unit}"
    note = ", ".join(filter(None, [info.cost.basis, f"line: {info.cost.range}" if info.cost.range else ""]))
    return (f"{title} ({note})",) if len(title) + len(note) + 3 < width / _LETTER - 10 else (title, f"({note})")


def _shape(point: TradeoffPoint) -> str:
    if point.recommended:
        return "recommended"
    if point.reference:
        return "reference"
    return "front" if point.on_front else "beaten"


def _front_path(info: TradeoffInfo, x: Scale, y: Scale, right: float) -> str:
    """A staircase: what lies below and to the right of it is beaten."""
    front = sorted({(p.cost.value, p.score.percent) for p in info.points if p.on_front})
    if not front:
        return ""
    first, *rest = front
    path = f"M{x(first[0])} {y(first[1])}"
    for cost, score in rest:
        path += f"H{x(cost)}V{y(score)}"
    return f"{path}H{right}"


def _marks(info: TradeoffInfo, x: Scale, y: Scale, box: Box, named: Sequence[str]) -> tuple[Mark, ...]:
    centres = {p.recipe: (x(p.cost.value), y(p.score.percent)) for p in info.points}
    labels = _labels(info, centres, box, named)
    marks = []
    for point in sorted(info.points, key=lambda p: (p.cost.value, -p.score.percent)):  # in the order of the arrow keys
        at_x, at_y = centres[point.recipe]
        marks.append(
            Mark(
                point=point,
                x=at_x,
                y=at_y,
                top=y(point.score.high_percent),
                bottom=y(point.score.low_percent),
                left=None if point.cost.low is None else x(point.cost.low),
                right=None if point.cost.high is None else x(point.cost.high),
                shape=_shape(point),
                label=labels.get(point.recipe),
                text=describe_point(point, info),
            )
        )
    return tuple(marks)


def _labels(info: TradeoffInfo, centres: dict[str, tuple[float, float]], box: Box, named: Sequence[str]) -> dict[str, Label]:
    """Where names fit. They stay where they are whoever is chosen; who is chosen and has none takes the room of others."""
    ordered = sorted(info.points, key=lambda point: (not point.reference, not point.on_front))
    placed = dict(_place_all(tuple((point.recipe, *centres[point.recipe]) for point in ordered), box))
    wanted = [*named, *(point.recipe for point in info.points if point.recommended)]
    for recipe in dict.fromkeys(name for name in wanted if name in centres and name not in placed):
        kept = [_area(placed[name], name) for name in wanted if name in placed]
        label = _free_place(recipe, *centres[recipe], box, [*_dots(centres.values()), *kept])
        if label is not None:
            area = _area(label, recipe)
            placed = {name: other for name, other in placed.items() if not _overlap(area, _area(other, name))} | {recipe: label}
    return placed


@functools.lru_cache(maxsize=64)  # a moved slider leaves the points where they are
def _place_all(points: tuple[tuple[str, float, float], ...], box: Box) -> tuple[tuple[str, Label], ...]:
    """Labels without an overlap, the first points first; who finds no room goes without."""
    taken, placed = _dots((x, y) for _, x, y in points), []
    for recipe, x, y in points:
        label = _free_place(recipe, x, y, box, taken)
        if label is not None:
            taken.append(_area(label, recipe))
            placed.append((recipe, label))
    return tuple(placed)


def _free_place(recipe: str, cx: float, cy: float, box: Box, taken: Sequence[Box]) -> Label | None:
    for label in _places(cx, cy):
        area = _area(label, recipe)
        inside = box[0] + 2 <= area[0] and area[2] <= box[2] and box[1] <= area[1] and area[3] <= box[3]
        if inside and not any(_overlap(area, other) for other in taken):
            return label
    return None


def _area(label: Label, recipe: str) -> Box:
    wide = _LETTER * len(recipe)
    start = label.x - {"start": 0.0, "middle": wide / 2, "end": wide}[label.anchor]
    return start, label.y - 12, start + wide, label.y + 4


def _dots(centres: Iterable[tuple[float, float]]) -> list[Box]:
    return [(cx - 6, cy - 6, cx + 6, cy + 6) for cx, cy in centres]


def _places(cx: float, cy: float) -> Iterator[Label]:
    """Beside the point, above and below it; then farther away, with a line to it."""
    yield Label(cx + _ROOM, cy + 5, "start", None)
    yield Label(cx - _ROOM, cy + 5, "end", None)
    yield Label(cx, cy - 13, "middle", None)
    yield Label(cx, cy + 24, "middle", None)
    for lines in (1.3, -1.3, 2.3, -2.3, 3.3, -3.3, 4.3, -4.3):
        for side, anchor in ((1, "start"), (-1, "end")):
            x, y = cx + side * 2 * _ROOM, cy + 5 + lines * _LINE
            yield Label(round(x, 1), round(y, 1), anchor, (round(x - side * 3, 1), round(y - 5, 1)))


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
