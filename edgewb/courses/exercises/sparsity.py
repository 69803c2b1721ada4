"""Exercises of notebook 05: bytes of a pruned layer, and which recipe meets which wish."""

from __future__ import annotations

from edgewb.courses.checks import NotYet, exercise, number_in, text_in, whole_number_in

READ, WRITTEN, PRUNED = 64, 128, 0.8
RECIPES = ("ptq_int8", "prune80_ptq_int8", "structured50_ptq_int8")


@exercise("05.1")
def judge_bytes(plain: object, pruned: object, halved: object) -> str:
    """A 1x1 convolution from 64 to 128 channels: as it is, with zeros, and with half of the channels."""
    weights = READ * WRITTEN
    _expect(plain, weights, "plain", {READ + WRITTEN: "each of the 64 channels has a weight for each of the 128, so multiply.",
                                      4 * weights: "that is 4 bytes for each, as in float32; int8 takes one.",
                                      8 * weights: "that is bits, eight to a byte."})  # fmt: skip
    left = round(weights * (1 - PRUNED))
    if abs((said := number_in(pruned, "pruned")) - left) <= 1:
        raise NotYet(f"pruned is {said:g}: that counts the weights that are not zero. But where is a zero stored, and how large is it?")
    if abs(said - (weights - left)) <= 1:
        raise NotYet(f"pruned is {said:g}: that counts the zeros alone.")
    _expect(pruned, weights, "pruned", {0: "even the weights that are left take bytes."})
    _expect(halved, READ // 2 * WRITTEN // 2, "halved", {
        weights // 2: "that is half of one side; the channels it reads are halved, too.",
        weights: "whole channels do go: what is not there takes no byte.",
    })  # fmt: skip
    return "80 % zeros: not a byte less. Half of the channels: a quarter of the bytes."


def _expect(answer: object, right: int, name: str, mistakes: dict[int, str]) -> None:
    value = whole_number_in(answer, name)
    if value == right:
        return
    if value in mistakes:
        raise NotYet(f"{name} is {value}: {mistakes[value]}")
    raise NotYet(f"{name} is {value}, which is too {'large' if value > right else 'small'}. Channels read × channels written, a byte each.")


@exercise("05.2")
def judge_wishes(chip_memory: object, download: object, untouched: object) -> str:
    """Structured pruning for the chip, zeros for the download, plain PTQ for accuracy."""
    chip = text_in(chip_memory, "chip_memory", RECIPES)
    sent = text_in(download, "download", RECIPES)
    kept = text_in(untouched, "untouched", RECIPES)
    if chip == "prune80_ptq_int8":
        raise NotYet("chip_memory is 'prune80_ptq_int8', but its zeros take a byte each on the chip: look at the bars again.")
    if chip == "ptq_int8":
        raise NotYet("chip_memory is 'ptq_int8', but one of the others takes fewer bytes on the chip.")
    if sent == "ptq_int8":
        raise NotYet("download is 'ptq_int8', whose compressed file is the largest of the three.")
    if sent == "structured50_ptq_int8":
        raise NotYet("download is 'structured50_ptq_int8': it is small, but its layers are not as they were; channels are gone.")
    if kept != "ptq_int8":
        raise NotYet(f"untouched is {kept!r}, which was trained on.")
    return "each recipe for what it is good at."
