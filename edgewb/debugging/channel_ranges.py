"""How the channels of a layer's result share the 256 steps that int8 has for all of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgewb.debugging.layer_errors import Runner
from edgewb.errors import InputError
from edgewb.tflite.reader import load_bytes, read_graph
from edgewb.types import Basis, Jsonable

STEPS = 255
"""Between the least and the largest of 256 stored values."""


@dataclass(frozen=True, kw_only=True)
class ChannelRanges(Jsonable):
    """One layer's result in a float file over ``n`` examples, one number per channel.

    ``low`` and ``high``: the least and the largest value, 0 always among them. ``steps``: how many of the 255 steps between the whole
    tensor's ends a channel spans, where one scale serves all of them, as it does in int8.
    """

    op: int
    kind: str
    low: tuple[float, ...]
    high: tuple[float, ...]
    steps: tuple[float, ...]
    n: int
    basis: Basis = Basis.MEASURED

    @property
    def ratio(self) -> float:
        """The widest channel's span over the median one's."""
        return max(self.steps) / float(np.median(self.steps))


def measure_channels(path: str | Path, inputs: npt.NDArray[np.float32], op: int) -> ChannelRanges:
    """The range of each channel of what an op of a float file gives.

    Args:
        path: a float .tflite, batch 1.
        inputs: (n, ...) as the model takes them.
        op: its index; its result must have channels as the last dimension.

    Raises:
        InputError: no such op, one that is not float or has one channel, or inputs that do not fit. ModelFileError: a file that cannot be
            run here.
    """
    content = load_bytes(path)
    graph = read_graph(content)
    if not 0 <= op < len(graph.ops):
        raise InputError(f"{path} has no op {op}: it has ops 0 to {len(graph.ops) - 1}")
    shape = graph.tensors[graph.inputs[0]].shape[1:]
    if inputs.shape[1:] != shape or not len(inputs):
        raise InputError(f"{path} takes {shape} per example and the inputs are {inputs.shape}: give at least one of that shape")
    tensor = graph.tensors[graph.ops[op].outputs[0]]
    if tensor.dtype != "float32" or len(tensor.shape) < 2 or tensor.shape[-1] < 2:
        raise InputError(f"op {op} of {path} gives {tensor.dtype} of shape {tensor.shape}: a float result with channels is wanted")
    (values,) = Runner(content, keep=True).run([inputs], [tensor.index])
    flat = values.reshape(-1, values.shape[-1])
    low, high = np.minimum(flat.min(axis=0), 0.0), np.maximum(flat.max(axis=0), 0.0)
    step = max(float(high.max() - low.min()), float(np.finfo(np.float32).tiny)) / STEPS
    return ChannelRanges(
        op=op,
        kind=graph.ops[op].name,
        low=tuple(map(float, low)),
        high=tuple(map(float, high)),
        steps=tuple(map(float, (high - low) / step)),
        n=len(inputs),
    )
