"""Energy of a call, from a meter's readings around and during a sample: idle, warm, steady."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from edgewb.counters import RAPL, RaplMeter, rapl_meter, zone_temperatures
from edgewb.errors import InputError, unknown_name
from edgewb.intervals import batch_means_interval
from edgewb.meters import Meter, open_meter
from edgewb.types import Basis, Energy, Phase

PROTOCOLS: Final = ("sustained", "extremes")
LEAST_READINGS: Final = 8
_BATCHES, _FEW_BATCHES, _FEW_READINGS = 5, 3, 30
"""So many batches make an interval. Simulated (2,000 and 400 runs) with readings that depend on the one before by 0, 0.5 and 0.8, it held
in 94, 89 and 76 % for 8 readings, in 95, 93 and 82 % for 30, in 96, 94 and 93 % for 100; with 10 batches in 94, 89 and 70 % for 30."""

LARGEST_GAP: Final = 0.2  # of a phase: with more of it unseen, the readings are not of the phase
_SECONDS_LIMIT = 86_400

_Row = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True, kw_only=True)
class EnergyPlan:
    """How energy is to be measured. Without a plan, the processor's counters are read where they can be, and there is no idle phase.

    Attributes:
        meter: see ``meters.open_meter``; None or "rapl" for the processor's own counters, without which "rapl" is refused.
        unit: of what the meter gives, "W", "mW" or "uW"; None: see ``meters.open_meter``.
        idle_seconds: nothing is called for so long, the model being loaded; 0 leaves it out.
        protocol: "sustained" puts ``warm_seconds`` of calls before the sample; "extremes" is the same at an ambient the person states.
        ambient_c: degrees Celsius around the device, as the person says.
    """

    meter: str | None = None
    unit: str | None = None
    idle_seconds: float = 10.0
    warm_seconds: float = 10.0
    protocol: str | None = None
    ambient_c: float | None = None

    def check(self) -> None:
        """Refuse what cannot be meant.

        Raises:
            InputError: an unknown protocol, a length or a temperature out of range, extremes without a temperature.
        """
        if self.protocol is not None and self.protocol not in PROTOCOLS:
            raise unknown_name("protocol", self.protocol, PROTOCOLS)
        for name, seconds in (("idle_seconds", self.idle_seconds), ("warm_seconds", self.warm_seconds)):
            if not 0 <= seconds <= _SECONDS_LIMIT:
                raise InputError(f"{name} {seconds!r}: 0 to {_SECONDS_LIMIT} is wanted")
        if self.ambient_c is not None and not -60 <= self.ambient_c <= 150:
            raise InputError(f"ambient {self.ambient_c!r}: degrees Celsius from -60 to 150 are wanted")
        if self.protocol == "extremes" and self.ambient_c is None:
            raise InputError("the protocol extremes needs the ambient temperature: read it beside the device and give it, --ambient 45")

    def steps(self) -> tuple[str, ...]:
        """What the person and the program do, in order; empty without a protocol."""
        if self.protocol is None:
            return ()
        steps = []
        if self.protocol == "extremes":
            steps.append(f"bring the device to {self.ambient_c:g} °C around it, and wait until its own temperature no longer moves")
        steps += [
            "end what else runs on this computer; connect the meter to what is to be measured, and to nothing else",
            f"idle, {self.idle_seconds:g} s: the model is loaded and was called once, nothing is called",
            f"warm, {self.warm_seconds:g} s: one call after the other, not in the figures",
            "steady: the sample, of which power and latency are told",
        ]
        if self.protocol == "extremes":
            steps.append("then the same at the other extreme of what the device is made for, and once at room temperature")
        return tuple(steps)


def check_meter(plan: EnergyPlan) -> None:
    """Before a long piece of work: that the meter is there and gives a number.

    Raises:
        InputError: see ``EnergyRun``.
    """
    with EnergyRun(plan):
        pass


def sample_seconds(plan: EnergyPlan) -> float:
    """How long to call a model for a figure: the processor's counters are read ten times a second, a meter a few times."""
    return 5.0 if plan.meter == RAPL else 60.0 if plan.protocol else 20.0


def unseen(basis: Basis) -> str | None:
    """Why a sample of this basis has no energy; None where it can have one."""
    return None if basis is Basis.MEASURED else f"the sample is {basis}: nothing ran that a meter could see"


class EnergyRun:
    """One energy measurement: construct (opens the meter), enter (starts it), ``start``, ``idle``, ``warm``, ``begin``, ``end``.

    Args:
        plan: None for the processor's counters, where they can be read.
        sys: where the kernel shows its hardware.

    Raises:
        InputError: a plan that cannot be, or a meter that is not there or gives no number.
    """

    def __init__(self, plan: EnergyPlan | None = None, sys: Path = Path("/sys")) -> None:
        self._plan, self._sys = plan or EnergyPlan(idle_seconds=0), sys
        self._plan.check()
        self._wanted = plan is not None
        self._meter: Meter | None = None
        if self._plan.meter == RAPL:
            self._meter, reason = rapl_meter(sys)
            if self._meter is None:
                raise InputError(f"--meter {RAPL}: {reason}")
        elif self._plan.meter is not None:
            self._meter = open_meter(self._plan.meter, self._plan.unit)
        self._spans: list[tuple[str, float, float]] = []
        self._begun = 0.0
        self._temperatures: dict[str, float] = {}
        self.missing: str | None = None

    def __enter__(self) -> Self:
        if self._meter is not None:
            self._meter.start()
        return self

    def __exit__(self, *exc: object) -> None:
        if self._meter is not None:
            self._meter.stop()

    def start(self, basis: Basis, elsewhere: bool, in_turns: bool) -> None:
        """The model is loaded; says whether this sample can have an energy at all.

        Args:
            basis: of the sample. elsewhere: whether another computer runs it. in_turns: whether another model runs between its calls.

        Raises:
            InputError: a protocol was asked for, and there is nothing that measures.
        """
        if basis != Basis.MEASURED:
            self.missing = unseen(basis)
        elif in_turns:
            self.missing = "it was measured in turns with another model, whose power no meter tells apart"
        elif elsewhere and (self._meter is None or isinstance(self._meter, RaplMeter)):
            self.missing = "it ran on another computer: connect a meter there and name it (--meter)"
        elif self._meter is None:
            self._meter, self.missing = rapl_meter(self._sys)
            try:
                if self._meter is not None:
                    self._meter.start()
            except InputError as error:  # nobody asked for these counters
                self._meter, self.missing = None, str(error)
        if self.missing is not None and self._wanted:
            if self._plan.protocol is not None:
                raise InputError(f"the protocol {self._plan.protocol} cannot be followed: {self.missing}")
            self.__exit__()
        self._temperatures = zone_temperatures(self._sys)

    def idle(self) -> None:
        """The idle phase."""
        if self.missing is None and self._plan.idle_seconds > 0:
            self._phase("idle", lambda: time.sleep(self._plan.idle_seconds))

    def warm(self, call_for: Callable[[float], object]) -> None:
        """The warm phase of a protocol; ``call_for(seconds)`` calls the model for so long."""
        if self.missing is None and self._plan.protocol is not None and self._plan.warm_seconds > 0:
            self._phase("warm", lambda: call_for(self._plan.warm_seconds))

    def begin(self) -> None:
        """The sample begins."""
        self._begun = time.perf_counter()

    def end(self, calls: int, hung: bool = False) -> Energy | None:
        """The sample has ended; what it took, or None, and then ``missing`` says why. ``hung``: the target failed, after a wait perhaps."""
        if hung and self.missing is None:
            self.missing = "the target failed, and how long it waited before is not the calls': measure again"
        self._spans.append(("steady", self._begun, time.perf_counter()))
        if self.missing is not None or self._meter is None:
            return None
        times, watts = self._meter.readings(self._spans[-1][2])
        after = zone_temperatures(self._sys)
        phases: list[Phase] = []
        notes: list[str] = []
        for name, start, end in self._spans:
            problem: str | None = self._meter.failure
            found = None if problem else window(times, watts, start, end, means=self._meter.means)
            if isinstance(found, str):
                problem = found
            if problem is not None or found is None or isinstance(found, str):
                told = f"the meter {self._meter.source}: {problem}"
                if name == "steady" or self._meter.failure:
                    self.missing = told
                    return None
                notes.append(f"{name} phase without a figure: {told} (--{name})")
                continue
            mean, interval, n = found
            zero = self._spans[0][1]
            phases.append(Phase(name=name, start_s=start - zero, end_s=end - zero, watts=mean, watts_ci95=interval, n=n))
        if len(watts) >= LEAST_READINGS and min(watts) == max(watts):
            notes.append(f"all {len(watts)} readings are {watts[0]:.4g} W: is this meter live?")
        return self._energy(phases, calls, after, tuple(notes))

    def _energy(self, phases: list[Phase], calls: int, after: dict[str, float], notes: tuple[str, ...]) -> Energy:
        assert self._meter is not None
        steady = phases[-1]
        idle = next((phase for phase in phases if phase.name == "idle"), None)
        call_ms = 1000 * (steady.end_s - steady.start_s) / calls
        low, high = steady.watts_ci95
        above = above_ci95 = None
        if idle is not None:
            # Two phases, apart in time: their errors are taken as independent.
            half = math.hypot((high - low) / 2, (idle.watts_ci95[1] - idle.watts_ci95[0]) / 2)
            difference = steady.watts - idle.watts
            if abs(difference) < 1e-9 * steady.watts:  # of equal readings only the rounding is left
                difference = half = 0.0
            above, above_ci95 = difference * call_ms, ((difference - half) * call_ms, (difference + half) * call_ms)
        return Energy(
            source=self._meter.source,
            covers=self._meter.covers,
            watts=steady.watts,
            watts_ci95=steady.watts_ci95,
            n=steady.n,
            calls=calls,
            total_mj=steady.watts * call_ms,
            total_mj_ci95=(low * call_ms, high * call_ms),
            idle_watts=None if idle is None else idle.watts,
            idle_watts_ci95=None if idle is None else idle.watts_ci95,
            above_idle_mj=above,
            above_idle_mj_ci95=above_ci95,
            phases=tuple(phases),
            protocol=self._plan.protocol,
            steps=self._plan.steps(),
            ambient_c=self._plan.ambient_c,
            temperatures_before_c=self._temperatures,
            temperatures_after_c=after,
            notes=notes,
        )

    def _phase(self, name: str, work: Callable[[], object]) -> None:
        start = time.perf_counter()
        work()
        self._spans.append((name, start, time.perf_counter()))


def window(
    times: list[float], watts: list[float], start: float, end: float, *, means: bool = False
) -> tuple[float, tuple[float, float], int] | str:
    """Mean watts from ``start`` to ``end``, its 95 % interval, and the number of readings in between; or why there is none.

    Power is integrated over time and cut into equally long batches, so that readings that come unevenly weigh what they should.

    Args:
        times: of the readings, seconds, ascending. watts: as many.
        means: a reading is the mean since the one before; else the power at its moment, joined by straight lines.
    """
    inside = [t for t in times if start <= t <= end]
    n = len(inside)
    if n < LEAST_READINGS:
        rate = f", one in {(end - start) / n:.1f} s" if n else ""
        return f"{n} reading(s) in {end - start:.1f} s{rate}, and {LEAST_READINGS} are the least that make a figure: make it longer"
    first, last = max(start, times[0]), min(end, times[-1])
    largest = max(np.diff([start, *inside, end]))
    if largest > LARGEST_GAP * (end - start):
        return f"no reading for {largest:.1f} of {end - start:.1f} s"
    at, power = np.asarray(times), np.asarray(watts)
    level = power[1:] if means else (power[1:] + power[:-1]) / 2
    joules = np.concatenate([[0.0], np.cumsum(level * np.diff(at))])
    cuts = np.linspace(first, last, (_BATCHES if n >= _FEW_READINGS else _FEW_BATCHES) + 1)
    batches = np.diff(_integral(cuts, at, power, joules, means)) / np.diff(cuts)
    return float(batches.mean()), batch_means_interval(batches.tolist()), n


def _integral(cuts: _Row, at: _Row, power: _Row, joules: _Row, means: bool) -> _Row:
    """Joules from the first reading to each cut."""
    if means:
        return np.interp(cuts, at, joules)
    after = np.clip(np.searchsorted(at, cuts, side="right"), 1, len(at) - 1)
    here = np.interp(cuts, at, power)
    result: _Row = joules[after - 1] + (power[after - 1] + here) / 2 * (cuts - at[after - 1])
    return result


def energy_text(energy: Energy | None, missing: str | None = None) -> list[str]:
    """Lines for people: the figures, what they cover, and phases where there is more than the sample."""
    if energy is None:
        return [f"energy: none, {missing}"] if missing else []
    low, high = energy.total_mj_ci95
    lines = [
        f"energy per call: {energy.total_mj:.3g} mJ [{low:.3g}, {high:.3g}] in all"
        + ("" if energy.above_idle_mj is None or energy.above_idle_mj_ci95 is None else
           f", {energy.above_idle_mj:.3g} mJ [{energy.above_idle_mj_ci95[0]:.3g}, {energy.above_idle_mj_ci95[1]:.3g}] above idle")
        + f" ({energy.basis}, n = {energy.n} readings of {energy.source}, 95 %)",
        f"  of {energy.covers}",
    ]  # fmt: skip
    lines += [
        f"  {phase.name}: {phase.watts:.3g} W [{phase.watts_ci95[0]:.3g}, {phase.watts_ci95[1]:.3g}], "
        f"{phase.end_s - phase.start_s:.1f} s, n = {phase.n}"
        for phase in energy.phases
    ]
    lines += [f"  {note}" for note in energy.notes]
    if energy.protocol is not None:
        ambient = "not stated" if energy.ambient_c is None else f"{energy.ambient_c:g} °C, as stated"
        heat = ", ".join(f"{name} {value:.0f} to {energy.temperatures_after_c.get(name, float('nan')):.0f} °C"
                         for name, value in energy.temperatures_before_c.items())  # fmt: skip
        lines.append(f"  protocol {energy.protocol}; ambient {ambient}; {heat or 'no thermal zone to read'}")
    return lines
