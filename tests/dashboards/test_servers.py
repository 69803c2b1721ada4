"""The server without a browser: what it answers, what it refuses, and whom it lets talk to a kernel."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import os
import re
import socket
import time
from pathlib import Path
from typing import Any

import pytest
from dashboard_servers import Running, event, message, running, write_notebook
from tornado.httpclient import HTTPClientError
from tornado.websocket import WebSocketClientConnection, WebSocketClosedError

from edgewb.dashboards import pools
from edgewb.dashboards.kernels import MEMORY_BYTES
from edgewb.dashboards.visits import BYTES_PER_SANDBOX, BYTES_PER_VISITOR, BYTES_WAITING, free_bytes, pages_that_fit, visitors_that_fit
from edgewb.dashboards.websockets import ENDED, MAX_CONNECTIONS, MAX_MESSAGE_BYTES, PageConnection
from edgewb.errors import InputError

ROOT = Path(__file__).parents[2]
TOKEN = "let-me-in-please"
PROBE = """
import os, sys
from edgewb.views.widgets.pages import Page, _environment
from edgewb.errors import InputError
import jinja2
main = '<div data-region="main">{% block main %}{{ said }}{% endblock %}</div>'
template = '{% extends "page.html.j2" %}{% block body %}' + main + '{% endblock %}'
_environment().loader = jinja2.ChoiceLoader([jinja2.DictLoader({"probe": template}), _environment().loader])
secret_in_the_source = 1

class Probe(Page):
    template, regions, name, said = "probe", ("main",), "explorer", "ready"
    def context(self): return {"said": self.said}
    def on_say(self, value, buffers): self.said = value
    def on_fail(self, value, buffers): raise ZeroDivisionError(os.getcwd())
    def on_print(self, value, buffers): print("printed in", os.getcwd(), flush=True)
    def on_environment(self, value, buffers): self.said = "|".join(sorted(os.environ))
    def on_limit(self, value, buffers): import resource; self.said = str(resource.getrlimit(resource.RLIMIT_DATA)[0])
    def on_take(self, value, buffers): self.said = "has " + str(len(bytearray(int(value))))
    kept = []
    def on_fill(self, value, buffers):
        try:
            while True: self.kept.append(bytearray(b"x") * 2**20)
        except MemoryError: self.said = "full"
    def on_temporary(self, value, buffers): import tempfile; self.said = tempfile.mkstemp()[1]
    def on_break(self, value, buffers): os.abort()
    def on_modules(self, value, buffers): self.said = str("debugpy.server" in sys.modules)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("notebooks")
    write_notebook(made / "explorer.ipynb", PROBE, "Probe()")
    write_notebook(made / "failing.ipynb", "secret = 'in the source'", "1 / 0")
    return made


@pytest.fixture(scope="module")
def server(folder: Path) -> Any:
    os.environ["EDGEWB_DASHBOARD_TOKEN"] = "secret-of-the-server"
    try:
        with running(folder) as started:
            yield started
    finally:
        del os.environ["EDGEWB_DASHBOARD_TOKEN"]


@pytest.fixture(scope="module")
def page(server: Running) -> Any:
    return server.get("/explorer")


def test_the_gallery_lists_the_dashboards_with_relative_links(server):
    answer = server.get("/")
    assert answer.status == 200
    assert re.findall(r'<a href="(\w+)">', answer.body) == ["explorer", "inspector", "live"]
    assert "Which variant of a model should I take?" in answer.body
    assert not re.search(r'(src|href)="(https?:|/)', answer.body)


def test_a_dashboard_holds_what_the_widget_drew_and_no_source(page):
    assert page.status == 200
    assert '<div data-region="main">ready</div>' in page.body
    assert "secret_in_the_source" not in page.body
    assert "Probe()" not in page.body
    assert not re.search(r'(src|href)="(https?:|/)', page.body)


def test_a_notebook_that_fails_says_so_without_a_traceback(server, folder, caplog):
    answer = server.get("/failing")
    assert "This dashboard could not start. The server's log says why." in answer.body
    for leaked in ("ZeroDivisionError", "Traceback", "division", "in the source", str(folder), str(ROOT)):
        assert leaked not in answer.body
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize(
    "path",
    ["/voila/tree", "/voila/tree/", "/voila/files/explorer.ipynb", "/voila/api/contents/", "/voila/api/contents/explorer.ipynb",
     "/voila/render/explorer.ipynb", "/voila/execution/1", "/voila/static/voila.js", "/voila/templates/lab/static/voila.js",
     "/voila/labextensions/x", "/voila/api/themes/x", "/api/kernels", "/api/contents", "/api/status", "/api/me", "/explorer.ipynb",
     "/explorer/", "/edgewb/static/../servers.py", "/edgewb/static/%2e%2e/servers.py", "/edgewb/static/nosuch.js", "/edgewb/static/",
     "/edgewb/widgets/nosuch.js", "/edgewb/widgets/explorer.py", "/nosuch", "/a/b/c", "/%00", "/kernels/", "/kernels/x",
     "/kernels/00000000-0000-0000-0000-000000000000"],
)  # fmt: skip
def test_every_other_address_is_not_there(server, path):
    answer = server.get(path)
    assert answer.status == 404
    for leaked in ("Traceback", "tornado", "voila", "jupyter", str(ROOT), "/tmp"):
        assert leaked not in answer.body.replace(path, "")


@pytest.mark.parametrize("path", ["/", "/nosuch", "/explorer", "/edgewb/static/host.js", "/edgewb/widgets/explorer.js", "/a/b"])
def test_every_answer_carries_the_strict_headers(server, page, path):
    headers = page.headers if path == "/explorer" else server.get(path).headers
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == policy["style-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert "camera=(self), microphone=()" in headers["Permissions-Policy"]
    assert headers["Server"] is None


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods_are_refused(server, method):
    for path in ("/", "/explorer", "/nosuch"):
        answer = server.get(path, method=method, data=b"" if method in ("POST", "PUT", "PATCH") else None)
        assert answer.status in (403, 404, 405)
        assert "Traceback" not in answer.body


def test_a_large_request_is_refused(server):
    with contextlib.suppress(OSError):  # the connection is cut while the rest is still on its way
        assert server.get("/login", method="POST", data=b"x" * 2**20).status in (400, 413)


def test_scripts_are_sent_once_and_then_only_compared(server):
    first = server.get("/edgewb/widgets/explorer.js")
    assert first.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert server.get("/edgewb/widgets/explorer.js", If_None_Match=first.headers["Etag"]).status == 304


def test_a_local_server_answers_to_its_own_name_only(server, folder):
    assert server.get("/", Host="evil.example").status == 403
    assert server.get("/explorer", Host="evil.example:80").status == 403
    assert server.get("/", Host="localhost").status == 200
    with running(folder, hostnames=("demo.example",)) as known:
        assert known.get("/", Host="demo.example").status == 200
        assert known.get("/", Host="evil.example").status == 403
        assert known.server.kernel_manager.environment["EDGEWB_DASHBOARD_CONTROL"] == "0"
    with running(folder, hostnames=("*",), base_url="/under/this/") as any_name:
        assert any_name.get("/under/this/", Host="evil.example").status == 200
        assert any_name.get("/").status == 404
        assert any_name.get("/under/this").headers["Location"] == "this/"
        assert any_name.server.address("live") == f"{any_name.origin}/under/this/live"
    with running(folder, ip="0.0.0.0") as everywhere:
        assert everywhere.get("/", Host="my-laptop.local").status == 200
        assert everywhere.server.kernel_manager.environment["EDGEWB_DASHBOARD_CONTROL"] == "0"
    assert server.server.kernel_manager.environment["EDGEWB_DASHBOARD_CONTROL"] == "1"


def test_nobody_gets_a_cookie_with_a_name_where_no_token_is_asked_for(page):
    cookies = page.headers.get_all("Set-Cookie")
    assert [cookie.split("=")[0] for cookie in cookies] == ["_edgewb"]
    assert "HttpOnly" in cookies[0]


def cookies_of(answer: Any) -> str:
    return "; ".join(cookie.split(";")[0] for cookie in answer.headers.get_all("Set-Cookie") or ())


def closing(server: Running, answer: Any, **headers: str) -> int:
    """The status of what a page sends when it is closed."""
    token = re.search(r'data-xsrf="([^"]+)"', answer.body)[1]
    return server.get(f"/kernels/{answer.kernel}", "POST", f"_xsrf={token}".encode(), Cookie=cookies_of(answer), **headers).status


def test_a_closed_page_ends_its_kernel_and_nobody_else_can(server):
    answer = server.get("/explorer")
    process = server.process(answer.kernel)
    assert server.get(f"/kernels/{answer.kernel}").status == 204
    assert server.get(f"/kernels/{answer.kernel}", "POST", b"").status == 403
    assert server.get(f"/kernels/{answer.kernel}", "POST", b"_xsrf=guessed", Cookie=cookies_of(answer)).status == 403
    assert closing(server, answer, Origin="http://evil.example") in (403, 404)
    assert answer.kernel in server.kernels()
    assert closing(server, answer) == 204
    assert answer.kernel not in server.kernels()
    server.wait_until(lambda: not process.is_running())
    assert server.get(f"/kernels/{answer.kernel}").status == closing(server, answer) == 404


async def answer_to(connection: WebSocketClientConnection) -> bytes | None:
    return await asyncio.wait_for(connection.read_message(), 60)


async def said(connection: WebSocketClientConnection) -> str:
    """Messages up to the one that says an event is done."""
    text = ""
    while '"done"' not in text:
        received = await answer_to(connection)
        assert received is not None, "disconnected"
        text += received.decode("utf-8", "replace")
    return text


FORBIDDEN = {
    "execute_request": {
        "code": "open('executed', 'w')",
        "silent": False,
        "store_history": False,
        "user_expressions": {},
        "allow_stdin": True,
    },
    "input_reply": {"value": "x"},
    "debug_request": {"type": "request", "seq": 1, "command": "initialize", "arguments": {}},
    "comm_open": {"comm_id": "mine", "target_name": "jupyter.widget", "data": {"state": {}}},
    "shutdown_request": {"restart": False},
    "interrupt_request": {},
    "complete_request": {"code": "open", "cursor_pos": 4},
    "kernel_info_request": {},
}


def test_a_visitor_can_send_events_and_nothing_else(server, page, folder):
    async def run() -> None:
        connection = await server.connect(page.kernel)
        for kind, content in FORBIDDEN.items():
            for channel in ("shell", "control", "stdin"):
                await connection.write_message(message(kind, content, channel), binary=True)
        update = {"comm_id": page.comm, "data": {"method": "update", "state": {"markup": "overwritten"}, "buffer_paths": []}}
        await connection.write_message(message("comm_msg", update), binary=True)
        for noise in (b"", b"\xff" * 100, (2**40).to_bytes(8, "little") + b"\x00" * 64):
            await connection.write_message(noise, binary=True)
        await connection.write_message("text says: somebody looks")
        await connection.write_message(event(page.comm, "say", "<b>words</b>"), binary=True)
        text = await said(connection)
        assert "&lt;b&gt;words&lt;/b&gt;" in text
        assert "overwritten" not in text
        assert '"comm_msg"' in text
        for kind in ("execute_reply", "kernel_info_reply", "complete_reply", "debug_reply", "execute_input", "error", "stream"):
            assert kind not in text
        connection.close()

    asyncio.run(run())
    assert not (folder / "executed").exists()
    assert page.kernel in server.kernels()


def test_what_a_kernel_prints_and_where_it_breaks_is_for_the_server_alone(server, page, caplog):
    async def run() -> str:
        connection = await server.connect(page.kernel)
        for name in ("print", "fail"):
            await connection.write_message(event(page.comm, name), binary=True)
        text = await said(connection) + await said(connection)
        while "printed in" not in caplog.text or "Traceback" not in caplog.text:  # its log may come later
            await asyncio.sleep(0.02)
        connection.close()
        return text

    text = asyncio.run(asyncio.wait_for(run(), 120))
    assert "something went wrong here (ZeroDivisionError)" in text
    for leaked in (str(ROOT), "/tmp", "Traceback", "printed in"):
        assert leaked not in text
    assert "printed in" in caplog.text
    assert "Traceback" in caplog.text


def test_a_kernel_knows_no_secret_and_has_a_limit_to_its_memory_and_no_debugger(server, page):
    async def run() -> tuple[str, ...]:
        connection = await server.connect(page.kernel)
        texts = []
        for name in ("environment", "limit", "modules"):
            await connection.write_message(event(page.comm, name), binary=True)
            texts.append(await said(connection))
        connection.close()
        return tuple(texts)

    environment, limit, modules = asyncio.run(run())
    assert "EDGEWB_DASHBOARD_CONTROL|" in environment
    assert "TOKEN" not in environment
    assert str(2 * 2**30) in limit
    assert ">False<" not in limit
    assert "False" in modules


def test_a_message_too_large_and_a_flood_are_cut_off(server):
    async def run() -> None:
        answer = server.get("/explorer")
        connection = await server.connect(answer.kernel)
        with contextlib.suppress(WebSocketClosedError):  # it may be cut off before all of it is written
            await connection.write_message(event(answer.comm, "say", "", buffers=(b"\x00" * (MAX_MESSAGE_BYTES + 1),)), binary=True)
        while await answer_to(connection) is not None:
            pass
        assert connection.close_code in (1009, None)
        connection = await server.connect(answer.kernel)
        await connection.write_message(event(answer.comm, "say", "here"), binary=True)
        await said(connection)
        part = event(answer.comm, "say", "", buffers=(b"\x00" * (MAX_MESSAGE_BYTES - 10_000),))
        stopped = server.process(answer.kernel)
        stopped.suspend()  # it answers nothing
        with contextlib.suppress(WebSocketClosedError):
            for _ in range(20):
                await connection.write_message(part, binary=True)
        while await answer_to(connection) is not None:
            pass
        stopped.resume()
        assert connection.close_code == 1008

    asyncio.run(run())


def test_a_page_has_few_connections_and_the_first_go_on(server):
    async def run() -> None:
        answer = server.get("/explorer")
        connections = [await server.connect(answer.kernel, str(i)) for i in range(MAX_CONNECTIONS)]  # sessions test0, test1, ...
        await connections[0].write_message(event(answer.comm, "say", "here"), binary=True)
        await said(connections[0])
        another = await server.connect(answer.kernel, "x")
        while await answer_to(another) is not None:
            pass
        assert another.close_code == 1008
        counted = server.server.kernel_manager._kernel_connections
        server.wait_until(lambda: server.inside(lambda: counted[answer.kernel]) == MAX_CONNECTIONS)
        await connections[1].write_message(event(answer.comm, "say", "still here"), binary=True)
        await said(connections[1])
        for connection in connections:
            connection.close()

    asyncio.run(run())


def refused(server: Running, kernel: str, **options: Any) -> int:
    """The status with which a websocket is refused."""

    async def run() -> int:
        try:
            connection = await server.connect(kernel, **options)
        except HTTPClientError as error:
            return error.code
        connection.close()
        return 101

    return asyncio.run(run())


def test_a_websocket_from_another_site_or_to_no_kernel_is_refused(server, page):
    assert refused(server, page.kernel) == 101
    assert refused(server, page.kernel, Origin=server.origin) == 101
    assert refused(server, page.kernel, Origin="http://evil.example") == 403
    assert refused(server, page.kernel, Origin="null") == 403
    assert refused(server, page.kernel, Host="evil.example", Origin="http://evil.example") == 403
    assert refused(server, page.kernel, protocol="another") == 400
    assert refused(server, "00000000-0000-0000-0000-000000000000") == 404


def test_a_kernel_that_dies_ends_its_connection_with_a_reason(server):
    async def run() -> int | None:
        answer = server.get("/explorer")
        connection = await server.connect(answer.kernel)
        await connection.write_message(event(answer.comm, "say", "here"), binary=True)
        await said(connection)
        server.process(answer.kernel).kill()
        while await answer_to(connection) is not None:
            pass
        server.wait_until(lambda: answer.kernel not in server.kernels())
        return connection.close_code

    assert asyncio.run(run()) == ENDED


def test_with_a_token_nothing_is_shown_without_it(folder):
    with running(folder, token=TOKEN) as server:
        for path in ("/", "/explorer"):
            answer = server.get(path)
            assert (answer.status, answer.headers["Location"]) == (302, f"login?next=%2F{path[1:]}")
        assert server.get("/kernels/00000000-0000-0000-0000-000000000000").status == 302
        assert server.kernels() == []
        form = server.get("/login?next=%2Fexplorer")
        assert 'action="login?next=explorer"' in form.body
        assert TOKEN not in form.body
        xsrf = re.search(r'name="_xsrf" value="([^"]+)"', form.body)[1]

        def send(password: str, cookie: str = cookies_of(form), after: str = "explorer") -> Any:
            return server.get(f"/login?next={after}", "POST", f"_xsrf={xsrf}&password={password}".encode(), Cookie=cookie)

        assert send("wrong-token").status == 401
        assert "That is not the token." in send("wrong-token").body
        assert send(TOKEN, cookie="").status == 403
        for after in ("http://evil.example", "//evil.example/nosuch", "/a/nosuch", "%0d%0aX: y"):
            assert send(TOKEN, after=after.replace(" ", "%20")).headers["Location"] == "./"
        inside = send(TOKEN)
        assert (inside.status, inside.headers["Location"]) == (302, "explorer")
        cookie = cookies_of(inside)
        assert "HttpOnly" in inside.headers["Set-Cookie"]
        assert TOKEN not in cookie

        by_link = server.get(f"/explorer?token={TOKEN}")
        assert (by_link.status, by_link.headers["Location"]) == (302, "explorer"), "the token does not stay in the address bar"
        assert server.get("/explorer?token=wrong-token-here").status == 302
        answer = server.get("/explorer", Cookie=cookies_of(by_link))
        assert answer.status == 200
        assert TOKEN not in answer.body
        assert refused(server, answer.kernel) == 403
        assert refused(server, answer.kernel, Cookie="username=guessed") == 403
        assert refused(server, answer.kernel, Cookie=cookie) == 101
        assert refused(server, answer.kernel, query=f"&token={TOKEN}") == 101
        assert refused(server, answer.kernel, Cookie=cookie, Origin="http://evil.example") == 403
        environment = server.process(answer.kernel).environ()
        assert TOKEN not in "".join(environment.values())


def test_who_come_at_the_same_moment_do_not_take_more_places_than_there_are(folder):
    with running(folder, visitors=2) as server, concurrent.futures.ThreadPoolExecutor(8) as visitors:
        answers = list(visitors.map(lambda _: server.get("/explorer").status, range(8)))
        assert sorted(answers) == [200] * 2 + [503] * 6
        assert len(server.kernels()) == 2


def test_there_are_places_for_so_many_and_then_a_page_that_says_when_to_come_again(folder, monkeypatch):
    with running(folder, visitors=1) as server:
        first = server.get("/explorer")
        full = server.get("/explorer")
        assert full.status == 503
        assert full.headers["Retry-After"] == "20"
        assert "All places are taken" in full.body
        assert "in about 1 minute at the latest" in full.body, "nobody has connected: such a kernel is kept for a minute"
        assert full.headers["Refresh"] == "20", "who waits is let in without doing anything"
        assert len(server.kernels()) == 1
        assert closing(server, first) == 204
        assert server.get("/explorer").status == 200


def test_a_page_that_never_came_to_life_gives_its_place_to_the_next_visitor_and_one_that_lost_its_connection_does_not(folder, monkeypatch):
    with running(folder, visitors=1) as server:
        first = server.get("/explorer")
        assert server.get("/explorer").status == 503, "it may still be loading"
        monkeypatch.setattr(pools, "GIVEN_UP_S", 0.5)
        server.wait_until(lambda: server.get("/explorer").status == 200)
        assert first.kernel not in server.kernels()
        (second,) = server.kernels()

        async def look() -> None:
            (await server.connect(second)).close()

        asyncio.run(look())
        time.sleep(0.7)
        assert server.get("/explorer").status == 503
        assert server.kernels() == [second]


def test_what_a_kernel_leaves_in_the_folder_for_temporary_files_goes_with_it(folder):
    with running(folder) as server:
        answer = server.get("/explorer")

        async def told() -> str:
            connection = await server.connect(answer.kernel)
            await connection.write_message(event(answer.comm, "temporary"), binary=True)
            try:
                return await said(connection)
            finally:
                connection.close()
                await answer_to(connection)  # closed at both ends

        text = asyncio.run(told())
        files = Path(server.server.connection_dir) / "files" / answer.kernel
        assert str(files) in text
        assert list(files.iterdir())
        assert files.stat().st_mode & 0o077 == 0
        server.wait_until(lambda: answer.kernel not in PageConnection.open_ones)
        assert closing(server, answer) == 204
        assert not files.exists()


def test_a_kernel_that_is_still_being_started_is_not_idle(folder, caplog):
    with running(folder, idle_s=4.0) as server:
        manager = server.server.kernel_manager

        async def cull() -> None:
            starting = asyncio.ensure_future(manager.start_kernel(kernel_name="python3", path=""))
            while not manager.list_kernel_ids():
                await asyncio.sleep(0)
            await manager.cull_kernels()
            assert not starting.done()
            await starting

        asyncio.run_coroutine_threadsafe(cull(), server.loop).result(30)
        assert len(server.kernels()) == 1
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize(
    ("available", "visitors", "forked", "pages"),
    [
        (24 * 10**9, 100, True, 12),
        (24 * 10**9, 5, True, 5),
        (4 * 10**9, 11, True, 4),
        (2 * 10**9, 5, True, 2),
        (5 * 10**8, 1, True, 1),
        (0, 1, True, 1),
        (24 * 10**9, 100, False, 1),
    ],
)
def test_as_many_pages_are_kept_ready_as_memory_and_visitors_allow(available, visitors, forked, pages):
    assert pages_that_fit(available, 3, visitors, forked) == pages
    assert pages == 1 or 3 * pages * BYTES_WAITING <= available / 8


def test_by_itself_the_server_reckons_how_many_pages_it_keeps_ready(folder):
    with running(folder, pool=None, visitors=3) as server:
        server.wait_until(lambda: server.inside(lambda: server.server.visits.pool.ready("explorer")) == 3)
        answer = server.get("/explorer")
        assert server.inside(lambda: server.server.visits.here) == 1
        asyncio.run(seen(server, answer))
        server.wait_until(lambda: not server.inside(lambda: server.server.visits.pool._tasks))
        assert server.inside(lambda: server.server.visits.pool.ready("explorer")) == 2, "as many as may still come"


async def seen(server: Running, answer: Any) -> None:
    """As a browser does that shows the page."""
    (await server.connect(answer.kernel)).close()


def test_a_server_that_ends_leaves_no_kernel_and_no_file(folder):
    with running(folder, pool=1) as server:
        server.wait_until(lambda: len(server.kernels()) == 2)
        answer = server.get("/explorer")
        processes = [server.process(kernel) for kernel in server.kernels()]
        files = Path(server.server.connection_dir)
        assert files.stat().st_mode & 0o077 == 0
        assert answer.status == 200
    assert not files.exists()
    assert not [process for process in processes if process.is_running()]


def test_a_port_that_is_taken_means_the_next_and_none_is_an_error(folder):
    with running(folder) as first, running(folder, port=first.server.port) as second:
        assert first.server.port < second.server.port < first.server.port + 20
    with pytest.raises(InputError, match=r"cannot listen on '203.0.113.7', port 8866: .*; give another --ip or --port"), \
            running(folder, ip="203.0.113.7", port=8866):  # fmt: skip
        pass


def test_all_ports_taken_is_said(folder, monkeypatch):
    import edgewb.dashboards.servers as servers

    monkeypatch.setattr(servers, "_PORTS_TRIED", 1)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=f"port {port} and the 0 after it are taken"), running(folder, port=port):
            pass


@pytest.mark.parametrize(
    ("available", "trusted", "visitors"),
    [
        (0, False, 1),
        (-5, False, 1),
        (8 * 10**9, False, 23),
        (8 * 10**9, True, 6),
        (200 * 10**9, False, 100),
    ],
)
def test_as_many_visitors_as_have_room_if_each_takes_what_he_may(available, trusted, visitors):
    assert visitors_that_fit(available, trusted) == visitors
    assert visitors == 1 or visitors == 100 or visitors * (BYTES_PER_VISITOR + trusted * BYTES_PER_SANDBOX) <= 0.75 * available


@pytest.mark.parametrize(("limit", "free"), [("1000000", 400_000), ("100", 0), ("max", None), ("", None)])
def test_memory_is_counted_by_the_servers_own_share(tmp_path, limit, free):
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text("1:cpu:/elsewhere\n0::/system.slice/edgewb.service\n")
    group = tmp_path / "sys/fs/cgroup/system.slice/edgewb.service"
    group.mkdir(parents=True)
    (group / "memory.max").write_text(limit)
    (group / "memory.current").write_text("600000")
    if free is None:
        assert free_bytes(tmp_path) > 10**8
    else:
        assert free_bytes(tmp_path) == free
    assert free_bytes(tmp_path / "nothing there") > 10**8


def test_who_wants_more_memory_than_he_may_take_is_told_so_and_the_others_go_on(folder):
    with running(folder, hostnames=("*",)) as server:

        async def run() -> None:
            first, second = server.get("/explorer"), server.get("/explorer")
            greedy, modest = await server.connect(first.kernel), await server.connect(second.kernel)
            await greedy.write_message(event(first.comm, "limit"), binary=True)
            assert str(MEMORY_BYTES) in await said(greedy)
            await greedy.write_message(event(first.comm, "take", 2**29), binary=True)
            assert "that needs more memory than this page may take" in await said(greedy)
            await greedy.write_message(event(first.comm, "take", 128 * 2**20), binary=True)
            assert f"has {128 * 2**20}" in await said(greedy), "two models of the largest size have room, and the page goes on"
            await greedy.write_message(event(first.comm, "break"), binary=True)  # as a library does that finds no memory
            await modest.write_message(event(second.comm, "say", "not disturbed"), binary=True)
            assert "not disturbed" in await said(modest)
            while await answer_to(greedy) is not None:
                pass
            assert (greedy.close_code, greedy.close_reason) == (ENDED, "the kernel has died")
            await modest.write_message(event(second.comm, "say", "not yet either"), binary=True)
            assert "not yet either" in await said(modest)
            modest.close()

        asyncio.run(run())


def test_a_kernel_at_its_limit_has_no_more_than_is_reckoned_for_it(folder):
    with running(folder, hostnames=("*",)) as server:

        async def run() -> float:
            page = server.get("/explorer")
            connection = await server.connect(page.kernel)
            await connection.write_message(event(page.comm, "fill"), binary=True)
            await said(connection)
            memory = server.process(page.kernel).memory_full_info()
            connection.close()
            return float(memory.uss)

        taken = asyncio.run(run())
        assert 0.6 * BYTES_PER_VISITOR < taken < BYTES_PER_VISITOR
