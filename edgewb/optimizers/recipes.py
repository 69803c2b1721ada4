"""Recipes: what is done to a float model, decoded from a name such as ``prune50_ptq_int8``.

A name is any training steps (``prune50``, ``cluster16``) followed by one conversion (``ptq_int8``, ``float16``, ...).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from edgewb.errors import InputError, unknown_name


class Conversion(StrEnum):
    """How a model becomes a .tflite."""

    FLOAT32 = "float32"
    DYNAMIC_RANGE = "dynamic_range"
    FLOAT16 = "float16"
    PTQ_INT8 = "ptq_int8"
    PTQ_INT8_PER_TENSOR = "ptq_int8_per_tensor"
    QAT_INT8 = "qat_int8"

    @property
    def is_int8(self) -> bool:
        """Whether every op, input and output is to be int8."""
        return self in (Conversion.PTQ_INT8, Conversion.PTQ_INT8_PER_TENSOR, Conversion.QAT_INT8)


_CONVERSION_SAYS = {
    Conversion.FLOAT32: "float weights and arithmetic, the reference",
    Conversion.DYNAMIC_RANGE: "int8 weights, float arithmetic between ops",
    Conversion.FLOAT16: "float16 weights, float arithmetic",
    Conversion.PTQ_INT8: "all integers after training, weight scales per channel",
    Conversion.PTQ_INT8_PER_TENSOR: "all integers after training, one weight scale per tensor",
    Conversion.QAT_INT8: "all integers, trained on with quantisation simulated (QAT)",
}


@dataclass(frozen=True)
class Recipe:
    """A decoded recipe. ``prune_percent``: share of zero weights in per cent; ``clusters``: distinct weights per layer."""

    name: str
    conversion: Conversion
    prune_percent: int | None = None
    clusters: int | None = None

    @property
    def fine_tunes(self) -> bool:
        """Whether it trains, which needs a tf_keras model."""
        return self.prune_percent is not None or self.clusters is not None or self.conversion is Conversion.QAT_INT8

    @property
    def description(self) -> str:
        """One line for tables and reports."""
        steps = []
        if self.prune_percent is not None:
            steps.append(f"{self.prune_percent} % of each layer's weights pruned to zero (depthwise layers kept)")
        if self.clusters is not None:
            steps.append(f"weights clustered to {self.clusters} values per layer")
        return ", then ".join([*steps, _CONVERSION_SAYS[self.conversion]])


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

ALL_RECIPES = (
    *DEMO_RECIPES,
    *(
        f"{step}_{conversion}"
        for step in ("prune50", "prune80", "cluster16")
        for conversion in Conversion
        if conversion is not Conversion.QAT_INT8 and f"{step}_{conversion}" not in DEMO_RECIPES
    ),
)
"""The demo's training steps with every conversion they can be followed by."""

# One spelling per recipe (no leading zeros, ASCII digits): the name is part of keys and file names.
_STEP = re.compile(r"(?:prune(?P<prune>0|[1-9][0-9]{0,2})|cluster(?P<cluster>0|[1-9][0-9]{0,3}))_")


def decode_recipe(name: str) -> Recipe:
    """Decode a recipe name.

    Raises:
        InputError: unknown ("did you mean ..."), out of range, or a combination that is not built.
    """
    rest, prune, clusters = name, None, None
    while match := _STEP.match(rest):
        if match["prune"]:
            if prune is not None:
                raise InputError(f"recipe {name!r} prunes twice: name one percentage, such as prune50_ptq_int8")
            prune = int(match["prune"])
        else:
            if clusters is not None:
                raise InputError(f"recipe {name!r} clusters twice: name one number, such as cluster16_ptq_int8")
            clusters = int(match["cluster"])
        rest = rest[match.end() :]
    try:
        conversion = Conversion(rest)
    except ValueError:
        raise unknown_name("recipe", name, DEMO_RECIPES, "prune1..prune99 and cluster2..cluster256 take any number") from None
    if prune is not None and not 1 <= prune <= 99:
        raise InputError(f"recipe {name!r} prunes {prune} %: allowed are prune1 to prune99")
    if clusters is not None and not 2 <= clusters <= 256:
        raise InputError(f"recipe {name!r} makes {clusters} clusters: allowed are cluster2 to cluster256")
    if prune is not None and clusters is not None:
        raise InputError(f"recipe {name!r} combines pruning and clustering, which is not built yet: take one of them")
    if conversion is Conversion.QAT_INT8 and (prune is not None or clusters is not None):
        raise InputError(
            f"recipe {name!r} combines QAT with pruning or clustering, which is not built yet: take {name.replace('qat', 'ptq')!r}"
        )
    return Recipe(name, conversion, prune, clusters)


def decode_recipes(names: str | list[str] | tuple[str, ...]) -> tuple[Recipe, ...]:
    """Decode a comma-separated string or a list of names; doubles are dropped, the order is kept."""
    given = names.split(",") if isinstance(names, str) else list(names)
    unique = dict.fromkeys(n.strip() for n in given if n.strip())
    if not unique:
        raise InputError(f"no recipe given: name some of {', '.join(DEMO_RECIPES)}")
    return tuple(decode_recipe(n) for n in unique)
