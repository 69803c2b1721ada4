"""Which record of a study is of a file: the one with its sha256 or, of a compiled file, that of the model whose parameters it holds."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from edgewb.compilers.inspections import Inspection, inspect
from edgewb.compilers.matches import Match, Verdict
from edgewb.errors import EdgewbError, InputError
from edgewb.tflite.reader import load_bytes
from edgewb.types import Record

_MOST_SEARCHED: Final = 20  # of each some ten files are compared byte by byte; --source finds an older one


class HasRecords(Protocol):
    """A study: what ``edgewb.run`` returns, or a bundled one."""

    @property
    def records(self) -> Sequence[Record]: ...


@dataclass(frozen=True, kw_only=True)
class Origin:
    """The record that speaks of a file, None without one, and a sentence on how it was found, or was not."""

    record: Record | None
    said: str


@dataclass(frozen=True, kw_only=True)
class RecordedStudy:
    """Records that were made together."""

    records: Sequence[Record]


def recorded_study(model: str | Path, source: str | Path | None = None) -> RecordedStudy | None:
    """The newest study of this home with a record of the file, of its source or, of a compiled file, of a model it holds; None without.

    What a compiled file holds is compared with the models of the 20 newest studies alone.

    Raises:
        ModelFileError: not a readable model. StorageError: the records cannot be read.
    """
    from edgewb.records.groups import list_studies, load_study

    seen = inspect(model)
    given = {seen.sha256} | (set() if source is None else {hashlib.sha256(load_bytes(source)).hexdigest()})
    search = seen.kind == "compiled" and source is None
    studies = [load_study(group) for group in list_studies()]
    for records in studies:
        if any(record.sha256 in given for record in records):
            return RecordedStudy(records=records)
    for records in studies[:_MOST_SEARCHED] if search else ():
        if _search(model, records).record is not None:
            return RecordedStudy(records=records)
    return None


def find_origin(seen: Inspection, model: str | Path, study: HasRecords | None, source: str | Path | None = None) -> Origin:
    """The record of ``model``.

    Args:
        seen: what ``inspect`` says of the model. study: whose records are searched. source: of a compiled file, what it was made from.

    Raises:
        InputError: a source for a file that is none itself, or one the file was not made from.
    """
    records = () if study is None else study.records
    made_of = None if source is None else _check_source(seen, model, source)
    if study is None:
        return Origin(record=None, said="no study was given" + ("" if made_of is None else f"; {made_of[1]}"))
    wanted = (seen.sha256,) if made_of is None else (seen.sha256, made_of[0])
    own = next((record for record in records if record.sha256 in wanted), None)
    if own is not None:
        how = "" if made_of is None or own.sha256 == seen.sha256 else f": {own.recipe}; {made_of[1]}"
        return Origin(record=own, said=f"its record is in the study{how}")
    if made_of is not None:
        return Origin(record=None, said=f"the study has no record of its source; {made_of[1]}")
    if seen.kind != "compiled":
        return Origin(record=None, said="the study has no record of this very file")
    return _search(model, records)


def _check_source(seen: Inspection, model: str | Path, source: str | Path) -> tuple[str, str]:
    """The sha256 of the source, and in words how sure it is that the file was made from it."""
    name, other = Path(model).name, Path(source).name
    if seen.kind != "compiled":
        raise InputError(f"{name} is not compiled, so it has no source: leave {other} out")
    match = inspect(model, against=source).against
    assert match is not None
    if match.verdict is Verdict.DIFFERS:
        raise InputError(f"{name} was not made from {other} ({match.reason}): give the .tflite it was compiled from")
    if match.verdict is Verdict.HOLDS and match.ops_agree:  # with none that agrees it only says that nothing contradicts it
        return match.source_sha256, _held(match)
    return match.source_sha256, f"that it was compiled from {other} is your word, the file does not show it ({match.reason})"


def _held(match: Match) -> str:
    return f"compiled from {Path(match.source).name}, {match.ops_agree} of whose {len(match.ops)} ops agree byte by byte"


def _search(model: str | Path, records: Sequence[Record]) -> Origin:
    """Compare a compiled file with each int8 model of a study that is still there as a file, those of a like name first."""
    stem, doubts = Path(model).stem, 0
    for record in sorted(records, key=lambda one: not stem.startswith(Path(one.file).stem)):
        if not record.placement.ops_edgetpu or not Path(record.file).is_file():
            continue
        try:
            if hashlib.sha256(load_bytes(record.file)).hexdigest() != record.sha256:
                continue  # another file stands there by now
            match = inspect(model, against=record.file).against
        except EdgewbError:  # of the stand-in compiler, or too large to be compared
            doubts += 1
            continue
        assert match is not None
        # Where no op agrees byte by byte, "holds" only says that nothing contradicts it.
        if match.verdict is Verdict.HOLDS and match.ops_agree:
            return Origin(record=record, said=f"its record is in the study: {record.recipe}; {_held(match)}")
        doubts += match.verdict is not Verdict.DIFFERS
    said = "the study has no record of this very file, and none of its models was shown to be in it"
    return Origin(record=None, said=said + (f" ({doubts} could not be told: name its source)" if doubts else ""))
