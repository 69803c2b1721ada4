"""Training and fine-tuning: one loop for the float model and for every technique that trains on."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgewb.errors import ConversionError
from edgewb.models import HEAD, VALUE, add_head
from edgewb.optimizers.checkpoints import next_fit
from edgewb.optimizers.workers import Progress
from edgewb.residuals import r_squared


@dataclass(frozen=True)
class TrainingData:
    """What training and calibration may see: float32 inputs already in the model's range, integer classes. Never the test split.

    Of a regression ``classes`` is 0, and y is float32 in the unit the model answers in (``Stages.output_scale``). ``calibration_y`` is for
    choosing calibration images by class, and for nothing else; None where the classes are not known.
    """

    train_x: npt.NDArray[np.float32]
    train_y: npt.NDArray[Any]
    validation_x: npt.NDArray[np.float32]
    validation_y: npt.NDArray[Any]
    calibration_x: npt.NDArray[np.float32]
    classes: int
    calibration_y: npt.NDArray[np.int64] | None = None

    @property
    def input_shape(self) -> tuple[int, ...]:
        return tuple(self.train_x.shape[1:])

    @property
    def regression(self) -> bool:
        return self.classes == 0


@dataclass(frozen=True)
class TrainingSettings:
    """How long and how fast to train. Lengths are in steps of one batch, so that small and large data sets both learn something."""

    steps: int = 800
    fine_tune_steps: int = 320
    minimum_epochs: int = 3
    batch_size: int = 32
    learning_rate: float = 3e-3
    fine_tune_learning_rate: float = 1e-3

    def batch(self, n: int) -> int:
        """Batch size for ``n`` examples: at least four batches an epoch."""
        return max(1, min(self.batch_size, n // 4))

    def epochs(self, n: int, steps: int) -> int:
        """Epochs over ``n`` examples that make about ``steps`` steps."""
        return max(self.minimum_epochs, round(steps / math.ceil(n / self.batch(n))))


FULL = TrainingSettings()
FAST = TrainingSettings(steps=400, fine_tune_steps=128)


@dataclass(frozen=True)
class Fit:
    """What a training came to over ``n`` validation examples, and the epochs it took: the share of right answers, or a regression's R2.

    ``losses``: the mean training loss of each epoch. ``values``: ``value`` after each epoch; only of a model trained from scratch.
    """

    value: float
    n: int
    epochs: int
    measure: str = "accuracy"
    losses: list[float] = dataclasses.field(default_factory=list)
    values: list[float] = dataclasses.field(default_factory=list)

    @property
    def facts(self) -> dict[str, Any]:
        """For the record: ``validation_accuracy`` or ``validation_r2``, and ``validation_n``."""
        return {f"validation_{self.measure}": self.value, "validation_n": self.n}


@dataclass(frozen=True)
class Objective:
    """What a training lowers, and what says how many of a batch are right: a loss and a metric as Keras takes them.

    Of a regression the metric, too, is the squared error, in the variance of the train split's truth.
    """

    loss: Any
    accuracy: Any


def usual_objective(model: Any, data: TrainingData) -> Objective:
    """The cross-entropy of integer classes, or a regression's mean squared error in units of the variance of the train split's truth."""
    import tensorflow as tf
    import tf_keras as keras

    if not data.regression:
        probabilities = gives_probabilities(model, data.train_x[:8])
        return Objective(keras.losses.SparseCategoricalCrossentropy(from_logits=not probabilities), "accuracy")
    unit = np.float32(data.train_y.var() or 1.0)

    def squared_error(expected: Any, outputs: Any) -> Any:
        return tf.reduce_mean(tf.square(tf.reshape(outputs, [-1]) - tf.reshape(expected, [-1]))) / unit

    return Objective(squared_error, squared_error)


def fit(
    model: Any,
    data: TrainingData,
    settings: TrainingSettings,
    *,
    fine_tune: bool,
    progress: Progress,
    callbacks: Sequence[Any] = (),
    rate: float | None = None,
    objective: Objective | None = None,
) -> Fit:
    """Train a tf_keras model in place with Adam and a cosine-decayed learning rate (SGDR, arXiv 1608.03983, one period).

    Within ``checkpoints.keep_fits`` it goes on where it was interrupted, and is not run at all where it was finished before.

    Args:
        rate: the learning rate it starts with; by default the settings' own for training or fine-tuning.
        objective: another loss than the usual one; ``data``'s train_y and validation_y are then what it takes.

    Raises:
        ConversionError: the loss became NaN or infinite.
    """
    import tensorflow as tf
    import tf_keras as keras

    n = len(data.train_x)
    batch = settings.batch(n)
    batches = math.ceil(n / batch)
    epochs = settings.epochs(n, settings.fine_tune_steps if fine_tune else settings.steps)
    rate = rate or (settings.fine_tune_learning_rate if fine_tune else settings.learning_rate)
    objective = objective or usual_objective(model, data)
    model.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(rate, epochs * batches, alpha=0.01)),
        objective.loss,
        metrics=[objective.accuracy],
    )
    # With the optimizer's and the metrics' variables made here, TensorFlow traces the training step once instead of twice; and what
    # was kept finds its place.
    model.optimizer.build(model.trainable_variables)
    model.test_step((tf.constant(data.train_x[:1]), tf.constant(data.train_y[:1])))
    model.reset_metrics()
    state = next_fit(model, n=n, batch=batch, epochs=epochs, rate=rate)
    # What comes after must not depend on whether this fit was run or taken from what was kept.
    keras.utils.set_random_seed(state.seed % 2**32)
    if state.outcome is not None:
        progress(1.0)
        return Fit(**state.outcome)

    class Report(keras.callbacks.Callback):  # type: ignore[misc]
        def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
            state.losses.append(float((logs or {}).get("loss", math.nan)))
            progress((epoch + 1) / epochs)
            if not math.isfinite(state.losses[-1]):
                self.model.stop_training = True
                return
            if not fine_tune:  # not beside tfmot's wrappers, some of which write what they hold whenever they are called
                state.values.append(_rate(self.model, data, batch))
            if epoch + 1 < epochs:
                state.keep(self.model)

    model.fit(
        _batches(data, batch, epochs, first=len(state.losses), seed=state.seed),
        initial_epoch=len(state.losses),
        epochs=epochs,
        steps_per_epoch=batches,
        verbose=0,
        callbacks=[keras.callbacks.TerminateOnNaN(), *callbacks, Report()],
    )
    finite = all(np.isfinite(weights).all() for weights in model.get_weights())
    if not math.isfinite(state.losses[-1]) or not finite:
        what = f"the loss is {state.losses[-1]}" + ("" if finite else " and weights are not finite")
        raise ConversionError(
            f"training diverged: {what} after epoch {len(state.losses)} of {epochs} at learning rate {rate}; "
            f"its inputs reach from {data.train_x.min():.3g} to {data.train_x.max():.3g}: scale the columns of a table to about -1..1 "
            "yourself, as it is taken as it is, and set the range of images with --input-range"
        )
    measure = "r2" if data.regression else "accuracy"
    value = state.values[-1] if state.values else _rate(model, data, batch)
    outcome = Fit(value, len(data.validation_y), epochs, measure, state.losses, state.values)
    state.keep(model, outcome)
    keras.utils.set_random_seed(state.seed % 2**32)
    return outcome


def _rate(model: Any, data: TrainingData, batch: int) -> float:
    """R2, or what the compiled metric says, of the validation examples."""
    if data.regression:
        return rate_outputs(predict_all(model, data.validation_x), data.validation_y)
    return float(model.evaluate(data.validation_x, data.validation_y, batch_size=batch, verbose=0)[1])


def _batches(data: TrainingData, batch: int, epochs: int, *, first: int, seed: int) -> Any:
    """A tf.data.Dataset of the batches of epochs ``first`` to ``epochs``, each epoch in an order of its own that the seed decides."""
    import tensorflow as tf

    n = len(data.train_x)
    orders = np.stack([np.random.default_rng([seed, epoch]).permutation(n) for epoch in range(epochs)])[first:]
    x, y = tf.constant(data.train_x), tf.constant(data.train_y)
    rows = tf.data.Dataset.from_tensor_slices(orders).flat_map(lambda order: tf.data.Dataset.from_tensor_slices(order).batch(batch))
    return rows.map(lambda row: (tf.gather(x, row), tf.gather(y, row)))


def fit_head(model: Any, data: TrainingData, settings: TrainingSettings, progress: Progress) -> Fit:
    """Train only the last dense layer, on the features below it, computed once: pretrained weights stay as they are.

    Raises:
        ConversionError: the loss became NaN or infinite.
    """
    import tf_keras as keras

    features = keras.Model(model.input, model.get_layer("pool").output)
    inputs = keras.Input(features.output_shape[1:])
    head = keras.Model(inputs, add_head(inputs, data.classes))

    def compute(x: npt.NDArray[np.float32], start: float, end: float) -> npt.NDArray[np.float32]:
        rows = []
        for i in range(0, len(x), 16):
            rows.append(np.asarray(features(x[i : i + 16], training=False)))
            progress(start + (end - start) * (i + 16) / max(len(x), 16))
        return np.concatenate(rows)

    below = dataclasses.replace(
        data,
        train_x=compute(data.train_x, 0.0, 0.7),
        validation_x=compute(data.validation_x, 0.7, 0.8),
    )
    outcome = fit(head, below, settings, fine_tune=False, progress=lambda share: progress(0.8 + 0.2 * share))
    name = VALUE if data.regression else HEAD
    model.get_layer(name).set_weights(head.get_layer(name).get_weights())
    return outcome


def fine_tuning_steps(data: TrainingData, settings: TrainingSettings) -> int:
    """Steps a fine-tuning of this data takes."""
    n = len(data.train_x)
    return settings.epochs(n, settings.fine_tune_steps) * math.ceil(n / settings.batch(n))


def predict_all(model: Any, x: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Outputs (n, outputs) of a tf_keras model for inputs (n, ...)."""
    return np.concatenate([np.asarray(model(x[i : i + 32], training=False)) for i in range(0, len(x), 32)])


def rate_outputs(outputs: npt.NDArray[Any], truth: npt.NDArray[Any]) -> float:
    """The share of right answers (truth: classes), or R2 (truth: floats)."""
    if truth.dtype.kind == "f":
        return r_squared(outputs[:, 0].astype(np.float64), truth.astype(np.float64))
    return float(np.mean(outputs.argmax(-1) == truth))


def gives_probabilities(model: Any, inputs: npt.NDArray[np.float32]) -> bool:
    """Whether a classifier's outputs are probabilities (rows in 0..1 that sum to 1) rather than logits."""
    outputs = np.asarray(model(inputs, training=False))
    return bool(outputs.min() >= 0 and np.allclose(outputs.sum(axis=-1), 1, atol=1e-3))
