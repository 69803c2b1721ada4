"""The figures of a compilation: those its log prints, those that follow from them, and those that cannot all be true."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from edgewb.compilers.log_lines import MAPPED, Line

_CHIP_BYTES: Final = 8.5 * 2**20
"""The chip has 8 MB; logs show up to 8.05 MiB for parameters."""
_UNITS: Final = {"B": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}
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


def _clean(text: str) -> str:
    return " ".join(text.split())


def rows_of(lines: Sequence[Line]) -> list[tuple[str, int, str]]:
    """The table: op, count and what became of them."""
    rows = [line.values for line in lines if line.kind == "row"]
    return [(row["row_op"], int(row["row_count"]), _clean(row["row_status"])) for row in rows]


def texts_of(lines: Sequence[Line]) -> dict[str, str]:
    """Names of files, as printed."""
    return {_TEXTS[line.kind][1]: _clean(line.values[_TEXTS[line.kind][0]]) for line in lines if line.kind in _TEXTS}


def _printed(lines: Sequence[Line]) -> dict[str, int]:
    values: dict[str, int] = {}
    for line in lines:
        if line.kind in _SIZES:
            key, field = _SIZES[line.kind]
            values[field] = round(float(line.values[key]) * _UNITS[line.values[f"{key}_unit"]])
        elif line.kind in _NUMBERS:
            key, field = _NUMBERS[line.kind]
            values[field] = int(line.values[key])
    return values


def figures_of(lines: Sequence[Line]) -> dict[str, int]:
    """All figures: counts that are not printed follow from a table that is whole, or from a run without the warning of ops left behind."""
    values, rows, kinds = _printed(lines), rows_of(lines), {line.kind for line in lines}
    summed = sum(count for _, count, _ in rows)
    whole_table = bool(rows) and ("log_input" in kinds or summed == values.get("ops_total"))
    if whole_table:
        values.setdefault("ops_total", summed)
        values.setdefault("ops_edgetpu", sum(count for _, count, status in rows if status == MAPPED))
    ended = kinds & {"see_log", "operation_log", "succeeded"}
    if "ops_total" in values and "success" in kinds and ended and "not_all" not in kinds and values.get("subgraphs"):
        # Where some stay behind, the compiler says so in a sentence of its own.
        values.setdefault("ops_edgetpu", values["ops_total"])
    if "ops_total" not in values and "ops_edgetpu" in values and "ops_cpu" in values:
        values["ops_total"] = values["ops_edgetpu"] + values["ops_cpu"]
    elif "ops_total" in values and "ops_edgetpu" in values:
        values.setdefault("ops_cpu", values["ops_total"] - values["ops_edgetpu"])
    return values


def contradictions(lines: Sequence[Line]) -> list[str]:
    """Figures of one model that cannot all be true; no log from version 14 on has any."""
    values, rows = _printed(lines), rows_of(lines)
    total, on_device, on_cpu = (values.get(key) for key in ("ops_total", "ops_edgetpu", "ops_cpu"))
    summed, mapped = sum(count for _, count, _ in rows), sum(count for _, count, status in rows if status == MAPPED)
    on_chip = values.get("on_chip_used_bytes", 0) + values.get("on_chip_remaining_bytes", 0)
    found = []
    if total is not None and on_device is not None and on_cpu is not None and on_device + on_cpu != total:
        found.append(f"{on_device} operations on the Edge TPU and {on_cpu} on the CPU of a total of {total}")
    if total is not None and summed > total:
        found.append(f"a table of {summed} operations of a total of {total}")
    if on_device is not None and rows and (mapped > on_device or (summed == total and mapped != on_device)):
        found.append(f"{mapped} operations mapped in the table, {on_device} in the count")
    if values.get("subgraphs") == 0 and (mapped or on_device):
        found.append(f"{mapped or on_device} operations mapped in 0 Edge TPU subgraphs")
    if on_chip > _CHIP_BYTES:
        found.append(f"{on_chip:,} bytes of parameter memory on a chip of 8 MB")
    return found
