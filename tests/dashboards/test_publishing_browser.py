"""The blocks of PUBLISHING.md at work: nginx and Caddy before the dashboards, a browser before them, and systemd's opinion of the unit."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from browsers import PATIENCE_MS, started_browser, wait_until
from dashboard_servers import running, write_notebook

pytestmark = pytest.mark.browser
ROOT = Path(__file__).parents[2]
NAME = "dashboards.example.org"
PATH = f"{os.environ.get('PATH', '')}:/usr/sbin"
BUTTON = '''
from edgewb.views.widgets.pages import Page, _environment
import jinja2
template = """{% extends "page.html.j2" %}{% block body %}<button data-click="add">Add</button>
<div data-region="main">{% block main %}<output>{{ count }}</output>{% endblock %}</div>{% endblock %}"""
_environment().loader = jinja2.ChoiceLoader([jinja2.DictLoader({"probe": template}), _environment().loader])

class Probe(Page):
    template, regions, name, count = "probe", ("main",), "explorer", 0
    def context(self): return {"count": self.count}
    def on_add(self, value, buffers): self.count += 1
'''


def block(language: str) -> str:
    """The one block of PUBLISHING.md in this language."""
    (found,) = re.findall(rf"```{language}\n(.*?)```", (ROOT / "PUBLISHING.md").read_text(), re.DOTALL)
    return str(found)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def program(name: str) -> str:
    """The path of a program, or a skip where it is not installed."""
    found = shutil.which(name, path=PATH)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[Callable[..., None]]:
    """Starts a proxy and waits until it listens."""
    started: list[subprocess.Popen[bytes]] = []

    def start(port: int, *command: str) -> None:
        environment = {**os.environ, "HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
        log = tmp_path / "proxy.log"
        with log.open("wb") as output:
            started.append(subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=output, stderr=output))
        deadline = time.monotonic() + 120
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                assert started[-1].poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.1)

    yield start
    for process in started:
        process.terminate()
        process.wait(120)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    yield from started_browser((f"--host-resolver-rules=MAP {NAME} 127.0.0.1", "--use-fake-ui-for-media-stream"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "notebooks"
    made.mkdir()
    write_notebook(made / "explorer.ipynb", BUTTON, "Probe()")
    return made


def visit(chromium: Any, server: Any, address: str) -> Any:
    """Through the proxy: gallery, dashboard, websocket, a click, and the kernel's end when the page is closed. Then the page again."""
    context = chromium.new_context(ignore_https_errors=True)
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
    page.goto(address)
    page.click("text=Trade-off explorer")
    page.wait_for_url("**/explorer")
    for expected in ("1", "2"):
        wait_until(page, "document.documentElement.dataset.connected === 'true'")
        page.click("text=Add")
        wait_until(page, f"document.querySelector('output').textContent === '{expected}'")
    kernel = page.get_attribute("main", "data-kernel")
    page.reload()
    server.wait_until(lambda: kernel not in server.kernels())
    wait_until(page, "document.documentElement.dataset.connected === 'true'")
    assert said == []
    return page


@pytest.mark.parametrize("base_url", ["/", "/dashboards/"])
def test_behind_nginx(base_url, chromium, folder, proxy, tmp_path):
    nginx, port = program("nginx"), free_port()
    with running(folder, hostnames=(NAME,), base_url=base_url) as server:
        site = block("nginx").replace("listen 80", f"listen 127.0.0.1:{port}").replace(":8866", f":{server.server.port}")
        site = site.replace("location /", f"location {base_url}")
        temporary = "".join(f"{kind}_temp_path {tmp_path}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        whole = f"daemon off; pid {tmp_path}/pid; error_log stderr; events {{}} http {{ access_log off; {temporary} {site} }}"
        (tmp_path / "nginx.conf").write_text(whole)
        proxy(port, nginx, "-c", str(tmp_path / "nginx.conf"), "-p", str(tmp_path), "-e", "stderr")
        page = visit(chromium, server, f"http://{NAME}:{port}{base_url}")
        assert page.evaluate("navigator.mediaDevices === undefined"), "no camera without HTTPS, as the page says"
        page.context.close()


def test_behind_caddy_with_https(chromium, folder, proxy, tmp_path):
    caddy, port = program("caddy"), free_port()
    with running(folder, hostnames=(NAME,), token="let-me-in-please") as server:
        site = (
            block("caddy").replace(f"{NAME} {{", f"https://{NAME}:{port} {{\n    tls internal").replace(":8866", f":{server.server.port}")
        )
        options = f"{{\n    admin off\n    skip_install_trust\n    auto_https disable_redirects\n    http_port {free_port()}\n}}\n"
        (tmp_path / "Caddyfile").write_text(options + site)
        proxy(port, caddy, "run", "--adapter", "caddyfile", "--config", str(tmp_path / "Caddyfile"))
        page = visit(chromium, server, f"https://{NAME}:{port}/?token=let-me-in-please")
        assert "token" not in page.url
        cookies = {cookie["name"]: cookie for cookie in page.context.cookies()}
        login = next(cookie for name, cookie in cookies.items() if name.startswith("username-"))
        assert (login["secure"], login["httpOnly"]) == (True, True)
        kind = "navigator.mediaDevices.getUserMedia({%s: true}).then((stream) => stream.getTracks()[0].kind, (error) => error.name)"
        page.context.grant_permissions(["camera", "microphone"])
        assert page.evaluate(kind % "video") == "video"
        assert page.evaluate(kind % "audio") == "NotAllowedError", "no page of ours may ask for the microphone"
        page.context.close()


def test_systemd_understands_the_unit(tmp_path):
    analyze = program("systemd-analyze")
    unit = block("ini").replace("/opt/edgewb/.venv/bin/edgewb", "/bin/true").replace("/etc/edgewb-dashboards.env", str(tmp_path / "env"))
    (tmp_path / "env").write_text("EDGEWB_DASHBOARD_TOKEN=let-me-in-please\n")
    (tmp_path / "edgewb-dashboards.service").write_text(unit)
    done = subprocess.run([analyze, "verify", str(tmp_path / "edgewb-dashboards.service")], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_command_lines_on_the_page_are_understood():
    from edgewb.cli.parsers import parser

    text = (ROOT / "PUBLISHING.md").read_text()
    commands = {line for line in re.findall(r"edgewb (dashboard(?: -[^`\n|]*)?)[`\n]", text) if "MAX" not in line}
    assert len(commands) >= 4
    for line in commands:
        assert parser().parse_args(line.split()).command == "dashboard"
