"""Does a compiled file hold a model? On files put together by plain loops, and on real pairs where they are at hand."""

from __future__ import annotations

import hashlib
import json
import struct
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import builders
import device_writer
import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewb.cli import main
from edgewb.compilers.inspections import inspect
from edgewb.compilers.matches import Match, compare
from edgewb.errors import InputError, ModelFileError
from edgewb.tflite.graphs import Graph
from edgewb.tflite.reader import read_graph

WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")


def parts(raw: bytes, **how: bool) -> list[bytes]:
    graph = read_graph(raw)
    return [device_writer.write_op(graph, op, **how) for op in graph.ops]


def match(source: bytes, file: bytes) -> Match:
    found = compare(read_graph(source), read_graph(file))
    counts = found.ops_agree + found.ops_differ + found.ops_not_encoded + found.ops_no_parameters + found.ops_on_cpu
    assert counts == len(found.ops) == len(read_graph(source).ops)
    assert found.explained_bytes + found.unexplained_bytes == found.parameter_bytes
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False)) == found.to_dict()
    return found


def changed(raw: bytes, tensor: str, values: Callable[[np.ndarray], None] | None = None, **scheme: object) -> bytes:
    """The model with a constant changed in place, or with another scale or zero point."""

    def change(graph: object, buffers: list) -> None:
        (one,) = [t for t in graph.tensors if t.name == tensor.encode()]  # type: ignore[attr-defined]
        if values is not None:
            kind = read_graph(raw).tensors[graph.tensors.index(one)].dtype  # type: ignore[attr-defined]
            data = np.array(buffers[one.buffer].data, np.uint8)
            values(data.view(kind))
            buffers[one.buffer].data = data
        for name, value in scheme.items():
            setattr(one.quantization, name, value)

    return device_writer.mutated(raw, change)


def raised(index: int) -> Callable[[np.ndarray], None]:
    def change(data: np.ndarray) -> None:
        data[index] = int(data[index]) + (1 if data[index] < 100 else -1)

    return change


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(["INT8", "UINT8"]),
    st.booleans(),
    st.integers(2, 80),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.integers(0, 2**31),
)
def test_what_was_made_from_a_model_holds_it(dtype, per_channel, channels, bias, keep_zero_bias, by_inputs, streamed, seed) -> None:
    raw = device_writer.net(dtype=dtype, per_channel=per_channel, channels=channels, bias=bias, seed=seed)
    ops = parts(raw, keep_zero_bias=keep_zero_bias, by_inputs=by_inputs)
    last = ops.pop() if streamed else b""
    found = match(raw, device_writer.compiled(raw, ops, last))
    assert (found.verdict, found.ops_agree, found.unexplained_bytes, found.requantisations_checked) == ("holds", 4, 0, 4)
    assert [op.program for op in found.ops] == [1, 1, 1, 0 if streamed else 1]
    other = device_writer.net(dtype=dtype, per_channel=per_channel, channels=channels, bias=bias, seed=seed + 1)
    assert match(other, device_writer.compiled(raw, ops, last)).verdict == "differs"


RAW = device_writer.net()
FILE = device_writer.compiled(RAW, parts(RAW))


def test_an_op_that_stands_before_one_that_feeds_it_leaves_a_doubt() -> None:
    """As do two layers of like shape whose weights were exchanged."""
    found = match(RAW, device_writer.compiled(RAW, parts(RAW)[::-1]))
    assert (found.verdict, found.ops_agree, found.unexplained_bytes) == ("cannot_tell", 4, 0)
    assert found.reason.endswith("but the bytes of op 1, 'DEPTHWISE_CONV_2D', stand before those of op 0, which feeds it")
    offsets = [op.offset for op in found.ops]
    assert offsets == sorted(offsets, reverse=True)


@pytest.mark.parametrize(
    ("tensor", "index", "op", "says"),
    [
        ("w0", 3 * 3 * 3 * 7, 0, "1 of 1,152 bytes of its weights differ, in output channel 7"),
        ("b0", 11, 0, "bytes of its bias differ, in output channel 11; multipliers (scales) and zero points and weights agree"),
        ("w1", 20 * 4 + 13, 1, "in output channel 13"),
        ("b1", 2, 1, "bytes of its bias differ, in output channel 2"),
        ("w2", 20 * 5, 2, "1 of 320 bytes of its weights differ, in output channel 5"),
        ("w3", 96 * 4 + 50, 3, "1 of 2,048 bytes of its weights differ, in output channel 4; bias agree"),
    ],
)
def test_one_changed_number_is_found_and_located(tensor: str, index: int, op: int, says: str) -> None:
    found = match(changed(RAW, tensor, raised(index)), FILE)
    assert (found.verdict, found.ops_agree, found.ops_differ) == ("differs", 3, 1)
    (wrong,) = [o for o in found.ops if o.verdict == "differs"]
    assert wrong.index == op
    assert says in wrong.detail
    assert wrong.detail in found.reason
    assert (wrong.offset, wrong.program) == (sum(map(len, parts(RAW)[:op])), 1)


def test_a_layer_trained_anew_differs_and_the_others_agree() -> None:
    def again(data: np.ndarray) -> None:
        data[:] = np.random.default_rng(9).integers(-127, 128, data.shape)

    found = match(changed(RAW, "w0", again), FILE)
    assert [op.verdict for op in found.ops] == ["differs", "agrees", "agrees", "agrees"]
    assert "in 20 output channels, first 0" in found.ops[0].detail


def test_other_scales_differ_whether_they_stand_among_the_parameters_or_not() -> None:
    found = match(changed(RAW, "second", scale=[0.0777]), FILE)
    assert (found.verdict, found.interface) == ("differs", ())
    assert "bytes of its multipliers (scales) differ" in found.ops[1].detail
    plain = device_writer.net(per_channel=False)
    file = device_writer.compiled(plain, parts(plain))
    found = match(changed(plain, "w1", scale=[0.0123]), file)
    assert [op.verdict for op in found.ops] == ["agrees", "differs", "agrees", "agrees"]
    assert "but its multiplier (scales) is not in the instructions" in found.reason
    found = match(changed(plain, "second", zeroPoint=[3]), file)
    assert "but its range (output scale, zero point or activation) is not in the instructions" in found.reason


def test_zero_points_that_leave_no_trace_among_the_parameters() -> None:
    raw = device_writer.net(dtype="UINT8", per_channel=False, channels=16, depth=4, kernel=1)
    file = device_writer.compiled(raw, parts(raw))
    assert match(raw, file).verdict == "holds"
    found = match(changed(raw, "w2", zeroPoint=[200]), file)
    assert found.verdict == "differs"
    assert "its zero points (of weights, input or output) are not in the instructions" in found.ops[2].detail


def test_another_activation_differs() -> None:
    raw = device_writer.net(activation="RELU6")
    file = device_writer.compiled(raw, parts(raw))
    assert match(raw, file).verdict == "holds"

    def without(graph, _buffers) -> None:
        graph.operators[1].builtinOptions.fusedActivationFunction = 0

    found = match(device_writer.mutated(raw, without), file)
    assert [op.verdict for op in found.ops] == ["agrees", "differs", "agrees", "agrees"]
    assert "its range (output scale, zero point or activation) is not in the instructions" in found.reason


def test_words_are_no_evidence_where_most_are_not_found() -> None:
    """Three of four activations are others; the ranges of a generation that writes them otherwise would look the same."""
    raw = device_writer.net(activation="RELU6")
    found = match(RAW, device_writer.compiled(raw, parts(raw)))
    assert [op.verdict for op in found.ops] == ["not_encoded", "not_encoded", "not_encoded", "agrees"]
    assert (found.verdict, found.requantisations_checked) == ("cannot_tell", 4)
    assert "but its range (output scale, zero point or activation) is not in the instructions in a known form" in found.reason


@pytest.mark.parametrize("gone", range(4))
@pytest.mark.parametrize("per_channel", [True, False])
def test_a_word_kept_in_another_form_is_no_difference(gone: int, per_channel: bool) -> None:
    raw = device_writer.net(per_channel=per_channel)
    graph = read_graph(raw)
    words = [b"" if op.index == gone else device_writer.write_word(graph, op) for op in graph.ops]
    found = match(raw, device_writer.compiled(raw, parts(raw), words=words))
    assert [op.verdict for op in found.ops] == ["not_encoded" if i == gone else "agrees" for i in range(4)]
    assert found.verdict == "cannot_tell"


def test_a_bias_the_file_left_out_differs() -> None:
    bare = device_writer.net(bias=False)
    file = device_writer.compiled(bare, parts(bare, keep_zero_bias=False))
    assert match(bare, file).verdict == "holds"
    found = match(changed(bare, "b2", raised(1)), file)
    assert found.verdict == "differs"
    assert "its bias is not there, as if it were all zero" in found.ops[2].detail


def test_bytes_too_few_or_too_many() -> None:
    ops = parts(RAW)
    found = match(RAW, device_writer.compiled(RAW, [*ops[:3], ops[3][: len(ops[3]) // 2]]))
    assert (found.verdict, found.ops[3].verdict) == ("differs", "differs")
    found = match(RAW, device_writer.compiled(RAW, [*ops, b"\x05" * 128]))
    assert (found.verdict, found.ops_agree, found.unexplained_bytes) == ("cannot_tell", 4, 128)
    assert "128 bytes of parameters belong to no op" in found.reason
    found = match(RAW, device_writer.compiled(RAW, []))
    assert (found.verdict, found.ops_differ, found.parameter_bytes) == ("differs", 4, 0)


def test_the_same_bytes_in_an_order_that_is_not_known_are_no_difference() -> None:
    ops = parts(RAW)
    turned = np.frombuffer(ops[3], np.uint8).copy()
    turned[64:] = np.random.default_rng(0).permutation(turned[64:])
    found = match(RAW, device_writer.compiled(RAW, [*ops[:3], turned.tobytes()]))
    assert (found.verdict, found.ops[3].verdict) == ("cannot_tell", "not_encoded")


def test_the_interface() -> None:
    wider = device_writer.net(size=5)
    found = match(wider, FILE)
    assert found.verdict == "differs"
    assert any("shape [1, 4, 4, 3], in the source [1, 5, 5, 3]" in sentence for sentence in found.interface)
    for change, says in (
        ({"scale": [0.5]}, "in the source 0.5"),
        ({"zeroPoint": [77]}, "in the source 77"),
    ):
        found = match(changed(RAW, "image", **change), FILE)
        assert found.verdict == "differs"
        assert says in found.interface[0]

    def rename(graph, _buffers) -> None:
        graph.tensors[graph.outputs[0]].name = "scores"

    assert "output 0 is called 'logits', in the source 'scores'" in match(device_writer.mutated(RAW, rename), FILE).interface


def with_tail(raw: bytes, factor: float) -> Callable[[bool], bytes]:
    """A conv that maps and a MUL with a float constant that stays on the CPU; the source, or what is compiled from it."""

    def build(is_compiled: bool) -> bytes:
        b = builders.Builder()
        image = b.tensor("image", (1, 4, 4, 3))
        if is_compiled:
            x = b.tensor("conv0", (1, 4, 4, 8))
            running = builders.executable("STAND_ALONE", parameters=raw)
            b.op("edgetpu-custom-op", [image], [x], custom=builders.package([running]))
        else:
            x = b.conv(image, 8)
        y = b.tensor("float", (1, 4, 4, 8), "FLOAT32")
        b.op("DEQUANTIZE", [x], [y], 2, "DequantizeOptions")
        c = b.constant("factors", np.full(8, factor, np.float32), scale=None)
        z = b.tensor("product", (1, 4, 4, 8), "FLOAT32")
        b.op("MUL", [y, c], [z], 1, "MulOptions", fusedActivationFunction=0)
        return b.build([image], [z])

    return build


def test_ops_left_on_the_cpu_are_compared_with_their_constants() -> None:
    source = with_tail(b"", 2.0)(False)
    graph = read_graph(source)
    raw = device_writer.write_op(graph, graph.ops[0])
    found = match(source, with_tail(raw, 2.0)(True))
    assert [op.verdict for op in found.ops] == ["agrees", "on_cpu", "on_cpu"]
    assert (found.verdict, found.requantisations_checked) == ("holds", 0)
    found = match(source, with_tail(raw, 3.0)(True))
    assert (found.verdict, found.ops[2].verdict) == ("differs", "differs")
    assert "'factors': its constant has other values than in the source" in found.ops[2].detail


def test_an_option_written_out_with_its_default_is_no_difference() -> None:
    """The same model written by another program: flags stand there as False instead of not at all."""
    files = []
    for is_compiled in (True, False):
        b = builders.Builder()
        image, x, real = b.tensor("image", (1, 4)), b.tensor("relu0", (1, 4)), b.tensor("real", (1, 4), "FLOAT32")
        if is_compiled:
            b.op("edgetpu-custom-op", [image], [x], custom=builders.package([builders.executable("STAND_ALONE")]))
        else:
            b.op("RELU", [image], [x], 2)
        b.op("DEQUANTIZE", [x], [real], 2, "DequantizeOptions")
        w, y = b.constant("w", np.ones((2, 4), np.float32), scale=None), b.tensor("y", (1, 2), "FLOAT32")
        b.op("FULLY_CONNECTED", [real, w], [y], 1, "FullyConnectedOptions", fusedActivationFunction=0)
        files.append(b.build([image], [y]))
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(bytearray(files[1])))
    packer = flatbuffers.Builder(4096)
    packer.ForceDefaults(True)
    packer.Finish(model.Pack(packer), b"TFL3")
    explicit = bytes(packer.Output())
    assert read_graph(explicit).ops[2].options["keep_num_dims"] is False
    for source in (files[1], explicit):
        found = match(source, files[0])
        assert (found.verdict, found.ops_on_cpu) == ("holds", 2), found.reason


def test_two_computed_tensors_added() -> None:
    """The range stands in the instructions, and where it does not that proves nothing."""
    b = builders.Builder()
    image, y = b.tensor("image", (1, 4, 4, 4)), b.tensor("y", (1, 4, 4, 4), scale=0.3, zero_point=7)
    b.op("ADD", [image, image], [y], 1, "AddOptions", fusedActivationFunction=0)
    raw = b.build([image], [y])
    for ends, verdict, says in (
        ((120, -135), "holds", "; its range is in the instructions"),
        ((9, -9), "cannot_tell", "its range (output scale, zero point or activation) is not in the instructions in a known form"),
    ):
        packed = [int.from_bytes(struct.pack("<f", value), "little") for value in (0.5, *ends)]
        number = sum(value << (29 + 32 * place) for place, value in enumerate(packed))
        words = [b"".join((n | 0b10110).to_bytes(16, "little") for n in (0, number, 0))]
        found = match(raw, device_writer.compiled(raw, [], words=words))
        assert found.verdict == verdict, found.reason
        assert says in found.ops[0].detail


def test_a_net_without_parameters_is_compared_by_its_interface() -> None:
    def build(is_compiled: bool) -> bytes:
        b = builders.Builder()
        image = b.tensor("image", (1, 4, 4, 4))
        if is_compiled:
            x = b.tensor("relu0", (1, 4, 4, 4))
            b.op("edgetpu-custom-op", [image], [x], custom=builders.package([builders.executable("STAND_ALONE")]))
        else:
            x = b.same("RELU", image, 2)
        return b.build([image], [x])

    found = match(build(False), build(True))
    assert (found.verdict, found.parameter_bytes, found.ops[0].verdict) == ("holds", 0, "no_parameters")
    assert "nothing contradicts it" in found.reason


def test_bad_input(tmp_path: Path, tflite_file: Callable[[str], Path], capsys: pytest.CaptureFixture[str]) -> None:
    source, file = tmp_path / "source.tflite", tmp_path / "source_edgetpu.tflite"
    source.write_bytes(RAW)
    file.write_bytes(FILE)
    with pytest.raises(InputError, match="is a source model: --against compares a compiled file, given first"):
        inspect(source, against=source)
    with pytest.raises(InputError, match="is compiled itself, its weights are gone"):
        inspect(file, against=file)
    with pytest.raises(ModelFileError, match="no such file"):
        inspect(file, against=tmp_path / "none.tflite")
    with pytest.raises(InputError, match="a source model cannot be compared"):
        compare(read_graph(RAW), read_graph(RAW))
    assert main(["inspect", str(file), "--against", str(file)]) == 2
    assert main(["inspect", str(file), "--against", str(tmp_path)]) == 2
    assert main(["inspect", str(file), "--against", str(source)]) == 0
    capsys.readouterr()
    assert main(["inspect", str(file), "--against", str(tflite_file("int8_conv")), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["against"]["verdict"] == "differs"
    source.write_bytes(RAW[: len(RAW) // 2])
    with pytest.raises(ModelFileError, match=r"source\.tflite' is truncated"):
        inspect(file, against=source)


def test_the_report(tmp_path: Path) -> None:
    source, file = tmp_path / "source.tflite", tmp_path / "source_edgetpu.tflite"
    source.write_bytes(changed(RAW, "w2", raised(0)))
    file.write_bytes(FILE)
    inspection = inspect(file, against=source)
    assert inspection.against.source_sha256 == hashlib.sha256(source.read_bytes()).hexdigest()
    for page in (str(inspection), inspection._repr_html_()):
        assert "DIFFERS" in page
        assert "in output channel 0" in page
        assert "3 agree, 1 differ" in page
    assert str(inspection).splitlines()[3].startswith("verdict")
    assert inspect(file).against is None


def test_names_from_the_files_cannot_inject_markup_or_lines(tmp_path: Path) -> None:
    def rename(graph, _buffers) -> None:
        graph.tensors[graph.outputs[0]].name = "<script>\nops  9"

    source, file = tmp_path / "source.tflite", tmp_path / "source_edgetpu.tflite"
    source.write_bytes(device_writer.mutated(RAW, rename))
    file.write_bytes(FILE)
    inspection = inspect(file, against=source)
    assert "<script>" not in inspection._repr_html_()
    assert not any(line.startswith("ops  9") for line in str(inspection).splitlines())


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(FILE) - 1), st.integers(0, 255), st.booleans())
def test_damaged_files_are_refused_or_compared(at: int, value: int, of_source: bool) -> None:
    whole = RAW if of_source else FILE
    raw = bytearray(whole)
    raw[at % len(raw)] = value
    try:
        source, file = read_graph(bytes(raw) if of_source else RAW), read_graph(FILE if of_source else bytes(raw))
        start = time.process_time()
        compare(source, file)
        assert time.process_time() - start < 2
    except (InputError, ModelFileError) as error:
        assert "\n" not in str(error)  # noqa: PT017 - the message is part of the promise


@pytest.mark.parametrize(("channels", "megabytes"), [(1024, 4), (4, 48), (64, 16)])
def test_hostile_files_ask_for_bounded_work(channels: int, megabytes: int) -> None:
    """One constant read by very many ops, and parameters that look alike everywhere."""
    b = builders.Builder()
    image = b.tensor("image", (1, 1, 1, channels), scale=0.1)
    weights = b.constant("w", np.zeros((channels, 1, 1, channels), np.int8), scale=0.1)
    results = [b.tensor(f"y{i}", (1, 1, 1, channels)) for i in range(1_500)]
    for result in results:
        b.op("CONV_2D", [image, weights], [result], 3, "Conv2DOptions", **device_writer.PADDING)
    source = b.build([image], [results[0]])
    b = builders.Builder()
    image, x = b.tensor("image", (1, 1, 1, channels), scale=0.1), b.tensor("y0", (1, 1, 1, channels))
    own = device_writer.write_op(read_graph(source), read_graph(source).ops[0])
    blob = own * 3 + (own[:-1] + b"\x01") * (megabytes * 2**20 // len(own))
    b.op("edgetpu-custom-op", [image], [x], custom=builders.package([builders.executable("STAND_ALONE", parameters=blob)]))
    graphs = read_graph(source), read_graph(b.build([image], [x]))
    start = time.process_time()
    assert compare(*graphs).verdict in ("differs", "cannot_tell")
    assert time.process_time() - start < 8


# Real pairs: tests on what Google's compiler wrote. The encodings were found in these very files, so agreement proves no generality;
# the wrong combinations are the harder half.


def pairs(shared: Path) -> list[tuple[str, Graph, Graph, str]]:
    found = []
    for record in json.loads((shared / "oracle" / "oracle.json").read_text()):
        folder = shared / "oracle" / "models" / record["id"]
        if (folder / "compiled_edgetpu.tflite").is_file():
            raw = (folder / "source.tflite").read_bytes()
            compiled = read_graph(folder / "compiled_edgetpu.tflite")
            found.append((record["id"], read_graph(raw), compiled, hashlib.sha256(raw).hexdigest()))
    return found


def test_real_compiled_files_hold_their_sources(shared: Path) -> None:
    verdicts: Counter[str] = Counter()
    ops: Counter[str] = Counter()
    explained = total = 0
    for name, source, compiled, _ in pairs(shared):
        start = time.process_time()
        found = compare(source, compiled)
        assert time.process_time() - start < 1
        assert found.verdict == "holds", (name, found.reason)
        assert found.interface == ()
        verdicts[found.verdict.value] += 1
        ops.update(op.verdict.value for op in found.ops)
        assert not [op for op in found.ops if op.op in WEIGHTED and op.verdict not in ("agrees", "on_cpu")]
        explained += found.explained_bytes
        total += found.parameter_bytes
    print(f"\n{dict(verdicts)}, ops {dict(ops)}, {explained:,} of {total:,} bytes explained")
    assert verdicts == {"holds": 47}
    assert explained / total > 0.998


def content(graph: Graph) -> bytes:
    """What a model is, whatever else stands in its file: two of the sources differ in their metadata alone."""
    state = hashlib.sha256(repr([(op.name, op.inputs, op.outputs, sorted(op.options.items())) for op in graph.ops]).encode())
    for tensor in graph.tensors:
        scheme = tensor.quantization
        scales = b"" if scheme is None else scheme.scales.tobytes() + scheme.zero_points.tobytes()
        state.update(repr((tensor.name, tensor.shape, tensor.dtype)).encode() + scales + bytes(graph.buffers[tensor.buffer]))
    return state.digest()


def test_real_compiled_files_hold_no_other_source(shared: Path) -> None:
    """Every compiled file against the six sources nearest to it, by input, output and kinds of op; those of like structure first."""
    real = pairs(shared)
    contents = {name: content(source) for name, source, _, _ in real}

    def likeness(a: Graph, b: Graph) -> tuple[bool, bool, int]:
        ends = [[(g.tensors[i].name, g.tensors[i].shape) for i in (*g.inputs, *g.outputs)] for g in (a, b)]
        return ends[0] == ends[1], [op.name for op in a.ops] == [op.name for op in b.ops], -abs(len(a.ops) - len(b.ops))

    tried, alike = 0, 0
    for name, own, compiled, _ in real:
        others = sorted((p for p in real if contents[p[0]] != contents[name]), key=lambda p: likeness(own, p[1]), reverse=True)
        for other, source, _, _ in others[:6]:
            found = compare(source, compiled)
            assert found.verdict == "differs", (name, other, found.reason)
            tried += 1
            alike += [op.name for op in own.ops] == [op.name for op in source.ops]
    print(f"\n{tried} wrong combinations differ, {alike} of them with the same kinds of op in the same order")
    assert tried >= 250
    assert alike >= 50


def test_real_compiled_files_hold_no_source_with_one_number_changed(shared: Path) -> None:
    """One weight, one bias, one scale of the middle layer of each source, through the schema's objects."""
    counts: Counter[str] = Counter()
    untold: Counter[str] = Counter()
    for name, source, compiled, _ in pairs(shared):
        raw = (shared / "oracle" / "models" / name / "source.tflite").read_bytes()
        if len(raw) > 1_000_000:
            continue
        left = {t.name for op in compiled.ops if not op.is_custom for t in compiled.output_tensors(op)}
        ops = [op for op in source.ops if op.name in WEIGHTED and source.tensors[op.outputs[0]].name not in left]
        if not ops:
            continue
        op = ops[len(ops) // 2]
        for place, input_ in (("weight", 1), ("bias", 2), ("scale", 1), ("output scale", 0)):
            if input_ >= len(op.inputs) or op.inputs[input_] < 0:
                continue
            tensor = op.outputs[0] if place == "output scale" else op.inputs[input_]

            def change(graph, buffers, place=place, tensor=tensor, source=source) -> None:
                one = graph.tensors[tensor]
                if "scale" in place:
                    one.quantization.scale = np.array(one.quantization.scale, np.float32) * np.float32(1.01)
                else:
                    data = np.array(buffers[one.buffer].data, np.uint8)
                    raised(data.view(source.tensors[tensor].dtype).size // 2)(data.view(source.tensors[tensor].dtype))
                    buffers[one.buffer].data = data

            found = compare(read_graph(device_writer.mutated(raw, change)), compiled)
            if found.verdict == "cannot_tell":
                assert "scale" in place, (name, place, found.reason)
                untold[place] += 1
                continue
            assert found.verdict == "differs", (name, place, found.reason)
            assert found.ops[op.index].verdict == "differs" or place == "output scale"
            counts[place] += 1
    print(f"\nchanged by one number: {dict(counts)} differ, {dict(untold)} cannot be told")
    assert (counts["weight"], counts["bias"]) == (36, 32)
    # Where a scale leaves no trace but a word, and either the net has a single layer, so that no other word shows that words are
    # understood (13), or no near word is left over that could be the changed one's (3).
    assert untold == {"scale": 10, "output scale": 6}
    assert sum(counts.values()) >= 100
