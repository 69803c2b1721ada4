"""Knowledge distillation: a narrower student learns the model's answers beside the classes (Hinton et al., arXiv 1503.02531).

It need not help. Digits, students of 10 % of the channels, ptq_int8, five seeds of 500 test images each (``python -m tests.benchmarks
distillation``): 86.7 % right with the teacher and 86.8 % alone; the difference is -0.04 points, 95 % t interval -3.80 to +3.72.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from edgewb.errors import ConversionError
from edgewb.optimizers import students
from edgewb.optimizers.students import build_student, describe_student
from edgewb.optimizers.techniques import Applied, Context
from edgewb.optimizers.training import Objective, fit, gives_probabilities, predict_all, rate_outputs

TEMPERATURE, WEIGHT = 2.0, 0.3
"""What the logits are divided by, and the share of the loss that the teacher's answers make up.

Chosen on validation: students of 10 % of the digits net's channels, 400 and 800 steps, in five trainings (three seeds, 200 images each)
77.9 % right alone; with T 2, w 0.3 79.1; with T 1, w 0.5 76.7; T 4, w 0.3 75.8; T 2, w 0.7 73.9 %. The share Hinton recommends, most of
the loss, is for students that train until they fit: here T 4, w 0.9 had 73.0 and 86.5 % where the student alone had 80.5 and 88.5 %.
"""

REGRESSION_WEIGHT = 0.7
"""The share of the teacher's output in what a regression's student learns, the rest being the truth.

Diabetes, five seeds, mean validation R2 (66 rows each), students of 50 and 13 % of the channels: 0.457 and 0.454 alone, 0.456 and 0.455
with a share of 0.3, 0.457 and 0.456 with 0.5, 0.458 and 0.459 with 0.7, 0.459 and 0.458 with the teacher alone; the teacher itself has
0.455. So none is better than another by more than chance, and here a teacher brings next to nothing.
"""

_LEAST = 1e-30
"""Probabilities are not taken as less: the logarithm of 0 is none. Far below what a softmax in float32 can mean."""

check = students.check


def apply(model: Any, amount: int | None, context: Context) -> Applied:
    """Train a student of ``amount`` per cent of the channels under the model as its teacher, as long as the model itself is trained.

    Raises:
        ConversionError: as ``students.check``, the teacher answers with NaN or infinite values, or the training diverged.
    """
    student, facts = build_student(model, amount)
    data = context.data
    if data.regression:
        return _teach_regression(model, student, facts, context)
    train, validation = (log_probabilities(model, x) for x in (data.train_x, data.validation_x))
    probabilities = gives_probabilities(model, data.train_x[:8])
    # The teacher's answers to all examples are computed once: its data are augmented before.
    taught = dataclasses.replace(data, train_y=_pack(data.train_y, train), validation_y=_pack(data.validation_y, validation))
    objective = Objective(distillation_loss(TEMPERATURE, WEIGHT, from_probabilities=probabilities), _right)
    outcome = fit(student, taught, context.settings, fine_tune=False, progress=context.progress, objective=objective)
    facts |= describe_student(model, student, outcome, data)
    facts["teacher_validation_accuracy"] = rate_outputs(validation, data.validation_y)
    return Applied(student, outcome, facts | {"temperature": TEMPERATURE, "teacher_weight": WEIGHT})


def _teach_regression(model: Any, student: Any, facts: dict[str, Any], context: Context) -> Applied:
    """A regression's student learns, by squared error, a mean of the teacher's output t and the truth y.

    That is (1 - w) (s - y)^2 + w (s - t)^2 but for a constant: both have their least at s = (1 - w) y + w t.
    """
    data = context.data
    answers, validated = (predict_all(model, x) for x in (data.train_x, data.validation_x))
    if not (np.isfinite(answers).all() and np.isfinite(validated).all()):
        raise ConversionError("the teacher answers with NaN or infinite values: check the model and the inputs' range")
    blended = (1 - REGRESSION_WEIGHT) * data.train_y + REGRESSION_WEIGHT * answers[:, 0]
    taught = dataclasses.replace(data, train_y=blended.astype(np.float32))
    outcome = fit(student, taught, context.settings, fine_tune=False, progress=context.progress)
    facts |= describe_student(model, student, outcome, data)
    facts["teacher_validation_r2"] = rate_outputs(validated, data.validation_y)
    return Applied(student, outcome, facts | {"teacher_weight": REGRESSION_WEIGHT})


def log_probabilities(model: Any, x: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The logarithms of a classifier's probabilities, (n, classes): logits but for a constant per example, which no softmax sees.

    Args:
        model: a tf_keras classifier that gives probabilities or logits.
        x: inputs (n, *input_shape).

    Raises:
        ConversionError: outputs that are NaN or infinite.
    """
    import tensorflow as tf

    outputs = predict_all(model, x)
    if not np.isfinite(outputs).all():
        raise ConversionError("the teacher answers with NaN or infinite values: check the model and the inputs' range")
    if gives_probabilities(model, x[:8]):
        return np.asarray(np.log(np.maximum(outputs, np.float32(_LEAST))), np.float32)
    return np.asarray(tf.nn.log_softmax(outputs), np.float32)


def _pack(classes: npt.NDArray[Any], answers: npt.NDArray[np.float32]) -> Any:
    """Class and teacher's log-probabilities side by side, (n, 1 + classes), as the loss takes them."""
    return np.column_stack([classes.astype(np.float32), answers])


def distillation_loss(temperature: float, weight: float, *, from_probabilities: bool) -> Any:
    """Hinton's loss: (1 - w) CE(class, s) + w T^2 CE(softmax(t / T), softmax(s / T)), for the student's logits s and the teacher's t.

    T^2 keeps the share of the teacher's gradient the same at any temperature (section 2 there).

    Args:
        temperature: T, above 0. weight: w, 0 to 1.
        from_probabilities: whether the student gives probabilities, whose logarithms then stand for logits.

    Returns:
        A function of (batch, 1 + classes) as ``_pack`` makes them and the student's outputs (batch, classes), to (batch,).
    """
    import tensorflow as tf

    def loss(expected: Any, outputs: Any) -> Any:
        logits = tf.math.log(tf.maximum(outputs, _LEAST)) if from_probabilities else outputs
        hard = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.cast(expected[:, 0], tf.int32), logits)
        soft = tf.nn.softmax_cross_entropy_with_logits(tf.nn.softmax(expected[:, 1:] / temperature), logits / temperature)
        return (1 - weight) * hard + weight * temperature**2 * soft

    return loss


def _right(expected: Any, outputs: Any) -> Any:
    import tensorflow as tf

    return tf.cast(tf.argmax(outputs, axis=-1) == tf.cast(expected[:, 0], tf.int64), tf.float32)
