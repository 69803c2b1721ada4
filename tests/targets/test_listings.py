"""The list of targets."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from edgewb.targets import TARGETS, Availability, Kind
from edgewb.targets.interfaces import ListsDevices
from edgewb.targets.listings import list_targets, targets_text


def test_every_kind_is_listed_with_what_it_needs() -> None:
    found = list_targets()
    assert [target.name for target in found] == list(TARGETS)
    for target in found:
        assert (target.needs is not None) == TARGETS[target.name].needs_argument
        assert (target.available is None) == TARGETS[target.name].needs_argument
        assert target.form.startswith(target.name)
        if target.available is False:
            assert target.reason
    assert found[0].name == "cpu"
    assert found[0].available


def test_the_command() -> None:
    def run(*arguments: str) -> str:
        command = [sys.executable, "-m", "edgewb.cli", "targets", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=300).stdout

    listed = json.loads(run("--json"))["targets"]
    assert [target["name"] for target in listed] == list(TARGETS)
    text = run()
    assert all(target["form"] in text for target in listed)


class Accelerator:
    """Stands for the class of a target, as this module's Kind names it."""

    def __init__(self, argument: str | None = None, *, threads: int = 1, kernels: str = "xnnpack") -> None:
        self.argument = argument

    def available(self) -> Availability:
        return Availability(available=False, reason="no device", fix="plug one in")

    def devices(self) -> tuple[str, ...]:
        return ("usb:0", "pci:0")

    def __enter__(self) -> Accelerator:
        return self

    def __exit__(self, *exc: object) -> None: ...


def test_devices_reasons_and_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    sys.modules["listed_here"] = sys.modules[__name__]
    monkeypatch.setitem(TARGETS, "accelerator", Kind(home="listed_here:Accelerator", summary="an accelerator", argument="DEVICE"))
    monkeypatch.setitem(TARGETS, "recording", Kind(home="nowhere:None", summary="a recording", argument="FILE", needs_argument=True))
    assert isinstance(Accelerator(), ListsDevices)
    *_, accelerator, recording = list_targets()
    assert (accelerator.available, accelerator.reason, accelerator.fix) == (False, "no device", "plug one in")
    assert (accelerator.form, accelerator.devices) == ("accelerator[:DEVICE]", ("usb:0", "pci:0"))
    assert (recording.available, recording.needs, recording.form) == (None, "FILE", "recording:FILE")
    text = targets_text((accelerator, recording))
    assert "not available" in text
    assert "fix: plug one in" in text
    assert "found: usb:0, pci:0" in text
    assert "when named" in text
