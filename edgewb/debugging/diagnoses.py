"""``debug_model``: climb the ladder, take the int8 file apart, look at its calibration, and name the culprit, or none."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from edgewb.caches import StageCache
from edgewb.debugging import ladders
from edgewb.debugging.calibration_checks import check_calibration
from edgewb.debugging.causes import COSTLY_DB, DEAD, EVIDENT
from edgewb.debugging.processes import analyse
from edgewb.debugging.results import Diagnosis, Layer, Rung
from edgewb.environments import environment
from edgewb.errors import InputError
from edgewb.locations import write_whole
from edgewb.measurements import predict
from edgewb.model_files import ModelKind, identify_model
from edgewb.optimizers.choices import Conversion, calibration_refusal
from edgewb.optimizers.recipes import Recipe, decode_recipe
from edgewb.optimizers.training import FAST, FULL
from edgewb.optimizers.workers import Worker
from edgewb.stages import Stages
from edgewb.studies import open_stages
from edgewb.tflite.reader import load_bytes, read_graph
from edgewb.types import Finding, Severity

_EXAMPLES: Final = 500
_NAMED: Final = 6
"""Of the training data that calibration data are compared with."""


def debug_model(
    model: str | Path | None = None,
    dataset: str | Path = "digits",
    int8: str | Path | None = None,
    *,
    recipe: str = "ptq_int8",
    calibration: str | Path | npt.ArrayLike | None = None,
    input_range: tuple[float, float] | None = None,
    seed: int = 0,
    fast: bool = False,
    task: str | None = None,
) -> Diagnosis:
    """Find where an int8 model loses what its float model can do.

    Args:
        model: the float model: a built-in name (trained from ``seed``), a .keras, .h5, SavedModel or float .tflite; by default that of the
            data.
        dataset: see ``load_dataset``. Only train, calibration and validation splits are looked at.
        int8: the int8 .tflite made of this model; by default ``recipe`` makes one.
        recipe: how the int8 file is made where none is given: any of ``prune50_ptq_int8`` and the like, but no QAT.
        calibration: the data the int8 file was calibrated with, (n, ...) as the converter gets them, or an .npy or .npz (its ``x``). Where
            no ``int8`` is given, it is made with them.
        input_range: what black and white are for the model.
        seed, fast: of the splits and the training, see ``run``.
        task: what the y of an .npz is, see ``load_dataset``.

    Raises:
        EdgewbError: a model or data that cannot be used, or that do not belong together.
    """
    chosen = _check_recipe(recipe)
    source = None if model is None else identify_model(model)
    given = None if int8 is None else _read_int8(int8)
    examples = None if calibration is None else _read_calibration(calibration)
    if source is not None and source.kind is ModelKind.TFLITE and chosen.steps and given is None:
        raise InputError(f"recipe {recipe!r} trains, which a .tflite cannot be: take ptq_int8, or give the int8 file")
    cache = StageCache()
    cache.check()
    with Worker() as worker, tempfile.TemporaryDirectory(prefix="edgewb-") as folder:
        stages = open_stages(dataset, source, seed, FAST if fast else FULL, input_range, cache, worker, task)
        data = stages.dataset
        if given is None and (why := calibration_refusal(recipe, chosen.choices, len(data.calibration), data.name)):
            raise InputError(f"recipe {recipe!r}: {why}")
        float_file, int8_file = Path(folder, "float.tflite"), Path(folder, "int8.tflite")
        steps = "".join(f"{step.name}_" for step in chosen.steps) if given is None else ""
        float_content = stages.variant(decode_recipe(f"{steps}{Conversion.FLOAT32}")).content
        int8_content = (
            given
            if given is not None
            else stages.convert_with(chosen, examples)
            if examples is not None
            else stages.variant(chosen).content
        )
        write_whole(float_file, float_content)
        write_whole(int8_file, int8_content)
        validation = stages.inputs("validation")
        layers, unmatched = analyse(float_content, int8_content, validation)
        float_outputs: Any = stages.float_outputs
        if stages.source.kind is ModelKind.TFLITE:
            float_outputs = "the model was given as a .tflite"
        compiled = ladders.compiled_for_edgetpu(int8_file, Path(folder))
        truth = stages.dataset.validation.y
        rungs = ladders.climb(validation, truth, float_outputs, float_file, int8_file, compiled, stages.output_scale)
        findings = _file_findings(layers)
        if examples is None and given is None:
            examples = stages.inputs("calibration")
        if examples is not None:
            train = stages.inputs("train")
            train = train[:: max(1, len(train) // _EXAMPLES)]
            if examples.shape[1:] != validation.shape[1:]:
                raise InputError(f"calibration data of shape {examples.shape}: the model takes {validation.shape[1:]} per example")
            answers = [predict(float_file, x) for x in (examples, validation)]
            findings += check_calibration(examples, train, answers[0], answers[1], stages.dataset.class_names)
        else:
            findings += (_unknown_calibration(),)
    return _conclude(stages, "" if int8 is None else Path(int8).name, chosen, int8_content, rungs, layers, unmatched, findings)


def _check_recipe(name: str) -> Recipe:
    recipe = decode_recipe(name)
    if recipe.conversion is Conversion.QAT_INT8:
        raise InputError(
            f"recipe {name!r} trains the weights on, so that no float file has the same ones to compare with: take a ptq recipe"
        )
    if not recipe.conversion.is_int8:
        raise InputError(f"recipe {name!r} makes no int8 file: take one that ends in ptq_int8 or ptq_int8_per_tensor")
    return recipe


def _read_int8(path: str | Path) -> bytes:
    graph = read_graph(path)
    if graph.is_compiled:
        raise InputError(
            f"{path} is compiled for the Edge TPU: give the int8 .tflite it was compiled from, usually the name without _edgetpu"
        )
    if not any(tensor.quantization is not None and tensor.index in graph.producers for tensor in graph.tensors):
        raise InputError(f"{path} is not quantised throughout: give a file whose results are int8, such as recipe ptq_int8 makes")
    return load_bytes(path)


def _read_calibration(given: str | Path | npt.ArrayLike) -> npt.NDArray[np.float32]:
    if not isinstance(given, str | Path):
        return _finite(given)
    try:
        with Path(given).open("rb") as stream:
            loaded = np.load(stream, allow_pickle=False)
            values = loaded if isinstance(loaded, np.ndarray) else loaded["x"]
    except (OSError, ValueError, KeyError, EOFError) as error:
        why = (
            getattr(error, "strerror", None) or "it holds no array 'x'" if isinstance(error, OSError | KeyError) else "it is no numpy file"
        )
        raise InputError(f"calibration data {str(given)!r} cannot be read ({why}): give an .npy, or an .npz with x") from None
    return _finite(values)


def _finite(given: npt.ArrayLike) -> npt.NDArray[np.float32]:
    try:
        with np.errstate(over="ignore"):
            values = np.asarray(given).astype(np.float32)
    except (TypeError, ValueError):
        raise InputError("the calibration data are not an array of numbers: give an array (n, ...), as the model takes it") from None
    if not np.isfinite(values).all():
        raise InputError("the calibration data hold values that are NaN or infinite: leave these examples out")
    return values


def _file_findings(layers: Sequence[Layer]) -> tuple[Finding, ...]:
    """What the ranges in the file say, layer by layer where they are few and at once where they are many."""
    with_weights = [layer for layer in layers if layer.weights is not None]
    found = []
    if (other := _other_weights(layers)) is not None:
        return (other,)
    for layer in layers:
        if layer.cause in EVIDENT:
            found.append(
                Finding(
                    id=f"file.{layer.cause}",
                    severity=Severity.ERROR,
                    message=f"{layer.label}: {layer.says} ({layer.n} examples, {len(with_weights)} layers with weights)",
                    fix=layer.remedy,
                )
            )
    if dead := sorted((layer for layer in layers if layer.cause == DEAD), key=lambda layer: layer.op):
        first, others = dead[0], [layer.label for layer in dead[1:]]
        also = f" (so are {', '.join(others[:_NAMED])}{' and more' if len(others) > _NAMED else ''})" if others else ""
        message = f"{first.label} ({first.name}): {first.says}{also}"
        found.append(Finding(id="net.dead", severity=Severity.WARNING, message=message, fix=first.remedy))
    for cause, what in (("narrow", "values lie beyond the range"), ("wide", "less than a quarter of the range is used")):
        hit = [layer for layer in layers if layer.cause == cause and layer.kind not in ("SOFTMAX", "LOGISTIC")]
        if hit:
            worst = hit[0]
            many = len(hit) > len(layers) / 2
            found.append(
                Finding(
                    id=f"ranges.{cause}",
                    severity=Severity.ERROR if many else Severity.WARNING,
                    message=f"at {len(hit)} of {len(layers)} tensors {what} on {worst.n} validation examples; "
                    f"at {worst.label}, which costs most of them, {worst.says}",
                    fix="the calibration data are not like these: prepare them as in training, then convert again"
                    if many
                    else worst.remedy,
                )
            )
    return tuple(found)


def _other_weights(layers: Sequence[Layer]) -> Finding | None:
    weighted = [layer for layer in layers if layer.weights is not None]
    changed = [layer for layer in weighted if layer.cause in ("weights", "bias")]
    if len(changed) < 2 or 2 * len(changed) < len(weighted):
        return None
    return Finding(
        id="file.other_weights",
        severity=Severity.ERROR,
        message=f"{len(changed)} of {len(weighted)} layers have other weights than the float model: the int8 file was made of another "
        "training, or trained on (QAT, pruning)",
        fix="give the float model the int8 file was converted from",
    )


def _unknown_calibration() -> Finding:
    return Finding(
        id="calibration.unknown",
        severity=Severity.INFO,
        message="the int8 file does not tell what it was calibrated with, so only its ranges were looked at",
        fix="give the calibration data with --calibration",
    )


def _conclude(
    stages: Stages,
    int8_name: str,
    recipe: Recipe,
    int8_content: bytes,
    rungs: tuple[Rung, ...],
    layers: tuple[Layer, ...],
    unmatched: tuple[int, ...],
    findings: tuple[Finding, ...],
) -> Diagnosis:
    n = len(stages.dataset.validation.y)
    first = next((rung.name for rung in rungs if rung.falls), None)
    culprit, verdict = judge(layers, first)
    return Diagnosis(
        model=stages.source.name,
        int8_file=int8_name or f"made by {recipe.name}",
        int8_sha256=hashlib.sha256(int8_content).hexdigest(),
        dataset=stages.dataset.name,
        dataset_fingerprint=stages.dataset.fingerprint,
        seed=stages.seed,
        n=n,
        input_range=stages.input_range,
        rungs=rungs,
        first_fall=first,
        smallest_fall_points=None if stages.regression else ladders.smallest_fall(n),
        layers=layers,
        unmatched_ops=unmatched,
        culprit=culprit,
        verdict=verdict,
        findings=tuple(sorted(findings, key=lambda finding: list(Severity).index(finding.severity))),
        environment=environment(),
    )


def judge(layers: Sequence[Layer], first_fall: str | None) -> tuple[Layer | None, str]:
    """The culprit, or None, and why, in one sentence.

    It is the first layer, if its own error leaves less than ``COSTLY_DB`` at the outputs, or if the files themselves give it away, by
    weights, biases or a range that are not what a converter makes of the float model.

    Args:
        layers: ranked, the costliest first.
        first_fall: the first rung where accuracy falls, or None.
    """
    top = layers[0]
    if _other_weights(layers) is not None:
        return None, "None can be named: the int8 file holds other weights than the float model almost everywhere"
    level = 120.0 if top.output_sqnr_db is None else top.output_sqnr_db
    changes = f" and changes {100 * top.flips:.1f} % of {top.n} answers" if top.flips is not None else f" of {top.n} examples"
    costs = f"its own error leaves {level:.1f} dB at the outputs{changes}"
    if level < COSTLY_DB or top.cause in EVIDENT:
        alike = sum(layer.cause == top.cause for layer in layers)
        everywhere = top.cause in ("narrow", "wide") and 2 * alike > len(layers)
        whole = f"; {alike} of {len(layers)} tensors have such a range: it is the calibration, not this layer alone" if everywhere else ""
        return top, f"{top.label} ({top.cause}): {costs}; {top.says}{whole}"
    if first_fall in (ladders.BUILTIN,):
        return None, (
            f"None by itself: accuracy falls at {first_fall}, and the costliest layer, {top.label}, leaves {level:.1f} dB; "
            "many small errors add up: try QAT"
        )
    if first_fall is not None:
        return None, f"None of the int8 layers: accuracy falls at {first_fall} already, or only there"
    return None, f"None: no fall of accuracy, and the costliest layer, {top.label}, leaves {level:.1f} dB (a culprit: below {COSTLY_DB:g})"
