"""Other programs that keep the processors busy, started on purpose: what they do to a measurement is part of the course."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator

from edgewb.errors import InputError

_SPIN = """
import os, sys, time
parent, ends = int(sys.argv[1]), time.monotonic() + float(sys.argv[2])
print(flush=True)
while time.monotonic() < ends and os.getppid() == parent:
    for _ in range(100_000):
        pass
"""
MOST_SECONDS = 60.0
"""After which they end by themselves, whatever became of who started them."""


@contextlib.contextmanager
def other_load(processes: int | None = None) -> Iterator[int]:
    """Keep processors busy while the block runs.

    Args:
        processes: how many programs compute; by default twice the number of processors.

    Yields:
        How many run. They end with the block, after ``MOST_SECONDS``, or when this process ends.

    Raises:
        InputError: not 1 to 64 processes.
    """
    count = 2 * (os.cpu_count() or 1) if processes is None else processes
    if not 1 <= count <= 64:
        raise InputError(f"{count} processes: 1 to 64 are possible")
    command = [sys.executable, "-c", _SPIN, str(os.getpid()), str(MOST_SECONDS)]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(count)]
    try:
        for one in started:
            assert one.stdout is not None
            one.stdout.readline()  # it computes from here on
        time.sleep(0.05)
        yield count
    finally:
        for one in started:
            one.kill()
            one.communicate()
