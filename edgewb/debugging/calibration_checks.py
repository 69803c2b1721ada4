"""What is wrong with calibration data: each check compares them with the data the model was trained on and answers with a finding, or none.

All values are as the converter gets them: after the preparation. Where a check asks "could that be chance?", it says none below one
in a thousand, divided by the number of tests made (Bonferroni).
"""

from __future__ import annotations

from math import comb, exp, log
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from edgewb.debugging.order_checks import check_order
from edgewb.debugging.scale_checks import check_range
from edgewb.errors import InputError
from edgewb.types import Finding, Severity

Floats = npt.NDArray[np.float32]
_CHANCE: Final = 1e-3
_SMALL_D: Final = 0.25
"""A Kolmogorov-Smirnov distance below it is no shift worth a word, however certain it is."""
_BEYOND: Final = 0.05
_ONE_CLASS: Final = 0.9
"""The float model is wrong now and then: data of which it says this share are one class are of one class."""
_NEIGHBOURS: Final = 0.3
_REFERENCE_MOST: Final = 2_000
"""Examples of the reference that are looked at."""


def check_calibration(
    calibration: Floats,
    reference: Floats,
    calibration_answers: npt.NDArray[np.floating[Any]],
    reference_answers: npt.NDArray[np.floating[Any]],
    class_names: tuple[str, ...],
) -> tuple[Finding, ...]:
    """Look for a wrong range, other preparation, noise, too few, one class only, duplicates, and a shifted distribution.

    Args:
        calibration: (n, ...) what the converter was, or would be, given.
        reference: (m, ...) training inputs, prepared as in training.
        calibration_answers: (n, classes), or (n, 1) of a regression: the float model's outputs for the calibration data.
        reference_answers: (k, classes), its outputs for examples it was not trained on: of those it knows it is surer than of any others.
        class_names: one per output; none of a regression.

    Raises:
        InputError: calibration data that do not have the reference's shape, no example, or values that are not finite.
    """
    calibration = np.asarray(calibration)
    if calibration.shape[1:] != reference.shape[1:] or len(calibration) < 1 or calibration.dtype.kind not in "iuf":
        raise InputError(
            f"calibration data of shape {calibration.shape} and type {calibration.dtype}: numbers of shape (n, "
            f"{', '.join(map(str, reference.shape[1:]))}) are wanted, as the model takes them"
        )
    if not np.isfinite(calibration).all():
        raise InputError("the calibration data hold values that are NaN or infinite: leave these examples out")
    reference = reference[:: max(1, len(reference) // _REFERENCE_MOST)]
    reference_answers = reference_answers[:: max(1, len(reference_answers) // _REFERENCE_MOST)]
    noise = _noise(calibration, reference)
    scale = check_range(calibration, reference, noise is not None)
    # On another scale everything else differs as well, and says nothing more.
    other = (
        (scale,)
        if scale
        else (
            noise or check_order(calibration, reference) or _shift(calibration, reference, calibration_answers, reference_answers),
            _classes(calibration_answers, reference_answers, class_names),
        )
    )
    return tuple(finding for finding in (*other, _few(calibration), _duplicates(calibration, reference)) if finding)


def _neighbours(x: Floats) -> float | None:
    """How alike values beside each other are: mean correlation with the right neighbour; of tables, mean |correlation| of features."""
    values = x.astype(np.float64)
    if values.ndim == 4:
        left, right = values[:, :, :-1], values[:, :, 1:]
        left, right = left - left.mean(), right - right.mean()
        power = float(np.sqrt(np.sum(left**2) * np.sum(right**2)))
        return float(np.sum(left * right)) / power if power else None
    if len(values) < 10:  # correlations of fewer examples are noise themselves
        return None
    kept = values[:, values.std(axis=0) > 0]
    if kept.shape[1] < 2:
        return None
    table = np.abs(np.corrcoef(kept, rowvar=False))
    return float((table.sum() - len(table)) / (table.size - len(table)))


def _noise(calibration: Floats, reference: Floats) -> Finding | None:
    here, there = _neighbours(calibration), _neighbours(reference)
    if here is None or there is None or there < _NEIGHBOURS or here > there / 3:
        return None
    what = "neighbouring pixels" if calibration.ndim == 4 else "features"
    return Finding(
        id="calibration.noise",
        severity=Severity.ERROR,
        message=f"the calibration data look like noise: correlation of {what} {here:.2f} (n = {len(calibration)}), "
        f"{there:.2f} in the model's own data (n = {len(reference)})",
        fix="give the converter real examples; random numbers have other ranges inside the net",
    )


def _shift(calibration: Floats, reference: Floats, here: npt.NDArray[Any], there: npt.NDArray[Any]) -> Finding | None:
    """Two-sample Kolmogorov-Smirnov tests of what sums up an example, and of how sure the float model is of it."""
    from scipy.stats import ks_2samp

    flat, flat_reference = calibration.reshape(len(calibration), -1), reference.reshape(len(reference), -1)
    views: dict[str, tuple[Any, Any, Literal["two-sided", "greater"]]] = {
        "mean of an example": (flat.mean(axis=1), flat_reference.mean(axis=1), "two-sided"),
        "spread of an example": (flat.std(axis=1), flat_reference.std(axis=1), "two-sided"),
        "largest value of an example": (flat.max(axis=1), flat_reference.max(axis=1), "two-sided"),
    }
    if here.shape[1] == 1:
        views["output of the float model"] = (here[:, 0], there[:, 0], "two-sided")
    else:
        # Surer is no shift: a model is surer of what it was trained on, which is good for calibration.
        views["certainty of the float model"] = (_certainty(here), _certainty(there), "greater")
    if calibration.ndim == 4 and calibration.shape[2] > 2:
        views["roughness of an example"] = (_roughness(calibration), _roughness(reference), "two-sided")
    if calibration.ndim == 2:
        views |= {f"feature {i}": (calibration[:, i], reference[:, i], "two-sided") for i in range(calibration.shape[1])}
    found = []
    for name, (first, second, alternative) in views.items():
        test = ks_2samp(first, second, alternative=alternative)
        if test.pvalue < _CHANCE / len(views) and test.statistic > _SMALL_D:
            found.append((float(test.statistic), float(test.pvalue), name))
    if not found:
        return None
    distance, p_value, name = max(found)
    return Finding(
        id="calibration.shift",
        severity=Severity.WARNING,
        message=f"the calibration data are not like the model's own: {name} differs (Kolmogorov-Smirnov distance {distance:.2f}, "
        f"p = {p_value:.1g}, n = {len(calibration)} and {len(reference)}; {len(found)} of {len(views)} views differ)",
        fix="prepare them exactly as for training; if they are, draw them at random from the training data, or from where the model will "
        "be used, and train on such data, too",
    )


def _roughness(x: Floats) -> npt.NDArray[np.float64]:
    return np.asarray(np.abs(np.diff(x, axis=2)).reshape(len(x), -1).mean(axis=1))


def _certainty(answers: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Share of the likeliest class; of logits, after a softmax."""
    values = answers.astype(np.float64)
    if values.min() < 0 or not np.allclose(values.sum(axis=1), 1, atol=1e-2):
        values = np.exp(values - values.max(axis=1, keepdims=True))
        values /= values.sum(axis=1, keepdims=True)
    return np.asarray(values.max(axis=1))


def _classes(here: npt.NDArray[Any], there: npt.NDArray[Any], names: tuple[str, ...]) -> Finding | None:
    if not names:
        return None
    given, usual = (np.bincount(answers.argmax(axis=1), minlength=len(names)) for answers in (here, there))
    n, largest = int(given.sum()), int(given.argmax())
    if given[largest] >= _ONE_CLASS * n and _chance_of_so_many(given, usual, largest) < _CHANCE / len(names):
        few = "" if given[largest] == n else f", and {n - given[largest]} others"
        return _missing("calibration.one_class", Severity.ERROR, f"one class ({given[largest]} {names[largest]}{few})", n)
    missing = [name for name, count in zip(names, given, strict=True) if not count]
    if not missing or _chance_of_no_others(given, usual) >= _CHANCE:
        return None
    none = f"{len(names) - len(missing)} of {len(names)} classes, none of {', '.join(missing[:5])}{', ...' if len(missing) > 5 else ''}"
    return _missing("calibration.classes", Severity.WARNING, none, n)


def _missing(name: str, severity: Severity, what: str, n: int) -> Finding:
    return Finding(
        id=name,
        severity=severity,
        message=f"the float model finds {what} in the calibration data (n = {n})",
        fix="take calibration examples of every class, drawn at random",
    )


def _chance_of_so_many(given: npt.NDArray[Any], usual: npt.NDArray[Any], chosen: int) -> float:
    """That as many examples drawn at random, or more, are of one class, were it no rarer than in the reference."""
    from scipy.stats import binom

    return float(binom.sf(given[chosen] - 1, given.sum(), (usual[chosen] + 1) / (usual.sum() + 1)))


def _chance_of_no_others(given: npt.NDArray[Any], usual: npt.NDArray[Any]) -> float:
    """At most the chance that examples drawn at random hold so few classes, or lack one of those they lack."""
    n, classes, seen = int(given.sum()), len(given), int((given > 0).sum())
    share = float(usual[given > 0].sum() + 1) / float(usual.sum() + 1)
    # In logarithms: the ways to choose 550 of 1,100 classes are more than a float holds.
    so_few = exp(min(0.0, log(classes) + log(comb(classes, seen)) + n * log(share)))
    # Of a single class that should be there: with the others drawn by chance the set as a whole may say less.
    one = classes * float((1 - usual[given == 0] / usual.sum()).min(initial=1.0)) ** n
    return min(so_few, one)


def _few(calibration: Floats) -> Finding | None:
    n = len(calibration)
    beyond = 1 / (n + 1)
    if beyond <= _BEYOND:
        return None
    return Finding(
        id="calibration.few",
        severity=Severity.WARNING,
        message=f"{n} calibration example{'s' if n > 1 else ''}: the next example lies beyond the largest value seen with a chance of "
        f"1 in {n + 1} ({100 * beyond:.0f} %), at every tensor anew",
        fix="give 100 examples or more; it costs seconds",
    )


def _duplicates(calibration: Floats, reference: Floats) -> Finding | None:
    n = len(calibration)
    distinct, usual = _distinct(calibration), _distinct(reference) / len(reference)
    if n < 2 or distinct >= 0.8 * n * usual:
        return None
    return Finding(
        id="calibration.duplicates",
        severity=Severity.WARNING,
        message=f"{n - distinct} of {n} calibration examples are repetitions: {distinct} are different",
        fix="draw examples without putting them back",
    )


def _distinct(x: Floats) -> int:
    return len({np.ascontiguousarray(row).tobytes() for row in x})
