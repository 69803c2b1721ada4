"""``compile``: the real compiler where there is one, judged by what it printed and by what it wrote; else the prediction."""

from __future__ import annotations

import dataclasses
import html
import json
import os
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
from edgewb.tflite.graphs import Graph
from edgewb.tflite.reader import load_bytes, read_graph
from edgewb.types import Basis, Finding, Jsonable, Placement, Severity

DEFAULT: Final = CompilerOptions()
TIME_LIMIT_S: Final = 900.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Compilation(Jsonable):
    """What came of compiling a model.

    ``basis`` is "compiled" when edgetpu_compiler did it, "simulated" when edgewb's stand-in did, "predicted" when there was neither (then
    ``outcome`` and all figures are the prediction's, and ``tries`` is 0) or when it left nothing at all. ``outputs`` are the files
    written: none unless something mapped. ``log`` is what the compiler printed, read, and ``printed`` its last lines as they were;
    ``predicted`` what edgewb expected of the source, ``compiled`` what is in the compiled file (None for several segments).
    ``differences`` lists the ops placed otherwise than predicted; None where the two cannot be compared. ``seconds`` is of the last run,
    measured.
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
    printed: tuple[str, ...]
    predicted: Inspection
    compiled: Inspection | None
    differences: tuple[PlacementDifference, ...] | None
    report: str | None
    findings: tuple[Finding, ...]

    def __str__(self) -> str:
        """A plain-text report."""
        from edgewb.compilers.compilation_reports import to_text

        return to_text(self)

    def _repr_html_(self) -> str:
        """The report for a notebook."""
        return f"<pre>{html.escape(str(self))}</pre>"

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
        out: folder for the compiled file and its log; by default that of the model. The log is written when it fails, too.
        options: the compiler's own.
        compiler: the generation to predict for where there is no compiler; where there is one, its version decides.
        time_limit_s: after which the compiler is ended.
        report_to: a file for the difference between compiler and prediction, if there is one: kinds, shapes and placements, no weights
            and no names.

    Raises:
        ModelFileError: unreadable.
        InputError: already compiled, a bad option, no folder to write to, or the compiler cannot be started.
        StorageError: the output cannot be written.
    """
    if not 1 <= time_limit_s <= 1e6:
        raise InputError(f"a time limit of {time_limit_s:g} s is not possible: give 1 to 1,000,000")
    content = load_bytes(path)
    program = find_compiler()
    predicted = inspect_bytes(content, str(path), compiler)
    if predicted.kind == "compiled":
        raise InputError(f"{str(path)!r} is compiled already: give the .tflite it was compiled from, or look into it with `edgewb inspect`")
    if program is None:
        return _predict(content, str(path), compiler, options)
    folder, stem = Path(out) if out is not None else Path(path).parent, Path(path).name.removesuffix(".tflite")
    _check_folder(folder)
    source = read_graph(content)
    run = run_compiler(program, content, stem, options, time_limit_s)
    judgement = judge(run, source, options, time_limit_s)
    generation = _generation(judgement.compiler_version, options)
    if generation is not None and generation != compiler:
        predicted = inspect_bytes(content, str(path), generation)
    actual, missed = _compare(source, predicted, judgement, options if generation is not None else None)
    # The log first, and always: whoever finds the compiled file finds its log, and a failure is read in it.
    if run.log or run.text.strip():
        write_whole(folder / f"{stem}_edgetpu.log", run.log if judgement.files and run.log else run.text)
    written = tuple(str(write_whole(folder / f"{stem}{file.suffix}", file.content)) for file in judgement.files)
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
        printed=() if judgement.outcome is Outcome.SUCCESS else judgement.printed,
        predicted=predicted,
        compiled=inspect_bytes(judgement.files[0].content, written[0]) if len(written) == 1 else None,
        differences=missed,
        report=_report(report_to, source, predicted, judgement, actual, missed),
        findings=without_hidden(_findings(judgement, predicted, on_device, missed)),
    )


def _check_folder(folder: Path) -> None:
    """Before minutes of compiling: can anything be written there?"""
    place = folder
    while not place.exists() and place != place.parent:
        place = place.parent
    if not place.is_dir():
        raise InputError(f"{str(folder)!r} cannot be a folder, {str(place)!r} is a file: give another folder with --out")
    if not os.access(place, os.W_OK):
        raise InputError(f"nothing may be written to {str(place)!r}: give another folder with --out")


def _predict(content: bytes, file: str, compiler: str, options: CompilerOptions) -> Compilation:
    runtime = options.min_runtime_version
    predicted = inspect_bytes(content, file, "13" if compiler == "16.0" and runtime == 13 else compiler)
    if any(entry.refuses_file for entry in predicted.ops):
        outcome = Outcome.FAILED
    elif runtime is not None and runtime < 13:
        outcome = Outcome.UNKNOWN
    elif predicted.ops_edgetpu:
        outcome = Outcome.SUCCESS
    else:
        outcome = Outcome.UNKNOWN if predicted.ops_unknown else Outcome.NOTHING_MAPPED
    plain = _comparable(options) and not options.multiple_subgraphs and runtime in (None, 13, 14)
    marked = [] if plain else [problems()["options_not_predicted"].to_finding()]
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
        printed=(),
        predicted=predicted,
        compiled=None,
        differences=None,
        report=None,
        findings=without_hidden([problems()["no_compiler"].to_finding(), *marked, *predicted.findings]),
    )


def _generation(version: str | None, options: CompilerOptions) -> str | None:
    """The generation whose rules hold for a version as the compiler prints it, or None where none is known."""
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


def _compare(
    source: Graph, predicted: Inspection, judgement: Judgement, options: CompilerOptions | None
) -> tuple[tuple[Placement, ...] | None, tuple[PlacementDifference, ...] | None]:
    """Where each op went, and which went elsewhere than predicted; None where there is nothing to compare."""
    if len(judgement.files) != 1:
        return None, None
    actual = actual_placement(source, judgement.files[0].graph)
    if options is None or not _comparable(options):
        return actual, None
    missed = differences(predicted.ops, actual)
    if options.multiple_subgraphs:
        missed = tuple(entry for entry in missed if entry.reason != "downstream")
    return actual, missed


def _report(
    place: str | Path | None,
    source: Graph,
    predicted: Inspection,
    judgement: Judgement,
    actual: tuple[Placement, ...] | None,
    missed: tuple[PlacementDifference, ...] | None,
) -> str | None:
    if place is None or actual is None or not missed:
        return None
    rows = judgement.log.ops if judgement.log is not None else ()
    facts = report(source, predicted.ops, actual, judgement.compiler_version, judgement.basis, rows)
    return str(write_whole(place, json.dumps(facts, indent=1) + "\n"))


def _about_counts(judgement: Judgement, on_device: int | None, missed: tuple[PlacementDifference, ...] | None) -> list[Finding]:
    found = []
    printed = judgement.log.ops_edgetpu if judgement.log is not None else None
    if judgement.outcome is Outcome.SUCCESS and None not in (on_device, printed) and on_device != printed:
        said = f"The compiler says that {printed} ops run on the Edge TPU, and its file has {on_device} of the source's there."
        found.append(problems()["log_contradicts_itself"].to_finding(said))
    if missed:
        first = missed[0]
        why = f" ({first.detail})" if first.detail else ""
        found.append(
            problems()["placement_differs"].to_finding(
                f"{len(missed)} of the ops went elsewhere than predicted, first op {first.index}, {first.op}: predicted "
                f"{first.predicted.value}{why}, {judgement.basis.value} {first.actual.value}."
            )
        )
    return found


_OF_TABLE: Final = frozenset(
    {
        "cut_short", "unsupported_op", "unsupported_data_type", "op_version_not_mapped", "unspecified_limitation", "strided_slice", "rank",
        "float_edges", "not_constant", "two_dimensional_output",
    }
)  # fmt: skip
"""What a log's table alone says of ops on the CPU: with the model at hand, more is known."""


def _findings(
    judgement: Judgement, predicted: Inspection, on_device: int | None, missed: tuple[PlacementDifference, ...] | None
) -> list[Finding]:
    """Of the log, of the counts, and of the model itself: all of it where it did not compile as it should."""
    found = list(judgement.findings)
    if judgement.outcome is Outcome.SUCCESS and missed == ():
        found = [finding for finding in found if finding.id not in _OF_TABLE]
    known = {finding.id for finding in found}
    of_model = [finding for finding in predicted.findings if finding.id not in known and finding.severity is not Severity.INFO]
    if judgement.outcome is Outcome.SUCCESS and missed != ():
        of_model = []
    return [*found, *_about_counts(judgement, on_device, missed), *of_model]
