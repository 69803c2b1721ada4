"""What the Edge TPU compiler does, or would do, with a model: where each op goes, what keeps it off, what helps."""

from __future__ import annotations

import dataclasses
from enum import StrEnum

from edgewb.types.bases import Basis, Jsonable


class Placement(StrEnum):
    """Where the Edge TPU compiler puts an op. ``UNKNOWN`` is an answer: nothing like it was ever observed."""

    EDGETPU = "edgetpu"
    CPU = "cpu"
    UNKNOWN = "unknown"


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Finding(Jsonable):
    """Something a person should know about a model, and what helps: ``fix`` the likeliest, ``fixes`` all, in order of likelihood."""

    id: str
    severity: Severity
    message: str
    fix: str
    references: tuple[str, ...] = ()
    fixes: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class OpPlacement(Jsonable):
    """One op of a model and where it goes. ``index`` is its position in the file's main subgraph.

    ``parameter_bytes`` (as the device stores them) and ``memory`` ("on_chip": cached, "off_chip": streamed at each inference) are of ops on
    the Edge TPU only. ``macs``: multiply-accumulate operations of one inference; None where the source's op is gone. ``refuses_file``:
    because of this op the compiler would compile nothing at all.
    """

    index: int
    op: str
    version: int
    placement: Placement
    reason: str | None = None
    detail: str | None = None
    parameter_bytes: int | None = None
    memory: str | None = None
    macs: int | None = None
    refuses_file: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class Blocker(Jsonable):
    """The first op that keeps others off the Edge TPU, and how many more ops map once it is mended (itself included if it then maps)."""

    index: int
    op: str
    reason: str
    detail: str
    ops_gained_if_fixed: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class PlacementSummary(Jsonable):
    """How many ops go where. Invariant: edgetpu + cpu + unknown = total."""

    ops_total: int
    ops_edgetpu: int
    ops_cpu: int
    ops_unknown: int
    basis: Basis


@dataclasses.dataclass(frozen=True, kw_only=True)
class Parameters(Jsonable):
    """Parameter bytes as the device stores them."""

    on_chip_bytes: int
    off_chip_bytes: int
    basis: Basis
