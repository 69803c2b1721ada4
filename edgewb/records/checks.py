"""What a record must satisfy to be kept: its numbers always, its strings and statistics too when it comes from somebody else's file."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from edgewb.intervals import mcnemar_p_value, tango_interval, wilson_interval
from edgewb.types import (
    Accuracy,
    AccuracyDelta,
    Answers,
    Basis,
    Confused,
    ErrorDelta,
    EstimatedLatency,
    Flip,
    Flips,
    Latency,
    Record,
    RegressionErrors,
)
from edgewb.watermarks import STAND_IN_TARGETS, is_stand_in

MAX_STRING = 500
MAX_DEPTH = 8
MAX_INTEGER = 2**63 - 1
"""SQLite's largest integer."""
MAX_EXAMPLES = 10**9
"""Beyond it, doubles no longer hold the counts well enough to recompute intervals."""
TOLERANCE = 1e-6
LEAST_DIFFERENCE = 1e-9
"""A limit of an interval near 0 is found to about this."""


class RecordProblem(ValueError):
    """Why a record is refused, in a few words that any terminal may print: what is not printable is escaped."""

    def __init__(self, reason: str) -> None:
        super().__init__("".join(c if c.isprintable() else ascii(c)[1:-1] for c in reason))


def _refuse(condition: bool, reason: str) -> None:
    if condition:
        raise RecordProblem(reason)


def _quote(value: object) -> str:
    return ascii(value)[:60]


def _leaves(value: Any, name: str, depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Every scalar below ``value`` with a readable name; dictionary keys count as strings."""
    _refuse(depth > MAX_DEPTH, f"{name[:60]} is nested more than {MAX_DEPTH} levels deep")
    if isinstance(value, dict):
        for key, item in value.items():
            yield f"a key of {name}", key
            yield from _leaves(item, f"{name}.{key}" if isinstance(key, str) else name, depth + 1)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _leaves(item, name, depth + 1)
    else:
        yield name, value


def _deltas(record: Record) -> list[tuple[str, AccuracyDelta]]:
    both = (("accuracy_delta", record.accuracy_delta), ("validation_delta", record.validation_delta))
    return [(name, delta) for name, delta in both if delta is not None]


def _check_answers(answers: Answers | None, accuracy: Accuracy, delta: AccuracyDelta | None) -> None:
    """The mistakes, the classes, the flips and the accuracy are counts of the same examples: they must add up."""
    if answers is None:
        return
    _refuse(answers.n != accuracy.n, f"answers.n {_quote(answers.n)} is not accuracy.n ({accuracy.n})")
    known = len(answers.class_names)
    names = iter(answers.class_names)
    _refuse(not all(c.name in names for c in answers.classes), "answers.classes are not among class_names, in their order")
    for each in answers.classes:
        _refuse(not 0 <= each.correct <= each.n or each.n < 1, f"answers.classes: correct {_quote(each.correct)} of {_quote(each.n)}")
        _check_interval("answers.classes.ci95", each.ci95, 0.0, 1.0)
    wrong = accuracy.n - accuracy.correct
    counted = (sum(c.n for c in answers.classes), sum(c.correct for c in answers.classes))
    _refuse(counted != (accuracy.n, accuracy.correct), "answers.classes do not add up to the accuracy's n and correct")
    if answers.top5 is not None:
        _check_accuracy(answers.top5, "answers.top5")
        _refuse(answers.top5.n != answers.n, "answers.top5.n is not answers.n")
        _refuse(answers.top5.correct < accuracy.correct, "answers.top5 counts fewer right answers than accuracy")
    if answers.confusion is not None:
        _check_confusion(answers, answers.confusion, wrong)
    if answers.flips is not None:
        _check_flips(answers.flips, delta, known)


def _check_confusion(answers: Answers, confusion: Sequence[Confused], wrong: int) -> None:
    known = len(answers.class_names)
    cells = [(c.truth, c.answer) for c in confusion]
    _refuse(any(not 0 <= i < known for cell in cells for i in cell), "answers.confusion names a class that is not there")
    _refuse(any(t == a for t, a in cells), "answers.confusion holds a right answer: only mistakes are listed")
    _refuse(len(set(cells)) != len(cells) or any(c.n < 1 for c in confusion), "answers.confusion has a pair twice, or an empty one")
    _refuse(sum(c.n for c in confusion) != wrong, f"answers.confusion does not add up to the wrong answers ({wrong})")
    if len(set(answers.class_names)) == known:  # per class, too, unless two classes have one name
        counted = dict.fromkeys(answers.class_names, 0)
        for cell in confusion:
            counted[answers.class_names[cell.truth]] += cell.n
        mistakes = {c.name: c.n - c.correct for c in answers.classes}
        for name, n in counted.items():
            _refuse(n != mistakes.get(name, 0), f"answers.confusion does not add up to the wrong answers of class {_quote(name)}")


def _check_flips(flips: Flips, delta: AccuracyDelta | None, known: int) -> None:
    _refuse(min(flips.lost, flips.gained, flips.otherwise_wrong) < 0, "a count of answers.flips is negative")
    _refuse(delta is None, "answers.flips are given, but no accuracy_delta")
    same = delta is not None and (delta.lost, delta.gained) == (flips.lost, flips.gained)
    _refuse(not same, "answers.flips lost and gained are not those of accuracy_delta")
    kinds = [_flip_kind(f) for f in flips.listed]
    _refuse("none" in kinds, "answers.flips lists an example answered alike by both")
    _refuse(any(not 0 <= i < known for f in flips.listed for i in (f.truth, f.reference, f.variant)), "answers.flips: no such class")
    _refuse(len({f.index for f in flips.listed}) != len(flips.listed), "answers.flips lists an example twice")
    for kind, count in (("lost", flips.lost), ("gained", flips.gained), ("otherwise", flips.otherwise_wrong)):
        _refuse(kinds.count(kind) > count, f"answers.flips lists more examples {kind} than it counts")
    _refuse(delta is not None and any(not 0 <= f.index < delta.n for f in flips.listed), "answers.flips: no such example")


def _flip_kind(flip: Flip) -> str:
    if flip.reference == flip.variant:
        return "none"
    return "lost" if flip.reference == flip.truth else "gained" if flip.variant == flip.truth else "otherwise"


def _check_interval(name: str, interval: tuple[float, float], low: float, high: float) -> None:
    _refuse(not low <= interval[0] <= interval[1] <= high, f"{name} {_quote(list(interval))} is not ordered within {low:g}..{high:g}")


def _check_accuracy(accuracy: Accuracy, name: str = "accuracy") -> None:
    _check_basis(name, accuracy.target, accuracy.basis)
    _refuse(not 0.0 <= accuracy.value <= 1.0, f"{name}.value {_quote(accuracy.value)} is outside 0..1")
    _check_interval(f"{name}.ci95", accuracy.ci95, 0.0, 1.0)
    _refuse(accuracy.n < 1, f"{name}.n {_quote(accuracy.n)} is not positive")
    _refuse(not 0 <= accuracy.correct <= accuracy.n, f"{name}.correct {_quote(accuracy.correct)} is outside 0..n ({accuracy.n})")
    _refuse(abs(accuracy.value - accuracy.correct / accuracy.n) > TOLERANCE, f"{name}.value is not correct / n")
    outside = not accuracy.ci95[0] - TOLERANCE <= accuracy.value <= accuracy.ci95[1] + TOLERANCE
    _refuse(outside, f"{name}.ci95 does not hold {name}.value")


def _check_delta(name: str, delta: AccuracyDelta) -> None:
    _refuse(not -100.0 <= delta.points <= 100.0, f"{name}.points {_quote(delta.points)} is outside -100..100")
    _check_interval(f"{name}.ci95", delta.ci95, -100.0, 100.0)
    _refuse(not 0.0 <= delta.p_value <= 1.0, f"{name}.p_value {_quote(delta.p_value)} is outside 0..1")
    _refuse(delta.n < 1, f"{name}.n {_quote(delta.n)} is not positive")
    _refuse(min(delta.gained, delta.lost) < 0, f"{name}.gained or .lost is negative")
    _refuse(delta.gained + delta.lost > delta.n, f"{name}.gained + lost is more than n")
    expected = 100.0 * (delta.gained - delta.lost) / delta.n
    _refuse(abs(delta.points - expected) > 100 * TOLERANCE, f"{name}.points is not 100 * (gained - lost) / n")


def _check_errors(record: Record) -> None:
    """What a regression's errors and their differences must satisfy, whatever they are errors of."""
    errors = record.errors
    if errors is None:
        _refuse((record.error_delta or record.validation_error_delta) is not None, "an error_delta is given, but no errors")
        return
    held = {"accuracy": record.accuracy, "answers": record.answers, **dict(_deltas(record))}
    given = next((name for name, value in held.items() if value is not None), None)
    _refuse(given is not None, f"{given} is given beside errors: a record is of classes or of a regression")
    _check_basis("errors", errors.target, errors.basis)
    _refuse(errors.n < 2 or errors.resamples < 1, "errors.n is below 2, or errors.resamples not positive")
    for name, ci95 in (("mae", errors.mae_ci95), ("rmse", errors.rmse_ci95)):
        _check_interval(f"errors.{name}_ci95", ci95, 0.0, math.inf)
    _check_interval("errors.r2_ci95", errors.r2_ci95, -math.inf, 1.0)
    slack = 1 + TOLERANCE
    _refuse(not 0 <= errors.mae <= errors.rmse * slack, f"errors.mae {_quote(errors.mae)} is negative, or more than errors.rmse")
    _refuse(errors.rmse > math.sqrt(errors.n) * errors.mae * slack, "errors.rmse is more than sqrt(n) times errors.mae, which cannot be")
    _refuse(not errors.truth_stdev > 0, "errors.truth_stdev is not positive")
    for name, delta in (("error_delta", record.error_delta), ("validation_error_delta", record.validation_error_delta)):
        if delta is not None:
            _check_error_delta(name, delta)
    if (delta := record.error_delta) is not None:  # the one on the same examples as the errors
        _refuse(delta.n != errors.n, f"error_delta.n {delta.n} is not errors.n ({errors.n})")
        _refuse(errors.r2 - delta.points / 100 > slack, "error_delta.points would have the reference's R2 above 1")
        _refuse(errors.mae - delta.mae_change < -TOLERANCE * errors.mae, "error_delta.mae_change would have the reference's MAE below 0")


def _check_error_delta(name: str, delta: ErrorDelta) -> None:
    for field, interval in (("ci95", delta.ci95), ("ci90", delta.ci90), ("mae_change_ci95", delta.mae_change_ci95)):
        _check_interval(f"{name}.{field}", interval, -math.inf, math.inf)
    within = delta.ci95[0] <= delta.ci90[0] and delta.ci90[1] <= delta.ci95[1]
    _refuse(not within, f"{name}.ci90 {_quote(list(delta.ci90))} is not within ci95 {_quote(list(delta.ci95))}")
    _refuse(not 0.0 <= delta.p_value <= 1.0, f"{name}.p_value {_quote(delta.p_value)} is outside 0..1")
    _refuse(delta.n < 2 or delta.resamples < 1, f"{name}.n is below 2, or .resamples not positive")


def _check_basis(name: str, target: str, basis: Basis) -> None:
    _refuse(target in STAND_IN_TARGETS and not is_stand_in(basis), f"{name}.basis is {basis}, which nothing on {target} is")


def _check_latency(latency: Latency) -> None:
    summary = latency.latency_ms
    _refuse(latency.n != len(latency.samples_ms), f"latency.n {_quote(latency.n)} is not the number of samples ({len(latency.samples_ms)})")
    _refuse(latency.n < 1, "latency has no sample")
    values = (latency.first_ms, summary.mean, summary.stdev, *latency.samples_ms)
    _refuse(min(values) < 0, "a latency is negative")
    _refuse(not 0 <= summary.p50 <= summary.p90 <= summary.p99, "latency p50, p90, p99 are not in order")
    low, high = min(latency.samples_ms), max(latency.samples_ms)
    within = all(low * (1 - TOLERANCE) <= v <= high * (1 + TOLERANCE) for v in (summary.p50, summary.p90, summary.p99, summary.mean))
    _refuse(not within, "a latency percentile or the mean lies outside the samples")
    _refuse(latency.ratio is not None and latency.ratio < 0, "latency.ratio is negative")
    _refuse(latency.warmup_runs < 0 or latency.threads < 0, "latency.warmup_runs or .threads is negative")
    stood = latency.facts is not None and latency.facts.stands_for is not None
    _refuse(stood and not is_stand_in(latency.basis), f"latency.basis is {latency.basis}, but latency.facts.stands_for is given")
    _check_basis("latency", latency.target, latency.basis)
    if (around := latency.conditions) is not None:
        shares = (around.others_share, around.stolen_share)
        _refuse(any(share is not None and not 0 <= share <= 1 for share in shares), "a share of latency.conditions is outside 0..1")
        _refuse(around.load_before is not None and around.load_before < 0, "latency.conditions.load_before is negative")
    if (energy := latency.energy) is not None:
        slack = TOLERANCE * max(energy.watts, energy.total_mj)
        for name, mean, (low, high) in (("watts", energy.watts, energy.watts_ci95), ("total_mj", energy.total_mj, energy.total_mj_ci95)):
            _refuse(not (mean >= 0 and low - slack <= mean <= high + slack), f"latency.energy.{name} is negative or outside its interval")
        _refuse(min(energy.n, energy.calls) < 1, "latency.energy has no readings or no calls")


def _check_estimate(guess: EstimatedLatency | None) -> None:
    if guess is None:
        return
    span = guess.latency_ms
    _refuse(span is not None and not 0 < span.low <= span.mid <= span.high, "estimate.latency_ms low, mid, high are not in order")
    _refuse((span is None) == (guess.refused is None), "estimate must have either latency_ms or a reason why it was refused")
    if (spent := guess.energy_mj) is not None:
        _refuse(span is None, "estimate.energy_mj is given, but no latency_ms that it could follow from")
        _refuse(not 0 < spent.low <= spent.mid <= spent.high, "estimate.energy_mj low, mid, high are not in order")
    _refuse(guess.n < 0, "estimate.n is negative")
    for name, share in (("coverage", guess.coverage), ("held_out", guess.held_out)):
        _refuse(share is not None and not 0 <= share <= 1, f"estimate.{name} is outside 0..1")
    _refuse(guess.basis not in (Basis.ESTIMATED, Basis.SIMULATED), f"estimate.basis is {guess.basis}, which no estimate has")


def check_numbers(record: Record) -> None:
    """Refuse a record whose numbers cannot be: not finite, out of range, intervals out of order, counts that do not add up.

    Raises:
        RecordProblem: with the field and the value.
    """
    for name, value in _leaves(record.to_dict(), "record"):
        if isinstance(value, float):
            _refuse(not math.isfinite(value), f"{name[7:67]} is not a finite number")
        elif isinstance(value, int):
            _refuse(abs(value) > MAX_INTEGER, f"{name[7:67]} is larger than 64 bits")
    _check_errors(record)
    if record.errors is None:
        _refuse(record.accuracy is None, "neither accuracy nor errors are given")
        assert record.accuracy is not None
        _check_accuracy(record.accuracy)
        _check_answers(record.answers, record.accuracy, record.accuracy_delta)
    for name, delta in _deltas(record):
        _check_delta(name, delta)
    for latency in record.latency:
        _check_latency(latency)
    _check_estimate(record.estimate)
    _refuse(min(record.size_bytes, record.compressed_bytes) < 0, "size_bytes or compressed_bytes is negative")
    placement = record.placement
    counts = (placement.ops_edgetpu, placement.ops_cpu, placement.ops_unknown)
    _refuse(min(counts) < 0, "an op count of placement is negative")
    _refuse(sum(counts) != placement.ops_total, f"placement: edgetpu + cpu + unknown = {sum(counts)}, ops_total is {placement.ops_total}")
    parameters = record.parameters
    _refuse(parameters is not None and min(parameters.on_chip_bytes, parameters.off_chip_bytes) < 0, "a parameter size is negative")
    _refuse(record.environment.cores < 0, "environment.cores is negative")


def _check_agrees(name: str, claimed: Sequence[float], computed: Sequence[float], source: str) -> None:
    shown = ", ".join(f"{value:.6g}" for value in claimed)
    wanted = ", ".join(f"{value:.6g}" for value in computed)
    same = all(math.isclose(a, b, rel_tol=TOLERANCE, abs_tol=LEAST_DIFFERENCE) for a, b in zip(claimed, computed, strict=True))
    _refuse(not same, f"{name} {shown} does not follow from {source}, which give {wanted}")


def check_statistics(record: Record) -> None:
    """Refuse a record whose figures are not what its own counts and samples give, beyond rounding.

    ``check_numbers`` comes first: counts and samples are taken to be possible here.

    Raises:
        RecordProblem: with the field, what it says and what it should say.
    """
    if record.errors is not None:
        _check_r2(record.errors)
    if record.accuracy is not None:
        _check_shares(record, record.accuracy)
    for latency in record.latency:
        _check_summary(latency)


def _check_r2(errors: RegressionErrors) -> None:
    """Of a regression's figures R2 alone follows from others; intervals would take the examples."""
    _check_agrees("errors.r2", (errors.r2,), (1 - (errors.rmse / errors.truth_stdev) ** 2,), "rmse and truth_stdev")


def _check_shares(record: Record, accuracy: Accuracy) -> None:
    deltas = _deltas(record)
    for name, n in (("accuracy", accuracy.n), *((name, delta.n) for name, delta in deltas)):
        _refuse(n > MAX_EXAMPLES, f"{name}.n {n} is more than {MAX_EXAMPLES}: its interval cannot be recomputed")
    _check_agrees("accuracy.value", (accuracy.value,), (accuracy.correct / accuracy.n,), "correct and n")
    _check_agrees("accuracy.ci95", accuracy.ci95, wilson_interval(accuracy.correct, accuracy.n), "correct and n")
    for name, delta in deltas:
        low, high = tango_interval(delta.gained, delta.lost, delta.n)
        _check_agrees(f"{name}.points", (delta.points,), (100 * (delta.gained - delta.lost) / delta.n,), "gained, lost and n")
        _check_agrees(f"{name}.ci95", delta.ci95, (100 * low, 100 * high), "gained, lost and n")
        _check_agrees(f"{name}.p_value", (delta.p_value,), (mcnemar_p_value(delta.gained, delta.lost),), "gained and lost")
    if record.accuracy_delta is not None:  # the one on the same examples as the accuracy
        delta = record.accuracy_delta
        _refuse(delta.n != accuracy.n, f"accuracy_delta.n {delta.n} is not accuracy.n ({accuracy.n})")
        _refuse(delta.gained > accuracy.correct, f"accuracy_delta.gained {delta.gained} is more than accuracy.correct ({accuracy.correct})")
        wrong = accuracy.n - accuracy.correct
        _refuse(delta.lost > wrong, f"accuracy_delta.lost {delta.lost} is more than the wrong answers ({wrong})")
    if record.answers is not None:
        for each in record.answers.classes:
            _check_agrees("answers.classes.ci95", each.ci95, wilson_interval(each.correct, each.n), "correct and n")
        if (top5 := record.answers.top5) is not None:
            _check_agrees("answers.top5.ci95", top5.ci95, wilson_interval(top5.correct, top5.n), "correct and n")


def _check_summary(latency: Latency) -> None:
    import numpy as np

    from edgewb.timings import summarise_latency

    with np.errstate(all="ignore"):  # a sum of absurd samples may overflow; infinity agrees with nothing
        computed = summarise_latency(latency.samples_ms)
    for name in ("p50", "p90", "p99", "mean", "stdev"):
        _check_agrees(f"latency_ms.{name}", (getattr(latency.latency_ms, name),), (getattr(computed, name),), "samples_ms")


def check_strings(record: Record) -> None:
    """Refuse strings that are too long, hold control characters, or are not what their field says.

    Direction marks and other invisible format characters are refused as well: they can make a table read as something it is not.

    Raises:
        RecordProblem: with the field.
    """
    for name, value in _leaves(record.to_dict(), "record"):
        if isinstance(value, str):
            shown = ascii(name[7:67])[1:-1]
            _refuse(len(value) > MAX_STRING, f"{shown} is longer than {MAX_STRING} characters")
            bad = next((c for c in value if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")), None)
            _refuse(bad is not None, f"{shown} holds a control or invisible character ({_quote(bad)})")
    for name in ("key", "recipe", "dataset", "dataset_fingerprint", "model", "file"):
        _refuse(not getattr(record, name).strip(), f"{name} is empty")
    _refuse(re.search(r"[/\\:]", record.file) is not None or record.file in (".", ".."), f"file {_quote(record.file)} is not a plain name")
    _refuse(re.fullmatch(r"[0-9a-f]{64}", record.sha256) is None, f"sha256 {_quote(record.sha256)} is not 64 hexadecimal digits")
    try:
        datetime.fromisoformat(record.created)
    except ValueError:
        raise RecordProblem(f"created {_quote(record.created)} is not an ISO date and time") from None
