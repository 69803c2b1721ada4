"""The model of the time of one inference: which bytes cross the bus at which rate, and how fast the tiles compute."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from edgewb.estimates.layers import Work

Array = npt.NDArray[np.float64]

PARTS: Final = ("overhead", "input", "output", "parameters", "compute", "cpu_ops")
"""What a latency is made of."""

NAMES: Final = ("overhead_ms", "input_mb_s", "output_mb_s", "stream_mb_s", "mcycles_s", "depthwise", "per_op_ms", "detection_ms")
"""The constants of a profile. ``mcycles_s``: millions of cycles a second, one being 1,024 multiplications; ``depthwise``: how much longer a
depthwise cycle takes; ``detection_ms``: one detection post-processing on the host's processor."""


DETECTIONS: Final = ("TFLite_Detection_PostProcess",)
"""The only CPU op whose time was fitted."""


@dataclasses.dataclass(frozen=True)
class Form:
    """One way to add it all up. ``overlap``: a streamed layer takes the longer of streaming and computing, not both; ``tiles``: compute from
    the split over tiles, not from the count of multiplications; ``robust``: fitted so that a few bad rows cannot pull it."""

    name: str
    overlap: bool
    tiles: bool
    robust: bool
    fixed: tuple[str, ...] = ()


FORMS: Final = (
    Form("plain: bytes and multiplications, least squares", overlap=False, tiles=False, robust=False),
    Form("plain: bytes and multiplications, robust", overlap=False, tiles=False, robust=True),
    Form("tiles, streaming beside compute added, least squares", overlap=False, tiles=True, robust=False),
    Form("tiles, streaming beside compute added, robust", overlap=False, tiles=True, robust=True),
    Form("tiles, the longer of streaming and compute, least squares", overlap=True, tiles=True, robust=False),
    Form("tiles, the longer of streaming and compute, robust", overlap=True, tiles=True, robust=True),
    Form("the same, clock and depthwise as known", overlap=True, tiles=True, robust=True, fixed=("mcycles_s", "depthwise")),
    Form("the same, nothing per op", overlap=True, tiles=True, robust=True, fixed=("per_op_ms",)),
)
"""Every form that the study tries; none was added or dropped after residuals were seen."""


class Table:
    """Many works as arrays, so that a fit evaluates all of them at once."""

    def __init__(self, works: Sequence[Work]) -> None:
        self.count = len(works)
        self.instructions = np.array([w.instruction_bytes for w in works], float)
        self.given = np.array([w.input_bytes for w in works], float)
        self.result = np.array([w.output_bytes for w in works], float)
        self.consts = np.array([w.const_bytes for w in works], float)
        self.ops = np.array([sum(layer.kind != "other" for layer in w.layers) for w in works], float)
        self.detections = np.array([sum(op.op in DETECTIONS for op in w.cpu) for w in works], float)
        layers = [(i, layer) for i, w in enumerate(works) for layer in w.layers]
        self.owner = np.array([i for i, _ in layers], np.intp)
        self.depthwise = np.array([layer.kind == "dw" for _, layer in layers], bool)
        self.cycles = np.array([layer.cycles for _, layer in layers], float)
        self.macs = np.array([layer.macs for _, layer in layers], float) / 1024
        self.streamed = np.array([layer.parameter_bytes * layer.passes if layer.streamed else 0 for _, layer in layers], float)

    def parts(self, constants: Mapping[str, float], form: Form) -> dict[str, Array]:
        """Milliseconds of each part, one figure per work; of "cpu_ops" only what was fitted, detection post-processing."""
        work = self.cycles if form.tiles else self.macs
        compute = work * np.where(self.depthwise, constants["depthwise"], 1.0) / (constants["mcycles_s"] * 1e3)
        streaming = self.streamed / (constants["stream_mb_s"] * 1e3)
        if form.overlap:
            # Of the longer of the two, what computing takes is called compute and the wait beyond it parameters.
            waiting = np.maximum(streaming - compute, 0.0)
        else:
            waiting = streaming

        def total(values: Array) -> Array:
            return np.bincount(self.owner, values, minlength=self.count)

        return {
            "overhead": constants["overhead_ms"] + constants["per_op_ms"] * self.ops,
            "input": (self.given + self.instructions) / (constants["input_mb_s"] * 1e3),
            "output": self.result / (constants["output_mb_s"] * 1e3),
            "parameters": total(waiting) + self.consts / (constants["stream_mb_s"] * 1e3),
            "compute": total(compute),
            "cpu_ops": constants["detection_ms"] * self.detections,
        }

    def times(self, constants: Mapping[str, float], form: Form) -> Array:
        """Milliseconds of each work."""
        return np.sum(list(self.parts(constants, form).values()), axis=0)

    def chosen(self, which: Sequence[int]) -> Table:
        """The works at these places."""
        made = object.__new__(Table)
        made.count = len(which)
        for name in ("instructions", "given", "result", "consts", "ops", "detections"):
            setattr(made, name, getattr(self, name)[list(which)])
        order = [np.flatnonzero(self.owner == i) for i in which]
        made.owner = np.repeat(np.arange(len(which)), [len(places) for places in order]).astype(np.intp)
        places = np.concatenate(order) if order else np.array([], np.intp)
        for name in ("depthwise", "cycles", "macs", "streamed"):
            setattr(made, name, getattr(self, name)[places])
        return made


def breakdown(work: Work, constants: Mapping[str, float], form: Form) -> dict[str, float]:
    """Milliseconds of each part of one inference; their sum is the latency."""
    return {part: float(values[0]) for part, values in Table([work]).parts(constants, form).items()}


def fit(
    table: Table,
    measured: Array,
    form: Form,
    prior: Mapping[str, tuple[float, float]],
    noise: float = 0.15,
) -> dict[str, float]:
    """The constants likeliest to have given ``measured``: logarithms of ratios, drawn towards physical constants.

    Args:
        measured: milliseconds, one per work of ``table``.
        prior: per constant its value and by how much it may be off (standard deviation of its logarithm; 0 holds it fixed).
        noise: by how much a latency is off (the same).
    """
    from scipy.optimize import least_squares

    known = {name: value for name, (value, _) in prior.items()}
    free = [name for name in NAMES if prior[name][1] > 0 and name not in form.fixed]
    if "per_op_ms" in form.fixed:
        known["per_op_ms"] = 0.0
    start = np.log([prior[name][0] for name in free])
    spread = np.array([prior[name][1] for name in free])
    truth = np.log(measured)

    def residuals(logs: Array) -> Array:
        with np.errstate(over="ignore"):
            off = (np.log(table.times(known | dict(zip(free, np.exp(logs), strict=True)), form)) - truth) / noise
        if form.robust:
            size = np.abs(off)
            off = np.where(size > 1, np.sign(off) * np.sqrt(np.maximum(2 * size - 1, 1)), off)
        return np.concatenate([off, (logs - start) / spread])

    if not free:
        return dict(known)
    found: Any = least_squares(residuals, start, bounds=(start - 5 * spread, start + 5 * spread), x_scale=spread, ftol=1e-5, xtol=1e-5, gtol=1e-5)
    return known | {name: float(value) for name, value in zip(free, np.exp(found.x), strict=True)}
