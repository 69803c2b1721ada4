"""What the explorer lets a visitor save: a variant's file, the study's report, the code that makes the variant again."""

from __future__ import annotations

import dataclasses
import hashlib
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from edgewb.errors import EdgewbError, InputError
from edgewb.recommendations import report_name
from edgewb.types import Basis, Record

REPORT_SECONDS = 120
_ADDRESSED = ("ssh", "replay", "simulated")
"""Targets that are nothing without an address, a recording or a profile, none of which a record holds."""


def find_model(record: Record) -> Path | None:
    """Where a variant's file still is; None when it has gone or grown since. Cheap: its content is checked by ``read_model``."""
    path = Path(record.file)
    if not path.is_absolute():  # of imported records only a name is known, which means nothing here
        return None
    try:
        return path if path.is_file() and path.stat().st_size == record.size_bytes else None
    except (OSError, ValueError):
        return None


def read_model(record: Record) -> bytes:
    """The content of a variant's file, the very one that was recorded.

    Raises:
        InputError: it is no longer where the record says, or another one is.
    """
    path = find_model(record)
    try:
        content = path.read_bytes() if path is not None else b""
    except OSError:
        content = b""
    if hashlib.sha256(content).hexdigest() != record.sha256:
        raise InputError(
            f"the file of {record.recipe} is no longer where it was made, or has changed: make it again with the code, then download it"
        )
    return content


def find_report(records: Sequence[Record], budget_points: float) -> bytes | None:
    """The report for this budget beside the models, if it is of these very files; None where there is none."""
    path = Path(records[0].file)
    if not path.is_absolute():
        return None
    try:
        content = (path.parent.parent / report_name(budget_points)).read_bytes()
    except OSError:
        return None
    return content if all(record.sha256.encode() in content for record in records) else None


def make_report(records: Sequence[Record], budget_points: float, notes: Sequence[str], pictures: Mapping[int, str]) -> bytes:
    """The report of these records, made anew in a process of its own: its figures need plotly, which is too large for a visitor's kernel.

    Args:
        budget_points: for its recommendation. notes: lines about data or model.

    Raises:
        EdgewbError: it could not be made, with the reason.
    """
    asked = {
        "records": list(records),
        "budget_points": budget_points,
        "command": command_line(records, budget_points),
        "notes": list(notes),
        "pictures": {str(index): uri for index, uri in pictures.items()},
    }
    command = [sys.executable, "-m", "edgewb.views.widgets.explorer_reports"]
    # Where this package was found is where that process finds it, too, whatever folder it starts in.
    folder = Path(__file__).parents[3]
    try:
        done = subprocess.run(
            command, input=msgspec.json.encode(asked), capture_output=True, timeout=REPORT_SECONDS, check=False, cwd=folder
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EdgewbError(f"the report could not be made ({type(error).__name__}): try again when the computer is less busy") from None
    if done.returncode:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["no message"]
        raise EdgewbError(f"the report could not be made: {lines[-1][:300]}")
    return done.stdout


def command_line(records: Sequence[Record], budget_points: float) -> str:
    """What to type to make these variants of one study again."""
    one = records[0]
    words = ["edgewb", "run", "--dataset", one.dataset, "--recipes", ",".join(record.recipe for record in records)]
    words += ["--model", Path(one.model).name]
    if targets := _targets(records):
        words += ["--targets", ",".join(targets)]
    words += ["--budget", f"{budget_points:g}", "--seed", str(one.seed)]
    if (limits := _input_range(one)) is not None:
        words.append("--input-range={:g},{:g}".format(*limits))
    return shlex.join(words + ["--fast"] * (_length(one) == "fast"))


def python_code(record: Record, budget_points: float) -> str:
    """A short program that makes a variant again, and says whether it came out the same.

    Whatever a record says stands in it as a Python literal: a record may be somebody else's, and the program is there to be run.
    """
    from edgewb.datasets import DATASET_NAMES

    arguments = [f"{record.dataset!r}", f"[{record.recipe!r}]", f"model={Path(record.model).name!r}"]
    if targets := _targets([record]):
        arguments.append(f"targets={list(targets)!r}")
    arguments += [f"budget={budget_points!r}", f"seed={record.seed!r}"]
    if (limits := _input_range(record)) is not None:
        arguments.append(f"input_range={limits!r}")
    if _length(record) == "fast":
        arguments.append("fast=True")
    hints = []
    if record.dataset not in DATASET_NAMES:
        hints.append("# The first argument is the name of your data: put their path there.")
    if not _built_in(record):
        hints.append("# `model` is the name of your own file: put its path there.")
    if _length(record) is None:
        hints.append("# It was trained with settings that edgewb.run does not offer, so it will differ.")
    lines = [
        '"""Make a variant again. Needs edgewb with its extras "data" and "train"; on a terminal the same is done by the command below."""',
        "",
        "import edgewb",
        "",
        f"COMMAND = {command_line([record], budget_points)!r}",
        f"RECIPE, SHA256 = {record.recipe!r}, {record.sha256!r}",
        "",
        *hints,
        f"study = edgewb.run({', '.join(arguments)})",
        "print(study)",
        "made = next(record for record in study.records if record.recipe == RECIPE)",
        'print("the same file as recorded" if made.sha256 == SHA256 else "not the same file as recorded: other versions or processor")',
        "",
    ]
    return "\n".join(lines)


def file_name(*parts: str) -> str:
    """Names from records as part of a file's name in somebody's browser."""
    return re.sub(r"[^\w.-]+", "_", "_".join(Path(part).stem for part in parts)).strip("._")[:80] or "edgewb"


def _targets(records: Sequence[Record]) -> tuple[str, ...]:
    found = [s.target for r in records for s in r.latency if s.basis is Basis.MEASURED and s.target not in _ADDRESSED]
    return tuple(dict.fromkeys(found))


def _built_in(record: Record) -> bool:
    return record.settings.get("model_kind") == "builtin"


def _input_range(record: Record) -> tuple[float, float] | None:
    """What to say of the input range: nothing for a built-in net, which knows its own."""
    limits = record.settings.get("input_range")
    if _built_in(record) or not isinstance(limits, list) or len(limits) != 2:
        return None
    return float(limits[0]), float(limits[1])


def _length(record: Record) -> str | None:
    """Which of the two lengths of training that can be asked for it had: "fast", "full"; None for neither."""
    from edgewb.optimizers.training import FAST, FULL

    given = record.settings.get("training")
    return next((name for name, known in (("fast", FAST), ("full", FULL)) if given == dataclasses.asdict(known)), None)
