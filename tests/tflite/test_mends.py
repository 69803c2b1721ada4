"""The mends on kilobyte models: what each changes, what it leaves and says so. That results stay the same is in tests/test_mends.py."""

import io
import zipfile
from collections.abc import Sequence

import builders
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from builders import ACTIVATION, PADDING, Builder

from edgewb.compilers.limits import version_rating
from edgewb.errors import ModelFileError
from edgewb.tflite.batches import fix_batch
from edgewb.tflite.edits import Change, Edit
from edgewb.tflite.floats import move_float_edges
from edgewb.tflite.mends import MENDS
from edgewb.tflite.reader import read_graph
from edgewb.tflite.strays import drop_strays
from edgewb.tflite.versions import activation_cuts_nothing, lower_versions


class Nobody:
    """Stands where files are run: these mends must not need it."""

    def observe(self, content: bytes, tensors: Sequence[int]) -> None:
        raise AssertionError("nothing was to be run")

    def differ(self, first: bytes, second: bytes) -> None:
        raise AssertionError("nothing was to be run")


class Always:
    """Every comparison comes out this way."""

    def __init__(self, why: str | None) -> None:
        self.why, self.asked = why, 0

    def differ(self, first: bytes, second: bytes) -> str | None:
        self.asked += 1
        assert [op.name for op in read_graph(first).ops] == ["DEQUANTIZE", "QUANTIZE"]
        assert [op.name for op in read_graph(second).ops] == ["QUANTIZE"]
        return self.why


def rate(op: str, version: int) -> int:
    return version_rating(op, version, "16.0")


def kinds(content: bytes) -> list[str]:
    return [op.name for op in read_graph(content).ops]


def test_every_mend_has_an_id_and_a_sentence() -> None:
    assert [mend.id for mend in MENDS] == ["batch", "stray", "float_io", "versions"]
    for mend in MENDS:
        assert mend.sentence.endswith(".")
        assert "  " not in mend.sentence


@pytest.mark.parametrize("mend", MENDS, ids=lambda mend: mend.id)
@pytest.mark.parametrize("name", ["int8_conv", "per_channel", "signature", "float", "leaky_branches", "custom_op"])
def test_a_sound_file_comes_back_as_it_was(mend, name, tflite_bytes) -> None:
    content = tflite_bytes(name)
    change = mend.apply(content, Nobody(), rate)
    assert not change.applied
    assert change.content == content
    assert change.kept == tuple(range(len(read_graph(content).ops)))


# Packing.


def test_packing_aligns_buffers_and_keeps_signatures_and_metadata() -> None:
    content = builders.signature_net()
    packed = Edit(content).change(others=1).content
    before, after = read_graph(content), read_graph(packed)
    assert after.signatures == before.signatures
    assert after.metadata == before.metadata
    assert [(t.name, t.shape, t.dtype) for t in after.tensors] == [(t.name, t.shape, t.dtype) for t in before.tensors]
    start = np.frombuffer(packed, np.uint8).__array_interface__["data"][0]
    for tensor in after.tensors:
        if tensor.is_constant:
            assert bytes(after.buffers[tensor.buffer]) == bytes(before.buffers[before.tensors[tensor.index].buffer])
            assert (np.frombuffer(after.buffers[tensor.buffer], np.uint8).__array_interface__["data"][0] - start) % 16 == 0


def test_label_files_attached_by_the_metadata_writer_stay_attached() -> None:
    stream = io.BytesIO(builders.float_io_net())
    stream.seek(0, io.SEEK_END)
    with zipfile.ZipFile(stream, "a") as archive:
        archive.writestr("labels.txt", "cat\ndog\n")
    mended = move_float_edges(stream.getvalue(), Nobody(), rate).content
    with zipfile.ZipFile(io.BytesIO(mended)) as archive:
        assert archive.testzip() is None
        assert archive.read("labels.txt") == b"cat\ndog\n"


class Refusing:
    """Nothing runs here."""

    def observe(self, content: bytes, tensors: Sequence[int]) -> None:
        raise ModelFileError("it does not run")

    def differ(self, first: bytes, second: bytes) -> str:
        return "it does not run"


@pytest.mark.parametrize("name", ["dynamic_batch", "float_io", "signature"])
def test_damage_is_an_error_of_the_file_and_nothing_else(name: str, tflite_bytes) -> None:
    content = tflite_bytes(name)
    rng = np.random.default_rng(0)
    refused = 0
    for position in rng.choice(len(content), 300, replace=False):
        damaged = content[:position] + bytes([rng.choice([0, 1, 127, 255])]) + content[position + 1 :]
        for mend in MENDS:
            try:
                mend.apply(damaged, Refusing(), rate)
            except ModelFileError:
                refused += 1
    assert refused


def test_tensors_between_the_steps_of_an_op_and_other_graphs_are_kept() -> None:
    b = Builder()
    source = b.tensor("x", (1, 4))
    b.tensor("spare", (1, 4))
    result = b.same("RELU", source, 2)
    step = b.tensor("step", (1, 4))
    b.graph.operators[0].intermediates = [step]
    other = schema.SubGraphT()
    other.name, other.tensors, other.operators, other.inputs, other.outputs = "other", [b.graph.tensors[source]], [], [0], [0]
    b.model.subgraphs.append(other)
    packed = Edit(b.build([source], [result])).change(others=1).content
    edit = Edit(packed)
    assert [t.name for t in edit.graph.tensors] == ["x", f"relu{0}", "step"]
    assert [int(i) for i in edit.main.operators[0].intermediates] == [2]
    assert [subgraph.name for subgraph in edit.model.subgraphs] == [b"main", b"other"]


# Batch.


def test_a_batch_that_may_change_is_fixed() -> None:
    change = fix_batch(builders.dynamic_batch_net(), Nobody(), rate)
    graph = read_graph(change.content)
    assert change.others == 5
    assert not any(t.is_dynamic for t in graph.tensors)
    assert graph.tensors[graph.inputs[0]].shape == (1, 8, 8, 3)


def test_an_input_of_which_more_than_the_batch_may_change_is_left() -> None:
    b = Builder()
    source = b.tensor("image", (1, 1, 1, 3), signature=(-1, -1, -1, 3))
    change = fix_batch(b.build([source], [b.conv(source, 4)]), Nobody(), rate)
    assert not change.applied
    assert "more than the batch may change: convert the model again with a fixed input shape" in change.refused[0]


def test_shapes_that_depend_on_values_are_left() -> None:
    b = Builder()
    source = b.tensor("image", (1, 12), signature=(-1, 12))
    target = b.tensor("target", (2,), "INT32")
    flat = b.tensor("flat", (1, 1), signature=(-1, -1))
    b.op("RESHAPE", [source, target], [flat], 1, "ReshapeOptions")
    change = fix_batch(b.build([source, target], [flat]), Nobody(), rate)
    assert not change.applied
    assert "the shape that op 0 (RESHAPE) makes may depend on values" in change.refused[0]


@pytest.mark.parametrize("batch", [1, 0])
def test_a_fixed_batch_of_one_or_none_is_left(batch: int) -> None:
    b = Builder()
    source = b.tensor("x", (batch, 4))
    assert not fix_batch(b.build([source], [b.same("RELU", source, 2)]), Nobody(), rate).applied


# Float edges.


def quantised(b: Builder, source: int, scale: float = 0.05, dtype: str = "INT8") -> int:
    result = b.tensor(f"q{len(b.graph.operators)}", b.shape_of(source), dtype, scale=scale)
    b.op("QUANTIZE", [source], [result], 1, "QuantizeOptions")
    return result


def dequantised(b: Builder, source: int) -> int:
    result = b.tensor(f"f{len(b.graph.operators)}", b.shape_of(source), "FLOAT32")
    b.op("DEQUANTIZE", [source], [result], 2, "DequantizeOptions")
    return result


def test_several_inputs_and_outputs_move_and_signatures_follow() -> None:
    b = Builder()
    first, second = (b.tensor(name, (1, 4), "FLOAT32") for name in "ab")
    total = b.add(quantised(b, first), quantised(b, second))
    sums, relu = dequantised(b, total), dequantised(b, b.same("RELU", total, 2))
    b.signature("serving_default", {"a": first, "b": second}, {"sum": sums, "relu": relu})
    change = move_float_edges(b.build([first, second], [sums, relu]), Nobody(), rate)
    graph = read_graph(change.content)
    assert change.ops == (0, 1, 3, 5)
    assert change.kept == (2, 4)
    assert kinds(change.content) == ["ADD", "RELU"]
    assert [graph.tensors[i].dtype for i in (*graph.inputs, *graph.outputs)] == ["int8"] * 4
    (signature,) = graph.signatures
    assert tuple(signature.inputs.values()) == graph.inputs
    assert tuple(signature.outputs.values()) == graph.outputs
    assert set(signature.inputs) == {"a", "b"}


def test_one_input_quantised_twice_alike_becomes_one_tensor() -> None:
    b = Builder()
    source = b.tensor("x", (1, 4), "FLOAT32")
    total = b.add(quantised(b, source), quantised(b, source))
    change = move_float_edges(b.build([source], [total]), Nobody(), rate)
    graph = read_graph(change.content)
    assert kinds(change.content) == ["ADD"]
    assert graph.ops[0].inputs == (graph.inputs[0], graph.inputs[0])


def _two_scales(b: Builder, source: int) -> list[int]:
    return [b.add(quantised(b, source), quantised(b, source, scale=0.1))]


def _read_as_float(b: Builder, source: int) -> list[int]:
    return [quantised(b, source), b.same("RELU", source)]


def _given_back(b: Builder, source: int) -> list[int]:
    return [b.same("RELU", quantised(b, source), 2), source]


def _given_out(b: Builder, source: int) -> list[int]:
    return [quantised(b, source)]


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (_two_scales, "quantise it to different types or scales"),
        (_read_as_float, "op 1 (RELU) reads it as float"),
        (_given_back, "it is an output as well"),
        (_given_out, "its quantised form, tensor 1, is an output as well"),
        (lambda b, source: [b.same("RELU", quantised(b, source, dtype="INT16"), 3)], "to none of 8 bits with one scale"),
        (lambda b, source: [b.same("RELU", b.constant("c", np.zeros(4, np.int8)), 2)], "no op reads it"),
    ],
)
def test_an_input_that_cannot_move_stays_and_says_why(make, says: str) -> None:
    b = Builder()
    source = b.tensor("x", (1, 4), "FLOAT32")
    change = move_float_edges(b.build([source], make(b, source)), Nobody(), rate)
    assert not change.applied
    assert any(says in why for why in change.refused), change.refused


def _read_again(b: Builder, x: int) -> list[int]:
    result = dequantised(b, x)
    return [result, quantised(b, result)]


def _out_twice(b: Builder, x: int) -> list[int]:
    return [x, dequantised(b, x)]


def _two_dequantised(b: Builder, x: int) -> list[int]:
    return [dequantised(b, x), dequantised(b, x)]


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (_read_again, "op 2 (QUANTIZE) reads it as float"),
        (_out_twice, "is a constant, an input, or an output as well"),
        (_two_dequantised, "is dequantised for two outputs"),
        (lambda b, x: [b.same("RELU", dequantised(b, x))], "op 2 (RELU) makes it as float"),
    ],
)
def test_an_output_that_cannot_move_stays_and_says_why(make, says: str) -> None:
    b = Builder()
    source = b.tensor("x", (1, 4))
    change = move_float_edges(b.build([source], make(b, b.same("RELU", source, 2))), Nobody(), rate)
    assert not change.applied
    assert any(says in why for why in change.refused), change.refused


def test_a_model_that_only_converts_is_left() -> None:
    b = Builder()
    source = b.tensor("x", (1, 4), "FLOAT32")
    change = move_float_edges(b.build([source], [dequantised(b, quantised(b, source))]), Nobody(), rate)
    assert not change.applied
    assert "nothing but conversions" in change.refused[0]


# Versions.


def transposed(
    b: Builder, source: int, activation: str, version: int, *, zero_point: int = -128, scale: float = 6 / 255, bias: bool = False
) -> int:
    _, height, width, depth = b.shape_of(source)
    shape = b.constant("shape", np.array([1, 2 * height, 2 * width, 4], np.int32), scale=None)
    weights = b.constant("w", np.random.default_rng(1).integers(-127, 128, (4, 3, 3, depth)).astype(np.int8))
    result = b.tensor("up", (1, 2 * height, 2 * width, 4), scale=scale, zero_point=zero_point)
    extra = [b.constant("b", np.arange(4, dtype=np.int32), scale=[0.05 * 0.05])] if bias else []
    b.op(
        "TRANSPOSE_CONV", [shape, weights, source, *extra], [result], version, "TransposeConvOptions",
        padding=PADDING["SAME"], strideW=2, strideH=2, fusedActivationFunction=ACTIVATION[activation],
    )  # fmt: skip
    return result


@pytest.mark.parametrize(("activation", "bias", "version"), [("RELU", False, 2), ("RELU", True, 3), ("RELU6", False, 2)])
def test_an_activation_that_cuts_nothing_goes_and_the_version_with_it(activation: str, bias: bool, version: int) -> None:
    b = Builder()
    source = b.tensor("x", (1, 4, 4, 3))
    change = lower_versions(b.build([source], [transposed(b, source, activation, 4, bias=bias)]), Nobody(), rate)
    (op,) = read_graph(change.content).ops
    assert change.ops == (0,)
    assert (op.version, op.options["fused_activation_function"]) == (version, "NONE")


@pytest.mark.parametrize(
    ("activation", "zero_point", "scale"), [("RELU", -127, 0.1), ("RELU6", -128, 0.03), ("RELU", 0, 0.1), ("RELU6", -128, 6.1 / 255)]
)
def test_an_activation_that_cuts_stays(activation: str, zero_point: int, scale: float) -> None:
    b = Builder()
    source = b.tensor("x", (1, 4, 4, 3))
    net = b.build([source], [transposed(b, source, activation, 4, zero_point=zero_point, scale=scale)])
    change = lower_versions(net, Nobody(), rate)
    assert not change.applied
    assert f"{activation} is fused into it" in change.refused[0]


@pytest.mark.parametrize("bits", ["INT8", "UINT8"])
@pytest.mark.parametrize(("bound", "activation"), [(6.0, "RELU6"), (1.0, "RELU_N1_TO_1")])
def test_the_bounds_of_an_activation(bits: str, bound: float, activation: str) -> None:
    """On the last scale at which all 256 values pass, and just beyond."""
    lowest = -bound if activation == "RELU_N1_TO_1" else 0.0
    zero = {"INT8": -128, "UINT8": 0}[bits] + (128 if lowest else 0)
    for scale, passes in ((bound / (128 if lowest else 255), True), (bound / (126 if lowest else 253), False)):
        b = Builder()
        source = b.tensor("x", (1, 4), bits)
        result = b.tensor("y", (1, 4), bits, scale=scale, zero_point=zero)
        number = {"RELU6": 3, "RELU_N1_TO_1": 2}[activation]
        b.op("AVERAGE_POOL_2D", [source], [result], 2, "Pool2DOptions", fusedActivationFunction=number)
        graph = read_graph(b.build([source], [result]))
        assert activation_cuts_nothing(graph, graph.ops[0]) is passes


def dense(b: Builder, source: int, version: int, *, bias: bool = True, keep: bool = False) -> int:
    *front, features = b.shape_of(source)
    weights = b.constant("w", np.random.default_rng(0).integers(-127, 128, (3, features)).astype(np.int8))
    extra = [b.constant("b", np.zeros(3, np.int32), scale=[0.05 * 0.05])] if bias else []
    result = b.tensor("fc", (*front, 3) if keep else (int(np.prod(front)), 3))
    b.op("FULLY_CONNECTED", [source, weights, *extra], [result], version, "FullyConnectedOptions", keepNumDims=keep)
    return result


@pytest.mark.parametrize(("version", "bias", "keep"), [(6, False, False), (5, True, True), (9, True, False)])
def test_a_fully_connected_op_asks_for_version_4(version: int, bias: bool, keep: bool) -> None:
    b = Builder()
    source = b.tensor("x", (1, 8))
    change = lower_versions(b.build([source], [dense(b, source, version, bias=bias, keep=keep)]), Nobody(), rate)
    (op,) = read_graph(change.content).ops
    assert (op.version, len(op.inputs), bool(op.options["keep_num_dims"])) == (4, 3, False)


def test_a_feature_in_use_keeps_its_version() -> None:
    b = Builder()
    source = b.tensor("x", (1, 2, 8))
    change = lower_versions(b.build([source], [dense(b, source, 5, keep=True)]), Nobody(), rate)
    assert not change.applied
    assert "op 0 (FULLY_CONNECTED version 5) stays: it needs version 5 (it keeps the dimensions of its input)" in change.refused[0]


def test_a_version_that_is_known_to_map_is_left() -> None:
    b = Builder()
    source = b.tensor("x", (1, 4), "UINT8")
    result = b.tensor("y", (1, 4), "UINT8")
    b.op("ADD", [source, source], [result], 2, "AddOptions")  # uint8 needs version 1 alone
    assert not lower_versions(b.build([source], [result]), Nobody(), rate).applied


def test_ops_of_one_operator_code_part_and_unused_codes_go() -> None:
    b = Builder()
    source = b.tensor("x", (1, 8))
    first = dense(b, source, 6, bias=False)
    wide = b.tensor("wide", (1, 1, 3))
    b.op("RESHAPE", [first, b.constant("s", np.array([1, 1, 3], np.int32), scale=None)], [wide], 1, "ReshapeOptions", newShape=[1, 1, 3])
    last = dense(b, wide, 6, bias=False, keep=True)
    b.graph.operators[2].opcodeIndex = b.graph.operators[0].opcodeIndex  # one code for both
    spare = schema.OperatorCodeT()
    spare.builtinCode = spare.deprecatedBuiltinCode = schema.BuiltinOperator.EXP
    b.model.operatorCodes.append(spare)
    change = lower_versions(b.build([source], [last]), Nobody(), rate)
    assert [(op.name, op.version) for op in read_graph(change.content).ops] == [
        ("FULLY_CONNECTED", 4), ("RESHAPE", 1), ("FULLY_CONNECTED", 6),
    ]  # fmt: skip
    assert len(Edit(change.content).model.operatorCodes) == 3
    assert "op 2" in change.refused[0]


# Strays.


def test_a_step_to_float_and_back_goes() -> None:
    b = Builder()
    source = b.tensor("x", (1, 8, 8, 3))
    x = quantised(b, dequantised(b, b.conv(source, 4)))
    change = drop_strays(b.build([source], [b.conv(x, 2)]), Nobody(), rate)
    assert change.ops == (1, 2)
    assert kinds(change.content) == ["CONV_2D", "CONV_2D"]
    assert change.kept == (0, 3)


def test_a_chain_of_such_steps_goes_at_once() -> None:
    b = Builder()
    source = b.tensor("x", (1, 4))
    x = b.same("RELU", source, 2)
    for _ in range(3):
        x = quantised(b, dequantised(b, x))
    b.signature("serving_default", {"x": source}, {"y": x})
    change = drop_strays(b.build([source], [x]), Nobody(), rate)
    graph = read_graph(change.content)
    assert kinds(change.content) == ["RELU"]
    assert graph.tensors[graph.outputs[0]].name == "q6"  # the output keeps its name
    assert tuple(graph.signatures[0].outputs.values()) == graph.outputs


@pytest.mark.parametrize(("why", "left"), [(None, ["RELU", "QUANTIZE", "RELU"]), ("differs", ["RELU", "DEQUANTIZE", "QUANTIZE", "RELU"])])
def test_another_scale_is_one_op_only_where_all_256_values_agree(why: str | None, left: list[str]) -> None:
    b = Builder()
    source = b.tensor("x", (1, 4))
    x = quantised(b, dequantised(b, b.same("RELU", source, 2)), scale=0.1)
    runs = Always(why)
    change = drop_strays(b.build([source], [b.same("RELU", x, 2)]), runs, rate)
    assert runs.asked == 1
    assert kinds(change.content) == left
    assert change.applied is (why is None)
    assert why is None or "ops 1 and 2 (DEQUANTIZE, QUANTIZE) stay: one QUANTIZE between their scales" in change.refused[0]


def test_a_float_that_somebody_else_reads_stays() -> None:
    b = Builder()
    source = b.tensor("x", (1, 4))
    real = dequantised(b, b.same("RELU", source, 2))
    change = drop_strays(b.build([source], [b.same("RELU", quantised(b, real), 2), real]), Nobody(), rate)
    assert kinds(change.content) == ["RELU", "DEQUANTIZE", "RELU"]


def test_copies_go_where_the_shape_is_fixed() -> None:
    b = Builder()
    source = b.tensor("x", (1, 4))
    x = b.same("RELU", source, 2)
    for name, values in (("RESHAPE", [1, 4]), ("TRANSPOSE", [0, 1]), ("TRANSPOSE", [0, 1])):
        result = b.tensor(f"copy{len(b.graph.operators)}", (1, 4))
        b.op(name, [x, b.constant("v", np.array(values, np.int32), scale=None)], [result], 1)
        x = result
    change = drop_strays(b.build([source], [b.same("RELU", x, 2)]), Nobody(), rate)
    assert kinds(change.content) == ["RELU", "RELU"]
    assert len(read_graph(change.content).tensors) == 3


@pytest.mark.parametrize(("order", "scale"), [([1, 0], 0.05), ([0, 1], 0.1)])
def test_what_changes_something_stays(order: list[int], scale: float) -> None:
    b = Builder()
    source = b.tensor("x", (4, 4))
    result = b.tensor("y", (4, 4), scale=scale)
    b.op("TRANSPOSE", [source, b.constant("v", np.array(order, np.int32), scale=None)], [result], 1, "TransposeOptions")
    assert not drop_strays(b.build([source], [b.same("RELU", result, 2)]), Nobody(), rate).applied


def test_a_copy_between_input_and_output_stays() -> None:
    b = Builder()
    source, result = b.tensor("x", (1, 4)), b.tensor("y", (1, 4))
    b.op("RESHAPE", [source, b.constant("v", np.array([1, 4], np.int32), scale=None)], [result], 1, "ReshapeOptions")
    assert not drop_strays(b.build([source], [result]), Nobody(), rate).applied


def test_results_nobody_reads_go_with_all_that_made_them() -> None:
    b = Builder()
    source = b.tensor("x", (1, 8, 8, 3))
    x = b.conv(source, 4)
    b.same("RELU", b.conv(x, 2), 2)
    state = b.tensor("state", (1, 4), variable=True)
    b.same("RELU", state, 2)  # has to do with state: left alone
    b.op("Odd", [x], [b.tensor("odd", (1, 4))], custom=b"\0")
    change = drop_strays(b.build([source], [x]), Nobody(), rate)
    assert change.ops == (1, 2)
    assert kinds(change.content) == ["CONV_2D", "RELU", "Odd"]


def test_unused_operator_codes_go() -> None:
    b = Builder()
    source = b.tensor("x", (1, 4))
    result = b.same("RELU", source, 2)
    spare = schema.OperatorCodeT()
    spare.builtinCode = spare.deprecatedBuiltinCode = schema.BuiltinOperator.EXP
    b.model.operatorCodes.append(spare)
    change: Change = drop_strays(b.build([source], [result]), Nobody(), rate)
    assert change.applied
    assert change.ops == ()
    assert len(Edit(change.content).model.operatorCodes) == 1
