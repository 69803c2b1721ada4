"""What can be chosen when a model becomes a .tflite: kind, type of input and output, calibration images; each is spelled in one way."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from edgewb.errors import ConversionError, InputError

if TYPE_CHECKING:
    from edgewb.optimizers.training import TrainingData


class Conversion(StrEnum):
    """How a model becomes a .tflite."""

    FLOAT32 = "float32"
    DYNAMIC_RANGE = "dynamic_range"
    FLOAT16 = "float16"
    PTQ_INT8 = "ptq_int8"
    PTQ_INT8_PER_TENSOR = "ptq_int8_per_tensor"
    PTQ_INT8_PER_TENSOR_DENSE = "ptq_int8_per_tensor_dense"
    QAT_INT8 = "qat_int8"

    @property
    def is_int8(self) -> bool:
        """Whether every op is to be int8, and input and output unless chosen otherwise."""
        return self.is_ptq or self is Conversion.QAT_INT8

    @property
    def is_ptq(self) -> bool:
        """Whether all ranges come from calibration images."""
        return self.value.startswith("ptq_")

    @property
    def says(self) -> str:
        """One line for tables and reports."""
        return _SAYS[self]

    @property
    def buys(self) -> str:
        """What it can and cannot buy on an Edge TPU."""
        return _BUYS[self]


_SAYS = {
    Conversion.FLOAT32: "float weights and arithmetic",
    Conversion.DYNAMIC_RANGE: "int8 weights, float arithmetic between ops",
    Conversion.FLOAT16: "float16 weights, float arithmetic",
    Conversion.PTQ_INT8: "all integers after training, weight scales per channel",
    Conversion.PTQ_INT8_PER_TENSOR: "all integers after training, one weight scale per tensor",
    Conversion.PTQ_INT8_PER_TENSOR_DENSE: "all integers after training, weight scales per channel, but one per dense layer",
    Conversion.QAT_INT8: "all integers, trained on with quantisation simulated (QAT)",
}

_NOTHING_MAPS = "nothing runs on an Edge TPU: the compiler takes no float op"

_BUYS = {
    Conversion.FLOAT32: f"{_NOTHING_MAPS}; by itself it is what the others are compared with",
    Conversion.DYNAMIC_RANGE: f"{_NOTHING_MAPS}; a file of about a quarter of the size for a CPU",
    Conversion.FLOAT16: f"{_NOTHING_MAPS}; a file of about half the size for a CPU or GPU",
    Conversion.PTQ_INT8: "every op the compiler knows runs on the Edge TPU; no training; wide ranges of activations cost accuracy",
    Conversion.PTQ_INT8_PER_TENSOR: "as ptq_int8, with up to 8 bytes less a channel on the device; channels of unequal range cost accuracy",
    Conversion.PTQ_INT8_PER_TENSOR_DENSE: "as ptq_int8; for compilers before 16.0, where no dense layer with several scales was seen",
    Conversion.QAT_INT8: "maps as ptq_int8 and takes the same time; wins back accuracy that rounding costs, for the price of a training",
}


class Interface(StrEnum):
    """The type a full-integer model takes and gives."""

    INT8 = "int8"
    UINT8 = "uint8"
    FLOAT = "float"


class Selection(StrEnum):
    """Which images of the calibration split are taken where not all are."""

    RANDOM = "random"
    BALANCED = "balanced"
    FIRST = "first"


INTERFACES_BUY = {
    Interface.INT8: "input and output of one byte a value, nothing added",
    Interface.UINT8: "a camera's bytes as they are; one QUANTIZE op at each end, which the Edge TPU runs",
    Interface.FLOAT: "no scale to remember; a QUANTIZE and a DEQUANTIZE op stay on the CPU, and the program handles four times the bytes",
}

SELECTIONS_SAY = {
    Selection.RANDOM: "drawn with the seed; a smaller number is a part of a larger one",
    Selection.BALANCED: "as many of each class as of any other, drawn with the seed",
    Selection.FIRST: "the first of the split",
}


@dataclass(frozen=True)
class Choices:
    """What a name says behind its conversion. ``calibration``: number of images, None for the whole calibration split."""

    interface: Interface = Interface.INT8
    calibration: int | None = None
    selection: Selection = Selection.RANDOM

    @property
    def suffix(self) -> str:
        """The spelling of these choices behind the conversion's name; empty for the usual ones."""
        parts = [] if self.interface is Interface.INT8 else [f"_{self.interface}_io"]
        if self.calibration is not None:
            parts.append(f"_calib{self.calibration}" + ("" if self.selection is Selection.RANDOM else f"_{self.selection}"))
        return "".join(parts)

    @property
    def says(self) -> str:
        """What follows the conversion's own line; empty for the usual choices."""
        text = "" if self.interface is Interface.INT8 else f", {self.interface} input and output"
        if self.calibration is not None:
            which = {Selection.RANDOM: "random", Selection.BALANCED: "balanced by class", Selection.FIRST: "the first"}[self.selection]
            text += f", calibrated with {self.calibration} image{'s' * (self.calibration != 1)} ({which})"
        return text


MOST_CALIBRATION = 99_999
"""Beyond this a name holds no number of calibration images; the calibration split of a data set is smaller by far."""

USUAL = Choices()
"""What no suffix means."""

_KINDS = "|".join(sorted(Conversion, key=len, reverse=True))
_NAME = re.compile(
    rf"(?P<kind>{_KINDS})(?:_(?P<interface>uint8|float)_io)?(?:_calib(?P<number>[1-9][0-9]{{0,4}})(?:_(?P<selection>balanced|first))?)?"
)

GRAMMAR = "CONVERSION[_uint8_io|_float_io][_calibN[_balanced|_first]]"
"""How a conversion is spelled; int8 input and output and the whole calibration split are what no suffix means."""


def decode_conversion(text: str) -> tuple[Conversion, Choices] | None:
    """The conversion a name ends with and its choices; None for what is not spelled like one.

    Raises:
        InputError: a choice that this conversion does not have, or one spelled in another way than its own.
    """
    match = _NAME.fullmatch(text)
    if match is None:
        usual = re.sub(r"(_calib\d+(?:_balanced|_first)?)(_uint8_io|_float_io)", r"\2\1", re.sub(r"(?<=int8)_int8_io", "", text))
        if usual != text and _NAME.fullmatch(usual):
            raise InputError(f"recipe {text!r}: write {usual} (input and output before calibration; int8 is the usual one)")
        return None
    kind = Conversion(match["kind"])
    number = match["number"]
    choices = Choices(
        Interface(match["interface"] or Interface.INT8),
        None if number is None else int(number),
        Selection(match["selection"] or Selection.RANDOM),
    )
    if choices.interface is not Interface.INT8 and not kind.is_int8:
        raise InputError(f"recipe {text!r}: {kind} has float input and output; write {kind}, or ptq_int8_{choices.interface}_io")
    if number is not None and not kind.is_ptq:
        what = "takes its ranges from training" if kind is Conversion.QAT_INT8 else "is not calibrated"
        raise InputError(f"recipe {text!r}: {kind} {what}; write {kind}, or ptq_int8_calib{number}")
    return kind, choices


def calibration_refusal(recipe: str, choices: Choices, held: int, dataset: str) -> str | None:
    """Why a recipe cannot be calibrated with as many images as it says, where a data set's calibration split holds ``held``; else None."""
    wanted = choices.calibration
    if wanted is None or wanted <= held:
        return None
    fewer, all_of_them = re.sub(r"_calib\d+", f"_calib{held}", recipe), re.sub(r"_calib\d+(_balanced|_first)?", "", recipe)
    return (
        f"it asks for {wanted:,} calibration images, and {dataset} has {held:,}: write {fewer} or a smaller number, or {all_of_them} for "
        f"all {held:,}"
    )


def choose_calibration(data: TrainingData, choices: Choices, seed: int) -> npt.NDArray[np.float32]:
    """The calibration examples a recipe asks for, shape (n, *input_shape).

    Raises:
        ConversionError: the calibration split holds fewer.
    """
    wanted, held = choices.calibration, len(data.calibration_x)
    if wanted is None:
        return data.calibration_x
    if wanted > held:
        raise ConversionError(f"calib{wanted} asks for more than the {held} examples of the calibration split: take 1 to {held}")
    if choices.selection is Selection.FIRST:
        return data.calibration_x[:wanted]
    order = np.random.default_rng(seed).permutation(held)
    if choices.selection is Selection.BALANCED:
        if data.calibration_y is None or data.regression:
            raise ConversionError(
                "calibration images balanced by class need their classes: take the calibration split of a labelled data set"
            )
        labels = data.calibration_y[order]
        # The how-manieth of its class each is: all first ones, then all second ones, and so on.
        turn = np.array([np.count_nonzero(labels[:i] == label) for i, label in enumerate(labels)])
        order = order[np.argsort(turn, kind="stable")]
    return data.calibration_x[order[:wanted]]
