"""What the worker process runs: describe a model, train it, make a variant of it, convert to ONNX. Everything here may load TensorFlow."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgewb.errors import ConversionError, EdgewbError, first_line, require
from edgewb.model_files import ModelKind, ModelSource
from edgewb.models import MODELS
from edgewb.optimizers import conversion
from edgewb.optimizers.augmentation import augment
from edgewb.optimizers.checkpoints import keep_fits
from edgewb.optimizers.choices import Conversion, choose_calibration
from edgewb.optimizers.equalization import widen
from edgewb.optimizers.float_models import FloatModel, load_float_model
from edgewb.optimizers.onnx_conversion import convert_to_onnx
from edgewb.optimizers.quantization_aware import QAT, check_quantizable, train_quantized
from edgewb.optimizers.recipes import Recipe, Step
from edgewb.optimizers.techniques import Context, apply_technique, check_technique
from edgewb.optimizers.training import Fit, TrainingData, TrainingSettings, fit, fit_head, rate_outputs
from edgewb.optimizers.weights import count_weights
from edgewb.optimizers.workers import Progress

INPUT_RANGES = ((0.0, 1.0), (-1.0, 1.0), (0.0, 255.0))
"""The input ranges image models are commonly trained with."""


@dataclass(frozen=True)
class Description:
    """What a user's model takes and gives: shape without the batch, number of outputs, number of float parameters."""

    input_shape: tuple[int, ...]
    outputs: int
    parameters: int


def prepare() -> None:
    """Load TensorFlow and make it deterministic: the same seed gives the same file, byte for byte, on one machine."""
    tf = require("tensorflow", "train", "to train and convert")
    require("tf_keras", "train", "to train")
    tf.config.experimental.enable_op_determinism()
    tf.get_logger().setLevel("ERROR")


def _begin(seed: int) -> None:
    """Forget earlier tasks: layer names and random state must not depend on what ran before."""
    import tf_keras as keras

    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)


def describe_model(progress: Progress, source: ModelSource) -> Description:
    """Shape, outputs and size of a user's model."""
    model = load_float_model(source)
    return Description(model.input_shape, model.outputs, model.parameters)


def rate_input_ranges(
    progress: Progress, source: ModelSource, validation_x: npt.NDArray[np.float32], validation_y: npt.NDArray[np.int64]
) -> dict[tuple[float, float], float]:
    """Accuracy on the validation split (inputs given in 0..1) for each common input range; a wrong range is ruinous and silent."""
    outputs = predict_ranges(progress, source, validation_x, INPUT_RANGES)
    return {given: rate_outputs(rows, validation_y) for given, rows in outputs.items()}


def predict_ranges(
    progress: Progress, source: ModelSource, x: npt.NDArray[np.float32], ranges: Sequence[tuple[float, float]]
) -> dict[tuple[float, float], npt.NDArray[np.float32]]:
    """A user's model's outputs, (n, outputs), for inputs given in 0..1 and brought to each input range."""
    model = load_float_model(source)
    return {(low, high): model.predict((x * np.float32(high - low) + np.float32(low)).astype(np.float32)) for low, high in ranges}


def train_float(
    progress: Progress, data: TrainingData, source: ModelSource, settings: TrainingSettings, seed: int, kept: Path | None = None
) -> tuple[bytes, Fit, Description]:
    """Train a built-in network from its seed; its weights as the bytes of an .npz. ``kept``: the folder of its epochs."""
    _begin(seed)
    model = _load(source, data)
    data = augment(data, seed)
    with keep_fits(kept and kept / "float", seed):
        if source.weights:
            outcome = fit_head(model.keras, data, settings, progress)
        else:
            outcome = fit(model.keras, data, settings, fine_tune=False, progress=progress)
    if octaves := MODELS[source.name].widened:
        widen(model.keras, octaves, seed)
    stream = io.BytesIO()
    np.savez(stream, *model.keras.get_weights())
    return stream.getvalue(), outcome, Description(model.input_shape, model.outputs, model.parameters)


def predict_float(progress: Progress, data: TrainingData, source: ModelSource, weights: bytes) -> npt.NDArray[np.float32]:
    """The float model's outputs for the validation examples, (n, outputs)."""
    _begin(0)
    model = _load(source, data)
    _set_weights(model.keras, weights)
    return model.predict(data.validation_x)


def _load(source: ModelSource, data: TrainingData) -> FloatModel:
    return load_float_model(source, input_shape=data.input_shape, classes=data.classes, examples=len(data.train_x))


def _set_weights(model: Any, weights: bytes) -> None:
    if weights:
        with np.load(io.BytesIO(weights), allow_pickle=False) as archive:
            model.set_weights([archive[name] for name in archive.files])


def make_variant(
    progress: Progress,
    data: TrainingData,
    source: ModelSource,
    weights: bytes,
    recipe: Recipe,
    settings: TrainingSettings,
    seed: int,
    kept: Path | None = None,
) -> tuple[bytes, dict[str, Any]]:
    """Apply a recipe to the float model: wrap, fit, strip, convert.

    Args:
        weights: what ``train_float`` returned for a built-in network; empty for a model from a file.
        kept: folder of the fits of this model with this data, seed and settings, under the names of the steps that led to them.

    Returns:
        The .tflite file, and facts measured on the way (validation accuracy, share of zeros, distinct weights).

    Raises:
        ConversionError: a technique cannot take this model, a training diverged, or the file is not as promised.
    """
    _begin(seed)
    model = _load(source, data)
    calibration_x = choose_calibration(data, recipe.choices, seed)
    if source.kind is ModelKind.TFLITE:
        content = conversion.convert_tflite(model.content, recipe.conversion, calibration_x, recipe.choices)
        return content, count_weights(content)
    _set_weights(model.keras, weights)
    function = model.function
    facts: dict[str, Any] = {}
    if recipe.changes_model:
        tuned, facts = _apply(model.keras, recipe, Context(augment(data, seed), settings, progress, seed), kept)
        function = _inference(tuned)
    assert function is not None
    content = conversion.convert_function(function, model.input_shape, recipe.conversion, calibration_x, model.saved_model, recipe.choices)
    return content, facts | count_weights(content)


def _inference(model: Any) -> Callable[[Any], Any]:
    return lambda x: model(x, training=False)


def _share(whole: Progress, position: int, parts: int) -> Progress:
    return lambda share: whole((position + share) / parts)


def _apply(model: Any, recipe: Recipe, context: Context, kept: Path | None) -> tuple[Any, dict[str, Any]]:
    """The recipe's techniques one after the other, then QAT where its conversion asks for it."""
    import tf_keras as keras

    facts: dict[str, Any] = {}
    outcome: Fit | None = None
    steps: list[Step | None] = [*recipe.steps, *([None] if recipe.conversion is Conversion.QAT_INT8 else [])]
    names = [QAT if step is None else step.name for step in steps]
    try:
        for step in steps:
            check_technique(step.technique, model, step.number) if step else check_quantizable(model)
        if recipe.fine_tunes and (frozen := _unfreeze(model)):
            facts["frozen_layers_trained"] = frozen
        for position, step in enumerate(steps):
            earlier = tuple(done.technique for done in recipe.steps[:position])
            part = dataclasses.replace(context, earlier=earlier, progress=_share(context.progress, position, len(steps)))
            keras.utils.set_random_seed(context.seed)
            with keep_fits(kept and kept / "_".join(names[: position + 1]), context.seed):
                applied = apply_technique(step.technique, model, step.number, part) if step else train_quantized(model, part)
            model, outcome = applied.model, applied.fit or outcome
            facts |= applied.facts
    except EdgewbError:
        raise
    except Exception as error:  # tfmot raises ValueError, RuntimeError and others, naming the layer
        raise ConversionError(
            f"tensorflow-model-optimization cannot apply {recipe.name} to this model: {first_line(error)}; "
            "take a ptq recipe, or rebuild the model from plain layers"
        ) from None
    if outcome is not None:
        facts |= outcome.facts | {"fine_tune_epochs": outcome.epochs}
    return model, facts


def _unfreeze(model: Any) -> list[str]:
    """Let every layer learn, and name those that a file held frozen: what pruning takes away cannot be made up for by the others."""
    frozen = [layer.name for layer in model.layers if layer.weights and not layer.trainable]
    model.trainable = True
    return frozen


TASKS: dict[str, Callable[..., Any]] = {
    "describe_model": describe_model,
    "rate_input_ranges": rate_input_ranges,
    "predict_ranges": predict_ranges,
    "train_float": train_float,
    "predict_float": predict_float,
    "make_variant": make_variant,
    "convert_to_onnx": convert_to_onnx,
}
