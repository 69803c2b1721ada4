"""Is this computer ready for the course? One answer in less than a minute, for the person who prepares a room of them."""

from __future__ import annotations

import dataclasses
import textwrap
import time
from typing import Final

from edgewb.checkups import Case, Check, Status
from edgewb.courses.rooms import CHECKS, Room, ask
from edgewb.doctor import diagnose
from edgewb.locations import data_folder
from edgewb.machines import this_machine
from edgewb.types import Jsonable

_WORDS: Final = {Status.OK: "ok", Status.WARNING: "WARNING", Status.ERROR: "MISSING", Status.UNKNOWN: "unknown", Status.SKIPPED: "-"}
_WIDTH: Final = 100
_INDENT: Final = " " * 22
TRAINING_NOTEBOOKS: Final = ("02", "04", "05")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Readiness(Jsonable):
    """What a computer has for the course.

    Attributes:
        ready: nothing that is needed is missing; warnings and what is not needed do not count.
        verdict: the same in a sentence.
        checks: in the order in which one failure hides the next.
        missing, warnings: how many checks ended so.
        seconds: how long it took (measured).
    """

    ready: bool
    verdict: str
    checks: tuple[Check, ...]
    missing: int
    warnings: int
    seconds: float

    def __str__(self) -> str:
        lines = []
        for check in self.checks:
            lines.append(_line(f"{_WORDS[check.status]:<9}{check.id:<13}", check.message))
            if check.status in (Status.ERROR, Status.WARNING):
                lines += [_line(f"{'':<9}{'':<13}", fix) for fix in check.fixes[:2]]
        return "\n".join([*lines, "", textwrap.fill(self.verdict, _WIDTH)])

    def __repr__(self) -> str:
        return str(self)


def _line(lead: str, text: str) -> str:
    return textwrap.fill(text, _WIDTH, initial_indent=lead, subsequent_indent=_INDENT, break_on_hyphens=False, break_long_words=False)


def check_room() -> Readiness:
    """Look at this computer: Python, packages, a kernel, JupyterLab, a model, a figure, memory, disk, ports; Edge TPU and compiler.

    Nothing is changed, and no device is opened.

    Raises:
        StorageError: this edgewb was installed without the repository, so there are no notebooks to get ready for.
    """
    start = time.monotonic()
    room = Room(Case(this_machine()), diagnose(), data_folder().parent)
    checks = tuple(ask(check, room) for check in CHECKS)
    return readiness(checks, time.monotonic() - start)


def readiness(checks: tuple[Check, ...], seconds: float) -> Readiness:
    """The verdict on some checks.

    Args:
        checks: as asked; ``seconds``: how long that took.
    """
    missing = [check for check in checks if check.status is Status.ERROR]
    warnings = sum(check.status is Status.WARNING for check in checks)
    if missing:
        several = f"{len(missing)} things are missing. Begin with" if len(missing) > 1 else "one thing is missing:"
        verdict = f"Not ready: {several} {missing[0].id} ({missing[0].message})."
    else:
        trains = any(check.id == "training" and check.status is Status.OK for check in checks)
        listed = f"{', '.join(TRAINING_NOTEBOOKS[:-1])} and {TRAINING_NOTEBOOKS[-1]}"
        held = "with one warning" if warnings == 1 else f"with {warnings} warnings" if warnings else "nothing is missing"
        verdict = f"Ready ({held}, {seconds:.0f} s): " + (
            "all notebooks can be run here."
            if trains
            else f"all notebooks can be run here but those that train ({listed}): TensorFlow is not installed."
        )
    return Readiness(ready=not missing, verdict=verdict, checks=checks, missing=len(missing), warnings=warnings, seconds=round(seconds, 2))
