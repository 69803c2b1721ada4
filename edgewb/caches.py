"""Finished stages of work, kept by content: the same data, model, recipe, seed and versions are never computed twice.

An entry is a folder that appears whole, by one rename, so a kill at any moment leaves either all of it or nothing.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import shutil
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgewb.locations import home, make_folder, storage_error


def fingerprint(parts: Mapping[str, Any]) -> str:
    """sha256 over a JSON-able description, independent of the order of its keys."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, separators=(",", ":"), default=str).encode()).hexdigest()


@functools.cache
def code_fingerprint(packages: tuple[str, ...]) -> str:
    """sha256 over the source of parts of edgewb (files or folders below it): a change of the code invalidates what it computed."""
    root = Path(__file__).parent
    digest = hashlib.sha256()
    for package in packages:
        place = root / package
        for file in sorted(p for p in place.rglob("*") if p.suffix in (".py", ".json")) if place.is_dir() else [place]:
            digest.update(f"{file.relative_to(root)}\0".encode() + file.read_bytes() + b"\0")
    return digest.hexdigest()


class StageCache:
    """Entries of named files under ``folder`` (default: ``home()/cache``)."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or home() / "cache"

    def check(self) -> None:
        """See that something can be kept here: before any work, as minutes of training should not end at a folder nobody may write to.

        Raises:
            StorageError: no permission, a file in the way, disk full.
        """
        make_folder(self.folder)
        try:
            with tempfile.TemporaryFile(dir=self.folder):
                pass
        except OSError as error:
            raise storage_error(self.folder, "write to the stage cache", error) from None

    def get(self, stage: str, key: str) -> dict[str, bytes] | None:
        """The files of an entry, or None. A damaged entry (contents that do not match their sha256) counts as absent and is removed."""
        entry = self.folder / stage / key
        try:
            listing = dict(json.loads((entry / "entry.json").read_bytes()))
            files = {name: (entry / name).read_bytes() for name in listing}
        except (OSError, ValueError, TypeError, RecursionError):
            files, listing = {}, {}
        if listing and all(hashlib.sha256(files[name]).hexdigest() == listing[name] for name in listing):
            return files
        if entry.is_dir():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                entry.unlink()
        return None

    def put(self, stage: str, key: str, files: Mapping[str, bytes]) -> None:
        """Keep an entry, whole or not at all.

        Raises:
            StorageError: disk full, no permission.
        """
        entry = self.folder / stage / key
        temporary: Path | None = None
        try:
            entry.parent.mkdir(parents=True, exist_ok=True)
            temporary = Path(tempfile.mkdtemp(prefix=".new-", dir=entry.parent))
            for name, content in files.items():
                (temporary / name).write_bytes(content)
            listing = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
            (temporary / "entry.json").write_text(json.dumps(listing))
            try:
                temporary.rename(entry)
            except OSError:
                # Another process was first, with the same content; or what lay there was damaged, and the look at it removed it.
                if self.get(stage, key) is None:
                    temporary.rename(entry)
        except OSError as error:
            raise storage_error(self.folder, "write the stage cache", error) from None
        finally:
            if temporary is not None and temporary.exists():
                shutil.rmtree(temporary, ignore_errors=True)

    def sweep(self) -> None:
        """Remove what killed processes left half-written more than a day ago, and trainings nobody went on with for a month."""
        for pattern, days in (("*/.new-*", 1), ("fits/*/*", 30)):
            for leftover in self.folder.glob(pattern):
                with contextlib.suppress(OSError):
                    if time.time() - leftover.stat().st_mtime > days * 86_400:
                        shutil.rmtree(leftover, ignore_errors=True)
