"""What every target offers: say whether it can be used, load a file, run it, close it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from edgewb.errors import InputError, unknown_name
from edgewb.tflite.quantization import dequantize, quantize
from edgewb.types import Basis, Conditions, Environment, Jsonable, Memory, TargetFacts

if TYPE_CHECKING:
    from edgewb.optimizers.workers import Worker

KERNELS = ("xnnpack", "builtin")
THREAD_LIMIT = 256


@dataclasses.dataclass(frozen=True, kw_only=True)
class Availability(Jsonable):
    """Whether a target can be used on this machine; if not, why not and what mends it. ``reason`` and ``fix`` are empty if it can."""

    available: bool
    reason: str = ""
    fix: str = ""


@dataclasses.dataclass(frozen=True)
class TensorSpec:
    """An input or output of a loaded model.

    ``shape`` is what the target runs with; ``scale`` and ``zero_point`` are None where the file gives none:
    real value = scale * (stored value - zero_point).
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    scale: float | None
    zero_point: int | None

    def stored(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Real values as this tensor stores them: quantised where it has a scale."""
        if self.scale is None or self.zero_point is None:
            return np.ascontiguousarray(values, dtype=self.dtype)
        return quantize(values, self.scale, self.zero_point, self.dtype.name)

    def real(self, stored: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Stored values as the real ones they stand for."""
        if self.scale is None or self.zero_point is None:
            return stored.astype(np.float32)
        return dequantize(stored, self.scale, self.zero_point)


class Target(Protocol):
    """A place where a .tflite file runs. Used as ``with open_target("cpu") as target: target.load(path)``.

    ``name`` is the kind of target, without what tells one device of it from another: it stands in records. ``kernels`` names what computed.
    ``inputs``, ``outputs``, ``facts`` and ``environment`` are of what ``load`` loaded; an ``environment`` of None is this process's own.
    """

    name: str
    basis: Basis
    threads: int
    kernels: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    facts: TargetFacts
    environment: Environment | None

    def available(self) -> Availability:
        """Whether this target can be used here. Never raises."""
        ...

    def load(self, path: str | Path) -> None:
        """Prepare a file to run; fills ``inputs`` and ``outputs``. Raises ModelFileError when it cannot run here, TargetError when the
        target itself fails."""
        ...

    def run(self, inputs: Sequence[npt.NDArray[Any]]) -> list[npt.NDArray[Any]]:
        """One call: inputs copied in, one invocation, outputs copied out. Shapes and dtypes must be those of ``inputs``."""
        ...

    def close(self) -> None:
        """Give back what ``load`` took. Harmless when nothing is loaded."""
        ...

    def __enter__(self) -> Target: ...

    def __exit__(self, *exc: object) -> None: ...


@runtime_checkable
class TimesItself(Protocol):
    """A target whose calls are timed where they run, not here: on another computer, or in a recording."""

    def sample(self, inputs: Sequence[npt.NDArray[Any]], wanted: int, least: int, seconds: float) -> list[float]:
        """Milliseconds of up to ``wanted`` calls one after the other, fewer (but at least ``least``) once ``seconds`` have passed.

        A ``least`` of 0 asks for warming up."""
        ...


@runtime_checkable
class Resets(Protocol):
    """A target that can put a model with a state, such as an LSTM's, back to where it was when it was loaded."""

    def reset(self) -> None:
        """Back to the beginning."""
        ...


@runtime_checkable
class RunsElsewhere(Protocol):
    """A target on another computer: the conditions and the memory of a sample are what that one says, None where it does not."""

    remote_conditions: Conditions | None
    remote_memory: Memory | None


@runtime_checkable
class InChild(Protocol):
    """A target that runs the model in a child process of this one, whose memory is the model's."""

    @property
    def process_id(self) -> int | None:
        """Of that process; None while nothing is loaded."""
        ...


@runtime_checkable
class CountsCalls(Protocol):
    """A target whose calls through ``run`` do not count as what they took here, because it stands for another."""

    @property
    def last_ms(self) -> float:
        """Milliseconds that the last call counts as; 0 before the first."""
        ...

    @property
    def late_calls(self) -> int:
        """Calls since loading that took longer here than they count as."""
        ...


@runtime_checkable
class ListsDevices(Protocol):
    """A target that can name the devices or providers it finds here, as they are written behind its name and a colon."""

    def devices(self) -> tuple[str, ...]:
        """What is here, in order; empty where nothing is. Never raises."""
        ...


@runtime_checkable
class Converts(Protocol):
    """A target that makes a file of its own from a .tflite before it can load it, once per content."""

    def convert(self, path: str | Path, worker: Worker | None = None) -> None:
        """Make that file unless it is kept, in the given process where there is one; raises what ``load`` would."""
        ...


def check_options(threads: int, kernels: str) -> None:
    """Refuse a number of threads or a name of kernels that no target knows.

    Raises:
        InputError: one of them.
    """
    if isinstance(threads, bool) or not isinstance(threads, int) or not 1 <= threads <= THREAD_LIMIT:
        raise InputError(f"threads {threads!r}: a whole number from 1 to {THREAD_LIMIT} is wanted")
    if kernels not in KERNELS:
        raise unknown_name("kernels", str(kernels), KERNELS)
