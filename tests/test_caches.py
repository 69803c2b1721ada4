"""The stage cache: whole or nothing, whatever interrupts, damages or fills it."""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewb.caches import StageCache, code_fingerprint, fingerprint
from edgewb.errors import StorageError

FILES = {"model.tflite": bytes(range(256)) * 100, "facts.json": b"{}"}


@pytest.fixture
def cache(tmp_path: Path) -> StageCache:
    return StageCache(tmp_path / "cache")


def entry(cache: StageCache) -> Path:
    return cache.folder / "variant" / "k1"


def leftovers(cache: StageCache) -> list[Path]:
    return list(cache.folder.rglob(".new-*"))


def test_a_folder_that_cannot_be_written_is_known_before_any_work(cache: StageCache, tmp_path: Path) -> None:
    cache.check()
    assert list(cache.folder.iterdir()) == []
    with pytest.raises(StorageError, match="cannot write to the stage cache"):
        StageCache(Path("/proc/self")).check()  # there, and nobody's to write, not even the superuser's
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot make the folder"):
        StageCache(tmp_path / "file" / "cache").check()


def test_what_was_put_is_got_and_nothing_else(cache: StageCache) -> None:
    assert cache.get("variant", "k1") is None
    cache.put("variant", "k1", FILES)
    assert cache.get("variant", "k1") == FILES
    assert cache.get("variant", "k2") is None
    assert cache.get("other", "k1") is None
    assert leftovers(cache) == []


def test_the_first_content_of_a_key_stays(cache: StageCache) -> None:
    cache.put("variant", "k1", FILES)
    cache.put("variant", "k1", {"model.tflite": b"other", "facts.json": b""})
    assert cache.get("variant", "k1") == FILES


@pytest.mark.parametrize(
    "listing", [b"", b"{", b"{}", b"[]", b"7", b"null", b'"text"', b'["model.tflite"]', b'{"model.tflite": 1}', b"[" * 100_000, b"\xff\xfe"]
)
def test_a_damaged_listing_counts_as_absent_and_heals(cache: StageCache, listing: bytes) -> None:
    cache.put("variant", "k1", FILES)
    (entry(cache) / "entry.json").write_bytes(listing)
    assert cache.get("variant", "k1") is None
    cache.put("variant", "k1", FILES)
    assert cache.get("variant", "k1") == FILES


@given(st.integers(0, 25_599), st.integers(1, 255))
def test_any_changed_byte_is_noticed(position: int, change: int) -> None:
    cache = StageCache(_scratch())
    cache.put("variant", "k1", FILES)
    file = entry(cache) / "model.tflite"
    content = bytearray(file.read_bytes())
    content[position] ^= change
    file.write_bytes(content)
    assert cache.get("variant", "k1") is None
    assert not entry(cache).exists()


def _scratch() -> Path:
    import tempfile

    folder = Path(tempfile.mkdtemp(prefix="edgewb-cache-"))
    _scratch_folders.append(folder)
    return folder


_scratch_folders: list[Path] = []


@pytest.fixture(scope="module", autouse=True)
def _remove_scratch_folders() -> object:
    yield None
    for folder in _scratch_folders:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize("missing", ["model.tflite", "facts.json", "entry.json"])
def test_a_missing_file_makes_the_entry_absent(cache: StageCache, missing: str) -> None:
    cache.put("variant", "k1", FILES)
    (entry(cache) / missing).unlink()
    assert cache.get("variant", "k1") is None


def test_a_file_in_the_place_of_an_entry_is_replaced(cache: StageCache) -> None:
    entry(cache).parent.mkdir(parents=True)
    entry(cache).write_text("not a folder")
    assert cache.get("variant", "k1") is None
    cache.put("variant", "k1", FILES)
    assert cache.get("variant", "k1") == FILES


def test_a_damaged_entry_nobody_looked_at_is_replaced_by_put(cache: StageCache) -> None:
    cache.put("variant", "k1", FILES)
    (entry(cache) / "model.tflite").write_bytes(b"damaged")
    cache.put("variant", "k1", FILES)
    assert cache.get("variant", "k1") == FILES


def test_many_writers_and_readers_at_once(cache: StageCache) -> None:
    failures: list[BaseException] = []
    start = threading.Barrier(6)

    def work(number: int) -> None:
        try:
            start.wait()
            for i in range(40):
                if number % 2:
                    cache.put("variant", f"k{i}", FILES)
                assert cache.get("variant", f"k{i}") in (None, FILES)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert all(cache.get("variant", f"k{i}") == FILES for i in range(40))
    assert leftovers(cache) == []


WRITER = """
import sys
from pathlib import Path
from edgewb.caches import StageCache
cache = StageCache(Path(sys.argv[1]))
print("ready", flush=True)
for i in range(10_000):
    cache.put("variant", f"k{i}", {"a": b"a" * 50_000, "b": str(i).encode()})
"""


@pytest.mark.parametrize("delay", [0.0, 0.013, 0.041, 0.087])
def test_a_writer_killed_at_any_moment_leaves_whole_entries_only(tmp_path: Path, delay: float) -> None:
    child = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    time.sleep(delay)
    child.kill()
    child.wait()
    child.stdout.close()
    cache = StageCache(tmp_path)
    kept = [p.name for p in tmp_path.glob("variant/k*")]
    for key in kept:
        assert cache.get("variant", key) == {"a": b"a" * 50_000, "b": key[1:].encode()}
    assert len(leftovers(cache)) <= 1
    cache.sweep()
    assert len(leftovers(cache)) <= 1, "what is younger than a day may belong to a process at work"
    for left in leftovers(cache):
        os.utime(left, (0, 0))
    cache.sweep()
    assert leftovers(cache) == []


LIMITED = """
import json, resource, signal, sys
from pathlib import Path
from edgewb.caches import StageCache
from edgewb.errors import StorageError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, resource.RLIM_INFINITY))
cache = StageCache(Path(sys.argv[1]))
cache.put("variant", "small", {"a": b"a" * 1000})
try:
    cache.put("variant", "large", {"a": b"a" * 1000, "b": b"b" * 100_000})
except StorageError as error:
    print(error)
"""


def test_no_room_is_one_line_and_leaves_nothing_half_written(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", LIMITED, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert len(done.stdout.splitlines()) == 1
    assert str(tmp_path) in done.stdout
    assert "free some space" in done.stdout
    cache = StageCache(tmp_path)
    assert cache.get("variant", "small") == {"a": b"a" * 1000}
    assert cache.get("variant", "large") is None
    assert leftovers(cache) == []


def test_a_file_in_the_place_of_the_cache_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", tmp_path / "file" / "deeper"):
        with pytest.raises(StorageError, match="cannot write the stage cache") as caught:
            StageCache(place).put("variant", "k1", FILES)
        assert "\n" not in str(caught.value)


def test_fingerprints_depend_on_content_and_not_on_order() -> None:
    assert fingerprint({"a": 1, "b": [1, 2]}) == fingerprint({"b": [1, 2], "a": 1})
    assert fingerprint({"a": 1}) != fingerprint({"a": 2})
    assert fingerprint({"a": (0.0, 1.0)}) == fingerprint({"a": [0.0, 1.0]})
    assert len(fingerprint({})) == 64


def test_the_code_fingerprint_covers_every_source_file_of_a_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import edgewb.caches as module

    package = tmp_path / "edgewb"
    (package / "part").mkdir(parents=True)
    (package / "part" / "one.py").write_text("x = 1\n")
    (package / "alone.py").write_text("y = 1\n")
    monkeypatch.setattr(module, "__file__", str(package / "caches.py"))

    def now() -> str:
        code_fingerprint.cache_clear()
        return code_fingerprint(("part", "alone.py"))

    seen = {now()}
    for file in (package / "part" / "one.py", package / "alone.py"):
        file.write_text("changed\n")
        seen.add(now())
    (package / "part" / "two.py").write_text("")
    seen.add(now())
    assert len(seen) == 4
    code_fingerprint.cache_clear()


def test_the_listing_names_every_file_with_its_hash(cache: StageCache) -> None:
    cache.put("variant", "k1", FILES)
    assert set(json.loads((entry(cache) / "entry.json").read_text())) == set(FILES)
