"""A model's graph as a picture: every op on the line it stands on, marked by where it would run. Static SVG, for notebooks and pages."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from edgewb.compilers.inspections import Inspection, inspect_graph
from edgewb.compilers.log_reports import clean
from edgewb.errors import ModelFileError
from edgewb.tflite.reader import load_bytes, read_graph
from edgewb.views.figures import GREEN, GREY, ORANGE, VERMILION
from edgewb.views.widgets.inspector_parts import SIGNS, WHERE, counts, metro

_TEMPLATES = Path(__file__).parent / "templates"
_COLOURS = {"edgetpu": GREEN, "cpu": ORANGE, "unknown": GREY, "mixed": GREY, "edge": GREY}
_WIDTH = 640
_LONGEST = 48
"""Letters of a row that fit beside the lines, at the picture's width in pixels."""


@dataclass(frozen=True, kw_only=True)
class PlacementMap:
    """What ``draw_placement`` shows; a notebook shows the picture, ``print`` the same rows as text.

    Attributes:
        title: file, how many ops map, and what that rests on.
        inspection: what the picture is drawn from.
        rows: from top to bottom; ``where`` is "edgetpu", "cpu", "unknown", "mixed" (a run of ops folded into one row) or "edge" (an input
            or output), ``words`` is what stands beside it, ``blocker`` marks the first blocker.
    """

    title: str
    inspection: Inspection
    rows: tuple[dict[str, Any], ...]
    svg: str

    def __repr__(self) -> str:
        lines = [self.title]
        for row in self.rows:
            sign = SIGNS.get(row["where"], "○")
            lines.append(f"  {sign} {row['words']}{'  <- first blocker' if row['blocker'] else ''}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return self.svg


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("placement_map.html.j2")


def draw_placement(
    model: str | Path, compiler: str = "16.0", assume_fixed: Sequence[int] = (), *, mark_blocker: bool = True
) -> PlacementMap:
    """The graph of a .tflite, op by op from top to bottom, tensors as lines: a circle runs on the Edge TPU, a square on the CPU.

    Args:
        model: the file, source or compiled.
        compiler, assume_fixed: as in ``edgewb.inspect``.
        mark_blocker: say which op is the first blocker, and why each op stays behind.

    Raises:
        ModelFileError: unreadable. InputError: an unknown compiler generation, or no such op.
    """
    content = load_bytes(model)
    try:
        graph = read_graph(content)
    except ModelFileError as error:
        raise ModelFileError(str(error).replace("the given bytes", repr(str(model)), 1)) from None
    name = clean(Path(model).name, 80)
    inspection = inspect_graph(graph, name, hashlib.sha256(content).hexdigest(), compiler, assume_fixed)
    drawn = metro(graph, inspection, ())
    rows = tuple(_row(row, mark_blocker) for row in drawn["rows"])
    title = f"{name}: {_headline(inspection)}"
    keys = [
        {"sign": SIGNS[part["where"]], "colour": _COLOURS[part["where"]], "text": f"{part['count']} {WHERE[part['where']]}"}
        for part in counts(inspection)
    ]
    svg = _template().render(map=drawn["map"], rows=rows, title=title, keys=keys, width=_WIDTH, blocker=VERMILION, line=GREY)
    return PlacementMap(title=title, inspection=inspection, rows=rows, svg=svg)


def _headline(inspection: Inspection) -> str:
    if inspection.kind == "compiled":
        left = len(inspection.ops) - inspection.subgraphs
        return f"{left} {'op' if left == 1 else 'ops'} left on the CPU ({inspection.basis})"
    fixed = ""
    if inspection.assumed_fixed:
        some = "s" * (len(inspection.assumed_fixed) > 1)
        fixed = f", if op{some} {', '.join(map(str, inspection.assumed_fixed))} were mended"
    return f"{inspection.ops_edgetpu} of {inspection.ops_total} ops on the Edge TPU ({inspection.basis}{fixed})"


def _row(row: dict[str, Any], mark_blocker: bool) -> dict[str, Any]:
    """A row of the metro map with the words beside it; without marks an op says where it runs, not why."""
    place = row.get("place", "")
    place = place if mark_blocker else place.partition(":")[0]
    number = f"{row['first']}  " if row["kind"] == "op" else ""
    words = " ".join(part for part in (f"{number}{row['title']}", row["text"]) if part)
    words = words if len(words) <= _LONGEST else f"{words[: _LONGEST - 1]}…"
    return {
        "where": row["where"], "x": row["x"], "y": row["y"], "colour": _COLOURS[row["where"]], "kind": row["kind"], "place": place,
        "words": words, "blocker": mark_blocker and bool(row.get("blocker")),
    }  # fmt: skip
