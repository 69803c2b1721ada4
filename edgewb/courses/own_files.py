"""What the reader brings to the notebook on their own model: taken where it can be used, else said why not, and replaced by an example."""

from __future__ import annotations

import html
from dataclasses import dataclass
from pathlib import Path

from edgewb.accuracies import Evaluation
from edgewb.bundles import bundled_model
from edgewb.compilers.inspections import inspect
from edgewb.compilers.log_reports import clean, size
from edgewb.datasets import load_dataset
from edgewb.errors import EdgewbError
from edgewb.lessons.example_folders import describe_folder, write_example_folder
from edgewb.lessons.unscored import Unscored, explain_no_score
from edgewb.workbench import evaluate

EXAMPLE = "dynamic_batch"
"""The bundled model that the notebook works with where the reader has none."""


@dataclass(frozen=True)
class TakenModel:
    """The file to go on with, and in words which one that is."""

    file: Path
    said: str

    def __repr__(self) -> str:
        return self.said

    def _repr_html_(self) -> str:
        return _paragraphs(self.said)


@dataclass(frozen=True)
class TakenData:
    """The data to go on with, ``yours`` if they are the reader's (else None), and both in words; ``tree`` is the folder, "" for none."""

    place: str
    yours: str | None
    said: str
    tree: str = ""

    def __repr__(self) -> str:
        return "\n".join(filter(None, (self.said, self.tree)))

    def _repr_html_(self) -> str:
        return _paragraphs(self.said) + (f"<pre>{html.escape(self.tree)}</pre>" if self.tree else "")


def _paragraphs(text: str) -> str:
    return "".join(f"<p>{html.escape(line)}</p>" for line in text.splitlines())


def take_model(path: str | Path | None) -> TakenModel:
    """The reader's .tflite if it can be read, else a model that comes with the repository.

    Args:
        path: ``~`` is the home; None where the reader has none. Anything else that cannot be used is named in a sentence, not raised.
    """
    example = bundled_model(EXAMPLE).path
    if path is None:
        return TakenModel(example, f"No model was given: {_described(example)} comes with the repository and stands in for one.")
    try:
        file = Path(path).expanduser()
        inspect(file)
    except (EdgewbError, TypeError, ValueError, RuntimeError) as error:  # the last three: what Path has to say
        return TakenModel(
            example,
            f"Your model cannot be used: {_line(error)}.\n"
            f"All below is about another one, {_described(example)}, which comes with the repository: mend MODEL, and run all cells again.",
        )
    return TakenModel(file, f"Your model: {_described(file)}.")


def take_data(data: str | Path | None, out: str | Path = "../runs/course/photos") -> TakenData:
    """The reader's data if edgewb can read them, else an example folder of digits.

    Args:
        data: a folder, an .npz, or a bundled name; None where the reader has none. What cannot be used is named in a sentence, not raised.
        out: where the example folder is written.

    Raises:
        StorageError: the example folder cannot be written.
    """
    if data is None:
        return _example(out, "No data were given: a folder of digits that comes with the repository stands in for some.")
    try:
        loaded = load_dataset(data)
    except EdgewbError as error:
        return _example(out, f"Your data cannot be used: {_line(error)}.\nA folder of digits, which comes with the repository, stands in.")
    place = Path(data).expanduser()
    return TakenData(str(data), str(data), f"Your data: {loaded!r}", describe_folder(place) if place.is_dir() else "")


def _example(out: str | Path, said: str) -> TakenData:
    folder = write_example_folder(out)
    return TakenData(str(folder), None, f"{said}\n{load_dataset(folder)!r}", describe_folder(folder))


def _described(path: Path) -> str:
    return f"{clean(path.name, 80)} ({size(path.stat().st_size)})"


def _line(error: Exception) -> str:
    return clean(str(error), 400).rstrip(".")


def evaluate_own_model(model: str | Path, data: str | Path) -> Evaluation | Unscored:
    """``edgewb.evaluate``, which also takes what has no accuracy, and says then why and what is left to say.

    Args:
        model: a .tflite file.
        data: as in ``edgewb.evaluate``; its test split is opened.
    """
    try:
        return evaluate(model, data)
    except EdgewbError as error:
        return explain_no_score(model, error)
