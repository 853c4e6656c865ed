from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aioice import stun
from aiortc import RTCConfiguration, RTCPeerConnection

from gateway.rtc import alive, stock
from tests.support.peer import loopback_only, vanish
from tests.support.waiting import until


@pytest.fixture
async def pair(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[RTCPeerConnection, RTCPeerConnection]]:
    """A stock peer with a data channel, and one whose signs of life are watched, connected."""
    monkeypatch.setattr(alive, "QUIET_SECONDS", 0.0)
    peer, watched = (RTCPeerConnection(RTCConfiguration(iceServers=[])) for _ in range(2))
    with loopback_only():
        peer.createDataChannel("x")
        await peer.setLocalDescription(await peer.createOffer())
        await watched.setRemoteDescription(peer.localDescription)
        alive.watch(stock.dtls_transports(watched), watched.sctp)
        await watched.setLocalDescription(await watched.createAnswer())
        await peer.setRemoteDescription(watched.localDescription)
    await until(lambda: peer.connectionState == watched.connectionState == "connected", "they are connected")
    yield peer, watched
    await peer.close()
    await watched.close()


def count(pc: RTCPeerConnection) -> int:
    return alive.signs_of_life(stock.dtls_transports(pc))


def ice(pc: RTCPeerConnection) -> Any:
    return next(iter(stock.dtls_transports(pc))).transport._connection


def signs(pc: RTCPeerConnection) -> alive.Signs:
    found = alive.signs_of(next(iter(stock.dtls_transports(pc))))
    assert found is not None
    return found


async def test_an_answer_to_a_check_of_ours_is_one(pair: tuple[RTCPeerConnection, RTCPeerConnection]) -> None:
    _, watched = pair
    ice(watched).check_incoming = lambda *_: None  # its own checks, though it sends few
    before = signs(watched).consented_at
    await until(lambda: signs(watched).consented_at > before, "it consents")


async def test_an_answer_that_is_late_is_consent_all_the_same(
    pair: tuple[RTCPeerConnection, RTCPeerConnection], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a busy machine, or over a slow line, each of them is."""
    peer, watched = pair
    monkeypatch.setattr(alive, "EXPIRY_SECONDS", 20.0)
    ice(watched).check_incoming = lambda *_: None
    [protocol] = ice(peer)._protocols
    received, later = protocol.receiver.request_received, asyncio.get_running_loop().call_later
    protocol.receiver.request_received = lambda *request: later(2.0, received, *request)
    before = signs(watched).consented_at
    await until(lambda: signs(watched).consented_at > before or signs(watched).expired, "it consents")
    assert not signs(watched).expired


async def test_a_check_of_the_other_ends_is_one(pair: tuple[RTCPeerConnection, RTCPeerConnection]) -> None:
    peer, watched = pair
    ice(watched)._query_consent_task.cancel()
    await asyncio.sleep(0)
    before = count(watched)
    [pairs] = ice(peer)._nominated.values()
    request = ice(peer).build_request(pairs, nominate=False)
    key = ice(peer).remote_password.encode()
    await pairs.protocol.request(request, pairs.remote_addr, integrity_key=key)
    assert count(watched) > before


async def test_what_is_not_authentic_is_none(pair: tuple[RTCPeerConnection, RTCPeerConnection]) -> None:
    peer, watched = pair
    ice(watched)._query_consent_task.cancel()
    [pairs] = ice(peer)._nominated.values()
    with pytest.raises(stun.TransactionError):
        await pairs.protocol.request(
            ice(peer).build_request(pairs, nominate=False),
            pairs.remote_addr,
            integrity_key=b"another",
            retransmissions=0,
        )
    before = count(watched)
    [protocol] = ice(watched)._protocols
    for datagram in (b"\x80" + bytes(40), b"\x16\xfe\xfd" + bytes(40), b"\x01\x01" + bytes(18)):
        protocol.datagram_received(datagram, pairs.local_addr)
    await until(ice(watched)._queue.empty, "they have been looked at")
    assert count(watched) == before


async def test_a_message_is_one(pair: tuple[RTCPeerConnection, RTCPeerConnection]) -> None:
    peer, watched = pair
    ice(watched)._query_consent_task.cancel()
    before = count(watched)
    peer.createDataChannel("y")
    await until(lambda: count(watched) > before, "its message is one")


async def test_who_is_gone_is_sent_nothing_more_and_may_come_back(
    pair: tuple[RTCPeerConnection, RTCPeerConnection], monkeypatch: pytest.MonkeyPatch
) -> None:
    peer, watched = pair
    monkeypatch.setattr(alive, "EXPIRY_SECONDS", 1.0)
    vanish_data(peer)
    await until(lambda: signs(watched).expired, "its consent has expired")
    assert watched.connectionState == "connected"
    [protocol] = ice(watched)._protocols
    sent: list[bytes] = []
    protocol.transport.sendto = lambda data, _: sent.append(data)
    await ice(watched).send(b"x")
    assert sent == []


def vanish_data(pc: RTCPeerConnection) -> None:
    """Close the sockets of a connection that has no media."""
    for protocol in ice(pc)._protocols:
        protocol.transport.abort()
    vanish(pc)


async def test_who_sends_without_consent_is_hung_up_on(
    pair: tuple[RTCPeerConnection, RTCPeerConnection], monkeypatch: pytest.MonkeyPatch
) -> None:
    peer, watched = pair
    monkeypatch.setattr(alive, "EXPIRY_SECONDS", 1.5)
    for protocol in ice(peer)._protocols:
        protocol.receiver.request_received = lambda *_: None  # it answers no check

    async def speak() -> None:
        while watched.connectionState == "connected":
            peer.createDataChannel("again")
            await asyncio.sleep(0.1)

    speaking = asyncio.create_task(speak())
    await until(lambda: watched.connectionState == "closed", "it is closed")
    await speaking
