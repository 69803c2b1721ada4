"""Which packages a computer needs that is not this one, and their wheels from the package index.

pip evaluates markers such as ``sys_platform == "win32"`` for the computer it runs on, also with ``--platform``: a bundle for Windows
made on Linux would lack what only Windows needs. So requirements are followed here, by the other computer's markers, and pip only
fetches.
"""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from edgewb.errors import EdgewbError, InputError, require, unknown_name

if TYPE_CHECKING:
    from packaging.requirements import Requirement

PYTHONS: Final = ("3.11", "3.12")
_LAST: Final = 99
"""Taken as the last number of a Python's version: some packages want a later one than the first, see ``least_python``."""
_GLIBCS: Final = (
    *(f"manylinux_2_{minor}" for minor in (5, 12, 17, 24, 26, 27, 28, 31, 34, 35)),
    "manylinux1",
    "manylinux2010",
    "manylinux2014",
    "linux",
)
"""What a wheel for a Linux of 2022 or later may call itself (PEP 600 and its forerunners); pip does not derive them from one another."""


class PackageError(EdgewbError):
    """A package cannot be had, or the packages do not go together."""


@dataclass(frozen=True, kw_only=True)
class Platform:
    """A kind of computer: tags of the wheels that suit it, and what markers see there."""

    name: str
    tags: tuple[str, ...]
    markers: Mapping[str, str]
    script: str


def _platform(name: str, tags: Iterable[str], system: str, sys_platform: str, machine: str, script: str = "install.sh") -> Platform:
    markers = {
        "sys_platform": sys_platform,
        "platform_system": system,
        "os_name": "nt" if system == "Windows" else "posix",
        "platform_machine": machine,
        "platform_python_implementation": "CPython",
        "implementation_name": "cpython",
        "platform_release": "",
        "platform_version": "",
    }
    return Platform(name=name, tags=tuple(tags), markers=markers, script=script)


PLATFORMS: Final = {
    each.name: each
    for each in (
        _platform("linux-x86_64", (f"{tag}_x86_64" for tag in _GLIBCS), "Linux", "linux", "x86_64"),
        _platform("linux-aarch64", (f"{tag}_aarch64" for tag in _GLIBCS), "Linux", "linux", "aarch64"),
        _platform("macos-arm64", ("macosx_14_0_arm64",), "Darwin", "darwin", "arm64"),
        _platform("windows-x86_64", ("win_amd64",), "Windows", "win32", "AMD64", "install.bat"),
    )
}


def find_platform(name: str | None, system: str, architecture: str) -> Platform:
    """A platform by its name; by default that of a computer with this system and architecture (as the system calls them).

    Raises:
        InputError: an unknown name, or a computer of a kind that is not in the list.
    """
    if name is not None:
        if name not in PLATFORMS:
            raise unknown_name("platform", name, PLATFORMS)
        return PLATFORMS[name]
    for platform in PLATFORMS.values():
        if (platform.markers["platform_system"], platform.markers["platform_machine"]) == (system, architecture):
            return platform
    raise InputError(f"this computer ({system}, {architecture}) is none of those a bundle can be made for: {', '.join(PLATFORMS)}")


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where requirements are read from.

    Args:
        fetch: called with the requirements of one round before they are read; None where there is nothing to fetch.
        read: version and further requirements of a package by its canonical name; None where it is not there.
    """

    fetch: Callable[[list[str]], None] | None
    read: Callable[[str], tuple[str, list[str]] | None]


def follow(
    requirements: Iterable[str], platform: Platform, python: str, pins: Mapping[str, str], source: Source
) -> tuple[dict[str, str], list[str]]:
    """All packages that some requirements come to on a platform, with what they require in turn.

    Args:
        requirements: as in pyproject.toml. python: "3.11". pins: canonical name -> exact version.

    Returns:
        Canonical name -> version, and the names that ``source`` does not have.

    Raises:
        PackageError: a version that one package requires is not the one that was found.
    """
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    environment = {**platform.markers, "python_version": python, "python_full_version": f"{python}.{_LAST}"}
    environment["implementation_version"] = environment["python_full_version"]
    found: dict[str, str] = {}
    absent: list[str] = []
    read: dict[str, list[str]] = {}
    asked: dict[str, list[tuple[str, Requirement]]] = {}
    done: set[tuple[str, str]] = set()
    round_ = [("edgewb", each) for text in requirements if _applies(each := Requirement(text), environment, "")]
    while round_:
        for by, requirement in round_:
            asked.setdefault(canonicalize_name(requirement.name), []).append((by, requirement))
        new = sorted({str(canonicalize_name(each.name)) for _, each in round_} - set(read) - set(absent))
        if source.fetch and new:
            source.fetch([_wanted(name, pins, [each for _, each in asked[name]]) for name in new])
        for name in new:
            if (answer := source.read(name)) is None:
                absent.append(name)
            else:
                found[name], read[name] = answer
        following: list[tuple[str, Requirement]] = []
        for _, requirement in round_:
            name = str(canonicalize_name(requirement.name))
            for extra in sorted({"", *requirement.extras} - {extra for of, extra in done if of == name}):
                done.add((name, extra))
                following += [(name, each) for text in read.get(name, []) if _applies(each := Requirement(text), environment, extra)]
        round_ = following
    for name, version in found.items() if source.fetch else ():  # what is installed here need not be what is asked for
        for by, requirement in asked[name]:
            if not requirement.specifier.contains(version, prereleases=True):
                raise PackageError(f"{by} wants {requirement.name} {requirement.specifier} and {version} was found: mend constraints.txt")
    return found, absent


def _applies(requirement: Requirement, environment: dict[str, str], extra: str) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({**environment, "extra": extra})


def _wanted(name: str, pins: Mapping[str, str], asked: list[Requirement]) -> str:
    """What to ask pip for: the pinned version, else all bounds together."""
    if name in pins:
        return f"{name}=={pins[name]}"
    return f"{name}{','.join(sorted({str(each.specifier) for each in asked} - {''}))}"


def installed() -> Source:
    """The packages of this Python: for a plan, without a network."""

    def read(name: str) -> tuple[str, list[str]] | None:
        try:
            distribution = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            return None
        return distribution.version, list(distribution.requires or [])

    return Source(fetch=None, read=read)


def installed_bytes(name: str) -> int | None:
    """What an installed package takes by its own list of files, byte code not counted; None where it is not installed or has no list."""
    try:
        files = importlib.metadata.distribution(name).files
    except importlib.metadata.PackageNotFoundError:
        return None
    return None if files is None else sum(file.size or 0 for file in files)


def downloaded(folder: Path, platform: Platform, python: str) -> Source:
    """Wheels from the package index, fetched into a folder; what lies there already is not fetched again.

    Raises (on use):
        PackageError: pip fails: no network, or no wheel for this platform.
    """
    options = ["--no-deps", "--quiet", "--disable-pip-version-check", "--only-binary=:all:", "--implementation=cp"]
    options += [f"--python-version={python}.{_LAST}", *(f"--platform={tag}" for tag in platform.tags)]

    def fetch(wanted: list[str]) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "pip", "download", *options, "--dest", str(folder), *wanted], capture_output=True, text=True, check=False
        )
        if done.returncode:
            errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR:")]
            said = (errors or done.stderr.strip().splitlines() or ["pip said nothing"])[-1].removeprefix("ERROR: ")
            raise PackageError(
                f"pip could not fetch wheels for {platform.name}, Python {python}: {said[:300]}; "
                "a bundle is made with a network; what is here already is kept, run the same command again"
            )

    def read(name: str) -> tuple[str, list[str]] | None:
        if (wheel := find_wheel(folder, name)) is None:
            return None
        metadata = read_wheel(wheel)
        return str(metadata["Version"]), list(metadata.get_all("Requires-Dist") or [])

    return Source(fetch=fetch, read=read)


def least_python(wheels: Iterable[Path], python: str) -> str:
    """The first version of a Python ("3.11") that all of some wheels accept: "3.11.5".

    Raises:
        PackageError: none does.
    """
    specifiers = require("packaging.specifiers", "lab", "to compare versions")
    wanted = [specifiers.SpecifierSet(str(text)) for wheel in wheels if (text := read_wheel(wheel)["Requires-Python"])]
    for last in range(_LAST + 1):
        if all(each.contains(f"{python}.{last}") for each in wanted):
            return f"{python}.{last}"
    raise PackageError(f"no Python {python} is accepted by all of these packages: take another --python-version")


def find_wheel(folder: Path, name: str) -> Path | None:
    """The newest wheel of a package in a folder, by its canonical name."""
    utils = require("packaging.utils", "lab", "to read the names of wheels")
    parsed = [(utils.parse_wheel_filename(path.name), path) for path in folder.glob("*.whl")]
    ours = [(version, path) for (of, version, _, _), path in parsed if of == name]
    return max(ours)[1] if ours else None


def read_wheel(path: Path) -> importlib.metadata.PackageMetadata:
    """A wheel's own description.

    Raises:
        PackageError: it is no wheel.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            folder = next(name.split("/")[0] for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return importlib.metadata.PathDistribution(zipfile.Path(path, f"{folder}/")).metadata
    except (zipfile.BadZipFile, StopIteration, OSError) as error:
        raise PackageError(f"{path.name} is no wheel ({type(error).__name__}): delete it and run the same command again") from None
