"""Quantisation-aware training: the rounding of int8 is simulated while training goes on (Jacob et al., arXiv 1712.05877, section 3)."""

from __future__ import annotations

from typing import Any

from edgewb.optimizers.layers import check_layers
from edgewb.optimizers.techniques import Applied, Context
from edgewb.optimizers.training import fit

QAT = "qat"
"""What a recipe's name calls it."""


def check_quantizable(model: Any) -> None:
    """ConversionError for a model tfmot's 8-bit scheme cannot take, the layer named."""
    import tf_keras as keras
    from tensorflow_model_optimization.python.core.quantization.keras.default_8bit.default_8bit_quantize_registry import (
        Default8BitQuantizeRegistry,
    )

    registry = Default8BitQuantizeRegistry()

    def supports(layer: Any) -> bool:
        # A batch norm is folded into the layer before it, and not in the registry.
        return registry.supports(layer) or isinstance(layer, keras.layers.BatchNormalization)

    check_layers(model, "quantisation-aware training", supports, nested=False)
    unfolded = _unfolded(model)
    check_layers(model, "quantisation-aware training", lambda layer: layer.name not in unfolded, nested=False)


def _unfolded(model: Any) -> set[str]:
    """Batch norms that are not folded, asked of tfmot itself where one stands behind no convolution or dense layer."""
    import tensorflow_model_optimization as tfmot
    import tf_keras as keras

    def is_plain(norm: Any) -> bool:
        before = norm.inbound_nodes[0].inbound_layers  # a list where several layers feed it
        kinds = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D, keras.layers.Dense)
        return type(before) in kinds and before.activation is keras.activations.linear

    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    doubtful = {norm.name for norm in norms if not is_plain(norm)}
    if not doubtful:
        return set()
    try:
        tfmot.quantization.keras.quantize_apply(tfmot.quantization.keras.quantize_annotate_model(model))
    except (ValueError, RuntimeError) as error:
        return {name for name in doubtful if f"Layer {name}:" in str(error)} or doubtful
    return set()


def train_quantized(model: Any, context: Context) -> Applied:
    """Wrap every layer with tfmot's 8-bit scheme (convolutions per channel, dense layers per tensor) and fine-tune.

    After pruning and clustering it is the scheme that keeps their zeros and clusters (``tfmot.experimental.combine``: PQAT, CQAT, PCQAT).
    The fake-quantised model is returned: the converter itself strips the wrappers, which become the scales of the int8 file.
    """
    import tensorflow_model_optimization as tfmot

    combine = tfmot.experimental.combine
    annotated = tfmot.quantization.keras.quantize_annotate_model(model)
    if "cluster" in context.earlier:
        scheme = combine.Default8BitClusterPreserveQuantizeScheme(preserve_sparsity="prune" in context.earlier)
    elif "prune" in context.earlier:
        scheme = combine.Default8BitPrunePreserveQuantizeScheme()
    else:
        scheme = None
    wrapped = tfmot.quantization.keras.quantize_apply(annotated, *([scheme] if scheme else []))
    return Applied(wrapped, fit(wrapped, context.data, context.settings, fine_tune=True, progress=context.progress))
