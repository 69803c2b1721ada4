"""The dashboards inside another Jupyter server: what jupyter-server-proxy asks an installed package for (Binder, JupyterHub)."""

from __future__ import annotations

import sys
from typing import Any


def describe_server() -> dict[str, Any]:
    """How jupyter-server-proxy starts the dashboards when somebody opens ``dashboards/`` below the Jupyter server's own address.

    Who comes through it has shown that server's token; its name is whatever the hub is called, so any is answered to.
    https://jupyter-server-proxy.readthedocs.io/en/latest/server-process.html
    """
    command = [sys.executable, "-m", "edgewb.cli", "dashboard", "--no-browser", "--port", "{port}"]
    return {
        "command": [*command, "--base-url", "{base_url}dashboards/", "--hostname", "*", "--pool", "1"],
        "absolute_url": True,
        "timeout": 60,
        "launcher_entry": {"title": "edgewb dashboards", "path_info": "dashboards/"},
    }
