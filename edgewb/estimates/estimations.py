"""`edgewb estimate`: latency and energy of a model on a host, without a device."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from math import exp, isclose, log
from pathlib import Path
from typing import Any, Final

from edgewb.compilers.budgets import budget
from edgewb.compilers.limits import check_generation
from edgewb.compilers.packages import STAND_IN_CHIP, read_packages
from edgewb.compilers.placement import first_blocker, place
from edgewb.errors import InputError, ModelFileError
from edgewb.estimates.energies import energy
from edgewb.estimates.forms import DETECTIONS, PARTS, breakdown
from edgewb.estimates.hosts import Profile, find_profile, form, stored
from edgewb.estimates.kinds import ABSORBED, Kind, judge, resembles, signature
from edgewb.estimates.works import CYCLES_SPREAD, Work, work_of_graph, work_of_package
from edgewb.tflite.graphs import Graph
from edgewb.tflite.reader import load_bytes, read_graph
from edgewb.types import Basis, EnergyRange, EstimatedLatency, Jsonable, LatencyRange

NS_PER_VALUE: Final = 0.08
"""A QUANTIZE or DEQUANTIZE on a desktop processor, per value read or written: 0.06 to 0.09 ns with LiteRT's built-in kernels on one
machine of ours (n = 50 each of 15,000 to 1,500,000 values). On other hosts times their processor's factor."""
CPU_SPREAD: Final = 10.0
"""The time of CPU ops may be so much longer: other processors, cold caches."""
OUTPUT_MB_S: Final = (23.0, 87.0)
"""Slowest and fastest rate at which outputs were seen to leave the device on USB 3; the worst known constant."""
LARGE_SHARE: Final = 0.25
FIRST_MS: Final = 1.0
FIRST_SPREAD: Final = (0.8, 1.5)
"""The first inference also sends what is cached, at the rate of streaming, and takes a millisecond more. Seven of eight published pairs of
first and later inferences (``data/latency/pairs.json``) lie between these factors on the difference."""
HEAVY_SHARE: Final = 0.25


@dataclasses.dataclass(frozen=True, kw_only=True)
class Bound(Jsonable):
    """Milliseconds it takes at least, where no estimate is given."""

    at_least: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class Coverage(Jsonable):
    """``stated``: how often the interval should hold. ``held_out``: how often it did for ``n`` nets the fit had not seen; None where too
    few."""

    stated: float
    held_out: float | None
    n: int
    kind: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class WhatIf(Jsonable):
    """Milliseconds (mid) if the parameters fitted the cache, if it hung on USB 3, if the first blocker were mended; None where it is so
    already, does not apply or no estimate would be given either."""

    fits_cache: float | None
    usb3: float | None
    blocker_fixed: float | None


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class Estimate(Jsonable):
    """What one inference takes. ``latency_ms`` and all that follows from it are None where the data cannot support it; ``refused`` says
    why, and ``bound_ms`` what can be said. The parts of ``breakdown_ms`` add up to ``latency_ms.mid``."""

    file: str
    basis: Basis
    host: str
    bus: str
    clock: str
    kind: str
    latency_ms: LatencyRange | None
    first_inference_ms: LatencyRange | None
    energy_mj: EnergyRange | None
    breakdown_ms: dict[str, float] | None
    refused: str | None
    bound_ms: Bound | None
    coverage: Coverage | None
    rests_on: tuple[str, ...]
    doubts: tuple[str, ...]
    what_if: WhatIf
    moved_bytes: dict[str, int]

    @property
    def mid_ms(self) -> float:
        """The estimate; an error where none is given."""
        if self.latency_ms is None:
            raise InputError(f"no estimate of {self.file!r}: {self.refused}")
        return self.latency_ms.mid

    def __repr__(self) -> str:
        from edgewb.estimates.reports import estimate_text

        return estimate_text(self)

    def _repr_html_(self) -> str:
        from edgewb.estimates.reports import estimate_html

        return estimate_html(self)


@dataclasses.dataclass(frozen=True)
class Read:
    """A file's work, what was read and what predicted, and the same with the first blocker mended."""

    work: Work
    kind: str
    simulated: bool
    compiler: str | None
    mended: Work | None = None
    blocker: str | None = None


def read_work(path: str | Path, compiler: str = "16.0", source: str | Path | None = None) -> Read:
    """What a .tflite file, source or compiled, asks of the device.

    Args:
        source: for a compiled file the model it was made from, whose ops say what is computed.

    Raises:
        ModelFileError: no such file, not a .tflite, truncated or corrupted.
        InputError: unknown compiler generation, or a source that is none.
    """
    read = read_bytes(load_bytes(path), str(path), compiler)
    if source is None:
        return read
    if read.kind != "compiled":
        raise InputError(f"{str(path)!r} is a source model itself: --source goes with a compiled file")
    original = read_bytes(load_bytes(source), str(source), compiler)
    if original.kind != "source":
        raise InputError(f"{str(source)!r} is compiled too: give the .tflite it was compiled from")
    return read_bytes(load_bytes(path), str(path), compiler, original.work)


def read_bytes(raw: bytes, file: str, compiler: str = "16.0", source: Work | None = None) -> Read:
    """The same for the bytes of a file; ``file`` is what messages call it."""
    check_generation(compiler)
    try:
        graph = read_graph(raw)
    except ModelFileError as error:
        raise ModelFileError(f"{file!r}: {str(error).replace('the given bytes', 'it', 1)}") from None
    return read_of_graph(graph, file, compiler, source)


def read_of_graph(graph: Graph, file: str, compiler: str = "16.0", source: Work | None = None) -> Read:
    """The same for a graph already read; ``file`` is what messages call it."""
    check_generation(compiler)
    try:
        read = _read(graph, compiler, source)
        work = read.work
        if max(work.macs, work.input_bytes, work.output_bytes, work.cached_bytes + work.streamed_bytes + work.const_bytes) >= 2**53:
            raise ModelFileError("its shapes ask for more bytes or multiplications than 2**53: it is corrupted; convert it again")
        return read
    except ModelFileError as error:
        raise ModelFileError(f"{file!r}: {error}") from None


def _read(graph: Graph, compiler: str, source: Work | None) -> Read:
    if graph.is_compiled:
        executables = read_packages(graph)
        simulated = any(executable.chip == STAND_IN_CHIP for executable in executables)
        return Read(work_of_package(graph, executables, source), "compiled", simulated, None)
    placements = place(graph, compiler)
    work = work_of_graph(graph, placements, budget(graph, placements, compiler))
    blocker = first_blocker(graph, placements, compiler)
    mended = None
    if blocker is not None:
        after = place(graph, compiler, (blocker.index,))
        mended = work_of_graph(graph, after, budget(graph, after, compiler))
    return Read(work, "source", False, compiler, mended, None if blocker is None else f"op {blocker.index} {blocker.op[:60]}")


def estimate(
    path: str | Path,
    host: str = "desktop",
    bus: str | None = None,
    clock: str = "max",
    compiler: str = "16.0",
    source: str | Path | None = None,
) -> Estimate:
    """Latency and energy of one inference of a .tflite file, source or compiled, without a device.

    Args:
        host: desktop, pi4, pi3, devboard, sweep_host, or a profile that ``edgewb calibrate`` wrote (.json).
        bus: usb3, usb2 or pcie; by default what is usual on that host.
        clock: max (500 MHz) or std (250 MHz).
        compiler: the generation whose placement is predicted for a source model.
        source: for a compiled file the model it was made from.

    Raises:
        ModelFileError: no such file, not a .tflite, truncated or corrupted.
        InputError: unknown host, bus, clock or compiler, or a host without that bus.
    """
    profile = find_profile(host, bus, clock)
    return estimate_read(read_work(path, compiler, source), profile, str(path))


def estimate_work(work: Work, profile: Profile | None = None, file: str = "") -> Estimate:
    """The same for work already known: a published row, or a net described by hand."""
    return estimate_read(Read(work, "described", False, None), profile or find_profile(), file)


def estimate_read(read: Read, profile: Profile, file: str) -> Estimate:
    """The same for a file already read."""
    work = read.work
    kind = judge(work)
    parts = parts_of(work, profile)
    total = sum(parts.values())
    refused = kind.refused
    if refused is None and parts["cpu_ops"] > HEAVY_SHARE * (total - parts["cpu_ops"]) and not _fitted_cpu(work):
        refused = f"the ops left on the CPU may take {parts['cpu_ops']:.1f} of {total:.1f} ms: a heavy CPU part"
    if refused is None and "compute" in work.guessed and 2 * parts["compute"] > total:
        refused = "most of its time would be compute, which the compiled file does not tell: give the model it was compiled from (--source)"
    name, factors, alone = interval_of(work, profile, kind)
    what_if = _what_if(read, profile)
    moved = {
        "input": work.input_bytes, "instructions": round(work.instruction_bytes), "output": work.output_bytes,
        "streamed_parameters": work.streamed_bytes + work.const_bytes, "cached_parameters": work.cached_bytes,
    }  # fmt: skip
    basis = Basis.SIMULATED if read.simulated else Basis.ESTIMATED
    doubts = kind.doubts
    if "compute" in work.guessed:
        doubts += ("its compute is guessed: the compiler wrote no cycles into the file; give the model it was compiled from (--source)",)
    shared: dict[str, Any] = {
        "file": file, "basis": basis, "host": profile.host, "bus": profile.bus, "clock": profile.clock, "kind": name,
        "rests_on": _rests_on(read, profile, name), "doubts": doubts, "what_if": what_if, "moved_bytes": moved,
    }  # fmt: skip
    if refused is not None:
        once = dataclasses.replace(work, layers=tuple(dataclasses.replace(layer, passes=1) for layer in work.layers))
        sure = [part for part in PARTS if part != "cpu_ops" and not (part == "compute" and "compute" in work.guessed)]
        least = sum(v for part, v in parts_of(once, profile).items() if part in sure) * stored()["intervals"]["new_family"]["low"]
        return Estimate(
            latency_ms=None, first_inference_ms=None, energy_mj=None, breakdown_ms=None, refused=refused,
            bound_ms=Bound(at_least=least) if work.ops else None, coverage=None, **shared,
        )  # fmt: skip
    low, high = _widened(work, profile, parts, factors)
    # How often an interval held was looked at for plain ones alone: not joined, not widened, at the clock and on the buses of the rows.
    as_is = isclose(low, total * factors[0]) and isclose(high, total * factors[1])
    checked = alone and as_is and profile.clock == "max" and name != "doubtful" and (profile.bus, name) != ("usb2", "unknown_host")
    later = LatencyRange(low=low, mid=total, high=high)
    extra = FIRST_MS + work.cached_bytes / (profile.constants["stream_mb_s"] * 1e3)
    seen = stored()["intervals"][name]
    return Estimate(
        latency_ms=later,
        first_inference_ms=LatencyRange(low=low + FIRST_SPREAD[0] * extra, mid=total + extra, high=high + FIRST_SPREAD[1] * extra),
        energy_mj=energy(later, profile.bus),
        breakdown_ms=parts,
        refused=None,
        bound_ms=None,
        coverage=Coverage(stated=seen["stated"], held_out=seen["held_out"] if checked else None, n=seen["n"], kind=name),
        **shared,
    )


def parts_of(work: Work, profile: Profile) -> dict[str, float]:
    """Milliseconds of each part of ``forms.PARTS``."""
    parts = breakdown(work, profile.constants, form())
    touched = sum(op.elements for op in work.cpu if op.op not in (*DETECTIONS, *ABSORBED))
    parts["cpu_ops"] += NS_PER_VALUE * touched * 1e-6 * profile.cpu_factor
    return {part: parts[part] for part in PARTS}


def _fitted_cpu(work: Work) -> bool:
    return any(op.op in DETECTIONS for op in work.cpu)


def interval_of(work: Work, profile: Profile, kind: Kind) -> tuple[str, tuple[float, float], bool]:
    """Which held-out residuals speak for this net on this host, the factors they give, and whether they do so alone. Doubts join."""
    intervals: Mapping[str, Any] = stored()["intervals"]
    own = signature(work)
    families = [profile.residuals]
    if profile.residuals != "sweep" and not any(resembles(own, other) for other in stored()["known_nets"]):
        families.append("new_family")
    if kind.doubts:
        families.append("doubtful")
    sides = [(intervals[name]["low"], intervals[name]["high"]) for name in families]
    widest = max(families, key=lambda name: log(intervals[name]["high"]) - log(intervals[name]["low"]))
    # A new kind of net and a little known host: neither's residuals have the other's part in them.
    low, high = (_joined([side[i] for side in sides]) for i in (0, 1))
    return widest, (min(low, 0.99), max(high, 1.01)), len(families) == 1


def _joined(factors: Sequence[float]) -> float:
    """Factors, all on one side of 1, of doubts that have nothing to do with each other."""
    size = sum(log(factor) ** 2 for factor in factors) ** 0.5
    return exp(size if max(factors) > 1 else -size)


def _widened(work: Work, profile: Profile, parts: Mapping[str, float], factors: tuple[float, float]) -> tuple[float, float]:
    """The interval with what residuals of other nets do not know of: a large output, guessed compute, CPU ops."""
    total = sum(parts.values())
    below, above = [factors[0]], [factors[1]]
    if parts["output"] > LARGE_SHARE * total:
        # As far from the host's rate as the published ones are from the desktop's.
        share, rate = parts["output"] / total, stored()["hosts"]["desktop"]["buses"]["usb3"]["constants"]["output_mb_s"]["value"]
        below.append(min(1.0, rate / OUTPUT_MB_S[1]) ** share)
        above.append(max(1.0, rate / OUTPUT_MB_S[0]) ** share)
    if "compute" in work.guessed:
        rest = total - parts["compute"]
        below.append((rest + parts["compute"] * CYCLES_SPREAD[0]) / total)
        above.append((rest + parts["compute"] * CYCLES_SPREAD[1]) / total)
    if "instruction bytes" in work.guessed and profile.bus == "usb2":
        # There they are most of the time; the guess is 27 % off on average, and up to four times too small.
        share = parts["input"] / total
        below.append(1.27**-share)
        above.append(2.0**share)
    plain = max(0.0, parts["cpu_ops"] - profile.constants["detection_ms"] * sum(op.op in DETECTIONS for op in work.cpu))
    above.append(1 + plain * (CPU_SPREAD - 1) / total)
    return total * _joined(below), total * _joined(above)


def _what_if(read: Read, profile: Profile) -> WhatIf:
    work = read.work
    refused = judge(work).refused is not None
    fits = usb3 = fixed = None
    if work.streamed_bytes and not [op for op in work.cpu if op.macs]:
        kept = dataclasses.replace(work, layers=tuple(dataclasses.replace(layer, streamed=False) for layer in work.layers))
        fits = sum(parts_of(kept, profile).values()) if judge(kept).refused is None else None
    if not refused and profile.bus == "usb2" and profile.host in stored()["hosts"]:
        faster = "pi4" if profile.host == "pi3" else profile.host
        usb3 = sum(parts_of(work, find_profile(faster, "usb3", profile.clock)).values())
    if read.mended is not None and judge(read.mended).refused is None:
        fixed = sum(parts_of(read.mended, profile).values())
    return WhatIf(fits_cache=fits, usb3=usb3, blocker_fixed=fixed)


def _rests_on(read: Read, profile: Profile, name: str) -> tuple[str, ...]:
    seen = stored()["intervals"][name]
    rests = []
    if read.simulated:
        rests.append("a file of edgewb's stand-in compiler: nothing in it is compiled")
    elif read.kind == "compiled":
        rests.append("instruction, streamed, input and output bytes read from the compiled file")
    elif read.kind == "source":
        rests.append(f"placement and parameter bytes predicted for compiler {read.compiler}")
    rests += [f"{what} guessed" for what in read.work.guessed]
    behind = f"{profile.n} measured nets" if profile.n else "no net measured on it: constants of its bus and chip"
    rests.append(f"profile {profile.host} {profile.bus} {profile.clock}: {behind}" + (f" ({profile.note})" if profile.note else ""))
    if profile.clock == "std":
        rests.append("the std clock by halving the rate of compute; its rows were measured with the max clock")
    rests.append(f"interval: {seen['rests_on']} (n = {seen['n']})")
    return tuple(rests)


def estimated_latency(path: str | Path, host: str = "desktop") -> EstimatedLatency:
    """The estimate of a file as a record holds it, on the host's usual bus and at full clock."""
    answer = estimate(path, host=host)
    span, covered = answer.latency_ms, answer.coverage
    return EstimatedLatency(
        target="edgetpu",
        host=answer.host,
        bus=answer.bus,
        clock=answer.clock,
        basis=answer.basis,
        n=0 if covered is None else covered.n,
        latency_ms=None if span is None else LatencyRange(low=span.low, mid=span.mid, high=span.high),
        coverage=None if covered is None else covered.stated,
        held_out=None if covered is None else covered.held_out,
        refused=answer.refused,
        energy_mj=answer.energy_mj,
    )
