"""Folders with connection files: held while their server lives, cleared by the next one."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from dashboard_servers import running, write_notebook

from edgewb.dashboards.folders import LONGEST, PREFIX, clear_folders, make_folder

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such locks")


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder for temporary files, with a short name."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)


def test_one_of_a_server_at_work_is_left_and_one_of_a_server_that_was_killed_is_removed(temporary):
    code = "import time\nfrom edgewb.dashboards.folders import make_folder\nprint(make_folder()[0], flush=True)\ntime.sleep(60)"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(temporary)}
    with subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True) as another:
        theirs = Path(another.stdout.readline().strip())
        (theirs / "kernel.json").write_text("key")
        theirs.chmod(0o1700)  # as Jupyter leaves it
        (theirs / "files" / "a").mkdir(parents=True)
        ours, held = make_folder()
        assert ours.stat().st_mode & 0o077 == 0
        clear_folders()
        assert (theirs / "kernel.json").exists()
        assert ours.exists()
        another.kill()
    clear_folders()
    assert not theirs.exists()
    assert ours.exists()
    os.close(held)
    clear_folders()
    assert list(temporary.iterdir()) == []


def test_what_only_looks_like_one_is_left(temporary, tmp_path_factory, monkeypatch):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "kept").touch()
    (temporary / f"{PREFIX}link").symlink_to(elsewhere)
    (temporary / f"{PREFIX}file").touch()
    (temporary / f"another_{PREFIX}x").mkdir()
    (temporary / f"{PREFIX}backup").mkdir(mode=0o700)
    (temporary / f"{PREFIX}12345678").mkdir(mode=0o755)  # others may look into it: none of ours
    (temporary / "edgewb.git").mkdir(mode=0o700)
    clear_folders()
    assert len(list(temporary.iterdir())) == 6
    assert (elsewhere / "kept").exists()
    theirs = temporary / f"{PREFIX}theirs_12"
    theirs.mkdir(mode=0o700)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    clear_folders()
    assert theirs.exists(), "another user's"


def test_one_that_is_cleared_in_the_moment_it_is_made_is_made_again(temporary, monkeypatch):
    import fcntl

    real, made = fcntl.flock, []

    def late(descriptor: int, how: int) -> None:
        if not made:  # somebody clears between the making and the holding
            made.extend(temporary.iterdir())
            made[0].rmdir()
        real(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", late)
    folder, held = make_folder()
    assert folder != made[0]
    assert list(temporary.iterdir()) == [folder]
    os.close(held)


def test_servers_that_start_at_the_same_moment_do_not_clear_one_anothers(temporary):
    code = """
import os, time
from edgewb.dashboards.folders import clear_folders, make_folder
for _ in range(40):
    folder, held = make_folder()
    (folder / "kernel.json").touch()
    clear_folders()
    assert (folder / "kernel.json").exists()
    os.close(held)
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(temporary)}
    running = [subprocess.Popen([sys.executable, "-c", code], env=environment, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    assert [process.communicate(timeout=60)[1] for process in running] == [""] * 4
    clear_folders()
    assert list(temporary.iterdir()) == []


def test_where_the_folder_for_temporary_files_has_a_long_name_pages_open_all_the_same(tmp_path, monkeypatch):
    place = tmp_path / ("long" * 12)
    place.mkdir()
    assert len(str(place)) > LONGEST
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    write_notebook(tmp_path / "explorer.ipynb", "1 + 1")
    with running(tmp_path) as server:
        folder = Path(server.server.connection_dir)
        assert folder.parent == Path("/tmp")
        assert folder.stat().st_mode & 0o077 == 0
        assert server.get("/explorer").status == 200
    assert not folder.exists()
