"""The link: what stands between the boards and the gateway, in a thread of its own."""

from __future__ import annotations

import asyncio
import ssl
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Self, TypeVar

from hil.path.link import CLEAR, Impairments
from hil.path.proxy import Call, Proxy
from hil.path.relay import Relay
from hil.path.trace import Trace
from hil.record.journal import Journal

_Result = TypeVar("_Result")
_DONE_SECONDS = 10.0


class Link:
    """Takes the board's calls in the gateway's place, and makes the path between them as bad as wanted.

    A board is pointed at `url`, or finds it by mDNS. Use as a context manager. Its clock is `time.monotonic`.

    Args:
        gateway: URL of the real one.
        bind: address to listen on.
        known_as: the address by which the board reaches it.
        identity: file of the gateway's key and certificate, to speak TLS with in its name; without it plain http.
        journal: is told what becomes of the path.
    """

    def __init__(
        self,
        gateway: str,
        *,
        bind: str = "127.0.0.1",
        known_as: str = "127.0.0.1",
        identity: Path | None = None,
        journal: Journal | None = None,
    ) -> None:
        self._journal = journal or Journal()
        self.trace = Trace()
        self.port = 0
        self._secure: ssl.SSLContext | None = None
        if identity is not None:
            self._secure = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._secure.load_cert_chain(identity)
        self._gateway, self._bind, self._known_as = gateway, bind, known_as
        self._path: tuple[Impairments, Impairments, int, float] = (CLEAR, CLEAR, 0, 0.0)
        self._ready: Future[None] = Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="link", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.result(_DONE_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(_DONE_SECONDS)

    @property
    def url(self) -> str:
        """The gateway's URL as far as the board knows."""
        return f"http{'s' if self._secure else ''}://{self._known_as}:{self.port}"

    @property
    def calls(self) -> tuple[Call, ...]:
        """The offers that passed, the oldest first."""
        return tuple(self._proxy.calls)

    @staticmethod
    def now() -> float:
        """The clock of trace and calls."""
        return time.monotonic()

    def point_at(self, gateway: str, name: str) -> None:
        """Let offers go to another gateway from now on; `name` is the fixture's, for the journal."""
        self._journal.note("gateway", line=name)
        self._proxy.gateway = self._gateway = gateway

    def impair(self, up: Impairments = CLEAR, down: Impairments = CLEAR, *, seed: int = 1) -> None:
        """Make the path so, for the calls that there are and those to come; the same seed loses the same packets."""
        self._path = (up, down, seed, self.now())
        self._journal.note("link", up=up, down=down, seed=seed)
        self._do(self._impair)

    def clear(self) -> None:
        """Make the path perfect."""
        self.impair()

    def refuse(self) -> None:
        """Take no more calls, as a gateway that is full."""
        self._do(self._proxy.refuse)

    def _impair(self) -> None:
        for call in self._proxy.calls:
            self._prepare(call.relay)

    def _prepare(self, relay: Relay) -> None:
        up, down, seed, began = self._path
        relay.impair(up, down, seed=seed, began=began)

    def _do(self, function: Callable[[], _Result]) -> _Result:
        """Run a function in the link's thread."""

        async def inside() -> _Result:
            return function()

        work: Coroutine[Any, Any, _Result] = inside()
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_DONE_SECONDS)

    async def _run(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        self._proxy = Proxy(self._gateway, self.trace, self._prepare)
        try:
            server = await asyncio.start_server(self._proxy.serve, self._bind, 0, ssl=self._secure)
        except OSError as error:
            self._ready.set_exception(error)
            return
        self.port = int(server.sockets[0].getsockname()[1])
        self._ready.set_result(None)
        await self._over.wait()
        server.close()
        await self._proxy.close()
