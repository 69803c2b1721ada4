"""Recipes: what is done to a float model, decoded from a name such as ``prune50_ptq_int8``.

A name is any techniques (``prune50``, ``cluster16``) followed by one conversion (``ptq_int8``, ``float16``, ...) and what is chosen
about it (``_uint8_io``, ``_calib20``; see ``choices``).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from edgewb.errors import InputError, unknown_name
from edgewb.optimizers.choices import INTERFACES_BUY, USUAL, Choices, Conversion, Interface, decode_conversion
from edgewb.optimizers.recipe_hints import explain_name
from edgewb.optimizers.techniques import STUDENTS, TECHNIQUES


@dataclass(frozen=True)
class Step:
    """One technique of a recipe and the number behind its name, None where none follows."""

    technique: str
    amount: int | None = None

    @property
    def name(self) -> str:
        return f"{self.technique}{'' if self.amount is None else self.amount}"

    @property
    def trains(self) -> bool:
        return TECHNIQUES[self.technique].trains

    @property
    def number(self) -> int | None:
        """The amount, or what is meant where none is written."""
        return TECHNIQUES[self.technique].default if self.amount is None else self.amount


@dataclass(frozen=True)
class Recipe:
    """A decoded recipe: techniques in the order they are applied, then a conversion and what is chosen about it."""

    name: str
    conversion: Conversion
    steps: tuple[Step, ...] = ()
    choices: Choices = USUAL

    @property
    def changes_model(self) -> bool:
        """Whether it does more than convert, which needs a tf_keras model."""
        return bool(self.steps) or self.conversion is Conversion.QAT_INT8

    @property
    def fine_tunes(self) -> bool:
        """Whether it trains."""
        return self.conversion is Conversion.QAT_INT8 or any(TECHNIQUES[step.technique].trains for step in self.steps)

    @property
    def trains_on(self) -> bool:
        """Whether it trains what another training began: for longer than float32 was."""
        return self.conversion is Conversion.QAT_INT8 or any(
            TECHNIQUES[step.technique].trains and step.technique not in STUDENTS for step in self.steps
        )

    @property
    def description(self) -> str:
        """One line for tables and reports."""
        steps = [TECHNIQUES[step.technique].says.format(amount=step.number) for step in self.steps]
        reference = ", the reference" if self.name == REFERENCE else ""
        return ", then ".join([*steps, self.conversion.says + self.choices.says + reference])

    @property
    def buys(self) -> tuple[str, ...]:
        """What each of its parts can and cannot buy on an Edge TPU, in order."""
        steps = [TECHNIQUES[step.technique].buys.format(amount=step.number) for step in self.steps]
        ends = () if self.choices.interface is Interface.INT8 else (INTERFACES_BUY[self.choices.interface],)
        return (*steps, self.conversion.buys, *ends)


REFERENCE = "float32"
"""The recipe every other one is compared with, on the same examples."""

DEMO_RECIPES = (
    "float32",
    "dynamic_range",
    "float16",
    "ptq_int8",
    "ptq_int8_per_tensor",
    "qat_int8",
    "prune50_ptq_int8",
    "prune80_ptq_int8",
    "cluster16_ptq_int8",
)

_MORE = (
    "ptq_int8_per_tensor_dense",
    "ptq_int8_uint8_io",
    "ptq_int8_float_io",
    "ptq_int8_calib20",
    "ptq_int8_calib20_balanced",
    "qat_int8_uint8_io",
    "prune50_float16",
    "prune50_dynamic_range",
    "prune50_qat_int8",
    "prune50_cluster16_ptq_int8",
    "prune50_cluster16_qat_int8",
    "cluster16_ptq_int8_per_tensor",
    "cluster16_qat_int8",
    "structured50_float32",
    "structured50_ptq_int8",
    "structured50_qat_int8",
    "structured50_prune50_ptq_int8",
    "equalize_ptq_int8",
    "equalize_ptq_int8_per_tensor",
    "distill_ptq_int8",
    "distill_qat_int8",
    "student_ptq_int8",
)


def _is_registered(name: str) -> bool:
    return re.sub(r"[0-9_].*", "", name) in (*TECHNIQUES, "ptq", "qat")


ALL_RECIPES = (*DEMO_RECIPES, *(name for name in _MORE if _is_registered(name)))
"""The demo's recipes, and each technique, conversion and choice with what it is usually asked beside."""

# One spelling per recipe (no leading zeros, ASCII digits, one order of techniques): the name is part of keys and file names.
_STEP = re.compile(rf"(?P<technique>{'|'.join(TECHNIQUES)})(?P<amount>0|[1-9][0-9]{{0,3}})?_")


def decode_recipe(name: str) -> Recipe:
    """Decode a recipe name.

    Raises:
        InputError: unknown ("did you mean ..."), out of range, or a combination that is not built.
    """
    return _decode(name, explain_name)


def _decode(name: str, explain: Callable[[str, Callable[[str], bool]], str | None]) -> Recipe:
    rest, steps = name, list[Step]()
    while match := _STEP.match(rest):
        steps.append(Step(match["technique"], None if match["amount"] is None else int(match["amount"])))
        rest = rest[match.end() :]
    decoded = decode_conversion(rest)
    if decoded is None:
        if hint := explain(name, _is_recipe):
            raise InputError(f"recipe {name!r}: {hint}") from None
        raise unknown_name("recipe", name, DEMO_RECIPES, f"{_amounts()}; `edgewb recipes` says all of them", ALL_RECIPES) from None
    conversion, choices = decoded
    for step in steps:
        _check_amount(name, step)
    techniques = [step.technique for step in steps]
    for technique in techniques:
        if techniques.count(technique) > 1:
            raise InputError(f"recipe {name!r} names {technique!r} twice: name it once, such as {_example(technique)}_ptq_int8")
        if both := [other for other in TECHNIQUES[technique].excludes if other in techniques]:
            raise InputError(f"recipe {name!r} names {technique!r} and {both[0]!r}, which exclude each other: write two recipes")
    if techniques != (ordered := sorted(techniques, key=lambda technique: TECHNIQUES[technique].rank)):
        again = "_".join([*(next(s.name for s in steps if s.technique == technique) for technique in ordered), rest])
        raise InputError(f"recipe {name!r} has its techniques in another order than they are applied: write it {again!r}")
    return Recipe(name, conversion, tuple(steps), choices)


def _is_recipe(name: str) -> bool:
    try:
        _decode(name, lambda *_: None)
    except InputError:
        return False
    return True


def _check_amount(name: str, step: Step) -> None:
    least, most, default = (getattr(TECHNIQUES[step.technique], what) for what in ("least", "most", "default"))
    if least is None or most is None:
        if step.amount is not None:
            raise InputError(f"recipe {name!r}: no number follows {step.technique!r}, write {step.technique}_ptq_int8")
    elif step.number == default and default is not None:
        if step.amount is not None:
            shorter = name.replace(f"{step.name}_", f"{step.technique}_")
            raise InputError(f"recipe {name!r}: {step.technique} without a number means {default} already, write {shorter!r}")
    elif step.amount is None or not least <= step.amount <= most:
        raise InputError(f"recipe {name!r} holds {step.name!r}: allowed are {step.technique}{least} to {step.technique}{most}")


def _example(technique: str) -> str:
    return Step(technique, TECHNIQUES[technique].usual).name


def _amounts() -> str:
    spans = [f"{name}{t.least}..{name}{t.most}" for name, t in TECHNIQUES.items() if t.least is not None]
    return f"{', '.join(spans)} take any number, and combine"


def decode_recipes(names: str | list[str] | tuple[str, ...]) -> tuple[Recipe, ...]:
    """Decode a comma-separated string or a list of names; doubles are dropped, the order is kept."""
    given = names.split(",") if isinstance(names, str) else list(names)
    unique = dict.fromkeys(n.strip() for n in given if n.strip())
    if not unique:
        raise InputError(f"no recipe given: name some of {', '.join(DEMO_RECIPES)}")
    return tuple(decode_recipe(n) for n in unique)
