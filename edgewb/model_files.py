"""What model a user named or brought: told from the file's first bytes without TensorFlow, loaded with it."""

from __future__ import annotations

import hashlib
import json
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgewb.errors import InputError, ModelFileError, first_line, require, unknown_name
from edgewb.models import MODELS, build_model


class ModelKind(StrEnum):
    """Who can load a model. Only ``BUILTIN`` and ``TF_KERAS`` can be fine-tuned by tensorflow-model-optimization."""

    BUILTIN = "builtin"
    TF_KERAS = "tf_keras"
    KERAS3 = "keras3"
    SAVED_MODEL = "saved_model"
    TFLITE = "tflite"


@dataclass(frozen=True)
class ModelSource:
    """A model by name or by file. ``sha256`` is of the file's content (of all files, for a folder); empty for a name.

    ``weights`` and ``weights_sha256`` name the pretrained weights a built-in model starts from, where it has any.
    """

    kind: ModelKind
    name: str
    path: str = ""
    sha256: str = ""
    weights: str = ""
    weights_sha256: str = ""

    @property
    def trains(self) -> bool:
        """Whether edgewb trains the float model itself (a file is taken as already trained)."""
        return self.kind is ModelKind.BUILTIN

    @property
    def fine_tunes(self) -> bool:
        """Whether QAT, pruning and clustering can be applied."""
        return self.kind in (ModelKind.BUILTIN, ModelKind.TF_KERAS)


NO_FINE_TUNING = {
    ModelKind.KERAS3: "is a Keras 3 model, and tensorflow-model-optimization 0.8 works with tf_keras (Keras 2) only; "
    "rebuild it with `import tf_keras as keras`, or take a ptq recipe",
    ModelKind.SAVED_MODEL: "is a SavedModel, whose Keras layers are gone; tensorflow-model-optimization needs a tf_keras model (.keras or .h5), "
    "or take a ptq recipe",
    ModelKind.TFLITE: "is a .tflite file, which cannot be trained any more; give the tf_keras model (.keras or .h5) it came from, or take a ptq recipe",
}
"""Why a model of this kind cannot be fine-tuned, finishing the sentence "the model ..."."""


def _content_sha256(path: Path) -> str:
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    digest = hashlib.sha256()
    for file in files:
        if path.is_dir():
            digest.update(str(file.relative_to(path)).encode() + b"\0")
        with file.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def _keras_file_kind(path: Path, version: str) -> ModelKind:
    if not version:
        raise ModelFileError(f"{path} does not say which Keras wrote it (weights alone?): save the whole model with model.save()")
    return ModelKind.TF_KERAS if version.startswith("2.") else ModelKind.KERAS3


def identify_model(name: str | Path, weights: str | Path | None = None) -> ModelSource:
    """Tell what a model name or file is, without loading TensorFlow.

    Args:
        name: a built-in name (see ``MODELS``) or the path of a .keras, .h5, SavedModel folder or float .tflite.
        weights: a weights file for a built-in model that takes one.

    Raises:
        ModelFileError: the path holds something else. InputError: unknown name, or weights that do not apply.
    """
    text = str(name)
    if text in MODELS:
        spec = MODELS[text]
        if spec.takes_weights and weights is None:
            raise InputError(f"model {text!r} needs pretrained weights: give their file with --weights (Keras 'no top' .h5)")
        if weights is not None and not spec.takes_weights:
            raise InputError(f"model {text!r} is trained from its seed and takes no --weights; only mobilenet_v2 does")
        if weights is None:
            return ModelSource(ModelKind.BUILTIN, text)
        if not Path(weights).is_file():
            raise InputError(f"no weights file {str(weights)!r}: give the path of a Keras weights .h5")
        return ModelSource(ModelKind.BUILTIN, text, weights=str(Path(weights).resolve()), weights_sha256=_content_sha256(Path(weights)))
    if weights is not None:
        raise InputError(f"--weights goes with a built-in model that takes them (mobilenet_v2), not with {text!r}")
    path = Path(name)
    if not path.exists():
        if path.suffix or "/" in text:
            raise ModelFileError(
                f"no such model {text!r}: give an existing .keras, .h5, SavedModel folder or float .tflite, or {', '.join(MODELS)}"
            )
        raise unknown_name("model", text, MODELS, "or the path of a .keras, .h5, SavedModel folder or float .tflite")
    try:
        kind = _identify_file(path)
        sha256 = _content_sha256(path)
    except OSError as error:
        raise ModelFileError(f"{path} cannot be read ({error.strerror or error}): check the file and its permissions") from None
    return ModelSource(kind, path.name, str(path.resolve()), sha256)


def _identify_file(path: Path) -> ModelKind:
    if path.is_dir():
        if (path / "saved_model.pb").is_file():
            return ModelKind.SAVED_MODEL
        raise ModelFileError(
            f"folder {path} is no SavedModel (no saved_model.pb in it): give a SavedModel folder, .keras, .h5 or float .tflite"
        )
    with path.open("rb") as stream:
        head = stream.read(8)
    if head[4:8] == b"TFL3":
        return ModelKind.TFLITE
    if head[:2] == b"PK":
        try:
            with zipfile.ZipFile(path) as archive:
                metadata = json.loads(archive.read("metadata.json"))
            if not isinstance(metadata, dict):
                raise ValueError("metadata.json holds no object")
        except (KeyError, ValueError, RuntimeError, NotImplementedError, zlib.error, zipfile.BadZipFile):
            raise ModelFileError(
                f"{path} is a zip but no readable .keras file: save the model again with model.save('name.keras')"
            ) from None
        return _keras_file_kind(path, str(metadata.get("keras_version", "")))
    if head == b"\x89HDF\r\n\x1a\n":
        h5py = require("h5py", "train", "to read .h5 models")
        try:
            with h5py.File(path, "r") as file:
                if "model_config" not in file.attrs:
                    raise ModelFileError(f"{path} holds weights only: save the whole model with model.save()")
                version = file.attrs.get("keras_version", "")
        except OSError:
            raise ModelFileError(f"{path} is a damaged .h5 file: save or copy it again") from None
        return _keras_file_kind(path, version.decode() if isinstance(version, bytes) else str(version))
    raise ModelFileError(
        f"{path} is no model edgewb can read: give a .keras, .h5, SavedModel folder or float .tflite, or {', '.join(MODELS)}"
    )


@dataclass(frozen=True)
class FloatModel:
    """A loaded float classifier with one input and one output.

    ``function`` maps a float32 tensor (batch, *input_shape) to (batch, outputs); ``trackable`` owns its variables. ``keras`` is
    the tf_keras model where there is one, ``content`` the file where it is a .tflite (and ``function`` is then None).
    """

    input_shape: tuple[int, ...]
    outputs: int
    parameters: int
    function: Callable[[Any], Any] | None
    trackable: Any = None
    keras: Any = None
    content: bytes = b""

    def predict(self, x: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Outputs (n, outputs) for inputs (n, *input_shape)."""
        if self.function is not None:
            return np.concatenate([np.asarray(self.function(x[i : i + 32])) for i in range(0, len(x), 32)])
        from ai_edge_litert.interpreter import Interpreter

        interpreter = Interpreter(model_content=self.content)
        interpreter.allocate_tensors()
        given, result = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]
        rows = []
        for row in x:
            interpreter.set_tensor(given, row[None])
            interpreter.invoke()
            rows.append(interpreter.get_tensor(result)[0])
        return np.stack(rows)


def load_float_model(source: ModelSource, *, input_shape: tuple[int, ...] = (), classes: int = 0) -> FloatModel:
    """Load or build the model a source names (TensorFlow is imported here).

    Args:
        source: what ``identify_model`` returned.
        input_shape, classes: of the data, for a built-in network.

    Raises:
        ModelFileError: it cannot be loaded, or is no classifier with one float input of fixed shape and one output row.
    """
    if source.kind is ModelKind.TFLITE:
        return _load_tflite(source)
    if source.kind is ModelKind.SAVED_MODEL:
        return _load_saved_model(source)
    model = build_model(source.name, input_shape, classes, source.weights) if source.trains else _load_keras(source)
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise ModelFileError(f"{source.name} has {len(model.inputs)} inputs and {len(model.outputs)} outputs: edgewb takes one of each")
    given, result = tuple(model.inputs[0].shape)[1:], tuple(model.outputs[0].shape)[1:]
    _check_shapes(source.name, given, result)
    keras, trackable = model, model
    if source.kind is ModelKind.KERAS3:
        # The converter looks for tf.Variables below the object it is given; Keras 3 hides them in variables of its own.
        tf = require("tensorflow", "train", "to convert models")
        keras, trackable = None, tf.Module()
        trackable.kept = [v.value for v in model.variables]
    return FloatModel(given, int(result[0]), int(model.count_params()), lambda x: model(x, training=False), trackable, keras)


def _check_shapes(name: str, given: tuple[int | None, ...], result: tuple[int | None, ...]) -> None:
    if len(given) not in (1, 3) or any(d is None or d < 1 for d in given):
        raise ModelFileError(f"{name} takes inputs of shape {given}: edgewb needs a fixed (features) or (height, width, channels)")
    if len(result) != 1 or result[0] is None or result[0] < 2:
        raise ModelFileError(f"{name} gives outputs of shape {result}: edgewb needs one output per class, two at least (softmax or logits)")


def _load_saved_model(source: ModelSource) -> FloatModel:
    tf = require("tensorflow", "train", "to load a SavedModel")
    try:
        loaded = tf.saved_model.load(source.path)
    except Exception as error:
        raise ModelFileError(f"{source.name} cannot be loaded as a SavedModel: {first_line(error)}") from None
    signatures = dict(loaded.signatures)
    name = "serving_default" if "serving_default" in signatures else next(iter(signatures), None)
    if name is None:
        raise ModelFileError(
            f"SavedModel {source.name} has no signature: export it with model.export() or tf.saved_model.save(..., signatures=...)"
        )
    signature = signatures[name]
    inputs, outputs = signature.structured_input_signature[1], signature.structured_outputs
    if len(inputs) != 1 or len(outputs) != 1:
        raise ModelFileError(
            f"signature {name!r} of {source.name} has {len(inputs)} inputs and {len(outputs)} outputs: edgewb takes one of each"
        )
    (key, spec), (out, result) = next(iter(inputs.items())), next(iter(outputs.items()))
    shape, result_shape = tuple(spec.shape.as_list()[1:]), tuple(result.shape.as_list()[1:])
    _check_shapes(source.name, shape, result_shape)
    count = sum(int(np.prod(v.shape)) for v in getattr(loaded, "variables", []) or signature.variables)
    return FloatModel(shape, int(result_shape[0]), count, lambda x: signature(**{key: tf.convert_to_tensor(x)})[out], loaded)


def _load_tflite(source: ModelSource) -> FloatModel:
    from edgewb.tflite.reader import read_graph
    from edgewb.tflite.rewriter import fix_batch

    content = fix_batch(Path(source.path).read_bytes())
    graph = read_graph(content)
    given, result = [graph.tensors[i] for i in graph.inputs], [graph.tensors[i] for i in graph.outputs]
    if len(given) != 1 or len(result) != 1:
        raise ModelFileError(f"{source.name} has {len(given)} inputs and {len(result)} outputs: edgewb takes one of each")
    if given[0].dtype != "float32":
        raise ModelFileError(
            f"{source.name} takes {given[0].dtype} inputs: `run` needs the float32 .tflite (for a quantised one: edgewb inspect, evaluate)"
        )
    _check_shapes(source.name, tuple(given[0].shape[1:]), tuple(result[0].shape[1:]))
    weights = {i for op in graph.ops for i in op.inputs if i >= 0 and graph.tensors[i].is_constant and graph.tensors[i].dtype == "float32"}
    count = sum(int(np.prod(graph.tensors[i].shape)) for i in weights)
    return FloatModel(tuple(given[0].shape[1:]), int(result[0].shape[1]), count, None, content=content)


def _load_keras(source: ModelSource) -> Any:
    """Load a .keras or .h5 with the Keras that wrote it. Keras itself refuses Lambda layers of .keras files (safe mode)."""
    keras = require("tf_keras" if source.kind is ModelKind.TF_KERAS else "keras", "train", "to load Keras models")
    try:
        return keras.models.load_model(source.path, compile=False)
    except Exception as error:  # Keras raises many kinds for custom layers, versions and damaged files.
        raise ModelFileError(f"{source.name} cannot be loaded by {keras.__name__} {keras.__version__}: {first_line(error)}") from None
