"""What a classifier answered, example by example: the classes it mixes up, and the examples to which a variant answers otherwise."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgewb.errors import InputError
from edgewb.intervals import wilson_interval
from edgewb.types import Accuracy, Answers, Basis, ClassAccuracy, Confused, Flip, Flips

TOP = 5
MAX_FLIPS = 200
"""Listed in a record; the counts are of all."""
MAX_CONFUSED = 5000
"""Kinds of mistakes kept in a record: about 200 kB of JSON."""


@dataclass(frozen=True, eq=False)
class Predictions:
    """The answers to N examples.

    Attributes:
        truth: (N,) int64, the class of each example.
        best: (N, k) int32, the k = min(5, classes) classes with the highest scores, highest first; of equal ones the first class first,
            as ``argmax`` does.
        scores: (N, k) float32, their scores as the file gives them (probabilities or logits).
        rank: (N,) int32 from 1, the place of the true class. A class with the same score counts as before it, so that a file whose
            scores are rounded to the same value gains nothing by that; a right answer has rank 1.
    """

    truth: npt.NDArray[np.int64]
    best: npt.NDArray[np.int32]
    scores: npt.NDArray[np.float32]
    rank: npt.NDArray[np.int32]

    @property
    def right(self) -> npt.NDArray[np.bool_]:
        """(N,) bool: the highest score is that of the true class."""
        right: npt.NDArray[np.bool_] = self.best[:, 0] == self.truth
        return right

    @property
    def arrays(self) -> tuple[npt.NDArray[np.generic], ...]:
        """What a comparison with these depends on."""
        return self.best, self.scores, self.rank

    def to_bytes(self) -> bytes:
        """As an .npz, see ``from_bytes``."""
        stream = io.BytesIO()
        np.savez_compressed(stream, truth=self.truth, best=self.best, scores=self.scores, rank=self.rank)
        return stream.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> Predictions:
        """The inverse of ``to_bytes``."""
        with np.load(io.BytesIO(content), allow_pickle=False) as kept:
            return cls(kept["truth"], kept["best"], kept["scores"], kept["rank"])


def read_answers(outputs: npt.NDArray[np.float32], truth: npt.NDArray[np.integer]) -> Predictions:
    """Answers, their scores and the rank of the true class.

    Args:
        outputs: (N, classes) finite scores.
        truth: (N,) classes.
    """
    order = np.argsort(-outputs, axis=1, kind="stable")[:, :TOP]
    scores = np.take_along_axis(outputs, order, axis=1)
    at_truth = np.take_along_axis(outputs, truth[:, None].astype(np.int64), axis=1)
    rank = np.where(order[:, 0] == truth, 1, (outputs >= at_truth).sum(axis=1))
    return Predictions(truth.astype(np.int64), order.astype(np.int32), scores.astype(np.float32), rank.astype(np.int32))


def count_answers(
    predictions: Predictions,
    class_names: tuple[str, ...],
    target: str,
    reference: Predictions | None = None,
    against: str = "float32",
    basis: Basis = Basis.MEASURED,
) -> Answers:
    """Answers per class, mistakes per pair of classes, top-5 and flips, with Wilson intervals where there are shares.

    Args:
        class_names: of every class, in order.
        target: where the answers came from.
        reference: the answers to the same examples that flips are counted against.

    Raises:
        InputError: the reference is of other examples.
    """
    truth, answer, right = predictions.truth, predictions.best[:, 0], predictions.right
    n = len(truth)
    pairs, counts = np.unique(np.stack([truth[~right], answer[~right]]), axis=1, return_counts=True)
    mistakes = zip(pairs[0].tolist(), pairs[1].tolist(), counts.tolist(), strict=True)
    top5 = None
    if len(class_names) > TOP:
        among = int((predictions.rank <= TOP).sum())
        top5 = Accuracy(value=among / n, n=n, ci95=wilson_interval(among, n), correct=among, target=target, basis=basis)
    return Answers(
        class_names=class_names,
        n=n,
        top5=top5,
        classes=tuple(
            _class_accuracy(name, int((truth == label).sum()), int(right[truth == label].sum()))
            for label, name in enumerate(class_names)
            if (truth == label).any()
        ),
        confusion=tuple(Confused(truth=t, answer=a, n=k) for t, a, k in mistakes) if len(counts) <= MAX_CONFUSED else None,
        flips=None if reference is None else _flips(predictions, reference, against),
        basis=basis,
    )


def _class_accuracy(name: str, n: int, correct: int) -> ClassAccuracy:
    return ClassAccuracy(name=name, n=n, correct=correct, ci95=wilson_interval(correct, n))


def _flips(variant: Predictions, reference: Predictions, against: str) -> Flips:
    if not np.array_equal(variant.truth, reference.truth):
        raise InputError("flips need the same examples twice, in the same order: give the answers of both to one split")
    differs = variant.best[:, 0] != reference.best[:, 0]
    lost, gained = reference.right & differs, variant.right & differs
    otherwise = differs & ~lost & ~gained
    order = np.concatenate([np.flatnonzero(which) for which in (lost, gained, otherwise)])
    return Flips(
        against=against,
        lost=int(lost.sum()),
        gained=int(gained.sum()),
        otherwise_wrong=int(otherwise.sum()),
        listed=tuple(
            Flip(
                index=i,
                truth=int(variant.truth[i]),
                reference=int(reference.best[i, 0]),
                variant=int(variant.best[i, 0]),
                reference_score=float(reference.scores[i, 0]),
                variant_score=float(variant.scores[i, 0]),
            )
            for i in order[:MAX_FLIPS].tolist()
        ),
    )
