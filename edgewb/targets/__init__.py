"""Targets, on which models run. Each has a module of its own and offers the same four methods."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from edgewb.errors import InputError, unknown_name
from edgewb.targets.interfaces import (
    Availability,
    Converts,
    CountsCalls,
    InChild,
    ListsDevices,
    Resets,
    RunsElsewhere,
    Target,
    TensorSpec,
    TimesItself,
)

__all__ = [
    "TARGETS",
    "Availability",
    "Converts",
    "CountsCalls",
    "InChild",
    "Kind",
    "ListsDevices",
    "Resets",
    "RunsElsewhere",
    "Target",
    "TensorSpec",
    "TimesItself",
    "check_different",
    "form",
    "identify_target",
    "label_targets",
    "open_target",
    "split_list",
    "split_target",
    "target_form",
    "without_address",
]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of target: where its class stands, what it is, and what may or must follow its name and a colon."""

    home: str
    summary: str
    argument: str | None = None
    needs_argument: bool = False


TARGETS: dict[str, Kind] = {
    "cpu": Kind(home="edgewb.targets.cpu:CpuTarget", summary="this computer's processor, through LiteRT", argument="KERNELS"),
    "onnxruntime": Kind(
        home="edgewb.targets.onnxruntime:OnnxRuntimeTarget", summary="ONNX Runtime, on the model converted to ONNX", argument="PROVIDER"
    ),
    "openvino": Kind(home="edgewb.targets.openvino:OpenVinoTarget", summary="OpenVINO, on the .tflite itself", argument="DEVICE"),
    "edgetpu": Kind(home="edgewb.targets.edgetpu:EdgeTpuTarget", summary="a Coral Edge TPU, USB or PCIe", argument="DEVICE"),
    "ssh": Kind(
        home="edgewb.targets.ssh:SshTarget",
        summary="another computer, over ssh: its processor, or its Edge TPU for a compiled file",
        argument="user@host[:port]",
        needs_argument=True,
    ),
    "replay": Kind(
        home="edgewb.targets.replay:ReplayTarget",
        summary="what `edgewb measure --record` wrote of a device, without the device",
        argument="FILE",
        needs_argument=True,
    ),
    "simulated": Kind(
        home="edgewb.targets.simulated:SimulatedTarget",
        summary="the int8 source on this processor, at the pace estimated for an Edge TPU",
        argument="HOST",
    ),
}
"""By the name one types; nothing is imported before a target is opened."""
_MEANT = {**dict.fromkeys(("tpu", "coral", "usb", "pci"), "edgetpu"), **dict.fromkeys(("onnx", "ort"), "onnxruntime"), "litert": "cpu"}


def split_target(given: str) -> tuple[str, str | None]:
    """``"edgetpu:usb:0"`` is the target "edgetpu" with the argument "usb:0"; the argument is None where none is given.

    Raises:
        InputError: an unknown target, or an argument missing or not wanted.
    """
    name, colon, rest = str(given).partition(":")
    if name not in TARGETS:
        meant = _MEANT.get(name.lower(), name.lower())
        if meant in TARGETS:
            raise InputError(f"unknown target {name!r}: did you mean {form(meant)!r}? known: {', '.join(_forms())}")
        raise unknown_name("target", name, _forms())
    kind, argument = TARGETS[name], rest if colon else None
    if colon and not rest:
        raise InputError(f"target {given!r} ends with a colon: write it as {form(name)}")
    if argument is not None and kind.argument is None:
        raise InputError(f"target {given!r}: {name!r} takes nothing after a colon: write it as {name}")
    if argument is None and kind.needs_argument:
        raise InputError(f"target {given!r} is incomplete: write it as {form(name)}")
    return name, argument


def split_list(given: str) -> list[str]:
    """``"cpu:builtin, replay:a,b.jsonl"`` is the targets "cpu:builtin" and "replay:a,b.jsonl".

    A comma within the name of a file does not divide, unless the name of a target stands behind it. Nothing is checked here.
    """
    found: list[str] = []
    for part in given.split(","):
        before = found[-1].partition(":")[0] if found else ""
        takes_file = before in TARGETS and TARGETS[before].argument == "FILE" and ":" in found[-1]
        if takes_file and part.strip().partition(":")[0] not in TARGETS:
            found[-1] += f",{part}"
        elif part.strip():
            found.append(part.strip())
    return found


def check_different(targets: Sequence[str], kernels: str) -> None:
    """Refuse a list in which a target stands twice, be it written in two ways.

    Raises:
        InputError: it does, or one of them is unknown.
    """
    seen: dict[tuple[str, str | None], str] = {}
    for given in targets:
        name, argument = split_target(given)
        key = (name, argument or (kernels if TARGETS[name].argument == "KERNELS" else None))
        if key in seen:
            again = "twice" if seen[key] == given else f"and {seen[key]!r}, which is the same"
            raise InputError(f"target {given!r} was given {again}: name each once")
        seen[key] = given


def label_targets(opened: Sequence[Target]) -> list[str]:
    """A short name for each, all different: the kind, with the kernels where they are what one chooses, with the device where two are of a
    kind, or else numbered. Nothing in it says whose device it is."""
    of_kernels = {name for name, kind in TARGETS.items() if kind.argument == "KERNELS"}
    names = [f"{target.name}:{target.kernels}" if target.name in of_kernels else target.name for target in opened]
    if len(set(names)) < len(names):
        names = [f"{name}:{target.facts.device}" if names.count(name) > 1 else name for name, target in zip(names, opened, strict=True)]
    return [f"{name} ({names[:place].count(name) + 1})" if names.count(name) > 1 else name for place, name in enumerate(names)]


def open_target(given: str, *, threads: int = 1, kernels: str = "xnnpack") -> Target:
    """A target by its name, with nothing loaded yet.

    Args:
        given: a key of ``TARGETS``, with a colon and its argument where it takes one: ``"cpu:builtin"``, ``"edgetpu:usb:0"``.
        threads: processor threads the target may use, at least 1.
        kernels: ``"xnnpack"`` (fast) or ``"builtin"`` (the same result bit for bit on every run and machine of a kind); targets that do
            not run LiteRT's kernels check it and go without. ``"cpu:builtin"`` and ``"cpu:xnnpack"`` name their own.

    Raises:
        InputError: an unknown target or kernels, or a number of threads that makes no sense.
    """
    name, argument = split_target(given)
    module, _, attribute = TARGETS[name].home.partition(":")
    target: Target = getattr(importlib.import_module(module), attribute)(argument, threads=threads, kernels=kernels)
    return target


def target_form(given: str) -> str:
    """A target as a page for others may show it: an argument that must be given (a host, a file), or is a path (a profile), is replaced by
    its name."""
    name, argument = split_target(given)
    kind = TARGETS[name]
    if argument is not None and argument.endswith(".json") and not kind.needs_argument:
        return f"{name}:{kind.argument}"
    return form(name) if kind.needs_argument else given


def identify_target(given: str) -> str:
    """A target with the content of the file it is given, if it is one: another recording under an old name is another target.

    Raises:
        InputError: see ``split_target``.
    """
    _, argument = split_target(given)
    path = None if argument is None else Path(argument)
    try:
        return f"{given} {hashlib.sha256(path.read_bytes()).hexdigest()}" if path is not None and path.is_file() else given
    except OSError:  # what cannot be read now is refused when it is opened
        return given


def without_address(text: str, given: str) -> str:
    """What is kept of a message of a target: of ``ssh:user@host:port`` neither user nor host."""
    name, argument = split_target(given)
    if name != "ssh" or argument is None:
        return text
    user, _, place = argument.rpartition("@")
    host = place.partition("]")[0].lstrip("[") if place.startswith("[") else place.partition(":")[0]
    for part, word in ((argument, "that computer"), (host, "that computer"), (user, "USER")):
        if part:
            text = re.sub(rf"(?<![\w.-]){re.escape(part)}(?![\w.-])", word, text)
    return text


def form(name: str) -> str:
    """How a target is written: ``"cpu"``, ``"edgetpu[:DEVICE]"``, ``"replay:FILE"``."""
    kind = TARGETS[name]
    if kind.argument is None:
        return name
    return f"{name}:{kind.argument}" if kind.needs_argument else f"{name}[:{kind.argument}]"


def _forms() -> Iterator[str]:
    return map(form, TARGETS)
