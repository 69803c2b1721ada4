"""Requirements followed by another computer's markers, and wheels read."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from edgewb.courses.wheels import (
    PLATFORMS,
    PackageError,
    Source,
    downloaded,
    find_platform,
    find_wheel,
    follow,
    installed,
    installed_bytes,
    least_python,
    read_wheel,
)
from edgewb.errors import InputError

INDEX = {
    "a": ("1.0", ["B>=1; sys_platform == 'win32'", "c[fast]", "never; extra == 'x'"]),
    "b": ("2.0", []),
    "c": ("1.5", ["d; extra == 'fast'", "e; extra == 'slow'", "a"]),
    "d": ("1.0", ["old; python_version < '3.11'"]),
}


def source_of(index: dict[str, tuple[str, list[str]]], fetched: list[list[str]] | None = None) -> Source:
    return Source(fetch=(fetched if fetched is not None else []).append, read=index.get)


def test_markers_are_those_of_the_other_computer() -> None:
    linux, _ = follow(["a"], PLATFORMS["linux-x86_64"], "3.11", {}, source_of(INDEX))
    windows, _ = follow(["a"], PLATFORMS["windows-x86_64"], "3.11", {}, source_of(INDEX))
    assert linux == {"a": "1.0", "c": "1.5", "d": "1.0"}
    assert windows == {**linux, "b": "2.0"}


def test_pins_and_bounds_are_asked_for() -> None:
    fetched: list[list[str]] = []
    follow(["a", "b<3"], PLATFORMS["windows-x86_64"], "3.11", {"a": "1.0"}, source_of(INDEX, fetched))
    assert fetched[0] == ["a==1.0", "b<3"]


def test_what_is_not_there_is_named() -> None:
    found, absent = follow(["a", "zzz"], PLATFORMS["linux-x86_64"], "3.11", {}, source_of(INDEX))
    assert absent == ["zzz"]
    assert "a" in found


def test_versions_that_do_not_go_together() -> None:
    index = {**INDEX, "f": ("1.0", ["b>=3"])}
    with pytest.raises(PackageError, match=r"f wants b >=3 and 2\.0 was found"):
        follow(["a", "f"], PLATFORMS["windows-x86_64"], "3.11", {}, source_of(index))


def test_installed_packages_are_followed() -> None:
    found, absent = follow(["jinja2>=3.1"], PLATFORMS["linux-x86_64"], "3.11", {}, installed())
    assert set(found) == {"jinja2", "markupsafe"}
    assert absent == []
    assert (installed_bytes("jinja2") or 0) > 100_000
    assert installed_bytes("no-such-package") is None


@pytest.mark.parametrize(
    ("system", "architecture", "name"),
    [("Linux", "x86_64", "linux-x86_64"), ("Windows", "AMD64", "windows-x86_64"), ("Darwin", "arm64", "macos-arm64")],
)
def test_find_platform_of_a_computer(system: str, architecture: str, name: str) -> None:
    assert find_platform(None, system, architecture).name == name
    assert find_platform("linux-aarch64", system, architecture).name == "linux-aarch64"


def test_unknown_platforms() -> None:
    with pytest.raises(InputError, match="known: linux-x86_64"):
        find_platform("amiga", "Linux", "x86_64")
    with pytest.raises(InputError, match="none of those a bundle can be made for"):
        find_platform(None, "Darwin", "x86_64")


def wheel(folder: Path, name: str, version: str, *lines: str) -> Path:
    """A wheel with nothing in it but its description."""
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        text = "\n".join(["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *lines])
        archive.writestr(f"{name}-{version}.dist-info/METADATA", text + "\n")
    return path


def test_wheels_are_read(tmp_path: Path) -> None:
    wheel(tmp_path, "my_package", "1.9")
    newest = wheel(tmp_path, "my_package", "1.10", "Requires-Dist: numpy>=2")
    assert find_wheel(tmp_path, "my-package") == newest
    assert read_wheel(newest).get_all("Requires-Dist") == ["numpy>=2"]
    assert find_wheel(tmp_path, "other") is None


def test_a_damaged_wheel_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "x-1.0-py3-none-any.whl"
    broken.write_bytes(b"no zip")
    with pytest.raises(PackageError, match=r"x-1\.0-py3-none-any\.whl is no wheel"):
        read_wheel(broken)


def test_least_python(tmp_path: Path) -> None:
    wheels = [wheel(tmp_path, "a", "1", "Requires-Python: >=3.9"), wheel(tmp_path, "b", "1", "Requires-Python: >=3.11.5, !=3.11.6")]
    assert least_python(wheels, "3.11") == "3.11.5"
    assert least_python([wheel(tmp_path, "c", "1")], "3.12") == "3.12.0"
    with pytest.raises(PackageError, match=r"no Python 3\.11"):
        least_python([wheel(tmp_path, "d", "1", "Requires-Python: <3.11")], "3.11")


def test_pip_that_fails_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    source = downloaded(tmp_path, PLATFORMS["linux-x86_64"], "3.11")
    assert source.fetch is not None
    with pytest.raises(PackageError, match=r"could not fetch wheels for linux-x86_64, Python 3\.11: No matching distribution") as raised:
        source.fetch(["no-such-package-at-all==1.0"])
    assert "\n" not in str(raised.value)
