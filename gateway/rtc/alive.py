"""Signs of life of one connection's other end, and consent to send to it (RFC 7675).

What is authenticated counts, whatever it is: STUN checks of its own and answers to ours, RTP, RTCP, DTLS. A page that
only listens sends little else.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable, Coroutine, Iterable
from functools import partial
from typing import Any, Final

from aioice.ice import Connection as IceConnection
from aioice.stun import Message, TransactionError
from aiortc.rtcdtlstransport import RTCDtlsTransport
from aiortc.rtcsctptransport import RTCSctpTransport

CONSENT_SECONDS: Final = 5.0
"""Between checks of consent, on average (RFC 7675, section 5.1)."""
EXPIRY_SECONDS: Final = 30.0
"""Without an answer, after which nothing more may be sent (there, likewise)."""
QUIET_SECONDS: Final = 2.0
"""Without a sign of life, after which the other end is asked each second: who is gone is found soon."""
RETRANSMISSIONS: Final = 3
"""Of a check: 7.5 s for its answer, which counts however late it comes (there, likewise), by a machine that is busy."""
LAST_SECONDS: Final = 1.5
"""For an answer to the last one."""

Handler = Callable[..., Coroutine[Any, Any, None]]


class Signs:
    """Counts them."""

    def __init__(self) -> None:
        self._now = asyncio.get_running_loop().time
        self.count = 0
        self.at = self.consented_at = self._now()
        self.expired = False

    def note(self) -> None:
        """There was one."""
        self.count += 1
        self.at = self._now()


def signs_of(transport: RTCDtlsTransport) -> Signs | None:
    """Those of a transport that is watched."""
    return getattr(transport, "_signs", None)


def signs_of_life(transports: Iterable[RTCDtlsTransport]) -> int:
    """How many there were since the start."""
    return sum(signs.count for t in transports if (signs := signs_of(t)) is not None)


def watch(transports: Iterable[RTCDtlsTransport], sctp: RTCSctpTransport | None) -> None:
    """Count from now on; to be called before the local description is set, and again for what was added."""
    for transport in transports:
        if signs_of(transport) is None:
            transport._signs = Signs()  # type: ignore[attr-defined]
            _count(transport, transport._signs)  # type: ignore[attr-defined]
    if sctp is not None and not hasattr(sctp, "_counted"):
        sctp._counted = True  # type: ignore[attr-defined]
        sctp._handle_data = _noted(sctp._handle_data, sctp.transport._signs)  # type: ignore[method-assign,attr-defined]


def _count(transport: RTCDtlsTransport, signs: Signs) -> None:
    """All of these are called with what has been authenticated, and nothing else."""
    transport._handle_rtp_data = _noted(transport._handle_rtp_data, signs)  # type: ignore[method-assign]
    transport._handle_rtcp_data = _noted(transport._handle_rtcp_data, signs)  # type: ignore[method-assign]
    ice: IceConnection = transport.transport._connection
    checked, sendto = ice.check_incoming, ice.sendto

    def check_incoming(message: Message, addr: tuple[str, int], protocol: Any) -> None:
        signs.note()
        checked(message, addr, protocol)

    async def send(data: bytes, component: int) -> None:
        if not signs.expired:
            await sendto(data, component)

    ice.check_incoming = check_incoming  # type: ignore[method-assign]
    ice.sendto = send  # type: ignore[method-assign]
    ice.query_consent = partial(_query_consent, ice, signs)  # type: ignore[method-assign]


def _noted(stock_handler: Handler, signs: Signs) -> Handler:
    async def handle(*arguments: Any, **options: Any) -> None:
        signs.note()
        await stock_handler(*arguments, **options)

    return handle


async def _query_consent(ice: IceConnection, signs: Signs) -> None:
    """Ask for consent until it has expired.

    aioice would close a connection then. Where there is nobody at all nothing is sent, and the call's owner may
    still go on over another; where somebody sends and consents to nothing, it is closed as in aioice.
    """
    now = asyncio.get_running_loop().time
    signs.consented_at, due = now(), 0.0
    while now() - signs.consented_at < EXPIRY_SECONDS:
        due = due or now() + CONSENT_SECONDS * random.uniform(0.8, 1.2)  # noqa: S311 -- no secret
        await asyncio.sleep(1.0)
        if now() >= due or now() - signs.at >= QUIET_SECONDS:
            due = 0.0
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(signs.consented_at + EXPIRY_SECONDS + LAST_SECONDS):
                    await _ask(ice, signs)
    signs.expired = True
    if now() - signs.at < EXPIRY_SECONDS:
        ice._query_consent_task = None  # else closing would wait for this
        await ice.close()


async def _ask(ice: IceConnection, signs: Signs) -> None:
    assert ice.remote_password is not None
    for pair in ice._nominated.values():
        request = ice.build_request(pair, nominate=False)
        try:
            await pair.protocol.request(
                request,
                pair.remote_addr,
                integrity_key=ice.remote_password.encode(),
                retransmissions=RETRANSMISSIONS,
            )
        except TransactionError:
            continue
        signs.note()
        signs.consented_at = signs.at
