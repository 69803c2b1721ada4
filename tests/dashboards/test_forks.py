"""Kernels forked of a zygote: as good as started ones, apart from one another, and there when the zygote is not."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from dashboard_servers import Answer, Running, event, running, write_notebook

from edgewb.dashboards import forks
from edgewb.dashboards.forks import ForkedKernel, Forks, Zygote, ZygoteError

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="kernels are forked on Linux alone")
ROOT = Path(__file__).parents[2]
PROBE = """
import json, os, random, resource, sys, time, uuid
import numpy as np
from edgewb.views.widgets.pages import Page, _environment
import jinja2
main = '<div data-region="main">{% block main %}{{ said }}{% endblock %}</div>'
template = '{% extends "page.html.j2" %}{% block body %}' + main + '{% endblock %}'
_environment().loader = jinja2.ChoiceLoader([jinja2.DictLoader({"probe": template}), _environment().loader])

class Probe(Page):
    template, regions, name, said = "probe", ("main",), "explorer", "ready"
    def context(self): return {"said": self.said}
    def on_say(self, value, buffers): self.said = value
    def on_exit(self, value, buffers): os._exit(int(value))
    def on_sleep(self, value, buffers):
        try:
            open(value, "w").close()
            time.sleep(600)
        except KeyboardInterrupt: self.said = "interrupted"
    def on_facts(self, value, buffers):
        self.said = "FACTS" + json.dumps({
            "numbers": [random.random(), float(np.random.random()), str(uuid.uuid4()), os.urandom(8).hex()],
            "session": os.getsid(0) == os.getpid() == os.getpgid(0),
            "folder": os.getcwd(), "arguments": sys.argv[1], "parent": os.environ.get("JPY_PARENT_PID"),
            "threads": os.environ.get("OPENBLAS_NUM_THREADS"), "core": resource.getrlimit(resource.RLIMIT_CORE)[0],
            "oom": open("/proc/self/oom_score_adj").read().strip(),
            "files": sorted(os.readlink(f"/proc/self/fd/{fd}") for fd in (0, 1, 2)),
        }).replace('"', "'") + "END"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("notebooks")
    write_notebook(made / "explorer.ipynb", PROBE, "Probe()")
    return made


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Running]:
    with running(folder) as started:
        yield started


def zygote_of(server: Running) -> psutil.Process:
    """The zygote that runs."""
    return psutil.Process(server.inside(lambda: server.server.kernel_manager.forks.begin().pid))


def asked(server: Running, page: Answer, name: str, value: Any = None) -> str:
    """What a page gets for an event."""

    async def run() -> str:
        connection = await server.connect(page.kernel)
        await connection.write_message(event(page.comm, name, value), binary=True)
        text = ""
        try:
            while '"done"' not in text and (message := await asyncio.wait_for(connection.read_message(), 60)) is not None:
                text += message.decode("utf-8", "replace")
        finally:
            connection.close()
        return text

    return asyncio.run(run())


def facts(server: Running, page: Answer) -> dict[str, Any]:
    found = re.search(r"FACTS(.*?)END", asked(server, page, "facts"))
    assert found is not None
    return dict(json.loads(found[1].replace("&#39;", '"')))


def test_pages_are_forked_and_share_neither_session_nor_numbers_to_come(server, folder):
    pages = [server.get("/explorer") for _ in range(2)]
    zygote = zygote_of(server)
    assert zygote.num_threads() == 1
    assert [server.process(page.kernel).ppid() for page in pages] == [zygote.pid] * 2
    first, second = (facts(server, page) for page in pages)
    assert all(a != b for a, b in zip(first["numbers"], second["numbers"], strict=True))
    assert first["session"]
    assert second["session"]
    assert first["folder"] == str(folder)
    assert first["arguments"] == "-f"
    assert (first["parent"], first["threads"]) == (None, None), "what the zygote was started with is none of a kernel's environment"
    assert (first["core"], first["oom"]) == (0, "500")
    assert "/dev/null" in first["files"]
    keys = server.inside(lambda: [server.server.kernel_manager.get_kernel(page.kernel).session.key for page in pages])
    assert len({bytes(key) for key in keys}) == 2
    assert len(set(zygote.environ()) & {"EDGEWB_DASHBOARD_TOKEN", "SSH_AUTH_SOCK"}) == 0


def test_a_copy_holds_nothing_of_the_zygotes_or_the_servers(server):
    page = server.get("/explorer")
    ports = {connection.laddr.port for connection in server.process(page.kernel).net_connections("inet")}
    assert server.server.port not in ports
    theirs = {os.readlink(f"/proc/{zygote_of(server).pid}/fd/{fd}") for fd in os.listdir(f"/proc/{zygote_of(server).pid}/fd")}
    pid = server.process(page.kernel).pid
    ours = {os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")}
    assert not {name for name in ours & theirs if name.startswith("socket:")}, "with it a kernel could have others forked"


@pytest.mark.browser  # no browser, but seconds
@pytest.mark.parametrize("code", [7, 0])
def test_how_a_kernel_ended_is_known(server, code):
    page = server.get("/explorer")
    manager = server.inside(lambda: server.server.kernel_manager.get_kernel(page.kernel))
    assert asyncio.run_coroutine_threadsafe(manager.provisioner.poll(), server.loop).result(60) is None
    process = manager.provisioner.process
    asked(server, page, "exit", code)
    server.wait_until(lambda: process.poll() is not None)
    assert process.poll() == process.wait() == code
    server.wait_until(lambda: page.kernel not in server.kernels())


def test_it_is_killed_interrupted_and_restarted_like_any_other(server, tmp_path):
    page = server.get("/explorer")
    kernels = server.server.kernel_manager
    manager = server.inside(lambda: kernels.get_kernel(page.kernel))

    def inside(awaitable: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(awaitable, server.loop).result(120)

    async def interrupted() -> str:
        connection = await server.connect(page.kernel)
        await connection.write_message(event(page.comm, "sleep", str(tmp_path / "sleeps")), binary=True)
        while not (tmp_path / "sleeps").exists():
            await asyncio.sleep(0.05)
        asyncio.run_coroutine_threadsafe(manager.interrupt_kernel(), server.loop)
        text = ""
        while '"done"' not in text:
            message = await asyncio.wait_for(connection.read_message(), 60)
            assert message is not None
            text += message.decode("utf-8", "replace")
        connection.close()
        return text

    assert "interrupted" in asyncio.run(interrupted())
    before = manager.provisioner.process
    inside(manager.restart_kernel(now=True))
    after = manager.provisioner.process
    assert before.poll() == -signal.SIGKILL
    assert after.pid != before.pid
    assert psutil.Process(after.pid).ppid() == zygote_of(server).pid
    inside(kernels.shutdown_kernel(page.kernel))  # asked politely this time
    server.wait_until(lambda: after.poll() is not None)
    assert page.kernel not in server.kernels()


@pytest.mark.browser  # no browser, but seconds
def test_visitors_outlive_the_zygote_and_the_next_one_comes_from_a_new_one(folder, caplog):
    with running(folder) as server:
        page, zygote = server.get("/explorer"), zygote_of(server)
        zygote.kill()
        zygote.wait(60)
        assert "still here" in asked(server, page, "say", "still here")
        another = server.get("/explorer")
        assert server.process(another.kernel).ppid() == zygote_of(server).pid != zygote.pid
        orphan = server.process(page.kernel)
        orphan.kill()
        server.wait_until(lambda: page.kernel not in server.kernels())
        assert "later" in asked(server, another, "say", "later")
        kernels = [server.process(another.kernel), zygote_of(server)]
    assert psutil.wait_procs(kernels, timeout=60)[1] == []


def test_where_nothing_can_be_forked_kernels_are_started_and_the_log_says_so(folder, caplog, monkeypatch):
    monkeypatch.setattr(forks, "MOST_FAILURES", 1)
    real = subprocess.Popen

    def refuse(command: list[str], *arguments: Any, **options: Any) -> Any:
        if "edgewb.dashboards.zygotes" in command:
            command = [sys.executable, "-c", "raise SystemExit(3)"]
        return real(command, *arguments, **options)

    monkeypatch.setattr(forks.subprocess, "Popen", refuse)
    with caplog.at_level(logging.WARNING), running(folder) as server:
        for number in range(2):
            page = server.get("/explorer")
            assert server.process(page.kernel).ppid() == os.getpid()
            assert f"n{number}" in asked(server, page, "say", f"n{number}")
    lines = [record.getMessage() for record in caplog.records if record.name == forks.__name__]
    assert len(lines) == 1, "after the first of one failure it is not tried again"
    assert re.fullmatch("a kernel takes a second longer: .* (ended with status 3|is gone .*)", lines[0])


def test_elsewhere_than_on_linux_kernels_are_started(monkeypatch):
    monkeypatch.setattr(forks.sys, "platform", "darwin")

    async def run() -> None:
        assert Forks({}).begin() is None
        assert await Forks({}).fork([], {}, None) is None

    asyncio.run(run())


async def ready(zygote: Zygote) -> None:
    await asyncio.wait_for(zygote._ready.wait(), 60)


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "never came true"
        time.sleep(0.02)


@pytest.mark.parametrize("imported", [False, True])
def test_one_that_stands_still_is_replaced_and_whoever_waits_gets_his_kernel_of_the_next(monkeypatch, caplog, imported):
    async def run() -> None:
        made = Forks({**os.environ, "PYTHONPATH": str(ROOT)})
        zygote = made.begin()
        assert zygote is not None
        try:
            if imported:
                await ready(zygote)
            os.kill(zygote.pid, signal.SIGSTOP)
            arguments = ([], dict(os.environ), None)
            kernels = await asyncio.wait_for(asyncio.gather(*(made.fork(*arguments) for _ in range(8))), 120)
            assert all(kernels), "many wait for the same one: that is one failure"
            assert {psutil.Process(kernel.pid).ppid() for kernel in kernels} == {made.begin().pid}
            await asyncio.wait_for(zygote._listening, 60)
            assert zygote.ended
            assert not psutil.pid_exists(zygote.pid), "reaped"
        finally:
            await made.close()

    asyncio.run(run())
    assert caplog.text.count("did not answer within 2 s") == 1


def test_a_slow_one_is_waited_for_as_long_as_it_does_something(monkeypatch, tmp_path):
    monkeypatch.setattr(forks, "ANSWER_SECONDS", 1.0)
    (tmp_path / "slow.py").write_text("import time\nend = time.process_time() + 2.5\nwhile time.process_time() < end: pass\n")
    slow = f"import sys\nfrom edgewb.dashboards import zygotes\nzygotes.preload.__defaults__ = ({('slow',)!r},)\n"
    slow += "zygotes.main(*map(int, sys.argv[1:4]))"
    real = subprocess.Popen

    def begin(command: list[str], **options: Any) -> Any:
        return real([command[0], "-c", slow, *command[3:]], **options)

    monkeypatch.setattr(forks.subprocess, "Popen", begin)

    async def run() -> None:
        made = Forks({**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), str(tmp_path)))})
        try:
            zygote = made.begin()
            assert await asyncio.wait_for(made.fork([], dict(os.environ), None), 120) is not None
            assert made.begin() is zygote
        finally:
            await made.close()

    asyncio.run(run())


def test_a_copy_nobody_was_told_of_ends_with_its_zygote(monkeypatch):
    async def run() -> None:
        made = Forks({**os.environ, "PYTHONPATH": str(ROOT)})
        zygote = made.begin()
        assert zygote is not None
        try:
            await ready(zygote)
            known = await made.fork([], dict(os.environ), None)
            assert known is not None
            monkeypatch.setattr(forks, "ANSWER_SECONDS", 1.0)
            process = psutil.Process(zygote.pid)
            monkeypatch.setattr(zygote, "_heard", lambda _told: None)  # the word of it is lost
            waiting = asyncio.create_task(zygote.fork([], dict(os.environ), None))
            while len(process.children()) < 2:
                await asyncio.sleep(0.01)
            (stray,) = [child for child in process.children() if child.pid != known.pid]
            with pytest.raises(ZygoteError, match="did not answer within 1 s"):
                await waiting
            until(lambda: not stray.is_running() or stray.status() == psutil.STATUS_ZOMBIE)
            assert known.poll() is None
        finally:
            await made.close()

    asyncio.run(run())


@pytest.mark.browser  # no browser, but seconds
def test_a_zygote_that_was_killed_is_no_zombie_and_kernels_end_also_while_it_is_stopped(folder):
    with running(folder) as server:
        page, zygote = server.get("/explorer"), zygote_of(server)
        zygote.suspend()
        process = server.process(page.kernel)
        asyncio.run_coroutine_threadsafe(server.server.kernel_manager.shutdown_kernel(page.kernel, now=True), server.loop).result(10)
        assert page.kernel not in server.kernels()
        assert process.status() == psutil.STATUS_ZOMBIE, "its parent does nothing"
        server.get("/explorer")
        assert zygote_of(server).pid != zygote.pid
        zygote_of(server).kill()
        until(lambda: not [child for child in psutil.Process().children() if child.status() == psutil.STATUS_ZOMBIE])
        zygote = psutil.Process(server.inside(lambda: server.server.kernel_manager.forks.begin().pid))
        zygote.suspend()
        begun = time.monotonic()
    assert time.monotonic() - begun < 25, "a server ends also with a stopped one"
    assert not zygote.is_running()


def test_a_process_that_has_ended_gets_no_signal_meant_for_it():
    class Gone:
        codes, ended = {1: 0}, False

    kernel = ForkedKernel(1, Gone())  # type: ignore[arg-type]
    kernel.kill()  # else this would have been init
    kernel.terminate()
    assert kernel.returncode == 0


@pytest.mark.browser  # no browser, but seconds
def test_a_page_imports_next_to_nothing_any_more(tmp_path):
    code = "from edgewb.dashboards import kernels, zygotes\nimport sys\nkernels.forgo_debugger()\nzygotes.preload()\nprint(*sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    before = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True).stdout.split()
    widgets = ("Explorer", "Inspector", "Live")
    for widget in widgets:
        ask = f"import sys\nopen({str(tmp_path / widget)!r}, 'w').write(' '.join(sys.modules))"
        write_notebook(tmp_path / f"{widget.lower()}.ipynb", f"from edgewb.views.widgets import {widget}", f"{widget}()", ask)
    with running(tmp_path) as server:
        for widget in widgets:
            assert 'data-comm="' in server.get(f"/{widget.lower()}").body
            new = set((tmp_path / widget).read_text().split()) - set(before)
            assert len(new) < 25, sorted(new)
            packages = {name.partition(".")[0] for name in new}
            assert not packages & {"numpy", "ai_edge_litert", "flatbuffers", "jinja2", "ipywidgets", "tensorflow"}
