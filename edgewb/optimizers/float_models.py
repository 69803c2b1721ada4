"""Load the float model a source names, whatever wrote it, as one function from inputs to outputs. TensorFlow is imported here."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgewb.errors import ModelFileError, first_line, require
from edgewb.model_files import ModelKind, ModelSource, content_sha256
from edgewb.models import build_model
from edgewb.optimizers.stored_layers import StoredLayer, find_unusual, read_layers


@dataclass(frozen=True)
class FloatModel:
    """A loaded float classifier or regression with one input and one output.

    ``function`` maps a float32 tensor (batch, *input_shape) to (batch, outputs). ``keras`` is the tf_keras model and ``saved_model``
    the loaded SavedModel where there is one, ``content`` the file where it is a .tflite (and ``function`` is then None).
    """

    input_shape: tuple[int, ...]
    outputs: int
    parameters: int
    function: Callable[[Any], Any] | None
    keras: Any = None
    saved_model: Any = None
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


def load_float_model(source: ModelSource, *, input_shape: tuple[int, ...] = (), classes: int = 0, examples: int = 0) -> FloatModel:
    """Load or build the model a source names (TensorFlow is imported here).

    Args:
        source: what ``identify_model`` returned.
        input_shape, classes: of the data, for a built-in network; ``classes`` 0: a regression.
        examples: for training, see ``models.build_model``.

    Raises:
        ModelFileError: it cannot be loaded, or has not one float input of fixed shape and one output row.
    """
    if source.sha256 and content_sha256(Path(source.path)) != source.sha256:
        raise ModelFileError(f"{source.name} was changed while the study ran: leave it alone, and run the same command again")
    if source.kind is ModelKind.TFLITE:
        return _load_tflite(source)
    if source.kind is ModelKind.SAVED_MODEL:
        return _load_saved_model(source)
    model = build_model(source.name, input_shape, classes, source.weights, examples) if source.trains else _load_keras(source)
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise ModelFileError(f"{source.name} has {len(model.inputs)} inputs and {len(model.outputs)} outputs: edgewb takes one of each")
    given, result = tuple(model.inputs[0].shape)[1:], tuple(model.outputs[0].shape)[1:]
    _check_shapes(source.name, given, result)
    keras = None if source.kind is ModelKind.KERAS3 else model
    return FloatModel(given, int(result[0]), int(model.count_params()), lambda x: model(x, training=False), keras)


def _check_shapes(name: str, given: tuple[int | None, ...], result: tuple[int | None, ...]) -> None:
    if len(given) not in (1, 3) or any(d is None or d < 1 for d in given):
        raise ModelFileError(f"{name} takes inputs of shape {given}: edgewb needs a fixed (features) or (height, width, channels)")
    if len(result) != 1 or result[0] is None or result[0] < 1:
        raise ModelFileError(
            f"{name} gives outputs of shape {result}: edgewb needs one output per class (softmax or logits), or one for a regression"
        )


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
    return FloatModel(shape, int(result_shape[0]), count, lambda x: signature(**{key: tf.convert_to_tensor(x)})[out], None, loaded)


def _load_tflite(source: ModelSource) -> FloatModel:
    from edgewb.tflite.reader import read_graph
    from edgewb.tflite.rewriter import fix_batch

    read_graph(source.path)  # by its path, so that what is wrong with it names the file
    content = fix_batch(Path(source.path).read_bytes())
    graph = read_graph(content)
    given, result = [graph.tensors[i] for i in graph.inputs], [graph.tensors[i] for i in graph.outputs]
    if len(given) != 1 or len(result) != 1:
        raise ModelFileError(f"{source.name} has {len(given)} inputs and {len(result)} outputs: edgewb takes one of each")
    if given[0].dtype != "float32":
        raise ModelFileError(
            f"{source.name} takes {given[0].dtype} inputs: `run` needs the float32 .tflite (for a quantised one: edgewb inspect, evaluate)"
        )
    if given[0].shape[:1] != (1,):
        raise ModelFileError(
            f"{source.name} takes inputs of shape {given[0].shape}: edgewb needs a batch of 1; convert the model again with it"
        )
    if any(t.quantization is not None or (t.is_constant and t.dtype in ("int8", "uint8", "int16", "float16")) for t in graph.tensors):
        raise ModelFileError(
            f"{source.name} is quantised inside already: `run` needs the float32 .tflite as its reference (for this one: edgewb inspect, "
            "evaluate)"
        )
    _check_shapes(source.name, tuple(given[0].shape[1:]), tuple(result[0].shape[1:]))
    weights = {i for op in graph.ops for i in op.inputs if i >= 0 and graph.tensors[i].is_constant and graph.tensors[i].dtype == "float32"}
    count = sum(int(np.prod(graph.tensors[i].shape)) for i in weights)
    return FloatModel(tuple(given[0].shape[1:]), int(result[0].shape[1]), count, None, content=content)


def _load_keras(source: ModelSource) -> Any:
    """Load a .keras or .h5 with the Keras that wrote it. Keras itself refuses Lambda layers (safe mode), but not tf_keras in .h5 files."""
    layers = read_layers(Path(source.path))
    unusual = find_unusual(layers)
    if unusual is not None and unusual.is_lambda:
        raise ModelFileError(
            f"{source.name} has a Lambda layer, {unusual.name!r}, which is Python code that would run while the file is loaded: "
            "build the model from plain layers instead, and save it again"
        )
    if unusual is not None:
        raise ModelFileError(f"{source.name} {_no_part_of_keras(unusual)}")
    keras = require("tf_keras" if source.kind is ModelKind.TF_KERAS else "keras", "train", "to load Keras models")
    try:
        return keras.models.load_model(source.path, compile=False)
    except Exception as error:  # Keras raises many kinds for versions, damaged files, and custom layers in an .h5.
        unknown = re.search(r"(?:Unknown|Could not locate) (?:layer|class|object)\W+(\w+)", str(error))
        foreign = next((layer for layer in layers if unknown and layer.kind == unknown[1]), None)
        why = first_line(error) if foreign is None else f"it {_no_part_of_keras(foreign)}"
        raise ModelFileError(f"{source.name} cannot be loaded by {keras.__name__} {keras.__version__}: {why}") from None


def _no_part_of_keras(layer: StoredLayer) -> str:
    what = f"has layer {layer.name!r} of class" if layer.name else "is a model of class"
    return f"{what} {layer.kind}, which is no part of Keras: build the model from Keras's own layers, or give it as a SavedModel"
