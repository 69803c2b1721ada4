"""What edgetpu_compiler printed, read: what came of each compilation in a text, its table and its figures."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from edgewb.compilers.log_claims import is_claim, is_odd_status, is_old, is_version
from edgewb.compilers.log_lines import MAPPED, Line, scan
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
    """One compilation as its log tells it. A size is the printed figure times its unit, rounded; what is not printed is None.

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


_UNITS: Final = {"B": 1, "bytes": 1, "K": 1024, "M": 1024**2, "G": 1024**3}
_SIZES: Final = {
    "input_size": ("input_bytes", "input_bytes"),
    "output_size": ("output_bytes", "output_bytes"),
    "on_chip_available": ("available", "on_chip_available_bytes"),
    "on_chip_used": ("used", "on_chip_used_bytes"),
    "on_chip_remaining": ("remaining", "on_chip_remaining_bytes"),
    "off_chip": ("off", "off_chip_bytes"),
}
_NUMBERS: Final = {
    "success": ("ms", "compile_ms"),
    "subgraphs": ("subgraph_count", "subgraphs"),
    "total": ("total_count", "ops_total"),
    "on_edgetpu": ("edgetpu_count", "ops_edgetpu"),
    "on_cpu": ("cpu_count", "ops_cpu"),
}
_TEXTS: Final = {
    "input_model": ("input_model_path", "model"),
    "output_model": ("output_model_path", "output"),
    "log_input": ("log_input_path", "model"),
    "log_output": ("log_output_path", "output"),
    "invalid_model": ("invalid_path", "model"),
}
_MAX_SHOWN: Final = 20
_TELLING: Final = frozenset(
    {"error", "failed", "failed_why", "invalid_why", "internal_error", "cannot_write", "timed_out", "crash", "other"}
)
_SUCCESS_LINES: Final = frozenset({"success", "succeeded", "not_all", "on_edgetpu", "on_cpu", "subgraphs", "total", "see_log"})
_FAILURE_LINES: Final = frozenset({"failed", "failed_why", "internal_error", "invalid_model", "invalid_why"})


def read_log(text: str) -> tuple[tuple[LoggedCompilation, ...], tuple[str, ...]]:
    """The compilations in a text, in their order: one per version line, and one for what stands before the first if it tells anything.

    Args:
        text: console output, an operation log, several of them, or a fragment of one; quoted or re-wrapped as mail programs do.

    Returns:
        The compilations (none when no line is one the compiler prints), and all different lines that are no part of a normal log.
    """
    groups: list[list[Line]] = [[]]
    for line in scan(text):
        if line.kind == "banner":
            groups.append([])
        groups[-1].append(line)
    head, *rest = groups
    known = [line for line in head if line.kind not in ("other", "error", "note")]
    found = [_read(head)] if known and not (rest and all(line.kind == "crash" for line in known)) else []
    lines = dict.fromkeys(_clean(line.text)[:1000] for group in groups for line in group if line.kind in _TELLING or line.kind == "note")
    return (*found, *(_read(group) for group in rest)), tuple(lines)


def _bytes(values: dict[str, str], key: str) -> int:
    unit = values[f"{key}_unit"]
    return round(float(values[key]) * _UNITS[unit if unit == "bytes" else unit[0]])


def _clean(text: str) -> str:
    return " ".join(text.split())


def _read(lines: list[Line]) -> LoggedCompilation:
    """One compilation from its lines, the version line first where there is one."""
    whole = _read_one(lines)
    starts = _runs(lines)
    if len(starts) < 2 or whole.outcome is Outcome.UNKNOWN:
        return whole
    parts = [lines[start:end] for start, end in zip(starts, [*starts[1:], len(lines)], strict=True)]
    models = tuple(_read_one([*lines[: starts[0]], *part]) for part in parts)
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


def _read_one(lines: list[Line]) -> LoggedCompilation:
    values: dict[str, object] = {}
    rows: list[LoggedOps] = []
    strange: list[str] = []
    version, note = None, ""
    for line in lines:
        if line.kind == "banner":
            version, note = line.values["version"].rstrip("."), line.values.get("banner_note", "").strip(" .")
        elif line.kind in _SIZES:
            key, field = _SIZES[line.kind]
            values[field] = _bytes(line.values, key)
        elif line.kind in _NUMBERS:
            key, field = _NUMBERS[line.kind]
            values[field] = int(line.values[key])
        elif line.kind in _TEXTS:
            key, field = _TEXTS[line.kind]
            values[field] = _clean(line.values[key])
        elif line.kind == "timer":
            values["time_limit_s"] = int(line.values["timer_seconds"])
        elif line.kind == "row":
            rows.append(LoggedOps(op=line.values["row_op"], count=int(line.values["row_count"]), status=_clean(line.values["row_status"])))
    strange += [line.text[:200] for line in lines if line.kind == "other" and is_claim(line.text)]
    strange += [f"{row.op} {row.count} {row.status}"[:200] for row in rows if is_odd_status(row.status)]
    if version is not None and not is_version(version):
        strange.insert(0, f"Edge TPU Compiler version {version}")
    contradictions = _contradictions(values, rows)
    if not is_old(version):
        strange += contradictions
    shared = {
        "compiler_version": version,
        "stand_in": STAND_IN in note,
        "segments_tried": sum(line.kind == "segment" for line in lines),
        "strange": tuple(strange[:_MAX_SHOWN]),
        "lines": tuple(dict.fromkeys(_clean(line.text)[:1000] for line in lines if line.kind in _TELLING)),
    }
    if strange:
        return LoggedCompilation(outcome=Outcome.UNKNOWN, **shared)  # type: ignore[arg-type]
    _count(values, rows, {line.kind for line in lines})
    return LoggedCompilation(outcome=_outcome(lines, values, rows), ops=tuple(rows), **values, **shared)  # type: ignore[arg-type]


def _count(values: dict[str, object], rows: list[LoggedOps], kinds: set[str]) -> None:
    """Fill in counts that follow from what is printed: from a table that is whole, or from a run without the warning of ops left behind."""
    summed, mapped = sum(row.count for row in rows), sum(row.count for row in rows if row.mapped)
    whole_table = bool(rows) and ("log_input" in kinds or summed == values.get("ops_total"))
    if whole_table and "ops_total" not in values:
        values["ops_total"] = summed
    total = values.get("ops_total")
    if whole_table and isinstance(total, int):
        values.setdefault("ops_edgetpu", mapped)
    ended = kinds & {"see_log", "operation_log", "succeeded"}
    if isinstance(total, int) and "success" in kinds and ended and "not_all" not in kinds and values.get("subgraphs"):
        # Where some stay behind, the compiler says so in a sentence of its own.
        values.setdefault("ops_edgetpu", total)
    on_device, on_cpu = values.get("ops_edgetpu"), values.get("ops_cpu")
    if total is None and isinstance(on_device, int) and isinstance(on_cpu, int):
        values["ops_total"] = on_device + on_cpu
    elif isinstance(total, int) and isinstance(on_device, int):
        values.setdefault("ops_cpu", total - on_device)


def _outcome(lines: list[Line], values: dict[str, object], rows: list[LoggedOps]) -> Outcome:
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


def _nothing_mapped(values: dict[str, object], rows: list[LoggedOps]) -> bool:
    if "ops_edgetpu" in values:
        return values["ops_edgetpu"] == 0
    if values.get("subgraphs") == 0:
        return True
    return bool(rows) and not any(row.mapped for row in rows)


def _contradictions(values: dict[str, object], rows: list[LoggedOps]) -> list[str]:
    """Figures of one log that cannot all be true; no real log has any."""
    total, on_device, on_cpu = (values.get(key) for key in ("ops_total", "ops_edgetpu", "ops_cpu"))
    summed, mapped = sum(row.count for row in rows), sum(row.count for row in rows if row.mapped)
    found = []
    if isinstance(total, int) and isinstance(on_device, int) and isinstance(on_cpu, int) and on_device + on_cpu != total:
        found.append(f"{on_device} operations on the Edge TPU and {on_cpu} on the CPU of a total of {total}")
    if isinstance(total, int) and summed > total:
        found.append(f"a table of {summed} operations of a total of {total}")
    if isinstance(on_device, int) and rows and (mapped > on_device or (summed == total and mapped != on_device)):
        found.append(f"{mapped} operations mapped in the table, {on_device} in the count")
    if values.get("subgraphs") == 0 and mapped:
        found.append(f"{mapped} operations mapped in 0 Edge TPU subgraphs")
    return found
