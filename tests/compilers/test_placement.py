"""Where ops go: the cut by data flow, the first blocker, the counts."""

import builders
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewb.compilers.limits import GENERATIONS
from edgewb.compilers.placement import first_blocker, place, summarise
from edgewb.errors import InputError
from edgewb.tflite.reader import read_graph
from edgewb.types import Basis, Placement


def placed(raw: bytes, compiler: str = "16.0"):
    graph = read_graph(raw)
    placements = place(graph, compiler)
    return placements, first_blocker(graph, placements, compiler)


def short(placements) -> list[str]:
    return [entry.reason or entry.placement.value for entry in placements]


def test_a_quantised_net_maps_completely(tflite_bytes):
    for name in ("int8_conv", "per_channel", "signature", "dynamic_batch"):
        placements, blocker = placed(tflite_bytes(name))
        assert short(placements) == ["edgetpu"] * 5
        assert blocker is None


def test_a_float_net_stays_on_the_cpu_and_quantising_it_brings_all(tflite_bytes):
    placements, blocker = placed(tflite_bytes("float"))
    assert short(placements) == ["float"] * 4
    assert all("float32" in entry.detail for entry in placements)
    assert (blocker.index, blocker.reason, blocker.ops_gained_if_fixed) == (0, "float", 4)


def test_float_edges_block_nothing(tflite_bytes):
    placements, blocker = placed(tflite_bytes("float_io"))
    assert short(placements) == ["float", "edgetpu", "float"]
    assert blocker is None


def test_the_cut_follows_data_and_not_order(tflite_bytes):
    placements, blocker = placed(tflite_bytes("leaky_branches"))
    assert short(placements) == ["edgetpu", "unsupported_op", "downstream", "edgetpu", "downstream", "downstream"]
    assert "op 1 (LEAKY_RELU)" in placements[5].detail
    assert (blocker.index, blocker.op, blocker.ops_gained_if_fixed) == (1, "LEAKY_RELU", 4)


def test_custom_op_at_the_end_blocks_nothing(tflite_bytes):
    placements, blocker = placed(tflite_bytes("custom_op"))
    assert short(placements) == ["edgetpu", "unsupported_op"]
    assert blocker is None


def test_two_blockers_in_a_row_gain_up_to_the_second():
    b = builders.Builder()
    source = b.tensor("x", (1, 4, 4, 3))
    x = b.conv(source, 4)
    x = b.same("LEAKY_RELU", x, 2, "LeakyReluOptions", alpha=0.25)
    x = b.conv(x, 4)
    x = b.same("ELU", x, 1)
    x = b.conv(x, 4)
    placements, blocker = placed(b.build([source], [x]))
    assert short(placements) == ["edgetpu", "unsupported_op", "downstream", "unsupported_op", "downstream"]
    assert (blocker.index, blocker.ops_gained_if_fixed) == (1, 2)


def float_island(b: builders.Builder, source: int, kind: str) -> int:
    shape = b.shape_of(source)
    wide = b.tensor("wide", shape, "FLOAT32")
    b.op("DEQUANTIZE", [source], [wide], 2, "DequantizeOptions")
    wide = b.same(kind, wide)
    narrow = b.tensor("narrow", shape)
    b.op("QUANTIZE", [wide], [narrow], 1, "QuantizeOptions")
    return narrow


def test_a_float_island_is_blamed_on_the_op_that_was_not_quantised():
    b = builders.Builder()
    source = b.tensor("x", (1, 4, 4, 3))
    x = b.conv(float_island(b, b.conv(source, 4), "ELU"), 4)
    placements, blocker = placed(b.build([source], [x]))
    assert short(placements) == ["edgetpu", "float", "float", "float", "downstream"]
    assert (blocker.index, blocker.op, blocker.reason, blocker.ops_gained_if_fixed) == (2, "ELU", "unsupported_op", 2)


def test_an_int16_net_is_mended_by_8_bits():
    b = builders.Builder()
    source = b.tensor("x", (1, 4, 4, 3), "INT16")
    x = b.same("LOGISTIC", b.same("RELU", source, 2), 2)
    placements, blocker = placed(b.build([source], [x]))
    assert short(placements) == ["dtype", "dtype"]
    assert (blocker.index, blocker.reason, blocker.ops_gained_if_fixed) == (0, "dtype", 2)


def test_a_float16_net_is_judged_by_its_convolutions_and_not_by_what_unpacks_their_weights():
    b = builders.Builder()
    source = b.tensor("x", (1, 4, 4, 3), "FLOAT32")
    x = source
    for _ in range(2):
        half = b.constant(f"w{x}", np.zeros((3, 3, 3, 3), np.float16))
        weights = b.tensor(f"wide{x}", (3, 3, 3, 3), "FLOAT32")
        b.op("DEQUANTIZE", [half], [weights], 3, "DequantizeOptions")
        result = b.tensor(f"y{x}", (1, 4, 4, 3), "FLOAT32")
        b.op("CONV_2D", [x, weights, -1], [result], 1, "Conv2DOptions", strideW=1, strideH=1)
        x = result
    placements, blocker = placed(b.build([source], [x]))
    assert short(placements) == ["float"] * 4
    assert (blocker.index, blocker.op, blocker.ops_gained_if_fixed) == (1, "CONV_2D", 2)


def test_quantize_from_float_is_no_exception_in_the_middle():
    """Only a leading one was seen above mapped ops: there is one custom op and no way back from the CPU."""
    b = builders.Builder()
    source = b.tensor("x", (1, 4, 4, 3))
    x = b.conv(source, 4)
    wide = b.tensor("wide", (1, 4, 4, 4), "FLOAT32")
    b.op("DEQUANTIZE", [x], [wide], 2, "DequantizeOptions")
    narrow = b.tensor("narrow", (1, 4, 4, 4))
    b.op("QUANTIZE", [wide], [narrow], 1, "QuantizeOptions")
    placements, blocker = placed(b.build([source], [b.conv(narrow, 4)]))
    assert short(placements) == ["edgetpu", "float", "float", "downstream"]
    assert (blocker.index, blocker.op, blocker.ops_gained_if_fixed) == (2, "QUANTIZE", 1)


def test_leading_cast_and_quantize_are_seen_above_mapped_ops():
    b = builders.Builder()
    source = b.tensor("x", (1, 4, 4, 3), "INT32")
    wide = b.tensor("wide", (1, 4, 4, 3), "FLOAT32")
    b.op("CAST", [source], [wide], 1, "CastOptions")
    narrow = b.tensor("narrow", (1, 4, 4, 3))
    b.op("QUANTIZE", [wide], [narrow], 1, "QuantizeOptions")
    placements, blocker = placed(b.build([source], [b.conv(narrow, 4)]))
    assert [entry.placement.value for entry in placements] == ["cpu", "cpu", "edgetpu"]
    assert blocker is None


def test_cast_behind_a_mapped_op_strands():
    b = builders.Builder()
    source = b.tensor("x", (1, 4, 4, 3))
    x = b.conv(source, 4)
    other = b.tensor("other", (1, 4, 4, 4))
    b.op("CAST", [x], [other], 1, "CastOptions")
    placements, blocker = placed(b.build([source], [b.conv(other, 4)]))
    assert short(placements) == ["edgetpu", "unsupported_op", "downstream"]
    assert blocker.op == "CAST"


def test_what_depends_on_an_unknown_op_is_unknown():
    b = builders.Builder()
    source = b.tensor("x", (1, 4, 4, 3))
    x = b.conv(source, 4)
    x = b.same("MINIMUM", x)
    x = b.conv(x, 4)
    placements, blocker = placed(b.build([source], [x]))
    assert [entry.placement.value for entry in placements] == ["edgetpu", "unknown", "unknown"]
    assert placements[2].reason == "downstream"
    assert "may stay" in placements[2].detail
    assert (blocker.op, blocker.ops_gained_if_fixed) == ("MINIMUM", 2)


def test_a_version_the_compiler_refuses_takes_the_whole_file_with_it():
    b = builders.Builder()
    source = b.tensor("x", (1, 4, 4, 3))
    x = b.conv(source, 4)
    y = b.tensor("y", (1, 4, 4, 4))
    b.op("QUANTIZE", [x], [y], 3, "QuantizeOptions")
    placements, blocker = placed(b.build([source], [y]))
    assert short(placements) == ["compile_error", "op_version"]
    assert "QUANTIZE version 3" in placements[0].detail
    assert (blocker.index, blocker.reason, blocker.ops_gained_if_fixed) == (1, "op_version", 2)


def test_relu_version_2_is_refused_by_old_compilers_only():
    b = builders.Builder()
    source = b.tensor("x", (1, 4, 4, 3))
    raw = b.build([source], [b.same("RELU", source, 2)])
    assert {c: short(placed(raw, c)[0]) for c in GENERATIONS} == {
        c: ["op_version"] if c in ("1.0", "2.x") else ["edgetpu"] for c in GENERATIONS
    }


def test_unknown_compiler_is_named(tflite_bytes):
    graph = read_graph(tflite_bytes("int8_conv"))
    with pytest.raises(InputError, match=r"compiler generation '16' is not known: take one of 1\.0, .*16\.0"):
        place(graph, "16")
    with pytest.raises(InputError, match=r"take one of 1\.0, 2\.x"):
        first_blocker(graph, (), "seven")


KINDS = st.sampled_from(["conv", "LEAKY_RELU", "RELU", "MINIMUM", "island"])


@given(st.lists(st.tuples(KINDS, st.integers(0, 10), st.integers(0, 10)), min_size=1, max_size=12))
def test_properties_of_random_graphs(steps):
    """Counts add up; nothing mapped depends on what is not; mending the first blocker gains what a new placement gains."""
    b = builders.Builder()
    source = b.tensor("x", (1, 2, 2, 4))
    made = [source]
    for kind, left, right in steps:
        x = made[left % len(made)]
        if kind == "conv":
            x = b.conv(x, 4, 1)
        elif kind == "island":
            x = float_island(b, x, "ELU")
        else:
            x = b.same(kind, x, 2 if kind != "MINIMUM" else 1)
        made.append(b.add(x, made[right % len(made)]))
    graph = read_graph(b.build([source], [made[-1]]))
    placements = place(graph)
    counts = summarise(placements)
    assert counts.ops_edgetpu + counts.ops_cpu + counts.ops_unknown == counts.ops_total == len(graph.ops)
    assert counts.basis is Basis.PREDICTED
    for entry in placements:
        assert (entry.reason is None) == (entry.placement is Placement.EDGETPU) == (entry.detail is None)
        sources = [placements[graph.producers[t]] for t in graph.ops[entry.index].inputs if t in graph.producers]
        if entry.placement is Placement.EDGETPU:
            assert all(s.placement is Placement.EDGETPU or (s.op == "QUANTIZE" and s.reason == "float") for s in sources)
        if entry.reason == "downstream":
            assert any(s.placement is not Placement.EDGETPU for s in sources)
    blocker = first_blocker(graph, placements)
    if blocker is not None:
        assert placements[blocker.index].placement is not Placement.EDGETPU
        assert 1 <= blocker.ops_gained_if_fixed <= counts.ops_cpu + counts.ops_unknown
    elif counts.ops_edgetpu < counts.ops_total:
        assert not any(entry.reason == "downstream" for entry in placements)
