"""A study of the reader's own model and data, where all it takes is there; else one line on what is missing."""

from __future__ import annotations

import html
import importlib.util
from dataclasses import dataclass
from pathlib import Path

from edgewb.errors import EdgewbError
from edgewb.tflite.reader import read_graph
from edgewb.workbench import Study, run


@dataclass(frozen=True)
class NothingRun:
    """Why no study was run, and what would change that."""

    why: str

    def __repr__(self) -> str:
        return f"Nothing was run: {self.why}"

    def _repr_html_(self) -> str:
        return f"<p><b>Nothing was run:</b> {html.escape(self.why)}</p>"


def study_own_model(
    model: str | Path | None, data: str | Path | None, recipes: str = "float32,ptq_int8", out: str = "../runs/course/own"
) -> Study | NothingRun:
    """``edgewb.run`` on what the reader has.

    Args:
        model: a float model (.keras, .h5, SavedModel, .tflite); None trains a small network.
        data: a folder with one of images for each class, an .npz, a bundled name; None runs nothing.
        recipes, out: as in ``edgewb.run``. What that finds wrong with model or data is a reason to run nothing, not an error.
    """
    if data is None:
        return NothingRun("there are no data. Set DATA to a folder with one sub-folder of images per class.")
    if model is not None and Path(model).suffix == ".tflite":
        graph = read_graph(model)
        if graph.is_compiled:
            return NothingRun("the model is compiled already. Give the float model it came from.")
        if any(tensor.dtype in ("int8", "uint8") for op in graph.ops for tensor in graph.output_tensors(op)):
            return NothingRun("the model is quantised already, so there is nothing to make of it. Give the float model it came from.")
    if importlib.util.find_spec("tf_keras") is None:
        return NothingRun(
            "conversion needs TensorFlow, which is not installed here. `make setup` in a clone of the repository installs it."
        )
    try:
        return run(data, recipes, model=model, out=out)
    except EdgewbError as error:
        return NothingRun(str(error))
