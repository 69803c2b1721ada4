"""Regressions made up for tests: a table whose y is nearly linear, and nets that know it, built without TensorFlow."""

from pathlib import Path

import numpy as np
from builders import Builder

from edgewb.datasets import Dataset, load_dataset

FEATURES = 6
WEIGHTS = np.array([30.0, -20.0, 10.0, 5.0, 0.0, 0.0])
MEAN = 200.0


def write_data(path: Path, n: int = 400, seed: int = 0, noise: float = 15.0) -> Path:
    """An .npz of ``n`` rows whose y is linear but for noise."""
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 1, (n, FEATURES))
    np.savez(path, x=x, y=MEAN + x @ WEIGHTS + rng.normal(0, noise, n))
    return path


def linear_net(weights: np.ndarray, bias: float) -> bytes:
    """One dense layer of one linear output."""
    builder = Builder()
    source = builder.tensor("features", (1, len(weights)), "FLOAT32")
    result = builder.tensor("value", (1, 1), "FLOAT32")
    operands = [builder.constant("w", weights[None].astype(np.float32)), builder.constant("b", np.array([bias], np.float32))]
    builder.op("FULLY_CONNECTED", [source, *operands], [result], 1, "FullyConnectedOptions")
    return builder.build([source], [result])


def write_nets(folder: Path, data: Dataset) -> tuple[Path, Path]:
    """The same net twice: one answers in the unit of y, one in standard deviations from the train split's mean."""
    mean, stdev = data.truth_scale
    raw, standardised = folder / "raw.tflite", folder / "standardised.tflite"
    raw.write_bytes(linear_net(WEIGHTS, MEAN))
    standardised.write_bytes(linear_net(WEIGHTS / stdev, (MEAN - mean) / stdev))
    return raw, standardised


def made(folder: Path) -> tuple[Dataset, Path, Path]:
    """Data, the net in the unit of y, the standardised one."""
    data = load_dataset(write_data(folder / "rows.npz"))
    return data, *write_nets(folder, data)
