from pathlib import Path

import pytest

from edgewb.errors import StorageError
from edgewb.locations import home, write_whole


def test_home_follows_the_variable_and_else_the_users_data_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("EDGEWB_HOME", str(tmp_path / "x"))
    assert home() == tmp_path / "x"
    monkeypatch.setenv("EDGEWB_HOME", " ")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert home().name == "edgewb"
    assert home().is_absolute()


def test_a_home_of_a_user_nobody_knows_is_one_line(monkeypatch):
    monkeypatch.setenv("EDGEWB_HOME", "~nobody-of-this-name/x")
    with pytest.raises(StorageError, match=r"EDGEWB_HOME is '~nobody-of-this-name/x'.*give the full path") as error:
        home()
    assert "\n" not in str(error.value)


def test_a_file_is_written_whole_and_nothing_is_left_beside_it(tmp_path):
    path = write_whole(tmp_path / "a" / "b.txt", "first")
    assert path.read_text() == "first"
    write_whole(path, b"second")
    assert path.read_bytes() == b"second"
    assert [p.name for p in path.parent.iterdir()] == ["b.txt"]
    assert path.stat().st_mode & 0o400


@pytest.mark.parametrize("target", ["", "file/inside"])
def test_a_place_that_cannot_be_written_is_one_line(tmp_path, target):
    (tmp_path / "file").write_text("kept")
    with pytest.raises(StorageError, match="cannot write") as error:
        write_whole(tmp_path / target if target else tmp_path, "x")
    assert "\n" not in str(error.value)
    assert (tmp_path / "file").read_text() == "kept"
    assert {p.name for p in Path(tmp_path).iterdir()} == {"file"}
