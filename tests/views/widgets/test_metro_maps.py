"""Rows and lanes of the inspector's map: every op in one row, no line through another's node."""

from __future__ import annotations

import re

import builders
from hypothesis import given
from hypothesis import strategies as st

from edgewb.tflite.reader import read_graph
from edgewb.views.widgets.metro_maps import ALONE, LONGEST, MOST_ROWS, ROW, SHORTEST, assign_lanes, draw, edges_between, fold

placements = st.lists(st.tuples(st.sampled_from(["edgetpu", "cpu", "unknown"]), st.integers(1, 60)), max_size=40).map(
    lambda runs: [place for place, count in runs for _ in range(count)]
)


@st.composite
def graphs(draw):
    """Rows with edges downwards, as a file has them."""
    count = draw(st.integers(1, 30))
    pairs = st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)).filter(lambda pair: pair[0] < pair[1])
    return count, draw(st.sets(pairs, max_size=60)) if count > 1 else set()


@given(placements, st.data())
def test_every_op_is_in_one_row_in_its_order(groups, data):
    ops = st.integers(0, max(len(groups) - 1, 0))
    kept, opened = data.draw(st.sets(ops, max_size=2)), data.draw(st.sets(ops, max_size=5))
    kept = {op for op in kept if op < len(groups)}
    rows = [row for row in fold(groups, kept, opened) if row.kind != "head"]
    assert [op for row in rows for op in range(row.first, row.last + 1)] == list(range(len(groups)))
    assert all(row.kind == "op" for row in rows if row.first in kept or row.last in kept)
    if len(groups) > ALONE:
        assert all(SHORTEST <= row.count <= LONGEST for row in rows if row.kind == "run")
    else:
        assert all(row.kind == "op" for row in rows)


def test_a_long_net_is_folded_by_placement_and_the_blocker_stays_alone():
    groups = ["edgetpu"] * 150 + ["cpu"] * 50
    rows = fold(groups, kept=[150])
    assert [(row.kind, row.first, row.last) for row in rows] == [("run", 0, 99), ("run", 100, 149), ("op", 150, 150), ("run", 151, 199)]
    opened = fold(groups, kept=[150], opened=[100])
    assert [(row.kind, row.first, row.last) for row in opened[1:4]] == [("head", 100, 149), ("op", 100, 100), ("op", 101, 101)]
    assert len(opened) == 1 + 1 + 50 + 1 + 1


def test_placements_that_alternate_are_folded_whatever_they_are():
    rows = fold(["edgetpu", "cpu"] * 500, kept=[501])
    assert len(rows) < 20 < MOST_ROWS
    assert next(row for row in rows if row.first == 501).kind == "op"


@given(graphs())
def test_no_line_runs_through_a_node_or_another_line(graph):
    count, edges = graph
    lanes = assign_lanes(count, edges)
    last = [max((reader for maker, reader in edges if maker == row), default=row) for row in range(count)]
    for maker in range(count):
        for other in range(maker + 1, count):
            # While a line is on its way down, nobody else has its lane; from its last reader's row on it is free.
            assert not (other < last[maker] and lanes[other] == lanes[maker])


@given(graphs())
def test_lanes_are_as_few_as_lines_side_by_side(graph):
    count, edges = graph
    lanes = assign_lanes(count, edges)
    last = [max((reader for maker, reader in edges if maker == row), default=row) for row in range(count)]
    together = [sum(maker < row < last[maker] for maker in range(row)) for row in range(count)]
    assert max(lane for lane in lanes if lane is not None) <= max(together)


def test_a_chain_has_one_lane_and_a_branch_two():
    assert assign_lanes(4, {(0, 1), (1, 2), (2, 3)}) == [0, 0, 0, 0]
    assert assign_lanes(4, {(0, 1), (1, 2), (0, 3), (2, 3)}) == [0, 1, 1, 0]


def test_the_map_of_a_net_with_branches():
    graph = read_graph(builders.leaky_branches_net())
    drawn = draw(graph, ["edgetpu", "cpu", "cpu", "edgetpu", "cpu", "cpu"])
    assert [row.kind for row in drawn.rows] == ["inputs", *["op"] * 6, "outputs"]
    assert edges_between(graph, drawn.rows) == {(0, 1), (1, 2), (2, 3), (1, 4), (3, 5), (4, 5), (5, 6), (6, 7)}
    assert drawn.height == 8 * ROW
    assert len(set(drawn.lanes)) == 2
    assert set(re.findall(r"[A-Z]", drawn.lines)) == {"M", "V", "C"}


def test_a_folded_run_is_one_node():
    b = builders.Builder()
    source = b.tensor("image", (1, 4, 4, 4))
    x = source
    for _ in range(120):
        x = b.same("RELU", x)
    graph = read_graph(b.build([source], [x]))
    drawn = draw(graph, ["edgetpu"] * 120)
    assert [(row.kind, row.count) for row in drawn.rows] == [("inputs", 0), ("run", 100), ("run", 20), ("outputs", 0)]
    assert set(drawn.lanes) == {0}
    opened = draw(graph, ["edgetpu"] * 120, opened=[100])
    assert [row.kind for row in opened.rows].count("op") == 20
    head = [row.kind for row in opened.rows].index("head")
    assert opened.lanes[head] is None
    assert opened.x[head] is None
