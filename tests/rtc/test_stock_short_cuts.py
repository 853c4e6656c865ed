"""Fails when a private detail of aiortc or Pipecat moves that audio is led past, for its cost."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiortc import RTCConfiguration, RTCPeerConnection
from aiortc.mediastreams import AudioStreamTrack
from aiortc.rtcrtpreceiver import RTCRtpReceiver
from aiortc.rtp import AnyRtcpPacket
from aiortc.rtp import RtpPacket as StockPacket

from gateway.rtc import alive, stock
from gateway.rtc.rtp import RtpPacket
from tests.support.waiting import until


class Receiver:
    """Counts what comes the short way, and what comes aiortc's."""

    def __init__(self, replaced: RTCRtpReceiver) -> None:
        self.transport = replaced.transport
        self.track = replaced.track
        self.taken: list[RtpPacket] = []
        self.routed: list[StockPacket] = []
        self.reports: list[AnyRtcpPacket] = []

    async def receive(self, parameters: Any) -> None:
        stock.register_receiver(self.transport, self, parameters)
        stock.take_rtp(self.transport, self, self.taken.append)

    async def stop(self) -> None:
        stock.unregister_receiver(self.transport, self)

    async def _handle_rtp_packet(self, packet: StockPacket, arrival_time_ms: int) -> None:  # noqa: ARG002
        self.routed.append(packet)

    async def _handle_rtcp_packet(self, packet: AnyRtcpPacket) -> None:
        self.reports.append(packet)

    def _handle_disconnect(self) -> None: ...

    def _set_rtcp_ssrc(self, ssrc: int) -> None: ...


@dataclass
class Call:
    """A stock caller that sends silence and opens a data channel, and a callee with the receiver above."""

    caller: RTCPeerConnection
    callee: RTCPeerConnection
    receiver: Receiver
    messages: list[str] = field(default_factory=list)

    def signs(self) -> int:
        """The callee's count of signs of life."""
        return alive.signs_of_life(stock.dtls_transports(self.callee))

    def protocols(self) -> list[Any]:
        """The callee's sockets."""
        return list(self.receiver.transport.transport._connection._protocols)

    def datagram(self, data: bytes) -> None:
        """Have this come out of the callee's socket."""
        for protocol in self.protocols():
            protocol.datagram_received(data, ("127.0.0.1", 9))

    async def more(self) -> None:
        """Wait for two more packets the short way."""
        before = len(self.receiver.taken)
        await until(lambda: len(self.receiver.taken) >= before + 2, "packets come the short way")


@pytest.fixture
async def call() -> AsyncIterator[Call]:
    caller, callee = (RTCPeerConnection(RTCConfiguration(iceServers=[])) for _ in range(2))
    caller.addTransceiver(AudioStreamTrack())
    channel = caller.createDataChannel("x")
    stock.gather_on(caller, ["127.0.0.1"])
    await caller.setLocalDescription(await caller.createOffer())
    await callee.setRemoteDescription(caller.localDescription)
    [transceiver] = callee.getTransceivers()
    call = Call(caller, callee, Receiver(transceiver.receiver))
    stock.use_media(transceiver, transceiver.sender, call.receiver)
    callee.on("datachannel", lambda c: c.on("message", call.messages.append))
    stock.gather_on(callee, ["127.0.0.1"])
    alive.watch(stock.dtls_transports(callee), callee.sctp)
    await callee.setLocalDescription(await callee.createAnswer())
    await caller.setRemoteDescription(callee.localDescription)
    await until(lambda: channel.readyState == "open", "the call is up")
    channel.send("over DTLS")
    yield call
    await asyncio.gather(caller.close(), callee.close())


async def test_rtp_comes_straight_from_the_socket(call: Call) -> None:
    await call.more()
    assert len(call.receiver.routed) <= 2  # those by which aiortc learnt whose they are
    first, second = call.receiver.taken[-2:]
    assert second.sequence_number - first.sequence_number == 1
    assert second.timestamp - first.timestamp == 960
    assert second.payload


async def test_it_is_counted_as_received(call: Call) -> None:
    await call.more()
    before, taken = call.signs(), len(call.receiver.taken)
    await call.more()
    assert call.signs() - before >= len(call.receiver.taken) - taken


async def test_what_is_no_rtp_goes_aiortcs_way(call: Call) -> None:
    await call.more()
    await until(lambda: bool(call.messages), "a message comes over DTLS")
    await until(lambda: bool(call.receiver.reports), "a report comes over SRTCP")


@pytest.mark.parametrize("tail", [b"", b"\x00", bytes(60)])
async def test_what_is_not_authentic_changes_nothing(call: Call, tail: bytes) -> None:
    await call.more()
    last = call.receiver.taken[-1]
    taken, before = len(call.receiver.taken), call.signs()
    call.datagram(struct.pack("!BBHLL", 0x80, last.payload_type, 7, 7, last.ssrc) + tail)
    assert len(call.receiver.taken) == taken
    assert call.signs() == before
    await call.more()


@pytest.mark.parametrize("short", [b"", b"\x80", bytes([0x80]) * 11])
async def test_what_is_too_short_harms_nothing(call: Call, short: bytes) -> None:
    await call.more()
    call.datagram(short)
    await call.more()


async def test_a_replayed_packet_is_taken_once(call: Call) -> None:
    wire: list[bytes] = []
    [protocol] = call.protocols()
    received = protocol.datagram_received

    def record(data: bytes, addr: Any) -> None:
        wire.append(data)
        received(data, addr)

    protocol.datagram_received = record
    await call.more()
    taken = len(call.receiver.taken)
    call.datagram(
        next(data for data in reversed(wire) if data[1] & 0x7F == call.receiver.taken[0].payload_type)
    )
    assert len(call.receiver.taken) == taken


async def test_a_receiver_that_has_stopped_gets_nothing_more(call: Call) -> None:
    await call.more()
    await call.receiver.stop()
    taken, before = len(call.receiver.taken), call.signs()
    await until(lambda: call.signs() > before + 2, "packets still come")
    assert len(call.receiver.taken) == taken
