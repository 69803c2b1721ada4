""".npz files, and one line for everything that is wrong with them."""

import io
import pickle
import struct
import tracemalloc
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dataset_helpers import all_splits, refusal, rows
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewb import arrays
from edgewb.datasets import load_dataset
from edgewb.errors import EdgewbError

GOOD_Y = np.arange(12) % 3


class TestNpz:
    def write(self, path: Path, **content: Any) -> Path:
        np.savez(path / "data.npz", **content)
        return path / "data.npz"

    def test_images_of_bytes_stay_bytes_and_get_a_channel(self, tmp_path: Path) -> None:
        x = np.random.default_rng(0).integers(0, 256, (40, 6, 5))
        dataset = load_dataset(self.write(tmp_path, x=x, y=np.arange(40) % 2, class_names=np.array(["no", "yes"])))
        assert dataset.train.x.dtype == np.uint8
        assert dataset.input_shape == (6, 5, 1)
        assert dataset.class_names == ("no", "yes")
        assert rows(np.concatenate([s.x for s in all_splits(dataset)])) == rows(x.astype(np.uint8))

    def test_images_of_floats_and_a_column_of_labels(self, tmp_path: Path) -> None:
        x = np.random.default_rng(0).random((12, 4, 4, 3))
        dataset = load_dataset(self.write(tmp_path, x=x, y=GOOD_Y[:, None].astype(float)))
        assert dataset.train.x.dtype == np.float32
        assert dataset.class_names == ("0", "1", "2")

    def test_an_npz_is_not_resized(self, tmp_path: Path) -> None:
        path = self.write(tmp_path, x=np.random.default_rng(0).random((12, 4, 5, 3)), y=GOOD_Y)
        assert load_dataset(path, image_size=(4, 5, 3)).input_shape == (4, 5, 3)
        assert "(4, 5, 3) and (8, 8, 3) is wanted" in refusal(path, image_size=(8, 8, 3))

    def test_what_is_no_whole_number_is_a_regression(self, tmp_path: Path) -> None:
        x = np.random.default_rng(0).normal(size=(80, 3))
        y = x[:, 0] * 20 + 100
        dataset = load_dataset(self.write(tmp_path, x=x, y=y[:, None]))
        assert (dataset.task, dataset.class_names, dataset.train.y.dtype) == ("regression", (), np.float64)
        together = np.concatenate([split.y for split in (dataset.train, dataset.calibration, dataset.validation, dataset.open_test())])
        assert sorted(together.tolist()) == sorted(y.tolist())
        assert "regression" in repr(dataset)
        assert dataset.truth_scale == (dataset.train.y.mean(), dataset.train.y.std())
        images = np.random.default_rng(0).integers(0, 255, (80, 6, 5))
        assert load_dataset(self.write(tmp_path, x=images, y=y.astype(np.float32))).kind == "images"

    def test_whole_numbers_are_what_the_task_says(self, tmp_path: Path) -> None:
        path = self.write(tmp_path, x=np.random.default_rng(0).normal(size=(80, 3)), y=np.arange(80) % 5)
        classes, numbers = load_dataset(path), load_dataset(path, task="regression")
        assert (classes.task, numbers.task) == ("classification", "regression")
        assert classes.fingerprint == load_dataset(path, task="classification").fingerprint != numbers.fingerprint
        assert "label 0.5: labels are whole numbers 0..K-1; --task regression takes y as numbers" in refusal(
            self.write(tmp_path, x=np.zeros((12, 2)), y=GOOD_Y + 0.5), task="classification"
        )
        large = self.write(tmp_path, x=np.random.default_rng(0).normal(size=(80, 3)), y=np.arange(80) * 1000)
        assert "--task regression takes y as numbers" in refusal(large)
        assert load_dataset(large, task="regression").train.y.max() > 1000

    @pytest.mark.parametrize(
        ("y", "expected"),
        [
            (np.where(np.arange(80) == 7, np.nan, 0.5), "y is nan in row 7 (from 0)"),
            (np.where(np.arange(80) == 7, np.inf, 0.5), "y is inf in row 7 (from 0)"),
            (np.where(np.arange(80) == 7, 1e200, 0.5), "y is 1e+200 in row 7 (from 0), at most 1e+30"),
            (np.full(80, 3), "y is 3 in all 80 rows: there is nothing to learn"),
            (np.where(np.arange(80) == 7, 1, 0), "no regression can be judged"),
        ],
    )
    def test_a_y_that_is_none(self, tmp_path: Path, y: np.ndarray, expected: str) -> None:
        assert expected in refusal(self.write(tmp_path, x=np.arange(160.0).reshape(80, 2), y=y), task="regression")

    def test_names_of_classes_and_a_regression(self, tmp_path: Path) -> None:
        path = self.write(tmp_path, x=np.zeros((12, 2)), y=GOOD_Y, class_names=np.array(list("abc")))
        assert "has class_names, which a regression has not" in refusal(path, task="regression")

    def test_a_table_is_taken_as_it_is(self, tmp_path: Path) -> None:
        x = np.random.default_rng(0).normal(50, 9, (12, 4)).astype(np.float32)
        dataset = load_dataset(self.write(tmp_path, x=x, y=GOOD_Y))
        assert dataset.kind == "table"
        assert rows(np.concatenate([s.x for s in all_splits(dataset)])) == rows(x)

    @pytest.mark.parametrize(
        ("content", "expected"),
        [
            ({"images": np.zeros((12, 2))}, "has no array 'x' (no member 'x.npy'; it has 'images.npy')"),
            ({"x": np.zeros((12, 2))}, "has no array 'y'"),
            ({"x": np.full((12, 2), np.nan), "y": GOOD_Y}, "24 values that are NaN or infinite, of 24"),
            ({"x": np.where(np.eye(12, 4) > 0, np.inf, 0.0), "y": GOOD_Y}, "4 values that are NaN"),
            ({"x": np.full((12, 2), 1e300), "y": GOOD_Y}, "too large for float32"),
            ({"x": np.zeros((11, 2)), "y": GOOD_Y}, "y has the shape (12,) and x has 11 examples"),
            ({"x": np.zeros((12, 2)), "y": np.eye(12, 3)}, "not one-hot"),
            ({"x": np.zeros(12), "y": GOOD_Y}, "x has the shape (12,)"),
            ({"x": np.zeros((12, 1, 2, 2, 3)), "y": GOOD_Y}, "rank 2 (a table), 3 or 4"),
            ({"x": np.zeros((0, 2)), "y": GOOD_Y}, "nothing empty"),
            ({"x": np.zeros((12, 2), complex), "y": GOOD_Y}, "x holds complex128"),
            ({"x": np.full((12, 2, 2), 256), "y": GOOD_Y}, "must lie in 0..255 and x has 256..256"),
            ({"x": np.full((12, 2, 2), -1), "y": GOOD_Y}, "must lie in 0..255"),
            ({"x": np.full((12, 2, 2), 17.5), "y": GOOD_Y}, "must lie in 0..1 and x has 17.5..17.5: divide by 255"),
            ({"x": np.zeros((12, 3, 8, 8)), "y": GOOD_Y}, "channels first"),
            ({"x": np.zeros((12, 2)), "y": GOOD_Y - 1}, "label -1, below 0"),
            ({"x": np.zeros((12, 2)), "y": GOOD_Y + 0.5}, "a regression (y of floats; classes are whole numbers 0..K-1) needs at least 40"),
            ({"x": np.zeros((12, 2)), "y": GOOD_Y + 0.5, "class_names": np.array(list("abc"))}, "label 0.5: labels are whole numbers"),
            ({"x": np.zeros((12, 2)), "y": np.where(GOOD_Y == 1, np.nan, 0)}, "y is nan in row 1 (from 0)"),
            ({"x": np.zeros((12, 2)), "y": np.where(GOOD_Y == 2, -np.inf, 0.5)}, "y is -inf in row 2 (from 0)"),
            ({"x": np.zeros((12, 2)), "y": GOOD_Y * 100}, "label 200 and there are 12 examples"),
            ({"x": np.zeros((12, 2)), "y": np.full(12, 2**64 - 1, np.uint64)}, "there are 12 examples"),
            ({"x": np.zeros((12, 2)), "y": GOOD_Y * 2}, "class 1 of 0..4 has no example"),
            ({"x": np.zeros((12, 2)), "y": GOOD_Y * 0}, "at least two classes"),
            ({"x": np.zeros((12, 2)), "y": np.array(["a", "b", "c"] * 4)}, "names go into class_names"),
            ({"x": np.zeros((12, 2)), "y": GOOD_Y, "class_names": np.array(["a", "b"])}, "out of range for 2 class names"),
            ({"x": np.zeros((12, 2)), "y": GOOD_Y, "class_names": np.array(["a", "b", "b"])}, "a name twice"),
            ({"x": np.zeros((12, 2)), "y": GOOD_Y, "class_names": np.arange(3)}, "must be one row of text"),
            ({"x": np.zeros((12, 2)), "y": GOOD_Y, "class_names": np.array(list("abcd"))}, "class 3 of 0..3 has no example"),
            ({"x": np.zeros((6, 2)), "y": GOOD_Y[:6]}, "every class needs at least 4"),
            ({"x": np.zeros((12, 2, 2)), "y": GOOD_Y}, "different images; every class needs at least 4"),
            ({"x": np.array([[{}, None]] * 12), "y": GOOD_Y}, "pickled Python objects"),
            ({"x": np.zeros((12, 2)), "y": np.array([None] * 12)}, "pickled Python objects"),
        ],
    )
    def test_what_is_wrong_is_said(self, tmp_path: Path, content: dict[str, Any], expected: str) -> None:
        assert expected in refusal(self.write(tmp_path, **content))

    @pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 0.99])
    def test_a_truncated_file(self, tmp_path: Path, share: float) -> None:
        path = self.write(tmp_path, x=np.zeros((12, 30)), y=GOOD_Y)
        path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
        assert "is not an .npz file, or only part of one" in refusal(path)

    def test_other_files(self, tmp_path: Path) -> None:
        path = tmp_path / "data.npz"
        path.write_bytes(b"")
        assert "is not an .npz file" in refusal(path)
        np.save(tmp_path / "one.npy", np.zeros(3))
        path.write_bytes((tmp_path / "one.npy").read_bytes())
        assert "is not an .npz file" in refusal(path)
        path.write_bytes(pickle.dumps({"x": 1}))
        assert "is not an .npz file" in refusal(path)

    def test_a_bomb_is_refused_by_its_header(self, tmp_path: Path) -> None:
        path = tmp_path / "data.npz"
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (10**6, 10**6)})
        self.write(tmp_path, y=GOOD_Y)
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr("x.npy", header.getvalue())
        assert "unpacks to 7450.6 GiB" in refusal(path)

    @pytest.mark.parametrize(
        ("name", "start", "method", "expected"),
        [
            ("x", b"", zipfile.ZIP_DEFLATED, "has no array 'x' (no member 'x.npy'; it has 'y.npy', 'x')"),
            ("class_names", b"", zipfile.ZIP_DEFLATED, "has no array 'x'"),
            ("x.npy", b"", zipfile.ZIP_DEFLATED, "cannot be read"),
            ("x.npy", b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**32 - 1), zipfile.ZIP_DEFLATED, "cannot be read"),
            ("x.npy", b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**32 - 1), zipfile.ZIP_BZIP2, "packed with zip method 12"),
            ("x.npy", b"", zipfile.ZIP_LZMA, "packed with zip method 14"),
        ],
    )
    def test_bombs_that_are_no_arrays_are_not_unpacked(self, tmp_path: Path, name: str, start: bytes, method: int, expected: str) -> None:
        path = self.write(tmp_path, y=GOOD_Y)
        with zipfile.ZipFile(path, "a", method) as archive:
            archive.writestr(name, start + bytes(30_000_000))
        tracemalloc.start()
        try:
            text = refusal(path)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert expected in text
        assert peak < 3_000_000

    def test_members_of_other_names_are_not_read(self, tmp_path: Path) -> None:
        path = self.write(tmp_path, x=np.random.default_rng(0).random((12, 3)), y=GOOD_Y, more=np.array([None]))
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr("class_names", b"no array")
        assert load_dataset(path).class_names == ("0", "1", "2")

    @pytest.mark.parametrize("name", ["x.npy", "y.npy", "class_names.npy", "more"])
    def test_two_members_of_one_name(self, tmp_path: Path, name: str) -> None:
        path = self.write(tmp_path, x=np.zeros((12, 3)), y=GOOD_Y)
        with warnings.catch_warnings(), zipfile.ZipFile(path, "a") as archive:
            warnings.simplefilter("ignore")
            for _ in range(2):
                archive.writestr(name, b"")
        assert f"members '{name}', one of each name is allowed" in refusal(path)

    @pytest.mark.parametrize(
        "header", ["{'descr': '<f8', 'fortran_order': False, 'shape': (12, 3", "('" * 2000, "x", "{'descr': '<f8'\0}", "  1\n 2\n3"]
    )
    def test_headers_that_are_not_python(self, tmp_path: Path, header: str) -> None:
        path = self.write(tmp_path, y=GOOD_Y)
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr("x.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode())
        assert "cannot be read" in refusal(path)

    def test_sides_below_nothing_do_not_hide_the_size(self, tmp_path: Path) -> None:
        path = self.write(tmp_path, y=GOOD_Y)
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (-(10**6), -(10**6))})
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr("x.npy", header.getvalue())
        assert "unpacks to 7450.6 GiB" in refusal(path)

    def test_bytes_are_counted_as_the_floats_they_become(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = self.write(tmp_path, x=np.random.default_rng(0).integers(0, 256, (40, 6, 5), np.uint8), y=np.arange(40, dtype=np.int64) % 2)
        monkeypatch.setattr(arrays, "MEMORY_LIMIT_BYTES", 40 * 30 * 4 + 40 * 8 + 128)
        assert load_dataset(path).train.x.dtype == np.uint8
        monkeypatch.setattr(arrays, "MEMORY_LIMIT_BYTES", 40 * 30 * 4)
        assert "at least 4 bytes a value, since models take float32" in refusal(path)

    def test_equal_rows_are_kept_together_and_noted(self, tmp_path: Path) -> None:
        different = np.random.default_rng(0).random((20, 3))
        dataset = load_dataset(self.write(tmp_path, x=np.tile(different, (4, 1)), y=np.tile(np.arange(20) % 2, 4)))
        for one in all_splits(dataset):
            for other in all_splits(dataset):
                assert one.name == other.name or not rows(one.x) & rows(other.x)
        assert dataset.notes == ("80 rows are copies of one another (20 different ones); all copies of one are in the same split",)

    def test_zeros_that_unpack_beyond_the_limit(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(arrays, "MEMORY_LIMIT_BYTES", 1000)
        assert "the limit is" in refusal(self.write(tmp_path, x=np.zeros((12, 30)), y=GOOD_Y))

    @given(st.data())
    @settings(max_examples=150, deadline=None)
    def test_damage_anywhere_never_escapes_as_another_error(self, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
        memory = io.BytesIO()
        np.savez_compressed(memory, x=np.random.default_rng(0).random((12, 3)), y=GOOD_Y)
        raw = bytearray(memory.getvalue())
        for _ in range(data.draw(st.integers(1, 4))):
            raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
        path = tmp_path_factory.mktemp("damaged") / "data.npz"
        path.write_bytes(bytes(raw))
        message = ""
        try:
            load_dataset(path)
        except EdgewbError as error:
            message = str(error)
        assert "\n" not in message
