"""Folders with one sub-folder of images per class, and one line for everything that is wrong with them."""

import os
import signal
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dataset_helpers import all_splits, make_folder, refusal, rows
from PIL import Image

from edgewb import images
from edgewb.datasets import load_dataset


class TestFolders:
    def test_three_classes_and_60_images(self, tmp_path: Path) -> None:
        folder = make_folder(tmp_path / "shapes", {"zebra": 20, "Ant": 20, "bee": 20})
        dataset = load_dataset(folder)
        assert dataset.name == "shapes"
        assert dataset.class_names == ("Ant", "bee", "zebra")
        assert dataset.input_shape == (64, 64, 3)
        assert dataset.sizes == {"train": 30, "calibration": 6, "validation": 9, "test": 15}
        assert dataset.train.x.dtype == np.uint8
        assert dataset.notes == ()
        assert load_dataset(str(folder)).fingerprint == dataset.fingerprint
        assert load_dataset(folder, image_size=(8, 8, 1)).input_shape == (8, 8, 1)
        brightness = [dataset.train.x[dataset.train.y == label].mean() for label in range(3)]
        assert brightness == pytest.approx([120, 180, 60], abs=6)

    @pytest.mark.parametrize("suffix", [".png", ".bmp", ".JPG", ".jpeg", ".gif", ".webp"])
    def test_all_kinds_of_images(self, tmp_path: Path, suffix: str) -> None:
        dataset = load_dataset(make_folder(tmp_path, {"a": 4, "b": 4}, suffix=suffix), image_size=(10, 12, 3))
        means = [np.concatenate([s.x[s.y == label] for s in all_splits(dataset)]).mean() for label in (0, 1)]
        assert means == pytest.approx([60, 120], abs=5)

    def test_exif_orientation_is_respected(self, tmp_path: Path) -> None:
        folder = make_folder(tmp_path, {"a": 4, "b": 4})
        upright = Image.fromarray(np.repeat(np.repeat(np.arange(0, 256, 32, dtype=np.uint8)[:, None], 8, axis=1)[..., None], 3, axis=2))
        exif = Image.Exif()
        exif[0x0112] = 6  # to be turned 90 degrees clockwise
        upright.rotate(90, expand=True).save(folder / "a" / "turned.png", exif=exif)
        loaded = images.read_folder(folder, (8, 8, 3)).x[4]  # "turned" sorts after the digits
        assert np.array_equal(loaded, np.asarray(upright))

    def test_reduction_does_not_alias(self, tmp_path: Path) -> None:
        folder = make_folder(tmp_path, {"a": 4, "b": 4})
        stripes = np.zeros((64, 64, 3), np.uint8)
        stripes[:, ::2] = 255
        Image.fromarray(stripes).save(folder / "a" / "zz.png")
        loaded = images.read_folder(folder, (16, 16, 3)).x[4]
        assert loaded.astype(int) == pytest.approx(127.5, abs=12)

    def test_sixteen_bit_grey_keeps_its_shades(self, tmp_path: Path) -> None:
        folder = make_folder(tmp_path, {"a": 4, "b": 4})
        Image.fromarray(np.full((8, 8), 0x8000, np.uint16)).save(folder / "a" / "zz.png")
        assert np.unique(images.read_folder(folder, (8, 8, 1)).x[4]).tolist() == [0x80]

    def test_hidden_files_are_ignored_and_others_counted(self, tmp_path: Path) -> None:
        folder = make_folder(tmp_path, {"a": 4, "b": 5})
        (folder / ".hidden").mkdir()
        (folder / "__MACOSX").mkdir()
        (folder / "a" / ".DS_Store").write_text("x")
        (folder / "a" / "notes.txt").write_text("x")
        (folder / "readme.md").write_text("x")
        (folder / "a" / "deeper").mkdir()
        (folder / "a" / "000.png").rename(folder / "a" / "deeper" / "000.png")
        dataset = load_dataset(folder)
        assert dataset.class_names == ("a", "b")
        assert sum(dataset.sizes.values()) == 9
        assert dataset.notes == ("2 files that are no images of a class were ignored",)

    def test_copies_stay_in_one_split_and_are_reported(self, tmp_path: Path) -> None:
        folder = make_folder(tmp_path, {"a": 8, "b": 8})
        content = (folder / "a" / "000.png").read_bytes()
        for number in range(5):
            (folder / "a" / f"copy{number}.png").write_bytes(content)
        (folder / "b" / "copy.png").write_bytes(content)
        dataset = load_dataset(folder)
        holders = [name for split in all_splits(dataset) for name in [split.name] if len(rows(split.x)) < len(split)]
        assert len(holders) == 1
        for one in all_splits(dataset):
            for other in all_splits(dataset):
                assert one.name == other.name or not rows(one.x) & rows(other.x)
        assert dataset.notes == (
            "7 images are copies of one another (1 different ones); all copies of one are in the same split",
            "1 images occur in more than one class",
        )

    def test_one_class(self, tmp_path: Path) -> None:
        assert "only 'a'" in refusal(make_folder(tmp_path, {"a": 4}))

    def test_no_class(self, tmp_path: Path) -> None:
        (tmp_path / "x.png").write_bytes(b"")
        assert "at least two sub-folders" in refusal(tmp_path)

    def test_three_images(self, tmp_path: Path) -> None:
        text = refusal(make_folder(tmp_path, {"a": 2, "b": 1}))
        assert "3 images of 2 classes are too few" in text
        assert "so 8" in text

    def test_a_class_with_too_few(self, tmp_path: Path) -> None:
        assert "class 'b' has 3 different images; every class needs at least 4" in refusal(make_folder(tmp_path, {"a": 9, "b": 3}))

    def test_an_empty_class(self, tmp_path: Path) -> None:
        assert "class 'b' has no image" in refusal(make_folder(tmp_path, {"a": 9, "b": 0}))

    @pytest.mark.parametrize("damage", ["empty", "text", "cut", "flipped"])
    def test_an_unreadable_image_is_named(self, tmp_path: Path, damage: str) -> None:
        folder = make_folder(tmp_path, {"a": 4, "b": 4})
        victim = folder / "b" / "002.png"
        good = victim.read_bytes()
        flipped = good[:60] + bytes(255 - byte for byte in good[60:90]) + good[90:]
        victim.write_bytes({"empty": b"", "text": b"no image at all", "cut": good[: len(good) // 2], "flipped": flipped}[damage])
        text = refusal(folder)
        assert "image 'b/002.png' cannot be read" in text

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
    def test_a_pipe_is_refused_and_not_waited_for(self, tmp_path: Path) -> None:
        folder = make_folder(tmp_path, {"a": 4, "b": 4})
        os.mkfifo(folder / "a" / "pipe.png")

        def waited(*_: Any) -> None:
            raise TimeoutError

        previous = signal.signal(signal.SIGALRM, waited)
        signal.alarm(10)
        try:
            text = refusal(folder)
        finally:
            signal.alarm(0)
            signal.signal(signal.SIGALRM, previous)
        assert "image 'a/pipe.png' is a pipe or a device, only regular files are read: remove it" in text

    @pytest.mark.skipif(not Path("/dev/zero").exists(), reason="this system has no /dev/zero")
    def test_links_lead_to_files_or_are_refused(self, tmp_path: Path) -> None:
        folder = make_folder(tmp_path, {"a": 4, "b": 4})
        (folder / "a" / "000.png").rename(tmp_path / "elsewhere.png")
        (folder / "a" / "000.png").symlink_to(tmp_path / "elsewhere.png")
        assert sum(load_dataset(folder).sizes.values()) == 8
        (folder / "a" / "zz.png").symlink_to("/dev/zero")
        assert "'a/zz.png' is a pipe or a device" in refusal(folder)
        (folder / "a" / "zz.png").unlink()
        (folder / "a" / "zz.png").symlink_to(tmp_path / "missing.png")
        assert "'a/zz.png' cannot be read" in refusal(folder)

    def test_a_decompression_bomb_is_refused(self, tmp_path: Path) -> None:
        folder = make_folder(tmp_path, {"a": 4, "b": 4})

        def chunk(kind: bytes, body: bytes) -> bytes:
            return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

        for side in (9_000, 60_000):
            header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
            png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
            (folder / "a" / "bomb.png").write_bytes(png)
            text = refusal(folder)
            assert "'a/bomb.png'" in text
            assert "pixels" in text

    def test_more_than_the_memory_limit(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        folder = make_folder(tmp_path, {"a": 4, "b": 4})
        monkeypatch.setattr(images, "MEMORY_LIMIT_BYTES", 8 * 64 * 64 * 3 * 4 - 1)
        text = refusal(folder)
        assert "4 bytes a value, since models take float32" in text
        assert "use a smaller image size" in text
        monkeypatch.setattr(images, "MEMORY_LIMIT_BYTES", 8 * 64 * 64 * 3 * 4)
        assert sum(load_dataset(folder).sizes.values()) == 8

    @pytest.mark.parametrize("bad", [(0, 8, 3), (8, 8, 2), (8, 8), (8.0, 8, 3), (8, 100_000, 3)])
    def test_image_sizes_that_cannot_be(self, tmp_path: Path, bad: Any) -> None:
        assert "image size" in refusal(make_folder(tmp_path, {"a": 4, "b": 4}), image_size=bad)
