"""Figures about choosing: accuracy against a cost with the front, what each budget takes, and what choosing does to figures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from edgewb.errors import InputError, unknown_name
from edgewb.lessons.architectures import Architecture, list_architectures
from edgewb.lessons.choices import choices_by_budget, look_twice
from edgewb.types import Record
from edgewb.views.figures import (
    BLUE,
    GREY,
    ORANGE,
    VERMILION,
    escaped,
    graph_objects,
    lay_out,
    lay_out_rows,
    log_axis,
    stamp_across,
    wrapped,
)
from edgewb.views.tradeoffs import TradeoffInfo, list_costs, pareto_front, tradeoff_info

HEIGHT = 480
_AROUND = 170  # pixels above and below the drawn area: title, axis, legend
_LINE = 19  # pixels from one name to the next
_BELOW = 11  # pixels: a name beside its point would lie on the line of the front
_NEAR = 0.13  # share of the x axis within which names are stacked


def tradeoff_of(records: Sequence[Record], cost: str = "compressed", budget_points: float = 1.0) -> TradeoffInfo:
    """The data of :func:`plot_tradeoff`.

    Raises:
        InputError: the records have no such cost.
    """
    costs = {one.id: one for one in list_costs(records)}
    if cost not in costs:
        raise unknown_name("cost", cost, costs)
    return tradeoff_info(records, costs[cost], budget_points)


def plot_tradeoff(records: Sequence[Record], cost: str = "compressed", budget_points: float = 1.0) -> Any:
    """Score against a cost, with intervals; what is on the Pareto front is filled and joined by a line.

    Args:
        cost: id of one of ``views.tradeoffs.list_costs``: "compressed", "file", "estimate", "latency:cpu", ...
        budget_points: the dashed line lies so many points below the reference.

    Raises:
        InputError: the records have no such cost.
    """
    go = graph_objects()
    info = tradeoff_of(records, cost, budget_points)
    figure = go.Figure()
    for on_front, name in ((True, "on the front"), (False, "beaten by another one")):
        chosen = [point for point in info.points if point.on_front is on_front]
        figure.add_scatter(
            x=[point.cost.value for point in chosen],
            y=[point.score.percent for point in chosen],
            error_y=_bars([(point.score.low_percent, point.score.percent, point.score.high_percent) for point in chosen]),
            mode="markers",
            text=[escaped(point.recipe) for point in chosen],
            hovertemplate="%{text}: %{y:.1f} %<extra></extra>",
            name=name,
            marker=_marker(on_front),
        )
    _add_front(figure, [(point.cost.value, point.score.percent) for point in info.points if point.on_front])
    basis = "" if info.cost.basis in info.cost.title else f" ({info.cost.basis})"
    named = info.cost.name if info.cost.name.startswith("Edge") else info.cost.name[0].lower() + info.cost.name[1:]
    title = f"{info.measure[0].upper()}{info.measure[1:]} against {escaped(named)}"
    lay_out(figure, title, wrapped(f"{info.cost.title} in {info.cost.unit}{basis}", width=46), HEIGHT)
    figure.update_yaxes(title={"text": f"{info.measure} in %, 95 % interval<br>({info.score_basis}, n = {info.n})", "font": {"size": 14}})
    low = min([point.score.low_percent for point in info.points] + ([info.floor_percent] if info.floor_percent is not None else []))
    high = max(point.score.high_percent for point in info.points)
    edge = 0.06 * (high - low or 1.0)
    figure.update_yaxes(range=[low - edge, high + edge])
    figure.update_xaxes(range=[0, 1.5 * max(point.cost.value for point in info.points)])
    _add_names(figure, [(point.recipe, point.cost.value, point.score.percent) for point in info.points], (low - edge, high + edge))
    if info.floor_percent is not None:
        figure.add_hline(y=info.floor_percent, line={"color": VERMILION, "dash": "dash", "width": 2})
        costs = [point.cost.value for point in info.points]
        free_left = min(costs) > 0.5 * max(costs)  # then nothing is drawn there, and the names are on the right
        figure.add_annotation(
            x=0 if free_left else 1, xref="paper", y=info.floor_percent, yanchor="bottom", xanchor="left" if free_left else "right",
            showarrow=False,
            text=f"float less {budget_points:g} point{'s' * (budget_points != 1)}", font={"size": 13, "color": VERMILION},
        )  # fmt: skip
    return stamp_across(figure, info.stamp)


def architectures_info(nets: Sequence[Architecture] | None = None) -> tuple[tuple[Architecture, bool], ...]:
    """Each net, and whether it is on the front of Edge TPU accuracy against Edge TPU time."""
    shown = list_architectures() if nets is None else tuple(nets)
    return tuple(zip(shown, pareto_front([(net.edgetpu_ms, net.edgetpu_percent) for net in shown]), strict=True))


def plot_architectures() -> Any:
    """Published accuracy of well-known nets on an Edge TPU against time, with what they lost against their float selves."""
    go = graph_objects()
    info = architectures_info()
    figure = go.Figure()
    for net, _ in info:
        figure.add_scatter(
            x=[net.edgetpu_ms] * 2,
            y=[net.float_percent, net.edgetpu_percent],
            mode="lines",
            line={"color": GREY, "width": 1.5, "dash": "dot"},
            showlegend=False,
            hoverinfo="skip",
        )
    figure.add_scatter(
        x=[net.edgetpu_ms for net, _ in info], y=[net.float_percent for net, _ in info], mode="markers", name="in float, on a processor",
        marker={"size": 11, "symbol": "diamond-open", "color": GREY, "line": {"width": 2}}, text=[net.name for net, _ in info],
        hovertemplate="%{text}: %{y:.1f} %<extra></extra>",
    )  # fmt: skip
    for wanted, name in ((True, "on the Edge TPU, on the front"), (False, "on the Edge TPU, beaten by another one")):
        chosen = [net for net, on_front in info if on_front is wanted]
        figure.add_scatter(
            x=[net.edgetpu_ms for net in chosen],
            y=[net.edgetpu_percent for net in chosen],
            error_y=_bars([(net.low_percent, net.edgetpu_percent, net.high_percent) for net in chosen]),
            mode="markers",
            text=[net.name for net in chosen],
            hovertemplate="%{text}: %{y:.1f} % in %{x:.3g} ms<extra></extra>",
            name=name,
            marker=_marker(wanted),
        )
    _add_front(figure, [(net.edgetpu_ms, net.edgetpu_percent) for net, on_front in info if on_front])
    n = info[0][0].n
    lay_out(figure, "Nets for ImageNet on an Edge TPU", "milliseconds per image on an Edge TPU, USB Accelerator (published)", 560)
    figure.update_yaxes(title={"text": f"top-1 accuracy in %, 95 % interval<br>(published, n = {n:,})", "font": {"size": 14}})
    log_axis(figure, [net.edgetpu_ms for net, _ in info])
    low, high = min(net.edgetpu_percent for net, _ in info) - 2, max(net.float_percent for net, _ in info) + 2
    figure.update_yaxes(range=[low, high])
    figure.update_xaxes(range=[math.log10(3.5), math.log10(250)])
    _add_names(figure, [(net.name, math.log10(net.edgetpu_ms), net.edgetpu_percent) for net, _ in info], (low, high), 560)
    return figure


def plot_choices(records: Sequence[Record], highest_points: float = 5.0) -> Any:
    """What is recommended for each budget."""
    go = graph_objects()
    info = choices_by_budget(records, highest_points)
    figure = go.Figure()
    colours = (BLUE, "#7a4b8f", "#00664b")  # dark enough for white words
    for place, choice in enumerate(info):
        named = "nothing" if choice.recipe is None else escaped(choice.recipe)
        figure.add_bar(
            x=[choice.high_points - choice.low_points],
            base=[choice.low_points],
            y=["recommended"],
            orientation="h",
            showlegend=False,
            text=named,
            textposition="inside",
            insidetextanchor="middle",
            textangle=0,
            textfont={"size": 14, "color": "white"},
            marker={"color": "#5c5c5c" if choice.recipe is None else colours[place % 3], "line": {"color": "white", "width": 2}},
            hovertemplate=f"{named}: {choice.low_points:.1f} to {choice.high_points:.1f} points<extra></extra>",
        )
    n = next((record.validated.n for record in records if record.validated is not None), 0)
    lay_out(
        figure,
        "What each budget takes",
        f"accuracy that may be lost, in points (measured on n = {n} validation examples)",
        220,
        barmode="overlay",
    )
    figure.update_yaxes(showticklabels=False, ticks="", title={"text": "choice"})
    return figure


def plot_second_looks(records: Sequence[Record]) -> Any:
    """Each variant's change against its reference twice: on the validation examples, by which one chooses, and on the test examples.

    Raises:
        InputError: no record has both figures.
    """
    info = look_twice(records)
    if not info:
        raise InputError(
            "no record has a change on validation and test examples: give the records of a study with a reference and variants"
        )
    go = graph_objects()
    labels = [escaped(one.recipe) for one in info]
    figure = go.Figure()
    figure.add_scatter(
        x=[one.test_points for one in info], y=labels, mode="markers", name=f"test, n = {info[0].test_n}, 95 % interval",
        marker={"size": 12, "symbol": "square", "color": BLUE},
        error_x={
            "type": "data", "symmetric": False, "thickness": 2, "width": 6, "color": GREY,
            "array": [one.high_points - one.test_points for one in info],
            "arrayminus": [one.test_points - one.low_points for one in info],
        },
        customdata=[f"{one.test_points:+.1f} [{one.low_points:+.1f}, {one.high_points:+.1f}]" for one in info],
        hovertemplate="<b>%{y}</b><br>test: %{customdata} points<extra></extra>",
    )  # fmt: skip
    figure.add_scatter(
        x=[one.chosen_points for one in info], y=labels, mode="markers", name=f"validation, n = {info[0].chosen_n}: chosen by",
        marker={"size": 13, "symbol": "circle-open", "color": ORANGE, "line": {"width": 3}},
        hovertemplate="<b>%{y}</b><br>validation: %{x:+.1f} points<extra></extra>",
    )  # fmt: skip
    x_title = "change against float in points (measured)"
    lay_out_rows(figure, "What one chooses by, and a second look", x_title, labels, showlegend=True)
    figure.add_vline(x=0, line={"color": GREY, "width": 2}, layer="below")
    return figure


def _marker(on_front: bool) -> dict[str, Any]:
    if on_front:
        return {"size": 13, "symbol": "circle", "color": BLUE}
    return {"size": 12, "symbol": "x-open", "color": ORANGE, "line": {"width": 2}}


def _bars(values: Sequence[tuple[float, float, float]]) -> dict[str, Any]:
    return {
        "type": "data",
        "symmetric": False,
        "array": [max(high - middle, 0.0) for _, middle, high in values],
        "arrayminus": [max(middle - low, 0.0) for low, middle, _ in values],
        "thickness": 1.2,
        "width": 4,
    }


def _add_front(figure: Any, points: Sequence[tuple[float, float]]) -> None:
    """A step line: between two of its points nothing is on offer, so the cheaper one's score counts."""
    ordered = sorted(points)
    figure.add_scatter(
        x=[x for x, _ in ordered],
        y=[y for _, y in ordered],
        mode="lines",
        line={"color": BLUE, "width": 2, "shape": "hv"},
        showlegend=False,
        hoverinfo="skip",
    )


def _add_names(figure: Any, points: Sequence[tuple[str, float, float]], y_range: tuple[float, float], height: int = HEIGHT) -> None:
    """Names to the right of their points, moved apart where they would hide each other; a thin line leads to each that moved."""
    per_pixel = (y_range[1] - y_range[0]) / (height - _AROUND)
    ordered = sorted(points, key=lambda point: (-point[2], point[1]))
    # Points far from each other in x do not meet; those of one neighbourhood share a column of names.
    span = max(x for _, x, _ in points) - min(x for _, x, _ in points) or 1.0
    columns: list[list[tuple[str, float, float]]] = []
    for point in ordered:
        column = next((column for column in columns if abs(column[0][1] - point[1]) < _NEAR * span), None)
        if column is None:
            columns.append([point])
        else:
            column.append(point)
    for column in columns:
        right = max(x for _, x, _ in column)
        places = _spread([y / per_pixel for _, _, y in column], _LINE)
        for (name, x, y), place in zip(column, places, strict=True):
            shift = place - y / per_pixel  # pixels, upwards
            far = abs(shift) > 1 or x < right
            figure.add_annotation(
                x=x,
                y=y,
                text=escaped(name),
                arrowhead=0,
                arrowwidth=1 if far else 0.1,
                arrowcolor=GREY,
                standoff=7,
                ax=34 if far else 10,
                ay=_BELOW - shift,
                xanchor="left",
                font={"size": 13},
                bgcolor="rgba(127,127,127,0.08)",
            )


def _spread(places: Sequence[float], gap: float) -> list[float]:
    """Falling places moved until each is at least ``gap`` below the one before, around their old middle."""
    moved: list[float] = []
    for place in places:
        moved.append(min(place, moved[-1] - gap) if moved else place)
    shift = (sum(places) - sum(moved)) / len(moved)
    return [place + shift for place in moved]
