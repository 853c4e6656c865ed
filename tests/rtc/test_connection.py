"""The connection of a call against a stock peer in this process."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest
from aiortc import RTCConfiguration, RTCDataChannel, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, MediaStreamError
from pipecat.transports.smallwebrtc.transport import RawAudioTrack

from gateway.errors import BadOffer
from gateway.rtc.codec import OpusSettings
from gateway.rtc.connection import MAX_MESSAGE_BYTES, DeviceConnection, GatewayConnection
from gateway.rtc.receiver import PcmTrack
from gateway.wire import sdp
from tests.support.offers import captured, replaced
from tests.support.peer import Ear, Tone, loopback_only
from tests.support.waiting import until


class Pair:
    """A stock peer that calls a device's connection."""

    def __init__(self) -> None:
        self.connection = DeviceConnection(addresses=["127.0.0.1"], opus=OpusSettings())
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


async def test_a_bot_hears_20_ms_of_16_khz_mono_at_a_time(pair: Pair) -> None:
    await pair.connect()
    track = pair.connection.audio_input_track()
    assert isinstance(track, PcmTrack)
    frames = [await track.recv() for _ in range(50)]
    assert {(f.sample_rate, f.samples, f.layout.name, f.format.name) for f in frames} == {
        (16_000, 320, "mono", "s16")
    }
    assert [f.pts for f in frames] == list(range(0, 50 * 320, 320))


async def test_what_a_bot_writes_is_heard(pair: Pair) -> None:
    await pair.connect()
    track = RawAudioTrack(24_000)
    pair.connection.replace_audio_track(track)
    at = np.arange(24_000) / 24_000
    samples = (8_000 * np.sin(2 * np.pi * 700 * at)).astype(np.int16)
    for start in range(0, 24_000, 480):
        await track.add_audio_bytes(samples[start : start + 480].tobytes())
    await until(lambda: pair.ear.hears(700), "the tone is heard")


async def test_only_pipecats_track_can_be_spoken_through(pair: Pair) -> None:
    with pytest.raises(TypeError, match="AudioStreamTrack"):
        pair.connection.replace_audio_track(AudioStreamTrack())


async def test_the_end_of_a_call_ends_what_a_bot_hears(pair: Pair) -> None:
    await pair.connect()
    track = pair.connection.audio_input_track()
    assert track is not None
    await pair.peer.close()
    await until(lambda: track.readyState == "ended", "the track has ended")
    with pytest.raises(MediaStreamError):
        await track.recv()


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
    track = pair.connection.audio_input_track()
    assert track is not None
    await track.recv()
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
    connection = (
        GatewayConnection(addresses=["127.0.0.1"])
        if browser
        else DeviceConnection(addresses=["127.0.0.1"], opus=OpusSettings())
    )
    try:
        await connection.initialize(replaced(captured("libpeer"), old, new), "offer")
    except BadOffer as error:
        assert error.message  # noqa: PT017
    await connection.disconnect()
