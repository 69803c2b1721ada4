"""What came of a run of the compiler: judged by what it printed AND by what it wrote, for it calls things a success that are none."""

from __future__ import annotations

import dataclasses
from typing import Final

from edgewb.compilers.explanations import ExplainedCompilation, explain
from edgewb.compilers.logs import Outcome
from edgewb.compilers.packages import read_packages
from edgewb.compilers.problems import problems
from edgewb.compilers.vendor import VendorRun
from edgewb.errors import EdgewbError
from edgewb.tflite.graphs import Graph
from edgewb.tflite.reader import read_graph
from edgewb.types import Basis, Finding, Severity

_SHELL_SIGNAL: Final = 128
"""A shell gives 128 plus the signal its program died of; the compiler is started through a shell script."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Judgement:
    """The outcome, and what it rests on. ``graphs`` are the compiled files that hold an Edge TPU part, read."""

    outcome: Outcome
    basis: Basis
    compiler_version: str | None
    log: ExplainedCompilation | None
    graphs: tuple[Graph, ...]
    findings: tuple[Finding, ...]


def judge(run: VendorRun, time_limit_s: float) -> Judgement:
    """Judge a run.

    Args:
        run: what the compiler left.
        time_limit_s: the limit it had, for the message.
    """
    log = _read(run.text)
    graphs, bad = _read_outputs(run)
    outcome, why = _decide(run, log, graphs, bad, time_limit_s)
    findings = list(log.findings) if log is not None else []
    if outcome is Outcome.SUCCESS:
        # Words of a wrapper script, say: what was written is what counts.
        findings = [dataclasses.replace(f, severity=Severity.WARNING) if f.id == "not_the_compilers_words" else f for f in findings]
    simulated = log is not None and log.stand_in
    return Judgement(
        outcome=outcome,
        basis=Basis.SIMULATED if simulated else Basis.COMPILED,
        compiler_version=log.compiler_version if log is not None else None,
        log=log,
        graphs=graphs,
        findings=(*([why] if why is not None else []), *(f for f in findings if why is None or f.id != why.id)),
    )


def _read(text: str) -> ExplainedCompilation | None:
    found = explain(text).compilations if text.strip("\0 \t\r\n") else ()
    return found[-1] if found else None


def _read_outputs(run: VendorRun) -> tuple[tuple[Graph, ...], str | None]:
    """The compiled files, and what is wrong with the first that is not one."""
    graphs: list[Graph] = []
    for name, content in run.outputs:
        try:
            graph = read_graph(content)
            read_packages(graph)
        except EdgewbError as error:
            why = str(error).removeprefix("the given bytes is ")
            return tuple(graphs), f"{name} is no whole file ({why})"
        if graph.is_compiled:
            graphs.append(graph)
    return tuple(graphs), None if graphs else "no compiled file was written" if not run.outputs else "the file holds no Edge TPU part"


def _decide(
    run: VendorRun, log: ExplainedCompilation | None, graphs: tuple[Graph, ...], bad: str | None, time_limit_s: float
) -> tuple[Outcome, Finding | None]:
    known = problems()
    if run.stopped == "time":
        return Outcome.TIMEOUT, known["timed_out"].to_finding(
            f"edgewb ended the compiler after {time_limit_s:g} s.", "Give it longer (--time-limit), or make the input smaller."
        )
    if run.stopped == "disk":
        return Outcome.FAILED, known["no_output_file"].to_finding(
            "edgewb ended the compiler because it filled the disk: it had written more than 1 GiB.", "Try another machine or version."
        )
    status = run.exit_status or 0
    said = log.outcome if log is not None else None
    if status < 0 or status > _SHELL_SIGNAL:
        signal = -status if status < 0 else status - _SHELL_SIGNAL
        problem = known["out_of_memory" if signal == 9 else "compiler_crashed"]
        return Outcome.CRASHED, problem.to_finding(f"The compiler died of signal {signal}. {problem.cause}")
    if said in (Outcome.FAILED, Outcome.CRASHED, Outcome.TIMEOUT, Outcome.NOTHING_MAPPED) or (said is Outcome.INCOMPLETE and not graphs):
        return said, None
    if status:
        return Outcome.FAILED, known["failed_without_reason"].to_finding(
            f"The compiler ended with exit status {status} and did not say why."
        )
    if bad is not None:
        printed = "It printed nothing" if not run.text.strip() else "What it printed does not count"
        return Outcome.FAILED, known["no_output_file"].to_finding(f"The compiler left no usable file: {bad}. {printed}.")
    return Outcome.SUCCESS if graphs else Outcome.FAILED, None
