"""What a reader has on this computer, in five lines: the doctor's answers as far as the course depends on them."""

from __future__ import annotations

import html
from dataclasses import dataclass

from edgewb.checkups import Check, Status
from edgewb.courses.workshops import TRAINING_NOTEBOOKS
from edgewb.doctor import Diagnosis
from edgewb.environments import environment
from edgewb.types import Jsonable


@dataclass(frozen=True, kw_only=True)
class Belonging(Jsonable):
    """One thing: ``what`` it is, what was found ``here``, and what that ``means`` for the course."""

    what: str
    here: str
    means: str


@dataclass(frozen=True, kw_only=True)
class Computer(Jsonable):
    """What is here for the course, to be shown in a notebook."""

    belongings: tuple[Belonging, ...]

    def __repr__(self) -> str:
        return "\n".join(f"{each.what}: {each.here}. {each.means}" for each in self.belongings)

    def _repr_html_(self) -> str:
        left = 'style="text-align: left"'
        head = f"<tr><th></th><th {left}>here</th><th {left}>what that means</th></tr>"
        rows = []
        for each in self.belongings:
            what, here, means = (html.escape(text) for text in (each.what, each.here, each.means))
            rows.append(f"<tr><th {left}>{what}</th><td {left}>{here}</td><td {left}>{means}</td></tr>")
        return f"<table>{head}{''.join(rows)}</table>"


def describe_computer(diagnosis: Diagnosis) -> Computer:
    """What of the Edge TPU's world is on this computer, and which parts of the course it matters to.

    Args:
        diagnosis: of ``edgewb.diagnose()``.
    """
    checks = {check.id: check for check in diagnosis.checks}
    here = environment()
    cores = f"{here.cores} core{'s' * (here.cores != 1)}"
    runs = [target.name for target in diagnosis.targets if target.available and target.needs is None]
    return Computer(
        belongings=(
            Belonging(what="Processor", here=f"{here.cpu}, {cores}", means=f"Models run here, on: {', '.join(runs) or 'nothing yet'}."),
            _edge_tpu(checks),
            _compiler(checks["compiler"]),
            _training(checks["training"]),
            Belonging(what="Room", here=f"{checks['memory'].message}; {_disk(checks['disk'])}", means=_room(checks)),
        )
    )


def _edge_tpu(checks: dict[str, Check]) -> Belonging:
    found = next((checks[name] for name in ("usb_device", "pcie_device") if checks[name].status in (Status.OK, Status.WARNING)), None)
    if found is None or found.problem == "no_device":
        return Belonging(
            what="Edge TPU", here="none found", means="Fine: no notebook needs one. What it would do is predicted or estimated."
        )
    return Belonging(what="Edge TPU", here=found.message, means="Notebooks 07 and 08 can use it; `edgewb doctor` says whether it is ready.")


def _compiler(check: Check) -> Belonging:
    if check.status is Status.OK:
        return Belonging(what="Edge TPU compiler", here=check.message, means="Notebook 06 can hold its answer beside the prediction.")
    return Belonging(what="Edge TPU compiler", here="none found", means="Fine: what it would do is predicted, and marked so.")


def _training(check: Check) -> Belonging:
    listed = f"{', '.join(TRAINING_NOTEBOOKS[:-1])} and {TRAINING_NOTEBOOKS[-1]}"
    if check.status is Status.OK:
        return Belonging(what="TensorFlow", here=check.message.split(",")[0], means=f"Notebooks {listed} can train.")
    if check.status is Status.SKIPPED:
        return Belonging(what="TensorFlow", here="not installed", means=f"Fine for all notebooks but {listed}, which train.")
    return Belonging(what="TensorFlow", here=check.message, means=f"Notebooks {listed} cannot train yet; `edgewb doctor` says what to do.")


def _disk(check: Check) -> str:
    return check.message.split(" for ")[0] + " on disk" if check.status is Status.OK else check.message


def _room(checks: dict[str, Check]) -> str:
    wrong = [checks[name] for name in ("memory", "disk") if checks[name].status in (Status.WARNING, Status.ERROR)]
    return wrong[0].fix if wrong else "Enough."
