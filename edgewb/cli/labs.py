"""``edgewb lab --json``: JupyterLab, and where it is, for a program that started it."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from collections.abc import Sequence

from edgewb.cli.streams import print_line

_EVERY_S = 0.2


def announce_lab(command: Sequence[str]) -> int:
    """Run JupyterLab until it ends, and print one line of JSON when it serves: ``{"address", "token", "pid"}``.

    Args:
        command: that starts it. What it prints goes to standard error.

    Returns:
        Its exit status.
    """
    process = subprocess.Popen(command, stdout=sys.stderr.fileno())
    ended = threading.Event()
    watching = threading.Thread(target=_announce, args=(process.pid, ended), daemon=True)
    watching.start()
    try:
        status = process.wait()
    except KeyboardInterrupt:
        process.terminate()
        status = process.wait()
    ended.set()
    watching.join()
    return status


def _announce(pid: int, ended: threading.Event) -> None:
    from jupyter_server.serverapp import list_running_servers

    while not ended.wait(_EVERY_S):
        with contextlib.suppress(OSError):  # the note of a server that is just ending
            for server in list_running_servers():
                if server["pid"] != pid:
                    continue
                token = server["token"]
                address = f"{server['url']}lab" + (f"?token={token}" if token else "")
                print_line({"address": address, "token": token, "pid": pid})
                return
