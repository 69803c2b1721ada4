"""Skeleton models from the committed facts: the structure of a real model, its constants zeros or ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from builders import Builder

from edgewb.tflite.graphs import ITEM_BITS

PAIRS = Path(__file__).with_name("pairs.jsonl")


def pairs() -> list[dict[str, Any]]:
    """All lines of facts."""
    return [json.loads(line) for line in PAIRS.read_text(encoding="utf-8").splitlines()]


def rebuild(facts: dict[str, Any]) -> bytes:
    """A .tflite of the structure the facts describe."""
    b = Builder("a skeleton")
    for i, tensor in enumerate(facts["tensors"]):
        _add_tensor(b, f"t{i}", *tensor)
    for name, version, inputs, outputs, options, _ in facts["ops"]:
        table, fields = options or (None, {})
        b.op(name, inputs, outputs, version, table, **fields)
    return b.build(facts["inputs"], facts["outputs"])


def _add_tensor(b: Builder, name: str, shape: Any, dtype: str, scheme: Any, content: Any) -> None:
    shape, signature = shape if shape and isinstance(shape[0], list) else (shape, None)
    elements = int(np.prod(shape)) if shape else 1
    scale: Any = None
    axis = 0
    if scheme == 1:
        scale = [0.05]
    elif scheme:
        kind, axis = scheme
        scale = np.full(shape[axis], 0.05) if kind == 2 else np.linspace(0.05, 0.1, shape[axis])
    data = None
    if isinstance(content, list):
        data = np.array(content, dtype=dtype)
    elif content is not None:
        data = np.full(elements * ITEM_BITS[dtype] // 8, int(content == "other"), np.uint8)
    index = b.tensor(name, shape, dtype.upper(), data=data, scale=None, signature=signature)
    if scale is not None:
        b.quantise(index, [float(s) for s in scale], axis)
