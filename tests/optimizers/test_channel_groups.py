"""Channels followed through real tf_keras networks: what is removed together, and that nothing else changes."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from channel_nets import random_net

from edgewb.errors import ConversionError
from edgewb.optimizers.channel_groups import ChannelGroups, find_groups, remove_channels

pytestmark = pytest.mark.training

X = np.random.default_rng(0).normal(size=(4, 8, 8, 3)).astype(np.float32)


def some_of_each(groups: ChannelGroups, seed: int) -> np.ndarray:
    """Units to remove: of each group one at least, and never all."""
    rng = np.random.default_rng(seed)
    chosen = [rng.choice(units, rng.integers(1, len(units)), replace=False) for units in groups.groups.values() if len(units) > 1]
    return np.concatenate(chosen)


def silenced(model: Any, groups: ChannelGroups, removed: np.ndarray, reads: bool) -> Any:
    """A copy in which the weights that read these units, or those that make them, are zero."""
    import tf_keras as keras

    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    for place in groups.places:
        if place.reads == reads:
            weights = copy.get_layer(place.layer).get_weights()
            np.moveaxis(weights[place.weight], place.axis, 0)[np.isin(place.channels, removed)] = 0
            copy.get_layer(place.layer).set_weights(weights)
    return copy


@pytest.mark.parametrize("seed", range(16))
def test_removing_silent_channels_changes_nothing(seed: int) -> None:
    model = random_net(seed)
    groups = find_groups(model)
    removed = some_of_each(groups, seed)
    smaller = remove_channels(model, groups, removed)
    assert smaller.count_params() < model.count_params()
    before = model(X).numpy()
    for reads in (True, False):
        silent = silenced(model, groups, removed, reads)
        expected = silent(X).numpy()
        assert np.abs(expected - before).max() > 1e-3  # they did matter
        result = remove_channels(silent, groups, removed)(X).numpy()
        assert np.abs(result - expected).max() <= 1e-5 * max(1.0, np.abs(expected).max())


@pytest.mark.parametrize(("scale", "whole"), [(2.0, False), ([1.0, 2.0, 3.0, 4.0], True)])
def test_a_rescaling_passes_channels_on_unless_each_has_its_own_factor(scale: Any, whole: bool) -> None:
    groups = find_groups(net(lambda layers, x: layers.Rescaling(scale, name="by")(layers.Conv2D(4, 3, name="conv")(x))))
    assert ("conv" in groups.kept) == whole
    assert whole == (not groups.groups)
    find_groups(net(lambda layers, x: layers.Conv2D(4, 3)(layers.Rescaling(2.0, offset=-1.0)(x))))


def net(build: Callable[[Any, Any], Any]) -> Any:
    import tf_keras as keras

    inputs = keras.Input((8, 8, 3))
    x = build(keras.layers, inputs)
    return keras.Model(inputs, keras.layers.Dense(2, name="logits")(keras.layers.GlobalAveragePooling2D()(x)))


def sizes(model: Any) -> dict[tuple[str, ...], int]:
    return {makers: len(units) for makers, units in find_groups(model).groups.items()}


def test_an_addition_ties_its_operands_and_a_depthwise_layer_its_input() -> None:
    def build(layers: Any, x: Any) -> Any:
        first = layers.Conv2D(6, 1, name="first")(x)
        second = layers.DepthwiseConv2D(3, padding="same", name="depthwise")(layers.Conv2D(6, 1, name="second")(first))
        return layers.Conv2D(5, 1, name="last")(layers.Add()([first, second]))

    model = net(build)
    assert sizes(model) == {("first", "second"): 6, ("last",): 5}
    groups = find_groups(model)
    smaller = remove_channels(model, groups, groups.groups["first", "second"][:4])
    shapes = {layer.name: [tuple(w.shape) for w in layer.weights] for layer in smaller.layers if layer.weights}
    assert shapes == {
        "first": [(1, 1, 3, 2), (2,)],
        "second": [(1, 1, 2, 2), (2,)],
        "depthwise": [(3, 3, 2, 1), (2,)],
        "last": [(1, 1, 2, 5), (5,)],
        "logits": [(5, 2), (2,)],
    }


def test_a_concatenation_keeps_its_parts_apart_until_a_sum_ties_them() -> None:
    def parts(layers: Any, x: Any) -> Any:
        return layers.Concatenate()([layers.Conv2D(n, 1, name=name)(x) for n, name in ((4, "a"), (2, "b"))])

    assert sizes(net(parts)) == {("a",): 4, ("b",): 2}
    tied = net(lambda layers, x: layers.Add()([parts(layers, x), layers.Conv2D(6, 1, name="c")(x)]))
    assert sizes(tied) == {("a", "c"): 4, ("b", "c"): 2}


def test_what_cannot_go_is_kept_and_said() -> None:
    def build(layers: Any, x: Any) -> Any:
        x = layers.Add()([x, layers.Conv2D(3, 1, name="like_the_input")(x)])
        x = layers.Conv2D(4, 1, name="before_groups")(x)
        x = layers.Conv2D(4, 1, groups=2, name="in_groups")(x)
        x = layers.Conv2D(4, 1, activation="softmax", name="attention")(layers.Conv2D(8, 1, name="free")(x))
        x = layers.Conv2D(1, 1, name="one_for_all")(x)
        return layers.Multiply(name="spread")([x, layers.Conv2D(5, 1, name="free_too")(x)])

    groups = find_groups(net(build))
    assert {name for makers in groups.groups for name in makers} == {"free", "free_too"}
    assert {name: why.split(",")[0] for name, why in groups.kept.items()} == {
        "like_the_input": "the model's input",
        "before_groups": "the grouped convolution 'in_groups'",
        "in_groups": "the grouped convolution 'in_groups'",
        "attention": "the softmax of 'attention'",
        "one_for_all": "Multiply 'spread'",
        "logits": "the model's output",
    }


def test_a_sequential_model_stays_one() -> None:
    import tf_keras as keras

    layers = keras.layers
    model = keras.Sequential(
        [layers.Conv2D(8, 3, input_shape=(8, 8, 3), name="a"), layers.BatchNormalization(), layers.Flatten(), layers.Dense(3)]
    )
    groups = find_groups(model)
    removed = groups.groups["a",][::2]
    smaller = remove_channels(model, groups, removed)
    assert isinstance(smaller, keras.Sequential)
    assert smaller.layers[-1].weights[0].shape == (6 * 6 * 4, 3)
    assert np.allclose(smaller(X), silenced(model, groups, removed, True)(X), atol=1e-5)


def test_layers_it_cannot_follow_are_refused_by_name() -> None:
    import tensorflow as tf
    import tf_keras as keras

    class Odd(keras.layers.ReLU):  # type: ignore[misc]
        def call(self, x: Any) -> Any:
            return tf.reverse(x, [-1])

    def inner(layers: Any, x: Any) -> Any:
        return keras.Model(given := keras.Input((8, 8, 3)), layers.ReLU()(given), name="inside")(x)

    for build, says in (
        (lambda layers, x: layers.Lambda(lambda t: t * 2, name="twice")(x), "'twice', a Lambda"),
        (lambda layers, x: Odd(name="odd")(x), "'odd' of kind Odd, which is no part of Keras"),
        (inner, "'inside', a whole model"),
        (lambda layers, x: x + layers.ReLU()(x), "of kind TFOpLambda"),
        (lambda layers, x: layers.Conv2D(4, 1, activation=tf.abs, name="bent")(x), "'bent' of kind Conv2D: it has the activation 'abs'"),
        (lambda layers, x: layers.MaxPooling2D(data_format="channels_first", name="first")(x), "'first' .* has its channels first"),
        (lambda layers, x: layers.BatchNormalization(axis=1, name="rows")(x), "'rows' .* normalises axis"),
    ):
        with pytest.raises(ConversionError, match=f"structured pruning cannot take layer .*{says}") as caught:
            find_groups(net(build))
        assert "\n" not in str(caught.value)
