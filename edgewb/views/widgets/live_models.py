"""The classifier of a live page: what it takes, what its outputs are called, and how the bytes of a frame become its input."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from edgewb.datasets import Split, as_inputs
from edgewb.errors import InputError, ModelFileError, first_line, require
from edgewb.sketches import SIDE, read_sketch
from edgewb.targets import TensorSpec
from edgewb.targets.runtimes import read_source, tensor_specs
from edgewb.tflite.labels import MOST_BYTES, parse_labels, read_attached_labels
from edgewb.tflite.reader import load_bytes

Range = tuple[float, float]
JPEG_LIMIT: Final = 2**20
_RANGES: Final[tuple[Range, ...]] = ((0.0, 1.0), (-1.0, 1.0), (0.0, 255.0))
_SIDES: Final = (8, 1024)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Classifier:
    """A model that tells classes of pictures.

    Attributes:
        input, output: (1, height, width, 1 or 3), and any shape with one value per class.
        input_range: what black and white become; ``told`` says whether it was given, else it was told from the input's scale.
        labels_from: where the names of the classes come from, in words; "" where there are none.
        sketched: frames hold a digit somewhere, which is brought to the form of the bundled ones (``sketches``).
    """

    path: Path
    name: str
    labels: tuple[str, ...]
    labels_from: str
    input: TensorSpec
    output: TensorSpec
    input_range: Range
    told: bool
    sketched: bool

    @property
    def frame_shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of the frames that are sent: the model's own, larger where a digit is to be found in them."""
        if self.sketched:
            return (SIDE, SIDE, 1)
        _, height, width, channels = self.input.shape
        return (height, width, channels)

    def real_input(self, frame: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32] | None:
        """What the model is fed, as real values (height, width, channels), for a frame; None where nothing in it can be read."""
        return read_sketch(frame[..., 0]) if self.sketched else as_inputs(frame[np.newaxis], self.input_range)[0]

    def stored_input(self, spec: TensorSpec, frame: npt.NDArray[np.uint8]) -> npt.NDArray[Any]:
        """A frame as a target stores it, by a table of the 256 values a pixel can have: a hundred times faster than pixel by pixel."""
        return _table(spec, self.input_range)[frame][np.newaxis]


def describe_classifier(
    path: str | Path, labels: Sequence[str] | str | Path | None = None, input_range: Range | None = None, *, sketched: bool = False
) -> Classifier:
    """Read a .tflite without running it.

    Args:
        path: a source model: one picture in, one value per class out, int8, uint8 or float32.
        labels: names in the order of the outputs, or a text file with one per line; None: those attached to
            the model, where they are as many as its outputs; else "class 0", "class 1", ...
        input_range: what black and white become; None: told from the scale of a quantised input, (0, 1) for floats.
        sketched: see ``Classifier``.

    Raises:
        ModelFileError: no such model. InputError: labels that do not fit, a range that is none.
    """
    file = Path(path)
    graph = read_source(file, "cpu")
    inputs, outputs = tensor_specs(file, graph, graph.inputs), tensor_specs(file, graph, graph.outputs)
    name = file.name
    if len(inputs) != 1 or len(outputs) != 1:
        raise ModelFileError(
            f"{name} has {len(inputs)} inputs and {len(outputs)} outputs: a live page takes models of one picture and one row of classes"
        )
    given, result = inputs[0], outputs[0]
    low, high = _SIDES
    picture = len(given.shape) == 4 and given.shape[0] == 1 and given.shape[3] in (1, 3) and all(low <= n <= high for n in given.shape[1:3])
    if not picture or given.dtype.name not in ("int8", "uint8", "float32"):
        raise ModelFileError(
            f"{name} takes {given.dtype} of shape {given.shape}: one picture (1, height, width, 1 or 3) of int8, uint8 or float32 is "
            f"wanted, sides {low} to {high}"
        )
    classes = int(np.prod(result.shape))
    if classes < 2 or max(result.shape) != classes:
        raise ModelFileError(f"{name} gives {result.dtype} of shape {result.shape}: a classifier's row of at least two classes is wanted")
    if input_range is not None:
        as_inputs(np.zeros((1, 1, 1, 1)), input_range)  # refuses what is no range
    if labels is None:
        names, labels_from = _attached_labels(file, classes)
    else:
        names, labels_from = check_labels(_read_labels(labels), classes), "as given"
    return Classifier(
        path=file,
        name=name,
        labels=names,
        labels_from=labels_from,
        input=given,
        output=result,
        input_range=input_range or _likely_range(given),
        told=input_range is not None,
        sketched=sketched,
    )


def decode_frame(content: memoryview, shape: tuple[int, int, int], form: str) -> npt.NDArray[np.uint8]:
    """The pixels a page sent.

    Args:
        content: bytes of the pixels row by row, or a JPEG file.
        shape: (height, width, channels) that is wanted.
        form: "raw" or "jpeg".

    Raises:
        InputError: another size, or no JPEG.
    """
    height, width, channels = shape
    if form == "raw":
        if content.nbytes != height * width * channels:
            raise InputError(f"a frame of {content.nbytes:,} bytes came, {height * width * channels:,} are wanted: load the page again")
        return np.frombuffer(content, np.uint8).reshape(shape)
    if form != "jpeg" or content.nbytes > JPEG_LIMIT:
        raise InputError(
            f"a frame of {content.nbytes:,} bytes in the form {form[:20]!r} came: raw or jpeg, up to {JPEG_LIMIT:,} bytes, are taken"
        )
    image_module = require("PIL.Image", "data", "to read JPEG frames")
    try:
        with image_module.open(io.BytesIO(content), formats=("JPEG",)) as image:
            if image.info.get("progressive"):  # thousands of passes fit into a small file; what a canvas makes has one
                raise ValueError("progressive")
            size = image.size  # from the head of the file: nothing is unpacked before it is known to fit
            if size == (width, height):
                return np.asarray(image.convert("L" if channels == 1 else "RGB"), np.uint8).reshape(shape)
    except Exception as error:  # Pillow's decoders raise OSError, ValueError, SyntaxError, struct.error and more on damaged files
        raise InputError(f"a frame cannot be read as JPEG ({first_line(error)}): load the page again") from None
    raise InputError(f"a frame of {size[0]} x {size[1]} pixels came, {width} x {height} are wanted: load the page again")


def check_test(test: Split | None, classifier: Classifier) -> Split | None:
    """Test images that fit.

    Raises:
        InputError: they do not.
    """
    if test is None:
        return None
    given, wanted, classes = tuple(test.x.shape[1:]), tuple(classifier.input.shape[1:]), int(test.y.max()) + 1
    if given != wanted or classes > len(classifier.labels):
        raise InputError(
            f"test images of shape {given} with {classes} classes do not fit {classifier.name}, which takes {wanted} and has "
            f"{len(classifier.labels)}: give images that do, or none"
        )
    return test


def shares(scores: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.float64], bool]:
    """Scores of classes as shares that add up to 1, and whether softmax had to make them so: a model without it at its end."""
    values = scores.astype(np.float64).ravel()
    total = float(values.sum())
    if values.min() >= 0 and abs(total - 1) < 0.05:  # a quantised softmax misses 1 by some steps
        return values / total, False
    raised = np.exp(values - values.max())
    return raised / raised.sum(), True


def _likely_range(spec: TensorSpec) -> Range:
    """Of the usual ranges that one whose ends are nearest to those of the stored values."""
    if spec.scale is None or spec.zero_point is None:
        return _RANGES[0]
    ends = spec.real(np.array([np.iinfo(spec.dtype).min, np.iinfo(spec.dtype).max], spec.dtype))
    return min(_RANGES, key=lambda usual: float(np.abs(ends - usual).sum()) / (usual[1] - usual[0]))


def check_labels(names: Sequence[str], classes: int) -> tuple[str, ...]:
    """Names of the classes, one per output.

    Raises:
        InputError: more or fewer.
    """
    if len(names) != classes:
        raise InputError(f"{len(names):,} labels were given for {classes:,} classes: give one per output, in their order")
    return tuple(map(str, names))


def _attached_labels(path: Path, classes: int) -> tuple[tuple[str, ...], str]:
    """The first of the files attached to a model that names each class, and where it was found."""
    attached = read_attached_labels(load_bytes(path))
    for file, labels in attached:
        if len(labels) == classes:
            return labels, f"from {file} in the model's file"
    left_out = "; ".join(f"{file} in the model's file has {len(labels):,} and is left out" for file, labels in attached[:2])
    return tuple(f"class {number}" for number in range(classes)), left_out


def _read_labels(labels: Sequence[str] | str | Path) -> Sequence[str]:
    if not isinstance(labels, str | Path):
        return labels
    try:
        with Path(labels).open("rb") as stream:
            return parse_labels(stream.read(MOST_BYTES + 1))
    except (OSError, ValueError) as error:
        raise InputError(f"labels {str(labels)!r} cannot be read ({first_line(error)}): give a text file with one name per line") from None


@cache
def _table(spec: TensorSpec, input_range: Range) -> npt.NDArray[Any]:
    grey = np.arange(256, dtype=np.uint8).reshape(256, 1, 1, 1)
    return spec.stored(as_inputs(grey, input_range)).ravel()
