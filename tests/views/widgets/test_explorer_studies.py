"""Where the explorer looks for studies."""

import dataclasses

import pytest

from edgewb.bundles import bundled_studies
from edgewb.errors import InputError
from edgewb.records import RecordStore
from edgewb.views.widgets.explorer_studies import Shelf


def test_given_records_are_shown_alone(nine):
    other = dataclasses.replace(nine[0], key="other", seed=7, created="2026-05-05T05:05:05+00:00")
    shelf = Shelf([*nine, other])
    assert [choice.label for choice in shelf.choices] == [
        "digits · digits_cnn · seed 7 · 1 variant · 2026-05-05 05:05",
        "digits · digits_cnn · seed 0 · 9 variants · 2026-01-02 03:04",
    ]
    assert list(shelf.open(shelf.choices[1].id).records) == nine
    assert shelf.version() == ()


def test_the_stores_studies_come_before_the_bundled_ones(make_record):
    with RecordStore() as store:
        store.add(make_record("float32"))
    shelf = Shelf(None)
    names = [f"bundled-{study.name}" for study in bundled_studies()]
    assert [choice.id for choice in shelf.choices][1:] == names
    assert [choice.elsewhere for choice in shelf.choices] == [False] + [True] * len(names)
    opened = shelf.open(names[0])
    assert tuple(opened.records) == bundled_studies()[0].records
    assert opened.about == bundled_studies()[0].about


def test_imported_records_are_marked(make_record):
    with RecordStore() as store:
        store.add_all([make_record("float32")], origin="imported")
    shelf = Shelf(None)
    assert "imported" in shelf.choices[0].label
    assert "not measured here" in shelf.open(shelf.choices[0].id).about


def test_an_unknown_study_is_refused_with_what_there_is():
    with pytest.raises(InputError, match=r"unknown study 'nosuch'.*bundled-"):
        Shelf(None).open("nosuch")


def test_a_store_that_cannot_be_read_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("EDGEWB_HOME", str(tmp_path))
    (tmp_path / "records.sqlite").write_text("this is no database at all, whatever its name says")
    shelf = Shelf(None)
    assert "records.sqlite" in shelf.problem
    assert shelf.choices
