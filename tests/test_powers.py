"""Energy of a call from a meter's readings: windows, intervals, protocols, and a sample that no meter can cost."""

import json
import math
import re
import shlex
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import made_targets
import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewb.cli import main
from edgewb.errors import InputError
from edgewb.intervals import batch_means_interval
from edgewb.latencies import measure
from edgewb.powers import LEAST_READINGS, EnergyPlan, EnergyRun, energy_text, window
from edgewb.types import Basis, Energy, Latency

Files = Callable[[str], Path]


def command(code: str) -> str:
    return f"{shlex.quote(sys.executable)} -S -u -c {shlex.quote(code)}"


class Logger:
    """A logger's file: a row of watts for every ``every`` seconds. It may write late, on a busy computer, but no row is of another time.

    ``watts`` is of a moment of ``time.perf_counter``, which has passed.
    """

    def __init__(self, path: Path, watts: Callable[[float], float], every: float) -> None:
        path.write_text("time,watts\n")
        self._path, self._watts, self._every = path, watts, every
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._write)
        self._thread.start()

    def stop(self) -> None:
        self._done.set()
        self._thread.join()

    def _write(self) -> None:
        start, ahead, n = time.perf_counter(), time.time() - time.perf_counter(), 0
        while not self._done.wait(self._every):
            rows = []
            while (now := start + n * self._every) < time.perf_counter():
                rows.append(f"{now + ahead!r},{self._watts(now)}\n")
                n += 1
            with self._path.open("a") as stream:
                stream.write("".join(rows))


@pytest.fixture
def logged(tmp_path: Path) -> Iterator[Callable[..., str]]:
    """``logged()``: a meter whose readings no load on this computer can thin out, 2.5 W a hundred times a second."""
    loggers: list[Logger] = []

    def start(watts: Callable[[float], float] = lambda _: 2.5, every: float = 0.01) -> str:
        loggers.append(Logger(tmp_path / "watts.csv", watts, every))
        return str(tmp_path / "watts.csv")

    yield start
    for logger in loggers:
        logger.stop()


class TestWindow:
    @settings(deadline=None)
    @given(st.floats(0.01, 1000), st.lists(st.floats(0.5, 1.5), min_size=20, max_size=60), st.booleans())
    def test_of_a_constant_power_is_that_power(self, watts: float, gaps: list[float], means: bool) -> None:
        times = np.cumsum(gaps).tolist()
        mean, (low, high), n = window(times, [watts] * len(times), times[0] + 1e-3, times[-1] - 1e-3, means=means)
        assert mean == pytest.approx(watts)
        assert low == pytest.approx(watts)
        assert high == pytest.approx(watts)
        assert n == len(times) - 2

    def test_readings_that_come_unevenly_weigh_what_they_last(self) -> None:
        # 10 s at 1 W read each second, then 10 s at 3 W read ten times a second: 2 W, not 2.8.
        times = [*range(11), *np.arange(10.001, 20.001, 0.1)]
        watts = [1.0] * 11 + [3.0] * 101
        mean, _, n = window(times, watts, 0, 20)
        assert n == len(times) - 1
        assert mean == pytest.approx(2.0, abs=0.01)
        assert window(times[11:], watts[11:], 10.5, 19)[0] == pytest.approx(3.0)

    @settings(deadline=None)
    @given(st.floats(0, 10), st.floats(-1, 1))
    def test_a_ramp_is_integrated_exactly(self, start: float, slope: float) -> None:
        times = np.linspace(0, 20, 41)
        watts = 30 + start + slope * times
        mean, (low, high), _ = window(times.tolist(), watts.tolist(), 3.3, 15.1)
        assert mean == pytest.approx(30 + start + slope * (3.3 + 15.1) / 2)
        assert low <= mean + 1e-9
        assert mean <= high + 1e-9

    def test_means_since_the_reading_before(self) -> None:
        times, watts = list(range(31)), [99.0] + [1.0] * 10 + [3.0] * 20
        assert window(times, watts, 0, 20, means=True)[0] == pytest.approx(2.0)

    def test_too_few_and_gaps_are_told(self) -> None:
        times = [float(t) for t in range(20)]
        assert "7 reading(s) in 6.5 s" in window(times, [1.0] * 20, 0.0, 6.5)
        assert "no reading for 21.0 of 40.0 s" in window(times, [1.0] * 20, 0.0, 40.0)
        assert "no reading for" in window(times[:8] + [t + 30 for t in times], [1.0] * 28, 0.0, 49.0)
        assert "0 reading(s)" in window([], [], 0.0, 5.0)

    @pytest.mark.parametrize("n", [LEAST_READINGS, 30, 100])
    def test_the_interval_holds_for_readings_that_depend_on_each_other(self, n: int) -> None:
        # An autoregressive series (0.5): a plain t interval over its readings holds the mean in some 75 % of runs.
        rng = np.random.default_rng(0)
        held = plain = 0
        for _ in range(400):
            noise = rng.normal(size=n + 50)
            for i in range(1, n + 50):
                noise[i] += 0.5 * noise[i - 1]
            watts = (20 + noise[50:]).tolist()
            _, (low, high), _ = window([float(i) for i in range(n)], watts, 0, n - 1)
            held += low <= 20 <= high
            half = 1.96 * np.std(watts, ddof=1) / math.sqrt(n)
            plain += abs(np.mean(watts) - 20) <= half
        assert held / 400 > 0.85
        assert held > plain


def test_batch_means_against_students_t() -> None:
    low, high = batch_means_interval([1.0, 2.0, 3.0])
    assert (low, high) == (pytest.approx(2 - 4.302653 / math.sqrt(3)), pytest.approx(2 + 4.302653 / math.sqrt(3)))
    with pytest.raises(ValueError, match="1 batches"):
        batch_means_interval([1.0])


class TestMeasure:
    def test_a_meter_beside_a_sample(self, tflite_file: Files, logged: Callable[..., str]) -> None:
        found = measure(tflite_file("int8_conv"), runs=10**6, seconds=0.3, energy=EnergyPlan(meter=logged(), idle_seconds=0.3))
        energy = found.energy
        assert (found.energy_missing, energy.basis, energy.calls) == (None, Basis.MEASURED, found.runs)
        assert (energy.watts, energy.idle_watts) == (pytest.approx(2.5), pytest.approx(2.5))
        assert [phase.name for phase in energy.phases] == ["idle", "steady"]
        steady = energy.phases[-1]
        assert energy.total_mj == pytest.approx(2.5 * 1000 * (steady.end_s - steady.start_s) / found.runs)
        assert energy.total_mj >= 2.5 * 0.9 * found.latency_ms.mean
        assert energy.above_idle_mj == pytest.approx(0, abs=1e-6)
        assert energy.n >= LEAST_READINGS
        assert msgspec.convert(json.loads(json.dumps(found.to_latency().to_dict())), Latency).energy == energy
        assert any("mJ" in line and f"n = {energy.n} readings" in line for line in energy_text(energy))

    @pytest.mark.alone  # a phase is refused where a fifth of it passed without a reading: four tenths of a second here
    def test_a_command_beside_a_sample(self, tflite_file: Files) -> None:
        plan = EnergyPlan(meter=command("import time\nwhile True:\n print(2.5); time.sleep(0.01)"), idle_seconds=2)
        found = measure(tflite_file("int8_conv"), runs=10**6, seconds=2, energy=plan)
        assert found.energy is not None, found.energy_missing
        assert (found.energy.source.split()[0], found.energy.basis) == ("command", Basis.MEASURED)
        assert (found.energy.watts, found.energy.idle_watts) == (pytest.approx(2.5), pytest.approx(2.5))
        assert found.energy.n >= LEAST_READINGS

    def test_more_power_while_it_runs_is_above_idle(
        self, tflite_file: Files, logged: Callable[..., str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # 2 W, and 5 more from the first call after the idle phase on.
        made_targets.register(monkeypatch)
        calls = made_targets.Telling.started
        calls.clear()
        meter = logged(lambda at: 7 if len(calls) > 1 and calls[1] <= at else 2)
        found = measure(tflite_file("int8_conv"), "telling", runs=10**6, seconds=0.5, energy=EnergyPlan(meter=meter, idle_seconds=0.5))
        assert found.energy is not None, found.energy_missing
        # A hundredth of a second is on the way from 2 to 7: readings are joined by straight lines.
        assert found.energy.idle_watts == pytest.approx(2, rel=0.05)
        assert found.energy.watts == pytest.approx(7, rel=0.05)
        low, high = found.energy.above_idle_mj_ci95
        assert 0 < low < found.energy.above_idle_mj < high
        assert found.energy.above_idle_mj < found.energy.total_mj

    def test_the_protocol_is_kept(self, tflite_file: Files, logged: Callable[..., str]) -> None:
        plan = EnergyPlan(meter=logged(), idle_seconds=0.3, warm_seconds=0.3, protocol="extremes", ambient_c=45)
        found = measure(tflite_file("int8_conv"), runs=10**6, seconds=0.3, energy=plan).energy
        assert [phase.name for phase in found.phases] == ["idle", "warm", "steady"]
        assert (found.protocol, found.ambient_c, found.steps) == ("extremes", 45, plan.steps())
        assert "45 °C" in found.steps[0]
        assert all(phase.end_s - phase.start_s >= 0.3 for phase in found.phases)
        assert all(earlier.end_s <= later.start_s for earlier, later in zip(found.phases, found.phases[1:], strict=False))
        assert found.phases[0].start_s == 0
        assert "ambient 45 °C, as stated" in energy_text(found)[-1]

    @pytest.mark.parametrize(
        ("code", "says"),
        [
            ("print(1)\ntime.sleep(0.3)", "ended with exit status 0|reading"),
            ("thirty()\nprint('nonsense'); time.sleep(9)", "gave 'nonsense'"),
            ("thirty()\nprint(-1); time.sleep(9)", "that is -1 W"),
            ("thirty()\nsys.exit('unplugged')", "exit status 1 after 30 reading.*unplugged"),
            ("for _ in range(3):\n print(1); time.sleep(0.01)\ntime.sleep(60)", r"reading\(s\) in"),
        ],
    )
    def test_no_sample_is_lost_for_a_meter(
        self, tflite_file: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, says: str
    ) -> None:
        made_targets.register(monkeypatch)
        # Thirty readings, and nothing more before the model is called: until then a meter that fails ends the measurement.
        thirty = (
            "def thirty():\n"
            " for _ in range(30):\n  print(1); time.sleep(0.01)\n"
            f" while not os.path.exists({str(tmp_path / 'called')!r}):\n  time.sleep(0.01)"
        )
        plan = EnergyPlan(meter=command(f"import os, sys, time\n{thirty}\n{code}"), idle_seconds=0)
        monkeypatch.setattr(made_targets.Telling, "first", staticmethod((tmp_path / "called").touch))
        found = measure(tflite_file("int8_conv"), "telling", runs=10**6, seconds=0.5, energy=plan)
        assert found.runs >= 20
        assert found.energy is None
        assert re.search(says, found.energy_missing)

    def test_a_sample_too_short_for_the_meter_says_so(self, tflite_file: Files, logged: Callable[..., str]) -> None:
        plan = EnergyPlan(meter=logged(every=0.5), idle_seconds=0)
        found = measure(tflite_file("int8_conv"), runs=20, energy=plan)
        assert found.energy is None
        assert "make it longer" in found.energy_missing

    def test_an_idle_phase_too_short_leaves_the_total(self, tflite_file: Files, logged: Callable[..., str]) -> None:
        plan = EnergyPlan(meter=logged(every=0.1), idle_seconds=0.02)  # eight readings take 0.7 s at least
        found = measure(tflite_file("int8_conv"), runs=10**6, seconds=1.2, energy=plan).energy
        assert (found.above_idle_mj, found.idle_watts) == (None, None)
        assert "idle phase without a figure" in found.notes[0]

    def test_in_turns_no_meter_tells_two_models_apart(self, tflite_file: Files) -> None:
        path = tflite_file("int8_conv")
        found = measure(path, runs=20, beside=path)
        assert found.energy is None
        assert "in turns" in found.energy_missing

    @pytest.mark.parametrize(
        ("plan", "says"),
        [
            (EnergyPlan(meter="no-such-meter"), "neither such a file nor a command"),
            (EnergyPlan(protocol="sustain"), "did you mean 'sustained'"),
            (EnergyPlan(protocol="extremes"), "--ambient 45"),
            (EnergyPlan(idle_seconds=-1), "idle_seconds -1"),
            (EnergyPlan(warm_seconds=math.nan), "warm_seconds nan"),
            (EnergyPlan(ambient_c=1000), "ambient 1000"),
        ],
    )
    def test_plans_that_cannot_be(self, tflite_file: Files, plan: EnergyPlan, says: str) -> None:
        with pytest.raises(InputError, match=says):
            measure(tflite_file("int8_conv"), runs=3, energy=plan)


class TestRun:
    """What a sample that is not of this computer's own has."""

    @pytest.mark.parametrize(
        ("basis", "elsewhere", "says"), [(Basis.REPLAYED, True, "the sample is replayed"), (Basis.MEASURED, True, "another computer")]
    )
    def test_no_counters_of_this_computer_for_another(self, tmp_path: Path, basis: Basis, elsewhere: bool, says: str) -> None:
        with EnergyRun(None, tmp_path) as run:
            run.start(basis, elsewhere, in_turns=False)
            run.begin()
            assert run.end(5) is None
            assert says in run.missing
        with EnergyRun(EnergyPlan(protocol="sustained"), tmp_path) as run, pytest.raises(InputError, match="cannot be followed"):
            run.start(basis, elsewhere, in_turns=False)

    def test_counters_asked_for_by_name_are_there_or_it_is_said(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="--meter rapl: this computer shows no energy counters"):
            EnergyRun(EnergyPlan(meter="rapl"), tmp_path)
        zone = tmp_path / "class/powercap/intel-rapl:0"
        zone.mkdir(parents=True)
        for name, text in (("name", "package-0"), ("energy_uj", "0"), ("max_energy_range_uj", "262143328850")):
            (zone / name).write_text(text)
        with EnergyRun(EnergyPlan(meter="rapl"), tmp_path) as run:
            run.start(Basis.MEASURED, elsewhere=True, in_turns=False)
            assert "another computer" in run.missing

    @pytest.mark.alone  # the counter is written by this test, and what is written late is read as less power
    def test_counters_where_they_can_be_read(self, tmp_path: Path) -> None:
        zone = tmp_path / "class/powercap/intel-rapl:0"
        zone.mkdir(parents=True)
        for name, text in (("name", "package-0"), ("energy_uj", "0"), ("max_energy_range_uj", "262143328850")):
            (zone / name).write_text(text)
        with EnergyRun(None, tmp_path) as run:
            run.start(Basis.MEASURED, elsewhere=False, in_turns=False)
            run.begin()
            started = time.perf_counter()
            while (now := time.perf_counter()) - started < 3:
                (zone / "new").write_text(str(int((now - started) * 4e6)))  # 4 W
                (zone / "new").replace(zone / "energy_uj")
                time.sleep(0.005)
            found = run.end(100)
        assert isinstance(found, Energy), run.missing
        assert (found.source, found.idle_watts) == ("rapl", None)
        assert found.watts == pytest.approx(4, rel=0.1)
        assert "no USB or PCIe device" in found.covers


class TestCommandLine:
    def test_the_checklist_comes_first_and_the_json_alone(
        self, tflite_file: Files, logged: Callable[..., str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        words = [
            "measure",
            str(tflite_file("int8_conv")),
            "--runs",
            "50000",
            "--meter",
            logged(every=0.002),
            "--idle",
            "0.3",
            "--warm",
            "0.3",
        ]
        assert main([*words, "--protocol", "sustained", "--json"]) == 0
        told = capsys.readouterr()
        assert told.err.splitlines()[0].startswith("1. end what else runs")
        energy = json.loads(told.out)["energy"]
        assert [phase["name"] for phase in energy["phases"]] == ["idle", "warm", "steady"]
        assert main([*words]) == 0
        out = capsys.readouterr().out
        assert "energy per call:" in out
        assert "95 %" in out

    def test_a_meter_that_fails_costs_the_energy_alone(self, tflite_file: Files, capsys: pytest.CaptureFixture[str]) -> None:
        code = "import time\nfor _ in range(5):\n print(1); time.sleep(0.01)"
        assert main(["measure", str(tflite_file("int8_conv")), "--runs", "9", "--idle", "0.5", "--meter", command(code), "--json"]) == 1
        told = capsys.readouterr()
        assert len(json.loads(told.out)["samples_ms"]) == 9
        assert "no energy, the calls are kept" in told.err
        assert len(told.err.splitlines()) == 1

    @pytest.mark.parametrize(
        "words",
        [["--meter", "no-such-meter"], ["--meter", "echo off"], ["--meter", "echo 1", "--meter-unit", "kW"], ["--protocol", "x"],
         ["--protocol", "extremes"], ["--idle", "-1"], ["--idle", "soon"], ["--ambient", "nan"], ["--meter", "/no/such/file"]],
    )  # fmt: skip
    def test_bad_options_are_one_line(self, tflite_file: Files, capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
        assert main(["measure", str(tflite_file("int8_conv")), "--runs", "3", *words]) == 2
        told = capsys.readouterr()
        assert (told.out, len(told.err.splitlines())) == ("", 1)
