"""A server's connection files, which hold keys, and its kernels' temporary files: gone with it, or when the next one starts."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import stat
import tempfile
from pathlib import Path

PREFIX = "edgewb.server."
"""Of their names in the system's folder for temporary files."""
LONGEST = 103 - len("/edgewb.server.12345678/kernel-12345678-1234-1234-1234-123456789012-ipc-5")
"""Characters of that folder's name, where names of Unix sockets have 103 at most (macOS; 107 on Linux): beyond it, it is /tmp."""


def _place() -> str:
    place = tempfile.gettempdir()
    return "/tmp" if len(os.fsencode(place)) > LONGEST and os.path.isdir("/tmp") else place  # noqa: S108 - made there for this user alone


def make_folder() -> tuple[Path, int | None]:
    """A new folder that nobody else can look into.

    Returns:
        The folder; and a descriptor that holds it, where the system has such locks: ``clear_folders`` leaves it as long as this is open,
        which the system sees to, however this process ends.
    """
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=_place()))
        try:
            import fcntl

            held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        except (ImportError, AttributeError):  # Windows
            return folder, None
        except FileNotFoundError:  # see below
            continue
        with contextlib.suppress(OSError):  # a file system without locks, where nothing is cleared either
            fcntl.flock(held, fcntl.LOCK_EX)
        if folder.exists():
            return folder, held
        os.close(held)  # somebody who clears came between the two steps, and took it for one that was left


def clear_folders() -> None:
    """Remove the folders of this user's servers that were killed. Those of servers at work are held by them, and left."""
    try:
        import fcntl
    except ImportError:
        return
    for folder in Path(_place()).glob(f"{PREFIX}*"):
        if not re.fullmatch(re.escape(PREFIX) + "[a-z0-9_]{8}", folder.name):  # as mkdtemp makes them
            continue
        with contextlib.suppress(OSError):  # held, no folder, or another user's
            held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                found = os.fstat(held)
                if found.st_uid == os.geteuid() and stat.S_IMODE(found.st_mode) & 0o777 == 0o700:  # Jupyter adds the sticky bit
                    fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(held)
