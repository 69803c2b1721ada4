"""Splits that never overlap, with every class in each and all copies of an example in one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewb.errors import DatasetError
from edgewb.splits import Content, assign_splits, duplicate_notes

IMAGES, TABLE = (-1, 1, 1, 1), (-1, 1)


class TestRegression:
    @given(st.integers(40, 200), st.integers(0, 2**32), st.sampled_from([IMAGES, TABLE]), st.data())
    @settings(max_examples=50, deadline=None)
    def test_nothing_is_lost_copies_stay_together_and_y_is_spread(
        self, different: int, seed: int, shape: tuple[int, ...], data: st.DataObject
    ) -> None:
        copied = data.draw(st.lists(st.integers(0, different - 1), max_size=10))
        identity = np.array([*range(different), *copied])
        y = np.random.default_rng(seed).gamma(1, 30, len(identity))
        splits = assign_splits(Content(identity.astype(np.float32).reshape(shape), y, ()), "made up", seed=seed)
        assert sorted(np.concatenate(list(splits.values())).tolist()) == list(range(len(identity)))
        home: dict[int, str] = {}
        for name, indices in splits.items():
            for index in indices:
                assert home.setdefault(int(identity[index]), name) == name
        if not copied:
            ranks = np.argsort(np.argsort(y))
            for indices in splits.values():
                assert set(ranks[indices] * 10 // different) == set(range(10))

    def test_the_seed_alone_decides(self) -> None:
        content = Content(np.arange(100, dtype=np.float32)[:, None], np.arange(100) / 7, ())
        first, again, other = (assign_splits(content, "made up", seed=seed) for seed in (0, 0, 1))
        assert all(np.array_equal(first[name], again[name]) for name in first)
        assert not np.array_equal(first["test"], other["test"])
        assert {name: len(indices) for name, indices in first.items()} == {"train": 50, "calibration": 10, "validation": 15, "test": 25}

    def test_too_few_rows_or_values(self) -> None:
        with pytest.raises(DatasetError, match=r"has 39 different rows, and a regression .* at least 40"):
            assign_splits(Content(np.arange(39.0)[:, None], np.arange(39.0), ()), "made up", seed=0)
        with pytest.raises(DatasetError, match=r"y is 0 for all .* no regression can be judged"):
            assign_splits(Content(np.arange(100.0)[:, None], np.eye(100)[0], ()), "made up", seed=0)

    def test_copies_with_another_y_are_noted(self) -> None:
        content = Content(np.array([[1.0], [1.0], [2.0], [2.0]]), np.array([0.5, 0.5, 1.0, 1.25]), ())
        assert duplicate_notes(content)[1] == "1 rows occur with more than one y"


class TestSplits:
    @given(st.lists(st.integers(4, 60), min_size=2, max_size=8), st.integers(0, 2**32), st.sampled_from([IMAGES, TABLE]), st.data())
    @settings(max_examples=100, deadline=None)
    def test_every_class_is_in_every_split_and_copies_stay_together(
        self, counts: list[int], seed: int, shape: tuple[int, ...], data: st.DataObject
    ) -> None:
        labels = np.repeat(np.arange(len(counts)), counts)
        identity = np.arange(len(labels))
        for _ in range(data.draw(st.integers(0, 20))):
            original, copy = data.draw(st.integers(0, len(labels) - 1)), data.draw(st.integers(0, len(labels) - 1))
            identity[copy] = identity[original]
        different = [len(np.unique(identity[labels == label])) for label in range(len(counts))]
        x = identity.astype(np.float32).reshape(shape)
        content = Content(x, labels.astype(np.int64), tuple(str(i) for i in range(len(counts))))
        try:
            splits = assign_splits(content, "made up", seed=seed)
        except DatasetError:
            shared = len(np.unique(identity)) < sum(different)  # a copy in two classes counts for one of them
            assert min(different) < 4 or shared
            return
        together = np.concatenate(list(splits.values()))
        assert sorted(together.tolist()) == list(range(len(labels)))
        home: dict[int, str] = {}
        for name, indices in splits.items():
            for index in indices:
                assert home.setdefault(int(identity[index]), name) == name
        for indices in splits.values():
            assert set(labels[indices]) == set(range(len(counts)))

    @given(st.lists(st.integers(20, 300), min_size=2, max_size=6), st.integers(0, 100))
    @settings(max_examples=30, deadline=None)
    def test_shares_are_50_10_15_25(self, counts: list[int], seed: int) -> None:
        n = sum(counts)
        labels = np.repeat(np.arange(len(counts)), counts)
        content = Content(np.arange(n, dtype=np.float32)[:, None], labels, tuple(str(i) for i in range(len(counts))))
        splits = assign_splits(content, "made up", seed=seed)
        for name, share in {"calibration": 0.10, "validation": 0.15, "test": 0.25}.items():
            assert len(splits[name]) == max(round(share * n), len(counts))
            for label, count in enumerate(counts):
                assert abs((labels[splits[name]] == label).sum() - share * count) <= 1.5

    @pytest.mark.parametrize("seed", range(10))
    def test_copies_do_not_change_the_sizes_where_they_fit(self, seed: int) -> None:
        identity = np.arange(80)
        identity[30:40] = 30  # ten of the forty images of class 0 are the same one
        content = Content(identity.astype(np.float32)[:, None, None, None], np.repeat([0, 1], 40), ("a", "b"))
        splits = assign_splits(content, "made up", seed=seed)
        assert {name: len(indices) for name, indices in splits.items()} == {"train": 40, "calibration": 8, "validation": 12, "test": 20}

    @pytest.mark.parametrize("seed", range(10))
    def test_many_copies_leave_something_for_every_split(self, seed: int) -> None:
        identity = np.arange(46)
        identity[:20] = 0  # four different images in class 0, one of them twenty times
        labels = np.repeat([0, 1], 23)
        content = Content(identity.astype(np.float32)[:, None, None, None], labels, ("a", "b"))
        for indices in assign_splits(content, "made up", seed=seed).values():
            assert set(labels[indices]) == {0, 1}

    def test_calibration_does_not_grow_without_end(self) -> None:
        content = Content(np.arange(20_000, dtype=np.float32)[:, None], np.arange(20_000) % 2, ("a", "b"))
        assert len(assign_splits(content, "made up", seed=0)["calibration"]) == 500

    @pytest.mark.parametrize("seed", range(10))
    def test_equal_rows_of_a_table_are_in_one_split(self, seed: int) -> None:
        rows = np.tile(np.arange(20), 4)
        content = Content(rows.astype(np.float32)[:, None] * [1, 2], rows % 2, ("a", "b"))
        splits = assign_splits(content, "made up", seed=seed)
        homes = [{int(row) for row in rows[indices]} for indices in splits.values()]
        assert sum(len(home) for home in homes) == len(set().union(*homes)) == 20
        assert duplicate_notes(content) == (
            "80 rows are copies of one another (20 different ones); all copies of one are in the same split",
        )

    def test_rows_without_a_copy_have_no_note(self) -> None:
        assert duplicate_notes(Content(np.arange(12.0)[:, None], np.arange(12) % 3, ("a", "b", "c"))) == ()

    @pytest.mark.parametrize("shape", [IMAGES, TABLE])
    def test_minus_zero_is_zero(self, shape: tuple[int, ...]) -> None:
        x = np.array([0.0, -0.0, 1, 2, 3, 4, 5, 6, 7, 8], np.float32).reshape(shape)
        assert duplicate_notes(Content(x, np.arange(10) // 5, ("a", "b")))[0].startswith("2 ")

    def test_an_example_of_two_classes_counts_for_the_one_that_has_most_of_it(self) -> None:
        rows = np.repeat(np.arange(10), 3)
        labels = np.where(rows < 5, 0, 1)
        labels[15::3] = 0  # the first of three copies of each row of class 1
        content = Content(rows.astype(np.float32)[:, None], labels, ("a", "b"))
        for indices in assign_splits(content, "made up", seed=0).values():
            assert set(labels[indices]) == {0, 1}
        assert duplicate_notes(content)[1] == "5 rows occur in more than one class"
        labels[16::3] = 0
        with pytest.raises(DatasetError, match=r"'b' has 0 different rows;.* \(rows that occur in several classes count for the one"):
            assign_splits(content, "made up", seed=0)
