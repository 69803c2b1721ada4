"""Files made for the purpose, each run in a process of its own."""

from __future__ import annotations

import pytest

from edgewb.errors import InputError
from edgewb.lessons.memory_needs import KINDS, made_net, measure_memory_need, show_memory_needs
from edgewb.tflite.reader import read_graph
from edgewb.types import Basis


def test_made_nets_have_the_size_asked_for_and_the_same_weights() -> None:
    for kind in KINDS:
        content = made_net(kind, 2)
        assert 2e6 <= len(content) <= 2.3e6
        assert content == made_net(kind, 2)
    assert [op.name for op in read_graph(made_net("weights", 0.5)).ops] == ["FULLY_CONNECTED"] * 3
    assert [op.name for op in read_graph(made_net("large picture", 0.5)).ops][:3] == ["CONV_2D", "CONV_2D", "MEAN"]


def test_the_weights_are_among_what_is_added() -> None:
    need = measure_memory_need("weights", 20)
    assert need.basis is Basis.MEASURED
    assert need.before_bytes <= need.loaded_bytes <= need.peak_bytes
    assert need.grown_bytes > 0.9 * need.file_bytes


def test_table_shows_that_a_large_picture_takes_more() -> None:
    table = show_memory_needs(1)
    assert [row[0] for row in table.rows] == list(KINDS)
    assert all(cell.endswith(" MB") for row in table.rows for cell in row[1:])
    added = [int(row[-1].removesuffix(" MB")) for row in table.rows]
    assert added[1] - added[0] > 64  # at least one of its results: 1,024 x 1,024 x 64 bytes
    assert "n = 1" in table.note


@pytest.mark.parametrize(("kind", "megabytes"), [("pictures", 1), ("weights", 0), ("weights", float("nan")), ("weights", 5000)])
def test_bad_input(kind: str, megabytes: float) -> None:
    with pytest.raises(InputError):
        made_net(kind, megabytes)
