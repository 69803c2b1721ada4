"""Which example goes into which split: fixed by the content and the seed, stratified, and no example in two splits."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from edgewb.errors import DatasetError
from edgewb.types import Task

if TYPE_CHECKING:
    from hashlib import _Hash

SPLIT_NAMES = ("train", "calibration", "validation", "test")
PER_CLASS_MINIMUM = len(SPLIT_NAMES)
REGRESSION_MINIMUM = 40
"""Different examples of a regression: a quarter of them are for testing, and errors of fewer than ten say nothing."""
_STRATA = 10
CALIBRATION_LIMIT = 500  # post-training quantisation needs a few hundred examples; more are of better use for training
_SHARES = {"calibration": 0.10, "validation": 0.15, "test": 0.25}

IntArray = npt.NDArray[np.int64]


@dataclasses.dataclass(frozen=True)
class Content:
    """Labelled examples as they were read, before they are split.

    ``x`` is (N, height, width, channels) for images and (N, features) for a table; ``y`` is (N,): classes 0..K-1 as int64, or for a
    regression float64 in its own unit, and ``class_names`` is then empty.
    """

    x: npt.NDArray[Any]
    y: npt.NDArray[Any]
    class_names: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        return "images" if self.x.ndim == 4 else "table"

    @property
    def task(self) -> Task:
        return task_of(self.y)

    def sha256(self) -> str:
        """Hash of the values, labels and class names, the same on every machine (little-endian bytes)."""
        digest = hashlib.sha256()
        for array in (self.x, self.y):
            add_array(digest, array)
        digest.update("\n".join(self.class_names).encode())
        return digest.hexdigest()


def task_of(y: npt.NDArray[Any]) -> Task:
    """Classes are kept as whole numbers, a regression's truth as floats."""
    return Task.REGRESSION if y.dtype.kind == "f" else Task.CLASSIFICATION


def add_array(digest: _Hash, array: npt.NDArray[Any]) -> None:
    """Put dtype, shape and values of an array into a hash, the same on every machine."""
    little = array.dtype.newbyteorder("<")
    digest.update(f"{little.str} {array.shape}\n".encode())
    # In slices: a whole copy of a large folder of images would double the memory.
    for start in range(0, len(array), 256):
        digest.update(np.ascontiguousarray(array[start : start + 256], dtype=little).tobytes())


def assign_splits(content: Content, what: str, *, seed: int, sizes: Mapping[str, int] | None = None) -> dict[str, IntArray]:
    """Indices into ``content`` for each of the four splits.

    Every class has at least one example in every split. Equal examples (the same pixels, the same row of a table) all go
    into one split, so that no test example was seen in training; where their labels differ, they count for the class that
    has most of them. Of a regression each tenth of the examples, ordered by y, is spread over the splits like a class.

    Args:
        content: the examples, N of them.
        what: the data set as the user named it, for messages.
        seed: the same seed gives the same splits.
        sizes: how many examples in the calibration, validation and test splits; the rest is for training. By default
            50 % train, 10 % calibration (at most 500), 15 % validation, 25 % test.

    Raises:
        DatasetError: when a class, or a regression, has too few different examples.
    """
    groups = _equal_examples(content.x)
    if content.task is Task.REGRESSION:
        owned = _strata(content, groups, what)
    else:
        owned = [[] for _ in content.class_names]
        for group in groups:
            owned[int(np.bincount(content.y[group]).argmax())].append(group)
        _need_enough(content, owned, what)

    classes = len(owned)
    counts = np.array([sum(len(group) for group in of_class) for of_class in owned], dtype=np.int64)
    quotas = _quotas(counts, _totals(len(content.y), classes, sizes))
    members: dict[str, list[int]] = {name: [] for name in SPLIT_NAMES}
    for label, of_class in enumerate(owned):
        rng = np.random.default_rng([seed, label])
        shuffled = [of_class[i] for i in rng.permutation(len(of_class))]
        shuffled.sort(key=len, reverse=True)
        left = {name: int(quotas[name][label]) for name in SPLIT_NAMES}
        empty = set(SPLIT_NAMES)
        for position, group in enumerate(shuffled):
            # The last groups of a class are kept for splits that have none of it yet.
            allowed = empty if len(shuffled) - position <= len(empty) else SPLIT_NAMES
            name = max((n for n in SPLIT_NAMES if n in allowed), key=left.__getitem__)
            members[name].extend(group)
            left[name] -= len(group)
            empty.discard(name)
    order = np.random.default_rng([seed, classes])
    splits = {name: order.permutation(np.array(sorted(members[name]), dtype=np.int64)) for name in SPLIT_NAMES}
    if content.task is Task.REGRESSION:
        for name in ("train", "validation", "test"):
            if np.ptp(content.y[splits[name]]) == 0:
                raise DatasetError(
                    f"{what}: y is {content.y[splits[name][0]]:g} for all {len(splits[name])} {name} examples of seed {seed}, where no "
                    "regression can be judged: give more different values, or say --task classification"
                )
    return splits


def _strata(content: Content, groups: list[list[int]], what: str) -> list[list[list[int]]]:
    """Groups of equal examples by the tenth of the ranks of y (of their mean) that they are in."""
    if len(groups) < REGRESSION_MINIMUM:
        raise DatasetError(
            f"{what}: has {len(groups)} different {_noun(content)}, and a regression (y of floats; classes are whole numbers 0..K-1) needs "
            f"at least {REGRESSION_MINIMUM}: add {_noun(content)}"
        )
    ranks = np.argsort(np.argsort([float(content.y[group].mean()) for group in groups], kind="stable"), kind="stable")
    strata: list[list[list[int]]] = [[] for _ in range(_STRATA)]
    for group, rank in zip(groups, ranks.tolist(), strict=True):
        strata[rank * _STRATA // len(groups)].append(group)
    return strata


def duplicate_notes(content: Content) -> tuple[str, ...]:
    """What a person should know about images, or rows of a table, that occur more than once."""
    repeated = [group for group in _equal_examples(content.x) if len(group) > 1]
    if not repeated:
        return ()
    copies = sum(len(group) for group in repeated)
    noun = _noun(content)
    notes = [f"{copies} {noun} are copies of one another ({len(repeated)} different ones); all copies of one are in the same split"]
    contradictory = sum(len(set(content.y[group].tolist())) > 1 for group in repeated)
    if contradictory:
        notes.append(
            f"{contradictory} {noun} occur {'with more than one y' if content.task is Task.REGRESSION else 'in more than one class'}"
        )
    return tuple(notes)


def _equal_examples(x: npt.NDArray[Any]) -> list[list[int]]:
    """Indices of examples with the same values, together; in the order in which each first occurs."""
    groups: dict[bytes, list[int]] = {}
    for index, example in enumerate(x):
        same_zeros = example + 0  # -0.0 equals 0.0 and has other bytes
        groups.setdefault(hashlib.sha256(same_zeros.tobytes()).digest(), []).append(index)
    return list(groups.values())


def _noun(content: Content) -> str:
    return "images" if content.kind == "images" else "rows"


def _need_enough(content: Content, owned: list[list[list[int]]], what: str) -> None:
    noun = _noun(content)
    scarce = min(range(len(owned)), key=lambda label: len(owned[label]))
    if len(owned[scarce]) >= PER_CLASS_MINIMUM:
        return
    shared = any(len(np.unique(content.y[group])) > 1 for of_class in owned for group in of_class)
    counting = f" ({noun} that occur in several classes count for the one that has most of them)" if shared else ""
    raise DatasetError(
        f"{what}: class {content.class_names[scarce]!r} has {len(owned[scarce])} different {noun}; every class needs at least "
        f"{PER_CLASS_MINIMUM} (one each for train, calibration, validation and test), so {PER_CLASS_MINIMUM * len(owned)} for "
        f"{len(owned)} classes{counting}: add {noun} or remove the class"
    )


def _totals(n: int, classes: int, sizes: Mapping[str, int] | None) -> dict[str, int]:
    if sizes is not None:
        return dict(sizes)
    totals = {name: max(classes, round(share * n)) for name, share in _SHARES.items()}
    totals["calibration"] = min(totals["calibration"], max(classes, CALIBRATION_LIMIT))
    return totals


def _quotas(counts: IntArray, totals: Mapping[str, int]) -> dict[str, IntArray]:
    """How many examples of each class each split should get: in proportion, at least one, summing to the totals."""
    left = counts.copy()
    quotas: dict[str, IntArray] = {}
    wanted = ("test", "validation", "calibration")
    for position, name in enumerate(wanted):
        still_to_come = len(wanted) - position  # the other splits of this list, and train
        room = left - still_to_come
        exact = counts * (totals[name] / counts.sum())
        quota = np.clip(np.floor(exact).astype(np.int64), 1, room)
        while quota.sum() < totals[name] and np.any(quota < room):
            quota[np.argmax(np.where(quota < room, exact - quota, -np.inf))] += 1
        while quota.sum() > totals[name] and np.any(quota > 1):
            quota[np.argmax(np.where(quota > 1, quota - exact, -np.inf))] -= 1
        quotas[name] = quota
        left -= quota
    quotas["train"] = left
    return quotas
