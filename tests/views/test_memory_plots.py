"""Parameters that fit and parameters that travel."""

from __future__ import annotations

import pytest

from edgewb.compilers.budgets import CACHE_BYTES
from edgewb.errors import InputError
from edgewb.views.memory_plots import NETS, memory_info, plot_memory, plot_streaming, streaming_info


def test_nothing_is_kept_beyond_what_the_chip_holds() -> None:
    info = memory_info()
    assert [row.net for row in info.rows] == list(NETS)
    assert info.room_mb == CACHE_BYTES / 1e6
    assert all(0 < row.kept_mb <= info.room_mb for row in info.rows)
    assert [row.streamed_mb > 0 for row in info.rows] == [False] * 3 + [True] * 4
    assert info.basis == "predicted"
    with pytest.raises(InputError, match="published net"):
        memory_info(["nonet"])


def test_streaming_shows_nets_that_do_not_fit_with_their_sources() -> None:
    info = streaming_info()
    assert len(info.points) >= 10
    assert all(point.streamed_mb > 0 and point.source for point in info.points)
    assert 300 < info.rate_mb_s < 600
    assert info.farthest_mb == max(point.streamed_mb for point in info.points)


def test_figures_say_what_they_rest_on() -> None:
    memory, streaming = plot_memory(), plot_streaming()
    assert "predicted" in memory.layout.xaxis.title.text
    assert "MB" in memory.layout.xaxis.title.text
    assert [len(bar.x) for bar in memory.data] == [len(NETS)] * 2
    assert "published" in streaming.layout.yaxis.title.text
    assert "estimated" in streaming.data[0].name
    assert len(streaming.data[1].x) == len(streaming_info().points)
