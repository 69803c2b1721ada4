"""Figures on zeros and clusters: their data, titles, units and bases."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_records import build_record

from edgewb.bundles import bundled_studies
from edgewb.errors import InputError
from edgewb.types import Basis
from edgewb.views import sparsity_plots as plots


def plain(figure: Any) -> Any:
    return json.loads(figure.to_json())


def with_zeros(recipe: str, percent: float) -> Any:
    return dataclasses.replace(build_record(recipe, recipe), settings={"file_zero_weights_percent": percent})


STUDY = {record.recipe: record for record in bundled_studies()[0].records}
FILES = {name: Path(STUDY[name].file) for name in ("ptq_int8", "prune80_ptq_int8", "cluster16_ptq_int8")}


def test_zeros_are_sorted_and_records_without_them_left_out() -> None:
    info = plots.sparsity_info([with_zeros("b", 80), build_record(), with_zeros("a", 50)])
    assert [(point.recipe, point.zeros_percent, point.percent) for point in info] == [("a", 50, 90), ("b", 80, 90)]
    assert info[0].low_percent < 90 < info[0].high_percent
    with pytest.raises(InputError, match="how many of its weights are zero"):
        plots.sparsity_info([build_record()])


def test_pruning_leaves_the_bytes_on_the_chip_as_they_are() -> None:
    rows = {row.recipe: row for row in plots.bytes_info(list(STUDY.values()))}
    plain_, pruned, reference = rows["ptq_int8"], rows["prune80_ptq_int8"], rows["float32"]
    assert plain_.chip_bytes == pruned.chip_bytes
    assert pruned.compressed_bytes < plain_.compressed_bytes
    assert plain_.basis is Basis.PREDICTED
    assert reference.chip_bytes is None


def test_stored_values_are_counted() -> None:
    info = {one.label: one for one in plots.values_info(FILES)}
    assert all(sum(one.counts) == one.n for one in info.values())
    assert all(one.distinct == len(one.values) == len(set(one.values)) for one in info.values())
    zeros = {label: dict(zip(one.values, one.counts, strict=True)).get(0, 0) / one.n for label, one in info.items()}
    assert zeros["prune80_ptq_int8"] > 0.75 > 0.05 > zeros["ptq_int8"]


def test_a_file_without_int8_weights_is_refused() -> None:
    with pytest.raises(InputError, match="holds no int8 weights"):
        plots.values_info({"float": STUDY["float32"].file})


def test_estimates_are_a_table_that_says_what_they_are() -> None:
    found = plots.show_estimates([STUDY["ptq_int8"], STUDY["prune80_ptq_int8"], STUDY["float32"]])
    assert [row.recipe for row in found.rows][:2] == ["ptq_int8", "prune80_ptq_int8"]
    assert "estimated, not measured" in repr(found)
    assert "0.56 [0.43, 0.80]" in found._repr_html_()
    refused = dataclasses.replace(STUDY["ptq_int8"], estimate=dataclasses.replace(STUDY["ptq_int8"].estimate, latency_ms=None))
    assert "none" in repr(plots.show_estimates([refused]))
    with pytest.raises(InputError, match="holds an estimate"):
        plots.show_estimates([dataclasses.replace(STUDY["ptq_int8"], estimate=None)])


FIGURES = [
    plots.plot_sparsity([with_zeros("a", 50), with_zeros("b", 80)]),
    plots.plot_bytes(list(STUDY.values())),
    plots.plot_values(FILES),
]


@pytest.mark.parametrize("figure", FIGURES)
def test_every_figure_has_a_title_and_units(figure: Any) -> None:
    layout = plain(figure)["layout"]
    assert layout["title"]["text"]
    axes = [layout[axis].get("title", {}).get("text", "") for axis in layout if axis.startswith(("xaxis", "yaxis"))]
    assert any(word in " ".join(axes) for word in ("%", "kB", "number"))
    assert np.isfinite(layout["height"])
