"""Shared libraries that load as libedgetpu does, or fail as it does, compiled from a few lines of C."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

GOOGLE = "BuildLabel(COMPILER=6.3.0 20170516,DATE=redacted,TIME=redacted), RuntimeVersion({})"
"""What libedgetpu of 2020 and 2021 says of itself."""
NEWER = "BuildLabel(COMPILER=13.2.0,DATE=Feb 22 2026,TIME=09:51:57), RuntimeVersion({})"
_SAYS = 'const char *edgetpu_version(void) {{ return "{}"; }}\n'
_SOURCES = {
    "google_14": _SAYS.format(GOOGLE.format(14)),
    "google_13": _SAYS.format(GOOGLE.format(13)),
    "newer_14": _SAYS.format(NEWER.format(14)),
    "windows_14": _SAYS.format("BuildLabel(COMPILER=MSVC 192528612,DATE=Jul 20 2021,TIME=14:30:22), RuntimeVersion(14)"),
    "strange": _SAYS.format("a library"),
    "other": "int something(void) { return 1; }\n",
    "crashing": "__attribute__((constructor)) static void start(void) { *(volatile int *)0 = 1; }\n",
    "hanging": "#include <unistd.h>\n__attribute__((constructor)) static void start(void) { for (;;) sleep(60); }\n",
    "printing": '#include <stdio.h>\n__attribute__((constructor)) static void start(void) { puts("{\\"error\\": 1}"); }\n'
    + _SAYS.format(GOOGLE.format(14)),
    "mismatched": "int TfLiteNone(void); int edgetpu_version(void) { return TfLiteNone(); }\n",
    "needing": "int usb(void); int edgetpu_version(void) { return usb(); }\n",
}


_built: dict[str, bytes] = {}


def library(folder: Path, kind: str) -> str:
    """The path of a library, named as the real one. Skips where there is no C compiler."""
    place = folder / kind
    place.mkdir(parents=True, exist_ok=True)
    if kind not in _built:
        compiler = shutil.which("cc") or shutil.which("gcc")
        if compiler is None:
            pytest.skip("no C compiler: stand-in libraries cannot be built")
        _built[kind] = _compile(compiler, place, kind)
    target = place / "libedgetpu.so.1"
    target.write_bytes(_built[kind])
    return str(target)


def _compile(compiler: str, place: Path, kind: str) -> bytes:
    target, source = place / "built.so", place / "library.c"
    source.write_text(_SOURCES[kind])
    linked: list[str] = []
    if kind == "needing":
        needed = place / "libusb-1.0-absent.so.0"
        (place / "usb.c").write_text("int usb(void) { return 0; }\n")
        _run(compiler, "-Wl,-soname,libusb-1.0-absent.so.0", "-o", str(needed), str(place / "usb.c"))
        linked = [str(needed)]
    options = ["-Wl,-z,now"] if kind == "mismatched" else []
    _run(compiler, *options, "-o", str(target), str(source), *linked)
    for file in linked:
        Path(file).unlink()
    return target.read_bytes()


def _run(compiler: str, *arguments: str) -> None:
    subprocess.run([compiler, "-shared", "-fPIC", *arguments], check=True, capture_output=True, timeout=300)
