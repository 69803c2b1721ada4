"""The processor's energy counters and temperatures, in made-up /sys trees."""

import os
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewb.counters import joules_between, rapl_meter, zone_temperatures


def package(sys: Path, number: int, name: str, energy_uj: int | str, most_uj: int = 262_143_328_850) -> Path:
    zone = sys / f"class/powercap/intel-rapl:{number}"
    zone.mkdir(parents=True, exist_ok=True)
    (zone / "name").write_text(f"{name}\n")
    (zone / "energy_uj").write_text(f"{energy_uj}\n")
    (zone / "max_energy_range_uj").write_text(f"{most_uj}\n")
    return zone / "energy_uj"


@settings(deadline=None)
@given(st.integers(1, 2**48), st.data())
def test_a_counter_that_starts_again_loses_nothing(most_uj: int, data: st.DataObject) -> None:
    before, rise = data.draw(st.integers(0, most_uj)), data.draw(st.integers(0, most_uj))
    assert joules_between(before, (before + rise) % (most_uj + 1), most_uj) == rise / 1e6


def test_packages_are_added_and_their_parts_are_not(tmp_path: Path) -> None:
    first, second = package(tmp_path, 0, "package-0", 999_999, 1_000_000), package(tmp_path, 1, "package-1", 5)
    package(tmp_path, 2, "psys", 10)
    (tmp_path / "class/powercap/intel-rapl:0:0").mkdir()  # "core", a part of package 0: no files that could be read
    meter, reason = rapl_meter(tmp_path)
    assert reason is None
    with meter:
        for counter, text in ((first, "499999\n"), (second, "1000005\n")):  # the first goes round, at 1 J
            (tmp_path / "new").write_text(text)
            (tmp_path / "new").replace(counter)  # never seen empty
        times, watts = meter.readings(time.perf_counter())
    assert meter.failure is None
    joules = sum(power * (later - earlier) for power, earlier, later in zip(watts[1:], times, times[1:], strict=False))
    assert joules == pytest.approx(0.500001 + 1.0)
    assert "no USB" in meter.covers


def test_why_there_is_none(tmp_path: Path) -> None:
    assert rapl_meter(tmp_path) == (None, "this computer shows no energy counters (RAPL): name a --meter")
    package(tmp_path, 0, "package-0", "not a number")
    assert rapl_meter(tmp_path)[0] is None


def test_counters_for_the_administrator_only() -> None:
    # Outside of pytest's own folder, which is for its owner alone: root has to be somebody else here.
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        package(Path(folder), 0, "package-0", 5).chmod(0o400 if os.geteuid() == 0 else 0)
        root = os.geteuid() == 0
        try:
            if root:
                os.seteuid(65534)
            meter, reason = rapl_meter(Path(folder))
        finally:
            if root:
                os.seteuid(0)
    assert meter is None
    assert "for the administrator only: sudo chmod a+r" in reason


def test_a_counter_that_goes_away_is_a_reason(tmp_path: Path) -> None:
    counter = package(tmp_path, 0, "package-0", 5)
    meter, _ = rapl_meter(tmp_path)
    with meter:
        counter.unlink()
        deadline = time.perf_counter() + 60
        while meter.failure is None and time.perf_counter() < deadline:
            time.sleep(0.02)
        assert "No such file" in meter.failure


def test_temperatures_by_the_names_of_their_zones(tmp_path: Path) -> None:
    assert zone_temperatures(tmp_path) == {}
    for number, (name, text) in enumerate([("x86_pkg_temp", "41000"), ("acpitz", "27800"), ("acpitz", "29000"), ("broken", "hot")]):
        zone = tmp_path / f"class/thermal/thermal_zone{number}"
        zone.mkdir(parents=True)
        (zone / "type").write_text(f"{name}\n")
        (zone / "temp").write_text(f"{text}\n")
    assert zone_temperatures(tmp_path) == {"x86_pkg_temp": 41.0, "acpitz": 27.8, "acpitz (thermal_zone2)": 29.0}
