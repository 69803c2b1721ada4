"""Real targets of the tests' own: LiteRT on the CPU, with faults that a device may have. ``register`` makes them known."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from edgewb.errors import TargetError
from edgewb.latencies import Measurement, measure
from edgewb.targets import TARGETS, Kind
from edgewb.targets.cpu import CpuTarget
from edgewb.types import Basis


class Shifted(CpuTarget):
    """Its argument names a device, and by how many steps (integers) or units its answers to every ``EVERY``-th call are off, in turn to
    either side, such as ``"usb:0 3"``."""

    name = "shifted"
    basis = Basis.SIMULATED
    EVERY = 4

    def __init__(self, argument: str | None = None, *, threads: int = 1, kernels: str = "xnnpack") -> None:
        super().__init__(None, threads=threads, kernels="builtin")
        self._device, self._by = (argument or "usb:0 1").rsplit(" ", 1)
        self._calls = 0

    def load(self, path: Any) -> None:
        super().load(path)
        self.facts = dataclasses.replace(self.facts, device=self._device, stands_for="a device that is off")

    def run(self, inputs: Sequence[npt.NDArray[Any]]) -> list[npt.NDArray[Any]]:
        self._calls += 1
        outputs = super().run(inputs)
        if self._calls % self.EVERY:
            return outputs
        return [self._off(output) for output in outputs]

    def _off(self, output: npt.NDArray[Any]) -> npt.NDArray[Any]:
        signs = np.where(np.arange(output.size) % 2, 1, -1).reshape(output.shape)
        off = output.astype(np.float64) + float(self._by) * signs
        if output.dtype.kind == "f":
            return off.astype(output.dtype)
        limits = np.iinfo(output.dtype)
        return np.clip(off, limits.min, limits.max).astype(output.dtype)


class Failing(CpuTarget):
    """Goes away after as many calls as its argument says."""

    name = "failing"

    def __init__(self, argument: str | None = None, *, threads: int = 1, kernels: str = "xnnpack") -> None:
        super().__init__(None, threads=threads, kernels="builtin")
        self._left = int(argument or 0)

    def run(self, inputs: Sequence[npt.NDArray[Any]]) -> list[npt.NDArray[Any]]:
        if self._left <= 0:
            raise TargetError("the device went away: plug it in again")
        self._left -= 1
        return super().run(inputs)


class Telling(CpuTarget):
    """Tells when its calls began, and does what a test wants before its first one."""

    name = "telling"
    started: ClassVar[list[float]] = []
    first: ClassVar[Callable[[], object]] = staticmethod(lambda: None)

    def __init__(self, argument: str | None = None, *, threads: int = 1, kernels: str = "xnnpack") -> None:
        super().__init__(None, threads=threads, kernels=kernels)
        self._called = False

    def run(self, inputs: Sequence[npt.NDArray[Any]]) -> list[npt.NDArray[Any]]:
        if not self._called:
            self._called = True
            self.first()
        self.started.append(time.perf_counter())
        return super().run(inputs)


class Nested(CpuTarget):
    """While it loads, somebody measures on the CPU."""

    name = "nested"
    measured: ClassVar[list[Measurement]] = []

    def __init__(self, argument: str | None = None, *, threads: int = 1, kernels: str = "xnnpack") -> None:
        super().__init__(None, threads=threads, kernels=kernels)

    def load(self, path: Any) -> None:
        self.measured[:] = [measure(path, runs=3)]
        super().load(path)


def register(monkeypatch: Any) -> None:
    """Make them known for one test."""
    monkeypatch.setitem(TARGETS, "nested", Kind(home="made_targets:Nested", summary="somebody else measures"))
    monkeypatch.setitem(TARGETS, "telling", Kind(home="made_targets:Telling", summary="tells when it is called"))
    monkeypatch.setitem(TARGETS, "shifted", Kind(home="made_targets:Shifted", summary="off by some steps", argument="DEVICE STEPS"))
    monkeypatch.setitem(TARGETS, "failing", Kind(home="made_targets:Failing", summary="goes away", argument="CALLS"))


class Elsewhere(CpuTarget):
    """Runs the file its argument names, whatever it is given."""

    name = "elsewhere"

    def __init__(self, argument: str | None = None, *, threads: int = 1, kernels: str = "xnnpack") -> None:
        super().__init__(None, threads=threads, kernels="builtin")
        self._other = str(argument)

    def load(self, path: Any) -> None:
        super().load(self._other)
