"""Measurements that run at the same time know of each other; crashed ones are forgotten."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from edgewb.neighbours import Announcement, this_computer

RUNNING = """
import sys, time
from pathlib import Path
from edgewb.neighbours import Announcement
held = Announcement("edgetpu", sys.argv[2], Path(sys.argv[1]))
print(held.beside(), flush=True)
sys.stdin.readline()
print(held.beside(), flush=True)
"""


@pytest.fixture(params=[True, False], ids=["locked", "by process"])
def locks(request: pytest.FixtureRequest) -> bool:
    if request.param:
        pytest.importorskip("fcntl", reason="this system has no file locks of this kind")
    return request.param


def test_who_overlaps_knows_whichever_ends_first(tmp_path: Path, locks: bool) -> None:
    alone = Announcement("cpu", "here", tmp_path, locks)
    assert alone.beside() == ()
    with Announcement("edgetpu", "here", tmp_path, locks) as within:
        assert within.beside() == ("cpu",)
        with Announcement("edgetpu", "here", tmp_path, locks) as third:
            assert third.beside() == ("cpu", "edgetpu")
    assert alone.beside() == ("edgetpu",)
    alone.close()
    alone.close()
    assert list(tmp_path.iterdir()) == []
    with Announcement("cpu", "here", tmp_path, locks) as later:
        assert later.beside() == ()


def test_another_place_is_no_neighbour(tmp_path: Path, locks: bool) -> None:
    with Announcement("cpu", "here", tmp_path, locks) as here, Announcement("ssh", "elsewhere 1", tmp_path, locks) as there:
        assert here.beside() == there.beside() == ()


def test_of_two_that_begin_at_once_both_know(tmp_path: Path) -> None:
    met = []
    barrier = threading.Barrier(2)

    def take_part(name: str) -> None:
        for _ in range(50):
            barrier.wait()
            with Announcement(name, "here", tmp_path) as held:
                barrier.wait()
                met.append(held.beside())
                barrier.wait()

    both = [threading.Thread(target=take_part, args=(name,)) for name in ("cpu", "edgetpu")]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert sorted(met) == [("cpu",)] * 50 + [("edgetpu",)] * 50


def test_across_processes_and_after_a_crash(tmp_path: Path, locks: bool) -> None:
    other = subprocess.Popen(
        [sys.executable, "-c", RUNNING, str(tmp_path), this_computer()], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout.readline() == "()\n"
    with Announcement("cpu", this_computer(), tmp_path, locks) as held:
        assert held.beside() == ("edgetpu",)
        other.stdin.write("\n")
        other.stdin.flush()
        assert other.stdout.readline() == "('cpu',)\n"
    other.stdin.close()
    other.wait()

    crashed = subprocess.Popen(
        [sys.executable, "-c", RUNNING, str(tmp_path), this_computer()], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    crashed.stdout.readline()
    crashed.kill()
    crashed.wait()
    assert len(list(tmp_path.glob("*.running"))) == 1
    with Announcement("cpu", this_computer(), tmp_path, locks) as held:
        assert held.beside() == ()
        assert len(list(tmp_path.glob("*.running"))) == 1  # its own


def test_files_that_say_nothing_are_no_measurements(tmp_path: Path, locks: bool) -> None:
    for number, content in enumerate(
        [b"", b"\x00\xff", b"[]\n", b"{}\n", json.dumps({"target": "cpu", "place": "here", "pid": -4}).encode()]
    ):
        (tmp_path / f"{number}.running").write_bytes(content)
    with Announcement("cpu", "here", tmp_path, locks) as held:
        assert held.beside() == ()


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with Announcement("cpu", "here", tmp_path / "file") as held:
        assert held.beside() is None
    if os.geteuid() != 0:  # nothing is read-only for root
        tmp_path.chmod(0o500)
        with Announcement("cpu", "here", tmp_path) as held:
            assert held.beside() is None


def test_it_costs_less_than_a_call_of_a_model(tmp_path: Path) -> None:
    spent = []
    for _ in range(50):
        started = time.process_time()
        Announcement("cpu", "here", tmp_path).close()
        spent.append(time.process_time() - started)
    assert sorted(spent)[25] < 0.005
