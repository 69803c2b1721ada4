"""The one connection of a page: events go to its kernel, drawings come back, and nothing else passes."""

from __future__ import annotations

import asyncio
import itertools
import re
import struct
from collections import deque
from collections.abc import Iterable
from typing import Any, ClassVar

import msgspec
from jupyter_server.services.kernels.connection.base import deserialize_msg_from_ws_v1
from jupyter_server.services.kernels.websocket import KernelWebsocketHandler
from tornado.websocket import WebSocketClosedError

PROTOCOL = "v1.kernel.websocket.jupyter.org"
MAX_MESSAGE_BYTES = 2 * 2**20
"""Of one message of a page: uploads come in parts of a megabyte."""
MAX_WAITING_BYTES = 32 * 2**20
"""Sent to a kernel and not answered yet. A page waits for answers; who sends on and on is disconnected."""
MAX_WAITING = 500
"""Messages that were sent to a kernel and not answered yet; a page has a few under way."""
MAX_UNREAD_BYTES = 256 * 2**20
"""Sent to a page and not taken by it yet."""
MAX_CONNECTIONS = 4
"""To one kernel: a page has one, and a second for a moment when it has lost the first. Each costs the server sockets and memory."""
ENDED = 4001
"""The close code that says: the kernel is gone for good."""
_PARTS = range(6, 70)
"""Offsets in a message: of its channel, header, parent, metadata, content, up to 63 buffers, and its end."""
_CONTROL = re.compile(r"\x1b\[[0-9;]*m|[^\n\x20-\x7e\xa0-\U0010ffff]")


class _Header(msgspec.Struct):
    msg_type: str


class _Data(msgspec.Struct):
    method: str


class _Content(msgspec.Struct):
    data: _Data


def is_event(message: bytes) -> bool:
    """Whether a message is what pages send: an event for a widget. Everything else Jupyter's protocol knows is not for visitors.

    Not even a changed trait: only code sets those.
    """
    if not _is_cut_well(message):
        return False
    try:
        channel, parts = deserialize_msg_from_ws_v1(message)
        header = msgspec.json.decode(parts[0], type=_Header)
        return channel == "shell" and header.msg_type == "comm_msg" and msgspec.json.decode(parts[3], type=_Content).data.method == "custom"
    except (ValueError, IndexError, RecursionError):  # msgspec's errors are ValueErrors
        return False


def _is_cut_well(message: bytes) -> bool:
    """Whether its parts follow one another and fill it: parts that overlap would make a small message a large one."""
    count = int.from_bytes(message[:8], "little")
    if count not in _PARTS:  # a number to count up to, which the sender chose
        return False
    start = 8 * (1 + count)
    if len(message) < start:
        return False
    offsets = struct.unpack(f"<{count}Q", message[8:start])
    return offsets[0] == start and offsets[-1] == len(message) and all(a <= b for a, b in itertools.pairwise(offsets))


def printable(text: str) -> str:
    """A kernel's words for the server's log, without what would act on a terminal."""
    return _CONTROL.sub("", text).strip()


class PageConnection(KernelWebsocketHandler):  # type: ignore[misc]
    """A page's messages to its kernel and back, without Nagle's delay (1.5 instead of 30 ms on the way to the page).

    Text is no message for the kernel: it says that somebody looks at the page.
    """

    open_ones: ClassVar[dict[str, set[PageConnection]]] = {}
    """Those open, by the id of their kernel."""

    @classmethod
    def end(cls, kernel_id: str) -> None:
        """Tell the pages of a kernel that it is gone."""
        for page in tuple(cls.open_ones.get(kernel_id, ())):
            page.close(ENDED, "the kernel has ended")

    @classmethod
    async def gone(cls, kernels: Iterable[str], seconds: float = 1.0) -> None:
        """Wait for the pages of these kernels to take leave, for a while."""
        until = asyncio.get_running_loop().time() + seconds
        while not cls.open_ones.keys().isdisjoint(kernels) and asyncio.get_running_loop().time() < until:
            await asyncio.sleep(0.02)

    async def get(self, kernel_id: str) -> None:
        if PROTOCOL not in re.split(r"\s*,\s*", self.request.headers.get("Sec-WebSocket-Protocol", "").strip()):
            self.set_status(400)
            await self.finish("this address speaks " + PROTOCOL)
            return
        self.waiting: deque[int] = deque()
        self.waiting_bytes = 0
        await super().get(kernel_id)

    def write_error(self, status_code: int, **options: Any) -> None:
        """Why a connection is refused, in a number: nobody reads a page here."""
        self.finish(str(status_code))

    async def open(self, kernel_id: str) -> None:
        if len(self.open_ones.get(kernel_id, ())) >= MAX_CONNECTIONS:
            self.log.warning("kernel %s has %d connections already", kernel_id[:8], MAX_CONNECTIONS)
            self.kernel_manager.notify_connect(kernel_id)  # its closing will be counted, and the others are still there
            self.close(1008, "too many connections")
            return
        self.set_nodelay(True)
        self.ws_connection.stream.max_write_buffer_size = MAX_UNREAD_BYTES
        self.open_ones.setdefault(kernel_id, set()).add(self)
        try:
            await super().open(kernel_id)
        except TimeoutError:
            self.log.warning("kernel %s does not answer", kernel_id[:8])
            self.close(1011, "the kernel does not answer")

    def on_message(self, message: str | bytes) -> None:
        if self.ws_connection is None:
            return  # closed meanwhile
        if isinstance(message, str):
            self.kernel_manager.touch(self.kernel_id)
        elif not is_event(message):
            self.log.warning("a page sent something else than an event; it was dropped")
        else:
            self.waiting.append(len(message))
            self.waiting_bytes += len(message)
            if self.waiting_bytes > MAX_WAITING_BYTES or len(self.waiting) > MAX_WAITING:
                self.log.warning("a page sends faster than its kernel can answer: disconnected")
                self.close(1008, "too much at once")
                return
            super().on_message(message)

    def write_message(self, message: bytes | str | dict[str, Any], binary: bool = False) -> Any:
        """Pass a kernel's message on if it is for the page. What the kernel printed goes to the server's log."""
        if not isinstance(message, bytes):
            return None  # the server's own notes to other front ends
        _, parts = deserialize_msg_from_ws_v1(message)
        kind = msgspec.json.decode(parts[0], type=_Header).msg_type
        if kind == "comm_msg":
            try:
                return super().write_message(message, binary)
            except WebSocketClosedError:
                return None
            except Exception:  # StreamBufferFullError, and whatever else the connection has
                self.log.warning("a page does not take what it asked for: disconnected")
                self.close(1008, "too much unread")
        elif kind == "status":
            state = msgspec.json.decode(parts[3]).get("execution_state")
            if state == "dead":
                self.close(ENDED, "the kernel has died")
            elif state == "idle" and self.waiting and msgspec.json.decode(parts[1] or b"{}").get("msg_type") == "comm_msg":
                self.waiting_bytes -= self.waiting.popleft()
        elif kind in ("stream", "error"):
            content = msgspec.json.decode(parts[3])
            said = content.get("text") or "\n".join(content.get("traceback", ()))
            self.log.error("kernel %s: %s", self.kernel_id[:8], printable(said))
        return None

    def on_close(self) -> None:
        open_here = self.open_ones.get(self.kernel_id, set())
        open_here.discard(self)
        if not open_here:
            self.open_ones.pop(self.kernel_id, None)
        super().on_close()
