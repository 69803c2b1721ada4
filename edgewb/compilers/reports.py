"""An inspection as text and as HTML. Names come from an untrusted file: control characters are shown, markup is escaped."""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from edgewb.compilers.log_reports import ticked

if TYPE_CHECKING:
    from edgewb.compilers.inspections import Inspection, TensorInfo
    from edgewb.compilers.matches import Match
    from edgewb.compilers.packages import Executable

_MAX_ROWS: Final = 2_000
_MAX_NAME: Final = 80
_MAX_DIFFERENCES: Final = 5
_WHERE: Final = {"edgetpu": "Edge TPU", "cpu": "CPU", "unknown": "unknown"}
_MEMORY: Final = {"on_chip": "cached", "off_chip": "streamed", None: ""}
_HEAD: Final = ("op", "kind", "version", "placement", "MACs", "bytes", "memory", "reason", "detail")
_PROGRAM_HEAD: Final = (
    "program", "parameters", "instructions", "scratch", "memory per tile", "cycles", "DMA in", "DMA out", "DMA parameters",
)  # fmt: skip
_MATCH_HEAD: Final = ("op", "kind", "verdict", "bytes", "program", "offset", "detail")
_VERDICTS: Final = {"holds": "holds it", "differs": "DIFFERS", "cannot_tell": "cannot be told"}
_RIGHT: Final = frozenset({"op", "version", "MACs", "bytes", "offset", *_PROGRAM_HEAD[1:]})


def _clean(text: str) -> str:
    """One line, printable, not too long."""
    line = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text[: 2 * _MAX_NAME])
    return line if len(line) <= _MAX_NAME else line[: _MAX_NAME - 3] + "..."


def _rows(inspection: Inspection) -> list[tuple[str, ...]]:
    return [
        (
            str(entry.index),
            _clean(entry.op),
            str(entry.version),
            _WHERE[entry.placement.value],
            f"{entry.macs:,}" if entry.macs else "",
            f"{entry.parameter_bytes:,}" if entry.parameter_bytes else "",
            _MEMORY[entry.memory],
            entry.reason or "",
            # Details quote at most one name, as a Python literal; they may be longer than a name, and lines may be too.
            "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in (entry.detail or "")[:300]),
        )
        for entry in inspection.ops[:_MAX_ROWS]
    ]


def _programs(inspection: Inspection) -> list[tuple[str, ...]]:
    return [
        (
            program.type,
            f"{program.parameters_bytes:,}",
            f"{program.instruction_bytes:,}",
            f"{program.scratch_bytes:,}",
            f"{program.narrow_memory_bytes_per_tile:,}",
            "not given" if program.estimated_cycles is None else f"{program.estimated_cycles:,}",
            *(f"{program.dma_bytes[kind]:,}" for kind in ("INPUT", "OUTPUT", "PARAMETER")),
        )
        for program in inspection.executables[:_MAX_ROWS]
    ]


def _matches(match: Match, programs: tuple[Executable, ...]) -> list[tuple[str, ...]]:
    return [
        (
            str(op.index),
            _clean(op.op),
            op.verdict.value,
            "" if op.bytes is None else f"{op.bytes:,}",
            "" if op.program is None or op.program >= len(programs) else programs[op.program].type,
            "" if op.offset is None else f"{op.offset:,}",
            _clean_long(op.detail),
        )
        for op in match.ops[:_MAX_ROWS]
    ]


def _verdict(match: Match) -> list[tuple[str, str]]:
    bare = match.verdict == "holds" and not match.ops_agree
    return [
        ("against", _clean(match.source)),
        ("verdict", f"{'nothing contradicts it' if bare else _VERDICTS[match.verdict]}; {_clean_long(match.reason)}"),
    ]


def _match_facts(match: Match) -> list[tuple[str, str]]:
    counts = (
        f"{match.ops_agree} agree, {match.ops_differ} differ, {match.ops_not_encoded} not encoded, "
        f"{match.ops_no_parameters} without parameters, {match.ops_on_cpu} on the CPU; "
        f"{match.requantisations_checked} multipliers and ranges looked up in the instructions"
    )
    facts = [
        ("ops of the source", counts),
        ("bytes compared", f"{match.explained_bytes:,} of {match.parameter_bytes:,} bytes of parameters agree with the source"),
        ("not checked", match.unchecked),
    ]
    shown = match.interface[:_MAX_DIFFERENCES]
    if shown:
        more = len(match.interface) - len(shown)
        facts.insert(0, ("interface", "; ".join(map(_clean_long, shown)) + (f"; and {more} more" if more else "")))
    return facts


def _size(count: int) -> str:
    return (
        f"{count:,} bytes"
        if count < 10_000
        else f"{count:,} bytes ({count / 1e6:.2f} MB)"
        if count >= 1e6
        else f"{count:,} bytes ({count / 1e3:.1f} kB)"
    )


def _tensors(tensors: Iterable[TensorInfo]) -> str:
    parts = []
    for tensor in tensors:
        scheme = "" if tensor.scale is None else f", scale {tensor.scale:.6g}, zero point {tensor.zero_point}"
        parts.append(f"{_clean(tensor.name)} {tensor.dtype} {list(tensor.shape)}{scheme}")
    return "; ".join(parts)


def inspection_facts(inspection: Inspection) -> list[tuple[str, str]]:
    """What is to be said of the file as a whole: a label and a text each; names are cleaned, markup is not escaped."""
    facts = [("file", _clean(inspection.file)), ("sha256", inspection.sha256)]
    if inspection.against is not None:
        facts += _verdict(inspection.against)
    if inspection.kind == "compiled":
        left = len(inspection.ops) - inspection.subgraphs
        made = (
            "compiled for the Edge TPU" if inspection.basis == "compiled" else "from edgewb's stand-in compiler, nothing in it is compiled"
        )
        facts.append(("kind", f"{made}: {inspection.subgraphs} Edge TPU subgraph(s), {left} op(s) left on the CPU"))
        if inspection.executables:
            facts.append(("runtime", f"{max(e.min_runtime_version for e in inspection.executables)} or later ({inspection.basis.value})"))
            facts.append(("parameters", f"{_parameters(inspection)} ({inspection.basis.value})"))
            facts += _layers(inspection)
    else:
        total, mapped = inspection.ops_total or 0, inspection.ops_edgetpu or 0
        share = f"{100 * mapped / total:.1f} %" if total else "-"
        facts.append(("kind", f"source; placement {inspection.basis.value} for compiler {inspection.compiler}"))
        counts = f"{mapped} of {total} on the Edge TPU ({share}), {inspection.ops_cpu} on the CPU, {inspection.ops_unknown} unknown"
        facts.append(("ops", counts))
        if inspection.macs_total:
            on_device = inspection.macs_edgetpu or 0
            facts.append(
                ("MACs", f"{on_device:,} of {inspection.macs_total:,} on the Edge TPU ({_share(on_device, inspection.macs_total)})")
            )
        if mapped:
            unknown = f"; {inspection.ops_unknown} unknown ops not counted" if inspection.ops_unknown else ""
            facts.append(("parameters", f"{_parameters(inspection)} (predicted{unknown})"))
            if inspection.streamed_const_bytes:
                facts.append(("constants", f"{_size(inspection.streamed_const_bytes)} more, sent with each inference (predicted)"))
            log = inspection.compiler_log_parameter_bytes or 0
            facts.append(("compiler's log", f"would say {log / 2**20:.2f} MiB, as it pads all lanes to 64 (predicted)"))
        facts.append(("largest activation", _size(inspection.largest_activation_bytes or 0)))
        if inspection.assumed_fixed:
            facts.append(("assumed fixed", ", ".join(map(str, inspection.assumed_fixed[:50])) + ": what if these ops met every rule?"))
        blocker = inspection.first_blocker
        if blocker is None:
            facts.append(("first blocker", "none"))
        else:
            gain = f"mend it and {mapped} -> {mapped + blocker.ops_gained_if_fixed} ops map"
            facts.append(("first blocker", f"op {blocker.index} {_clean(blocker.op)} ({blocker.reason}): {blocker.detail[:300]}; {gain}"))
    if inspection.shared_cache is not None:
        shared = inspection.shared_cache
        fit = "they fit" if not shared.least_streamed_bytes else f"{shared.least_streamed_bytes:,} bytes at least are streamed"
        facts.append(
            (
                "compiled together",
                f"{len(shared.files)} models, {_size(shared.parameter_bytes)} for one cache of {shared.cache_bytes:,} bytes: {fit} "
                f"({shared.basis.value})",
            )
        )
    if inspection.against is not None:
        facts += _match_facts(inspection.against)
    facts.append(("inputs", _tensors(inspection.inputs)))
    facts.append(("outputs", _tensors(inspection.outputs)))
    return facts


def _share(part: int, whole: int) -> str:
    """Never 100.0 % of less than all, nor 0.0 % of something."""
    percent = 100 * part / whole
    return f"{min(percent, 99.9) if part < whole else percent:.1f} %"


def _parameters(inspection: Inspection) -> str:
    total, streamed = inspection.parameter_bytes or 0, inspection.off_chip_bytes or 0
    where = "all stay in the chip's cache" if not streamed else f"{streamed:,} of them streamed at each inference"
    return f"{_size(total)} as the device stores them; {where if total else 'nothing to store'}"


def _layers(inspection: Inspection) -> list[tuple[str, str]]:
    """What the device takes and gives, with the bytes that cross the bus."""
    rows = []
    for name, layers in (
        ("device inputs", [layer for e in inspection.executables for layer in e.inputs]),
        ("device outputs", [layer for e in inspection.executables for layer in e.outputs]),
    ):
        parts = [
            f"{_clean(x.name)} {'x'.join(map(str, x.shape_yxz))} {x.type}, {x.bytes:,} bytes, {x.padded_bytes:,} padded"
            for x in layers[:20]
        ]
        rows.append((name, "; ".join(parts) + ("; ..." if len(layers) > 20 else "")))
    return rows


def _filled(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Without the columns that are empty in every row."""
    kept = [i for i in range(len(head)) if any(row[i] for row in rows)]
    return tuple(head[i] for i in kept), [tuple(row[i] for i in kept) for row in rows]


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    head, rows = _filled(head, rows)
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    lines = []
    for row in [head, *rows]:
        cells = (cell.rjust(width) if name in _RIGHT else cell.ljust(width) for name, cell, width in zip(head, row, widths, strict=True))
        lines.append("  ".join(cells).rstrip())
    return lines


def to_text(inspection: Inspection) -> str:
    """A plain-text report: facts, one line per op, findings."""
    facts, rows = inspection_facts(inspection), _rows(inspection)
    label = max(len(name) for name, _ in facts)
    lines = [f"{name:<{label}}  {value}" for name, value in facts]
    lines += ["", *_table(_HEAD, rows)]
    if inspection.executables:
        lines += ["", *_table(_PROGRAM_HEAD, _programs(inspection)), f"all in bytes, cycles apart ({inspection.basis.value})"]
    if inspection.against is not None:
        lines += ["", "ops of the source:", *_table(_MATCH_HEAD, _matches(inspection.against, inspection.executables))]
    if len(inspection.ops) > _MAX_ROWS:
        lines.append(f"... and {len(inspection.ops) - _MAX_ROWS} more ops")
    if inspection.findings:
        lines += ["", *(f"{f.severity.value}: {_clean_long(f.message)} {_clean_long(f.fix)}" for f in inspection.findings)]
    return "\n".join(lines)


def _clean_long(text: str) -> str:
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text[:600])


def to_html(inspection: Inspection) -> str:
    """The same report as an HTML fragment without scripts. Its cells are aligned to the left, which a notebook by itself does not do."""
    left = ' style="text-align:left;padding:.15em .6em"'
    facts = "".join(
        f"<tr><th{left}>{html.escape(name)}</th><td{left}>{html.escape(value)}</td></tr>" for name, value in inspection_facts(inspection)
    )
    right = ' style="text-align:right;padding:.15em .6em"'

    def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
        head, rows = _filled(head, rows)
        sides = [right if name in _RIGHT else left for name in head]
        titles = "".join(f"<th{side}>{html.escape(name)}</th>" for name, side in zip(head, sides, strict=True))
        body = "".join(
            "<tr>" + "".join(f"<td{side}>{html.escape(cell)}</td>" for cell, side in zip(row, sides, strict=True)) + "</tr>" for row in rows
        )
        return f"<table><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table>"

    programs = (
        table(_PROGRAM_HEAD, _programs(inspection)) + f"<p>all in bytes, cycles apart ({inspection.basis.value})</p>"
        if inspection.executables
        else ""
    )
    if inspection.against is not None:
        programs += "<p>ops of the source:</p>" + table(_MATCH_HEAD, _matches(inspection.against, inspection.executables))
    more = len(inspection.ops) - _MAX_ROWS
    rest = f"<p>... and {more} more ops</p>" if more > 0 else ""
    notes = "".join(
        f"<li>{f.severity.value}: {ticked(_clean_long(f.message))} {ticked(_clean_long(f.fix))}</li>" for f in inspection.findings
    )
    return (
        f'<div class="edgewb-inspection"><table>{facts}</table>'
        f"{table(_HEAD, _rows(inspection))}{rest}{programs}" + (f"<ul>{notes}</ul>" if notes else "") + "</div>"
    )
