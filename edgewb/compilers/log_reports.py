"""An explanation as text and as HTML. Words come from a log nobody vouches for: control characters are shown, markup is escaped."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from edgewb.compilers.explanations import ExplainedCompilation, Explanation
    from edgewb.types import Finding

SAID: Final = {
    "success": "compiled",
    "nothing_mapped": "NOTHING maps: the compiler calls it a success, but all of the model runs on the CPU",
    "failed": "FAILED",
    "incomplete": "incomplete: there is no result in it",
    "crashed": "the compiler CRASHED",
    "timeout": "TIMED OUT",
    "unknown": "unknown: this is not what edgetpu_compiler prints",
}
_MAX_ROWS: Final = 400


def clean(text: str, limit: int = 600) -> str:
    """One line, printable, not too long."""
    line = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text[: limit + 1])
    return line if len(line) <= limit else line[: limit - 3] + "..."


def ticked(text: str) -> str:
    """HTML of a sentence with what is to be typed `between such ticks`; everything is escaped."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text))


def size(count: int) -> str:
    """Bytes for people."""
    return f"{count:,} bytes" if count < 10_000 else f"{count / 1024:,.1f} KiB" if count < 2**20 else f"{count / 2**20:,.2f} MiB"


def compilation_facts(one: ExplainedCompilation) -> list[tuple[str, str]]:
    """What a log says of one compilation: a label and a text each; words are cleaned, markup is not escaped."""
    known = not one.strange and any(finding.id != "not_a_log" for finding in one.findings)
    outcome = SAID[one.outcome.value]
    if one.outcome == "unknown" and known:
        outcome = "no compiler log, but words that are known"
    elif one.outcome == "nothing_mapped" and one.ops and one.ops_total is None:
        outcome = "NOTHING maps, as far as this table shows"
    facts = [("outcome", outcome)]
    if one.compiler_version is not None:
        facts.append(("compiler", clean(one.compiler_version, 60) + (" (edgewb's stand-in: nothing was compiled)" if one.stand_in else "")))
    if one.model is not None:
        facts.append(("model", clean(one.model, 200)))
    if one.ops_total is not None:
        count = f"{one.ops_total}"
        if one.ops_edgetpu is not None:
            share = f" ({100 * one.ops_edgetpu / one.ops_total:.1f} %)" if one.ops_total else ""
            count = f"{one.ops_edgetpu} of {one.ops_total} on the Edge TPU{share}, {one.ops_cpu} on the CPU"
        facts.append(("ops", f"{count} ({one.basis.value})"))
    else:
        counts = [(one.ops_edgetpu, "Edge TPU"), (one.ops_cpu, "CPU")]
        printed_counts = [f"{count} on the {where}" for count, where in counts if count is not None]
        if printed_counts:
            facts.append(("ops", f"{', '.join(printed_counts)} ({one.basis.value})"))
    if one.subgraphs is not None:
        facts.append(("Edge TPU subgraphs", str(one.subgraphs)))
    memory = [
        (one.on_chip_used_bytes, "used on the chip"),
        (one.on_chip_remaining_bytes, "left on the chip"),
        (one.on_chip_available_bytes, "available on the chip"),
        (one.off_chip_bytes, "streamed at each inference"),
    ]
    printed = [f"{size(value)} {what}" for value, what in memory if value is not None]
    if printed:
        facts.append(("parameter memory", f"{', '.join(printed)} ({one.basis.value})"))
    if one.compile_ms is not None:
        facts.append(("compiled in", f"{one.compile_ms:,} ms ({'simulated' if one.stand_in else 'measured by the compiler'})"))
    if one.segments_tried:
        facts.append(("search (-d)", f"{one.segments_tried} attempt{'s' * (one.segments_tried != 1)}"))
    return facts


def parts_of_text(explanation: Explanation) -> list[tuple[ExplainedCompilation, tuple[Finding, ...]]]:
    """Each compilation with its findings; those of the last one are the explanation's, which knows the rest of the text too."""
    if not explanation.compilations:
        return [(explanation, explanation.findings)]
    *before, last = explanation.compilations
    return [*((one, one.findings) for one in before), (last, explanation.findings)]


def _findings(findings: tuple[Finding, ...]) -> list[tuple[str, str, list[str], str]]:
    return [(f.severity.value, clean(f.message), [clean(fix) for fix in f.fixes], ", ".join(f.references)) for f in findings]


def finding_lines(findings: tuple[Finding, ...]) -> list[str]:
    """Each finding with all its fixes in order, and where that is known from."""
    lines: list[str] = []
    for severity, message, fixes, sources in _findings(findings):
        lines += ["", f"{severity}: {message}"]
        lines += [f"  {i}. {fix}" if len(fixes) > 1 else f"  -> {fix}" for i, fix in enumerate(fixes, start=1)]
        lines.append(f"  (see {sources})")
    return lines


def to_text(explanation: Explanation) -> str:
    """A plain-text report: what happened, the table, what helps."""
    parts: list[str] = []
    several = len(explanation.compilations) > 1
    for number, (one, findings) in enumerate(parts_of_text(explanation), start=1):
        facts = compilation_facts(one)
        label = max(len(name) for name, _ in facts)
        lines = [f"Compilation {number} of {len(explanation.compilations)}"] if several else []
        lines += [f"{name:<{label}}  {value}" for name, value in facts]
        if one.ops:
            width = max(len("op"), *(len(row.op) for row in one.ops[:_MAX_ROWS]))
            lines += ["", f"{'op':<{width}}  count  what the compiler says"]
            lines += [f"{row.op:<{width}}  {row.count:>5}  {clean(row.status, 200)}" for row in one.ops[:_MAX_ROWS]]
        parts.append("\n".join(lines + finding_lines(findings)))
    return "\n\n".join(parts)


def to_html(explanation: Explanation) -> str:
    """The same report as an HTML fragment without scripts."""
    left = ' style="text-align:left;padding:.15em .6em"'
    parts: list[str] = []
    for one, findings in parts_of_text(explanation):
        facts = "".join(
            f"<tr><th{left}>{html.escape(name)}</th><td{left}>{html.escape(value)}</td></tr>" for name, value in compilation_facts(one)
        )
        rows = "".join(
            f"<tr><td{left}>{html.escape(row.op)}</td><td{left}>{row.count}</td><td{left}>{html.escape(clean(row.status, 200))}</td></tr>"
            for row in one.ops[:_MAX_ROWS]
        )
        head = "<thead><tr>" + "".join(f"<th{left}>{t}</th>" for t in ("op", "count", "what the compiler says")) + "</tr></thead>"
        table = f"<table>{head}<tbody>{rows}</tbody></table>" if rows else ""
        notes = "".join(
            f"<li><b>{severity}</b>: {ticked(message)}<ol>{''.join(f'<li>{ticked(fix)}</li>' for fix in fixes)}</ol></li>"
            for severity, message, fixes, _ in _findings(findings)
        )
        parts.append(f"<table>{facts}</table>{table}" + (f"<ul>{notes}</ul>" if notes else ""))
    return '<div class="edgewb-explanation">' + "<hr>".join(parts) + "</div>"
