"""Why an op costs what it costs: the ranges behind its error, and what helps."""

from __future__ import annotations

from typing import Final

import numpy as np

from edgewb.debugging.layer_errors import SEEN, Bench, Floats, OwnError, channel_sizes, scheme, share_beyond
from edgewb.debugging.results import ActivationRange, Layer, WeightRange
from edgewb.tflite.graphs import Tensor
from edgewb.tflite.quantization import dequantize

COSTLY_DB: Final = 20.0
"""Signal to noise at the outputs, in decibels, below which one layer costs more than rounding does: an error of a tenth of the spread.
Of 20 undamaged nets the costliest layers left 23.7 dB and more, 42 in the median; the lowest, a table's input, for one row."""
EVIDENT: Final = ("scale", "weights", "bias")
"""Causes that are read from the files, whatever they cost: rounding cannot make them."""
DEAD: Final = "dead"
"""A layer that gives 0 whatever comes in, in the float net too: no fault of the conversion."""
_HUGE: Final = 32.0
"""Largest over median channel from which on one channel takes the range of the others: of 255 steps, 8 are left to the median one."""
_CLIPPING: Final = 1e-3
_OFTEN: Final = 1e-2
"""Shares of values beyond a range. A calibration with 100 examples leaves some tenths of a percent of others beyond: no cause, unless the
op costs something."""
_FELT: Final = 1e-3
"""Noise to signal at the outputs, 30 dB."""
_HARDLY_USED: Final = 0.25
"""Two of eight bits unused."""
_CHANGED: Final = 0.01
_CHANGED_CHANNEL: Final = 0.1
"""Shares of weights more than a step away from the float model's, of all and of the worst channel. Rounding moves none so far."""
_UNEVEN_WEIGHTS: Final = 16.0
_WIDENED: Final = 1.1e-6
"""A range narrower than 1e-6, of a layer that gives only zeros, say, is widened by 1e-6 either way by TensorFlow's converter (measured)."""
_CHOOSING: Final = ("MAXIMUM", "MINIMUM")
_WITH_KERNEL: Final = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV")


def explain_layers(bench: Bench, errors: list[OwnError]) -> list[Layer]:
    """Each op's error with the ranges behind it, its cause and the remedy; the costliest first, ops behind the outputs last.

    Among those that cost no more than rounding, an op that the files give away stands before the others.
    """

    def rank(layer: Layer) -> tuple[bool, float]:
        level = 1e3 if layer.output_sqnr_db is None else layer.output_sqnr_db
        return level >= COSTLY_DB and layer.cause not in EVIDENT, level

    return sorted((_explain(bench, error) for error in errors), key=rank)


def decibels(noise_to_signal: float) -> float:
    """Signal to noise in decibels, from -120 to 120: also where there is no signal, as of an op that gives one value for everything."""
    return -10 * float(np.log10(np.clip(noise_to_signal, SEEN, 1 / SEEN)))


def _explain(bench: Bench, error: OwnError) -> Layer:
    weights, activations = _weights(bench, error), _activations(bench, error)
    cause = _cause(bench, error, weights, activations)
    says, remedy = _words(cause, error, weights, activations)
    return Layer(
        op=error.op,
        kind=error.kind,
        name=error.name,
        n=error.n,
        output_sqnr_db=None if error.noise is None else decibels(error.noise),
        flips=error.flips,
        sqnr_db=decibels(error.nsr),
        mse=error.mse,
        cosine=error.cosine,
        saturated=error.saturated,
        accumulated_sqnr_db=decibels(error.accumulated_nsr),
        weights=weights,
        activations=activations,
        cause=cause,
        says=says,
        remedy=remedy,
    )


def _activations(bench: Bench, error: OwnError) -> ActivationRange:
    tensor = bench.int8_graph.tensors[error.tensor]
    values = bench.values[bench.match.tensors[error.tensor]]
    scale, point = scheme(tensor)
    limits = np.iinfo(tensor.dtype)
    low, high = scale * (limits.min - point), scale * (limits.max - point)
    percentiles = tuple(float(value) for value in np.percentile(values, (0.1, 50, 99.9)))
    sizes = channel_sizes(values)
    middle = float(np.median(sizes[sizes > 0])) if (sizes > 0).any() else 0.0
    return ActivationRange(
        low=low,
        high=high,
        true_low=float(values.min()),
        true_high=float(values.max()),
        percentiles=(percentiles[0], percentiles[1], percentiles[2]),
        used=_used(values, tensor),
        channel_ratio=float(sizes.max()) / middle if len(sizes) > 1 and middle else None,
    )


def _used(values: Floats, tensor: Tensor) -> float:
    """Share of what a tensor can hold between the 0.1th and the 99.9th percentile of ``values``."""
    bottom, top = np.percentile(values, (0.1, 99.9))
    limits = np.iinfo(tensor.dtype)
    # Zero is in every range: nothing can be stored without it.
    return (max(float(top), 0.0) - min(float(bottom), 0.0)) / (scheme(tensor)[0] * (limits.max - limits.min))


def _weights(bench: Bench, error: OwnError) -> WeightRange | None:
    """None for ops without a kernel, or where the two files lay it out differently."""
    partner = bench.match.ops.get(error.op)
    if error.op < 0 or partner is None or error.kind not in _WITH_KERNEL:
        return None
    stored_in, held_in = bench.int8_graph.ops[error.op].inputs, bench.float_graph.ops[partner].inputs
    if len(stored_in) < 2 or min(*stored_in[:2], *held_in[:2]) < 0:
        return None
    stored, held = bench.int8_graph.tensors[stored_in[1]], bench.float_graph.tensors[held_in[1]]
    if not (stored.is_constant and held.is_constant and held.dtype == "float32" and stored.quantization and stored.shape == held.shape):
        return None
    expected = np.asarray(bench.float_graph.constant(held.index), np.float32)
    got, step = _real(bench, stored)
    axis = 3 if error.kind == "DEPTHWISE_CONV_2D" else 0
    sizes = np.abs(np.moveaxis(expected, axis, 0)).reshape(expected.shape[axis], -1).max(axis=1)
    bias = None
    place = 3 if error.kind == "TRANSPOSE_CONV" else 2
    if min(len(stored_in), len(held_in)) > place and min(stored_in[place], held_in[place]) >= 0:
        found, wanted = bench.int8_graph.tensors[stored_in[place]], bench.float_graph.tensors[held_in[place]]
        if found.is_constant and wanted.is_constant and found.quantization and found.shape == wanted.shape:
            truth = np.asarray(bench.float_graph.constant(wanted.index), np.float32)
            real, width = _real(bench, found)
            bias = float(np.mean(np.abs(real - truth) > width + 0.01 * max(float(np.abs(truth).max()), 1e-30)))
    away = np.moveaxis(np.abs(got - expected) > step, axis, 0).reshape(expected.shape[axis], -1).mean(axis=1)
    return WeightRange(
        channels=len(sizes),
        smallest=float(sizes.min()),
        median=float(np.median(sizes)),
        largest=float(sizes.max()),
        per_channel=stored.quantization.per_channel,
        differing=float(away.mean()),
        channel_differing=float(away.max()),
        bias_differing=bias,
    )


def _real(bench: Bench, tensor: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """The values a constant stands for, and its step, broadcast to them."""
    quantization = tensor.quantization
    assert quantization is not None
    axis = quantization.axis if quantization.per_channel else None
    one = slice(None) if axis is not None else 0
    values = dequantize(bench.int8_graph.constant(tensor.index), quantization.scales[one], quantization.zero_points[one], axis)
    layout = [1] * max(1, len(tensor.shape))
    layout[axis or 0] = len(quantization.scales)
    return values, quantization.scales.reshape(layout)


def _cause(bench: Bench, error: OwnError, weights: WeightRange | None, activations: ActivationRange) -> str:
    if any(tensor == error.tensor for tensor, _ in bench.moved.values()) or _beside_zero(bench, error):
        return "scale"
    if weights is not None and (weights.differing > _CHANGED or weights.channel_differing > _CHANGED_CHANNEL):
        return "weights"
    if weights is not None and weights.bias_differing:
        return "bias"
    if activations.true_low == activations.true_high == 0:
        return DEAD
    if _uneven(bench, error, activations):
        return "channels"
    if _beyond(bench, error) > (_CLIPPING if (error.noise or 0.0) > _FELT else _OFTEN):
        return "narrow"
    if activations.used < _HARDLY_USED and _used_by_all(bench, error.tensor) < _HARDLY_USED:
        return "wide"
    if weights is not None and not weights.per_channel and weights.largest > _UNEVEN_WEIGHTS * max(weights.smallest, 1e-30):
        return "per_tensor"
    return "rounding"


def _beside_zero(bench: Bench, error: OwnError) -> bool:
    """A ReLU gives nothing below 0, so that a converter begins its range there: a range that begins elsewhere was changed."""
    tensor = bench.int8_graph.tensors[error.tensor]
    fused = bench.int8_graph.ops[error.op].options.get("fused_activation_function") if error.op >= 0 else None
    if fused not in ("RELU", "RELU6") or tensor.dtype == "int16":  # 16 bits have their zero in the middle always
        return False
    scale, point = scheme(tensor)
    return scale * (np.iinfo(tensor.dtype).min - point) < -_WIDENED and _joined(bench, error.tensor) is None


def _joined(bench: Bench, tensor: int) -> int | None:
    """The result under whose one scale this and others are read further on, as CONCATENATION wants it: the converter set theirs by it."""
    graph = bench.int8_graph
    for op in (graph.ops[reader] for reader in graph.consumers.get(tensor, ())):
        alike = {t.index for t in (*graph.input_tensors(op), graph.tensors[op.outputs[0]]) if _same_scheme(t, graph.tensors[tensor])}
        if op.outputs[0] not in alike:
            continue
        further = _joined(bench, op.outputs[0])
        if further is not None or len(alike) > 2:
            return op.outputs[0] if further is None else further
    return None


def _used_by_all(bench: Bench, tensor: int) -> float:
    """How much of a tensor's range those use that share it: a small branch may need little of what is joined."""
    joined = _joined(bench, tensor)
    if joined not in bench.match.tensors:
        return 0.0
    return _used(bench.values[bench.match.tensors[joined]], bench.int8_graph.tensors[joined])


def _beyond(bench: Bench, error: OwnError) -> float:
    """Share of an op's results beyond its range. Of one that only MAXIMUM or MINIMUM read, of their results: they want no more of it."""
    graph = bench.int8_graph
    readers = [graph.ops[reader] for reader in graph.consumers.get(error.tensor, ())]
    results = [op.outputs[0] for op in readers if op.name in _CHOOSING and op.outputs[0] in bench.match.tensors]
    here = graph.tensors[error.tensor]
    if not results or len(results) < len(readers) or not all(_same_scheme(here, graph.tensors[result]) for result in results):
        return error.saturated
    return max(share_beyond(bench.values[bench.match.tensors[result]], here, *scheme(here)) for result in results)


def _same_scheme(first: Tensor, second: Tensor) -> bool:
    one, other = first.quantization, second.quantization
    if first.dtype != second.dtype or one is None or other is None or one.per_channel or other.per_channel:
        return False
    return (one.scale, one.zero_point) == (other.scale, other.zero_point)


def _uneven(bench: Bench, error: OwnError, activations: ActivationRange) -> bool:
    return (activations.channel_ratio or 0.0) > _HUGE or bench.is_undone(error.op)


def _words(cause: str, error: OwnError, weights: WeightRange | None, activations: ActivationRange) -> tuple[str, str]:
    held = f"{activations.low:.3g}..{activations.high:.3g}"
    true = f"{activations.true_low:.3g}..{activations.true_high:.3g}"
    share = f"{100 * activations.used:.2g} % of its range {held} is used (0.1th to 99.9th percentile)"
    if cause == "scale":
        return (
            f"the file's range of its result, {held}, is not what a converter writes: it does not fit the biases behind it, or does not "
            f"begin at 0 though nothing below comes out; the float net gives {true}",
            "convert again: scale or zero point in the file were changed",
        )
    if cause == "weights":
        assert weights is not None
        return (
            f"{100 * weights.differing:.2g} % of its weights, {100 * weights.channel_differing:.2g} % of those of one of its "
            f"{weights.channels} channels, are more than one step away from the float model's",
            "convert again from this float model (a file that was trained on, by QAT say, is compared with its own float model)",
        )
    if cause == "bias":
        assert weights is not None
        return (
            f"{100 * (weights.bias_differing or 0):.2g} % of its biases are not the float model's",
            "convert again from this float model (a file that was trained on, by QAT say, is compared with its own float model)",
        )
    if cause == DEAD:
        return (
            f"it gives 0 for all of {error.n} examples, in the float net as well: it is dead, and what comes "
            "into it reaches nothing behind it",
            "mend the float net, not its conversion: look at its biases (far below 0 before a ReLU), at a learning rate that was too "
            "large, and at weights pruned away; train it again, or take the layer out",
        )
    if cause == "channels":
        ratio = f"the largest channel is {activations.channel_ratio:.3g} times the median one" if activations.channel_ratio else ""
        return (
            f"its channels differ in size and share one range {held}: {ratio}",
            "equalise its channels with the next layer's before converting (cross-layer equalisation), or train with QAT",
        )
    if cause == "narrow":
        return (
            f"{100 * error.saturated:.2g} % of its results lie beyond the range {held}; the float net gives {true}",
            "calibrate with data like those the model meets (more of them, prepared as in training), then convert again",
        )
    if cause == "wide":
        return (
            f"only {share}; the float net gives {true}",
            "look for outliers or wrongly prepared data in the calibration set, then convert again",
        )
    if cause == "per_tensor":
        assert weights is not None
        return (
            f"one scale for weights whose channels reach from {weights.smallest:.3g} to {weights.largest:.3g}",
            "convert with one scale per channel (ptq_int8), equalise, or train with QAT",
        )
    return f"rounding alone: {share}", "if it still costs too much: QAT, or this layer in float (on an Edge TPU it would run on the CPU)"
