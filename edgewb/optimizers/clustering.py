"""Weight clustering: each layer keeps a few distinct weights (Deep Compression, arXiv 1510.00149, section 3).

It makes the *compressed* file smaller; the device stores each weight in a byte all the same. Batch norm folded into a layer gives each of
its channels other values for the same clusters: 16 clusters stay 16 per channel, and become 51 to 211 in a tensor of the digits.
"""

from __future__ import annotations

from typing import Any

from edgewb.optimizers.layers import check_layers
from edgewb.optimizers.techniques import Applied, Context
from edgewb.optimizers.training import fit


def check(model: Any, amount: int | None) -> None:
    """ConversionError for a model tfmot cannot cluster, the layer named."""
    from tensorflow_model_optimization.python.core.clustering.keras.clustering_registry import ClusteringRegistry

    def supports(layer: Any) -> bool:
        # The registry takes TensorFlow's own functions (x * 2), which the wrapped model then cannot call.
        return ClusteringRegistry.supports(layer) and type(layer).__name__ not in ("TFOpLambda", "SlicingOpLambda")

    check_layers(model, "clustering", supports, nested=False)


def apply(model: Any, amount: int | None, context: Context) -> Applied:
    """Cluster each layer's weights to ``amount`` values, k-means++ start, and fine-tune them; returns the stripped model.

    After pruning one of the values is zero, and what was pruned stays so.
    """
    import tensorflow_model_optimization as tfmot
    from tensorflow_model_optimization.python.core.clustering.keras.experimental.cluster import cluster_weights

    assert amount is not None
    # The public call has no ``preserve_sparsity``; it is this one with False.
    wrapped = cluster_weights(
        model,
        amount,
        cluster_centroids_init=tfmot.clustering.keras.CentroidInitialization.KMEANS_PLUS_PLUS,
        preserve_sparsity="prune" in context.earlier,
    )
    outcome = fit(wrapped, context.data, context.settings, fine_tune=True, progress=context.progress)
    stripped = tfmot.clustering.keras.strip_clustering(wrapped)
    return Applied(stripped, outcome, {"most_distinct_weights_per_layer": most_distinct(stripped)})


def most_distinct(model: Any) -> int:
    """The largest number of distinct values in any clustered kernel of a stripped model."""
    import numpy as np
    import tf_keras as keras

    kinds = (keras.layers.Conv2D, keras.layers.Dense)
    kernels = [
        layer.get_weights()[0]
        for layer in model.layers
        if isinstance(layer, kinds) and not isinstance(layer, keras.layers.DepthwiseConv2D) and layer.get_weights()
    ]
    return max((int(np.unique(w).size) for w in kernels), default=0)
