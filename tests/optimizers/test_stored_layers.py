"""What a model file says of its layers, in the form in which tf_keras and Keras 3 write it."""

import json
import zipfile
from pathlib import Path
from typing import Any

import h5py
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewb.errors import ModelFileError
from edgewb.model_files import identify_model
from edgewb.optimizers.float_models import load_float_model
from edgewb.optimizers.stored_layers import StoredLayer, _walk, find_unusual, read_layers


def layer(kind: str, name: str, module: str | None = "keras.layers", registered: str | None = None, **more: Any) -> dict[str, Any]:
    relu = {"module": "builtins", "class_name": "function", "config": "relu", "registered_name": "function"}
    tensor = {"class_name": "__keras_tensor__", "config": {"shape": [None, 3], "keras_history": ["x", 0, 0]}}
    config = {
        "name": name,
        "activation": relu,
        "dtype": {"module": "keras", "class_name": "DTypePolicy", "config": {"name": "float32"}},
        **more,
    }
    return {"module": module, "class_name": kind, "config": config, "registered_name": registered, "inbound_nodes": [{"args": [tensor]}]}


PLAIN = layer("Conv2D", "conv")
CUSTOM = layer("Odd", "my_odd", None, "Custom>Odd")
ELSEWHERE = layer("Odd", "other_odd", "somebody.layers", "Odd")
LAMBDA = layer("Lambda", "twice", "keras.layers", None, function={"class_name": "__lambda__", "config": {"code": "4wEAAA=="}})
OP = layer("TFOpLambda", "tf.math.multiply", "tf_keras.src.layers.core.tf_op_layer", "TFOpLambda")


def model(*layers: dict[str, Any], kind: str = "Functional", module: str | None = "tf_keras.src.engine.functional") -> dict[str, Any]:
    return {"module": module, "class_name": kind, "config": {"name": "net", "layers": list(layers)}, "registered_name": kind}


def keras_file(folder: Path, configuration: Any) -> Path:
    path = folder / "net.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": "2.21.0"}))
        archive.writestr("config.json", json.dumps(configuration))
    return path


@pytest.mark.parametrize(
    ("configuration", "found"),
    [
        (model(PLAIN, OP), None),
        (model(PLAIN, CUSTOM, LAMBDA), StoredLayer("twice", "Lambda", True)),
        (model(PLAIN, CUSTOM, ELSEWHERE), StoredLayer("my_odd", "Odd", False)),
        (model(PLAIN, layer("TimeDistributed", "each", layer=ELSEWHERE)), StoredLayer("other_odd", "Odd", False)),
        (model(PLAIN, model(LAMBDA)), StoredLayer("twice", "Lambda", True)),
    ],
)
def test_the_first_unusual_layer_is_found_at_any_depth(configuration: Any, found: StoredLayer | None, tmp_path: Path) -> None:
    assert find_unusual(read_layers(keras_file(tmp_path, configuration))) == found


def test_an_h5_of_tf_keras_gives_names_and_classes_alone(tmp_path: Path) -> None:
    layers = [{"class_name": kind, "config": {"name": name}} for kind, name in (("Conv2D", "conv"), ("Odd", "my_odd"))]
    with h5py.File(tmp_path / "net.h5", "w") as file:
        file.attrs["model_config"] = json.dumps({"class_name": "Functional", "config": {"name": "net", "layers": layers}})
    found = read_layers(tmp_path / "net.h5")
    assert [(each.name, each.kind) for each in found] == [("net", "Functional"), ("conv", "Conv2D"), ("my_odd", "Odd")]


@pytest.mark.parametrize(
    ("configuration", "says"),
    [
        (model(CUSTOM), "net.keras has layer 'my_odd' of class Odd, which is no part of Keras: build the model from Keras's own layers"),
        (model(LAMBDA), "net.keras has a Lambda layer, 'twice', which is Python code"),
        (
            {"module": None, "class_name": "Own", "config": {}, "registered_name": "Own"},
            "net.keras is a model of class Own, which is no part",
        ),
    ],
)
def test_it_is_refused_by_name_before_any_keras_is_loaded(configuration: Any, says: str, tmp_path: Path) -> None:
    with pytest.raises(ModelFileError) as caught:
        load_float_model(identify_model(keras_file(tmp_path, configuration)))
    assert str(caught.value).startswith(says)
    assert "\n" not in str(caught.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["class_name", "config", "module", "registered_name", "name", "layers"]), inner, max_size=6)
    ),
    max_leaves=20,
)


@given(JSON)
def test_any_configuration_is_read_or_passed_over(configuration: Any) -> None:
    assert all(isinstance(each, StoredLayer) for each in _walk(configuration))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x89HDF\r\n\x1a\n", b"something else"])
def test_what_cannot_be_read_holds_no_layer(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(content)
    assert read_layers(tmp_path / "file") == ()
    assert read_layers(tmp_path / "missing") == ()
