"""What the explorer says about one variant, and about two side by side: figures, placement, answers, everything else in the record."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgewb.powers import energy_text
from edgewb.records.columns import energy_cell, notes, summary_columns, watermarks
from edgewb.records.formats import plain
from edgewb.records.tables import Column
from edgewb.types import Recommendation, Record
from edgewb.verdicts import verdict_text
from edgewb.views.confusions import ConfusionInfo, FlipCard, confusion_info, read_confusion
from edgewb.views.tradeoffs import references_of
from edgewb.views.widgets.explorer_downloads import find_model


@dataclass(frozen=True)
class FigureRow:
    """A figure of each variant shown; ``detail`` says what its numbers are. Basis and n stand below the table of all variants."""

    name: str
    detail: str
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Segment:
    """A part of the placement bar: ``share`` of all ops in percent, from ``start``."""

    kind: str
    count: int
    words: str
    start: float
    share: float


@dataclass(frozen=True)
class Panel:
    """One variant. ``pictured`` are the flips that there is a picture of in ``pictures``; ``download``: its file can be saved."""

    recipe: str
    roles: tuple[str, ...]
    verdict: str
    segments: tuple[Segment, ...]
    placement: str
    answers: ConfusionInfo | None
    reading: str
    pictured: tuple[FlipCard, ...]
    pictures: Mapping[int, str]
    facts: tuple[tuple[str, str], ...]
    download: bool


@dataclass(frozen=True)
class Overview:
    """What is said of all records of a study together: the columns of their table, the notes below it, and what was not measured."""

    columns: tuple[Column, ...]
    notes: tuple[str, ...]
    watermarks: tuple[str, ...]


def make_overview(records: Sequence[Record]) -> Overview:
    return Overview(tuple(summary_columns(records)), tuple(notes(records)), tuple(watermarks(records)))


def figure_rows(shown: Sequence[Record], records: Sequence[Record], columns: Sequence[Column]) -> tuple[FigureRow, ...]:
    """The columns of the table of all ``records`` as rows, for those ``shown`` of them."""
    places = [next(i for i, record in enumerate(records) if record.key == one.key) for one in shown]
    rows = [
        FigureRow(column.title[0], " ".join(column.title[1:]), tuple(column.cells[place] for place in places)) for column in columns[1:]
    ]
    return tuple(row for row in rows if any(row.cells))


def make_panel(record: Record, records: Sequence[Record], recommendation: Recommendation | None, pictures: Mapping[int, str]) -> Panel:
    """What is said about a record among those of its study."""
    info = confusion_info(record, records)
    verdict = next((v for v in recommendation.verdicts if v.recipe == record.recipe), None) if recommendation else None
    chosen = recommendation is not None and recommendation.recipe == record.recipe
    reference = record.recipe in references_of(records)
    return Panel(
        recipe=record.recipe,
        roles=tuple(word for word, there in (("recommended", chosen), ("the reference", reference)) if there),
        verdict=verdict_text(verdict) if verdict else "",
        segments=_segments(record),
        placement=_placement_text(record),
        answers=info,
        reading=read_confusion(info) if info is not None else "",
        pictured=tuple(card for card in info.cards if card.index in pictures) if info is not None else (),
        pictures=pictures,
        facts=tuple(_facts(record)),
        download=find_model(record) is not None,
    )


def _segments(record: Record) -> tuple[Segment, ...]:
    placed, segments, start = record.placement, [], 0.0
    kinds = (("edgetpu", placed.ops_edgetpu, "Edge TPU"), ("cpu", placed.ops_cpu, "CPU"), ("unknown", placed.ops_unknown, "unknown"))
    for kind, count, words in kinds:
        if count:
            share = 100 * count / placed.ops_total
            segments.append(Segment(kind, count, f"{count} {words}", round(start, 2), round(share, 2)))
            start += share
    return tuple(segments)


def _placement_text(record: Record) -> str:
    placed = record.placement
    text = f"{placed.ops_edgetpu} of {placed.ops_total} ops would run on the Edge TPU, {placed.ops_cpu} on the CPU"
    text += f", {placed.ops_unknown} are unknown" if placed.ops_unknown else ""
    text += f" ({placed.basis})"
    if (held := record.parameters) is not None:
        text += f"; {held.on_chip_bytes:,} bytes of parameters on the chip, {held.off_chip_bytes:,} streamed ({held.basis})"
    return text + "."


def _facts(record: Record) -> list[tuple[str, str]]:
    where = record.environment
    facts = [
        ("File", f"{Path(record.file).name}, {record.size_bytes:,} bytes"),
        ("sha256", record.sha256),
        ("Made", f"{record.created.replace('T', ' ')} on {where.cpu}, {where.cores} cores"),
        ("Seed", str(record.seed)),
        ("Origin", record.origin),
    ]
    for sample in record.latency:
        text = f"n = {sample.n} calls after {sample.warmup_runs} of warm-up, {sample.kernels}, threads {sample.threads} ({sample.basis})"
        facts.append((f"Latency on {sample.target}", text))
        facts += [(f"Energy on {sample.target}", line.strip()) for line in energy_text(sample.energy, sample.energy_missing)]
        if sample.conditions is not None and sample.conditions.notes:
            facts.append((f"Beside it, {sample.target}", "; ".join(sample.conditions.notes)))
    if (guess := record.estimate) is not None and guess.energy_mj is not None:
        text = f"{energy_cell(guess)} mJ per inference ({guess.basis}; {guess.energy_mj.assumption})"
        facts.append((f"Energy on an Edge TPU ({guess.host}, {guess.bus}, {guess.clock} clock)", text))
    facts += [(f"Not measured on {target}", reason) for target, reason in record.not_measured.items()]
    facts += [(f"Setting {name}", _setting(value)) for name, value in record.settings.items()]
    facts.append(("Versions", ", ".join(f"{name} {version}" for name, version in where.packages.items())))
    return [(plain(name), plain(text)) for name, text in facts]


def _setting(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def clauses_of(text: str) -> list[str]:
    """A long sentence in its parts, at the semicolons and full stops outside brackets, so that it can be read as a list."""
    parts, depth, start = [], 0, 0
    for i, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if not depth and (letter == ";" or text[i : i + 2] == ". "):
            parts.append(text[start:i])
            start = i + 1
    return [part.strip() for part in (*parts, text[start:]) if part.strip()]
