"""Host profiles: the constants of the model for a host, its bus and the chip's clock, each with its source."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from edgewb.errors import InputError, unknown_name
from edgewb.estimates.forms import FORMS, NAMES, Form

FILE: Final = Path(__file__).with_name("hosts.json")
HOSTS: Final = ("desktop", "pi4", "pi3", "devboard", "sweep_host", "other")
OTHER: Final = "other"
"""A host nobody measured: the desktop's constants with the interval of an unknown host."""
BUSES: Final = ("usb3", "usb2", "pcie")
CLOCKS: Final = ("max", "std")
STD_CLOCK: Final = 0.5
"""The chip runs at 250 MHz instead of 500. Source: google-coral/libedgetpu@e35aed1, driver/beagle/beagle_top_level_handler.cc."""
STD_BUS: Final = 1.2
"""By how much all else is slower then: the chip's side of the bus runs at half its clock too (driver/config/beagle_csr_helper.h). With it
the nine published pairs of both clocks, 1.18 to 1.33 times (ultralytics guide, Raspberry Pi 4 and 5, YOLOv8; pycoral issue 46), are
met."""


@dataclasses.dataclass(frozen=True)
class Profile:
    """``constants`` by the names in ``forms.NAMES``; ``n`` measured models behind them; ``residuals`` which intervals it is shown with."""

    host: str
    bus: str
    clock: str
    constants: Mapping[str, float]
    sources: Mapping[str, str]
    n: int
    residuals: str
    cpu_factor: float
    note: str = ""


@cache
def stored() -> dict[str, Any]:
    """What the study wrote: profiles, intervals, the form."""
    content: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return content


def form() -> Form:
    """The form the study chose."""
    return next(f for f in FORMS if f.name == stored()["form"])


def find_profile(host: str = "desktop", bus: str | None = None, clock: str = "max") -> Profile:
    """The profile of a host by name, or one that ``calibrate`` wrote, by file name.

    Args:
        host: one of ``HOSTS`` or a .json file of ``edgewb calibrate``.
        bus: how the Edge TPU hangs on it; by default what is usual there.
        clock: "max" (500 MHz) or "std" (250 MHz).

    Raises:
        InputError: unknown host, bus or clock, or a host without that bus; the message names those allowed.
    """
    if clock not in CLOCKS:
        raise unknown_name("clock", clock, CLOCKS)
    if bus is not None and bus not in BUSES:
        raise unknown_name("bus", bus, BUSES)
    if host.endswith(".json"):
        return _load(Path(host), bus, clock)
    if host == OTHER:
        known = find_profile("desktop", bus, clock)
        note = "no net was measured on this host; the few published ones of such hosts were slower than the estimate"
        return dataclasses.replace(known, host=OTHER, n=0, residuals="unknown_host", note=note)
    if host not in stored()["hosts"]:
        raise unknown_name("host", host, HOSTS, "or give a profile that `edgewb calibrate --out FILE.json` wrote")
    entry = stored()["hosts"][host]
    chosen = bus or next(iter(entry["buses"]))
    if chosen not in entry["buses"]:
        raise InputError(f"the host {host!r} has no profile for the bus {chosen!r}: it has {', '.join(entry['buses'])}")
    found = entry["buses"][chosen]
    values = {name: found["constants"][name]["value"] for name in NAMES}
    sources = {name: found["constants"][name]["source"] for name in NAMES}
    profile = Profile(host, chosen, "max", values, sources, found["n"], found["residuals"], entry["cpu_factor"]["value"], entry["note"])
    return at_clock(profile, clock)


def at_clock(profile: Profile, clock: str) -> Profile:
    """The same host with the chip at another clock."""
    if profile.clock == clock:
        return profile
    slower = clock == "std"
    factors = {name: STD_BUS if name.endswith("_ms") else 1 / STD_BUS for name in NAMES}
    factors |= {"mcycles_s": STD_CLOCK, "depthwise": 1.0, "detection_ms": 1.0}
    factors = {name: factor if slower else 1 / factor for name, factor in factors.items()}
    constants = {name: profile.constants[name] * factors[name] for name in NAMES}
    sources = {
        name: profile.sources[name] + ("" if factors[name] == 1 else f"; times {factors[name]:.3g} for the {clock} clock") for name in NAMES
    }
    return dataclasses.replace(profile, constants=constants, sources=sources, clock=clock)


def save(profile: Profile, path: Path) -> None:
    """Write a profile, to be given as ``host``."""
    from edgewb.locations import write_whole

    content = {"edgewb_profile": 1, **dataclasses.asdict(profile)}
    write_whole(path, (json.dumps(content, indent=1) + "\n").encode())


def _load(path: Path, bus: str | None, clock: str) -> Profile:
    try:
        if path.stat().st_size > 1_000_000:
            raise InputError(f"{str(path)!r} is too large for a profile: write one with `edgewb calibrate --out FILE.json`")
        content = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(content, dict) or content.pop("edgewb_profile", None) != 1:
            raise ValueError
        profile = Profile(**content)
        constants = {name: float(profile.constants[name]) for name in NAMES}
        sources = {name: str(profile.sources[name]) for name in NAMES}
        if not all(1e-6 < value < 1e9 for value in constants.values()) or not 0 < float(profile.cpu_factor) < 1e3:
            raise ValueError
        if profile.residuals not in stored()["intervals"] or profile.bus not in BUSES or profile.clock not in CLOCKS:
            raise ValueError
        if not isinstance(profile.host, str) or not 0 <= int(profile.n) < 1e6:
            raise ValueError
        profile = dataclasses.replace(
            profile, constants=constants, sources=sources, n=int(profile.n), cpu_factor=float(profile.cpu_factor), note=str(profile.note)
        )
    except OSError as error:
        raise InputError(f"no profile {str(path)!r} ({error.strerror}): known hosts are {', '.join(HOSTS)}") from None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError):
        raise InputError(f"{str(path)!r} is no profile: write one with `edgewb calibrate --out FILE.json`") from None
    if bus is not None and bus != profile.bus:
        raise InputError(f"the profile {str(path)!r} was measured on {profile.bus}, not {bus}: leave --bus out or calibrate on {bus}")
    return at_clock(profile, clock)
