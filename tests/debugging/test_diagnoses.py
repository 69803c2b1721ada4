"""The whole of ``debug_model``: what it refuses, what it says of a float .tflite with its int8 file, and its three forms."""

import json

import builders
import damages
import made_regressions
import numpy as np
import pytest
import quantisers

import edgewb
from edgewb.debugging import ladders
from edgewb.debugging.diagnoses import _file_findings
from edgewb.debugging.ladders import climb, smallest_fall
from edgewb.debugging.layer_errors import Runner
from edgewb.debugging.processes import analyse
from edgewb.debugging.reports import layer_info
from edgewb.debugging.results import Diagnosis
from edgewb.errors import InputError, ModelFileError, StorageError
from edgewb.intervals import tango_interval
from edgewb.tflite.rewriter import pack, unpack

VALIDATION = quantisers.data(16, 2)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A float net, its int8 file, one with damaged weights, and data that the float net answers right."""
    folder = tmp_path_factory.mktemp("debug")
    content = quantisers.float_net(1)
    calibration = quantisers.data(300, 1)
    x = quantisers.data(900, 5)
    (outputs,) = Runner(content).run([x])
    y = outputs.argmax(axis=1)
    assert np.bincount(y, minlength=quantisers.CLASSES).min() > 20
    contents = {
        "float.tflite": content,
        "int8.tflite": quantisers.quantise(content, calibration),
        "damaged.tflite": damages.weights(content, calibration, np.random.default_rng(3), quantisers.quantise)[1],
        "other.tflite": quantisers.quantise(quantisers.float_net(2), calibration),
        "elsewhere.tflite": builders.ALL["int8_conv"](),
        "compiled.tflite": builders.ALL["compiled"](),
    }
    for name, content_of in contents.items():
        (folder / name).write_bytes(content_of)
    np.savez(folder / "data.npz", x=(255 * x).astype(np.uint8), y=y.astype(np.int64))
    np.save(folder / "calibration.npy", calibration)
    np.savez(folder / "nothing.npz", z=calibration)
    return {path.name: str(path) for path in folder.iterdir()}


def test_a_layer_that_gives_only_zeros_is_named_and_is_no_fault_of_the_calibration() -> None:
    content = quantisers.float_net(1)
    graph = _graph(content)
    model = unpack(content, graph)
    bias = graph.tensors[graph.ops[1].inputs[2]]
    model.buffers[model.subgraphs[0].tensors[bias.index].buffer].data = np.full(bias.shape, -1000, np.float32).view(np.uint8)
    dead = pack(model, content)
    layers, _ = analyse(dead, quantisers.quantise(dead, quantisers.data(300, 1)), VALIDATION)
    assert [layer.label for layer in layers if layer.cause == "dead"] == ["1 CONV_2D"]
    (finding,) = _file_findings(layers)
    assert finding.id == "net.dead"
    assert finding.message.startswith("1 CONV_2D (layer1): it gives 0 for all of 16 examples, in the float net as well: it is dead")
    assert finding.fix.startswith("mend the float net, not its conversion")
    alive, _ = analyse(content, quantisers.quantise(content, quantisers.data(300, 1)), VALIDATION)
    assert _file_findings(alive) == ()


def test_the_ladder_names_the_first_rung_that_falls(tmp_path) -> None:
    content = quantisers.float_net(1)
    calibration, x = quantisers.data(300, 1), quantisers.data(200, 6)
    float_file, int8_file = tmp_path / "float.tflite", tmp_path / "int8.tflite"
    float_file.write_bytes(content)
    int8_file.write_bytes(quantisers.quantise(content, calibration, {op.outputs[0]: 0.02 for op in _graph(content).ops[:1]}))
    y = edgewb.measurements.predict(float_file, x).argmax(axis=1)
    rungs = climb(x, y, "given as a .tflite", float_file, int8_file, "no Edge TPU here")
    assert [rung.name for rung in rungs] == [ladders.KERAS, ladders.FLOAT, ladders.BUILTIN, ladders.XNNPACK, ladders.EDGETPU]
    assert [rung.falls for rung in rungs] == [False, False, True, False, False]
    assert rungs[0].skipped == "given as a .tflite"
    assert rungs[1].accuracy.correct == 200
    assert rungs[1].delta is None
    assert rungs[2].delta.against == ladders.FLOAT
    assert rungs[3].delta.against == ladders.BUILTIN
    assert rungs[4].skipped == "no Edge TPU here"


def _graph(content: bytes):
    from edgewb.tflite.reader import read_graph

    return read_graph(content)


@pytest.mark.parametrize("n", [10, 50, 200, 1000])
def test_the_smallest_fall_is_just_visible(n: int) -> None:
    lost = round(smallest_fall(n) * n / 100)
    assert tango_interval(0, lost, n)[1] < 0
    assert tango_interval(0, lost - 1, n)[1] >= 0


def test_a_child_brings_the_layers_back_whole() -> None:
    content = quantisers.float_net(0)
    layers, unmatched = analyse(content, quantisers.quantise(content, quantisers.data(50, 1)), VALIDATION)
    assert unmatched == ()
    assert {layer.op for layer in layers} == {-1, *range(10)}
    levels = [layer.output_sqnr_db for layer in layers if layer.output_sqnr_db is not None]
    assert levels == sorted(levels)
    assert layers[0].n == len(VALIDATION)
    with pytest.raises(InputError, match="another model"):
        analyse(content, builders.ALL["int8_conv"](), VALIDATION)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("float.tflite", "--int8", "compiled.tflite"), "compiled for the Edge TPU"),
        (("float.tflite", "--int8", "float.tflite"), "not quantised throughout"),
        (("float.tflite", "--int8", "data.npz"), "not a .tflite"),
        (("float.tflite", "--recipe", "qat_int8"), "take a ptq recipe"),
        (("float.tflite", "--recipe", "float16"), "makes no int8 file"),
        (("float.tflite", "--recipe", "prune50_ptq_int8"), "cannot be"),
        (("float.tflite", "--calibration", "nothing.npz"), "holds no array 'x'"),
        (("float.tflite", "--calibration", "float.tflite"), "no numpy file"),
        (("float.tflite", "--calibration", "missing.npy"), "No such file"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_line(files, arguments, said, capsys) -> None:
    from edgewb.cli import main

    status = main(["debug", *(files.get(argument, argument) for argument in arguments), "--dataset", files["data.npz"]])
    printed = capsys.readouterr()
    assert status == 2
    assert said in printed.err
    assert printed.err.count("\n") == 1


@pytest.mark.training
def test_a_damaged_file_is_named_and_an_undamaged_one_is_not(files, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("EDGEWB_HOME", str(tmp_path))
    good = edgewb.debug_model(files["float.tflite"], files["data.npz"], files["int8.tflite"], calibration=files["calibration.npy"])
    assert isinstance(good, Diagnosis)
    assert good.culprit is None
    assert good.first_fall is None
    assert {rung.name for rung in good.rungs if rung.skipped is None} == {ladders.FLOAT, ladders.BUILTIN, ladders.XNNPACK}
    assert not [finding for finding in good.findings if finding.severity == "error"]
    assert json.loads(json.dumps(good.to_dict()))["verdict"].startswith("None")

    bad = edgewb.debug_model(files["float.tflite"], files["data.npz"], files["damaged.tflite"])
    assert bad.culprit is not None
    assert bad.culprit.cause == "weights"
    assert "file.weights" in {finding.id for finding in bad.findings}
    assert "calibration.unknown" in {finding.id for finding in bad.findings}
    assert bad.culprit.label in repr(bad)
    assert bad.culprit.label in bad._repr_html_()
    info = layer_info(bad)
    assert [row["label"] for row in info["layers"]] == [layer.label for layer in sorted(bad.layers, key=lambda layer: layer.op)]

    other = edgewb.debug_model(files["float.tflite"], files["data.npz"], files["other.tflite"])
    assert other.culprit is None
    assert next(finding.id for finding in other.findings) == "file.other_weights"
    with pytest.raises(InputError, match="another model"):
        edgewb.debug_model(files["float.tflite"], files["data.npz"], files["elsewhere.tflite"])


def test_a_home_that_cannot_be_written_is_said_before_anything_is_made(files, tmp_path, monkeypatch) -> None:
    (tmp_path / "in_the_way").write_text("")
    monkeypatch.setenv("EDGEWB_HOME", str(tmp_path / "in_the_way" / "home"))
    with pytest.raises(StorageError, match="cannot make the folder"):
        edgewb.debug_model("table_mlp", "breast_cancer", fast=True)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_calibration_data_that_are_no_numbers_are_refused_as_such_and_first(value, tmp_path) -> None:
    broken = np.full((50, 8, 8, 2), value)
    np.save(tmp_path / "broken.npy", broken)
    for given in (broken, tmp_path / "broken.npy"):
        with pytest.raises(InputError, match="the calibration data hold values that are NaN or infinite: leave these examples out"):
            edgewb.debug_model("table_mlp", tmp_path / "no such data", calibration=given)


@pytest.mark.parametrize(
    ("given", "said"),
    [([["a"]], "not an array of numbers"), ([[1.0], [1.0, 2.0]], "not an array of numbers"), ([1e300], "NaN or infinite")],
)
def test_calibration_data_that_are_no_array_of_numbers_are_refused(given, said, tmp_path) -> None:
    with pytest.raises(InputError, match=said):
        edgewb.debug_model("table_mlp", tmp_path / "no such data", calibration=given)


@pytest.mark.training
def test_wrong_calibration_is_seen_in_the_file_and_in_the_data(files, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("EDGEWB_HOME", str(tmp_path))
    found = edgewb.debug_model(files["float.tflite"], files["data.npz"], calibration=255 * quantisers.data(50, 1))
    assert {"calibration.range", "ranges.wide"} <= {finding.id for finding in found.findings}
    assert found.culprit is not None
    assert found.culprit.cause == "wide"
    assert "it is the calibration, not this layer alone" in found.verdict


def test_a_model_that_is_not_there_is_refused() -> None:
    with pytest.raises(ModelFileError, match="no such model"):
        edgewb.debug_model("missing.keras", "digits")


class TestRegression:
    """Of a regression the ladder goes by R2, and no answer flips."""

    @pytest.fixture
    def made(self, tmp_path):
        data, raw, _ = made_regressions.made(tmp_path)
        int8 = tmp_path / "int8.tflite"
        int8.write_bytes(quantisers.quantise(raw.read_bytes(), data.calibration.x))
        return data, raw, int8

    @pytest.mark.training
    def test_an_undamaged_one_has_no_culprit(self, made, tmp_path):
        found = edgewb.debug_model(made[1], tmp_path / "rows.npz", made[2])
        assert found.culprit is None
        assert found.first_fall is None
        assert found.smallest_fall_points is None
        ran = [rung for rung in found.rungs if rung.skipped is None]
        assert [rung.accuracy for rung in ran] == [None] * len(ran)
        assert all(rung.errors.r2 > 0.8 for rung in ran)
        assert [rung.error_delta is None for rung in ran] == [True, *([False] * (len(ran) - 1))]
        assert [layer.flips for layer in found.layers] == [None] * len(found.layers)
        text = repr(found)
        assert "R2" in text
        assert "MAE" in text
        assert "points of R2" in text
        assert "answers" not in text
        assert "right" not in text
        assert json.loads(json.dumps(found.to_dict()))["rungs"][1]["errors"]["n"] == found.n

    @pytest.mark.training
    def test_a_clipped_output_is_found(self, made, tmp_path):
        content, data = made[1].read_bytes(), made[0]
        clipped = tmp_path / "clipped.tflite"
        clipped.write_bytes(quantisers.quantise(content, data.calibration.x, {op.outputs[0]: 0.2 for op in _graph(content).ops}))
        found = edgewb.debug_model(made[1], tmp_path / "rows.npz", clipped)
        assert found.culprit is not None
        assert found.culprit.kind == "FULLY_CONNECTED"
        assert found.first_fall == ladders.BUILTIN
        assert "R2 falls here" in repr(found)
        assert "% of" not in found.verdict.split(";")[0]

    def test_rounding_of_float_sums_is_no_fall(self, made):
        data, raw, _ = made
        y = data.validation.y
        outputs = edgewb.measurements.predict(raw, data.validation.x)
        sure = outputs + 1e-4 * (outputs - y[:, None].astype(np.float32))  # worse in every example, by next to nothing
        rungs = climb(data.validation.x, y, lambda: 2 * outputs - sure, raw, raw, "no Edge TPU here", (0.0, 1.0))
        assert rungs[1].error_delta.ci95[1] < 0
        assert not rungs[1].falls

    @pytest.mark.training
    def test_calibration_data_of_another_place(self, made, tmp_path):
        data = made[0]
        elsewhere = data.train.x + np.array([1.5, -1.5, 1.5, 0, 0, 0], np.float32)
        np.save(tmp_path / "elsewhere.npy", elsewhere)
        found = edgewb.debug_model(made[1], tmp_path / "rows.npz", made[2], calibration=tmp_path / "elsewhere.npy")
        assert "calibration.shift" in [finding.id for finding in found.findings]
        assert "calibration.classes" not in [finding.id for finding in found.findings]
