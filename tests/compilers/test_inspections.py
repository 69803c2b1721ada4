"""``inspect``: the JSON, the text, the notebook view, the findings, and bad input."""

import dataclasses
import hashlib
import json

import builders
import pytest

from edgewb.compilers.inspections import inspect, share_cache
from edgewb.errors import InputError, ModelFileError

KEYS = {
    "file", "sha256", "kind", "basis", "compiler", "ops", "ops_total", "ops_edgetpu", "ops_cpu", "ops_unknown", "subgraphs",
    "first_blocker", "parameter_bytes", "on_chip_bytes", "off_chip_bytes", "streamed_const_bytes", "findings", "executables",
    "compiler_log_parameter_bytes", "macs_total", "macs_edgetpu", "largest_activation_bytes", "assumed_fixed", "shared_cache", "against",
}  # fmt: skip
OP_KEYS = {"refuses_file", "index", "op", "version", "placement", "reason", "detail", "parameter_bytes", "memory", "macs"}


def ids(inspection) -> set[str]:
    return {finding.id for finding in inspection.findings}


@pytest.mark.parametrize("name", builders.ALL)
def test_json_has_every_key_and_only_plain_values(name, tflite_file):
    path = tflite_file(name)
    given = inspect(path).to_dict()
    result = json.loads(json.dumps(given, allow_nan=False))
    assert result == given
    assert set(result) == KEYS | {"inputs", "outputs"}
    assert all(set(op) == OP_KEYS for op in result["ops"])
    assert result["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert result["file"] == str(path)
    assert (result["executables"] != []) == (name == "compiled")
    for finding in result["findings"]:
        assert set(finding) == {"id", "severity", "message", "fix", "fixes", "references"}
        assert finding["fix"]


def test_a_source_model(tflite_file):
    result = inspect(tflite_file("leaky_branches")).to_dict()
    assert (result["kind"], result["basis"], result["compiler"], result["subgraphs"]) == ("source", "predicted", "16.0", 1)
    assert (result["ops_total"], result["ops_edgetpu"], result["ops_cpu"], result["ops_unknown"]) == (6, 2, 4, 0)
    assert result["first_blocker"] == {
        "index": 1,
        "op": "LEAKY_RELU",
        "reason": "unsupported_op",
        "detail": "LEAKY_RELU is not among the ops the Edge TPU supports",
        "ops_gained_if_fixed": 4,
    }
    assert result["inputs"] == [
        {"name": "image", "shape": [1, 8, 8, 3], "dtype": "int8", "scale": pytest.approx(0.05), "zero_point": 0},
    ]


def test_two_models_share_the_cache(tflite_file):
    alone = inspect(tflite_file("leaky_branches"))
    assert alone.shared_cache is None
    both = inspect(tflite_file("leaky_branches"), together_with=[tflite_file("int8_conv")])
    other = inspect(tflite_file("int8_conv"))
    assert both.shared_cache.parameter_bytes == alone.parameter_bytes + other.parameter_bytes
    assert both.shared_cache.least_streamed_bytes == 0
    assert "2 models" in str(both)
    assert "they fit (predicted)" in str(both)
    big = dataclasses.replace(alone, parameter_bytes=8_000_000)
    assert share_cache([big, big]).least_streamed_bytes == 16_000_000 - 8_126_464
    with pytest.raises(ModelFileError, match="no such file"):
        inspect(tflite_file("int8_conv"), together_with=["missing.tflite"])


def test_a_compiled_model(tflite_file):
    inspection = inspect(tflite_file("compiled"))
    result = inspection.to_dict()
    assert (result["kind"], result["basis"], result["compiler"], result["subgraphs"]) == ("compiled", "compiled", None, 1)
    assert [result[k] for k in ("ops_total", "ops_edgetpu", "ops_cpu", "ops_unknown", "first_blocker")] == [None] * 5
    assert [(op["op"], op["placement"]) for op in result["ops"]] == [("edgetpu-custom-op", "edgetpu"), ("DEQUANTIZE", "cpu")]
    assert "needs_edgetpu_delegate" in ids(inspection)
    assert "1 op(s) left on the CPU" in str(inspection)


def test_findings(tflite_file):
    assert ids(inspect(tflite_file("int8_conv"))) == set()
    assert ids(inspect(tflite_file("dynamic_batch"))) == {"dynamic_batch"}
    assert ids(inspect(tflite_file("float"))) == {"float_model"}
    assert ids(inspect(tflite_file("float_io"))) == {"float_input", "float_output"}
    assert ids(inspect(tflite_file("leaky_branches"))) == {"cut_short", "unsupported_op"}
    float_model = inspect(tflite_file("float"))
    assert (float_model.subgraphs, float_model.findings[0].severity) == (0, "error")


def test_versions_too_new(tmp_path):
    b = builders.Builder()
    source = b.tensor("x", (1, 4, 4, 3))
    y = b.tensor("y", (1, 4, 4, 3))
    b.op("QUANTIZE", [b.conv(source, 3, version=5)], [y], 3, "QuantizeOptions")
    path = tmp_path / "new.tflite"
    path.write_bytes(b.build([source], [y]))
    inspection = inspect(path)
    assert "op_version_too_new" in ids(inspection)
    assert inspection.ops_edgetpu == 0
    b.model.operatorCodes[1].version = 1
    path.write_bytes(b.build([source], [y]))
    inspection = inspect(path)
    assert ids(inspection) == {"op_version_never_seen", "never_observed", "stray_quantize"}
    assert inspection.ops_unknown == 2
    # Grouped convolutions are version 6, which the TensorFlow Lite in the compiler cannot read.
    b.model.operatorCodes[0].version = 6
    path.write_bytes(b.build([source], [y]))
    refused = inspect(path)
    assert "op_version_too_new" in ids(refused)
    assert "up to version 5" in refused.ops[0].detail


def test_text_report(tflite_file):
    text = str(inspect(tflite_file("leaky_branches")))
    assert "2 of 6 on the Edge TPU (33.3 %), 4 on the CPU, 0 unknown" in text
    assert "mend it and 2 -> 6 ops map" in text
    rows = [line.split() for line in text.splitlines() if line.strip()[:1].isdigit()]
    assert [row[0] for row in rows] == list("012345")
    assert rows[1][1:5] == ["LEAKY_RELU", "2", "CPU", "unsupported_op"]
    assert "predicted for compiler 16.0" in text


def test_names_from_the_file_cannot_inject_markup_or_lines(tmp_path):
    b = builders.Builder()
    source = b.tensor("<script>alert(1)</script>\nops  9 of 9", (1, 4, 4, 3))
    x = b.same("<img src=x onerror=alert(2)>\x1b[31m", source)
    path = tmp_path / "evil.tflite"
    path.write_bytes(b.build([source], [x]))
    inspection = inspect(path)
    page = inspection._repr_html_()
    assert "<script>" not in page
    assert "<img" not in page
    assert "&lt;script&gt;" in page
    assert "\x1b" not in str(inspection)
    assert not any(line.startswith("ops  9") for line in str(inspection).splitlines())


def test_bad_input(tmp_path, tflite_file):
    with pytest.raises(ModelFileError, match="no such file"):
        inspect(tmp_path / "none.tflite")
    path = tflite_file("int8_conv")
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ModelFileError, match=r"int8_conv\.tflite' is truncated or corrupted"):
        inspect(path)
    with pytest.raises(InputError, match=r"compiler generation .* is not known: take one of 1\.0"):
        inspect(tflite_file("float"), compiler="17.0")


def test_a_scale_that_is_no_number_is_shown_as_none(tmp_path):
    b = builders.Builder()
    source = b.tensor("x", (1, 4), scale=float("nan"))
    path = tmp_path / "nan.tflite"
    path.write_bytes(b.build([source], [b.same("RELU", source, 2)]))
    result = inspect(path).to_dict()
    assert result["inputs"][0]["scale"] is None
    json.dumps(result, allow_nan=False)
