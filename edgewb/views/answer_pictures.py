"""Images beside what a classifier answered: for people who would rather look than read."""

from __future__ import annotations

import html
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgewb.accuracies import predict
from edgewb.answers import read_answers
from edgewb.datasets import Split
from edgewb.errors import InputError
from edgewb.types import Basis, Jsonable
from edgewb.views.pictures import picture_uri

_MOST = 60


@dataclass(frozen=True, kw_only=True)
class AnswerPicture(Jsonable):
    """One image: ``index`` in its split, ``picture`` as a data: address, true class, answer, the answer's score as the file gives it."""

    index: int
    picture: str
    truth: str
    answer: str
    score: float

    @property
    def right(self) -> bool:
        """Whether the answer is the truth."""
        return self.truth == self.answer


@dataclass(frozen=True, kw_only=True)
class AnswerPictures(Jsonable):
    """Some images of a split with their answers, and how many of all n were right (measured here, on the cpu)."""

    pictures: tuple[AnswerPicture, ...]
    right: int
    n: int
    basis: Basis = Basis.MEASURED

    @property
    def summary(self) -> str:
        """How many of how many, in words."""
        return f"{self.right} of {self.n} answers are right ({self.basis} on this computer's processor)."

    def __repr__(self) -> str:
        shown = (f"{each.index}: {each.answer} for {each.truth} ({each.score:.2f})" for each in self.pictures)
        return "\n".join([self.summary, *shown])

    def _repr_html_(self) -> str:
        cards = []
        for each in self.pictures:
            truth, answer = html.escape(each.truth), html.escape(each.answer)
            words = f"{answer}" if each.right else f"<b>{answer}</b> for {truth}"
            edge = "transparent" if each.right else "#d55e00"
            cards.append(
                f'<figure style="margin: 0; text-align: center; border-bottom: 4px solid {edge}">'
                f'<img src="{each.picture}" width="64" height="64" style="image-rendering: pixelated" '
                f'alt="test example {each.index}, a {truth}">'
                f'<figcaption style="font-size: 90%">{words}<br>score {each.score:.2f}</figcaption></figure>'
            )
        return f'<p>{self.summary}</p><div style="display: flex; flex-wrap: wrap; gap: 12px">{"".join(cards)}</div>'


def show_answers(file: str | Path, split: Split, count: int = 8, mistakes: int = 4) -> AnswerPictures:
    """Run a classifier of images over a split and show some of its answers.

    Args:
        file: an int8 or float .tflite that takes values from 0 to 1.
        split: images (n, height, width, channels) in 0..1, and their classes.
        count: how many of the first images are shown.
        mistakes: how many of the wrong answers are shown after them.

    Raises:
        InputError: a number that makes no sense, or a model that does not fit the images.
    """
    if not (0 <= count <= _MOST and 0 <= mistakes <= _MOST):
        raise InputError(f"count {count} and mistakes {mistakes}: from 0 to {_MOST} images can be shown")
    predictions = read_answers(predict(file, split.x), split.y)
    wrong = np.flatnonzero(~predictions.right)
    chosen = dict.fromkeys([*range(min(count, len(split.y))), *(int(index) for index in wrong[:mistakes])])
    return AnswerPictures(
        pictures=tuple(
            AnswerPicture(
                index=index,
                picture=picture_uri(split.x[index]),
                truth=str(predictions.truth[index]),
                answer=str(predictions.best[index, 0]),
                score=float(predictions.scores[index, 0]),
            )
            for index in chosen
        ),
        right=int(predictions.right.sum()),
        n=len(split.y),
    )
