"""The energy of one inference on every computer and bus: estimated for an Edge TPU, and measured where a meter was."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from edgewb.estimates.estimations import estimate
from edgewb.latencies import Measurement
from edgewb.lessons.published_nets import estimate_published, published_nets
from edgewb.types import Basis, Jsonable
from edgewb.views.figures import BLUE, GREEN, escaped, graph_objects, lay_out_rows, log_axis, wrapped
from edgewb.views.host_plots import PLACES
from edgewb.views.widgets.inspector_parts import place_label


@dataclasses.dataclass(frozen=True, kw_only=True)
class EnergyRow(Jsonable):
    """Millijoules of one inference, from ``low_mj`` to ``high_mj``: estimated, above idling; or the 95 % interval of a measurement, with
    ``mid_mj``, ``n`` readings and what the meter covered in ``covers``."""

    place: str
    basis: Basis
    low_mj: float
    high_mj: float
    mid_mj: float | None = None
    n: int | None = None
    covers: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class EnergiesInfo(Jsonable):
    """What ``plot_energies`` draws. ``missing``: why nothing measured is among the rows, None where something is."""

    net: str
    rows: tuple[EnergyRow, ...]
    missing: str | None


def energies_info(model: str | Path, measured: Measurement | None = None) -> EnergiesInfo:
    """The data of ``plot_energies``, with its arguments.

    Raises:
        ModelFileError: the file cannot be read.
    """
    known = str(model) in published_nets()
    estimates = estimate_published(str(model), PLACES) if known else [estimate(model, host, bus, clock) for host, bus, clock in PLACES]
    rows = []
    for one, (host, bus, clock) in zip(estimates, PLACES, strict=True):
        if one.energy_mj is not None:
            place = place_label(f"{host} {bus}") + (", half the clock" if clock == "std" else "")
            rows.append(EnergyRow(place=place, basis=Basis.ESTIMATED, low_mj=one.energy_mj.low, high_mj=one.energy_mj.high))
    energy = None if measured is None else measured.energy
    if energy is not None:
        low, high = energy.total_mj_ci95
        place = f"{measured.target}, this computer" if measured is not None else ""
        mid = energy.total_mj
        rows.append(EnergyRow(place=place, basis=energy.basis, low_mj=low, high_mj=high, mid_mj=mid, n=energy.n, covers=energy.covers))
        return EnergiesInfo(net=Path(model).name, rows=tuple(rows), missing=None)
    missing = "nothing was measured" if measured is None else measured.energy_missing or "nothing measured its energy"
    return EnergiesInfo(net=Path(model).name, rows=tuple(rows), missing=missing)


def plot_energies(model: str | Path, measured: Measurement | None = None) -> Any:
    """Millijoules per inference on a log axis.

    Args:
        model: a .tflite file, or the name of a net in ``data/latency/models.json``. measured: of it, on this computer.
    """
    go = graph_objects()
    info = energies_info(model, measured)
    figure = go.Figure()
    for basis, colour, name in (
        (Basis.ESTIMATED, BLUE, "estimated for an Edge TPU, above idling"),
        (Basis.MEASURED, GREEN, "measured here"),
    ):
        chosen = [row for row in info.rows if row.basis is basis]
        if not chosen:
            continue
        figure.add_bar(
            x=[row.high_mj - row.low_mj for row in chosen], base=[row.low_mj for row in chosen], y=[escaped(row.place) for row in chosen],
            orientation="h", name=name, marker={"color": colour, "line": {"width": 2, "color": colour}},
            text=[_energy_text(row) for row in chosen], textposition="auto", insidetextfont={"color": "#ffffff"},
            hovertemplate="<b>%{y}</b><br>%{text}<extra></extra>",
        )  # fmt: skip
    bases = "estimated" if info.missing else "estimated; the last row measured"
    x_title = wrapped("mJ per inference, log axis", f"({bases}; bars: low to high)", width=40)
    labels = [escaped(row.place) for row in info.rows]
    lay_out_rows(figure, f"Energy of {escaped(info.net[-40:])}", x_title, labels, barmode="overlay", bargap=0.35, showlegend=True)
    log_axis(figure, [value for row in info.rows for value in (row.low_mj, row.high_mj)])
    if not info.rows:
        figure.add_annotation(x=0.5, y=0.5, xref="paper", yref="paper", text="no estimate for it", showarrow=False, font={"size": 16})
    return figure


def _energy_text(row: EnergyRow) -> str:
    if row.mid_mj is None:
        return f"{row.low_mj:.2g} to {row.high_mj:.2g} mJ"
    return f"{row.mid_mj:.3g} mJ (n = {row.n} readings)"
