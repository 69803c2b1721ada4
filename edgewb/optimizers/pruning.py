"""Unstructured magnitude pruning: the smallest weights become zero while training goes on (Zhu and Gupta, arXiv 1710.01878).

Zeros make the *compressed* file smaller. An Edge TPU stores and multiplies them like any other weight.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from edgewb.optimizers.training import Fit, TrainingData, TrainingSettings, fine_tuning_steps, fit
from edgewb.optimizers.workers import Progress


def prune(model: Any, data: TrainingData, settings: TrainingSettings, percent: int, progress: Progress) -> tuple[Any, Fit]:
    """Prune ``percent`` per cent of each layer's weights over the first half of a fine-tuning; returns the stripped model.

    tensorflow-model-optimization leaves depthwise kernels as they are, so the whole model's share of zeros is a little smaller.
    """
    import tensorflow_model_optimization as tfmot

    steps = fine_tuning_steps(data, settings)
    end = max(2, steps // 2)
    schedule = tfmot.sparsity.keras.PolynomialDecay(0.0, percent / 100, 0, end, frequency=max(1, end // 20))
    wrapped = tfmot.sparsity.keras.prune_low_magnitude(model, schedule)
    # At the full learning rate, and half of the steps to recover: with a third of either, 80 % pruned digits lost 2 to 4 points more.
    outcome = fit(
        wrapped,
        data,
        settings,
        fine_tune=True,
        progress=progress,
        callbacks=[tfmot.sparsity.keras.UpdatePruningStep()],
        rate=settings.learning_rate,
    )
    return tfmot.sparsity.keras.strip_pruning(wrapped), outcome


def zero_share(model: Any) -> float:
    """Share of exact zeros among the kernels of a Keras model, 0..1 (biases and batch norm are not counted)."""
    kernels = [w for layer in model.layers for w in layer.get_weights() if np.ndim(w) >= 2]
    total = sum(w.size for w in kernels)
    return float(sum(int(np.sum(w == 0)) for w in kernels) / total) if total else 0.0
