"""A dashboard server inside the test's own process, on a thread: quick to start, and its inside can be looked at."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
from jupyter_server.services.kernels.connection.base import serialize_msg_to_ws_v1
from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from edgewb.dashboards.servers import DashboardServer, Serving, make_server

NOTEBOOK = {
    "cells": [],
    "metadata": {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}, "language_info": {"name": "python"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}
PROTOCOL = "v1.kernel.websocket.jupyter.org"


def write_notebook(path: Path, *cells: str) -> None:
    """A notebook of these code cells."""
    made = [
        {"cell_type": "code", "execution_count": None, "id": str(i), "metadata": {}, "outputs": [], "source": source}
        for i, source in enumerate(cells)
    ]
    path.write_text(json.dumps({**NOTEBOOK, "cells": made}))


class Answer:
    """What the server said."""

    def __init__(self, status: int, headers: Any, body: str) -> None:
        self.status, self.headers, self.body = status, headers, body

    @property
    def kernel(self) -> str:
        """The kernel of the page."""
        return self.body.split('data-kernel="')[1].split('"')[0]

    @property
    def comm(self) -> str:
        """The comm of the page's widget."""
        return self.body.split('data-comm="')[1].split('"')[0]


class Running:
    """A server at work: asked over HTTP, and looked at from inside."""

    def __init__(self, server: DashboardServer, loop: asyncio.AbstractEventLoop) -> None:
        self.server, self.loop = server, loop

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    def get(self, path: str, method: str = "GET", data: bytes | None = None, **headers: str) -> Answer:
        """Ask for an address; redirects are not followed."""
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(f"{self.origin}{path}", data=data, headers=names, method=method)
        opener = urllib.request.build_opener(_Stay())
        try:
            with opener.open(request, timeout=180) as answer:
                return Answer(answer.status, answer.headers, answer.read().decode())
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.headers, error.read().decode())

    def inside(self, action: Callable[[], Any]) -> Any:
        """What a function returns that is called on the server's own thread."""

        async def call() -> Any:
            return action()

        return asyncio.run_coroutine_threadsafe(call(), self.loop).result(120)

    def kernels(self) -> list[str]:
        """The ids of the kernels that run."""
        return list(self.inside(self.server.kernel_manager.list_kernel_ids))

    def process(self, kernel_id: str) -> psutil.Process:
        """A kernel's process."""
        return psutil.Process(self.inside(lambda: self.server.kernel_manager.get_kernel(kernel_id).provisioner.pid))

    def wait_until(self, condition: Callable[[], bool], seconds: float = 120) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "never came true"
            time.sleep(0.05)

    async def connect(self, kernel: str, query: str = "", protocol: str = PROTOCOL, **headers: str) -> WebSocketClientConnection:
        """A raw websocket to a kernel, as somebody might open it who does not use the page."""
        url = f"{self.origin}/kernels/{kernel}/channels?session_id=test{query}".replace("http", "ws", 1)
        return await websocket_connect(HTTPRequest(url, headers=headers), subprotocols=[protocol])


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_arguments: Any) -> None:
        return None


@contextlib.contextmanager
def running(folder: Path, **options: Any) -> Iterator[Running]:
    """A server of the notebooks in a folder, on a free port."""
    before = signal.getsignal(signal.SIGTERM)
    server = make_server(Serving(folder, **{"port": 0, "pool": 0, **options}))
    signal.signal(signal.SIGTERM, before)
    started, problems = threading.Event(), []
    ended: dict[str, Any] = {}

    async def serve() -> None:
        ended.update(loop=asyncio.get_running_loop(), event=asyncio.Event())
        await server.serve(ended["event"], lambda _server: started.set())

    def run() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:
            problems.append(error)
        finally:
            started.set()

    thread = threading.Thread(target=run)
    thread.start()
    started.wait(180)
    try:
        if problems:
            raise problems[0]
        yield Running(server, ended["loop"])
    finally:
        with contextlib.suppress(RuntimeError):  # it has ended already
            ended["loop"].call_soon_threadsafe(ended["event"].set)
        thread.join(180)
    if problems:
        raise problems[0]


def message(kind: str, content: Any, channel: str = "shell", buffers: tuple[bytes, ...] = ()) -> bytes:
    """A message of Jupyter's protocol, as it goes over the websocket."""
    header = {"msg_id": f"{time.time_ns():x}", "msg_type": kind, "session": "test", "username": "", "version": "5.3", "date": ""}
    parts = [json.dumps(part).encode() for part in (header, {}, {}, content)]
    return serialize_msg_to_ws_v1([*parts, *buffers], channel)


def event(comm: str, name: str, value: Any = None, number: int = 1, buffers: tuple[bytes, ...] = ()) -> bytes:
    """An event for a widget, as a page sends it."""
    content = {"comm_id": comm, "data": {"method": "custom", "content": {"event": name, "value": value, "number": number}}}
    return message("comm_msg", content, buffers=buffers)
