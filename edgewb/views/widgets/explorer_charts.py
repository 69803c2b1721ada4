"""The explorer's picture in pixels: axes, and where each variant is drawn. The template draws it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from edgewb.records.formats import three_digits
from edgewb.verdicts import budget_text
from edgewb.views.tradeoffs import TradeoffInfo, TradeoffPoint
from edgewb.views.widgets.explorer_axes import Scale, Span, Tick, span_of
from edgewb.views.widgets.explorer_labels import BOLD_LETTER, LETTER, Box, Label, area_of, dots_of, is_free, place_labels

_DIGIT = 9.0  # of a number on an axis
_LINE = 17.0
_AIR = 8.0  # between two texts that have nothing to do with each other


@dataclass(frozen=True)
class Arrow:
    """The end of a line that goes on beyond the axis: ``side`` is 1 at the right and -1 at the left, ``text`` the value where it ends.

    ``place`` is where that is written; None where there is no room.
    """

    side: int
    text: str
    place: Label | None


@dataclass(frozen=True)
class Mark:
    """A variant: ``x``, ``y`` of its point, ends of its intervals (those of the cost None without one), where its name goes, if anywhere.

    An interval of the cost that goes beyond the axis ends at its edge, with one of the ``arrows``.
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
    arrows: tuple[Arrow, ...] = ()


@dataclass(frozen=True)
class Chart:
    """A drawing of ``width`` x ``height`` pixels; the plot itself lies between ``x0``..``x1`` and ``y0`` (top)..``y1``.

    ``floor`` is the height of the line of the budget, ``floor_label`` where its name covers no other.
    """

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
    floor_label: Label | None
    x_title: tuple[str, ...]
    y_title: str
    logarithmic: bool


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
    span = cost_span(info)
    x = Scale(span.low, span.high, left, right, span.logarithmic)
    floor = None if info.floor_percent is None else y(info.floor_percent)
    floor = floor if floor is not None and top < floor < bottom else None
    box = (left, top, right, bottom)
    marks = _marks(info, x, y, box, span, named)
    return Chart(
        name=name,
        width=width,
        height=height,
        x0=left,
        x1=right,
        y0=top,
        y1=bottom,
        x_ticks=_x_ticks(x, width, right - left),
        y_ticks=y.ticks(6),
        marks=marks,
        front=_front_path(info, x, y, right),
        floor=floor,
        floor_label=None if floor is None else _floor_label(floor_text(info), floor, box, marks),
        x_title=x_title,
        y_title=_y_title(info, bottom - top),
        logarithmic=span.logarithmic,
    )


def _x_ticks(scale: Scale, width: float, inner: float) -> tuple[Tick, ...]:
    """As many as leave room between their numbers; one that would be cut off at the edge stands a little to the left of its line."""
    for most in (8 if width >= 500 else 5, 5, 4, 3):
        ticks = scale.ticks(most)
        longest = max((len(tick.text) for tick in ticks), default=0)
        if len(ticks) < 3 or _DIGIT * longest + 2 * _AIR <= inner / len(ticks):
            break
    return tuple(replace(tick, text_at=min(tick.at, round(width - 2 - _DIGIT / 2 * len(tick.text), 1))) for tick in ticks)


def _y_title(info: TradeoffInfo, height: float) -> str:
    """Without what stands in brackets where the axis is too short for it: the title of the picture says it, too."""
    title = "{} in %, 95 % interval"
    whole = title.format(info.measure)
    return whole if LETTER * len(whole) <= height else title.format(info.measure.partition(" (")[0])


def cost_span(info: TradeoffInfo) -> Span:
    """What of the cost is drawn."""
    costs = [point.cost for point in info.points]
    lows, highs = ([getattr(c, end) for c in costs if getattr(c, end) is not None] for end in ("low", "high"))
    values = [cost.value for cost in costs]
    return span_of(values, lows or values, highs or values)


def floor_text(info: TradeoffInfo) -> str:
    """What the line of the budget is called."""
    return f"reference less {budget_text(round(info.budget_points, 2))}"


def cut_lines(info: TradeoffInfo) -> list[str]:
    """Each line that does not end within the picture: whose it is, and where it ends."""
    span, unit = cost_span(info), info.cost.unit
    words = {-1: "from", 1: "to"}
    ends = [(point.recipe, [f"{words[side]} {three_digits(end)}" for side, end in _beyond(point, span).items()]) for point in info.points]
    return [f"{recipe} {' '.join(parts)} {unit}" for recipe, parts in ends if parts]


def _beyond(point: TradeoffPoint, span: Span) -> dict[int, float]:
    """Where its line ends, on the sides on which that is not drawn: -1 left, 1 right."""
    low, high = point.cost.low, point.cost.high
    ends = {-1: low if low is not None and low < span.low else None, 1: high if high is not None and high > span.high else None}
    return {side: end for side, end in ends.items() if end is not None}


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
    return (f"{title} ({note})",) if len(title) + len(note) + 3 < width / LETTER - 10 else (title, f"({note})")


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


def _marks(info: TradeoffInfo, x: Scale, y: Scale, box: Box, span: Span, named: Sequence[str]) -> tuple[Mark, ...]:
    centres = {p.recipe: (x(p.cost.value), y(p.score.percent)) for p in info.points}
    arrows = _arrows(info, centres, box, span)
    written = tuple(area_of(a.place, a.text) for ends in arrows.values() for a in ends if a.place is not None)
    labels = place_labels(info, centres, box, named, written, _lines(info, x, y, box, span))
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
                left=None if point.cost.low is None else box[0] if point.cost.low < span.low else x(point.cost.low),
                right=None if point.cost.high is None else box[2] if point.cost.high > span.high else x(point.cost.high),
                shape=_shape(point),
                label=labels.get(point.recipe),
                text=describe_point(point, info),
                arrows=arrows[point.recipe],
            )
        )
    return tuple(marks)


def _arrows(info: TradeoffInfo, centres: dict[str, tuple[float, float]], box: Box, span: Span) -> dict[str, tuple[Arrow, ...]]:
    """The ends that lie beyond the axis, each with its value above or below the line, at the edge."""
    taken, found = dots_of(centres.values()), {}
    for point in info.points:
        at_y, ends = centres[point.recipe][1], []
        for side, end in _beyond(point, span).items():
            text, edge = three_digits(end), box[2] - 10 if side > 0 else box[0] + 10
            places = [Label(edge, round(at_y + dy, 1), "end" if side > 0 else "start", None) for dy in (-6, 16)]
            place = next((p for p in places if is_free(area_of(p, text), box, taken)), None)
            if place is not None:
                taken.append(area_of(place, text))
            ends.append(Arrow(side, text, place))
        found[point.recipe] = tuple(ends)
    return found


def _floor_label(text: str, floor: float, box: Box, marks: Sequence[Mark]) -> Label | None:
    """Below or above its line, at either end or between, wherever nothing else is written."""
    taken = [area_of(mark.label, mark.point.recipe, BOLD_LETTER) for mark in marks if mark.label]
    taken += [area_of(arrow.place, arrow.text) for mark in marks for arrow in mark.arrows if arrow.place]
    taken = [(left - _AIR, top, end + _AIR, low) for left, top, end, low in taken] + dots_of((mark.x, mark.y) for mark in marks)
    wide = LETTER * len(text)
    steps = max(1, int((box[2] - box[0] - wide) // 12))
    for y in (floor + 16, floor - 6):
        for i in range(steps):
            label = Label(round(box[2] - 4 - 12.0 * i, 1), round(y, 1), "end", None)
            if is_free(area_of(label, text), box, taken):
                return label
    return None


def _lines(info: TradeoffInfo, x: Scale, y: Scale, box: Box, span: Span) -> tuple[Box, ...]:
    """What would strike a name through: intervals of the cost and the steps of the front. Not the budget's line, which moves."""
    found = []
    for point in info.points:
        at_y = y(point.score.percent)
        if point.cost.low is not None and point.cost.high is not None:
            found.append((x(max(point.cost.low, span.low)), at_y - 1, x(min(point.cost.high, span.high)), at_y + 1))
    front = sorted((x(p.cost.value), y(p.score.percent)) for p in info.points if p.on_front)
    ends = [at_x for at_x, _ in front[1:]] + [box[2]]
    return (*found, *((left, at_y - 1, right, at_y + 1) for (left, at_y), right in zip(front, ends, strict=True)))
