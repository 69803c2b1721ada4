"""The package inside a compiled file."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import builders
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewb.compilers.inspections import inspect, inspect_graph
from edgewb.compilers.packages import on_and_off_chip, read_packages
from edgewb.errors import InputError, ModelFileError
from edgewb.tflite.reader import read_graph


def with_options(options: bytes) -> bytes:
    b = builders.Builder()
    source, result = b.tensor("image", (1, 8, 8, 3)), b.tensor("logits", (1, 10))
    b.op("edgetpu-custom-op", [source], [result], custom=options)
    return b.build([source], [result])


def test_everything_is_read(tflite_bytes) -> None:
    running, caching = read_packages(read_graph(tflite_bytes("compiled")))
    assert (running.type, running.parameters_bytes, running.instruction_bytes, running.instruction_chunks) == (
        "EXECUTION_ONLY",
        64,
        5000,
        2,
    )
    assert (running.narrow_memory_bytes_per_tile, running.estimated_cycles, running.min_runtime_version) == (788, 1234, 13)
    assert running.dma_bytes == {"INPUT": 192, "OUTPUT": 16, "PARAMETER": 64, "SCRATCH": 0}
    assert running.dma_complete
    assert running.chip == "beagle"
    (image,), (logits,) = running.inputs, running.outputs
    assert (image.name, image.shape_yxz, image.bytes, image.padded_bytes, image.zero_point) == ("image", (8, 8, 3), 192, 192, 128)
    assert image.scale == pytest.approx(0.05)
    assert (logits.bytes, logits.padded_bytes) == (10, 16)
    assert (caching.type, caching.estimated_cycles, caching.inputs) == ("PARAMETER_CACHING", None, ())
    assert running.caching_token == caching.caching_token == "0000000000000007"
    assert on_and_off_chip((running, caching)) == (640, 64)


def test_inspect_shows_it(tflite_file) -> None:
    inspection = inspect(tflite_file("compiled"))
    assert (inspection.parameter_bytes, inspection.on_chip_bytes, inspection.off_chip_bytes) == (704, 640, 64)
    text = str(inspection)
    assert "13 or later (compiled)" in text
    assert "EXECUTION_ONLY" in text
    assert "EXECUTION_ONLY" in inspection._repr_html_()
    with pytest.raises(InputError, match="nothing can be assumed fixed in a compiled file"):
        inspect(tflite_file("compiled"), assume_fixed=(0,))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (b"", "0 bytes are no flexbuffer"),
        (b"DWN1" + bytes(60), "a flexbuffer of type 0"),
        (builders.package([], identifier=b"XXXX"), "no DWN1"),
    ],
)
def test_no_package(options: bytes, says: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.tflite"
    path.write_bytes(with_options(options))
    with pytest.raises(ModelFileError, match=says) as caught:
        inspect(path)
    assert str(path) in str(caught.value)
    assert "compile the model again" in str(caught.value)


GOOD = builders.package([builders.executable("STAND_ALONE", parameters=bytes(64), instructions=(bytes(64),), dma={"INPUT": 3})])


@settings(max_examples=500, deadline=None)
@given(st.integers(0, len(GOOD) - 1), st.integers(0, 255), st.integers(0, len(GOOD)))
def test_damaged_packages_are_refused_or_read(at: int, value: int, end: int) -> None:
    options = bytearray(GOOD)
    options[at] = value
    for damaged in (bytes(options), bytes(options[end:]), bytes(options[:end])):
        try:
            read_packages(read_graph(with_options(damaged)))
        except ModelFileError as error:
            assert "\n" not in str(error)  # noqa: PT017 - the message is part of the promise


def test_real_compiled_files(shared: Path) -> None:
    """Every field against what an independent reader wrote down of the same files."""
    records = json.loads((shared / "oracle" / "oracle.json").read_text())
    seen = 0
    for record in records:
        path = shared / "oracle" / "models" / record["id"] / "compiled_edgetpu.tflite"
        if not path.is_file():
            continue
        seen += 1
        executables = read_packages(read_graph(path))
        assert len(executables) == len(record["executables"])
        for mine, truth in zip(executables, record["executables"], strict=True):
            assert mine.type == truth["type"]
            assert mine.parameters_bytes == truth["parameters_bytes"]
            assert mine.instruction_bytes == truth["instruction_bytes"]
            assert mine.scratch_bytes == truth["scratch_size_bytes"]
            assert mine.narrow_memory_bytes_per_tile == (truth["used_narrow_memory_bytes_per_tile"] or 0)
            assert mine.estimated_cycles == (truth["estimated_cycles_64bit"] or truth["estimated_cycles"])
            assert mine.min_runtime_version == record["runtime_version"]
            assert mine.dma_bytes == truth["dma_bytes"]
            for layers, wanted in ((mine.inputs, truth["inputs"]), (mine.outputs, truth["outputs"])):
                assert [(x.name, x.bytes, x.padded_bytes, x.type) for x in layers] == [
                    (x["name"], x["bytes"], x["padded_bytes"], x["type"]) for x in wanted
                ]
    assert seen > 40


def refused(raw: bytes, says: str) -> None:
    start = time.process_time()
    with pytest.raises(ModelFileError, match=says):
        inspect_graph(read_graph(raw), "", "")
    assert time.process_time() - start < 2


def test_one_executable_referred_to_again_and_again_is_paid_for_each_time() -> None:
    one = builders.executable("STAND_ALONE", instructions=[b"x"] * 30, dma={"INPUT": 1, "OUTPUT": 1})
    refused(with_options(builders.package([one] * 2_000)), "too often")


def test_the_work_is_shared_by_all_ops_of_a_file() -> None:
    layers = [(f"layer {i}", (1, 1, 1), 1, 0.1, 0) for i in range(40)]
    options = builders.package([builders.executable("STAND_ALONE", inputs=layers) for _ in range(20)])
    b = builders.Builder()
    source = b.tensor("image", (1, 8, 8, 3))
    results = [b.tensor(f"y{i}", (1, 10)) for i in range(100)]
    for result in results:
        b.op("edgetpu-custom-op", [source], [result], custom=options)
    refused(b.build([source], results), "too often")


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"narrow_memory": -9}, "a memory size of -9"),
        ({"cycles": -1}, "a cycle count of -1"),
        ({"dma": {"INPUT": -5}}, "a transfer size of -5"),
        ({"inputs": [("x", (2, 2, -2), 8, 0.1, 0)]}, "a layer size of -2"),
        ({"inputs": [("x", (2, 2, 2), -8, 0.1, 0)]}, "a padded size of -8"),
        ({"inputs": [("x", (2**30, 2**30, 2), 8, 0.1, 0)]}, "a layer of 1073741824 x"),
        ({"inputs": [("x" * 2_000, (1, 1, 1), 8, 0.1, 0)]}, "name of 2000 characters"),
    ],
)
def test_numbers_that_cannot_be_are_refused(fields: dict[str, Any], says: str) -> None:
    refused(with_options(builders.package([builders.executable("STAND_ALONE", **fields)])), says)
