"""Can a language model run on it? Qwen3-0.6B counted: its parameters, what streaming them would take, and what is refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from edgewb.compilers.budgets import CACHE_BYTES
from edgewb.compilers.limits import SUPPORT
from edgewb.compilers.parameters import lanes, round_up
from edgewb.compilers.placement import place
from edgewb.errors import unknown_name
from edgewb.lessons.tables import WordTable
from edgewb.tflite.graphs import Graph, Op, Quantization, Tensor
from edgewb.types import Basis, Jsonable, Placement

STREAMING_MB_S: Final = {"usb3": (361.0, 409.0), "usb2": (32.0, 36.0)}
"""Slowest and fastest rate at which weights were seen to be streamed. Source: iwatake2222/EdgeTPU_Analysis@1f5fbce, Result.xlsx (2019)."""
_HEADER_BYTES: Final = 8  # per output channel: a multiplier and a zero point of per-channel weights; Qwen3 has no biases


@dataclass(frozen=True, kw_only=True)
class DecoderConfig:
    """Sizes of a decoder-only transformer with grouped-query attention, gated feed-forward layers and RMS norms, without biases.

    ``source``: where the sizes stand.
    """

    name: str
    layers: int
    width: int
    feed_forward: int
    heads: int
    key_value_heads: int
    head_width: int
    vocabulary: int
    source: str


QWEN3_0_6B: Final = DecoderConfig(
    name="Qwen3-0.6B",
    layers=28,
    width=1024,
    feed_forward=3072,
    heads=16,
    key_value_heads=8,
    head_width=128,
    vocabulary=151_936,
    source="config.json of huggingface.co/Qwen/Qwen3-0.6B, as quoted in public repositories: the embedding is shared with the output layer",
)


@dataclass(frozen=True, kw_only=True)
class ParameterCount(Jsonable):
    """One part of the network: how many matrices of it there are, their inputs and outputs, and the parameters of all of them."""

    part: str
    matrices: int
    inputs: int
    outputs: int
    parameters: int


def count_parameters(config: DecoderConfig = QWEN3_0_6B) -> tuple[ParameterCount, ...]:
    """Parameters by part; the embedding is counted once, since the output layer uses the same matrix."""
    query, key = config.heads * config.head_width, config.key_value_heads * config.head_width
    matrices = [
        ("query", config.layers, config.width, query),
        ("key and value", 2 * config.layers, config.width, key),
        ("attention output", config.layers, query, config.width),
        ("feed-forward, gate and up", 2 * config.layers, config.width, config.feed_forward),
        ("feed-forward, down", config.layers, config.feed_forward, config.width),
        ("embedding = output layer", 1, config.width, config.vocabulary),
    ]
    counted = [
        ParameterCount(part=part, matrices=n, inputs=inputs, outputs=outputs, parameters=n * inputs * outputs)
        for part, n, inputs, outputs in matrices
    ]
    norms = config.layers * (2 * config.width + 2 * config.head_width) + config.width
    return (*counted, ParameterCount(part="norms", matrices=0, inputs=0, outputs=0, parameters=norms))


def total_parameters(config: DecoderConfig = QWEN3_0_6B) -> int:
    """All parameters."""
    return sum(part.parameters for part in count_parameters(config))


@dataclass(frozen=True, kw_only=True)
class TokenTime(Jsonable):
    """The least time of one token if nothing but streaming took any: every weight that is not cached crosses the bus once.

    Attributes:
        weight_bytes: int8, one per parameter. device_bytes: as an Edge TPU would store the matrices, padded, with their headers.
        cached_bytes: at most so many stay on the chip. streamed_bytes: the rest of ``device_bytes``.
        low_s, high_s: seconds per token at the fastest and slowest streaming seen.
        multiply_s: seconds the multiplications alone would take at the published peak of 4 TOPS.
    """

    model: str
    bus: str
    weight_bytes: int
    device_bytes: int
    cached_bytes: int
    streamed_bytes: int
    low_s: float
    high_s: float
    multiply_s: float
    basis: Basis = Basis.ESTIMATED
    source: str = "streaming rates: iwatake2222/EdgeTPU_Analysis@1f5fbce; cache: 7.75 MiB"


def token_time(config: DecoderConfig = QWEN3_0_6B, bus: str = "usb3") -> TokenTime:
    """Seconds one token would take at least, could all of the network be mapped. It cannot: see ``place_decoder_ops``.

    Args:
        bus: usb3 or usb2.

    Raises:
        InputError: another bus.
    """
    if bus not in STREAMING_MB_S:
        raise unknown_name("bus", bus, STREAMING_MB_S)
    matrices = [part for part in count_parameters(config) if part.matrices]
    stored = sum(part.matrices * lanes(part.outputs) * (round_up(part.inputs, 4) + _HEADER_BYTES) for part in matrices)
    slow, fast = STREAMING_MB_S[bus]
    streamed = max(0, stored - CACHE_BYTES)
    return TokenTime(
        model=config.name,
        bus=bus,
        weight_bytes=total_parameters(config),
        device_bytes=stored,
        cached_bytes=min(stored, CACHE_BYTES),
        streamed_bytes=streamed,
        low_s=streamed / (fast * 1e6),
        high_s=streamed / (slow * 1e6),
        multiply_s=2 * sum(part.parameters for part in matrices) / 4e12,
    )


@dataclass(frozen=True, kw_only=True)
class DecoderOp(Jsonable):
    """One kind of op of a decoder, judged alone by the rules of ``edgewb inspect``: what it is for, and whether the compiler takes it."""

    op: str
    purpose: str
    placement: Placement
    detail: str
    basis: Basis = Basis.PREDICTED


def place_decoder_ops(config: DecoderConfig = QWEN3_0_6B, context: int = 1024) -> tuple[DecoderOp, ...]:
    """The ops of one decoder layer as int8 TensorFlow Lite would have them, each judged by itself, whatever stands above it.

    Args:
        context: tokens seen so far, whose keys and values are attended to.
    """
    width, head, heads = config.width, config.head_width, config.heads
    row, half, one = (1, width), (1, heads, head // 2), (1, 1)
    whole, scores = (1, heads, head), (1, heads, 1, context)
    keys, values = (1, heads, head, context), (1, heads, context, head)
    wide = (1, config.feed_forward)
    return (
        _placed("GATHER", "the embedding of a token", [(config.vocabulary, width)], row, indices=(1,)),
        _placed("MUL", "norm: squares", [row, row], row),
        _placed("MEAN", "norm: their mean", [row], one, axes=[1]),
        _placed("RSQRT", "norm: one over its root", [one], one),
        _placed("MUL", "norm: scaled", [row, one], row),
        _placed("FULLY_CONNECTED", "query, key, value, output", [row], (1, heads * head), weights=(heads * head, width)),
        _placed("RESHAPE", "one row per head", [(1, heads * head)], whole, sizes=[1, heads, head]),
        _placed("NEG", "rotary position: half of it negated", [half], half),
        _placed("CONCATENATION", "rotary position: the halves swapped", [half, half], whole),
        _placed("ADD", "rotary position; residual", [whole, whole], whole),
        _placed("BATCH_MATMUL", "attention: queries times keys", [(1, heads, 1, head), keys], scores),
        _placed("SOFTMAX", "attention: weights", [(heads, context)], (heads, context)),
        _placed("BATCH_MATMUL", "attention: weights times values", [scores, values], (1, heads, 1, head)),
        _placed("FULLY_CONNECTED", "feed-forward", [row], wide, weights=(config.feed_forward, width)),
        _placed("LOGISTIC", "feed-forward: gate (SiLU)", [wide], wide),
        _placed("MUL", "feed-forward: gate (SiLU)", [wide, wide], wide),
    )


def _placed(name: str, purpose: str, inputs: list[tuple[int, ...]], output: tuple[int, ...], **given: Any) -> DecoderOp:
    """An op in a graph of its own. ``weights``: their shape; ``axes``, ``sizes``: constant integers; ``indices``: their shape."""
    tensors: list[Tensor] = []
    buffers = [memoryview(b"")]

    def tensor(shape: tuple[int, ...], dtype: str = "int8", values: list[int] | None = None, constant: bool = False) -> int:
        content = b"" if values is None else np.array(values, "<i4").tobytes()
        if content:
            buffers.append(memoryview(content))
        scheme = Quantization(scales=np.ones(1, np.float32), zero_points=np.zeros(1, np.int64), axis=0) if dtype == "int8" else None
        tensors.append(
            Tensor(
                index=len(tensors), name=f"t{len(tensors)}", shape=shape, shape_signature=shape, dtype=dtype,
                buffer=len(buffers) - 1 if content else 0, buffer_bytes=len(content), is_constant=constant or bool(content),
                is_variable=False, is_sparse=False, quantization=scheme,
            )
        )  # fmt: skip
        return len(tensors) - 1

    read = [tensor(shape, constant="indices" in given) for shape in inputs]  # of a GATHER the table is constant
    if "weights" in given:
        read.append(tensor(given["weights"], constant=True))
    for integers in (given.get("axes"), given.get("sizes")):
        if integers is not None:
            read.append(tensor((len(integers),), "int32", integers))
    if "indices" in given:
        read.append(tensor(given["indices"], "int32"))
    made = tensor(output)
    version = SUPPORT[name].version if name in SUPPORT else 1
    op = Op(index=0, name=name, version=version, is_custom=False, inputs=tuple(read), outputs=(made,), options={})
    graph = Graph(
        tensors=tuple(tensors), ops=(op,), inputs=tuple(i for i in read if not tensors[i].is_constant), outputs=(made,), signatures=(),
        description="", metadata=(), subgraphs=1, file_bytes=0, buffers=tuple(buffers),
    )  # fmt: skip
    (placement,) = place(graph)
    return DecoderOp(op=name, purpose=purpose, placement=placement.placement, detail=placement.detail or "")


def show_token_times(config: DecoderConfig = QWEN3_0_6B) -> WordTable:
    """``token_time`` for both buses, in words."""
    rows = []
    for bus, (slow, fast) in STREAMING_MB_S.items():
        took = token_time(config, bus)
        rows.append((bus, f"{took.streamed_bytes / 1e6:.0f} MB", f"{slow:g} to {fast:g} MB/s", f"{took.low_s:.2g} to {took.high_s:.2g} s"))
    took = token_time(config)
    note = (
        f"Estimated: {config.name} in int8, {took.device_bytes / 1e6:.0f} MB as the device stores it, {took.cached_bytes / 1e6:.1f} MB of "
        f"it cached. The multiplications of a token would take {1000 * took.multiply_s:.1f} ms at the stated 4 TOPS. Rates: {took.source}."
    )
    return WordTable(
        columns=("bus", "streamed for each token", "streaming rate (published)", "a token takes at least"), rows=tuple(rows), note=note
    )


def show_decoder_ops(config: DecoderConfig = QWEN3_0_6B) -> WordTable:
    """``place_decoder_ops`` in words."""
    words = {Placement.EDGETPU: "Edge TPU", Placement.CPU: "CPU", Placement.UNKNOWN: "not known"}
    rows = tuple((one.op, one.purpose, words[one.placement], one.detail) for one in place_decoder_ops(config))
    return WordTable(
        columns=("op", "what it does in a decoder", "goes to", "why not"),
        rows=rows,
        note="Predicted by edgewb's rules, each op judged by itself; all behind the first one on the CPU would stay there, too.",
    )
