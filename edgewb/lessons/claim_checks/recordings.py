"""What was measured and recorded with the repository (``data/studies``, ``data/courses``): read from there whenever a claim is shown, so
that a new recording needs no change of a text."""

from __future__ import annotations

import json
from functools import cache
from typing import Any, Final

from edgewb.bundles import bundled_studies
from edgewb.lessons.claim_rules import CONDITIONS, HOLDS, NOT, NOT_COMPARABLE, Check, Figures, in_range, span
from edgewb.lessons.claim_tables import claim_table
from edgewb.locations import data_folder
from edgewb.types import Record

_RUNTIMES: Final = 3
"""On which the bundled study was measured."""
_BY_HAND_S: Final = 60.0
"""Computing below a minute says nothing about the minutes a person works."""


def _record(recipe: str) -> Record:
    study = next(study for study in bundled_studies() if study.name == "digits")
    return next(record for record in study.records if record.recipe == recipe)


@cache
def _course(model: str) -> dict[str, dict[str, Any]]:
    recorded = json.loads((data_folder() / "courses" / f"digits-{model}-seed0.json").read_text(encoding="utf-8"))
    return {record["recipe"]: record for record in recorded["records"]}


def _ratio(recipe: str) -> float:
    """A recipe's median latency over that of float32 measured in turns with it, on the CPU."""
    return float(next(sample["ratio"] for sample in _course("digits_cnn")[recipe]["latency"] if sample["target"] == "cpu"))


def _speedups() -> Figures:
    """Of our net on three runtimes, measured in turns with float32; then published ones of nets on a phone."""
    here = tuple(1 / sample.ratio for sample in _record("ptq_int8").latency if sample.ratio)
    return *here, *(row["float_ms"] / row["int8_ms"] for row in claim_table("efficientnet_lite").rows.values())


def _shrinking() -> Figures:
    whole = _record("float32").size_bytes
    return tuple(whole / _record(recipe).size_bytes for recipe in ("ptq_int8", "ptq_int8_per_tensor"))


def _smaller(stated: Figures, found: Figures) -> str:
    """As many times smaller as stated; at least half of that, since a file holds more than weights; or less."""
    return HOLDS if in_range(stated, found) == HOLDS else CONDITIONS if max(found) >= stated[0] / 2 else NOT


def _structured() -> Figures:
    return _ratio("structured50_ptq_int8"), _ratio("ptq_int8")


def _directly(_stated: Figures, found: Figures) -> str:
    """Half the channels are gone: about half the time is "directly", anything from 5 % faster on is faster."""
    share = found[0] / found[1]
    return HOLDS if share <= 0.6 else CONDITIONS if share <= 0.95 else NOT


def _unstructured() -> Figures:
    return _ratio("prune80_ptq_int8"), _ratio("ptq_int8")


def _as_slow(_stated: Figures, found: Figures) -> str:
    return HOLDS if found[0] >= 0.95 * found[1] else NOT


def _making_seconds() -> Figures:
    return tuple(float(_course("digits_cnn")[recipe]["settings"]["making_seconds"]) for recipe in ("ptq_int8", "qat_int8"))


def _minutes_of_work(stated: Figures, found: Figures) -> str:
    """A range of minutes is stated, for a person; found: seconds of computing."""
    if found[0] < _BY_HAND_S:
        return NOT_COMPARABLE
    return CONDITIONS if found[0] <= 60 * stated[1] else NOT


def _qat() -> Figures:
    return tuple(100 * float(_course("digits_hard")[recipe]["accuracy"]["value"]) for recipe in ("ptq_int8", "qat_int8"))


def _float16() -> Figures:
    delta = _record("float16").accuracy_delta
    if delta is None:
        raise ValueError("the recorded study has no difference of float16 to float32")
    return -delta.ci95[1], -delta.ci95[0]


CHECKS: Final = {
    "int8_speedups": Check(find=_speedups, judge=in_range, shown=lambda found: span(found[:_RUNTIMES]), recorded=True),
    "size_ratios": Check(find=_shrinking, judge=_smaller, shown=span, recorded=True),
    "structured_speed": Check(find=_structured, judge=_directly, recorded=True),
    "unstructured_speed": Check(find=_unstructured, judge=_as_slow, recorded=True),
    "making_seconds": Check(find=_making_seconds, judge=_minutes_of_work, recorded=True),
    "qat_recovers": Check(find=_qat, judge=lambda _, found: HOLDS if found[1] > found[0] + 1 else NOT, recorded=True),
    "float16_loss": Check(find=_float16, judge=lambda _, found: CONDITIONS if found[0] <= 0 <= found[1] else NOT, recorded=True),
}
