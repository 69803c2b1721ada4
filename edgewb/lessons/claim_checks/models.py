"""What inspecting files, published layer lists and the rules of the Edge TPU say; and the memory of a process that runs a made file."""

from __future__ import annotations

import json
from functools import cache
from typing import Final

from edgewb.bundles import bundled_model, bundled_studies
from edgewb.compilers.budgets import CACHE_BYTES
from edgewb.compilers.inspections import Inspection, inspect
from edgewb.compilers.limits import SUPPORT
from edgewb.lessons.architectures import list_architectures
from edgewb.lessons.claim_rules import CONDITIONS, HOLDS, NOT, Check, Figures, Judge, at_least, at_most, close, span
from edgewb.lessons.field_data import shares_right
from edgewb.lessons.language_models import place_decoder_ops, total_parameters
from edgewb.lessons.memory_needs import KINDS, measure_memory_need
from edgewb.locations import data_folder
from edgewb.types import Placement

_EXAMPLE: Final = "elu_branch"


@cache
def _inspected(file: str) -> Inspection:
    return inspect(file)


def _example() -> Inspection:
    return _inspected(str(bundled_model(_EXAMPLE).path))


def _kinds() -> Figures:
    files = {record.recipe: record.file for record in next(s for s in bundled_studies() if s.name == "digits").records}
    floats = [_inspected(files[recipe]).ops_edgetpu or 0 for recipe in ("float32", "float16", "dynamic_range")]
    whole = _inspected(files["ptq_int8"])
    return float(max(floats)), float(whole.ops_edgetpu or 0), float(whole.ops_total or 0)


def _mapped_and_all() -> Figures:
    return float(_example().ops_edgetpu or 0), float(_example().ops_total or 0), float(_stranded())


def _stranded() -> int:
    return sum(op.reason == "downstream" for op in _example().ops)


def _decoder_kinds() -> Figures:
    ops = place_decoder_ops()
    return (float(len({op.op for op in ops if op.placement is Placement.CPU})),)


def _nets_left_over() -> Figures:
    """Of the published nets behind the estimates: how many leave nothing on the CPU, and how many there are."""
    folder = data_folder() / "latency"
    nets = json.loads((folder / "models.json").read_text(encoding="utf-8"))["models"]
    used = {row["model"] for row in json.loads((folder / "latencies.json").read_text(encoding="utf-8"))["rows"]}
    return float(sum(not nets[name].get("cpu") for name in used)), float(len(used))


def _rarely(_stated: Figures, found: Figures) -> str:
    share = found[0] / found[1]
    return HOLDS if share < 0.1 else NOT if share > 0.9 else CONDITIONS


def _mobilenet_left_over() -> Figures:
    nets = json.loads((data_folder() / "latency" / "models.json").read_text(encoding="utf-8"))["models"]
    return (float(len(nets["mobilenet_v2_1.0_224"].get("cpu", ()))),)


def _memory_growth() -> Figures:
    return tuple(measure_memory_need(kind).grown_bytes / 1e6 for kind in KINDS)


def _noisy_and_plain() -> Figures:
    right = shares_right(bundled_model("digits_cnn_int8").path, ("noise3", "none"))
    return 100 * right["noise3"], 100 * right["none"]


def _where(verdict: str, otherwise: str, test: Judge) -> Judge:
    """A verdict where another rule says that it holds."""
    return lambda stated, found: verdict if test(stated, found) == HOLDS else otherwise


def _some_map(_stated: Figures, found: Figures) -> str:
    return HOLDS if 0 < found[0] < found[1] else NOT


def _some_stranded(_stated: Figures, found: Figures) -> str:
    return HOLDS if found[2] > 0 else NOT


CHECKS: Final = {
    "kinds_that_map": Check(
        find=_kinds, judge=lambda _, found: HOLDS if found[0] == 0 and found[1] == found[2] else NOT, shown=lambda found: found[:2]
    ),
    "one_blocker": Check(find=_mapped_and_all, judge=_where(CONDITIONS, HOLDS, _some_stranded), shown=lambda found: found[:2]),
    "stranded_ops": Check(find=_mapped_and_all, judge=_where(NOT, HOLDS, _some_stranded), shown=lambda found: found[2:]),
    "some_ops_map": Check(find=_mapped_and_all, judge=_where(NOT, HOLDS, _some_map), shown=lambda found: found[:2]),
    "one_cut": Check(find=lambda: (float(_example().subgraphs),), judge=lambda _, found: NOT if found[0] == 1 else HOLDS),
    "cache_size": Check(find=lambda: (CACHE_BYTES / 2**20,), judge=lambda stated, found: HOLDS if close(stated[0], found[0]) else NOT),
    "cache_beside_host": Check(find=lambda: (CACHE_BYTES / 2**20,), judge=lambda _, found: CONDITIONS if found[0] else HOLDS),
    "qwen_bytes": Check(find=lambda: (total_parameters() / 1e6,), judge=lambda stated, found: HOLDS if close(stated[0], found[0]) else NOT),
    "decoder_blockers": Check(find=_decoder_kinds, judge=lambda _, found: HOLDS if found[0] else NOT),
    "hard_swish": Check(find=lambda: (float("HARD_SWISH" in SUPPORT),), judge=lambda _, found: HOLDS if found[0] else CONDITIONS),
    "nets_left_over": Check(find=_nets_left_over, judge=_rarely),
    "mobilenet_left_over": Check(find=_mobilenet_left_over, judge=lambda _, found: NOT if found[0] else HOLDS),
    "ptq_losses": Check(find=lambda: tuple(net.lost_points for net in list_architectures()), judge=at_most, shown=span),
    "memory_growth": Check(find=_memory_growth, judge=at_least),
    "shifted_accuracy": Check(find=_noisy_and_plain, judge=lambda _, found: HOLDS if found[0] < found[1] - 5 else NOT),
}
