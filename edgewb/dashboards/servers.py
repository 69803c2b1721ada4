"""Voila with a thin page: its notebooks run and drawn by Voila, and of its addresses only those that a visitor needs."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import logging
import os
import secrets
import shutil
import signal
import socket
import webbrowser
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tornado.web
from jupyter_server.utils import url_path_join
from tornado.httpserver import HTTPServer
from traitlets.config import Config
from voila.app import Voila

from edgewb.dashboards import handlers
from edgewb.dashboards.folders import clear_folders, make_folder
from edgewb.dashboards.kernels import MEMORY_BYTES, OWN_MEMORY_BYTES
from edgewb.dashboards.managers import KernelProgram, VisitorKernels, kernel_environment
from edgewb.dashboards.visits import Visits
from edgewb.dashboards.websockets import MAX_MESSAGE_BYTES, PageConnection
from edgewb.errors import InputError

HERE = Path(__file__).parent
_KERNEL = r"(\w{8}-\w{4}-\w{4}-\w{4}-\w{12})"
_PORTS_TRIED = 20


@dataclass(frozen=True)
class Serving:
    """How dashboards are served.

    Attributes:
        folder: of the notebooks.
        port: the first that is tried; 0 for any.
        ip: the address that is listened on.
        pool: pages of each dashboard kept ready; None for as many as suit the free memory and the visitors.
        idle_s: seconds after which a page that nobody uses or looks at loses its kernel.
        visitors: how many at once; None for as many as memory is enough for.
        token: what a visitor has to know; "" for nothing.
        base_url: the path under which a proxy offers this.
        hostnames: the names under which a proxy offers this; "*" for any.
        trusted: whether models that visitors bring are run.
        live: the model of the live dashboard and its labels, as paths; "" for the digits, and for those in the model's file.
        verbose: whether the log tells of every visit.
    """

    folder: Path
    port: int = 8866
    ip: str = "127.0.0.1"
    pool: int | None = None
    idle_s: float = 1800.0
    visitors: int | None = None
    token: str = field(default="", repr=False)
    base_url: str = "/"
    hostnames: tuple[str, ...] = ()
    trusted: bool = False
    live: tuple[str, str] = ("", "")
    verbose: bool = False

    @property
    def published(self) -> bool:
        """Whether others than the person at this computer can come."""
        return bool(self.hostnames) or not is_loopback(self.ip)


def is_loopback(ip: str) -> bool:
    """Whether an address is reached from this computer alone."""
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(ip).is_loopback
    return ip == "localhost"


class DashboardServer(Voila):  # type: ignore[misc]
    """Serves the notebooks of one folder, each under its own name."""

    serving: Serving
    names: tuple[str, ...]
    visits: Visits
    held: int | None

    def setup_template_dirs(self) -> None:
        self.template_paths = [str(HERE / "template")]
        self.static_paths: list[str] = []

    def init_handlers(self) -> list[Any]:
        def at(*parts: str) -> str:
            return str(url_path_join(self.base_url, *parts))

        return [
            (at("/"), handlers.Gallery),
            *([(self.base_url.rstrip("/"), handlers.Below)] if self.base_url != "/" else []),
            *((at(f"/{name}"), handlers.DashboardPage, {"name": name}) for name in self.names),
            (at("/login"), handlers.Login),
            (at(rf"/kernels/{_KERNEL}"), handlers.Kernel),
            (at(rf"/kernels/{_KERNEL}/channels"), PageConnection),
            (at(r"/edgewb/widgets/(\w+)\.(js|css)"), handlers.WidgetFile),
            (at(r"/edgewb/static/(\w+\.(?:js|css))"), handlers.StaticFile, {"path": str(HERE / "static")}),
        ]

    def prepare_app(self) -> tornado.web.Application:
        """Everything but the open port and the kernels."""
        serving = self.serving
        folder, self.held = make_folder()
        self.connection_dir = str(folder)
        self.app = tornado.web.Application(
            **{
                **self.init_settings(),
                "allow_remote_access": "*" in serving.hostnames or not is_loopback(serving.ip),
                "local_hostnames": ["localhost", *serving.hostnames],
                "default_handler_class": handlers.NotFound,
                "dashboards": self.names,
                "websocket_max_message_size": MAX_MESSAGE_BYTES,
                "xsrf_cookie_name": "_edgewb",
                "xsrf_cookie_kwargs": {"httponly": True, "samesite": "Lax", "path": self.base_url},
                **({} if serving.verbose else {"log_function": lambda _handler: None}),
            }
        )
        self.kernel_manager.prepare(
            kernel_environment(
                os.environ,
                control=not serving.published,
                trusted=serving.trusted,
                live=serving.live,
                ipython=Path(self.connection_dir) / "ipython",
                memory_bytes=MEMORY_BYTES if serving.published else OWN_MEMORY_BYTES,
            )
        )
        self.kernel_manager.on_end = PageConnection.end
        self.visits = self.app.settings["visits"] = Visits(self, self.names, serving.visitors, serving.pool, serving.trusted)
        self.app.add_handlers(".*$", self.init_handlers())
        return self.app

    def open_port(self) -> HTTPServer:
        """Listen on the port asked for, or on the next that is free.

        Raises:
            InputError: none can be had.
        """
        serving = self.serving
        # Small requests, few of them: a page, a script, a token. What comes over the websocket has limits of its own.
        server = HTTPServer(
            self.app,
            max_body_size=2**16,
            max_buffer_size=2 * MAX_MESSAGE_BYTES,
            body_timeout=20,
            idle_connection_timeout=300,
            xheaders=is_loopback(serving.ip),
        )
        for port in range(serving.port, min(serving.port + _PORTS_TRIED, 65536)):
            try:
                listening = socket.create_server((serving.ip, port), family=socket.AF_INET6 if ":" in serving.ip else socket.AF_INET)
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    continue
                reason = os.strerror(error.errno) if error.errno and error.errno > 0 else "no such address"
                raise InputError(f"cannot listen on {serving.ip!r}, port {port}: {reason}; give another --ip or --port") from None
            listening.setblocking(False)
            self.port = int(listening.getsockname()[1])
            server.add_socket(listening)
            return server
        raise InputError(f"port {serving.port} and the {_PORTS_TRIED - 1} after it are taken: give another with --port")

    def address(self, name: str = "") -> str:
        """The address of a dashboard, or of the page that lists them, as somebody at this computer types it."""
        host = "127.0.0.1" if self.serving.ip in ("", "0.0.0.0") else "[::1]" if self.serving.ip == "::" else self.serving.ip  # noqa: S104
        host = f"[{host}]" if ":" in host and not host.startswith("[") else host
        query = f"?token={self.serving.token}" if self.serving.token else ""
        return f"http://{host}:{self.port}{self.base_url}{name}{query}"

    async def serve(self, ended: asyncio.Event, announce: Callable[[DashboardServer], None]) -> None:
        """Serve until ``ended`` is set; ``announce`` is called when the port is open."""
        self.prepare_app()
        http = None
        try:
            http = self.open_port()
            self.kernel_manager.forks.begin()
            self.visits.pool.fill()
            announce(self)
            await asyncio.to_thread(clear_folders)
            await ended.wait()
        finally:
            if http is not None:
                http.stop()
            await self.visits.close()
            await PageConnection.gone(await self.kernel_manager.end_all())
            self.kernel_manager.context.destroy(linger=0)  # here and now, rather than whenever Python cleans up
            shutil.rmtree(self.connection_dir, ignore_errors=True)
            if self.held is not None:
                os.close(self.held)


def make_server(serving: Serving) -> DashboardServer:
    """A server of the dashboards in a folder, which does nothing yet: see ``serve_dashboards``."""
    configuration = Config()
    configuration.VoilaConfiguration.update(
        {
            "template": "edgewb",
            "allow_template_override": "NO",
            "allow_theme_override": "NO",
            "strip_sources": True,
            "show_tracebacks": False,
            "multi_kernel_manager_class": VisitorKernels,
            "kernel_spec_manager_class": KernelProgram,
        }
    )
    configuration.VisitorKernels.cull_idle_timeout = max(1, round(serving.idle_s))
    configuration.VisitorKernels.cull_interval = max(1, min(10, round(serving.idle_s / 4)))
    configuration.KernelManager.transport = "ipc"
    configuration.KernelManager.client_class = "edgewb.dashboards.clients.PromptClient"
    configuration.KernelRestarter.restart_limit = 0  # a kernel without the page's widget is of no use to the page
    configuration.ZMQChannelsWebsocketConnection.limit_rate = False  # what comes back is bounded by what is asked for
    server = DashboardServer(
        config=configuration,
        config_file_paths=[],  # a voila.json that lies about is not for this
        root_dir=str(serving.folder),
        ip=serving.ip,
        base_url=serving.base_url,
        token=serving.token,
        identity_provider_class=handlers.TokenHolders,
        log_level=logging.INFO if serving.verbose else logging.ERROR,
        open_browser=False,
    )
    server.serving = serving
    server.names = tuple(sorted(path.stem for path in serving.folder.glob("*.ipynb")))
    server.initialize([])
    return server


def allow_files(most: int = 2**16) -> None:
    """Let this process have many files open, as far as it may: a visitor takes some ten, and 1,024 are usual."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = most if hard == resource.RLIM_INFINITY else min(most, hard)
        if soft != resource.RLIM_INFINITY and soft < wanted:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def serve_dashboards(serving: Serving, announce: Callable[[DashboardServer], None]) -> None:
    """Serve dashboards until somebody ends it with Ctrl-C; ``announce`` is called with the server when its port is open.

    Raises:
        InputError: no port can be had.
    """
    if not serving.verbose:
        for name in ("tornado", "asyncio"):
            logging.getLogger(name).setLevel(logging.ERROR)
    allow_files()
    server = make_server(serving)

    async def serve() -> None:
        ended = asyncio.Event()
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            with contextlib.suppress(NotImplementedError, AttributeError):  # Windows
                asyncio.get_running_loop().add_signal_handler(getattr(signal, name), ended.set)
        await server.serve(ended, announce)

    asyncio.run(serve())


def new_token() -> str:
    """Something nobody guesses."""
    return secrets.token_urlsafe(16)


def open_browser(address: str) -> None:
    """Show an address in the user's browser, if there is one."""
    with contextlib.suppress(webbrowser.Error):
        webbrowser.open(address)
