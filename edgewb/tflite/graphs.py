"""A TensorFlow Lite model as plain, immutable objects. Weights stay where they are in the file; nothing here copies them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import cached_property
from math import prod
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from edgewb.errors import InputError, ModelFileError

EDGETPU_CUSTOM_OP: Final = "edgetpu-custom-op"
"""The custom op the Edge TPU compiler puts in place of everything it maps."""

ITEM_BITS: Final = {
    "float32": 32, "float16": 16, "float64": 64, "bfloat16": 16, "float8_e4m3fn": 8, "float8_e5m2": 8,
    "int2": 2, "int4": 4, "int8": 8, "int16": 16, "int32": 32, "int64": 64,
    "uint4": 4, "uint8": 8, "uint16": 16, "uint32": 32, "uint64": 64,
    "bool": 8, "complex64": 64, "complex128": 128,
}  # fmt: skip
"""Bits per item; strings, resources and variants have no fixed size."""

_NUMPY: Final = frozenset(ITEM_BITS) - {"bfloat16", "float8_e4m3fn", "float8_e5m2", "int2", "int4", "uint4"}


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Quantization:
    """real = scale * (stored - zero point), per tensor (one scale) or per channel (one scale per index along ``axis``).

    ``scales`` has shape ``[1]`` or ``[channels]`` (float32), ``zero_points`` the same (int64); both are read-only.
    """

    scales: npt.NDArray[np.float32]
    zero_points: npt.NDArray[np.int64]
    axis: int

    @property
    def per_channel(self) -> bool:
        """More than one scale."""
        return len(self.scales) > 1

    @cached_property
    def scales_differ(self) -> bool:
        """Not all scales are the same."""
        return not bool(np.all(self.scales == self.scales[0]))

    @property
    def scale(self) -> float:
        """The first scale: the scale of the tensor unless ``per_channel``."""
        return float(self.scales[0])

    @property
    def zero_point(self) -> int:
        """The first zero point: that of the tensor unless ``per_channel``."""
        return int(self.zero_points[0])


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Tensor:
    """One tensor. ``shape`` is what the file was made with; a -1 in ``shape_signature`` marks a size that may change."""

    index: int
    name: str
    shape: tuple[int, ...]
    shape_signature: tuple[int, ...]
    dtype: str
    buffer: int
    buffer_bytes: int
    is_constant: bool
    is_variable: bool
    is_sparse: bool
    quantization: Quantization | None

    @property
    def is_dynamic(self) -> bool:
        """A size is not fixed."""
        return -1 in self.shape_signature or -1 in self.shape

    @property
    def elements(self) -> int:
        """How many numbers it holds (a size that may change counts as given in ``shape``; 0 where that is not known either)."""
        return 0 if min(self.shape, default=0) < 0 else prod(self.shape)

    @property
    def byte_count(self) -> int | None:
        """Bytes it needs, or None for types without a fixed size."""
        bits = ITEM_BITS.get(self.dtype)
        return None if bits is None else (self.elements * bits + 7) // 8


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Op:
    """One operator. ``inputs`` and ``outputs`` are tensor indices; -1 stands for an optional input left out.

    ``custom_options`` is what a custom op carries, a view on the file; empty for others.
    """

    index: int
    name: str
    version: int
    is_custom: bool
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Mapping[str, Any]
    custom_options: memoryview = dataclasses.field(default=memoryview(b""), repr=False)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Signature:
    """A named entry point: names to tensor indices of subgraph ``subgraph``."""

    key: str
    inputs: Mapping[str, int]
    outputs: Mapping[str, int]
    subgraph: int


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Graph:
    """The main subgraph of a model. ``subgraphs`` counts all of them; only control flow uses others."""

    tensors: tuple[Tensor, ...]
    ops: tuple[Op, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    signatures: tuple[Signature, ...]
    description: str
    metadata: tuple[str, ...]
    subgraphs: int
    file_bytes: int
    buffers: tuple[memoryview, ...] = dataclasses.field(repr=False)

    @cached_property
    def producers(self) -> dict[int, int]:
        """Tensor index -> index of the op that makes it. Graph inputs and constants are absent."""
        return {tensor: op.index for op in self.ops for tensor in op.outputs if tensor >= 0}

    @cached_property
    def consumers(self) -> dict[int, tuple[int, ...]]:
        """Tensor index -> indices of the ops that read it, in order."""
        readers: dict[int, list[int]] = {}
        for op in self.ops:
            for tensor in dict.fromkeys(op.inputs):
                if tensor >= 0:
                    readers.setdefault(tensor, []).append(op.index)
        return {tensor: tuple(ops) for tensor, ops in readers.items()}

    @cached_property
    def unpacked_constants(self) -> frozenset[int]:
        """Tensors that a DEQUANTIZE makes of constants: float16 or packed weights."""
        return frozenset(
            tensor
            for op in self.ops
            if op.name == "DEQUANTIZE" and all(t.is_constant for t in self.input_tensors(op))
            for tensor in op.outputs
            if tensor >= 0
        )

    @cached_property
    def _zeros(self) -> dict[int, bool]:
        return {}

    def is_zero(self, tensor_index: int) -> bool:
        """Whether all values of an integer constant are 0. Looked up once, however many ops share it."""
        if tensor_index not in self._zeros:
            self._zeros[tensor_index] = not bool(np.any(self.constant(tensor_index)))
        return self._zeros[tensor_index]

    @property
    def is_compiled(self) -> bool:
        """The Edge TPU compiler has been over it and mapped something."""
        return any(op.is_custom and op.name == EDGETPU_CUSTOM_OP for op in self.ops)

    def input_tensors(self, op: Op) -> tuple[Tensor, ...]:
        """The tensors an op reads, without the optional ones left out."""
        return tuple(self.tensors[i] for i in op.inputs if i >= 0)

    def output_tensors(self, op: Op) -> tuple[Tensor, ...]:
        """The tensors an op makes."""
        return tuple(self.tensors[i] for i in op.outputs if i >= 0)

    def constant(self, tensor_index: int) -> npt.NDArray[np.generic]:
        """The stored values of a constant tensor, in its shape: a read-only view on the file, not a copy.

        Raises:
            InputError: no such tensor, not a constant, or a type numpy has no view for (4-bit, bfloat16, strings, sparse).
            ModelFileError: its bytes do not fit its shape.
        """
        if not 0 <= tensor_index < len(self.tensors):
            raise InputError(f"no tensor {tensor_index}: the model has tensors 0 to {len(self.tensors) - 1}")
        tensor = self.tensors[tensor_index]
        if not tensor.is_constant:
            raise InputError(f"tensor {tensor_index} ({tensor.name!r}) is not a constant: its values exist only while the model runs")
        if tensor.dtype not in _NUMPY or tensor.is_sparse:
            kind = "sparse" if tensor.is_sparse else tensor.dtype
            raise InputError(f"tensor {tensor_index} ({tensor.name!r}) is {kind}: its values cannot be viewed as a numpy array")
        if tensor.byte_count != tensor.buffer_bytes or min(tensor.shape, default=0) < 0:
            raise ModelFileError(
                f"tensor {tensor_index} ({tensor.name!r}) of shape {list(tensor.shape)} needs {tensor.byte_count} bytes, "
                f"{tensor.buffer_bytes} are stored: the file is corrupted"
            )
        return np.frombuffer(self.buffers[tensor.buffer], dtype=np.dtype(tensor.dtype).newbyteorder("<")).reshape(tensor.shape)
