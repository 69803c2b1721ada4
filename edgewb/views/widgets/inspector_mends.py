"""Mending from the inspector's page: whether it is known to help, how to do it elsewhere, and a visitor's model mended where allowed.

A mend is verified by running the model before and after. A visitor's model is run only where the server was started for it, in a process
with limits; this module is that process, too: ``python -m`` of it.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING, Any, Final

from edgewb.comparisons import CLOSED_VARIABLE
from edgewb.compilers.inspections import Inspection
from edgewb.errors import EdgewbError, ModelFileError, TargetError
from edgewb.views.texts import clean

if TYPE_CHECKING:  # what mends is loaded with the first mend: most visitors of the page ask for none
    from edgewb.mends import Mended

TRUSTED_VARIABLE: Final = "EDGEWB_DASHBOARD_TRUSTED"
MEMORY_BYTES: Final = 2**30
"""Of address space, for each process that has a part in it."""
CPU_SECONDS: Final = 60
SECONDS: Final = 90.0
_FILE_BYTES: Final = 2**28
_KEPT_VARIABLES: Final = ("PATH", "LANG", "LD_LIBRARY_PATH", "SYSTEMROOT", "TMPDIR")
_LENGTH: Final = 8
_OF_THE_BATCH: Final = frozenset({"dynamic_batch", "dynamic_tensors", "cut_short", "rank"})


def is_known_to_help(inspection: Inspection) -> bool:
    """Whether ``edgewb fix`` is among what helps against one of the findings."""
    return inspection.kind == "source" and any("edgewb fix" in fix for finding in inspection.findings for fix in finding.fixes)


def takes_a_run(inspection: Inspection) -> bool:
    """Whether all that is known to help rests on sizes that only a run of the model tells."""
    helped = {finding.id for finding in inspection.findings if any("edgewb fix" in fix for fix in finding.fixes)}
    return helped <= _OF_THE_BATCH and any(entry.op == "SHAPE" for entry in inspection.ops)


def fix_command(file: str) -> str:
    """What to type to mend a file of that name where it lies."""
    name = clean(file)
    return f"edgewb fix {shlex.quote(f'./{name}' if name.startswith('-') else name)}"


def mend(content: bytes, file: str, *, run: bool, apart: bool) -> tuple[dict[str, Any], bytes | None]:
    """What the page says of a mend, and the mended file; None where none was made.

    Args:
        run: verify it here: the model is one's own. apart: verify it in a process with limits, where ``run`` is False.

    Raises:
        ModelFileError, TargetError: see ``mend_bytes`` and ``mend_apart``.
    """
    from edgewb.mends import mend_bytes
    from edgewb.mends.attempts import NOT_RUN
    from edgewb.mends.results import gain, verified

    mended, made = mend_apart(content, file) if apart and not run else mend_bytes(content, file, run=run)
    said = {
        "result": mended,
        "gain": gain(mended.before, mended.after),
        "needs_a_run": any(NOT_RUN in entry.why for entry in mended.refused),
        "verified": None if mended.verification is None else verified(mended.verification),
    }
    return said, made if mended.mends else None


def mend_apart(content: bytes, file: str) -> tuple[Mended, bytes]:
    """As ``mend_bytes`` with ``run``, in a process that may take so much memory and time, and knows nothing of the server's environment.

    It reads the model and rewrites it; what runs it is a child of its own, without network, files or sight of others where Linux allows it.

    Raises:
        ModelFileError: as ``mend_bytes``, or it took too much. TargetError: this system cannot limit a process.
    """
    try:
        import resource
    except ImportError:
        raise TargetError("models of visitors cannot be run here: this system cannot limit a process; serve from Linux or macOS") from None
    environment = {key: os.environ[key] for key in _KEPT_VARIABLES if key in os.environ}
    environment["PYTHONPATH"] = os.pathsep.join(place or os.getcwd() for place in sys.path)
    environment["OPENBLAS_NUM_THREADS"] = environment["OMP_NUM_THREADS"] = "1"  # one with threads cannot be closed off
    environment[CLOSED_VARIABLE] = "1"
    command = [sys.executable, "-P", "-m", "edgewb.views.widgets.inspector_mends", file]
    with tempfile.TemporaryDirectory(prefix="edgewb-") as folder:  # all that it writes, gone with it
        try:
            done = subprocess.run(
                command, input=content, env={**environment, "TMPDIR": folder}, cwd="/", capture_output=True, timeout=SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            raise ModelFileError(f"{file!r} could not be mended within {SECONDS:g} s: mend it on a computer of your own") from None
    if done.returncode == 2:
        raise ModelFileError(done.stdout.decode("utf-8", "replace"))
    if done.returncode:
        data = resource.getrlimit(resource.RLIMIT_DATA)[0]  # of the page, which its children have, too
        most = MEMORY_BYTES if data == resource.RLIM_INFINITY else min(MEMORY_BYTES, data)
        limits = f"{most / 2**20:,.0f} MB of memory and {CPU_SECONDS} s"
        raise ModelFileError(f"{file!r} could not be mended here, where it may take {limits}: mend it on a computer of your own")
    import msgspec

    from edgewb.mends import Mended

    length = int.from_bytes(done.stdout[:_LENGTH], "little")
    mended = msgspec.json.decode(done.stdout[_LENGTH : _LENGTH + length], type=Mended)
    return mended, done.stdout[_LENGTH + length :]


def _main(file: str) -> int:
    """The child: a model on standard input; length and JSON of what was done, then the mended file, on standard output."""
    import resource

    import msgspec

    from edgewb.mends import mend_bytes

    limits = {"AS": MEMORY_BYTES, "CPU": CPU_SECONDS, "FSIZE": _FILE_BYTES, "CORE": 0}
    for name, value in limits.items():
        kind = getattr(resource, f"RLIMIT_{name}")
        hard = resource.getrlimit(kind)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        try:
            resource.setrlimit(kind, (value, value))
        except (ValueError, OSError):  # macOS refuses some
            continue
    try:
        mended, content = mend_bytes(sys.stdin.buffer.read(), file, run=True)
    except EdgewbError as error:
        sys.stdout.write(str(error))
        return 2
    told = msgspec.json.encode(mended)
    sys.stdout.buffer.write(len(told).to_bytes(_LENGTH, "little") + told + content)
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1]))
