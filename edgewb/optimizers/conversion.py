"""From a float (or fake-quantised) model to a .tflite, and a second look at what the converter really made.

The converter takes its flags as wishes: asked for int8 ops alone, it may leave others in float and say nothing. So every file is read back.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from edgewb.errors import ConversionError, StorageError, first_line
from edgewb.optimizers.choices import USUAL, Choices, Conversion, Interface
from edgewb.optimizers.promises import COMPILER, check_conversion
from edgewb.tflite.reader import read_graph
from edgewb.tflite.versions import lower_versions


def _representative(calibration_x: npt.NDArray[np.float32]) -> Callable[[], Iterator[list[npt.NDArray[np.float32]]]]:
    def batches() -> Iterator[list[npt.NDArray[np.float32]]]:
        for i in range(len(calibration_x)):
            yield [calibration_x[i : i + 1]]

    return batches


def convert_function(
    function: Callable[[Any], Any],
    input_shape: tuple[int, ...],
    conversion: Conversion,
    calibration_x: npt.NDArray[np.float32],
    saved_model: Any = None,
    choices: Choices = USUAL,
) -> bytes:
    """Convert a TensorFlow function of one float input, batch fixed to 1.

    Args:
        function: maps a float32 tensor (1, *input_shape) to (1, outputs).
        calibration_x: (n, *input_shape) float32, of the calibration split alone.
        saved_model: the loaded SavedModel the function is from, whose tables and other resources it may use.
        choices: types of input and output; the calibration images are chosen already.

    Raises:
        ConversionError: the converter refuses, or the file is not what the conversion promises.
        StorageError: no room for the converter's temporary files.
    """
    import tensorflow as tf

    concrete = tf.function(function).get_concrete_function(tf.TensorSpec((1, *input_shape), tf.float32, name="input"))
    # What owns the variables is written to a temporary SavedModel. Given a Keras model, TensorFlow would trace each layer of it once
    # more for that, which took three quarters of the conversion's time and changed nothing in the file.
    owner = tf.Module()
    owner.variables_used, owner.saved_model = concrete.variables, saved_model
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], owner)
    if conversion is not Conversion.FLOAT32:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if conversion is Conversion.FLOAT16:
        converter.target_spec.supported_types = [tf.float16]
    if conversion.is_int8:
        # Given to QAT models too: without it a stray QUANTIZE or DEQUANTIZE stays in the graph.
        converter.representative_dataset = _representative(calibration_x)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = _type(choices.interface)
    # No public flag does either; both are attributes of TFLiteConverter (tensorflow/lite/python/lite.py).
    converter._experimental_disable_per_channel = conversion is Conversion.PTQ_INT8_PER_TENSOR
    converter._experimental_disable_per_channel_quantization_for_dense_layers = conversion in _PER_TENSOR_DENSE
    try:
        content: bytes = converter.convert()
    except Exception as error:  # TensorFlow's ConverterError, ValueError and others
        raise ConversionError(f"TensorFlow's converter refused {conversion}: {first_line(error)}") from None
    if not read_graph(content).signatures:
        # Without a word the converter takes another road when it cannot write its temporary SavedModel, and makes a different file.
        raise StorageError(
            f"TensorFlow could not write its temporary files in {tempfile.gettempdir()!r}: free some space there, "
            "or set TMPDIR to another folder, then run the same command again"
        )
    return finish(content, conversion, calibration_x, choices)


def finish(content: bytes, conversion: Conversion, calibration_x: npt.NDArray[np.float32], choices: Choices) -> bytes:
    """Lower the op versions of an int8 file that ask for more than the op uses, where the file computes the same, and check it.

    TensorFlow 2.21 asks for versions for which the Edge TPU compiler of 2021 refuses the whole file: a transposed convolution with its
    ReLU fused, where the zero point cuts off the same values, is one.

    Raises:
        ConversionError: the file is not what its conversion promises.
    """
    from edgewb.compilers.limits import version_rating

    if conversion.is_int8:
        change = lower_versions(content, _NoRuns(), lambda op, version: version_rating(op, version, COMPILER))
        if change.ops and _same_results(content, change.content, calibration_x[:4]):
            content = change.content
    check_conversion(content, conversion, choices, calibration_x)
    return content


class _NoRuns:
    """``lower_versions`` asks for no run; what it did is compared here, on the model's own examples."""

    def observe(self, content: bytes, tensors: Sequence[int]) -> Any:
        raise NotImplementedError

    def differ(self, first: bytes, second: bytes) -> str | None:
        raise NotImplementedError


def _same_results(first: bytes, second: bytes, x: npt.NDArray[np.float32]) -> bool:
    """Whether two files of the same interface give the same bytes for these examples, with built-in kernels on one thread."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    outputs = []
    for content in (first, second):
        interpreter = Interpreter(model_content=content, experimental_op_resolver_type=OpResolverType.BUILTIN_REF, num_threads=1)
        interpreter.allocate_tensors()
        given, result = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
        scale, zero = given["quantization"]
        for row in x:
            stored = row if not scale else np.clip(np.rint(row / scale) + zero, *_ends(given["dtype"]))
            interpreter.set_tensor(given["index"], stored[None].astype(given["dtype"]))
            interpreter.invoke()
            outputs.append(interpreter.get_tensor(result["index"]).tobytes())
    return outputs[: len(x)] == outputs[len(x) :]


def _ends(dtype: Any) -> tuple[int, int]:
    ends = np.iinfo(dtype)
    return int(ends.min), int(ends.max)


_PER_TENSOR_DENSE = (Conversion.PTQ_INT8_PER_TENSOR, Conversion.PTQ_INT8_PER_TENSOR_DENSE)


def _type(interface: Interface) -> Any:
    import tensorflow as tf

    return {Interface.INT8: tf.int8, Interface.UINT8: tf.uint8, Interface.FLOAT: tf.float32}[interface]


def convert_tflite(content: bytes, conversion: Conversion, calibration_x: npt.NDArray[np.float32], choices: Choices = USUAL) -> bytes:
    """Quantise a float .tflite to int8 with the quantiser TFLiteConverter itself uses after its conversion.

    Raises:
        ConversionError: the conversion needs the Keras model or SavedModel, or the quantiser refuses.
    """
    if conversion is Conversion.FLOAT32:
        return content
    if not conversion.is_ptq:
        raise ConversionError(
            f"{conversion} cannot be made from a .tflite file; give the Keras model or SavedModel it came from, or take ptq_int8"
        )
    # No public call quantises a .tflite; these two are what TFLiteConverter calls (tensorflow/lite/python/lite.py).
    from tensorflow.lite.python.convert import mlir_quantize
    from tensorflow.lite.python.optimize.calibrator import Calibrator

    try:
        calibrated = Calibrator(content).calibrate(_representative(calibration_x))
        result: bytes = mlir_quantize(
            calibrated,
            conversion is Conversion.PTQ_INT8_PER_TENSOR,
            input_data_type=_type(choices.interface),
            output_data_type=_type(choices.interface),
            disable_per_channel_for_dense_layers=conversion in _PER_TENSOR_DENSE,
        )
    except Exception as error:
        raise ConversionError(f"TensorFlow's quantiser refused this .tflite: {first_line(error)}") from None
    return finish(result, conversion, calibration_x, choices)
