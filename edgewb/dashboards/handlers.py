"""What the server answers: the gallery, the dashboards, their scripts, and in few words why not."""

from __future__ import annotations

import asyncio
import hmac
import math
from http.client import responses
from pathlib import Path
from typing import Any, ClassVar

import jinja2
import tornado.web
from jupyter_core.utils import ensure_async
from jupyter_server.auth.decorator import allow_unauthenticated
from jupyter_server.base.handlers import JupyterHandler
from markupsafe import Markup
from voila.voila_identity_provider import VoilaIdentityProvider

from edgewb.dashboards.catalogues import DASHBOARDS, Dashboard
from edgewb.dashboards.pools import DrawnPage
from edgewb.views.widgets.registry import PARTS, widget_script, widget_style

HERE = Path(__file__).parent
HEADERS = {
    "Content-Security-Policy": "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "style-src-attr 'unsafe-inline'",  # bars and meters have their length as an attribute; no rule can be added
            "img-src 'self' data: blob:",
            "media-src 'self' blob:",  # a visitor's own video, played where it is
            "connect-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=(), display-capture=(), payment=(), usb=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_BODY = Markup("<!--body-->")
_HEARTBEAT_S = 20.0
_ASK_AGAIN_S = 20
_ADVICE = {
    401: "This server asks for a token.",
    403: "This server answers under its own name only. Who runs it can allow another with --hostname NAME.",
    404: "There is no such page.",
    405: "This page cannot be used like that.",
}
_TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(HERE / "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


class TokenHolders(VoilaIdentityProvider):  # type: ignore[misc]
    """Who has the token may come in. Where none is asked for, nobody gets a cookie with a name made up for him."""

    def process_login_form(self, handler: Any) -> Any:
        typed = handler.get_argument("password", "").encode()
        right = self.auth_enabled and hmac.compare_digest(typed, self.token.encode())
        return self.generate_anonymous_user(handler) if right else None

    def set_login_cookie(self, handler: Any, user: Any) -> None:
        if self.auth_enabled:
            super().set_login_cookie(handler, user)


class Shielded(JupyterHandler):  # type: ignore[misc]
    """A page of ours: strict headers, our own words when something goes wrong, and nothing about the server."""

    def set_default_headers(self) -> None:
        for name, value in HEADERS.items():
            self.set_header(name, value)
        self.clear_header("Server")
        self.set_header("Cache-Control", "no-store")

    def get_login_url(self) -> str:
        return "login"  # relative: behind a proxy the path may be another

    def page(self, template: str, **values: Any) -> str:
        """One of our templates as HTML."""
        below = self.request.path.removeprefix(self.base_url).count("/")
        known = {"root": "../" * below, "token_needed": self.identity_provider.auth_enabled, "dashboards": DASHBOARDS}
        return _TEMPLATES.get_template(template).render({**known, **values})

    def show_notice(self, title: str, text: str) -> None:
        """Finish with a page that holds a heading and a sentence."""
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.finish(self.page("notice.html.j2", title=title, text=text))

    def write_error(self, status_code: int, **_options: Any) -> None:
        self.show_notice(
            responses.get(status_code, "Something went wrong"),
            _ADVICE.get(status_code, "Something went wrong here; the server's log says more." if status_code >= 500 else ""),
        )

    def forget_token(self) -> bool:
        """Send who came with the token in the address to the address without it; the cookie that was just set does from there on."""
        if "token" not in self.request.query_arguments:
            return False
        self.redirect(self.request.path.rpartition("/")[2] or "./")
        return True


class NotFound(Shielded):
    """Every address that is not ours."""

    @allow_unauthenticated  # type: ignore[untyped-decorator]
    def prepare(self) -> None:
        raise tornado.web.HTTPError(404)


class Gallery(Shielded):
    """What there is to see: the page at the root."""

    @tornado.web.authenticated
    def get(self) -> None:
        if not self.forget_token():
            self.finish(self.page("gallery.html.j2"))


class Below(Shielded):
    """The base URL without its slash at the end."""

    @allow_unauthenticated  # type: ignore[untyped-decorator]
    def get(self) -> None:
        self.redirect(f"{self.base_url.rstrip('/').rpartition('/')[2]}/")


class Login(Shielded):
    """Asks for the token, and remembers in a cookie that it was right."""

    @allow_unauthenticated  # type: ignore[untyped-decorator]
    def get(self) -> None:
        self.go_on() if self.current_user else self.ask("")

    @allow_unauthenticated  # type: ignore[untyped-decorator]
    async def post(self) -> None:
        user = self.identity_provider.process_login_form(self)
        if user is None:
            await asyncio.sleep(0.5)  # guessing takes its time
            self.set_status(401)
            self.ask("That is not the token.")
            return
        self.identity_provider.set_login_cookie(self, user)
        self.go_on()

    def ask(self, problem: str) -> None:
        self.finish(self.page("login.html.j2", problem=problem, hidden=Markup(self.xsrf_form_html()), wanted=self.wanted()))  # noqa: S704

    def go_on(self) -> None:
        self.redirect(self.wanted() or "./")

    def wanted(self) -> str:
        """The dashboard that was asked for, if it is one: no address that somebody else made up."""
        last = self.get_argument("next", "").partition("?")[0].rpartition("/")[2]
        return last if last in self.settings["dashboards"] else ""


class DashboardPage(Shielded):
    """A dashboard with a kernel of its own."""

    taking: asyncio.Task[DrawnPage] | None = None

    def initialize(self, name: str) -> None:
        self.name = name

    @tornado.web.authenticated
    async def get(self) -> None:
        if self.forget_token():
            return
        visits = self.settings["visits"]
        if visits.full:
            await visits.make_room()
        if visits.full:
            minutes = max(1, math.ceil(visits.free_in_s() / 60))
            self.set_status(503)
            self.set_header("Retry-After", str(_ASK_AGAIN_S))
            self.set_header("Refresh", str(_ASK_AGAIN_S))
            self.show_notice(
                "All places are taken",
                f"{visits.most} visitors are here already, and more would make it slow for all. A place becomes free when somebody closes "
                f"a page, in about {minutes} minute{'s' * (minutes > 1)} at the latest if nobody goes on. This page tries again by itself.",
            )
            return
        known = next((dashboard for dashboard in DASHBOARDS if dashboard.name == self.name), Dashboard(self.name, self.name, "", ""))
        frame = self.page("dashboard.html.j2", dashboard=known, widget=self.name in PARTS, body=_BODY, xsrf=self.xsrf_token.decode())
        top, _, bottom = frame.partition(_BODY)
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.taking = visits.take(self.name)
        if not visits.pool.ready(self.name):  # that takes a second or two: show that something happens
            self.write(top)
            await self.flush()
            top = ""
        while not (await asyncio.wait({self.taking}, timeout=_HEARTBEAT_S))[0]:
            self.write("<!-- -->\n")  # or a proxy would think that nobody is there
            await self.flush()
        if not self.taking.cancelled():  # else nobody is there any more
            self.finish(top + self.taking.result().html + bottom)

    def on_connection_close(self) -> None:
        if self.taking is not None:
            self.taking.cancel()

    def send_error(self, status_code: int = 500, **options: Any) -> None:
        if self._headers_written and not self._finished:  # the page has begun already: it ends with why it does not go on
            self.finish(self.page("failure.html.j2"))
        else:
            super().send_error(status_code, **options)


class Kernel(Shielded):
    """Whether a page's kernel is still there; and its end, when the page is closed."""

    @tornado.web.authenticated
    def get(self, kernel_id: str) -> None:
        if kernel_id not in self.kernel_manager:
            raise tornado.web.HTTPError(404)
        self.set_status(204)
        self.finish()

    @tornado.web.authenticated
    async def post(self, kernel_id: str) -> None:
        if kernel_id not in self.kernel_manager:
            raise tornado.web.HTTPError(404)
        await ensure_async(self.kernel_manager.shutdown_kernel(kernel_id, now=True))
        self.set_status(204)
        self.finish()


class WidgetFile(Shielded):
    """The script or the style sheet of a widget, put together from its parts."""

    types: ClassVar[dict[str, str]] = {"js": "text/javascript", "css": "text/css"}

    @allow_unauthenticated  # type: ignore[untyped-decorator]
    def get(self, name: str, kind: str) -> None:
        if name not in PARTS:
            raise tornado.web.HTTPError(404)
        self.set_header("Content-Type", f"{self.types[kind]}; charset=utf-8")
        self.set_header("Cache-Control", "no-cache")  # asked for again each time, answered with 304 while it is the same
        self.finish(widget_script(name) if kind == "js" else widget_style(name))


class StaticFile(tornado.web.StaticFileHandler):
    """Script and style of the pages themselves."""

    def set_default_headers(self) -> None:
        for name, value in HEADERS.items():
            self.set_header(name, value)
        self.clear_header("Server")

    def set_extra_headers(self, path: str) -> None:
        self.set_header("Cache-Control", "no-cache")

    def write_error(self, status_code: int, **_options: Any) -> None:
        self.finish(responses.get(status_code, ""))
