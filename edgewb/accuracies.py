"""Accuracy on a target, with its interval; differences paired on the same examples."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgewb.answers import Predictions, count_answers, read_answers
from edgewb.datasets import DATASET_NAMES, Dataset, as_inputs, describe_inputs, load_dataset
from edgewb.environments import environment
from edgewb.errors import InputError
from edgewb.intervals import mcnemar_p_value, tango_interval, wilson_interval
from edgewb.residuals import Residuals, Scale, choose_output_scale, read_residuals, regression_errors, scale_note
from edgewb.targets import Target, TensorSpec, open_target
from edgewb.tflite.reader import load_bytes, read_graph
from edgewb.types import (
    Accuracy,
    AccuracyDelta,
    Basis,
    ClassAccuracy,
    Confused,
    Environment,
    Jsonable,
    RegressionErrors,
    TargetFacts,
    Task,
)

BoolArray = npt.NDArray[np.bool_]
_SLICE = 256  # examples quantised at once: quick, without a second copy of a large data set


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class Evaluation(Jsonable):
    """Accuracy of a file on the test split of a data set. ``classes``, ``top5`` and ``confusion`` are as in ``types.Answers``.

    Of a regression there are ``errors`` in the place of all these, and ``output_scale``, mean and standard deviation by which the outputs
    were multiplied out; ``notes`` say how that was chosen. ``inputs`` says in words what the model was fed: of a table ``input_range``
    means nothing.
    """

    file: str
    sha256: str
    dataset: str
    dataset_fingerprint: str
    target: str
    basis: Basis
    accuracy: Accuracy | None
    classes: tuple[ClassAccuracy, ...] = ()
    top5: Accuracy | None = None
    confusion: tuple[Confused, ...] | None = None
    class_names: tuple[str, ...] = ()
    errors: RegressionErrors | None = None
    output_scale: tuple[float, float] | None = None
    notes: tuple[str, ...] = ()
    threads: int
    kernels: str
    input_range: tuple[float, float]
    inputs: str = ""
    environment: Environment
    facts: TargetFacts

    def __repr__(self) -> str:
        where = f"Evaluation: {self.file} on {self.dataset}, {self.target}"
        if self.accuracy is None:
            return f"{where}: {'; '.join(errors_lines(self.errors)) if self.errors else 'nothing'}"
        low, high = self.accuracy.ci95
        share = f"{100 * self.accuracy.value:.1f} % right, 95 % interval {100 * low:.1f} to {100 * high:.1f} %"
        return f"{where}: {share} (n = {self.accuracy.n}, {self.basis})"


def errors_lines(errors: RegressionErrors) -> list[str]:
    """MAE, RMSE and R2, each with interval, n and basis."""
    rows = (("R2", errors.r2, errors.r2_ci95), ("MAE", errors.mae, errors.mae_ci95), ("RMSE", errors.rmse, errors.rmse_ci95))
    return [
        f"{name} {value:.4g}, 95 % interval {low:.4g} to {high:.4g}{'' if name == 'R2' else ', in the unit of y'} "
        f"(n = {errors.n}, {errors.basis})"
        for name, value, (low, high) in rows
    ]


def accuracy(correct: npt.ArrayLike, target: str) -> Accuracy:
    """Share of right answers with its 95 % Wilson interval (see ``intervals.wilson_interval``).

    Args:
        correct: (N,) booleans, one per example, N at least 1.
        target: where the answers came from.

    Raises:
        InputError: not a row of booleans, or none.
    """
    right = _booleans("correct", correct)
    hits = int(right.sum())
    return Accuracy(value=hits / len(right), n=len(right), ci95=wilson_interval(hits, len(right)), correct=hits, target=target)


def accuracy_delta(correct_variant: npt.ArrayLike, correct_reference: npt.ArrayLike, against: str) -> AccuracyDelta:
    """Paired difference in points, with Tango's 95 % score interval and the exact p of McNemar's test (see ``intervals``).

    Args:
        correct_variant, correct_reference: (N,) booleans for the same examples in the same order.
        against: name of the reference.

    Raises:
        InputError: not two rows of booleans of one length.
    """
    variant, reference = _booleans("correct_variant", correct_variant), _booleans("correct_reference", correct_reference)
    n = len(variant)
    if len(reference) != n:
        raise InputError(f"a paired difference needs the same examples twice: {n} and {len(reference)} were given")
    gained, lost = int((variant & ~reference).sum()), int((~variant & reference).sum())
    low, high = tango_interval(gained, lost, n)
    return AccuracyDelta(
        points=100 * (gained - lost) / n,
        ci95=(100 * low, 100 * high),
        p_value=mcnemar_p_value(gained, lost),
        against=against,
        n=n,
        gained=gained,
        lost=lost,
    )


def predict(path: str | Path, inputs: npt.ArrayLike, target: str = "cpu", *, kernels: str = "builtin") -> npt.NDArray[np.float32]:
    """Real-valued outputs of a model, one row per example, computed one by one on one thread, with built-in kernels unless said.

    Inputs are quantised, and outputs dequantised, by the scale and zero point the file itself gives.

    Args:
        path: a .tflite with one input (batch 1 or dynamic; float32, int8 or uint8) and one output.
        inputs: (N, ...) real values as the float model takes them, see ``datasets.as_inputs``.
        target: see ``targets.TARGETS``.
        kernels: see ``targets.open_target``.

    Returns:
        (N, classes) float32, or (N, 1).

    Raises:
        InputError: inputs that do not fit the model. ModelFileError: a file that cannot be used this way.
    """
    values = np.asarray(inputs)
    if values.ndim < 2 or values.dtype.kind not in "iuf" or not np.isfinite(values).all():
        raise InputError(f"inputs of shape {values.shape} and dtype {values.dtype}: finite numbers of shape (N, ...) are wanted")
    with open_target(target, kernels=kernels) as opened:
        opened.load(path)
        given, result = single_tensors(path, opened)
        if values.shape[1:] != given.shape[1:]:
            raise InputError(
                f"{path}: the model takes {given.shape[1:]} per example and the inputs have {values.shape[1:]}: give inputs of that shape"
            )
        raw = np.empty((len(values), result.shape[-1]), dtype=result.dtype)
        for start in range(0, len(values), _SLICE):
            stored = given.stored(values[start : start + _SLICE])
            for row in range(len(stored)):
                (output,) = opened.run([stored[row : row + 1]])
                raw[start + row] = output.reshape(-1)
    return result.real(raw)


def evaluate(
    path: str | Path,
    dataset: str | Path | Dataset,
    target: str = "cpu",
    input_range: tuple[float, float] = (0.0, 1.0),
    seed: int = 0,
    output_scale: Scale | None = None,
    task: str | None = None,
) -> Evaluation:
    """Accuracy of a .tflite classifier, or errors of a regression, on the test split of a data set.

    Args:
        path: the file.
        dataset: a name, a path or a loaded data set. A folder of images given by path is resized to the model's input.
        target: see ``targets.TARGETS``.
        input_range: what black and white are for this model, see ``datasets.as_inputs``.
        seed: of the splits, when ``dataset`` is a name or a path: a model trained on other splits has seen some of this test split.
        output_scale: of a regression, mean and standard deviation that its outputs are multiplied out by; by default either (0, 1) or
            those of the train split's y, whichever has the smaller MAE on the validation split.
        task: what the y of an .npz is, see ``load_dataset``.

    Raises:
        InputError: the data do not fit the model. DatasetError, ModelFileError: one of them cannot be used.
    """
    return evaluate_answers(path, dataset, target, input_range, seed, output_scale, task)[0]


def evaluate_answers(
    path: str | Path,
    dataset: str | Path | Dataset,
    target: str,
    input_range: tuple[float, float],
    seed: int,
    output_scale: Scale | None,
    task: str | None,
) -> tuple[Evaluation, Predictions | Residuals]:
    """As ``evaluate``, with the answers example by example."""
    data = load_data_for(path, dataset, seed, task)
    with open_target(target, kernels="builtin") as opened:
        opened.load(path)
        given, result = single_tensors(path, opened)
        name, threads, kernels, basis = opened.name, opened.threads, opened.kernels, opened.basis
        facts, where = opened.facts, opened.environment or environment()
    check_fit(path, given.shape, result.shape, data)
    test = data.open_test()
    outputs = predict(path, as_inputs(test, input_range), target)
    if not np.isfinite(outputs).all():
        raise InputError(f"{path} answers with NaN or infinite values on {data.name!r}: check the input range, or train the model again")
    figures: dict[str, Any]
    answered: Predictions | Residuals
    if data.task is Task.REGRESSION:
        scale, notes = _scale_of(path, data, target, input_range, output_scale)
        answered = residuals = read_residuals(outputs, test.y, scale)
        errors = regression_errors(residuals, name, basis)
        figures = {"accuracy": None, "errors": errors, "output_scale": scale, "notes": notes}
    else:
        answered = predictions = read_answers(outputs, test.y)
        answers = count_answers(predictions, data.class_names, name, basis=basis)
        figures = {
            "accuracy": dataclasses.replace(accuracy(predictions.right, name), basis=basis),
            "classes": answers.classes,
            "top5": answers.top5,
            "confusion": answers.confusion,
            "class_names": answers.class_names,
        }
    evaluation = Evaluation(
        file=Path(path).name,
        sha256=hashlib.sha256(load_bytes(path)).hexdigest(),
        dataset=data.name,
        dataset_fingerprint=data.fingerprint,
        target=name,
        basis=basis,
        threads=threads,
        kernels=kernels,
        input_range=(float(input_range[0]), float(input_range[1])),
        inputs=describe_inputs(data, input_range),
        environment=where,
        facts=facts,
        **figures,
    )
    return evaluation, answered


def _scale_of(
    path: str | Path, data: Dataset, target: str, input_range: tuple[float, float], given: Scale | None
) -> tuple[Scale, tuple[str, ...]]:
    """By what a regression's outputs are multiplied out, as given or chosen on the validation split, and a note in the latter case."""
    if given is not None:
        return given, ()
    outputs = predict(path, as_inputs(data.validation, input_range), target)
    if not np.isfinite(outputs).all():
        raise InputError(f"{path} answers with NaN or infinite values on {data.name!r}: check the input range, or train the model again")
    scale, mae, other = choose_output_scale(outputs, data.validation.y, data.truth_scale)
    return scale, (scale_note(scale, mae, other, len(data.validation)),)


def load_data_for(path: str | Path, dataset: str | Path | Dataset, seed: int, task: str | None = None) -> Dataset:
    """The data a file is to be tried on; a folder of images given by path is resized to its input.

    Raises:
        DatasetError, ModelFileError: one of them cannot be used.
    """
    graph = read_graph(path)  # before the data: a bad file should not cost the time of reading a folder of images
    if isinstance(dataset, Dataset):
        return dataset
    shape = graph.tensors[graph.inputs[0]].shape if graph.inputs else ()
    return load_dataset(dataset, seed=seed, image_size=_image_size_for(dataset, shape), task=task)


def check_fit(path: str | Path, given: tuple[int, ...], result: tuple[int, ...], data: Dataset) -> None:
    """Refuse a file whose input and output shapes are not those of the data.

    Raises:
        InputError: they are not.
    """
    if data.task is Task.REGRESSION:
        if given[1:] != data.input_shape or result[-1:] != (1,):
            raise InputError(
                f"{path} takes {given[1:]} and gives {result[-1] if result else 0} outputs, the dataset {data.name!r} is a regression with "
                f"examples of {data.input_shape}, which wants one output: evaluate it on the data it was trained for, or give --task"
            )
    elif given[1:] != data.input_shape or result[-1:] != (len(data.class_names),):
        raise InputError(
            f"{path} takes {given[1:]} and gives {result[-1] if result else 0} outputs, the dataset {data.name!r} has examples of "
            f"{data.input_shape} in {len(data.class_names)} classes: evaluate it on the data it was trained for"
        )


def check_takes_reals(path: str | Path, role: str, spec: TensorSpec) -> None:
    """Refuse a tensor that does not hold one example of real values, stored as they are or in 8 bits. ``role`` is "input" or "output".

    Raises:
        InputError: it does not.
    """
    if spec.shape[:1] != (1,):
        raise InputError(
            f"{path}: the {role} has the fixed shape {spec.shape}, batch 1 is wanted: convert the model again with batch size 1"
        )
    if spec.dtype not in (np.float32, np.int8, np.uint8):
        raise InputError(
            f"{path}: the {role} is {spec.dtype}; float32, int8 and uint8 can be used: convert the model again with one of these"
        )
    if spec.dtype != np.float32 and not spec.scale:
        raise InputError(f"{path}: the {role} is {spec.dtype} without scale and zero point: convert the model again, quantised throughout")


def _booleans(name: str, values: npt.ArrayLike) -> BoolArray:
    array = np.asarray(values)
    if array.ndim != 1 or array.size == 0 or array.dtype != np.bool_:
        raise InputError(f"{name}: one row of booleans is wanted, at least one, and it is {array.dtype} of shape {array.shape}")
    return array


def single_tensors(path: str | Path, target: Target) -> tuple[TensorSpec, TensorSpec]:
    """Input and output of a classifier or regression: one of each, batch 1, a dtype that can be fed from real values."""
    if len(target.inputs) != 1 or len(target.outputs) != 1:
        raise InputError(
            f"{path}: has {len(target.inputs)} inputs and {len(target.outputs)} outputs: a classifier with one of each is wanted"
        )
    for role, spec in (("input", target.inputs[0]), ("output", target.outputs[0])):
        check_takes_reals(path, role, spec)
    shape = target.outputs[0].shape
    if len(shape) < 2 or int(np.prod(shape)) != shape[-1]:
        raise InputError(f"{path}: the output has the shape {shape}, one number per class (1, classes) is wanted: give a classifier")
    return target.inputs[0], target.outputs[0]


def _image_size_for(dataset: str | Path, shape: tuple[int, ...]) -> tuple[int, int, int] | None:
    is_folder = not (isinstance(dataset, str) and dataset in DATASET_NAMES) and os.path.isdir(os.path.expanduser(dataset))
    if not is_folder:
        return None
    if len(shape) != 4 or shape[3] not in (1, 3):
        raise InputError(
            f"the model takes {shape[1:]} and {str(dataset)!r} is a folder of images: a model for images (height, width, 1 or 3) is wanted"
        )
    return shape[1], shape[2], shape[3]
