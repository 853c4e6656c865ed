import asyncio
import fractions
import math

import numpy as np
import pytest
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCDataChannel,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.mediastreams import AudioStreamTrack
from av import AudioFrame

from tests.firmware.interop import Program, running
from tests.support.peer import loopback_only
from tests.support.waiting import PATIENCE

RATE = 48000


class Tone(AudioStreamTrack):
    def __init__(self, hertz: float) -> None:
        super().__init__()
        self.hertz = hertz
        self.at = 0

    async def recv(self) -> AudioFrame:
        silence = await super().recv()
        count = RATE // 50
        phase = 2 * math.pi * self.hertz * (np.arange(count) + self.at) / RATE
        frame = AudioFrame.from_ndarray((8000 * np.sin(phase)).astype(np.int16)[None, :], layout="mono")
        frame.sample_rate = RATE
        frame.time_base = fractions.Fraction(1, RATE)
        frame.pts = self.at
        self.at += count
        assert silence is not None
        return frame


async def heard_tone(track: MediaStreamTrack) -> float:
    """The strongest frequency of a second of the track, after its first half."""
    pcm: list[np.ndarray] = []
    count = 0
    while count < RATE * 3 // 2:
        frame = await track.recv()
        assert isinstance(frame, AudioFrame)
        samples = frame.to_ndarray().reshape(-1, len(frame.layout.channels))[:, 0]
        pcm.append(samples)
        count += len(samples)
    second = np.concatenate(pcm)[RATE // 2 : RATE * 3 // 2].astype(float)
    return float(np.argmax(np.abs(np.fft.rfft(second))))


class Remote:
    """An aiortc connection that sends one tone and collects what the other end sends."""

    def __init__(self, hertz: float = 1000) -> None:
        self.connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.tone = Tone(hertz)
        self.track: asyncio.Future[MediaStreamTrack] = asyncio.get_running_loop().create_future()
        self.channel: asyncio.Future[RTCDataChannel] = asyncio.get_running_loop().create_future()
        self.messages: asyncio.Queue[str | bytes] = asyncio.Queue()
        self.connection.on("track", self.track.set_result)
        self.connection.on("datachannel", self.take)

    async def figures(self) -> list[object]:
        return list((await self.connection.getStats()).values())

    def take(self, channel: RTCDataChannel) -> None:
        channel.on("message", self.messages.put_nowait)
        if not self.channel.done():
            self.channel.set_result(channel)

    async def answer(self, program: Program) -> None:
        offer = RTCSessionDescription(await program.sdp("offer"), "offer")
        await self.connection.setRemoteDescription(offer)
        if not self.connection.getSenders()[0].track:
            self.connection.addTrack(self.tone)
        with loopback_only():  # another interface may go away in mid-call
            await self.connection.setLocalDescription(await self.connection.createAnswer())
        await program.tell("answer", self.connection.localDescription.sdp)

    async def offer(self, program: Program) -> None:
        self.connection.addTrack(self.tone)
        self.take(self.connection.createDataChannel("from-aiortc"))
        with loopback_only():
            await self.connection.setLocalDescription(await self.connection.createOffer())
        await program.tell("offer", self.connection.localDescription.sdp)
        answer = RTCSessionDescription(await program.sdp("answer"), "answer")
        await self.connection.setRemoteDescription(answer)


async def check_audio(program: Program, remote: Remote) -> None:
    """440 Hz from us, and its own tone from aiortc."""
    try:
        async with asyncio.timeout(PATIENCE):
            assert await heard_tone(await remote.track) == pytest.approx(440, abs=2)
    except TimeoutError:
        pytest.fail(f"nothing is heard; sent: {await program.stats()}, received: {await remote.figures()}")
    await program.line("tone ")  # the first second may hold silence
    hertz, rms = (await program.line("tone ")).split()
    assert float(hertz) == remote.tone.hertz
    assert float(rms) > 2000  # of 4000; a busy machine makes gaps


async def test_offers_as_dtls_server() -> None:
    remote = Remote()
    async with running("--tone", "440") as program:
        await remote.answer(program)
        await program.line("event connected")
        await program.tell("open", "rtvi-ai")
        channel = int((await program.line("event channel-open")).split()[0])
        assert channel % 2 == 1  # RFC 8832 §6: the DTLS server's are odd
        await program.tell("send", f"{channel} hello")
        assert await asyncio.wait_for(remote.messages.get(), PATIENCE) == "hello"
        (await remote.channel).send("x" * 3000)
        assert await program.message() == (channel, "text", b"x" * 3000)
        (await remote.channel).send(b"\0\1")
        assert await program.message() == (channel, "binary", b"\0\1")
        await check_audio(program, remote)
        stats = await program.stats()
        assert stats["rejected"] < stats["received"] / 4  # answers to checks that a busy machine sent again
        await program.tell("close")
        await program.line("event closed 0")
        assert await program.ended() == 0
    await remote.connection.close()


async def test_answers_as_dtls_client() -> None:
    remote = Remote()
    async with running("--answer", "--tone", "440") as program:
        await remote.offer(program)
        await program.line("event connected")
        channel, label = (await program.line("event channel-open")).split()
        assert label == "from-aiortc"
        await program.tell("send", f"{channel} hello")
        assert await asyncio.wait_for(remote.messages.get(), PATIENCE) == "hello"
        await check_audio(program, remote)
        await remote.connection.close()
        await program.line("event remote-bye")
        await program.line("event closed 1")
        assert await program.ended() == 0
