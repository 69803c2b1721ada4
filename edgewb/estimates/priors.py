"""What each constant is expected to be before a host's rows are looked at, by how much it may differ, and the source of that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from edgewb.estimates.forms import NAMES

Prior = dict[str, tuple[float, float]]

_IWATAKE = "iwatake2222/EdgeTPU_Analysis@1f5fbce Result.xlsx"
PHYSICAL: Final[Prior] = {
    "overhead_ms": (0.28, 0.1),
    "input_mb_s": (316.0, 0.1),
    "output_mb_s": (45.0, 0.4),
    "stream_mb_s": (385.0, 0.2),
    "mcycles_s": (1000.0, 0.15),
    "depthwise": (2.0, 0.3),
    "per_op_ms": (0.012, 0.6),
    "detection_ms": (0.5, 0.7),
}
PHYSICAL_SOURCES: Final = {
    "overhead_ms": f"0.27 to 0.29 ms, USB 3: {_IWATAKE}",
    "input_mb_s": f"304 to 328 MB/s, USB 3: {_IWATAKE}",
    "output_mb_s": f"23 to 87 MB/s, USB 3: {_IWATAKE} (23 to 32); pm2550/TPU_Models@1f14bf8 (35 to 87 MiB/s)",
    "stream_mb_s": f"361 to 409 MB/s, USB 3: {_IWATAKE}",
    "mcycles_s": f"999 GMAC/s on a 7 x 7 convolution of 32 channels at 500 MHz: {_IWATAKE}",
    "depthwise": "cycles that compilers up to 15.0 wrote into MobileNet V1 and V2, against the split over tiles",
    "per_op_ms": "no measurement of its own: a weak start",
    "detection_ms": "no measurement of its own: a weak start",
}
USB2: Final[Prior] = {"overhead_ms": (0.36, 0.3), "input_mb_s": (36.0, 0.2), "output_mb_s": (10.5, 0.3), "stream_mb_s": (34.0, 0.2)}
USB2_SOURCES: Final = {
    "overhead_ms": f"0.35 to 0.37 ms, USB 2: {_IWATAKE}",
    "input_mb_s": f"36 MB/s, USB 2: {_IWATAKE}",
    "output_mb_s": f"9 to 12 MB/s, USB 2: {_IWATAKE}",
    "stream_mb_s": f"32 to 36 MB/s, USB 2: {_IWATAKE}",
}
OTHER_HOST: Final = {
    "overhead_ms": 0.3, "input_mb_s": 0.4, "output_mb_s": 0.6, "stream_mb_s": 0.3, "mcycles_s": 0.1, "depthwise": 0.1,
    "per_op_ms": 0.6, "detection_ms": 0.6,
}  # fmt: skip
"""By how much another host may differ from the desktop: the chip is the same, the way to it is not."""

_CPU = "google-coral/edgetpu@75e6756 benchmarks/reference/basic_engine_reference_{}.csv: MobileNet V1 on the processor against {}"
CPU_FACTORS: Final = {
    "desktop": (1.0, "the reference"),
    "pi4": (125.97 / 43.89, _CPU.format("rp4b", "x86_64")),
    "pi3": (286.85 / 43.89, _CPU.format("rp3b+", "x86_64")),
    "devboard": (184.99 / 43.89, _CPU.format("aarch64", "x86_64")),
    "sweep_host": (1.0, "not known: taken as a desktop"),
}
"""How much longer the host's processor takes than a desktop's."""


def host_prior(name: str, constants: Mapping[str, float]) -> Prior:
    """What a host with few rows is expected to be: the desktop, with the rates of its bus."""
    return around(constants, cpu_factor=CPU_FACTORS[name][0]) | (USB2 if name == "pi3" else {})


def around(constants: Mapping[str, float], spread: Mapping[str, float] = OTHER_HOST, cpu_factor: float = 1.0) -> Prior:
    """What another host is expected to be."""
    prior = {name: (constants[name], spread[name]) for name in NAMES}
    prior["detection_ms"] = (constants["detection_ms"] * cpu_factor, spread["detection_ms"])
    return prior


def prior_of_sweeps(constants: Mapping[str, float]) -> Prior:
    """What the host of the synthetic nets is expected to be: a floor of 0.1 ms was seen, its bus is not known."""
    own = {"overhead_ms": (0.1, 0.3), "input_mb_s": (300.0, 0.5), "output_mb_s": (100.0, 1.0), "stream_mb_s": (385.0, 0.2)}
    chip = {"mcycles_s": (1000.0, 0.15), "per_op_ms": (constants["per_op_ms"], 1.0)}
    absent = {name: (constants[name], 0.0) for name in ("depthwise", "detection_ms")}
    return {**own, **chip, **absent}
