"""What a report shows of variants under shifts: a row per variant, a column per shift, and the sentence that reads them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from edgewb.records.formats import points
from edgewb.robustness import NO_SHIFT, ShiftedAccuracy
from edgewb.types import Jsonable

_NAMED = 3  # more of them are counted, and not named one by one


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShiftCell(Jsonable):
    """``share``: percent right, or of a regression R2, with its 95 % interval.

    ``delta``: points against float32 under the same shift, "" for itself; ``worse``: its whole interval lies below zero.
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
    first, regression = rows[0].score, rows[0].errors is not None
    what = (
        f"R2 on n = {first.n} test images under each shift,"
        if regression
        else f"Right of n = {first.n} test images under each shift, in percent,"
    )
    return ShiftTable(
        shifts=tuple("as they are" if shift == NO_SHIFT else shift for shift in shifts),
        rows=tuple((recipe, tuple(_cell(by[recipe, shift]) for shift in shifts)) for recipe in recipes),
        caption=(
            f"{what} with 95 % intervals; below, the difference to float32 under the same shift, in "
            f"points{' of R2: 100 are 1' if regression else ''} ({first.target}, {first.basis})."
        ),
        reading=_reading(rows, by),
    )


def _cell(row: ShiftedAccuracy) -> ShiftCell:
    share, low, high = row.shown
    delta = row.change
    return ShiftCell(
        share=share,
        interval=f"{low} to {high}",
        delta="" if delta is None else f"{points(delta.points)} ({points(delta.ci95[0])} to {points(delta.ci95[1])})",
        worse=_worse(row),
    )


def _worse(row: ShiftedAccuracy) -> bool:
    """Below float32 with the whole interval; of R2 visibly so, since there what rounds to nothing can be quite certain."""
    delta = row.change
    return delta is not None and delta.ci95[1] < 0 and (row.errors is None or points(delta.points) != "0.0")


def _reading(rows: Sequence[ShiftedAccuracy], by: dict[tuple[str, str], ShiftedAccuracy]) -> str:
    """What the shift itself costs, on the first variant, and which variants lose more than it under some shift."""
    recipe = rows[0].recipe
    plain = by[recipe, NO_SHIFT]
    shifted = [row for row in rows if row.shift != NO_SHIFT]
    hardest = min((row for row in shifted if row.recipe == recipe), key=lambda row: row.score.value)
    text = f"{hardest.shift} takes {recipe} from {plain.shown[0]} to {hardest.shown[0]} % right"
    if plain.errors is not None:
        text = f"{hardest.shift} takes the R2 of {recipe} from {plain.shown[0]} to {hardest.shown[0]}"
    compared = [row for row in shifted if row.change is not None]
    if not compared:
        return f"{text}."
    worse = [row for row in compared if _worse(row)]
    if not worse:
        return f"{text}. No variant loses more than float32 does there, as far as these images can tell."
    if len(worse) > _NAMED:
        return f"{text}. {len(worse)} of {len(compared)} differences lie below zero with the whole interval (▼)."
    names = ", ".join(dict.fromkeys(f"{row.recipe} under {row.shift}" for row in worse))
    return f"{text}. Below float32 with the whole interval: {names}."
