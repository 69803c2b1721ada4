"""Cross-layer equalisation: the float function stays, the ranges meet, and what cannot be taken is named."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from edgewb.errors import ConversionError
from edgewb.model_files import ModelKind, ModelSource
from edgewb.optimizers import equalization
from edgewb.optimizers.recipes import decode_recipe
from edgewb.optimizers.techniques import Context
from edgewb.optimizers.training import FAST, TrainingData, TrainingSettings
from edgewb.optimizers.workers import Shared, Worker


@given(st.integers(2, 4).flatmap(lambda links: arrays(np.float64, (links, 5), elements=st.floats(1e-3, 1e3))))
def test_all_ranges_of_a_channel_meet_in_their_geometric_mean(ranges: np.ndarray) -> None:
    factors = equalization._factors(ranges)
    gained = np.concatenate([factors, np.ones((1, 5))]) / np.concatenate([np.ones((1, 5)), factors])
    assert np.allclose(ranges * gained, np.exp(np.log(ranges).mean(axis=0)), rtol=1e-9)
    assert np.allclose(equalization._factors(ranges * gained), 1)


def test_two_links_are_scaled_as_in_the_paper() -> None:
    first, second = np.array([8.0, 1.0]), np.array([2.0, 4.0])
    # Equation 11: s = sqrt(r1 r2) / r2, by which the first kernel is divided.
    assert equalization._factors(np.stack([first, second]))[0] == pytest.approx(1 / (np.sqrt(first * second) / second))


def test_a_channel_with_a_side_of_zeros_is_left_as_it_is() -> None:
    assert equalization._factors(np.array([[0.0, 4.0], [1.0, 1.0]])).tolist() == [[1.0, 0.5]]


@pytest.fixture(scope="module")
def keras() -> Iterator[Any]:
    import tf_keras

    yield tf_keras
    tf_keras.backend.clear_session()


def norm(keras: Any, x: Any) -> Any:
    return keras.layers.BatchNormalization()(x)


def depthwise_net(keras: Any) -> Any:
    layers = keras.layers
    inputs = keras.Input((8, 8, 3))
    x = layers.ReLU()(norm(keras, layers.Conv2D(6, 3, strides=2, padding="same", use_bias=False, name="stem")(inputs)))
    x = layers.ReLU()(norm(keras, layers.DepthwiseConv2D(3, padding="same", use_bias=False, name="depthwise")(x)))
    x = layers.ReLU()(norm(keras, layers.Conv2D(5, 1, use_bias=False, name="pointwise")(x)))
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(3, activation="softmax", name="logits")(x))


def plain_net(keras: Any) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [
            layers.Input((8, 8, 3)),
            layers.Conv2D(4, 3, activation="relu", name="first"),
            layers.MaxPooling2D(),
            layers.ZeroPadding2D(),
            layers.Conv2D(6, 3, name="second"),
            layers.LeakyReLU(),
            layers.Dropout(0.5),
            layers.Flatten(),
            layers.Dense(7, activation="relu", name="hidden"),
            layers.Dense(3, name="logits"),
        ]
    )


def residual_net(keras: Any) -> Any:
    layers = keras.layers
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 1, activation="relu", name="stem")(inputs)
    y = layers.Conv2D(6, 3, padding="same", activation="relu", name="inside1")(x)
    y = layers.Conv2D(4, 1, name="inside2")(y)
    x = layers.ReLU()(layers.Add(name="sum")([x, y]))
    x = layers.Conv2D(5, 1, activation="elu", name="elu")(x)
    x = layers.Flatten()(x)
    return keras.Model(inputs, layers.Dense(3, name="logits")(x))


NETS: dict[str, Callable[[Any], Any]] = {"depthwise": depthwise_net, "plain": plain_net, "residual": residual_net}


def randomised(model: Any, seed: int) -> Any:
    """Every weight random, and channels of very different size: batch norms with any mean, variance and scale, also negative."""
    rng = np.random.default_rng(seed)
    values = []
    for weight in model.weights:
        shape = tuple(weight.shape)
        drawn = rng.normal(0, 0.5, shape) * (np.exp2(rng.uniform(-3, 3, shape[-1:])) if len(shape) > 1 else 1)
        values.append(np.exp(drawn) if "variance" in weight.name else drawn)
    model.set_weights(values)
    return model


def context(x: np.ndarray, y: np.ndarray | None = None) -> Context:
    labels = np.zeros(len(x), np.int64) if y is None else y
    return Context(TrainingData(x, labels, x, labels, x, 3), FAST, lambda share: None, 0)


def images(seed: int, n: int = 24) -> np.ndarray:
    return np.random.default_rng([seed, 1]).random((n, 8, 8, 3)).astype(np.float32)


@pytest.mark.training
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", NETS)
def test_the_float_function_stays_and_the_given_model_is_not_touched(keras: Any, name: str, seed: int) -> None:
    model, x = randomised(NETS[name](keras), seed), images(seed)
    before, weights = np.asarray(model(x, training=False)), model.get_weights()
    done = equalization.apply(model, None, context(x))
    after = np.asarray(done.model(x, training=False))
    assert np.abs(after - before).max() <= 1e-4 * np.abs(before).max()
    assert any(not np.array_equal(old, new) for old, new in zip(weights, done.model.get_weights(), strict=True))
    assert all(np.array_equal(old, new) for old, new in zip(weights, model.get_weights(), strict=True))
    assert done.fit is None
    chains, _ = equalization.find_chains(done.model)
    for chain in chains:
        assert np.ptp(np.log(equalization._ranges(chain)), axis=0).max() < 0.01


@pytest.mark.training
def test_widening_keeps_the_float_function_and_equalising_undoes_it(keras: Any) -> None:
    model, x = randomised(depthwise_net(keras), 0), images(0)
    before = np.asarray(model(x, training=False))
    plain = equalization.apply(model, None, context(x)).facts
    equalization.widen(model, 4.0, 0)
    assert np.abs(np.asarray(model(x, training=False)) - before).max() < 1e-4
    facts = equalization.apply(model, None, context(x)).facts
    assert facts["channel_range_ratio_before"] > 10 * plain["channel_range_ratio_before"]
    assert facts["channel_range_ratio_after"] == pytest.approx(plain["channel_range_ratio_after"], rel=0.05)
    assert facts["equalized_layers"] == 4


@pytest.mark.training
def test_depthwise_triples_are_one_chain_and_residual_adds_end_it(keras: Any) -> None:
    chains, left = equalization.find_chains(depthwise_net(keras))
    assert [[link.layer.name for link in chain.links] for chain in chains] == [["stem", "depthwise", "pointwise"], ["pointwise", "logits"]]
    assert left == {}
    chains, left = equalization.find_chains(residual_net(keras))
    assert [[link.layer.name for link in chain.links] for chain in chains] == [["inside1", "inside2"]]
    assert left["stem"] == "its output goes to 2 layers (inside1, sum)"
    assert left["elu"] == "the activation elu of elu lets no factor pass"


@pytest.mark.training
def test_relu6_becomes_relu_where_that_costs_nothing_and_stays_where_it_is_needed(keras: Any) -> None:
    layers = keras.layers
    inputs = keras.Input((8, 8, 3))
    features = layers.GlobalAveragePooling2D()(layers.ReLU(6.0, name="limit")(layers.Conv2D(2, 1, name="first")(inputs)))
    model = keras.Model(inputs, layers.Dense(2, name="logits")(features))
    x = images(0)

    def with_bias(bias: float) -> np.ndarray:
        """The first class's logit is the first feature, the second's is 7."""
        model.get_layer("first").set_weights([np.ones((1, 1, 3, 2)), np.array([bias, 0.0])])
        model.get_layer("logits").set_weights([np.array([[1.0, 0.001], [0.001, 0.001]]), np.array([0.0, 7.0])])
        return np.asarray(model(x, training=False))

    needed = with_bias(50.0)
    assert set(needed.argmax(-1)) == {1}  # 6 is less than 7, and 50 is not
    with pytest.raises(ConversionError, match=r"without the limit of ReLU6 \(limit\) the model loses more than 0.5 points"):
        equalization.apply(model, None, context(x, needed.argmax(-1)))
    assert model.get_layer("limit").max_value == 6
    needless = with_bias(1.0)
    done = equalization.apply(model, None, context(x, needless.argmax(-1)))
    assert done.facts["equalize_relu6_replaced"] == ["limit"]
    assert np.abs(np.asarray(done.model(x, training=False)) - needless).max() < 1e-4
    assert model.get_layer("limit").max_value == 6


@pytest.mark.training
def test_a_bias_that_never_lets_a_channel_fall_to_zero_moves_on(keras: Any) -> None:
    layers = keras.layers
    inputs = keras.Input((8, 8, 3))
    y = layers.Conv2D(4, 3, activation="relu", name="first")(inputs)
    y = norm(keras, layers.Conv2D(4, 3, name="second", use_bias=False)(y))
    y = layers.Conv2D(2, 3, padding="same", name="third")(layers.ReLU(name="active")(y))
    model = randomised(keras.Model(inputs, layers.Flatten()(y)), 0)
    kernel, _ = model.get_layer("first").get_weights()
    model.get_layer("first").set_weights([kernel / 50, np.array([20.0, -20.0, 30.0, 1.0])])
    x = images(0)
    before = np.asarray(model(x, training=False))
    done = equalization.apply(model, None, context(x))
    # Into ``second``, which reads no padding, and not into ``third``, which does.
    assert 2 <= done.facts["equalize_absorbed_biases"] <= 3
    assert np.abs(np.asarray(done.model(x, training=False)) - before).max() < 1e-4 * np.abs(before).max()
    floor = equalization._floor(done.model, equalization.find_chains(done.model)[0][0].gaps[0], x)
    assert np.abs(floor).max() < 1e-4


@pytest.mark.training
def test_a_floor_that_other_examples_fall_below_is_not_moved(keras: Any) -> None:
    """The least value of a few bright pictures is no least value."""
    layers = keras.layers
    inputs = keras.Input((8, 8, 3))
    y = layers.Conv2D(4, 3, activation="relu", name="first")(inputs)
    model = keras.Model(inputs, layers.Dense(3, name="second")(layers.Flatten()(y)))
    model.get_layer("first").set_weights([np.full((3, 3, 3, 4), 1.0), np.full(4, -3.0)])
    model.get_layer("second").set_weights([np.random.default_rng(0).normal(size=(144, 3)), np.zeros(3)])
    bright, any_light = 0.8 + 0.2 * images(0), images(1) * np.linspace(0, 1, 24, dtype=np.float32)[:, None, None, None]
    seen = equalization.apply(model, None, context(bright))
    assert seen.facts["equalize_absorbed_biases"] == 4
    data = TrainingData(bright, np.zeros(24, np.int64), any_light, np.zeros(24, np.int64), bright, 3)
    done = equalization.apply(model, None, Context(data, FAST, lambda share: None, 0))
    assert done.facts["equalize_absorbed_biases"] == 0
    assert done.facts["equalize_validation_output_difference"] < 1e-5
    before = np.asarray(model(any_light, training=False))
    assert np.abs(np.asarray(done.model(any_light, training=False)) - before).max() < 1e-5 * np.abs(before).max()


@pytest.mark.training
def test_batch_norms_without_scale_or_shift_and_activations_in_a_row(keras: Any) -> None:
    layers = keras.layers
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(6, 3, use_bias=False, name="first")(inputs)
    x = layers.ReLU()(layers.BatchNormalization(center=False)(x))
    x = layers.Conv2D(6, 3, use_bias=False, name="second")(x)
    x = layers.ReLU()(layers.BatchNormalization(scale=False)(x))
    x = layers.Conv2D(6, 1, activation="relu", name="third")(x)
    x = layers.Activation("linear")(layers.ReLU()(layers.AveragePooling2D(2)(x)))
    model = randomised(keras.Model(inputs, layers.Conv2D(3, 1, name="fourth")(x)), 0)
    kernel, _ = model.get_layer("third").get_weights()
    model.get_layer("third").set_weights([kernel, np.full(6, 20.0)])
    assert {chain.links[0].layer.name for chain in equalization.find_chains(model)[0]} == {"first", "third"}
    x = images(0)
    before = np.asarray(model(x, training=False))
    done = equalization.apply(model, None, context(x))
    assert np.abs(np.asarray(done.model(x, training=False)) - before).max() < 1e-4 * np.abs(before).max()


@pytest.mark.training
@pytest.mark.parametrize("kind", ["ELU", "ReLU"])
def test_an_activation_that_is_a_layer_ends_a_chain(keras: Any, kind: str) -> None:
    layers = keras.layers
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, activation=layers.ReLU(6.0) if kind == "ReLU" else layers.ELU(), name="first")(inputs)
    x = layers.Conv2D(4, 3, activation="relu", name="second")(x)
    chains, left = equalization.find_chains(keras.Model(inputs, layers.Dense(3, name="third")(layers.Flatten()(x))))
    assert [[link.layer.name for link in chain.links] for chain in chains] == [["second", "third"]]
    assert left["first"] == f"the activation {kind} of first lets no factor pass"


@pytest.mark.training
def test_nothing_to_equalise_says_why(keras: Any) -> None:
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, activation="tanh", name="first")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(3, name="logits")(keras.layers.Flatten()(x)))
    with pytest.raises(ConversionError, match=r"nothing to equalise: .*first: the activation tanh of first.*take ptq_int8") as caught:
        equalization.check(model, None)
    assert "\n" not in str(caught.value)


def test_the_recipe_does_not_train() -> None:
    recipe = decode_recipe("equalize_ptq_int8")
    assert not recipe.fine_tunes
    assert recipe.changes_model
    assert decode_recipe("equalize_qat_int8").fine_tunes


@pytest.mark.training
def test_digits_hard_breaks_ptq_and_equalisation_mends_it(worker: Worker, tmp_path: Any) -> None:
    """One seed, a short training, answers on the validation split; three seeds at full length are a benchmark (``hard``)."""
    from edgewb.datasets import as_inputs, load_dataset
    from edgewb.measurements import predict

    digits = load_dataset("digits")
    inputs = [as_inputs(split) for split in (digits.train, digits.validation, digits.calibration)]
    data = TrainingData(inputs[0], digits.train.y, inputs[1], digits.validation.y, inputs[2], 10)
    shared, source, settings = Shared("digits", data), ModelSource(ModelKind.BUILTIN, "digits_hard"), TrainingSettings(steps=400)
    weights = worker.call("train_float", shared=shared, source=source, settings=settings, seed=0)[0]
    right = {}
    for name in ("float32", "ptq_int8", "equalize_ptq_int8"):
        content, facts = worker.call(
            "make_variant", shared=shared, source=source, weights=weights, recipe=decode_recipe(name), settings=settings, seed=0
        )
        path = tmp_path / f"{name}.tflite"
        path.write_bytes(content)
        right[name] = float(np.mean(predict(path, data.validation_x).argmax(1) == data.validation_y))
    assert right["float32"] > 0.9
    assert right["ptq_int8"] < right["float32"] - 0.2
    assert right["equalize_ptq_int8"] > right["float32"] - 0.03
    assert facts["channel_range_ratio_after"] < 3 < 1000 < facts["channel_range_ratio_before"]
