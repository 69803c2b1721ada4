"""Runs for a given time: what is counted, what is kept, what is left when one ends early."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewb.cli import main
from edgewb.cli.parsers import parser
from edgewb.errors import InputError, TargetError
from edgewb.latencies import measure
from edgewb.sampling import random_values
from edgewb.sustained_runs import MOST_KEPT, Tally, sustain
from edgewb.targets import TimesItself
from edgewb.targets.cpu import CpuTarget
from edgewb.timings import summarise_latency
from edgewb.types import Latency

Files = Callable[[str], Path]


class Leaving(CpuTarget):
    """A device that goes away at a call."""

    def __init__(self, calls: int) -> None:
        super().__init__()
        self.left = calls

    def run(self, inputs: Sequence[Any]) -> list[Any]:
        if self.left == 0:
            raise TargetError("the device is gone: plug it in again")
        self.left -= 1
        return super().run(inputs)


class Recorded(CpuTarget):
    """Calls timed elsewhere: a thousand of 2 ms, given out in two parts."""

    def __init__(self) -> None:
        super().__init__()
        self.parts = [[2.0] * 400, [2.0] * 600]
        self.asked: list[int] = []

    def sample(self, inputs: Sequence[Any], wanted: int, least: int, seconds: float) -> list[float]:
        self.asked.append(wanted)
        return self.parts.pop(0) if self.parts else []


def loaded(target: CpuTarget, path: Path) -> tuple[CpuTarget, list[Any]]:
    target.load(path)
    return target, [random_values(spec) for spec in target.inputs]


class TestTally:
    @given(st.lists(st.integers(1, 700), min_size=1, max_size=20), st.integers(10, 200))
    @settings(deadline=None)
    def test_bounded_evenly_thinned_and_in_order(self, sizes: list[int], most: int) -> None:
        tally, total = Tally(), 0
        for size in sizes:
            numbers = np.arange(total + 1, total + size + 1, dtype=float)
            tally = tally.plus(numbers, numbers / 1000, most)
            total += size
        kept = tally.samples_ms
        assert tally.calls == total == tally.bins.sum()
        assert len(kept) <= most
        assert len(kept) == total // tally.every or tally.every > 1
        assert (np.diff(kept) > 0).all()
        assert (tally.ended_s == kept / 1000).all()
        assert (np.diff(kept) < 3 * tally.every).all()  # one of each block, whatever place in it; of an odd number the last is left out
        assert kept[0] <= 2 * tally.every

    def test_percentiles_are_of_all_calls(self) -> None:
        samples = np.random.default_rng(0).gamma(3, 0.5, 300_000)
        samples[::1000] *= 50
        tally = Tally()
        for part in np.array_split(samples, 7):
            tally = tally.plus(part, np.arange(len(part)) / 1.0)
        assert tally.every == 8
        assert MOST_KEPT / 2 < len(tally.samples_ms) <= MOST_KEPT
        found, exact = tally.summary(), summarise_latency(samples)
        for name in ("p50", "p90", "p99"):
            assert getattr(found, name) == pytest.approx(getattr(exact, name), rel=6e-4)
        assert (found.mean, found.stdev) == (pytest.approx(exact.mean), pytest.approx(exact.stdev))
        assert tally.percentiles([0, 100]) == [pytest.approx(samples.min(), rel=6e-4), pytest.approx(samples.max(), rel=6e-4)]

    def test_every_second_call_slow_stays_half_of_those_kept(self) -> None:
        tally = Tally().plus(np.tile([1.0, 2.0], 500_000), np.arange(1e6))
        assert np.mean(tally.samples_ms == 2.0) == pytest.approx(0.5, abs=0.02)
        assert np.mean(tally.samples_ms) == pytest.approx(1.5, abs=0.02)

    def test_few_calls_are_all_kept_and_exact(self) -> None:
        tally = Tally().plus([3.0, 1.0, 2.0], np.array([1.0, 2.0, 3.0]))
        assert tally.samples_ms.tolist() == [3.0, 1.0, 2.0]
        assert tally.summary() == summarise_latency([3.0, 1.0, 2.0])


class TestRuns:
    def test_runs_as_long_as_asked(self, tflite_file: Files) -> None:
        began = time.perf_counter()
        found = measure(tflite_file("int8_conv"), sustain_s=1.5, warmup_runs=5)
        elapsed = time.perf_counter() - began
        run = found.sustained
        assert 1.4 <= run.lasted_s <= elapsed  # by the last call that is kept
        assert found.latency_ms.mean * run.calls / 1000 <= elapsed  # calls are counted once
        assert run.calls == found.runs >= run.kept == len(found.samples_ms) > 0
        assert run.kept <= MOST_KEPT
        assert (run.one_in > 1) == (run.calls > MOST_KEPT)
        assert not run.back_to_back
        assert sum(window.n for window in run.windows) == run.kept
        assert found.failed is None
        assert found.drift.changes is not None
        assert found.jitter.p50_to_p99_ms == pytest.approx(found.latency_ms.p99 - found.latency_ms.p50)

    def test_as_a_record_keeps_it(self, tflite_file: Files) -> None:
        found = measure(tflite_file("int8_conv"), sustain_s=1).to_latency()
        assert found.n == len(found.samples_ms)
        assert found.latency_ms == summarise_latency(found.samples_ms)
        assert msgspec.convert(json.loads(json.dumps(found.to_dict())), Latency) == found

    def test_a_device_that_goes_away_leaves_its_calls(self, tflite_file: Files) -> None:
        target, inputs = loaded(Leaving(5000), tflite_file("int8_conv"))
        run = sustain(target, inputs, 60)
        assert run.tally.calls == 5000
        assert "plug it in" in run.failed
        assert run.sustained.lasted_s < 60
        with pytest.raises(TargetError, match="plug it in"):
            sustain(*loaded(Leaving(0), tflite_file("int8_conv")), 60)

    def test_calls_timed_elsewhere_are_put_back_to_back(self, tflite_file: Files) -> None:
        target, inputs = loaded(Recorded(), tflite_file("int8_conv"))
        assert isinstance(target, TimesItself)
        run = sustain(target, inputs, 60)
        assert run.failed is None
        assert run.sustained.back_to_back
        assert (run.tally.calls, run.sustained.lasted_s) == (1000, pytest.approx(2))
        assert run.tally.ended_s == pytest.approx(np.arange(1, 1001) * 0.002)

    def test_a_slice_asks_for_no_more_than_can_be_set_aside(self, tflite_file: Files) -> None:
        target = Recorded()
        sustain(*loaded(target, tflite_file("int8_conv")), 60)
        assert max(target.asked) * 8 <= 10_000_000  # bytes: the Edge TPU's process maps a file of so many

    def test_recorded_calls_of_no_time(self, tflite_file: Files) -> None:
        target = Recorded()
        target.parts = [[0.0] * 5]
        run = sustain(*loaded(target, tflite_file("int8_conv")), 60)
        assert (run.tally.calls, run.sustained.lasted_s) == (5, 0.0)

    @pytest.mark.parametrize("bad", [0, -1, 0.5, 86_401, float("nan"), float("inf"), True, "60s", None])
    def test_no_time_or_out_of_range(self, tflite_file: Files, bad: Any) -> None:
        if bad is None:
            with pytest.raises(InputError, match="leave out beside"):
                measure(tflite_file("int8_conv"), sustain_s=1, beside=tflite_file("float"))
        else:
            with pytest.raises(InputError, match="60s, 5min or 1h"):
                measure(tflite_file("int8_conv"), sustain_s=bad)


class TestCommandLine:
    @settings(deadline=None)  # the first example imports
    @given(st.sampled_from([("", 1), ("s", 1), ("sec", 1), ("m", 60), ("min", 60), ("h", 3600)]), st.decimals(1, 20, places=2))
    def test_durations(self, unit: tuple[str, int], number: Any) -> None:
        name, seconds = unit
        given_to = parser().parse_args(["measure", "x.tflite", "--sustain", f"{number}{name}"])
        assert given_to.sustain == pytest.approx(float(number) * seconds)

    @settings(deadline=None)
    @given(st.text(max_size=8))
    def test_any_text_is_a_time_or_an_input_error(self, text: str) -> None:
        with contextlib.suppress(InputError):
            assert 1 <= parser().parse_args(["measure", "x.tflite", f"--sustain={text}"]).sustain <= 86_400

    @pytest.mark.parametrize("bad", ["0s", "25h", "1e3", "-5", "60 x", "abc", "٣s"])
    def test_a_bad_duration_is_one_line(self, bad: str, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["measure", "x.tflite", f"--sustain={bad}"]) == 2
        told = capsys.readouterr().err
        assert told.count("\n") == 1
        assert bad in told
        assert "5min" in told

    def test_runs_and_sustain_exclude_each_other(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["measure", "x.tflite", "--sustain", "5s", "--runs", "7"]) == 2
        assert "--runs" in capsys.readouterr().err

    def test_json_holds_a_bounded_run_and_nothing_else(self, tflite_file: Files, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["measure", str(tflite_file("int8_conv")), "--sustain", "1s", "--json"]) == 0
        told, shown = capsys.readouterr()
        found = json.loads(told)
        assert shown == ""
        assert found["basis"] == "measured"
        assert found["runs"] == found["sustained"]["calls"] >= found["sustained"]["kept"] == len(found["samples_ms"])
        assert len(found["samples_ms"]) <= MOST_KEPT
        assert len(told) < 2_000_000

    @pytest.mark.skipif(os.name == "nt", reason="an interrupt is sent with POSIX signals")
    def test_an_interrupted_run_shows_what_it_has(self, tflite_file: Files) -> None:
        command = [sys.executable, "-m", "edgewb.cli", "measure", str(tflite_file("int8_conv")), "--sustain", "60s"]
        # A shell that runs the tests in the background has the interrupt ignored, which a child would inherit.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            started = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        finally:
            signal.signal(signal.SIGINT, before)
        with started as running:
            shown = b""
            while not re.search(rb"[1-9]\d?%", shown):  # the bar: it runs
                byte = os.read(running.stderr.fileno(), 1000)
                assert byte, shown
                shown += byte
            running.send_signal(signal.SIGINT)
            told, rest = running.communicate(timeout=300)
        assert running.returncode == 1
        assert b"Traceback" not in shown + rest
        assert b"stopped by Ctrl-C after" in rest
        assert b"of 60 s" in told
        assert b"p50" in told
