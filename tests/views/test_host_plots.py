"""One net on every host: estimates, bounds where there is none, published figures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from edgewb.bundles import bundled_model, bundled_studies
from edgewb.errors import ModelFileError
from edgewb.views.host_plots import PLACES, hosts_info, plot_hosts


def test_a_published_net_has_diamonds_where_somebody_measured() -> None:
    info = hosts_info("mobilenet_v2_1.0_224")
    assert len(info.rows) == len(PLACES)
    assert info.basis == "estimated"
    assert [len(row.published) > 0 for row in info.rows] == [True, False, False, True, False, True, True]
    assert all(row.low_ms < row.mid_ms < row.high_ms for row in info.rows)  # type: ignore[operator]
    figure = plot_hosts("mobilenet_v2_1.0_224")
    assert [trace.name for trace in figure.data] == ["estimate, 80 % interval", "published"]
    assert "estimated" in figure.layout.xaxis.title.text
    assert "published" in figure.layout.xaxis.title.text


def test_a_file_has_estimates_alone() -> None:
    path = bundled_model("digits_cnn_int8").path
    assert not any(row.published for row in hosts_info(path).rows)
    assert len(plot_hosts(path).data) == 1
    assert "published" not in plot_hosts(path).layout.xaxis.title.text


def test_a_refused_net_has_bounds() -> None:
    info = hosts_info(bundled_model("dynamic_batch").path)
    assert all(row.mid_ms is None and row.least_ms and row.refused for row in info.rows)
    figure = plot_hosts(bundled_model("dynamic_batch").path)
    assert "at least" in figure.data[1].name
    assert len(figure.data[1].x) == len(PLACES)


def test_nothing_maps_and_nothing_is_drawn() -> None:
    figure = plot_hosts(bundled_studies()[0].records[0].file)
    assert sum(len(trace.x) for trace in figure.data) == 0
    assert [one.text for one in figure.layout.annotations] == ["nothing runs on the Edge TPU"]
    assert not plot_hosts(bundled_model("dynamic_batch").path).layout.annotations


def test_bad_files(tmp_path: Path, tflite_bytes: Callable[[str], bytes]) -> None:
    with pytest.raises(ModelFileError):
        plot_hosts(tmp_path / "none.tflite")
    path = tmp_path / "<i>.tflite"
    path.write_bytes(tflite_bytes("int8_conv"))
    assert "&lt;i&gt;" in plot_hosts(path).layout.title.text
