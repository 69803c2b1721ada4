"""Records grouped into studies."""

import dataclasses

import pytest
from made_records import build_record

from edgewb.errors import StorageError
from edgewb.records import RecordStore
from edgewb.records.groups import group_records, list_studies, load_study, pick_records, store_version


def test_one_study_is_one_model_on_one_data_set_with_one_seed_trained_alike_on_one_computer():
    one = build_record("a", "float32")
    others = [
        build_record("b", dataset_fingerprint="e" * 64),
        build_record("c", model="digits_hard"),
        build_record("d", seed=1),
        build_record("e", settings={"training": {"steps": 5}}),
        build_record("f", settings={"model_sha256": "9" * 64}),
        build_record("g", origin="imported"),
        build_record("h", environment=dataclasses.replace(one.environment, cpu="another")),
    ]
    same = build_record("i", "ptq_int8")
    groups = group_records([one, *others, same])
    assert sorted(len(group.keys) for group in groups) == [1] * len(others) + [2]
    assert len({group.id for group in groups}) == len(groups)


def test_of_a_recipe_made_twice_the_newest_counts_and_keeps_its_place():
    records = [
        build_record("old", "float32", created="2026-01-01T00:00:00+00:00"),
        build_record("ptq", "ptq_int8", created="2026-01-01T00:00:01+00:00"),
        build_record("new", "float32", created="2026-01-02T00:00:00+00:00"),
    ]
    (group,) = group_records(records)
    assert group.keys == ("new", "ptq")
    assert group.created == "2026-01-02T00:00:00+00:00"
    assert [r.key for r in pick_records(group, records)] == ["new", "ptq"]


def test_the_newest_study_stands_first():
    early, late = build_record("a", created="2026-01-01T00:00:00+00:00"), build_record("b", seed=1, created="2026-03-01T00:00:00+00:00")
    assert [group.seed for group in group_records([early, late])] == [1, 0]


def test_a_database_gives_the_same_groups_as_its_records(tmp_path):
    path = tmp_path / "records.sqlite"
    records = [build_record("a", "float32"), build_record("b"), build_record("c", seed=4)]
    with RecordStore(path) as store:
        store.add_all(records)
    groups = list_studies(path)
    assert groups == group_records(records)
    for group in groups:
        assert [r.key for r in load_study(group, path)] == list(group.keys)


def test_who_recorded_it_is_what_the_database_says_and_not_the_text(tmp_path):
    with RecordStore(tmp_path / "records.sqlite") as store:
        store.add_all([build_record("a")], origin="imported")
        assert [head.origin for head in store.heads()] == ["imported"]


def test_without_a_database_there_is_no_study(monkeypatch, tmp_path):
    monkeypatch.setenv("EDGEWB_HOME", str(tmp_path / "none"))
    assert list_studies() == ()
    assert store_version() == ()
    with pytest.raises(StorageError, match="no database"):
        list_studies(tmp_path / "missing.sqlite")


def test_the_version_changes_with_every_record(monkeypatch, tmp_path):
    monkeypatch.setenv("EDGEWB_HOME", str(tmp_path))
    seen = [store_version()]
    for key in ("a", "b"):
        with RecordStore() as store:
            store.add(build_record(key))
        seen.append(store_version())
    assert len(set(seen)) == 3
    assert store_version() == seen[-1]
