"""What was studied: what a report says of data, model and training beside the records, and the notes on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from edgewb.intervals import wilson_interval
from edgewb.models import MODELS
from edgewb.optimizers.recipes import REFERENCE
from edgewb.results import BothAnswers, Setting, teaching_notes
from edgewb.stages import Stages
from edgewb.targets import target_form
from edgewb.types import Basis, Jsonable, Record, Task

if TYPE_CHECKING:
    from edgewb.datasets import Dataset


@dataclass(frozen=True, kw_only=True)
class LearningCurve(Jsonable):
    """The float training, epoch by epoch: mean training loss, and what the ``n`` validation examples said after it.

    ``measure`` says what ``validation`` is: "accuracy", a share of right answers, or "r2". ``seconds`` is what the training took, of an
    interrupted one since it went on.
    """

    losses: tuple[float, ...]
    validation: tuple[float, ...]
    n: int
    measure: str
    seconds: float
    basis: Basis = Basis.MEASURED


@dataclass(frozen=True, kw_only=True)
class StudyContext(Jsonable):
    """What was studied: everything a report needs beside the records. A regression has 0 ``classes`` and an ``output_scale``.

    ``learning_curve`` is None for a model that was trained elsewhere.
    """

    dataset: str
    dataset_fingerprint: str
    source: str
    kind: str
    classes: int
    splits: dict[str, int]
    input_shape: tuple[int, ...]
    input_range: tuple[float, float]
    model: str
    model_description: str
    float_parameters: int | None
    seed: int
    targets: tuple[str, ...]
    notes: tuple[str, ...]
    task: Task = Task.CLASSIFICATION
    output_scale: tuple[float, float] | None = None
    learning_curve: LearningCurve | None = None


def describe_study(
    stages: Stages, setting: Setting, facts: dict[str, Any], records: Sequence[Record], answers: dict[str, BothAnswers]
) -> StudyContext:
    data, source = stages.dataset, setting.source
    notes = list(stages.notes)
    notes += setting.left_out
    notes += list(getattr(data, "notes", ()))
    if facts:
        notes.append(_training_note(facts))
    if any(recipe.trains_on for recipe in setting.recipes):
        notes.append(
            "QAT, pruned and clustered variants were trained on for some more epochs, which float32 was not: part of a gain is that"
        )
    if frozen := next((r.settings["frozen_layers_trained"] for r in records if r.settings.get("frozen_layers_trained")), None):
        named = ", ".join([*frozen[:3], *(["..."] if len(frozen) > 3 else [])])
        notes.append(f"{source.name} holds {len(frozen)} of its layers frozen ({named}): recipes that train trained them, too")
    notes += teaching_notes(answers)
    if (reference := next((r for r in records if r.recipe == REFERENCE), None)) is not None:
        notes += _guessing_notes(data, reference)
    if not source.trains:
        notes.append(
            f"{source.name} was trained elsewhere: if it has seen some of these test examples, its accuracy here is too high, and the "
            "differences may be too small; give data it has never seen"
        )
    parameters = facts.get("float_parameters") or (stages.description or {}).get("parameters")
    return StudyContext(
        dataset=data.name,
        dataset_fingerprint=data.fingerprint,
        source=data.source,
        kind=data.kind,
        classes=len(data.class_names),
        splits=dict(data.sizes),
        input_shape=tuple(data.input_shape),
        input_range=stages.input_range,
        model=source.name,
        model_description=MODELS[source.name].description if source.trains else f"your model ({source.kind})",
        float_parameters=parameters,
        seed=setting.seed,
        targets=tuple(map(target_form, setting.targets)),
        notes=tuple(notes),
        task=data.task,
        output_scale=stages.output_scale,
        learning_curve=_learning_curve(facts) if facts else None,
    )


def _learning_curve(facts: dict[str, Any]) -> LearningCurve:
    return LearningCurve(
        losses=tuple(facts["losses"]),
        validation=tuple(facts["validation_values"]),
        n=facts["validation_n"],
        measure="r2" if "validation_r2" in facts else "accuracy",
        seconds=facts["training_seconds"],
    )


def _training_note(facts: dict[str, Any]) -> str:
    n, said = facts["validation_n"], f"float training: {facts['epochs']} epochs"
    if "validation_r2" in facts:
        return f"{said}, R2 {facts['validation_r2']:.3f} on {n} validation examples (measured)"
    low, high = wilson_interval(round(facts["validation_accuracy"] * n), n)
    return (
        f"{said}, {100 * facts['validation_accuracy']:.1f} % of {n} validation examples right "
        f"(95 % interval {100 * low:.1f} to {100 * high:.1f} %, measured)"
    )


def _guessing_notes(data: Dataset, reference: Record) -> list[str]:
    """That float itself is no better than an answer that does not look at the example, where its interval allows for that."""
    if data.task is Task.REGRESSION:
        if reference.score.ci95[0] > 0:
            return []
        return [
            "float32 itself is hardly better than the mean: R2 is 0 for a model that always answers with the mean of y, which lies within "
            "its interval or above (measured); no variant of it is worth shipping"
        ]
    common = float(np.bincount(data.train.y).max() / len(data.train.y))
    if reference.score.ci95[0] > common:
        return []
    return [
        f"float32 itself is hardly better than guessing: {100 * common:.1f} % of the train examples are of one class (measured), which "
        "lies within its interval or above; no variant of it is worth shipping"
    ]
