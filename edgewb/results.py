"""One variant's record: its file put where the user finds it, measured once per machine, compared with float, kept."""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import os
import zlib
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgewb.answers import Predictions, count_answers
from edgewb.caches import code_fingerprint, fingerprint
from edgewb.environments import environment
from edgewb.errors import ConversionError, EdgewbError, InputError, ModelFileError, TargetError
from edgewb.locations import write_whole
from edgewb.model_files import ModelSource
from edgewb.optimizers.recipes import REFERENCE, Recipe
from edgewb.optimizers.workers import Worker
from edgewb.powers import EnergyPlan, sample_seconds, unseen
from edgewb.preparations import RUN_LIMIT
from edgewb.records import RecordStore
from edgewb.records.formats import plain
from edgewb.scores import Answered, by_task, compare, score
from edgewb.stages import Stages, Variant
from edgewb.targets import Converts, identify_target, open_target, split_target, target_form
from edgewb.tflite.graphs import Graph
from edgewb.types import Basis, ErrorDelta, Latency, OpPlacement, Parameters, Placement, Record

_REASON_LENGTH = 400  # what a record may hold of a message and still be imported elsewhere

_MEASUREMENT_CODE = (
    "accuracies.py",
    "answers.py",
    "datasets.py",
    "splits.py",
    "intervals.py",
    "residuals.py",
    "scores.py",
    "latencies.py",
    "optimizers/onnx_conversion.py",
    "sampling.py",
    "preparations.py",
    "timings.py",
    "recordings.py",
    "conditions.py",
    "neighbours.py",
    "powers.py",
    "meters.py",
    "counters.py",
    "targets",
    "tflite",
    "compilers",
    "estimates",
    "input_ranges.py",
    "stage_keys.py",
    "stages.py",
    "results.py",
    "types",
)


@dataclass(frozen=True)
class Setting:
    """What a study was asked for, checked. ``left_out`` holds a note for each target that is not installed here; without a meter ``energy``
    is None."""

    source: ModelSource
    recipes: tuple[Recipe, ...]
    targets: tuple[str, ...]
    budget: float
    out: Path
    seed: int
    left_out: tuple[str, ...] = ()
    shifts: tuple[str, ...] = ()
    energy: EnergyPlan | None = None


@dataclass(frozen=True)
class BothAnswers:
    """A variant's answers to the test and to the validation examples."""

    test: Answered
    validation: Answered

    @property
    def digest(self) -> str:
        """Of every answer and score: what is compared with these depends on them."""
        return hashlib.sha256(b"".join(a.tobytes() for answered in (self.test, self.validation) for a in answered.arrays)).hexdigest()


def _parameters(graph: Graph, placements: Sequence[OpPlacement]) -> Parameters | None:
    """Predicted parameter bytes on and off the chip; None when nothing would be on it."""
    from edgewb.compilers.budgets import budget

    if not any(placed.placement is Placement.EDGETPU for placed in placements):
        return None
    memory = budget(graph, placements)
    return Parameters(on_chip_bytes=memory.on_chip_bytes, off_chip_bytes=memory.off_chip_bytes, basis=Basis.PREDICTED)


def _measure(path: Path, setting: Setting, worker: Worker, alone: Container[str]) -> tuple[tuple[Latency, ...], dict[str, str]]:
    """The latency of a file on each target, in turns with float32 there; and why a target has none.

    Raises:
        ModelFileError, ConversionError: no target takes the file. TargetError: a target failed. StudyCancelled: asked to stop.
    """
    from edgewb.measurements import measure

    reference = setting.out / "models" / f"{REFERENCE}.tflite"
    latencies: list[Latency] = []
    refusals: dict[str, EdgewbError] = {}
    for target in setting.targets:
        worker.check()
        name = target_form(target)
        beside = None if name in alone else reference
        try:
            with open_target(target) as opened:
                if isinstance(opened, Converts):  # here, where a process with TensorFlow may be running already
                    for file in {path, beside or path}:
                        opened.convert(file, worker)
            measured = measure(path, target, beside=beside)
        except (ModelFileError, ConversionError) as error:
            refusals[name] = error
            continue
        if measured.failed is not None:  # half a sample would be kept as a whole one, and never be taken again
            raise TargetError(
                f"{name} failed while {path.name} was measured, after {measured.runs} calls: {measured.failed}; the same command goes on "
                "with this variant"
            )
        latency = measured.to_latency()
        latencies.append(latency if setting.energy is None else _with_energy(latency, path, target, setting.energy))
    if refusals and not latencies:
        raise next(iter(refusals.values()))
    # A record holds no path, neither of the files nor of a recording or a profile that a target was given.
    known = [path, reference, *(Path(found) for target in setting.targets if (found := split_target(target)[1]) and os.path.exists(found))]
    return tuple(latencies), {name: _without_folders(str(error), known)[:_REASON_LENGTH] for name, error in refusals.items()}


def _with_energy(latency: Latency, path: Path, target: str, plan: EnergyPlan) -> Latency:
    """The same with the energy of a call, from calls of their own: in turns with another model no meter tells the two apart.

    A meter that fails costs no study: ``energy_missing`` says why there is none.
    """
    from edgewb.measurements import measure

    spent, missing = None, unseen(latency.basis)
    if missing is None:
        try:
            measured = measure(path, target, runs=RUN_LIMIT, seconds=sample_seconds(plan), energy=plan)
            spent, missing = measured.energy, measured.energy_missing
        except InputError as error:  # it may name a path or a command, which no record holds
            missing = "the meter could not be opened, or gave no number" + ("" if "--meter" in str(error) else f": {error}")
    return dataclasses.replace(latency, energy=spent, energy_missing=None if missing is None else plain(missing)[:_REASON_LENGTH])


def _without_folders(text: str, files: Sequence[Path]) -> str:
    for file in sorted(files, key=lambda file: -len(str(file))):
        text = text.replace(str(file), file.name)
    return text


def teaching_notes(right: Mapping[str, BothAnswers]) -> list[str]:
    """What a teacher brought to each distilled variant: its paired difference from the same student trained alone, on the test examples.

    Args:
        right: the answers of all finished variants, per recipe.
    """
    notes = []
    for name in right:
        if not name.startswith("distill"):
            continue
        alone = name.replace("distill", "student", 1)
        if alone not in right:
            notes.append(f"{name}: its difference from float32 does not tell what the teacher brought; run {alone} beside it")
            continue
        delta = compare(right[name].test, right[alone].test, alone)
        of, test = (" of R2", "Wilcoxon") if isinstance(delta, ErrorDelta) else ("", "McNemar")
        notes.append(
            f"{name} against {alone}, the same student with the same start, batches and steps but no teacher: {delta.points:+.1f} "
            f"points{of} (95 % interval {delta.ci95[0]:+.1f} to {delta.ci95[1]:+.1f}, {test} p {delta.p_value:.2g}, n {delta.n}, measured);"
            " one training each, so how much trainings differ by themselves is not in it"
        )
    return notes


def record_variant(
    stages: Stages,
    setting: Setting,
    recipe: Recipe,
    variant: Variant,
    answers: dict[str, BothAnswers],
    store: RecordStore,
    alone: Container[str] = (),
) -> tuple[Record, Path]:
    """Put the file where the user finds it, and measure it unless exactly this was measured on this machine before.

    Args:
        answers: those of the variants so far, per recipe; this one's are added.
        alone: targets that did not take float32, where there is nothing to measure a variant beside.

    Returns:
        The record, which is in the store, and the path of the file.
    """
    from edgewb.compilers.placement import place, summarise
    from edgewb.estimates.estimations import estimated_latency
    from edgewb.tflite.reader import read_graph

    path = write_whole(setting.out / "models" / f"{recipe.name}.tflite", variant.content)
    file = str(path.absolute())  # who reads the record later may stand in another folder
    sha256 = hashlib.sha256(variant.content).hexdigest()
    own = answers[recipe.name] = BothAnswers(stages.test_answers(path, sha256), stages.validation_answers(path, sha256))
    key = fingerprint(
        {
            "variant": variant.key,
            "file": sha256,
            "reference": answers[REFERENCE].digest,
            "names": [stages.dataset.name, setting.source.name],
            "targets": [identify_target(target) for target in setting.targets],
            "code": code_fingerprint(_MEASUREMENT_CODE),
            "environment": environment().to_dict(),
            **({"shifts": setting.shifts} if setting.shifts else {}),
            **({"energy": dataclasses.asdict(setting.energy)} if setting.energy else {}),
        }
    )
    # An imported record has its maker's word only, even under the key of what was done here.
    if kept := store.query(key=key, origin="local"):
        return dataclasses.replace(kept[0], file=file), path
    graph = read_graph(variant.content)
    placements = place(graph)
    latencies, not_measured = _measure(path, setting, stages.worker, alone)
    compared = answers[REFERENCE] if recipe.name != REFERENCE else None
    tested = None if compared is None else compare(own.test, compared.test, REFERENCE)
    validated = None if compared is None else compare(own.validation, compared.validation, REFERENCE)
    counted = None
    if isinstance(own.test, Predictions):
        before = compared.test if compared is not None and isinstance(compared.test, Predictions) else None
        counted = count_answers(own.test, stages.dataset.class_names, "cpu", before, REFERENCE)
    record = Record(
        key=key,
        recipe=recipe.name,
        dataset=stages.dataset.name,
        dataset_fingerprint=stages.dataset.fingerprint,
        model=setting.source.name,
        file=file,
        sha256=sha256,
        size_bytes=len(variant.content),
        compressed_bytes=len(zlib.compress(variant.content, 9)),
        **by_task("accuracy", "errors", score(own.test, "cpu")),
        **by_task("accuracy_delta", "error_delta", tested),
        **by_task("validation_delta", "validation_error_delta", validated),
        answers=counted,
        placement=summarise(placements),
        parameters=_parameters(graph, placements),
        latency=latencies,
        not_measured=not_measured,
        estimate=estimated_latency(path),
        environment=environment(),
        seed=setting.seed,
        settings={
            "training": dataclasses.asdict(stages.settings),
            "input_range": list(stages.input_range),
            **({} if stages.output_scale is None else {"task": str(stages.dataset.task), "output_scale": list(stages.output_scale)}),
            "model_kind": str(setting.source.kind),
            "model_sha256": setting.source.sha256 or setting.source.weights_sha256 or None,
            **({"weights": Path(setting.source.weights).name} if setting.source.weights else {}),
            **({"shifts": list(setting.shifts)} if setting.shifts else {}),
            **variant.facts,
        },
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    )
    if not store.add(record):  # another process was first: what is shown is what is kept
        record = dataclasses.replace(store.query(key=key)[0], file=file)
    return record, path
