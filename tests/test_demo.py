"""The main job: the digits study as a newcomer runs it, in processes of its own."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from edgewb.optimizers.recipes import DEMO_RECIPES, decode_recipe
from edgewb.records import load_records
from edgewb.views.confusions import MAX_PICTURES
from edgewb.views.pictures import pictures_for

pytestmark = pytest.mark.training


def demo(home: Path, out: Path) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "edgewb.cli", "demo", "--fast", "--json", "--out", str(out)],
        env={**os.environ, "EDGEWB_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr
    got = json.loads(done.stdout)
    assert isinstance(got, dict)
    return got


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], dict[str, Any]]:
    """The study twice from nothing: two homes, so that the second takes nothing from the first."""
    folder = tmp_path_factory.mktemp("demo")
    return demo(folder / "home1", folder / "one"), demo(folder / "home2", folder / "two")


def test_nine_variants_each_with_n_intervals_and_basis(studies: tuple[dict[str, Any], dict[str, Any]]) -> None:
    records = studies[0]["records"]
    assert tuple(r["recipe"] for r in records) == DEMO_RECIPES
    for record in records:
        assert record["accuracy"]["n"] == 500
        low, high = record["accuracy"]["ci95"]
        assert low < record["accuracy"]["value"] < high
        on_device = record["placement"]["ops_edgetpu"] > 0
        assert [latency["basis"] for latency in record["latency"]] == [*["measured"] * 3, *["estimated"] * on_device]
        assert [latency["target"] for latency in record["latency"][:3]] == ["cpu", "onnxruntime", "openvino"]
        assert record["not_measured"] == {}
        assert record["placement"]["basis"] == "predicted"
        mapped = record["placement"]["ops_edgetpu"]
        assert mapped == (record["placement"]["ops_total"] if decode_recipe(record["recipe"]).conversion.is_int8 else 0)
    assert studies[0]["recommendation"]["recipe"] in DEMO_RECIPES


def test_ptq_and_qat_stay_within_a_point_and_a_half_of_float(studies: tuple[dict[str, Any], dict[str, Any]]) -> None:
    records = {r["recipe"]: r for r in studies[0]["records"]}
    assert records["float32"]["accuracy"]["value"] >= 0.95
    for recipe in ("ptq_int8", "ptq_int8_per_tensor", "qat_int8"):
        assert abs(records[recipe]["accuracy_delta"]["points"]) <= 1.5, recipe


def test_the_same_seed_gives_the_same_files_byte_for_byte(studies: tuple[dict[str, Any], dict[str, Any]]) -> None:
    for one, two in zip(studies[0]["records"], studies[1]["records"], strict=True):
        assert Path(one["file"]).read_bytes() == Path(two["file"]).read_bytes(), one["recipe"]
        assert hashlib.sha256(Path(one["file"]).read_bytes()).hexdigest() == one["sha256"]


def test_the_report_stands_alone(studies: tuple[dict[str, Any], dict[str, Any]]) -> None:
    page = Path(studies[0]["report"]).read_text(encoding="utf-8")
    loaded = re.findall(r"<(?:script|link|img)[^>]+?(?:src|href)=[\"']?([^\"'>]{0,80})", page)
    assert [address for address in loaded if not address.startswith("data:")] == []
    assert all(recipe in page for recipe in DEMO_RECIPES)


def test_pictures_of_what_flipped_are_found_again_from_the_records(
    studies: tuple[dict[str, Any], dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    report = Path(studies[0]["report"])
    page, home = report.read_text(encoding="utf-8"), report.parents[1] / "home1"
    monkeypatch.setenv("EDGEWB_HOME", str(home))
    records = [record for record in load_records() if record.recipe != "float32"]
    (kept,) = (home / "pictures").iterdir()
    assert kept.stem == records[0].dataset_fingerprint
    for record in records:
        shown = [flip.index for flip in record.answers.flips.listed[:MAX_PICTURES]]
        found = pictures_for(record)
        assert found.keys() >= set(shown)
        assert all(found[index] in page for index in shown)
    assert json.loads(kept.read_bytes())


def test_pruning_and_clustering_do_what_their_names_say(studies: tuple[dict[str, Any], dict[str, Any]]) -> None:
    records = {r["recipe"]: r for r in studies[0]["records"]}
    for percent in (50, 80):  # depthwise weights stay as they are, and they are 8 % of this network
        assert 0.9 * percent <= records[f"prune{percent}_ptq_int8"]["settings"]["zero_weights_percent"] <= percent
    assert records["cluster16_ptq_int8"]["settings"]["most_distinct_weights_per_layer"] <= 16
    sizes = [records[r]["compressed_bytes"] for r in ("prune80_ptq_int8", "prune50_ptq_int8", "ptq_int8")]
    assert sizes == sorted(sizes)
