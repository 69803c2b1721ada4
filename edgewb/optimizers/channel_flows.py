"""What each kind of Keras layer does with the channels of its input: passes them on, repeats, joins, or makes new ones.

Each tensor carries an array that numbers the channels of its last axis; a rule returns that of a layer's output, and says on the way
where in the layer's weights they lie and which are one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from edgewb.errors import ConversionError

Channels = npt.NDArray[np.int64]
"""The numbers of the channels along one axis of a tensor or a weight."""

ELEMENTWISE = (
    *("elu", "exponential", "gelu", "hard_sigmoid", "leaky_relu", "linear", "mish", "relu", "relu6", "selu", "sigmoid", "silu"),
    *("softplus", "softsign", "swish", "tanh"),
)
"""Activations that work on each channel by itself."""


@dataclass(frozen=True)
class Place:
    """Where channels lie in a weight: along ``axis`` of ``layer.get_weights()[weight]``. ``reads``: they are the layer's inputs."""

    layer: str
    weight: int
    axis: int
    channels: Channels
    reads: bool = False


@dataclass
class Call:
    """One use of a layer: the channels it is given, and the shapes with the batch."""

    layer: Any
    inputs: list[Channels]
    shapes: list[tuple[int | None, ...]]
    shape: tuple[int | None, ...]


@dataclass
class Walk:
    """What is collected along the graph. ``technique``: who asks, for messages."""

    technique: str = "structured pruning"
    makers: list[str] = field(default_factory=list)
    pairs: list[Channels] = field(default_factory=list)
    places: dict[tuple[str, int, int], Place] = field(default_factory=dict)
    made: dict[str, Channels] = field(default_factory=dict)
    locks: list[tuple[Channels, str]] = field(default_factory=list)
    inputs: set[str] = field(default_factory=set)

    def make(self, layer: str, n: int) -> Channels:
        """New channels; the same ones at each use of a shared layer."""
        if layer not in self.made:
            self.made[layer] = np.arange(len(self.makers), len(self.makers) + n)
            self.makers += [layer] * n
        return self.made[layer]

    def equate(self, first: Channels, second: Channels) -> None:
        self.pairs.append(np.stack(np.broadcast_arrays(first, second)).reshape(2, -1))

    def lock(self, channels: Channels, why: str) -> None:
        self.locks.append((channels, why))

    def put(self, call: Call, weight: int, axis: int, channels: Channels, reads: bool = False) -> None:
        name = call.layer.name
        known = self.places.setdefault((name, weight, axis), Place(name, weight, axis, channels, reads))
        if known.channels is not channels:  # a layer used twice: its weights see both
            self.equate(known.channels, channels)


Rule = Callable[[Walk, Call], Channels]


def _pass(walk: Walk, call: Call) -> Channels:
    return call.inputs[0]


def _input(walk: Walk, call: Call) -> Channels:
    channels = walk.make(call.layer.name, int(call.shape[-1] or 1))
    walk.lock(channels, "the model's input")
    walk.inputs.add(call.layer.name)
    return channels


def _make(walk: Walk, call: Call, read_axis: int, write_axis: int, kernel: int, read: Channels) -> Channels:
    made = walk.make(call.layer.name, int(call.shape[-1] or 1))
    walk.put(call, kernel, read_axis, read, reads=True)
    walk.put(call, kernel, write_axis, made)
    if call.layer.use_bias:
        walk.put(call, kernel + 1, 0, made)
    return made


def _convolution(walk: Walk, call: Call) -> Channels:
    if call.layer.groups != 1:
        made = walk.make(call.layer.name, int(call.shape[-1] or 1))
        for channels in (call.inputs[0], made):
            walk.lock(channels, f"the grouped convolution {call.layer.name!r}")
        return made
    return _make(walk, call, 2, 3, 0, call.inputs[0])


def _transposed(walk: Walk, call: Call) -> Channels:
    return _make(walk, call, 3, 2, 0, call.inputs[0])


def _dense(walk: Walk, call: Call) -> Channels:
    return _make(walk, call, 0, 1, 0, call.inputs[0])


def _depthwise(walk: Walk, call: Call) -> Channels:
    walk.put(call, 0, 2, call.inputs[0])
    result = np.repeat(call.inputs[0], call.layer.depth_multiplier)
    if call.layer.use_bias:
        walk.put(call, 1, 0, result)
    return result


def _separable(walk: Walk, call: Call) -> Channels:
    walk.put(call, 0, 2, call.inputs[0])
    return _make(walk, call, 2, 3, 1, np.repeat(call.inputs[0], call.layer.depth_multiplier))


def _batch_norm(walk: Walk, call: Call) -> Channels:
    axes = call.layer.axis if isinstance(call.layer.axis, list | tuple) else [call.layer.axis]
    if [int(axis) % len(call.shape) for axis in axes] != [len(call.shape) - 1]:
        raise _refusal(walk, call.layer, f"normalises axis {list(axes)}, not the channels", "normalise the last axis")
    for weight in range(len(call.layer.weights)):
        walk.put(call, weight, 0, call.inputs[0])
    return call.inputs[0]


def _prelu(walk: Walk, call: Call) -> Channels:
    alpha = call.layer.weights[0].shape
    if alpha[-1] == call.shape[-1]:
        walk.put(call, 0, len(alpha) - 1, call.inputs[0])
    return call.inputs[0]


def _lock_inputs(walk: Walk, call: Call) -> Channels:
    """A layer that mixes the channels without weights of its own for each pair, such as a softmax."""
    walk.lock(call.inputs[0], f"{type(call.layer).__name__} {call.layer.name!r}, which looks at all of its channels at once")
    return call.inputs[0]


def _merge(walk: Walk, call: Call) -> Channels:
    """Element by element; an operand of one channel is spread over those of the others."""
    widest = max(call.inputs, key=len)
    for channels in call.inputs:
        if len(channels) == len(widest):
            walk.equate(widest, channels)
        else:
            walk.lock(channels, f"{type(call.layer).__name__} {call.layer.name!r}, which spreads it over all channels")
    return widest


def _concatenate(walk: Walk, call: Call) -> Channels:
    if call.layer.axis % len(call.shape) == len(call.shape) - 1:
        return np.concatenate(call.inputs)
    return _merge(walk, call)


def _rescaling(walk: Walk, call: Call) -> Channels:
    """One scale and offset for all channels passes them on; with one for each, none may go."""
    if max(np.size(call.layer.scale), np.size(call.layer.offset)) > 1:
        walk.lock(call.inputs[0], f"Rescaling {call.layer.name!r}, which has a factor for each of its channels")
    return call.inputs[0]


def _reshape(walk: Walk, call: Call) -> Channels:
    """Flatten and Reshape: elements keep their order. Where a new channel gathers several old ones, they become one."""
    given, result = [tuple(int(d or 1) for d in shape[1:]) for shape in (call.shapes[0], call.shape)]
    rows = np.broadcast_to(call.inputs[0], given).reshape(-1, result[-1])
    walk.equate(rows[:1], rows)
    return np.array(rows[0])


def _permute(walk: Walk, call: Call) -> Channels:
    if call.layer.dims[-1] == len(call.layer.dims):
        return call.inputs[0]
    walk.lock(call.inputs[0], f"Permute {call.layer.name!r}, which moves the channels to another axis")
    made = walk.make(call.layer.name, int(call.shape[-1] or 1))
    walk.lock(made, f"Permute {call.layer.name!r}, which moves the channels to another axis")
    return made


FLOWS: dict[str, Rule] = {
    "InputLayer": _input,
    "Conv2D": _convolution,
    "Conv2DTranspose": _transposed,
    "DepthwiseConv2D": _depthwise,
    "SeparableConv2D": _separable,
    "Dense": _dense,
    "BatchNormalization": _batch_norm,
    "PReLU": _prelu,
    "Concatenate": _concatenate,
    "Permute": _permute,
    "Rescaling": _rescaling,
    **dict.fromkeys(("Flatten", "Reshape"), _reshape),
    **dict.fromkeys(("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"), _merge),
    **dict.fromkeys(("Softmax", "LayerNormalization", "GroupNormalization", "UnitNormalization", "Normalization"), _lock_inputs),
    **dict.fromkeys(
        (
            *("Activation", "ReLU", "LeakyReLU", "ELU", "ThresholdedReLU", "Dropout", "SpatialDropout2D", "GaussianNoise"),
            *("GaussianDropout", "AlphaDropout", "MaxPooling2D", "AveragePooling2D", "GlobalAveragePooling2D", "GlobalMaxPooling2D"),
            *("ZeroPadding2D", "Cropping2D", "UpSampling2D", "Resizing"),
        ),
        _pass,
    ),
}
"""What each kind of layer does with its channels. Kinds that are not listed are refused."""


def _refusal(walk: Walk, layer: Any, what: str, instead: str) -> ConversionError:
    return ConversionError(f"{walk.technique} cannot take layer {layer.name!r} of kind {type(layer).__name__}: it {what}; {instead}")


def check_form(walk: Walk, layer: Any, channels: Channels) -> None:
    """Hold a layer to what its rule takes for granted: channels last, and an activation that works on each channel by itself.

    Raises:
        ConversionError: it is otherwise.
    """
    if getattr(layer, "data_format", "channels_last") == "channels_first":
        raise _refusal(walk, layer, "has its channels first", "build the model with data_format='channels_last'")
    activation = getattr(layer, "activation", None)
    name = getattr(activation, "__name__", "")
    if name in ("softmax", "log_softmax"):
        walk.lock(channels, f"the softmax of {layer.name!r}, which looks at all of its channels at once")
    elif activation is not None and name not in ELEMENTWISE:
        raise _refusal(walk, layer, f"has the activation {name or activation!r}", f"take one of {', '.join(ELEMENTWISE)}")
