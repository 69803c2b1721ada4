"""The eight points one text wants settled before a quantised model goes to the field, filled in for a model: with evidence, or open.

The points are those of the TechnoLynx deployment guide (document "iot" of ``data/claims.toml``), in our own words. A point is answered by a
figure with its basis and n, never by a tick.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from edgewb.bundles import BundledStudy
from edgewb.compilers.inspections import Inspection, inspect
from edgewb.errors import EdgewbError, InputError
from edgewb.estimates.estimations import estimate
from edgewb.locations import write_whole
from edgewb.robustness import NO_SHIFT, ShiftedAccuracy
from edgewb.types import Basis, Jsonable, Record
from edgewb.verdicts import budget_text, judge_loss, verdict_text

ANSWERED, OPEN, NOT_NEEDED = "answered", "open", "not needed"
STATES: Final = (ANSWERED, OPEN, NOT_NEEDED)
_TARGET: Final = "edgetpu"
_ENOUGH_INPUTS: Final = 100  # the guide's lower end; TensorFlow's documentation says around 100 to 500
_NO_STUDY: Final = "give the study the model comes from: fill_checklist(model, study=edgewb.run(...))"


@dataclass(frozen=True, kw_only=True)
class Point(Jsonable):
    """One point. ``answer`` says what is known, with figures, basis and n; ``to_do`` is "" unless the point is open."""

    number: int
    asks: str
    state: str
    answer: str
    to_do: str = ""


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
        return f"{', '.join(counts)} of {len(self.points)} points. Nothing here is answered without a figure."

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


class HasRecords(Protocol):
    """A study: what ``edgewb.run`` returns, or a bundled one."""

    @property
    def records(self) -> Sequence[Record]: ...


def fill_checklist(
    model: str | Path,
    study: HasRecords | None = None,
    *,
    budget_points: float | None = None,
    shifts: Sequence[ShiftedAccuracy] = (),
) -> Checklist:
    """The eight points for a model.

    Args:
        model: the .tflite that is to be deployed, before or after the Edge TPU compiler.
        study: where it comes from, bundled or run; the record of this very file is looked for in it.
        budget_points: points of accuracy that may be lost; by default the study's.
        shifts: what ``edgewb.compare_under_shifts`` returned for it.

    Raises:
        ModelFileError: not a readable model.
    """
    seen = inspect(model)
    records = () if study is None else study.records
    own = next((record for record in records if record.sha256 == seen.sha256), None)
    beside = records if own else ()  # what another model lost says nothing about this one
    budget = budget_points
    if budget is None and own is not None:
        budget = getattr(study, "budget_points", None) or getattr(getattr(study, "recommendation", None), "budget_points", None)
    points = (
        _accuracy_wanted(budget),
        _formats(seen),
        _calibration(own),
        _after_ptq(beside, budget),
        _if_not_enough(beside, budget),
        _profile(own, model),
        _power(own, model),
        _temperature(own),
    )
    about = "no study was given" if study is None else "its record is in the study" if own else "the study has no record of this very file"
    if isinstance(study, BundledStudy):
        about += f". {study.about}"
    return Checklist(
        file=Path(model).name,
        sha256=seen.sha256,
        study=about,
        points=points,
        beyond=(_field_data(shifts), _memory(seen, model), _updates(seen)),
    )


def _point(number: int, asks: str, answer: str, to_do: str = "", state: str | None = None) -> Point:
    return Point(number=number, asks=asks, state=state or (OPEN if to_do else ANSWERED), answer=answer, to_do=to_do)


def _accuracy_wanted(budget: float | None) -> Point:
    asks = "The least accuracy is set, before anything is quantised"
    if budget is None:
        return _point(1, asks, "No budget is known.", "say how many points may be lost: fill_checklist(..., budget_points=1.0)")
    return _point(1, asks, f"At most {budget_text(budget)} may be lost against float32. Whether that was set beforehand, only you know.")


def _formats(seen: Inspection) -> Point:
    asks = "The hardware takes the model's number formats"
    if seen.kind == "compiled":
        return _point(
            2, asks, f"It is compiled, with {seen.ops_cpu or len(seen.ops) - seen.subgraphs} op(s) left on the CPU ({seen.basis})."
        )
    said = f"{seen.ops_edgetpu} of {seen.ops_total} ops would go to the Edge TPU ({seen.basis}, compiler {seen.compiler}, n = 1 file)."
    if seen.ops_edgetpu == seen.ops_total:
        return _point(2, asks, said)
    blocker = seen.first_blocker
    because = "" if blocker is None else f" First blocker: op {blocker.index} {blocker.op}, {blocker.detail}."
    return _point(2, asks, said + because, "mend the first blocker (edgewb fix, edgewb inspect), or accept that the rest runs on the CPU")


def _calibration(own: Record | None) -> Point:
    asks = f"Representative inputs were collected for calibration ({_ENOUGH_INPUTS} at least)"
    if own is None:
        return _point(3, asks, "Not known for this file.", _NO_STUDY)
    size = _calibration_inputs(own)
    if size is None:
        return _point(3, asks, f"The record names the data set {own.dataset!r}, not how many inputs.", "count the calibration split")
    said = f"{size} inputs, the calibration split of {own.dataset!r} (measured, n = {size})."
    return _point(3, asks, said, "" if size >= _ENOUGH_INPUTS else "collect more, of all kinds the field will show")


def _calibration_inputs(own: Record) -> int | None:
    """How many the recipe was given; None where its data are not at hand, or others by now."""
    from edgewb.datasets import load_dataset
    from edgewb.optimizers.recipes import decode_recipe

    try:
        data = load_dataset(own.dataset, seed=own.seed)
        chosen = decode_recipe(own.recipe).choices
    except EdgewbError:
        return None
    if data.fingerprint != own.dataset_fingerprint:
        return None
    return min(chosen.calibration or len(data.calibration), len(data.calibration))


def _compared(records: Sequence[Record], *beginnings: str) -> Record | None:
    return next((r for r in records if r.recipe.startswith(beginnings) and r.delta is not None), None)


def _change(record: Record) -> str:
    delta = record.delta
    assert delta is not None  # only such records are asked
    low, high = delta.ci95
    return f"{record.recipe}: {delta.points:+.1f} points, 95 % interval {low:+.1f} to {high:+.1f} ({delta.basis}, n = {delta.n})"


def _after_ptq(records: Sequence[Record], budget: float | None) -> Point:
    asks = "Post-training quantisation was tried first, and its loss measured"
    ptq = _compared(records, "ptq_int8")
    if ptq is None or ptq.delta is None:
        return _point(4, asks, "No record of it.", _NO_STUDY)
    verdict = "" if budget is None else f" Verdict: {verdict_text(judge_loss(ptq.recipe, ptq.delta, budget))}."
    return _point(4, asks, f"{_change(ptq)}.{verdict}")


def _if_not_enough(records: Sequence[Record], budget: float | None) -> Point:
    asks = "Where that is not enough: quantisation-aware training or distillation"
    ptq = _compared(records, "ptq_int8")
    if ptq is None or ptq.delta is None or budget is None:
        return _point(5, asks, "Cannot be said without the loss and a budget.", "answer points 1 and 4")
    verdict = judge_loss(ptq.recipe, ptq.delta, budget)
    if verdict.outcome == "below":
        return _point(5, asks, f"{verdict_text(verdict)[:1].upper()}{verdict_text(verdict)[1:]}.", state=NOT_NEEDED)
    other = _compared(records, "qat_int8", "equalize", "distill")
    tried = f" Tried: {_change(other)}." if other else ""
    if verdict.outcome == "open":
        return _point(5, asks, f"Not decided: {verdict_text(verdict)}.{tried}", "measure on more test examples, then decide")
    if other is not None and other.delta is not None and judge_loss(other.recipe, other.delta, budget).outcome == "below":
        return _point(5, asks, f"The loss is above the budget.{tried} {verdict_text(judge_loss(other.recipe, other.delta, budget))}.")
    return _point(5, asks, f"The loss is above the budget.{tried}", "run qat_int8, equalize_ptq_int8 or a distilled student")


def _profile(own: Record | None, model: str | Path) -> Point:
    asks = "Its time was measured on the hardware of the field, not on the developer's"
    for latency in own.latency if own else ():
        if latency.target.startswith(_TARGET) and latency.basis is Basis.MEASURED:
            found = f"median {latency.latency_ms.p50:.3g} ms, 99th percentile {latency.latency_ms.p99:.3g} ms"
            return _point(6, asks, f"{latency.target}: {found} (measured, n = {latency.n}).")
    others = ", ".join(sorted({latency.target for latency in own.latency})) if own else ""
    said = f"No measurement on an Edge TPU{f'; there are some on {others}' if others else ''}."
    guess = estimate(model)
    if guess.latency_ms is not None:
        said += f" Estimated, not measured: {guess.latency_ms.low:.2g} to {guess.latency_ms.high:.2g} ms on {guess.host}, {guess.bus}."
    return _point(6, asks, said, "edgewb measure FILE --target edgetpu on the computer that goes to the field")


def _power(own: Record | None, model: str | Path) -> Point:
    asks = "Power was measured under lasting load, not read off a data sheet"
    for latency in own.latency if own else ():
        energy = latency.energy
        if energy is not None and energy.basis is Basis.MEASURED and latency.target.startswith(_TARGET):
            low, high = energy.watts_ci95
            return _point(
                7, asks, f"{energy.watts:.2f} W, 95 % interval {low:.2f} to {high:.2f} (measured by {energy.source}, n = {energy.n})."
            )
    guess = estimate(model).energy_mj
    said = "No measurement."
    if guess is not None:
        said += f" Estimated, not measured: {guess.low:.2g} to {guess.high:.2g} mJ an inference above idle."
    return _point(7, asks, said, "edgewb measure FILE --target edgetpu --meter ... --protocol sustained")


def _temperature(own: Record | None) -> Point:
    asks = "It was tried at the extremes of temperature, where the field has them"
    ambient = [
        latency.energy.ambient_c
        for latency in (own.latency if own else ())
        if latency.energy is not None and latency.energy.protocol == "extremes" and latency.energy.ambient_c is not None
    ]
    if ambient:
        return _point(8, asks, f"Measured at {', '.join(f'{t:g}' for t in sorted(ambient))} degrees C as stated (n = {len(ambient)}).")
    return _point(8, asks, "No measurement.", "--protocol extremes --ambient C at both ends; or note that the field is a heated room")


def _field_data(shifts: Sequence[ShiftedAccuracy]) -> Point:
    asks = "What it gets right when the data differ from the laboratory's"
    shifted = [row for row in shifts if row.shift != NO_SHIFT]
    if not shifted:
        return _point(9, asks, "Not looked at.", "edgewb.compare_under_shifts, or better: labelled examples from the field")
    worst = min(shifted, key=lambda row: row.score.value)
    value, low, high = worst.shown
    made = f"Worst of {len({row.shift for row in shifted})} made shifts: {worst.shift}, {value} [{low}, {high}]"
    said = f"{made} ({worst.score.basis}, n = {worst.score.n})."
    return _point(9, asks, f"{said} Shifts made by arithmetic are no field.", "collect labelled examples from the field")


def _memory(seen: Inspection, model: str | Path) -> Point:
    asks = "Memory while it runs, not only the size of the file"
    size, largest = Path(model).stat().st_size, seen.largest_activation_bytes
    said = f"The file has {size / 1e6:.3g} MB (measured, n = 1)."
    if largest is not None:
        said += f" Its largest activation takes {largest / 1e6:.3g} MB (read from the file)."
    return _point(10, asks, said, "edgewb measure FILE prints the peak of the process; do it on the computer of the field")


def _updates(seen: Inspection) -> Point:
    asks = "How the devices get a new model"
    todo = "who sends it, who sees that it arrived, which version answers a given frame, how to go back, and who compiles it again"
    return _point(11, asks, f"Nothing measures this. This file is known by its sha256 {seen.sha256[:16]}…", todo)
