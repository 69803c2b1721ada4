"""What somebody has: a model, perhaps data, and what can be said of them today, each answer with its basis and the next step."""

from __future__ import annotations

import html
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edgewb.accuracies import errors_lines, evaluate
from edgewb.compilers.inspections import Inspection, inspect
from edgewb.compilers.log_reports import clean, size, ticked
from edgewb.errors import EdgewbError
from edgewb.estimates.estimations import estimate
from edgewb.estimates.reports import ms
from edgewb.latencies import measure
from edgewb.lessons.remedies import Remedy, find_remedy
from edgewb.lessons.unscored import explain_no_score
from edgewb.locations import write_whole
from edgewb.records.formats import three_digits
from edgewb.types import Jsonable

PLACES = (("desktop", "usb3"), ("pi4", "usb3"), ("pi3", "usb2"))
HERE = "How long does it take on this processor?"
WORTH_BYTES = 100_000
"""Streaming less is not worth a change: on USB 2, at some 35 MB/s, it takes 3 ms, on USB 3 a third of a millisecond."""
ELSEWHERE = "A compiled file runs on its device alone: measure there."
OPEN = "open"
"""The basis of a question without an answer."""


@dataclass(frozen=True, kw_only=True)
class SummaryPoint(Jsonable):
    """A question with what is known. ``basis`` is a word of ``types.Basis`` or ``OPEN``; ``then`` is what to do, "" for nothing."""

    question: str
    answer: str
    basis: str
    then: str = ""


@dataclass(frozen=True, kw_only=True, repr=False)
class ModelSummary(Jsonable):
    """A file and the points in their order; shows itself in a notebook, ``save`` writes it as Markdown."""

    file: str
    sha256: str
    points: tuple[SummaryPoint, ...]

    def __repr__(self) -> str:
        lines = [self.file]
        for point in self.points:
            lines += [f"  {point.question}", f"    {point.answer} ({point.basis})", *([f"    -> {point.then}"] if point.then else [])]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        left = ' style="text-align:left;vertical-align:top;padding:.3em .7em"'
        titles = (("question", 20), ("answer", 44), ("basis", 10), ("what to do", 26))
        head = "".join(f'<th{left[:-1]};width:{width}%">{word}</th>' for word, width in titles)
        rows = "".join(
            f"<tr><th{left}>{html.escape(point.question)}</th>"
            + "".join(f"<td{left}>{ticked(text)}</td>" for text in (point.answer, point.basis, point.then))
            + "</tr>"
            for point in self.points
        )
        return f"<p><b>{html.escape(self.file)}</b></p><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"

    def to_markdown(self) -> str:
        """The same as a Markdown file."""
        lines = [f"# What I have: {_cell(self.file)}", "", f"sha256 {self.sha256}", ""]
        lines += ["| question | answer | basis | what to do |", "|---|---|---|---|"]
        for point in self.points:
            lines.append(f"| {' | '.join(_cell(text) for text in (point.question, point.answer, point.basis, point.then))} |")
        return "\n".join(lines) + "\n"

    def save(self, path: str | Path) -> Path:
        """Write the Markdown. Raises StorageError where that is not possible."""
        return write_whole(path, self.to_markdown())


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")


def summarise_model(model: str | Path, data: str | Path | None = None, input_range: tuple[float, float] = (0.0, 1.0)) -> ModelSummary:
    """Inspect, estimate, measure on this processor, and evaluate where there are data. What fails becomes an open point, not an error.

    Args:
        model: a .tflite file.
        data: as ``edgewb.evaluate`` takes it; its test split is opened.
        input_range: what black and white are for the model.

    Raises:
        ModelFileError: it cannot be read.
    """
    seen = inspect(model)
    remedy = find_remedy(model)
    points = [
        _kind(seen, model, remedy),
        _placement(seen, remedy),
        _cache(seen),
        _estimates(model),
        _asked(HERE, lambda: _latency(model), ELSEWHERE if seen.kind == "compiled" else "See the message: this computer cannot run it."),
        _accuracy(model, data, input_range),
    ]
    return ModelSummary(file=clean(Path(model).name, 80), sha256=seen.sha256, points=tuple(points))


def _kind(seen: Inspection, model: str | Path, remedy: Remedy) -> SummaryPoint:
    ends = [f"{end.dtype} {list(end.shape)}" for end in (*seen.inputs, *seen.outputs)]
    floats = any(end.dtype.startswith("float") for end in (*seen.inputs, *seen.outputs))
    return SummaryPoint(
        question="What is it?",
        answer=f"{'compiled for the Edge TPU' if seen.kind == 'compiled' else 'not compiled'}, {size(Path(model).stat().st_size)}, "
        f"from {' and '.join(ends[: len(seen.inputs)])} to {' and '.join(ends[len(seen.inputs) :])}",
        basis="measured",
        then="Convert with int8 inputs and outputs." if floats and remedy.name not in ("use it", "fix", "convert") else "",
    )


def _placement(seen: Inspection, remedy: Remedy) -> SummaryPoint:
    question = "How much of it runs on an Edge TPU?"
    if seen.kind == "compiled":
        left = len(seen.ops) - seen.subgraphs
        answer = f"what was mapped; {left} op{'s' * (left != 1)} beside it on the CPU"
        return SummaryPoint(question=question, answer=answer, basis=seen.basis, then=remedy.advice)
    answer = f"{seen.ops_edgetpu} of {seen.ops_total} ops"
    if seen.macs_total:
        answer += f", {100 * (seen.macs_edgetpu or 0) / seen.macs_total:.1f} % of the multiplications"
    if (blocker := seen.first_blocker) is not None:
        answer += f"; first blocker: op {blocker.index}, {clean(blocker.op, 60)} ({blocker.reason})"
        answer += f"; {blocker.ops_gained_if_fixed} more would map if it were mended"
    return SummaryPoint(question=question, answer=answer, basis=seen.basis, then=f"{remedy.advice} {remedy.gain}".strip())


def _cache(seen: Inspection) -> SummaryPoint:
    kept, streamed = seen.on_chip_bytes or 0, seen.off_chip_bytes or 0
    return SummaryPoint(
        question="Do its parameters fit on the chip?",
        answer=f"{size(kept)} stay there, {size(streamed)} are streamed at each inference",
        basis=seen.basis,
        then="A narrower network, or pooling before a wide dense layer; pruning single weights does not help."
        if streamed > WORTH_BYTES
        else "",
    )


def _estimates(model: str | Path) -> SummaryPoint:
    question = "How long would it take on an Edge TPU?"
    found = [estimate(model, host, bus) for host, bus in PLACES]
    if refused := [one for one in found if one.latency_ms is None]:
        bounds = [f"at least {ms(one.bound_ms.at_least)} ms on {one.host}, {one.bus}" for one in refused if one.bound_ms is not None]
        answer = "; ".join([f"no estimate: {refused[0].refused}", *bounds])
        return SummaryPoint(question=question, answer=answer, basis=OPEN, then="Mend what keeps ops on the CPU, or measure on a device.")
    spans = [(one, one.latency_ms) for one in found if one.latency_ms is not None]
    answer = "; ".join(f"{ms(span.mid)} ms [{ms(span.low)}, {ms(span.high)}] on {one.host}, {one.bus}" for one, span in spans)
    return SummaryPoint(
        question=question, answer=f"{answer}; 80 % intervals", basis=found[0].basis, then="Measure on a device before you rely on it."
    )


def _latency(model: str | Path) -> SummaryPoint:
    taken = measure(model)
    figures = ", ".join(
        f"{name} {three_digits(value)} ms" for name, value in (("p50", taken.latency_ms.p50), ("p99", taken.latency_ms.p99))
    )
    return SummaryPoint(
        question=HERE,
        answer=f"{figures}, first call {three_digits(taken.first_ms)} ms; n = {len(taken.samples_ms)} calls, {taken.environment.cpu}",
        basis=taken.basis,
        then="" if taken.conditions is None else "; ".join(taken.conditions.notes),
    )


def _accuracy(model: str | Path, data: str | Path | None, input_range: tuple[float, float]) -> SummaryPoint:
    question = "How good are its answers?"
    if data is None:
        then = "Give data: a folder with one sub-folder of images per class, or an .npz."
        return SummaryPoint(question=question, answer="not known: no data were given", basis=OPEN, then=then)

    try:
        result = evaluate(model, data, input_range=input_range)
    except EdgewbError as error:
        reason = explain_no_score(model, error)
        return SummaryPoint(question=question, answer=reason.why, basis=OPEN, then=reason.instead)
    if result.accuracy is None:
        return SummaryPoint(question=question, answer="; ".join(errors_lines(result.errors)) if result.errors else "", basis=result.basis)
    low, high = result.accuracy.ci95
    text = f"{100 * result.accuracy.value:.1f} % right, 95 % interval {100 * low:.1f} to {100 * high:.1f} %; n = {result.accuracy.n}"
    return SummaryPoint(question=question, answer=f"{text} test examples of {clean(result.dataset, 60)}", basis=result.basis)


def _asked(question: str, answer: Callable[[], SummaryPoint], then: str) -> SummaryPoint:
    """The answer, or an open point with the reason."""
    try:
        return answer()
    except EdgewbError as error:
        return SummaryPoint(question=question, answer=clean(str(error), 300), basis=OPEN, then=then)
