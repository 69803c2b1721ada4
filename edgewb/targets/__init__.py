"""Where a model runs: one file per target, all with the same four methods."""

from __future__ import annotations

from collections.abc import Callable

from edgewb.errors import unknown_name
from edgewb.targets.interfaces import Availability, Target, TensorSpec

__all__ = ["TARGETS", "Availability", "Target", "TensorSpec", "open_target"]


def _open_cpu(threads: int, kernels: str) -> Target:
    from edgewb.targets.cpu import CpuTarget

    return CpuTarget(threads=threads, kernels=kernels)


TARGETS: dict[str, Callable[[int, str], Target]] = {"cpu": _open_cpu}


def open_target(name: str, *, threads: int = 1, kernels: str = "xnnpack") -> Target:
    """A target by its name, with nothing loaded yet.

    Args:
        name: a key of ``TARGETS``.
        threads: processor threads the target may use, at least 1.
        kernels: ``"xnnpack"`` (fast) or ``"builtin"`` (the same result bit for bit on every run and machine of a kind).

    Raises:
        InputError: an unknown target or kernels, or a number of threads that makes no sense.
    """
    if name not in TARGETS:
        raise unknown_name("target", str(name), TARGETS)
    return TARGETS[name](threads, kernels)
