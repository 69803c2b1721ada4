"""Points of the checklist that want a measurement on the hardware of the field: time, power, temperature, memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from edgewb.compilers.inspections import Inspection
from edgewb.errors import InputError
from edgewb.estimates.estimations import estimate
from edgewb.lessons.checklist_points import ACCEPTABLE, NOT_NEEDED, TEMPERATURE_POINT, Point, point
from edgewb.memories import memory_text
from edgewb.types import Basis, Energy, Latency, Memory, Record

if TYPE_CHECKING:
    from edgewb.latencies import Measurement

EDGETPU: Final = "edgetpu"
_LARGEST_FILE = 500_000_000  # a million samples are some 20 MB


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """One sample of the file's latency, from its record or from what ``edgewb measure --json`` wrote. ``why_not``: "" where it counts."""

    latency: Latency
    machine: str
    memory: Memory | None = None
    lasting: bool = False
    why_not: str = ""


def read_measurements(path: str | Path) -> tuple[Measurement, ...]:
    """What ``edgewb measure --json`` printed: one measurement, those of several targets, or a list of such.

    Raises:
        InputError: no such file, or another content.
    """
    import msgspec

    from edgewb.latencies import Measurement

    wanted = "give a file that `edgewb measure FILE --json > m.json` wrote"
    try:
        if Path(path).stat().st_size > _LARGEST_FILE:
            raise InputError(f"{str(path)!r} is too large for a measurement: {wanted}")
        content = msgspec.json.decode(Path(path).read_bytes())
    except OSError as error:
        raise InputError(f"cannot read {str(path)!r} ({error.strerror}): {wanted}") from None
    except (ValueError, RecursionError):
        raise InputError(f"{str(path)!r} is no JSON: {wanted}") from None
    found = []
    for entry in content if isinstance(content, list) else [content]:
        several = entry.get("measurements") if isinstance(entry, dict) else None
        found += several if isinstance(several, list) else [entry]
    try:
        read = tuple(msgspec.convert(entry, Measurement) for entry in found)
    except msgspec.ValidationError as error:
        raise InputError(f"{str(path)!r} holds no measurement ({error}): {wanted}") from None
    if not read:
        raise InputError(f"{str(path)!r} holds no measurement: {wanted}")
    return read


def gather(seen: Inspection, own: Record | None, measured: Sequence[str | Path], field: str) -> tuple[Evidence, ...]:
    """The samples of this very file, each with why it does not count for the field, if so.

    Args:
        field: the kind of target that the field has, such as "edgetpu".

    Raises:
        InputError: a file that holds no measurement, or one of another model.
    """
    found = []
    for latency in own.latency if own else ():
        assert own is not None
        found.append(Evidence(latency=latency, machine=own.environment.cpu, why_not=_why_not(latency, seen, field)))
    for path in measured:
        for one in read_measurements(path):
            if one.sha256 != seen.sha256:
                raise InputError(
                    f"{str(path)!r} was measured with another file than {Path(seen.file).name}: {one.file}, sha256 {one.sha256[:16]}…: "
                    "give the measurement of this file, or a checklist of that one"
                )
            latency = one.to_latency()
            why = f"it stopped early ({one.failed})" if one.failed else _why_not(latency, seen, field)
            lasting = one.sustained is not None
            found.append(Evidence(latency=latency, machine=one.environment.cpu, memory=one.memory, lasting=lasting, why_not=why))
    return tuple(found)


def _why_not(latency: Latency, seen: Inspection, field: str) -> str:
    kind = latency.target.partition(":")[0]
    if latency.basis is not Basis.MEASURED:
        return f"{latency.basis}, not measured"
    # Over ssh a compiled file runs on the Edge TPU there, whatever the target is called.
    if kind == field or (field == EDGETPU and kind == "ssh" and seen.kind == "compiled"):
        return ""
    return "not the hardware of the field"


def _aside(evidence: Sequence[Evidence]) -> str:
    """What does not count, so that nobody wonders where it went."""
    told: dict[str, list[str]] = {}
    for one in evidence:
        if one.why_not:
            told.setdefault(one.why_not, []).append(f"{one.latency.target} (n = {one.latency.n:,})")
    return "".join(f" Left aside, as {why}: {', '.join(names)}." for why, names in told.items())


def _measure(field: str, options: str = "") -> str:
    return f"edgewb measure FILE --target {field}{options} --json > m.json, then measured=['m.json']"


def _counting(evidence: Sequence[Evidence]) -> list[Evidence]:
    return [one for one in evidence if not one.why_not]


def _conditions(one: Evidence) -> str:
    latency, parts = one.latency, [one.machine]
    if latency.facts is not None:
        place = (latency.facts.device, latency.facts.bus, latency.facts.clock and f"clock {latency.facts.clock}")
        parts += [latency.facts.runtime, *(text for text in place if text)]
    parts.append(f"{latency.threads} thread{'' if latency.threads == 1 else 's'}")
    noted = latency.conditions.notes if latency.conditions is not None else ()
    return ", ".join(dict.fromkeys(parts)) + (f"; noted: {'; '.join(noted)}" if noted else "")


def profile(evidence: Sequence[Evidence], model: str | Path, field: str) -> Point:
    """6: latency on the hardware of the field."""
    asks = "Its time was measured on the hardware of the field, not on the developer's"
    said = [
        f"{one.latency.target}: median {one.latency.latency_ms.p50:.3g} ms, 99th percentile {one.latency.latency_ms.p99:.3g} ms, "
        f"first call {one.latency.first_ms:.3g} ms (measured, n = {one.latency.n:,}; {_conditions(one)})."
        for one in _counting(evidence)
    ]
    if said:
        return point(6, asks, " ".join(said))
    answer = f"No measurement on the hardware of the field ({field}).{_aside(evidence)}"
    guess = estimate(model) if field == EDGETPU else None
    if guess is not None and guess.latency_ms is not None:
        answer += f" Estimated, not measured: {guess.latency_ms.low:.2g} to {guess.latency_ms.high:.2g} ms on {guess.host}, {guess.bus}."
    return point(6, asks, answer, f"on the computer of the field: {_measure(field)}")


def _watts(energy: Energy) -> str:
    low, high = energy.watts_ci95
    return (
        f"{energy.watts:.2f} W, 95 % interval {low:.2f} to {high:.2f}; {energy.total_mj:.3g} mJ a call (measured by {energy.source}, "
        f"n = {energy.n} readings, {energy.calls:,} calls; of {energy.covers})"
    )


def power(evidence: Sequence[Evidence], model: str | Path, field: str) -> Point:
    """7: watts under a lasting load."""
    asks = "Power was measured under lasting load, not read off a data sheet"
    metered = [(one, one.latency.energy) for one in _counting(evidence) if one.latency.energy is not None]
    lasting = [energy for one, energy in metered if energy.protocol is not None or one.lasting]
    if lasting:
        return point(7, asks, " ".join(f"{_watts(energy)}." for energy in lasting))
    to_do = _measure(field, " --meter COMMAND --protocol sustained")
    if metered:
        return point(7, asks, f"{_watts(metered[0][1])}, but not under lasting load.", to_do)
    guess = estimate(model).energy_mj if field == EDGETPU else None
    said = "No measurement of power."
    if guess is not None:
        said += f" Estimated, not measured: {guess.low:.2g} to {guess.high:.2g} mJ an inference above idle."
    return point(7, asks, said, to_do)


def temperature(evidence: Sequence[Evidence], field: str, accepted: bool) -> Point:
    """8: both extremes. ``accepted``: the person says that the field has none."""
    asks = "It was tried at the extremes of temperature, where the field has them"
    tried = {}
    for one in _counting(evidence):
        energy = one.latency.energy
        if energy is not None and energy.protocol == "extremes" and energy.ambient_c is not None:
            tried[energy.ambient_c] = f"median {one.latency.latency_ms.p50:.3g} ms, {energy.watts:.2f} W, n = {one.latency.n:,}"
    said = "; ".join(f"at {ambient:g} °C {tried[ambient]}" for ambient in sorted(tried))
    if len(tried) > 1:
        return point(TEMPERATURE_POINT, asks, f"Measured {said} (temperatures as you stated them).")
    if accepted:
        before = f"Measured {said}. " if tried else ""
        return point(TEMPERATURE_POINT, asks, f"{before}You said: {ACCEPTABLE[TEMPERATURE_POINT]}.", state=NOT_NEEDED)
    to_do = f"at both ends: {_measure(field, ' --meter COMMAND --protocol extremes --ambient C')}"
    to_do += f"; or say that {ACCEPTABLE[TEMPERATURE_POINT]}, such as a heated room: accept=[{TEMPERATURE_POINT}]"
    answer = f"Measured {said}; the other end is missing." if tried else "No measurement."
    return point(TEMPERATURE_POINT, asks, answer, to_do)


def memory(seen: Inspection, evidence: Sequence[Evidence], model: str | Path, field: str) -> Point:
    """10: the peak of the process that ran it."""
    asks = "Memory while it runs, not only the size of the file"
    for one in _counting(evidence):
        told = None if one.memory is None else memory_text(one.memory)
        if told is not None:
            return point(10, asks, f"{told[:1].upper()}{told[1:]}, n = 1 process ({one.machine}).")
    size, largest = Path(model).stat().st_size, seen.largest_activation_bytes
    said = f"The file has {size / 1e6:.3g} MB (measured, n = 1)."
    if largest is not None:
        said += f" Its largest activation takes {largest / 1e6:.3g} MB (read from the file)."
    return point(10, asks, said, f"on the computer of the field: {_measure(field)}")
