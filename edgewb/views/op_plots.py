"""The picture of an inspection: every op of a model, how much it computes, and where it would run."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, Final

from edgewb.compilers.inspections import Inspection
from edgewb.errors import InputError
from edgewb.types import Jsonable, Placement
from edgewb.views.figures import GREEN, GREY, HATCH, ORANGE, escaped, graph_objects, lay_out_rows, wrapped

_KINDS: Final = {Placement.EDGETPU: ("Edge TPU", GREEN, ""), Placement.CPU: ("CPU", ORANGE, "/"), Placement.UNKNOWN: ("unknown", GREY, "x")}


@dataclasses.dataclass(frozen=True, kw_only=True)
class OpRow(Jsonable):
    """One op: its ``label`` such as "4 ELU", multiply-accumulate operations of one inference, and where it goes."""

    label: str
    macs: int
    placement: Placement
    first_blocker: bool


@dataclasses.dataclass(frozen=True, kw_only=True)
class OpsInfo(Jsonable):
    """What ``plot_ops`` draws, in running order."""

    model: str
    rows: tuple[OpRow, ...]
    basis: str


def ops_info(inspection: Inspection) -> OpsInfo:
    """The ops of a source model in running order.

    Raises:
        InputError: a compiled model, whose ops are gone.
    """
    if inspection.kind != "source":
        raise InputError(f"{inspection.file}: the ops of a compiled model are gone: inspect the .tflite it was compiled from")
    blocker = inspection.first_blocker
    return OpsInfo(
        model=Path(inspection.file).stem,
        rows=tuple(
            OpRow(
                label=f"{op.index} {op.op}",
                macs=op.macs or 0,
                placement=op.placement,
                first_blocker=blocker is not None and blocker.index == op.index,
            )
            for op in inspection.ops
        ),
        basis=str(inspection.basis),
    )


def plot_ops(inspection: Inspection) -> Any:
    """A bar per op, as long as it computes much, coloured by where it would run; the first blocker is marked in its name.

    Raises:
        InputError: a compiled model. MissingPackageError: plotly is not installed.
    """
    go = graph_objects()
    info = ops_info(inspection)
    labels = {row.label: f"<b>▶ {escaped(row.label)}</b>" if row.first_blocker else escaped(row.label) for row in info.rows}
    most = max((row.macs for row in info.rows), default=0)
    figure = go.Figure()
    for placement, (name, colour, pattern) in _KINDS.items():
        rows = [row for row in info.rows if row.placement is placement]
        if rows:
            figure.add_bar(
                x=[row.macs / 1000 for row in rows],
                y=[labels[row.label] for row in rows],
                orientation="h",
                name=f"{name}: {len(rows)} op{'s' * (len(rows) != 1)}",
                marker={"color": colour, "pattern": {"shape": pattern, **HATCH}, "line": {"width": 1, "color": colour}},
                text=[_words(row, name, most) for row in rows],
                textposition="outside",
                cliponaxis=False,
                hovertemplate=f"%{{y}}: %{{x:,.0f}} thousand MACs<br>{name} ({info.basis})<extra></extra>",
            )
    title = f"Where the ops of {escaped(info.model)} would run"
    axis = wrapped("thousands of MACs (counted;", f"where they run: {info.basis})", width=32)
    lay_out_rows(figure, title, axis, list(labels.values()))
    figure.update_layout(showlegend=True, barmode="overlay", bargap=0.25)
    if any(row.first_blocker for row in info.rows):
        figure.update_layout(title={"text": f"{title}<br><sup>▶ first blocker</sup>"})
    return figure


def _words(row: OpRow, where: str, most: int) -> str:
    """Beside a bar too short to show its colour."""
    return where if row.macs < most / 50 or not row.macs else ""
