"""One or two sentences that read a figure, made from the same data as the figure. None of them is fixed text."""

from __future__ import annotations

from edgewb.records.formats import kilobytes, p_value, points, three_digits
from edgewb.verdicts import of
from edgewb.views.infos import AccuracyInfo, LatencyInfo, LossInfo, PlacementInfo, SizeInfo

SIGNIFICANT = 0.05
"""A paired change is called one when the exact p of McNemar's test is below it; of R2, when its 95 % interval leaves out 0."""


def joined(names: list[str], most: int = 4) -> str:
    """ "a", "a and b", "a, b and c", or "a, b, c and 3 more"."""
    if len(names) > most:
        names = [*names[: most - 1], f"{len(names) - most + 1} more"]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def read_accuracy(info: AccuracyInfo) -> str:
    if not info.points:
        return "There is nothing to compare."
    best = max(info.points, key=lambda p: (p.score, -p.cost))
    cheapest = min(info.points, key=lambda p: (p.cost, -p.score))
    overlapping = sum(p.high >= best.low for p in info.points if p is not best)
    others = len(info.points) - 1
    equal = [p.recipe for p in info.points if p.score == best.score]
    most = "is the most accurate" if info.measure == "accuracy" else f"has the highest {info.measure}"
    first = f"{best.recipe} {most}" if len(equal) == 1 else f"{joined(equal)} share the highest {info.measure}"
    text = f"{first}, {info.shown(best.score)}{info.unit} [{info.shown(best.low)}, {info.shown(best.high)}]"
    if cheapest.recipe != best.recipe:
        cost = f"{three_digits(cheapest.cost)} {info.cost_unit}"
        text += f"; {cheapest.recipe} costs least ({cost}) and reaches {info.shown(cheapest.score)}{info.unit}"
    if overlapping:
        figures = "accuracies" if info.measure == "accuracy" else "figures"
        share = "All" if overlapping == others else f"{overlapping} of the"
        count = f"{share} {others} other intervals overlap" if others > 1 else "The other interval overlaps"
        text += f". {count} with that one: at n = {info.n} these single {figures} are not told apart, the paired comparison is sharper"
    return f"{_stamped(info.stamp)}{text}."


def read_loss(info: LossInfo) -> str:
    if not info.rows:
        return "There is no paired comparison."
    # The exact p alone decides, as it is printed; Tango's interval can leave out 0 where p is still above the limit.
    # The p of a regression is of other figures, absolute errors, and there the interval of R2 decides.
    by_p = info.measure == "accuracy"
    beyond = [r for r in info.rows if r.p_value < SIGNIFICANT] if by_p else [r for r in info.rows if r.high_points < 0 or r.low_points > 0]
    # What is printed as 0.0 points is no loss worth a word: of R2 it can be quite certain, as of float16.
    shown = [r for r in beyond if by_p or points(r.points) != "0.0"]
    how = f"p < {SIGNIFICANT}" if by_p else "its 95 % interval leaves out 0"
    lost, gained = [r for r in shown if r.points < 0], [r for r in shown if r.points > 0]
    open_ = [r for r in info.rows if r not in lost and r not in gained]
    beside = [r.recipe for r in open_ if r.high_points < 0 or r.low_points > 0]
    worst = min(info.rows, key=lambda r: r.points)
    parts = []
    if lost:
        verb = "loses" if len(lost) == 1 else "lose"
        parts.append(f"{joined([r.recipe for r in lost])} {verb} {info.measure} beyond chance ({how})")
    if gained:
        parts.append(f"{joined([r.recipe for r in gained])} {'gains' if len(gained) == 1 else 'gain'} ({how})")
    if open_:
        limit = f"p {SIGNIFICANT} or more" if by_p else "95 % intervals hold 0, or the change is below 0.05 points"
        part = f"for {len(open_)} of {len(info.rows)} no change beyond chance is shown at n = {info.n} ({limit})"
        if beside and by_p:
            part += f", although the interval of {joined(beside)} leaves out 0"
        parts.append(part)
    text = "; ".join(parts)
    text = text[0].upper() + text[1:] if not (lost or gained) else text
    if worst.points < 0:
        sure = f"p {_equals(worst.p_value)}" if by_p else f"95 % interval {points(worst.low_points)} to {points(worst.high_points)}"
        text += f". The largest loss is {worst.recipe}'s, {points(worst.points)} points{of(info.measure)} ({sure})"
    if info.budget_points is not None:
        safe = [r for r in info.rows if r.low_points >= -info.budget_points]
        within = [r for r in info.rows if r.points >= -info.budget_points]
        budget = f"{info.budget_points:g} point{'' if info.budget_points == 1 else 's'}{of(info.measure)}"
        text += f". {len(within)} of {len(info.rows)} stay within the budget of {budget}, {len(safe)} with the whole interval"
    return f"{_stamped(info.stamp)}{text}."


def _equals(value: float) -> str:
    text = p_value(value)
    return text.replace("<", "< ") if text.startswith("<") else f"= {text}"


def read_latency(info: LatencyInfo) -> str:
    if not info.rows:
        return "No latency was measured."
    fastest = min(info.rows, key=lambda r: r.p50_ms)
    slowest = max(info.rows, key=lambda r: r.p50_ms)
    text = f"{fastest.recipe} has the lowest median on {info.target}, {three_digits(fastest.p50_ms)} ms"
    if slowest.recipe != fastest.recipe and fastest.p50_ms > 0:
        ratio = slowest.p50_ms / fastest.p50_ms
        text += f"; {slowest.recipe} the highest, {three_digits(slowest.p50_ms)} ms ({ratio:.2f} times)"
    tail = max((r for r in info.rows if r.p50_ms > 0), key=lambda r: r.p99_ms / r.p50_ms, default=None)
    if tail is not None:
        text += f". The longest tail is {tail.recipe}'s: p99 is {tail.p99_ms / tail.p50_ms:.1f} times p50"
    return f"{_stamped(info.stamp, info.stands_for)}{text}."


def _stamped(stamp: str, stands_for: str = "") -> str:
    """What a reading begins with, where not all of it was measured."""
    return f"{stamp}{f' ({stands_for})' if stands_for else ''}: " if stamp else ""


def read_size(info: SizeInfo) -> str:
    if not info.rows:
        return "There are no files."
    largest = max(info.rows, key=lambda r: r.file_bytes)
    smallest = min(info.rows, key=lambda r: r.compressed_bytes)
    text = f"{smallest.recipe} is the smallest compressed, {kilobytes(smallest.compressed_bytes)} kB"
    if largest.recipe != smallest.recipe and smallest.compressed_bytes:
        ratio = largest.compressed_bytes / smallest.compressed_bytes
        text += f", against {kilobytes(largest.compressed_bytes)} kB for {largest.recipe} ({ratio:.1f} times)"
    gain = min((r for r in info.rows if r.file_bytes), key=lambda r: r.compressed_bytes / r.file_bytes, default=None)
    if gain is not None:
        saved = 100 * (1 - gain.compressed_bytes / gain.file_bytes)
        text += f". Compression takes most from {gain.recipe}: {saved:.0f} % of its {kilobytes(gain.file_bytes)} kB"
    return text + "."


def read_placement(info: PlacementInfo) -> str:
    if not info.rows:
        return "There is nothing to place."
    totals = {r.recipe: r.ops_edgetpu + r.ops_cpu + r.ops_unknown for r in info.rows}
    whole = [r.recipe for r in info.rows if totals[r.recipe] and r.ops_edgetpu == totals[r.recipe]]
    none = [r.recipe for r in info.rows if r.ops_edgetpu == 0]
    partly = [r for r in info.rows if r.recipe not in whole and r.recipe not in none]
    parts = []
    if whole:
        parts.append(f"every op of {joined(whole)} would go to the Edge TPU")
    if partly:
        named = joined([f"{r.recipe} ({r.ops_edgetpu} of {totals[r.recipe]})" for r in partly])
        parts.append(f"part of {named}" + ("" if parts else " would go to the Edge TPU"))
    if none:
        parts.append(f"nothing of {joined(none)}" + ("" if parts else " would go to the Edge TPU"))
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]} ({info.basis})."
