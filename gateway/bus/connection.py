"""The connection to NATS: made, made again for as long as it takes, and what its failures mean.

NATS is asked for what it has: queue groups, "no responders", and what it keeps (`gateway.bus.shelf`).
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from loguru import logger

from gateway.bus import subjects
from gateway.errors import Busy, ConfigError, GatewayError
from gateway.recurring import Recurring
from gateway.sections import Nats
from ground import installing

AGAIN_SECONDS: Final = 0.25
"""Between two tries to connect; NATS bears thousands of them a second."""
PING_SECONDS: Final = 2.0
"""Between two signs of life, of which two may stay out: a dead line is known within six seconds."""
CONNECT_SECONDS: Final = 2
LEAVE_SECONDS: Final = 5.0
"""For a connection to be closed; a line that is dead is not waited for."""
MOST_TURNS: Final = 1_000
"""Of the event loop, for what has arrived to be heard."""
_NOBODY: Final = "503"
_FORBIDDEN: Final = "permissions violation"
"""One thing that we may not say or hear; the connection stays."""
_STRANGER: Final = (
    "it knows no such user and password; "
    "give what `voicegw nats` wrote for this machine, and have NATS reloaded"
)


class Away(Busy):
    """NATS does not answer now: what needs other machines has to wait."""


class NobodyThere(Busy):
    """Nobody hears this subject."""


@dataclass(frozen=True, slots=True)
class Message:
    """What was heard. Where `nobody` is set, it says that nobody heard what we said."""

    subject: str
    data: bytes
    reply: str
    nobody: bool = False


Hears = Callable[[Message], None]


class Bus:
    """One member's connection; made with `connected`."""

    def __init__(self, client: Any, errors: Any) -> None:
        self._client = client
        self._errors = errors
        self._back: list[Callable[[], None]] = []
        self._heard: set[Any] = set()
        self._met = asyncio.Event()

    @property
    def here(self) -> bool:
        """Whether NATS answers, as far as is known."""
        return bool(self._client.is_connected)

    @property
    def jetstream(self) -> Any:
        """What it keeps."""
        return self._client.jetstream(timeout=CONNECT_SECONDS)

    def when_back(self, call: Callable[[], None]) -> None:
        """Have this called each time that it is there again."""
        self._back.append(call)

    async def returned(self) -> None:
        """It is there, for the first time or again."""
        self._met.set()
        for call in self._back:
            call()

    def inbox(self) -> str:
        """A subject of our own, where nobody else may listen."""
        return str(self._client.new_inbox())

    async def tell(self, subject: str, data: bytes, reply: str = "") -> None:
        """Say something to whoever listens; raises Away."""
        self._must_be_here()
        try:
            await self._client.publish(subject, data, reply=reply)
        except self._errors.Error as error:
            raise _away(error) from None

    async def ask(self, subject: str, data: bytes, seconds: float) -> bytes:
        """Say something and wait for the answer.

        Raises:
            NobodyThere: nobody listens; told at once. Busy: no answer in time. Away.
        """
        self._must_be_here()
        try:
            found = await self._client.request(subject, data, timeout=seconds)
        except self._errors.NoRespondersError:
            raise NobodyThere("nobody is there to ask", remedy="try again in a few seconds") from None
        except self._errors.TimeoutError:
            raise Busy(f"no answer within {seconds:g} s", remedy="try again") from None
        except self._errors.Error as error:
            raise _away(error) from None
        return bytes(found.data)

    async def hear(self, subject: str, hears: Hears, group: str = "") -> Callable[[], Any]:
        """Listen, once NATS is there; gives what ends it. Holds over a reconnection.

        Of a group one member hears each message.
        """
        await self._met.wait()
        unread = Recurring(
            f"a message on {subject} is left out", and_now="it is of another version, or no gateway's"
        )

        async def take(found: Any) -> None:
            nobody = bool(found.headers) and found.headers.get("Status") == _NOBODY
            try:
                hears(Message(found.subject, bytes(found.data), found.reply, nobody))
            except GatewayError as error:
                unread.met(error.message)
            except Exception:  # noqa: BLE001 -- what others say must not end the hearing
                logger.exception("a message on {} can't be taken", found.subject)

        try:
            subscription = await self._client.subscribe(subject, queue=group, cb=take)
        except self._errors.Error as error:
            raise _away(error) from None
        self._heard.add(subscription)

        async def end() -> None:
            self._heard.discard(subscription)
            with contextlib.suppress(self._errors.Error):
                await subscription.unsubscribe()

        return end

    async def settled(self) -> None:
        """Wait until all that NATS had for us before this is heard; raises Away."""
        self._must_be_here()
        try:
            await self._client.flush(CONNECT_SECONDS)
        except self._errors.Error as error:
            raise _away(error) from None
        await self.caught_up()

    async def caught_up(self) -> None:
        """Wait until all that has arrived is heard: whatever its sender told us before what we have in hand."""
        for _ in range(MOST_TURNS):
            if not any(heard.pending_msgs for heard in self._heard):
                break
            await asyncio.sleep(0)
        await asyncio.sleep(0)

    def _must_be_here(self) -> None:
        if not self.here:
            raise Away("NATS does not answer", remedy="try again when it is back")


def _away(error: Exception) -> Away:
    return Away(f"NATS: {error or type(error).__name__}", remedy="try again when it is back")


@asynccontextmanager
async def connected(settings: Nats, member: str) -> AsyncIterator[Bus]:
    """Be on the bus for the length of the block; at its beginning NATS may be away still.

    Args:
        settings: where it is, and who we are there.
        member: `front-NAME` or `host-NAME`, where no user of NATS says it.

    Raises:
        ConfigError: nats-py is not installed, or a setting can't work.
    """
    try:
        import nats.errors  # noqa: PLC0415 -- an extra
        from nats.aio.client import Client  # noqa: PLC0415
    except ImportError:
        raise ConfigError(
            "several machines need nats-py", remedy=installing.line("nats-py>=2.9,<3")
        ) from None
    trouble = Recurring("NATS does not answer", and_now="calls go on; none begins", level="ERROR")
    tls = settings.ca is not None or any(url.startswith("tls:") for url in settings.urls)
    client = _lasting(Client, nats.errors, tls=tls)()
    bus = Bus(client, nats.errors)

    async def failed(error: Exception) -> None:
        if not client.is_connected:
            trouble.met(_cause(error))
        else:
            logger.warning("NATS: {}", _cause(error))

    async def lost() -> None:
        if not client.is_closed:
            trouble.met("the connection is lost")

    async def back() -> None:
        trouble.over()
        await bus.returned()

    told = {"error_cb": failed, "disconnected_cb": lost, "reconnected_cb": back}
    options = _options(settings, member) | told
    first = asyncio.create_task(_connect(client, options, back), name="nats")
    await asyncio.wait({first}, timeout=CONNECT_SECONDS)
    try:
        yield bus
    finally:
        first.cancel()
        leaving = asyncio.create_task(_leave(client, nats.errors), name="nats-leave")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LEAVE_SECONDS):
                await asyncio.gather(first, leaving, return_exceptions=True)


async def _leave(client: Any, errors: Any) -> None:
    """Say what waits to be said. What becomes of the connection then is nobody's concern: TLS breaks in many ways."""
    with contextlib.suppress(errors.Error, OSError):
        if client.is_connected:
            await client.flush(1)
    await client.close()


def _options(settings: Nats, member: str) -> dict[str, Any]:
    return {
        "servers": list(settings.urls),
        "name": member,
        "connect_timeout": CONNECT_SECONDS,
        "reconnect_time_wait": AGAIN_SECONDS,
        "max_reconnect_attempts": -1,
        "ping_interval": PING_SECONDS,
        "max_outstanding_pings": 2,
        "inbox_prefix": subjects.inboxes(member),
        "pending_size": 0,
        **_trust(settings),
    }


async def _connect(client: Any, options: dict[str, Any], back: Callable[[], Any]) -> None:
    await client.connect(**options)
    await back()


def _lasting(kind: Any, errors: Any, *, tls: bool) -> Any:
    """nats-py's client, without its end: it closes for ever where NATS throws it out, say for another password.

    Nor without TLS, where that is wanted: it would tell the password to whoever says in clear text that there is none.
    """

    class Lasting(kind):  # type: ignore[misc]
        async def _process_err(self, err_msg: str) -> None:
            if _FORBIDDEN in err_msg:
                await super()._process_err(err_msg)
                return
            await self._error_cb(error := errors.Error(f"nats: {err_msg}"))
            await self._process_op_err(error)

        async def _process_info(self, info: dict[str, Any], initial_connection: bool = False) -> None:
            if initial_connection and tls and not info.get("tls_required"):
                raise errors.Error("it speaks no TLS, which `urls` or `ca` asks for; it is told nothing")
            await super()._process_info(info, initial_connection)

    return Lasting


def _trust(settings: Nats) -> dict[str, Any]:
    """Who we are to NATS, and whom it must be vouched for by."""
    found: dict[str, Any] = {}
    if settings.user is not None:
        found |= {"user": settings.user, "password": _password(settings)}
    if settings.ca is not None:
        try:
            found["tls"] = ssl.create_default_context(cafile=settings.ca)
        except OSError as error:
            raise ConfigError(
                f"setting nats.ca: {settings.ca} can't be read: {error}",
                remedy="give the CA's certificate, PEM",
            ) from None
    return found


def _password(settings: Nats) -> Callable[[], str]:
    """Reads it anew each time that we connect: it may be another one by then. Raises ConfigError."""
    last = settings.password()

    def found() -> str:
        nonlocal last
        with contextlib.suppress(ConfigError):  # as it is while it is written
            last = settings.password()
        return last

    return found


def _cause(error: Exception) -> str:
    said = str(error) or type(error).__name__
    return f"{said} ({_STRANGER})" if "authorization violation" in said.lower() else said
