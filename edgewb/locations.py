"""Where edgewb keeps what it writes, and how a file is put there: whole or not at all."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

from edgewb.errors import StorageError

HOME_VARIABLE = "EDGEWB_HOME"


def home() -> Path:
    """The folder for the database and the cache: the environment variable EDGEWB_HOME, else the user's data folder. Not created here.

    Raises:
        StorageError: EDGEWB_HOME starts with ``~`` and a user this machine does not know.
    """
    given = os.environ.get(HOME_VARIABLE, "").strip()
    if given:
        try:
            return Path(given).expanduser()
        except RuntimeError:
            raise StorageError(
                f"{HOME_VARIABLE} is {given!r} and the home folder of {given.split('/')[0]!r} is not known: give the full path of a folder"
            ) from None
    import platformdirs

    return Path(platformdirs.user_data_dir("edgewb", appauthor=False))


def data_folder() -> Path:
    """The folder ``data`` of the repository this package is run from: models, images and a study that come with it.

    Raises:
        StorageError: it is not there, as in an installation without the repository.
    """
    folder = Path(__file__).resolve().parents[1] / "data"
    if not (folder / "models.json").is_file():  # any other folder of that name beside the package is not meant
        raise StorageError(
            f"the bundled models and images are not at {str(folder)!r}: they come with the repository; clone it and run `make setup` there"
        )
    return folder


def storage_error(path: Path, action: str, error: OSError) -> StorageError:
    """One line for a failed read or write: what was tried, why the system refused, what to do next."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        advice = "the disk is full or a size limit is reached: free some space or choose another folder, then run the same command again"
    elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        advice = f"no permission: choose another folder (set {HOME_VARIABLE} for results and cache) or change its permissions"
    elif error.errno in (errno.ENOENT, errno.ENOTDIR):
        advice = "no such file or folder: check the path"
    elif error.errno == errno.EEXIST:
        advice = f"a file of that name is in the way: choose another folder (set {HOME_VARIABLE} for results and cache) or move the file"
    elif error.errno == errno.EISDIR:
        advice = "it is a folder: give the name of a file"
    else:
        advice = (error.strerror or str(error)).splitlines()[0]
    return StorageError(f"cannot {action} {str(path)!r}: {advice}")


def make_folder(path: Path) -> None:
    """Make a folder and those above it; one that exists is fine.

    Raises:
        StorageError: no permission, a file in the way, disk full.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise storage_error(path, "make the folder", error) from None


def write_whole(path: str | os.PathLike[str], content: str | bytes) -> Path:
    """Write a file whole: a temporary name in the same folder, then one rename. The folder is made when missing.

    Raises:
        StorageError: disk full, no permission; an older file of that name is left as it was.
    """
    target = Path(path)
    data = content.encode("utf-8") if isinstance(content, str) else content
    temporary: Path | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:40]}.", suffix=".part")
        temporary = Path(name)
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        # mkstemp makes the file private; what the user asked for gets the permissions any new file would have.
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)
        temporary.replace(target)
    except OSError as error:
        raise storage_error(target, "write", error) from None
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
    return target
