"""Published accuracies of well-known nets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgewb.errors import StorageError
from edgewb.lessons import architectures
from edgewb.lessons.architectures import list_architectures


def test_they_are_sorted_and_within_their_interval() -> None:
    nets = list_architectures()
    assert [net.edgetpu_ms for net in nets] == sorted(net.edgetpu_ms for net in nets)
    for net in nets:
        assert net.low_percent < net.edgetpu_percent < net.high_percent
        assert net.high_percent - net.low_percent == pytest.approx(1.65, abs=0.16)  # n = 12,000
        assert net.n == 12_000
        assert "edge-acc" in net.source


def test_losses_are_those_the_source_shows() -> None:
    lost = {net.name: net.lost_points for net in list_architectures()}
    assert lost["DenseNet121"] == pytest.approx(12.3, abs=0.05)
    assert lost["ResNet50"] == pytest.approx(0.4, abs=0.05)


def test_damaged_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(architectures, "data_folder", lambda: tmp_path)
    with pytest.raises(StorageError, match="cannot read"):
        list_architectures.__wrapped__()
    (tmp_path / "accuracy").mkdir()
    (tmp_path / "accuracy" / "imagenet.json").write_text("{")
    with pytest.raises(StorageError, match="damaged"):
        list_architectures.__wrapped__()
    (tmp_path / "accuracy" / "imagenet.json").write_text(json.dumps({"n": 10, "source": "s", "rows": [["a", 50.0, 40.0, 2.0]]}))
    assert list_architectures.__wrapped__()[0].lost_points == 10
