"""Judges of notebook 07: a percentile by hand, the mean, which word, which table."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

from edgewb.courses.checks import NotYet, exercise, expect_close, number_in, text_in
from edgewb.lessons.latencies import CALLS_NEEDED, FACTS, TABLES, TEN_CALLS_MS
from edgewb.timings import summarise_latency
from edgewb.types import Basis

WORDS: Final = tuple(basis.value for basis in (Basis.MEASURED, Basis.REPLAYED, Basis.SIMULATED, Basis.ESTIMATED, Basis.PUBLISHED))
FIGURES: Final = (
    (Basis.PUBLISHED, "it stood in a table of Coral's; nobody here took it"),
    (Basis.ESTIMATED, "no call was made at all: a formula gave it, with an interval"),
    (Basis.REPLAYED, "calls were made once, on another computer; here they were only played back"),
    (Basis.SIMULATED, "the calls took so long because this computer waited: the pace was estimated"),
)
"""The four figures of exercise 07.4 in their order, and the hint to each."""


@exercise("07.1")
def judge_percentile(p90: object) -> str:
    ordered = sorted(TEN_CALLS_MS)
    summary = summarise_latency(TEN_CALLS_MS)
    rank = ordered[math.ceil(0.9 * len(ordered)) - 1]
    value = number_in(p90, "p90")
    if math.isclose(value, rank):
        return (
            f"by rank: nine of ten calls took {rank:g} ms or less. edgewb, as NumPy, goes on between the two calls: {summary.p90:.3g} ms."
        )
    expect_close(
        value,
        summary.p90,
        "p90",
        relative=0.005,
        mistakes={
            "that is the longest call, p100. One of ten calls may take longer than p90.": ordered[-1],
            "that is the ninth call in the order in which they came; sort them by length first.": TEN_CALLS_MS[8],
            "that is the median, p50.": summary.p50,
            "that is the mean.": summary.mean,
            "that is 0.9 times the longest call. A percentile counts calls.": 0.9 * ordered[-1],
        },
        hint="Sort the calls; nine of ten take that long or less.",
    )
    return f"between the two longest calls, as NumPy does it. By rank it would be {rank:g} ms: nine of ten calls took that or less."


@exercise("07.2")
def judge_mean(slower_than_mean: object, typical: object) -> str:
    summary = summarise_latency(TEN_CALLS_MS)
    right = sum(value > summary.mean for value in TEN_CALLS_MS)
    expect_close(
        slower_than_mean,
        right,
        "slower_than_mean",
        relative=0,
        mistakes={
            "so many took less than the mean.": len(TEN_CALLS_MS) - right,
            "that would be so for the median; work out the mean first.": len(TEN_CALLS_MS) // 2,
            "how many calls is asked for, not which share.": right / len(TEN_CALLS_MS),
        },
        hint=f"The mean of the ten is {summary.mean:.3g} ms.",
    )
    said = text_in(typical, "typical", ("p50", "mean", "p99"))
    if said == "mean":
        raise NotYet(f"the mean is {summary.mean:.3g} ms, and not one of the ten calls took about so long.")
    if said == "p99":
        raise NotYet("p99 is about the longest calls: it says what to be prepared for, not what is usual.")
    return (
        f"nine of ten calls were faster than the mean of {summary.mean:.3g} ms; the median, {summary.p50:.3g} ms, is what one usually gets."
    )


@exercise("07.4")
def judge_words(a: object, b: object, c: object, d: object) -> str:
    for name, answer, (right, hint) in zip("abcd", (a, b, c, d), FIGURES, strict=True):
        if text_in(answer, name, WORDS) != right:
            raise NotYet(f"{name} is not {answer!r}: {hint}.")
    return "none of the four was measured on this computer, and each word says so in its own way."


@exercise("07.5")
def judge_tables(trusted: object, missing: object) -> str:
    said = text_in(trusted, "trusted", tuple(TABLES))
    best = min(TABLES, key=lambda name: len(TABLES[name].missing))
    if said != best:
        raise NotYet(
            f"table {said} promises more. But try to do it again from what it says: which computer, which bus, measured in what order?"
        )
    other = next(TABLES[name] for name in TABLES if name != best)
    if isinstance(missing, str) or not isinstance(missing, Iterable):
        raise NotYet(f"missing is {missing!r}; a list of texts is asked for, such as ['n', 'host'].")
    named = {text_in(one, "one of missing", tuple(FACTS)) for one in missing}
    if there := sorted(named - set(other.missing)):
        raise NotYet(f"{other.name} does say {FACTS[there[0]]}. Read its last line again.")
    if len(named) < 3:
        raise NotYet(f"{len(named)} of the gaps found; three are asked for.")
    return f"{other.name} does not say {'; '.join(FACTS[name] for name in FACTS if name in named)}. So its factor of 8 is only a number."


@exercise("07.3")
def judge_number_of_calls(calls: object) -> str:
    right = CALLS_NEEDED["p99"]
    value = number_in(calls, "calls")
    if value in CALLS_NEEDED.values() and value != right:
        name = next(name for name, count in CALLS_NEEDED.items() if count == value)
        raise NotYet(f"{value:g} calls are enough for {name}. The 99th percentile is farther out, and needs more.")
    if value == 100:
        raise NotYet(
            "of 100 calls one is expected above p99, but in 37 of 100 such samples there is none: then nothing bounds it from above."
        )
    expect_close(
        value,
        right,
        "calls",
        relative=0,
        absolute=4,
        mistakes={"with so many it is 5 %; half of that is asked for.": math.ceil(math.log(0.05) / math.log(0.99))},
        hint="0.99 to the power of how many calls is 0.025?",
    )
    return f"with {right} calls the chance that all of them lie below p99 is 2.5 %. With fewer a p99 has no upper limit."
