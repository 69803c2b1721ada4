"""A float net whose channels differ widely in size, and which answers as before: what quantisation suffers from, made on purpose.

Each channel of a layer is multiplied by a factor of its own, and what reads it is divided by that. Nets that were only trained can look
so, too, depthwise ones above all (Nagel et al., arXiv 1906.04721, figure 2).
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from edgewb.errors import InputError
from edgewb.tflite.graphs import Graph, Op
from edgewb.tflite.reader import read_graph
from edgewb.tflite.rewriter import pack, unpack

_WEIGHTED: Final = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"})
_EACH_CHANNEL: Final = frozenset({"MEAN", "AVERAGE_POOL_2D", "MAX_POOL_2D"})
"""Ops without weights that a positive factor passes through."""
_LINEAR: Final = frozenset({"NONE", "RELU"})


def widen_channels(float_file: bytes, octaves: float, seed: int = 0) -> bytes:
    """The same float net with every channel of its hidden layers rescaled by 2 to the power of a number from -octaves to octaves.

    Args:
        float_file: a float32 .tflite, one op after the other.
        octaves: 0 changes nothing; 4 makes the largest channel up to 256 times the smallest.
        seed: of the random factors.

    Raises:
        InputError: a net with branches, or with ops a factor does not pass through (ReLU6 is one); octaves below 0.
    """
    if not 0 <= octaves <= 8:
        raise InputError(f"octaves {octaves!r}: 0 to 8 are taken; 4 spreads channels by up to 2^4 either way")
    graph = read_graph(float_file)
    model = unpack(float_file, graph)
    values: dict[int, npt.NDArray[np.float32]] = {}

    def held(tensor: int) -> npt.NDArray[np.float32]:
        return values.setdefault(tensor, np.array(graph.constant(tensor), np.float32))

    random = np.random.default_rng(seed)
    weighted = [op for op in graph.ops if op.name in _WEIGHTED]
    for op, reader in pairwise(weighted):
        _check_between(graph, op, reader)
        channels = graph.tensors[op.outputs[0]].shape[-1]
        factors = np.exp2(random.uniform(-octaves, octaves, channels)).astype(np.float32)
        values[op.inputs[1]] = held(op.inputs[1]) * _along(op, factors, output=True)
        values[op.inputs[2]] = held(op.inputs[2]) * factors
        values[reader.inputs[1]] = held(reader.inputs[1]) / _along(reader, factors, output=False)
    for tensor, changed in values.items():
        model.buffers[graph.tensors[tensor].buffer].data = np.frombuffer(changed.astype("<f4").tobytes(), np.uint8)
    return pack(model, float_file)


def _along(op: Op, factors: npt.NDArray[np.float32], *, output: bool) -> npt.NDArray[np.float32]:
    """Factors shaped for a kernel: its first axis is the output and its last the input, but of a depthwise one the last is both."""
    if output and op.name != "DEPTHWISE_CONV_2D":
        return factors.reshape(-1, *[1] * (3 if op.name == "CONV_2D" else 1))
    return factors


def _check_between(graph: Graph, op: Op, reader: Op) -> None:
    if op.options.get("fused_activation_function", "NONE") not in _LINEAR:
        raise InputError(f"op {op.index} ({op.name}) ends in {op.options['fused_activation_function']}, through which no factor passes")
    tensor = op.outputs[0]
    while True:
        readers = graph.consumers.get(tensor, ())
        if len(readers) != 1 or len(op.inputs) < 3:
            raise InputError(f"op {op.index} ({op.name}) is read by {len(readers)} ops or has no bias: a plain chain of layers is wanted")
        if readers[0] == reader.index:
            return
        between = graph.ops[readers[0]]
        if between.name not in _EACH_CHANNEL:
            raise InputError(f"op {between.index} ({between.name}) stands between two layers, and no factor is known to pass through it")
        tensor = between.outputs[0]
