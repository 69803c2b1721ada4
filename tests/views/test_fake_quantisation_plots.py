"""Figures on quantisation-aware training: their data, titles, units and bases."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from made_records import build_record

from edgewb.bundles import bundled_studies
from edgewb.errors import InputError
from edgewb.lessons.fake_quantisation import straight_through
from edgewb.study_contexts import LearningCurve
from edgewb.views import fake_quantisation_plots as plots


def plain(figure: Any) -> Any:
    return json.loads(figure.to_json())


def made(recipe: str, seconds: float) -> Any:
    return dataclasses.replace(build_record(recipe, recipe), settings={"making_seconds": seconds})


def float_file() -> Path:
    study = bundled_studies()[0]
    return Path(next(record.file for record in study.records if record.recipe == "float32"))


def test_the_staircase_is_cut_where_the_gradient_ends() -> None:
    info = plots.staircase_info(0.5, 120)
    assert max(info.kept) == pytest.approx(0.5 * 7)
    assert info.gradient == tuple(straight_through(info.real, 0.5, 120))
    assert {info.gradient[0], info.gradient[-1]} == {1.0, 0.0}
    assert all(abs(real - kept) <= 0.25 + 1e-5 for real, kept, slope in zip(info.real, info.kept, info.gradient, strict=True) if slope)


def test_the_descent_moves_with_one_gradient_alone() -> None:
    info = plots.descent_info()
    assert len(set(info.true.used)) == 1
    assert info.straight.used[-1] in (0.75, 1.0)


def test_channels_are_sorted_and_say_where_they_come_from() -> None:
    path = float_file()
    (net,) = plots.channels_info({"digits_cnn": path}, examples=4)
    assert list(net.steps) == sorted(net.steps, reverse=True)
    assert (net.kind, net.n) == ("DEPTHWISE_CONV_2D", 4)
    assert 0 < net.steps[0] <= 255.001
    layout = plain(plots.plot_channels({"<b>": path}, examples=2))["layout"]
    assert "measured, n = 2 images" in layout["yaxis"]["title"]["text"]
    assert "<b>" not in plain(plots.plot_channels({"<b>": path}, examples=2))["data"][0]["name"]


def test_making_times_are_those_of_the_records() -> None:
    records = [made("ptq_int8", 0.9), made("qat_int8", 9.4)]
    assert [(row.what, row.seconds) for row in plots.making_info(records)] == [("ptq_int8", 0.9), ("qat_int8", 9.4)]
    curve = LearningCurve(losses=(1.0,), validation=(0.3,), n=9, measure="accuracy", seconds=7.5)
    assert plots.making_info(records, curve)[0].to_dict() == {"what": "float training", "seconds": 7.5}
    with pytest.raises(InputError, match="run the study again"):
        plots.making_info([build_record()])


@pytest.mark.parametrize(
    "figure", [plots.plot_staircase(), plots.plot_descent(), plots.plot_making([made("ptq_int8", 0.9), made("qat_int8", 9.4)])]
)
def test_every_figure_has_titles_with_basis(figure: Any) -> None:
    layout = plain(figure)["layout"]
    assert layout["title"]["text"]
    assert "measured" in layout["xaxis"]["title"]["text"] or "computed" in layout["xaxis"]["title"]["text"]
