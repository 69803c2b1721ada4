"""Reading .tflite files, against the builders that made them and against ai-edge-litert's own object API."""

import tracemalloc
import zipfile

import builders
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from edgewb.errors import InputError, ModelFileError
from edgewb.tflite.graphs import ITEM_BITS
from edgewb.tflite.reader import read_graph


@pytest.mark.parametrize("name", builders.ALL)
def test_agrees_with_the_schema_of_litert(name, tflite_bytes):
    raw = tflite_bytes(name)
    graph, model = read_graph(raw), schema.ModelT.InitFromPackedBuf(raw, 0)
    main = model.subgraphs[0]
    assert [t.name for t in graph.tensors] == [t.name.decode() for t in main.tensors]
    assert [t.shape for t in graph.tensors] == [tuple(t.shape) for t in main.tensors]
    for ours, theirs in zip(graph.tensors, main.tensors, strict=True):
        assert getattr(schema.TensorType, ours.dtype.upper()) == theirs.type
        scheme = theirs.quantization
        if scheme is None or scheme.scale is None:
            assert ours.quantization is None
        else:
            np.testing.assert_array_equal(ours.quantization.scales, scheme.scale)
            np.testing.assert_array_equal(ours.quantization.zero_points, scheme.zeroPoint)
            assert ours.quantization.axis == scheme.quantizedDimension
        data = model.buffers[theirs.buffer].data
        assert ours.is_constant == (data is not None)
        if data is not None:
            assert ours.buffer_bytes == len(data)
            assert graph.constant(ours.index).tobytes() == bytes(data)
    assert [(op.inputs, op.outputs) for op in graph.ops] == [(tuple(op.inputs), tuple(op.outputs)) for op in main.operators]
    for ours, theirs in zip(graph.ops, main.operators, strict=True):
        code = model.operatorCodes[theirs.opcodeIndex]
        assert ours.version == code.version
        assert ours.is_custom == (code.builtinCode == schema.BuiltinOperator.CUSTOM)
        assert ours.name == (code.customCode.decode() if ours.is_custom else builtin_name(code.builtinCode))
        for field, value in vars(theirs.builtinOptions or object).items() if theirs.builtinOptions else ():
            snake = "".join(f"_{c.lower()}" if c.isupper() else c for c in field).replace("_w_", "_w").replace("_h_", "_h")
            if isinstance(value, int | float | bool) and snake in ours.options and not isinstance(ours.options[snake], str):
                assert ours.options[snake] == value
    assert graph.inputs == tuple(main.inputs)
    assert graph.outputs == tuple(main.outputs)
    assert graph.description == "built for a test"
    assert graph.file_bytes == len(raw)


def builtin_name(number: int) -> str:
    return next(k for k, v in vars(schema.BuiltinOperator).items() if v == number and not k.startswith("_"))


def test_options_are_plain_values(tflite_bytes):
    graph = read_graph(tflite_bytes("int8_conv"))
    conv = graph.ops[0].options
    assert (conv["padding"], conv["stride_w"], conv["dilation_wfactor"]) == ("SAME", 1, 1)
    assert conv["fused_activation_function"] == "RELU"
    assert graph.ops[2].options == {"new_shape": (1, 256)}
    assert graph.ops[4].options == {"beta": 1.0}
    assert read_graph(tflite_bytes("leaky_branches")).ops[1].options == {"alpha": 0.25}


def test_signature_metadata_and_per_channel(tflite_bytes):
    graph = read_graph(tflite_bytes("signature"))
    (signature,) = graph.signatures
    assert signature.key == "serving_default"
    assert {name: graph.tensors[i].name for name, i in signature.inputs.items()} == {"image": "image"}
    assert list(signature.outputs.values()) == list(graph.outputs)
    assert graph.metadata == ("min_runtime_version",)
    weights = read_graph(tflite_bytes("per_channel")).tensors[1].quantization
    assert (weights.per_channel, weights.axis, len(weights.scales)) == (True, 0, 4)
    assert weights.scale == pytest.approx(0.05)
    assert not weights.scales.flags.writeable


def test_dynamic_shapes(tflite_bytes):
    graph = read_graph(tflite_bytes("dynamic_batch"))
    image = graph.tensors[graph.inputs[0]]
    assert (image.shape, image.shape_signature, image.is_dynamic) == ((1, 8, 8, 3), (-1, 8, 8, 3), True)
    assert not any(t.is_dynamic for t in read_graph(tflite_bytes("int8_conv")).tensors)


def test_producers_and_consumers(tflite_bytes):
    graph = read_graph(tflite_bytes("leaky_branches"))
    stem = graph.ops[0].outputs[0]
    assert graph.consumers[stem] == (1, 3)
    assert graph.producers[stem] == 0
    assert graph.inputs[0] not in graph.producers
    for op in graph.ops:
        for tensor in op.outputs:
            assert graph.producers[tensor] == op.index


def test_compiled_is_recognised(tflite_bytes):
    graph = read_graph(tflite_bytes("compiled"))
    assert graph.is_compiled
    assert graph.ops[0].name == "edgetpu-custom-op"
    assert not read_graph(tflite_bytes("custom_op")).is_compiled


def test_constants_are_views_and_checked(tflite_bytes):
    graph = read_graph(tflite_bytes("int8_conv"))
    weights = graph.constant(1)
    assert weights.shape == (4, 3, 3, 3)
    assert not weights.flags.owndata
    assert not weights.flags.writeable
    with pytest.raises(InputError, match="not a constant"):
        graph.constant(graph.inputs[0])
    with pytest.raises(InputError, match="no tensor 999"):
        graph.constant(999)


def test_weights_behind_the_flatbuffer():
    """Beyond 2 GB a buffer's bytes follow the flatbuffer, at an offset from the start of the file."""
    weights = np.arange(4 * 8, dtype=np.int8).reshape(4, 8)
    b = builders.Builder()
    source = b.tensor("x", (1, 8))
    kernel = b.tensor("w", (4, 8))
    b.graph.tensors[kernel].buffer = 1
    outside = schema.BufferT()
    b.model.buffers.append(outside)
    result = b.tensor("y", (1, 4))
    b.op("FULLY_CONNECTED", [source, kernel, -1], [result], 4, "FullyConnectedOptions")
    outside.offset, outside.size = 2, 2
    length = len(b.build([source], [result]))
    outside.offset, outside.size = length, weights.nbytes
    raw = b.build([source], [result])
    assert len(raw) == length
    np.testing.assert_array_equal(read_graph(raw + weights.tobytes()).constant(kernel), weights)
    with pytest.raises(ModelFileError, match="truncated"):
        read_graph(raw + weights.tobytes()[:-1])


@pytest.mark.parametrize("name", builders.ALL)
def test_every_truncation_is_refused_with_one_line(name, tflite_bytes):
    raw = tflite_bytes(name)
    # The last three bytes may be padding: nothing is lost with them.
    for length in range(len(raw) - 3):
        with pytest.raises(ModelFileError) as caught:
            read_graph(raw[:length])
        assert "\n" not in str(caught.value)
    with pytest.raises(ModelFileError, match="truncated or corrupted"):
        read_graph(raw[: len(raw) // 2])


def test_files_that_are_something_else(tmp_path, tflite_file):
    def says(path):
        with pytest.raises(ModelFileError) as caught:
            read_graph(path)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    assert "no such file" in says(tmp_path / "missing.tflite")
    assert "is a folder" in says(tmp_path)
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved" / "saved_model.pb").write_bytes(b"\x08\x01\x12\x00")
    assert "SavedModel folder" in says(tmp_path / "saved")
    assert "SavedModel .pb" in says(tmp_path / "saved" / "saved_model.pb")
    with zipfile.ZipFile(tmp_path / "m.keras", "w") as archive:
        archive.writestr("config.json", "{}")
    for file, content, words in (
        ("m.keras", None, "zip archive, such as a .keras"),
        ("m.h5", b"\x89HDF\r\n\x1a\n" + bytes(100), "HDF5"),
        ("empty.tflite", b"", "is empty"),
        ("short.tflite", b"\x1c\x00\x00\x00TFL", "truncated"),
        ("lfs.tflite", b"version https://git-lfs.github.com/spec/v1\noid sha256:00", "git lfs pull"),
        ("page.tflite", b"<!DOCTYPE html><html></html>", "web page"),
        ("zeros.tflite", bytes(5000), "data of another kind"),
        ("text.tflite", b"once upon a time there was a model", "text"),
    ):
        if content is not None:
            (tmp_path / file).write_bytes(content)
        assert words in says(tmp_path / file)
    assert "cannot be read" in says(str(tmp_path / "a\0b")) or "no such file" in says(str(tmp_path / "a\0b"))
    assert read_graph(str(tflite_file("int8_conv"))).ops


def broken(change) -> bytes:
    """A small net with something wrong in it."""
    b = builders.Builder()
    source = b.tensor("x", (1, 4, 4, 3))
    x = b.conv(source, 4, per_channel=True)
    y = b.same("RELU", x, 2)
    change(b)
    return b.build([source], [y])


def swap(b):
    b.graph.operators.reverse()


def twice(b):
    b.graph.operators[1].outputs = list(b.graph.operators[0].outputs)


def long_name(b):
    b.model.operatorCodes[0].builtinCode, b.model.operatorCodes[0].customCode = 32, "x" * 2000


def set_tensor(index, **fields):
    def change(b):
        for name, value in fields.items():
            setattr(b.graph.tensors[index], name, value)

    return change


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (swap, "which only op"),
        (twice, "made twice"),
        (set_tensor(0, shape=[1] * 20), "has the shape"),
        (set_tensor(0, shape=[-5, 2]), "has the shape"),
        (set_tensor(0, buffer=99), "buffer 99"),
        (set_tensor(0, type=99), "unknown type 99"),
        (set_tensor(0, shapeSignature=[1, 2]), "shape signature"),
        (set_tensor(1, shape=[4, 3, 3, 4]), "bytes instead of"),
        (lambda b: setattr(b.graph.operators[0], "inputs", [0, 1, 77]), "tensor 77"),
        (lambda b: setattr(b.graph.operators[0], "inputs", [0, 1, -2]), "tensor -2"),
        (lambda b: setattr(b.graph.operators[0], "opcodeIndex", 9), "operator code 9"),
        (lambda b: setattr(b.graph.tensors[1].quantization, "quantizedDimension", 7), "along axis 7"),
        (lambda b: setattr(b.graph.tensors[1].quantization, "zeroPoint", [0, 0]), "2 zero points"),
        (lambda b: setattr(b.model, "version", 2), "schema version 2"),
        (lambda b: b.signature("s", {"x": 500}, {}), "tensor 500"),
        (long_name, "2000"),
    ],
)
def test_corruption_is_named(change, says):
    with pytest.raises(ModelFileError) as caught:
        read_graph(broken(change))
    assert says in str(caught.value)
    assert "corrupted" in str(caught.value)


def test_unknown_operators_and_optional_inputs():
    b = builders.Builder()
    source = b.tensor("x", (1, 8))
    result = b.tensor("y", (1, 8))
    b.op("RELU", [source, -1], [result])
    b.model.operatorCodes[0].builtinCode, b.model.operatorCodes[0].deprecatedBuiltinCode = 9999, 127
    op = read_graph(b.build([source], [result])).ops[0]
    assert (op.name, op.is_custom, op.inputs) == ("BUILTIN_9999", False, (0, -1))


def test_memory_is_a_small_multiple_of_the_file(tmp_path):
    b = builders.Builder()
    source = b.tensor("x", (1, 2048))
    kernel = b.constant("w", np.zeros((2048, 2048), np.int8))
    result = b.tensor("y", (1, 2048))
    b.op("FULLY_CONNECTED", [source, kernel, -1], [result], 4, "FullyConnectedOptions")
    path = tmp_path / "big.tflite"
    path.write_bytes(b.build([source], [result]))
    read_graph(path)  # imports the schema
    tracemalloc.start()
    graph = read_graph(path)
    graph.constant(kernel)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert graph.file_bytes > 4_000_000
    assert peak < 1.5 * graph.file_bytes


def test_every_type_of_the_schema_has_a_size_or_none():
    names = {k.lower() for k in vars(schema.TensorType) if not k.startswith("_")}
    assert set(ITEM_BITS) | {"string", "resource", "variant"} == names


def test_a_file_of_absurd_size_is_not_read(tmp_path, tflite_bytes):
    path = tmp_path / "sparse.tflite"
    path.write_bytes(tflite_bytes("int8_conv"))
    with path.open("r+b") as stream:
        stream.truncate(3 * 2**30)
    with pytest.raises(ModelFileError, match=r"has 3,221,225,472 bytes: files of more than 536,870,912 are not read"):
        read_graph(path)
