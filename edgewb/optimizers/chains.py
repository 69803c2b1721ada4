"""Chains of layers between which a factor per channel can be moved without changing what a network computes.

A ReLU lets a positive factor pass: relu(s x) = s relu(x). So a channel of one layer's output may be divided by s, and the weights that
read it multiplied by s (Nagel et al., arXiv 1906.04721, section 4.1), as long as nothing else reads that channel.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Link:
    """A layer with weights, and the batch norm right behind it (None: there is none), which the converter will fold into it."""

    layer: Any
    norm: Any = None

    @property
    def is_depthwise(self) -> bool:
        import tf_keras as keras

        return isinstance(self.layer, keras.layers.DepthwiseConv2D)

    @property
    def kernel(self) -> FloatArray:
        """As stored: (height, width, in, out), (height, width, channels, 1) or (in, out)."""
        return np.asarray(self.layer.get_weights()[0], dtype=np.float64)

    def folded_kernel(self) -> FloatArray:
        """The kernel the converter will store, with the gain of its batch norm."""
        return self.kernel * (self._gain()[:, None] if self.is_depthwise else self._gain())

    def _gain(self) -> FloatArray:
        if self.norm is None:
            return np.ones(self.kernel.shape[-2 if self.is_depthwise else -1])
        weights = _named(self.norm)
        gain: FloatArray = weights.get("gamma", 1.0) / np.sqrt(weights["moving_variance"] + self.norm.epsilon)
        return gain

    def output_ranges(self) -> FloatArray:
        """Largest absolute folded weight of each output channel, shape (channels,)."""
        kernel = np.abs(self.folded_kernel())
        ranges: FloatArray = kernel.max(axis=(0, 1, 3)) if self.is_depthwise else kernel.reshape(-1, kernel.shape[-1]).max(axis=0)
        return ranges

    def input_ranges(self, channels: int) -> FloatArray:
        """Largest absolute folded weight that reads each input channel, shape (channels,); behind a Flatten these come round again."""
        kernel = np.abs(self.folded_kernel())
        largest = kernel.max(axis=-1).reshape(-1, kernel.shape[-2]).max(axis=0)  # of each row, whatever the kernel's height and width
        ranges: FloatArray = largest.reshape(-1, channels).max(axis=0)
        return ranges

    def scale_outputs(self, factors: FloatArray) -> None:
        """Multiply each output channel by a positive factor: in the batch norm where there is one, else in kernel and bias."""
        if self.norm is not None:
            _update(self.norm, {name: value * factors for name, value in _named(self.norm).items() if name in ("gamma", "beta")})
        else:
            by_channel = factors[:, None] if self.is_depthwise else factors
            kernel, *bias = self.layer.get_weights()
            self.layer.set_weights([kernel * by_channel, *(value * factors for value in bias)])

    def scale_inputs(self, factors: FloatArray) -> None:
        """Multiply the weights that read each input channel by a factor."""
        kernel, *bias = self.layer.get_weights()
        repeated = np.tile(factors, kernel.shape[-2] // len(factors))
        self.layer.set_weights([kernel * repeated[:, None], *bias])

    @property
    def takes_offset(self) -> bool:
        """Whether a constant can be added to its output channels."""
        return bool(self.layer.use_bias or (self.norm is not None and self.norm.center))

    def add_to_outputs(self, offset: FloatArray) -> None:
        """Add a constant to each output channel, behind the batch norm where there is one."""
        if self.norm is not None and self.norm.center:
            _update(self.norm, {"beta": _named(self.norm)["beta"] + offset})
        else:
            kernel, bias = self.layer.get_weights()
            self.layer.set_weights([kernel, bias + offset / self._gain()])

    def add_to_inputs(self, offset: FloatArray) -> None:
        """Make up for inputs that are lower by a constant per channel: exact where no padding is read."""
        kernel = self.kernel
        lowered = np.tile(offset, kernel.shape[-2] // len(offset))
        if self.is_depthwise:
            gained = kernel.sum(axis=(0, 1, 3)) * lowered
        else:
            gained = np.tensordot(lowered, kernel.sum(axis=(0, 1)) if kernel.ndim == 4 else kernel, axes=1)
        if self.norm is not None:
            # In the mean rather than the shift: so it also holds while a batch norm trains on with the batch's own mean.
            _update(self.norm, {"moving_mean": _named(self.norm)["moving_mean"] - gained})
        else:
            stored, bias = self.layer.get_weights()
            self.layer.set_weights([stored, bias + gained])

    @property
    def reads_padding(self) -> bool:
        """Whether it reads zeros beyond the edge of its input."""
        return self.kernel.ndim == 4 and self.layer.padding != "valid" and self.kernel.shape[:2] != (1, 1)


@dataclass(frozen=True)
class Gap:
    """What lies between two links: layers with ReLU6, the first one that is no straight line, whether zeros are padded, how many channels.

    ``active`` is the layer that writes, or its batch norm, where all of them are straight lines.
    """

    clipped: tuple[Any, ...]
    active: Any
    pads: bool
    channels: int


@dataclass(frozen=True)
class Chain:
    """Layers one behind the other: the first writes, the last reads, those between are depthwise and do both for each channel.

    ``gaps[i]`` lies between ``links[i]`` and ``links[i + 1]``.
    """

    links: tuple[Link, ...]
    gaps: tuple[Gap, ...]


def _named(layer: Any) -> dict[str, FloatArray]:
    return {w.name.rsplit("/", 1)[-1].split(":")[0]: np.asarray(w, dtype=np.float64) for w in layer.weights}


def _update(layer: Any, values: dict[str, FloatArray]) -> None:
    layer.set_weights([values.get(name, value) for name, value in _named(layer).items()])


def find_chains(model: Any, *, through_relu6: bool = False) -> tuple[list[Chain], dict[str, str]]:
    """The chains of a tf_keras model, and the layers with kernels that are in none, each with the reason.

    Taken are Conv2D, DepthwiseConv2D and Dense, a batch norm behind them, and ReLU, LeakyReLU, pooling, zero padding, dropout and Flatten
    between them. A tensor with two readers, or one that is added to another, keeps its factor: residual adds end a chain.

    Args:
        through_relu6: go on behind a ReLU6 too, through which a factor passes only once it is replaced by ReLU (``Gap.clipped``).
    """
    graph = _Graph(model, through_relu6)
    onward: dict[str, tuple[Link, Gap, Any]] = {}
    left: dict[str, str] = {}
    for layer in graph.layers:
        if not hasattr(layer, "kernel") and not hasattr(layer, "depthwise_kernel"):
            continue
        try:
            onward[layer.name] = graph.walk(layer)
        except _Ends as end:
            left[layer.name] = str(end)
    chains = []
    read = {following.name: name for name, (_, _, following) in onward.items()}
    for name, (link, _, _) in onward.items():
        if name in read and link.is_depthwise:
            continue  # in the middle of a chain
        chains.append(_chain(name, onward))
    within = {link.layer.name for chain in chains for link in chain.links}
    return chains, {name: why for name, why in left.items() if name not in within}


def _chain(name: str, onward: dict[str, tuple[Link, Gap, Any]]) -> Chain:
    links, gaps = [], []
    link, gap, following = onward[name]
    while True:
        links.append(link)
        gaps.append(gap)
        if not Link(following).is_depthwise or following.name not in onward:
            break
        link, gap, following = onward[following.name]
    return Chain((*links, Link(following, _norm_behind(following))), tuple(gaps))


def _norm_behind(layer: Any) -> Any:
    import tf_keras as keras

    nodes = layer.outbound_nodes
    behind = nodes[0].layer if len(nodes) == 1 else None
    plain = isinstance(behind, keras.layers.BatchNormalization) and _activation(layer) == "linear"
    return behind if plain else None


def _activation(layer: Any) -> str:
    activation = getattr(layer, "activation", None)
    # A layer object can be an activation, too; it has no name of a function and goes by that of its kind, which lets no factor pass.
    return "linear" if activation is None else str(getattr(activation, "__name__", type(activation).__name__))


class _Ends(Exception):
    """Why a chain does not go on."""


class _Graph:
    """Who reads what within one model."""

    def __init__(self, model: Any, through_relu6: bool) -> None:
        self.through_relu6 = through_relu6
        self.layers = list(model.layers)
        names = {layer.name for layer in self.layers}
        self.outputs = set(model.output_names)
        self.readers: dict[str, list[Any]] = defaultdict(list)
        for layer in self.layers:
            for node in layer.inbound_nodes:
                for parent in node.parent_nodes:
                    if parent.layer.name in names:
                        self.readers[parent.layer.name].append(layer)

    def _behind(self, layer: Any) -> Any:
        if layer.name in self.outputs:
            raise _Ends("its output is the model's")
        readers = self.readers[layer.name]
        if len(readers) != 1:
            raise _Ends(f"its output goes to {len(readers)} layers ({', '.join(reader.name for reader in readers[:3])})")
        if len(readers[0].inbound_nodes) != 1:
            raise _Ends(f"{readers[0].name} is used more than once")
        return readers[0]

    def walk(self, layer: Any) -> tuple[Link, Gap, Any]:
        """From a layer with weights to the one that reads its output.

        Raises:
            _Ends: there is none, or something stands between them that lets no factor pass.
        """
        import tf_keras as keras

        layers = keras.layers
        _check_link(layer)
        if len(layer.inbound_nodes) != 1:
            raise _Ends("it is used more than once")
        norm, active, clipped, pads = None, layer, list(self._clipping(layer)), False
        straight = _activation(layer) == "linear"
        behind = self._behind(layer)
        if isinstance(behind, layers.BatchNormalization) and _activation(layer) == "linear":
            if not behind.scale:
                raise _Ends(f"batch norm {behind.name} has no scale")
            norm, active, behind = behind, behind, self._behind(behind)
        while not hasattr(behind, "kernel") and not hasattr(behind, "depthwise_kernel"):
            pads = pads or isinstance(behind, layers.ZeroPadding2D)
            clipped += self._clipping(behind)
            if not _lets_factors_pass(behind):
                raise _Ends(f"{behind.name} ({type(behind).__name__}) lets no factor per channel pass")
            if straight and (isinstance(behind, (layers.ReLU, layers.LeakyReLU)) or _activation(behind) != "linear"):
                straight, active = False, behind
            behind = self._behind(behind)
        _check_link(behind)
        return Link(layer, norm), Gap(tuple(clipped), active, pads, int(layer.output_shape[-1])), behind

    def _clipping(self, layer: Any) -> Iterator[Any]:
        """The layer itself if it is, or ends with, a ReLU6. Raises _Ends for an activation that lets no factor pass."""
        if getattr(layer, "max_value", None) == 6.0 or _activation(layer) == "relu6":
            if not self.through_relu6:
                raise _Ends(f"the ReLU6 of {layer.name} lets no factor pass")
            yield layer
        elif _activation(layer) not in _HOMOGENEOUS:
            raise _Ends(f"the activation {_activation(layer)} of {layer.name} lets no factor pass")


def _check_link(layer: Any) -> None:
    import tf_keras as keras

    layers = keras.layers
    if type(layer) not in (layers.Conv2D, layers.DepthwiseConv2D, layers.Dense):
        raise _Ends(f"{layer.name} is a {type(layer).__name__}")
    if getattr(layer, "groups", 1) != 1 or getattr(layer, "depth_multiplier", 1) != 1:
        raise _Ends(f"{layer.name} has groups or a depth multiplier")
    if getattr(layer, "data_format", "channels_last") != "channels_last":
        raise _Ends(f"{layer.name} has its channels first")


def _lets_factors_pass(layer: Any) -> bool:
    import tf_keras as keras

    layers = keras.layers
    if isinstance(layer, layers.ReLU):
        return layer.max_value in (None, 6.0) and not layer.threshold
    if isinstance(layer, layers.Activation):
        return _activation(layer) in _HOMOGENEOUS
    return isinstance(layer, _passing(layers))


_HOMOGENEOUS = ("linear", "relu", "relu6", "leaky_relu")
"""Activations f with f(s x) = s f(x) for every positive s (ReLU6 apart)."""


def _passing(layers: Any) -> tuple[type, ...]:
    pooling = (layers.MaxPooling2D, layers.AveragePooling2D, layers.GlobalAveragePooling2D, layers.GlobalMaxPooling2D)
    return (layers.LeakyReLU, layers.ZeroPadding2D, layers.Dropout, layers.SpatialDropout2D, layers.Flatten, *pooling)
