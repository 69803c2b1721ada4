"""``compile``: the real compiler where there is one, judged by what it printed and by what it wrote; else the prediction."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any, Final

from edgewb.compilers.differences import PlacementDifference, actual_placement, differences, report
from edgewb.compilers.explanations import ExplainedCompilation
from edgewb.compilers.inspections import Inspection, inspect_bytes
from edgewb.compilers.judgements import Judgement, judge
from edgewb.compilers.logs import Outcome
from edgewb.compilers.problems import problems, without_hidden
from edgewb.compilers.vendor import CompilerOptions, find_compiler, run_compiler
from edgewb.errors import InputError
from edgewb.locations import write_whole
from edgewb.tflite.reader import load_bytes, read_graph
from edgewb.types import Basis, Finding, Jsonable, Placement, Severity

DEFAULT: Final = CompilerOptions()
TIME_LIMIT_S: Final = 900.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Compilation(Jsonable):
    """What came of compiling a model.

    ``basis`` is "compiled" when edgetpu_compiler did it, "simulated" when edgewb's stand-in did, "predicted" when there was neither; then
    ``outcome`` and all figures are the prediction's, and ``tries`` is 0. ``outputs`` are the files written: none unless something
    mapped. ``log`` is what the compiler printed, read; ``predicted`` what edgewb expected of the source, ``compiled`` what is in the
    compiled file (None for several segments). ``differences`` lists the ops placed otherwise than predicted; None where the two cannot be
    compared. ``seconds`` is of the last run, measured.
    """

    file: str
    sha256: str
    basis: Basis
    outcome: Outcome
    compiler_version: str | None
    options: CompilerOptions
    tries: int
    seconds: float | None
    outputs: tuple[str, ...]
    ops_total: int | None
    ops_edgetpu: int | None
    ops_cpu: int | None
    log: ExplainedCompilation | None
    predicted: Inspection
    compiled: Inspection | None
    differences: tuple[PlacementDifference, ...] | None
    report: str | None
    findings: tuple[Finding, ...]

    def __str__(self) -> str:
        """A plain-text report."""
        from edgewb.compilers.compilation_reports import to_text

        return to_text(self)

    def to_dict(self) -> dict[str, Any]:
        """Exactly the JSON."""
        tree = super().to_dict()
        for log in [tree["log"], *(tree["log"] or {}).get("models", ())]:
            if log is not None:
                log.pop("lines", None)
        return tree


def compile_model(
    path: str | Path,
    out: str | Path | None = None,
    options: CompilerOptions = DEFAULT,
    *,
    compiler: str = "16.0",
    time_limit_s: float = TIME_LIMIT_S,
    report_to: str | Path | None = None,
) -> Compilation:
    """Compile a .tflite for the Edge TPU, or predict what would come of it where there is no compiler.

    Args:
        path: an uncompiled model.
        out: folder for the compiled file and its log; by default that of the model.
        options: the compiler's own.
        compiler: the generation to predict for where there is no compiler.
        time_limit_s: after which the compiler is ended.
        report_to: a file for the difference between compiler and prediction, if there is one: kinds, shapes and placements, no weights
            and no names.

    Raises:
        ModelFileError: unreadable.
        InputError: already compiled, a bad option, or the compiler cannot be started.
        StorageError: the output cannot be written.
    """
    if not 0 < time_limit_s <= 1e6:
        raise InputError(f"a time limit of {time_limit_s:g} s is not possible: give 1 to 1,000,000")
    content = load_bytes(path)
    program = find_compiler()
    predicted = inspect_bytes(content, str(path), compiler)
    if predicted.kind == "compiled":
        raise InputError(f"{str(path)!r} is compiled already: give the .tflite it was compiled from, or look into it with `edgewb inspect`")
    if program is None:
        return _predicted(predicted, options)
    stem = Path(path).name.removesuffix(".tflite")
    run = run_compiler(program, content, stem, options, time_limit_s)
    judgement = judge(run, time_limit_s)
    generation = _generation(judgement.compiler_version, options)
    if generation is not None and generation != compiler:
        predicted = inspect_bytes(content, str(path), generation)
    source = read_graph(content)
    compiled = judgement.graphs[0] if len(judgement.graphs) == 1 else None
    actual = actual_placement(source, compiled) if compiled is not None else None
    missed = None
    if actual is not None and generation is not None and _comparable(options):
        missed = differences(predicted.ops, actual)
        if options.multiple_subgraphs:
            missed = tuple(m for m in missed if m.reason != "downstream")
    written = _write(judgement, Path(out) if out is not None else Path(path).parent, stem, run.outputs, run.log or run.text)
    reported = None
    if report_to is not None and missed and actual is not None:
        rows = judgement.log.ops if judgement.log is not None else ()
        facts = report(source, predicted.ops, actual, judgement.compiler_version, rows)
        reported = str(write_whole(report_to, json.dumps(facts, indent=1) + "\n"))
    on_device = None if actual is None else sum(place is Placement.EDGETPU for place in actual)
    if judgement.outcome is Outcome.NOTHING_MAPPED:
        on_device = 0
    return Compilation(
        file=str(path),
        sha256=predicted.sha256,
        basis=judgement.basis,
        outcome=judgement.outcome,
        compiler_version=judgement.compiler_version,
        options=options,
        tries=run.tries,
        seconds=run.seconds,
        outputs=written,
        ops_total=predicted.ops_total,
        ops_edgetpu=on_device,
        ops_cpu=None if on_device is None else (predicted.ops_total or 0) - on_device,
        log=judgement.log,
        predicted=predicted,
        compiled=None if not written or compiled is None else inspect_bytes(Path(written[0]).read_bytes(), written[0]),
        differences=missed,
        report=reported,
        findings=without_hidden([*judgement.findings, *_about_differences(missed), *_of_model(judgement, predicted)]),
    )


def _predicted(predicted: Inspection, options: CompilerOptions) -> Compilation:
    if any(entry.refuses_file for entry in predicted.ops):
        outcome = Outcome.FAILED
    elif predicted.ops_edgetpu:
        outcome = Outcome.SUCCESS
    else:
        outcome = Outcome.UNKNOWN if predicted.ops_unknown else Outcome.NOTHING_MAPPED
    return Compilation(
        file=predicted.file,
        sha256=predicted.sha256,
        basis=Basis.PREDICTED,
        outcome=outcome,
        compiler_version=None,
        options=options,
        tries=0,
        seconds=None,
        outputs=(),
        ops_total=predicted.ops_total,
        ops_edgetpu=predicted.ops_edgetpu,
        ops_cpu=predicted.ops_cpu,
        log=None,
        predicted=predicted,
        compiled=None,
        differences=None,
        report=None,
        findings=without_hidden([problems()["no_compiler"].to_finding(), *predicted.findings]),
    )


def _generation(version: str | None, options: CompilerOptions) -> str | None:
    """The generation whose rules hold for a version, or None where none is known."""
    major = int(version.split(".")[0]) if version else 0
    runtime = options.min_runtime_version
    if major >= 16:
        return "16.0" if runtime in (None, 14) else "13" if runtime == 13 else None
    if runtime is not None:
        return None
    return {1: "1.0", 2: "2.x", 14: "14.1-15.0", 15: "14.1-15.0"}.get(major)


def _comparable(options: CompilerOptions) -> bool:
    """With these options the cut is somewhere else than where the rules put it."""
    return not (options.search or options.intermediate_tensors or options.segments)


def _write(judgement: Judgement, folder: Path, stem: str, outputs: tuple[tuple[str, bytes], ...], log: str) -> tuple[str, ...]:
    """Put the compiled files and the log where they belong; nothing is written of a compilation that did not succeed."""
    if judgement.outcome is not Outcome.SUCCESS:
        return ()
    written = []
    for name, content in outputs:
        # The compiler may have been given another name than the model has.
        tail = name[name.find("_segment_") :] if "_segment_" in name else "_edgetpu.tflite"
        written.append(str(write_whole(folder / f"{stem}{tail}", content)))
    write_whole(folder / f"{stem}_edgetpu.log", log)
    return tuple(written)


def _about_differences(missed: tuple[PlacementDifference, ...] | None) -> list[Finding]:
    if not missed:
        return []
    first = missed[0]
    return [
        problems()["placement_differs"].to_finding(
            f"{len(missed)} ops went elsewhere than predicted, first op {first.index}, {first.op}: predicted {first.predicted.value}"
            f"{f' ({first.detail})' if first.detail else ''}, compiled {first.actual.value}."
        )
    ]


def _of_model(judgement: Judgement, predicted: Inspection) -> list[Finding]:
    """What can be seen in the model itself, where it did not compile as it should."""
    known = {finding.id for finding in judgement.findings}
    if judgement.outcome is Outcome.SUCCESS:
        return []
    return [finding for finding in predicted.findings if finding.id not in known and finding.severity is not Severity.INFO]
