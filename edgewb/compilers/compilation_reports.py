"""What came of a compilation, as text. Names come from files and logs nobody vouches for: control characters are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from edgewb.compilers.log_reports import SAID, clean, finding_lines, size

if TYPE_CHECKING:
    from edgewb.compilers.compilations import Compilation

_MAX_ROWS: Final = 50
_WOULD: Final = {
    "success": "would compile",
    "nothing_mapped": "NOTHING would map: the compiler would call it a success, but all of the model would run on the CPU",
    "failed": "would be REFUSED by the compiler",
    "unknown": "not known: nothing like this model was ever observed",
}
_WHERE: Final = {"edgetpu": "Edge TPU", "cpu": "CPU", "unknown": "unknown"}


def _facts(done: Compilation) -> list[tuple[str, str]]:
    said = SAID if done.tries else _WOULD
    facts = [("file", clean(done.file, 200)), ("outcome", f"{said[done.outcome.value]} ({done.basis.value})")]
    if done.tries:
        run = f"{done.seconds:.2f} s (measured)" + (f", {done.tries} tries" if done.tries > 1 else "")
        facts.append(("compiler", f"{clean(done.compiler_version or 'version not printed', 60)}, {run}"))
    arguments = [argument for argument in done.options.arguments() if argument != "-s"]
    if arguments:
        facts.append(("options", clean(" ".join(arguments), 200)))
    counts = []
    if done.ops_total is not None and done.ops_edgetpu is not None:
        counts.append(f"{done.ops_edgetpu} of {done.ops_total} ({done.basis.value})")
    if done.tries and done.predicted.ops_edgetpu is not None:
        unknown = f", {done.predicted.ops_unknown} unknown" if done.predicted.ops_unknown else ""
        counts.append(f"{done.predicted.ops_edgetpu} of {done.predicted.ops_total}{unknown} (predicted)")
    facts += [("" if i else "ops on the Edge TPU", count) for i, count in enumerate(counts)]
    for inspection in [done.compiled or (None if done.tries else done.predicted)]:
        if inspection is not None and inspection.on_chip_bytes is not None and inspection.off_chip_bytes is not None:
            memory = f"{size(inspection.on_chip_bytes)} cached, {size(inspection.off_chip_bytes)} streamed at each inference"
            facts.append(("parameters", f"{memory} ({done.basis.value})"))
    facts += [("written" if i == 0 else "", clean(path, 300)) for i, path in enumerate(done.outputs)]
    if done.report is not None:
        facts.append(("difference", f"written to {clean(done.report, 300)}: shapes and kinds of ops, no weights, no names"))
    return facts


def to_text(done: Compilation) -> str:
    """A plain-text report: what came of it, what was predicted otherwise, findings."""
    facts = _facts(done)
    label = max(len(name) for name, _ in facts)
    lines = [f"{name:<{label}}  {value}" for name, value in facts]
    if done.differences:
        lines += ["", "placed otherwise than predicted:"]
        for row in done.differences[:_MAX_ROWS]:
            why = f" ({clean(row.detail, 200)})" if row.detail else ""
            lines.append(f"  op {row.index} {clean(row.op, 60)}: {_WHERE[row.actual.value]}, predicted {_WHERE[row.predicted.value]}{why}")
        if len(done.differences) > _MAX_ROWS:
            lines.append(f"  ... and {len(done.differences) - _MAX_ROWS} more")
    elif done.differences is not None and done.basis != "simulated":
        lines += ["", f"All {done.ops_total} ops went where they were predicted to go."]
    if done.printed:
        lines += ["", "the last it printed:", *(f"  {clean(line, 200)}" for line in done.printed)]
    return "\n".join(lines + finding_lines(done.findings))
