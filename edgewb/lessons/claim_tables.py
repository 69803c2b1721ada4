"""Tables of the four texts, and small published ones, as data (``data/claim_tables.toml``): what claims are computed from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from edgewb.errors import unknown_name
from edgewb.lessons.hardware import read_toml
from edgewb.types import Jsonable


@dataclass(frozen=True, kw_only=True)
class ClaimTable(Jsonable):
    """A table: its rows by the name in their first column, each a dictionary of figures.

    ``source`` is where it stands; ``document`` the id of the text that states it, "" where it was published elsewhere.
    """

    name: str
    document: str
    about: str
    source: str
    rows: dict[str, dict[str, float]]

    def column(self, name: str) -> tuple[float, ...]:
        """A column in the table's order; rows without that figure are left out."""
        return tuple(row[name] for row in self.rows.values() if name in row)


@cache
def claim_tables() -> dict[str, ClaimTable]:
    """All of them by name.

    Raises:
        StorageError: the repository's data are not there, or damaged.
    """
    return {raw["name"]: ClaimTable(**{"document": "", **raw}) for raw in read_toml("claim_tables.toml")["table"]}


def claim_table(name: str) -> ClaimTable:
    """One of ``claim_tables()``.

    Raises:
        InputError: an unknown name. StorageError: as there.
    """
    if name not in claim_tables():
        raise unknown_name("table of a text", name, claim_tables())
    return claim_tables()[name]
