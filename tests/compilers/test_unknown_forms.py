"""What ``--against`` says where a compiler writes something in a way that is not known: never ``differs`` of a right pair.

Each test takes one rule away, or makes it wrong, and compares files with their own sources.
"""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import builders
import device_writer
import numpy as np
import pytest

from edgewb.compilers import encodings, lookups, packages, searches, tables
from edgewb.compilers.matches import compare
from edgewb.tflite.graphs import Graph
from edgewb.tflite.reader import read_graph

Patch = Callable[[pytest.MonkeyPatch], None]


def plan_unknown(kind: str) -> Patch:
    return lambda patch: patch.delitem(encodings._PLANS, kind)


def one_order_only(which: int) -> Patch:
    whole = encodings._dense_encodings

    def some(layer: Any, weights: Any, *rest: Any) -> Iterator[Any]:
        found = list(whole(layer, weights, *rest))
        both = weights.shape[1] * weights.shape[2] > 1 and weights.shape[3] > 4
        yield from found[which::2] if both else found

    return lambda patch: patch.setattr(encodings, "_dense_encodings", some)


def header(change: Callable[[list[tuple[str, Any, str, float]]], list[tuple[str, Any, str, float]]]) -> Patch:
    whole = encodings._Layer.header
    return lambda patch: patch.setattr(encodings._Layer, "header", lambda layer, drop: change(whole(layer, drop)))


def bias_dropped(wrong: Callable[[Any], tuple[bool, ...]]) -> Patch:
    whole = encodings._layer

    def made(graph: Graph, op: Any, axis: int) -> Any:
        layer = whole(graph, op, axis)
        return None if layer is None else dataclasses.replace(layer, bias_dropped=wrong(layer))

    return lambda patch: patch.setattr(encodings, "_layer", made)


def asked(change: Callable[[Any], Any]) -> Patch:
    whole = lookups.wanted
    return lambda patch: patch.setattr(lookups, "wanted", lambda graph, op: tuple(change(one) for one in whole(graph, op)))


def ranges_unknown(patch: pytest.MonkeyPatch) -> None:
    whole = lookups.ranges
    patch.setattr(lookups, "ranges", lambda graph, op: tuple((b"\1" * 8, point) for _, point in whole(graph, op)))


def changed_part(name: str, change: Callable[[Any], Any]) -> Patch:
    return header(lambda parts: [(n, change(v) if n == name else v, d, p) for n, v, d, p in parts])


def padded_part(name: str, pad: float) -> Patch:
    return header(lambda parts: [(n, v, d, pad if n == name else p) for n, v, d, p in parts])


IGNORANCE: dict[str, Patch] = {
    **{f"the form of {kind}": plan_unknown(kind) for kind in sorted(encodings._PLANS)},
    "weights tap by tap": one_order_only(1),
    "weights four inputs by four": one_order_only(0),
    "what pads weights": lambda patch: patch.setattr(encodings._Layer, "fill", property(lambda layer: np.uint8(0))),
    "what pads multipliers": padded_part("multipliers", 1.0),
    "what pads zero points": padded_part("zero points", 0.0),
    "the last place of multipliers": changed_part("multipliers", lambda values: np.nextafter(values, np.float32(9))),
    "the order of the header": header(lambda parts: parts[::-1]),
    "that zero points are stored": header(lambda parts: [part for part in parts if part[0] != "zero points"]),
    "that a bias of zeros is left out": bias_dropped(lambda layer: (False,)),
    "that a bias of zeros is kept": bias_dropped(lambda layer: (not layer.bias.any(),)),
    "groups of 32 and 48": lambda patch: patch.setattr(encodings, "lanes", lambda n: encodings.round_up(n, 64) if n > 16 else 16),
    "channels taken apart": lambda patch: patch.setattr(encodings, "taken_apart_by", lambda graph, tensor: tensor.shape[-1]),
    "ranges of layers": asked(lambda one: (one[0], b"\1" * 8, one[2])),
    "multipliers in words": asked(lambda one: (b"\1\2\3\4", *one[1:])),
    "zero points in words": asked(lambda one: (*one[:2], b"\1\2\3")),
    "ranges of ADD and MUL": ranges_unknown,
    "words": lambda patch: patch.setattr(searches, "read_requantisations", lambda programs: frozenset()),
}  # fmt: skip


@pytest.mark.parametrize("what", IGNORANCE)
@pytest.mark.parametrize(("per_channel", "bias"), [(True, True), (True, False), (False, True)])
def test_what_is_not_known_is_no_difference(what: str, per_channel: bool, bias: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = device_writer.net(per_channel=per_channel, bias=bias, channels=22)
    graph = read_graph(raw)
    for keep in (True, False):
        file = device_writer.compiled(raw, [device_writer.write_op(graph, op, keep, False) for op in graph.ops])
        assert compare(graph, read_graph(file)).verdict == "holds"
        with monkeypatch.context() as patch:
            IGNORANCE[what](patch)
            found = compare(graph, read_graph(file))
        assert found.verdict in ("holds", "cannot_tell"), (keep, found.reason)


@pytest.mark.parametrize("what", IGNORANCE)
def test_what_is_not_known_is_no_difference_of_real_pairs(what: str, shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    verdicts: Counter[str] = Counter()
    IGNORANCE[what](monkeypatch)
    for record in json.loads((shared / "oracle" / "oracle.json").read_text()):
        folder = shared / "oracle" / "models" / record["id"]
        if not (folder / "compiled_edgetpu.tflite").is_file():
            continue
        found = compare(read_graph(folder / "source.tflite"), read_graph(folder / "compiled_edgetpu.tflite"))
        assert found.verdict in ("holds", "cannot_tell"), (record["id"], found.reason)
        verdicts[found.verdict.value] += 1
    print(f"\n{what}: {dict(verdicts)}")
    assert sum(verdicts.values()) == 47


RAW = device_writer.net(channels=22)
GRAPH = read_graph(RAW)
PARTS = [device_writer.write_op(GRAPH, op) for op in GRAPH.ops]


@pytest.mark.parametrize("index", range(4))
def test_padding_lanes_filled_otherwise(index: int) -> None:
    parts = list(PARTS)
    (encoding,) = (e for e in encodings.plan(GRAPH, GRAPH.ops[index]).encodings(False) if e.data == parts[index])
    data = np.frombuffer(parts[index], np.uint8).copy()
    own = encoding.own()
    assert 0 < own.sum() < len(own)
    data[: len(own)][~own] ^= 0x55
    parts[index] = data.tobytes()
    found = compare(GRAPH, read_graph(device_writer.compiled(RAW, parts)))
    assert (found.verdict, found.ops[index].verdict) == ("cannot_tell", "not_encoded")


@pytest.mark.parametrize(("places", "verdict"), [(1, "cannot_tell"), (4, "cannot_tell"), (5_000, "differs")])
def test_multipliers_computed_in_another_order(places: int, verdict: str) -> None:
    data = np.frombuffer(PARTS[0], np.uint8).copy()
    data[: 4 * 22].view("<i4")[:] += places
    found = compare(GRAPH, read_graph(device_writer.compiled(RAW, [data.tobytes(), *PARTS[1:]])))
    assert found.verdict == verdict


def test_one_layer_in_an_order_that_is_not_known() -> None:
    """No other layer vouches for the form: its numbers and its word are there."""
    b = builders.Builder()
    rng = np.random.default_rng(3)
    image, result = b.tensor("image", (1, 96)), b.tensor("y", (1, 40), scale=0.07)
    weights = b.constant("w", rng.integers(-127, 128, (40, 96)).astype(np.int8), scale=0.01)
    bias = b.constant("b", rng.integers(-9999, 9999, 40).astype(np.int32), scale=[0.001])
    b.op("FULLY_CONNECTED", [image, weights, bias], [result], 4, "FullyConnectedOptions", fusedActivationFunction=0)
    raw = b.build([image], [result])
    graph = read_graph(raw)
    own = device_writer.write_op(graph, graph.ops[0])
    word = [device_writer.write_word(graph, graph.ops[0])]
    for other in (own[192:] + own[:192], own[:192] + own[192:][::-1], own + bytes(640)):
        found = compare(graph, read_graph(device_writer.compiled(raw, [other], words=word)))
        assert found.verdict == "cannot_tell", found.reason
    wrong = own[:192] + rng.integers(0, 256, len(own) - 192).astype(np.uint8).tobytes()
    found = compare(graph, read_graph(device_writer.compiled(raw, [wrong], words=[bytes(48)])))
    assert found.verdict == "differs"


def test_more_layers_in_an_unknown_order_than_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searches, "_LOCATED", 1)
    turned = [part[::-1] for part in PARTS]
    found = compare(GRAPH, read_graph(device_writer.compiled(RAW, turned)))
    assert (found.verdict, found.ops_differ) == ("cannot_tell", 0)


# Constants of ADD and MUL, whose form was seen in one pair only.


def scaled(kind: str, *, table: bytes | None) -> tuple[Graph, Graph]:
    """A convolution and behind it an ADD or MUL with a constant vector; the source and what is compiled from it."""
    b = builders.Builder()
    rng = np.random.default_rng(5)
    image, x = b.tensor("image", (1, 4, 4, 3)), b.tensor("x", (1, 4, 4, 8), scale=0.1)
    weights = b.constant("w", rng.integers(-127, 128, (8, 3, 3, 3)).astype(np.int8), scale=0.01)
    bias = b.constant("b", rng.integers(-9999, 9999, 8).astype(np.int32), scale=[0.001])
    b.op("CONV_2D", [image, weights, bias], [x], 3, "Conv2DOptions", **device_writer.PADDING)
    constant = b.constant("c", rng.integers(-127, 128, 8).astype(np.int8), scale=0.02)
    y = b.tensor("y", (1, 4, 4, 8), scale=0.2)
    b.op(kind, [x, constant], [y], 1, kind.title() + "Options")
    raw = b.build([image], [y])
    graph = read_graph(raw)
    own = device_writer.write_op(graph, graph.ops[0])
    if table is None:
        table = next(tables.elementwise(graph, graph.ops[1]).encodings(False)).data
    return graph, read_graph(device_writer.compiled(raw, [own, table]))


@pytest.mark.parametrize("kind", ["ADD", "MUL"])
def test_constants_of_add_and_mul_in_another_form(kind: str) -> None:
    assert compare(*scaled(kind, table=None)).verdict == "holds"
    for other in (b"", bytes(range(1, 65)), bytes(range(1, 129)), bytes(128), b"\7" * 256):
        found = compare(*scaled(kind, table=other))
        assert (found.verdict, found.ops[1].verdict) == ("cannot_tell", "not_encoded"), found.reason


# Bytes that are left over.


def padded_channels(kind: str, extra: int) -> tuple[Graph, Graph]:
    """An op without constants of its own, in a compiled file with ``extra`` bytes that agree with nothing."""
    b = builders.Builder()
    image = b.tensor("image", (1, 4, 4, 6))
    if kind == "MEAN":
        result = b.tensor("y", (1, 6))
        b.op("MEAN", [image, b.constant("axes", np.array([1, 2], np.int32), scale=None)], [result], 1, "ReducerOptions")
    elif kind == "SPLIT":
        ends = [b.tensor(name, (1, 4, 4, 3)) for name in ("y", "z")]
        b.op("SPLIT", [b.constant("axis", np.array(3, np.int32), scale=None), image], ends, 1, "SplitOptions", numSplits=2)
        result = ends[0]
    else:
        result = b.tensor("y", (1, 4, 4, 9))
        amounts = b.constant("amounts", np.array([[0, 0], [0, 0], [0, 0], [1, 2]], np.int32), scale=None)
        b.op("PAD", [image, amounts], [result], 1, "PadOptions")
    raw = b.build([image], [result])
    return read_graph(raw), read_graph(device_writer.compiled(raw, [b"\5" * extra], words=[]))


@pytest.mark.parametrize(
    ("kind", "extra", "verdict"),
    [
        ("MEAN", 64, "cannot_tell"),
        ("PAD", 192, "holds"),
        ("PAD", 256, "cannot_tell"),
        ("SPLIT", 192, "holds"),
        ("SPLIT", 1_000_000, "cannot_tell"),
    ],
)
def test_bytes_left_over_must_be_as_many_as_the_ops_leave(kind: str, extra: int, verdict: str) -> None:
    found = compare(*padded_channels(kind, extra))
    assert found.verdict == verdict, found.reason
    assert f"{extra:,}" in found.reason


def test_a_layer_dropped_from_a_real_source_leaves_its_bytes_over(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A megabyte more than yolov8n has, too; its RESHAPE and TRANSPOSE leave 31,360 bytes."""
    folder = next((shared / "oracle" / "models").glob("yolov8n_full_integer*"))
    graph, compiled = read_graph(folder / "source.tflite"), read_graph(folder / "compiled_edgetpu.tflite")
    assert "; 31,360 more bytes are of " in compare(graph, compiled).reason

    def more(_graph: Graph) -> tuple[packages.Program, ...]:
        first, *rest = packages.read_programs(compiled)
        return packages.Program(first.type, memoryview(bytes(first.parameters) + b"\7" * 1_000_000), first.instructions), *rest

    monkeypatch.setattr("edgewb.compilers.matches.read_programs", more)
    found = compare(graph, compiled)
    assert found.verdict == "cannot_tell"
    assert "of the source would leave 31,360" in found.reason


def test_zero_points_beyond_any_integer_of_the_device() -> None:
    def far(graph: Any, _buffers: Any) -> None:
        graph.tensors[graph.operators[0].inputs[1]].quantization.zeroPoint = [545_460_846_720] * 22

    source = read_graph(device_writer.mutated(RAW, far))
    assert compare(source, read_graph(device_writer.compiled(RAW, PARTS))).ops[0].verdict == "not_encoded"
