"""What the inspector found, to take away: one HTML file that asks nothing from outside, or JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import jinja2
from markupsafe import Markup

import edgewb
from edgewb.compilers.inspections import Inspection
from edgewb.compilers.log_reports import clean as clean_line
from edgewb.estimates.estimations import Estimate
from edgewb.views.texts import clean, clean_json
from edgewb.watermarks import watermark

if TYPE_CHECKING:
    from edgewb.compilers.explanations import Explanation

_TEMPLATES = Path(__file__).parent / "templates"


def report_json(inspection: Inspection | None, estimates: Sequence[Estimate] = (), explanation: Explanation | None = None) -> str:
    """The JSON of ``inspect``, of each ``estimate`` and of ``explain`` in one object; None where it was not asked for.

    As the commands print it, but that names are cleaned: whoever shows these strings must not have to know that a file's author chose them.
    """
    content = {
        "edgewb": edgewb.__version__,
        "inspection": None if inspection is None else inspection.to_dict(),
        "estimates": [estimate.to_dict() for estimate in estimates],
        "explanation": None if explanation is None else explanation.to_dict(),
    }
    return json.dumps(clean_json(content), indent=1) + "\n"


def report_html(inspection: Inspection | None, estimates: Sequence[Estimate] = (), explanation: Explanation | None = None) -> str:
    """A page without scripts. Its parts are the reports of ``inspect``, ``estimate`` and ``explain``, which escape all names."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )

    def part(result: Inspection | Estimate | Explanation | None) -> Markup | None:
        return None if result is None else Markup(result._repr_html_())  # noqa: S704 - these reports escape what came from people

    page: str = environment.get_template("inspection.html.j2").render(
        title="Compiler log" if inspection is None else clean_line(inspection.file, 80),
        inspection=part(inspection),
        watermark="" if inspection is None else watermark(inspection.basis),
        estimates=[(f"{estimate.host}, {estimate.bus}, {estimate.clock} clock", part(estimate)) for estimate in estimates],
        explanation=part(explanation),
        version=edgewb.__version__,
    )
    return clean(page)
