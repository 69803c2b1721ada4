"""What somebody meant who wrote a recipe in another way than it is spelled."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import groupby

from edgewb.optimizers.choices import MOST_CALIBRATION
from edgewb.optimizers.techniques import TECHNIQUES

_TECHNIQUE = re.compile(rf"({'|'.join(TECHNIQUES)})\d*")
_CALIBRATION = re.compile(r"_calib(?P<number>[^_]*)")
_CONVERSIONS = ("ptq_int8", "qat_int8", "float32")


def explain_name(name: str, is_recipe: Callable[[str], bool]) -> str | None:
    """A sentence about what is wrong with a name and how it is written, or None where that cannot be told.

    Args:
        name: which is no recipe.
        is_recipe: whether another name is one: nothing else is offered.
    """
    plain = re.sub(r"[\s-]+", "_", name.strip()).lower()
    if plain != name and is_recipe(plain):
        return f"names are in lower case, their words joined by underscores: write {plain!r}"
    return _about_calibration(plain, is_recipe) or _about_order(plain, is_recipe)


def _about_calibration(name: str, is_recipe: Callable[[str], bool]) -> str | None:
    """Of a number of calibration images that cannot be."""
    found = _CALIBRATION.search(name)
    if found is None:
        return None
    usual, without = (name[: found.start()] + what + name[found.end() :] for what in ("_calib20", ""))
    if not is_recipe(usual):
        return None
    number = re.sub(r"_(balanced|first)\b", "", without)
    return (
        f"behind calib stands how many calibration images are taken, 1 to {MOST_CALIBRATION} and no more than there are, without a zero in "
        f"front: write {usual!r}, or {number!r} for all of them"
    )


def _about_order(name: str, is_recipe: Callable[[str], bool]) -> str | None:
    """Of techniques behind the conversion, or without one."""
    words = name.strip("_").split("_")
    groups = {is_one: list(group) for is_one, group in groupby(sorted(words, key=_is_technique), key=_is_technique)}
    techniques = sorted(groups.get(True, []), key=lambda word: TECHNIQUES[re.sub(r"\d+$", "", word)].rank)
    rest = groups.get(False, [])
    if not techniques:
        return None
    if rest:
        meant = "_".join([*techniques, *rest])
        return f"techniques stand before the conversion: write {meant!r}" if meant != name and is_recipe(meant) else None
    offered = [meant for conversion in _CONVERSIONS if is_recipe(meant := "_".join([*techniques, conversion]))]
    return f"a conversion has to follow: write {' or '.join(map(repr, offered))}" if offered else None


def _is_technique(word: str) -> bool:
    return _TECHNIQUE.fullmatch(word) is not None
