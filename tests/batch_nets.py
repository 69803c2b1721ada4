"""A model whose batch may change, built byte by byte, with sizes computed from it."""

from __future__ import annotations

import numpy as np
from builders import ACTIVATION, PADDING, Builder


def computed_sizes_net(unwritten: bool = False) -> bytes:
    """Float edges around CONV_2D, SHAPE, STRIDED_SLICE, PACK, RESHAPE, TRANSPOSE_CONV v4 with a RELU that cuts nothing; batch not fixed.

    ``unwritten``: the file does not say how large the picture is after the convolution.
    """
    b = Builder()
    source = b.tensor("image", (1, 4, 4, 3), "FLOAT32", signature=(-1, 4, 4, 3))
    x = b.tensor("image_int8", (1, 4, 4, 3), signature=(-1, 4, 4, 3))
    b.op("QUANTIZE", [source], [x], 1, "QuantizeOptions")
    x = b.conv(x, 3, signature=(-1, -1, -1, 3) if unwritten else (-1, 4, 4, 3))
    shape = b.tensor("shape", (4,), "INT32")
    b.op("SHAPE", [x], [shape], 1, "ShapeOptions", outType=2)
    ends = [b.constant(name, np.array([value], np.int32), scale=None) for name, value in (("begin", 0), ("end", 1), ("step", 1))]
    batch = b.tensor("batch", (), "INT32")
    b.op("STRIDED_SLICE", [shape, *ends], [batch], 1, "StridedSliceOptions", shrinkAxisMask=1)
    numbers = [b.constant(f"n{n}", np.array(n, np.int32), scale=None) for n in (8, 8, 4)]
    target = b.tensor("target", (4,), "INT32")
    b.op("PACK", [batch, *numbers], [target], 1, "PackOptions", valuesCount=4, axis=0)
    weights = b.constant("w", np.random.default_rng(2).integers(-127, 128, (4, 3, 3, 3)).astype(np.int8))
    up = b.tensor("up", (1, 1, 1, 1), scale=0.3, zero_point=-128, signature=(-1, -1, -1, -1))
    b.op(
        "TRANSPOSE_CONV", [target, weights, x], [up], 4, "TransposeConvOptions",
        padding=PADDING["SAME"], strideW=2, strideH=2, fusedActivationFunction=ACTIVATION["RELU"],
    )  # fmt: skip
    result = b.tensor("result", (1, 8, 8, 4), "FLOAT32", signature=(-1, 8, 8, 4))
    b.op("DEQUANTIZE", [up], [result], 2, "DequantizeOptions")
    b.signature("serving_default", {"image": source}, {"result": result})
    return b.build([source], [result])
