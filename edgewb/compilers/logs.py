"""What edgetpu_compiler printed, read: what came of each compilation in a text, its table and its figures."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Sequence
from enum import StrEnum
from itertools import pairwise
from typing import Any, Final

from edgewb.compilers.log_claims import is_cut_row, is_old, is_version, made_up
from edgewb.compilers.log_cleaning import clean
from edgewb.compilers.log_figures import contradictions, figures_of, rows_of, texts_of
from edgewb.compilers.log_lines import MAPPED, Line, may_be_cut, scan
from edgewb.compilers.log_surroundings import is_foreign, is_prompt, is_prose
from edgewb.types import Jsonable


class Outcome(StrEnum):
    """What came of a compilation. ``UNKNOWN``: nothing a compiler is known to print, or lines that none prints."""

    SUCCESS = "success"
    NOTHING_MAPPED = "nothing_mapped"
    FAILED = "failed"
    INCOMPLETE = "incomplete"
    CRASHED = "crashed"
    TIMEOUT = "timeout"
    UNKNOWN = "unknown"


STAND_IN: Final = "edgewb stand-in"
"""What the version line of the stand-in compiler says behind the version."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class LoggedOps(Jsonable):
    """A row of the table: so many ops of a kind, and what became of them, in the compiler's words."""

    op: str
    count: int
    status: str

    @property
    def mapped(self) -> bool:
        """They run on the Edge TPU."""
        return self.status == MAPPED


@dataclasses.dataclass(frozen=True, kw_only=True)
class LoggedCompilation(Jsonable):
    """One compilation as its log tells it. Sizes are in bytes, from the figure and unit that are printed; what is not printed is None.

    ``on_chip_available_bytes`` is what version 1.0 prints instead of the remaining room. ``models`` holds one entry per model where
    several were compiled together; the fields of this one are those of the last. ``segments_tried`` counts the attempts of a search
    (``-d``). ``strange`` are lines no version is known to print; with one that speaks of the result, the outcome is unknown and no
    figure is passed on. ``stand_in``: printed by edgewb's own stand-in, so that nothing here was compiled.
    """

    compiler_version: str | None
    stand_in: bool = False
    outcome: Outcome
    model: str | None = None
    output: str | None = None
    compile_ms: int | None = None
    subgraphs: int | None = None
    on_chip_used_bytes: int | None = None
    on_chip_remaining_bytes: int | None = None
    on_chip_available_bytes: int | None = None
    off_chip_bytes: int | None = None
    input_bytes: int | None = None
    output_bytes: int | None = None
    ops: tuple[LoggedOps, ...] = ()
    ops_total: int | None = None
    ops_edgetpu: int | None = None
    ops_cpu: int | None = None
    time_limit_s: int | None = None
    segments_tried: int = 0
    models: tuple[LoggedCompilation, ...] = ()
    strange: tuple[str, ...] = ()
    lines: tuple[str, ...] = dataclasses.field(default=(), repr=False)


_MAX_SHOWN: Final = 20
_MAX_COMPILATIONS: Final = 1000
_ASKED_VERSION: Final = re.compile(r"edgetpu_compiler\b.*\s(?:-v|--version)\b")
_TELLING: Final = frozenset(
    {"error", "not_all", "failed", "failed_why", "invalid_why", "internal_error", "cannot_write", "timed_out", "crash", "other"}
)
_SUCCESS_LINES: Final = frozenset({"success", "succeeded", "not_all", "on_edgetpu", "on_cpu", "subgraphs", "total", "see_log"})
_FAILURE_LINES: Final = frozenset({"failed", "failed_why", "internal_error", "invalid_model", "invalid_why"})


def read_log(text: str) -> tuple[tuple[LoggedCompilation, ...], tuple[str, ...]]:
    """The compilations in a text, in their order: one per version line, and one for what stands before the first if it tells anything.

    Args:
        text: console output, an operation log, several of them, or a fragment of one; quoted or re-wrapped as mail programs do.

    Returns:
        The compilations (none when no line is one the compiler prints; the last of very many), and all different lines that are no
        part of a normal log.
    """
    cleaned = clean(text)
    compilations, lines = _read_all(cleaned)
    before, _, last = cleaned.rpartition("\n")
    if compilations and compilations[-1].outcome is Outcome.UNKNOWN and before and may_be_cut(last.strip()):
        # A paste that ends in the middle of a line, or of a number.
        return _read_all(before)
    return compilations, lines


def _read_all(text: str) -> tuple[tuple[LoggedCompilation, ...], tuple[str, ...]]:
    groups: list[list[Line]] = [[]]
    typed = False
    for line in scan(text):
        if line.kind == "banner":
            groups.append([])
        elif line.kind == "other" and is_prompt(line.text[:300]):
            typed = "edgetpu" not in line.text
        elif line.kind == "crash" and (typed or is_prose(line.text[:300])):
            # Somebody tells of it, or it is another program's.
            line = dataclasses.replace(line, kind="other")
        groups[-1].append(line)
    lines = dict.fromkeys(_clean(line.text)[:1000] for group in groups for line in group if line.kind in _TELLING or line.kind == "note")
    head, *rest = groups[-_MAX_COMPILATIONS:]
    if head and is_cut_row(head[0]):
        head = head[1:]
    known = [line for line in head if line.kind not in ("other", "error", "note")]
    found = [head] if known and not (rest and all(line.kind == "crash" for line in known)) else []
    mentioned = [_only_mentioned(group, before[-1:]) for before, group in pairwise([head, *rest])]
    logs = [*found, *(group for group, mention in zip(rest, mentioned, strict=True) if not mention)]
    return tuple(_read(group) for group in logs or rest[-1:]), tuple(lines)


def _only_mentioned(group: Sequence[Line], before: Sequence[Line]) -> bool:
    """A version line that is no log: in a sentence, in a list of versions, or the answer to ``--version``."""
    banner, *others = group
    if any(line.kind != "other" for line in others):
        return False
    if banner.values["banner_note"].strip(" .") not in ("", STAND_IN, f"({STAND_IN})"):
        return True
    return not banner.apart and any(
        line.kind == "other" and (_ASKED_VERSION.search(line.text[:300]) or not is_foreign(line.text[:300])) for line in before
    )


def _clean(text: str) -> str:
    return " ".join(text.split())


def _read(lines: list[Line]) -> LoggedCompilation:
    """One compilation from its lines, the version line first where there is one."""
    starts = _runs(lines)
    several = len(starts) > 1
    parts = [[*lines[: starts[0]], *lines[a:b]] for a, b in pairwise([*starts, len(lines)])] if several else [lines]
    strange = made_up(lines)
    banner = lines[0].values if lines[0].kind == "banner" else {}
    version, note = banner.get("version", "").rstrip(".") or None, banner.get("banner_note", "").strip(" .")
    if version is not None and (not is_version(version) or (note and STAND_IN not in note)):
        strange.insert(0, lines[0].text)
    if not is_old(version):
        strange += [words for part in parts for words in contradictions(part)]
    shared: dict[str, Any] = {
        "compiler_version": version,
        "stand_in": STAND_IN in note or any(line.kind == "stand_in" for line in lines),
        "strange": tuple(text[:200] for text in strange[:_MAX_SHOWN]),
    }
    whole = _read_one(lines, shared)
    if not several or strange:
        return whole
    models = tuple(_read_one(part, shared) for part in parts)
    return dataclasses.replace(models[-1], outcome=_together(models, whole), models=models, lines=whole.lines)


def _runs(lines: list[Line]) -> list[int]:
    """Where each model begins: models compiled together have a block each, segments (``-n``) a timer and a block each."""
    starts: list[int] = []
    seen_model, timer = False, None
    for i, line in enumerate(lines):
        if line.kind == "timer":
            if seen_model:
                # A new attempt after one that printed its figures: the next segment.
                starts, seen_model = [*starts, i], False
            timer = i
        elif line.kind == "input_model":
            if seen_model or not starts or starts[-1] != timer:
                starts.append(i)
            seen_model = True
    return starts


def _together(models: Iterable[LoggedCompilation], whole: LoggedCompilation) -> Outcome:
    outcomes = {model.outcome for model in models}
    if whole.outcome in (Outcome.SUCCESS, Outcome.NOTHING_MAPPED):
        return Outcome.NOTHING_MAPPED if outcomes == {Outcome.NOTHING_MAPPED} else Outcome.SUCCESS
    return whole.outcome


def _read_one(lines: list[Line], shared: dict[str, Any]) -> LoggedCompilation:
    about: dict[str, Any] = {
        **shared,
        "segments_tried": sum(line.kind == "segment" for line in lines),
        "lines": tuple(dict.fromkeys(_clean(line.text)[:1000] for line in lines if line.kind in _TELLING)),
    }
    if about["strange"]:
        return LoggedCompilation(outcome=Outcome.UNKNOWN, **about)
    values: dict[str, Any] = {**texts_of(lines), **figures_of(lines)}
    rows = [LoggedOps(op=op, count=count, status=status) for op, count, status in rows_of(lines)]
    return LoggedCompilation(outcome=_outcome(lines, values, rows), ops=tuple(rows), **values, **about)


def _outcome(lines: list[Line], values: dict[str, Any], rows: list[LoggedOps]) -> Outcome:
    """The last thing that was decided. A search goes on after an attempt that failed; a timer without an end was cut off."""
    decided: Outcome | None = None
    running = False
    for line in lines:
        if line.kind == "timer":
            running = True
        elif line.kind == "timed_out":
            decided, running = Outcome.TIMEOUT, False
        elif line.kind == "crash":
            decided, running = Outcome.CRASHED, False
        elif line.kind in _FAILURE_LINES:
            # "Compilation failed!" is also printed after a time-out or a crash of the child that compiles.
            if decided not in (Outcome.TIMEOUT, Outcome.CRASHED) or running:
                decided = Outcome.FAILED
            running = False
        elif line.kind in _SUCCESS_LINES or (line.kind == "row" and any(row.mapped for row in rows)):
            decided, running = Outcome.SUCCESS, False
    kinds = {line.kind for line in lines}
    if decided is None and rows and "table_head" in kinds:
        decided = Outcome.SUCCESS
    if decided is None or running:
        return Outcome.INCOMPLETE
    if decided is Outcome.SUCCESS:
        return Outcome.NOTHING_MAPPED if _nothing_mapped(values, rows) else Outcome.SUCCESS
    return decided


def _nothing_mapped(values: dict[str, Any], rows: list[LoggedOps]) -> bool:
    if "ops_edgetpu" in values:
        return bool(values["ops_edgetpu"] == 0)
    if values.get("subgraphs") == 0:
        return True
    return bool(rows) and not any(row.mapped for row in rows)
