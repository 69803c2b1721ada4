"""What every target offers: say whether it can be used, load a file, run it, close it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from edgewb.types import Basis, Jsonable


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


class Target(Protocol):
    """A place where a .tflite file runs. Used as ``with open_target("cpu") as target: target.load(path)``."""

    name: str
    basis: Basis
    threads: int
    kernels: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]

    def available(self) -> Availability:
        """Whether this target can be used here. Never raises."""
        ...

    def load(self, path: str | Path) -> None:
        """Prepare a file to run; fills ``inputs`` and ``outputs``. Raises ModelFileError when it cannot run here."""
        ...

    def run(self, inputs: Sequence[npt.NDArray[Any]]) -> list[npt.NDArray[Any]]:
        """One call: inputs copied in, one invocation, outputs copied out. Shapes and dtypes must be those of ``inputs``."""
        ...

    def close(self) -> None:
        """Give back what ``load`` took. Harmless when nothing is loaded."""
        ...

    def __enter__(self) -> Target: ...

    def __exit__(self, *exc: object) -> None: ...
