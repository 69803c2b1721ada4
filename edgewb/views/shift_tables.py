"""What a report shows of variants under shifts: a row per variant, a column per shift, and the sentence that reads them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from edgewb.records.columns import points
from edgewb.robustness import NO_SHIFT, ShiftedAccuracy
from edgewb.types import Jsonable

_NAMED = 3  # more of them are counted, and not named one by one


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShiftCell(Jsonable):
    """``share``: percent right with its 95 % interval; ``delta``: points against float32 under the same shift, "" for itself.

    ``worse``: the whole interval of the difference lies below zero.
    """

    share: str
    interval: str
    delta: str
    worse: bool


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShiftTable(Jsonable):
    """``rows``: recipe and a cell per shift, in the order of ``shifts``."""

    shifts: tuple[str, ...]
    rows: tuple[tuple[str, tuple[ShiftCell, ...]], ...]
    caption: str
    reading: str


def shift_table(rows: Sequence[ShiftedAccuracy]) -> ShiftTable | None:
    """The table of a report; None without shifts."""
    if not rows:
        return None
    shifts = tuple(dict.fromkeys(row.shift for row in rows))
    recipes = tuple(dict.fromkeys(row.recipe for row in rows))
    by = {(row.recipe, row.shift): row for row in rows}
    first = rows[0].accuracy
    return ShiftTable(
        shifts=tuple("as they are" if shift == NO_SHIFT else shift for shift in shifts),
        rows=tuple((recipe, tuple(_cell(by[recipe, shift]) for shift in shifts)) for recipe in recipes),
        caption=(
            f"Right of n = {first.n} test images under each shift, in percent, with 95 % intervals; below, the difference to float32 under "
            f"the same shift, in points ({first.target}, {first.basis})."
        ),
        reading=_reading(rows, by),
    )


def _cell(row: ShiftedAccuracy) -> ShiftCell:
    low, high = row.accuracy.ci95
    delta = row.delta
    return ShiftCell(
        share=f"{100 * row.accuracy.value:.1f}",
        interval=f"{100 * low:.1f} to {100 * high:.1f}",
        delta="" if delta is None else f"{points(delta.points)} ({points(delta.ci95[0])} to {points(delta.ci95[1])})",
        worse=delta is not None and delta.ci95[1] < 0,
    )


def _reading(rows: Sequence[ShiftedAccuracy], by: dict[tuple[str, str], ShiftedAccuracy]) -> str:
    """What the shift itself costs, on the first variant, and which variants lose more than it under some shift."""
    recipe = rows[0].recipe
    plain = by[recipe, NO_SHIFT].accuracy.value
    shifted = [row for row in rows if row.shift != NO_SHIFT]
    hardest = min((row for row in shifted if row.recipe == recipe), key=lambda row: row.accuracy.value)
    text = f"{hardest.shift} takes {recipe} from {100 * plain:.1f} to {100 * hardest.accuracy.value:.1f} % right"
    compared = [row for row in shifted if row.delta is not None]
    if not compared:
        return f"{text}."
    worse = [row for row in compared if row.delta is not None and row.delta.ci95[1] < 0]
    if not worse:
        return f"{text}. No variant loses more than float32 does there, as far as these images can tell."
    if len(worse) > _NAMED:
        return f"{text}. {len(worse)} of {len(compared)} differences lie below zero with the whole interval (▼)."
    names = ", ".join(dict.fromkeys(f"{row.recipe} under {row.shift}" for row in worse))
    return f"{text}. Below float32 with the whole interval: {names}."
