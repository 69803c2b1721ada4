"""Studies under way: each says in the home what it is doing, where others see it and may ask it to stop."""

from __future__ import annotations

import contextlib
import datetime
import os
import re
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType

from edgewb.errors import InputError, StorageError
from edgewb.locations import home, write_whole
from edgewb.types import Jsonable

_ID = re.compile(r"[0-9a-f]{16}", re.ASCII)
_WRITE_S = 1.0
"""Progress within a step is written at most so often; what is begun or finished at once."""
_SAME_START_S = 5.0
"""A process of the same number that started at another time is another one; clocks are set right by less than this."""
_FORGET_S = 600.0
_LEFTOVER_S = 60.0
_MAX_BYTES = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class RunningStudy(Jsonable):
    """A study under way, or one whose process ended without a word within the last ten minutes (not ``alive``).

    Attributes:
        recipes: those it makes, in the order of the study; ``done`` are in the database, ``failed`` could not be made.
        current: what it is doing now, in words.
        share: of its expected time, 0..1.
        started, updated: UTC, as in a record's ``created``.
        cancelling: somebody asked it to stop, and it has not yet.
    """

    id: str
    dataset: str
    dataset_fingerprint: str
    model: str
    seed: int
    recipes: tuple[str, ...]
    done: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    current: str = ""
    share: float = 0.0
    started: str
    updated: str
    pid: int
    process_started: float
    cancelling: bool = False
    alive: bool = True


def _folder() -> Path:
    return home() / "running"


def _request(study: str) -> Path:
    return _folder() / f"{study}.cancel"


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


class Announcement:
    """A study's own entry, from ``with`` to its end. Whatever keeps it from being written, the study goes on.

    Args:
        recipes: those it will make.
    """

    def __init__(self, *, dataset: str, dataset_fingerprint: str, model: str, seed: int, recipes: Sequence[str]) -> None:
        import psutil

        now = _now()
        self._study = RunningStudy(
            id=secrets.token_hex(8),
            dataset=dataset,
            dataset_fingerprint=dataset_fingerprint,
            model=model,
            seed=seed,
            recipes=tuple(recipes),
            started=now,
            updated=now,
            pid=os.getpid(),
            process_started=psutil.Process().create_time(),
        )
        self._file, self._asked = _folder() / f"{self._study.id}.json", _request(self._study.id)
        self._written_s = 0.0

    def __enter__(self) -> Announcement:
        _sweep()
        self._write()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for file in (self._file, self._asked):
            with contextlib.suppress(OSError):
                file.unlink(missing_ok=True)

    @property
    def id(self) -> str:
        """What ``cancel_study`` takes."""
        return self._study.id

    def report(self, current: str, share: float) -> None:
        """What is being done now, and the share of all that is done, 0..1."""
        begun = current != self._study.current
        self._study = replace(self._study, current=current, share=share)
        if begun or time.monotonic() - self._written_s >= _WRITE_S:
            self._write()

    def finish(self, recipe: str) -> None:
        """A variant whose record is in the database."""
        self._study = replace(self._study, done=(*self._study.done, recipe))
        self._write()

    def fail(self, recipe: str) -> None:
        """A variant that could not be made."""
        self._study = replace(self._study, failed=(*self._study.failed, recipe))
        self._write()

    def is_cancelled(self) -> bool:
        """Whether somebody asked for the end: one look at the file system."""
        return os.path.exists(self._asked)

    def _write(self) -> None:
        import msgspec

        self._written_s = time.monotonic()
        with contextlib.suppress(StorageError):
            write_whole(self._file, msgspec.json.encode(replace(self._study, updated=_now())))


def running_studies() -> tuple[RunningStudy, ...]:
    """The studies of this home that are under way, the oldest first, and those that ended without a word in the last ten minutes.

    Raises:
        StorageError: the home folder cannot be named, see ``locations.home``.
    """
    found = [study for file in _files() if (study := _read(file)) is not None]
    return tuple(
        sorted((study for study in found if study.alive or _age_s(study) < _FORGET_S), key=lambda study: (study.started, study.id))
    )


def studies_text(studies: Sequence[RunningStudy]) -> str:
    """A line for each study, for a terminal."""
    if not studies:
        return "No study is under way in this home."
    return "\n".join(_line(study) for study in studies)


def _line(study: RunningStudy) -> str:
    what = ascii(f"{study.dataset}, {study.model}, seed {study.seed}")[1:-1]
    finished = f"{len(study.done)} of {len(study.recipes)} variants finished" + (f", {len(study.failed)} failed" if study.failed else "")
    if not study.alive:
        now = "its process ended without a word; the same command goes on from there"
    elif study.cancelling:
        now = "was asked to stop"
    else:
        now = f"{100 * study.share:.0f} % of its expected time, now {ascii(study.current)[1:-1]}"
    return f"{study.id}  {what}: {finished}; {now} (since {study.started})"


def cancel_study(study: str) -> RunningStudy:
    """Ask a study to stop, as Ctrl-C does: within about a second while it trains or converts, else after the target it measures on or
    the split it answers.

    Every finished variant is kept.

    Args:
        study: an ``id`` from ``running_studies()``.

    Raises:
        InputError: no study of that id is under way. StorageError: the request cannot be written.
    """
    running = {each.id: each for each in running_studies() if each.alive}
    if study not in running:
        known = ", ".join(running) or "none"
        raise InputError(f"no study {ascii(study)[:60]} is running here; running: {known}; see `edgewb running`")
    write_whole(_request(study), b"")
    if not os.path.exists(_folder() / f"{study}.json"):  # it ended meanwhile, and nobody would take the request away
        _request(study).unlink(missing_ok=True)
        raise InputError(f"the study {study} has just ended by itself: nothing is left to cancel")
    return replace(running[study], cancelling=True)


def _files() -> list[Path]:
    try:
        return [path for path in _folder().iterdir() if path.suffix == ".json" and _ID.fullmatch(path.stem)]
    except OSError:
        return []


def _read(file: Path) -> RunningStudy | None:
    """A study as its file says; None where it has gone, or holds something else."""
    import msgspec

    try:
        with file.open("rb") as stream:
            study = msgspec.json.decode(stream.read(_MAX_BYTES), type=RunningStudy)
        datetime.datetime.fromisoformat(study.updated)
    except (OSError, ValueError, RecursionError):
        return None
    return replace(study, id=file.stem, alive=_lives(study.pid, study.process_started), cancelling=os.path.exists(_request(file.stem)))


def _lives(pid: int, started: float) -> bool:
    import psutil

    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and abs(process.create_time() - started) < _SAME_START_S
    except (psutil.NoSuchProcess, ValueError, OverflowError):
        return False
    except psutil.AccessDenied:  # another user's, of whom nothing but its being there is known
        return True


def _age_s(study: RunningStudy) -> float:
    updated = datetime.datetime.fromisoformat(study.updated)
    return (datetime.datetime.now(datetime.UTC) - updated.replace(tzinfo=updated.tzinfo or datetime.UTC)).total_seconds()


def _sweep() -> None:
    """Take away what processes left that were killed, and requests that came too late."""
    with contextlib.suppress(OSError, StorageError):
        living = {study.id for study in running_studies() if study.alive}
        for path in _folder().iterdir():
            with contextlib.suppress(OSError):
                if path.name.lstrip(".")[:16] not in living and time.time() - path.stat().st_mtime > _LEFTOVER_S:
                    path.unlink()
