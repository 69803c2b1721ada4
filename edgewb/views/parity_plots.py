"""The pictures of a comparison of two targets: how far outputs differ, how near the flips were to a tie, and the images that flip."""

from __future__ import annotations

import base64
import dataclasses
import html
import io
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from edgewb.datasets import Dataset
from edgewb.errors import InputError, require
from edgewb.parities import DifferenceBin, Flip, Parity
from edgewb.parities.reports import answer_text, bin_label, clean, effect_text
from edgewb.types import Jsonable
from edgewb.views.figures import BLUE, GREEN, GREY, ORANGE, VERMILION, escaped, graph_objects, lay_out, log_ticks, stamp_across, wrapped
from edgewb.watermarks import stamp

MOST_PICTURES: Final = 24
_NUMBERED_BINS: Final = 20
"""Above so many bars the numbers over them would be too small to read."""
_EFFECTS: Final = {
    "lost": ("right to wrong", VERMILION, "x"),
    "gained": ("wrong to right", GREEN, "circle"),
    "neither": ("wrong both times", ORANGE, "square"),
    None: ("not known which is right", BLUE, "diamond"),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class ParityInfo(Jsonable):
    """The histogram of one output: a bin for every range between the smallest and the largest difference, also where nothing lies in it.

    ``words`` says what the picture shows.
    """

    output: str
    first: str
    second: str
    bins: tuple[DifferenceBin, ...]
    labels: tuple[str, ...]
    unit: str
    values: int
    n: int
    basis: str
    words: str


def parity_info(parity: Parity, position: int = 0) -> ParityInfo:
    """The data of ``plot_parity``.

    Raises:
        InputError: no such output.
    """
    if not 0 <= position < len(parity.outputs):
        raise InputError(f"output {position}: the model has {len(parity.outputs)}, counted from 0")
    output = parity.outputs[position]
    bins = output.histogram if output.step is None else _without_gaps(output.histogram, output.step)
    unit = "in its own units" if output.step is None else f"in steps of {output.step:.4g}" if output.scaled else "in whole numbers"
    words = f"{output.differ:,} of {output.values:,} values differ"
    if output.max_steps is not None and output.differ:
        near = sum(b.n for b in bins if b.low_steps is not None and b.high_steps is not None and 0 < max(-b.low_steps, b.high_steps) <= 1)
        words += f", {near:,} of them by a single step; the largest difference is {output.max_steps:,} steps, {output.max_abs:.3g}"
    elif output.differ:
        words += f"; the largest difference is {output.max_abs:.3g}"
    words += f" (example {output.worst_example})" if output.worst_example is not None else ""
    words += f"; {output.not_finite:,} differ by NaN or infinity and are not drawn" if output.not_finite else ""
    return ParityInfo(
        output=f"output {output.position}, {clean(output.name)}",
        first=parity.first.label,
        second=parity.second.label,
        bins=bins,
        labels=tuple(map(bin_label, bins)),
        unit=unit,
        values=output.values,
        n=parity.n,
        basis=str(parity.basis),
        words=f"{words}.",
    )


def _without_gaps(bins: tuple[DifferenceBin, ...], step: float) -> tuple[DifferenceBin, ...]:
    """With empty bins in the gaps between those of one step each, so that a distance in the picture is one in steps."""
    exact = {entry.low_steps: entry for entry in bins if entry.low_steps is not None and entry.low_steps == entry.high_steps}
    if not exact:
        return bins
    steps = range(min(exact), max(exact) + 1)
    between = (exact.get(k) or DifferenceBin(low=k * step, high=k * step, n=0, low_steps=k, high_steps=k) for k in steps)
    wide = [entry for entry in bins if entry.low_steps not in exact]
    return (*(entry for entry in wide if entry.low < 0), *between, *(entry for entry in wide if entry.low > 0))


def plot_parity(parity: Parity, position: int = 0) -> Any:
    """How many values of one output differ by how much: second - first, on a logarithmic axis, equal values in grey."""
    go = graph_objects()
    info = parity_info(parity, position)
    figure = go.Figure()
    figure.add_bar(
        x=list(info.labels),
        y=[entry.n or None for entry in info.bins],
        marker={"color": [GREY if entry.low == entry.high == 0 else BLUE for entry in info.bins], "line": {"width": 0}},
        text=[f"{entry.n:,}" if entry.n and len(info.bins) <= _NUMBERED_BINS else "" for entry in info.bins],
        textposition="outside",
        cliponaxis=False,
        hovertemplate="%{x}: %{y:,} values<extra></extra>",
        showlegend=False,
    )
    where = wrapped(f"{info.second} less {info.first}, {info.unit}", f"({info.basis}, {info.values:,} values)")
    lay_out(figure, f"Differences: {escaped(info.output)}", where, 430, bargap=0.12)
    most = max((entry.n for entry in info.bins), default=1)
    ticks = [tick for tick in log_ticks(1, max(most, 2)) if str(tick).startswith("1")]
    figure.update_yaxes(type="log", title={"text": "values, log axis", "font": {"size": 14}}, range=[-0.3, np.log10(max(most, 2)) + 0.4],
                        tickvals=ticks, ticktext=[f"{tick:,.0f}" for tick in ticks])  # fmt: skip
    figure.update_xaxes(type="category", showgrid=False)
    return stamp_across(figure, _stamp(parity))


def is_drawn(flip: Flip) -> bool:
    """Whether both its margins are known (a score may be NaN)."""
    return flip.first.margin is not None and flip.second.margin is not None


def plot_flips(parity: Parity) -> Any:
    """Each flip by how far its answer lay ahead of the other one on either target; near 0 the answer was nearly a tie."""
    go = graph_objects()
    figure = go.Figure()
    for effect, (name, colour, symbol) in _EFFECTS.items():
        drawn: dict[tuple[float, float], list[str]] = {}
        for flip in parity.flips:
            if flip.effect == effect and flip.first.margin is not None and flip.second.margin is not None:
                words = f"example {flip.example}: {escaped(answer_text(flip.first))}<br>then {escaped(answer_text(flip.second))}"
                drawn.setdefault((flip.first.margin, flip.second.margin), []).append(words)
        if drawn:
            figure.add_scatter(
                x=[first for first, _ in drawn],
                y=[second for _, second in drawn],
                mode="markers",
                name=f"{name} ({sum(map(len, drawn.values())):,})",
                marker={
                    "size": [min(8 + 3 * len(words), 32) for words in drawn.values()],  # flips in one place make one larger mark
                    "symbol": symbol,
                    "color": colour,
                    "opacity": 0.8,
                },
                cliponaxis=False,
                customdata=[
                    "<br>".join(words[:5]) + (f"<br>and {len(words) - 5} more" if len(words) > 5 else "") for words in drawn.values()
                ],
                hovertemplate="%{customdata}<extra></extra>",
            )
    where = wrapped(f"ahead on {parity.first.label}", f"({parity.basis}, n = {parity.n:,})")
    lay_out(figure, "How near to a tie the flips were", where, 470, showlegend=True)
    figure.update_layout(legend={"y": -0.32})
    # Room around the marks: ties lie on the axes, and a single one would otherwise hide in the corner of an arbitrary range.
    firsts, seconds = ([margin for trace in figure.data for margin in trace[axis]] for axis in "xy")
    span = max([*firsts, *seconds], default=0.0) or max((output.step or 0.0 for output in parity.outputs), default=0.0) or 1.0
    figure.update_xaxes(range=_with_room(firsts, span))
    figure.update_yaxes(range=_with_room(seconds, span), title={"text": wrapped(f"ahead on {parity.second.label}"), "font": {"size": 14}})
    return stamp_across(figure, _stamp(parity))


def _with_room(margins: list[float], span: float) -> list[float]:
    most = max(margins, default=0.0) or span
    return [-0.06 * most, 1.1 * most]


def _stamp(parity: Parity) -> str:
    return stamp((parity.first.basis, parity.second.basis))


def flip_gallery(parity: Parity, data: Dataset, most: int = MOST_PICTURES) -> str:
    """The images that flip, those first that turn right into wrong, with both answers; HTML, every text escaped.

    Args:
        parity: of this data set.
        data: images; its test split is opened.
        most: so many are shown at most; how many there are is said.

    Raises:
        InputError: another data set than the comparison's. MissingPackageError: pillow is not installed.
    """
    if data.fingerprint != parity.dataset_fingerprint:
        raise InputError(f"{data.name!r} with these splits is not what {parity.file} was compared on: give the same data set and seed")
    order = ("lost", "gained", "neither", None)
    flips = sorted(parity.flips, key=lambda flip: (order.index(flip.effect), flip.example))
    if not flips or data.kind != "images":
        return ""
    test = data.open_test()
    cards = []
    for flip in flips[:most]:
        lines = [f"<b>example {flip.example}</b>", *(
            f"{html.escape(side.label)}: {html.escape(answer_text(answer))}"
            for side, answer in ((parity.first, flip.first), (parity.second, flip.second))
        ), html.escape(effect_text(flip))]  # fmt: skip
        words = html.escape(f"test image {flip.example}", quote=True)
        cards.append(
            f'<figure style="margin:0;width:13rem"><img alt="{words}" src="{_data_uri(test.x[flip.example])}" '
            'style="width:9rem;height:9rem;object-fit:contain;image-rendering:pixelated;background:#808080">'
            '<figcaption style="font-size:.88rem;line-height:1.35;overflow-wrap:anywhere">'
            f"{'<br>'.join(filter(None, lines))}</figcaption></figure>"
        )
    told = f"{len(cards)} of the {len(flips):,} images that flip:" if len(flips) > len(cards) else f"All {len(flips)} images that flip:"
    told = "The image that flips:" if len(flips) == 1 else told
    return f'<p>{told}</p><div style="display:flex;flex-wrap:wrap;gap:1.2rem 1.5rem">{"".join(cards)}</div>'


def _data_uri(image: npt.NDArray[Any]) -> str:
    pillow = require("PIL.Image", "data", "to show images")
    pixels = image if image.dtype == np.uint8 else np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)
    kept = io.BytesIO()
    pillow.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(kept, format="PNG")
    return "data:image/png;base64," + base64.b64encode(kept.getvalue()).decode("ascii")
