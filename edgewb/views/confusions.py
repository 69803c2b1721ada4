"""The data behind "what changed" in the report: per class, per pair of classes, and the examples that flipped. No HTML here."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from edgewb.records.formats import percent
from edgewb.types import Answers, Flips, Jsonable, Record
from edgewb.views.readings import joined

MAX_GRID_CLASSES = 20
"""More classes than this do not fit a page as a grid: the pairs that changed most are listed instead."""
MAX_PAIRS = 12
MAX_PICTURES = 24


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClassRow(Jsonable):
    """One class: test examples, right answers of the variant with the 95 % Wilson interval in percent, and those of the reference."""

    name: str
    n: int
    correct: int
    low_percent: str
    high_percent: str
    reference_correct: int | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class PairRow(Jsonable):
    """Examples of class ``truth`` answered ``answer``, by both. ``worse``: the variant has more mistakes, or fewer right answers."""

    truth: str
    answer: str
    reference: int
    variant: int

    @property
    def change(self) -> int:
        return self.variant - self.reference

    @property
    def worse(self) -> bool:
        return (self.change > 0) == (self.truth != self.answer)


@dataclasses.dataclass(frozen=True, kw_only=True)
class FlipCard(Jsonable):
    """An example that flipped, with the names of the classes; ``kind`` is "lost", "gained" or "wrong in both"."""

    index: int
    kind: str
    truth: str
    reference: str
    variant: str
    reference_score: float
    variant_score: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class ConfusionInfo(Jsonable):
    """What one variant answers, and what it answers otherwise than its reference.

    Attributes:
        against: name of the reference; "" where there is none, and then only ``classes`` is filled.
        grid: (classes, classes) of cells, rows by truth, columns by answer; None with more than ``MAX_GRID_CLASSES``.
        pairs: the mistakes that changed most, at most ``MAX_PAIRS``, of ``changed_pairs``.
        cards: the flips to show, at most ``MAX_PICTURES``, of ``flipped``.
    """

    against: str
    n: int
    basis: str
    class_names: tuple[str, ...]
    classes: tuple[ClassRow, ...]
    grid: tuple[tuple[PairRow, ...], ...] | None = None
    largest_change: int = 0
    pairs: tuple[PairRow, ...] = ()
    changed_pairs: int = 0
    cards: tuple[FlipCard, ...] = ()
    lost: int = 0
    gained: int = 0
    otherwise_wrong: int = 0

    @property
    def flipped(self) -> int:
        return self.lost + self.gained + self.otherwise_wrong


def confusion_info(record: Record, records: Sequence[Record]) -> ConfusionInfo | None:
    """Classes, changed pairs and flips of a record, compared with its reference among ``records``; None without answers."""
    answers = record.answers
    if answers is None:
        return None
    against = record.accuracy_delta.against if record.accuracy_delta is not None else ""
    found = [r.answers for r in records if against and r.recipe == against and r.dataset_fingerprint == record.dataset_fingerprint]
    reference = next((a for a in found if a is not None and a.class_names == answers.class_names and a.n == answers.n), None)
    info = ConfusionInfo(
        against=against if reference is not None else "",
        n=answers.n,
        basis=str(answers.basis),
        class_names=answers.class_names,
        classes=_class_rows(answers, reference),
    )
    if reference is None:
        return info
    if answers.flips is not None:
        info = dataclasses.replace(
            info,
            cards=_cards(answers.class_names, answers.flips),
            lost=answers.flips.lost,
            gained=answers.flips.gained,
            otherwise_wrong=answers.flips.otherwise_wrong,
        )
    if answers.confusion is None or reference.confusion is None:
        return info
    return _with_pairs(info, _cells(answers), _cells(reference))


def _with_pairs(info: ConfusionInfo, variant: Mapping[tuple[int, int], int], reference: Mapping[tuple[int, int], int]) -> ConfusionInfo:
    names = info.class_names

    def pair(truth: int, answer: int) -> PairRow:
        cell = (truth, answer)
        return PairRow(truth=names[truth], answer=names[answer], reference=reference.get(cell, 0), variant=variant.get(cell, 0))

    changed = [p for t, a in sorted({*variant, *reference}) if t != a and (p := pair(t, a)).change]
    changed.sort(key=lambda p: -abs(p.change))
    labels = range(len(names))
    grid = tuple(tuple(pair(t, a) for a in labels) for t in labels) if len(names) <= MAX_GRID_CLASSES else None
    largest = max((abs(p.change) for row in grid for p in row), default=0) if grid else 0
    return dataclasses.replace(info, grid=grid, largest_change=largest, pairs=tuple(changed[:MAX_PAIRS]), changed_pairs=len(changed))


def _cells(answers: Answers) -> dict[tuple[int, int], int]:
    """The whole confusion matrix, sparse: the mistakes kept, and on the diagonal the right answers."""
    cells = {(c.truth, c.answer): c.n for c in answers.confusion or ()}
    labels = iter(enumerate(answers.class_names))
    for each in answers.classes:  # in the order of the classes, some of which may be absent
        label = next(i for i, name in labels if name == each.name)
        if each.correct:
            cells[label, label] = each.correct
    return cells


def _class_rows(answers: Answers, reference: Answers | None) -> tuple[ClassRow, ...]:
    # The examples are the same, so the classes that have any are the same, too.
    before = [c.correct for c in reference.classes] if reference and len(reference.classes) == len(answers.classes) else None
    return tuple(
        ClassRow(
            name=each.name,
            n=each.n,
            correct=each.correct,
            low_percent=percent(each.ci95[0]),
            high_percent=percent(each.ci95[1]),
            reference_correct=before[i] if before else None,
        )
        for i, each in enumerate(answers.classes)
    )


def _cards(names: tuple[str, ...], flips: Flips) -> tuple[FlipCard, ...]:
    return tuple(
        FlipCard(
            index=f.index,
            kind="lost" if f.reference == f.truth else "gained" if f.variant == f.truth else "wrong in both",
            truth=names[f.truth],
            reference=names[f.reference],
            variant=names[f.variant],
            reference_score=f.reference_score,
            variant_score=f.variant_score,
        )
        for f in flips.listed[:MAX_PICTURES]
    )


def read_confusion(info: ConfusionInfo) -> str:
    """What changed, in a sentence or two."""
    if not info.against:
        return f"Right answers per class, n = {info.n} test examples ({info.basis})."
    if not info.flipped:
        return f"None of the {info.n} test examples is answered otherwise than by {info.against} ({info.basis})."
    text = f"{info.flipped} of {info.n} test examples are answered otherwise than by {info.against} ({info.basis}): "
    text += f"{info.lost} lost, {info.gained} gained, {info.otherwise_wrong} wrong in both"
    for worse, word in ((True, "More"), (False, "Fewer")):
        if some := [p for p in info.pairs if p.worse is worse][:3]:
            text += f". {word} often: " + joined([f"{p.truth} taken for {p.answer} ({p.reference} to {p.variant})" for p in some])
    return text + "."
