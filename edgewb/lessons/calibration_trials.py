"""What calibration data do to a net: the bundled digits net, quantised with good data and with bad, and asked the validation examples.

The float file and the ops of the int8 one come from the bundled study; nothing is trained and nothing is converted.
"""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from edgewb.accuracies import predict
from edgewb.bundles import bundled_studies
from edgewb.compilers.placement import place
from edgewb.datasets import Dataset, load_dataset
from edgewb.errors import unknown_name
from edgewb.intervals import wilson_interval
from edgewb.lessons.recalibrations import recalibrate
from edgewb.lessons.tables import WordTable
from edgewb.lessons.uneven_channels import widen_channels
from edgewb.locations import write_whole
from edgewb.tflite.reader import load_bytes, read_graph
from edgewb.types import Basis, Jsonable, Placement, Record

Floats = npt.NDArray[np.float32]
PER_CHANNEL: Final = "ptq_int8"
PER_TENSOR: Final = "ptq_int8_per_tensor"
KINDS: Final = ("float32", "dynamic_range", "float16", PER_CHANNEL, PER_TENSOR)
"""Recipes of the bundled study that differ in what is quantised."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Trial(Jsonable):
    """A net on ``n`` validation examples: share of right answers, 0..1, with its 95 % interval."""

    name: str
    accuracy: float
    ci95: tuple[float, float]
    n: int
    basis: Basis = Basis.MEASURED


@dataclasses.dataclass(frozen=True, kw_only=True)
class SpreadTrial(Jsonable):
    """The same nets with channels spread by 2 to the power of -octaves to octaves: float, int8 per channel, int8 per tensor."""

    octaves: float
    float32: Trial
    per_channel: Trial
    per_tensor: Trial


def study_record(recipe: str) -> Record:
    """A record of the bundled digits study.

    Raises:
        InputError: a recipe the study does not have.
    """
    study = next(one for one in bundled_studies() if one.name == "digits")
    records = {record.recipe: record for record in study.records}
    if recipe not in records:
        raise unknown_name("recipe", recipe, records)
    return records[recipe]


def study_file(recipe: str) -> Path:
    """A model of the bundled digits study.

    Raises:
        InputError: a recipe the study does not have.
    """
    return Path(study_record(recipe).file)


def list_kinds() -> WordTable:
    """The kinds of quantised files in the bundled study: what is stored as what, their size, their ops on an Edge TPU, test accuracy.

    Dtypes and ops are read from the files; the accuracies were measured on the computer the study was recorded on.
    """
    rows = []
    for recipe in KINDS:
        record, graph = study_record(recipe), read_graph(study_file(recipe))
        mapped = sum(one.placement is Placement.EDGETPU for one in place(graph))
        kernels = [tensor for tensor in graph.tensors if tensor.is_constant and len(tensor.shape) >= 2]
        scales = max(len(tensor.quantization.scales) if tensor.quantization else 0 for tensor in kernels)
        between = {graph.tensors[op.outputs[0]].dtype for op in graph.ops if op.outputs[0] not in graph.unpacked_constants}
        found = record.accuracy
        low, high = ("", "") if found is None else (f"{100 * end:.1f}" for end in found.ci95)
        rows.append(
            (
                recipe,
                " and ".join(sorted({tensor.dtype for tensor in kernels})),
                {0: "none", 1: "per tensor"}.get(scales, "per channel"),
                " and ".join(sorted(between)),
                graph.tensors[graph.inputs[0]].dtype,
                f"{record.size_bytes / 1000:.1f}",
                f"{mapped} of {len(graph.ops)}",
                "" if found is None else f"{100 * found.value:.1f} [{low}, {high}]",
            )
        )
    columns = ("recipe", "weights", "scales", "between layers", "input", "size (kB)", "ops on Edge TPU", "test accuracy (%)")
    note = "ops: predicted from rules; accuracy: measured on another computer, n = 500 test images, in brackets its 95 % interval"
    return WordTable(columns=columns, rows=tuple(rows), note=note)


def spoilt_calibrations(data: Dataset | None = None) -> dict[str, Floats]:
    """Calibration sets for the digits, good ones and bad ones, by a name for people; pixels are 0 to 1 where nothing else is said."""
    data = load_dataset("digits") if data is None else data
    good = data.calibration.x
    bright = good.copy()
    bright[0] *= 50
    pixel = good.copy()
    pixel[0, 5, 5, 0] = 255
    noise = np.random.default_rng(0).random(good.shape, dtype=np.float32)
    return {
        f"{len(good)} images": good,
        "10 images": good[:10],
        "1 image": good[:1],
        "random noise": noise,
        "one image 50 times too bright": bright,
        "one pixel of 255": pixel,
        "pixels 0 to 255 (forgot / 255)": good * 255,
        "divided by 255 twice": good / 255,
        "black images only": np.zeros_like(good),
    }


def try_calibrations(calibrations: Mapping[str, npt.ArrayLike] | None = None, *, recipe: str = PER_CHANNEL) -> tuple[Trial, ...]:
    """Quantise the bundled digits net once per calibration set and ask it the 200 validation examples.

    Args:
        calibrations: by name, each (n, 32, 32, 1); None: ``spoilt_calibrations()``.
        recipe: whose ops are taken: "ptq_int8" has a scale per channel of weights, "ptq_int8_per_tensor" one per kernel.

    Raises:
        InputError: calibration sets that do not fit.
    """
    data = load_dataset("digits")
    calibrations = spoilt_calibrations(data) if calibrations is None else calibrations
    int8, float32 = load_bytes(study_file(recipe)), load_bytes(study_file("float32"))
    return tuple(_tried(name, recalibrate(int8, float32, x), data) for name, x in calibrations.items())


def spread_net(octaves: float, *, seed: int = 0) -> bytes:
    """The bundled digits net in float32 with its channels spread, see ``uneven_channels.widen_channels``: it answers as before.

    Raises:
        InputError: octaves outside 0 to 8.
    """
    return widen_channels(load_bytes(study_file("float32")), octaves, seed)


def try_spreads(octaves: Sequence[float] = (0, 1, 2, 3, 4, 5), *, seed: int = 0) -> tuple[SpreadTrial, ...]:
    """Spread the channels of the float net, which answers as before, and quantise it both ways.

    Args:
        octaves: see ``uneven_channels.widen_channels``.
        seed: of the random factors.
    """
    data = load_dataset("digits")
    channel, tensor = (load_bytes(study_file(recipe)) for recipe in (PER_CHANNEL, PER_TENSOR))
    found = []
    for octave in octaves:
        wide = spread_net(octave, seed=seed)
        found.append(
            SpreadTrial(
                octaves=octave,
                float32=_tried("float32", wide, data),
                per_channel=_tried("int8, a scale per channel", recalibrate(channel, wide, data.calibration.x), data),
                per_tensor=_tried("int8, a scale per tensor", recalibrate(tensor, wide, data.calibration.x), data),
            )
        )
    return tuple(found)


def _tried(name: str, content: bytes, data: Dataset) -> Trial:
    split = data.validation
    with tempfile.TemporaryDirectory(prefix="edgewb-") as folder:
        outputs = predict(write_whole(Path(folder, "tried.tflite"), content), split.x)
    correct = int((outputs.argmax(axis=1) == split.y).sum())
    return Trial(name=name, accuracy=correct / len(split), ci95=wilson_interval(correct, len(split)), n=len(split))
