"""Energy of a call: what a meter showed, or an estimate."""

from __future__ import annotations

import dataclasses

from edgewb.types.bases import Basis, Jsonable


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class EnergyRange(Jsonable):
    """Millijoules of the Edge TPU beyond idling, for one inference: an interval from powers that others measured, and its middle.

    The basis is that of the estimate it belongs to, and so are host, bus and clock.
    """

    low: float
    mid: float
    high: float
    assumption: str

    def __repr__(self) -> str:
        return f"{self.low:.2f} to {self.high:.2f} mJ per inference (estimated; {self.assumption})"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Phase(Jsonable):
    """A part of an energy measurement: seconds since the first one began, mean watts with a 95 % interval, and ``n`` readings."""

    name: str
    start_s: float
    end_s: float
    watts: float
    watts_ci95: tuple[float, float]
    n: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Energy(Jsonable):
    """What a meter showed while a sample was taken, and what that makes for one call.

    ``source`` names the meter, ``covers`` what its watts are the power of. ``total_mj`` is the mean power times the time from one call to
    the next, in millijoules; ``above_idle_mj`` leaves out ``idle_watts`` (model loaded and called once, then nothing), None where that was
    not measured. Intervals are of 95 %, from means of batches of the ``n`` readings; the meter's own error is not in them.
    ``protocol``, ``steps`` and ``ambient_c`` are what the person was asked to do and said; temperatures are the computer's own zones.
    """

    source: str
    covers: str
    watts: float
    watts_ci95: tuple[float, float]
    n: int
    calls: int
    total_mj: float
    total_mj_ci95: tuple[float, float]
    idle_watts: float | None = None
    idle_watts_ci95: tuple[float, float] | None = None
    above_idle_mj: float | None = None
    above_idle_mj_ci95: tuple[float, float] | None = None
    phases: tuple[Phase, ...] = ()
    protocol: str | None = None
    steps: tuple[str, ...] = ()
    ambient_c: float | None = None
    temperatures_before_c: dict[str, float] = dataclasses.field(default_factory=dict)
    temperatures_after_c: dict[str, float] = dataclasses.field(default_factory=dict)
    notes: tuple[str, ...] = ()
    basis: Basis = Basis.MEASURED
