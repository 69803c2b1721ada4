"""The words of the stand-in compiler: as each version of edgetpu_compiler prints them, with edgewb's prediction for the figures."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from edgewb.compilers.budgets import CACHE_BYTES, budget
from edgewb.compilers.log_lines import MAPPED
from edgewb.compilers.logs import STAND_IN
from edgewb.compilers.placement import place
from edgewb.compilers.stand_in_files import compiled_file
from edgewb.tflite.reader import load_bytes, read_graph
from edgewb.tflite.schemas import op_names
from edgewb.types import OpPlacement, Placement

VERSIONS: Final = {
    "1.0": "1.0.249710469",
    "2.0": "2.0.267685300",
    "2.1": "2.1.302470888",
    "14.1": "14.1.317412892",
    "15.0": "15.0.340273435",
    "16.0": "16.0.384591198",
}
_GENERATIONS: Final = {"1.0": "1.0", "2.0": "2.x", "2.1": "2.x", "14.1": "14.1-15.0", "15.0": "14.1-15.0", "16.0": "16.0"}
_RUNTIMES: Final = {"1.0": 10, "2.0": 12, "2.1": 12, "14.1": 13, "15.0": 13, "16.0": 14}
_STATUS: Final = {
    "downstream": "More than one subgraph is not supported",
    "float": "Operation is working on an unsupported data type",
    "dtype": "Operation is working on an unsupported data type",
    "unsupported_op": "Operation not supported",
    "op_version": "Operation version not supported",
    "rank": "Tensor has unsupported rank (up to 3 innermost dimensions mapped)",
    "not_constant": "Filter, bias, or other param is not constant at compile-time",
}
_OTHERWISE: Final = "Operation is otherwise supported, but not mapped due to some unspecified limitation"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Result:
    """What would come of one model. ``failure`` is empty where it compiles; ``rows`` are (kind, count, status)."""

    model: str
    failure: str = ""
    detail: str = ""
    content: bytes = b""
    source_bytes: int = 0
    rows: tuple[tuple[str, int, str], ...] = ()
    used_bytes: int = 0
    off_chip_bytes: int = 0

    @property
    def total(self) -> int:
        """Ops in all."""
        return sum(count for _, count, _ in self.rows)

    @property
    def mapped(self) -> int:
        """Ops on the Edge TPU."""
        return sum(count for _, count, status in self.rows if status == MAPPED)


def mark() -> str:
    """What it says once more in the last line, should the first one be lost."""
    return f"INFO: {STAND_IN}: simulated, nothing is compiled"


def banner(version: str) -> str:
    """The version line, which says that nothing is compiled."""
    return f"Edge TPU Compiler version {VERSIONS[version]} ({STAND_IN}: simulated, nothing is compiled)"


def read_model(path: str, version: str, min_runtime: int | None = None, nothing: bool = False) -> Result:
    """Predict what would come of a model.

    Args:
        nothing: as if no op could be mapped, whatever the model.

    Raises:
        ModelFileError: it cannot be read.
    """
    raw = load_bytes(path)
    graph = read_graph(raw)
    generation = "13" if version == "16.0" and min_runtime == 13 else _GENERATIONS[version]
    placements = place(graph, generation)
    refusing = next((entry for entry in placements if entry.refuses_file), None)
    if refusing is not None:
        return Result(model=path, failure=f"refused_{refusing.reason}", detail=f"{refusing.op} {refusing.version} {refusing.index}")
    if any(p.reason == "dynamic" for p in placements) and version == "16.0":
        return Result(model=path, failure="dynamic")
    mapped = [] if nothing else [p for p in placements if p.placement is Placement.EDGETPU]
    if not mapped and version != "16.0" and not nothing and any(p.reason == "float" for p in placements):
        return Result(model=path, failure="not_quantized")
    memory = budget(graph, placements, generation)
    runtime = min_runtime or _RUNTIMES[version]
    return Result(
        model=path,
        content=compiled_file(raw, graph, placements, memory, runtime) if mapped else raw,
        source_bytes=len(raw),
        rows=_rows(placements, nothing),
        used_bytes=max(memory.log_bytes - memory.off_chip_bytes, 0) if mapped else 0,
        off_chip_bytes=memory.off_chip_bytes if mapped else 0,
    )


def _rows(placements: Sequence[OpPlacement], nothing: bool) -> tuple[tuple[str, int, str], ...]:
    counts: Counter[tuple[str, str]] = Counter()
    for entry in placements:
        maps = entry.placement is Placement.EDGETPU and not nothing
        # Custom ops are called so, whatever their name.
        kind = entry.op if entry.op.isupper() and entry.op.replace("_", "").isalnum() else "CUSTOM"
        status = (
            MAPPED
            if maps
            else "Operation is working on an unsupported data type"
            if kind == "CUSTOM"
            else _STATUS.get(entry.reason or "", _OTHERWISE)
        )
        counts[kind, status] += 1
    return tuple((kind, count, status) for (kind, status), count in counts.items())


def table_lines(result: Result) -> list[str]:
    """The table of ops."""
    return [
        "Operator                       Count      Status",
        "",
        *(f"{kind:<31}{count:<11}{status}" for kind, count, status in result.rows),
    ]


def _size(count: float) -> str:
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.2f}{unit}"
        count /= 1024
    return f"{count:.2f}GiB"


def result_lines(results: Sequence[Result], version: str, folder: str, with_table: bool) -> list[str]:
    """What is printed of models that compiled."""
    several = "s" if len(results) > 1 else ""
    lines = ["INFO: Initialized TensorFlow Lite runtime."] if version == "1.0" else []
    lines += ["", f"Model{several} compiled successfully in 1 ms.", ""]
    for result in results:
        stem = Path(folder, Path(result.model).name.removesuffix(".tflite"))
        room = CACHE_BYTES if result.mapped else 0
        used = f"On-chip memory used for caching model parameters: {_size(result.used_bytes)}"
        left = f"On-chip memory remaining for caching model parameters: {_size(max(room - result.used_bytes, 0))}"
        available = f"On-chip memory available for caching model parameters: {_size(room)}"
        lines += [
            f"Input model: {result.model}",
            f"Input size: {_size(result.source_bytes)}",
            f"Output model: {stem}_edgetpu.tflite",
            f"Output size: {_size(len(result.content))}",
            *([available, used] if version in ("1.0", "2.0", "2.1") else [used, left]),
            f"Off-chip memory used for streaming uncached model parameters: {_size(result.off_chip_bytes)}",
            f"Number of Edge TPU subgraphs: {int(result.mapped > 0)}",
            f"Total number of operations: {result.total}",
            f"Operation log: {stem}_edgetpu.log",
        ]
        if result.mapped < result.total:
            lines += [
                "",
                "Model successfully compiled but not all operations are supported by the Edge TPU. A percentage of the model will instead "
                "run on the CPU, which is slower. If possible, consider updating your model to use only operations supported by the Edge "
                "TPU. For details, visit g.co/coral/model-reqs.",
                f"Number of operations that will run on Edge TPU: {result.mapped}",
                f"Number of operations that will run on CPU: {result.total - result.mapped}",
            ]
        lines += ["", *table_lines(result)] if with_table else ["See the operation log file for individual operation details."]
    if version == "16.0":
        lines += ["Compilation child process completed within timeout period.", "Compilation succeeded! "]
    return [*lines, mark()]


def failure_lines(version: str, reason: str, detail: str, model: str) -> list[str]:
    """What is printed of a model that does not compile."""
    ended = ["Compilation child process completed within timeout period.", "Compilation failed! "] if version == "16.0" else []
    abort = ["", "Internal compiler error. Aborting! "]
    if reason in ("refused_op_version", "refused_unsupported_op"):
        op, number, _ = detail.split(" ")
        older = " An older version of this builtin might be supported."
        said = f"Didn't find op for builtin opcode '{op}' version '{number}'.{older} Are you using an old TFLite binary with a newer model?"
        if reason == "refused_unsupported_op":
            code = next((code for code, name in op_names().items() if name == op), 999)
            said = f"Op builtin_code out of range: {code}. Are you using old TFLite binary with newer model?"
        return [f"ERROR: {said}", "", "ERROR: Registration failed.", "", f"Invalid model: {model}", "Model could not be parsed"]
    if reason == "refused_scales":
        op, _, index = detail.split(" ")
        return [
            "ERROR: :83 input->params.zero_point != output->params.zero_point (0 != 1)",
            f"ERROR: Node number {index} ({op}) failed to prepare.",
            "",
            "Compilation failed: Model failed in Tflite interpreter. Please ensure model can be loaded/run in Tflite interpreter.",
            *(ended or abort),
        ]
    if reason == "unreadable":
        return [f"Invalid model: {model}", "Model could not be parsed"]
    if reason == "not_quantized":
        return [f"Invalid model: {model}", "Model not quantized"]
    if reason == "dynamic":
        return [
            "ERROR: Attempting to use a delegate that only supports static-sized tensors with a graph that has dynamic-sized tensors.",
            "Compilation failed: Model failed in Tflite interpreter. Please ensure model can be loaded/run in Tflite interpreter.",
            *ended,
        ]
    if reason == "large_activations" and version == "16.0":
        return [
            "ERROR: Restored original execution plan after delegate application failure.",
            "Compilation failed: Compilation failed due to large activation tensors in model.",
            *ended,
        ]
    if reason == "timeout" and version == "16.0":
        return ["Compilation timeout. This is usually caused by large activations.", "Compilation failed! "]
    return ended if reason == "no_reason" and version == "16.0" else abort
