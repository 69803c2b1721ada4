"""The graph as a picture: marks, words, and what a file's names may not do."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from edgewb.bundles import bundled_model
from edgewb.errors import InputError, ModelFileError
from edgewb.views.placement_maps import PlacementMap, draw_placement

ELU = bundled_model("elu_branch").path


def svg(drawn: PlacementMap) -> ET.Element:
    return ET.fromstring(re.search(r"<svg.*</svg>", drawn.svg, re.DOTALL)[0])  # type: ignore[index]


def test_each_op_has_a_mark_by_where_it_runs() -> None:
    drawn = draw_placement(ELU)
    assert drawn.title == "elu_branch.tflite: 3 of 13 ops on the Edge TPU (predicted)"
    shapes = [one.tag for one in svg(drawn) if one.get("fill", "").startswith("#")]
    assert (shapes.count("circle"), shapes.count("rect")) == (3, 10)
    assert [row["blocker"] for row in drawn.rows].index(True) == 5  # the input stands above op 0
    assert "first blocker" in drawn.svg
    assert "13 CPU" not in drawn.svg
    assert "■ 4  ELU 1×16×16×16  <- first blocker" in repr(drawn)


def test_without_marks_neither_blocker_nor_reason_is_told() -> None:
    drawn = draw_placement(bundled_model("dynamic_batch").path, mark_blocker=False)
    assert "first blocker" not in drawn.svg + repr(drawn)
    assert "downstream" not in drawn.svg
    assert not any(row["blocker"] for row in drawn.rows)


def test_mended_ops_are_named_in_the_title() -> None:
    assert draw_placement(ELU, assume_fixed=[3, 4, 5]).title.endswith(
        "13 of 13 ops on the Edge TPU (predicted, if ops 3, 4, 5 were mended)"
    )
    assert "if op 4 were mended" in draw_placement(ELU, assume_fixed=[4]).title
    with pytest.raises(InputError):
        draw_placement(ELU, assume_fixed=[99])
    with pytest.raises(InputError, match="compiler"):
        draw_placement(ELU, compiler="17")


def test_a_compiled_file(tmp_path: Path, tflite_bytes: Callable[[str], bytes]) -> None:
    path = tmp_path / "a_edgetpu.tflite"
    path.write_bytes(tflite_bytes("compiled"))
    assert "left on the CPU (compiled)" in draw_placement(path).title


def test_names_are_escaped(tmp_path: Path, tflite_bytes: Callable[[str], bytes]) -> None:
    path = tmp_path / "a<script>.tflite"
    path.write_bytes(tflite_bytes("int8_conv"))
    drawn = draw_placement(path)
    assert "<script>" not in drawn._repr_html_()
    svg(drawn)
    path.write_bytes(b"rubbish")
    with pytest.raises(ModelFileError, match="a<script>"):
        draw_placement(path)
