"""Checks of a computer on which somebody will work through the course: one small function each, each with an answer in a line."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import edgewb
from edgewb.bundles import bundled_model, bundled_studies, bundled_test_images
from edgewb.checkups import Case, Check, Status
from edgewb.checkups.cases import advised, ok, skipped
from edgewb.checkups.workplaces import disk, memory, python, training
from edgewb.doctor import Diagnosis
from edgewb.errors import EdgewbError, first_line

EXTRAS: Final = ("data", "runtimes", "views", "lab")
"""Of pyproject.toml: what the course needs where nothing is trained. ``train`` is looked at apart."""
PORTS: Final = (("JupyterLab", 8888), ("the dashboards", 8866))
"""Where they listen unless told otherwise; either takes the next free port."""
_KERNEL_SECONDS: Final = 60
_LAB_SECONDS: Final = 60
_SHOWN: Final = 4
_SETUP: Final = "Run `make setup` again in the clone, or install from the bundle (INSTALL.txt)."


@dataclasses.dataclass(frozen=True)
class Room:
    """What the checks are asked about: this computer, where the repository is, and what the doctor said.

    ``root`` is the folder with ``notebooks`` and ``constraints.txt``.
    """

    case: Case
    diagnosis: Diagnosis
    root: Path


def packages(room: Room) -> Check:
    """Are the packages of the course here, in the versions that were tried together?"""
    from edgewb.errors import require

    requirements = require("packaging.requirements", "lab", "to compare versions")
    names = require("packaging.utils", "lab", "to compare versions")
    pins = read_pins(room.root / "constraints.txt")
    missing, outside, other, same = [], [], [], 0
    for text in importlib.metadata.requires("edgewb") or ():
        wanted = requirements.Requirement(text)
        is_wanted = wanted.marker is None or any(wanted.marker.evaluate({"extra": extra}) for extra in EXTRAS)
        if wanted.name == "edgewb" or not is_wanted:
            continue
        found, pin = room.case.machine.version(wanted.name), pins.get(names.canonicalize_name(wanted.name))
        if found is None:
            missing.append(wanted.name)
        elif not wanted.specifier.contains(found, prereleases=True):
            outside.append(f"{wanted.name} {found} (wanted {wanted.specifier})")
        elif pin is not None and pin != found:
            other.append(f"{wanted.name} {found} (tried {pin})")
        else:
            same += 1
    if missing or outside:
        parts = [f"not installed: {_listed(missing)}"] * bool(missing) + [f"versions that do not fit: {_listed(outside)}"] * bool(outside)
        return advised(Status.ERROR, "; ".join(parts), _SETUP)
    if other:
        return advised(Status.WARNING, f"others than were tried together, which may do as well: {_listed(other)}", _SETUP)
    return ok(f"{same} packages" + (", in the versions that were tried together" if pins else "; no constraints.txt to hold them to"))


def kernel(room: Room) -> Check:
    """Does a Jupyter kernel start and answer?"""
    from edgewb.errors import require

    manager = require("jupyter_client.manager", "lab", "to start a kernel")
    start = time.monotonic()
    try:
        started, client = manager.start_new_kernel(
            startup_timeout=_KERNEL_SECONDS, kernel_name="python3", cwd=str(room.root), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
    except Exception as error:  # of many kinds, among them those of zmq and of the operating system
        return advised(
            Status.ERROR,
            f"no kernel started: {type(error).__name__}: {first_line(error)}",
            _SETUP,
            "A firewall that forbids programs to talk to themselves (127.0.0.1) does this, too: allow it for Python.",
        )
    try:
        asked = {"file": "__import__('edgewb').__file__"}
        content = client.execute("", user_expressions=asked, reply=True, timeout=_KERNEL_SECONDS)["content"]
        answer = content["user_expressions"]["file"]
    except Exception as error:
        return advised(
            Status.ERROR, f"a kernel started and did not answer: {type(error).__name__}: {first_line(error)}", "Run the same command again."
        )
    finally:
        client.stop_channels()
        started.shutdown_kernel(now=True)
    seconds = f"after {time.monotonic() - start:.1f} s"
    if answer["status"] != "ok":
        return advised(Status.ERROR, f"the kernel cannot import edgewb ({answer.get('ename')}: {answer.get('evalue')})", _SETUP)
    its = answer["data"]["text/plain"].strip("'\"")
    if Path(its) != Path(edgewb.__file__):
        return advised(
            Status.WARNING,
            f"the kernel 'python3' answers {seconds}, and works with another edgewb, at {its}",
            f"Make this one the kernel: `{sys.executable} -m ipykernel install --user --name python3`.",
        )
    return ok(f"it imported edgewb and answered {seconds}")


def jupyterlab(room: Room) -> Check:
    """Does JupyterLab start?"""
    del room
    try:
        done = subprocess.run(
            [sys.executable, "-m", "jupyterlab", "--version"], capture_output=True, text=True, timeout=_LAB_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return advised(Status.ERROR, f"no answer within {_LAB_SECONDS} s", "Run the same command again.")
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["no message"])[-1]
        return advised(Status.ERROR, f"it does not start: {said[:200]}", _SETUP)
    return ok(f"JupyterLab {done.stdout.strip()}")


def model(room: Room) -> Check:
    """Does a model run on this computer?"""
    del room
    from edgewb.accuracies import predict

    try:
        bundled, images = bundled_model("digits_cnn_int8"), bundled_test_images()
        start = time.perf_counter()
        right = int((predict(bundled.path, images.x).argmax(axis=1) == images.y).sum())
        seconds = time.perf_counter() - start
    except EdgewbError as error:
        return advised(Status.ERROR, f"none: {error}", _SETUP)
    if right < 0.9 * len(images.y):  # it is 99 % right; a little less would be another processor's rounding, this much is a fault
        return advised(
            Status.ERROR,
            f"the bundled digits model answers only {right} of {len(images.y)} images rightly",
            "The file or the interpreter is damaged: take both from the repository or the bundle again.",
        )
    return ok(f"the bundled digits model answered {right} of {len(images.y)} images rightly in {seconds:.2f} s (measured here)")


def figure(room: Room) -> Check:
    """Can a figure be drawn?"""
    del room
    from edgewb.views.plots import plot_loss

    try:
        study = bundled_studies()[0]
        plot_loss(study.records, budget_points=study.budget_points).to_json()
    except EdgewbError as error:
        return advised(Status.ERROR, f"none: {error}", _SETUP)
    return ok("a figure of the bundled study was made")


def notebooks(room: Room) -> Check:
    """Are the notebooks here?"""
    found = sorted((room.root / "notebooks").glob("[0-9][0-9]_*.ipynb"))
    if not found:
        return advised(
            Status.ERROR,
            f"none in {room.root / 'notebooks'}",
            "Clone the repository, or copy the folder of the bundle, and run it from there.",
        )
    return ok(f"{len(found)} notebook{'s' * (len(found) > 1)}; begin with {found[0].name}")


def ports(room: Room) -> Check:
    """Can programs on this computer talk to each other, and are the usual ports free?"""
    del room
    try:
        with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname(), timeout=5) as asking:
            asking.sendall(b"?")
            answering, _ = server.accept()
            with answering:
                heard = answering.recv(1)
    except OSError as error:
        heard, why = b"", f" ({error.strerror or error})"
    else:
        why = ""
    if heard != b"?":
        return advised(Status.ERROR, f"no connection from this computer to itself, 127.0.0.1{why}", "Allow it for Python in the firewall.")
    taken = [f"{port} ({name})" for name, port in PORTS if not _is_free(port)]
    if taken:
        return ok(f"connections work; {_listed(taken)} {'are' if len(taken) > 1 else 'is'} taken, the next free port will do")
    return ok(f"connections work; {_listed([f'{port} ({name})' for name, port in PORTS])} are free")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def edge_tpu(room: Room) -> Check:
    """Is there an Edge TPU? The course needs none."""
    case, checks = room.case, {check.id: check for check in room.diagnosis.checks}
    if not case.has_device:
        unseen = checks["usb_device"].status is Status.UNKNOWN
        return skipped(f"{'it cannot be told on this system' if unseen else 'none found'}; the notebooks need none")
    found = next(check for name in ("usb_device", "pcie_device") if (check := checks[name]).status is not Status.SKIPPED)
    wrong = [check for name, check in checks.items() if name in _DEVICE_CHECKS and check.status is Status.ERROR]
    if wrong:
        return advised(Status.WARNING, f"there is one, and it cannot be used yet: {wrong[0].message}", *wrong[0].fixes)
    return ok(found.message)


_DEVICE_CHECKS: Final = (
    "wsl", "usb_device", "pcie_device", "container", "usb_power", "libusb", "libedgetpu", "usb_permission", "pcie_permission", "busy",
    "interpreter_match", "runtime_version",
)  # fmt: skip


def compiler(room: Room) -> Check:
    """Is Google's compiler here? The course needs none."""
    found = next(check for check in room.diagnosis.checks if check.id == "compiler")
    if found.status is Status.OK:
        return ok(found.message)
    if found.status is Status.ERROR:
        return advised(Status.WARNING, found.message, *found.fixes)
    return skipped("none found; the notebooks predict what it would do, and say so")


def _of_doctor(check: Callable[[Case], Check]) -> Callable[[Room], Check]:
    def ask(room: Room) -> Check:
        return check(room.case)

    ask.__name__, ask.__doc__ = check.__name__, check.__doc__
    return ask


CHECKS: Final[tuple[Callable[[Room], Check], ...]] = (
    _of_doctor(python),
    packages,
    ports,
    kernel,
    jupyterlab,
    model,
    figure,
    notebooks,
    _of_doctor(training),
    _of_doctor(memory),
    _of_doctor(disk),
    edge_tpu,
    compiler,
)


def read_pins(path: Path) -> dict[str, str]:
    """Canonical package name -> version of a constraints file; nothing where there is none."""
    from packaging.utils import canonicalize_name

    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    pairs = (line.split("==") for line in lines if "==" in line and not line.startswith("#"))
    return {canonicalize_name(name): version.strip() for name, version in pairs}


def ask(check: Callable[[Room], Check], room: Room) -> Check:
    """One check's answer. What it did not foresee is an error, too: on other people's computers there is always something."""
    try:
        answer = check(room)
    except EdgewbError as error:
        answer = advised(Status.ERROR, str(error), _SETUP)
    except Exception as error:
        answer = advised(Status.ERROR, f"this check failed itself: {type(error).__name__}: {first_line(error)}", "Please report it.")
    title = " ".join((check.__doc__ or "").split())
    return dataclasses.replace(answer, id=check.__name__, title=title)


def _listed(names: Sequence[Any]) -> str:
    shown = ", ".join(map(str, names[:_SHOWN]))
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN} more"
