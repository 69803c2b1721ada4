"""The tasks of the worker with real TensorFlow, on kilobyte networks and a handful of steps."""

import dataclasses
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
    assert "\n" not in str(caught.value)


def test_what_tfmot_cannot_wrap_is_refused_and_the_worker_lives_on(worker: Worker, pictures: TrainingData, tiny: TrainingSettings) -> None:
    starts = worker.starts
    with pytest.raises(ConversionError, match="cannot apply qat_int8 to this model"):
        worker.call(
            "make_variant",
            shared=Shared("pictures", pictures),
            source=identify_model(zoo() / "nested.keras"),
            weights=b"",
            recipe=decode_recipe("qat_int8"),
            settings=tiny,
            seed=0,
        )
    assert worker.starts == starts
