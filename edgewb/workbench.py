"""The verbs that join a study with its views: run it, write its report, hand back one object that shows itself."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgewb.datasets import Dataset, load_dataset, shift_dataset, unshifted_name
from edgewb.errors import InputError
from edgewb.measurements import Evaluation
from edgewb.optimizers.recipes import DEMO_RECIPES
from edgewb.paired_evaluations import PairedEvaluation
from edgewb.parities import Parity
from edgewb.powers import EnergyPlan
from edgewb.recommendations import report_name
from edgewb.recorders import Recorder
from edgewb.reproductions import Asked, command_line
from edgewb.robustness import ShiftedAccuracy, compare_under_shifts, shifts_text
from edgewb.shifts import decode_shifts
from edgewb.studies import Outcome, run_study
from edgewb.study_contexts import StudyContext
from edgewb.targets import target_form
from edgewb.types import Jsonable, Recommendation, Record, Skipped, Task


@dataclass(frozen=True, kw_only=True, repr=False)
class Study(Jsonable):
    """What a study came to; ``print`` it or let a notebook show it.

    ``skipped`` lists recipes that were not run or failed, each with its reason; ``report`` is the path of the HTML page. ``shifts``
    holds every variant under each shift that was asked for, see ``robustness``.
    """

    records: tuple[Record, ...]
    recommendation: Recommendation
    report: str
    skipped: tuple[Skipped, ...]
    context: StudyContext
    shifts: tuple[ShiftedAccuracy, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Exactly the JSON: an estimate stands among a record's latencies, too."""
        from edgewb.records import Records

        return {**super().to_dict(), **Records(self.records).to_dict()}

    def __repr__(self) -> str:
        return self.to_text()

    def to_text(self, width: int = 100, colour: bool = False) -> str:
        """The table, the recommendation and what was skipped, as text of so many columns."""
        from edgewb.views.tables import table_text

        text = table_text(self.records, self.recommendation, self.skipped, width=width, colour=colour)
        return f"{text}\n\n{shifts_text(self.shifts)}" if self.shifts else text

    def _repr_html_(self) -> str:
        from edgewb.views.tables import summary_html

        return summary_html(self.records, self.recommendation)


def run(
    dataset: str | Path = "digits",
    recipes: str | Sequence[str] = DEMO_RECIPES,
    *,
    model: str | Path | None = None,
    weights: str | Path | None = None,
    targets: Sequence[str] | None = None,
    budget: float = 1.0,
    out: str | Path | None = None,
    seed: int = 0,
    fast: bool = False,
    input_range: tuple[float, float] | None = None,
    progress: bool = False,
    shifts: str | Sequence[str] = (),
    task: str | None = None,
    energy: EnergyPlan | None = None,
) -> Study:
    """Run a study (see ``edgewb.studies.run_study`` for the arguments) and write its report beside its models.

    That is ``report.html``, and for another budget than 1 point ``report-budget0.5.html`` or the like: one does not replace the other.

    Args:
        shifts: under which each variant is also evaluated, such as ``"noise3,blur1"`` (see ``shifts.SHIFTS``); images only.

    Raises:
        EdgewbError: bad input; what was finished before is kept, and the next run goes on from there.
    """
    names = _check_shifts(shifts, dataset, seed, task)
    outcome = run_study(
        dataset,
        recipes,
        model=model,
        weights=weights,
        targets=targets,
        budget=budget,
        out=out,
        seed=seed,
        fast=fast,
        input_range=input_range,
        progress=progress,
        task=task,
        shifts=names,
        energy=energy,
    )
    asked = Asked(
        dataset=Path(dataset).name,
        recipes=tuple(name.strip() for name in (recipes.split(",") if isinstance(recipes, str) else recipes)),
        model=_last_name(model),
        weights=_last_name(weights),
        targets=tuple(target_form(target) for target in outcome.context.targets),
        budget=budget,
        seed=seed,
        input_range=input_range,
        task=task,
        shifts=names,
        fast=fast,
    )
    shifted = _compare_shifted(outcome, dataset, names, seed, task) if names else ()
    return Study(
        records=outcome.records,
        recommendation=outcome.recommendation,
        report=str(_write_report(outcome, command_line(asked), shifted)),
        skipped=outcome.skipped,
        context=outcome.context,
        shifts=shifted,
    )


def _check_shifts(shifts: str | Sequence[str], dataset: str | Path, seed: int, task: str | None) -> tuple[str, ...]:
    """Before any work: minutes of training should not end at a misspelt shift, or at a table, which has none."""
    names = decode_shifts(shifts if isinstance(shifts, str) else tuple(shifts))
    if names and not os.path.isdir(dataset):
        shift_dataset(load_dataset(dataset, seed=seed, task=task), names[0])
    return names


def _compare_shifted(
    outcome: Outcome, dataset: str | Path, shifts: tuple[str, ...], seed: int, task: str | None
) -> tuple[ShiftedAccuracy, ...]:
    shape = outcome.context.input_shape
    size = (shape[0], shape[1], shape[2]) if os.path.isdir(dataset) else None
    data = load_dataset(dataset, seed=seed, image_size=size, task=task)
    about = outcome.context
    return compare_under_shifts(outcome.files, data, shifts, input_range=about.input_range, output_scale=about.output_scale)


def evaluate(
    path: str | Path,
    dataset: str | Path | Dataset,
    target: str = "cpu",
    input_range: tuple[float, float] | None = None,
    seed: int | None = None,
    output_scale: tuple[float, float] | None = None,
    task: str | None = None,
) -> Evaluation:
    """Accuracy of a .tflite classifier, or errors of a regression, on the test split of a data set (see ``accuracies.evaluate``).

    Args:
        input_range, seed: by default those recorded when edgewb made this file, so that its test split holds nothing it was trained on;
            for other files 0..1 and 0.
        output_scale, task: likewise; for other files as in ``accuracies.evaluate``.

    Raises:
        InputError: the data do not fit the model, or a seed is given that differs from the recorded one.
    """
    from edgewb import measurements

    made = _as_made(path, dataset, input_range, seed, task)
    scale = output_scale or made.output_scale
    return measurements.evaluate(path, dataset, target, made.input_range, made.seed, scale, made.task)


def evaluate_against(
    path: str | Path,
    other: str | Path,
    dataset: str | Path | Dataset,
    target: str = "cpu",
    input_range: tuple[float, float] | None = None,
    seed: int | None = None,
    task: str | None = None,
) -> PairedEvaluation:
    """Two files on the same test split: what each is worth, and the paired change with interval and p (see ``paired_evaluations``).

    Args:
        other: the file to compare with.
        input_range, seed, task: as for ``evaluate``, for both; by default those recorded for each.

    Raises:
        InputError: as for ``evaluate``; also where the two were made with different splits, so that one was trained on examples the other
            is tested on.
    """
    from edgewb.paired_evaluations import Asked, evaluate_pair

    made = _as_made(path, dataset, input_range, seed, task)
    before = _as_made(other, dataset, input_range, made.seed if seed is None else seed, task)
    one = Asked(path=path, input_range=made.input_range, output_scale=made.output_scale)
    two = Asked(path=other, input_range=before.input_range, output_scale=before.output_scale)
    return evaluate_pair(one, two, dataset, target, made.seed, made.task)


def prepare_recording(
    path: str | Path,
    out: str | Path,
    target: str = "cpu",
    dataset: str | Path | Dataset | None = None,
    input_range: tuple[float, float] | None = None,
    seed: int | None = None,
    threads: int = 1,
    kernels: str = "xnnpack",
    task: str | None = None,
) -> Recorder:
    """Check that a target's figures and answers can be recorded, before anything is measured (see ``recorders.prepare_recording``).

    Args:
        input_range, seed, task: as for ``evaluate``.

    Raises:
        EdgewbError: see ``recorders.prepare_recording``.
    """
    from edgewb import recorders

    made = _Made(input_range or (0.0, 1.0), seed or 0, task)
    if dataset is not None:
        made = _as_made(path, dataset, input_range, seed, task)
    return recorders.prepare_recording(path, out, target, dataset, made.input_range, made.seed, threads, kernels, made.task)


def compare_targets(
    path: str | Path,
    targets: Sequence[str],
    compiled: str | Path | None = None,
    *,
    dataset: str | Path | Dataset | None = None,
    inputs: int = 100,
    seed: int | None = None,
    input_range: tuple[float, float] | None = None,
    threads: int = 1,
    kernels: str = "xnnpack",
    progress: bool = False,
    task: str | None = None,
) -> Parity:
    """How much the outputs of one model differ between two targets, and which answers flip (see ``parities.compare_targets``).

    Args:
        input_range, seed, task: of a data set, by default as in ``evaluate``; without one, ``seed`` is of the random inputs, by default 0.

    Raises:
        InputError: as there, or a seed is given that differs from the recorded one.
    """
    from edgewb import parities

    if dataset is not None:
        made = _as_made(path, dataset, input_range, seed, task)
        input_range, seed, task = made.input_range, made.seed, made.task
    return parities.compare_targets(
        path,
        targets,
        compiled,
        dataset=dataset,
        inputs=inputs,
        seed=seed or 0,
        input_range=input_range or (0.0, 1.0),
        threads=threads,
        kernels=kernels,
        progress=progress,
        task=task,
    )


@dataclass(frozen=True)
class _Made:
    """How a file is to be fed: as recorded when edgewb made it, or as given. ``output_scale`` None: not known, or of classes."""

    input_range: tuple[float, float]
    seed: int
    task: str | None
    output_scale: tuple[float, float] | None = None


def _as_made(
    path: str | Path, dataset: str | Path | Dataset, input_range: tuple[float, float] | None, seed: int | None, task: str | None
) -> _Made:
    """What was recorded when edgewb made this file for this data set, unless given; else 0..1, seed 0 and what the data are.

    Raises:
        InputError: another seed than the recorded one.
    """
    from edgewb.records import load_records
    from edgewb.tflite.reader import load_bytes

    made = load_records(sha256=hashlib.sha256(load_bytes(path)).hexdigest(), origin="local")
    named = None if isinstance(dataset, Dataset) else unshifted_name(Path(dataset).name)
    recorded = next((r for r in made if named is None or unshifted_name(r.dataset) == named), None)
    if recorded is not None:
        if seed is not None and seed != recorded.seed:
            raise InputError(
                f"{path} was made with seed {recorded.seed}: with the splits of seed {seed} it would be tested on examples it was trained "
                f"on; leave --seed out, or give --seed {recorded.seed}"
            )
        seed = recorded.seed
        low, high = recorded.settings.get("input_range", (0.0, 1.0))
        input_range = input_range or (float(low), float(high))
        if recorded.task is Task.REGRESSION and task in (None, str(Task.REGRESSION)):
            mean, stdev = recorded.settings["output_scale"]
            return _Made(input_range, seed, str(Task.REGRESSION), (float(mean), float(stdev)))
    return _Made(input_range or (0.0, 1.0), seed or 0, task)


def _last_name(path: str | Path | None) -> str | None:
    return None if path is None else Path(path).name


def _write_report(outcome: Outcome, command: str, shifted: tuple[ShiftedAccuracy, ...]) -> Path:
    from edgewb.compilers.inspections import inspect_graph
    from edgewb.tflite.reader import read_graph
    from edgewb.views.pictures import keep_pictures
    from edgewb.views.report import ReportContext, write_report

    about = outcome.context
    pictures = _pictures(outcome)
    keep_pictures(about.dataset_fingerprint, pictures)
    hashes = {record.recipe: record.sha256 for record in outcome.records}
    inspections = {recipe: inspect_graph(read_graph(path), path.name, hashes[recipe]) for recipe, path in outcome.files.items()}
    context = ReportContext(
        dataset=about.dataset,
        dataset_fingerprint=about.dataset_fingerprint,
        classes=about.classes,
        output_scale=about.output_scale,
        splits=about.splits,
        model_description=f"{about.model}: {about.model_description}",
        parameters=about.float_parameters,
        seed=about.seed,
        budget_points=outcome.recommendation.budget_points,
        command=command,
        notes=about.notes,
        inspections={recipe: inspection._repr_html_() for recipe, inspection in inspections.items()},
        pictures=pictures,
        shifts=shifted,
    )
    folder = next(iter(outcome.files.values())).parent.parent
    return write_report(folder / report_name(context.budget_points), outcome.records, outcome.recommendation, outcome.skipped, context)


def _pictures(outcome: Outcome) -> dict[int, str]:
    """Of the flips that the report shows, each once."""
    from edgewb.views.confusions import confusion_info
    from edgewb.views.pictures import can_draw, picture_uri

    infos = [info for record in outcome.records if (info := confusion_info(record, outcome.records)) is not None]
    shown = {card.index for info in infos for card in info.cards} if can_draw() else set()
    return {index: picture_uri(outcome.flipped[index]) for index in sorted(shown & outcome.flipped.keys())}
