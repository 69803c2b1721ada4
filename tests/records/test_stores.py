import dataclasses
import os
import random
import resource
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edgewb.errors import EdgewbError, InputError, StorageError
from edgewb.records import RecordStore, load_records, records_path
from edgewb.records.stores import APPLICATION_ID, SCHEMA_VERSION

ROOT = Path(__file__).parents[2]

WRITER = """
import dataclasses, importlib.util, itertools, sys
spec = importlib.util.spec_from_file_location("helper", {helper!r})
helper = importlib.util.module_from_spec(spec)
spec.loader.exec_module(helper)
from edgewb.records import RecordStore
record = helper.build_record(settings={{"filler": ["x" * 400] * {filler}}})
with RecordStore(sys.argv[1]) as store:
    print("ready", flush=True)
    for number in itertools.count():
        store.add(dataclasses.replace(record, key=f"{{sys.argv[2]}}-{{number}}"))
"""


def run_writer(database, prefix, filler=50, **options):
    code = WRITER.format(helper=str(Path(__file__).parents[1] / "made_records.py"), filler=filler)
    return subprocess.Popen([sys.executable, "-c", code, str(database), prefix], cwd=ROOT, stdout=subprocess.PIPE, text=True, **options)


def one_line(error):
    assert "\n" not in str(error.value)
    assert "Traceback" not in str(error.value)
    return str(error.value)


def test_what_is_added_comes_back_the_same(tmp_path, make_record):
    record = make_record()
    with RecordStore(tmp_path / "new" / "records.sqlite") as store:
        assert store.add(record) is True
        assert len(store) == 1
    with RecordStore(tmp_path / "new" / "records.sqlite") as store:
        assert store.get("k1") == record
        assert store.get("other") is None


def test_the_same_key_is_kept_once_and_the_first_stays(tmp_path, make_record):
    with RecordStore(tmp_path / "r.sqlite") as store:
        assert store.add(make_record()) is True
        assert store.add(make_record(size_bytes=1)) is False
        assert len(store) == 1
        assert store.get("k1").size_bytes == 63_000


def test_a_record_made_here_replaces_an_imported_one_and_never_the_reverse(tmp_path, make_record):
    with RecordStore(tmp_path / "r.sqlite") as store:
        assert store.add_all([make_record(size_bytes=1)], origin="imported") == 1
        assert store.add(make_record(size_bytes=2)) is True
        assert store.add_all([make_record(size_bytes=3)], origin="imported") == 0
        assert store.get("k1").size_bytes == 2
        assert len(store) == 1
        assert store.query(origin="imported") == []


def test_where_a_record_is_from_is_kept_beside_it_and_cannot_be_washed_off(tmp_path, make_record):
    with RecordStore(tmp_path / "a.sqlite") as store:
        store.add(make_record("mine"))
        store.add_all([make_record("theirs")], origin="imported")
        assert {r.key: r.origin for r in store.query()} == {"mine": "local", "theirs": "imported"}
        read_back = store.query()
    with RecordStore(tmp_path / "b.sqlite") as store:
        store.add_all(read_back)
        assert {r.key: r.origin for r in store.query()} == {"mine": "local", "theirs": "imported"}
        assert [r.key for r in store.query(origin="imported")] == ["theirs"]


def test_the_column_says_where_a_record_is_from_not_its_text(tmp_path, make_record):
    with RecordStore(tmp_path / "r.sqlite") as store:
        store.add_all([make_record()], origin="imported")
    connection = sqlite3.connect(tmp_path / "r.sqlite")
    for text in ('"origin":"local"', '"other":1'):  # the second is what older versions wrote
        with connection:
            connection.execute('UPDATE records SET record = replace(record, \'"origin":"imported"\', ?)', (text,))
        with RecordStore(tmp_path / "r.sqlite") as store:
            assert store.get("k1").origin == "imported"
        with connection:
            connection.execute('UPDATE records SET record = replace(record, ?, \'"origin":"imported"\')', (text,))
    connection.close()


def test_query_filters_and_keeps_the_order_of_adding(tmp_path, make_record):
    with RecordStore(tmp_path / "r.sqlite") as store:
        for key, recipe, dataset in (("c", "float32", "digits"), ("a", "ptq_int8", "digits"), ("b", "ptq_int8", "breast_cancer")):
            store.add(make_record(key, recipe, dataset=dataset))
        assert [r.key for r in store.query()] == ["c", "a", "b"]
        assert [r.key for r in store.query(recipe="ptq_int8")] == ["a", "b"]
        assert [r.key for r in store.query(recipe="ptq_int8", dataset="digits", model=None)] == ["a"]
        assert store.query(seed=1) == []
        with pytest.raises(InputError, match="did you mean 'recipe'"):
            store.query(recipes="ptq_int8")
        with pytest.raises(InputError, match="64 bits"):
            store.query(seed=2**70)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_that_cannot_be_is_refused_before_it_is_stored(tmp_path, make_record, value):
    bad = make_record(accuracy=dataclasses.replace(make_record().accuracy, value=value))
    with RecordStore(tmp_path / "r.sqlite") as store:
        with pytest.raises(InputError, match=r"accuracy\.value (nan|inf) is outside 0\.\.1") as error:
            store.add(bad)
        one_line(error)
        assert len(store) == 0


def test_settings_that_are_no_json_are_refused(tmp_path, make_record):
    with RecordStore(tmp_path / "r.sqlite") as store, pytest.raises(InputError, match="cannot be kept"):
        store.add(make_record(settings={"model": object()}))


def test_several_are_added_all_or_none(tmp_path, make_record):
    with RecordStore(tmp_path / "r.sqlite") as store:
        with pytest.raises(InputError):
            store.add_all([make_record("a"), make_record("b", size_bytes=-1)])
        assert len(store) == 0


def test_a_newer_database_is_left_alone(tmp_path, make_record):
    path = tmp_path / "r.sqlite"
    with RecordStore(path) as store:
        store.add(make_record())
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StorageError, match=f"version {SCHEMA_VERSION + 1}, this edgewb knows versions up to {SCHEMA_VERSION}") as error:
        RecordStore(path)
    one_line(error)
    assert path.read_bytes() == before


def test_another_programs_database_is_left_alone(tmp_path):
    path = tmp_path / "other.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE records (a)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StorageError, match="another program") as error:
        RecordStore(path)
    one_line(error)
    assert path.read_bytes() == before


def test_the_header_says_whose_file_it_is(tmp_path):
    with RecordStore(tmp_path / "r.sqlite"):
        pass
    connection = sqlite3.connect(tmp_path / "r.sqlite")
    assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
    assert connection.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
    connection.close()


@pytest.mark.parametrize("content", [b"this is no database, just a text of some length\n" * 100, b"SQLite format 3\0" + b"\xff" * 4000])
def test_no_database_is_one_line(tmp_path, content):
    (tmp_path / "r.sqlite").write_bytes(content)
    with pytest.raises(StorageError, match="move the file away") as error:
        RecordStore(tmp_path / "r.sqlite")
    one_line(error)
    assert (tmp_path / "r.sqlite").read_bytes() == content


def test_a_truncated_database_is_one_line(tmp_path, make_record):
    path = tmp_path / "r.sqlite"
    with RecordStore(path) as store:
        for number in range(40):
            store.add(make_record(f"k{number}"))
    path.write_bytes(path.read_bytes()[: 3 * 4096])
    with pytest.raises(StorageError) as error, RecordStore(path) as store:
        store.query()
    one_line(error)


def test_a_damaged_record_is_named(tmp_path, make_record):
    path = tmp_path / "r.sqlite"
    with RecordStore(path) as store:
        store.add(make_record())
    connection = sqlite3.connect(path)
    connection.execute("UPDATE records SET record = substr(record, 1, 100)")
    connection.commit()
    connection.close()
    with RecordStore(path) as store, pytest.raises(StorageError, match="damaged record, key 'k1'") as error:
        store.get("k1")
    one_line(error)


def test_a_full_disk_is_one_line_and_loses_nothing(tmp_path, make_record):
    with RecordStore(tmp_path / "r.sqlite") as store:
        store.add(make_record("first"))
        pages = store._connected().execute("PRAGMA page_count").fetchone()[0]
        store._connected().execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(StorageError, match="free some space") as error:
            store.add(make_record("second", settings={"filler": ["x" * 400] * 100}))
        one_line(error)
        assert [r.key for r in store.query()] == ["first"]


def test_a_limit_on_the_file_size_is_one_line_and_loses_nothing(tmp_path):
    limit = 200_000
    process = run_writer(
        tmp_path / "r.sqlite", "a", stderr=subprocess.PIPE, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    )
    errors = process.communicate(timeout=300)[1]
    assert process.returncode == 1
    assert "edgewb.errors.StorageError: cannot write to the database" in errors.splitlines()[-1]
    with RecordStore(tmp_path / "r.sqlite") as store:
        assert 1 <= len(store) == len(store.query())


def test_a_kill_in_the_middle_of_writing_leaves_whole_records(tmp_path):
    database, kept, chance = tmp_path / "r.sqlite", 0, random.Random(3)
    for attempt in range(6):
        process = run_writer(database, f"run{attempt}")
        assert process.stdout.readline() == "ready\n"
        time.sleep(chance.uniform(0.02, 0.25))
        process.send_signal(signal.SIGKILL)
        assert process.wait(timeout=120) == -signal.SIGKILL
        process.stdout.close()
        with RecordStore(database) as store:
            records = store.query()
            assert store._connected().execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert len(records) >= kept
        numbers = [int(r.key.split("-")[1]) for r in records if r.key.startswith(f"run{attempt}-")]
        assert numbers == list(range(len(numbers)))
        kept = len(records)
    assert kept > 0


def test_two_stores_write_to_one_file(tmp_path, make_record):
    with RecordStore(tmp_path / "r.sqlite") as one, RecordStore(tmp_path / "r.sqlite") as two:
        one.add(make_record("a"))
        two.add(make_record("b"))
        assert [r.key for r in one.query()] == [r.key for r in two.query()] == ["a", "b"]


def test_a_write_protected_database_can_be_read_and_says_why_it_is_not_written(tmp_path, make_record):
    if os.geteuid() == 0:
        pytest.skip("permissions do not bind the super-user")
    path = tmp_path / "r.sqlite"
    with RecordStore(path) as store:
        store.add(make_record())
    path.chmod(stat.S_IRUSR)
    assert len(load_records(path)) == 1
    with RecordStore(path) as store, pytest.raises(StorageError, match="may be written"):
        store.add(make_record("b"))


def test_a_folder_in_the_way_is_one_line(tmp_path):
    with pytest.raises(StorageError, match="it is a folder"):
        RecordStore(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError) as error:
        RecordStore(tmp_path / "file" / "r.sqlite")
    one_line(error)


def test_a_closed_store_says_so(tmp_path):
    with RecordStore(tmp_path / "r.sqlite") as store:
        pass
    with pytest.raises(StorageError, match="is closed"):
        store.query()


def test_the_default_place_follows_the_environment_variable(tmp_path, monkeypatch, make_record):
    monkeypatch.setenv("EDGEWB_HOME", str(tmp_path / "home"))
    assert records_path() == tmp_path / "home" / "records.sqlite"
    assert len(load_records()) == 0
    assert not (tmp_path / "home").exists()
    with RecordStore() as store:
        store.add(make_record())
    assert load_records()[0] == make_record()
    assert len(load_records(recipe="float32")) == 0


def test_a_missing_database_that_was_asked_for_is_an_error_and_is_not_made(tmp_path):
    with pytest.raises(EdgewbError, match="no database of records"):
        load_records(tmp_path / "none.sqlite")
    assert list(tmp_path.iterdir()) == []
