"""Loading models a user brings; what needs TensorFlow for it is in test_model_files.py."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from builders import Builder

from edgewb.errors import ModelFileError
from edgewb.model_files import identify_model
from edgewb.optimizers.float_models import load_float_model


def softmax_net(tmp_path: Path, shape: tuple[int, ...], dtype: str = "FLOAT32") -> Path:
    builder = Builder()
    source = builder.tensor("rows", shape, dtype)
    path = tmp_path / "rows.tflite"
    path.write_bytes(builder.build([source], [builder.softmax(source, dtype=dtype)]))
    return path


def test_a_float_tflite_is_run_as_it_is(tmp_path: Path) -> None:
    model = load_float_model(identify_model(softmax_net(tmp_path, (1, 3))))
    assert (model.input_shape, model.outputs, model.parameters) == ((3,), 3, 0)
    x = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    assert np.allclose(model.predict(x), np.exp(x) / np.exp(x).sum(axis=1, keepdims=True), atol=1e-5)


def test_one_output_is_that_of_a_regression(tmp_path: Path) -> None:
    assert load_float_model(identify_model(softmax_net(tmp_path, (1, 1)))).outputs == 1


@pytest.mark.parametrize(
    ("shape", "dtype", "says"),
    [
        ((4, 3), "FLOAT32", r"inputs of shape \(4, 3\): edgewb needs a batch of 1"),
        ((1, 3), "INT8", "takes int8 inputs"),
        ((1, 2, 3), "FLOAT32", r"inputs of shape \(2, 3\)"),
    ],
)
def test_what_cannot_be_used_is_one_line(tmp_path: Path, shape: tuple[int, ...], dtype: str, says: str) -> None:
    with pytest.raises(ModelFileError, match=says) as caught:
        load_float_model(identify_model(softmax_net(tmp_path, shape, dtype)))
    assert "\n" not in str(caught.value)


def test_more_than_one_input_is_refused(tmp_path: Path, tflite_bytes: Callable[[str], bytes]) -> None:
    builder = Builder()
    sources = [builder.tensor(name, (1, 3), "FLOAT32") for name in "ab"]
    total = builder.tensor("sum", (1, 3), "FLOAT32")
    builder.op("ADD", sources, [total], 1, "AddOptions")
    path = tmp_path / "two.tflite"
    path.write_bytes(builder.build(sources, [total]))
    with pytest.raises(ModelFileError, match="has 2 inputs and 1 outputs"):
        load_float_model(identify_model(path))
