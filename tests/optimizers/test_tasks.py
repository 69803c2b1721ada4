"""The tasks of the worker with real TensorFlow, on kilobyte networks and a handful of steps."""

import dataclasses
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from model_zoo import zoo

from edgewb.errors import ConversionError
from edgewb.model_files import ModelKind, ModelSource, identify_model
from edgewb.optimizers.recipes import decode_recipe
from edgewb.optimizers.training import TrainingData, TrainingSettings
from edgewb.optimizers.workers import Shared, Worker

pytestmark = pytest.mark.training

CNN = ModelSource(ModelKind.BUILTIN, "image_cnn")
# A convolutional network with batch norm, and one of three layers, with which techniques that wrap every layer take seconds.
VARIANTS = (
    (CNN, "ptq_int8"),
    ("tf_keras.keras", "qat_int8"),
    ("tf_keras.keras", "prune50_ptq_int8"),
    ("tf_keras.keras", "cluster4_ptq_int8"),
    (CNN, "ptq_int8_per_tensor"),
)


@pytest.fixture(scope="module")
def weights(worker: Worker, pictures: TrainingData, tiny: TrainingSettings) -> bytes:
    return train(worker, pictures, tiny)


def train(worker: Worker, data: TrainingData, settings: TrainingSettings, seed: int = 0) -> bytes:
    content: bytes = worker.call("train_float", shared=Shared("pictures", data), source=CNN, settings=settings, seed=seed)[0]
    return content


def make(
    worker: Worker, data: TrainingData, settings: TrainingSettings, weights: bytes, recipe: str, model: str | ModelSource = CNN
) -> tuple[bytes, dict[str, Any]]:
    source = identify_model(zoo() / model) if isinstance(model, str) else model
    content, facts = worker.call(
        "make_variant",
        shared=Shared("pictures", data),
        source=source,
        weights=weights if source is CNN else b"",
        recipe=decode_recipe(recipe),
        settings=settings,
        seed=0,
    )
    return content, facts


def test_the_same_seed_gives_the_same_bytes_in_any_order_and_process(
    worker: Worker, pictures: TrainingData, tiny: TrainingSettings, weights: bytes
) -> None:
    first = {(model, name): make(worker, pictures, tiny, weights, name, model)[0] for model, name in VARIANTS}
    with Worker() as other:
        # In a process that ran nothing before, in the opposite order, and the float model in the middle of it.
        second = {(model, name): make(other, pictures, tiny, weights, name, model)[0] for model, name in reversed(VARIANTS[1:])}
        assert train(other, pictures, tiny) == weights
        second[VARIANTS[0]] = make(other, pictures, tiny, weights, VARIANTS[0][1])[0]
    assert [variant for variant in VARIANTS if first[variant] != second[variant]] == []
    assert len(set(first.values())) == len(VARIANTS)


def test_another_seed_gives_another_model(worker: Worker, pictures: TrainingData, tiny: TrainingSettings, weights: bytes) -> None:
    assert train(worker, pictures, tiny, seed=1) != weights


def test_pruned_and_clustered_weights_are_what_the_recipe_says(
    worker: Worker, pictures: TrainingData, tiny: TrainingSettings, weights: bytes
) -> None:
    _, pruned = make(worker, pictures, tiny, weights, "prune50_ptq_int8", "tf_keras.keras")
    # Two kernels of nine weights each: four or five of them.
    assert 44 <= pruned["zero_weights_percent"] <= 56
    _, clustered = make(worker, pictures, tiny, weights, "cluster4_ptq_int8", "tf_keras.keras")
    assert 2 <= clustered["most_distinct_weights_per_layer"] <= 4
    for facts in (pruned, clustered):
        assert facts["validation_n"] == len(pictures.validation_y)
        assert 0 <= facts["validation_accuracy"] <= 1


def test_zeros_and_clusters_survive_quantisation_aware_training_in_the_file(
    worker: Worker, pictures: TrainingData, tiny: TrainingSettings, weights: bytes
) -> None:
    found = {name: make(worker, pictures, tiny, weights, name)[1] for name in ("prune50_cluster8_qat_int8", "prune50_qat_int8", "qat_int8")}
    for name in ("prune50_cluster8_qat_int8", "prune50_qat_int8"):
        # Depthwise kernels are 4 % of the weights and not pruned.
        assert found[name]["file_zero_weights_percent"] >= found[name]["zero_weights_percent"] > 40
    assert found["qat_int8"]["file_zero_weights_percent"] < 10
    # The batch norm folded into each channel gives the same cluster another value there.
    assert found["prune50_cluster8_qat_int8"]["file_most_distinct_weights_per_channel"] <= 8
    assert found["qat_int8"]["file_most_distinct_weights_per_channel"] > 8


def test_uint8_and_float_ends_are_the_converters_own(
    worker: Worker, pictures: TrainingData, tiny: TrainingSettings, weights: bytes, tmp_path: Any
) -> None:
    from edgewb.measurements import predict
    from edgewb.tflite.reader import read_graph

    outputs, ops = {}, {}
    for name in ("ptq_int8", "ptq_int8_uint8_io", "ptq_int8_float_io", "ptq_int8_per_tensor_dense", "ptq_int8_calib2"):
        content = make(worker, pictures, tiny, weights, name)[0]
        path = tmp_path / f"{name}.tflite"
        path.write_bytes(content)
        outputs[name], ops[name] = predict(path, pictures.validation_x), [op.name for op in read_graph(content).ops]
    inside = ops["ptq_int8"]
    assert ops["ptq_int8_uint8_io"] == ["QUANTIZE", *inside, "QUANTIZE"]
    assert ops["ptq_int8_float_io"] == ["QUANTIZE", *inside, "DEQUANTIZE"]
    assert (outputs["ptq_int8"] == outputs["ptq_int8_uint8_io"]).all()
    assert (outputs["ptq_int8"] == outputs["ptq_int8_float_io"]).all()
    assert (outputs["ptq_int8"] != outputs["ptq_int8_calib2"]).any()


def test_float_convolutions_of_per_tensor_qat_are_an_error() -> None:
    """With one scale per tensor and a batch norm behind, the converter left alone makes float convolutions, silently. The check finds them;
    with calibration images, which edgewb always gives, they are integer."""
    import subprocess
    import sys

    script = """
import tensorflow as tf
from edgewb.optimizers.promises import check_conversion
import numpy as np, tf_keras as keras, tensorflow_model_optimization as tfmot
from edgewb.optimizers.choices import Conversion
from edgewb.optimizers.conversion import convert_function
from edgewb.errors import ConversionError
from tensorflow_model_optimization.python.core.quantization.keras.default_8bit import default_8bit_quantizers
one_scale = tfmot.quantization.keras.quantizers.LastValueQuantizer
default_8bit_quantizers.Default8BitConvWeightsQuantizer = lambda: one_scale(8, per_axis=False, symmetric=True, narrow_range=True)
inputs = keras.Input((8, 8, 3))
x = keras.layers.Conv2D(4, 3, use_bias=False)(inputs)
x = keras.layers.ReLU()(keras.layers.BatchNormalization()(x))
net = keras.Model(inputs, keras.layers.Dense(3)(keras.layers.GlobalAveragePooling2D()(x)))
rows = np.random.default_rng(0).normal(size=(32, 8, 8, 3)).astype(np.float32)
bn = net.layers[2]
bn.set_weights([np.array([1, .1, 3, 2], np.float32), *bn.get_weights()[1:]])
wrapped = tfmot.quantization.keras.quantize_model(net)
wrapped(rows, training=True)
def inference(x):
    return wrapped(x, training=False)

check_conversion(convert_function(inference, (8, 8, 3), Conversion.QAT_INT8, rows), Conversion.QAT_INT8)
concrete = tf.function(inference).get_concrete_function(tf.TensorSpec((1, 8, 8, 3), tf.float32))
converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], wrapped)
converter.optimizations = [tf.lite.Optimize.DEFAULT]
converter.inference_input_type = converter.inference_output_type = tf.int8
content = converter.convert()
try:
    check_conversion(content, Conversion.QAT_INT8)
except ConversionError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "qat_int8 left 3 of 5 ops in float" in done.stdout
    assert "CONV_2D (op 1)" in done.stdout
    assert "weights of one scale with a batch norm behind them" in done.stdout


def test_the_file_computes_what_the_float_model_does(
    worker: Worker, pictures: TrainingData, tiny: TrainingSettings, weights: bytes, tmp_path: Any
) -> None:
    from edgewb.measurements import predict

    outputs = {}
    for name in ("float32", "ptq_int8"):
        path = tmp_path / f"{name}.tflite"
        path.write_bytes(make(worker, pictures, tiny, weights, name)[0])
        outputs[name] = predict(path, pictures.validation_x)
    # Two steps of the output's scale (1/256), and as much for the layers before.
    assert np.abs(outputs["float32"] - outputs["ptq_int8"]).max() < 0.05
    assert np.allclose(outputs["float32"].sum(axis=1), 1, atol=1e-4)


def test_a_training_that_diverges_says_so(worker: Worker, pictures: TrainingData, tiny: TrainingSettings) -> None:
    endless = dataclasses.replace(pictures, train_x=np.full_like(pictures.train_x, np.float32(3e38)))
    with pytest.raises(ConversionError, match="training diverged: the loss is nan") as caught:
        worker.call("train_float", shared=Shared("endless", endless), source=CNN, settings=tiny, seed=0)
    assert "its inputs reach from 3e+38 to 3e+38" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("recipe", ["qat_int8", "prune50_ptq_int8", "cluster4_ptq_int8"])
def test_a_technique_whose_training_diverges_says_so(recipe: str, worker: Worker, pictures: TrainingData, tiny: TrainingSettings) -> None:
    endless = dataclasses.replace(pictures, train_x=np.full_like(pictures.train_x, np.float32(3e38)))
    with pytest.raises(ConversionError, match=r"training diverged: .* after epoch 1 of \d+ at learning rate") as caught:
        worker.call(
            "make_variant",
            shared=Shared("endless", endless),
            source=identify_model(zoo() / "tf_keras.keras"),
            weights=b"",
            recipe=decode_recipe(recipe),
            settings=tiny,
            seed=0,
        )
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("recipe", "technique"),
    [
        ("qat_int8", "quantisation-aware training"),
        ("prune50_ptq_int8", "pruning"),
        ("cluster4_ptq_int8", "clustering"),
        ("prune50_qat_int8", "pruning"),
    ],
)
def test_what_a_technique_cannot_take_is_named_before_any_training(
    recipe: str, technique: str, worker: Worker, pictures: TrainingData, tiny: TrainingSettings
) -> None:
    starts, shares = worker.starts, list[float]()
    says = rf"{technique} cannot take layer 'model\w*', a whole model \(4 layers\) within the model: call its layers"
    with pytest.raises(ConversionError, match=says) as caught:
        worker.call(
            "make_variant",
            shared=Shared("pictures", pictures),
            source=identify_model(zoo() / "nested.keras"),
            weights=b"",
            progress=shares.append,
            recipe=decode_recipe(recipe),
            settings=tiny,
            seed=0,
        )
    assert "\n" not in str(caught.value)
    assert (worker.starts, shares) == (starts, [])


@pytest.mark.parametrize("recipe", ["prune50_float32", "structured50_float32", "qat_int8"])
def test_layers_a_file_holds_frozen_are_trained_on_like_any_others(
    recipe: str, worker: Worker, pictures: TrainingData, tiny: TrainingSettings, tmp_path: Path
) -> None:
    import tf_keras as keras

    keras.utils.set_random_seed(0)
    made = {}
    for frozen in (False, True):
        keras.backend.clear_session()
        layers = [keras.layers.Conv2D(8, 3, activation="relu", name="conv"), keras.layers.GlobalAveragePooling2D()]
        model = keras.Sequential([keras.Input((16, 16, 3)), *layers, keras.layers.Dense(3, name="logits")])
        rng = np.random.default_rng(0)
        model.set_weights([rng.normal(0, 0.3, w.shape) for w in model.get_weights()])
        model.get_layer("conv").trainable = not frozen
        model.save(tmp_path / f"{frozen}.keras")
        made[frozen] = make(worker, pictures, tiny, b"", recipe, identify_model(tmp_path / f"{frozen}.keras"))
    assert made[True][0] == made[False][0]
    assert made[True][1].pop("frozen_layers_trained") == ["conv"]
    assert made[True][1] == made[False][1]


MLP = ModelSource(ModelKind.BUILTIN, "table_mlp")


@pytest.fixture(scope="module")
def table() -> TrainingData:
    """A regression: y is linear but for noise."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(260, 5)).astype(np.float32)
    y = (x @ np.array([0.7, -0.5, 0.4, 0, 0]) + 0.3 * rng.normal(size=260)).astype(np.float32)
    return TrainingData(x[:200], y[:200], x[200:230], y[200:230], x[230:], 0)


@pytest.fixture(scope="module")
def trained(worker: Worker, table: TrainingData) -> bytes:
    options = {"shared": Shared("table", table), "source": MLP, "seed": 0}
    content, outcome, description = worker.call("train_float", settings=TrainingSettings(steps=200), **options)
    assert (outcome.measure, outcome.n, description.outputs) == ("r2", 30, 1)
    assert 0.5 < outcome.value < 1
    return bytes(content)


class TestRegression:
    """One linear output, squared error, R2; everything else as with classes."""

    @pytest.mark.parametrize(
        "recipe",
        [
            "float32",
            "ptq_int8",
            "qat_int8",
            "prune50_ptq_int8",
            "cluster4_ptq_int8",
            "structured50_ptq_int8",
            "equalize_ptq_int8",
            "distill_ptq_int8",
            "student_ptq_int8",
            "prune50_cluster8_qat_int8",
        ],
    )
    def test_every_technique_keeps_what_was_learnt(
        self, worker: Worker, table: TrainingData, trained: bytes, recipe: str, tmp_path: Any
    ) -> None:
        from edgewb.measurements import predict
        from edgewb.optimizers.training import rate_outputs

        settings = TrainingSettings(steps=200, fine_tune_steps=60)
        options = {"shared": Shared("table", table), "source": MLP, "weights": trained, "settings": settings, "seed": 0}
        content, facts = worker.call("make_variant", recipe=decode_recipe(recipe), **options)
        path = tmp_path / "model.tflite"
        path.write_bytes(content)
        outputs = predict(path, table.validation_x)
        assert outputs.shape == (30, 1)
        assert rate_outputs(outputs, table.validation_y) > 0.5
        assert "validation_accuracy" not in facts
        if "qat" in recipe or recipe.startswith(("prune", "cluster", "structured", "distill", "student")):
            assert facts["validation_r2"] == pytest.approx(rate_outputs(outputs, table.validation_y), abs=0.1)
        if recipe.startswith("distill"):
            assert 0.5 < facts["teacher_validation_r2"] < 1
            assert "temperature" not in facts

    def test_a_model_in_the_unit_of_y_is_tuned_in_it(self, worker: Worker, table: TrainingData, tmp_path: Any) -> None:
        from edgewb.measurements import predict
        from edgewb.optimizers.training import rate_outputs

        def raw(y: Any) -> Any:
            return (200 + 50 * y).astype(np.float32)

        moved = dataclasses.replace(table, train_y=raw(table.train_y), validation_y=raw(table.validation_y))
        path = tmp_path / "own.keras"
        script = (
            "import sys, numpy as np, tf_keras as k; i = k.Input((5,)); h = k.layers.Dense(8, activation='relu')(i);"
            "m = k.Model(i, k.layers.Dense(1)(h)); m.layers[1].set_weights([np.hstack([np.eye(5), -np.eye(5)[:, :3]]), np.zeros(8)]);"
            "m.layers[2].set_weights([50 * np.array([.7, -.5, .4, 0, 0, -.7, .5, -.4])[:, None], np.array([200.])]); m.save(sys.argv[1])"
        )
        subprocess.run([sys.executable, "-c", script, str(path)], check=True, capture_output=True)
        options = {"source": identify_model(path), "weights": b"", "settings": TrainingSettings(fine_tune_steps=60), "seed": 0}
        content, facts = worker.call("make_variant", shared=Shared("raw", moved), recipe=decode_recipe("qat_int8"), **options)
        assert facts["validation_r2"] > 0.5
        (tmp_path / "model.tflite").write_bytes(content)
        assert rate_outputs(predict(tmp_path / "model.tflite", table.validation_x), moved.validation_y) > 0.5

    def test_pictures_of_a_number(self, worker: Worker, pictures: TrainingData, tiny: TrainingSettings) -> None:
        data = dataclasses.replace(
            pictures, classes=0, train_y=pictures.train_y.astype(np.float32) - 1, validation_y=pictures.validation_y.astype(np.float32) - 1
        )
        options = {"shared": Shared("numbers", data), "source": CNN, "settings": tiny, "seed": 0}
        content, outcome, description = worker.call("train_float", **options)
        assert (outcome.measure, description.outputs) == ("r2", 1)
        made, _ = worker.call("make_variant", weights=content, recipe=decode_recipe("structured50_ptq_int8"), **options)
        from edgewb.tflite.reader import read_graph

        graph = read_graph(made)
        assert graph.tensors[graph.outputs[0]].shape == (1, 1)
        assert "SOFTMAX" not in [op.name for op in graph.ops]

    def test_examples_balanced_by_class_are_refused(self, worker: Worker, table: TrainingData, trained: bytes) -> None:
        options = {"shared": Shared("table", table), "source": MLP, "weights": trained, "settings": TrainingSettings(), "seed": 0}
        with pytest.raises(ConversionError, match="need their classes"):
            worker.call("make_variant", recipe=decode_recipe("ptq_int8_calib6_balanced"), **options)
