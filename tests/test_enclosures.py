"""A process closed off for real: what it tries afterwards does not work, and where it cannot be closed off it says so."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from edgewb.targets import open_target
from edgewb.views.widgets.sandboxes import CLOSED, OPEN, SandboxTarget

ROOT = Path(__file__).parents[1]
FORBIDDEN = ["sh", "-c", 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"', "sh"]
"""In a namespace of one's own: none may be made below it, as on computers that allow users none."""


def allowed() -> bool:
    """Whether this computer lets a user have namespaces; asked of another program than ours."""
    unshare = shutil.which("unshare")
    return unshare is not None and subprocess.run([unshare, "-Urpnf", "true"], capture_output=True).returncode == 0


pytestmark = pytest.mark.skipif(not allowed(), reason="this system gives users no namespaces of their own")


def run(code: str, *before: str) -> str:
    """What a program prints that has imported both functions."""
    begun = "import ctypes, os, socket, sys\nfrom edgewb.enclosures import close_off, leave_files\n"
    command = [*before, sys.executable, "-c", begun + code]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=300, env=environment).stdout.strip()


TRY = """
def tried(action):
    try:
        return repr(action())
    except OSError as error:
        return type(error).__name__
"""


def test_without_network():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        code = (
            TRY
            + f"""
print(tried(lambda: socket.create_connection(("127.0.0.1", {listening.getsockname()[1]}), 5).fileno() > 0))
print(close_off())
print(tried(lambda: socket.create_connection(("127.0.0.1", {listening.getsockname()[1]}), 5)))
print([name for _, name in socket.if_nameindex()])
"""
        )
        assert run(code).splitlines() == ["True", "True", "OSError", "['lo']"]


def test_other_processes_cannot_be_seen_or_signalled():
    code = (
        TRY
        + f"""
print(tried(lambda: os.kill({os.getpid()}, 0)))
close_off()
print(os.getpid(), os.getppid(), tried(lambda: os.kill({os.getpid()}, 0)))
"""
    )
    assert run(code).splitlines() == ["None", "1 0 ProcessLookupError"]


def test_no_file_can_be_read_or_made_and_there_is_no_way_back():
    code = (
        TRY
        + """
close_off()
print(tried(lambda: len(os.listdir("/etc")) > 0), leave_files())
for action in (
    lambda: open("/etc/passwd"),
    lambda: open("../../../../etc/passwd"),
    lambda: os.listdir("/proc"),
    lambda: os.mkdir("way"),
    lambda: open("/new", "w"),
    lambda: os.chroot("."),
):
    print(tried(action))
print(ctypes.CDLL(None).unshare(0x10000000 | 0x00020000))
"""
    )
    missing = "FileNotFoundError"
    assert run(code).splitlines() == ["True True", missing, missing, missing, missing, missing, "PermissionError", "-1"]


def test_the_end_of_the_child_is_the_end_of_the_process():
    code = "import subprocess\nclose_off()\nsys.exit(7)"
    begun = "from edgewb.enclosures import close_off\nimport sys\n"
    ended = subprocess.run([sys.executable, "-c", begun + code], env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=300)
    assert ended.returncode == 7


def test_with_a_thread_or_where_it_is_forbidden_all_stays_as_it_was():
    started = "import threading, time\nthreading.Thread(target=time.sleep, args=(1,)).start()\nprint(close_off(), os.getpid() > 1)"
    assert run(started) == "False True"
    assert run("print(close_off(), len(os.listdir('/etc')) > 0)", "unshare", "-Ur", *FORBIDDEN) == "False True"


def test_a_visitors_model_answers_the_same_inside_and_the_page_says_what_is_closed(tflite_file):
    from edgewb.sampling import random_values

    with SandboxTarget() as target, open_target("cpu") as cpu:
        for name in ("float", "int8_conv"):
            for each in (target, cpu):
                each.load(tflite_file(name))
            given = [random_values(spec) for spec in cpu.inputs]
            assert (target.run(given)[0] == cpu.run(given)[0]).all()
            assert CLOSED in target.facts.notes[0]
        namespaces = Path(f"/proc/{target.process_id}/ns")
        assert (namespaces / "net").readlink() != Path("/proc/self/ns/net").readlink()
        assert Path(f"/proc/{target.process_id}/status").read_text().split("CapEff:")[1].split()[0].strip("0") == ""


def test_where_it_cannot_be_closed_off_the_page_says_what_is_not_limited(tflite_file):
    code = (
        "from edgewb.views.widgets.sandboxes import SandboxTarget\n"
        f"with SandboxTarget() as target:\n    target.load({str(tflite_file('int8_conv'))!r})\n    print(target.facts.notes[0])"
    )
    assert run(code, "unshare", "-Ur", *FORBIDDEN).endswith(OPEN)


@pytest.mark.parametrize("before", [[], ["unshare", "-Ur", *FORBIDDEN]], ids=["closed off", "not closed off"])
def test_it_ends_with_who_started_it_also_in_the_middle_of_a_call(before):
    closed = "from edgewb.enclosures import close_off\nimport time\nprint(close_off(), flush=True)\ntime.sleep(60)"
    code = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {closed!r}])"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    started = psutil.Popen([*before, sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True)
    assert started.stdout.readline() == f"{not before}\n"
    family = started.children(recursive=True)
    assert len(family) == (1 if before else 2)
    started.stdout.close()
    started.kill()
    started.wait(120)
    assert psutil.wait_procs(family, timeout=60)[1] == []
