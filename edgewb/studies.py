"""A study: recipes applied to a model on a data set, each measured, recorded and compared with float; a recommendation; a report."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from edgewb.caches import StageCache
from edgewb.errors import ConversionError, InputError, ModelFileError, TargetError
from edgewb.locations import make_folder
from edgewb.model_files import NO_FINE_TUNING, ModelKind, ModelSource, identify_model
from edgewb.models import MODELS, default_model
from edgewb.optimizers.choices import Conversion, Selection, calibration_refusal
from edgewb.optimizers.quantization_aware import QAT
from edgewb.optimizers.recipes import DEMO_RECIPES, REFERENCE, Recipe, decode_recipe, decode_recipes
from edgewb.optimizers.techniques import STUDENTS
from edgewb.optimizers.training import FAST, FULL, TrainingSettings
from edgewb.optimizers.workers import Worker
from edgewb.powers import EnergyPlan, check_meter, sample_seconds
from edgewb.progress import Bar
from edgewb.recommendations import check_budget, recommend
from edgewb.records import RecordStore
from edgewb.results import BothAnswers, Setting, record_variant
from edgewb.running import Announcement
from edgewb.stages import Stages
from edgewb.study_contexts import StudyContext, describe_study
from edgewb.targets import open_target
from edgewb.types import Recommendation, Record, Skipped, Task

if TYPE_CHECKING:
    from edgewb.datasets import Dataset

STUDY_TARGETS = ("cpu", "onnxruntime", "openvino")
"""Where a study measures unless told otherwise: those of them that are installed. The first decides what counts as fast."""

# Expected seconds on an ordinary laptop with two cores; they only shape the bar's time left.
_START, _TRAIN, _CONVERT, _FINE_TUNE, _QAT_CONVERT, _ANSWER, _MEASURE = 7.0, 9.0, 1.0, 7.0, 2.0, 0.5, 0.3


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a study came to. ``skipped`` lists recipes that were not run or failed, each with its reason.

    ``flipped``: for image data, the test examples listed as flipped by some variant, by their index in the split.
    """

    records: tuple[Record, ...]
    recommendation: Recommendation
    skipped: tuple[Skipped, ...]
    context: StudyContext
    files: dict[str, Path]
    flipped: dict[int, npt.NDArray[Any]]


def run_study(
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
    task: str | None = None,
    shifts: Sequence[str] = (),
    energy: EnergyPlan | None = None,
) -> Outcome:
    """Run recipes on a model and a data set; every finished variant is a record in the database at once.

    Work already done (same data, model, recipe, seed and versions) is taken from the cache. ``float32`` is always included:
    it is what the others are compared with.

    Args:
        dataset: "digits", "breast_cancer", "diabetes", a folder with one sub-folder of images per class, or an .npz.
        recipes: names, or one comma-separated string.
        model: a built-in name or a model file; the default depends on the data.
        targets: where to measure latency, see ``targets.TARGETS``; by default ``STUDY_TARGETS`` as far as they are installed. The first
            decides which variants count as fast.
        budget: accuracy that may be lost, in points; of a regression points of R2: 1 is a fall of R2 by 0.01.
        out: folder for the models (default ``runs/<data set>``, with the model's name and the seed where they were given).
        input_range: what images are scaled to; by default the model's own, found on the validation split for a model file.
        progress: show a bar with the time left on standard error, or in the notebook.
        task: what the y of an .npz is, see ``load_dataset``.
        shifts: under which the variants will be evaluated afterwards, see ``workbench.run``; kept in their records, no more.
        energy: a meter (see ``powers.EnergyPlan``): the energy of a call is measured on each target, in calls of its own after those
            that are timed, some 20 s of them (5 s with the processor's counters) for each variant and target.

    Raises:
        EdgewbError: bad input, a meter that gives no number, a target that cannot be used here, or the float variant itself cannot be
            made. A failing recipe does not raise: it is listed in ``skipped``. StudyCancelled: somebody asked for its end, see
            ``running.cancel_study``.
    """
    decoded = decode_recipes(recipes if isinstance(recipes, str) else list(recipes))
    reference = decode_recipe(REFERENCE)
    decoded = (reference, *(r for r in decoded if r != reference))
    check_budget(budget)
    if energy is not None:
        check_meter(energy)
    if not 0 <= seed < 2**32:
        raise InputError(f"seed {seed} is out of range: give a whole number from 0 to {2**32 - 1}")
    chosen, left_out = _targets(targets)
    settings = FAST if fast else FULL
    source = None if model is None else identify_model(model, weights)
    if source is None and weights is not None:
        raise InputError("--weights needs a model that takes them: --model mobilenet_v2")
    cache = StageCache()
    cache.sweep()
    with Worker() as worker, RecordStore() as store:
        stages = open_stages(dataset, source, seed, settings, input_range, cache, worker, task)
        folder = Path(out) if out is not None else Path("runs") / _folder_name(stages, model)
        setting = Setting(stages.source, decoded, chosen, budget, folder, seed, left_out, tuple(shifts), energy)
        return _run(stages, setting, store, progress)


def _targets(given: Sequence[str] | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The targets to measure on, and a note for each that would have been one and is not here.

    Raises:
        InputError: an unknown target. TargetError: one that was asked for cannot be used here.
    """
    chosen, left_out = [], []
    for target in dict.fromkeys(STUDY_TARGETS if given is None else given):
        with open_target(target) as opened:
            found = opened.available()
        if found.available:
            chosen.append(target)
        elif given is not None:
            raise TargetError(f"target {target!r} cannot be used: {found.reason}; {found.fix}")
        else:
            left_out.append(f"not measured on {target}: {found.reason}; {found.fix}")
    return tuple(chosen), tuple(left_out)


def _folder_name(stages: Stages, model: str | Path | None) -> str:
    """Different studies do not overwrite each other's files."""
    parts = [stages.dataset.name.removesuffix(".npz")]
    if model is not None:
        parts.append(Path(model).name)
    if stages.seed:
        parts.append(f"seed{stages.seed}")
    if stages.settings == FAST:
        parts.append("fast")
    return "-".join(parts)


def open_stages(
    dataset: str | Path,
    source: ModelSource | None,
    seed: int,
    settings: TrainingSettings,
    input_range: tuple[float, float] | None,
    cache: StageCache,
    worker: Worker,
    task: str | None = None,
) -> Stages:
    """Load the data in the shape the model takes, and the model's description where it comes from a file."""
    from edgewb.datasets import DATASET_NAMES, load_dataset, unshifted_name

    def stages_of(chosen: ModelSource) -> Stages:
        return Stages(chosen, seed, settings, input_range, cache, worker)

    if source is not None and not source.trains:
        stages = stages_of(source)
        stages.description = stages.describe()
        shape = tuple(stages.description["input_shape"])
        stages.dataset = load_dataset(dataset, seed=seed, image_size=shape if len(shape) == 3 else None, task=task)
        stages.check_fit(stages.description)
        return stages
    size = None
    if source is not None and str(dataset) not in DATASET_NAMES and os.path.isdir(os.path.expanduser(dataset)):
        size = MODELS[source.name].image_size  # an .npz is taken as it is; built-in networks take any size
    loaded: Dataset = load_dataset(dataset, seed=seed, image_size=size, task=task)
    chosen = source or identify_model(default_model(unshifted_name(loaded.name), loaded.kind))
    spec = MODELS[chosen.name]
    if spec.kind != loaded.kind:
        fitting = ", ".join(name for name, s in MODELS.items() if s.kind == loaded.kind)
        raise InputError(
            f"model {chosen.name!r} is for {spec.kind}, data set {loaded.name!r} holds {loaded.kind}: "
            f"take {fitting}, or your own model file"
        )
    if spec.takes_weights and (loaded.input_shape[-1] != 3 or min(loaded.input_shape[:2]) < 32):
        raise InputError(
            f"model {chosen.name!r} takes colour images of at least 32x32, {loaded.name!r} has {tuple(loaded.input_shape)}: take image_cnn"
        )
    stages = stages_of(chosen)
    stages.dataset = loaded
    return stages


def _refusal(source: ModelSource, recipe: Recipe, data: Dataset) -> str | None:
    """Why this recipe cannot be applied to this kind of model or data, known before any work."""
    if data.task is Task.REGRESSION and recipe.choices.selection is Selection.BALANCED:
        return "its calibration examples are balanced by class, and a regression has no classes: leave _balanced out"
    if recipe.changes_model and not source.fine_tunes:
        return f"it changes the model, which needs a tf_keras model: {source.name} {NO_FINE_TUNING[source.kind]}"
    if source.kind is ModelKind.TFLITE and not (recipe.conversion is Conversion.FLOAT32 or recipe.conversion.is_ptq):
        return "it cannot be made from a .tflite file: give the Keras model or SavedModel it came from"
    return calibration_refusal(recipe.name, recipe.choices, len(data.calibration), data.name)


def _costs(recipes: Sequence[Recipe]) -> dict[str, float]:
    """Expected seconds of making each of these in this order: what begins alike is trained once, by the first of them."""
    costs, trained = {}, set()
    for recipe in recipes:
        qat = recipe.conversion is Conversion.QAT_INT8
        costs[recipe.name] = _QAT_CONVERT if qat else _CONVERT
        fits = [(step.name, _TRAIN if step.technique in STUDENTS else _FINE_TUNE * step.trains) for step in recipe.steps]
        fits += [(QAT, _FINE_TUNE)] * qat
        for end, (_, seconds) in enumerate(fits, start=1):
            if (steps := tuple(name for name, _ in fits[:end])) not in trained:
                trained.add(steps)
                costs[recipe.name] += seconds
    return costs


def _run(stages: Stages, setting: Setting, store: RecordStore, progress: bool) -> Outcome:
    skipped = [Skipped(recipe=r.name, reason=reason) for r in setting.recipes if (reason := _refusal(setting.source, r, stages.dataset))]
    refused = {s.recipe for s in skipped}
    wanted = [r for r in setting.recipes if r.name not in refused]
    if skipped and len(wanted) == 1 and len(setting.recipes) > 1:
        raise InputError(f"recipe {skipped[0].recipe}: {skipped[0].reason}")
    make_folder(setting.out / "models")  # before any work: minutes of training should not end at a folder that cannot be made
    missing = [r for r in wanted if stages.kept_variant(r) is None]
    training = not stages.has_float() and bool(missing)
    metered = 0.0 if setting.energy is None else setting.energy.idle_seconds + sample_seconds(setting.energy)
    measuring = _ANSWER + (_MEASURE + metered) * len(setting.targets)
    costs = _costs(missing)
    total = (_START if missing else 0) + (_TRAIN if training else 0) + sum(costs.values()) + measuring * len(wanted)
    # What is kept comes first, so that no latency is measured beside a worker that loads TensorFlow. Float itself is needed by all.
    order = wanted if wanted[0] in missing else [*(r for r in wanted if r not in missing), *missing]
    records: dict[str, Record] = {}
    files: dict[str, Path] = {}
    answers: dict[str, BothAnswers] = {}
    with _announce(stages, setting, wanted) as announced, Bar(total, progress, announced.report) as bar:
        done = 0.0
        for recipe in order:
            cost = 0.0
            if recipe in missing:
                cost = costs[recipe.name] + _START * (recipe is missing[0] and not training)
                stages.worker.start()
            if training and recipe is missing[0]:
                bar.begin(f"training {setting.source.name}")
                stages.float_weights(_reporter(bar, done, _START + _TRAIN))
                done += _START + _TRAIN
            bar.begin(recipe.name)
            try:
                variant = stages.variant(recipe, _reporter(bar, done, cost * 0.7))
                bar.reach(done := done + cost)
                alone = records[REFERENCE].not_measured if REFERENCE in records else ()
                records[recipe.name], files[recipe.name] = record_variant(stages, setting, recipe, variant, answers, store, alone)
                announced.finish(recipe.name)
            except (ConversionError, ModelFileError) as error:
                if recipe.name == REFERENCE:
                    raise
                skipped.append(Skipped(recipe=recipe.name, reason=str(error)))
                announced.fail(recipe.name)
            bar.reach(done := done + measuring)
    finished = [r.name for r in wanted if r.name in records]
    shown = tuple(records[name] for name in finished)
    return Outcome(
        records=shown,
        recommendation=recommend(shown, setting.budget),
        skipped=tuple(skipped),
        context=describe_study(stages, setting, stages.float_weights()[1], shown, answers),
        files={name: files[name] for name in finished},
        flipped=_flipped(stages, shown),
    )


def _announce(stages: Stages, setting: Setting, recipes: Sequence[Recipe]) -> Announcement:
    """Say that this study is under way, and let the worker heed a request to stop."""
    data = stages.dataset
    announcement = Announcement(
        dataset=data.name,
        dataset_fingerprint=data.fingerprint,
        model=setting.source.name,
        seed=setting.seed,
        recipes=[recipe.name for recipe in recipes],
    )
    stages.worker.is_cancelled = announcement.is_cancelled
    return announcement


def _flipped(stages: Stages, records: Sequence[Record]) -> dict[int, npt.NDArray[Any]]:
    if stages.dataset.kind != "images":
        return {}
    indices = sorted({flip.index for r in records if r.answers and r.answers.flips for flip in r.answers.flips.listed})
    return dict(zip(indices, stages.test_examples(indices), strict=True)) if indices else {}


def _reporter(bar: Bar, start: float, cost: float) -> Callable[[float], None]:
    return lambda share: bar.reach(start + cost * share)
