"""What jupyter-server-proxy is told."""

from __future__ import annotations

import importlib
import tomllib
from pathlib import Path

from edgewb.cli.parsers import parser

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]


def test_the_entry_point_leads_to_a_command_line_that_is_understood():
    place = PROJECT["entry-points"]["jupyter_serverproxy_servers"]["dashboards"]
    module, _, name = place.partition(":")
    told = getattr(importlib.import_module(module), name)()
    words = [part.format(port=8866, base_url="/user/somebody/") for part in told["command"]]
    assert words[1:3] == ["-m", "edgewb.cli"]
    parsed = parser().parse_args(words[3:])
    assert (parsed.command, parsed.port, parsed.base_url, parsed.hostname) == ("dashboard", 8866, "/user/somebody/dashboards/", ["*"])
    assert told["absolute_url"], "the base url is not taken away on the way"
