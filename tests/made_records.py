"""Records made up for tests. Nothing in them was measured."""

import numpy as np

from edgewb.intervals import mcnemar_p_value, tango_interval, wilson_interval
from edgewb.residuals import Residuals, error_delta, regression_errors
from edgewb.timings import summarise_latency
from edgewb.types import (
    Accuracy,
    AccuracyDelta,
    Basis,
    Environment,
    EstimatedLatency,
    Latency,
    LatencyRange,
    Parameters,
    PlacementSummary,
    Record,
)


def build_delta(gained, lost, n):
    low, high = tango_interval(gained, lost, n)
    changed = {"points": 100 * (gained - lost) / n, "ci95": (100 * low, 100 * high), "p_value": mcnemar_p_value(gained, lost)}
    return AccuracyDelta(against="float32", n=n, gained=gained, lost=lost, **changed)


def build_record(key="k1", recipe="ptq_int8", **changes):
    samples = (0.5, 0.6, 0.7, 0.9)
    fields = {
        "key": key,
        "recipe": recipe,
        "dataset": "digits",
        "dataset_fingerprint": "f" * 64,
        "model": "digits_cnn",
        "file": f"{recipe}.tflite",
        "sha256": "a" * 64,
        "size_bytes": 63_000,
        "compressed_bytes": 40_000,
        "accuracy": Accuracy(value=0.9, n=50, ci95=wilson_interval(45, 50), correct=45, target="cpu"),
        "accuracy_delta": build_delta(gained=1, lost=3, n=50),
        "placement": PlacementSummary(ops_total=31, ops_edgetpu=29, ops_cpu=1, ops_unknown=1, basis=Basis.PREDICTED),
        "parameters": Parameters(on_chip_bytes=50_000, off_chip_bytes=0, basis=Basis.PREDICTED),
        "latency": (
            Latency(
                target="cpu",
                basis=Basis.MEASURED,
                n=4,
                latency_ms=summarise_latency(samples),
                first_ms=3.0,
                warmup_runs=2,
                threads=1,
                kernels="XNNPACK",
                samples_ms=samples,
            ),
        ),
        "estimate": EstimatedLatency(
            target="edgetpu",
            host="desktop",
            bus="usb3",
            clock="max",
            basis=Basis.ESTIMATED,
            n=43,
            latency_ms=LatencyRange(low=0.43, mid=0.56, high=0.8),
            coverage=0.8,
            held_out=0.81,
            refused=None,
        ),
        "environment": Environment(
            python="3.11.7", platform="Linux", machine="x86_64", cpu="Test Processor 9000", cores=2, packages={"numpy": "2.4.6"}
        ),
        "seed": 0,
        "settings": {"epochs": 12, "freeze": None, "rates": [0.1, 0.2]},
        "created": "2026-01-02T03:04:05+00:00",
    }
    return Record(**(fields | changes))


def build_regression(key="k1", recipe="ptq_int8", *, noise=1.0, bias=0.0, n=110, **changes):
    """A record of a regression: float32 is off by 7, a variant by ``noise`` and ``bias`` more."""
    rng = np.random.default_rng(0)
    signal, wobble = rng.normal(50, 10, n), rng.normal(0, 1, n)
    truth = signal + rng.normal(0, 7, n)
    reference = Residuals(truth, signal)
    variant = reference if recipe == "float32" else Residuals(truth, signal + noise * wobble + bias)
    delta = None if recipe == "float32" else error_delta(variant, reference, "float32")
    fields = {
        "dataset": "diabetes",
        "model": "table_mlp",
        "accuracy": None,
        "accuracy_delta": None,
        "errors": regression_errors(variant, "cpu"),
        "error_delta": delta,
        "validation_error_delta": delta,
        "settings": {"task": "regression", "output_scale": [50.0, 12.0]},
    }
    return build_record(key, recipe, **(fields | changes))
