"""Which targets answer on a live page: chosen among those offered, opened at once or beside the page, closed when others take over."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from edgewb.errors import EdgewbError, InputError, unknown_name
from edgewb.targets import split_target, target_form, without_address
from edgewb.views.widgets.live_models import Classifier
from edgewb.views.widgets.live_openings import Opening, opens_slowly, take
from edgewb.views.widgets.live_sides import Side, open_side
from edgewb.views.widgets.pages import Reply, without_places
from edgewb.views.widgets.uploads import UploadPage


class TargetsPage(UploadPage):
    """A page on which one target answers, or two side by side.

    Attributes:
        choices: what may be chosen. sides: the targets that answer now.
        left_out: targets that are here and none for this model, with the reason.
        refused: why the target chosen last is not among them; "" where it is. Not in ``alert``, which the next frame of a stream clears.
        uploaded: whether that is a visitor's, which runs in processes with limits. Their opening does not go on beside the page, for these
            end with the thread that started them.
        classifier: what they have loaded; ``compiled``: what "edgetpu" is given in its place, if anything.
    """

    choices: tuple[str, ...]
    sides: list[Side]
    classifier: Classifier
    compiled: Path | None
    threads: int
    uploaded: bool = False
    left_out: str = ""
    openings: tuple[Opening, ...] = ()
    refused: str = ""
    _wanted: tuple[str, str | None] | None = None

    def count_anew(self) -> None:
        """Begin to count again, after other targets have taken over."""
        raise NotImplementedError

    @property
    def target(self) -> str:
        """The first target, as it is named."""
        return self.sides[0].given

    @property
    def beside(self) -> str | None:
        """The second one."""
        return self.sides[1].given if len(self.sides) > 1 else None

    @property
    def asked(self) -> tuple[str, str | None]:
        """Target and the one beside it, as the visitor chose them last: they may still be being opened."""
        return self._wanted or (self.target, self.beside)

    def choose(self, target: str, beside: str | None = None) -> None:
        """Answer with another target, and perhaps with a second one on the same frames. Counting begins anew.

        Raises:
            InputError: not among ``choices``, or twice the same. EdgewbError: it cannot be used; those before stay.
        """
        self._check(target, beside)
        self._give_up()
        self._exchange((target, beside), {})

    # Events of the page.

    def on_target(self, value: Any, buffers: Sequence[memoryview]) -> None:
        """Another target: its place among ``choices``."""
        target, beside = self._chosen(value), self.asked[1]
        self._change_to(target, beside if beside != target else None)

    def on_beside(self, value: Any, buffers: Sequence[memoryview]) -> None:
        """Another target beside the first, by its place; or none: ""."""
        self._change_to(self.asked[0], None if value == "" else self._chosen(value))

    def on_look(self, value: Any, buffers: Sequence[memoryview]) -> Reply | None:
        """Whether what is being opened is there: then it takes over."""
        if not all(opening.done for opening in self.openings):
            return Reply({}, later=("opening",))
        wanted, openings = self._wanted, list(self.openings)
        self._wanted, self.openings = None, ()
        if wanted is not None:
            with self._refusing():
                self._exchange(wanted, take(openings))
        return None

    def on_stay(self, value: Any, buffers: Sequence[memoryview]) -> None:
        """What is being opened is wanted no longer."""
        self.refused = ""
        self._give_up()

    # Within.

    def _change_to(self, target: str, beside: str | None) -> None:
        """As ``choose``, but for what takes seconds, which ``on_look`` sees to when it is there."""
        self._check(target, beside)
        self.refused = ""
        here = {side.given for side in self.sides}
        slow = [given for given in (target, beside) if given is not None and given not in here and self._opens_slowly(given)]
        if not slow:
            self._sent.pop("model", None)  # the page's list shows what was chosen, also where that fails and another goes on
            with self._refusing():
                self.choose(target, beside)
            return
        under_way = {opening.given: opening for opening in self.openings}
        for given, opening in under_way.items():
            if given not in slow:
                opening.drop()
        self.openings = tuple(under_way.get(given) or Opening(given, self.classifier, self._file(given), self.threads) for given in slow)
        self._wanted = target, beside

    @contextlib.contextmanager
    def _refusing(self) -> Iterator[None]:
        try:
            yield
        except EdgewbError as error:
            self.refused = without_places(str(error).replace(str(self.classifier.path), self.classifier.name))
            for given in self.choices:  # an address is nothing for visitors
                self.refused = without_address(self.refused, given)

    def _check(self, target: str, beside: str | None) -> None:
        for given in (target, *([] if beside is None else [beside])):
            if given not in self.choices:
                raise unknown_name("target", given, self.choices)
        if target == beside:
            raise InputError(f"{target_form(beside)} answers already: choose another one beside it")

    def _exchange(self, chosen: tuple[str, str | None], opened: dict[str, Side]) -> None:
        """Other targets take over: those that answer already, those that were opened, and the rest opened here."""
        kept = {side.given: side for side in self.sides}
        wanted = [given for given in chosen if given is not None]
        try:
            for given in wanted:
                if given not in kept and given not in opened:
                    opened[given] = self._open(given)
        except EdgewbError:
            for side in opened.values():
                side.close()
            raise
        for given, side in kept.items():
            if given not in wanted:
                side.close()
        self.sides = [kept.get(given) or opened[given] for given in wanted]
        self.count_anew()

    def _give_up(self) -> None:
        for opening in self.openings:
            opening.drop()
        self._wanted, self.openings = None, ()

    def _chosen(self, place: Any) -> str:
        """What the page names by its place: an address of a target is nothing for visitors, and they name no others."""
        if not isinstance(place, str) or not place.isdecimal() or len(place) > 3 or int(place) >= len(self.choices):
            raise InputError(f"target {str(place)[:40]!r} is not offered here: choose one of the list")
        return self.choices[int(place)]

    def _file(self, given: str) -> Path:
        compiled = self.compiled if split_target(given)[0] == "edgetpu" else None
        return compiled or self.classifier.path

    def _opens_slowly(self, given: str) -> bool:
        return not self.uploaded and opens_slowly(given)

    def _open(self, given: str) -> Side:
        return open_side(given, self.classifier, self._file(given), self.threads, sandboxed=self.uploaded)

    def _close_sides(self) -> None:
        self.refused = ""
        self._give_up()
        for side in self.sides:
            side.close()
        self.sides = []
