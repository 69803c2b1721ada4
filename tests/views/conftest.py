"""Records made up for tests of the views. Nothing in them was measured."""

import hashlib
import math

import numpy as np
import pytest

from edgewb.types import Accuracy, AccuracyDelta, Basis, Environment, Latency, LatencySummary, PlacementSummary, Recommendation, Record
from edgewb.views.report import ReportContext

# recipe: right answers lost, gained; file bytes; compressed bytes; ops on the Edge TPU, all ops; median milliseconds
NINE = {
    "float32": (0, 0, 163_220, 151_004, 0, 31, 0.141),
    "dynamic_range": (1, 1, 60_016, 44_120, 0, 31, 0.118),
    "float16": (0, 0, 92_480, 81_660, 0, 53, 0.143),
    "ptq_int8": (2, 1, 63_336, 47_902, 31, 31, 0.057),
    "ptq_int8_per_tensor": (7, 1, 57_992, 45_077, 31, 31, 0.056),
    "qat_int8": (2, 3, 63_512, 48_220, 30, 31, 0.057),
    "prune50_ptq_int8": (6, 2, 63_336, 35_101, 31, 31, 0.058),
    "prune80_ptq_int8": (13, 1, 63_336, 22_345, 31, 31, 0.057),
    "cluster16_ptq_int8": (4, 3, 63_336, 29_870, 31, 31, 0.056),
}
TEST_ENVIRONMENT = Environment(
    python="3.11.7",
    platform="Linux",
    machine="x86_64",
    cpu="Test Processor 9000",
    cores=2,
    packages={"numpy": "2.4.6", "ai-edge-litert": "2.3.0"},
)


def wilson(correct, n):
    z, p = 1.959964, correct / n
    middle, half = (p + z * z / (2 * n)) / (1 + z * z / n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return (max(0.0, min(middle - half, p)), min(1.0, max(middle + half, p)))


def build_record(recipe, n=500, reference_correct=0.986, calls=400, **changes):
    lost, gained, size, compressed, mapped, ops, median = NINE.get(recipe, NINE["ptq_int8"])
    lost, gained = round(lost * n / 500), round(gained * n / 500)
    correct = min(round(n * reference_correct) - lost + gained, n)
    samples = tuple(median * np.random.default_rng(len(recipe)).lognormal(0.02, 0.08, calls) + 0.0)
    p50, p90, p99 = (float(v) for v in np.percentile(samples, [50, 90, 99]))
    half = 196 * math.sqrt(lost + gained + 1) / n
    points = 100 * (gained - lost) / n
    delta = None
    if recipe != "float32":
        delta = AccuracyDelta(
            points=points,
            ci95=(points - half, points + half),
            p_value=min(1.0, 2 * 0.5 ** abs(lost - gained)),
            against="float32",
            n=n,
            gained=gained,
            lost=lost,
        )
    summary = LatencySummary(p50=p50, p90=p90, p99=p99, mean=float(np.mean(samples)), stdev=float(np.std(samples, ddof=1)))
    fields = {
        "key": f"test-{recipe}",
        "recipe": recipe,
        "dataset": "digits",
        "dataset_fingerprint": "0" * 64,
        "model": "digits_cnn",
        "file": f"{recipe}.tflite",
        "sha256": hashlib.sha256(recipe.encode()).hexdigest(),
        "size_bytes": size,
        "compressed_bytes": compressed,
        "accuracy": Accuracy(value=correct / n, n=n, ci95=wilson(correct, n), correct=correct, target="cpu"),
        "accuracy_delta": delta,
        "placement": PlacementSummary(ops_total=ops, ops_edgetpu=mapped, ops_cpu=ops - mapped, ops_unknown=0, basis=Basis.PREDICTED),
        "parameters": None,
        "latency": (
            Latency(
                target="cpu",
                basis=Basis.MEASURED,
                n=calls,
                latency_ms=summary,
                first_ms=4 * median,
                warmup_runs=10,
                threads=1,
                kernels="XNNPACK",
                samples_ms=tuple(float(v) for v in samples),
            ),
        ),
        "environment": TEST_ENVIRONMENT,
        "seed": 0,
        "settings": {"epochs": 12, "learning_rate": 0.001},
        "created": "2026-01-02T03:04:05+00:00",
    }
    return Record(**(fields | changes))


@pytest.fixture
def make_record():
    return build_record


@pytest.fixture
def nine():
    return [build_record(recipe) for recipe in NINE]


@pytest.fixture
def recommendation():
    why = "at most 1.0 point lost: take ptq_int8, because it loses 0.2 points against float32 (test data); 31 of its 31 ops would map"
    return Recommendation(recipe="ptq_int8", why=why, budget_points=1.0)


def build_context(**changes):
    fields = {
        "dataset": "digits",
        "dataset_fingerprint": "0" * 64,
        "classes": 10,
        "splits": {"train": 897, "calibration": 200, "validation": 200, "test": 500},
        "model_description": "digits_cnn, a small separable CNN for 32x32 images",
        "parameters": 38_346,
        "seed": 0,
        "budget_points": 1.0,
        "command": "edgewb demo --seed 0",
    }
    return ReportContext(**(fields | changes))


@pytest.fixture
def context():
    return build_context()
