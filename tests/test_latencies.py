"""Latency as a sample, on kilobyte models."""

import hashlib
import json
import math
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest
from builders import Builder
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewb.environments import environment
from edgewb.errors import InputError, ModelFileError
from edgewb.measurements import measure, predict, summarise_latency
from edgewb.types import Basis, Latency

Files = Callable[[str], Path]


class TestLatency:
    @given(st.lists(st.floats(0, 1e6), min_size=1, max_size=100))
    @settings(deadline=None)
    def test_a_summary_lies_within_its_sample(self, samples: list[float]) -> None:
        found = summarise_latency(samples)
        assert min(samples) <= found.p50 <= found.p90 <= found.p99 <= max(samples)
        assert min(samples) * (1 - 1e-9) <= found.mean <= max(samples) * (1 + 1e-9)
        assert found.stdev >= 0

    def test_known_values(self) -> None:
        found = summarise_latency(list(range(1, 102)))
        assert (found.p50, found.p90, found.p99, found.mean) == (51, 91, 100, 51)
        assert found.stdev == pytest.approx(math.sqrt(101 * 102 / 12))
        assert summarise_latency([3.0]).stdev == 0

    @pytest.mark.parametrize("bad", [[], [-1.0], [math.nan], [[1.0]]])
    def test_samples_that_are_no_times(self, bad: list[float]) -> None:
        with pytest.raises(InputError, match="latency samples"):
            summarise_latency(bad)

    def test_a_measurement_is_the_json_of_the_interface(self, tflite_file: Files) -> None:
        path = tflite_file("int8_conv")
        found = measure(path, runs=30, warmup_runs=3)
        told = json.loads(json.dumps(found.to_dict()))
        wanted = {"basis", "target", "environment", "runs", "warmup_runs", "first_ms", "latency_ms", "samples_ms", "drift"}
        assert wanted <= set(told)
        assert set(told["latency_ms"]) == {"p50", "p90", "p99", "mean", "stdev"}
        assert (told["basis"], told["target"], told["runs"], told["warmup_runs"]) == ("measured", "cpu", 30, 3)
        assert (told["threads"], told["kernels"], told["file"]) == (1, "xnnpack", "int8_conv.tflite")
        assert told["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
        assert told["environment"] == environment().to_dict()
        assert len(told["samples_ms"]) == 30
        assert all(0 < sample < 1000 for sample in told["samples_ms"])
        assert told["first_ms"] > 0
        assert found.latency_ms == summarise_latency(found.samples_ms)

    def test_drift_compares_the_first_and_the_last_third(self, tflite_file: Files) -> None:
        found = measure(tflite_file("int8_conv"), runs=31)
        first, last = np.median(found.samples_ms[:10]), np.median(found.samples_ms[-10:])
        assert found.drift.to_dict() == {
            "first_third_median_ms": first,
            "last_third_median_ms": last,
            "ratio": pytest.approx(last / first),
            "n_per_third": 10,
            "changes": None,
            "sensitivity": None,
        }
        short = measure(tflite_file("int8_conv"), runs=2)
        assert (short.drift.ratio, short.drift.n_per_third) == (None, 0)

    def test_as_a_record_keeps_it(self, tflite_file: Files) -> None:
        found = measure(tflite_file("float"), runs=5, kernels="builtin").to_latency()
        assert (found.n, len(found.samples_ms), found.kernels, found.basis) == (5, 5, "builtin", Basis.MEASURED)
        assert msgspec.convert(json.loads(json.dumps(found.to_dict())), Latency) == found

    def test_time_ends_a_sample_but_not_below_twenty(self, tflite_file: Files) -> None:
        found = measure(tflite_file("int8_conv"), runs=1_000_000, warmup_runs=1_000_000, seconds=0.05)
        assert 20 <= found.runs == len(found.samples_ms) < 1_000_000
        assert found.warmup_runs < 1_000_000
        assert measure(tflite_file("int8_conv"), runs=100, seconds=1e-9).runs == 20
        assert measure(tflite_file("int8_conv"), runs=3, seconds=1e-9).runs == 3

    @pytest.mark.parametrize(
        "options",
        [
            {"runs": 0},
            {"runs": -5},
            {"runs": 2.5},
            {"runs": 10**7},
            {"warmup_runs": -1},
            {"seconds": 0},
            {"seconds": math.nan},
            {"threads": 0},
        ],
    )
    def test_values_out_of_range(self, tflite_file: Files, options: dict[str, float]) -> None:
        with pytest.raises(InputError, match=next(iter(options))):
            measure(tflite_file("int8_conv"), **options)

    def test_every_runnable_model_can_be_measured(self, tflite_file: Files) -> None:
        for name in ("int8_conv", "per_channel", "dynamic_batch", "float", "float_io", "leaky_branches", "signature"):
            assert measure(tflite_file(name), runs=3, warmup_runs=0).runs == 3

    def test_bad_files(self, tmp_path: Path, tflite_file: Files) -> None:
        with pytest.raises(ModelFileError, match="no such file"):
            measure(tmp_path / "missing.tflite")
        with pytest.raises(ModelFileError, match="compiled for the Edge TPU"):
            measure(tflite_file("compiled"))

    def test_several_inputs_and_an_index_input(self, tmp_path: Path) -> None:
        builder = Builder()
        table = builder.constant("table", np.arange(12, dtype=np.float32).reshape(4, 3), scale=None)
        index = builder.tensor("index", (1,), "INT32")
        row = builder.tensor("row", (1, 3), "FLOAT32")
        builder.op("GATHER", [table, index], [row], 1, "GatherOptions", axis=0)
        other = builder.tensor("other", (1, 3), "FLOAT32")
        result = builder.tensor("sum", (1, 3), "FLOAT32")
        builder.op("ADD", [row, other], [result], 1, "AddOptions")
        path = tmp_path / "two.tflite"
        path.write_bytes(builder.build([index, other], [result]))
        assert measure(path, runs=3).runs == 3
        with pytest.raises(InputError, match="2 inputs and 1 outputs"):
            predict(path, np.zeros((1, 3)))
