"""Records grouped into what was done together: one model on one data set with one seed, trained alike, on one computer."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from edgewb.records.listings import Records, load_records
from edgewb.records.stores import RecordHead, RecordStore, records_path
from edgewb.types import Jsonable, Record


@dataclass(frozen=True, kw_only=True)
class StudyGroup(Jsonable):
    """Records that can be compared with each other.

    Attributes:
        id: a short name for it, the same each time.
        created: when its newest record was made, as in ``Record.created``.
        origin: "local" or "imported", as in ``Record.origin``.
        cpu: of the computer that made it.
        training: the settings of the training, as in ``Record.settings``; empty where a record has none.
        keys: of the newest record of each recipe, in the order in which the recipes were first recorded.
    """

    id: str
    dataset: str
    dataset_fingerprint: str
    model: str
    seed: int
    created: str
    origin: str
    cpu: str
    training: dict[str, Any]
    keys: tuple[str, ...]


def group_records(records: Iterable[Record | RecordHead]) -> tuple[StudyGroup, ...]:
    """Studies among records, the one with the newest record first. Of a recipe that a study has twice, the newest counts."""
    found: dict[str, dict[str, Record | RecordHead]] = {}
    for record in records:
        newest = found.setdefault(_identify(record), {})
        if record.recipe not in newest or newest[record.recipe].created <= record.created:
            newest[record.recipe] = record  # a key that is there keeps its place in the order
    groups = [_group(name, list(members.values())) for name, members in found.items()]
    return tuple(sorted(groups, key=lambda group: group.created, reverse=True))


def list_studies(path: str | os.PathLike[str] | None = None) -> tuple[StudyGroup, ...]:
    """Studies in a database, newest first, without reading their samples; none where there is no database yet.

    Args:
        path: of the database; None for the default place.

    Raises:
        StorageError: the database is missing (when a path is given), damaged, or from a newer version.
    """
    if path is None and not records_path().exists():
        return group_records(load_records())  # which says what is wrong with the home, if anything is
    with RecordStore(path, create=False) as store:
        return group_records(store.heads())


def load_study(group: StudyGroup, path: str | os.PathLike[str] | None = None) -> Records:
    """The records of a study in a database, in the order of its keys; what has gone since is absent."""
    found = load_records(path, dataset_fingerprint=group.dataset_fingerprint, model=group.model, seed=group.seed)
    return pick_records(group, found)


def pick_records(group: StudyGroup, records: Sequence[Record]) -> Records:
    """The records of a study among others, in the order of its keys."""
    by_key = {record.key: record for record in records}
    return Records(by_key[key] for key in group.keys if key in by_key)


def store_version(path: str | os.PathLike[str] | None = None) -> tuple[int, ...]:
    """Changes whenever something is written into the database: cheap enough to be asked every second. () where there is none."""
    try:
        found = Path(path if path is not None else records_path()).stat()
    except OSError:
        return ()
    return found.st_ino, found.st_mtime_ns, found.st_size


def _identify(record: Record | RecordHead) -> str:
    same = (
        record.dataset,
        record.dataset_fingerprint,
        record.model,
        record.settings.get("model_sha256"),
        record.seed,
        record.settings.get("training"),
        record.origin,
        record.environment,
    )
    return hashlib.sha256(msgspec.json.encode(same, order="deterministic")).hexdigest()[:16]


def _group(name: str, members: Sequence[Record | RecordHead]) -> StudyGroup:
    one = members[0]
    training = one.settings.get("training")
    return StudyGroup(
        id=name,
        dataset=one.dataset,
        dataset_fingerprint=one.dataset_fingerprint,
        model=one.model,
        seed=one.seed,
        created=max(member.created for member in members),
        origin=one.origin,
        cpu=one.environment.cpu,
        training=training if isinstance(training, dict) else {},
        keys=tuple(member.key for member in members),
    )
