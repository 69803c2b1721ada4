"""The small float Keras networks edgewb builds itself. TensorFlow is imported inside the functions that need it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from edgewb.errors import InputError, first_line, require

HEAD, VALUE = "logits", "value"
"""The name of a network's last dense layer: one output per class, or of a regression the one."""

_DECAY = 22.0
"""The L2 penalty of a regression's table net, times the number of train rows.

Diabetes, mean validation R2 (66 rows each) after 800 steps on 222, for penalties of 0, 0.01, 0.03, 0.1, 0.2 and 0.4: 0.319, 0.450, 0.468,
0.494, 0.490 and 0.474 in five random draws, by which 0.1 was chosen; 0.292, 0.407, 0.439, 0.455, 0.464 and 0.459 in the splits of seeds 0
to 4. From 0.1 to 0.4 no difference is beyond chance; scikit-learn's RidgeCV has 0.466 and 0.454. After 400 steps 0.1 had 0.495."""


def add_head(features: Any, classes: int) -> Any:
    """The end of a classifier, or of a regression (``classes`` 0): one linear output."""
    import tf_keras as keras

    if classes == 0:
        return keras.layers.Dense(1, name=VALUE)(features)
    return keras.layers.Softmax(name="probabilities")(keras.layers.Dense(classes, name=HEAD)(features))


def _separable_cnn(input_shape: tuple[int, ...], classes: int, stem: int, blocks: tuple[tuple[int, int], ...]) -> Any:
    """A convolution, then depthwise separable blocks of (channels, stride), each with batch norm and ReLU (MobileNet, arXiv 1704.04861)."""
    import tf_keras as keras

    layers = keras.layers

    def normalised(x: Any, name: str) -> Any:
        # Momentum 0.9: with the default 0.99 the running averages lag far behind after a few hundred steps.
        x = layers.BatchNormalization(momentum=0.9, name=f"{name}_bn")(x)
        return layers.ReLU(name=f"{name}_relu")(x)

    inputs = keras.Input(input_shape, name="image")
    x = normalised(layers.Conv2D(stem, 3, strides=2, padding="same", use_bias=False, name="stem")(inputs), "stem")
    for i, (channels, stride) in enumerate(blocks, start=1):
        x = normalised(layers.DepthwiseConv2D(3, strides=stride, padding="same", use_bias=False, name=f"depthwise{i}")(x), f"depthwise{i}")
        x = normalised(layers.Conv2D(channels, 1, use_bias=False, name=f"pointwise{i}")(x), f"pointwise{i}")
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(inputs, add_head(x, classes))


def _digits_cnn(input_shape: tuple[int, ...], classes: int) -> Any:
    return _separable_cnn(input_shape, classes, 16, ((32, 1), (64, 2), (64, 1), (128, 2), (128, 1)))


def _digits_wide(input_shape: tuple[int, ...], classes: int) -> Any:
    """At least 64 channels in every layer: more than the digits need, so that whole channels can go."""
    return _separable_cnn(input_shape, classes, 64, ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1)))


def _image_cnn(input_shape: tuple[int, ...], classes: int) -> Any:
    return _separable_cnn(input_shape, classes, 16, ((32, 1), (64, 2), (64, 1), (128, 2), (128, 1)))


def _table_mlp(input_shape: tuple[int, ...], classes: int, examples: int = 0) -> Any:
    import tf_keras as keras

    layers = keras.layers
    penalty = keras.regularizers.L2(_DECAY / examples) if classes == 0 and examples else None
    inputs = keras.Input(input_shape, name="features")
    x = layers.Dense(32, activation="relu", kernel_regularizer=penalty, name="hidden1")(inputs)
    x = layers.Dense(32, activation="relu", kernel_regularizer=penalty, name="hidden2")(x)
    return keras.Model(inputs, add_head(x, classes))


def _mobilenet_v2(input_shape: tuple[int, ...], classes: int) -> Any:
    """MobileNetV2 (arXiv 1801.04381), its ImageNet head replaced by one for these classes."""
    import tf_keras as keras

    base = keras.applications.MobileNetV2(input_shape=input_shape, include_top=False, weights=None)
    x = keras.layers.GlobalAveragePooling2D(name="pool")(base.output)
    return keras.Model(base.input, add_head(x, classes))


@dataclass(frozen=True)
class ModelSpec:
    """A built-in network: what it takes, its builder, and the input range it is trained with.

    ``widened``: once trained, each of its channels is multiplied by 2^U(-widened, widened), and what reads it divided by that.
    """

    build: Callable[..., Any]
    kind: str
    description: str
    image_size: tuple[int, int, int] | None = None
    input_range: tuple[float, float] = (0.0, 1.0)
    takes_weights: bool = False
    widened: float = 0.0


# Chosen on the validation splits of seeds 0, 1 and 2 (n = 200 each): with 4, PTQ lost 23 to 37 points, too near
# the 20 it should; with 4.5 it lost 67 to 82, and QAT up to 2.
_HARD = 4.25

MODELS: dict[str, ModelSpec] = {
    "digits_cnn": ModelSpec(_digits_cnn, "images", "separable CNN for 32x32 digits", (32, 32, 1)),
    "digits_wide": ModelSpec(_digits_wide, "images", "separable CNN of 64 to 256 channels a layer for 32x32 digits", (32, 32, 1)),
    "digits_hard": ModelSpec(
        _digits_cnn,
        "images",
        f"digits_cnn, its channels rescaled by 2^U(-{_HARD:g}, {_HARD:g}) after training and the next weights divided by it: float answers "
        "as before, and one int8 scale no longer fits all channels of an activation. It stands for the nets, depthwise above all, that "
        "training alone leaves with wide channel ranges, which is where post-training quantisation really loses accuracy",
        (32, 32, 1),
        widened=_HARD,
    ),
    "image_cnn": ModelSpec(_image_cnn, "images", "small separable CNN for pictures", (64, 64, 3)),
    "table_mlp": ModelSpec(_table_mlp, "table", "two hidden layers of 32 for tables"),
    "mobilenet_v2": ModelSpec(
        _mobilenet_v2, "images", "MobileNetV2 with a new head, weights from a file (--weights)", (224, 224, 3), (-1.0, 1.0), True
    ),
}


def default_model(dataset_name: str, kind: str) -> str:
    """The network used when none is named."""
    if dataset_name == "digits":
        return "digits_cnn"
    return "table_mlp" if kind == "table" else "image_cnn"


def build_model(name: str, input_shape: tuple[int, ...], classes: int, weights: str = "", examples: int = 0) -> Any:
    """Build a built-in network as a ``tf_keras.Model`` (float32, softmax output of shape (batch, classes)).

    The caller seeds the initialisation with ``tf_keras.utils.set_random_seed``.

    Args:
        classes: 0 for a regression, whose output is linear and of shape (batch, 1).
        examples: it is to be trained with, by which a regression's table net is regularised; 0: not known, and it is not.

    Raises:
        InputError: the weights file does not fit.
    """
    require("tf_keras", "train", "to train models")
    more = {"examples": examples} if MODELS[name].kind == "table" else {}
    model = MODELS[name].build(input_shape, classes, **more)
    if weights:
        before = model.get_weights()
        try:
            model.load_weights(weights, by_name=True)
        except (OSError, ValueError, KeyError) as error:
            raise InputError(f"the weights in {weights} do not fit {name} at {input_shape}: {first_line(error)}") from None
        # Keras matches layers by name and says nothing of those it does not find.
        kernels = [(old, new) for old, new in zip(before, model.get_weights(), strict=True) if old.ndim > 1]
        same = sum(bool((old == new).all()) for old, new in kernels)
        if same > len(kernels) // 2:
            raise InputError(
                f"the weights in {weights} do not belong to {name}: {same} of its {len(kernels)} kernels are not in the file; "
                "give the Keras weights of this architecture"
            )
    return model
