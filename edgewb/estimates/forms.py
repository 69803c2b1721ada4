"""The model of the time of one inference: which bytes cross the bus at which rate, and how fast the tiles compute."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from edgewb.estimates.works import Work

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
    """One way to add it all up. ``overlap``: a streamed layer takes the longer of streaming and computing, not both; ``tiles``: compute
    from the split over tiles, not from the count of multiplications; ``loss``: squares, or one by which a few bad rows cannot pull the
    fit; ``fixed``: constants held where they start, or at 0; ``noise``: by how much a published latency is taken to be off."""

    name: str
    overlap: bool
    tiles: bool
    loss: str = "huber"
    fixed: tuple[str, ...] = ()
    zero: tuple[str, ...] = ()
    noise: float = 0.15


FORMS: Final = (
    Form("multiplications; least squares", overlap=False, tiles=False, loss="squares"),
    Form("multiplications; Huber's loss", overlap=False, tiles=False),
    Form("tiles, streaming and compute added; least squares", overlap=False, tiles=True, loss="squares"),
    Form("tiles, streaming and compute added; Huber's loss", overlap=False, tiles=True),
    Form("tiles, the longer of streaming and compute; least squares", overlap=True, tiles=True, loss="squares"),
    Form("tiles, the longer of the two; Huber's loss", overlap=True, tiles=True),
    Form("the same, a row off by 10 % instead of 15 %", overlap=True, tiles=True, noise=0.10),
    Form("the same, absolute errors", overlap=True, tiles=True, loss="absolute"),
    Form("the same, clock and depthwise as known", overlap=True, tiles=True, fixed=("mcycles_s", "depthwise")),
    Form("the same, nothing per op", overlap=True, tiles=True, zero=("per_op_ms",)),
    Form("the same, nothing for detection post-processing", overlap=True, tiles=True, zero=("detection_ms",)),
)
"""Every form that was tried here."""


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
        # Of the longer of the two, what computing takes is called compute and the wait beyond it parameters.
        waiting = np.maximum(streaming - compute, 0.0) if form.overlap else streaming

        return {
            "overhead": constants["overhead_ms"] + constants["per_op_ms"] * self.ops,
            "input": (self.given + self.instructions) / (constants["input_mb_s"] * 1e3),
            "output": self.result / (constants["output_mb_s"] * 1e3),
            "parameters": self._total(waiting) + self.consts / (constants["stream_mb_s"] * 1e3),
            "compute": self._total(compute),
            "cpu_ops": constants["detection_ms"] * self.detections,
        }

    def _total(self, values: Array) -> Array:
        return np.bincount(self.owner, values, minlength=self.count).astype(np.float64)

    def times(self, constants: Mapping[str, float], form: Form) -> Array:
        """Milliseconds of each work."""
        return np.asarray(np.sum(list(self.parts(constants, form).values()), axis=0), np.float64)

    def slopes(self, constants: Mapping[str, float], form: Form) -> Array:
        """By how many milliseconds each work changes with the logarithm of each of ``NAMES``: one row per work."""
        parts = self.parts(constants, form)
        compute = (
            (self.cycles if form.tiles else self.macs)
            * np.where(self.depthwise, constants["depthwise"], 1.0)
            / (constants["mcycles_s"] * 1e3)
        )
        streaming = self.streamed / (constants["stream_mb_s"] * 1e3)
        waits = streaming > compute if form.overlap else np.zeros(len(compute), bool)
        sent = np.where(waits, streaming, 0.0) if form.overlap else streaming
        worked = np.where(waits, 0.0, compute)
        by_name = {
            "overhead_ms": np.full(self.count, constants["overhead_ms"]),
            "input_mb_s": -parts["input"],
            "output_mb_s": -parts["output"],
            "stream_mb_s": -self._total(sent) - self.consts / (constants["stream_mb_s"] * 1e3),
            "mcycles_s": -self._total(worked),
            "depthwise": self._total(np.where(self.depthwise, worked, 0.0)),
            "per_op_ms": constants["per_op_ms"] * self.ops,
            "detection_ms": parts["cpu_ops"],
        }
        return np.column_stack([by_name[name] for name in NAMES])

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


def fit(table: Table, measured: Array, form: Form, prior: Mapping[str, tuple[float, float]]) -> dict[str, float]:
    """The constants likeliest to have given ``measured``: logarithms of ratios, drawn towards physical constants.

    Args:
        measured: milliseconds, one per work of ``table``.
        prior: per constant its value and by how much it may be off (standard deviation of its logarithm; 0 holds it fixed).
    """
    from scipy.optimize import least_squares

    known = {name: 0.0 if name in form.zero else value for name, (value, _) in prior.items()}
    free = [name for name in NAMES if prior[name][1] > 0 and name not in (*form.fixed, *form.zero)]
    if not free:
        return known
    places = [NAMES.index(name) for name in free]
    start = np.log([prior[name][0] for name in free])
    spread = np.array([prior[name][1] for name in free])
    truth = np.log(measured)

    def constants(logs: Array) -> dict[str, float]:
        return known | dict(zip(free, np.exp(logs).tolist(), strict=True))

    def weighed(off: Array) -> tuple[Array, Array]:
        """Residuals whose squares add up to the loss, and their slopes."""
        size = np.abs(off)
        if form.loss == "squares":
            return off, np.ones(len(off))
        # Absolute errors are Huber's with a corner so near 0 that it does not matter.
        corner = 1.0 if form.loss == "huber" else 0.05
        far = size > corner
        root = np.sqrt(np.maximum(2 * corner * size - corner**2, corner**2))
        return np.where(far, np.sign(off) * root, off), np.where(far, corner / root, 1.0)

    def residuals(logs: Array) -> Array:
        off = (np.log(table.times(constants(logs), form)) - truth) / form.noise
        return np.concatenate([weighed(off)[0], (logs - start) / spread])

    def slopes(logs: Array) -> Array:
        now = constants(logs)
        times = table.times(now, form)
        steep = weighed((np.log(times) - truth) / form.noise)[1]
        return np.vstack([table.slopes(now, form)[:, places] / times[:, None] * (steep / form.noise)[:, None], np.diag(1 / spread)])

    bounds = (start - 5 * spread, start + 5 * spread)
    found: Any = least_squares(residuals, start, jac=slopes, bounds=bounds, x_scale=spread, ftol=1e-6, xtol=1e-6, gtol=1e-6)
    return constants(found.x)
