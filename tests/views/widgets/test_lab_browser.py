"""The same widgets in JupyterLab: a notebook opened, its cells run, the widget seen and answering."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browsers import Watched, started_browser, wait_until
from dashboard_servers import write_notebook

pytestmark = pytest.mark.browser
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The origin of a JupyterLab of its own, without the user's settings and without a token."""
    folder = tmp_path_factory.mktemp("lab")
    (folder / "notebooks").mkdir()
    write_notebook(folder / "notebooks" / "widget.ipynb", "from edgewb.views.widgets import Explorer", "explorer = Explorer()\nexplorer")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    places = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR", "EDGEWB_HOME", "JUPYTERLAB_WORKSPACES_DIR")
    environment = {**os.environ, **{name: str(folder / name.lower()) for name in places}, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}", "--ServerApp.port_retries=0",
               "--IdentityProvider.token=", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
               "--LabApp.news_url=", "--LabApp.expose_app_in_browser=True", str(folder / "notebooks")]  # fmt: skip
    with (folder / "log").open("wb") as log, subprocess.Popen(command, env=environment, stdout=log, stderr=log) as process:
        try:
            deadline = time.monotonic() + 120
            while True:
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/api", timeout=5).close()
                    break
                except OSError:
                    assert process.poll() is None, (folder / "log").read_text()
                    assert time.monotonic() < deadline, (folder / "log").read_text()
                    time.sleep(0.3)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(60)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    yield from started_browser()


def test_a_widget_is_drawn_in_jupyterlab_and_answers(lab, chromium):
    page = chromium.new_page(viewport={"width": 1366, "height": 900})
    watched = Watched(lab)
    watched.watch(page)
    page.goto(f"{lab}/lab/tree/widget.ipynb", timeout=120_000)
    page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=120_000)
    # What is run before JupyterLab has its kernel is lost.
    page.evaluate("""async () => { const panel = window.jupyterapp.shell.currentWidget;
        await panel.context.ready; await panel.sessionContext.ready; await panel.sessionContext.session.kernel.info;
        await window.jupyterapp.commands.execute('notebook:run-all-cells'); }""")
    widget = ".jp-OutputArea-output .edgewb[data-ready=true]"
    page.wait_for_selector(widget, timeout=120_000)
    assert page.inner_text(f"{widget} h1").strip()
    assert page.inner_text(f"{widget} [data-region=alert]") == ""
    assert page.evaluate(f"document.querySelector('{widget}').getBoundingClientRect().height") > 20
    # An event goes to the kernel and its answer comes back: one the widget does not know is said on the page.
    page.evaluate(f"""() => {{ const button = document.createElement('button'); button.dataset.click = 'nosuch';
        document.querySelector('{widget}').append(button); button.click(); button.remove(); }}""")
    wait_until(page, f"document.querySelector('{widget} [data-region=alert]').textContent.includes('this page knows')")
    assert watched.outside == []
    page.close()
