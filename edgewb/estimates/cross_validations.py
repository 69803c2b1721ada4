"""Errors on what was left out: of one form, of the choice between forms, of the intervals, of a calibration with three nets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

from edgewb.estimates.calibrations import adapt
from edgewb.estimates.coverages import calibrated
from edgewb.estimates.forms import FORMS, Array, Form, fit
from edgewb.estimates.priors import PHYSICAL, Prior, host_prior
from edgewb.estimates.published import Rows


def errors(estimated: Array, measured: Array) -> Array:
    """Absolute percentage errors, as shares of the measured time."""
    return np.abs(np.asarray(estimated) / measured - 1)


def leave_out(rows: Rows, groups: Sequence[str], form: Form, prior: Prior) -> Array:
    """Each row's milliseconds from a fit to the rows of the other groups."""
    table = rows.table
    found = np.zeros(len(rows.ms))
    for group in dict.fromkeys(groups):
        kept = [i for i, g in enumerate(groups) if g != group]
        left = [i for i, g in enumerate(groups) if g == group]
        constants = fit(table.chosen(kept), rows.ms[kept], form, prior)
        found[left] = table.chosen(left).times(constants, form)
    return found


def judge_form(form: Form, rows: Rows, others: Mapping[str, Rows]) -> float:
    """The error by which a form is chosen: on the accepted rows of all hosts, desktop families and other hosts' models left out."""
    off = [errors(leave_out(rows, rows.families, form, PHYSICAL), rows.ms)[rows.accepted]]
    constants = fit(rows.table, rows.ms, form, PHYSICAL)
    for name, theirs in others.items():
        off.append(errors(leave_out(theirs, theirs.models, form, host_prior(name, constants)), theirs.ms)[theirs.accepted])
    return float(np.concatenate(off).mean())


def choose_form(rows: Rows, others: Mapping[str, Rows]) -> Form:
    """The form with the smallest such error."""
    return min(FORMS, key=lambda form: judge_form(form, rows, others))


def nested(rows: Rows, others: Mapping[str, Rows]) -> tuple[Array, dict[str, int]]:
    """Each desktop model's milliseconds from a form chosen, and constants fitted, without it on any host; how often each form was
    chosen."""
    table = rows.table
    found = np.zeros(len(rows.ms))
    chosen: dict[str, int] = {}
    for model in dict.fromkeys(rows.models):
        kept = [i for i, m in enumerate(rows.models) if m != model]
        left = [i for i, m in enumerate(rows.models) if m == model]
        rest = {name: theirs.at([i for i, m in enumerate(theirs.models) if m != model]) for name, theirs in others.items()}
        form = choose_form(rows.at(kept), rest)
        chosen[form.name] = chosen.get(form.name, 0) + 1
        found[left] = table.chosen(left).times(fit(table.chosen(kept), rows.ms[kept], form, PHYSICAL), form)
    return found, chosen


def nested_coverage(rows: Rows, groups: Sequence[str], form: Form, prior: Prior) -> float:
    """How often an interval holds the accepted rows of a group when neither the fit nor the interval has seen the group."""
    table, accepted = rows.table, rows.accepted
    inside: list[bool] = []
    for group in dict.fromkeys(groups):
        left = [i for i, g in enumerate(groups) if g == group and accepted[i]]
        if not left:
            continue
        kept = [i for i, g in enumerate(groups) if g != group]
        rest, their_groups = rows.at(kept), [groups[i] for i in kept]
        residuals = np.log(rest.ms / leave_out(rest, their_groups, form, prior))[rest.accepted]
        low, high, _ = calibrated(residuals, [g for g, ok in zip(their_groups, rest.accepted, strict=True) if ok])
        constants = fit(table.chosen(kept), rest.ms, form, prior)
        ratio = rows.ms[left] / table.chosen(left).times(constants, form)
        inside += [bool(low <= r <= high) for r in ratio]
    return sum(inside) / len(inside)


def errors_from_three(rows: Rows, start: Mapping[str, float], form: Form) -> Array:
    """The mean error on the other nets for every choice of three to calibrate with."""
    table = rows.table
    off = []
    for chosen in combinations(range(len(rows.ms)), 3):
        rest = [i for i in range(len(rows.ms)) if i not in chosen]
        constants = adapt(table.chosen(chosen), rows.ms[list(chosen)], start, form)
        off.append(errors(table.chosen(rest).times(constants, form), rows.ms[rest]).mean())
    return np.array(off)
