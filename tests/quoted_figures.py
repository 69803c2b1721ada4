"""What the notebooks' prose says of recorded data, each phrase beside what the data say: recorded anew, they may say something else.

Times change with every recording, so of them only what is far from its bound is quoted.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Callable, Mapping
from typing import Any

import course_notebooks
import jupytext

from edgewb.bundles import bundled_studies
from edgewb.courses.recorded import recall
from edgewb.lessons.architectures import list_architectures
from edgewb.lessons.calibration_trials import spoilt_calibrations
from edgewb.lessons.choices import look_twice
from edgewb.robustness import compare_under_shifts
from edgewb.study_contexts import LearningCurve
from edgewb.types import AccuracyDelta, LatencyRange, Record
from edgewb.views.baseline_plots import comparison_info
from edgewb.views.fake_quantisation_plots import channels_info
from edgewb.views.quantization_plots import ranges_info
from edgewb.views.tradeoff_plots import architectures_info

INT8 = ("ptq_int8", "ptq_int8_per_tensor", "qat_int8", "prune50_ptq_int8", "prune80_ptq_int8", "cluster16_ptq_int8")
SHIFTS = ("noise3", "blur3", "contrast3", "rotation3")


@dataclasses.dataclass(frozen=True)
class Quoted:
    """A phrase of a notebook, the figure it is about, and from where to where (or: as what) the figure bears it out."""

    notebook: str
    phrase: str
    figure: Callable[[], Any]
    fits: tuple[float, float] | bool | str | list[str] | set[str] = True

    def complaint(self) -> str | None:
        """What is wrong with the phrase; None where it stands in the notebook and the data bear it out."""
        sentence = next((one for one in sentences(self.notebook) if self.phrase in one), None)
        if sentence is None:
            return f"notebook {self.notebook} no longer says {self.phrase!r}: change the list of quoted figures, too"
        found = self.figure()
        if isinstance(self.fits, tuple):
            holds = self.fits[0] <= found <= self.fits[1]
            wanted = f"from {self.fits[0]} to {self.fits[1]}"
        else:
            holds, wanted = found == self.fits, repr(self.fits)
        return None if holds else f"notebook {self.notebook} is stale: the data give {found!r}, and not {wanted}, for: {sentence}"


@functools.cache
def sentences(notebook: str) -> tuple[str, ...]:
    """Of a notebook's prose, without line breaks, and the lines of its code."""
    (source,) = (path for path in course_notebooks.SOURCES if path.name.startswith(notebook))
    found: list[str] = []
    for cell in jupytext.read(source).cells:
        if cell.cell_type == "markdown":
            found += re.split(r"(?<=[.?!:]) (?=[A-Z*`])", " ".join(cell.source.split()))
        else:
            found += cell.source.splitlines()
    return tuple(found)


@functools.cache
def study() -> Mapping[str, Record]:
    """The bundled study of notebooks 03, 09 and 11."""
    return {record.recipe: record for record in bundled_studies()[0].records}


@functools.cache
def course(model: str = "digits_cnn") -> Mapping[str, Record]:
    """What notebooks 02, 04 and 05 recall."""
    names = {
        "digits_cnn": "float32, student_float32, ptq_int8, qat_int8, prune50_ptq_int8, prune80_ptq_int8, prune90_ptq_int8, "
        "prune95_ptq_int8, cluster16_ptq_int8, structured50_ptq_int8, student25_ptq_int8, distill25_ptq_int8",
        "digits_hard": "float32, ptq_int8, equalize_float32, equalize_ptq_int8, qat_int8",
    }
    return {record.recipe: record for record in recall("digits", names[model], model=model).records}


def curve(model: str = "digits_cnn") -> LearningCurve:
    found = recall("digits", "float32", model=model).context.learning_curve
    assert found is not None
    return found


def percent(record: Record) -> float:
    assert record.accuracy is not None
    return 100 * record.accuracy.value


def ends(record: Record) -> tuple[float, float]:
    assert record.accuracy is not None
    return record.accuracy.ci95


def change(record: Record) -> AccuracyDelta:
    """Against float32 on the test images, in points."""
    assert record.accuracy_delta is not None
    return record.accuracy_delta


def holds_zero(delta: AccuracyDelta) -> bool:
    return delta.ci95[0] <= 0 <= delta.ci95[1]


def overlap(*records: Record) -> bool:
    """Whether some share lies in all intervals."""
    return max(ends(one)[0] for one in records) <= min(ends(one)[1] for one in records)


def estimated(record: Record) -> LatencyRange:
    assert record.estimate is not None
    assert record.estimate.latency_ms is not None
    return record.estimate.latency_ms


def chip_bytes(record: Record) -> int:
    assert record.parameters is not None
    return record.parameters.on_chip_bytes + record.parameters.off_chip_bytes


def making_seconds(recipe: str, model: str) -> float:
    return float(course(model)[recipe].settings["making_seconds"])


def step_seconds() -> float:
    """How many times as long a step of QAT took as one of the float training."""
    steps = course("digits_hard")["qat_int8"].settings["training"]
    qat = making_seconds("qat_int8", "digits_hard") / steps["fine_tune_steps"]
    return qat / (curve("digits_hard").seconds / steps["steps"])


@functools.cache
def channel_steps() -> Mapping[str, tuple[float, ...]]:
    """Of notebook 04's figure, by its names."""
    hard = course("digits_hard")
    files = {"easy": course()["float32"].file, "hard": hard["float32"].file, "equalised": hard["equalize_float32"].file}
    return {one.label: one.steps for one in channels_info(files)}


@functools.cache
def shifted() -> Mapping[tuple[str, str], Any]:
    """Notebook 11's rows: by recipe and shift."""
    names = ("float32", "ptq_int8", "prune50_ptq_int8", "prune80_ptq_int8", "qat_int8")
    rows = compare_under_shifts({name: study()[name].file for name in names}, shifts=SHIFTS)
    return {(row.recipe, row.shift): row for row in rows}


def worse_under(recipe: str) -> int:
    """Under how many shifts the paired interval lies below zero."""
    return sum(shifted()[recipe, shift].delta.ci95[1] < 0 for shift in SHIFTS)


def between_under() -> int:
    """Under how many shifts the version with 50 % zeros lies between float32 and the one with 80 %."""
    right = {key: row.accuracy.correct for key, row in shifted().items()}
    return sum(sorted(three)[1] == three[1] for shift in SHIFTS if (three := [right[name, shift] for name in ("float32", *INT8[3:5])]))


def apart_under(recipe: str) -> int:
    """Under how many shifts its interval lies above that of float32."""
    return sum(shifted()[recipe, shift].accuracy.ci95[0] > shifted()["float32", shift].accuracy.ci95[1] for shift in SHIFTS)


@functools.cache
def ranges() -> Mapping[str, list[float]]:
    """Notebook 03: the upper end of each range between layers, by calibration set."""
    sets = spoilt_calibrations()
    return {name: [one.high for one in layers if one.layer != "input"] for name, layers in ranges_info(sets).ranges.items()}


def reach(of: str, against: str = "100 images") -> float:
    """How far the ranges of one calibration set reach, the median layer, against another set."""
    ratios = sorted(a / b for a, b in zip(ranges()[of], ranges()[against], strict=True) if b > 0)
    return ratios[len(ratios) // 2]


def net(name: str) -> Any:
    return next(one for one in list_architectures() if one.name == name)


def lost_points(name: str) -> float:
    return float(net(name).float_percent - net(name).edgetpu_percent)


def paired_width() -> float:
    """Of the paired interval of notebook 02's two networks, against the one that is not paired."""
    paired, unpaired = (row.high_points - row.low_points for row in comparison_info(list(course().values()), "student_float32").rows)
    return paired / unpaired


def wobbles() -> list[int]:
    """Epochs after which all validation images were right, none but the middle half of the training."""
    found = [i for i, share in enumerate(curve().validation) if share == 1]
    return [i for i in found if len(curve().validation) / 4 < i < 3 * len(curve().validation) / 4]


def front_within(milliseconds: float) -> list[str]:
    return [one.name for one, on_front in architectures_info() if on_front and one.edgetpu_ms <= milliseconds]


def shown_estimate() -> str:
    """Milliseconds, as `edgewb estimate` writes them."""
    found = estimated(study()["ptq_int8"])
    return f"{found.mid:.2f} [{found.low:.2f}, {found.high:.2f}]"


def shone() -> list[Any]:
    """Variants that looked a point better or more where they were chosen by."""
    return [one for one in look_twice(list(study().values())) if one.chosen_points >= 1]


def percents_under(*recipes: str) -> list[float]:
    return [100 * shifted()[recipe, shift].accuracy.value for recipe in recipes for shift in SHIFTS]
