"""What a figure was taken with and beside what: target, computer, other work, memory."""

from __future__ import annotations

import dataclasses

from edgewb.types.bases import Jsonable


@dataclasses.dataclass(frozen=True, kw_only=True)
class TargetFacts(Jsonable):
    """What ran a model, as far as it changes what a call takes. No user name, no host name, no path.

    ``runtime`` is the library and its version, ``device`` what it ran on ("cpu", "usb:0", "CPUExecutionProvider"), ``bus`` one of "usb3",
    "usb2", "pcie" and ``clock`` "max" or "std" where a bus and a clock are known. ``stands_for`` is what a replayed or simulated figure was
    taken from; None where the device itself was there. ``notes`` are sentences for the reader of the figure.
    """

    runtime: str
    device: str
    bus: str | None = None
    clock: str | None = None
    stands_for: str | None = None
    notes: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Conditions(Jsonable):
    """What else went on while a sample was taken; None where this system does not tell.

    ``governor``: the processor's frequency governor. ``load_before``: runnable processes per core, averaged over the minute before.
    ``others_share``: share of the processor time of all cores that other processes took meanwhile, 0..1. ``stolen_share``: share that the
    machine's own host took (virtual machines). ``beside``: other measurements of edgewb that ran meanwhile, by target. ``notes``:
    sentences on what of this makes the figures less trustworthy; empty where nothing does.
    """

    governor: str | None = None
    load_before: float | None = None
    others_share: float | None = None
    stolen_share: float | None = None
    beside: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Memory(Jsonable):
    """Bytes of the process that ran the model, all of it: Python, libraries, weights, the runtime's arena; None: the system does not tell.

    ``process_before_bytes`` with the runtime imported and the model not yet loaded, ``process_peak_bytes`` at most from then until the last
    call of warming up. The difference is the model's, and some 10 MB more for the first model of a process; a later one can seem to take
    less, in memory an earlier one gave back.
    """

    file_bytes: int
    process_before_bytes: int | None = None
    process_peak_bytes: int | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Environment(Jsonable):
    """What a result was made with. No user name, no host name, no path."""

    python: str
    platform: str
    machine: str
    cpu: str
    cores: int
    packages: dict[str, str]
