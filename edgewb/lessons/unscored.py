"""Why a model gets no accuracy here, in a sentence for whoever expected one, and what can be said of it instead."""

from __future__ import annotations

import html
from dataclasses import dataclass
from pathlib import Path

from edgewb.compilers.log_reports import clean
from edgewb.errors import EdgewbError, ModelFileError
from edgewb.tflite.reader import read_graph
from edgewb.types import Jsonable

LEFT = (
    "Placement, size and time hold all the same. How far its outputs on one target are from those on another, value by value: "
    "`edgewb parity FILE --targets cpu:builtin,cpu:xnnpack`, or `cpu,edgetpu` with a device."
)
DEVICE = (
    "Give the file it was compiled from. With a device: `edgewb evaluate FILE --dataset FOLDER --target edgetpu` for this one, and "
    "`edgewb parity SOURCE FILE --targets cpu,edgetpu` for how far the two differ."
)


@dataclass(frozen=True, kw_only=True)
class Unscored(Jsonable):
    """``why`` there is no accuracy and no error of a regression, and what is left to say or do ``instead``."""

    why: str
    instead: str

    def __repr__(self) -> str:
        return f"No accuracy: {self.why}\n{self.instead}"

    def _repr_html_(self) -> str:
        return f"<p><b>No accuracy:</b> {html.escape(self.why)}</p><p>{html.escape(self.instead)}</p>"


def explain_no_score(model: str | Path, error: EdgewbError) -> Unscored:
    """What kept a model from being evaluated, told by the form of its inputs and outputs, or by the error where that is as it should be.

    Args:
        model: the file that was to be evaluated.
        error: what evaluating it raised.
    """
    try:
        graph = read_graph(model)
    except ModelFileError as unreadable:
        return Unscored(why=f"{clean(str(unreadable), 400)}.", instead="Nothing can be said of a file that cannot be read.")
    if graph.is_compiled:
        return Unscored(why="a compiled file runs on its device alone.", instead=DEVICE)
    inputs = [graph.tensors[index] for index in graph.inputs]
    outputs = [graph.tensors[index] for index in graph.outputs]
    if len(inputs) != 1:
        why = f"it takes {len(inputs)} inputs, and each example here is one image or one row of a table."
        return Unscored(why=why, instead=LEFT)
    if len(outputs) != 1:
        why = f"it gives {len(outputs)} outputs, as detectors do. Boxes are scored otherwise (average precision), which edgewb does not do."
        return Unscored(why=why, instead=LEFT)
    shape = outputs[0].shape
    if len(shape) > 2 and any(extent != 1 for extent in shape[1:-1]):
        why = f"its output has the shape {list(shape)}: not one number per class, but many, as a segmentation has for its pixels."
        return Unscored(why=f"{why} Such answers are scored otherwise (overlap of areas), which edgewb does not do.", instead=LEFT)
    if len(shape) >= 2 and shape[-1] == 1:
        why = f"it gives a single number, as a regression does, and these data do not fit that: {clean(str(error), 300)}."
        then = "Set DATA to an .npz with arrays x and y, y a number per example: then there are errors (MAE, RMSE, R2) instead. "
        return Unscored(why=why, instead=then + LEFT)
    return Unscored(why=f"{clean(str(error), 400)}.", instead="Data that fit the model, or another input range, mend that.")
