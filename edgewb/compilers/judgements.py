"""What came of a run of the compiler: judged by what it printed AND by what it wrote, for it calls things a success that are none."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Final

from edgewb.compilers.explanations import ExplainedCompilation, explain
from edgewb.compilers.logs import Outcome
from edgewb.compilers.packages import STAND_IN_CHIP, read_packages
from edgewb.compilers.problems import problems
from edgewb.compilers.vendor import TRIES, CompilerOptions, VendorRun
from edgewb.errors import EdgewbError, InputError
from edgewb.tflite.graphs import Graph, Tensor
from edgewb.tflite.reader import read_graph
from edgewb.types import Basis, Finding

_SHELL_SIGNAL: Final = 128
"""A shell gives 128 plus the signal its program died of; the compiler is started through a shell script."""
_SHOWN: Final = 8


@dataclasses.dataclass(frozen=True, kw_only=True)
class CompiledFile:
    """A file the compiler wrote that holds an Edge TPU part. ``suffix`` is what its name has behind the model's."""

    suffix: str
    content: bytes = dataclasses.field(repr=False)
    graph: Graph = dataclasses.field(repr=False)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Judgement:
    """The outcome, and what it rests on. ``files`` are as many as were asked for, or none; ``printed`` are the last lines of the output."""

    outcome: Outcome
    basis: Basis
    compiler_version: str | None
    log: ExplainedCompilation | None
    files: tuple[CompiledFile, ...]
    printed: tuple[str, ...]
    findings: tuple[Finding, ...]


def judge(run: VendorRun, source: Graph, options: CompilerOptions, time_limit_s: float) -> Judgement:
    """Judge a run.

    Args:
        run: what the compiler left.
        source: the model it was given.
        options: what it was asked for: so many segments make so many files.
        time_limit_s: the limit it had, for the message.
    """
    log, findings = _read(run.text)
    files, bad, simulated = _read_outputs(run, source, options)
    outcome, why = _decide(run, log, findings, bad, time_limit_s)
    simulated = simulated or (log is not None and log.stand_in)
    known = log is not None and log.compiler_version is not None
    rest = [finding for finding in findings if why is None or finding.id not in (why.id, *problems()[why.id].hides)]
    return Judgement(
        outcome=outcome,
        # A compiler that says nothing and writes nothing leaves the prediction alone.
        basis=Basis.SIMULATED if simulated else Basis.COMPILED if known or run.outputs else Basis.PREDICTED,
        compiler_version=log.compiler_version if log is not None else None,
        log=log,
        files=files if outcome is Outcome.SUCCESS else (),
        printed=tuple(" ".join(line.split())[:200] for line in run.text.splitlines() if line.strip())[-_SHOWN:],
        findings=(*([why] if why is not None else []), *rest),
    )


def _read(text: str) -> tuple[ExplainedCompilation | None, tuple[Finding, ...]]:
    """The last compilation in what was printed, and what is known about it. Words of a wrapper script are left out."""
    try:
        explanation = explain(text)
        if explanation.strange:
            strange = set(explanation.strange)
            explanation = explain("\n".join(line for line in text.splitlines() if line.strip()[:200] not in strange))
    except InputError:  # nothing, or no text
        return None, ()
    found = tuple(finding for finding in explanation.findings if finding.id not in ("not_a_log", "not_the_compilers_words"))
    return explanation.compilations[-1] if explanation.compilations else None, found


def _read_outputs(run: VendorRun, source: Graph, options: CompilerOptions) -> tuple[tuple[CompiledFile, ...], str | None, bool]:
    """The compiled files, what is wrong with them, and whether the stand-in made one."""
    files: list[CompiledFile] = []
    simulated = False
    for suffix, content in run.outputs:
        try:
            graph = read_graph(content)
            simulated |= any(executable.chip == STAND_IN_CHIP for executable in read_packages(graph))
        except EdgewbError as error:
            return (), f"a file is not whole ({str(error).removeprefix('the given bytes is ')})", simulated
        if not graph.is_compiled:
            return (), "a file holds no Edge TPU part", simulated
        files.append(CompiledFile(suffix=suffix, content=content, graph=graph))
    wanted = options.segments or 1
    if len(files) != wanted:
        return (), f"{len(files) or 'no'} compiled {'file was' if len(files) == 1 else 'files were'} written, {wanted} asked for", simulated
    if wanted == 1 and not (
        _alike(source, files[0].graph, source.inputs, files[0].graph.inputs)
        and _alike(source, files[0].graph, source.outputs, files[0].graph.outputs)
    ):
        return (), "the file is of another model: its inputs or outputs are not those of the source", simulated
    return tuple(files), None, simulated


def _alike(source: Graph, compiled: Graph, ours: Sequence[int], theirs: Sequence[int]) -> bool:
    def seen(tensor: Tensor) -> tuple[str, tuple[int, ...], float | None, int | None]:
        scheme = tensor.quantization
        return tensor.dtype, tensor.shape, None if scheme is None else scheme.scale, None if scheme is None else scheme.zero_point

    return [seen(source.tensors[i]) for i in ours] == [seen(compiled.tensors[i]) for i in theirs]


def _decide(
    run: VendorRun, log: ExplainedCompilation | None, findings: Sequence[Finding], bad: str | None, time_limit_s: float
) -> tuple[Outcome, Finding | None]:
    known = problems()
    if run.stopped == "time":
        fix = "Give it longer (--time-limit), or make the input smaller."
        return Outcome.TIMEOUT, known["timed_out"].to_finding(f"edgewb ended the compiler after {time_limit_s:g} s.", fix)
    if run.stopped == "disk":
        return Outcome.FAILED, known["no_output_file"].to_finding(
            "edgewb ended the compiler, or threw away what it left: it had written more than 1 GiB and filled the disk."
        )
    status = run.exit_status or 0
    said = log.outcome if log is not None else None
    if status < 0 or status > _SHELL_SIGNAL:
        signal = -status if status < 0 else status - _SHELL_SIGNAL
        problem = known["out_of_memory" if signal == 9 else "compiler_crashed"]
        return Outcome.CRASHED, problem.to_finding(f"The compiler died of signal {signal}. {problem.cause}")
    if said in (Outcome.FAILED, Outcome.CRASHED, Outcome.TIMEOUT, Outcome.NOTHING_MAPPED):
        return said, _after_tries(run, findings)
    if status:
        if any(finding.severity == "error" for finding in findings):
            return Outcome.FAILED, None
        problem = known["no_output_file"]
        return Outcome.FAILED, problem.to_finding(f"The compiler ended with exit status {status} for a reason that is not known.")
    if said is Outcome.INCOMPLETE and bad is not None:
        return said, None
    if bad is not None:
        printed = "It printed nothing" if not run.text.strip() else "What it printed does not count"
        return Outcome.FAILED, known["no_output_file"].to_finding(f"The compiler left no usable file: {bad}. {printed}.")
    return Outcome.SUCCESS, None


def _after_tries(run: VendorRun, findings: Sequence[Finding]) -> Finding | None:
    """The known abort that comes and goes, when it has come every time."""
    if run.tries < TRIES or not any(finding.id == "internal_compiler_error" for finding in findings):
        return None
    problem = problems()["internal_compiler_error"]
    finding = problem.to_finding(f"The compiler gave up without saying why, {run.tries} times out of {run.tries}. {problem.cause}")
    return dataclasses.replace(finding, fixes=finding.fixes[:-1])
