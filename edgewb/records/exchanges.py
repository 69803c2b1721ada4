"""Records out of and into a file of JSON lines. What comes in was written by somebody else and is checked line by line."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from edgewb.errors import StorageError
from edgewb.locations import storage_error, write_whole
from edgewb.records.checks import RecordProblem, check_numbers, check_statistics, check_strings
from edgewb.records.stores import RecordStore
from edgewb.types import Jsonable, Record

MAX_LINE_BYTES = 1024 * 1024
MAX_FILE_BYTES = 64 * 1024 * 1024
MAX_REJECTED_LISTED = 1000

_WHOLE_PATH = re.compile(r"^(?:/|~\w*[\\/]|\\\\|[A-Za-z]:[\\/]|file:)")
_PATH_INSIDE = re.compile(r"""(?<![^\s=:,;'"(\[])(?:file:/*|~|[A-Za-z]:)?[\\/](?:[^\s'"()\\/]+[\\/])+([^\s'"()\\/]*)""")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ImportResult(Jsonable):
    """What an import did. ``rejected`` holds (line number from 1, reason); no line is lost silently."""

    added: int
    already_there: int
    rejected: tuple[tuple[int, str], ...]


def _last_name(path: str) -> str:
    return re.split(r"[\\/]", path.rstrip("\\/"))[-1]


def _without_paths(text: str) -> str:
    if _WHOLE_PATH.match(text) and re.search(r"[\\/]", text):
        return _last_name(text)
    return _PATH_INSIDE.sub(lambda found: found.group(1) or _last_name(found.group(0)), text)


def _scrub(value: Any) -> Any:
    if isinstance(value, str):
        return _without_paths(value)
    if isinstance(value, dict):
        return {_without_paths(str(key)): _scrub(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_scrub(item) for item in value]
    return value


def public_dict(record: Record) -> dict[str, Any]:
    """A record's JSON for others: the file is reduced to its name, absolute paths anywhere to their last part, and no ``origin``."""
    result: dict[str, Any] = _scrub(record.to_dict())
    del result["origin"]  # it is true on this machine only
    result["file"] = _last_name(record.file)
    return result


def export_records(records: Iterable[Record], path: str | os.PathLike[str]) -> Path:
    """Write records as JSON lines, whole or not at all, without folders of this machine.

    Raises:
        StorageError: disk full, no permission.
    """
    return write_whole(path, b"".join(msgspec.json.encode(public_dict(record)) + b"\n" for record in records))


def _numbered_lines(stream: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    """(number, line) without ever holding more than the limit; None stands for a line that is too long."""
    number = 0
    while line := stream.readline(MAX_LINE_BYTES + 1):
        number += 1
        if len(line) > MAX_LINE_BYTES and not line.endswith(b"\n"):
            while (rest := stream.readline(MAX_LINE_BYTES)) and not rest.endswith(b"\n"):
                pass
            yield number, None
        elif line.strip():
            yield number, line


def parse_record(line: bytes) -> Record:
    """One untrusted line of JSON as a record, marked as imported whatever the line says of its origin.

    Raises:
        RecordProblem: with the reason, on one line and without control characters.
    """
    try:
        record = dataclasses.replace(msgspec.json.decode(line, type=Record, strict=True), origin="imported")
        check_numbers(record)
        check_strings(record)
        check_statistics(record)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, OverflowError) as error:
        raise RecordProblem(ascii(str(error))[1:-1][:200]) from None
    return record


def import_records(path: str | os.PathLike[str], store: RecordStore) -> ImportResult:
    """Take records from a file of JSON lines into a store: good lines are kept, bad ones reported, in one transaction.

    The file is untrusted: lines over 1 MiB, files over 64 MiB, numbers that cannot be, intervals, p-values and percentiles
    that do not follow from the counts and samples beside them, and strings with control characters are refused. Imported records are
    marked so (``origin="imported"``) and never replace one made here.

    Raises:
        StorageError: the file cannot be read or is too large; the database cannot be written.
    """
    source = Path(path)
    good: list[Record] = []
    rejected: list[tuple[int, str]] = []
    more = 0
    try:
        if source.is_file() and source.stat().st_size > MAX_FILE_BYTES:
            size = source.stat().st_size
            raise StorageError(f"{str(source)!r} holds {size} bytes, at most {MAX_FILE_BYTES} are read: split it by lines")
        if source.exists() and not source.is_file():
            raise StorageError(f"cannot import {str(source)!r}: it is no file; give a file of JSON lines, as `Records.export` writes it")
        with source.open("rb") as stream:
            for number, line in _numbered_lines(stream):
                try:
                    if line is None:
                        raise RecordProblem(f"the line is longer than {MAX_LINE_BYTES} bytes")
                    good.append(parse_record(line))
                except RecordProblem as problem:
                    if len(rejected) < MAX_REJECTED_LISTED:
                        rejected.append((number, str(problem)))
                    else:
                        more += 1
    except OSError as error:
        raise storage_error(source, "read", error) from None
    if more:
        rejected.append((0, f"and {more} more lines"))
    added = store.add_all(good, origin="imported")
    return ImportResult(added=added, already_there=len(good) - added, rejected=tuple(rejected))
