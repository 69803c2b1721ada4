"""Figures on pruning and clustering: what zeros and clusters cost in accuracy, and where their bytes go."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edgewb.errors import InputError
from edgewb.optimizers.promises import weights_of
from edgewb.records.tables import Column, render_html, render_text
from edgewb.tflite.reader import read_graph
from edgewb.types import Basis, Jsonable, Record
from edgewb.views.figures import BLUE, GREEN, GREY, HATCH, ORANGE, SKY, escaped, graph_objects, lay_out, lay_out_rows


@dataclasses.dataclass(frozen=True, kw_only=True)
class SparsityPoint(Jsonable):
    """Share of zeros among a file's stored weights, and accuracy with its 95 % Wilson interval; all in percent."""

    recipe: str
    zeros_percent: float
    percent: float
    low_percent: float
    high_percent: float
    n: int


def sparsity_info(records: Sequence[Record]) -> tuple[SparsityPoint, ...]:
    """Accuracy against zeros, the fewest zeros first; records that do not say how many there are, are left out.

    Raises:
        InputError: none does.
    """
    points = []
    for record in records:
        zeros = record.settings.get("file_zero_weights_percent")
        if zeros is None or record.accuracy is None:
            continue
        low, high = record.accuracy.ci95
        points.append(
            SparsityPoint(
                recipe=record.recipe,
                zeros_percent=float(zeros),
                percent=100 * record.accuracy.value,
                low_percent=100 * low,
                high_percent=100 * high,
                n=record.accuracy.n,
            )
        )
    if not points:
        raise InputError("none of these records says how many of its weights are zero: give those of a study of classifiers")
    return tuple(sorted(points, key=lambda point: point.zeros_percent))


def plot_sparsity(records: Sequence[Record]) -> Any:
    """Accuracy with its 95 % interval against the share of zeros that was counted in each file."""
    go = graph_objects()
    info = sparsity_info(records)
    figure = go.Figure()
    figure.add_scatter(
        x=[p.zeros_percent for p in info], y=[p.percent for p in info], mode="lines+markers", showlegend=False,
        marker={"size": 11, "symbol": "square", "color": BLUE}, line={"color": BLUE, "width": 1, "dash": "dot"},
        error_y={
            "type": "data", "symmetric": False, "thickness": 2, "width": 6, "color": GREY,
            "array": [p.high_percent - p.percent for p in info], "arrayminus": [p.percent - p.low_percent for p in info],
        },
        customdata=[f"{p.percent:.1f} % [{p.low_percent:.1f}, {p.high_percent:.1f}], n = {p.n}" for p in info],
        hovertemplate="%{x:.1f} % zeros<br>%{customdata}<extra></extra>",
    )  # fmt: skip
    for point in info:  # slanting, since the last ones stand close together
        figure.add_annotation(
            x=point.zeros_percent, y=point.high_percent, yshift=6, text=escaped(point.recipe), textangle=-40, showarrow=False,
            xanchor="left", yanchor="bottom", font={"size": 14},
        )  # fmt: skip
    lay_out(figure, "Accuracy against zeros", "weights that are zero in % (counted in the file)", 520)
    figure.update_xaxes(range=[-4, 118], tickvals=[0, 20, 40, 60, 80, 100])
    lowest = min(p.low_percent for p in info)
    figure.update_yaxes(
        title={"text": f"right in %, 95 % interval<br>(measured, n = {info[0].n})", "font": {"size": 14}},
        range=[lowest - 2, 100 + 0.45 * (102 - lowest)], tickvals=[tick for tick in range(0, 101, 5) if tick >= lowest - 5],
    )  # fmt: skip
    return figure


@dataclasses.dataclass(frozen=True, kw_only=True)
class BytesRow(Jsonable):
    """Bytes of a file as it is and compressed (measured), and what its parameters take on an Edge TPU (``basis``), None where none map."""

    recipe: str
    file_bytes: int
    compressed_bytes: int
    chip_bytes: int | None
    basis: Basis | None


def bytes_info(records: Sequence[Record]) -> tuple[BytesRow, ...]:
    """Where the bytes of each variant go."""
    return tuple(
        BytesRow(
            recipe=record.recipe,
            file_bytes=record.size_bytes,
            compressed_bytes=record.compressed_bytes,
            chip_bytes=None if record.parameters is None else record.parameters.on_chip_bytes + record.parameters.off_chip_bytes,
            basis=None if record.parameters is None else record.parameters.basis,
        )
        for record in records
    )


def plot_bytes(records: Sequence[Record]) -> Any:
    """Three sizes of each variant: the file, the file compressed, and its parameters as an Edge TPU stores them."""
    go = graph_objects()
    info = bytes_info(records)
    labels = [escaped(row.recipe) for row in info]
    basis = next((str(row.basis) for row in info if row.basis is not None), "predicted")
    figure = go.Figure()
    for name, colour, pattern, values in (
        ("file", SKY, "", [row.file_bytes for row in info]),
        ("file, compressed", BLUE, "/", [row.compressed_bytes for row in info]),
        (f"parameters on the chip ({basis})", GREEN, "x", [row.chip_bytes for row in info]),
    ):
        figure.add_bar(
            x=[None if value is None else value / 1000 for value in values], y=labels, orientation="h", name=name,
            marker={"color": colour, "pattern": {"shape": pattern, **HATCH}, "line": {"width": 0}},
            hovertemplate=f"<b>%{{y}}</b><br>{name} %{{x:.1f}} kB<extra></extra>",
        )  # fmt: skip
    x_title = "size in kB of 1,000 bytes<br>(files: measured)"
    lay_out_rows(figure, "Where the bytes go", x_title, labels, barmode="group", bargap=0.2)
    height = 220 + 62 * len(labels)
    figure.update_layout(height=height, legend={"traceorder": "normal", "y": -100 / (height - 120)})
    return figure


@dataclasses.dataclass(frozen=True, kw_only=True)
class WeightValues(Jsonable):
    """How often each of the 256 values is stored in the largest layer of a file; ``distinct`` of them occur, ``n`` weights in all."""

    label: str
    layer: str
    values: tuple[int, ...]
    counts: tuple[int, ...]
    distinct: int
    n: int


def values_info(files: Mapping[str, str | Path]) -> tuple[WeightValues, ...]:
    """The stored weights of the largest layer of several int8 files.

    Raises:
        InputError: a file without int8 weights. ModelFileError: one that cannot be read.
    """
    found = []
    for label, path in files.items():
        graph = read_graph(path)
        stored = [(op, tensor) for op, tensor in weights_of(graph) if tensor.dtype == "int8"]
        if not stored:
            raise InputError(f"{path} holds no int8 weights: give a file that a ptq_int8 or qat_int8 recipe made")
        op, tensor = max(stored, key=lambda pair: pair[1].elements)
        values, counts = np.unique(graph.constant(tensor.index), return_counts=True)
        found.append(
            WeightValues(
                label=label,
                layer=f"op {op.index}, {op.name}",
                values=tuple(map(int, values)),
                counts=tuple(map(int, counts)),
                distinct=len(values),
                n=tensor.elements,
            )
        )
    return tuple(found)


def plot_values(files: Mapping[str, str | Path]) -> Any:
    """One panel per file: how often each stored value occurs among the weights of its largest layer (a logarithmic axis)."""
    from plotly.subplots import make_subplots

    info = values_info(files)
    titles = [f"{escaped(one.label)}: {one.distinct} different values, n = {one.n:,}" for one in info]
    figure = make_subplots(rows=len(info), cols=1, shared_xaxes=True, subplot_titles=titles, vertical_spacing=0.4 / (2 * len(info)))
    for row, (one, colour) in enumerate(zip(info, [SKY, BLUE, ORANGE, GREEN] * len(info), strict=False), start=1):
        figure.add_bar(
            x=one.values, y=one.counts, row=row, col=1, name=escaped(one.label), showlegend=False, width=1.6,
            marker={"color": colour, "line": {"width": 0}}, hovertemplate="stored %{x}: %{y} weights<extra></extra>",
        )  # fmt: skip
    lay_out(figure, f"Stored weights of {escaped(info[0].layer)}", "", 150 + 150 * len(info))
    figure.update_xaxes(range=[-130, 130])
    figure.update_yaxes(type="log", title={"text": "number", "font": {"size": 14}}, tickvals=[1, 10, 100, 1000, 10000])
    figure.update_xaxes(title={"text": "stored value, number of steps from 0", "font": {"size": 14}}, row=len(info), col=1)
    figure.update_layout(margin={"t": 90})
    return figure


@dataclasses.dataclass(frozen=True, kw_only=True)
class EstimateRow(Jsonable):
    """One inference on an Edge TPU, with its 80 % interval in milliseconds; None where none is given."""

    recipe: str
    parameter_bytes: int | None
    low_ms: float | None
    mid_ms: float | None
    high_ms: float | None


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class Estimates(Jsonable):
    """Estimated latencies of variants beside their parameter bytes on the chip, for a host."""

    rows: tuple[EstimateRow, ...]
    host: str
    bus: str
    basis: Basis = Basis.ESTIMATED

    @property
    def columns(self) -> tuple[Column, ...]:
        """As a table."""
        said = [
            "none" if r.mid_ms is None else f"{r.mid_ms:.2f} [{r.low_ms:.2f}, {r.high_ms:.2f}]" for r in self.rows
        ]  # fmt: skip
        return (
            Column(title=("recipe",), cells=tuple(r.recipe for r in self.rows), align="left"),
            Column(title=("parameter bytes", "on the chip (predicted)"), cells=tuple(_count(r.parameter_bytes) for r in self.rows)),
            Column(title=("ms per call", f"({self.basis}, 80 %)"), cells=tuple(said)),
        )

    def __repr__(self) -> str:
        return f"{render_text(self.columns, 100)}Edge TPU on {self.host}, {self.bus}; {self.basis}, not measured"

    def _repr_html_(self) -> str:
        where = f"Edge TPU on {escaped(self.host)}, {escaped(self.bus)}; {self.basis}, not measured"
        return f"{render_html(self.columns)}<p><small>{where}</small></p>"


def _count(number: int | None) -> str:
    return "" if number is None else f"{number:,}"


def show_estimates(records: Sequence[Record]) -> Estimates:
    """What one inference of each variant would take on an Edge TPU, as its record estimates it.

    Raises:
        InputError: none of the records holds an estimate.
    """
    known = [record for record in records if record.estimate is not None]
    if not known or known[0].estimate is None:
        raise InputError("none of these records holds an estimate: give int8 variants")
    rows = []
    for record in known:
        found = None if record.estimate is None else record.estimate.latency_ms
        chip = None if record.parameters is None else record.parameters.on_chip_bytes + record.parameters.off_chip_bytes
        rows.append(
            EstimateRow(
                recipe=record.recipe,
                parameter_bytes=chip,
                low_ms=None if found is None else found.low,
                mid_ms=None if found is None else found.mid,
                high_ms=None if found is None else found.high,
            )
        )
    return Estimates(rows=tuple(rows), host=known[0].estimate.host, bus=known[0].estimate.bus)
