"""The one database of results. Each write is a transaction; a record is there whole or not at all."""

from __future__ import annotations

import dataclasses
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import msgspec

from edgewb.errors import InputError, StorageError, unknown_name
from edgewb.locations import HOME_VARIABLE, home, storage_error
from edgewb.records.checks import MAX_INTEGER, RecordProblem, check_numbers
from edgewb.types import Environment, Record

SCHEMA_VERSION = 1
APPLICATION_ID = 0x45645762
"""Written into the file's header, so that another program's database is never taken for ours."""
BUSY_SECONDS = 10.0
FILTERS = ("key", "recipe", "dataset", "dataset_fingerprint", "model", "sha256", "seed", "origin")
ORIGINS = ("local", "imported")

_SCHEMA = (
    """CREATE TABLE records (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        key TEXT NOT NULL UNIQUE,
        recipe TEXT NOT NULL,
        dataset TEXT NOT NULL,
        dataset_fingerprint TEXT NOT NULL,
        model TEXT NOT NULL,
        sha256 TEXT NOT NULL,
        seed INTEGER NOT NULL,
        created TEXT NOT NULL,
        origin TEXT NOT NULL CHECK (origin IN ('local', 'imported')),
        record TEXT NOT NULL
    )""",
    "CREATE INDEX records_by_dataset ON records (dataset, recipe)",
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {SCHEMA_VERSION}",
)

# A record made here replaces an imported one of the same key: what somebody else's file says is never preferred to a measurement.
_INSERT = """INSERT INTO records (key, recipe, dataset, dataset_fingerprint, model, sha256, seed, created, origin, record)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (key) DO UPDATE SET sha256 = excluded.sha256, recipe = excluded.recipe, dataset = excluded.dataset,
        dataset_fingerprint = excluded.dataset_fingerprint, model = excluded.model, seed = excluded.seed,
        created = excluded.created, origin = excluded.origin, record = excluded.record
    WHERE records.origin = 'imported' AND excluded.origin = 'local'"""


_Kind = TypeVar("_Kind")


@dataclasses.dataclass(frozen=True, kw_only=True)
class RecordHead:
    """What tells a record from others, without what was measured: fields as in ``Record``."""

    key: str
    recipe: str
    dataset: str
    dataset_fingerprint: str
    model: str
    seed: int
    created: str
    origin: str
    settings: dict[str, Any]
    environment: Environment


def records_path() -> Path:
    """The default place of the database."""
    return home() / "records.sqlite"


class RecordStore:
    """A database of records; use it with ``with``.

    Args:
        path: the database; None for the default place (``records_path()``).
        create: make the file, and the folders above it, when missing.

    Raises:
        StorageError: on opening and in every method, for what keeps results from being written or read back.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None, *, create: bool = True) -> None:
        self.path = Path(path) if path is not None else records_path()
        self._connection: sqlite3.Connection | None = None
        if self.path.is_dir():
            raise StorageError(f"cannot open the database {str(self.path)!r}: it is a folder; give the name of a file")
        if create:
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise storage_error(self.path.parent, "make the folder", error) from None
        elif not self.path.exists():
            raise StorageError(f"no database of records at {str(self.path)!r}: check the path, or run `edgewb demo` to make one")
        with self._explained("open"):
            self._connection = self._open("rwc" if create else "rw")

    def _open(self, mode: str) -> sqlite3.Connection:
        # SQLite itself falls back to reading when the file is write-protected; a journal left by a killed process is rolled back here.
        uri = f"{self.path.absolute().as_uri()}?mode={mode}"
        connection = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None)
        try:
            self._check_version(connection)
            # One file, no side files between runs, and safe on a network drive; write-ahead logging is neither.
            connection.execute("PRAGMA synchronous = FULL")
        except BaseException:
            connection.close()
            raise
        return connection

    def _check_version(self, connection: sqlite3.Connection) -> None:
        # Within one reading transaction: another process that makes the tables meanwhile is seen wholly or not at all.
        connection.execute("BEGIN")
        tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        application = connection.execute("PRAGMA application_id").fetchone()[0]
        connection.execute("COMMIT")
        if version == 0 and application == 0 and not tables:
            with _transaction(connection):
                # Two first runs at once: the second waits for the lock and finds the tables made.
                if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
                    for statement in _SCHEMA:
                        connection.execute(statement)
            return
        if application != APPLICATION_ID:
            raise StorageError(f"{str(self.path)!r} is a database of another program: give another path (or set {HOME_VARIABLE})")
        if version > SCHEMA_VERSION:
            raise StorageError(
                f"the database {str(self.path)!r} has version {version}, this edgewb knows versions up to {SCHEMA_VERSION}: "
                f"install a newer edgewb, or set {HOME_VARIABLE} to another folder; nothing was changed"
            )

    @contextmanager
    def _explained(self, action: str) -> Iterator[None]:
        """SQLite's errors as one line: what was tried, what is wrong, what to do next."""
        try:
            yield
        except sqlite3.Error as error:
            text = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise StorageError(f"cannot {action} the database {str(self.path)!r}: {text}: {_advice(text)}") from None

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            raise StorageError(f"the database {str(self.path)!r} is closed: open it again with RecordStore(path)")
        return self._connection

    def close(self) -> None:
        """Close the file; closing twice is fine."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __len__(self) -> int:
        connection = self._connected()
        with self._explained("read"):
            return int(connection.execute("SELECT count(*) FROM records").fetchone()[0])

    def add(self, record: Record) -> bool:
        """Keep a record made here. A key already there is kept once: the older record stays and False is returned.

        Raises:
            InputError: a number in it cannot be (NaN, accuracy above 1, counts that do not add up).
        """
        return self.add_all([record]) == 1

    def add_all(self, records: Iterable[Record], origin: str = "local") -> int:
        """Keep several records in one transaction, all or none; returns how many were new. What was imported once stays so."""
        if origin not in ORIGINS:
            raise unknown_name("origin", origin, ORIGINS)
        rows = [_row(record, origin) for record in records]
        connection = self._connected()
        with self._explained("write to"), _transaction(connection):
            return sum(max(connection.execute(_INSERT, row).rowcount, 0) for row in rows)

    def get(self, key: str) -> Record | None:
        """The record of that key, or None."""
        found = self.query(key=key)
        return found[0] if found else None

    def query(self, **filters: str | int | None) -> list[Record]:
        """Records in the order they were added, those where each given column has the given value.

        Args:
            filters: any of key, recipe, dataset, dataset_fingerprint, model, sha256, seed, origin ("local", "imported");
                None is no filter.

        Raises:
            InputError: a filter of another name.
        """
        for name in filters:
            if name not in FILTERS:
                raise unknown_name("filter", name, FILTERS)
            if isinstance(filters[name], int) and abs(int(filters[name] or 0)) > MAX_INTEGER:
                raise InputError(f"{name} {filters[name]} is out of range: give a whole number of at most 64 bits")
        wanted = {name: value for name, value in filters.items() if value is not None}
        where = " AND ".join(f"{name} = ?" for name in wanted) or "1"
        connection = self._connected()
        with self._explained("read"):
            # The column names come from FILTERS, never from the caller.
            statement = f"SELECT key, origin, record FROM records WHERE {where} ORDER BY id"  # noqa: S608
            rows = connection.execute(statement, tuple(wanted.values())).fetchall()
        # The column alone says where a record is from, whatever its text says.
        return [dataclasses.replace(self._decode(key, text, Record), origin=origin) for key, origin, text in rows]

    def heads(self) -> list[RecordHead]:
        """What each record is of, in the order they were added; samples and answers are not decoded."""
        connection = self._connected()
        with self._explained("read"):
            rows = connection.execute("SELECT key, origin, record FROM records ORDER BY id")
            return [dataclasses.replace(self._decode(key, text, RecordHead), origin=origin) for key, origin, text in rows]

    def _decode(self, key: str, text: str, kind: type[_Kind]) -> _Kind:
        try:
            return msgspec.json.decode(text, type=kind)
        except (msgspec.MsgspecError, ValueError, TypeError, RecursionError) as error:
            raise StorageError(
                f"the database {str(self.path)!r} holds a damaged record, key {ascii(key)[:80]} ({error}): "
                "restore the file from a copy, or move it away and run the study again"
            ) from None


def _row(record: Record, origin: str) -> tuple[str | int, ...]:
    if record.origin != "local":
        origin = "imported"
    try:
        text = msgspec.json.encode(dataclasses.replace(record, origin=origin)).decode("utf-8")
        check_numbers(record)
    except RecordProblem as problem:
        raise InputError(f"the record of {record.recipe!r} cannot be kept: {problem}; check what produced it") from None
    except (TypeError, ValueError) as error:
        raise InputError(f"the record of {record.recipe!r} cannot be kept: {error}; use numbers, strings, lists and dictionaries") from None
    first = (record.key, record.recipe, record.dataset, record.dataset_fingerprint, record.model)
    return (*first, record.sha256, record.seed, record.created, origin, text)


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All of it or nothing. The lock is taken at the start, so that two writers wait for each other instead of failing half-way."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _advice(text: str) -> str:
    lower = text.lower()
    if "full" in lower:
        return "free some space, then run the same command again; nothing already stored is lost"
    if "disk i/o" in lower:
        return "the disk is full, gone or failing; check it, then run the same command again"
    if "readonly" in lower or "unable to open" in lower:
        return f"check that the file and its folder may be written, or set {HOME_VARIABLE} to another folder"
    if "locked" in lower:
        return f"another edgewb held it for more than {BUSY_SECONDS:g} s; wait for it to end, then run the same command again"
    if "not a database" in lower or "malformed" in lower or "encrypted" in lower or "no such table" in lower:
        return "give another path, or move the file away; a new one is made on the next run"
    return f"check the file, or set {HOME_VARIABLE} to another folder"
