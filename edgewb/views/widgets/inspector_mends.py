"""Mending from the inspector's page: whether it is known to help, how to do it elsewhere, and a visitor's model mended where allowed.

A mend is verified by running the model before and after. A visitor's model is run only where the server was started for it, in a process
with limits; this module is that process, too: ``python -m`` of it.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from edgewb.comparisons import CLOSED_VARIABLE
from edgewb.compilers.inspections import Inspection
from edgewb.enclosures import end_with_parent
from edgewb.errors import EdgewbError, ModelFileError, TargetError
from edgewb.views.texts import clean

if TYPE_CHECKING:  # what mends is loaded with the first mend: most visitors of the page ask for none
    from edgewb.mends import Mended

MEMORY_BYTES: Final = 2**30
"""Of address space, for each process that has a part in it."""
CPU_SECONDS: Final = 60
SECONDS: Final = 90.0
_FILE_BYTES: Final = 2**28
_KEPT_VARIABLES: Final = ("PATH", "LANG", "LD_LIBRARY_PATH", "SYSTEMROOT", "TMPDIR")
_LENGTH: Final = 8
_REFUSED: Final = 2


def is_known_to_help(inspection: Inspection) -> bool:
    """Whether ``edgewb fix`` is among what helps against one of the findings."""
    return inspection.kind == "source" and any("edgewb fix" in fix for finding in inspection.findings for fix in finding.fixes)


def fix_command(file: str) -> str:
    """What to type to mend a file of that name where it lies."""
    name = clean(file)
    return f"edgewb fix {shlex.quote(f'./{name}' if name.startswith('-') else name)}"


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process that is waited for, with those it has started."""
    if process.poll() is None:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except (OSError, AttributeError):  # it is ending; or there are no groups: Windows
            process.kill()


def mend_apart(
    content: bytes, file: str, *, limited: bool = True, begun: Callable[[subprocess.Popen[bytes]], None] = lambda _process: None
) -> tuple[Mended, bytes]:
    """As ``mend_bytes`` with ``run``, in a process of its own, which ends with who asked.

    It reads the model and rewrites it; what runs it is a child of its own.

    Args:
        limited: it may take so much memory and time, knows nothing of this one's environment, and what runs the model is without network,
            files or sight of others where Linux allows it.
        begun: called with the process.

    Raises:
        ModelFileError: as ``mend_bytes``, or it took too much. TargetError: this system cannot limit a process.
    """
    environment = _environment(limited)
    command = [sys.executable, "-P", "-m", "edgewb.views.widgets.inspector_mends", file, str(os.getpid()), str(int(limited))]
    pipe = subprocess.PIPE
    with (
        tempfile.TemporaryDirectory(prefix="edgewb-", ignore_cleanup_errors=True) as folder,  # all that it writes, gone with it
        subprocess.Popen(
            command, env={**environment, "TMPDIR": folder}, cwd=folder, start_new_session=True, stdin=pipe, stdout=pipe, stderr=pipe
        ) as process,
    ):
        begun(process)
        try:
            output, _ = process.communicate(content, SECONDS if limited else None)
        except subprocess.TimeoutExpired:
            raise ModelFileError(f"{file!r} could not be mended within {SECONDS:g} s: mend it on a computer of your own") from None
        finally:
            end(process)
    if process.returncode == _REFUSED:
        raise ModelFileError(output.decode("utf-8", "replace"))
    if process.returncode and not limited:
        raise ModelFileError(f"{file!r} could not be mended: the process for it ended with status {process.returncode}")
    if process.returncode:
        import resource

        data = resource.getrlimit(resource.RLIMIT_DATA)[0]  # of the page, which its children have, too
        most = MEMORY_BYTES if data == resource.RLIM_INFINITY else min(MEMORY_BYTES, data)
        limits = f"{most / 2**20:,.0f} MB of memory and {CPU_SECONDS} s"
        raise ModelFileError(f"{file!r} could not be mended here, where it may take {limits}: mend it on a computer of your own")
    import msgspec

    from edgewb.mends import Mended

    length = int.from_bytes(output[:_LENGTH], "little")
    mended = msgspec.json.decode(output[_LENGTH : _LENGTH + length], type=Mended)
    return mended, output[_LENGTH + length :]


def _environment(limited: bool) -> dict[str, str]:
    """Of the process that mends.

    Raises:
        TargetError: it cannot be limited.
    """
    found = {"PYTHONPATH": os.pathsep.join(place or os.getcwd() for place in sys.path)}
    if not limited:
        return {**os.environ, **found}
    if sys.platform == "win32":
        raise TargetError("models of visitors cannot be run here: this system cannot limit a process; serve from Linux or macOS")
    found |= {key: os.environ[key] for key in _KEPT_VARIABLES if key in os.environ}
    # One with threads cannot be closed off.
    return {**found, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", CLOSED_VARIABLE: "1"}


def _limit() -> None:
    """What this process may take, and those it starts."""
    import resource

    limits = {"AS": MEMORY_BYTES, "CPU": CPU_SECONDS, "FSIZE": _FILE_BYTES, "CORE": 0}
    for name, value in limits.items():
        kind = getattr(resource, f"RLIMIT_{name}")
        hard = resource.getrlimit(kind)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        try:
            resource.setrlimit(kind, (value, value))
        except (ValueError, OSError):  # macOS refuses some
            continue


def _main(file: str, parent: str, limited: str) -> int:
    """The child: a model on standard input; length and JSON of what was done, then the mended file, on standard output."""
    end_with_parent(int(parent))
    import msgspec

    from edgewb.mends import mend_bytes

    if limited == "1":
        _limit()
    try:
        mended, content = mend_bytes(sys.stdin.buffer.read(), file, run=True)
    except EdgewbError as error:
        sys.stdout.write(str(error))
        return _REFUSED
    told = msgspec.json.encode(mended)
    sys.stdout.buffer.write(len(told).to_bytes(_LENGTH, "little") + told + content)
    return 0


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:4]))
