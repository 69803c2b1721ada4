"""The report: one HTML file that holds everything it shows and asks nothing from outside."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edgewb.errors import InputError, require
from edgewb.locations import write_whole
from edgewb.optimizers.recipes import decode_recipe
from edgewb.powers import energy_text
from edgewb.records.columns import energy_cell, estimate_cell, notes, summary_columns, watermarks
from edgewb.records.formats import listed, p_value, percent, quantities, three_digits
from edgewb.records.labels import latency_labels
from edgewb.records.tables import MARK, render_html
from edgewb.robustness import ShiftedAccuracy
from edgewb.types import Basis, Jsonable, Recommendation, Record, Skipped
from edgewb.verdicts import verdict_note, verdict_text
from edgewb.views import confusions, infos, plots, readings, target_plots
from edgewb.views.shift_tables import shift_table
from edgewb.watermarks import is_stand_in, watermark

_TEMPLATES = Path(__file__).parent / "templates"
_SHOWN_CLASSES = 100


@dataclasses.dataclass(frozen=True, kw_only=True)
class ReportContext(Jsonable):
    """What was studied, beside the records.

    Attributes:
        splits: images or rows per split, such as ``{"train": 1077, "test": 360}``.
        parameters: weights of the float model; None when not known.
        budget_points: accuracy that may be lost, in points.
        command: what to type to get the same again.
        notes: further lines about data or model.
        output_scale: of a regression, mean and standard deviation that outputs are multiplied out by; None of classes.
        pictures: index of a test example -> ``data:`` address of its picture (see ``pictures.picture_uri``).
        shifts: the variants under each shift that was asked for.
        inspections: recipe -> HTML of ``Inspection._repr_html_``; it is inserted as it is, so only ours may stand here.
    """

    dataset: str
    dataset_fingerprint: str
    classes: int
    splits: dict[str, int]
    model_description: str
    parameters: int | None = None
    seed: int
    budget_points: float
    command: str
    notes: tuple[str, ...] = ()
    inspections: Mapping[str, str] = dataclasses.field(default_factory=dict)
    pictures: Mapping[int, str] = dataclasses.field(default_factory=dict)
    output_scale: tuple[float, float] | None = None
    shifts: tuple[ShiftedAccuracy, ...] = ()


def write_report(
    path: str | os.PathLike[str],
    records: Sequence[Record],
    recommendation: Recommendation,
    skipped: Sequence[Skipped],
    context: ReportContext,
) -> Path:
    """Write the report, whole or not at all; returns its path.

    Raises:
        StorageError: disk full, no permission.
        MissingPackageError: plotly or jinja2 is not installed.
    """
    return write_whole(path, render_report(records, recommendation, skipped, context))


def render_report(records: Sequence[Record], recommendation: Recommendation, skipped: Sequence[Skipped], context: ReportContext) -> str:
    """The page as text."""
    chosen = recommendation.recipe
    return render_page(
        "report.html.j2",
        context=context,
        records=records,
        recommendation=recommendation,
        skipped=skipped,
        chosen=chosen,
        mark=MARK,
        table=render_html(summary_columns(records, chosen)),
        notes=[*notes(records), *filter(None, [verdict_note(recommendation.verdicts, chosen)])],
        figures=_figures(records, recommendation, context),
        shift_table=shift_table(context.shifts),
        details=_details(records, recommendation, context),
        shown_classes=_SHOWN_CLASSES,
        facts=_facts(records, context),
        environments=_environments(records),
        timed_here=listed(s.target for r in records for s in r.latency if s.basis is Basis.MEASURED and not _is_edgetpu(s.target)),
        ran_on_edgetpu=any(_is_edgetpu(target) and basis is Basis.MEASURED for target, basis in _runs(records)),
        watermarks=watermarks(records),
        stands_in=listed(f"{s.target} ({s.basis})" for r in records for s in r.latency if is_stand_in(s.basis)),
        placement_bases=listed(r.placement.basis for r in records),
    )


def render_page(template: str, **content: Any) -> str:
    """A page of ``templates`` with its figures and the scripts that draw them.

    Raises:
        MissingPackageError: plotly or jinja2 is not installed.
    """
    jinja2 = require("jinja2", "views", "for the report")
    offline = require("plotly.offline", "views", "for the figures of the report")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    plotly_script = str(offline.get_plotlyjs())
    drawing_script = (_TEMPLATES / "report.js").read_text(encoding="utf-8")
    page: str = environment.get_template(template).render(
        plotly_script=plotly_script,
        drawing_script=drawing_script,
        # Only these two scripts may run, whatever a record holds.
        script_hashes=[_csp_hash(plotly_script), _csp_hash(drawing_script)],
        **content,
    )
    return page


def _is_edgetpu(target: str) -> bool:
    return "edgetpu" in target.lower()


def _runs(records: Sequence[Record]) -> list[tuple[str, Basis]]:
    """Every (target, basis) that accuracy or latency rests on."""
    scores = [(r.score.target, r.score.basis) for r in records]
    return scores + [(sample.target, sample.basis) for r in records for sample in r.latency]


def _csp_hash(script: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii") + "'"


def _figures(records: Sequence[Record], recommendation: Recommendation, context: ReportContext) -> list[dict[str, Any]]:
    """Title, reading and plotly JSON of each figure that has something to show."""
    chosen, budget = recommendation.recipe, context.budget_points
    result: list[dict[str, Any]] = []

    def add(figure: Any, reading: str) -> None:
        result.append(figure_json(figure, reading))

    if records:
        add(plots.plot_accuracy(records, chosen), readings.read_accuracy(infos.accuracy_info(records, chosen)))
    loss = infos.loss_info(records, chosen, budget)
    if loss.rows:
        add(plots.plot_loss(records, chosen, budget), readings.read_loss(loss))
    labels = latency_labels(records)
    if len(labels) > 1:
        add(target_plots.plot_targets(records, chosen), target_plots.read_targets(target_plots.targets_info(records, chosen)))
    for target in labels:
        add(plots.plot_latency(records, chosen, target), readings.read_latency(infos.latency_info(records, chosen, target)))
    if records:
        add(plots.plot_size(records, chosen), readings.read_size(infos.size_info(records, chosen)))
    if any(r.placement.ops_total for r in records):
        add(plots.plot_placement(records, chosen), readings.read_placement(infos.placement_info(records, chosen)))
    return result


def figure_json(figure: Any, reading: str) -> dict[str, str]:
    """A figure for a page: its title, which the page shows, the sentence that reads it, and the rest as JSON."""
    data = json.loads(figure.to_json())
    title = data["layout"].pop("title")["text"]
    data["layout"]["margin"]["t"] = 30
    # "<" would end the script element that carries it.
    return {"title": title, "reading": reading, "json": json.dumps(data).replace("<", "\\u003c")}


def _facts(records: Sequence[Record], context: ReportContext) -> list[tuple[str, str]]:
    """What was studied, as name and value; what nothing can fill is absent."""
    model = context.model_description
    if context.parameters is not None:
        model += f", {context.parameters:,} parameters"
    facts = [
        ("Data", f"{context.dataset}, {f'{context.classes} classes' if context.output_scale is None else 'a regression'}"),
        ("Examples", ", ".join(f"{size:,} {name}" for name, size in context.splits.items())),
        ("Model", model),
        ("Seed", str(context.seed)),
    ]
    if context.output_scale is not None:
        mean, stdev = context.output_scale
        facts.insert(3, ("Outputs", _scale_text(mean, stdev)))
    if records:
        days = sorted({r.created[:10] for r in records})
        facts.append(("Made", days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"))
        facts.append(("Computer", listed(f"{r.environment.cpu}, {r.environment.cores} cores" for r in records)))
    return facts


def _scale_text(mean: float, stdev: float) -> str:
    if (mean, stdev) == (0.0, 1.0):
        return "one, in the unit of y"
    return f"one, times {stdev:.6g} plus {mean:.6g}: standard deviation and mean of the train split's y"


def _score_rows(record: Record) -> list[tuple[str, str]]:
    """What the test examples say, and how it differs from float, as name and value."""
    if (errors := record.errors) is not None:
        where = f"n = {errors.n} on {errors.target} ({errors.basis})"
        rows = [
            ("R2", f"{errors.r2:.3f} [{errors.r2_ci95[0]:.3f}, {errors.r2_ci95[1]:.3f}], {where}"),
            ("MAE", f"{quantities(errors.mae, *errors.mae_ci95)}, in the unit of y, {where}"),
            ("RMSE", f"{quantities(errors.rmse, *errors.rmse_ci95)}, in the unit of y, {where}; y itself: {errors.truth_stdev:.4g}"),
        ]
        if (moved := record.error_delta) is not None:
            change = f"MAE {moved.mae_change:+.3g} [{moved.mae_change_ci95[0]:+.3g}, {moved.mae_change_ci95[1]:+.3g}]"
            text = f"{change} on the same {moved.n} examples, {moved.test}: p {p_value(moved.p_value)} ({moved.basis})"
            rows.append((f"Against {moved.against}", text))
        return rows
    assert record.accuracy is not None
    rows = [("Correct", f"{record.accuracy.correct} of {record.accuracy.n} on {record.accuracy.target} ({record.accuracy.basis})")]
    if (delta := record.accuracy_delta) is not None:
        rows.append((f"Against {delta.against}", f"gained {delta.gained}, lost {delta.lost} of the same {delta.n} examples"))
    return rows


def _details(records: Sequence[Record], recommendation: Recommendation, context: ReportContext) -> list[dict[str, Any]]:
    """Per variant: what identifies it and what was set, as name and value, and what it answers."""
    result = []
    verdicts = {v.recipe: v for v in recommendation.verdicts}
    for record in records:
        placed = record.placement
        rows = [
            *_promises(record.recipe),
            (
                "File",
                f"{Path(record.file).name}, {record.size_bytes:,} bytes, {record.compressed_bytes:,} compressed ({record.size_basis})",
            ),
            ("sha256", record.sha256),
            *_score_rows(record),
        ]
        if record.recipe in verdicts:
            verdict = verdict_text(verdicts[record.recipe])
            rows.append(("Against the budget", f"{verdict[0].upper()}{verdict[1:]}"))
        if record.answers is not None and (top5 := record.answers.top5) is not None:
            low, high = top5.ci95
            text = f"{top5.correct} of {top5.n}, {percent(top5.value)} % [{percent(low)}, {percent(high)}] ({top5.basis}); "
            rows.append(("Among the five highest", text + "equal scores count against it"))
        counts = [(placed.ops_edgetpu, "on the Edge TPU"), (placed.ops_cpu, "on the CPU"), (placed.ops_unknown, "unknown")]
        shares = ", ".join(f"{count} {name}" for count, name in counts if count)
        rows.append(("Ops", f"{shares or 'none'}, of {placed.ops_total} ({placed.basis})"))
        if record.parameters is not None:
            held = record.parameters
            rows.append(("Parameters", f"{held.on_chip_bytes:,} bytes on chip, {held.off_chip_bytes:,} off chip ({held.basis})"))
        for sample in record.latency:
            text = f"mean {three_digits(sample.latency_ms.mean)} ms, standard deviation {three_digits(sample.latency_ms.stdev)} ms, "
            text += f"n = {sample.n}; first call {three_digits(sample.first_ms)} ms; {sample.warmup_runs} warm-up runs; "
            text += f"{sample.kernels}, threads {sample.threads} ({sample.basis})"
            if sample.facts is not None:
                text += f"; {said}" if (said := watermark(sample.basis, sample.facts)) else ""
            rows.append((f"Latency on {sample.target}", text))
            if said := "; ".join(line.strip() for line in energy_text(sample.energy, sample.energy_missing)):
                rows.append((f"Energy on {sample.target}", said))
            if sample.facts is not None:
                ran = f"{sample.facts.runtime} on {sample.facts.device}"
                rows.append((f"Runtime of {sample.target}", "; ".join((ran, *sample.facts.notes))))
        rows += [(f"Not measured on {target}", reason) for target, reason in record.not_measured.items()]
        if record.estimate is not None:
            guess = record.estimate
            said = f"{estimate_cell(guess)} ms, 80 % interval" if guess.latency_ms is not None else f"none: {guess.refused}"
            rows.append((f"Estimate on an Edge TPU ({guess.host}, {guess.bus}, {guess.clock} clock)", f"{said} ({guess.basis})"))
            if guess.energy_mj is not None:
                rows.append(("Energy there", f"{energy_cell(guess)} mJ per inference ({guess.basis}; {guess.energy_mj.assumption})"))
        rows += [(f"Setting {name}", _setting(value)) for name, value in record.settings.items()]
        info = confusions.confusion_info(record, records)
        result.append(
            {
                "recipe": record.recipe,
                "rows": rows,
                "inspection": context.inspections.get(record.recipe, ""),
                "answers": info,
                "reading": confusions.read_confusion(info) if info is not None else "",
                "pictured": [card for card in info.cards if card.index in context.pictures] if info is not None else [],
            }
        )
    return result


def _promises(name: str) -> list[tuple[str, str]]:
    """What a recipe does and what it can and cannot buy; nothing of a name that is none of ours, as an imported record may have."""
    try:
        recipe = decode_recipe(name)
    except InputError:
        return []
    does, buys = recipe.description, "; ".join(recipe.buys)
    return [("Recipe", f"{does[0].upper()}{does[1:]}"), ("What it buys on an Edge TPU", f"{buys[0].upper()}{buys[1:]}")]


def _setting(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _environments(records: Sequence[Record]) -> list[list[tuple[str, str]]]:
    """Each distinct environment once."""
    distinct = {json.dumps(r.environment.to_dict(), sort_keys=True): r.environment for r in records}
    return [
        [
            ("Python", e.python),
            ("System", f"{e.platform}, {e.machine}"),
            ("Processor", f"{e.cpu}, {e.cores} cores"),
            *sorted(e.packages.items()),
        ]
        for e in distinct.values()
    ]
