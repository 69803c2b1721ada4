"""The judges of the exercises, one module per notebook."""

from __future__ import annotations

import importlib
import importlib.util

MODULES = {
    "00": "first_steps",
    "01": "integers",
    "02": "baselines",
    "03": "calibration",
    "04": "fake_quantisation",
    "05": "sparsity",
    "06": "compiler_logs",
    "07": "latencies",
    "08": "live_frames",
    "09": "tradeoffs",
    "10": "accelerators",
    "11": "field_tests",
    "12": "own_models",
}


def load_for(number: str) -> None:
    """Import the judges of the notebook that an exercise's number begins with; nothing where there is none."""
    module = MODULES.get(number.split(".")[0])
    if module is not None and importlib.util.find_spec(f"{__name__}.{module}") is not None:
        importlib.import_module(f"{__name__}.{module}")


def load_all() -> None:
    """Import all judges."""
    for notebook in MODULES:
        load_for(notebook)
