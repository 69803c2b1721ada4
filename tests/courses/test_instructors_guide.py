"""What the instructor's guide has people type."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from ssh_servers import SshServer, serve

from edgewb.bundles import bundled_model
from edgewb.cli.parsers import parser
from edgewb.compilers.problems import problems
from edgewb.measurements import measure

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "notebooks" / "INSTRUCTORS.md").read_text(encoding="utf-8")


def test_every_notebook_has_its_questions() -> None:
    sections = re.findall(r"^\*\*(\d\d) ", GUIDE, re.MULTILINE)
    assert sections == [f"{number:02}" for number in range(13)]
    for section in re.split(r"^\*\*\d\d ", GUIDE, flags=re.MULTILINE)[1:]:
        assert section.count("?*") >= 1 or section.count(".*") >= 1, section


@pytest.mark.parametrize("command", sorted(set(re.findall(r"`(edgewb [a-z][^`]*)`", GUIDE))))
def test_every_command_can_be_typed(command: str) -> None:
    assert parser().parse_args(command.split()[1:]).does


def test_the_order_for_a_lost_stick_is_the_doctors() -> None:
    known = problems()
    assert {"no_device", "usb_permission", "device_busy", "device_not_in_wsl", "usb_supply", "usb2_speed"} <= set(known)
    assert "1a6e:089a" in known["no_device"].fixes[0]
    assert "1a6e:089a" in GUIDE
    assert "makes the first one crash" in known["device_busy"].cause
    assert "makes the first one crash" in GUIDE


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SshServer]:
    try:
        with serve(tmp_path) as started:
            yield started
    except LookupError as missing:
        pytest.skip(str(missing))


def noted(word: str, log: Path) -> str:
    """A line of shell that writes down a word and the time."""
    return f'echo "{word} $(date +%s%N)" >> {log}'


def test_the_queue_lets_one_measure_after_the_other(server: SshServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if subprocess.run(["flock", "--version"], capture_output=True, check=False).returncode:
        pytest.skip("no flock on this machine")
    script = re.search(r"```sh\n(#!/bin/sh\n.*?)```", GUIDE, re.DOTALL)
    assert script is not None
    # The guide's own script, with this Python, and a note of when each turn began and ended.
    log = tmp_path / "turns"
    wrapper = server.home / "queued-python"
    inner = tmp_path / "noting-python"
    inner.write_text(
        "\n".join(["#!/bin/sh", noted("begin", log), f'{sys.executable} "$@"', "status=$?", noted("end", log), "exit $status", ""])
    )
    wrapper.write_text(script[1].replace("python3", str(inner)))
    for program in (inner, wrapper):
        program.chmod(0o755)
    monkeypatch.setenv("EDGEWB_SSH_CONFIG", str(server.folder / "config"))
    monkeypatch.setenv("EDGEWB_SSH_PYTHON", str(wrapper))
    model = bundled_model("digits_cnn_int8").path
    with ThreadPoolExecutor(2) as both:
        measured = list(both.map(lambda _: measure(model, server.target, runs=50), range(2)))
    assert [each.runs for each in measured] == [50, 50]
    deadline = time.monotonic() + 120
    while log.read_text().count("end") < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    turns = sorted((int(line.split()[1]), line.split()[0]) for line in log.read_text().splitlines())
    assert [word for _, word in turns] == ["begin", "end", "begin", "end"], "never two at once"


def _plans() -> list[list[tuple[int, int, str]]]:
    """Each plan's rows: minutes since midnight or the start, how long, what."""
    found: list[list[tuple[int, int, str]]] = []
    for line in GUIDE.splitlines():
        if line.startswith("| from | min |"):
            found.append([])
        elif found and (row := re.match(r"\| (\d+):(\d\d) \| (\d+) \| ([^|]+) \|", line)):
            found[-1].append((60 * int(row[1]) + int(row[2]), int(row[3]), row[4]))
    return found


def test_the_plans_add_up() -> None:
    short, day = _plans()
    for plan in (short, day):
        for (start, minutes, _), (after, _, what) in itertools.pairwise(plan):
            assert start + minutes == after, what
    assert sum(minutes for _, minutes, _ in short) == 180
    named = {number for _, _, what in day for number in re.findall(r"\b(\d\d) ", what)}
    assert named == {f"{number:02}" for number in range(13)}
    # What takes three hours trains nothing.
    assert not {number for _, _, what in short for number in re.findall(r"^(\d\d) ", what)} & {"02", "04", "05"}


def test_what_may_be_left_out_is_there() -> None:
    headings = {
        line.removeprefix("# ## ")
        for source in (ROOT / "notebooks" / "sources").glob("[0-9]*.py")
        for line in source.read_text(encoding="utf-8").splitlines()
        if line.startswith("# ## ")
    }
    rows = [line for line in GUIDE.splitlines() if re.match(r"\| \d+:\d\d \|", line)]
    named = [name for row in rows for name in re.findall(r'"([^"]+)"', row)]
    assert len(named) > 5
    assert set(named) <= headings
