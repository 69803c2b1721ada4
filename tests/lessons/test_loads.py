"""Programs that compute begin with the block and end with it."""

from __future__ import annotations

import os
import time

import psutil
import pytest

from edgewb.errors import InputError
from edgewb.lessons.loads import other_load


def _children() -> list[psutil.Process]:
    return psutil.Process(os.getpid()).children()


def test_computes_while_the_block_runs_and_not_after() -> None:
    before = set(_children())
    with other_load(1) as count:
        assert count == 1
        (started,) = set(_children()) - before
        until = time.monotonic() + 60
        while sum(started.cpu_times()[:2]) <= 0.1:
            assert time.monotonic() < until
            time.sleep(0.02)
    assert not set(_children()) - before


def test_ends_after_an_error() -> None:
    before = set(_children())
    with pytest.raises(ZeroDivisionError), other_load(2):
        raise ZeroDivisionError
    assert not set(_children()) - before


def test_bad_count() -> None:
    with pytest.raises(InputError, match="1 to 64"), other_load(0):
        pass
