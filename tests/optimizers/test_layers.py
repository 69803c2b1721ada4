"""What a technique cannot take is said with the layer's name, before any training."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.training

SCRIPT = """
import tf_keras as keras
from edgewb.errors import ConversionError
from edgewb.optimizers.quantization_aware import check_quantizable
from edgewb.optimizers.techniques import check_technique

class Odd(keras.layers.Layer):
    def build(self, shape):
        self.gain = self.add_weight(name="gain", shape=(shape[-1],))

    def call(self, x):
        return x * self.gain

class Own(keras.Model):
    def call(self, x):
        return x

def net(*middle):
    x = inputs = keras.Input((8, 8, 3))
    for layer in (keras.layers.Conv2D(4, 3, name="conv"), keras.layers.BatchNormalization(), keras.layers.ReLU(), *middle):
        x = layer(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(x))

def branches(norm):
    inputs = keras.Input((8, 8, 3))
    a, b = (keras.layers.Conv2D(4, 3, padding="same", name=f"conv{i}")(inputs) for i in range(2))
    x = norm(keras.layers.Add()([a, b]))
    return keras.Model(inputs, keras.layers.Dense(3)(keras.layers.GlobalAveragePooling2D()(keras.layers.ReLU()(x))))

def with_op():
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, name="conv")(inputs) * 2.0
    return keras.Model(inputs, keras.layers.Dense(3)(keras.layers.GlobalAveragePooling2D()(x)))

inner = keras.Sequential([keras.Input((6, 6, 4)), keras.layers.ReLU()], name="inner")
models = {
    "plain": net(), "lambda": net(keras.layers.Lambda(lambda x: x + 1, name="plus")), "custom": net(Odd(name="odd")),
    "lone": branches(keras.layers.BatchNormalization(name="lone")), "op": with_op(),
    "late": net(keras.layers.Conv2D(4, 1, activation="relu"), keras.layers.BatchNormalization(name="late")),
    "nested": net(inner), "own": Own(), "transposed": net(keras.layers.Conv2DTranspose(4, 2, name="up")),
}
for name, model in models.items():
    for technique in ("qat", "prune", "cluster"):
        try:
            check_quantizable(model) if technique == "qat" else check_technique(technique, model, 50)
            print(name, technique, "fine")
        except ConversionError as error:
            assert "\\n" not in str(error)
            print(name, technique, error)
"""


def test_each_kind_of_model_and_technique() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    said = {tuple(line.split(" ", 2)[:2]): line.split(" ", 2)[2] for line in done.stdout.splitlines()}
    names = {"qat": "quantisation-aware training", "prune": "pruning", "cluster": "clustering"}
    for technique, name in names.items():
        assert said["plain", technique] == "fine"
        assert said["lambda", technique].startswith(f"{name} cannot take layer 'plus', a Lambda, whose inside it does not see: use plain")
        assert said["custom", technique].startswith(f"{name} cannot take layer 'odd' of kind Odd, which is no part of Keras: replace")
        assert said["nested", technique].startswith(f"{name} cannot take layer 'inner', a whole model (1 layers) within the model: call")
        assert said["own", technique].startswith(f"{name} needs a Sequential or functional model, and this is a subclass of Model (Own)")
        if technique != "qat":
            assert said["lone", technique] == "fine"
        assert said["op", technique].startswith(f"{name} cannot take layer 'tf.math.multiply' of kind TFOpLambda: replace it by layers it")
        assert said["lambda", technique].endswith("or take a recipe without training, such as ptq_int8")
    for norm in ("lone", "late"):
        assert said[norm, "qat"].startswith(
            f"{names['qat']} cannot take layer {norm!r} of kind BatchNormalization: replace it by layers it"
        )
