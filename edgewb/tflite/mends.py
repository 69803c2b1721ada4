"""The mends: each a change after which a model computes the same. One mend is one function; its docstring is the sentence a user reads."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from edgewb.tflite.batches import fix_batch
from edgewb.tflite.edits import Change
from edgewb.tflite.floats import move_float_edges
from edgewb.tflite.strays import drop_strays
from edgewb.tflite.versions import lower_versions


class Runs(Protocol):
    """What a mend may ask of somebody who can run files."""

    def observe(self, content: bytes, tensors: Sequence[int]) -> tuple[dict[int, tuple[int, ...]], dict[int, npt.NDArray[np.generic]]]:
        """The shape each tensor has in a run, and the values of some of them. Raises ModelFileError when the file cannot be run here."""
        ...

    def differ(self, first: bytes, second: bytes) -> str | None:
        """None when both files give the same bits for the same inputs, else where they differ, or why they cannot be run."""
        ...


@dataclasses.dataclass(frozen=True, kw_only=True)
class Mend:
    """``id`` is what ``--skip`` names.

    ``apply`` takes a file, whoever runs files, and how well the compiler takes a version of a kind of op (see ``versions.BEST``).
    """

    id: str
    apply: Callable[[bytes, Runs, Callable[[str, int], int]], Change]

    @property
    def sentence(self) -> str:
        """What it does, in one sentence."""
        return " ".join((self.apply.__doc__ or "").split())


MENDS: Final = (
    Mend(id="batch", apply=fix_batch),
    Mend(id="stray", apply=drop_strays),
    Mend(id="float_io", apply=move_float_edges),
    Mend(id="versions", apply=lower_versions),
)
"""All mends, in the order they are applied."""
