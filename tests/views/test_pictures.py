"""Pictures of examples that flipped: made once, found again by the data set they are of."""

from __future__ import annotations

import base64
import dataclasses
import io
import json
from pathlib import Path

import numpy as np
import pytest
from made_records import build_delta, build_record
from PIL import Image

from edgewb.bundles import bundled_studies
from edgewb.locations import home
from edgewb.types import Answers, Flip, Flips, Record
from edgewb.views import pictures
from edgewb.views.pictures import keep_pictures, picture_uri, pictures_for

DATA = "0123456789abcdef" * 4


def flipped(*indices: int, dataset_fingerprint: str = DATA) -> Record:
    """A record whose flips are these examples."""
    listed = tuple(Flip(index=i, truth=0, reference=0, variant=1, reference_score=0.9, variant_score=0.6) for i in indices)
    flips = Flips(against="float32", lost=len(indices), gained=0, otherwise_wrong=0, listed=listed)
    answers = Answers(n=500, class_names=("a", "b"), classes=(), confusion=None, flips=flips, top5=None)
    return build_record(dataset_fingerprint=dataset_fingerprint, answers=answers, accuracy_delta=build_delta(0, len(indices), 500))


def uri(value: int) -> str:
    return picture_uri(np.full((4, 4, 1), value, np.uint8))


def test_what_was_kept_is_found_by_the_data_set_alone() -> None:
    keep_pictures(DATA, {3: uri(30), 1: uri(10)})
    keep_pictures(DATA, {7: uri(70)})
    found = pictures_for(flipped(7, 3, 99))
    assert found == {7: uri(70), 3: uri(30)}
    picture = Image.open(io.BytesIO(base64.b64decode(found[3].split(",")[1])))
    assert np.asarray(picture).tolist() == [[30] * 4] * 4
    assert pictures_for(flipped(3, dataset_fingerprint="f" * 64)) == {}
    assert pictures_for(dataclasses.replace(flipped(3), answers=None)) == {}


def test_the_bundled_study_has_its_pictures_in_an_empty_home() -> None:
    (study,) = bundled_studies()
    for record in study.records[1:]:
        listed = {flip.index for flip in record.answers.flips.listed}
        assert pictures_for(record) == {index: study.pictures[index] for index in listed}
    assert not (home() / "pictures").exists()


def test_the_room_is_bounded_and_what_is_there_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "MAX_KEPT_BYTES", 2 * len(uri(1)) + 10)
    keep_pictures(DATA, {5: uri(1)})
    keep_pictures(DATA, {1: uri(1), 2: uri(1), 3: uri(1)})
    assert sorted(pictures_for(flipped(1, 2, 3, 5))) == [1, 5]
    keep_pictures(DATA, {4: "data:image/png;base64," + "A" * 70_000})
    assert (home() / "pictures" / f"{DATA}.json").stat().st_size < 1000


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[1]",
        b'{"x": "y"}',
        b'{"3": "data:text/html;base64,QUJD"}',
        b'{"3": "data:image/png;base64,QUJD\\" onerror=\\"x"}',
        b"[" * 9000,
    ],
)
def test_what_is_no_picture_is_never_handed_out(content: bytes) -> None:
    file = home() / "pictures" / f"{DATA}.json"
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    assert pictures_for(flipped(3)) == {}
    keep_pictures(DATA, {3: uri(1)})
    assert pictures_for(flipped(3)) == {3: uri(1)}


@pytest.mark.parametrize(
    "name", ["../secret", "a/../../secret", "", "0" * 63 + "\n", "é" * 64], ids=["up", "inside", "empty", "line", "letters"]
)
def test_a_record_from_elsewhere_names_no_file(name: str, tmp_path: Path) -> None:
    (home().parent / "secret.json").write_text(json.dumps({"3": uri(1)}))
    try:
        assert pictures_for(flipped(3, dataset_fingerprint=name)) == {}
        before = sorted(home().parent.rglob("*.json"))
        keep_pictures(name, {3: uri(2)})
        assert sorted(home().parent.rglob("*.json")) == before
    finally:
        (home().parent / "secret.json").unlink()


def test_a_home_that_cannot_be_written_costs_the_pictures_only() -> None:
    home().mkdir(parents=True, exist_ok=True)
    (home() / "pictures").write_text("a file is in the way")
    keep_pictures(DATA, {3: uri(1)})
    assert pictures_for(flipped(3)) == {}
