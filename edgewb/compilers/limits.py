"""What each compiler generation is known to map: tables of facts, each with where it was seen.

"Pairs" are real models together with what Google's compiler made of them; "logs" are its operation logs without the model;
"documentation" is the table of supported operations on coral.ai (docs/edgetpu/models-intro), the last edition (runtime 14).
"""

from __future__ import annotations

import dataclasses
import json
from functools import cache
from pathlib import Path
from typing import Final

from edgewb.errors import InputError

DOCUMENTATION: Final = "Coral documentation, models-intro, supported operations"
GENERATIONS: Final = ("1.0", "2.x", "14.1-15.0", "15.x+key6", "13", "16.0")
"""Generations of edgetpu_compiler, oldest first; ``13`` is 16.0 run with ``-m 13``."""

RUNTIME: Final = {"1.0": 10, "2.x": 12, "14.1-15.0": 13, "15.x+key6": 13, "13": 13, "16.0": 14}
"""The newest Edge TPU runtime each generation compiles for."""


@dataclasses.dataclass(frozen=True)
class Support:
    """How an op kind is known.

    ``seen``: "pair" (mapped in real pairs), "log" (mapped in a log, its version not printed) or "documented" (named in the
    documentation, never seen). ``version``: the highest version seen mapped. ``runtime``: the first Edge TPU runtime that has it.
    """

    seen: str
    version: int
    runtime: int = 10


# PACK is documented from runtime 13, but an int8 one was left on the CPU in a pair: it is not listed, so it counts as unsupported.
SUPPORT: Final = {
    "CONV_2D": Support("pair", 3),
    "DEPTHWISE_CONV_2D": Support("pair", 3),
    "FULLY_CONNECTED": Support("pair", 4),
    "ADD": Support("pair", 2),
    "MUL": Support("pair", 2),
    "SUB": Support("pair", 2),
    "MAXIMUM": Support("pair", 2),
    "MEAN": Support("pair", 2),
    "PAD": Support("pair", 2),
    "CONCATENATION": Support("pair", 2),
    "AVERAGE_POOL_2D": Support("pair", 2),
    "MAX_POOL_2D": Support("pair", 2),
    "LOGISTIC": Support("pair", 2),
    "SOFTMAX": Support("pair", 2),
    "RELU": Support("pair", 2),
    "RELU6": Support("pair", 1),
    "QUANTIZE": Support("pair", 2, 12),
    "RESHAPE": Support("pair", 1),
    "TRANSPOSE": Support("pair", 2, 14),
    "STRIDED_SLICE": Support("pair", 2),
    "SPLIT": Support("pair", 2),
    "RESIZE_BILINEAR": Support("pair", 3),
    "RESIZE_NEAREST_NEIGHBOR": Support("pair", 3),
    "L2_NORMALIZATION": Support("pair", 1),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": Support("pair", 1, 14),
    "TILE": Support("pair", 1),
    "TANH": Support("log", 2),
    "SUM": Support("log", 2, 13),
    "TRANSPOSE_CONV": Support("log", 2, 13),
    "EXPAND_DIMS": Support("documented", 1, 13),
    "LSTM": Support("documented", 1, 14),
    "MINIMUM": Support("documented", 2),
    "PRELU": Support("documented", 1, 13),
    "REDUCE_MAX": Support("documented", 2, 14),
    "REDUCE_MIN": Support("documented", 2, 14),
    "RELU_N1_TO_1": Support("documented", 1),
    "RSQRT": Support("documented", 1, 14),
    "SLICE": Support("documented", 2),
    "SPACE_TO_DEPTH": Support("documented", 2),
    "SQUARED_DIFFERENCE": Support("documented", 2, 14),
    "SQUEEZE": Support("documented", 1),
}

LARGEST_SEEN: Final = 11_107_248
"""Values in the largest tensor of an op that mapped (real compiler pairs: pose nets at 721 x 1281)."""

KNOWN_CUSTOM_OPS: Final = frozenset({"TFLite_Detection_PostProcess", "PosenetDecoderOp"})
"""Custom ops the compiler is known to leave alone (pairs). With another one, Atan, it failed to prepare the whole file (a log)."""


@cache
def _registry() -> dict[str, dict[str, int | list[int]]]:
    """The newest version of each built-in op that a compiler's own TensorFlow Lite can read.

    The compiler first loads the model into the interpreter of its day, which refuses a file with an op or a version it does not have.
    Source: ``register.cc`` of TensorFlow 1.14 (compiler 1.0), 2.0 to 2.2 (2.x), 2.3 and 2.4 (14.1, 15.0), 2.6 and 2.7-dev (16.0), kept in
    public forks; the compilers were built from Google's own tree of about that time. Refusals seen in logs and threads agree.
    Where the two ends of a time span differ, the entry is [surely read, perhaps read].
    """
    table: dict[str, dict[str, int | list[int]]] = json.loads(Path(__file__).with_name("registry.json").read_text(encoding="utf-8"))
    return table


def check_generation(compiler: str) -> str:
    """The name of a compiler generation, checked. Raises InputError naming the known ones."""
    if compiler not in GENERATIONS:
        raise InputError(
            f"compiler generation {str(compiler)[:40]!r} is not known: take one of {', '.join(GENERATIONS)} "
            "(16.0 is the last one, and the default)"
        )
    return compiler


def readable_versions(op: str, compiler: str) -> tuple[int, int]:
    """The highest version of a built-in op this generation surely reads, and the highest it may read; (0, 0) for one it does not have."""
    entry = _registry()["16.0" if compiler == "13" else compiler].get(op, 0)
    return (entry[0], entry[1]) if isinstance(entry, list) else (entry, entry)


def version_rating(op: str, version: int, compiler: str) -> int:
    """How well this generation takes a version of an op: 2 it was seen mapped, 1 not known, 0 the whole file is refused."""
    if version > readable_versions(op, compiler)[1]:
        return 0
    support = SUPPORT.get(op)
    return 2 if support is not None and version <= support.version else 1
