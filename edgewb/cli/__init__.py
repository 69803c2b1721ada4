"""The command line: every command calls one function of the library. It ends with 0 when done, 1 for a "no", 2 after bad input."""

from __future__ import annotations

import os
import signal
import sys

from edgewb.cli.interrupts import take_interrupts
from edgewb.cli.parsers import parser
from edgewb.cli.streams import drop_output, mend_streams
from edgewb.errors import EdgewbError, StudyCancelled

BAD_INPUT, INTERRUPTED = 2, 130


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit status. Never a traceback: what went wrong is one line on standard error."""
    if arguments is None:
        take_interrupts()
        mend_streams()
    parsed = None
    try:
        try:
            parsed = parser().parse_args(arguments)
            status = int(parsed.does(parsed))
        except SystemExit as asked:  # --help, --version
            status = int(asked.code or 0)
        sys.stdout.flush()  # here a full disk or a reader that went away can still be explained; when Python exits it cannot
        return status
    except StudyCancelled:
        print("\nedgewb: cancelled; every finished variant is kept, the same command goes on from there", file=sys.stderr)
        return INTERRUPTED
    except EdgewbError as error:
        return _fail(" ".join(str(error).split()))
    except KeyboardInterrupt:
        if arguments is None:  # as a program, which ends now: a second Ctrl-C must not interrupt that
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        studies = parsed is not None and parsed.command in ("demo", "run")
        kept = "; every finished variant is kept, the same command goes on from there" if studies else "; nothing was written"
        print(f"\nedgewb: stopped{kept}", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        drop_output()  # the reader went away, as `head` does
        return 0
    except UnicodeEncodeError as error:
        shown = ascii(error.object)[:200]
        return _fail(f"{shown} holds a name that is no text (not UTF-8), which JSON cannot carry: rename the file or folder")
    except MemoryError:
        return _fail("out of memory: take smaller images, fewer of them, or a machine with more")
    except OSError as error:
        where = f" {error.filename!r}" if error.filename else ""
        try:
            sys.stdout.flush()
        except OSError:
            drop_output()
        reason = error.strerror or error
        return _fail(f"the system refused{where}: {reason}; what was finished before is kept, mend it and run the same command again")
    except Exception as error:
        if os.environ.get("EDGEWB_DEBUG"):
            raise
        return _fail(f"unexpected {type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no message'}; "
                     "this is a fault of edgewb, please report it with the output of the same command under EDGEWB_DEBUG=1")  # fmt: skip


def _fail(message: str) -> int:
    print(f"edgewb: {message}", file=sys.stderr)
    return BAD_INPUT
