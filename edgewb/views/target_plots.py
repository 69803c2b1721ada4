"""The targets of a study side by side: the data, the sentences and the figure."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Final

from edgewb.records.formats import listed, span, three_digits
from edgewb.records.labels import latency_labels
from edgewb.types import Jsonable, Record
from edgewb.views.figures import (
    BLUE,
    GREEN,
    ORANGE,
    PURPLE,
    SKY,
    VERMILION,
    escaped,
    graph_objects,
    lay_out_rows,
    log_axis,
    recipe_label,
    stamp_across,
    wrapped,
)
from edgewb.views.readings import joined
from edgewb.watermarks import stamp

_MARKS: Final = (
    ("diamond", BLUE), ("circle", ORANGE), ("square", GREEN), ("triangle-up", PURPLE), ("cross", VERMILION), ("hourglass", SKY),
)  # fmt: skip


@dataclasses.dataclass(frozen=True, kw_only=True)
class TargetCell(Jsonable):
    """Milliseconds per call of one variant on one target."""

    recipe: str
    target: str
    p50_ms: float
    p90_ms: float
    n: int
    recommended: bool


@dataclasses.dataclass(frozen=True, kw_only=True)
class TargetsInfo(Jsonable):
    """``targets`` and ``recipes`` in the order of the records; a variant that a target did not take has no cell there.

    ``kernels`` say what computed on each target; ``stamp``: the word across the figure where not all of it was measured, else "".
    """

    targets: tuple[str, ...]
    kernels: tuple[str, ...]
    recipes: tuple[str, ...]
    cells: tuple[TargetCell, ...]
    basis: str
    n: str
    stamp: str = ""


def targets_info(records: Sequence[Record], recommended: str | None = None) -> TargetsInfo:
    """Every variant's median and 90th percentile on every target."""
    labels = latency_labels(records)
    known = [
        (record, target, sample)
        for target, samples in labels.items()
        for record, sample in zip(records, samples, strict=True)
        if sample is not None
    ]
    return TargetsInfo(
        targets=tuple(labels),
        kernels=tuple(listed(sample.kernels for sample in samples if sample) for samples in labels.values()),
        recipes=tuple(record.recipe for record in records),
        cells=tuple(
            TargetCell(
                recipe=record.recipe,
                target=target,
                p50_ms=sample.latency_ms.p50,
                p90_ms=sample.latency_ms.p90,
                n=sample.n,
                recommended=record.recipe == recommended,
            )
            for record, target, sample in known
        ),
        basis=listed(sample.basis for _, _, sample in known),
        n=span(sample.n for _, _, sample in known) if known else "0",
        stamp=stamp(sample.basis for _, _, sample in known),
    )


def read_targets(info: TargetsInfo) -> str:
    """Where the medians are lowest, and the figures of the recommended variant."""
    if not info.cells:
        return "No latency was measured."
    lowest: dict[str, list[str]] = {}
    for recipe in info.recipes:
        cells = [cell for cell in info.cells if cell.recipe == recipe]
        if len(cells) > 1:
            lowest.setdefault(min(cells, key=lambda cell: cell.p50_ms).target, []).append(recipe)
    compared = sum(map(len, lowest.values()))
    wins = [f"{target} for {len(recipes)} of {compared} variants" for target, recipes in lowest.items()]
    parts = [f"The lowest median is that of {joined(wins)}"] if wins else []
    chosen = [cell for cell in info.cells if cell.recommended]
    if chosen:
        parts.append(f"{chosen[0].recipe} takes " + joined([f"{three_digits(cell.p50_ms)} ms on {cell.target}" for cell in chosen]))
    parts.append("The targets were measured one after the other, each variant in turns with float32 on the same target")
    return f"{info.stamp + ': ' if info.stamp else ''}{'. '.join(parts)}."


def plot_targets(records: Sequence[Record], recommended: str | None = None) -> Any:
    """One row per variant, one mark per target at its median, a line from there to the 90th percentile; on a log axis."""
    go = graph_objects()
    info = targets_info(records, recommended)
    labels = {recipe: recipe_label(recipe, recipe == recommended) for recipe in info.recipes}
    figure = go.Figure()
    for index, target in enumerate(info.targets):
        cells = [cell for cell in info.cells if cell.target == target]
        symbol, colour = _MARKS[index % len(_MARKS)]
        figure.add_scatter(
            x=[cell.p50_ms for cell in cells],
            y=[labels[cell.recipe] for cell in cells],
            mode="markers",
            name=escaped(f"{target} ({info.kernels[index]})"),
            marker={"symbol": symbol, "size": 13, "color": colour, "line": {"width": 0}},
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [cell.p90_ms - cell.p50_ms for cell in cells],
                "arrayminus": [0.0] * len(cells),
                "thickness": 2,
                "width": 5,
                "color": colour,
            },
            customdata=[[cell.p90_ms, cell.n] for cell in cells],
            hovertemplate=f"<b>%{{y}}</b> on {escaped(target)}<br>p50 %{{x:.3g}} ms, p90 %{{customdata[0]:.3g}} ms, "
            "n = %{customdata[1]}<extra></extra>",
        )
    x_title = wrapped("ms per call, log axis", f"p50, whisker to p90 ({info.basis}, n = {info.n})")
    lay_out_rows(figure, "Latency side by side", x_title, list(labels.values()))
    log_axis(figure, [value for cell in info.cells for value in (cell.p50_ms, cell.p90_ms)])
    figure.update_layout(showlegend=True)
    return stamp_across(figure, info.stamp)
