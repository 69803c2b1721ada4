"""A process without network, files and neighbours, by Linux's namespaces: no privileges are needed where the system allows users their own.

https://man7.org/linux/man-pages/man7/user_namespaces.7.html
"""

from __future__ import annotations

import base64
import contextlib
import ctypes
import os
import signal
import sys
import zlib
from typing import Final

_NEWIPC, _NEWUSER, _NEWPID, _NEWNET = 0x08000000, 0x10000000, 0x20000000, 0x40000000  # linux/sched.h
_PDEATHSIG, _NO_NEW_PRIVS = 1, 38  # linux/prctl.h
_CAPABILITY_VERSION_3 = 0x20080522  # linux/capability.h
_EMPTY = "/proc/self/fdinfo"
_SMALLEST: Final = (  # one ABS of one float, as zlib has it in base64
    "eNptjzEOwjAQBAeSIgoWcuGCIiVFSiS+gCKKlHwhP6fkD2Z9dsCKctZId/bu2h6A1zTfAwMXAh5HR6pWE9rLXMUoPqIh10F0"
    "pkzrX2k/WHeuMltN/DIf4inmjc9b18uBefpyhyvnK+zMR3Gz98A7xrj62Ohd9UdX5bOT64v+VOmXLFu+4zoKrw=="
)


def end_with_parent(parent: int) -> None:
    """End this process with the thread that started it, however that ends, also if this one is stopped. On Linux alone.

    Args:
        parent: the process id of who started it, which may be gone already.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def close_off() -> bool:
    """Go on in a child that has no network and sees no other process; False where that is not allowed, and all is as before.

    To be called before anything starts a thread. This process waits for the child, which ends with it. Either way it ends with the thread
    that started it: also in the middle of a call that would take an hour.
    """
    if sys.platform != "linux":
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    above, parent = os.getppid(), os.getpid()
    closed = libc.unshare(_NEWUSER | _NEWPID | _NEWNET | _NEWIPC) == 0
    child = os.fork() if closed else 0
    if child or not closed:
        end_with_parent(above)  # not before: with the namespaces came capabilities, and it is forgotten with these
    if not closed:
        return False
    if child:
        _, status = os.waitpid(child, 0)
        os._exit(abs(os.waitstatus_to_exitcode(status)) & 0x7F)
    libc.prctl(_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    with contextlib.suppress(OSError):  # of a parent outside, 0 is all that can be seen of it
        if os.getppid() not in (0, parent):
            os._exit(1)
    return True


def prepare_litert() -> None:
    """Import LiteRT and let it choose its kernels for this processor, by what /proc and /sys say of it: with the first model it loads."""
    from ai_edge_litert.interpreter import Interpreter

    Interpreter(model_content=smallest_model(), num_threads=1).allocate_tensors()


def smallest_model() -> bytes:
    """A .tflite of one op, with which a runtime loads what it needs."""
    return zlib.decompress(base64.b64decode(_SMALLEST))


def leave_files(place: str = _EMPTY) -> bool:
    """Leave the file system for an empty one, for good: what is open stays, nothing can be opened any more. After ``close_off``.

    Args:
        place: the folder that is all that is left of it.

    Returns:
        Whether it was possible.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    try:
        os.chroot(place)
        os.chdir("/")
    except OSError:
        return False
    header, none = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0), (ctypes.c_uint32 * 6)()
    dropped = libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 and libc.capset(header, none) == 0
    return bool(dropped)  # with the capability to change the root one could change it back
