"""The cached stages of a study: describe, choose the input range, train, make a variant, predict. Each computes only what is not kept.

This is the one place that decides what may see which split: the worker gets train, validation and calibration; a choice may see
``validation_answers``; the test split is opened in ``test_answers``, and in ``test_examples`` to show what flipped.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from edgewb.caches import StageCache, fingerprint
from edgewb.errors import ConversionError, InputError
from edgewb.input_ranges import check_fit, choose_range, rate_ranges
from edgewb.model_files import ModelSource
from edgewb.models import MODELS
from edgewb.optimizers.recipes import Recipe
from edgewb.optimizers.training import TrainingData, TrainingSettings
from edgewb.optimizers.workers import Progress, Shared, Worker
from edgewb.output_scales import choose_scales, rate_scales
from edgewb.residuals import Residuals, Scale
from edgewb.stage_keys import answer_parts, making_parts, program_parts
from edgewb.types import Task

if TYPE_CHECKING:
    from edgewb.datasets import Dataset, Split
    from edgewb.scores import Answered


def _quiet(_: float) -> None:
    return


@dataclass(frozen=True)
class Variant:
    """A finished .tflite, what identifies its making, and facts measured meanwhile (``making_seconds``: training and conversion)."""

    key: str
    content: bytes
    facts: dict[str, Any]


class Stages:
    """All that one model, one data set, one seed and one training length have in common."""

    def __init__(
        self,
        source: ModelSource,
        seed: int,
        settings: TrainingSettings,
        input_range: tuple[float, float] | None,
        cache: StageCache,
        worker: Worker,
    ) -> None:
        self.source, self.seed, self.settings, self.cache, self.worker = source, seed, settings, cache, worker
        self._given_range = input_range
        self.dataset: Dataset
        self.description: dict[str, Any] | None = None
        self.notes: list[str] = []

    @property
    def regression(self) -> bool:
        return self.dataset.task is Task.REGRESSION

    @property
    def _program_parts(self) -> dict[str, Any]:
        return program_parts(self.source)

    @cached_property
    def _making_parts(self) -> dict[str, Any]:
        """Everything a trained model or a variant depends on, beside the recipe."""
        return making_parts(self.source, self.dataset, self.input_range, self.output_scale, self.seed, self.settings)

    def describe(self) -> dict[str, Any]:
        """Input shape, outputs and parameter count of a model from a file."""
        key = fingerprint(self._program_parts)
        description: dict[str, Any] = self._json("description", key, lambda: asdict(self.worker.call("describe_model", source=self.source)))
        return description

    def check_fit(self, description: dict[str, Any]) -> None:
        """A user's model must take this data's shape and give one output per class, or one for a regression.

        Raises:
            InputError: it does not.
        """
        check_fit(self.source.name, description, self.dataset)

    @cached_property
    def input_range(self) -> tuple[float, float]:
        """The range images are scaled to: as given, the built-in network's own, else what a user's model does best with on validation."""
        if self._given_range is not None:
            return self._given_range
        if self.source.trains:
            return MODELS[self.source.name].input_range
        if self.dataset.kind != "images":
            return (0.0, 1.0)
        if self.regression:
            return self._rated_scales[0]
        key = fingerprint({**self._program_parts, "data": self.dataset.fingerprint})
        rated = self._json("input_range", key, lambda: rate_ranges(self.worker, self.source, self.dataset))
        chosen, note = choose_range(rated, len(self.dataset.validation.y))
        self.notes.append(note)
        return chosen

    @cached_property
    def output_scale(self) -> Scale | None:
        """What a regression's outputs are multiplied out by, mean and standard deviation; None for classes.

        The nets trained here answer in standard deviations from the mean of the train split's y; of a user's model validation decides.
        """
        if not self.regression:
            return None
        return self.dataset.truth_scale if self.source.trains else self._rated_scales[1]

    @cached_property
    def _rated_scales(self) -> tuple[tuple[float, float], Scale]:
        """The input range (as given, where it was) and the output scale with which a user's regression has the smallest validation MAE."""
        key = fingerprint({**self._program_parts, "data": self.dataset.fingerprint, "scales of": self._given_range})
        rows = self._json("output_scale", key, lambda: rate_scales(self.worker, self.source, self.dataset, self._given_range))
        given, scale, notes = choose_scales(rows, len(self.dataset.validation.y))
        self.notes += notes
        return given, scale

    def _truth(self, split: Split) -> npt.NDArray[Any]:
        """What the model is to give for a split: classes, or y in the unit that it answers in."""
        if self.output_scale is None:
            return split.y
        mean, stdev = self.output_scale
        return ((split.y - mean) / stdev).astype(np.float32)

    @cached_property
    def _shared(self) -> Shared:
        from edgewb.datasets import as_inputs

        data, input_range = self.dataset, self.input_range
        training = TrainingData(
            as_inputs(data.train, input_range),
            self._truth(data.train),
            as_inputs(data.validation, input_range),
            self._truth(data.validation),
            as_inputs(data.calibration, input_range),
            len(data.class_names),
            None if self.regression else data.calibration.y,
        )
        return Shared(f"{data.fingerprint}:{input_range}:{self.output_scale}", training)

    @property
    def _kept(self) -> Path:
        """Where the worker keeps the epochs of unfinished trainings and the ends of finished ones."""
        return self.cache.folder / "fits" / fingerprint({"stage": "fits", **self._making_parts})

    def _float_key(self) -> str:
        return fingerprint({"stage": "float_model", **self._making_parts})

    def has_float(self) -> bool:
        """Whether ``float_weights`` needs no training."""
        return not self.source.trains or self.cache.get("float_model", self._float_key()) is not None

    def float_weights(self, progress: Progress = _quiet) -> tuple[bytes, dict[str, Any]]:
        """Trained weights of a built-in network (empty bytes for a model from a file), and what is known of the training."""
        if not self.source.trains:
            return b"", {}
        key = self._float_key()
        if (kept := self.cache.get("float_model", key)) is not None:
            return kept["weights.npz"], json.loads(kept["facts.json"])
        weights, outcome, description = self.worker.call(
            "train_float",
            shared=self._shared,
            progress=progress,
            source=self.source,
            settings=self.settings,
            seed=self.seed,
            kept=self._kept,
        )
        facts = outcome.facts | {
            "epochs": outcome.epochs,
            "float_parameters": description.parameters,
            "losses": outcome.losses,
            "validation_values": outcome.values,
            "training_seconds": round(self.worker.seconds, 2),
        }
        self.cache.put("float_model", key, {"weights.npz": weights, "facts.json": json.dumps(facts).encode()})
        shutil.rmtree(self._kept / "float", ignore_errors=True)
        return weights, facts

    def _variant_key(self, recipe: Recipe) -> str:
        return fingerprint({"stage": "variant", "recipe": recipe.name, **self._making_parts})

    def kept_variant(self, recipe: Recipe) -> Variant | None:
        """The variant if it was made before."""
        key = self._variant_key(recipe)
        kept = self.cache.get("variant", key)
        return None if kept is None else Variant(key, kept["model.tflite"], json.loads(kept["facts.json"]))

    def variant(self, recipe: Recipe, progress: Progress = _quiet) -> Variant:
        """Make a variant, or take the kept one."""
        if (kept := self.kept_variant(recipe)) is not None:
            return kept
        weights, _ = self.float_weights()
        content, facts = self.worker.call(
            "make_variant",
            shared=self._shared,
            progress=progress,
            source=self.source,
            weights=weights,
            recipe=recipe,
            settings=self.settings,
            seed=self.seed,
            kept=self._kept,
        )
        facts["making_seconds"] = round(self.worker.seconds, 2)  # without what was kept of earlier ones that begin alike
        key = self._variant_key(recipe)
        self.cache.put("variant", key, {"model.tflite": content, "facts.json": json.dumps(facts).encode()})
        return Variant(key, content, facts)

    def inputs(self, split: str) -> npt.NDArray[np.float32]:
        """What the float model takes of the train, calibration or validation split, shape (n, ...)."""
        data = self._shared.value
        values: npt.NDArray[np.float32] = {"train": data.train_x, "calibration": data.calibration_x, "validation": data.validation_x}[split]
        return values

    def float_outputs(self) -> npt.NDArray[np.float32]:
        """The float model's own outputs for the validation split, shape (n, outputs), from the library that trained it."""
        weights, _ = self.float_weights()
        outputs: npt.NDArray[np.float32] = self.worker.call("predict_float", shared=self._shared, source=self.source, weights=weights)
        return outputs

    def convert_with(self, recipe: Recipe, calibration_x: npt.NDArray[np.float32]) -> bytes:
        """A variant made with other calibration data, not kept.

        Raises:
            InputError: data that do not have the model's input shape.
        """
        shared = self._shared
        if calibration_x.shape[1:] != shared.value.input_shape or not len(calibration_x):
            raise InputError(
                f"calibration data of shape {calibration_x.shape}: at least one example of {shared.value.input_shape} is wanted, as the "
                "model takes it"
            )
        digest = hashlib.sha256(calibration_x.tobytes()).hexdigest()
        weights, _ = self.float_weights()
        content: bytes
        content, _ = self.worker.call(
            "make_variant",
            shared=Shared(f"{shared.key}:{digest}", replace(shared.value, calibration_x=calibration_x, calibration_y=None)),
            source=self.source,
            weights=weights,
            recipe=recipe,
            settings=self.settings,
            seed=self.seed,
        )
        return content

    def test_answers(self, file: Path, sha256: str) -> Answered:
        """A finished variant's answers to the test examples. Beside ``test_examples``, the only opening of the test split."""
        return self._answers(file, sha256, "test", self.dataset.open_test)

    def validation_answers(self, file: Path, sha256: str) -> Answered:
        """A finished variant's answers to the validation examples: what a choice between variants may look at."""
        return self._answers(file, sha256, "validation", lambda: self.dataset.validation)

    def test_examples(self, indices: Sequence[int]) -> npt.NDArray[Any]:
        """Test examples as the data set holds them, to show in the report those that flipped. Nothing is decided by them."""
        examples: npt.NDArray[Any] = self.dataset.open_test().x[list(indices)]
        return examples

    def _answers(self, file: Path, sha256: str, split: str, examples: Callable[[], Split]) -> Answered:
        from edgewb.answers import Predictions
        from edgewb.datasets import as_inputs
        from edgewb.measurements import predict
        from edgewb.scores import read_outputs

        key = fingerprint(answer_parts(sha256, split, self.dataset, self.input_range, self.output_scale))
        if (kept := self.cache.get("answers", key)) is not None:
            return (Residuals if self.regression else Predictions).from_bytes(kept["answers.npz"])
        chosen = examples()
        outputs = predict(file, as_inputs(chosen, self.input_range))
        if not np.isfinite(outputs).all():
            raise ConversionError(
                f"{file.name} gives NaN or infinite outputs on the {split} examples: train the model again, or check its input range"
            )
        answers = read_outputs(outputs, chosen.y, self.output_scale)
        self.cache.put("answers", key, {"answers.npz": answers.to_bytes()})
        return answers

    def _json(self, stage: str, key: str, compute: Callable[[], Any]) -> Any:
        if (kept := self.cache.get(stage, key)) is not None:
            return json.loads(kept["value.json"])
        value = json.dumps(compute()).encode()
        self.cache.put(stage, key, {"value.json": value})
        return json.loads(value)
