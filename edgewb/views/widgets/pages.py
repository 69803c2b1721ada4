"""What every widget is made of: markup drawn in Python, in regions that are sent again when they change, and events that come back.

In JupyterLab anywidget mounts ``page.js``; on a dashboard's page the markup is in the HTML from the start and the same script takes over
the elements that are there, so that nothing moves.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import anywidget
import jinja2
import traitlets
from markupsafe import Markup, escape

from edgewb.errors import EdgewbError, InputError
from edgewb.locations import home
from edgewb.views.texts import clean, clean_output

HERE = Path(__file__).parent
LOG = logging.getLogger(__name__)


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=clean_output,  # whatever a file or a visitor calls itself
    )
    environment.filters["ticked"] = ticked
    return environment


def ticked(text: str) -> Markup:
    """A sentence of ours with what is to be typed `between such ticks`, as it looks elsewhere on the page; its arrows do not break."""
    text = text.replace(" -> ", " → ")
    parts = [escape(clean(part)) for part in text.split("`")]
    if len(parts) % 2 == 0:  # a tick without its other one
        return escape(clean(text))
    return Markup("").join(Markup("<code>{}</code>").format(part) if i % 2 else part for i, part in enumerate(parts))


def draw(template: str, **context: Any) -> Markup:
    """A part of a page that a template draws by itself, such as one to be kept until it changes."""
    return Markup(_environment().get_template(template).render(context))  # noqa: S704 - jinja2 has escaped what came from people


def compile_templates() -> None:
    """Read all templates now, not when the first page is drawn."""
    for name in _environment().list_templates():
        _environment().get_template(name)


@cache
def script(*names: str) -> str:
    """The script of a widget: ``page.js``, which exports ``render``, after what the widget adds.

    That is a function ``enhance({model, root, sender})`` which returns its own undoing.
    """
    return "\n".join((HERE / "static" / f"{name}.js").read_text(encoding="utf-8") for name in (*names, "page"))


@cache
def style(*names: str) -> str:
    """The style sheet of a widget: what all have in common, then its own."""
    return "\n".join((HERE / "static" / f"{name}.css").read_text(encoding="utf-8") for name in ("page", *names))


def without_places(text: str) -> str:
    """A message without the folders of this computer, where the page is published: visitors need not know them."""
    if os.environ.get("EDGEWB_DASHBOARD_CONTROL") != "0":
        return text
    for place, name in ((str(home()), "HOME"), (str(Path.cwd()), "."), (str(HERE.parents[2]), "edgewb"), (str(Path.home()), "~")):
        if len(place) > 1:
            text = text.replace(place, name)
    return text


class Reply(NamedTuple):
    """What a handler may return in place of having everything drawn: a message of its own, sent with the word that the event is done.

    ``later`` are regions that are drawn when it is on its way: who waits for the reply does not wait for them.
    """

    content: dict[str, Any]
    buffers: Sequence[bytes] = ()
    later: tuple[str, ...] = ()


class Page(anywidget.AnyWidget):  # type: ignore[misc]
    """A widget whose markup is drawn in Python.

    A subclass names its jinja2 ``template``, which extends ``page.html.j2``; each block in ``regions`` can be sent anew by itself. What the
    template sees comes from ``context()``. An element with ``data-click="select"`` (``data-input``, ``data-change``, ``data-submit``)
    calls ``on_select(value, buffers)`` with its ``data-value``, its value, or what the form holds; where that returns False, nothing has
    changed and nothing is drawn; where it returns a ``Reply``, that is sent and nothing else is drawn.

    Attributes:
        markup: everything as HTML, as it is now.
        alert: what went wrong last, shown on the page; "" where nothing did.
    """

    template: ClassVar[str]
    regions: ClassVar[tuple[str, ...]] = ()
    name: ClassVar[str]
    _esm = script()
    _css = style()

    markup = traitlets.Unicode().tag(sync=True)
    alert = traitlets.Unicode()

    def __init__(self, **traits: Any) -> None:
        self._sent: dict[str, str] = {}
        super().__init__(**traits)
        self.markup = self.render()
        self.on_msg(self._receive)

    def context(self) -> dict[str, Any]:
        """What the template is drawn from."""
        raise NotImplementedError

    def render(self) -> str:
        """The whole page as HTML; remembers what each region looked like."""
        template, context = self._template()
        for region in ("alert", *self.regions):
            self._sent[region] = self._block(template, context, region)
        return template.render(context)

    def refresh(self, *regions: str) -> None:
        """Send the regions named, or all, as far as they have changed."""
        if changed := self.redraw(*regions):
            self.send({"regions": changed})

    def redraw(self, *regions: str) -> dict[str, str]:
        """Of the regions named, or all, those that have changed, as HTML: for a message of one's own with the key "regions"."""
        template, context = self._template()
        changed: dict[str, str] = {}
        for region in regions or ("alert", *self.regions):
            html = self._block(template, context, region)
            if self._sent.get(region) != html:
                self._sent[region] = changed[region] = html
        return changed

    def download(self, name: str, mime: str, content: bytes) -> None:
        """Let the browser save a file."""
        self.send({"download": {"name": name, "mime": mime}}, buffers=[content])

    def get_state(self, *arguments: Any, **options: Any) -> Any:
        """As of now: who opens the page again sees what it looks like, not what it looked like at first."""
        if self._sent:
            with self.hold_trait_notifications():
                self.set_trait("markup", self.render())
        return super().get_state(*arguments, **options)

    def _template(self) -> tuple[jinja2.Template, dict[str, Any]]:
        return _environment().get_template(self.template), {"alert": self.alert, **self.context()}

    @staticmethod
    def _block(template: jinja2.Template, context: dict[str, Any], region: str) -> str:
        if (
            region == "alert"
        ):  # a block of the template that every page extends, and of a page's own blocks alone can one be drawn by itself
            return str(escape(clean(context["alert"])))
        return "".join(template.blocks[region](template.new_context(context)))

    def opened(self) -> None:
        """A visitor has opened the page, which may have been drawn some time before: here a widget reads again what may have changed."""

    def _receive(self, _widget: Any, content: Any, buffers: Sequence[memoryview]) -> None:
        """One event of the page. Whatever goes wrong is said on the page; the page goes on."""
        content = content if isinstance(content, dict) else {}
        number, reply = content.get("number"), Reply({})
        drawn = self._handle(content.get("event"), content.get("value"), buffers)
        if isinstance(drawn, Reply):
            reply = drawn
        elif drawn is not False:  # else nothing has changed that is drawn: a piece of a file
            self._draw()
        self.send({**reply.content, "done": number if isinstance(number, int) else None}, buffers=list(reply.buffers))
        if reply.later:
            self._draw(*reply.later)

    def _draw(self, *regions: str) -> None:
        """As ``refresh``. With what could not be drawn the page stays as it is, and says so."""
        try:
            self.refresh(*regions)
        except Exception as error:
            self._say(error, "drawing")
            self._sent.clear()  # what was noted as sent was not: the next drawing sends all
            self.send({"regions": {"alert": str(escape(clean(self.alert)))}})

    def _handle(self, name: Any, value: Any, buffers: Sequence[memoryview]) -> Any:
        """Call the method an event is for; what it returns, or what went wrong in ``alert``."""
        try:
            if name == "opened":
                if value:  # again, after the connection broke: what was sent meanwhile is lost
                    self._sent.clear()
                return self.opened() if value or type(self).opened is not Page.opened else False
            if not isinstance(name, str) or name not in self.events():
                raise InputError(f"event {str(name)[:40]!r}: this page knows {', '.join(self.events())}: load the page again")
            self.alert = ""
            return getattr(self, f"on_{name}")(value, buffers)
        except Exception as error:
            self._say(error, f"on_{str(name)[:40]}")
            return None

    def _say(self, error: Exception, where: str) -> None:
        """Put into ``alert`` what went wrong: in edgewb's own words where it has some, else in few, with the rest in the log."""
        if isinstance(error, EdgewbError):
            self.alert = without_places(str(error))
            return
        if isinstance(error, MemoryError):
            LOG.error("%s, %s: more memory than there is", type(self).__name__, where)
            self.alert = "that needs more memory than this page may take: give something smaller, or load the page again"
            return
        LOG.error("%s, %s", type(self).__name__, where, exc_info=error)
        self.alert = f"something went wrong here ({type(error).__name__}); the page goes on, and the server's log says more"

    @classmethod
    def events(cls) -> tuple[str, ...]:
        """What the page may ask for: the methods called ``on_...`` of this class and those between it and ``Page``."""
        known = [name for owner in cls.__mro__[: cls.__mro__.index(Page)] for name in vars(owner) if name.startswith("on_")]
        return tuple(sorted({name.removeprefix("on_") for name in known}))

    def _repr_mimebundle_(self, **options: Any) -> Any:
        bundle = super()._repr_mimebundle_(**options)
        data, *metadata = bundle if isinstance(bundle, tuple) else (bundle,)
        drawn = Markup(self.render())  # noqa: S704 - jinja2 has escaped what came from people
        html = Markup('<div class="edgewb" data-comm="{}" data-page="{}">{}</div>').format(self.model_id, self.name, drawn)
        data = {**data, "text/html": str(html)}
        return (data, *metadata) if metadata else data
