"""A target with a classifier loaded, as a live page uses it: answers one by one, and what its calls come to."""

from __future__ import annotations

import dataclasses
import importlib.util
import os
import statistics
import time
from collections import deque
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from edgewb.drifts import find_changes
from edgewb.errors import EdgewbError, ModelFileError
from edgewb.intervals import median_interval
from edgewb.sampling import LEAST_RUNS, random_values, sample
from edgewb.targets import CountsCalls, InChild, RunsElsewhere, Target, label_targets, open_target
from edgewb.timings import summarise_latency
from edgewb.types import Basis, Change, Jsonable, LatencySummary, TargetFacts
from edgewb.views.widgets.live_models import Classifier, shares

CONTROL_VARIABLE: Final = "EDGEWB_DASHBOARD_CONTROL"
KEPT: Final = 10_000
_TOP: Final = 5
_WINDOWS: Final = 24
_LEAST_PER_WINDOW: Final = 15
_BACK_TO_BACK_CALLS: Final = 200
_BACK_TO_BACK_S: Final = 0.1
"""What of a visitor's waiting these calls may cost."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Answer(Jsonable):
    """What one target said to one frame.

    ``label`` is None where nothing in the frame could be read; ``top`` are the classes with the largest shares (0..1), ``truth`` is known
    of test images alone. ``latency_ms`` is the call's; of the first call after loading, too.
    """

    frame: int
    source: str
    target: str
    basis: Basis
    label: str | None
    confidence: float | None
    top: tuple[tuple[str, float], ...]
    latency_ms: float | None
    truth: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Level:
    """Calls within a stretch of time: the median with a 95 % interval, milliseconds; ``at_s`` the middle, since the first call."""

    at_s: float
    median_ms: float
    ci95_ms: tuple[float, float]
    n: int


class Side:
    """One target. ``samples_ms`` are the last ``KEPT`` calls but the first, ``ended_s`` when each of them ended.

    Args:
        given: the target as it is named.
        target: opened, with the classifier's file, or what is compiled from it, loaded.
    """

    def __init__(self, given: str, target: Target, classifier: Classifier) -> None:
        self.given, self.target, self.classifier = given, target, classifier
        self.label = label_targets([target])[0]
        self.spec = target.inputs[0]
        self.softmaxed = False
        self.reset()
        self.first_ms: float | None = None

    @property
    def basis(self) -> Basis:
        return self.target.basis

    @property
    def facts(self) -> TargetFacts:
        return self.target.facts

    @property
    def late(self) -> int:
        """Calls since counting began that took longer here than they count as; 0 for a target that is what it says."""
        return self._late_so_far - self._late_before

    @property
    def _late_so_far(self) -> int:
        return self.target.late_calls if isinstance(self.target, CountsCalls) else 0

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences for the reader of the figures."""
        notes = list(self.facts.notes)
        if isinstance(self.target, InChild | RunsElsewhere):
            notes.append("times are there and back: to the process or the computer that holds the model, and the answer's way here")
        if self.late:
            notes.append(
                f"the pace could not be kept in {self.late:,} of {self.calls:,} calls: this CPU is slower than the estimate or was busy; "
                "these calls count as the estimate itself"
            )
        return tuple(notes)

    def reset(self) -> None:
        """Count anew; the model stays loaded, so that the next call is no first one."""
        self.samples_ms: deque[float] = deque(maxlen=KEPT)
        self.ended_s: deque[float] = deque(maxlen=KEPT)
        self.calls = self.known = self.right = 0
        self.back_to_back: tuple[float, int] | None = None
        self._late_before = self._late_so_far

    def ask(self, stored: npt.NDArray[Any], frame: int, source: str, truth: str | None) -> Answer:
        """One timed call.

        Raises:
            EdgewbError: the target failed.
        """
        started = time.perf_counter_ns()
        result = self.target.run([stored])
        ended = time.perf_counter_ns()
        took_ms = self._count((ended - started) / 1e6, ended / 1e9)
        scores = self.target.outputs[0].real(result[0])
        if not np.isfinite(scores).all():
            raise ModelFileError(f"{self.classifier.name} answers with NaN or infinite values: convert it again, or check its input range")
        values, self.softmaxed = shares(scores)
        labels = self.classifier.labels
        best = np.argsort(-values, kind="stable")[:_TOP]
        top = tuple((labels[place], float(values[place])) for place in best)
        if truth is not None:
            self.known += 1
            self.right += top[0][0] == truth
        return Answer(
            frame=frame,
            source=source,
            target=self.label,
            basis=self.basis,
            label=top[0][0],
            confidence=top[0][1],
            top=top,
            latency_ms=took_ms,
            truth=truth,
        )

    def _count(self, took_ms: float, ended_s: float) -> float:
        """Keep a call's time: what it counts as."""
        if isinstance(self.target, CountsCalls):
            took_ms = self.target.last_ms
        self.calls += 1
        if self.first_ms is None:
            self.first_ms = took_ms
        else:
            self.samples_ms.append(took_ms)
            self.ended_s.append(ended_s)
        return took_ms

    def summary(self) -> LatencySummary | None:
        """Of the kept calls; None where there is none."""
        return summarise_latency(self.samples_ms) if self.samples_ms else None

    def levels(self) -> tuple[Level, ...]:
        """Medians of equal stretches of time, those left out in which fewer than 15 calls ended."""
        samples, ended = np.array(self.samples_ms), np.array(self.ended_s)
        if len(samples) < 2 * _LEAST_PER_WINDOW:
            return ()
        since = ended - ended[0]
        windows = int(min(_WINDOWS, len(samples) // _LEAST_PER_WINDOW))
        length = float(since[-1]) / windows
        places = np.minimum((since / max(length, 1e-9)).astype(int), windows - 1)
        found = []
        for window in range(windows):
            inside = samples[places == window]
            if len(inside) >= _LEAST_PER_WINDOW:
                median, interval = median_interval(inside.tolist())
                found.append(Level(at_s=(window + 0.5) * length, median_ms=median, ci95_ms=interval, n=len(inside)))
        return tuple(found)

    def changes(self) -> tuple[Change, ...] | None:
        """Lasting changes among the kept calls; None for too few calls to tell. Takes some ten milliseconds."""
        return find_changes(np.array(self.samples_ms), np.array(self.ended_s)) if self.samples_ms else None

    def run_back_to_back(self) -> None:
        """Up to 200 calls without a pause, as a study makes them: ``back_to_back`` has their median in milliseconds and how many they are.

        None where 20 would take longer than 0.1 s, and for targets that do not compute here: theirs do not wait for the pause to be over.
        """
        ours = self.basis is Basis.MEASURED and not isinstance(self.target, InChild | RunsElsewhere)
        if not ours or not self.samples_ms or LEAST_RUNS * statistics.median(self.samples_ms) > 1000 * _BACK_TO_BACK_S:
            return
        taken = sample(self.target, [random_values(self.spec)], _BACK_TO_BACK_CALLS, LEAST_RUNS, _BACK_TO_BACK_S)
        self.back_to_back = statistics.median(taken), len(taken)

    def close(self) -> None:
        """Give the target back."""
        self.target.close()


def open_side(given: str, classifier: Classifier, path: Path, threads: int, *, sandboxed: bool = False) -> Side:
    """A target with a file loaded.

    Args:
        path: the classifier's, or what is compiled from it.
        sandboxed: whether it is a visitor's, to be run in a process with limits.

    Raises:
        EdgewbError: it cannot be used here, or does not take the file.
    """
    if sandboxed:
        from edgewb.views.widgets.sandboxes import open_sandbox

        target = open_sandbox(given)
    else:
        target = open_target(given, threads=threads)
    try:
        target.load(path)
    except EdgewbError:
        target.close()
        raise
    return Side(given, target, classifier)


def targets_here() -> tuple[str, ...]:
    """Targets that may be chosen without asking libraries or devices whether they work: that costs seconds, and is said when one is chosen.

    ONNX Runtime and OpenVINO take memory that a published dashboard has not for every visitor.
    """
    from edgewb.targets.edgetpu_devices import list_devices

    here = ["edgetpu"] if list_devices() else []
    here += ["cpu", "cpu:builtin"]
    if os.environ.get(CONTROL_VARIABLE) != "0":
        here += [name for name in ("onnxruntime", "openvino") if importlib.util.find_spec(name) is not None]
    return (*here, "simulated")
