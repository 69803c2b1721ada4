"""The pages of all rules behind ``inspect`` and of all known problems, made from the rules and the problems themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edgewb.compilers.budgets import CACHE_BYTES
from edgewb.compilers.limits import GENERATIONS, RUNTIME, SUPPORT, readable_versions
from edgewb.compilers.parameters import PARAMETER_RULES, STREAMED_INPUTS
from edgewb.compilers.problems import Problem, problems
from edgewb.compilers.shapes import RULES

_HEAD = """\
# Rules

What `edgewb inspect` goes by, made from the code by `make pages`. Google published no rules of placement or storage; these were
read off what its compiler did. They were fitted to the pairs they name, so that they agree with those proves nothing about others:
a shape or an op unlike anything observed is answered with *unknown*.

*Pairs* are models together with what the compiler made of them; *logs* are its operation logs without the model; *documentation* is the
table of supported operations on coral.ai, quoted from memory where no pair shows the same.
"""


def all_rules() -> list[dict[str, Any]]:
    """Each rule as plain values: topic ("placement" or "parameters"), name, reason, ops (empty: all kinds), sentence, source."""
    placement = [
        {"topic": "placement", "name": r.name, "reason": r.reason, "ops": sorted(r.ops), "sentence": r.sentence, "source": r.source}
        for r in RULES
    ]
    parameters = [
        {"topic": "parameters", "name": r.name, "reason": None, "ops": list(r.ops), "sentence": r.sentence, "source": r.source}
        for r in PARAMETER_RULES
    ]
    return placement + parameters


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def rules_page() -> str:
    """RULES.md."""
    rules = all_rules()
    placement = [(r["sentence"], f"`{r['reason']}`", ", ".join(r["ops"]) or "all", r["source"]) for r in rules if r["topic"] == "placement"]
    parameters = [(", ".join(r["ops"]), r["sentence"], r["source"]) for r in rules if r["topic"] == "parameters"]
    seen = {"pair": "mapped in a pair", "log": "mapped in a log, version not printed", "documented": "documented, never seen: unknown"}
    support = [
        (name, str(s.version), str(s.runtime), seen[s.seen], str(readable_versions(name, "16.0")[0])) for name, s in sorted(SUPPORT.items())
    ]
    return "\n".join(
        [
            _HEAD,
            "## Where an op goes\n",
            "The rules are asked in this order, and the first that is not met gives the reason. Whatever rests on the result of an op left",
            "on the CPU is stranded there (`downstream`); ops that map were seen only after a leading QUANTIZE from float, and after CAST",
            "(354 real compiler pairs, 135 stranded ops).\n",
            _table(("rule", "reason", "ops", "source"), placement),
            "## What is supported\n",
            "An op that is not listed is left on the CPU. The version is the highest seen mapped, the runtime the first that has the op.",
            f"Compiler generations and the runtime each compiles for: {', '.join(f'{g} ({RUNTIME[g]})' for g in GENERATIONS)}.",
            "The compiler first loads a file into the TensorFlow Lite of its day, and refuses the whole file for an op or a version it",
            "does not know: the last column is the highest version 16.0 reads. Many ops it can read are not supported on the device.\n",
            _table(("op", "version", "runtime", "known from", "read up to version"), support),
            "## Parameter bytes\n",
            "*Lanes* are output channels in groups of 16 up to 64, and of 64 beyond. Kinds of op that are not listed have no parameters.\n",
            _table(("ops", "rule", "source"), parameters),
            "## What stays on the chip\n",
            f"Whole ops are cached or streamed. The largest are streamed until the rest fits {CACHE_BYTES:,} bytes (7.75 MiB): so it",
            "was in 131 of 134 published rows of compiler 16.0's log (Jorgitou98/EdgeTPU-QuantRL-Evaluation). 16.0 also streams every",
            f"FULLY_CONNECTED of {STREAMED_INPUTS:,} inputs and more, however much room there is (pairs; with 5,904 it was cached).",
            "Large activations shrink the room: logs show 5.01 to 8.02 MiB for parameters. Older generations streamed some small nets",
            "too; no rule is known.\n",
        ]
    )


_STAGES = {
    "model": "In the model",
    "compiler": "At the compiler",
    "runtime": "Library and device",
    "python": "Installation",
    "use": "In use",
}
_PROBLEMS_HEAD = """\
# Problems

What goes wrong between a model and an answer from the Edge TPU, made from `edgewb/compilers/problems.toml` by `make pages`.
`edgewb explain` finds these in a log or an error message, `edgewb inspect` those marked *before compiling* in the model itself,
and `edgewb doctor` those of library, device and installation that can be seen on the computer before anything fails.
Fixes stand in order of likelihood, in the opinion of the threads named or as measured. Quoted texts are what users see.
"""


def _described(problem: Problem) -> str:
    seen = [f"`{text}`" for text in (*problem.texts, *problem.statuses)]
    before = " *(before compiling)*" if problem.inspect else ""
    lines = [f"### {problem.title}\n", f"`{problem.id}`, {problem.severity.value}{before}\n", problem.cause + "\n"]
    if seen:
        lines.append("Seen as: " + ", ".join(seen) + "\n")
    lines += [f"{number}. {fix}" for number, fix in enumerate(problem.fixes, start=1)]
    return "\n".join([*lines, "", "Sources: " + ", ".join(problem.references) + "\n"])


def problems_page() -> str:
    """PROBLEMS.md."""
    parts = [_PROBLEMS_HEAD]
    for stage, title in _STAGES.items():
        parts.append(f"## {title}\n")
        parts += [_described(problem) for problem in problems().values() if problem.stage == stage]
    return "\n".join(parts)
