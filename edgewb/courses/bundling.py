"""Everything for a room without a network in one folder: wheels, this repository, and a script that installs the one with the other."""

from __future__ import annotations

import dataclasses
import hashlib
import platform as platforms
import shutil
import string
import subprocess
import textwrap
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from edgewb.courses.rooms import EXTRAS, read_pins
from edgewb.courses.wheels import (
    PYTHONS,
    Platform,
    downloaded,
    find_platform,
    find_wheel,
    follow,
    installed,
    installed_bytes,
    least_python,
)
from edgewb.errors import InputError, require
from edgewb.locations import data_folder, make_folder, storage_error, write_whole
from edgewb.types import Basis, Jsonable

_TEMPLATES: Final = Path(__file__).parent / "templates"
_SUMS: Final = "SHA256SUMS"
_DESCRIPTION: Final = "bundle.json"
REPOSITORY: Final = "edgewb"
"""The folder in the bundle that holds the repository."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class BundledPackage(Jsonable):
    """A package of the bundle. ``wheel_bytes``: of its file, None before it was fetched; ``installed_bytes``: where it is
    installed here, by its list of files, None where not."""

    name: str
    version: str | None
    wheel_bytes: int | None = None
    installed_bytes: int | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Bundle(Jsonable):
    """A bundle, or with ``dry_run`` what one would hold.

    Attributes:
        folder: where it is. platform, python: what it is for.
        least_python: the first version of this Python that all its packages accept; None in a dry run.
        training: whether TensorFlow is in it.
        packages: all of them; bytes are measured.
        repository_files, repository_bytes: what git tracks.
        wheels_bytes: of all wheels; None in a dry run. installed_bytes: of those packages that are installed here.
        not_here: packages whose size a dry run cannot tell, because they are not installed here.
    """

    folder: str
    platform: str
    python: str
    training: bool
    dry_run: bool
    extras: tuple[str, ...]
    packages: tuple[BundledPackage, ...]
    repository_files: int
    repository_bytes: int
    wheels_bytes: int | None
    installed_bytes: int
    not_here: tuple[str, ...] = ()
    least_python: str | None = None
    basis: Basis = Basis.MEASURED

    def __str__(self) -> str:
        kind = f"{self.platform}, Python {self.python}, {'with' if self.training else 'without'} TensorFlow"
        repository = f"{self.repository_files} files of the repository, {_megabytes(self.repository_bytes)}"
        if self.wheels_bytes is None:
            sizes = [
                f"{_megabytes(self.installed_bytes)} as they are installed here (their own lists of files); as wheels they are smaller"
            ]
            if self.not_here:
                sizes.append(f"not counted, because not installed here: {', '.join(self.not_here)}")
            lines = [
                f"Would go to {self.folder}: {kind}",
                f"{len(self.packages)} packages, {'; '.join(sizes)}",
                repository,
                "Nothing was fetched or written (--dry-run).",
            ]
        else:
            total = self.wheels_bytes + self.repository_bytes
            lines = [
                f"{self.folder}: {kind}, {_megabytes(total)} (measured)",
                f"{len(self.packages)} wheels, {_megabytes(self.wheels_bytes)}",
                repository,
                f"Copy the whole folder, then follow INSTALL.txt in it. {_SUMS} lists every file.",
            ]
        return "\n".join(textwrap.fill(line, 100, subsequent_indent="  ") for line in lines)

    def __repr__(self) -> str:
        return str(self)


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.0f} MB" if count >= 1e7 else f"{count / 1e6:.1f} MB"


def make_bundle(
    out: str | Path | None = None,
    *,
    platform: str | None = None,
    python: str | None = None,
    training: bool = True,
    dry_run: bool = False,
    tell: Callable[[str], None] | None = None,
) -> Bundle:
    """Gather what a room without a network needs.

    Args:
        out: a folder that is empty, absent, or an earlier bundle, whose wheels are used again (default ``build/workshop-PLATFORM``).
        platform: of the room's computers, a key of ``wheels.PLATFORMS`` (default: this one's).
        python: of the room's computers, "3.11" or "3.12" (default: this one's).
        training: with TensorFlow, which notebooks 02, 04 and 05 need.
        dry_run: only say what it would hold.
        tell: called with a line about each step.

    Raises:
        InputError: an unknown platform or Python, or a folder that holds something else.
        PackageError: no network, or a package has no wheel for this platform.
        StorageError: no repository around this edgewb, or the disk is full.
    """
    require("packaging.requirements", "lab", "to follow requirements")
    say = tell or (lambda line: None)
    chosen = find_platform(platform, platforms.system(), platforms.machine())
    version = python or ".".join(platforms.python_version_tuple()[:2])
    if version not in PYTHONS:
        raise InputError(f"Python {version!r}: edgewb runs with {' and '.join(PYTHONS)}; give --python-version one of these")
    root = data_folder().parent
    files = tracked_files(root)
    folder = Path(out) if out is not None else root / "build" / f"workshop-{chosen.name}"
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{str(folder)!r} is a file: give a folder")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / _DESCRIPTION).is_file() and not (folder / "wheels").is_dir():
        raise InputError(f"{str(folder)!r} holds something that is no bundle: give an empty folder, or one that is not there yet")
    extras = (*EXTRAS, *(["train"] * training))
    requirements, pins = read_requirements(root, extras), read_pins(root / "constraints.txt")
    sizes = [(root / name).stat().st_size for name in files]
    facts: dict[str, Any] = {
        "folder": str(folder),
        "platform": chosen.name,
        "python": version,
        "training": training,
        "dry_run": dry_run,
        "extras": extras,
        "repository_files": len(files),
        "repository_bytes": sum(sizes),
    }
    if dry_run:
        found, absent = follow(requirements, chosen, version, pins, installed())
        packages = [BundledPackage(name=name, version=found[name], installed_bytes=installed_bytes(name)) for name in sorted(found)]
        packages += [BundledPackage(name=name, version=pins.get(name)) for name in sorted(absent)]
        return Bundle(
            **facts,
            packages=tuple(packages),
            wheels_bytes=None,
            installed_bytes=sum(each.installed_bytes or 0 for each in packages),
            not_here=tuple(each.name for each in packages if each.installed_bytes is None),
        )
    wheels = folder / "wheels"
    make_folder(wheels)
    say(f"fetching wheels for {chosen.name}, Python {version} ...")
    found, absent = follow(requirements, chosen, version, pins, downloaded(wheels, chosen, version))
    kept = {name: wheel for name in found if (wheel := find_wheel(wheels, name)) is not None}
    for stale in set(wheels.iterdir()) - set(kept.values()):
        stale.unlink()
    say(f"{len(kept)} wheels; copying the repository ...")
    _copy(root, files, folder / REPOSITORY)
    packages = [
        BundledPackage(name=name, version=found[name], wheel_bytes=wheel.stat().st_size, installed_bytes=installed_bytes(name))
        for name, wheel in sorted(kept.items())
    ]
    bundle = Bundle(
        **facts,
        packages=tuple(packages),
        wheels_bytes=sum(each.wheel_bytes or 0 for each in packages),
        installed_bytes=sum(each.installed_bytes or 0 for each in packages),
        least_python=least_python(kept.values(), version),
    )
    _write_texts(folder, chosen, bundle)
    say("checksums ...")
    _write_sums(folder)
    return bundle


def tracked_files(root: Path) -> list[str]:
    """Paths below ``root`` of the files git tracks that are there.

    Raises:
        InputError: no clone, or no git.
    """
    git = shutil.which("git")
    if git is None:
        raise InputError("git was not found: a bundle holds what git tracks; install git, and make it in a clone of the repository")
    done = subprocess.run([git, "ls-files", "-z"], cwd=root, capture_output=True, text=True, check=False)
    if done.returncode:
        raise InputError(f"{str(root)!r} is no clone with git: a bundle holds what git tracks; make it in a clone of the repository")
    return [name for name in done.stdout.split("\0") if name and (root / name).is_file()]


def read_requirements(root: Path, extras: tuple[str, ...]) -> list[str]:
    """What pyproject.toml asks for: the plain dependencies, those of some extras, and what builds the package."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    optional = project["project"]["optional-dependencies"]
    return [
        *project["build-system"]["requires"],
        *project["project"]["dependencies"],
        *(text for extra in extras for text in optional[extra]),
    ]


def _copy(root: Path, files: list[str], to: Path) -> None:
    try:
        if to.exists():
            shutil.rmtree(to)
        for name in files:
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, to / name)
    except OSError as error:
        raise storage_error(to, "copy the repository to", error) from None


def _write_texts(folder: Path, platform: Platform, bundle: Bundle) -> None:
    """INSTALL.txt, the script, and the description."""
    import msgspec

    on_windows = platform.script.endswith(".bat")
    values = {
        "platform": platform.name,
        "python": bundle.python,
        "least": bundle.least_python or bundle.python,
        "least_numbers": ", ".join((bundle.least_python or bundle.python).split(".")),
        "extras": ",".join(bundle.extras),
        "script": platform.script if on_windows else f"sh {platform.script}",
        "program": r"edgewb\.venv\Scripts\edgewb" if on_windows else "edgewb/.venv/bin/edgewb",
        "training": "all notebooks can be run" if bundle.training else "all notebooks can be run but those that train (02, 04 and 05)",
        "sums": "certutil -hashfile FILE SHA256" if on_windows else f"sha256sum -c {_SUMS} (on macOS: shasum -a 256 -c {_SUMS})",
    }
    for template in ("INSTALL.txt", platform.script):
        text = string.Template((_TEMPLATES / template).read_text(encoding="utf-8")).substitute(values)
        if on_windows:
            text = text.replace("\n", "\r\n")
        write_whole(folder / template, text)
    described = dataclasses.replace(bundle, folder=".")
    write_whole(folder / _DESCRIPTION, msgspec.json.format(msgspec.json.encode(described), indent=2).decode() + "\n")


def _write_sums(folder: Path) -> None:
    lines = []
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != _SUMS:
            with path.open("rb") as file:
                lines.append(f"{hashlib.file_digest(file, 'sha256').hexdigest()}  {path.relative_to(folder).as_posix()}")
    write_whole(folder / _SUMS, "\n".join(lines) + "\n")
