"""Cross-layer equalisation: each channel gets weights of like size on both of its sides (Nagel et al., arXiv 1906.04721, section 4.1).

One int8 scale serves all channels of an activation, so a channel a hundred times smaller than its neighbour keeps one or two levels of
256. What the float network computes stays the same, up to rounding.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from edgewb.errors import ConversionError
from edgewb.optimizers.chains import Chain, FloatArray, find_chains
from edgewb.optimizers.layers import check_layers
from edgewb.optimizers.techniques import Applied, Context
from edgewb.optimizers.training import rate_outputs

CONVERGED = 1e-3
"""A sweep that changes no factor by more than this share is the last one."""

MOST_SWEEPS = 100
CLIP_COST = 0.005
"""ReLU6 becomes ReLU, as in the paper, where that costs no more than this share of the validation examples, or of R2."""

_BATCH = 256
TOLERANCE = 1e-3
"""Outputs may differ by this much of the largest one: float32 rounding through a deep network; more is a fault."""


def check(model: Any, amount: int | None) -> None:
    """Refuse a model with nothing to equalise.

    Raises:
        ConversionError: no factor can be moved between any two layers, the first reasons named; or the model cannot be copied.
    """
    check_layers(model, "equalize", lambda layer: True, nested=True)
    chains, left = find_chains(model, through_relu6=True)
    if not chains:
        reasons = "; ".join(f"{name}: {why}" for name, why in list(left.items())[:3])
        raise ConversionError(
            "nothing to equalise: no two layers with weights follow each other with only ReLU, pooling or batch norm between them "
            f"({reasons}); take ptq_int8"
        )


def apply(model: Any, amount: int | None, context: Context) -> Applied:
    """Equalise a copy of the model; nothing is trained. Batch norms stay, with the factor in their scale: the converter folds them.

    Raises:
        ConversionError: nothing to equalise, or the outputs did not stay the same.
    """
    import tf_keras as keras

    check(model, amount)
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    data = context.data
    chains, left = find_chains(copy, through_relu6=True)
    clipped = {layer.name: layer for chain in chains for gap in chain.gaps for layer in gap.clipped}
    replaced = list(clipped)
    if clipped and not _unclip(copy, list(clipped.values()), data.validation_x, data.validation_y):
        replaced = []
        chains, left = find_chains(copy)
        if not chains:
            raise ConversionError(
                f"nothing to equalise: without the limit of ReLU6 ({', '.join(list(clipped)[:3])}) the model loses more than "
                f"{100 * CLIP_COST:g} points on the validation split; take ptq_int8, or train it with ReLU"
            )
    # What floors are not taken from shows whether they hold for other examples.
    seen, unseen = (_Outputs.of(copy, x) for x in (data.calibration_x, data.validation_x))
    spread = _spread(chains)
    sweeps = equalize(chains)
    equalized = copy.get_weights()
    absorbed = absorb_biases(copy, chains, np.concatenate([data.calibration_x, data.train_x]))
    if absorbed and not max(seen.difference(copy), unseen.difference(copy)) <= TOLERANCE:
        copy.set_weights(equalized)
        absorbed = 0
    difference, elsewhere = seen.difference(copy), unseen.difference(copy)
    if not max(difference, elsewhere) <= TOLERANCE:
        raise ConversionError(
            f"equalisation changed the float outputs by {max(difference, elsewhere):.1g} of the largest one, and must not: take a recipe "
            "without it"
        )
    context.progress(1.0)
    return Applied(
        copy,
        None,
        {
            "equalized_layers": len({link.layer.name for chain in chains for link in chain.links}),
            "equalize_sweeps": sweeps,
            "equalize_left_alone": [f"{name}: {why}" for name, why in left.items()],
            "equalize_relu6_replaced": replaced,
            "equalize_absorbed_biases": absorbed,
            "channel_range_ratio_before": round(spread, 2),
            "channel_range_ratio_after": round(_spread(chains), 2),
            "equalize_output_difference": float(f"{difference:.2g}"),
            "equalize_validation_output_difference": float(f"{elsewhere:.2g}"),
        },
    )


@dataclass(frozen=True)
class _Outputs:
    """What a model gave for some examples."""

    x: Any
    outputs: FloatArray

    @classmethod
    def of(cls, model: Any, x: Any) -> _Outputs:
        return cls(x, _outputs(model, x))

    def difference(self, model: Any) -> float:
        """The largest difference from it, as a share of the largest output."""
        return float(np.abs(_outputs(model, self.x) - self.outputs).max() / np.abs(self.outputs).max())


def _outputs(model: Any, x: Any) -> FloatArray:
    return np.concatenate([np.asarray(model(x[i : i + _BATCH], training=False), np.float64) for i in range(0, len(x), _BATCH)])


def equalize(chains: list[Chain]) -> int:
    """Bring the weight ranges of every channel along each chain to their geometric mean, again and again until nothing changes.

    Chains meet in the layers between them, whose rows and columns depend on each other, so one sweep is not enough.

    Returns:
        Sweeps made.
    """
    return next((n for n in range(1, MOST_SWEEPS) if max(_equalize_chain(chain) for chain in chains) < CONVERGED), MOST_SWEEPS)


def _equalize_chain(chain: Chain) -> float:
    """The largest change of a factor, as a share."""
    factors = _factors(_ranges(chain))
    _rescale(chain, factors)
    return float(np.abs(np.log(factors)).max())


def _ranges(chain: Chain) -> FloatArray:
    """Largest absolute weight of each channel in each link, shape (links, channels)."""
    first, *between, last = chain.links
    channels = chain.gaps[-1].channels
    return np.stack([first.output_ranges(), *(link.output_ranges() for link in between), last.input_ranges(channels)])


def _factors(ranges: FloatArray) -> FloatArray:
    """By what each tensor between the links is multiplied so that all ranges of a channel meet, shape (links - 1, channels).

    For two links this is sqrt(r1 r2) / r1 (equation 11 of the paper); a chain of three meets in the cube root of r1 r2 r3. A channel with a
    side of zeros, or one as good as, is left as it is.
    """
    alive = (ranges > 1e-8 * ranges.max(axis=1, keepdims=True)).all(axis=0)
    safe = np.where(alive, ranges, 1.0)
    target = np.exp(np.log(safe).mean(axis=0))
    factors: FloatArray = np.cumprod(target / safe, axis=0)[:-1]
    return factors


def _rescale(chain: Chain, factors: FloatArray) -> None:
    """Multiply the tensor behind link i by ``factors[i]`` (channels,), and make up for it in link i + 1."""
    for writer, reader, factor in zip(chain.links, chain.links[1:], factors, strict=False):
        writer.scale_outputs(factor)
        reader.scale_inputs(1 / factor)


def widen(model: Any, octaves: float, seed: int) -> None:
    """The opposite: multiply each channel between two layers by a random power of two, 2^U(-octaves, octaves), in place.

    The float network computes what it did, and one scale per activation no longer fits its channels: what training on its own does to nets
    of many depthwise layers, here for certain and on purpose. The factors depend on the seed and the order of layers alone.
    """
    random = np.random.default_rng([seed, round(1000 * octaves)])
    chains, _ = find_chains(model)
    for chain in chains:
        _rescale(chain, np.exp2(random.uniform(-octaves, octaves, (len(chain.gaps), chain.gaps[-1].channels))))


def _spread(chains: list[Chain]) -> float:
    """The largest ratio, over all tensors between links, of its largest to its smallest channel (folded weights that write it)."""
    ratios = []
    for chain in chains:
        for ranges in _ranges(chain)[:-1]:
            alive = ranges[ranges > 1e-8 * ranges.max()]
            ratios.append(alive.max() / alive.min() if alive.size else 1.0)
    return float(max(ratios))


def _unclip(model: Any, layers: list[Any], x: Any, y: Any) -> bool:
    """Replace each ReLU6 by ReLU, unless that costs accuracy on the validation examples; whether it was done."""
    import tf_keras as keras

    before = _right(model, x, y)
    kept = []
    for layer in layers:
        name, plain = ("max_value", None) if isinstance(layer, keras.layers.ReLU) else ("activation", keras.activations.relu)
        kept.append((layer, name, getattr(layer, name)))
        setattr(layer, name, plain)
    if _right(model, x, y) >= before - CLIP_COST:
        return True
    for layer, name, value in kept:
        setattr(layer, name, value)
    return False


def _right(model: Any, x: Any, y: Any) -> float:
    return rate_outputs(np.asarray(model(x, training=False)), y)


def absorb_biases(model: Any, chains: list[Chain], x: Any) -> int:
    """Move what a channel never falls below into the next layer's bias, so that its range begins at 0 (section 4.1.3 of the paper).

    The paper takes mean minus three standard deviations of the batch norm for that floor; here mean and deviation are those of the given
    examples, and the floor is no higher than the least value seen on them, so that their outputs stay the same. Others may fall below it.
    Not moved into a layer whose padding would see the difference.

    Args:
        x: examples (n, ...) as the model takes them.

    Returns:
        Channels whose floor was moved.
    """
    moved = 0
    for chain in chains:
        for writer, reader, gap in zip(chain.links, chain.links[1:], chain.gaps, strict=False):
            if gap.pads or reader.reads_padding or not writer.takes_offset or not (reader.norm is not None or reader.layer.use_bias):
                continue
            floor = np.maximum(_floor(model, gap, x), 0.0)
            if (floor > 0).any():
                writer.add_to_outputs(-floor)
                reader.add_to_inputs(floor)
                moved += int((floor > 0).sum())
    return moved


def _floor(model: Any, gap: Any, x: Any) -> FloatArray:
    """The least value of each channel right behind the activation, or three deviations below its mean: what is lower, shape (channels,)."""
    import tf_keras as keras

    values = _outputs(keras.Model(model.input, gap.active.output), x).reshape(-1, gap.channels)
    floor: FloatArray = np.minimum(values.min(axis=0), values.mean(axis=0) - 3 * values.std(axis=0))
    return floor
