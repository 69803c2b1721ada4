"""A study again: as a command on a terminal, and as a program that compares what it makes with what was recorded."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Sequence
from pathlib import Path

from edgewb.types import Basis, Record, Task

_ADDRESSED = ("ssh", "replay", "simulated")
"""Targets that are nothing without an address, a recording or a profile, none of which a record holds."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Asked:
    """What a study was asked for; the fields are arguments of ``edgewb.run``. Of files it holds the last name, of targets no user and no
    host: what is written of it may be passed on.
    """

    dataset: str
    recipes: tuple[str, ...]
    model: str | None = None
    weights: str | None = None
    targets: tuple[str, ...] = ()
    budget: float = 1.0
    seed: int = 0
    input_range: tuple[float, float] | None = None
    task: str | None = None
    shifts: tuple[str, ...] = ()
    fast: bool = False


def asked_of(records: Sequence[Record], budget_points: float) -> Asked:
    """What to ask for to get these variants of one study again, as far as their records tell."""
    one = records[0]
    weights, shifts = one.settings.get("weights"), one.settings.get("shifts")
    return Asked(
        dataset=one.dataset,
        recipes=tuple(record.recipe for record in records),
        model=Path(one.model).name,
        weights=Path(weights).name if isinstance(weights, str) else None,
        targets=_targets(records),
        budget=budget_points,
        seed=one.seed,
        input_range=_input_range(one),
        task=str(one.task) if one.task is Task.REGRESSION else None,  # whole numbers would be taken for classes
        shifts=tuple(map(str, shifts)) if isinstance(shifts, list | tuple) else (),
        fast=_length(one) == "fast",
    )


def command_line(asked: Asked) -> str:
    """What to type on a terminal."""
    words = ["edgewb", "run", "--dataset", asked.dataset, "--recipes", ",".join(asked.recipes)]
    for name, value in (("model", asked.model), ("weights", asked.weights), ("targets", ",".join(asked.targets))):
        if value:
            words += [f"--{name}", value]
    words += ["--budget", _number(asked.budget), "--seed", str(asked.seed)]
    if asked.input_range is not None:
        words.append(f"--input-range={','.join(map(_number, asked.input_range))}")
    if asked.task is not None:
        words += ["--task", asked.task]
    if asked.shifts:
        words += ["--shifts", ",".join(asked.shifts)]
    return shlex.join(words + ["--fast"] * asked.fast)


def python_call(asked: Asked) -> str:
    """The same from Python, as an expression; every value stands in it as a literal, for a record may be somebody else's."""
    words = [repr(asked.dataset), repr(list(asked.recipes))]
    for field in dataclasses.fields(Asked)[len(words) :]:
        value = getattr(asked, field.name)
        if field.name in ("budget", "seed") or value != field.default:
            words.append(f"{field.name}={list(value) if field.name in ('targets', 'shifts') else value!r}")
    return f"edgewb.run({', '.join(words)})"


def python_code(record: Record, budget_points: float) -> str:
    """A short program that makes a variant again, and says whether it came out the same."""
    from edgewb.datasets import DATASET_NAMES

    asked = asked_of([record], budget_points)
    hints = []
    if record.dataset not in DATASET_NAMES:
        hints.append("# The first argument is the name of your data: put their path there.")
    if not _built_in(record):
        hints.append("# `model` is the name of your own file: put its path there.")
    elif asked.weights is not None:
        hints.append("# `weights` is the name of their file: put its path there.")
    elif record.settings.get("model_sha256"):
        hints.append("# It began with pretrained weights of which the record holds no name: add weights= and the path of their file.")
    if _length(record) is None:
        hints.append("# It was trained with settings that edgewb.run does not offer, so it will differ.")
    lines = [
        '"""Make a variant again. Needs edgewb with its extras "data" and "train"; on a terminal the same is done by the command below."""',
        "",
        "import edgewb",
        "",
        f"COMMAND = {command_line(asked)!r}",
        f"RECIPE, SHA256 = {record.recipe!r}, {record.sha256!r}",
        "",
        *hints,
        f"study = {python_call(asked)}",
        "print(study)",
        "made = next(record for record in study.records if record.recipe == RECIPE)",
        'print("the same file as recorded" if made.sha256 == SHA256 else "not the same file as recorded: other versions or processor")',
        "",
    ]
    return "\n".join(lines)


def _number(value: float) -> str:
    """With all its digits, 1 for 1.0."""
    return repr(float(value)).removesuffix(".0")


def _targets(records: Sequence[Record]) -> tuple[str, ...]:
    found = [s.target for r in records for s in r.latency if s.basis is Basis.MEASURED and s.target not in _ADDRESSED]
    return tuple(dict.fromkeys(found))


def _built_in(record: Record) -> bool:
    return record.settings.get("model_kind") == "builtin"


def _input_range(record: Record) -> tuple[float, float] | None:
    """What to say of the input range: nothing where a built-in net had its own."""
    from edgewb.models import MODELS

    limits = record.settings.get("input_range")
    if not isinstance(limits, list | tuple) or len(limits) != 2:
        return None
    given = float(limits[0]), float(limits[1])
    own = MODELS[record.model].input_range if _built_in(record) and record.model in MODELS else None
    return None if given == own else given


def _length(record: Record) -> str | None:
    """Which of the two lengths of training that can be asked for it had: "fast", "full"; None for neither."""
    from edgewb.optimizers.training import FAST, FULL

    given = record.settings.get("training")
    return next((name for name, known in (("fast", FAST), ("full", FULL)) if given == dataclasses.asdict(known)), None)
