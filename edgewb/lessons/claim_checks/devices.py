"""Data sheets: ``data/hardware.toml``, beside the tables the texts give themselves."""

from __future__ import annotations

from typing import Final

from edgewb.estimates.energies import ACTIVE_W
from edgewb.lessons.claim_rules import (
    CONDITIONS,
    HOLDS,
    NO_SOURCE,
    NOT,
    NOT_COMPARABLE,
    Check,
    Figures,
    at_most,
    close,
    first_is_highest,
    first_is_lowest,
    same,
    span,
    with_conditions,
)
from edgewb.lessons.claim_tables import claim_table
from edgewb.lessons.hardware import Figure, find_device, mobilenet_throughputs

_STICK, _MYRIAD = "Coral USB Accelerator", "Myriad X / Neural Compute Stick 2"


def _both(figure: Figure) -> Figures:
    return figure.low, figure.low if figure.high is None else figure.high


def _peak(device: str) -> float:
    return find_device(device).find("peak")[0].low


def _idle() -> Figures:
    """W of the stick before first use, and the range after it."""
    (before,) = (f for f in find_device(_STICK).find("power") if f.about.startswith("idle, before"))
    (after,) = (f for f in find_device(_STICK).find("power") if f.about.startswith("idle, after"))
    return before.low, *_both(after)


def _stick_power() -> Figures:
    """W of the stick while it runs, idle power included: lowest and highest."""
    _, low, high = _idle()
    return low + ACTIVE_W[0], high + ACTIVE_W[1]


def _idle_and_active(stated: Figures, found: Figures) -> str:
    """Idle and active are stated; found: idle before first use, after it (two), active (two)."""
    idle = close(stated[0], found[0]) or found[1] <= stated[0] <= found[2]
    active = found[3] <= stated[1] <= found[4]
    return HOLDS if idle and active else CONDITIONS if idle or active else NOT


def _utilisation() -> Figures:
    forms = (_STICK, "Coral Dev Board", "Coral M.2 Accelerator")
    return tuple(row.utilisation for row in mobilenet_throughputs() if row.device in forms)


def _hailo_utilisation() -> Figures:
    return _peak("Hailo-8"), next(row.utilisation for row in mobilenet_throughputs() if row.device == "Hailo-8")


def _peak_if_half_is_used(stated: Figures, found: Figures) -> str:
    """A stated peak, beside what is found and the share of it a network uses."""
    if not close(stated[0], found[0], 0.02):
        return NOT
    return HOLDS if found[1] >= 0.5 else CONDITIONS


def _orin_nx() -> Figures:
    """Its stated peak, and which share of such a peak is left without zeros, by the data sheet of its sister."""
    dense, sparse = find_device("Jetson Orin Nano 4GB").find("peak")
    return _peak("Jetson Orin NX"), dense.low / sparse.low


def _peak_if_dense(stated: Figures, found: Figures) -> str:
    if not close(stated[0], found[0], 0.02):
        return NOT
    return HOLDS if found[1] >= 1 else CONDITIONS


def _units_differ() -> Figures:
    nano, coral = find_device("Jetson Nano").find("peak")[0], find_device(_STICK).find("peak")[0]
    return nano.low, coral.low, float(nano.unit == coral.unit)


def _nano_sheet() -> Figures:
    nano = find_device("Jetson Nano")
    (power,) = (f for f in nano.find("power") if "mode" in f.about)
    return 1000 * nano.find("peak")[0].low, *_both(power)


def _nano_resnet() -> Figures:
    half, single = find_device("Jetson Nano").find("latency", "ResNet-50 256")
    return half.low, single.low


def _far_above(stated: Figures, found: Figures) -> str:
    """The fastest that was published takes more than twice what is stated."""
    return NOT if found[0] > 2 * stated[0] else CONDITIONS


def _hailo8l() -> Figures:
    device = find_device("Hailo-8L")
    return device.find("peak")[0].low, float(len(device.find("power")))


def _peak_and_power(stated: Figures, found: Figures) -> str:
    """The peak is the stated one; the power was found, too, or nowhere."""
    return NOT if not close(stated[0], found[0], 0.02) else HOLDS if found[1] else CONDITIONS


def _dense_nano() -> Figures:
    return tuple(_peak(f"Jetson Orin Nano {size}GB") for size in (4, 8))


def _dual_temperature() -> Figures:
    (found,) = find_device("Coral M.2 with Dual Edge TPU").find("temperature")
    return *_both(found), float("temperature" in find_device(_STICK).not_found)


def _temperatures(stated: Figures, found: Figures) -> str:
    return NOT if found[:2] != stated else CONDITIONS if found[2] else HOLDS


def _tops_per_watt() -> Figures:
    """Of the guide's table, Coral first: its lowest, the others' highest that their power allows."""
    rows = claim_table("guide_hardware").rows
    others = [row["tops"] / row["watts_high"] for name, row in rows.items() if "tops" in row and name != "Coral USB"]
    return (rows["Coral USB"]["tops"] / rows["Coral USB"]["watts_high"], *others)


def _leader() -> Figures:
    rows = claim_table("guide_hardware").rows
    return (rows["Jetson Orin NX"]["tops"], *(row["tops"] for name, row in rows.items() if "tops" in row and name != "Jetson Orin NX"))


def _cheap() -> Figures:
    return tuple(row["price"] for name, row in claim_table("guide_hardware").rows.items() if not name.startswith("Raspberry"))


def _of_iot(column: str, first: str = "Coral") -> Figures:
    rows = claim_table("iot_hardware").rows
    return (rows[first][column], *(row[column] for name, row in rows.items() if name != first and column in row))


def _hailo_and_orin() -> Figures:
    rows = claim_table("iot_hardware").rows
    return tuple(rows[name][end] for name in ("Hailo-8", "Jetson Orin Nano") for end in ("usd_low", "usd_high"))


def _cheaper(_stated: Figures, found: Figures) -> str:
    """Price ranges of two things: both ends of the first below those of the second, both above, or neither."""
    below = [found[0] < found[2], found[1] < found[3]]
    return HOLDS if all(below) else CONDITIONS if any(below) else NOT


def _halves() -> Figures:
    return tuple(row["float16"] / row["int8"] for row in claim_table("datacentre_chips").rows.values())


def _memories() -> Figures:
    return tuple(claim_table("datacentre_chips").column("memory_gb_s"))


def _myriad(of: str) -> Figures:
    (found,) = find_device(_MYRIAD).find(of)
    return (found.low,)


def _orin_memories() -> Figures:
    return tuple(find_device(f"Jetson Orin Nano {size}GB").find("memory")[0].low for size in (4, 8))


CHECKS: Final = {
    "coral_utilisation": Check(find=_utilisation, judge=lambda _, found: CONDITIONS if max(found) < 0.5 else HOLDS, shown=span),
    "coral_peak": Check(find=lambda: (_peak(_STICK),), judge=same),
    "idle_and_active": Check(find=lambda: (*_idle(), *_stick_power()), judge=_idle_and_active, shown=lambda found: found[3:]),
    "stick_power": Check(find=_stick_power, judge=at_most),
    "orin_nx_peak": Check(find=_orin_nx, judge=_peak_if_dense, shown=lambda found: found[:1]),
    "peaks_of_nano_and_coral": Check(
        find=_units_differ, judge=lambda _, found: NOT_COMPARABLE if not found[2] else CONDITIONS, shown=lambda found: found[:2]
    ),
    "nano_sheet": Check(find=_nano_sheet, judge=same, shown=lambda found: found[:1]),
    "nano_resnet": Check(find=_nano_resnet, judge=_far_above),
    "hailo_peak": Check(find=_hailo_utilisation, judge=_peak_if_half_is_used, shown=lambda found: found[:1]),
    "hailo8l_peak": Check(find=_hailo8l, judge=_peak_and_power, shown=lambda found: found[:1]),
    "orin_nano_dense": Check(
        find=_dense_nano, judge=lambda stated, found: HOLDS if min(found) >= stated[0] else CONDITIONS, shown=lambda found: found[:1]
    ),
    "orin_nano_memory": Check(find=_orin_memories, judge=same),
    "myriad_memory": Check(find=lambda: _myriad("memory"), judge=same),
    "myriad_power": Check(find=lambda: _myriad("power"), judge=same),
    "dual_temperature": Check(find=_dual_temperature, judge=_temperatures, shown=lambda found: found[:2]),
    "own_tops_per_watt": Check(find=_tops_per_watt, judge=first_is_highest, shown=lambda found: (found[0], max(found[1:]))),
    "own_leader": Check(find=_leader, judge=with_conditions(first_is_highest), shown=lambda found: (found[0], max(found[1:]))),
    "own_prices": Check(find=_cheap, judge=at_most, shown=span),
    "own_power": Check(find=lambda: _of_iot("watts_low"), judge=first_is_lowest, shown=lambda found: (found[0], min(found[1:]))),
    "own_cheapest": Check(
        find=lambda: _of_iot("usd_low"), judge=with_conditions(first_is_lowest), shown=lambda found: (found[0], min(found[1:]))
    ),
    "own_hailo_price": Check(find=_hailo_and_orin, judge=_cheaper, shown=lambda found: (found[0], found[2])),
    "pi5_power": Check(
        find=lambda: (float(len(find_device("Raspberry Pi 5 (processor alone)").find("power"))),),
        judge=lambda _, found: CONDITIONS if found[0] else NO_SOURCE,
    ),
    "float_over_int8_peak": Check(find=_halves, judge=with_conditions(lambda stated, found: same(stated * len(found), found)), shown=span),
    "memory_of_chips": Check(find=_memories, judge=first_is_highest),
}
