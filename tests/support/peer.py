"""A stock aiortc peer, as anyone would write one, that sends a tone and listens for tones."""

from __future__ import annotations

import asyncio
import contextlib
import fractions
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextvars import ContextVar
from types import TracebackType
from typing import Any, Self

import aioice.ice
import httpx
import numpy as np
import numpy.typing as npt
from aiortc import RTCConfiguration, RTCDataChannel, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from av import AudioFrame, AudioResampler

from tests.support.gateway import client
from tests.support.waiting import eventually, until

RATE = 16_000
FRAME = RATE // 50
DEVICE = {"device": {"board": "test"}}

Samples = npt.NDArray[np.float64]


class Tone(MediaStreamTrack):
    """A sine in real time: 20 ms frames of 16 kHz mono."""

    kind = "audio"

    def __init__(self, hertz: float) -> None:
        super().__init__()
        self._hertz = hertz
        self._sent = 0
        self._began: float | None = None
        self.late = 0.0
        """Seconds by which a frame came late at most: so long this process stood still."""

    async def recv(self) -> AudioFrame:
        """The next frame, when it is due."""
        if self.readyState != "live":
            raise MediaStreamError
        self._began = time.monotonic() if self._began is None else self._began
        wait = self._began + self._sent / RATE - time.monotonic()
        self.late = max(self.late, -wait)
        await asyncio.sleep(max(0.0, wait))
        at = (np.arange(FRAME) + self._sent) / RATE
        samples = (10_000 * np.sin(2 * np.pi * self._hertz * at)).astype(np.int16)
        frame = AudioFrame(format="s16", layout="mono", samples=FRAME)
        frame.planes[0].update(samples.tobytes())
        frame.sample_rate, frame.pts, frame.time_base = RATE, self._sent, fractions.Fraction(1, RATE)
        self._sent += FRAME
        return frame


def pitch(samples: Samples) -> float:
    """The strongest frequency, in hertz."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum[1:]) + 1) * RATE / len(samples)


def share(samples: Samples, hertz: float) -> float:
    """How much of the energy, 0 to 1, lies within 30 Hz of a frequency."""
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    at = np.fft.rfftfreq(len(samples), 1 / RATE)
    total = float(power.sum())
    return float(power[np.abs(at - hertz) < 30].sum()) / total if total else 0.0


class Ear:
    """Keeps what a track brings, as 16 kHz mono."""

    def __init__(self) -> None:
        self._blocks: list[Samples] = []
        self._resampler = AudioResampler(format="s16", layout="mono", rate=RATE)

    async def listen(self, track: MediaStreamTrack) -> None:
        """Listen until the track ends."""
        with contextlib.suppress(MediaStreamError):
            while True:
                frame = await track.recv()
                assert isinstance(frame, AudioFrame)
                for piece in self._resampler.resample(frame):
                    self._blocks.append(piece.to_ndarray()[0].astype(np.float64))

    @property
    def seconds(self) -> float:
        """How much it has heard."""
        return sum(len(block) for block in self._blocks) / RATE

    def last(self, seconds: float) -> Samples:
        """The newest of what it has heard."""
        wanted, first = int(seconds * RATE), len(self._blocks)
        while first > 0 and wanted > 0:
            first -= 1
            wanted -= len(self._blocks[first])
        newest = self._blocks[first:]
        return np.concatenate(newest)[-int(seconds * RATE) :] if newest else np.zeros(0)

    def since(self, second: float) -> Samples:
        """All of it after this many seconds."""
        return np.concatenate(self._blocks)[int(second * RATE) :]

    def hears(self, hertz: float, seconds: float = 0.5) -> bool:
        """Whether the newest sound is this tone."""
        newest = self.last(seconds)
        loud = len(newest) >= seconds * RATE and float(np.sqrt(np.mean(newest**2))) > 500
        return loud and abs(pitch(newest) - hertz) < 10


_stock_addresses = aioice.ice.get_host_addresses
_chosen: ContextVar[list[str] | None] = ContextVar("gather_on", default=None)


def _addresses(use_ipv4: bool, use_ipv6: bool) -> list[str]:
    chosen = _chosen.get()
    return _stock_addresses(use_ipv4=use_ipv4, use_ipv6=use_ipv6) if chosen is None else chosen


aioice.ice.get_host_addresses = (
    _addresses  # the peers' only change: which addresses this machine seems to have
)


@contextlib.contextmanager
def gathering_on(*addresses: str) -> Iterator[None]:
    """Have this task's peers gather candidates on these addresses."""
    token = _chosen.set(list(addresses))
    try:
        yield
    finally:
        _chosen.reset(token)


def loopback_only() -> contextlib.AbstractContextManager[None]:
    """aioice gathers no loopback by itself; here it gathers nothing else."""
    return gathering_on("127.0.0.1")


class Peer:
    """One client. Leaves with a DTLS close at the end of its block.

    Args:
        url: the gateway's.
        hertz: of the tone it sends.
        request_data: of its offers; a device's by default.
    """

    def __init__(
        self,
        url: str,
        *,
        hertz: float = 440.0,
        request_data: Any = DEVICE,
        key: str | None = None,
        gather: Any = None,
        data_channel: bool = True,
        prepare: Callable[[RTCPeerConnection], None] = lambda _: None,
    ) -> None:
        self._prepare = prepare
        self.channel: RTCDataChannel | None = None
        self._with_channel = data_channel
        self.hertz = hertz
        self.ear = Ear()
        self.messages: list[dict[str, Any]] = []
        self.answer: dict[str, Any] = {}
        self.http: httpx.AsyncClient = client(url, key=key)
        self._tones: list[Tone] = []
        self.pc = self._new_pc()
        self._request_data = request_data
        self._gather = gather or loopback_only
        self._tasks: list[asyncio.Task[None]] = []

    def _new_pc(self) -> RTCPeerConnection:
        pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._prepare(pc)
        self._tones.append(Tone(self.hertz))
        pc.addTransceiver(self._tones[-1], direction="sendrecv")
        if self._with_channel:
            self.channel = pc.createDataChannel("rtvi-ai")
            self.channel.on("message", self._message)
        pc.on("track", self._listen)
        return pc

    def _listen(self, track: MediaStreamTrack) -> None:
        self._tasks.append(asyncio.create_task(self.ear.listen(track), name="ear"))

    def _message(self, text: str) -> None:
        self.messages.append(json.loads(text))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.pc.close()
        await self.http.aclose()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def offer(self) -> str:
        """Make an offer, with its candidates gathered."""
        with self._gather():
            await self.pc.setLocalDescription(await self.pc.createOffer())
        return str(self.pc.localDescription.sdp)

    async def post(self, sdp: str, *, path: str = "/api/offer", **more: Any) -> httpx.Response:
        """Post an offer."""
        body = {"sdp": sdp, "type": "offer", "request_data": self._request_data, **more}
        return await self.http.post(path, json=body)

    async def take(self, response: httpx.Response) -> None:
        """Take the answer of a response."""
        assert response.status_code == 200, response.text
        self.answer = response.json()
        await self.pc.setRemoteDescription(RTCSessionDescription(self.answer["sdp"], self.answer["type"]))

    async def connect(self, **more: Any) -> Self:
        """Call the gateway and wait until the call is up; where it is busy, again when it says, as a device does."""
        offer = await self.offer()
        await eventually(lambda: self._is_taken(offer, more), "the gateway has room")
        await self.connected()
        return self

    async def _is_taken(self, offer: str, more: dict[str, Any]) -> bool:
        response = await self.post(offer, **more)
        if response.status_code == 503 and "retry-after" in response.headers:
            await asyncio.sleep(int(response.headers["retry-after"]))
            return False
        await self.take(response)
        return True

    async def connected(self) -> None:
        """Wait until ICE, DTLS and the data channel are up; a call may have ended again before this looks."""
        await until(lambda: self.pc.connectionState in {"connected", "closed"}, "the peer is connected")
        channel = self.channel
        if channel is not None:
            await until(lambda: channel.readyState != "connecting", "its data channel is open")

    def send(self, message: str | bytes) -> None:
        """Send a message over the data channel."""
        assert self.channel is not None
        self.channel.send(message)

    async def restart(self, **more: Any) -> None:
        """Drop the connection without a word, and call again over a new one by `pc_id`."""
        pc_id = self.answer["pc_id"]
        vanish(self.pc)
        with contextlib.suppress(
            TimeoutError
        ):  # on a busy machine aiortc may wait for ever for a connection without sockets
            await asyncio.wait_for(self.pc.close(), 10)
        self.pc = self._new_pc()
        await self.connect(pc_id=pc_id, restart_pc=True, **more)

    async def hears(self, hertz: float | None = None) -> None:
        """Wait until a tone comes: its own, if no other is named."""
        wanted = self.hertz if hertz is None else hertz
        await until(lambda: self.ear.hears(wanted), f"a tone of {wanted:g} Hz is heard")

    async def heard_more(self, seconds: float) -> Samples:
        """Wait until this much more has been heard; gives it."""
        before = self.ear.seconds
        await until(lambda: self.ear.seconds >= before + seconds, f"{seconds:g} s more are heard", 60)
        return self.ear.since(before)

    @property
    def late(self) -> float:
        """Seconds for which this process itself stood still at most: a gap in what comes back may be as long."""
        return max(tone.late for tone in self._tones)

    async def closed(self) -> None:
        """Wait until the gateway has hung up."""
        await until(lambda: self.pc.connectionState in {"closed", "failed"}, "the gateway hangs up")

    def error(self) -> str | None:
        """The reason that the gateway gave, if it gave one."""
        found = [m["data"]["error"] for m in self.messages if m.get("type") == "error"]
        return found[0] if found else None


def transports(pc: RTCPeerConnection) -> Iterator[asyncio.DatagramTransport]:
    """The UDP sockets of a connection."""
    dtls = {t.receiver.transport for t in pc.getTransceivers()}
    for transport in dtls:
        for protocol in transport.transport._connection._protocols:
            if protocol.transport is not None:
                yield protocol.transport


def vanish(pc: RTCPeerConnection) -> None:
    """Close a connection's sockets under it: nothing more is sent, not even a DTLS close."""
    for transport in transports(pc):
        transport.abort()


def gaps(samples: Samples, hertz: float, block: float = 0.1) -> float:
    """The longest run of blocks, in seconds, in which a tone is not the main sound."""
    size = int(block * RATE)
    longest = run = 0
    for start in range(0, len(samples) - size + 1, size):
        piece = samples[start : start + size]
        run = 0 if share(piece, hertz) > 0.5 and float(np.abs(piece).max()) > 500 else run + 1
        longest = max(longest, run)
    return longest * block


@contextlib.asynccontextmanager
async def calling(url: str, **options: Any) -> AsyncIterator[Peer]:
    """A connected peer for the length of the block."""
    async with Peer(url, **options) as peer:
        yield await peer.connect()
