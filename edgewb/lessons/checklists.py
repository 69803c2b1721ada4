"""The eight points one text wants settled before a quantised model goes to the field, filled in for a model: with evidence, or open.

The points are those of the TechnoLynx deployment guide (document "iot" of ``data/claims.toml``), in our own words. A point is answered by a
figure with its basis and n, never by a tick.
"""

from __future__ import annotations

import html
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgewb.bundles import BundledStudy
from edgewb.compilers.inspections import inspect
from edgewb.errors import InputError
from edgewb.lessons.checklist_measurements import EDGETPU, gather, memory, power, profile, temperature
from edgewb.lessons.checklist_points import (
    ACCEPTABLE,
    ANSWERED,
    FORMATS_POINT,
    NOT_NEEDED,
    OPEN,
    STATES,
    TEMPERATURE_POINT,
    Point,
    accuracy_wanted,
    after_ptq,
    calibration,
    field_data,
    formats,
    if_not_enough,
    updates,
)
from edgewb.lessons.checklist_sources import HasRecords, find_origin
from edgewb.locations import write_whole
from edgewb.recommendations import check_budget
from edgewb.robustness import ShiftedAccuracy
from edgewb.targets import split_target
from edgewb.types import Jsonable


@dataclass(frozen=True, kw_only=True, repr=False)
class Checklist(Jsonable):
    """The points for one model; ``beyond`` are three that the list does not have: data of the field, memory, updates."""

    file: str
    sha256: str
    study: str
    points: tuple[Point, ...]
    beyond: tuple[Point, ...]

    @property
    def open_points(self) -> tuple[int, ...]:
        """The numbers of those that are open."""
        return tuple(point.number for point in self.points if point.state == OPEN)

    def to_markdown(self) -> str:
        """The list as Markdown."""
        lines = [f"# Before it goes to the field: {self.file}", "", f"sha256 `{self.sha256}` · {self.study}", "", self._summary()]
        for title, points in (("The eight points", self.points), ("Beyond the list", self.beyond)):
            lines += ["", f"## {title}", ""]
            for point in points:
                lines.append(f"{point.number}. **{point.asks}** — *{point.state}*. {point.answer}")
                if point.to_do:
                    lines.append(f"   To do: {point.to_do}")
        return "\n".join(lines) + "\n"

    def _summary(self) -> str:
        counts = [f"{sum(point.state == state for point in self.points)} {state}" for state in STATES]
        return f"{', '.join(counts)} of {len(self.points)} points. None is answered without a figure; what your word settles says so."

    def __repr__(self) -> str:
        return self.to_markdown()

    def _repr_html_(self) -> str:
        def rows(points: Sequence[Point]) -> str:
            cell = "padding: .35em .7em; text-align: left; vertical-align: top; border-bottom: 1px solid rgba(128,128,128,.35)"
            marks = {ANSWERED: "✓\u00a0answered", OPEN: "○\u00a0open", NOT_NEEDED: "–\u00a0not\u00a0needed"}
            made = []
            for point in points:
                answer = html.escape(point.answer) + (f"<br><b>To do:</b> {html.escape(point.to_do)}" if point.to_do else "")
                texts = (str(point.number), html.escape(point.asks), marks[point.state], answer)
                cells = "".join(f'<td style="{cell}">{text}</td>' for text in texts)
                made.append(f"<tr>{cells}</tr>")
            return "".join(made)

        head = "".join(f'<th style="padding: .35em .7em; text-align: left">{word}</th>' for word in ("", "point", "state", "answer"))
        parts = ""
        for title, points in (("The eight points", self.points), ("Beyond the list", self.beyond)):
            inside = f"<thead><tr>{head}</tr></thead><tbody>{rows(points)}</tbody>"
            table = f'<table style="border-collapse: collapse; font-size: 95%">{inside}</table>'
            parts += f'<h4>{title}</h4><div style="overflow-x: auto">{table}</div>'
        where = f"<code>{html.escape(self.file)}</code>, sha256 <code>{self.sha256[:16]}…</code>, {html.escape(self.study)}"
        return f"<p>{where}<br>{html.escape(self._summary())}</p>{parts}"

    def write(self, path: str | Path) -> Path:
        """Write it as .md or .html, whole or not at all.

        Raises:
            InputError: another ending. StorageError: it cannot be written there.
        """
        target = Path(path)
        if target.suffix not in (".md", ".html"):
            raise InputError(f"{str(path)!r}: a checklist is written as .md or .html: give a name that ends so")
        if target.suffix == ".md":
            return write_whole(target, self.to_markdown())
        style = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
        head = f'<meta charset="utf-8"><title>Checklist: {html.escape(self.file)}</title><style>{style}</style>'
        body = f"<h1>Before it goes to the field</h1>{self._repr_html_()}"
        page = f'<!doctype html>\n<html lang="en"><head>{head}</head><body>{body}</body></html>\n'
        return write_whole(target, page)


def fill_checklist(
    model: str | Path,
    study: HasRecords | None = None,
    *,
    source: str | Path | None = None,
    budget_points: float | None = None,
    shifts: Sequence[ShiftedAccuracy] = (),
    measured: Sequence[str | Path] = (),
    field: str = EDGETPU,
    accept: Collection[int] = (),
) -> Checklist:
    """The eight points for a model.

    Args:
        model: the .tflite that is to be deployed, before or after the Edge TPU compiler.
        study: where it comes from, bundled or run. The record of this very file is looked for in it; of a compiled file, the record of the
            model whose parameters it holds.
        source: of a compiled file: the model it was made from, where the study does not have it as a file.
        budget_points: points of accuracy that may be lost; by default the study's.
        shifts: what ``edgewb.compare_under_shifts`` returned for it.
        measured: files that ``edgewb measure MODEL --json`` wrote for this very file.
        field: the target that the field has; only measurements on it answer for it.
        accept: numbers of points that your word settles, see ``checklist_points.ACCEPTABLE``.

    Raises:
        ModelFileError: not a readable model.
        InputError: a measurement of another file or none at all, a source the file was not made from, a point no word can settle.
    """
    if wrong := [number for number in accept if number not in ACCEPTABLE]:
        raise InputError(f"accept {wrong[0]!r}: your word settles {' and '.join(map(str, ACCEPTABLE))} only; the others want a figure")
    if budget_points is not None:
        check_budget(budget_points)
    field, _ = split_target(field)
    seen = inspect(model)
    origin = find_origin(seen, model, study, source)
    own = origin.record
    beside = study.records if study is not None and own is not None else ()  # what another model lost says nothing about this one
    budget = budget_points
    if budget is None and own is not None:
        budget = getattr(study, "budget_points", None) or getattr(getattr(study, "recommendation", None), "budget_points", None)
    evidence = gather(seen, own, measured, field)
    points = (
        accuracy_wanted(budget),
        formats(seen, FORMATS_POINT in accept, field),
        calibration(own),
        after_ptq(beside, budget),
        if_not_enough(beside, budget),
        profile(evidence, model, field),
        power(evidence, model, field),
        temperature(evidence, field, TEMPERATURE_POINT in accept),
    )
    about = origin.said
    if isinstance(study, BundledStudy):
        about += f". {study.about}"
    return Checklist(
        file=Path(model).name,
        sha256=seen.sha256,
        study=about,
        points=points,
        beyond=(field_data(shifts), memory(seen, evidence, model, field), updates(seen)),
    )
