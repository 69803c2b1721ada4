"""The studies that the explorer can show: those of the record store and those that come with the repository, or records it is given."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from edgewb.bundles import BundledStudy, bundled_studies
from edgewb.errors import EdgewbError, unknown_name
from edgewb.records.formats import listed, plain, span
from edgewb.records.groups import StudyGroup, group_records, list_studies, load_study, pick_records, store_version
from edgewb.records.listings import Records
from edgewb.types import Record

BUNDLED = "bundled-"


@dataclass(frozen=True)
class Choice:
    """One study in the list. ``elsewhere``: it was recorded on another computer."""

    id: str
    label: str
    elsewhere: bool
    group: StudyGroup


@dataclass(frozen=True)
class OpenStudy:
    """What is shown. ``about`` says where it was recorded, if that was elsewhere."""

    choice: Choice
    records: Records
    about: str = ""


class Shelf:
    """Where studies are looked up.

    Args:
        records: show these alone; None for the home's record store and what comes with the repository.
    """

    def __init__(self, records: Sequence[Record] | None) -> None:
        self._given = None if records is None else Records(records)
        self.problem = ""
        self.choices: tuple[Choice, ...] = ()
        self._bundled: dict[str, BundledStudy] = {}
        self.reload()

    def version(self) -> Hashable:
        """Changes when there may be something new; cheap."""
        return () if self._given is not None else store_version()

    def reload(self) -> None:
        """Read again what there is, newest first. What cannot be read is said in ``problem``, and the rest is there."""
        problems = []
        if self._given is not None:
            self.choices = tuple(_choice(group) for group in group_records(self._given))
            return
        groups: tuple[StudyGroup, ...] = ()
        try:
            groups = list_studies()
        except EdgewbError as error:
            problems.append(str(error))
        try:
            self._bundled = {f"{BUNDLED}{study.name}": study for study in bundled_studies()}
        except EdgewbError:
            self._bundled = {}  # an installation without the repository has none, which is no fault
        own = [_choice(group) for group in groups]
        self.choices = (*own, *(_bundled_choice(name, study) for name, study in self._bundled.items()))
        self.problem = "; ".join(problems)

    def open(self, identity: str) -> OpenStudy:
        """A study with its records.

        Raises:
            InputError: no study of that id. StorageError: the store cannot be read.
        """
        chosen = next((choice for choice in self.choices if choice.id == identity), None)
        if chosen is None:
            raise unknown_name("study", str(identity)[:40], [choice.id for choice in self.choices], "load the page again")
        if identity in self._bundled:
            study = self._bundled[identity]
            return OpenStudy(chosen, Records(study.records), study.about)
        if self._given is not None:
            return OpenStudy(chosen, pick_records(chosen.group, self._given), _maker(chosen))
        return OpenStudy(chosen, load_study(chosen.group), _maker(chosen))


def _maker(choice: Choice) -> str:
    return "Imported: the word of whoever made it, not measured here." if choice.elsewhere else ""


def _choice(group: StudyGroup) -> Choice:
    elsewhere = group.origin != "local"
    parts = [plain(group.dataset), plain(group.model), f"seed {group.seed}", _count(len(group.keys))]
    if steps := group.training.get("steps"):
        parts.insert(3, f"{steps} training steps")
    when = group.created.replace("T", " ")[:16]
    return Choice(group.id, " · ".join([*parts, f"imported, {when}" if elsewhere else when]), elsewhere, group)


def _bundled_choice(name: str, study: BundledStudy) -> Choice:
    group = group_records(study.records)[0]
    seeds, models = span(record.seed for record in study.records), listed(record.model for record in study.records)
    parts = [plain(group.dataset), models, f"seed {seeds}", _count(len(study.records)), "comes with edgewb, recorded elsewhere"]
    return Choice(name, " · ".join([*parts, study.recorded]), True, group)


def _count(n: int) -> str:
    return f"{n} variant{'' if n == 1 else 's'}"
