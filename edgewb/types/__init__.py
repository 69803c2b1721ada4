"""The records that cross from one part of edgewb to the next: frozen dataclasses, units in the names, a basis beside each figure."""

from edgewb.types.bases import Basis, Jsonable, Task
from edgewb.types.drifts import Change, Drift, Jitter, Sensitivity, Sustained, Window
from edgewb.types.energies import Energy, EnergyRange, Phase
from edgewb.types.latencies import EstimatedLatency, Latency, LatencyRange, LatencySummary
from edgewb.types.placements import Blocker, Finding, OpPlacement, Parameters, Placement, PlacementSummary, Severity
from edgewb.types.recommendations import LossVerdict, Recommendation, Skipped
from edgewb.types.records import Record
from edgewb.types.scores import Accuracy, AccuracyDelta, Answers, ClassAccuracy, Confused, ErrorDelta, Flip, Flips, RegressionErrors
from edgewb.types.surroundings import Conditions, Environment, Memory, TargetFacts

__all__ = [
    "Accuracy",
    "AccuracyDelta",
    "Answers",
    "Basis",
    "Blocker",
    "Change",
    "ClassAccuracy",
    "Conditions",
    "Confused",
    "Drift",
    "Energy",
    "EnergyRange",
    "Environment",
    "ErrorDelta",
    "EstimatedLatency",
    "Finding",
    "Flip",
    "Flips",
    "Jitter",
    "Jsonable",
    "Latency",
    "LatencyRange",
    "LatencySummary",
    "LossVerdict",
    "Memory",
    "OpPlacement",
    "Parameters",
    "Phase",
    "Placement",
    "PlacementSummary",
    "Recommendation",
    "Record",
    "RegressionErrors",
    "Sensitivity",
    "Severity",
    "Skipped",
    "Sustained",
    "TargetFacts",
    "Task",
    "Window",
]
