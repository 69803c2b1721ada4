"""Students: the model's own architecture with fewer channels, trained from scratch. Here without a teacher; ``distillation`` adds one."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgewb.errors import ConversionError
from edgewb.optimizers.channel_groups import build_smaller, find_groups
from edgewb.optimizers.structured_pruning import channel_counts, channels_to_keep, device_bytes
from edgewb.optimizers.techniques import Applied, Context
from edgewb.optimizers.training import Fit, TrainingData, fit


def check(model: Any, amount: int | None) -> None:
    """Refuse a model before any training.

    Raises:
        ConversionError: channels cannot be followed through a layer, or a student of this width would be the model itself.
    """
    build_student(model, amount)


def apply(model: Any, amount: int | None, context: Context) -> Applied:
    """Train a student of ``amount`` per cent of the channels on the classes alone, as long as the model itself would be trained.

    It starts with the weights, sees the batches and takes the steps that it would under a teacher (``distillation.apply``).

    Raises:
        ConversionError: as ``check``, or the training diverged.
    """
    student, facts = build_student(model, amount)
    outcome = fit(student, context.data, context.settings, fine_tune=False, progress=context.progress)
    return Applied(student, outcome, facts | describe_student(model, student, outcome, context.data))


def build_student(model: Any, width: int | None) -> tuple[Any, dict[str, Any]]:
    """The architecture of a tf_keras model with about ``width`` per cent of the channels, not trained, and facts about its channels.

    Channels are tied as for structured pruning, so that sums and depthwise convolutions stay consistent; what is tied to the input or the
    output stays. Their numbers are those ``structured_pruning.channels_to_keep`` chooses for the device's lanes.

    Raises:
        ConversionError: as ``check``.
    """
    import tf_keras as keras

    assert width is not None
    groups = find_groups(model, "a narrower student")
    removed = [units[channels_to_keep(len(units), 100 - width) :] for units in groups.groups.values()]
    if not any(map(len, removed)):
        widest = max(map(len, groups.groups.values()), default=0)
        why = f"the widest layer that may change has {widest} channels, which go in steps of 4" if widest else "none may go"
        raise ConversionError(
            f"a student of {width} % of the channels is this model itself: {why}; take a lower number, or a recipe without a student"
        )
    student = build_smaller(model, groups, np.concatenate(removed))
    student.trainable = True  # what the model was frozen at is not what the student begins with
    for layer in student.layers:
        if isinstance(layer, keras.layers.Normalization):  # statistics of the data, which no training finds
            layer.set_weights(model.get_layer(layer.name).get_weights())
    facts: dict[str, Any] = {"channels": channel_counts(model, student, groups)}
    if groups.kept:
        facts["channels_kept_whole"] = {layer: f"because of {why}" for layer, why in groups.kept.items()}
    return student, facts


def describe_student(model: Any, student: Any, outcome: Fit, data: TrainingData) -> dict[str, Any]:
    """Facts for the record: float parameters, epochs, and the bytes both would take on an Edge TPU where both become int8."""
    facts: dict[str, Any] = {
        "model_parameters": int(model.count_params()),
        "student_parameters": int(student.count_params()),
        "student_epochs": outcome.epochs,
        f"student_validation_{outcome.measure}": outcome.value,
    }
    sizes = [device_bytes(m, data.calibration_x) for m in (model, student)]
    if None not in sizes:
        facts |= dict(zip(("model_int8_parameter_bytes", "student_int8_parameter_bytes"), sizes, strict=True))
        facts["student_int8_parameter_bytes_basis"] = "predicted"
    return facts
