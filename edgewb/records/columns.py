"""Records as columns: flat ones for code, with units in their names, and a few readable ones for people. One place for both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from edgewb.records.formats import kilobytes, listed, p_value, percent, plain, points, quantities, span
from edgewb.records.labels import latency_labels
from edgewb.records.tables import MARK, Column
from edgewb.types import Basis, EnergyRange, EstimatedLatency, LatencyRange, Record
from edgewb.watermarks import STAND_IN_MARK, is_stand_in, stamp, watermark

IMPORTED_MARK = "^"


def imported(record: Record) -> bool:
    """Whether a record came out of somebody else's file."""
    return record.origin != "local"


def _decimals(smallest: float) -> int:
    return next((d for d in range(6) if smallest * 10**d >= 9.95), 6)


def flat_rows(records: Sequence[Record]) -> list[dict[str, Any]]:
    """One flat dictionary per record, all with the same keys; a key nothing fills is absent. Units stand in the names."""
    labels = latency_labels(records)
    rows = []
    for position, record in enumerate(records):
        accuracy, errors, delta, parameters = record.accuracy, record.errors, record.delta, record.parameters
        counted, moved = record.accuracy_delta, record.error_delta
        top5 = record.answers and record.answers.top5
        row: dict[str, Any] = {
            "recipe": record.recipe,
            "dataset": record.dataset,
            "model": record.model,
            "accuracy": accuracy and accuracy.value,
            "accuracy_low": accuracy and accuracy.ci95[0],
            "accuracy_high": accuracy and accuracy.ci95[1],
            "n": record.score.n,
            "accuracy_correct": accuracy and accuracy.correct,
            "accuracy_target": accuracy and accuracy.target,
            "accuracy_basis": accuracy and str(accuracy.basis),
            **{f"{name}{end}": None for name in ("r2", "mae", "rmse") for end in ("", "_low", "_high")},
            "errors_target": errors and errors.target,
            "errors_basis": errors and str(errors.basis),
            "delta_points": delta and delta.points,
            "delta_low_points": delta and delta.ci95[0],
            "delta_high_points": delta and delta.ci95[1],
            "delta_p_value": delta and delta.p_value,
            "delta_against": delta and delta.against,
            "delta_n": delta and delta.n,
            "delta_gained": counted and counted.gained,
            "delta_lost": counted and counted.lost,
            "delta_basis": delta and str(delta.basis),
            "delta_test": moved and moved.test,
            "delta_mae": moved and moved.mae_change,
            "delta_mae_low": moved and moved.mae_change_ci95[0],
            "delta_mae_high": moved and moved.mae_change_ci95[1],
            "top5": top5 and top5.value,
            "top5_low": top5 and top5.ci95[0],
            "top5_high": top5 and top5.ci95[1],
            "size_bytes": record.size_bytes,
            "compressed_bytes": record.compressed_bytes,
            "size_basis": str(record.size_basis),
            "ops_total": record.placement.ops_total,
            "ops_edgetpu": record.placement.ops_edgetpu,
            "ops_cpu": record.placement.ops_cpu,
            "ops_unknown": record.placement.ops_unknown,
            "ops_basis": str(record.placement.basis),
            "on_chip_bytes": parameters and parameters.on_chip_bytes,
            "off_chip_bytes": parameters and parameters.off_chip_bytes,
            "parameters_basis": parameters and str(parameters.basis),
        }
        if errors is not None:
            for name in ("r2", "mae", "rmse"):
                row |= {name: getattr(errors, name)}
                row |= dict(zip((f"{name}_low", f"{name}_high"), getattr(errors, f"{name}_ci95"), strict=True))
        for label, samples in labels.items():
            sample = samples[position]
            for name in ("p50", "p90", "p99", "mean", "stdev"):
                row[f"latency_{label}_{name}_ms"] = sample and getattr(sample.latency_ms, name)
            row[f"latency_{label}_first_ms"] = sample and sample.first_ms
            for name in ("n", "warmup_runs", "threads", "kernels"):
                row[f"latency_{label}_{name}"] = sample and getattr(sample, name)
            spent = sample and sample.energy
            row[f"energy_{label}_mj"] = spent and spent.total_mj
            row |= {f"energy_{label}_{end}_mj": spent and spent.total_mj_ci95[i] for i, end in enumerate(("low", "high"))}
            row |= {f"energy_{label}_{name}": spent and getattr(spent, name) for name in ("n", "source")}
            row[f"energy_{label}_basis"] = spent and str(spent.basis)
            row[f"latency_{label}_basis"] = sample and str(sample.basis)
            row[f"latency_{label}_stands_for"] = sample and sample.facts and sample.facts.stands_for
        guess = record.estimate
        span_ms = guess.latency_ms if guess else None
        row |= {f"estimate_edgetpu_{name}_ms": span_ms and getattr(span_ms, name) for name in ("low", "mid", "high")}
        joules = guess.energy_mj if guess else None
        row |= {f"estimate_edgetpu_energy_{name}_mj": joules and getattr(joules, name) for name in ("low", "mid", "high")}
        row |= {f"estimate_edgetpu_{name}": guess and getattr(guess, name) for name in ("host", "bus", "clock", "coverage", "refused")}
        row["estimate_edgetpu_basis"] = guess and str(guess.basis)
        row |= {"origin": record.origin, "seed": record.seed, "created": record.created, "file": record.file, "sha256": record.sha256}
        row |= {"dataset_fingerprint": record.dataset_fingerprint, "cpu": record.environment.cpu, "key": record.key}
        rows.append(row)
    filled = {name for row in rows for name, value in row.items() if value is not None}
    return [{name: value for name, value in row.items() if name in filled} for row in rows]


def summary_columns(records: Sequence[Record], recommended: str | None = None) -> list[Column]:
    """The readable table of records. Columns nothing can fill, or that say the same in every row of a note below, are absent."""
    if not records:
        return []
    columns: list[Column] = []

    def column(title: tuple[str, ...], cells: list[str], align: Literal["left", "right"] = "right") -> None:
        if any(cells):
            columns.append(Column(title=title, cells=tuple(cells), align=align))

    marks = [(IMPORTED_MARK if imported(r) else "", MARK if r.recipe == recommended else "") for r in records]
    column(("recipe",), [" ".join(filter(None, (plain(r.recipe), *m))) for r, m in zip(records, marks, strict=True)], "left")
    for title, values in (("data set", [r.dataset for r in records]), ("model", [r.model for r in records])):
        if len(set(values)) > 1:
            column((title,), [plain(v) for v in values], "left")
    shares = [r.accuracy for r in records]
    column(
        ("accuracy %", "[95 %]"),
        [f"{_mark(a.basis)}{percent(a.value)} [{percent(a.ci95[0])}, {percent(a.ci95[1])}]" if a else "" for a in shares],
    )
    errors = [r.errors for r in records]
    column(("R2", "[95 %]"), [f"{_mark(e.basis)}{e.r2:.3f} [{e.r2_ci95[0]:.3f}, {e.r2_ci95[1]:.3f}]" if e else "" for e in errors])
    column(("MAE", "[95 %]"), [f"{_mark(e.basis)}{quantities(e.mae, *e.mae_ci95)}" if e else "" for e in errors])
    column(("RMSE", "[95 %]"), [f"{_mark(e.basis)}{quantities(e.rmse, *e.rmse_ci95)}" if e else "" for e in errors])
    if len({r.score.n for r in records}) > 1:
        column(("n",), [str(r.score.n) for r in records])
    deltas = [r.delta for r in records]
    column(
        ("change", "in points [95 %]"),
        [f"{_mark(d.basis)}{points(d.points)} [{points(d.ci95[0])}, {points(d.ci95[1])}]" if d else "" for d in deltas],
    )
    column(("p",), [p_value(d.p_value) if d else "" for d in deltas])
    column(("kB", "file/comp"), [f"{kilobytes(r.size_bytes)}/{kilobytes(r.compressed_bytes)}" for r in records])
    column(("ops", "on TPU"), [f"{r.placement.ops_edgetpu}/{r.placement.ops_total}" for r in records])
    for label, samples in latency_labels(records).items():
        # One number of decimals down the column, enough for two digits of its smallest median.
        decimals = _decimals(min(s.latency_ms.p50 for s in samples if s))
        cells = [
            _mark(s.basis) + " ".join(f"{v:.{decimals}f}" for v in (s.latency_ms.p50, s.latency_ms.p90, s.latency_ms.p99)) if s else ""
            for s in samples
        ]
        words = stamp(s.basis for s in samples if s)
        column((*filter(None, [words]), f"ms on {plain(label)}", "p50 p90 p99"), cells)
    column(("ms on TPU", "estimate [80 %]"), [estimate_cell(r.estimate) for r in records])
    for label, samples in latency_labels(records).items():
        spent = [s and s.energy for s in samples]
        cells = [f"{_mark(e.basis)}{quantities(e.total_mj, *e.total_mj_ci95)}" if e else "" for e in spent]
        column((f"mJ on {plain(label)}", "[95 %]"), cells)
    column(("mJ on TPU", "estimate [range]"), [energy_cell(r.estimate) for r in records])
    return columns


def estimate_cell(guess: EstimatedLatency | None) -> str:
    """The estimate and its interval, "" where there is none."""
    if guess is None or guess.latency_ms is None:
        return ""
    return _range_cell(guess.basis, guess.latency_ms)


def energy_cell(guess: EstimatedLatency | None) -> str:
    """The estimated energy and its interval, "" where there is none."""
    if guess is None or (spent := guess.energy_mj) is None:
        return ""
    return _range_cell(guess.basis, spent)


def _range_cell(basis: Basis, span: LatencyRange | EnergyRange) -> str:
    decimals = min(_decimals(span.low), 3)
    return f"{_mark(basis)}{span.mid:.{decimals}f} [{span.low:.{decimals}f}, {span.high:.{decimals}f}]"


def _mark(basis: Basis) -> str:
    return STAND_IN_MARK if is_stand_in(basis) else ""


def watermarks(records: Sequence[Record]) -> list[str]:
    """What the figures marked with ``STAND_IN_MARK`` stand for, in a line per target; none where nothing is so marked."""
    lines = []
    for label, samples in latency_labels(records).items():
        for sample in filter(None, samples):
            if words := watermark(sample.basis, sample.facts):
                lines.append(f"ms on {plain(label)}: {plain(words)}")
    scores, errors = [r.accuracy for r in records], [r.errors for r in records]
    for name, figures in (("accuracy", scores), ("R2, MAE and RMSE", errors), ("change", [r.delta for r in records])):
        if words := stamp(figure.basis for figure in figures if figure):
            lines.append(f"{name}: {words}, not measured here")
    if words := stamp(r.estimate.basis for r in records if r.estimate and r.estimate.latency_ms):
        lines.append(f"ms on TPU: {words}, made with a stand-in for the compiler; mJ on TPU follow from them")
    return list(dict.fromkeys(lines))


def notes(records: Sequence[Record]) -> list[str]:
    """What stands under the table: the basis and n of every column."""
    if not records:
        return []
    accuracies = [r.accuracy for r in records if r.accuracy]
    errors = [r.errors for r in records if r.errors]
    lines = []
    if accuracies:
        lines.append(
            f"accuracy: {listed(a.basis for a in accuracies)} on {listed(a.target for a in accuracies)}, "
            f"n = {span(a.n for a in accuracies)} test examples, 95 % Wilson interval"
        )
    if errors:
        lines.append(
            f"R2, MAE and RMSE: {listed(e.basis for e in errors)} on {listed(e.target for e in errors)}, n = {span(e.n for e in errors)} "
            "test examples, MAE and RMSE in the unit of y, 95 % bootstrap interval"
        )
    counted = [r.accuracy_delta for r in records if r.accuracy_delta]
    moved = [r.error_delta for r in records if r.error_delta]
    for deltas, what, test in ((counted, "", "McNemar"), (moved, " of R2 (100 points are 1)", listed(d.test for d in moved))):
        if deltas:
            lines.append(
                f"change{what}: {listed(d.basis for d in deltas)}, against {listed(d.against for d in deltas)} on the same "
                f"n = {span(d.n for d in deltas)} examples, a loss is negative; p: {test}"
            )
    lines.append(f"sizes: {listed(r.size_basis for r in records)}; comp = the file compressed, 1 kB = 1,000 bytes")
    how = listed(r.placement.basis for r in records)
    lines.append(f"ops on TPU: {how}" + ("; not compiled, not run on an Edge TPU" if how == "predicted" else ""))
    for label, samples in latency_labels(records).items():
        known = [s for s in samples if s]
        lines.append(
            f"ms on {plain(label)}: {listed(s.basis for s in known)}, n = {span(s.n for s in known)} calls, first call apart, "
            f"{listed(s.kernels for s in known)}, threads {span(s.threads for s in known)}"
        )
    lines += _condition_notes(records)
    lines += refusal_lines(records)
    guesses = [r.estimate for r in records if r.estimate is not None and r.estimate.latency_ms is not None]
    if guesses:
        where = listed(f"{guess.host}, {guess.bus}, {guess.clock} clock" for guess in guesses)
        lines.append(f"ms on TPU: {listed(g.basis for g in guesses)} for {where}, 80 % interval; no Edge TPU was measured here")
    lines += _energy_notes(records)
    lines += [f"{STAND_IN_MARK} {line}" for line in watermarks(records)]
    if any(map(imported, records)):
        lines.append(f"{IMPORTED_MARK} imported: its maker's word, not measured here")
    return lines


def _energy_notes(records: Sequence[Record]) -> list[str]:
    """What the figures of energy rest on, and why there is none where a meter was asked for."""
    lines = []
    for label, samples in latency_labels(records).items():
        known = [s.energy for s in samples if s and s.energy]
        if known:
            where = listed(f"{e.source}, of {e.covers}" for e in known)
            lines.append(
                f"mJ on {plain(label)}: {listed(e.basis for e in known)} per call, n = {span(e.n for e in known)} readings of {where}"
            )
        for reason in dict.fromkeys(s.energy_missing for s in samples if s and s.energy_missing):
            lacking = [r.recipe for r, s in zip(records, samples, strict=True) if s and s.energy_missing == reason]
            lines.append(f"no energy on {plain(label)}: {listed(lacking)} ({plain(reason)})")
    guesses = [r.estimate for r in records if r.estimate is not None and r.estimate.energy_mj is not None]
    if guesses:
        assumed = listed(g.energy_mj.assumption for g in guesses if g.energy_mj)
        lines.append(f"mJ on TPU: {listed(g.basis for g in guesses)} per inference, from the estimated ms: {assumed}")
    return lines


def _condition_notes(records: Sequence[Record]) -> list[str]:
    """What made samples less trustworthy, counted over all targets: the sentences stand in the records."""
    known = [sample for samples in latency_labels(records).values() for sample in samples if sample]
    noted = [s.conditions for s in known if s.conditions is not None and s.conditions.notes]
    beside = [c for c in noted if c.beside]
    lines = []
    if beside:
        who = listed(name for c in beside for name in c.beside)
        lines.append(f"ms: {len(beside)} of {len(known)} samples were taken beside another measurement of edgewb ({who})")
    if len(noted) > len(beside):
        many = f"{len(noted) - len(beside)} {'more ' if beside else ''}of {len(known)}"
        first = plain(next(c for c in noted if not c.beside).notes[0])
        lines.append(f"ms: {many} samples were taken under conditions that can change them, such as: {first}")
    return lines


def refusal_lines(records: Sequence[Record]) -> list[str]:
    """Which target could not take which variants, and why; variants with one reason share a line."""
    refused: dict[tuple[str, str], list[str]] = {}
    for record in records:
        for target, reason in record.not_measured.items():
            refused.setdefault((target, reason.replace(f"{record.recipe}.tflite: ", "")), []).append(record.recipe)
    return [f"not measured on {plain(target)}: {listed(recipes)} ({plain(reason)})" for (target, reason), recipes in refused.items()]
