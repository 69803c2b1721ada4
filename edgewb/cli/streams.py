"""The standard streams of a program that may be started in pipes, by other programs, or with some of them closed."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Any

DONE, NO = 0, 1
"""Exit status: done; the answer is "no"."""


def print_json(value: Any) -> None:
    """One JSON object on standard output."""
    import msgspec

    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")


def print_line(value: Any) -> None:
    """One JSON object on one line of standard output, at once: of a command that goes on."""
    import msgspec

    print(msgspec.json.encode(value).decode(), flush=True)


def mend_streams() -> None:
    """Standard streams as a program needs them: open, and able to print any character."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            # Started with it closed (`>&-`): the next file opened, a database perhaps, would get its number and what is printed.
            os.open(os.devnull, os.O_RDWR)
    sys.stdout = sys.stdout or open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115
    with contextlib.suppress(AttributeError):
        sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


def drop_output() -> None:
    """Send what is still buffered for standard output nowhere: Python would try once more on exit, and complain."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
