"""An interrupt that Python would swallow in a callback still ends the program, and leaves no traceback."""

import os
import subprocess
import sys

import pytest
from study_driver import take_ctrl_c

SWALLOWED = """
import signal, sys, time, weakref
from edgewb.cli.interrupts import take_interrupts
{install}
class Thing: pass
thing = Thing()
kept = weakref.ref(thing, lambda _: signal.raise_signal(signal.SIGINT))
try:
    del thing
    time.sleep(3)
    print("went on")
except KeyboardInterrupt:
    print("stopped")
"""


@pytest.mark.skipif(os.name == "nt", reason="an interrupt is sent with POSIX signals")
@pytest.mark.parametrize(("install", "says", "traceback"), [("take_interrupts()", "stopped", False), ("", "went on", True)])
def test_an_interrupt_in_a_callback_is_not_lost(install, says, traceback):
    done = subprocess.run(
        [sys.executable, "-c", SWALLOWED.format(install=install)], capture_output=True, text=True, timeout=300, preexec_fn=take_ctrl_c
    )
    assert done.stdout.strip() == says
    assert ("Traceback" in done.stderr) is traceback


def test_other_faults_of_callbacks_are_still_shown():
    program = "from edgewb.cli.interrupts import take_interrupts\ntake_interrupts()\nclass T:\n    def __del__(self): 1 / 0\nt = T()\ndel t"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300)
    assert "ZeroDivisionError" in done.stderr
