"""A comparison of two targets as one HTML file that holds everything it shows and asks nothing from outside."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from edgewb.datasets import Dataset
from edgewb.locations import write_whole
from edgewb.parities import Parity, Side
from edgewb.parities.reports import agreement_lines, flip_text, heading, stand_ins, verdict
from edgewb.views.parity_plots import flip_gallery, is_drawn, parity_info, plot_flips, plot_parity
from edgewb.views.report import figure_json, render_page

_MOST_OUTPUTS: Final = 8
_MOST_TOLD: Final = 10
_FEWEST_FLIPS: Final = 3
"""A figure of fewer flips would be all but empty: they are told in words."""


def write_parity_page(path: str | os.PathLike[str], parity: Parity, data: Dataset | None = None) -> Path:
    """Write the page, whole or not at all; returns its path.

    Args:
        path: where to.
        parity: what is shown.
        data: the data set it was compared on, for the images that flip; None leaves them out.

    Raises:
        InputError: another data set. StorageError: disk full, no permission. MissingPackageError: plotly, jinja2 or pillow is missing.
    """
    figures: list[dict[str, str]] = []
    for output in parity.outputs[:_MOST_OUTPUTS]:
        figures.append(figure_json(plot_parity(parity, output.position), parity_info(parity, output.position).words))
    answers = [] if parity.top_one is None else agreement_lines(parity.top_one)
    if sum(map(is_drawn, parity.flips)) >= _FEWEST_FLIPS:
        figures.append(figure_json(plot_flips(parity), f"{len(parity.flips):,} of {parity.n:,} answers flip; near 0 it was nearly a tie."))
    else:
        answers += [f"Flip: {flip_text(flip)}" for flip in parity.flips[:_MOST_TOLD]]
        answers += [f"And {len(parity.flips) - _MOST_TOLD:,} more flips, alike."] if len(parity.flips) > _MOST_TOLD else []
    page = render_page(
        "parity.html.j2",
        parity=parity,
        verdict=verdict(parity),
        watermarks=stand_ins(parity),
        facts=[("Compared", heading(parity)), *map(_fact, (parity.first, parity.second))],
        figures=figures,
        more_outputs=max(len(parity.outputs) - _MOST_OUTPUTS, 0),
        agreement=answers,
        gallery="" if data is None else flip_gallery(parity, data),
    )
    return write_whole(path, page)


def _fact(side: Side) -> tuple[str, str]:
    stands = f", stands for {side.facts.stands_for}" if side.facts.stands_for else ""
    what = f"{side.file}, {side.facts.runtime}, {side.kernels} kernels, {side.threads} thread(s), {side.environment.cpu}"
    return side.label, f"{side.basis}{stands}: {what}"
