"""The receiver of a device's audio, in the place of aiortc's: no thread, no resampler, no prefetch."""

from __future__ import annotations

import asyncio
import fractions
from collections import deque
from typing import Final

from aiortc import RTCRtpReceiver
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from aiortc.rtcdtlstransport import RTCDtlsTransport
from aiortc.rtcrtpparameters import RTCRtpReceiveParameters
from aiortc.rtp import AnyRtcpPacket, RtpPacket
from aiortc.stats import RTCStatsReport
from av import AudioFrame

from gateway.rtc import stock
from gateway.rtc.codec import FRAME_SAMPLES, SAMPLE_RATE
from gateway.rtc.playout import PlayoutStats, VoicePlayout
from gateway.rtc.rtcp import Reports

MAX_QUEUED: Final = 50
"""Frames (one second) that a bot may leave unread before the oldest are dropped."""
_TIME_BASE: Final = fractions.Fraction(1, SAMPLE_RATE)


class PcmTrack(MediaStreamTrack):
    """What a bot hears: 20 ms at a time, 16 kHz, mono, 16 bit. Stands in for Pipecat's SmallWebRTCTrack."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._queue: deque[bytes] = deque(maxlen=MAX_QUEUED)
        self._waiter: asyncio.Future[bytes] | None = None
        self._samples = 0

    def put(self, pcm: bytes) -> None:
        """Hand on 640 bytes of PCM."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(pcm)
            self._waiter = None
        else:
            self._queue.append(pcm)

    def read(self) -> asyncio.Future[bytes]:
        """The next 640 bytes of PCM.

        Raises:
            MediaStreamError: the call is over.
        """
        if self.readyState != "live":
            raise MediaStreamError
        waiter: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        if self._queue:
            waiter.set_result(self._queue.popleft())
        else:
            self._waiter = waiter
        return waiter

    async def recv(self) -> AudioFrame:
        """The same as a frame, as a bot asks for it that wants another rate than ours.

        Raises:
            MediaStreamError: the call is over.
        """
        return self._frame(await self.read())

    def _frame(self, pcm: bytes) -> AudioFrame:
        frame = AudioFrame(format="s16", layout="mono", samples=FRAME_SAMPLES)
        frame.planes[0].update(pcm)
        frame.sample_rate = SAMPLE_RATE
        frame.pts = self._samples
        frame.time_base = _TIME_BASE
        self._samples += FRAME_SAMPLES
        return frame

    def stop(self) -> None:
        super().stop()
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(MediaStreamError())
            self._waiter = None

    def is_enabled(self) -> bool:
        """Always: a device that mutes itself sends silence."""
        return True

    def set_enabled(self, enabled: bool) -> None:
        """There is nothing to switch here."""

    async def discard_old_frames(self) -> None:
        """Drop what no bot has read."""
        self._queue.clear()


class DeviceReceiver:
    """RTP in, a steady 20 ms of PCM out.

    Args:
        replaced: aiortc's receiver, whose place this takes.
        reports: of this call.
    """

    def __init__(self, replaced: RTCRtpReceiver, reports: Reports) -> None:
        self.transport: RTCDtlsTransport = replaced.transport
        self.pcm = PcmTrack()
        self._track = replaced.track
        self._enabled = True
        self._reports = reports
        self._playout = VoicePlayout()
        self._timer: asyncio.TimerHandle | None = None
        self._payload_types: set[int] = set()
        self._loop = asyncio.get_running_loop()

    @property
    def track(self) -> MediaStreamTrack:
        """The remote track of aiortc, which carries nothing here."""
        return self._track

    @property
    def stats(self) -> PlayoutStats:
        """How the playout fares."""
        return self._playout.stats

    def setTransport(self, transport: RTCDtlsTransport) -> None:  # noqa: N802 -- aiortc's name
        self.transport = transport

    async def receive(self, parameters: RTCRtpReceiveParameters) -> None:
        """Start: packets come in from now on."""
        if not self._payload_types:
            self._payload_types = set(stock.opus_payload_types(parameters))
            stock.register_receiver(self.transport, self, parameters)
            stock.take_rtp(self.transport, self, self._take)

    async def stop(self) -> None:
        """Stop for good."""
        stock.unregister_receiver(self.transport, self)
        self._handle_disconnect()

    def _handle_disconnect(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.pcm.stop()
        if self._track is not None:
            self._track.stop()

    async def _handle_rtp_packet(self, packet: RtpPacket, arrival_time_ms: int) -> None:  # noqa: ARG002
        self._take(packet)

    def _take(self, packet: RtpPacket) -> None:
        if packet.payload_type in self._payload_types and self.pcm.readyState == "live":
            self._reports.received(packet)
            self._hand_on(self._playout.push(packet, self._loop.time()))

    def _due(self) -> None:
        self._hand_on(self._playout.poll(self._loop.time()))

    def _hand_on(self, frames: list[bytes]) -> None:
        for pcm in frames:
            self.pcm.put(pcm)
        if self._timer is not None:
            self._timer.cancel()
        deadline = self._playout.deadline
        self._timer = None if deadline is None else self._loop.call_at(deadline, self._due)

    async def _handle_rtcp_packet(self, packet: AnyRtcpPacket) -> None:
        self._reports.take(packet)

    def _set_rtcp_ssrc(self, ssrc: int) -> None:
        """Our reports go out under the sender's own SSRC."""

    async def getStats(self) -> RTCStatsReport:  # noqa: N802 -- aiortc's name
        return RTCStatsReport()
