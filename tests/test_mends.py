"""``fix``: what it writes computes the same, by a check of the tests' own; what it does not write, it gives a reason for."""

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import builders
import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from batch_nets import computed_sizes_net
from builders import ACTIVATION, PADDING, Builder
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import edgewb
from edgewb import child_processes, comparisons
from edgewb.cli import main
from edgewb.errors import EdgewbError, InputError, ModelFileError, StorageError
from edgewb.mends import fixing, mend_bytes
from edgewb.targets.cpu import CpuTarget
from edgewb.tflite.mends import Mend
from edgewb.tflite.quantization import dequantize, dequantize_builtin, quantize
from edgewb.tflite.reader import read_graph

Files = Callable[[str], Path]


def same_results(source: Path, mended: Path, runs: int = 6, seed: int = 7) -> None:
    """Both files, run here on the same inputs, agree bit for bit; float edges that moved are converted outside."""
    rng = np.random.default_rng(seed)
    with CpuTarget(kernels="builtin") as first, CpuTarget(kernels="builtin") as second:
        first.load(source)
        second.load(mended)
        for _ in range(runs):
            given, stored = [], []
            for old, new in zip(first.inputs, second.inputs, strict=True):
                if old.dtype == new.dtype and old.dtype.kind in "iu":
                    ends = np.iinfo(old.dtype)
                    value = rng.integers(ends.min, ends.max, old.shape, endpoint=True).astype(old.dtype)
                else:
                    value = rng.normal(0, 3, old.shape).astype(np.float32)
                given.append(value)
                moved = old.dtype != new.dtype
                stored.append(quantize(value, new.scale, new.zero_point, new.dtype.name) if moved else value)
            for want, have, spec in zip(first.run(given), second.run(stored), second.outputs, strict=True):
                if want.dtype != have.dtype:
                    real = dequantize(have, spec.scale, spec.zero_point)
                    assert np.abs(want - real).max() <= 1e-4 * spec.scale  # the built-in kernel's own rounding
                    have = dequantize_builtin(have, spec.scale, spec.zero_point) if real.tobytes() != want.tobytes() else real
                assert want.tobytes() == have.tobytes()


def written(folder: Path, content: bytes) -> Path:
    path = folder / "net.tflite"
    path.write_bytes(content)
    return path


def ids(mended: edgewb.Mended) -> list[str]:
    return [mend.id for mend in mended.mends]


# What is written.


def test_a_float_edged_net_is_mended_and_says_what_to_do(tflite_file: Files) -> None:
    source = tflite_file("float_io")
    mended = edgewb.fix(source)
    assert mended.out == str(source.with_name("float_io_fixed.tflite"))
    same_results(source, Path(mended.out))
    assert ids(mended) == ["float_io"]
    assert mended.mends[0].ops == ("0 QUANTIZE", "2 DEQUANTIZE")
    assert [(c.role, c.dtype, c.zero_point) for c in mended.conversions] == [("input", "int8", 0), ("output", "int8", 0)]
    assert mended.conversions[0].scale == np.float32(builders.SCALE)
    assert (mended.before.ops_edgetpu, mended.before.ops_total) == (1, 3)
    assert (mended.after.ops_edgetpu, mended.after.ops_total) == (1, 1)
    assert mended.verification is not None
    assert (mended.verification.inputs, mended.verification.identical, mended.verification.basis) == (32, True, "measured")
    inspection = edgewb.inspect(mended.out)
    assert (inspection.ops_edgetpu, inspection.ops_total) == (1, 1)
    assert [finding.id for finding in inspection.findings] == []


def test_a_fixed_file_needs_no_fixing(tflite_file: Files) -> None:
    for name in ("float_io", "dynamic_batch"):
        mended = edgewb.fix(tflite_file(name))
        assert mended.out is not None
        again = edgewb.fix(mended.out)
        assert again.out is None
        assert not again.mends
        assert not Path(mended.out).with_name(f"{name}_fixed_fixed.tflite").exists()


def test_sizes_computed_from_the_batch_become_constants_and_all_maps(tmp_path: Path) -> None:
    source = written(tmp_path, computed_sizes_net())
    mended = edgewb.fix(source)
    assert ids(mended) == ["batch", "float_io", "versions"]
    assert mended.out is not None
    graph = read_graph(mended.out)
    assert [(op.name, op.version) for op in graph.ops] == [("CONV_2D", 3), ("TRANSPOSE_CONV", 2)]
    assert graph.tensors[graph.outputs[0]].shape == (1, 8, 8, 4)
    assert (mended.before.ops_edgetpu, mended.before.ops_total) == (0, 7)
    assert (mended.after.ops_edgetpu, mended.after.ops_total) == (2, 2)
    assert mended.mends[2].ops == ("5 TRANSPOSE_CONV",)  # as numbered in the source
    same_results(source, Path(mended.out))


def batched_net(batch: int = 3, mixed: bool = False) -> bytes:
    """CONV_2D, RESHAPE, FULLY_CONNECTED on a fixed batch; ``mixed`` adds the examples' mean to each."""
    b = Builder()
    source = b.tensor("image", (batch, 4, 4, 2))
    x = b.dense(b.flatten(b.conv(source, 2)), 5)
    if mixed:
        mean = b.tensor("mean", (1, 5))
        axis = b.constant("axis", np.array([0], np.int32), scale=None)
        b.op("MEAN", [x, axis], [mean], 2, "ReducerOptions", keepDims=True)
        total = b.tensor("total", (batch, 5))
        b.op("ADD", [x, mean], [total], 2, "AddOptions")
        x = total
    return b.build([source], [x])


def test_a_fixed_batch_becomes_one_where_examples_do_not_meet(tmp_path: Path) -> None:
    source = written(tmp_path, batched_net())
    mended = edgewb.fix(source)
    assert ids(mended) == ["batch"]
    assert [finding.id for finding in mended.findings] == ["one_example_per_call"]
    assert mended.out is not None
    graph = read_graph(mended.out)
    assert [t.shape[0] for t in (graph.tensors[graph.inputs[0]], graph.tensors[graph.outputs[0]])] == [1, 1]
    with CpuTarget(kernels="builtin") as first, CpuTarget(kernels="builtin") as second:
        first.load(source)
        second.load(mended.out)
        values = np.random.default_rng(5).integers(-128, 128, (3, 4, 4, 2)).astype(np.int8)
        (want,) = first.run([values])
        have = [second.run([values[row : row + 1]])[0] for row in range(3)]
        assert np.array_equal(want, np.concatenate(have))


def test_a_batch_whose_examples_meet_is_refused(tmp_path: Path) -> None:
    mended = edgewb.fix(written(tmp_path, batched_net(mixed=True)))
    assert mended.out is None
    (refused,) = mended.refused
    assert refused.id == "batch"
    assert "the outputs would not be identical: output 0 differs in" in refused.why
    assert list(tmp_path.glob("*fixed*")) == []


def requantising_net(first: float, second: float) -> bytes:
    b = Builder()
    source = b.tensor("x", (1, 16), scale=first)
    real, stored = b.tensor("real", (1, 16), "FLOAT32"), b.tensor("stored", (1, 16), scale=second, zero_point=3)
    b.op("DEQUANTIZE", [source], [real], 2, "DequantizeOptions")
    b.op("QUANTIZE", [real], [stored], 1, "QuantizeOptions")
    return b.build([source], [b.dense(stored, 4)])


def test_a_step_to_float_and_back_becomes_one_op_where_that_is_exact(tmp_path: Path) -> None:
    source = written(tmp_path, requantising_net(0.05, 0.037))
    mended = edgewb.fix(source)
    assert ids(mended) == ["stray"]
    assert mended.out is not None
    assert [op.name for op in read_graph(mended.out).ops] == ["QUANTIZE", "FULLY_CONNECTED"]
    assert mended.before.ops_edgetpu == 0
    assert mended.after.ops_edgetpu == 2
    same_results(source, Path(mended.out))


def test_and_stays_where_it_is_not(tmp_path: Path) -> None:
    """At half the scale every other value is a tie, which one QUANTIZE rounds up and a step through float rounds to even."""
    mended = edgewb.fix(written(tmp_path, requantising_net(0.05, 0.1)))
    assert mended.out is None
    (refused,) = mended.refused
    assert refused.id == "stray"
    assert "does not give the same for all 256 values" in refused.why


def test_signatures_still_run(tmp_path: Path) -> None:
    from ai_edge_litert.interpreter import Interpreter

    mended = edgewb.fix(written(tmp_path, computed_sizes_net()))
    runner = Interpreter(model_path=mended.out).get_signature_runner("serving_default")
    assert runner(image=np.zeros((1, 4, 4, 3), np.int8))["result"].dtype == np.int8


def test_metadata_of_a_float_model_is_kept_and_spoken_of(tmp_path: Path) -> None:
    b = Builder()
    source = b.tensor("x", (1, 4), "FLOAT32")
    x = b.tensor("q", (1, 4))
    b.op("QUANTIZE", [source], [x], 1, "QuantizeOptions")
    b.metadata("TFLITE_METADATA", b"\x10\0\0\0M001")
    mended = edgewb.fix(written(tmp_path, b.build([source], [b.dense(x, 3)])))
    assert [finding.id for finding in mended.findings] == ["metadata_of_float"]
    assert mended.out is not None
    assert read_graph(mended.out).metadata == ("TFLITE_METADATA",)


# What is refused.


def test_skipped_mends_are_not_made(tmp_path: Path) -> None:
    source = written(tmp_path, computed_sizes_net())
    assert ids(edgewb.fix(source, skip=["float_io", "versions"])) == ["batch"]
    assert edgewb.fix(source, out=tmp_path / "no.tflite", skip=["batch", "stray", "float_io", "versions"]).out is None
    assert not (tmp_path / "no.tflite").exists()


def test_a_mend_that_changes_the_results_is_dropped_and_the_others_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(content: bytes, runs: Any, rate: Any) -> Any:
        """Another bias."""
        from edgewb.tflite.edits import Edit

        edit = Edit(content)
        data = edit.model.buffers[edit.main.tensors[edit.main.operators[-2].inputs[2]].buffer]
        data.data = np.frombuffer(np.array([9000] * 4, np.int32).tobytes(), np.uint8)
        return edit.change([0])

    monkeypatch.setattr(fixing, "MENDS", (Mend(id="wrong", apply=wrong), *fixing.MENDS))
    source = written(tmp_path, builders.float_io_net())
    mended = edgewb.fix(source)
    assert ids(mended) == ["float_io"]
    assert [entry.id for entry in mended.refused] == ["wrong"]
    assert "the outputs would not be identical" in mended.refused[0].why
    assert mended.out is not None
    assert mended.verification is not None
    assert mended.verification.identical
    same_results(source, Path(mended.out))


def test_a_model_that_cannot_run_here_is_not_mended(tmp_path: Path) -> None:
    b = Builder()
    source = b.tensor("x", (1, 4), "FLOAT32")
    x = b.tensor("q", (1, 4))
    b.op("QUANTIZE", [source], [x], 1, "QuantizeOptions")
    odd = b.tensor("odd", (1, 4))
    b.op("Odd", [x], [odd], custom=b"\0")
    mended = edgewb.fix(written(tmp_path, b.build([source], [odd])))
    assert mended.out is None
    (refused,) = mended.refused
    assert refused.id == "float_io"
    assert "cannot be verified: LiteRT cannot run it here (" in refused.why
    assert "Odd" in refused.why


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("import os; os.abort()", "crashed while it ran here (signal 6)"),
        ("raise SystemExit(3)", "exit status 3"),
        ("while True: pass", "took more than"),
    ],
)
def test_a_crash_of_the_interpreter_is_a_refusal(code: str, says: str, tflite_file: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    run = subprocess.run
    monkeypatch.setattr(comparisons, "_LIMIT_SECONDS", 2)
    monkeypatch.setattr(child_processes.subprocess, "run", lambda words, **options: run([sys.executable, "-c", code], **options))
    mended = edgewb.fix(tflite_file("float_io"))
    assert mended.out is None
    assert says in mended.refused[0].why


def test_a_float_model_is_told_to_be_quantised(tflite_file: Files) -> None:
    mended = edgewb.fix(tflite_file("float"))
    assert mended.out is None
    assert mended.findings[0].id == "not_quantised"
    assert "ptq_int8" in mended.findings[0].fix


def test_bad_input_is_one_line(tflite_file: Files, tmp_path: Path) -> None:
    content = tflite_file("float_io").read_bytes()
    (tmp_path / "short.tflite").write_bytes(content[: len(content) // 2])
    (tmp_path / "file").write_text("in the way")
    cases: list[tuple[Sequence[Any], dict[str, Any], type[EdgewbError], str]] = [
        ([tflite_file("compiled")], {}, ModelFileError, "give the .tflite it was compiled from"),
        ([tmp_path / "short.tflite"], {}, ModelFileError, "truncated or corrupted"),
        ([tmp_path], {}, ModelFileError, "is a folder"),
        ([tmp_path / "none.tflite"], {}, ModelFileError, "no such file"),
        ([tflite_file("float_io")], {"skip": ["batsh"]}, InputError, "did you mean 'batch'"),
        ([tflite_file("float_io")], {"out": tmp_path / "float_io.tflite"}, InputError, "never overwritten"),
        ([tflite_file("float_io")], {"out": ""}, InputError, "--out is empty"),
        ([tflite_file("float_io")], {"out": tmp_path / "file" / "x.tflite"}, StorageError, "is in the way"),
    ]
    for arguments, options, kind, says in cases:
        with pytest.raises(kind) as caught:
            edgewb.fix(*arguments, **options)
        assert says in str(caught.value)
        assert "\n" not in str(caught.value)
    assert tflite_file("float_io").read_bytes() == content


def test_where_the_file_goes(tflite_file: Files, tmp_path: Path) -> None:
    source = tflite_file("float_io")
    (tmp_path / "there").mkdir()
    assert edgewb.fix(source, out=tmp_path / "there").out == str(tmp_path / "there" / "float_io_fixed.tflite")
    assert edgewb.fix(source, out=f"{tmp_path}/new/").out == str(tmp_path / "new" / "float_io_fixed.tflite")
    first, second = (edgewb.fix(source, out=tmp_path / "mine.tflite") for _ in range(2))
    assert first.out == second.out == str(tmp_path / "mine.tflite")
    assert (first.replaced, second.replaced) == (False, True)
    assert str(second).endswith("mine.tflite, in place of the file that was there")
    assert "in place of" not in str(first)


def test_inputs_and_outputs_keep_their_names(tflite_file: Files) -> None:
    source = tflite_file("float_io")
    mended = edgewb.fix(source)
    assert mended.out is not None
    before, after = read_graph(source), read_graph(Path(mended.out))
    for old, new in zip((*before.inputs, *before.outputs), (*after.inputs, *after.outputs), strict=True):
        assert before.tensors[old].name == after.tensors[new].name
        assert (before.tensors[old].dtype, after.tensors[new].dtype) == ("float32", "int8")
    assert [c.name for c in mended.conversions] == [after.tensors[i].name for i in (*after.inputs, *after.outputs)]


def test_only_the_main_graph_of_several_is_mended_and_it_is_said(tmp_path: Path) -> None:
    b = Builder()
    source = b.tensor("x", (1, 4), "FLOAT32")
    x, y = b.tensor("q", (1, 4)), b.tensor("y", (1, 4), "FLOAT32")
    b.op("QUANTIZE", [source], [x], 1, "QuantizeOptions")
    b.op("DEQUANTIZE", [b.same("RELU", x, 2)], [y], 2, "DequantizeOptions")
    raw = b.build([source], [y])
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(bytearray(raw)))
    model.subgraphs.append(schema.ModelT.InitFromObj(schema.Model.GetRootAs(bytearray(raw))).subgraphs[0])
    packer = flatbuffers.Builder(4096)
    packer.Finish(model.Pack(packer), b"TFL3")
    mended = edgewb.fix(written(tmp_path, bytes(packer.Output())))
    assert ids(mended) == ["float_io"]
    (finding,) = [f for f in mended.findings if f.id == "main_graph_only"]
    assert finding.message.startswith("The file holds 2 graphs; the first alone was mended")


def test_a_tensor_number_beyond_the_tensors_is_a_damaged_file(tmp_path: Path) -> None:
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(bytearray(builders.float_io_net())))
    model.subgraphs[0].operators[1].intermediates = [999]
    packer = flatbuffers.Builder(4096)
    packer.Finish(model.Pack(packer), b"TFL3")
    with pytest.raises(ModelFileError, match="refers to a tensor beyond"):
        edgewb.fix(written(tmp_path, bytes(packer.Output())), skip=["batch"])


# The command.


def test_the_command_gives_json_text_and_its_status(tflite_file: Files, capsys: pytest.CaptureFixture[str]) -> None:
    source = str(tflite_file("float_io"))
    assert main(["fix", source, "--json"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    got = json.loads(out)
    assert set(got) >= {"file", "sha256", "out", "mends", "refused", "conversions", "before", "after", "verification", "findings"}
    assert got["after"]["basis"] == "predicted"
    assert got["verification"]["identical"] is True
    assert main(["fix", source]) == 0
    text = capsys.readouterr().out
    assert "input 0: give int8, clip(round(real / 0.05" in text
    assert "verified identical outputs" in text
    assert "n = 32 random inputs (measured, builtin kernels)" in text
    assert "1 of 3 -> 1 of 1 ops on the Edge TPU (predicted)" in text
    assert main(["fix", source, "--skip", "float_io"]) == 1
    assert "nothing mended, nothing written; 1 of 3 ops on the Edge TPU (predicted)" in capsys.readouterr().out
    assert main(["fix", source, "--skip", "all"]) == 2
    assert "unknown mend 'all'" in capsys.readouterr().err


def test_no_name_in_the_file_reaches_the_terminal_raw(tmp_path: Path) -> None:
    b = Builder()
    source = b.tensor("\x1b[2Jx", (1, 4), "FLOAT32")
    assert "\x1b" not in str(edgewb.fix(written(tmp_path, b.build([source], [b.same("RELU", source)]))))


# Properties.


@st.composite
def chains(draw: st.DrawFn) -> bytes:
    """Small nets with sound ops and things to mend in any order."""
    b = Builder()
    real = draw(st.booleans())
    free = draw(st.booleans())
    source = x = b.tensor("image", (1, 4, 4, 2), "FLOAT32" if real else "INT8", signature=(-1, 4, 4, 2) if free else None)
    if real:
        x = b.tensor("start", (1, 4, 4, 2), signature=(-1, 4, 4, 2) if free else None)
        b.op("QUANTIZE", [source], [x], 1, "QuantizeOptions")
    for step in draw(st.lists(st.sampled_from(("conv", "relu", "add", "there and back", "elsewhere", "copy", "dead", "up")), max_size=6)):
        shape = b.shape_of(x)
        number = len(b.graph.operators)
        if step == "conv":
            x = b.conv(x, draw(st.integers(1, 4)), version=draw(st.sampled_from((3, 3, 5))))
        elif step == "relu":
            x = b.same("RELU", x, 2)
        elif step == "add":
            x = b.add(x, x)
        elif step == "dead":
            b.same("RELU", x, 2)
        elif step == "copy":
            result = b.tensor(f"copy{number}", shape)
            b.op("RESHAPE", [x, b.constant(f"to{number}", np.array(shape, np.int32), scale=None)], [result], 1, "ReshapeOptions")
            x = result if b.graph.tensors[x].quantization.scale == b.graph.tensors[result].quantization.scale else x
        elif step == "up":
            result = b.tensor(f"up{number}", shape, zero_point=draw(st.sampled_from((-128, 0))), scale=draw(st.sampled_from((0.01, 0.05))))
            to = b.constant(f"to{number}", np.array(shape, np.int32), scale=None)
            w = b.constant(f"w{number}", np.random.default_rng(number).integers(-127, 128, (shape[3], 3, 3, shape[3])).astype(np.int8))
            kind = ACTIVATION[draw(st.sampled_from(("NONE", "RELU", "RELU6")))]
            b.op(
                "TRANSPOSE_CONV", [to, w, x], [result], 4, "TransposeConvOptions",
                padding=PADDING["SAME"], strideW=1, strideH=1, fusedActivationFunction=kind,
            )  # fmt: skip
            x = result
        else:
            middle = b.tensor(f"float{number}", shape, "FLOAT32")
            same = step == "there and back"
            old = b.graph.tensors[x].quantization
            scale = old.scale[0] if same else draw(st.sampled_from((0.025, 0.1, 0.037, 0.05)))
            result = b.tensor(
                f"again{number}", shape, scale=float(scale), zero_point=old.zeroPoint[0] if same else draw(st.integers(-5, 5))
            )
            b.op("DEQUANTIZE", [x], [middle], 2, "DequantizeOptions")
            b.op("QUANTIZE", [middle], [result], 1, "QuantizeOptions")
            x = result
    if draw(st.booleans()):
        result = b.tensor("result", b.shape_of(x), "FLOAT32")
        b.op("DEQUANTIZE", [x], [result], 2, "DequantizeOptions")
        x = result
    b.signature("serving_default", {"image": source}, {"result": x})
    return b.build([source], [x])


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(content=chains())
def test_whatever_is_mended_computes_the_same_and_needs_no_second_mend(content: bytes, tmp_path: Path) -> None:
    if not read_graph(content).ops:
        return
    source = written(tmp_path, content)
    mended = edgewb.fix(source)
    assert mended.after.ops_edgetpu >= mended.before.ops_edgetpu - sum(len(mend.ops) for mend in mended.mends)
    if mended.out is None:
        return
    same_results(source, Path(mended.out))
    assert edgewb.inspect(mended.out).ops_total == mended.after.ops_total
    again = edgewb.fix(mended.out)
    assert again.out is None, again


def test_real_models_are_mended_identically_or_left_with_a_reason(shared: Path, tmp_path: Path) -> None:
    fixed = 0
    for source in sorted((shared / "oracle" / "models").glob("*/source.tflite")):
        if source.stat().st_size > 1_000_000 or "N320" in source.parent.name:
            continue  # the larger ones take half a minute in all: run by hand
        mended = edgewb.fix(source, out=tmp_path / "out.tflite")
        assert all(entry.why for entry in mended.refused)
        if mended.out is not None:
            fixed += 1
            assert mended.verification is not None
            assert mended.verification.identical
            same_results(source, Path(mended.out), runs=2)
    assert fixed


# With the real converter.

CONVERT = """
import sys
import numpy as np, tensorflow as tf, tf_keras as keras
L = keras.layers
keras.utils.set_random_seed(3)
image = keras.Input((16, 16, 3))
x = L.Conv2D(8, 3, padding="same", activation="relu")(image)
if sys.argv[1] == "transposed":
    x = L.Conv2DTranspose(4, 3, strides=2, padding="same", use_bias=False)(x)
    x = L.ReLU()(L.BatchNormalization()(x))
else:
    x = L.Reshape((8, 8, 32))(x)
x = L.Conv2D(3, 1)(x)
net = keras.Model(image, x)
converter = tf.lite.TFLiteConverter.from_keras_model(net)
converter.optimizations = [tf.lite.Optimize.DEFAULT]
rng = np.random.default_rng(0)
converter.representative_dataset = lambda: ([rng.random((1, 16, 16, 3)).astype(np.float32)] for _ in range(8))
converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
open(sys.argv[2], "wb").write(converter.convert())
"""


@pytest.mark.training
@pytest.mark.parametrize(
    ("net", "mends", "before", "after"),
    [("transposed", ["batch", "float_io", "versions"], (0, 8), (3, 3)), ("reshaped", ["batch", "float_io"], (1, 8), (3, 3))],
)
def test_what_the_converter_writes_by_default_maps_after_it(
    net: str, mends: list[str], before: tuple[int, int], after: tuple[int, int], tmp_path: Path
) -> None:
    source = tmp_path / "converted.tflite"
    done = subprocess.run([sys.executable, "-c", CONVERT, net, str(source)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    mended = edgewb.fix(source)
    assert ids(mended) == mends
    assert (mended.before.ops_edgetpu, mended.before.ops_total) == before
    assert (mended.after.ops_edgetpu, mended.after.ops_total) == after
    assert mended.out is not None
    same_results(source, Path(mended.out))


@pytest.mark.parametrize("name", ["float_io", "dynamic_batch", "int8_conv", "compiled", "computed_sizes"])
def test_what_is_mended_without_a_run_is_what_a_run_verifies(name: str, tflite_bytes: Callable[[str], bytes]) -> None:
    content = computed_sizes_net() if name == "computed_sizes" else tflite_bytes(name)
    if name == "compiled":
        with pytest.raises(ModelFileError, match="'net' is compiled for the Edge TPU"):
            mend_bytes(content, "net", run=False)
        return
    unverified, mended = mend_bytes(content, "net", run=False)
    verified, same = mend_bytes(content, "net", run=True)
    assert unverified.verification is None
    assert unverified.out is verified.out is None
    assert (unverified.mends, mended) == (verified.mends, same)


def test_without_a_run_nothing_is_run_and_what_needs_one_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_process(*_arguments: object, **_options: object) -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr(subprocess, "Popen", no_process)
    assert "batch" in ids(mend_bytes(computed_sizes_net(), "net", run=False)[0])
    for content, needs_a_run in ((computed_sizes_net(unwritten=True), "batch"), (requantising_net(0.05, 0.025), "stray")):
        mended, _ = mend_bytes(content, "net", run=False)
        assert needs_a_run not in ids(mended)
        assert [refused.id for refused in mended.refused if "not done here" in refused.why] == [needs_a_run]
    nothing, same = mend_bytes(builders.int8_conv_net(), "net", run=False)
    assert same == builders.int8_conv_net()
    assert "nothing mended" in str(nothing)
    text = str(mend_bytes(builders.float_io_net(), "net", run=False)[0])
    assert "verified not at all: neither file was run" in text
    assert "written" not in text
