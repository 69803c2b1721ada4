"""What a visitor's kernel is started with."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest
from dashboard_servers import running, write_notebook

from edgewb.dashboards import managers
from edgewb.dashboards.managers import KernelProgram, kernel_environment
from edgewb.dashboards.websockets import ENDED

ROOT = Path(__file__).parents[2]


def environment(**given: str) -> dict[str, str]:
    return kernel_environment(given, control=False, trusted=False, ipython=Path("profile"))


def test_nothing_secret_is_passed_on():
    secrets = {
        "EDGEWB_DASHBOARD_TOKEN": "t",
        "JUPYTER_TOKEN": "t",
        "JUPYTERHUB_API_TOKEN": "t",
        "AWS_SECRET_ACCESS_KEY": "s",
        "DATABASE_URL": "p",
        "SSH_AUTH_SOCK": "s",
        "SCRIPT_NAME": "s",
        "HTTP_COOKIE": "c",
        "EDGEWB_API_KEY": "k",
        "EDGEWB_DBPASS": "hunter2",
    }
    known = {"EDGEWB_DASHBOARD_CONTROL", "EDGEWB_DASHBOARD_MEMORY", "EDGEWB_DASHBOARD_TRUSTED", "IPYTHONDIR", "PYTHONPATH"}
    assert set(environment(**secrets)) == known


def test_where_things_are_is_passed_on():
    given = {
        "PATH": "p",
        "HOME": "h",
        "LANG": "C.UTF-8",
        "LC_ALL": "C",
        "TZ": "UTC",
        "EDGEWB_HOME": "e",
        "XDG_DATA_HOME": "x",
        "TMPDIR": "t",
    }
    assert given.items() <= environment(**given).items()


def test_a_kernel_finds_the_same_edgewb_from_its_own_folder():
    paths = environment(PYTHONPATH=os.pathsep.join(("", "relative", "/absolute")))["PYTHONPATH"].split(os.pathsep)
    assert paths == [str(ROOT), os.path.abspath("relative"), "/absolute"]


def test_what_visitors_may_is_the_servers_choice_not_the_environments():
    given = {"EDGEWB_DASHBOARD_CONTROL": "1", "EDGEWB_DASHBOARD_TRUSTED": "1"}
    told = kernel_environment(given, control=False, trusted=False, ipython=Path("p"))
    assert (told["EDGEWB_DASHBOARD_CONTROL"], told["EDGEWB_DASHBOARD_TRUSTED"]) == ("0", "0")
    told = kernel_environment({}, control=True, trusted=True, ipython=Path("p"))
    assert (told["EDGEWB_DASHBOARD_CONTROL"], told["EDGEWB_DASHBOARD_TRUSTED"]) == ("1", "1")


def test_the_kernel_is_this_python_whatever_else_is_installed_under_its_name():
    assert KernelProgram().get_kernel_spec("python3").argv[:3] == [sys.executable, "-m", "edgewb.dashboards.kernels"]


@pytest.mark.browser  # no browser, but a quarter of a minute
def test_kernels_nobody_needs_are_ended_and_one_that_is_looked_at_is_not(tmp_path, monkeypatch):
    for name in ("explorer", "other"):
        write_notebook(tmp_path / f"{name}.ipynb", "1")
    monkeypatch.setattr(managers.VisitorKernels, "lonely_s", 2.0)
    with running(tmp_path, idle_s=4.0, pool=1) as server:
        server.wait_until(lambda: server.server.visits.pool.ready("explorer") == 1)
        waiting = server.inside(lambda: server.server.visits.pool._ready["explorer"][0].kernel_id)
        left = server.get("/other")

        async def run() -> float:
            looked_at, idle = server.get("/other").kernel, server.get("/other").kernel
            first, second = await server.connect(looked_at), await server.connect(idle)
            start = asyncio.get_running_loop().time()
            while idle in server.kernels():
                await first.write_message("looked at")
                await asyncio.sleep(0.5)
                assert asyncio.get_running_loop().time() - start < 120
            assert left.kernel not in server.kernels()
            assert looked_at in server.kernels()
            assert await asyncio.wait_for(second.read_message(), 60) is None
            assert second.close_code == ENDED
            first.close()
            server.wait_until(lambda: looked_at not in server.kernels())
            return asyncio.get_running_loop().time() - start

        asyncio.run(run())
        assert waiting in server.kernels(), "what waits for a visitor is not idle"
