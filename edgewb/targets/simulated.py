"""An Edge TPU that is not there: the int8 source on this computer's processor, at the pace an estimate gives."""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy.typing as npt

from edgewb.errors import ModelFileError
from edgewb.estimates.hosts import find_profile
from edgewb.targets.cpu import CpuTarget
from edgewb.targets.interfaces import Availability, Target, TensorSpec
from edgewb.targets.paces import wait_until
from edgewb.tflite.reader import read_graph
from edgewb.types import Basis, Environment, TargetFacts

_STEADY = "answers are the CPU's; the pace is constant, what spread is left is this computer's and not a device's"
_KEPT = 1.05
"""A call that takes longer than this many times the estimate did not keep the pace."""


class SimulatedTarget:
    """Takes as long per call as ``edgewb estimate`` says an Edge TPU would, for a classroom without a stick.

    The answers are LiteRT's on the CPU with the kernels that were asked for, as on the target ``cpu``: XNNPACK to measure (the quicker,
    so that it keeps the pace), the built-in ones on one thread for accuracy (the same bits every time). Every call ends at the middle of
    the estimate, the first one at that of the first inference. Nothing is drawn from the interval: how a device's calls would scatter
    within it is not known, and made-up jitter would look like a measurement.

    ``facts``: ``runtime`` is what really ran; ``device``, ``bus`` and ``clock`` are of what is played.
    """

    name = "simulated"
    basis = Basis.SIMULATED

    def __init__(self, argument: str | None = None, *, threads: int = 1, kernels: str = "xnnpack", processor: Target | None = None) -> None:
        """``argument``: a host as ``edgewb estimate --host`` takes it; its usual bus, full clock. ``processor``: what gives the answers.

        Raises:
            InputError: an unknown host, or options that no target knows.
        """
        self._host = "desktop" if argument is None else argument
        find_profile(self._host)
        self._cpu: CpuTarget | Target = CpuTarget(threads=threads, kernels=kernels) if processor is None else processor
        self.threads = threads
        self.kernels = kernels
        self.environment: Environment | None = None
        self.facts = TargetFacts(runtime="", device=self._host)
        self._notes: tuple[str, ...] = ()
        self._first_ms = self._pace_ms = 0.0
        self._calls = 0
        self._last_ms = 0.0
        self._late: list[float] = []

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        return self._cpu.inputs

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        return self._cpu.outputs

    @property
    def last_ms(self) -> float:
        """Milliseconds that the last call counts as, see ``sample``; 0 before the first."""
        return self._last_ms

    @property
    def late_calls(self) -> int:
        """Calls since loading in which the pace could not be kept."""
        return len(self._late)

    def available(self) -> Availability:
        """Whether LiteRT can be imported here."""
        return self._cpu.available()

    def load(self, path: str | Path) -> None:
        """Prepare a source model for which an estimate is given.

        Raises:
            ModelFileError: no .tflite, one that is compiled, one of which nothing would run on an Edge TPU, or no estimate is given.
        """
        from edgewb.estimates.estimations import estimate
        from edgewb.estimates.reports import ms

        self.close()
        if read_graph(path).is_compiled:
            raise ModelFileError(
                f"{path} is compiled for the Edge TPU, and the CPU that plays one cannot run it: give the int8 .tflite it was compiled "
                "from, usually the name without _edgetpu"
            )
        guess = estimate(path, host=self._host)
        if guess.latency_ms is None or guess.first_inference_ms is None:
            nothing_maps = guess.bound_ms is None
            advice = "quantise the model to int8, such as with the recipe ptq_int8; " if nothing_maps else ""
            raise ModelFileError(
                f"{path} cannot be simulated, because no estimate of it is given ({guess.refused}): {advice}"
                f"`edgewb inspect {Path(path).name}` says what keeps which op off the Edge TPU"
            )
        self._cpu.load(path)
        span = guess.latency_ms
        self._pace_ms, self._first_ms = span.mid, guess.first_inference_ms.mid
        covered = f", {100 * guess.coverage.stated:.0f} % interval" if guess.coverage is not None else ""
        self._notes = (f"paced to the estimate of {ms(span.mid)} ms [{ms(span.low)}, {ms(span.high)}]{covered}", _STEADY)
        self.facts = TargetFacts(
            runtime=self._cpu.facts.runtime,
            device=guess.host,
            bus=guess.bus,
            clock=guess.clock,
            stands_for=f"an Edge TPU on {guess.host}, {guess.bus}, {guess.clock} clock",
            notes=self._notes,
        )

    def run(self, inputs: Sequence[npt.NDArray[Any]]) -> list[npt.NDArray[Any]]:
        """The CPU's answer, once the time of the estimate is over; later where the CPU is slower than the estimate.

        Raises:
            InputError: nothing is loaded, or an array does not fit. ModelFileError: the model failed while it ran.
        """
        return self._paced(inputs)[0]

    def sample(self, inputs: Sequence[npt.NDArray[Any]], wanted: int, least: int, seconds: float) -> list[float]:
        """Milliseconds of up to ``wanted`` paced calls, fewer (but at least ``least``) once ``seconds`` have passed.

        A sample is what a call really took, wait included. Where it took over 5 % longer than the estimate, because this CPU is slower or
        had other work, that says nothing about an Edge TPU: the sample is then the estimate itself, and a note in ``facts`` counts them.
        """
        samples: list[float] = []
        deadline = time.perf_counter_ns() + int(seconds * 1e9)
        for _ in range(wanted):
            samples.append(self._paced(inputs)[1])
            if time.perf_counter_ns() > deadline and len(samples) >= least:
                break
        if self._late:
            median = f"{statistics.median(self._late):.3g} ms"
            note = (
                f"the pace could not be kept in {len(self._late)} of {self._calls} calls, which took {median} here (median, measured): "
                "this CPU is slower than the estimate or was busy; these samples are the estimate itself"
            )
            self.facts = dataclasses.replace(self.facts, notes=(*self._notes, note))
        return samples

    def close(self) -> None:
        """Drop the interpreter and its memory."""
        self._cpu.close()
        self._calls = 0
        self._last_ms = 0.0
        self._late = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _paced(self, inputs: Sequence[npt.NDArray[Any]]) -> tuple[list[npt.NDArray[Any]], float]:
        clock = time.perf_counter_ns
        started = clock()
        answer = self._cpu.run(inputs)
        pace_ms = self._pace_ms if self._calls else self._first_ms
        self._calls += 1
        wait_until(started + round(pace_ms * 1e6))
        took_ms = (clock() - started) / 1e6
        late = took_ms > pace_ms * _KEPT
        if late:
            self._late.append(took_ms)
        self._last_ms = pace_ms if late else took_ms
        return answer, self._last_ms
