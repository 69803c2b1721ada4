"""The published figures the model rests on: rows in a folder, each with its source."""

from __future__ import annotations

import dataclasses
import json
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np

from edgewb.errors import InputError
from edgewb.estimates.forms import Array, Table
from edgewb.estimates.kinds import judge
from edgewb.estimates.works import Work, work_of_row

Bools = np.ndarray[Any, np.dtype[np.bool_]]
FOLDER: Final = Path("data") / "latency"


@dataclasses.dataclass(frozen=True)
class Rows:
    """Measured latencies of one host: parallel lists, one entry per row."""

    models: tuple[str, ...]
    families: tuple[str, ...]
    works: tuple[Work, ...]
    ms: Array
    sources: tuple[str, ...]

    @property
    def table(self) -> Table:
        """The works as arrays."""
        return Table(self.works)

    @property
    def accepted(self) -> Bools:
        """Which rows the rule of ``kinds`` accepts."""
        return np.array([judge(work).accepted for work in self.works], bool)

    def at(self, places: Any) -> Rows:
        """Some of the rows."""
        chosen = [int(i) for i in places]
        return Rows(
            tuple(self.models[i] for i in chosen),
            tuple(self.families[i] for i in chosen),
            tuple(self.works[i] for i in chosen),
            self.ms[chosen],
            tuple(self.sources[i] for i in chosen),
        )


def _load(folder: Path, name: str) -> Any:
    try:
        return json.loads((folder / name).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"no {name} in {str(folder)!r} ({error.strerror}): run this in a clone of the repository") from None
    except ValueError:
        raise InputError(f"{str(folder / name)!r} is no JSON: restore it from the repository") from None


def load_rows(host: str, folder: Path = FOLDER) -> Rows:
    """Every published row of a host."""
    models = _load(folder, "models.json")["models"]
    rows = [row for row in _load(folder, "latencies.json")["rows"] if row["host"] == host]
    works = {name: work_of_row(models[name]) for name in {row["model"] for row in rows}}
    return Rows(
        models=tuple(row["model"] for row in rows),
        families=tuple(models[row["model"]]["family"] for row in rows),
        works=tuple(works[row["model"]] for row in rows),
        ms=np.array([row["ms"] for row in rows], float),
        sources=tuple(row["source"] for row in rows),
    )


def load_sweeps(folder: Path = FOLDER) -> Rows:
    """The synthetic nets: a model is a kind and a width, so that both depths of a width are left out together."""
    content = _load(folder, "sweeps.json")
    rows = [dict(zip(content["columns"], row, strict=True)) for row in content["rows"]]
    return Rows(
        models=tuple(f"{row['kind']} {row['width']}" for row in rows),
        families=tuple(row["kind"] for row in rows),
        works=tuple(_sweep_work(row) for row in rows),
        ms=np.array([row["ms"] for row in rows], float),
        sources=(content["source"],) * len(rows),
    )


def _sweep_work(row: dict[str, Any]) -> Work:
    width, layers = row["width"], row["layers"]
    # Made by compiler 16.0 from per-channel models: a scale and a zero point per lane, and no bias where all are zero.
    if row["kind"] == "CONV":
        sizes = [3, *[width] * (layers - 1)]
        described = [["conv", 64, 64, inputs, width, 3, 3, 4096 * inputs] for inputs in sizes]
        return work_of_row({"layers": described, "input_bytes": 12_288, "output_bytes": 4096 * width, "header_bytes": 12})
    chain = [64, *[width] * layers, 10]
    described = [["fc", 1, 1, inputs, outputs, 1, 1, inputs] for inputs, outputs in pairwise(chain)]
    return work_of_row({"layers": described, "input_bytes": 64, "output_bytes": 10, "header_bytes": 12})


def load_instructions(folder: Path = FOLDER) -> list[dict[str, Any]]:
    """What compiled files hold: instruction bytes beside the sizes they are guessed from."""
    content = _load(folder, "instructions.json")
    return [dict(zip(content["columns"], row, strict=True)) for row in content["rows"]]
