"""Ctrl-C and its like: always one ``KeyboardInterrupt`` where the program can act on it."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from typing import Any

_AGAIN_SECONDS = 0.02


def take_interrupts() -> None:
    """Let a job that is asked to end clean up as after Ctrl-C, and lose no interrupt.

    One that arrives within a destructor or a callback of a weak reference, as the import system has them, is swallowed by Python with a
    traceback on standard error (``sys.unraisablehook``); it is sent again a moment later.
    """
    with contextlib.suppress(ValueError):  # not in the main thread
        for name in ("SIGTERM", "SIGHUP"):  # asked to end, or the terminal was closed
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), signal.default_int_handler)
    earlier = sys.unraisablehook

    def hook(swallowed: Any) -> None:
        if not issubclass(swallowed.exc_type, KeyboardInterrupt):
            earlier(swallowed)
            return
        again = threading.Timer(_AGAIN_SECONDS, signal.pthread_kill, (threading.main_thread().ident, signal.SIGINT))
        again.daemon = True
        again.start()

    if hasattr(signal, "pthread_kill"):
        sys.unraisablehook = hook
