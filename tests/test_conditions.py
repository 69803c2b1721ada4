"""What else went on: made-up /sys trees, real load, real neighbours."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import made_targets
import msgspec
import psutil
import pytest

from edgewb.conditions import LEAST_SECONDS, OTHERS_LIMIT, Watch, conditions_text
from edgewb.environments import environment
from edgewb.latencies import measure
from edgewb.ratios import measure_targets
from edgewb.types import Conditions

CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))

Files = Callable[[str], Path]


@pytest.fixture
def sys_tree(tmp_path: Path) -> Callable[..., Path]:
    """``sys_tree(governor="performance", ...)``: a /sys in which every core this process may use says so."""

    def make(**files: str) -> Path:
        names = {
            "governor": "cpufreq/scaling_governor",
            "driver": "cpufreq/scaling_driver",
            "now": "cpufreq/scaling_max_freq",
            "most": "cpufreq/cpuinfo_max_freq",
            "core": "thermal_throttle/core_throttle_count",
            "package": "thermal_throttle/package_throttle_count",
        }
        for core in CORES:
            for name, text in files.items():
                if name in names:
                    _write(tmp_path / "sys/devices/system/cpu" / f"cpu{core}" / names[name], text)
        if "pi" in files:
            _write(tmp_path / "sys/devices/platform/soc/soc:firmware/get_throttled", files["pi"])
        if "profile" in files:
            _write(tmp_path / "sys/firmware/acpi/platform_profile", files["profile"])
        (tmp_path / "sys").mkdir(exist_ok=True)
        return tmp_path / "sys"

    return make


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{text}\n")


def watched(sys: Path, meanwhile: Callable[[], object] = lambda: None) -> Conditions:
    with Watch(sys) as watch:
        watch.start("cpu")
        meanwhile()
        return watch.stop(1000)


def clock_notes(found: Conditions) -> list[str]:
    """Without those on load, which the computer that runs the tests may well have."""
    return [
        note
        for note in found.notes
        if not note.startswith(("load", "other processes took", "other processes interrupted", "the machine's host", "on battery"))
    ]


class TestClock:
    def test_a_steady_clock_has_no_note(self, sys_tree: Callable[..., Path]) -> None:
        found = watched(sys_tree(governor="performance", driver="acpi-cpufreq", now="3600000", most="3600000", core="4", package="9"))
        assert found.governor == "performance"
        assert clock_notes(found) == []

    def test_no_governor_is_none(self, sys_tree: Callable[..., Path]) -> None:
        found = watched(sys_tree())
        assert found.governor is None
        assert clock_notes(found) == []

    @pytest.mark.parametrize(
        ("governor", "driver", "says"),
        [
            ("powersave", "acpi-cpufreq", "holds the lowest clock"),
            ("powersave", "intel_pstate", "follow the load"),
            ("schedutil", "cppc_cpufreq", "follow the load"),
            ("ondemand", "bcm2835-cpufreq", "follow the load"),
        ],
    )
    def test_other_governors_say_what_to_do(self, sys_tree: Callable[..., Path], governor: str, driver: str, says: str) -> None:
        found = watched(sys_tree(governor=governor, driver=driver))
        assert found.governor == governor
        (note,) = clock_notes(found)
        assert says in note
        assert "cpupower frequency-set -g performance" in note

    @pytest.mark.skipif(len(CORES) < 2, reason="this process may use one core only")
    def test_several_governors(self, sys_tree: Callable[..., Path]) -> None:
        tree = sys_tree(governor="performance")
        _write(tree / f"devices/system/cpu/cpu{CORES[-1]}/cpufreq/scaling_governor", "powersave")
        assert watched(tree).governor == "performance, powersave"

    def test_what_changes_meanwhile(self, sys_tree: Callable[..., Path]) -> None:
        tree = sys_tree(governor="performance", core="0", package="0")
        found = watched(tree, lambda: sys_tree(governor="powersave"))
        assert "changed from performance to powersave" in clock_notes(found)[0]
        tree = sys_tree(governor="performance")
        assert "heat" in "".join(clock_notes(watched(tree, lambda: sys_tree(package="3"))))

    def test_caps_profiles_and_a_weak_supply(self, sys_tree: Callable[..., Path]) -> None:
        tree = sys_tree(governor="performance", now="1800000", most="4200000", profile="low-power", pi="50005")
        capped, pi, profile = clock_notes(watched(tree))
        assert "1.80 of 4.20 GHz" in capped
        assert "too little voltage, throttling" in pi
        assert "powerprofilesctl" in profile
        assert clock_notes(watched(sys_tree(now="4200000", profile="balanced", pi="50000"))) == []

    def test_nonsense_in_the_files(self, sys_tree: Callable[..., Path]) -> None:
        found = watched(sys_tree(governor="", now="fast", most="", core="many", pi="zzz"))
        assert (found.governor, clock_notes(found)) == (None, [])


class TestShares:
    def test_own_work_is_not_that_of_others(self) -> None:
        def work() -> None:
            child = subprocess.Popen([sys.executable, "-c", "import time\nwhile time.process_time() < 1: pass"])
            child.wait()

        before, ours = psutil.cpu_times(), os.times()
        found = watched(Path("/sys"), work)
        after, now = psutil.cpu_times(), os.times()
        assert found.others_share is not None
        total = sum(after) - sum(before)
        busy = total - (after.idle - before.idle) - (getattr(after, "iowait", 0) - getattr(before, "iowait", 0))
        child = now.children_user + now.children_system - ours.children_user - ours.children_system
        assert child > 0.9
        assert found.others_share == pytest.approx((busy - child) / total, abs=0.06)

    def test_a_process_that_is_not_ours_counts(self) -> None:
        burning = [
            sys.executable,
            "-c",
            "import time\nend = time.time() + 120\nwhile time.time() < end: pass",
        ]
        # Started by a process that ends at once: then it is nobody's child but the system's.
        start = f"import subprocess\nprint(subprocess.Popen({burning!r}, stdout=subprocess.DEVNULL).pid)"
        running = subprocess.run([sys.executable, "-c", start], stdout=subprocess.PIPE, text=True, timeout=120, check=False)
        pid = int(running.stdout)
        try:
            mine = watched(Path("/sys"), lambda: time.sleep(1))
        finally:
            psutil.Process(pid).kill()
        assert mine.others_share is not None
        assert mine.others_share > 0.5 / psutil.cpu_count()
        told = any("other processes took" in note and "measure again" in note for note in mine.notes)
        assert told == (mine.others_share > (OTHERS_LIMIT if psutil.cpu_count() > 1 else 0.1))

    def test_too_short_for_the_systems_ticks(self) -> None:
        found = watched(Path("/sys"), lambda: time.sleep(LEAST_SECONDS / 10))
        assert (found.others_share, found.stolen_share) == (None, None)


class TestMeasure:
    def test_a_measurement_says_it_and_a_record_keeps_it(self, tflite_file: Files) -> None:
        before = os.getloadavg()[0]
        found = measure(tflite_file("int8_conv"), runs=30)
        assert found.conditions is not None
        assert found.conditions.beside == ()
        low, high = sorted((before, os.getloadavg()[0]))
        assert low - 0.5 <= found.conditions.load_before * os.cpu_count() <= high + 0.5
        assert found.to_latency().conditions == found.conditions
        assert msgspec.convert(json.loads(json.dumps(found.to_dict()))["conditions"], Conditions) == found.conditions

    @pytest.mark.skipif(os.name == "nt", reason="an interrupt is sent with POSIX signals")
    def test_two_at_once_both_say_so(self, tflite_file: Files) -> None:
        script = (
            "import sys\nfrom edgewb.latencies import measure\n"
            "found = measure(sys.argv[1], sustain_s=60, progress=True)\nprint(found.to_latency().conditions.to_dict())"
        )
        path = str(tflite_file("int8_conv"))
        running = Path(os.environ["EDGEWB_HOME"]) / "measuring"
        # A shell that runs the tests in the background has the interrupt ignored, which a child would inherit.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            started = subprocess.Popen([sys.executable, "-c", script, path], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        finally:
            signal.signal(signal.SIGINT, before)
        with started as long:
            shown = b""
            while not re.search(rb"[1-9]\d?%", shown):  # the bar: calls have been counted
                byte = os.read(long.stderr.fileno(), 1000)
                assert byte, shown
                shown += byte
            short = measure(path, runs=20)
            long.send_signal(signal.SIGINT)
            told = long.communicate(timeout=300)[0].decode()
        assert short.conditions.beside == ("cpu",)
        assert any("measured beside another measurement of edgewb (cpu)" in note for note in short.conditions.notes)
        assert "'beside': ['cpu']" in told
        assert list(running.iterdir()) == []
        assert measure(path, runs=20).conditions.beside == ()

    @pytest.mark.parametrize("several", [False, True])
    def test_who_loads_is_seen_by_who_measures(self, tflite_file: Files, monkeypatch: pytest.MonkeyPatch, several: bool) -> None:
        path = tflite_file("int8_conv")
        made_targets.register(monkeypatch)
        found = measure_targets(path, ["cpu", "nested"], runs=20).measurements[0] if several else measure(path, "nested", runs=20)
        (within,) = made_targets.Nested.measured
        assert within.conditions.beside == ("cpu:xnnpack, nested" if several else "nested",)
        assert found.conditions.beside == ("cpu",)

    def test_a_home_that_cannot_be_written_is_said(self, tflite_file: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "file").write_text("in the way")
        monkeypatch.setenv("EDGEWB_HOME", str(tmp_path / "file"))
        found = measure(tflite_file("int8_conv"), runs=3)
        assert found.runs == 3
        (note,) = [note for note in found.conditions.notes if "not known" in note]
        assert str(tmp_path) not in note

    def test_elsewhere_this_computers_state_is_left_out(self, tmp_path: Path) -> None:
        remote = Conditions(governor="ondemand", load_before=0.1, notes=("hot",))
        with Watch(folder=tmp_path) as here, Watch(folder=tmp_path) as there, Watch(folder=tmp_path) as again:
            here.start("cpu")
            there.start("ssh", "a")
            again.start("ssh", "a")
            assert here.stop(1).beside == ()
            found = there.stop(1, remote)
            assert again.stop(1).to_dict() == {
                "governor": None, "load_before": None, "others_share": None, "stolen_share": None, "beside": ["ssh"],
                "notes": ["measured beside another measurement of edgewb (ssh): measure one after the other"],
            }  # fmt: skip
        assert (found.governor, found.load_before, found.beside) == ("ondemand", 0.1, ("ssh",))
        assert found.notes[0] == "hot"


def test_text_is_one_line_and_one_for_each_note() -> None:
    assert conditions_text(Conditions()) == []
    assert conditions_text(Conditions(governor="performance", load_before=0.25, others_share=0.02, stolen_share=0.0, notes=("a", "b"))) == [
        "meanwhile: governor performance, load 0.25 per core before, others took 2 % of the processor's time", "note: a", "note: b",
    ]  # fmt: skip
    assert environment().cores == len(CORES)  # the cores whose governors count
