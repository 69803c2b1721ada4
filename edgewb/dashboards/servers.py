"""Voila with a thin page: our template, our scripts, and of Voila's addresses only those that a visitor needs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tornado.web
from jupyter_server.utils import url_path_join
from traitlets.config import Config
from voila.app import Voila
from voila.shutdown_kernel_handler import VoilaShutdownKernelHandler
from voila.tornado.handler import TornadoVoilaHandler
from voila.tornado.kernel_websocket_handler import VoilaKernelWebsocketHandler

from edgewb.views.widgets.registry import PARTS, widget_script, widget_style

HERE = Path(__file__).parent
_KERNEL = r"(?P<kernel_id>\w+-\w+-\w+-\w+-\w+)"


class PromptWebsocket(VoilaKernelWebsocketHandler):  # type: ignore[misc]
    """A kernel's messages without Nagle's delay: 1.5 instead of 30 ms on the way to the page."""

    async def open(self, kernel_id: str) -> None:
        self.set_nodelay(True)
        await super().open(kernel_id)


class WidgetFile(tornado.web.RequestHandler):
    """The script or the style sheet of a widget, put together from its parts."""

    def get(self, name: str, kind: str) -> None:
        if name not in PARTS:
            raise tornado.web.HTTPError(404)
        self.set_header("Content-Type", {"js": "text/javascript", "css": "text/css"}[kind] + "; charset=utf-8")
        self.set_header("Cache-Control", "no-cache")  # asked for again each time, answered with 304 while it is the same
        self.finish(widget_script(name) if kind == "js" else widget_style(name))


class Gallery(tornado.web.RequestHandler):
    """What there is to see: the page at the root."""

    def get(self) -> None:
        self.finish("<!doctype html><title>edgewb</title>")


class DashboardServer(Voila):  # type: ignore[misc]
    """Serves the notebooks of one folder, each under its own name."""

    def setup_template_dirs(self) -> None:
        self.template_paths = [str(HERE / "template")]
        self.static_paths: list[str] = []

    def init_handlers(self) -> list[Any]:
        def at(*parts: str) -> str:
            return url_path_join(self.server_url, *parts)

        page = {"template_paths": self.template_paths, "config": self.config, "voila_configuration": self.voila_configuration}
        handlers: list[Any] = [
            (at(rf"/api/kernels/{_KERNEL}/channels"), PromptWebsocket),
            (at(r"/voila/api/shutdown/(.*)"), VoilaShutdownKernelHandler),
            (at("/"), Gallery),
            (at(r"/edgewb/widgets/(\w+)\.(js|css)"), WidgetFile),
            (at(r"/edgewb/static/(.*)"), tornado.web.StaticFileHandler, {"path": str(HERE / "static")}),
            *self.identity_provider.get_handlers(),
        ]
        for notebook in sorted(Path(self.root_dir).glob("*.ipynb")):
            handlers.append((at(f"/{notebook.stem}"), TornadoVoilaHandler, {**page, "notebook_path": notebook.name}))
        return handlers


def make_server(folder: Path, *, port: int, ip: str = "127.0.0.1", pool: int = 1) -> DashboardServer:
    """A server of the dashboards in a folder; ``start()`` blocks."""
    configuration = Config()
    configuration.VoilaConfiguration.update(
        {
            "template": "edgewb",
            "allow_template_override": "NO",
            "allow_theme_override": "NO",
            "preheat_kernel": pool > 0,
            "default_pool_size": pool,
            "strip_sources": True,
            "show_tracebacks": False,
        }
    )
    configuration.KernelManager.transport = "ipc"
    configuration.ZMQChannelsWebsocketConnection.limit_rate = False  # what comes back is bounded by what is asked for
    server = DashboardServer(config=configuration, root_dir=str(folder), port=port, ip=ip, open_browser=False)
    server.initialize([])
    return server
