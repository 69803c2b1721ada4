"""The trade-off explorer: what each variant of a study costs and what accuracy it keeps; which to take within a budget, and why."""

from __future__ import annotations

import os
from collections.abc import Hashable, Sequence
from typing import Any, ClassVar

import traitlets

from edgewb.errors import InputError, unknown_name
from edgewb.recommendations import check_budget, recommend
from edgewb.records.listings import Records
from edgewb.reproductions import asked_of, command_line, python_code
from edgewb.running import RunningStudy, cancel_study, running_studies
from edgewb.types import Recommendation, Record
from edgewb.verdicts import budget_text, verdict_note
from edgewb.views.pictures import pictures_for
from edgewb.views.tradeoffs import Cost, energy_missing, list_costs, read_tradeoff, references_of, tradeoff_info
from edgewb.views.widgets.explorer_charts import cut_lines, draw_chart, floor_text
from edgewb.views.widgets.explorer_details import clauses_of, figure_rows, make_overview, make_panel
from edgewb.views.widgets.explorer_downloads import file_name, find_report, make_report, read_model
from edgewb.views.widgets.explorer_studies import OpenStudy, Shelf
from edgewb.views.widgets.pages import Page, script, style
from edgewb.views.widgets.registry import PARTS

CONTROL_VARIABLE = "EDGEWB_DASHBOARD_CONTROL"
WIDE, NARROW = (860, 410), (360, 380)
_SLIDER_ENDS = (5, 10, 20, 50, 100)


class Explorer(Page):
    """Accuracy against a cost, for the studies of the record store; its state can be read and set from code.

    Args:
        records: show these; None for what the home's record store holds and what comes with the repository.
        budget: accuracy that may be lost, in points.
        control: whether running studies can be cancelled here; None: yes, unless the environment variable EDGEWB_DASHBOARD_CONTROL is 0.

    Attributes:
        study: id of the study shown, one of ``studies``; "" where there is none.
        cost: id of the cost it is drawn against, one of ``costs``.
        budget: see above.
        selected, compared: recipes of which the figures are shown; ``compared`` may be "".
        recommendation: what to take for the budget; None where there is no study.
    """

    template: ClassVar[str] = "explorer.html.j2"
    regions: ClassVar[tuple[str, ...]] = (
        *("studies", "running", "costs", "plot", "slider", "budget", "choice"),
        *("details", "downloads", "table"),
    )
    name: ClassVar[str] = "explorer"
    _esm = script(*PARTS["explorer"][0])
    _css = style(*PARTS["explorer"][1])

    study = traitlets.Unicode()
    cost = traitlets.Unicode()
    budget = traitlets.Float()
    selected = traitlets.Unicode()
    compared = traitlets.Unicode()

    def __init__(self, records: Sequence[Record] | None = None, *, budget: float = 1.0, control: bool | None = None) -> None:
        self.control = os.environ.get(CONTROL_VARIABLE, "1") != "0" if control is None else control
        self._shelf = Shelf(records)
        self._version = self._shelf.version()
        self._running: tuple[RunningStudy, ...] = running_studies() if records is None else ()
        self._cancelled: RunningStudy | None = None  # one that was asked to stop, and has
        self._watching = records is None
        self._open: OpenStudy | None = None
        self._costs: tuple[Cost, ...] = ()
        self._recommended: tuple[Hashable, Recommendation | None] = (None, None)
        self._quiet = True  # while several things change at once, or an event is handled, after which everything is sent anyway
        self._shown: Hashable = None
        self._slider_at = budget
        self._first: tuple[str, ...] = ()  # regions that are sent at once, the others a little later
        self._said = ""
        self._picked = False  # whether a visitor has chosen a variant of this study
        super().__init__(budget=budget)
        if self._shelf.choices:
            self._show_first()
        self.alert = self._shelf.problem
        self.markup = self.render()
        self._quiet = False

    @property
    def studies(self) -> dict[str, str]:
        """The studies that can be shown: id -> what the list says."""
        return {choice.id: choice.label for choice in self._shelf.choices}

    @property
    def costs(self) -> dict[str, str]:
        """What the study can be drawn against: id -> what the button says."""
        return {cost.id: cost.name for cost in self._costs}

    @property
    def records(self) -> Records:
        """Those of the study shown."""
        return self._open.records if self._open is not None else Records()

    @property
    def recommendation(self) -> Recommendation | None:
        """For the present budget; the reason stands in it."""
        if self._open is None:
            return None
        asked = (id(self._open), self.budget)
        if self._recommended[0] != asked:
            self._recommended = (asked, recommend(self.records, self.budget))
        return self._recommended[1]

    @property
    def running(self) -> tuple[RunningStudy, ...]:
        """Studies under way on this computer, as last seen."""
        return self._running

    @traitlets.validate("budget")
    def _check_budget(self, proposal: Any) -> float:
        return check_budget(proposal["value"])

    @traitlets.validate("study")
    def _check_study(self, proposal: Any) -> str:
        return _known("study", proposal["value"], self.studies)

    @traitlets.validate("cost")
    def _check_cost(self, proposal: Any) -> str:
        return _known("cost", proposal["value"], self.costs)

    @traitlets.validate("selected")
    def _check_selected(self, proposal: Any) -> str:
        return _known("variant", proposal["value"], [record.recipe for record in self.records])

    @traitlets.validate("compared")
    def _check_compared(self, proposal: Any) -> str:
        return _known("variant", proposal["value"], ["", *(record.recipe for record in self.records)])

    @traitlets.observe("study", "cost", "budget", "selected", "compared")
    def _changed(self, change: Any) -> None:
        if change["name"] == "study":
            self._show(self._shelf.open(self.study))
        if not self._quiet:
            if change["name"] == "budget":
                self._slider_at = self.budget
            self.refresh()

    def _show(self, study: OpenStudy) -> None:
        """Take a study's records; what was chosen stays chosen where this one has it, too."""
        other = self._open is None or self._open.choice.id != study.choice.id
        self._open = study
        self._costs = list_costs(study.records)
        self._overview = make_overview(study.records)
        self._pictures: dict[str, dict[int, str]] = {}
        recipes = [record.recipe for record in study.records]
        reference = next(iter(sorted(references_of(study.records) & set(recipes))), "")
        quiet, self._quiet = self._quiet, True
        try:
            if self.cost not in self.costs and self.costs:
                self.cost = next(iter(self.costs))
            if self.selected not in recipes and recipes:
                chosen = self.recommendation
                self.selected = chosen.recipe if chosen is not None and chosen.recipe in recipes else recipes[0]
                self.compared = reference
            if self.compared not in (recipes if other else ["", *recipes]):
                self.compared = reference
        finally:
            self._quiet = quiet

    def _follow(self) -> None:
        """Until a visitor has picked a variant, what is shown beside the recommendation, and offered to take away, is the one it names."""
        chosen = self.recommendation
        if not self._picked and chosen is not None and chosen.recipe is not None:
            self.selected = chosen.recipe

    # What the page asks for. Every value comes from a visitor.

    def on_study(self, value: Any, _buffers: Any) -> None:
        self._picked = False
        self.study = str(value)
        self._slider_at = self.budget
        self._follow()

    def on_cost(self, value: Any, _buffers: Any) -> None:
        self.cost = str(value)

    def on_budget(self, value: Any, _buffers: Any) -> None:
        try:
            self.budget = float(value)
        except (TypeError, ValueError):
            raise InputError(f"budget {str(value)[:40]!r}: give a number of points, such as 1.0") from None
        self._follow()
        self._first = ("alert", "plot", "budget", "choice")

    def on_settle(self, _value: Any, _buffers: Any) -> None:
        """The slider was let go: what waited while it moved is drawn now."""

    def on_select(self, value: Any, _buffers: Any) -> None:
        self.selected = str(value)
        self._picked = True

    def on_compare(self, value: Any, _buffers: Any) -> None:
        self.compared = str(value)

    def on_poll(self, _value: Any, _buffers: Any) -> None:
        """Ask for news: sent by the page while somebody looks at it. What was said before stays said."""
        self.alert = self._said
        self.look()

    def on_cancel(self, value: Any, _buffers: Any) -> None:
        if not self.control:
            raise InputError("studies cannot be cancelled from this page: it is published; cancel where the study runs")
        cancel_study(_known("running study", str(value), [study.id for study in self._running]))
        self._running = running_studies()

    def on_save_model(self, value: Any, _buffers: Any) -> None:
        record = self._record(value)
        self.download(f"{file_name(record.model, record.recipe)}.tflite", "application/octet-stream", read_model(record))

    def on_save_code(self, value: Any, _buffers: Any) -> None:
        record = self._record(value)
        code = python_code(record, self.budget)
        self.download(f"make_{file_name(record.recipe)}.py", "text/x-python", code.encode("utf-8"))

    def on_save_report(self, _value: Any, _buffers: Any) -> None:
        if self._open is None or not self.records:
            raise InputError("there is no study to report: run one, such as `edgewb demo`")
        content = find_report(self.records, self.budget)
        if content is None:
            about = [self._open.about] if self._open.about else []
            pictures = {index: uri for record in self.records for index, uri in pictures_for(record).items()}
            content = make_report(self.records, self.budget, about, pictures)
        self.download(f"{file_name(self.records[0].dataset, self.records[0].model)}_report.html", "text/html", content)

    def opened(self) -> None:
        """What a kernel drew ahead may be older than what has been recorded since."""
        self.look()

    def look(self) -> None:
        """See what has been recorded since, and what is under way. Cheap when nothing has changed."""
        if not self._watching:
            return
        before, self._running = self._running, running_studies()
        ended = [study for study in before if study.cancelling and study.id not in {each.id for each in self._running}]
        self._cancelled = ended[-1] if ended else None if self._running else self._cancelled
        version = self._shelf.version()
        if version == self._version:
            return
        self._version = version
        self._shelf.reload()
        self.alert = self._shelf.problem or self.alert
        if self.study in self.studies:
            self._show(self._shelf.open(self.study))
        elif self._shelf.choices:
            gone, self._picked = self._open is not None, False
            self._show_first()
            self._follow()
            if gone:
                self.alert = self.alert or "the study shown here is no longer recorded: another one has taken its place, choose above"

    def _show_first(self) -> None:
        # One that was stopped after its first variant has nothing to choose from.
        best = next((choice for choice in self._shelf.choices if len(choice.group.keys) > 1), self._shelf.choices[0])
        self.study = best.id

    def refresh(self, *regions: str) -> None:
        """Send what has changed; nothing is drawn where nothing has."""
        state = self._state()
        first, self._first = self._first, ()
        if regions or first:
            super().refresh(*(regions or first))  # the others are still to be sent: the state does not count as shown
        elif state != self._shown or not self._sent:  # the latter after a broken connection
            self._shown = state
            super().refresh()

    def render(self) -> str:
        self._slider_at = self.budget
        self._shown = self._state()
        return super().render()

    def _state(self) -> Hashable:
        running = tuple((s.id, s.current, s.done, s.failed, round(s.share, 2), s.alive, s.cancelling) for s in self._running)
        chosen = (self.study, self.cost, self.budget, self.selected, self.compared, self._slider_at)
        return (chosen, id(self._open), self.alert, running, self._cancelled and self._cancelled.id, tuple(self.studies.items()))

    def _receive(self, widget: Any, content: Any, buffers: Any) -> None:
        quiet, self._quiet, self._said = self._quiet, True, self.alert
        try:
            super()._receive(widget, content, buffers)
        finally:
            self._quiet = quiet

    def _record(self, recipe: Any) -> Record:
        name = _known("variant", str(recipe), [record.recipe for record in self.records])
        return next(record for record in self.records if record.recipe == name)

    def _pictures_of(self, record: Record) -> dict[int, str]:
        if record.recipe not in self._pictures:
            self._pictures[record.recipe] = pictures_for(record)
        return self._pictures[record.recipe]

    def _recorded(self, study: RunningStudy) -> str:
        """The id of what a study under way has recorded so far, where that is not on the page already; else ""."""
        same = (study.dataset_fingerprint, study.model, study.seed)
        for choice in self._shelf.choices:
            group = choice.group
            if not choice.elsewhere and (group.dataset_fingerprint, group.model, group.seed) == same and group.created >= study.started:
                return "" if choice.id == self.study else choice.id
        return ""

    def context(self) -> dict[str, Any]:
        shared = {
            "choices": self._shelf.choices,
            "study": self.study,
            "running": [(study, self._recorded(study)) for study in self._running],
            "cancelled": self._cancelled,
            "control": self.control,
            "budget": self.budget,
            "budget_text": budget_text(round(self.budget, 2)),
            "slider_at": self._slider_at,
            "open": self._open,
        }
        if self._open is None or not self.records:
            return {**shared, "open": None}
        records, chosen = self.records, self.recommendation
        cost = next(known for known in self._costs if known.id == self.cost)
        info = tradeoff_info(records, cost, self.budget, chosen.recipe if chosen else None)
        named = [self.selected, self.compared]
        compared = [self._record(name) for name in dict.fromkeys(named) if name]
        losses = [-delta.points for r in records for delta in (r.validated, r.delta) if delta is not None]
        return {
            **shared,
            "records": records,
            "selected": self.selected,
            "compared": self.compared,
            "costs": {kind: [c for c in self._costs if c.kind == kind] for kind in dict.fromkeys(c.kind for c in self._costs)},
            "no_energy": energy_missing(records),
            "info": info,
            "reading": read_tradeoff(info),
            "charts": [draw_chart(info, "wide", *WIDE, named), draw_chart(info, "narrow", *NARROW, named)],
            "floor_text": floor_text(info),
            "cut": cut_lines(info),
            "references": sorted(references_of(records) & {record.recipe for record in records}),
            "slider_end": next(end for end in _SLIDER_ENDS if end >= min(100.0, max(self._slider_at, *losses, 0.0))),
            "recommendation": chosen,
            "reasons": clauses_of(chosen.why) if chosen else [],
            "panels": [make_panel(record, records, chosen, self._pictures_of(record)) for record in compared],
            "figures": figure_rows(compared, records, self._overview.columns),
            "overview": self._overview,
            "verdicts": verdict_note(chosen.verdicts, chosen.recipe) if chosen else "",
            "command": command_line(asked_of([compared[0]], self.budget)),
        }


def _known(kind: str, given: Any, allowed: Any) -> str:
    name = str(given)
    if name not in allowed:
        raise unknown_name(kind, name[:60], allowed)
    return name
