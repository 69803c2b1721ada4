"""edgewb: a workbench for the Google Coral Edge TPU. A few verbs and the types of their results; all of it loads when first used."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "Calibration": "edgewb.estimates.calibrations",
    "Compilation": "edgewb.compilers.compilations",
    "Diagnosis": "edgewb.doctor",
    "EdgewbError": "edgewb.errors",
    "Estimate": "edgewb.estimates.estimations",
    "Evaluation": "edgewb.measurements",
    "Explanation": "edgewb.compilers.explanations",
    "Inspection": "edgewb.compilers.inspections",
    "Measurement": "edgewb.measurements",
    "Mended": "edgewb.mends",
    "PairedEvaluation": "edgewb.paired_evaluations",
    "Parity": "edgewb.parities",
    "Records": "edgewb.records",
    "SideBySide": "edgewb.ratios",
    "Study": "edgewb.workbench",
    "calibrate": "edgewb.estimates.calibrations",
    "compare_targets": "edgewb.workbench",
    "compare_under_shifts": "edgewb.robustness",
    "compile_model": "edgewb.compilers.compilations",
    "debug_model": "edgewb.debugging.diagnoses",
    "diagnose": "edgewb.doctor",
    "estimate": "edgewb.estimates.estimations",
    "evaluate": "edgewb.workbench",
    "evaluate_against": "edgewb.workbench",
    "explain": "edgewb.compilers.explanations",
    "fix": "edgewb.mends",
    "inspect": "edgewb.compilers.inspections",
    "list_targets": "edgewb.targets.listings",
    "load_dataset": "edgewb.datasets",
    "load_records": "edgewb.records",
    "measure": "edgewb.measurements",
    "measure_targets": "edgewb.ratios",
    "prepare_recording": "edgewb.workbench",
    "run": "edgewb.workbench",
}

__all__ = [
    "Calibration",
    "Compilation",
    "Diagnosis",
    "EdgewbError",
    "Estimate",
    "Evaluation",
    "Explanation",
    "Inspection",
    "Measurement",
    "Mended",
    "PairedEvaluation",
    "Parity",
    "Records",
    "SideBySide",
    "Study",
    "__version__",
    "calibrate",
    "compare_targets",
    "compare_under_shifts",
    "compile_model",
    "debug_model",
    "diagnose",
    "estimate",
    "evaluate",
    "evaluate_against",
    "explain",
    "fix",
    "inspect",
    "list_targets",
    "load_dataset",
    "load_records",
    "measure",
    "measure_targets",
    "prepare_recording",
    "run",
]

if TYPE_CHECKING:
    from edgewb.compilers.compilations import Compilation, compile_model
    from edgewb.compilers.explanations import Explanation, explain
    from edgewb.compilers.inspections import Inspection, inspect
    from edgewb.datasets import load_dataset
    from edgewb.debugging.diagnoses import debug_model
    from edgewb.doctor import Diagnosis, diagnose
    from edgewb.errors import EdgewbError
    from edgewb.estimates.calibrations import Calibration, calibrate
    from edgewb.estimates.estimations import Estimate, estimate
    from edgewb.measurements import Evaluation, Measurement, measure
    from edgewb.mends import Mended, fix
    from edgewb.paired_evaluations import PairedEvaluation
    from edgewb.parities import Parity
    from edgewb.ratios import SideBySide, measure_targets
    from edgewb.records import Records, load_records
    from edgewb.robustness import compare_under_shifts
    from edgewb.targets.listings import list_targets
    from edgewb.workbench import Study, compare_targets, evaluate, evaluate_against, prepare_recording, run


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'edgewb' has no attribute {name!r}; it has {', '.join(sorted(_HOMES))}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
