"""Figures on what happens in the field: accuracy under shifted data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edgewb.errors import InputError
from edgewb.robustness import NO_SHIFT, ShiftedAccuracy
from edgewb.views.figures import COLOURS, SHAPES, escaped, graph_objects, lay_out_rows


def plot_shifts(rows: Sequence[ShiftedAccuracy]) -> Any:
    """What each variant gets right under each shift, with 95 % intervals.

    Args:
        rows: of ``edgewb.compare_under_shifts``.

    Raises:
        InputError: no rows.
    """
    if not rows:
        raise InputError("there are no rows: give what edgewb.compare_under_shifts returned")
    go = graph_objects()
    shifts = list(dict.fromkeys(row.shift for row in rows))
    recipes = list(dict.fromkeys(row.recipe for row in rows))
    first, regression = rows[0].score, rows[0].errors is not None
    scale = 1.0 if regression else 100.0
    labels = ["as they are" if shift == NO_SHIFT else shift for shift in shifts]
    figure = go.Figure()
    for i, recipe in enumerate(recipes):
        own = [row for row in rows if row.recipe == recipe]
        # Beside each other, so that intervals that cover each other can both be read.
        offset = (i - (len(recipes) - 1) / 2) * 0.6 / max(len(recipes), 2)
        values = [scale * row.score.value for row in own]
        figure.add_scatter(
            x=values, y=[shifts.index(row.shift) + offset for row in own], mode="markers", name=escaped(recipe),
            marker={"size": 11, "symbol": SHAPES[i % len(SHAPES)], "color": COLOURS[i % len(COLOURS)]},
            error_x={
                "type": "data", "symmetric": False, "thickness": 2, "width": 5, "color": COLOURS[i % len(COLOURS)],
                "array": [scale * row.score.ci95[1] - value for row, value in zip(own, values, strict=True)],
                "arrayminus": [value - scale * row.score.ci95[0] for row, value in zip(own, values, strict=True)],
            },
            customdata=[row.shift for row in own],
            hovertemplate=f"<b>%{{customdata}}</b><br>{escaped(recipe)}: %{{x:.1f}}<extra></extra>",
        )  # fmt: skip
    what = "R2" if regression else "% right"
    lay_out_rows(figure, "Under shifted data", f"{what}, 95 % interval ({first.target}, {first.basis}, n = {first.n})", labels)
    figure.update_yaxes(tickvals=list(range(len(shifts))), ticktext=labels, zeroline=False)
    return figure
