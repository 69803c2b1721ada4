"""Scales of activations that do not fit the biases behind them: somebody changed them after the conversion."""

from __future__ import annotations

import numpy as np

from edgewb.debugging.matches import Match
from edgewb.tflite.graphs import Graph, Tensor
from edgewb.tflite.quantization import dequantize
from edgewb.tflite.reader import read_graph


def find_moved_scales(float_graph: Graph, int8_graph: Graph, match: Match) -> dict[int, tuple[int, float]]:
    """Op -> (its input tensor, the scale its bias was made for), where the file gives that tensor another one.

    A converter makes a bias with the scale input x weights. Where that does not hold and the weights are those of the float file, the
    input's scale is what was changed.
    """
    found: dict[int, tuple[int, float]] = {}
    for index, partner in match.ops.items():
        op = int8_graph.ops[index]
        if partner is None or len(op.inputs) < 3 or min(op.inputs[:3]) < 0:
            continue
        given, weights, bias = (int8_graph.tensors[tensor] for tensor in op.inputs[:3])
        if not (weights.is_constant and weights.quantization and bias.quantization and given.quantization):
            continue
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios = bias.quantization.scales / weights.quantization.scales
        meant = float(np.median(ratios))
        if not np.isfinite(meant) or meant <= 0 or abs(meant / given.quantization.scale - 1) < 0.01:
            continue
        if np.ptp(ratios) > 0.01 * meant:  # the weights' own scales were changed
            continue
        held = float_graph.tensors[float_graph.ops[partner].inputs[1]]
        if held.is_constant and held.shape == weights.shape and abs(weight_ratio(float_graph, int8_graph, held, weights) - 1) < 0.05:
            found[index] = (given.index, meant)
    return found


def weight_ratio(float_graph: Graph, int8_graph: Graph, held: Tensor, stored: Tensor) -> float:
    """How much larger the weights of the int8 file are than the float file's: slope of the one on the other."""
    assert stored.quantization is not None
    axis = stored.quantization.axis if stored.quantization.per_channel else None
    scales, points = stored.quantization.scales, stored.quantization.zero_points
    got = dequantize(
        int8_graph.constant(stored.index), scales if axis is not None else scales[0], points if axis is not None else points[0], axis
    )
    expected = np.asarray(float_graph.constant(held.index), np.float64)
    power = float(np.sum(expected * expected))
    return float(np.sum(got * expected)) / power if power else 1.0


def with_scales(content: bytes, scales: dict[int, float]) -> bytes:
    """The file with other scales on some tensors."""
    from edgewb.tflite.rewriter import pack, unpack

    model = unpack(content, read_graph(content))
    for tensor, scale in scales.items():
        model.subgraphs[0].tensors[tensor].quantization.scale = [scale]
    return pack(model, content)
