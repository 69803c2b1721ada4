"""Records as one object: a sequence for code, a table for people, a data frame for analysis."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from edgewb.errors import StorageError, require
from edgewb.locations import HOME_VARIABLE, home
from edgewb.records.columns import flat_rows, notes, summary_columns
from edgewb.records.exchanges import export_records
from edgewb.records.stores import RecordStore, records_path
from edgewb.records.tables import render_html, render_text
from edgewb.types import Record

if TYPE_CHECKING:
    import pandas as pd


def listed(record: Record) -> dict[str, Any]:
    """A record as a reader of the JSON gets it: what was estimated stands beside what was measured."""
    tree = record.to_dict()
    if record.estimate is not None and record.estimate.latency_ms is not None:
        tree["latency"].append(tree["estimate"])
    return tree


class Records(Sequence[Record]):
    """Records in a fixed order. Indexing gives a Record, slicing gives Records; printing gives a table."""

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self._records = tuple(records)

    @overload
    def __getitem__(self, index: int) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> Records: ...
    def __getitem__(self, index: int | slice) -> Record | Records:
        return Records(self._records[index]) if isinstance(index, slice) else self._records[index]

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[Record]:
        return iter(self._records)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Records) and self._records == other._records

    def __hash__(self) -> int:
        return hash(tuple(record.key for record in self._records))

    def to_dict(self) -> dict[str, Any]:
        """``{"records": [record, ...]}``, each exactly the JSON of a record: an estimate stands among its latencies, too."""
        return {"records": self.to_list()}

    def to_list(self) -> list[dict[str, Any]]:
        """The records as dictionaries, in order."""
        return [listed(record) for record in self._records]

    def to_frame(self) -> pd.DataFrame:
        """One row per record, flat columns with units in their names and a basis beside each figure; columns nothing fills are absent.

        Accuracy in 0..1, changes in points, sizes in bytes, latency in milliseconds.

        Raises:
            MissingPackageError: pandas is not installed.
        """
        pandas = require("pandas", "views", "for Records.to_frame()")
        frame: pd.DataFrame = pandas.DataFrame(flat_rows(self._records))
        return frame

    def export(self, path: str | os.PathLike[str]) -> Path:
        """Write JSON lines, whole or not at all, without any folder of this machine.

        Raises:
            StorageError: disk full, no permission.
        """
        return export_records(self._records, path)

    def __repr__(self) -> str:
        count = f"{len(self)} record{'' if len(self) == 1 else 's'}"
        if not self._records:
            return f"Records: {count}"
        return f"Records: {count}\n{render_text(summary_columns(self._records))}" + "\n".join(notes(self._records))

    def _repr_html_(self) -> str:
        if not self._records:
            return "<p>Records: 0 records</p>"
        import html

        below = "<br>".join(html.escape(line) for line in notes(self._records))
        return f"{render_html(summary_columns(self._records))}<p><small>{below}</small></p>"


def load_records(path: str | os.PathLike[str] | None = None, **filters: str | int | None) -> Records:
    """The stored records in the order they were made; nothing is created when there is no database yet.

    Args:
        path: a database of records; None for the default place, where "nothing there yet" is an empty answer and no error.
        filters: any of key, recipe, dataset, dataset_fingerprint, model, sha256, seed, origin.

    Raises:
        StorageError: the database is missing (when a path is given), damaged, or from a newer version.
        InputError: a filter of another name.
    """
    if path is None and not records_path().exists():
        blocking = next((place for place in (home(), *home().parents) if place.exists()), None)
        if blocking is not None and not blocking.is_dir():
            raise StorageError(f"cannot open the folder {str(home())!r}: {str(blocking)!r} is a file; set {HOME_VARIABLE} to a folder")
        return Records()
    with RecordStore(path, create=False) as store:
        return Records(store.query(**filters))
