"""What is measured of a file on a target: how often it is right, and how long its calls take."""

from __future__ import annotations

from edgewb.accuracies import Evaluation, accuracy, accuracy_delta, evaluate, predict
from edgewb.latencies import Measurement, measure
from edgewb.timings import summarise_latency
from edgewb.types import ClassAccuracy, Drift

__all__ = [
    "ClassAccuracy",
    "Drift",
    "Evaluation",
    "Measurement",
    "accuracy",
    "accuracy_delta",
    "evaluate",
    "measure",
    "predict",
    "summarise_latency",
]
