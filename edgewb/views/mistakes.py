"""Validation images that a classifier gets wrong, to be looked at. Never those of the test split: who mends what he saw there has trained
on it."""

from __future__ import annotations

import dataclasses
import html
from pathlib import Path

from edgewb.answers import read_answers
from edgewb.datasets import as_inputs, load_dataset
from edgewb.errors import InputError
from edgewb.measurements import predict
from edgewb.types import Jsonable
from edgewb.views.pictures import can_draw, picture_uri

MOST = 24
"""Shown at most."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Mistake(Jsonable):
    """An example of class ``truth``, answered ``answer`` with ``score``; ``index`` in the validation split, ``picture`` a data address."""

    index: int
    truth: str
    answer: str
    score: float
    picture: str


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class Mistakes(Jsonable):
    """What a file got wrong among the ``n`` validation examples of a data set, the surest mistakes first; at most ``MOST`` are listed."""

    dataset: str
    n: int
    wrong: int
    listed: tuple[Mistake, ...]

    @property
    def title(self) -> str:
        """How many there are, and of what."""
        return f"{self.wrong} of {self.n} validation images of {self.dataset} answered wrongly (measured)"

    def __repr__(self) -> str:
        rows = [f"  image {m.index}: a {m.truth}, taken for a {m.answer} (score {m.score:.2f})" for m in self.listed]
        return "\n".join([self.title, *rows])

    def _repr_html_(self) -> str:
        cards = "".join(
            '<figure style="display:inline-block;margin:0 1em .6em 0;text-align:center">'
            f'<img src="{mistake.picture}" width="96" height="96" style="image-rendering:pixelated" '
            f'alt="image {mistake.index}, a {html.escape(mistake.truth)}">'
            f"<figcaption><strong>{html.escape(mistake.truth)}</strong>, taken for {html.escape(mistake.answer)}<br>"
            f"score {mistake.score:.2f}</figcaption></figure>"
            for mistake in self.listed
        )
        return f"<p><strong>{html.escape(self.title)}</strong></p><div>{cards}</div>"


def show_mistakes(path: str | Path, dataset: str = "digits", *, seed: int = 0, input_range: tuple[float, float] = (0.0, 1.0)) -> Mistakes:
    """The validation images a .tflite classifier gets wrong, with what it took them for.

    Args:
        seed, input_range: those the model was trained with.

    Raises:
        InputError: no images, or a model that does not fit them.
    """
    data = load_dataset(dataset, seed=seed)
    if data.kind != "images" or not data.class_names:
        raise InputError(f"{dataset!r} is no set of images in classes: give one, such as digits")
    answers = read_answers(predict(path, as_inputs(data.validation, input_range)), data.validation.y)
    wrong = sorted((int(i) for i in (~answers.right).nonzero()[0]), key=lambda i: -float(answers.scores[i, 0]))
    drawn = can_draw()
    return Mistakes(
        dataset=data.name,
        n=len(data.validation),
        wrong=len(wrong),
        listed=tuple(
            Mistake(
                index=i,
                truth=data.class_names[int(answers.truth[i])],
                answer=data.class_names[int(answers.best[i, 0])],
                score=float(answers.scores[i, 0]),
                picture=picture_uri(data.validation.x[i]) if drawn else "",
            )
            for i in wrong[:MOST]
        ),
    )
