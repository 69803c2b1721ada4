"""What each stage of a study depends on: model, data, settings, code, packages, machine. The fingerprint of these parts is its key."""

from __future__ import annotations

import platform
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from edgewb.caches import code_fingerprint
from edgewb.environments import environment
from edgewb.model_files import ModelSource
from edgewb.optimizers.training import TrainingSettings
from edgewb.residuals import Scale

if TYPE_CHECKING:
    from edgewb.datasets import Dataset

TRAINING_CODE = (
    "compilers",
    "datasets.py",
    "input_ranges.py",
    "models.py",
    "model_files.py",
    "optimizers",
    "output_scales.py",
    "residuals.py",
    "splits.py",
    "stage_keys.py",
    "stages.py",
    "tflite",
)
PREDICTION_CODE = (
    "accuracies.py",
    "answers.py",
    "datasets.py",
    "residuals.py",
    "scores.py",
    "splits.py",
    "stage_keys.py",
    "stages.py",
    "targets",
    "tflite",
)
_TRAINING_PACKAGES = ("tensorflow", "tf_keras", "keras", "tensorflow-model-optimization", "numpy", "ai-edge-litert")


def program_parts(source: ModelSource) -> dict[str, Any]:
    """The model, and the code and packages that read it."""
    packages = environment().packages
    return {
        "model": {
            "kind": source.kind,
            "name": source.name if source.trains else "",
            "sha256": source.sha256,
            "weights": source.weights_sha256,
        },
        "versions": {name: packages.get(name) for name in _TRAINING_PACKAGES},
        "code": code_fingerprint(TRAINING_CODE),
    }


def making_parts(
    source: ModelSource, data: Dataset, input_range: tuple[float, float], scale: Scale | None, seed: int, settings: TrainingSettings
) -> dict[str, Any]:
    """Everything a trained model or a variant depends on, beside the recipe."""
    return {
        **program_parts(source),
        "data": data.fingerprint,
        "range": input_range,
        "scale": scale,
        "seed": seed,
        "settings": asdict(settings),
        "machine": _machine(),
    }


def answer_parts(sha256: str, split: str, data: Dataset, input_range: tuple[float, float], scale: Scale | None) -> dict[str, Any]:
    """Everything that the answers of a file, known by its sha256, to the examples of a split depend on."""
    return {
        "file": sha256,
        "split": split,
        "data": data.fingerprint,
        "range": input_range,
        "scale": scale,
        "code": code_fingerprint(PREDICTION_CODE),
        "runtime": environment().packages.get("ai-edge-litert"),
        "machine": _machine(),
    }


def _machine() -> list[str]:
    return [platform.machine(), environment().cpu]
