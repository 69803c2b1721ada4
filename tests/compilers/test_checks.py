"""Each cause that can be seen in a model is found before compiling, with a fix."""

from __future__ import annotations

import builders
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from edgewb.compilers.inspections import inspect_bytes
from edgewb.compilers.limits import LARGEST_SEEN
from edgewb.compilers.problems import problems


def found(raw: bytes) -> dict[str, str]:
    """Finding id -> severity."""
    findings = inspect_bytes(raw, "model").findings
    for finding in findings:
        assert finding.fix == finding.fixes[0]
        assert problems()[finding.id].inspect
    return {finding.id: finding.severity.value for finding in findings}


def joined(kind: str, dtype: str, scale: float, zero_point: int) -> bytes:
    """Two tensors joined into, or one parted from, a tensor of another scale or zero point."""
    b = builders.Builder()
    if kind == "UNPACK":
        source = b.tensor("x", (1, 2, 4), dtype, scale=0.05)
        results = [b.tensor(f"y{i}", (1, 4), dtype, scale=scale, zero_point=zero_point) for i in range(2)]
        b.op(kind, [source], results, 2, "UnpackOptions", axis=1, num=2)
        return b.build([source], results)
    shape = (2, 1, 4) if kind == "PACK" else (1, 8)
    sources = [b.tensor(f"x{i}", (1, 4), dtype, scale=0.05) for i in range(2)]
    result = b.tensor("y", shape, dtype, scale=scale, zero_point=zero_point)
    if kind == "PACK":
        b.op(kind, sources, [result], 2, "PackOptions", axis=0, valuesCount=2)
    else:
        b.op(kind, sources, [result], 2, "ConcatenationOptions", axis=1)
    return b.build(sources, [result])


@pytest.mark.parametrize("kind", ["CONCATENATION", "PACK", "UNPACK"])
@pytest.mark.parametrize("dtype", ["INT8", "UINT8"])
@pytest.mark.parametrize(("scale", "zero_point"), [(0.05, 0), (0.1, 0), (0.05, 3)])
def test_what_the_interpreter_refuses_is_an_error(kind, dtype, scale, zero_point):
    """The compiler loads a model into TensorFlow Lite first: what fails there costs the whole file. Held to LiteRT itself."""
    raw = joined(kind, dtype, scale, zero_point)
    try:
        Interpreter(model_content=raw, experimental_op_resolver_type=OpResolverType.BUILTIN_REF).allocate_tensors()
        runs = True
    except RuntimeError:
        runs = False
    assert ("inconsistent_scales" in found(raw)) is not runs
    refused = any("refuses the whole file" in (op.detail or "") for op in inspect_bytes(raw, "model").ops)
    assert refused is not runs


def test_numbers_handed_on_under_another_scale_are_a_warning():
    b = builders.Builder()
    x, y = b.tensor("x", (1, 4, 4, 8), scale=0.05), b.tensor("y", (1, 128), scale=0.1)
    b.op("RESHAPE", [x, b.constant("to", np.asarray([1, 128], np.int32))], [y], 1, "ReshapeOptions")
    assert found(b.build([x], [y]))["inconsistent_scales"] == "warning"


def test_stray_conversions():
    b = builders.Builder()
    x, same, real, back = b.tensor("x", (1, 8)), b.tensor("same", (1, 8)), b.tensor("real", (1, 8), "FLOAT32"), b.tensor("back", (1, 8))
    b.op("QUANTIZE", [x], [same], 2, "QuantizeOptions")
    b.op("DEQUANTIZE", [same], [real], 2, "DequantizeOptions")
    b.op("QUANTIZE", [real], [back], 1, "QuantizeOptions")
    (stray,) = [f for f in inspect_bytes(b.build([x], [back]), "model").findings if f.id == "stray_quantize"]
    assert stray.message.startswith("2 ops convert")
    assert "first op 0, QUANTIZE" in stray.message
    # A requantisation to another scale is none.
    b = builders.Builder()
    x, other = b.tensor("x", (1, 8)), b.tensor("other", (1, 8), scale=0.1)
    b.op("QUANTIZE", [x], [other], 2, "QuantizeOptions")
    assert "stray_quantize" not in found(b.build([x], [other]))


def test_tensors_larger_than_any_seen():
    side = int((LARGEST_SEEN / 8) ** 0.5)
    for size, expected in ((side, False), (side + 1, True)):
        b = builders.Builder()
        x, y = b.tensor("x", (1, size, size, 8)), b.tensor("y", (1, size, size, 8))
        b.op("RELU", [x], [y])
        assert ("huge_activations" in found(b.build([x], [y]))) is expected


@pytest.mark.parametrize("dtype", [np.int8, np.float16])
def test_weights_only_quantisation_is_told_from_float(dtype):
    b = builders.Builder()
    x, y = b.tensor("x", (1, 8), "FLOAT32"), b.tensor("y", (1, 4), "FLOAT32")
    weights = b.constant("w", np.ones((4, 8), dtype))
    if dtype is np.float16:
        unpacked = b.tensor("u", (4, 8), "FLOAT32")
        b.op("DEQUANTIZE", [weights], [unpacked], 3, "DequantizeOptions")
        weights = unpacked
    b.op("FULLY_CONNECTED", [x, weights, -1], [y], 3, "FullyConnectedOptions")
    assert found(b.build([x], [y]))["dynamic_range_model"] == "error"
    assert "nothing_maps" not in found(b.build([x], [y]))


def test_a_float_model_is_called_so(tflite_bytes):
    assert found(tflite_bytes("float")) == {"float_model": "error"}


def test_more_than_three_dimensions():
    b = builders.Builder()
    x, y = b.tensor("x", (2, 4, 4, 8)), b.tensor("y", (2, 4, 4, 8))
    b.op("RELU", [x], [y])
    findings = {f.id: f for f in inspect_bytes(b.build([x], [y]), "model").findings}
    assert "three innermost dimensions" in findings["rank"].message
    assert "batch" in findings["rank"].fix


def test_edges_batch_and_custom_ops(tflite_bytes):
    assert found(tflite_bytes("dynamic_batch")) == {"dynamic_batch": "info"}
    assert set(found(tflite_bytes("float_io"))) == {"float_input", "float_output"}
    b = builders.Builder()
    x, y = b.tensor("x", (1, 8)), b.tensor("y", (1, 8))
    b.op("Atan", [x], [y], custom=b"")
    assert found(b.build([x], [y]))["custom_op"] == "warning"


def test_what_stays_at_the_end_is_said(tflite_bytes):
    assert found(tflite_bytes("custom_op")) == {"postprocess_on_cpu": "info"}
    b = builders.Builder()
    x, y, z = b.tensor("x", (1, 8)), b.tensor("y", (1, 8)), b.tensor("z", (1, 8))
    b.op("RELU", [x], [y])
    b.op("LEAKY_RELU", [y], [z], 2, "LeakyReluOptions")
    (last,) = inspect_bytes(b.build([x], [z]), "model").findings
    assert last.id == "last_ops_on_cpu"
    assert last.message.startswith("1 op stays at the end on the CPU, first op 1, LEAKY_RELU")


def test_a_float_output_that_is_no_conversion_is_not_called_one(tflite_bytes):
    """A detection model's float outputs come from its post-processing."""
    assert not {"float_input", "float_output"} & set(found(tflite_bytes("custom_op")))
    assert not {"float_input", "float_output"} & set(found(tflite_bytes("float")))


def test_an_8_bit_net_behind_a_stray_conversion_is_not_called_float():
    b = builders.Builder()
    x, real, back, y = b.tensor("x", (1, 8)), b.tensor("real", (1, 8), "FLOAT32"), b.tensor("back", (1, 8)), b.tensor("y", (1, 8))
    b.op("DEQUANTIZE", [x], [real], 2, "DequantizeOptions")
    b.op("QUANTIZE", [real], [back], 1, "QuantizeOptions")
    b.op("RELU", [back], [y])
    names = found(b.build([x], [y]))
    assert "float_model" not in names
    assert "stray_quantize" in names


@pytest.mark.parametrize(("signature", "fix"), [((1, -1, -1, 8), "fixed input size"), ((-1, 4, 4, 8), "edgewb fix")])
def test_what_may_change_decides_what_helps(signature, fix):
    b = builders.Builder()
    x, y = b.tensor("x", (1, 4, 4, 8), signature=signature), b.tensor("y", (1, 4, 4, 8), signature=signature)
    b.op("RELU", [x], [y])
    (finding,) = [f for f in inspect_bytes(b.build([x], [y]), "model").findings if f.id == "dynamic_batch"]
    assert fix in finding.fix
