"""Small model files of every kind a user may bring, made in one process of their own: ``python model_zoo.py FOLDER``.

All classify three classes of pictures (16, 16, 3) by brightness with weights set by hand, so that nothing needs training.
``dataset_helpers.make_folder`` makes pictures that fit: brightness 60, 120 and 180 of 255.
"""

from __future__ import annotations

import functools
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

SHAPE = (16, 16, 3)
CENTRES = tuple((60 + 60 * label) / 255 for label in range(3))


@functools.cache
def zoo() -> Path:
    """The folder of models, made once per test run."""
    folder = Path(tempfile.mkdtemp(prefix="edgewb-zoo-"))
    quiet = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", "KERAS_BACKEND": "tensorflow"}
    done = subprocess.run([sys.executable, __file__, str(folder)], env=quiet, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


def brightness_net(keras: Any, input_range: tuple[float, float] = (0.0, 1.0), activation: str = "relu", **kwargs: Any) -> Any:
    """Nearest of three brightnesses: logits 2 c m - c^2 for the mean m and a class's centre c, which is -(m - c)^2 but for m^2."""
    import numpy as np

    low, high = input_range
    inputs = keras.Input(SHAPE, **kwargs)
    # Shifted to be positive, so that the activation lets it pass.
    x = keras.layers.Conv2D(3, 1, activation=activation, name="shift")(inputs)
    x = keras.layers.GlobalAveragePooling2D(name="mean")(x)
    model = keras.Model(inputs, keras.layers.Dense(3, activation="softmax", name="nearest")(x))
    model.get_layer("shift").set_weights([np.eye(3, dtype=np.float32)[None, None], np.full(3, -low, np.float32)])
    centres = np.array(CENTRES, np.float32) * (high - low)
    gain = 100 / (high - low) ** 2
    model.get_layer("nearest").set_weights([np.tile(gain * 2 * centres / 3, (3, 1)), -gain * centres**2])
    return model


def make(folder: Path) -> None:
    import keras
    import numpy as np
    import tensorflow as tf
    import tf_keras

    net = brightness_net(tf_keras)
    net.save(folder / "tf_keras.keras")
    net.save(folder / "tf_keras.h5")
    net.save_weights(folder / "weights_only.h5")
    brightness_net(tf_keras, (-1.0, 1.0)).save(folder / "minus_one.keras")
    brightness_net(tf_keras, batch_size=1).save(folder / "batch1.keras")
    brightness_net(tf_keras, activation="elu").save(folder / "elu.keras")
    huge = brightness_net(tf_keras)
    kernel, bias = huge.get_layer("shift").get_weights()
    huge.get_layer("shift").set_weights([kernel * 1e6, bias])
    kernel, bias = huge.get_layer("nearest").get_weights()
    huge.get_layer("nearest").set_weights([kernel / 1e6, bias])
    huge.save(folder / "beyond_float16.keras")

    brightness_net(keras).save(folder / "keras3.keras")
    brightness_net(keras).save(folder / "keras3.h5")
    brightness_net(keras).export(folder / "saved_model", verbose=False)
    tf.saved_model.save(tf.Module(), folder / "no_signature")
    (folder / "dynamic.tflite").write_bytes(tf.lite.TFLiteConverter.from_keras_model(net).convert())

    class Odd(tf_keras.layers.Layer):
        def call(self, x: Any) -> Any:
            return x * 1.0

    # Leaves a mark when it is run; these files must never be run by edgewb.
    mark = str(folder / "lambda_ran")
    for library, name in ((tf_keras, "tf_keras"), (keras, "keras3")):
        inputs = library.Input(SHAPE)
        x = library.layers.Lambda(lambda x: (open(mark, "w").close(), x * 2)[1])(inputs)
        x = library.layers.GlobalAveragePooling2D()(x)
        lambda_net = library.Model(inputs, library.layers.Dense(3, activation="softmax")(x))
        lambda_net.save(folder / f"lambda_{name}.keras")
        lambda_net.save(folder / f"lambda_{name}.h5")
    inputs = tf_keras.Input(SHAPE)
    x = tf_keras.layers.GlobalAveragePooling2D()(Odd()(inputs))
    odd_net = tf_keras.Model(inputs, tf_keras.layers.Dense(3)(x))
    odd_net.save(folder / "custom_layer.keras")
    odd_net.save(folder / "custom_layer.h5")

    inputs = tf_keras.Input(SHAPE)
    tf_keras.Model(inputs, brightness_net(tf_keras)(inputs)).save(folder / "nested.keras")

    first, second = tf_keras.Input(SHAPE), tf_keras.Input(SHAPE)
    x = tf_keras.layers.GlobalAveragePooling2D()(tf_keras.layers.Add()([first, second]))
    tf_keras.Model([first, second], tf_keras.layers.Dense(3)(x)).save(folder / "two_inputs.keras")
    free = tf_keras.Input((None, None, 3))
    tf_keras.Model(free, tf_keras.layers.Dense(3)(tf_keras.layers.GlobalAveragePooling2D()(free))).save(folder / "any_size.keras")

    tf_keras.utils.set_random_seed(77)  # not a seed of a study, whose own start would then be these weights
    base = tf_keras.applications.MobileNetV2(input_shape=(32, 32, 3), include_top=False, weights=None)
    base.save_weights(folder / "mobilenet_v2.h5")

    sequence = tf_keras.Input((8, 4))
    tf_keras.Model(sequence, tf_keras.layers.Dense(3)(tf_keras.layers.GRU(4)(sequence))).save(folder / "gru.keras")
    np.savez(folder / "sequences.npz", x=np.random.default_rng(0).normal(size=(1, 8, 4)).astype(np.float32))


if __name__ == "__main__":
    make(Path(sys.argv[1]))
