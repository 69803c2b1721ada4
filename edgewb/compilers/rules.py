"""The rules an op must meet to run on the Edge TPU. One rule is one function; its docstring is the sentence a user reads.

A rule answers ``(True, "")`` when it is met, ``(False, detail)`` when the compiler would leave the op on the CPU, and
``(None, detail)`` when nothing like it was ever observed or documented: then the answer is "unknown", not a guess.
Rules on the shapes of single kinds of op are in ``shapes.py``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import cached_property
from typing import Final

from edgewb.compilers.limits import DOCUMENTATION, LARGEST_SEEN, RUNTIME, SUPPORT, readable_versions
from edgewb.tflite.graphs import Graph, Op, Tensor

Answer = tuple[bool | None, str]
MET: Final[Answer] = (True, "")
REGISTRY: Final = "TensorFlow Lite's op table of the compiler's time; compiler logs"
PAIRS: Final = "354 real compiler pairs, 9,173 ops"
_EIGHT_BIT: Final = ("int8", "uint8")


_CONSTANT_POSITIONS: Final = {
    "CONV_2D": (1, 2), "DEPTHWISE_CONV_2D": (1, 2), "FULLY_CONNECTED": (1, 2), "TRANSPOSE_CONV": (0, 1),
    "RESHAPE": (1,), "MEAN": (1,), "SUM": (1,), "PAD": (1,), "TRANSPOSE": (1,), "STRIDED_SLICE": (1, 2, 3), "SPLIT": (0,),
    "RESIZE_BILINEAR": (1,), "RESIZE_NEAREST_NEIGHBOR": (1,), "TILE": (1,), "PRELU": (1,), "EXPAND_DIMS": (1,), "SLICE": (1, 2),
}  # fmt: skip
_WEIGHTS: Final = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV")
INTEGER_POSITIONS: Final = {op: places for op, places in _CONSTANT_POSITIONS.items() if op not in (*_WEIGHTS, "PRELU")}
"""Where an op takes axes, sizes and target shapes: what flows there is no activation."""


@dataclasses.dataclass(frozen=True)
class Case:
    """One op in its graph, asked about one compiler generation."""

    graph: Graph
    op: Op
    compiler: str

    @cached_property
    def activations(self) -> tuple[Tensor, ...]:
        """What flows through the op: inputs that are neither parameters (constant or not) nor state, then outputs."""
        places = INTEGER_POSITIONS.get(self.op.name, ())
        inputs = [self.graph.tensors[t] for i, t in enumerate(self.op.inputs) if t >= 0 and i not in places]
        return (*(t for t in inputs if not self._is_parameter(t) and not t.is_variable), *self.graph.output_tensors(self.op))

    def _is_parameter(self, tensor: Tensor) -> bool:
        """A constant, or a float16 or packed constant behind a DEQUANTIZE."""
        return tensor.is_constant or tensor.index in self.graph.unpacked_constants

    def input(self, position: int) -> Tensor | None:
        """The tensor at an input position, or None when it is left out."""
        inputs = self.op.inputs
        return self.graph.tensors[inputs[position]] if position < len(inputs) and inputs[position] >= 0 else None

    def values(self, position: int) -> list[int] | None:
        """The integers of a small constant input (a shape, axes, sizes), or None when it is none."""
        tensor = self.input(position)
        if tensor is None or not tensor.is_constant or tensor.is_sparse or tensor.dtype not in ("int32", "int64") or tensor.elements > 64:
            return None
        return [int(v) for v in self.graph.constant(tensor.index).reshape(-1).tolist()]


@dataclasses.dataclass(frozen=True)
class Rule:
    """``reason`` is the code in the JSON, ``ops`` the kinds it applies to (empty: all), ``source`` where its limit comes from.

    ``refuses_file``: where it is not met, the compiler compiles nothing of the file.
    """

    reason: str
    check: Callable[[Case], Answer]
    source: str
    ops: frozenset[str] = frozenset()
    refuses_file: bool = False

    @property
    def name(self) -> str:
        """The function's name."""
        return getattr(self.check, "__name__", "rule")

    @property
    def sentence(self) -> str:
        """What the rule demands, in one sentence."""
        return (self.check.__doc__ or "").strip()


def op_is_in_the_compilers_table(case: Case) -> Answer:
    """The op is one the compiler's own TensorFlow Lite can read, of 2021 at the latest; another one makes it refuse the whole file."""
    if case.op.is_custom or readable_versions(case.op.name, case.compiler)[1] or case.op.name == "DELEGATE":
        return MET
    return (
        False,
        f"{case.op.name} is not in the compiler's table: it refuses the whole file (Op builtin_code out of range)",
    )


def version_is_readable(case: Case) -> Answer:
    """The compiler's own TensorFlow Lite can read this version of the op; a newer one makes it refuse the whole file."""
    op = case.op
    if op.is_custom:
        return MET
    surely, perhaps = readable_versions(op.name, case.compiler)
    if op.version > perhaps:
        return False, (
            f"{op.name} version {op.version}: the compiler refuses the whole file (Didn't find op for builtin opcode), it reads up to "
            f"version {perhaps}"
        )
    return MET if op.version <= surely else (None, f"{op.name} version {op.version}: only some compilers of this generation read it")


def is_builtin(case: Case) -> Answer:
    """The op is a built-in one: custom ops stay on the CPU."""
    return (False, f"custom op {case.op.name[:60]!r} stays on the CPU") if case.op.is_custom else MET


def nothing_is_float(case: Case) -> Answer:
    """Everything that flows through the op is quantised: nothing is a floating-point number."""
    for tensor in case.activations:
        if "float" in tensor.dtype or "complex" in tensor.dtype:
            return False, f"{tensor.dtype} flows through it: only fully 8-bit quantised ops map"
    return MET


def kind_is_supported(case: Case) -> Answer:
    """The kind of op is one that was seen on the Edge TPU or is documented for it."""
    support = SUPPORT.get(case.op.name)
    if support is None:
        return False, f"{case.op.name} is not among the ops the Edge TPU supports"
    if support.runtime > RUNTIME[case.compiler]:
        return False, f"{case.op.name} needs Edge TPU runtime {support.runtime}, compiler {case.compiler} stops at {RUNTIME[case.compiler]}"
    if support.seen == "documented":
        return None, f"{case.op.name} is documented as supported, but was never seen mapped"
    return MET


def everything_is_8_bit(case: Case) -> Answer:
    """Everything that flows through the op is int8 or uint8."""
    for tensor in case.activations:
        if tensor.dtype not in _EIGHT_BIT:
            return False, f"{tensor.dtype} flows through it: only int8 and uint8 map"
    return MET


def everything_has_a_scale(case: Case) -> Answer:
    """Every 8-bit tensor that flows through the op has a scale."""
    for tensor in case.activations:
        if tensor.quantization is None:
            return None, f"tensor {tensor.index} is {tensor.dtype} without a scale, which was never seen"
    return MET


def version_was_seen(case: Case) -> Answer:
    """The version of the op is no higher than the highest seen mapped."""
    op, support = case.op, SUPPORT.get(case.op.name)
    # Logs 13 and 14 (compiler 15.0) call the int8 version "not supported"; 16.0 maps it.
    if op.name == "RESIZE_NEAREST_NEIGHBOR" and op.version > 1 and case.compiler == "14.1-15.0":
        return False, f"{op.name} version {op.version}: compiler 15.0 reports 'Operation version not supported'"
    if support is not None and op.version > support.version:
        return None, f"{op.name} version {op.version} was never seen mapped, version {support.version} was"
    return MET


def shapes_are_fixed(case: Case) -> Answer:
    """All shapes are fixed; a batch that may vary is compiled for the size it has in the file."""
    for tensor in case.activations:
        signature = tensor.shape_signature
        if -1 in tensor.shape:
            return False, f"tensor {tensor.index} has no fixed shape: {list(tensor.shape)}"
        if -1 in signature[1:] or (signature[:1] == (-1,) and tensor.shape[0] != 1):
            return None, f"tensor {tensor.index} may vary along more than a batch of one, {list(signature)}: never seen"
    return MET


def three_innermost_dimensions(case: Case) -> Answer:
    """At most the three innermost dimensions of a tensor are larger than 1."""
    for tensor in case.activations:
        if any(size > 1 for size in tensor.shape[:-3]):
            return False, f"tensor {tensor.index} of shape {list(tensor.shape)} is larger than 1 outside its three innermost dimensions"
    return MET


_LARGEST: Final = 2**25


def activations_are_not_huge(case: Case) -> Answer:
    """No tensor that flows through the op holds more than 33,554,432 values; the largest seen mapped held 11,107,248."""
    for tensor in case.activations:
        if tensor.elements > _LARGEST:
            return None, f"tensor {tensor.index} holds {tensor.elements:,} values, the largest seen mapped {LARGEST_SEEN:,}"
    return MET


def parameters_are_constant(case: Case) -> Answer:
    """Weights, biases, axes, paddings and target shapes are constants in the file."""
    for position in _CONSTANT_POSITIONS.get(case.op.name, ()):
        tensor = case.input(position)
        if tensor is not None and not tensor.is_constant and tensor.elements:
            what = "its sizes or axes are" if position in INTEGER_POSITIONS.get(case.op.name, ()) else f"its input {position} is"
            return False, f"{what} computed while the model runs (tensor {tensor.index}), it must be a constant"
    return MET


def weights_are_8_bit(case: Case) -> Answer:
    """Weights are int8 or uint8, and not stored as a sparse tensor."""
    weights = case.input(1)
    if weights is not None and weights.is_sparse:
        return None, "its weights are stored as a sparse tensor, which was never seen"
    if weights is not None and weights.dtype not in _EIGHT_BIT:
        return False, f"its weights are {weights.dtype}: only int8 and uint8 map"
    return MET


GENERAL: Final = (
    Rule("unsupported_op", op_is_in_the_compilers_table, REGISTRY, refuses_file=True),
    Rule("op_version", version_is_readable, REGISTRY, refuses_file=True),
    Rule("unsupported_op", is_builtin, PAIRS),
    Rule("float", nothing_is_float, PAIRS),
    Rule("unsupported_op", kind_is_supported, f"{PAIRS}; compiler logs; {DOCUMENTATION}"),
    Rule("dtype", everything_is_8_bit, PAIRS),
    Rule("dtype", everything_has_a_scale, PAIRS),
    Rule("op_version", version_was_seen, f"{PAIRS}; compiler logs"),
    Rule("dynamic", shapes_are_fixed, f"{PAIRS}; {DOCUMENTATION}"),
    Rule("rank", three_innermost_dimensions, f"compiler logs; {DOCUMENTATION}"),
    Rule("shape", activations_are_not_huge, f"{PAIRS}; compiler logs (large activation tensors in model)"),
    Rule("not_constant", parameters_are_constant, DOCUMENTATION),
    Rule("dtype", weights_are_8_bit, PAIRS, frozenset(_WEIGHTS)),
)
"""The rules for every kind of op, in the order they are asked; the first that is not met gives the reason."""
