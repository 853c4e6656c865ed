"""The connection of a call against a stock peer in this process."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import numpy as np
import pytest
from aiortc import RTCConfiguration, RTCDataChannel, RTCPeerConnection, RTCSessionDescription

from gateway.errors import BadOffer
from gateway.rtc.codec import OpusSettings
from gateway.rtc.connection import MAX_MESSAGE_BYTES, GatewayConnection, MediaConnection
from gateway.wire import sdp
from tests.support.offers import captured, replaced
from tests.support.peer import Ear, Tone, loopback_only, pitch
from tests.support.waiting import until


def device(hear: Callable[[bytes], None], *, small: bool = True) -> MediaConnection:
    """A connection with a device at its other end, or with what can take more."""
    return MediaConnection(addresses=["127.0.0.1"], small=small, opus=OpusSettings(), hear=hear)


class Pair:
    """A stock peer that calls a device's connection."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.connection = device(self.heard.append)
        self.peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.peer.addTransceiver(Tone(440), direction="sendrecv")
        self.channel: RTCDataChannel = self.peer.createDataChannel("rtvi-ai")
        self.messages: list[str] = []
        self.channel.on("message", self.messages.append)
        self.ear = Ear()
        self.tasks: list[asyncio.Task[None]] = []
        self.peer.on("track", self._listen)

    def _listen(self, track: Any) -> None:
        self.tasks.append(asyncio.create_task(self.ear.listen(track)))

    async def connect(self) -> None:
        with loopback_only():
            await self.peer.setLocalDescription(await self.peer.createOffer())
        await self.connection.initialize(self.peer.localDescription.sdp, "offer")
        await self.connection.connect()
        answer = sdp.device_answer(self.connection.get_answer()["sdp"], "127.0.0.1", bitrate=24_000)
        await self.peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        await until(
            lambda: self.connection.connected and self.channel.readyState == "open", "both are connected"
        )

    async def close(self) -> None:
        await self.connection.disconnect()
        await self.peer.close()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    made = Pair()
    yield made
    await made.close()


async def test_20_ms_of_16_khz_mono_are_heard_at_a_time(pair: Pair) -> None:
    await pair.connect()
    await until(lambda: len(pair.heard) > 50, "a second is heard")
    assert {len(pcm) for pcm in pair.heard} == {640}
    samples = np.frombuffer(b"".join(pair.heard[25:]), np.int16).astype(np.float64)
    assert pitch(samples) == pytest.approx(440, abs=5)


async def test_what_is_said_at_any_rate_is_heard(pair: Pair) -> None:
    await pair.connect()
    at = np.arange(24_000) / 24_000
    samples = (8_000 * np.sin(2 * np.pi * 700 * at)).astype(np.int16)
    pair.connection.say(samples.tobytes(), 24_000)
    await until(lambda: pair.ear.hears(700), "the tone is heard")


async def test_nothing_is_heard_once_the_call_is_over(pair: Pair) -> None:
    await pair.connect()
    await until(lambda: bool(pair.heard), "something is heard")
    await pair.connection.disconnect()
    count = len(pair.heard)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.Event().wait(), 0.1)
    assert len(pair.heard) == count


async def test_a_message_that_fits_is_sent_and_a_longer_one_is_not(pair: Pair) -> None:
    await pair.connect()
    room = MAX_MESSAGE_BYTES - len(json.dumps({"x": ""}))
    pair.connection.send_app_message({"x": "a" * (room + 1)})
    pair.connection.send_app_message({"x": "b" * room})
    await until(lambda: bool(pair.messages), "a message has come")
    assert len(pair.messages) == 1
    assert len(pair.messages[0]) == MAX_MESSAGE_BYTES


async def test_figures_come_with_the_media(pair: Pair) -> None:
    assert await pair.connection.figures() is None
    await pair.connect()
    await until(lambda: bool(pair.heard), "something is heard")
    figures = await pair.connection.figures()
    assert figures is not None
    assert figures.loss == 0.0


async def test_packets_are_counted_while_the_client_is_there(pair: Pair) -> None:
    await pair.connect()
    before = pair.connection.packets_received()
    await until(lambda: pair.connection.packets_received() > before, "packets come")


@pytest.mark.parametrize(
    ("old", "new"),
    [("a=ssrc:6", "a=ssrc:x"), ("a=rtpmap:111", "a=rtpmap:x"), ("a=mid:datachannel", "a=mid:audio"),
     ("a=sctp-port:5000", "a=sctp-port:x"), ("a=setup:passive", "a=setup:nonsense"), ("a=ice-ufrag:", "a=ice-x:")],
)  # fmt: skip
@pytest.mark.parametrize("browser", [False, True])
async def test_what_aiortc_trips_over_is_a_bad_offer_or_none(old: str, new: str, *, browser: bool) -> None:
    connection = GatewayConnection(addresses=["127.0.0.1"]) if browser else device(lambda _: None)
    try:
        await connection.initialize(replaced(captured("libpeer"), old, new), "offer")
    except BadOffer as error:
        assert error.message  # noqa: PT017
    await connection.disconnect()
