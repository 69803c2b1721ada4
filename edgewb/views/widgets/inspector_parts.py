"""What the inspector's page shows, as plain data: nothing is worked out here that ``inspect``, ``estimate`` or ``explain`` did not say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from edgewb.bundles import bundled_models
from edgewb.compilers.budgets import CACHE_BYTES
from edgewb.compilers.inspections import Inspection
from edgewb.compilers.log_reports import clean, compilation_facts, parts_of_text
from edgewb.compilers.packages import Executable
from edgewb.errors import StorageError
from edgewb.estimates.estimations import Estimate
from edgewb.estimates.hosts import stored
from edgewb.estimates.reports import LABELS, breakdown_info, estimate_facts, ms
from edgewb.tflite.graphs import EDGETPU_CUSTOM_OP, Graph, Op, Tensor
from edgewb.types import Basis, Finding, OpPlacement, Placement
from edgewb.views.widgets.metro_maps import MetroMap, Row, draw
from edgewb.watermarks import watermark

if TYPE_CHECKING:
    from edgewb.compilers.explanations import Explanation

EXAMPLES: Final = {"elu_branch": "One op in the way", "digits_cnn_int8": "Everything maps", "dynamic_batch": "Can be mended"}
"""What the examples are called on the page. The first is what a visitor sees at first: some ops map, and one keeps others off."""
CHIP_BYTES: Final = 2**23
"""The memory on the chip; ``CACHE_BYTES`` of it is what holds parameters."""
WHERE: Final = {"edgetpu": "Edge TPU", "cpu": "CPU", "unknown": "unknown", "mixed": "mixed"}
SIGNS: Final = {"edgetpu": "●", "cpu": "■", "unknown": "◆", "mixed": "◐"}
"""A shape beside each colour."""
HOSTS: Final = {"desktop": "Desktop computer", "pi4": "Raspberry Pi 4", "pi3": "Raspberry Pi 3 B+", "devboard": "Coral Dev Board"}
BUSES: Final = {"usb3": "USB 3", "usb2": "USB 2", "pcie": "PCIe"}
_TENSORS: Final = 20
_OPTIONS: Final = 24
_KINDS: Final = 3
_LOGGED: Final = 400
_COMPILATIONS: Final = 20


def examples() -> list[tuple[str, str, Path, str]]:
    """Name, label, path and a sentence of each example among the models of the repository, the most telling first; [] without its data."""
    try:
        found = bundled_models()
    except StorageError:
        return []
    return [(name, label, found[name].path, found[name].about) for name, label in EXAMPLES.items() if name in found]


def name(text: str) -> str:
    """A name from a file nobody vouches for: one line, printable, not too long. Markup is escaped by the template."""
    return clean(text, 80)


def amount(count: int) -> str:
    """Bytes of a file for people."""
    return f"{count:,} bytes" if count < 1_000 else f"{count / 1e3:.1f} kB" if count < 1e6 else f"{count / 1e6:.2f} MB"


def memory(count: int) -> str:
    """Bytes in the chip's memory: in MiB, as its size is given, with as many decimals for all of them; "below 0.01 MiB" for little."""
    return f"{count / 2**20:.2f} MiB" if count >= 2**20 / 100 or not count else "below 0.01 MiB"


def shape(tensor: Tensor) -> str:
    """ "1×224×224×3", a size that may change as "?"; "one number" for none."""
    sides = tensor.shape_signature or tensor.shape
    return "×".join("?" if side < 0 else str(side) for side in sides) or "one number"


def group(entry: OpPlacement) -> str:
    """Where an op runs; of a compiled file, the Edge TPU's own op is on it."""
    return entry.placement.value


def metro(graph: Graph, inspection: Inspection, opened: Collection[int]) -> dict[str, Any]:
    """The map and its rows with their words."""
    blocker = inspection.first_blocker
    kept = () if blocker is None else (blocker.index,)
    drawn = draw(graph, [group(entry) for entry in inspection.ops], kept, opened)
    return {"map": drawn, "rows": [_row(drawn, number, graph, inspection) for number in range(len(drawn.rows))]}


def _row(drawn: MetroMap, number: int, graph: Graph, inspection: Inspection) -> dict[str, Any]:
    row = drawn.rows[number]
    words: dict[str, Any] = {"kind": row.kind, "first": row.first, "x": drawn.x[number], "y": drawn.y(number)}
    if row.kind in ("inputs", "outputs"):
        ends = [graph.tensors[i] for i in (graph.inputs if row.kind == "inputs" else graph.outputs)]
        text = ", ".join(f"{name(tensor.name)} {shape(tensor)} {tensor.dtype}" for tensor in ends[:4]) + (", …" if len(ends) > 4 else "")
        return words | {"where": "edge", "title": row.kind.removesuffix("s") if len(ends) == 1 else row.kind, "text": text}
    if row.kind == "op":
        entry, op = inspection.ops[row.first], graph.ops[row.first]
        made = graph.output_tensors(op)[:1]
        blocker = inspection.first_blocker
        return words | {
            "where": group(entry), "title": name(entry.op), "text": "".join(shape(tensor) for tensor in made), "place": _place(entry),
            "blocker": blocker is not None and blocker.index == entry.index,
        }  # fmt: skip
    return words | _run(row, inspection)


def _run(row: Row, inspection: Inspection) -> dict[str, Any]:
    entries = inspection.ops[row.first : row.last + 1]
    places = Counter(group(entry) for entry in entries)
    kinds = Counter(entry.op for entry in entries).most_common()
    text = ", ".join(f"{count} {name(kind)}" for kind, count in kinds[:_KINDS]) + (", …" if len(kinds) > _KINDS else "")
    return {
        "where": next(iter(places)) if len(places) == 1 else "mixed",
        "title": f"ops {row.first} to {row.last}",
        "text": text,
        "place": ", ".join(f"{count} {WHERE[place]}" for place, count in places.most_common()),
        "open": row.kind == "head",
    }


def _place(entry: OpPlacement) -> str:
    if entry.placement is Placement.EDGETPU:
        return "Edge TPU, streamed" if entry.memory == "off_chip" else "Edge TPU"
    return f"{WHERE[entry.placement.value]}: {entry.reason.replace('_', ' ')}" if entry.reason else WHERE[entry.placement.value]


def details(graph: Graph, inspection: Inspection, index: int) -> dict[str, Any]:
    """Everything about one op: where and why, what goes in and comes out, its options and parameters."""
    op, entry = graph.ops[index], inspection.ops[index]
    facts = [("op version", str(entry.version))]
    if entry.macs:
        facts.append(("multiplications", f"{entry.macs:,} per inference (MACs)"))
    if entry.parameter_bytes:
        kept = {"on_chip": "cached on the chip", "off_chip": "streamed at each inference"}.get(entry.memory or "", "")
        facts.append(("parameters", f"{entry.parameter_bytes:,} bytes as the device stores them, {kept} ({inspection.basis.value})"))
    options = [f"{key}: {value}" for key, value in list(op.options.items())[:_OPTIONS] if isinstance(value, (int, float, str, bool))]
    if options:
        facts.append(("options", clean(", ".join(options), 300)))
    return {
        "index": index, "op": name(entry.op), "where": group(entry), "place": WHERE[entry.placement.value], "reason": entry.reason,
        "detail": clean(entry.detail or "", 400), "refuses_file": entry.refuses_file, "facts": facts, "basis": inspection.basis.value,
        "tensors": (tensors := _tensors(graph, op)), "has_schemes": any(tensor["scheme"] for tensor in tensors),
        "programs": [_program(one) for one in inspection.executables] if op.is_custom and op.name == EDGETPU_CUSTOM_OP else [],
    }  # fmt: skip


def _tensors(graph: Graph, op: Op) -> list[dict[str, str]]:
    rows = []
    for role, tensors in (("in", graph.input_tensors(op)), ("out", graph.output_tensors(op))):
        for tensor in tensors[:_TENSORS]:
            rows.append({"role": role, "name": name(tensor.name), "shape": shape(tensor), "dtype": tensor.dtype, "scheme": _scheme(tensor)})
        if len(tensors) > _TENSORS:
            rows.append({"role": role, "name": f"and {len(tensors) - _TENSORS} more", "shape": "", "dtype": "", "scheme": ""})
    return rows


def _scheme(tensor: Tensor) -> str:
    parts = []
    scheme = tensor.quantization
    if scheme is not None and scheme.per_channel:
        parts.append(f"{len(scheme.scales)} scales, {float(scheme.scales.min()):.4g} to {float(scheme.scales.max()):.4g}")
    elif scheme is not None:
        parts.append(f"scale {scheme.scale:.6g}, zero point {scheme.zero_point}")
    if tensor.is_constant:
        parts.append(f"constant, {amount(tensor.buffer_bytes)}")
    return "; ".join(parts)


def _program(program: Executable) -> list[tuple[str, str]]:
    cycles = "not given" if program.estimated_cycles is None else f"{program.estimated_cycles:,}"
    return [
        ("program", program.type),
        ("parameters", f"{program.parameters_bytes:,} bytes"),
        ("instructions", f"{program.instruction_bytes:,} bytes"),
        ("memory per tile", f"{program.narrow_memory_bytes_per_tile:,} bytes"),
        ("cycles", cycles),
        ("runtime", f"{program.min_runtime_version} or later"),
    ]


def counts(inspection: Inspection) -> list[dict[str, Any]]:
    """How many ops go where, without those that are none; of a compiled file what is left in it."""
    places = Counter(group(entry) for entry in inspection.ops)
    return [{"where": where, "count": places[where], "label": WHERE[where]} for where in ("edgetpu", "cpu", "unknown") if places[where]]


def headline(inspection: Inspection) -> dict[str, Any]:
    """What comes first: how much runs on the Edge TPU, and what that rests on."""
    if inspection.kind == "compiled":
        left = len(inspection.ops) - inspection.subgraphs
        text = f"Compiled for the Edge TPU, {left or 'no'} {'op is' if left == 1 else 'ops are'} left on the CPU"
        basis = "compiled: read from the file"
        if inspection.basis is Basis.SIMULATED:
            text, basis = "From a stand-in of the compiler: nothing in it is compiled", "simulated"
        return {"text": text, "basis": basis, "good": not left, "watermark": watermark(inspection.basis)}
    mapped, total = inspection.ops_edgetpu or 0, inspection.ops_total or 0
    text = f"{mapped:,} of {total:,} ops run on the Edge TPU" if mapped else f"None of the {total:,} ops runs on the Edge TPU"
    return {
        "text": text, "basis": f"{inspection.basis.value} for compiler {inspection.compiler}, not compiled", "good": mapped == total > 0,
        "watermark": "",
    }  # fmt: skip


def all_findings(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """Each finding with its fixes, likeliest first."""
    return [
        {
            "id": f.id, "severity": f.severity.value, "message": clean(f.message), "fixes": [clean(fix) for fix in f.fixes or (f.fix,)],
            "references": [clean(text, 200) for text in f.references],
        }
        for f in findings
    ]  # fmt: skip


def compilations(explanation: Explanation) -> list[dict[str, Any]]:
    """Each compilation in a log: what came of it, the ops by kind, what helps. Of very many, the last."""
    found = []
    for one, findings in parts_of_text(explanation)[-_COMPILATIONS:]:
        rows = [
            {"op": name(row.op), "count": row.count, "status": clean(row.status, 200), "where": "edgetpu" if row.mapped else "cpu"}
            for row in one.ops[:_LOGGED]
        ]
        (_, outcome), *facts = compilation_facts(one)
        found.append(
            {"outcome": outcome, "facts": facts, "rows": rows, "more": len(one.ops) - len(rows), "findings": all_findings(findings)}
        )
    return found


def cache_meter(inspection: Inspection) -> dict[str, Any] | None:
    """The chip's memory: what of it the parameters take, and what does not fit and is streamed. None where nothing is stored."""
    if inspection.parameter_bytes is None or not (inspection.parameter_bytes or inspection.streamed_const_bytes):
        return None
    kept, streamed = inspection.on_chip_bytes or 0, inspection.off_chip_bytes or 0
    whole = max(CHIP_BYTES, kept) + streamed
    words = f"{memory(kept)} of parameters stay on the chip, {memory(streamed)} are streamed at each inference ({inspection.basis.value})"
    rest = inspection.streamed_const_bytes
    return {
        "kept": 100 * kept / whole, "room": 100 * CACHE_BYTES / whole, "chip": 100 * max(CHIP_BYTES, kept) / whole, "words": words,
        "share": _percent(kept, CACHE_BYTES), "kept_bytes": kept, "streamed_bytes": streamed,
        "kept_amount": memory(kept), "streamed_amount": memory(streamed), "room_amount": memory(CACHE_BYTES),
        "chip_amount": memory(CHIP_BYTES), "basis": inspection.basis.value,
        "constants": f"{memory(rest)} of constants are sent with each inference on top" if rest else "",
    }  # fmt: skip


def _percent(part: float, whole: float) -> str:
    share = 100 * part / whole
    return "below 0.1 %" if 0 < share < 0.1 else f"{share:.1f} %"


def places_to_run() -> list[str]:
    """Each host with each of its buses, the usual one first: "pi4 usb3"."""
    return [f"{host} {bus}" for host in HOSTS for bus in stored()["hosts"][host]["buses"]]


def place_label(place: str) -> str:
    """ "Raspberry Pi 4, USB 3"."""
    host, _, bus = place.partition(" ")
    return f"{HOSTS.get(host, host)}, {BUSES.get(bus, bus)}"


def estimate_rows(estimates: Mapping[str, Estimate], chosen: str) -> dict[str, Any]:
    """A bar per host and bus on one axis of milliseconds."""
    known = [e.latency_ms for e in estimates.values() if e.latency_ms is not None]
    bounds = [e.bound_ms.at_least for e in estimates.values() if e.bound_ms is not None]
    top, ticks = axis(max([span.high for span in known] + bounds, default=1.0))
    rows: list[dict[str, Any]] = []
    for place, estimate in estimates.items():
        span, bound = estimate.latency_ms, estimate.bound_ms
        row: dict[str, Any] = {"value": place, "label": place_label(place), "chosen": place == chosen, "bound": None, "bar": None}
        if span is not None:
            row |= {
                "text": f"{ms(span.mid)} ms [{ms(span.low)}, {ms(span.high)}]",
                "bar": {"low": 100 * span.low / top, "mid": 100 * span.mid / top, "width": 100 * (span.high - span.low) / top},
            }
        elif bound is not None:
            row |= {"text": f"at least {ms(bound.at_least)} ms", "bound": 100 * bound.at_least / top}
        else:
            row |= {"text": "no estimate"}
        rows.append(row)
    return {"rows": rows, "ticks": ticks, "has_bars": bool(known)}


def axis(highest: float) -> tuple[float, list[str]]:
    """The end of an axis from 0 that holds a value, and five ticks with short numbers."""
    highest = highest if 0 < highest < 1e9 else 1.0
    step = 1e-6
    while True:
        for factor in (1, 2, 2.5, 5):
            if 4 * step * factor >= highest:
                return 4 * step * factor, [f"{i * step * factor:.6g}" for i in range(5)]
        step *= 10


def estimate_details(estimate: Estimate) -> dict[str, Any]:
    """Where the milliseconds of one host go, what would change them, and all that is to be said beside."""
    info = breakdown_info(estimate)
    facts = [(label, clean(text, 400)) for label, text in estimate_facts(estimate) if label not in ("file", "host", "rests on")]
    return {
        "parts": [
            {
                "label": LABELS[part["part"]], "ms": ms(part["ms"]), "share": 100 * part["share"],
                "percent": _percent(part["ms"], estimate.mid_ms),
            }
            for part in info["parts"]
        ],
        "changes": [{"label": change["label"], "ms": ms(change["ms"])} for change in info["changes"]],
        "words": clean(info["words"], 600), "basis": info["basis"], "facts": facts,
        "rests_on": [clean(text, 400) for label, text in estimate_facts(estimate) if label == "rests on"],
    }  # fmt: skip
