"""Studies whose times are fit to be handed on: trained first, then measured when this computer has nothing else to do."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from edgewb.conditions import LOAD_LIMIT

if TYPE_CHECKING:
    from edgewb.types import Latency, Record
    from edgewb.workbench import Study

ATTEMPTS = 6
STEADY = 1.15
"""How far the reference's medians may be apart. It is measured in turns with each variant: they tell the computer's own speed."""
QUIET_LOAD = 0.5  # runnable processes per core; an idle computer with a desktop stays below
PATIENCE_SECONDS = 600.0
OTHERS_SHARE = 0.1
"""Of the processor's time; where it is counted in ticks, short samples show up to this much of nothing."""


class NoisyError(Exception):
    """This computer did not become quiet, or samples were disturbed each time."""


def disturbed(records: Iterable[Record]) -> list[str]:
    """Samples beside which this computer did something else: recipe, target and what that was; and whether its own speed changed.

    Its speed is judged by the first target of each variant: where it changed, figures of two variants say nothing of each other.
    """
    records = list(records)
    samples = [(record.recipe, latency) for record in records for latency in record.latency]
    found = [f"{recipe} on {latency.target}: {why}" for recipe, latency in samples if (why := _disturbance(latency))]
    first = [record.latency[0] for record in records if record.latency]
    medians = [latency.latency_ms.p50 / latency.ratio for latency in first if latency.ratio]
    if medians and max(medians) > STEADY * min(medians):
        found.append(f"the reference on {first[0].target} took {min(medians):.3g} to {max(medians):.3g} ms from variant to variant")
    return found


def _disturbance(latency: Latency) -> str:
    found = latency.conditions
    if found is None:
        return ""
    if found.beside:
        return f"measured beside {', '.join(found.beside)}"
    if (found.others_share or 0.0) > OTHERS_SHARE:
        return f"others took {100 * (found.others_share or 0.0):.0f} % of the processor's time"
    return f"load {found.load_before:.1f} per core before" if (found.load_before or 0.0) > LOAD_LIMIT else ""


def wait_until_quiet(patience: float = PATIENCE_SECONDS, load: Callable[[], float] = lambda: os.getloadavg()[0]) -> None:
    """Wait until the load of the last minute, of this program's own training too, has gone.

    Raises:
        NoisyError: it has not after ``patience`` seconds.
    """
    limit = QUIET_LOAD * (os.cpu_count() or 1)
    end = time.monotonic() + patience
    while (now := load()) > limit:
        if time.monotonic() > end:
            raise NoisyError(f"load {now:.1f} after {patience:.0f} s, at most {limit:.1f} is wanted: end what runs beside it")
        time.sleep(min(5.0, patience))


def measured_quietly(run: Callable[[], Study], *, noisy: bool = False, patience: float = PATIENCE_SECONDS) -> Study:
    """What ``run`` gives, measured again without the training before it: times are taken at most ``ATTEMPTS`` times.

    Args:
        run: a study in a home of its own; trained stages are kept there, so a second call only measures.
        noisy: take what the last attempt gave, and say on stderr what disturbed it.
        patience: seconds that each attempt waits for this computer to become quiet.

    Raises:
        NoisyError: this computer did not become quiet, or each attempt was disturbed.
    """
    from edgewb.records.stores import records_path

    run()  # trains
    found: list[str] = []
    for _ in range(ATTEMPTS):
        try:
            wait_until_quiet(patience)
        except NoisyError as error:
            if not noisy:
                raise
            print(error, file=sys.stderr)
        for file in records_path().parent.glob(f"{records_path().name}*"):
            file.unlink()  # the records alone: each variant is measured anew, and nothing is trained
        done = run()
        found = disturbed(done.records)
        if noisy or not found:
            print("\n".join(found), file=sys.stderr)
            return done
    raise NoisyError("; ".join(found) + ": end what runs beside it, or pass --noisy to record it all the same")
