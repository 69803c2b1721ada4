"""Judges of notebook 00: reading an inspection, and which word stands behind a number."""

from __future__ import annotations

from functools import cache

from edgewb.bundles import bundled_model
from edgewb.compilers.inspections import Inspection, inspect
from edgewb.courses.checks import NotYet, exercise, text_in, whole_number_in

MODEL = "dynamic_batch"
_WORDS = ("measured", "predicted", "estimated", "published")


@cache
def _inspection() -> Inspection:
    return inspect(bundled_model(MODEL).path)


@exercise("00.1")
def judge_inspection(ops_on_cpu: object, first_blocker: object) -> str:
    """How many ops of the bundled model with a dynamic batch stay on the CPU, and the name of its first blocker."""
    inspection = _inspection()
    blocker = inspection.first_blocker
    assert blocker is not None
    count = whole_number_in(ops_on_cpu, "ops_on_cpu")
    if count != inspection.ops_cpu:
        if count == inspection.ops_edgetpu:
            raise NotYet(f"ops_on_cpu is {count}: that many would run on the Edge TPU. How many are left?")
        if count == inspection.ops_total:
            raise NotYet(f"ops_on_cpu is {count}: that is all of them. Look at the line `ops` above the table.")
        raise NotYet(f"ops_on_cpu is {count}; the line `ops` above the table names the number on the CPU.")
    name = text_in(first_blocker, "first_blocker").upper().replace(" ", "_").removeprefix("OP_")
    if name.removeprefix(f"{blocker.index}_") == blocker.op:
        mapped = inspection.ops_edgetpu or 0
        return f"Mending the {blocker.op} takes the model from {mapped} to {mapped + blocker.ops_gained_if_fixed} ops on the Edge TPU."
    kinds = {op.op: op.placement for op in inspection.ops}
    if not name:
        raise NotYet("first_blocker is empty: the name of an op is asked for, in quotes.")
    if name.isdigit():
        raise NotYet(f"first_blocker is {name}: its name is asked for, in quotes, not its number.")
    if name not in kinds:
        raise NotYet(f"first_blocker is {name}: this model has no such op. Inspect the model named in the exercise.")
    if kinds[name] == "edgetpu":
        raise NotYet(f"first_blocker is {name}: that op maps. A blocker is one that stays on the CPU and keeps others there.")
    raise NotYet(
        f"first_blocker is {name}: it stays on the CPU, but mending it alone would bring nothing. "
        "The line `first blocker` above the table names the one that does."
    )


@exercise("00.2")
def judge_words(placement: object, time_on_edge_tpu: object, accuracy: object) -> str:
    """Which basis three numbers of the notebook have: where the ops run, the time on an Edge TPU, the share of right answers."""
    hints = {
        "placement": ("predicted", "the compiler was not run: rules said where the ops would go."),
        "time_on_edge_tpu": (
            "estimated",
            "no Edge TPU ran anything here: the milliseconds come from a formula fitted to published figures.",
        ),
        "accuracy": ("measured", "the images were really put through the model, on this computer, and the answers counted."),
    }
    given = {"placement": placement, "time_on_edge_tpu": time_on_edge_tpu, "accuracy": accuracy}
    for name, (right, hint) in hints.items():
        word = text_in(given[name], name, _WORDS)
        if word != right:
            raise NotYet(f"{name} is not {word}: {hint}")
    return "Whenever you see a number in this course, look for such a word beside it."
