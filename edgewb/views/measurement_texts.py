"""A measurement in words, for a terminal."""

from __future__ import annotations

from edgewb.conditions import conditions_text
from edgewb.latencies import Measurement
from edgewb.measurements import Evaluation
from edgewb.memories import memory_text
from edgewb.paired_evaluations import PairedEvaluation
from edgewb.powers import energy_text
from edgewb.records.formats import p_value, plain, points, quantities
from edgewb.types import ErrorDelta
from edgewb.views.drift_plots import read_changes, read_jitter, read_sustained
from edgewb.watermarks import is_stand_in, watermark

_LEAST_FOR_P99 = 100
"""Of fewer calls, p99 is just the longest."""
_LEAST_PER_THIRD = 30
_SHOWN_FLIPS = 10


def watermark_lines(result: Measurement | Evaluation) -> list[str]:
    """What stands above figures that were not measured, and what its target has to say; nothing above measured ones."""
    if not is_stand_in(result.basis):
        return []
    return [plain(watermark(result.basis, result.facts)), *(f"  note: {plain(note)}" for note in result.facts.notes)]


def pair_lines(pair: PairedEvaluation) -> list[str]:
    """The paired change from one file to another with interval, p, n and basis, and the examples answered otherwise."""
    delta = pair.delta
    what, test = (" of R2", delta.test) if isinstance(delta, ErrorDelta) else ("", "McNemar")
    low, high = (points(end) for end in delta.ci95)
    lines = [
        f"{plain(pair.evaluation.file)} against {plain(delta.against)}: {points(delta.points)} points{what}, 95 % interval {low} to "
        f"{high}, p {p_value(delta.p_value)} ({test}), paired on the same n = {delta.n} examples ({delta.basis}); a loss is negative"
    ]
    if isinstance(delta, ErrorDelta):
        change = quantities(delta.mae_change, *delta.mae_change_ci95)
        lines.append(f"  MAE changes by {change} in the unit of y, 95 % interval ({delta.basis})")
        lines.append("  no flips: a regression answers with numbers, which move, and no class that could turn into another")
    if (flips := pair.flips) is not None:
        lines.append(
            f"  answered otherwise: {flips.gained} gained (right only by {plain(pair.evaluation.file)}), {flips.lost} lost (right only by "
            f"{plain(flips.against)}), {flips.otherwise_wrong} wrong by both"
        )
        names = [plain(name) for name in pair.evaluation.class_names]
        lines += [
            f"    example {flip.index}: truth {names[flip.truth]}, {names[flip.reference]} before, {names[flip.variant]} now"
            for flip in flips.listed[:_SHOWN_FLIPS]
        ]
        if (more := flips.gained + flips.lost + flips.otherwise_wrong - _SHOWN_FLIPS) > 0:
            lines.append(f"    and {more} more; --json lists them")
    return lines


def measurement_text(measured: Measurement) -> str:
    """Every figure of a measurement with its unit, n and basis, a line each."""
    ms, before, after = measured.latency_ms, measured.preprocess_ms, measured.postprocess_ms
    tail = f"p99 {ms.p99:.3g} ms" if measured.runs >= _LEAST_FOR_P99 else f"longest {max(measured.samples_ms):.3g} ms"
    lines = [
        f"p50 {ms.p50:.3g} ms   p90 {ms.p90:.3g} ms   {tail}   mean {ms.mean:.3g} ms   stdev {ms.stdev:.2g} ms",
        f"first call {measured.first_ms:.3g} ms, apart; {measured.warmup_runs} warm-up calls; n = {measured.runs:,} ({measured.basis})",
        f"{measured.throughput_per_s:,.0f} calls per second (from the mean); beside a call {before.p50:.3g} ms to prepare the input, "
        f"{after.p50:.3g} ms to read the answer (p50, measured here)",
        f"{read_jitter(measured.jitter)} ({measured.basis})",
        *read_sustained(measured),
        *read_changes(measured),
    ]
    if measured.drift.ratio is not None and measured.drift.n_per_third >= _LEAST_PER_THIRD:
        thirds = f"medians, n = {measured.drift.n_per_third} each"
        lines.append(f"drift: last third {measured.drift.ratio:.2f} times the first ({thirds})")
    lines += filter(None, (memory_text(measured.memory), *energy_text(measured.energy)))
    lines += conditions_text(measured.conditions) if measured.conditions is not None else []
    computed = f"{measured.kernels} kernels, {measured.threads} thread{'' if measured.threads == 1 else 's'}"
    title = f"{plain(measured.file)} on {measured.target}: {computed}, {measured.environment.cpu}"
    return "\n".join([*watermark_lines(measured), title, *(f"  {line}" for line in lines)])
