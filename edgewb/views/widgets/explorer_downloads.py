"""What the explorer lets a visitor save: a variant's file and the study's report; the code is of ``reproductions``."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from edgewb.errors import EdgewbError, InputError
from edgewb.recommendations import report_name
from edgewb.reproductions import asked_of, command_line
from edgewb.types import Record

REPORT_SECONDS = 120


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
        "command": command_line(asked_of(records, budget_points)),
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


def file_name(*parts: str) -> str:
    """Names from records as part of a file's name in somebody's browser."""
    return re.sub(r"[^\w.-]+", "_", "_".join(Path(part).stem for part in parts)).strip("._")[:80] or "edgewb"
