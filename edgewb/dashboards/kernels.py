"""The program behind each page: an IPython kernel without debugger, and with a limit to its memory. Started as ``python -m``."""

from __future__ import annotations

import contextlib
import sys

MEMORY_BYTES = 2 * 2**30
"""What one kernel may take: a visitor's file that wants more gets a message, and the computer goes on."""


def limit_memory(limit: int = MEMORY_BYTES) -> None:
    """A limit for this process's private memory, where the system knows one; a lower one that is in force stays."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
        bounds = [bound for bound in (soft, hard, limit) if bound != resource.RLIM_INFINITY]
        resource.setrlimit(resource.RLIMIT_DATA, (min(bounds), hard))


def main() -> None:
    """Be a kernel until the server says otherwise, or is gone."""
    sys.modules["debugpy"] = None  # type: ignore[assignment] # nobody debugs here: 0.1 s of a start, and a message type fewer
    limit_memory()
    from ipykernel.kernelapp import launch_new_instance

    launch_new_instance()


if __name__ == "__main__":
    main()
