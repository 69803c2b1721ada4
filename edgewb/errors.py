"""One tree of errors. A message names what was given, what is allowed, and what to do next, on one line."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from difflib import get_close_matches
from types import ModuleType


class EdgewbError(Exception):
    """Anything wrong with what the user gave or with what this machine has. One line, no traceback needed."""

    def _render_traceback_(self) -> list[str]:
        """What IPython shows in a notebook: the line."""
        return [f"{type(self).__name__}: {self}"]


class InputError(EdgewbError):
    """A file, a name or a value cannot be used as given."""


class ModelFileError(InputError):
    """A file is not a readable TensorFlow Lite model."""


class DatasetError(InputError):
    """A data set is missing, malformed or too small."""


class ConversionError(EdgewbError):
    """Training or converting a variant failed; the other variants are not touched."""


class MissingPackageError(EdgewbError):
    """An optional package is not installed."""


class TargetError(EdgewbError):
    """A target cannot be used or failed while it ran: a device that is not there or went away, a host that does not answer.

    ``samples_ms`` holds the calls that were timed before, so that a stick pulled out after a minute does not cost that minute.
    """

    def __init__(self, message: str, samples_ms: tuple[float, ...] = ()) -> None:
        super().__init__(message)
        self.samples_ms = samples_ms


class StudyCancelled(EdgewbError):
    """A study was asked to stop (see ``running.cancel_study``); what it had finished is kept."""


class StorageError(EdgewbError):
    """Results cannot be written or read back: disk full, no permission, a database from a newer version."""


def unknown_name(kind: str, given: str, allowed: Iterable[str], then: str = "", also: Iterable[str] = ()) -> InputError:
    """An error for a name outside a fixed set: says the nearest known name and lists all of them but for those in ``also``."""
    names = list(allowed)
    near = get_close_matches(given, [*names, *also], n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}? " if near else ""
    tail = f"; {then}" if then else ""
    return InputError(f"unknown {kind} {given!r}: {hint}known: {', '.join(names)}{tail}")


def require(package: str, extra: str, why: str) -> ModuleType:
    """Import an optional package, or say which extra of edgewb installs it.

    Args:
        package: the module to import, such as ``"plotly.graph_objects"``.
        extra: the extra in pyproject.toml that brings it.
        why: what it is needed for, finishing the sentence "... is needed".

    Raises:
        MissingPackageError: when it is not installed.
    """
    try:
        return importlib.import_module(package)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] != package.split(".")[0]:
            raise
        top = package.split(".")[0]
        raise MissingPackageError(
            f"the package {top!r} is not installed and is needed {why}: pip install 'edgewb[{extra}]' (or `make setup` in a clone)"
        ) from None


def first_line(error: BaseException) -> str:
    """The first line of another library's message, short enough for one of ours."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0][:300] if lines else type(error).__name__
