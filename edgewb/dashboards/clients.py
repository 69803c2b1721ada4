"""The server's own connection with a kernel, over which its page is drawn."""

from __future__ import annotations

import time
from queue import Empty

from jupyter_client.asynchronous import AsyncKernelClient

_READY_SECONDS = 60.0
_ANSWER_SECONDS = 1.0
_WORD_SECONDS = 0.2


class PromptClient(AsyncKernelClient):  # type: ignore[misc]
    """Knows that a kernel is ready when it has answered on both channels, and not a fifth of a second of silence later."""

    async def _async_wait_for_ready(self, timeout: float | None = None) -> None:
        until = time.monotonic() + (_READY_SECONDS if timeout is None else timeout)
        while not await self._is_answered(self.kernel_info()):
            if not await self._async_is_alive():
                raise RuntimeError("the kernel ended before it was ready")
            if time.monotonic() > until:
                raise RuntimeError("the kernel was not ready in time")

    wait_for_ready = _async_wait_for_ready

    async def _is_answered(self, request: str) -> bool:
        """Whether the answer to a question about the kernel came, and the word that it was the last of it: nothing else is under way."""
        try:
            while (await self.get_shell_msg(timeout=_ANSWER_SECONDS))["parent_header"].get("msg_id") != request:
                pass
            while True:
                said = await self.get_iopub_msg(timeout=_WORD_SECONDS)  # missing if it was said before anybody listened
                if said["parent_header"].get("msg_id") == request and said["content"].get("execution_state") == "idle":
                    return True
        except Empty:
            return False
