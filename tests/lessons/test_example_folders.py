"""The example folder is one that edgewb reads; any folder in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgewb.datasets import load_dataset
from edgewb.errors import DatasetError
from edgewb.lessons.example_folders import describe_folder, write_example_folder


def test_what_is_written_is_read(tmp_path: Path) -> None:
    folder = write_example_folder(tmp_path / "photos", per_class=4)
    assert sorted(path.name for path in folder.iterdir()) == [str(digit) for digit in range(10)]
    data = load_dataset(folder, image_size=(32, 32, 1))
    assert sum(data.sizes.values()) == 40
    assert data.class_names == tuple(str(digit) for digit in range(10))
    lines = describe_folder(folder).splitlines()
    assert lines[0] == "photos/"
    assert lines[1] == "    0/  4 images: 0000.png, ..."
    assert len(lines) == 11


def test_other_folders(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="is no folder"):
        describe_folder(tmp_path / "none")
    with pytest.raises(DatasetError, match="no sub-folder"):
        describe_folder(tmp_path)
    (tmp_path / "cat").mkdir()
    assert describe_folder(tmp_path).endswith("    cat/  0 images")
    (tmp_path / "cat" / "a.JPG").write_bytes(b"")
    assert describe_folder(tmp_path).endswith("    cat/  1 image: a.JPG")
