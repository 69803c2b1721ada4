"""What a person should know about a compilation, from what its log says."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Final

from edgewb.compilers.log_claims import is_old
from edgewb.compilers.logs import LoggedCompilation, LoggedOps, Outcome
from edgewb.compilers.problems import Problem, by_status, match, problems, without_hidden
from edgewb.types import Finding, Severity

_EDGES: Final = ("QUANTIZE", "DEQUANTIZE")
_MOST_EDGES: Final = 6
_MAX_QUOTED: Final = 4
_STRANDED: Final = "More than one subgraph is not supported"
_RANK: Final = "Tensor has unsupported rank (up to 3 innermost dimensions mapped)"
_DATA_TYPE: Final = "Operation is working on an unsupported data type"
_REPLACED: Final = {
    "LEAKY_RELU": "Replace LEAKY_RELU by RELU or PRELU and train again",
    "TRANSPOSE": "Export the model channels-last, so that it needs no TRANSPOSE",
    "RESIZE_NEAREST_NEIGHBOR": "Compile with 16.0, or convert the resize without half-pixel centres",
    "RESIZE_BILINEAR": "Compile with 16.0, or convert the resize without half-pixel centres",
    "STRIDED_SLICE": "Replace the slice with steps by a convolution with a stride of 2",
}
"""What the threads say of the commonest first blockers."""
_KINDS: Final = ("Only Strided-Slice with unitary strides supported", "Operation not supported", "Operation version not supported")
"""Reasons that block whatever the shape, the likeliest first blocker first (slices stand in front); the rows have no order."""
_ENDS: Final = {Outcome.CRASHED: ("out_of_memory", "compiler_crashed"), Outcome.TIMEOUT: ("timed_out",)}
_NOT_ALL: Final = "Model successfully compiled but not all operations are supported"
_GIVE_ALL: Final = "Give all that the compiler printed, from its version line to its last."
_DONE: Final = (Outcome.SUCCESS, Outcome.NOTHING_MAPPED)


def from_texts(lines: Sequence[str]) -> list[Finding]:
    """Findings from the exact words of a log, each with the words quoted."""
    known = problems()
    return [known[name].to_finding(f"{known[name].title} ({words[:160]!r}). {known[name].cause}") for name, words in match(lines).items()]


def findings_of(logged: LoggedCompilation) -> tuple[Finding, ...]:
    """What a person should know about a compilation, the most severe first."""
    found = [problems()["stand_in"].to_finding()] if logged.stand_in else []
    if logged.outcome is Outcome.UNKNOWN:
        problem = problems()["not_the_compilers_words"]
        quoted = "; ".join(repr(line[:80]) for line in logged.strange[:3])
        return without_hidden([*found, problem.to_finding(f"{problem.title}: {quoted}. {problem.cause}")])
    found += _about_result(logged) if logged.outcome in _DONE else _about_failure(logged)
    return without_hidden([*found, *_about_figures(logged)])


def _about_failure(logged: LoggedCompilation) -> list[Finding]:
    known = problems()
    lines = [line for line in logged.lines if not line.startswith(_NOT_ALL)]  # of an attempt before
    found = [dataclasses.replace(f, severity=Severity.ERROR) if f.severity is Severity.WARNING else f for f in from_texts(lines)]
    ids = {finding.id for finding in found}
    if logged.outcome is Outcome.INCOMPLETE:
        return [*(f for f in found if f.id != "failed_without_reason"), *_about_rows(logged), _incomplete(logged)]
    if logged.outcome is Outcome.FAILED and not lines:
        found.append(known["incomplete_log"].to_finding("The compiler refused the model; the line that says why is not here.", _GIVE_ALL))
    if logged.outcome is Outcome.CRASHED and not ids & {"compiler_crashed", "out_of_memory"}:
        killed = any("Killed" in line for line in logged.lines)
        found.append(known["out_of_memory" if killed else "compiler_crashed"].to_finding())
    if logged.segments_tried:
        found.append(
            known["search_unfinished"].to_finding(
                f"The search (-d) made {logged.segments_tried} attempt{'s' * (logged.segments_tried != 1)}; none is seen to succeed."
            )
        )
    # How it ended comes before what went wrong on the way, in attempts before the last.
    return sorted(found, key=lambda finding: finding.id not in _ENDS.get(logged.outcome, ()))


def _incomplete(logged: LoggedCompilation) -> Finding:
    problem = problems()["incomplete_log"]
    if logged.compiler_version is not None:
        return problem.to_finding()
    # Without the version line it is somebody's excerpt: nothing is wrong with the compilation.
    what = (
        "This is part of a log"
        if not logged.ops
        else "This row is part of a table"
        if len(logged.ops) == 1
        else "These rows are part of a table"
    )
    return problem.to_finding(f"{what}; what came of the compilation is not in it.", _GIVE_ALL, severity=Severity.INFO)


def _names(rows: Sequence[LoggedOps]) -> str:
    return ", ".join(f"{row.op} ({row.count})" for row in rows[:6]) + (", ..." if len(rows) > 6 else "")


def _count(rows: Sequence[LoggedOps]) -> int:
    return sum(row.count for row in rows)


def _about_result(logged: LoggedCompilation) -> list[Finding]:
    """Why ops stayed on the CPU, from the last column of the table."""
    known = problems()
    if logged.outcome is Outcome.NOTHING_MAPPED:
        nothing = _nothing_maps(logged, [row for row in logged.ops if not row.mapped])
        told = nothing.id == "nothing_maps" and any(row.status not in (_DATA_TYPE, _RANK) for row in logged.ops)
        return [nothing, *(_about_rows(logged) if told else ())]
    if not logged.ops and logged.ops_cpu is None and any(line.startswith(_NOT_ALL) for line in logged.lines):
        return [known["partly_mapped"].to_finding()]
    if not logged.ops and logged.ops_cpu:
        return [known["partly_mapped"].to_finding(f"{_staying(logged.ops_cpu, logged.ops_total)}; this log does not say which.")]
    return _about_rows(logged)


def _staying(count: int, total: int | None, what: str = "") -> str:
    of_all = "" if total is None else f" of {total}"
    one = count == 1 if total is None else total == 1
    return f"{count}{of_all} op{'s' * (not one)} {'stays' if count == 1 else 'stay'} on the CPU{what}"


def _about_rows(logged: LoggedCompilation) -> list[Finding]:
    known = problems()
    left = [row for row in logged.ops if not row.mapped]
    edges = [row for row in left if row.op in _EDGES and row.status not in (_STRANDED, _RANK)]
    edges = edges if _count(edges) <= _MOST_EDGES else []
    stranded = [row for row in left if row.status == _STRANDED]
    custom = [row for row in left if row.op == "CUSTOM" and not stranded]
    culprits = [row for row in left if row not in edges and row not in custom and row not in stranded]
    found = [_cut_short(logged, stranded, culprits)] if stranded else []
    known_words = {row.status for row in culprits if row.status in by_status()}
    for status in sorted(known_words, key=lambda text: (_KINDS.index(text) if text in _KINDS else len(_KINDS), text)):
        found.append(_stayed([row for row in culprits if row.status == status], by_status()[status]))
    new = [row for row in culprits if row.status not in known_words]
    if new:
        quoted = ", ".join(repr(status) for status in list(dict.fromkeys(row.status for row in new))[:_MAX_QUOTED])
        found.append(known["unspecified_limitation"].to_finding(f"{_names(new)} stay on the CPU: {quoted}, words not met before."))
    if edges:
        found.append(
            known["float_edges"].to_finding(
                f"{_names(edges)}: usually the conversion of a float input or output, which stays on the CPU and does no harm."
            )
        )
    if custom:
        found.append(known["postprocess_on_cpu"].to_finding())
    return found


def _stayed(rows: Sequence[LoggedOps], problem: Problem) -> Finding:
    return problem.to_finding(f"{problem.title}: {_names(rows)}. {problem.cause}")


def _cut_short(logged: LoggedCompilation, stranded: Sequence[LoggedOps], culprits: Sequence[LoggedOps]) -> Finding:
    kinds = [row for status in _KINDS for row in culprits if row.status == status]
    behind = f" behind {', '.join(dict.fromkeys(row.op for row in culprits))}" if culprits else ""
    if kinds:
        fix = f"{_REPLACED.get(kinds[0].op, f'Replace {kinds[0].op} or take it out of the model')}: all that depends on it waits for it."
    elif culprits:
        fix = "Run `edgewb inspect` on the model: it names the first op that blocks others, and how many ops mending it brings."
    else:
        fix = "Run `edgewb inspect` on the model to see where the cut is."
    several = logged.subgraphs is not None and logged.subgraphs > 1
    why = f"even with {logged.subgraphs} subgraphs (-a)" if several else "the compiler makes one cut"
    problem = problems()["cut_short"]
    count = _count(stranded)
    could = f" though {'it' if count == 1 else 'they'} could run on the Edge TPU: {why}."
    return problem.to_finding(f"{_staying(count, logged.ops_total or None, behind)}{could}", fix)


def _nothing_maps(logged: LoggedCompilation, left: Sequence[LoggedOps]) -> Finding:
    known = problems()
    nothing = _nothing(logged, left)
    said = f"{nothing}, although the compiler calls that a success"
    weights = _count([row for row in left if row.op == "DEQUANTIZE"])
    if left and 2 * (_count([row for row in left if row.status == _DATA_TYPE]) + weights) > _count(left):
        problem = known["dynamic_range_model" if 4 * weights > _count(left) else "float_model"]
        return problem.to_finding(f"{said}: the model works on floating-point numbers. {problem.cause}")
    problem = known["nothing_maps"]
    if left and 2 * _count([row for row in left if row.status == _RANK]) > _count(left):
        return problem.to_finding(f"{said}: tensors have more than three dimensions larger than 1.", problem.fixes[2])
    version = logged.compiler_version
    if version is not None and int(version.split(".")[0]) < 16:
        # So it is not that.
        why = "A compiler before 16.0 refuses a float model: the usual reason is an old runtime asked for with -m"
        return problem.to_finding(f"{said}. {why}.", problem.fixes[1])
    # Where a table says why, the usual reason is not it.
    return problem.to_finding(f"{said}." if left else f"{nothing}. {problem.cause}")


def _nothing(logged: LoggedCompilation, left: Sequence[LoggedOps]) -> str:
    total = logged.ops_total or _count(left)
    if not total:
        return "No op runs on the Edge TPU"
    which = "" if logged.ops_total else " in this table, which may not be whole,"
    return f"The only op{which} does not run on the Edge TPU" if total == 1 else f"None of the {total} ops{which} runs on the Edge TPU"


def _size(count: int) -> str:
    return f"{count / 2**20:.2f} MiB" if count >= 2**20 else f"{count / 2**10:.2f} KiB"


def _about_figures(logged: LoggedCompilation) -> list[Finding]:
    known, found = problems(), []
    if logged.off_chip_bytes:
        kept = "" if logged.on_chip_used_bytes is None else f"; {_size(logged.on_chip_used_bytes)} stay in its cache"
        found.append(
            known["parameters_streamed"].to_finding(
                f"{_size(logged.off_chip_bytes)} of parameters are sent to the Edge TPU at each inference{kept} (as the log counts)."
            )
        )
    summed = _count(logged.ops)
    if logged.ops and logged.ops_total and summed < logged.ops_total:
        found.append(known["log_cut"].to_finding(f"The table holds {summed} of {logged.ops_total} ops: it is not whole."))
    on_device, on_cpu, total = logged.ops_edgetpu, logged.ops_cpu, logged.ops_total
    if is_old(logged.compiler_version) and on_device is not None and on_cpu is not None and total not in (None, on_device + on_cpu):
        found.append(
            known["log_contradicts_itself"].to_finding(f"{on_device} ops on the Edge TPU and {on_cpu} on the CPU are not {total} in all.")
        )
    return found
