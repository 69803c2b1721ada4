"""What the computer measures of itself: the energy counters of its processor (RAPL), and its temperatures."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import Final

from edgewb.meters import Meter

POLL_SECONDS: Final = 0.1
RAPL: Final = "rapl"
"""What the processor's counters are called, to ask for them and in a record."""


@dataclasses.dataclass(frozen=True)
class _Package:
    counter: Path
    most_uj: int


def joules_between(before_uj: int, after_uj: int, most_uj: int) -> float:
    """What a counter that starts again at 0 behind ``most_uj`` rose by; right as long as it went round at most once.

    Source: Linux, Documentation/power/powercap/powercap.rst (energy_uj, max_energy_range_uj).
    """
    rise = after_uj - before_uj
    return (rise if rise >= 0 else rise + most_uj + 1) / 1e6


class RaplMeter(Meter):
    """The processor's own energy counters, of all its packages together."""

    source = RAPL
    means = True
    covers = "the processor package(s) alone, whatever runs on them: no memory, no drives, no USB or PCIe device"

    def __init__(self, packages: list[_Package]) -> None:
        super().__init__()
        self._packages = packages

    def _read(self) -> None:
        known, at = [int(p.counter.read_text()) for p in self._packages], time.perf_counter()
        self._watts.append(0.0)  # a reading is the mean since the one before: before the first there is nothing, and nothing is taken of it
        self._times.append(at)
        while not self._done.wait(POLL_SECONDS):
            now, then = [int(p.counter.read_text()) for p in self._packages], time.perf_counter()
            joules = sum(joules_between(old, new, p.most_uj) for old, new, p in zip(known, now, self._packages, strict=True))
            self._watts.append(joules / (then - at))
            self._times.append(then)
            known, at = now, then


def rapl_meter(sys: Path = Path("/sys")) -> tuple[RaplMeter | None, str | None]:
    """The processor's counters, or None and the reason."""
    packages = []
    for zone in sorted((sys / "class/powercap").glob("intel-rapl:*")):  # AMD's have this name, too
        try:
            if not (zone / "name").read_text().startswith("package"):
                continue
            int((zone / "energy_uj").read_text())
            packages.append(_Package(zone / "energy_uj", int((zone / "max_energy_range_uj").read_text())))
        except PermissionError:
            reason = "the processor's energy counters are for the administrator only"
            return None, f"{reason}: sudo chmod a+r /sys/class/powercap/intel-rapl:*/energy_uj (until the next start), or name a --meter"
        except (OSError, ValueError):
            continue
    return (RaplMeter(packages), None) if packages else (None, "this computer shows no energy counters (RAPL): name a --meter")


def zone_temperatures(sys: Path = Path("/sys")) -> dict[str, float]:
    """Degrees Celsius of the computer's thermal zones by their names; empty where it has none. No Edge TPU on USB is among them."""
    found: dict[str, float] = {}
    for zone in sorted((sys / "class/thermal").glob("thermal_zone*")):
        try:
            name, celsius = (zone / "type").read_text().strip(), int((zone / "temp").read_text()) / 1000
        except (OSError, ValueError):
            continue
        found[name if name not in found else f"{name} ({zone.name})"] = celsius
    return found
