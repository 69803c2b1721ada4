"""A profile for a device, from a handful of nets measured on it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from edgewb.errors import InputError
from edgewb.estimates.forms import NAMES, Array, Form, Table
from edgewb.estimates.hosts import Profile, find_profile, form, save
from edgewb.estimates.kinds import judge
from edgewb.estimates.works import Work
from edgewb.types import Basis, Jsonable

COMMON: Final = 0.5
"""By how much a host may be slower or faster as a whole (standard deviation of the logarithm)."""
OWN: Final = {
    "overhead_ms": 0.15, "input_mb_s": 0.15, "output_mb_s": 0.5, "stream_mb_s": 0.15, "mcycles_s": 0.05, "depthwise": 0.05,
    "per_op_ms": 0.3, "detection_ms": 0.5,
}  # fmt: skip
"""By how much each constant may differ beyond that."""
ENOUGH: Final = 3
MANY: Final = 6
"""With fewer nets the intervals stay those of an unknown host: of calibrations on three, replayed on four hosts, the narrower ones held
67 % of the other nets instead of 80 (117 of 140 on a Raspberry Pi 4, 17 of 56 on a Pi 3)."""


def adapt(table: Table, measured: Array, start: Mapping[str, float], by: Form) -> dict[str, float]:
    """One factor for the host, and a little freedom for each constant: as much as a few rows can say."""
    from scipy.optimize import least_squares

    spread = np.array([COMMON, *(OWN[name] for name in NAMES)])
    # The depthwise factor is a ratio of the chip's own: a slower host does not change it.
    direction = np.array([0 if name == "depthwise" else -1 if name.endswith("_s") else 1 for name in NAMES])
    first = np.log([max(start[name], 1e-9) for name in NAMES])
    truth = np.log(measured)

    def constants(logs: Array) -> dict[str, float]:
        return dict(zip(NAMES, np.exp(first + direction * logs[0] + logs[1:]).tolist(), strict=True))

    def residuals(logs: Array) -> Array:
        return np.concatenate([(np.log(table.times(constants(logs), by)) - truth) / 0.1, logs / spread])

    found: Any = least_squares(residuals, np.zeros(len(spread)), x_scale=spread)
    return constants(found.x)


@dataclasses.dataclass(frozen=True, kw_only=True)
class CalibratedModel(Jsonable):
    """One net the calibration rests on. ``left_out_ms``: what a calibration without it says; None with fewer than two nets."""

    model: str
    measured_ms: float
    before_ms: float
    after_ms: float
    left_out_ms: float | None


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class Calibration(Jsonable):
    """A profile fitted to a device. ``factor``: how much slower than the start it is, on these nets. ``enough``: whether three nets and
    more, which differ, are behind it. ``profile`` is what ``save`` writes."""

    host: str
    bus: str
    clock: str
    start: str
    n: int
    factor: float
    enough: bool
    advice: tuple[str, ...]
    left_out_error: float | None
    models: tuple[CalibratedModel, ...]
    constants: dict[str, float]
    out: str | None = None
    basis: Basis = Basis.ESTIMATED

    def __repr__(self) -> str:
        lines = [f"{self.host}: {self.factor:.2f} times the latency of {self.start} on {self.n} net(s) ({self.basis.value})", ""]
        lines.append(f"{'model':<40}{'measured':>10}{'before':>10}{'after':>10}{'left out':>10}  ms")
        for model in self.models:
            left = "-" if model.left_out_ms is None else f"{model.left_out_ms:.2f}"
            lines.append(f"{model.model[-38:]:<40}{model.measured_ms:>10.2f}{model.before_ms:>10.2f}{model.after_ms:>10.2f}{left:>10}")
        lines.append("")
        if self.left_out_error is not None:
            lines.append(f"left out one by one, the estimate is off by {100 * self.left_out_error:.0f} % on average (n = {self.n})")
        lines += [f"too few: {line}" for line in self.advice]
        if self.out:
            lines.append(f"written to {self.out}: give it as --host {self.out}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        import html

        return f"<pre>{html.escape(repr(self))}</pre>"


def read_measured(path: str | Path) -> dict[str, float]:
    """A .json file with {"model.tflite": milliseconds, ...}; paths are relative to the file. ``edgewb measure --json`` objects in a list
    do too.

    Raises:
        InputError: no such file, or another content.
    """
    place = Path(path)
    try:
        if place.stat().st_size > 10_000_000:
            raise InputError(f"{str(path)!r} is too large: give a JSON object of model files and milliseconds")
        content = json.loads(place.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read {str(path)!r} ({error.strerror}): give a JSON object of model files and milliseconds") from None
    except (ValueError, RecursionError):
        raise InputError(f'{str(path)!r} is no JSON: give an object such as {{"model.tflite": 4.2}}') from None
    if isinstance(content, list):
        if any(isinstance(entry, dict) and entry.get("basis") == "simulated" for entry in content):
            raise InputError(f"{str(path)!r} holds simulated latencies, which are estimates themselves: give what was measured on a device")
        content = {
            str(entry.get("file")): entry.get("latency_ms", {}).get("p50")
            for entry in content
            if isinstance(entry, dict) and isinstance(entry.get("latency_ms"), dict)
        }
    if not isinstance(content, dict) or not content:
        raise InputError(f'{str(path)!r} holds no measurements: give an object such as {{"model.tflite": 4.2}}')
    found = {}
    for name, value in content.items():
        model = Path(name)
        found[str(model if model.is_absolute() else place.parent / model)] = value
    return found


def calibrate(
    measured: Mapping[str, float],
    name: str = "calibrated",
    start: str = "desktop",
    bus: str | None = None,
    clock: str = "max",
    out: str | Path | None = None,
) -> Calibration:
    """Fit a profile to a device from nets measured on it.

    Args:
        measured: model file -> milliseconds of one inference (the median, first call apart).
        name: what the profile is called.
        start: the host whose profile is adapted; ``bus`` and ``clock`` as they were when measuring.
        out: a .json file to write the profile to, to be given as a host from then on.

    Raises:
        InputError: no measurement, a time that is none, a model that cannot be estimated, an unknown host.
    """
    from edgewb.estimates.estimations import read_work

    if not measured:
        raise InputError("nothing was measured: give model=milliseconds, or a .json file of them")
    if out is not None and Path(out).suffix != ".json":
        raise InputError(f"--out {str(out)!r} must end in .json, by which --host knows it for a profile")
    works = []
    places = [Path(model).resolve() for model in measured]
    if len(set(places)) < len(places):
        raise InputError("a model is given twice: give each once, with the median of its measurements")
    for model, value in measured.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0.01 <= value <= 100_000:
            raise InputError(f"{model!r}: {value!r} is no latency: give milliseconds between 0.01 and 100000")
        work = read_work(model).work
        refused = judge(work).refused
        if refused is not None:
            raise InputError(f"{model!r} cannot calibrate a host, because no estimate of it is given: {refused}")
        works.append(work)
    return calibrate_works(list(measured), works, list(measured.values()), find_profile(start, bus, clock), name, out)


def calibrate_works(
    names: Sequence[str],
    works: Sequence[Work],
    measured: Sequence[float],
    profile: Profile,
    name: str = "calibrated",
    out: str | Path | None = None,
) -> Calibration:
    """The same for nets already read."""
    table, times, by = Table(works), np.array(measured, float), form()
    n = len(works)
    before = table.times(profile.constants, by)
    constants = adapt(table, times, profile.constants, by)
    after = table.times(constants, by)
    left: list[float | None] = [None] * n
    if n > 1:
        for i in range(n):
            rest = [j for j in range(n) if j != i]
            left[i] = float(table.chosen([i]).times(adapt(table.chosen(rest), times[rest], profile.constants, by), by)[0])
    error = (
        float(np.mean([abs(guess / truth - 1) for guess, truth in zip(left, times, strict=True) if guess is not None])) if n > 1 else None
    )
    advice = _advice(works, error)
    fitted = dataclasses.replace(
        profile,
        host=name,
        constants=constants,
        sources=dict.fromkeys(NAMES, f"calibrated on {n} measured net(s), starting from {profile.host} {profile.bus}"),
        n=n,
        residuals="few_rows" if not advice and n >= MANY and profile.bus != "usb2" else "unknown_host",
        note=f"calibrated with {n} net(s)",
    )
    if out is not None:
        save(fitted, Path(out))
    return Calibration(
        host=name,
        bus=profile.bus,
        clock=profile.clock,
        start=profile.host,
        n=n,
        factor=float(np.exp(np.mean(np.log(after / before)))),
        enough=not advice,
        advice=advice,
        left_out_error=error,
        models=tuple(
            CalibratedModel(model=model, measured_ms=float(t), before_ms=float(b), after_ms=float(a), left_out_ms=guess)
            for model, t, b, a, guess in zip(names, times, before, after, left, strict=True)
        ),
        constants=constants,
        out=None if out is None else str(out),
    )


def _advice(works: Sequence[Work], error: float | None) -> tuple[str, ...]:
    """When three are too few: fewer than three, all alike, or one contradicts the others."""
    advice = []
    # Copies of one net say nothing new.
    n = len({(w.input_bytes, w.output_bytes, w.cycles, w.cached_bytes, w.streamed_bytes) for w in works})
    if n < ENOUGH:
        advice.append(f"{n} different net(s) measured, {ENOUGH} are the least: intervals stay those of an unknown host")
    elif max(w.input_bytes + w.instruction_bytes + w.output_bytes for w in works) < 2 * min(
        w.input_bytes + w.instruction_bytes + w.output_bytes for w in works
    ) and max(w.cycles for w in works) < 2 * min(w.cycles for w in works):
        advice.append("the nets are all alike: add one that moves or computes at least twice as much")
    if error is not None and n >= ENOUGH and error > 0.25:
        advice.append(f"left out one by one they are missed by {100 * error:.0f} %: one contradicts the others; measure {n + 2} or more")
    return tuple(advice)
