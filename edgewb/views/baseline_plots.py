"""Figures on how a float network was trained, and on how sure anybody can be of its accuracy."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from edgewb.errors import InputError
from edgewb.intervals import examples_for_half_width, newcombe_interval, wilson_interval
from edgewb.lessons.selections import expected_best
from edgewb.types import Accuracy, Basis, Jsonable, Record
from edgewb.views.figures import BLUE, GREY, GRID, ORANGE, VERMILION, escaped, graph_objects, lay_out, lay_out_rows, log_axis, wrapped

if TYPE_CHECKING:
    from edgewb.study_contexts import LearningCurve

HALF_WIDTHS = (0.05, 0.03, 0.02, 0.01, 0.005, 0.003, 0.002)
VARIANTS = (1, 2, 3, 5, 10, 20, 50, 100)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Epoch(Jsonable):
    """One pass over the train split: mean loss, and accuracy on the validation split in percent with its 95 % Wilson interval."""

    epoch: int
    loss: float
    percent: float
    low_percent: float
    high_percent: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class CurveInfo(Jsonable):
    """``floor_percent``: where the axis of the accuracy begins, so that its first epochs do not flatten the rest."""

    epochs: tuple[Epoch, ...]
    n: int
    seconds: float
    basis: Basis

    @property
    def floor_percent(self) -> float:
        later = self.epochs[len(self.epochs) // 3 :]
        return max(0.0, min(epoch.low_percent for epoch in later) - 3)

    @property
    def below(self) -> tuple[Epoch, ...]:
        """The epochs that are not to be seen."""
        return tuple(epoch for epoch in self.epochs if epoch.percent < self.floor_percent)


def curve_info(curve: LearningCurve | None) -> CurveInfo:
    """The training of a classifier, epoch by epoch.

    Raises:
        InputError: a model that was trained elsewhere, or a regression.
    """
    if curve is None or curve.measure != "accuracy":
        raise InputError("no accuracy was recorded epoch by epoch: give the learning curve of a classifier that edgewb trained itself")
    epochs = []
    for number, (loss, share) in enumerate(zip(curve.losses, curve.validation, strict=True), start=1):
        low, high = wilson_interval(round(share * curve.n), curve.n)
        epochs.append(Epoch(epoch=number, loss=loss, percent=100 * share, low_percent=100 * low, high_percent=100 * high))
    return CurveInfo(epochs=tuple(epochs), n=curve.n, seconds=curve.seconds, basis=curve.basis)


def plot_learning_curve(curve: LearningCurve | None) -> Any:
    """Training loss above, validation accuracy with its interval below, epoch by epoch (``study.context.learning_curve``)."""
    go = graph_objects()
    info = curve_info(curve)
    numbers = [epoch.epoch for epoch in info.epochs]
    figure = go.Figure()
    figure.add_scatter(
        x=[*numbers, *numbers[::-1]],
        y=[*(e.high_percent for e in info.epochs), *(e.low_percent for e in info.epochs[::-1])],
        fill="toself",
        fillcolor="rgba(0,114,178,0.18)",
        line={"width": 0},
        hoverinfo="skip",
        name="95 % interval",
    )
    figure.add_scatter(
        x=numbers, y=[e.percent for e in info.epochs], mode="lines+markers", name="validation accuracy",
        line={"color": BLUE, "width": 2}, marker={"size": 7},
        hovertemplate="epoch %{x}: %{y:.1f} % right<extra></extra>",
    )  # fmt: skip
    figure.add_scatter(
        x=numbers, y=[e.loss for e in info.epochs], mode="lines+markers", name="training loss", yaxis="y2",
        line={"color": ORANGE, "width": 2, "dash": "dash"}, marker={"size": 7, "symbol": "diamond"},
        hovertemplate="epoch %{x}: loss %{y:.3g}<extra></extra>",
    )  # fmt: skip
    lay_out(figure, "Learning curve of the float network", f"number of epochs ({info.basis}, {info.seconds:.0f} s in all)", 520)
    figure.update_layout(
        yaxis={
            "domain": [0, 0.5], "range": [info.floor_percent, 100.5],
            "title": {"text": f"right in %<br>(validation, n = {info.n})", "font": {"size": 14}},
        },
        yaxis2={
            "domain": [0.6, 1], "anchor": "x", "title": {"text": "loss, value,<br>log axis", "font": {"size": 14}},
            "type": "log", "dtick": 1, "tickfont": {"size": 14}, "gridcolor": GRID, "automargin": True,
        },
        legend={"y": -0.2},
    )  # fmt: skip
    if info.below:
        said = ", ".join(f"{epoch.percent:.0f} %" for epoch in info.below)
        figure.add_annotation(
            x=info.below[-1].epoch, y=0, yref="paper", xanchor="left", yanchor="bottom", showarrow=False, font={"size": 14},
            text=f" below the axis: epoch 1{f' to {info.below[-1].epoch}' * (len(info.below) > 1)} ({said})",
        )  # fmt: skip
    return figure


@dataclasses.dataclass(frozen=True, kw_only=True)
class WidthPoint(Jsonable):
    """``n`` examples give an interval of ``half_width_points`` to either side, if ``percent`` of them are answered right."""

    percent: float
    half_width_points: float
    n: int


def width_info(percents: Sequence[float] = (80, 95, 99)) -> tuple[WidthPoint, ...]:
    """How many test examples an interval of a given width needs (95 % Wilson interval, computed, no measurement)."""
    return tuple(
        WidthPoint(percent=percent, half_width_points=100 * half, n=examples_for_half_width(percent / 100, half))
        for percent in percents
        for half in HALF_WIDTHS
    )


def plot_interval_widths(percents: Sequence[float] = (80, 95, 99)) -> Any:
    """How wide the interval of an accuracy is, against the number of test examples; both axes logarithmic."""
    go = graph_objects()
    info = width_info(percents)
    figure = go.Figure()
    styles = ((BLUE, "circle", "solid"), (ORANGE, "diamond", "dash"), (VERMILION, "square", "dot"))
    for percent, (colour, symbol, dash) in zip(percents, styles, strict=False):
        points = [point for point in info if point.percent == percent]
        figure.add_scatter(
            x=[p.n for p in points], y=[p.half_width_points for p in points], mode="lines+markers", name=f"{percent:g} % right",
            line={"color": colour, "dash": dash}, marker={"size": 9, "symbol": symbol},
            hovertemplate="n = %{x:,}: %{y:.1f} points to either side<extra></extra>",
        )  # fmt: skip
    figure.add_vline(x=500, line={"color": GREY, "width": 2, "dash": "dash"})
    figure.add_annotation(x=2.699, y=1, yref="paper", yanchor="bottom", text="our 500", showarrow=False, font={"size": 14})
    lay_out(figure, "How wide is the interval?", "number of test examples, log axis", 460)
    log_axis(figure, [p.n for p in info])
    figure.update_yaxes(
        title={"text": "half width in points, log axis<br>(95 % Wilson interval, computed)", "font": {"size": 14}},
        type="log", tickvals=[0.2, 0.3, 0.5, 1, 2, 3, 5], ticktext=["0.2", "0.3", "0.5", "1", "2", "3", "5"],
    )  # fmt: skip
    return figure


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShareRow(Jsonable):
    label: str
    percent: float
    low_percent: float
    high_percent: float
    n: int


def shares_info(records: Mapping[str, Record]) -> tuple[ShareRow, ...]:
    """Accuracy of each record with its 95 % Wilson interval, in percent, under a label of one's own."""
    rows = []
    for label, record in records.items():
        accuracy = _accuracy(record)
        low, high = accuracy.ci95
        rows.append(
            ShareRow(label=label, percent=100 * accuracy.value, low_percent=100 * low, high_percent=100 * high, n=accuracy.n)
        )  # fmt: skip
    return tuple(rows)


def _accuracy(record: Record) -> Accuracy:
    if record.accuracy is None:
        raise InputError(f"{record.recipe} is a regression, which has no accuracy: give records of a classifier")
    return record.accuracy


def plot_shares(records: Mapping[str, Record], title: str) -> Any:
    """One row per record: accuracy on its test examples, with the 95 % interval."""
    go = graph_objects()
    info = shares_info(records)
    labels = [escaped(row.label) for row in info]
    figure = go.Figure()
    figure.add_scatter(
        x=[r.percent for r in info], y=labels, mode="markers", showlegend=False,
        marker={"size": 12, "symbol": "square", "color": BLUE},
        error_x={
            "type": "data", "symmetric": False, "thickness": 2, "width": 6, "color": GREY,
            "array": [r.high_percent - r.percent for r in info], "arrayminus": [r.percent - r.low_percent for r in info],
        },
        customdata=[f"{r.percent:.1f} % [{r.low_percent:.1f}, {r.high_percent:.1f}], n = {r.n}" for r in info],
        hovertemplate="<b>%{y}</b><br>%{customdata}<extra></extra>",
    )  # fmt: skip
    counts = sorted({row.n for row in info})
    n = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    lay_out_rows(figure, escaped(title), wrapped("right in %, 95 % interval", f"(measured, n = {n} test examples each)", width=38), labels)
    return figure


@dataclasses.dataclass(frozen=True, kw_only=True)
class ComparisonRow(Jsonable):
    """A difference in points with a 95 % interval; ``how`` it was computed."""

    how: str
    points: float
    low_points: float
    high_points: float


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class ComparisonInfo(Jsonable):
    """A variant against its reference: the four cells of the paired table, and the interval with and without the pairing."""

    recipe: str
    against: str
    n: int
    both_right: int
    gained: int
    lost: int
    both_wrong: int
    p_value: float
    rows: tuple[ComparisonRow, ...]

    def __repr__(self) -> str:
        return (
            f"{self.n} test images: both right {self.both_right}, only {self.against} right {self.lost}, only {self.recipe} right "
            f"{self.gained}, both wrong {self.both_wrong}; McNemar p = {self.p_value:.3f} (measured)"
        )

    def _repr_html_(self) -> str:
        ours, other = escaped(self.recipe), escaped(self.against)
        return (
            f'<table><caption style="text-align:left">The same {self.n} test images, answered by both (measured)</caption>'
            f"<tr><th></th><th>{ours} right</th><th>{ours} wrong</th></tr>"
            f"<tr><th>{other} right</th><td>{self.both_right}</td><td><strong>{self.lost}</strong> lost</td></tr>"
            f"<tr><th>{other} wrong</th><td><strong>{self.gained}</strong> gained</td><td>{self.both_wrong}</td></tr></table>"
            f"<p>McNemar's exact p = {self.p_value:.3f}</p>"
        )


def comparison_info(records: Sequence[Record], recipe: str) -> ComparisonInfo:
    """The paired table of a variant and its reference, from the answers to the same test examples.

    Raises:
        InputError: no such record, or one that was not compared.
    """
    by_name = {record.recipe: record for record in records}
    record = by_name.get(recipe)
    if record is None or record.accuracy_delta is None or record.accuracy_delta.against not in by_name:
        compared = ", ".join(name for name, r in by_name.items() if r.accuracy_delta is not None)
        raise InputError(
            f"{recipe!r} was not compared with another on the same examples: take one of {compared or 'a study with two variants'}"
        )
    delta, own, other = record.accuracy_delta, _accuracy(record), _accuracy(by_name[record.accuracy_delta.against])
    low, high = newcombe_interval(own.correct, own.n, other.correct, other.n)
    both = own.correct - delta.gained
    return ComparisonInfo(
        recipe=recipe,
        against=delta.against,
        n=delta.n,
        both_right=both,
        gained=delta.gained,
        lost=delta.lost,
        both_wrong=delta.n - both - delta.gained - delta.lost,
        p_value=delta.p_value,
        rows=(
            ComparisonRow(how="same images, paired", points=delta.points, low_points=delta.ci95[0], high_points=delta.ci95[1]),
            ComparisonRow(how="as if other images", points=delta.points, low_points=100 * low, high_points=100 * high),
        ),
    )


def plot_comparison(records: Sequence[Record], recipe: str) -> Any:
    """The difference between a variant and its reference, once paired and once as if each had seen images of its own."""
    go = graph_objects()
    info = comparison_info(records, recipe)
    labels = [row.how for row in info.rows]
    figure = go.Figure()
    figure.add_scatter(
        x=[row.points for row in info.rows], y=labels, mode="markers", showlegend=False,
        marker={"size": 13, "symbol": ["square", "circle-open"], "color": [BLUE, ORANGE], "line": {"width": 2}},
        error_x={
            "type": "data", "symmetric": False, "thickness": 2, "width": 6, "color": GREY,
            "array": [row.high_points - row.points for row in info.rows],
            "arrayminus": [row.points - row.low_points for row in info.rows],
        },
        customdata=[f"{row.points:+.1f} [{row.low_points:+.1f}, {row.high_points:+.1f}] points" for row in info.rows],
        hovertemplate="<b>%{y}</b><br>%{customdata}<extra></extra>",
    )  # fmt: skip
    x_title = wrapped(f"difference in points, 95 % interval (measured, n = {info.n}); left of 0: {info.recipe} is worse", width=40)
    lay_out_rows(figure, f"{escaped(info.recipe)} against {escaped(info.against)}", x_title, labels)
    figure.add_vline(x=0, line={"color": GREY, "width": 2})
    return figure


@dataclasses.dataclass(frozen=True, kw_only=True)
class BestPoint(Jsonable):
    """The best of so many equally good variants is expected to look ``points`` better than it is, on ``n`` examples."""

    variants: int
    n: int
    points: float


def best_info(percent: float = 98, sizes: Sequence[int] = (200, 500, 5000)) -> tuple[BestPoint, ...]:
    """What choosing by a split adds to the figure of the chosen one there (``selections.expected_best``; computed, no measurement)."""
    share = percent / 100
    return tuple(BestPoint(variants=count, n=n, points=100 * (expected_best(share, n, count) - share)) for n in sizes for count in VARIANTS)


def plot_best_of(percent: float = 98, sizes: Sequence[int] = (200, 500, 5000)) -> Any:
    """How much better the best of several equally good variants looks on the examples it was chosen by."""
    go = graph_objects()
    info = best_info(percent, sizes)
    figure = go.Figure()
    styles = ((VERMILION, "square", "dot"), (BLUE, "circle", "solid"), (ORANGE, "diamond", "dash"))
    for n, (colour, symbol, dash) in zip(sizes, styles, strict=False):
        points = [point for point in info if point.n == n]
        figure.add_scatter(
            x=[p.variants for p in points], y=[p.points for p in points], mode="lines+markers", name=f"chosen on {n:,} images",
            line={"color": colour, "dash": dash}, marker={"size": 9, "symbol": symbol},
            hovertemplate="best of %{x}: looks %{y:.2f} points better<extra></extra>",
        )  # fmt: skip
    lay_out(figure, "The best of many looks better than it is", "number of equally good variants tried, log axis", 460)
    log_axis(figure, list(VARIANTS))
    figure.update_yaxes(
        title={"text": f"added in points (computed;<br>each really {percent:g} % right, independent)", "font": {"size": 14}},
        rangemode="tozero",
    )  # fmt: skip
    return figure
