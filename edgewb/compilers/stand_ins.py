"""A stand-in for edgetpu_compiler, for tests and classrooms: it prints and behaves like each version, and compiles nothing.

    EDGEWB_EDGETPU_COMPILER=edgewb-stand-in-compiler edgewb compile model.tflite

What it prints of a model is edgewb's prediction; its version line says that it is a stand-in, and so does the file it writes. The
environment variable EDGEWB_STAND_IN chooses a version and a way to fail: ``version=15.0 behaviour=internal_error``. It takes the options
of 16.0 whatever the version; -a, -d and -k change nothing, -n and -i are refused.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NoReturn

from edgewb.compilers.stand_in_texts import VERSIONS, Result, banner, failure_lines, mark, read_model, result_lines, table_lines
from edgewb.errors import EdgewbError

VARIABLE: Final = "EDGEWB_STAND_IN"


class _Failed(Exception):
    """The compilation failed after these lines."""


def _print(*lines: str) -> None:
    print("\n".join(lines), flush=True)


def _sleep(seconds: float) -> None:
    time.sleep(seconds)


def _die(number: int) -> NoReturn:
    sys.stdout.flush()
    if number != signal.SIGKILL:
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    raise SystemExit(1)


def _exception() -> NoReturn:
    _print("terminating with uncaught exception of type std::out_of_range: vector")
    _die(signal.SIGABRT)


def _fill_disk() -> NoReturn:
    with Path("filler.bin").open("wb") as file:
        while True:
            file.write(bytes(16 * 2**20))
            file.flush()


def _once(state: str) -> None:
    """Fail the first time only: a file remembers it."""
    if not state:
        sys.exit("edgewb stand-in: internal_error_once needs a file to remember it by: behaviour=internal_error_once:/a/file")
    marker = Path(state)
    if not marker.exists():
        marker.write_text("failed once", encoding="utf-8")
        raise _Failed("internal_error")


def _fail(reason: str) -> Callable[[str], None]:
    def behave(_: str) -> None:
        raise _Failed(reason)

    return behave


_BEFORE: Final[dict[str, Callable[[str], None]]] = {
    **{name: _fail(name) for name in ("internal_error", "large_activations", "no_reason", "timeout")},
    "internal_error_once": _once,
    "segfault": lambda _: _die(signal.SIGSEGV),
    "exception": lambda _: _exception(),
    "killed": lambda _: _die(signal.SIGKILL),
    "hang": lambda _: _sleep(86_400),
    "slow": lambda seconds: _sleep(float(seconds) if seconds.isdigit() else 5),
    "fill_disk": lambda _: _fill_disk(),
    "incomplete": lambda _: sys.exit(0),
}
"""What it may do behind its first lines. The text is what stands behind the behaviour's colon."""
_AFTER: Final = ("honest", "no_output", "half_output", "nothing")
_ALONE: Final = ("silent", "garbage")
BEHAVIOURS: Final = tuple(sorted((*_BEFORE, *_AFTER, *_ALONE)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="edgewb-stand-in-compiler", description="Prints like edgetpu_compiler and compiles nothing.")
    parser.add_argument("models", nargs="*", metavar="MODEL.tflite")
    parser.add_argument("-v", "--version", action="store_true")
    parser.add_argument("-s", "--show_operations", action="store_true")
    parser.add_argument("-o", "--out_dir", default=".")
    parser.add_argument("-m", "--min_runtime_version", type=int, choices=range(10, 15))
    parser.add_argument("-a", "--enable_multiple_subgraphs", action="store_true")
    parser.add_argument("-d", "--search_delegate", action="store_true")
    parser.add_argument("-k", "--delegate_search_step", type=int, default=1)
    parser.add_argument("-t", "--timeout_sec", type=int, default=180)
    parser.add_argument("-n", "--num_segments", type=int, default=1)
    parser.add_argument("-i", "--intermediate_tensors")
    return parser


def _settings() -> tuple[str, str, str]:
    """Version, behaviour, and what stands behind the behaviour's colon."""
    given = dict(part.split("=", 1) for part in os.environ.get(VARIABLE, "").split() if "=" in part)
    version, (behaviour, _, extra) = given.get("version", "16.0"), given.get("behaviour", "honest").partition(":")
    if version not in VERSIONS:
        sys.exit(f"edgewb stand-in: version {version!r} is not known: take one of {', '.join(VERSIONS)}")
    if behaviour not in BEHAVIOURS:
        sys.exit(f"edgewb stand-in: behaviour {behaviour!r} is not known: take one of {', '.join(BEHAVIOURS)}")
    return version, behaviour, extra


def main(arguments: Sequence[str] | None = None) -> int:
    """Compile nothing; returns the exit status: 0, or 1 after a failure as the real one gives."""
    options = _parser().parse_args(arguments)
    version, behaviour, extra = _settings()
    if behaviour == "silent":
        return 0
    if behaviour == "garbage":
        sys.stdout.buffer.write(bytes(range(256)) * 64)
        return 0
    _print(banner(version))
    if options.version:
        return 0
    if not options.models:
        sys.exit("edgewb stand-in: no model was given")
    if options.num_segments > 1 or options.intermediate_tensors:
        sys.exit("edgewb stand-in: -n and -i are not simulated")
    if version == "16.0":
        if options.search_delegate:
            _print(f"Searching for valid delegate with step {options.delegate_search_step}")
        _print(f"Started a compilation timeout timer of {options.timeout_sec} seconds.")
    try:
        if behaviour in _BEFORE:
            _BEFORE[behaviour](extra)
        results = [read_model(path, version, options.min_runtime_version, behaviour == "nothing") for path in options.models]
        failed = next((result for result in results if result.failure), None)
        if failed is not None:
            raise _Failed(failed.failure, failed.detail, failed.model)
    except _Failed as failure:
        reason, detail, model = (*failure.args, "", options.models[0])[:3]
        _print(*failure_lines(version, reason, detail, model), mark())
        return 1
    except EdgewbError as error:
        _print(*failure_lines(version, "unreadable", str(error), options.models[0]))
        return 1
    if not Path(options.out_dir).is_dir():
        stem = Path(results[0].model).name.removesuffix(".tflite")
        _print(f"Error opening file for writing: {Path(options.out_dir, stem)}_edgetpu.tflite", *failure_lines("15.0", "", "", ""))
        return 1
    _write(results, version, options.out_dir, behaviour)
    _print(*result_lines(results, version, options.out_dir, options.show_operations))
    return 0


def _write(results: Sequence[Result], version: str, folder: str, behaviour: str) -> None:
    for result in results:
        stem = Path(folder, Path(result.model).name.removesuffix(".tflite"))
        log = [banner(version), f"Input: {result.model}", f"Output: {stem}_edgetpu.tflite", "", *table_lines(result), mark()]
        Path(f"{stem}_edgetpu.log").write_text("\n".join(log) + "\n", encoding="utf-8")
        content = result.content
        if behaviour == "half_output":
            content = content[: len(content) // 2]
        if behaviour != "no_output":
            Path(f"{stem}_edgetpu.tflite").write_bytes(content)


if __name__ == "__main__":
    sys.exit(main())
