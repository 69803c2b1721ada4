"""A comparison of two targets as text and as HTML."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from edgewb.watermarks import watermarks_beside

if TYPE_CHECKING:
    from edgewb.parities.results import Answer, DifferenceBin, Flip, OutputDifferences, Parity, Side, TopOne

_SHOWN_FLIPS: Final = 20
_SHOWN_HISTOGRAMS: Final = 3
_BAR: Final = 6
"""Characters of a bar per power of ten."""


def clean(text: str) -> str:
    """Text from a file on one line of a terminal: control characters are shown."""
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text[:200])


def heading(parity: Parity) -> str:
    """What was compared on what, with n and basis."""
    fed = f"random inputs (seed {parity.seed})" if parity.dataset is None else f"test examples of {clean(parity.dataset)}"
    return f"{clean(parity.file)}: {parity.first.label} against {parity.second.label}, n = {parity.n:,} {fed} ({parity.basis})"


def stand_ins(parity: Parity) -> list[str]:
    """What stands above the figures where one of the sides was not measured."""
    return watermarks_beside((side.label, side.basis, side.facts) for side in (parity.first, parity.second))


def verdict(parity: Parity) -> str:
    """The answer in one sentence."""
    if parity.identical:
        return "Every value is the same on both."
    values, differ = sum(output.values for output in parity.outputs), sum(output.differ for output in parity.outputs)
    sentence = f"{differ:,} of {values:,} values differ ({_percent(differ / values)} %)"
    if parity.top_one is None:
        return f"{sentence}."
    flips = len(parity.flips)
    return f"{sentence}, and {'no answer flips' if not flips else '1 answer flips' if flips == 1 else f'{flips:,} answers flip'}."


def bin_label(entry: DifferenceBin) -> str:
    """The range of a bin: "3", "17 to 32" (steps), "1e-07 to 1e-06" (real units)."""
    if entry.low_steps is not None and entry.high_steps is not None:
        low, high = entry.low_steps, entry.high_steps
        return f"{low:+,}".replace("+0", "0") if low == high else f"{low:+,} to {high:+,}"
    return "0" if entry.low == entry.high else f"{entry.low:+.0e} to {entry.high:+.0e}".replace("+0e+00", "0").replace("-0e+00", "0")


def parity_text(parity: Parity) -> str:
    """For a terminal."""
    lines = [*map(clean_long, stand_ins(parity)), heading(parity)]
    lines += [f"  {_side(side)}" for side in (parity.first, parity.second)]
    lines.append(f"  {verdict(parity)}")
    for output in parity.outputs:
        lines.append(f"  {_output(output)}")
        if output.differ and len(parity.outputs) <= _SHOWN_HISTOGRAMS:
            lines += _histogram(output)
    if parity.top_one is None:
        lines.append(f"  no top-1: {parity.no_top_one}")
    else:
        lines += [f"  {line}" for line in agreement_lines(parity.top_one)]
        lines += [f"    {flip_text(flip)}" for flip in parity.flips[:_SHOWN_FLIPS]]
        if (more := len(parity.flips) - _SHOWN_FLIPS) > 0:
            lines.append(f"    and {more:,} more (all of them in the JSON)")
    lines += [f"  note: {clean(note)}" for note in parity.notes]
    if parity.failed is not None:
        lines.append(f"  ended early, what came before is shown: {clean(parity.failed)}")
    return "\n".join(lines)


def parity_html(parity: Parity) -> str:
    """For a notebook; every text is escaped."""
    rows = [_side(parity.first), _side(parity.second), verdict(parity), *map(_output, parity.outputs)]
    rows += [f"no top-1: {parity.no_top_one}"] if parity.top_one is None else agreement_lines(parity.top_one)
    rows += [f"note: {note}" for note in parity.notes]
    if parity.failed is not None:
        rows.append(f"ended early, what came before is shown: {parity.failed}")
    listed = "".join(f"<li>{html.escape(clean_long(row))}</li>" for row in rows)
    above = "".join(f"<p><strong>{html.escape(clean_long(line))}</strong></p>" for line in stand_ins(parity))
    return f"{above}<p><strong>{html.escape(heading(parity))}</strong></p><ul>{listed}</ul>{_flip_table(parity.flips)}"


def clean_long(text: str) -> str:
    """As ``clean``, for a sentence of any length."""
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


def agreement_lines(top: TopOne) -> list[str]:
    """The top-1 answers: how many agree, and what it does to the accuracy."""
    low, high = top.ci95
    ties = f"; {top.ties:,} with a tie for the highest score, where the lower class counts" if top.ties else ""
    share = f"{_percent(top.share)} %, 95 % interval {_percent(low)} to {_percent(high)} %"
    lines = [f"top-1: {top.agree:,} of {top.n:,} answered alike ({share}){ties}"]
    if top.delta is not None and top.first_accuracy is not None and top.second_accuracy is not None:
        delta = top.delta
        lines.append(
            f"right: {top.first_accuracy.correct:,} on {top.first_accuracy.target} and {top.second_accuracy.correct:,} on "
            f"{top.second_accuracy.target}; flips that turn right into wrong {delta.lost}, wrong into right {delta.gained}; "
            f"{delta.points:+.2f} points [{delta.ci95[0]:+.2f}, {delta.ci95[1]:+.2f}], McNemar p = {delta.p_value:.3g}"
        )
    return lines


def answer_text(answer: Answer) -> str:
    """A class with its score and how far it lies ahead."""
    if answer.index is None:
        return "no answer (NaN)"
    name = clean(answer.name) if answer.name is not None else f"class {answer.index}"
    ahead = "" if answer.margin is None else f", ahead by {_three(answer.margin)}" if answer.margin else ", a tie"
    return name + ("" if answer.score is None else f" ({_three(answer.score)}{ahead})")


def effect_text(flip: Flip) -> str:
    """What the flip does to a right answer; empty where that is not known."""
    if flip.effect is None:
        return ""
    true = clean(flip.true_name) if flip.true_name is not None else f"class {flip.true}"
    return f"true {true}: " + {"lost": "right to wrong", "gained": "wrong to right"}.get(flip.effect, "wrong both times")


def flip_text(flip: Flip) -> str:
    """One flip in a line: both answers, and what it does to a right one."""
    effect = effect_text(flip)
    return f"example {flip.example}: {answer_text(flip.first)} -> {answer_text(flip.second)}" + (f"; {effect}" if effect else "")


def _flip_table(flips: Sequence[Flip]) -> str:
    if not flips:
        return ""
    head = "".join(f"<th style='text-align:left'>{name}</th>" for name in ("example", "first", "second", ""))
    body = "".join(
        "<tr>"
        + "".join(
            f"<td style='text-align:left'>{html.escape(cell)}</td>"
            for cell in (str(flip.example), answer_text(flip.first), answer_text(flip.second), effect_text(flip))
        )
        + "</tr>"
        for flip in flips[:_SHOWN_FLIPS]
    )
    more = len(flips) - _SHOWN_FLIPS
    return f"<table><tr>{head}</tr>{body}</table>" + (f"<p>and {more:,} more</p>" if more > 0 else "")


def _side(side: Side) -> str:
    stands = f", stands for {clean(side.facts.stands_for)}" if side.facts.stands_for else ""
    where = f"{side.facts.runtime}, {side.kernels} kernels, {side.threads} thread(s), {clean(side.environment.cpu)}"
    return f"{side.label} ({side.basis}{stands}): {clean(side.file)}, {where}"


def _output(output: OutputDifferences) -> str:
    text = f"output {output.position} {clean(output.name)!r} ({output.dtype}): {output.differ:,} of {output.values:,} values differ "
    text += f"({_percent(output.share)} %)"
    if not output.differ:
        return text
    text += f", on {output.examples_differ:,} examples"
    if output.worst_example is not None:
        if output.max_steps is not None and output.step is not None and output.mean_steps is not None:
            unit = (
                f"step{'s' if output.max_steps != 1 else ''} of {output.step:.4g}" if output.scaled else "(whole numbers without a scale)"
            )
            text += f"; at most {output.max_steps:,} {unit}"
            text += f" = {_three(output.max_abs)} (example {output.worst_example}), mean {_three(output.mean_steps)} steps"
        else:
            text += f"; at most {_three(output.max_abs)} (example {output.worst_example}), mean {_three(output.mean_abs)}"
    return text + (f"; {output.not_finite:,} by NaN or infinity" if output.not_finite else "")


def _histogram(output: OutputDifferences) -> list[str]:
    """One row per bin, second - first; the bars are of the logarithm."""
    labels = [bin_label(entry) for entry in output.histogram]
    width = max(map(len, labels), default=0)
    unit = "steps" if output.step is not None else "in its own units"
    rows = [f"    second - first, {unit}; bars of log(values)"]
    for label, entry in zip(labels, output.histogram, strict=True):
        bar = "#" * max(round(_BAR * math.log10(entry.n)), 1)
        rows.append(f"    {label:>{width}}  {entry.n:>9,}  {bar}")
    return rows


def _percent(share: float) -> str:
    """One decimal, or as many as it takes not to say 0 or 100 of what is neither."""
    for decimals in range(1, 9):
        text = f"{100 * share:.{decimals}f}"
        if share in (0, 1) or 0 < float(text) < 100:
            break
    return text


def _three(value: float) -> str:
    return f"{value:.3g}"
