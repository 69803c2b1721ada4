"""One file on several targets, measured in turns: how many times as long does each take?"""

from __future__ import annotations

import contextlib
import dataclasses
import html
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from edgewb.conditions import Watch, conditions_text
from edgewb.errors import EdgewbError, InputError
from edgewb.latencies import Measurement, conclude
from edgewb.preparations import Ready, check_sample_size, make_ready, place_of
from edgewb.sampling import in_turns
from edgewb.targets import RunsElsewhere, check_different, label_targets, open_target, without_address
from edgewb.types import Basis, Conditions, Jsonable, Memory
from edgewb.watermarks import watermarks_beside

TURNS: Final = 20
RESAMPLES: Final = 2000
METHOD: Final = f"percentile bootstrap over turns, {RESAMPLES} resamples"
_LEAST_TURNS: Final = 5
"""Of fewer no interval is given."""
_TOGETHER: Final = 4_000_000
"""Numbers counted at once, for the sake of memory."""
_KEPT_PER_TURN: Final = 500
"""Of a longer turn so many evenly spaced order statistics stand for it in the bootstrap."""


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class Ratio(Jsonable):
    """The median latency of ``target`` over that of ``against``. Above 1: it takes longer.

    ``ci95``: both are resampled by whole turns, the same turns for both, and the ratio of the pooled medians taken anew; None for fewer
    than 5 turns. It covers this run on this computer, not another day or another computer.
    """

    target: str
    against: str
    basis: Basis
    ratio: float
    ci95: tuple[float, float] | None
    turns: int
    method: str = METHOD

    def __repr__(self) -> str:
        sure = "no interval" if self.ci95 is None else f"95 % interval {self.ci95[0]:.3g} to {self.ci95[1]:.3g}"
        turns = f"{self.turns} turn{'s' * (self.turns != 1)} each"
        return f"{self.target} takes {self.ratio:.3g} times as long as {self.against}: {sure} ({self.basis}, medians, {turns})"


@dataclasses.dataclass(frozen=True, kw_only=True)
class FailedTarget(Jsonable):
    """A target that gave no figure, and why."""

    target: str
    why: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class SideBySide(Jsonable):
    """One file on several targets, in turns. ``labels`` name ``measurements``, in order; ``ratios`` are those of all but the first target
    against it, none where the first failed."""

    labels: tuple[str, ...]
    measurements: tuple[Measurement, ...]
    ratios: tuple[Ratio, ...]
    failed: tuple[FailedTarget, ...]

    def __repr__(self) -> str:
        rows = self._rows()
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join(
                cell.ljust(width) if place in (0, len(row) - 1) else cell.rjust(width)
                for place, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
            for row in rows
        ]
        return "\n".join(
            [*self._watermarks(), self._title(), *(f"  {line.rstrip()}" for line in lines), *(f"  {line}" for line in self._below())]
        )

    def _repr_html_(self) -> str:
        head, *body = self._rows()
        cells = ["".join(f"<td>{html.escape(cell)}</td>" for cell in row) for row in body]
        header = "".join(f"<th>{html.escape(cell)}</th>" for cell in head)
        below = "<br>".join(html.escape(line) for line in self._below())
        rows = "".join(f"<tr>{row}</tr>" for row in cells)
        above = "".join(f"<strong>{html.escape(line)}</strong><br>" for line in self._watermarks())
        table = f"<table><tr>{header}</tr>{rows}</table>"
        return f"<p>{above}{html.escape(self._title())}</p>{table}<p><small>{below}</small></p>"

    def _watermarks(self) -> list[str]:
        return watermarks_beside((label, one.basis, one.facts) for label, one in zip(self.labels, self.measurements, strict=True))

    def _title(self) -> str:
        first = self.measurements[0]
        name = "".join(c if c.isprintable() else "?" for c in first.file)
        return f"{name}, in turns: {', '.join(dict.fromkeys(m.environment.cpu for m in self.measurements))}"

    def _rows(self) -> list[tuple[str, ...]]:
        found = {ratio.target: ratio for ratio in self.ratios}
        rows: list[tuple[str, ...]] = [
            ("target", "p50 ms", "p90 ms", "p99 ms", "first ms", "n", "ratio", "95 % interval", "threads", "basis")
        ]
        for label, measured in zip(self.labels, self.measurements, strict=True):
            ms, ratio = measured.latency_ms, found.get(label)
            interval = f"{ratio.ci95[0]:.3g} to {ratio.ci95[1]:.3g}" if ratio is not None and ratio.ci95 is not None else ""
            figures = (*(f"{value:.3g}" for value in (ms.p50, ms.p90, ms.p99, measured.first_ms)), f"{measured.runs:,}")
            share = f"{ratio.ratio:.3g}" if ratio is not None else ""
            rows.append((label, *figures, share, interval, str(measured.threads), str(measured.basis)))
        return rows

    def _below(self) -> list[str]:
        lines = []
        if self.ratios:
            lines.append(f"ratio: p50 over that of {self.ratios[0].against}; {METHOD} ({self.ratios[0].turns} turns); of this run alone")
        for label, measured in zip(self.labels, self.measurements, strict=True):
            lines += [f"{label}: {note}" for note in measured.facts.notes]
            if measured.failed is not None:
                lines.append(f"{label}: stopped after {measured.runs} calls, which are kept: {measured.failed}")
        around: dict[Conditions, list[str]] = {}  # those that ran on one computer share theirs
        for label, measured in zip(self.labels, self.measurements, strict=True):
            if measured.conditions is not None:
                around.setdefault(measured.conditions, []).append(label)
        for conditions, labels in around.items():
            name = f"{', '.join(labels)}: " if len(around) > 1 else ""
            lines += [f"{name}{line}" for line in conditions_text(conditions)]
        return lines + [f"{entry.target}: no figure: {entry.why}" for entry in self.failed]


def measure_targets(
    path: str | Path,
    targets: Sequence[str],
    runs: int = 200,
    warmup_runs: int = 10,
    seconds: float = 2.0,
    threads: int = 1,
    kernels: str = "xnnpack",
) -> SideBySide:
    """Latency of one .tflite on several targets, in turns: of two figures taken one after the other on a busy computer, one can be half
    the other for no reason in the targets.

    All hold the file at the same time. Each is warmed up, then they take ``TURNS`` turns; who begins goes round.

    Args:
        path, runs, warmup_runs, seconds, threads, kernels: as in ``latencies.measure``, for each target.
        targets: at least one of ``targets.TARGETS``, each once.

    Returns:
        A measurement for each target that gave at least one sample; the others are in ``failed``.

    Raises:
        InputError: a value out of range, an unknown target, or one named twice. EdgewbError: no target gave a figure; the first's error.
    """
    check_sample_size(runs, warmup_runs, seconds)
    if isinstance(targets, str) or not targets:
        raise InputError(f"targets {targets!r}: a list of at least one is wanted, such as ['cpu:builtin', 'cpu:xnnpack']")
    check_different(targets, kernels)
    with contextlib.ExitStack() as stack:
        watch = stack.enter_context(Watch())
        opened = [stack.enter_context(open_target(target, threads=threads, kernels=kernels)) for target in targets]
        names = ", ".join(label_targets(opened))
        watch.announce(names)
        ready: dict[int, Ready] = {}
        errors: dict[int, EdgewbError] = {}
        for place, target in enumerate(opened):
            try:
                ready[place] = make_ready(target, path, warmup_runs, seconds)
            except EdgewbError as error:
                errors[place] = error
                target.close()
        watch.start(names, threads=max(one.threads for one in opened))
        taken = dict(zip(ready, in_turns([(one.target, one.inputs) for one in ready.values()], runs, seconds, TURNS), strict=True))
        conditions = watch.stop(sum(len(turns.samples) for turns in taken.values()))
        for place, turns in taken.items():
            if not turns.samples and turns.failure is not None:
                errors[place] = turns.failure
        if len(errors) == len(opened):
            raise errors[0]
        labels = label_targets(opened)
        measurements, ratios = {}, []
        for place, turns in taken.items():
            if place in errors:
                continue
            ratio = None
            # What was not measured was not measured in turns either: a ratio would look like a comparison of devices.
            if place > 0 and 0 not in errors and opened[0].basis is opened[place].basis is Basis.MEASURED:
                ratio = _ratio(labels[place], labels[0], opened[place].basis, turns.blocks, taken[0].blocks)
                ratios.append(ratio)
            failed = None if turns.failure is None else str(turns.failure)
            one, here = opened[place], place_of(opened[place], targets[place]) is None
            there = one if isinstance(one, RunsElsewhere) else None
            around = conditions if here else None if there is None else there.remote_conditions
            measurements[place] = dataclasses.replace(
                conclude(ready[place], turns.samples, None if ratio is None else ratio.ratio, failed, around),
                # One process holds all models that run here: what each takes of its memory cannot be told.
                memory=(there.remote_memory if there is not None else None) or Memory(file_bytes=ready[place].memory.file_bytes),
            )
    return SideBySide(
        labels=tuple(labels[place] for place in measurements),
        measurements=tuple(measurements.values()),
        ratios=tuple(ratios),
        failed=tuple(
            FailedTarget(target=labels[place], why=without_address(str(error), targets[place])) for place, error in sorted(errors.items())
        ),
    )


def compare_files(
    path: str | Path,
    against: str | Path,
    target: str = "cpu",
    runs: int = 400,
    warmup_runs: int = 10,
    seconds: float = 2.0,
    turns: int = TURNS,
) -> Ratio:
    """How many times as long one .tflite takes as another on one target, both loaded at the same time and measured in turns.

    Args:
        path, against: the files; ``Ratio.target`` and ``Ratio.against`` are their names.
        runs, warmup_runs, seconds: as in ``latencies.measure``, for each file.
        turns: so many turns of each; 1 measures one after the other, and gives no interval.

    Raises:
        InputError: a value out of range, or a target whose figures are not measured. ModelFileError, TargetError: one cannot be run.
    """
    check_sample_size(runs, warmup_runs, seconds)
    if not 1 <= turns <= runs:
        raise InputError(f"turns {turns}: 1 to runs, which is {runs:,}, are possible")
    first, second = turns_of_files((path, against), target, runs, warmup_runs, seconds, turns)
    return _ratio(Path(path).name, Path(against).name, Basis.MEASURED, first, second)


def turns_of_files(
    paths: Sequence[str | Path],
    target: str,
    runs: int,
    warmup_runs: int,
    seconds: float,
    turns: int,
    between: Callable[[int], None] | None = None,
) -> list[list[list[float]]]:
    """Milliseconds of several files on one target: a list per file of its turns. Arguments and errors as in ``compare_files``.

    Args:
        between: called with 1, 2, ... once so many of all the turns are over: what happens on this computer meanwhile, for a lesson on it.
    """
    with contextlib.ExitStack() as stack:
        opened = [stack.enter_context(open_target(target)) for _ in paths]
        if opened[0].basis is not Basis.MEASURED:
            raise InputError(f"on {opened[0].name} nothing is measured ({opened[0].basis}): a ratio needs a target that runs the files")
        ready = [make_ready(one, path, warmup_runs, seconds) for one, path in zip(opened, paths, strict=True)]
        blocks: list[list[list[float]]] = [[] for _ in paths]
        done = 0
        for turn in range(turns):
            for place in range(len(paths)):
                which = (turn + place) % len(paths)
                (taken,) = in_turns([(ready[which].target, ready[which].inputs)], -(-runs // turns), seconds / turns, 1)
                if taken.failure is not None:
                    raise taken.failure
                blocks[which].extend(taken.blocks)
                done += 1
                if between is not None:
                    between(done)
        return blocks


def _ratio(target: str, against: str, basis: Basis, blocks: list[list[float]], others: list[list[float]]) -> Ratio:
    below = float(np.median(np.concatenate(others)))
    value = float(np.median(np.concatenate(blocks))) / below if below > 0 else float("nan")
    turns = min(len(blocks), len(others))
    interval = ratio_interval(blocks[:turns], others[:turns]) if turns >= _LEAST_TURNS else None
    return Ratio(target=target, against=against, basis=basis, ratio=value, ci95=interval, turns=turns)


def ratio_interval(blocks: Sequence[Sequence[float]], others: Sequence[Sequence[float]], seed: int = 0) -> tuple[float, float]:
    """95 % percentile bootstrap of a ratio of medians of two samples taken in turns; whole turns are drawn, the same ones for both.

    Source: B. Efron, R. Tibshirani, An Introduction to the Bootstrap (1993), chapters 8 (blocks) and 13 (percentiles).

    Args:
        blocks, others: milliseconds of each turn of either; as many turns of both.
        seed: of the resampling.
    """
    turns = len(blocks)
    drawn = np.random.default_rng(seed).multinomial(turns, [1 / turns] * turns, RESAMPLES)  # how often each turn is in each resample
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = _medians(blocks, drawn) / _medians(others, drawn)
    low, high = np.percentile(ratios, [2.5, 97.5])
    return float(low), float(high)


def _medians(blocks: Sequence[Sequence[float]], drawn: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """The median of each resample: ``drawn`` (resamples, turns) says how often each turn's samples are in it."""
    thinned = [_thinned(block) for block in blocks]
    turn_of = np.repeat(np.arange(len(thinned)), [len(block) for block in thinned])
    values = np.concatenate(thinned)
    order = np.argsort(values)
    values, turn_of = values[order], turn_of[order]
    medians = []
    for row in np.array_split(drawn, max(1, drawn.shape[0] * len(values) // _TOGETHER)):
        twice = 2 * np.cumsum(row[:, turn_of], axis=1)
        total = twice[:, -1:] // 2
        medians.append((values[(twice >= total).argmax(axis=1)] + values[(twice > total).argmax(axis=1)]) / 2)
    return np.concatenate(medians)


def _thinned(block: Sequence[float]) -> npt.NDArray[np.float64]:
    ordered = np.sort(np.asarray(block, dtype=np.float64))
    if len(ordered) <= _KEPT_PER_TURN:
        return ordered
    return np.asarray(ordered[np.linspace(0, len(ordered) - 1, _KEPT_PER_TURN).round().astype(int)])
