"""The sender and receiver of a device's audio, in the place of aiortc's: no threads, no resampler, no prefetch."""

from __future__ import annotations

import asyncio
import fractions
import random
import struct
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
import soxr
from aiortc import RTCRtpReceiver, RTCRtpSender, clock
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from aiortc.rtcdtlstransport import RTCDtlsTransport
from aiortc.rtcrtpparameters import RTCRtpReceiveParameters, RTCRtpSendParameters
from aiortc.rtcrtpreceiver import StreamStatistics
from aiortc.rtp import (
    AnyRtcpPacket,
    RtcpByePacket,
    RtcpReceiverInfo,
    RtcpRrPacket,
    RtcpSdesPacket,
    RtcpSenderInfo,
    RtcpSourceInfo,
    RtcpSrPacket,
    RtpPacket,
)
from aiortc.stats import RTCStatsReport
from av import AudioFrame
from pipecat.transports.smallwebrtc.transport import RawAudioTrack

from gateway.rtc import stock
from gateway.rtc.codec import FRAME_BYTES, FRAME_SAMPLES, SAMPLE_RATE, OpusEncoder, OpusSettings
from gateway.rtc.playout import VoicePlayout

RTP_CLOCK: Final = 48_000
"""Opus over RTP counts in 48 kHz at any bandwidth (RFC 7587, section 4.1)."""
FRAME_TICKS: Final = 960
FRAME_SECONDS: Final = 0.02
MAX_QUEUED: Final = 50
"""Frames (one second) that a bot may leave unread before the oldest are dropped."""
_RTT_ALPHA: Final = 0.85
_TIME_BASE: Final = fractions.Fraction(1, SAMPLE_RATE)


@dataclass(frozen=True, slots=True)
class MediaFigures:
    """How a call's media fares; loss is a fraction, times are milliseconds.

    `rtt_ms`, `far_jitter_ms` and `far_loss` are what the client reports by RTCP; `None` if it sends none.
    """

    rtt_ms: float | None
    far_jitter_ms: float | None
    far_loss: float | None
    jitter_ms: float
    loss: float
    delay_ms: float
    concealed: int
    late: int

    @classmethod
    def of(cls, sender: DeviceSender, receiver: DeviceReceiver) -> MediaFigures:
        stats = receiver.stats.jitter
        expected = stats.received + stats.lost
        return cls(
            rtt_ms=_ms(sender.rtt),
            far_jitter_ms=_ms(sender.far_jitter),
            far_loss=sender.far_loss,
            jitter_ms=round(stats.jitter_ms, 2),
            loss=round(stats.lost / expected, 4) if expected else 0.0,
            delay_ms=round(stats.delay_ms, 1),
            concealed=stats.concealed,
            late=stats.late,
        )


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(1000 * seconds, 2)


class PcmTrack(MediaStreamTrack):
    """What a bot hears: frames of 20 ms, 16 kHz, mono, 16 bit. Stands in for Pipecat's SmallWebRTCTrack."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._frames: deque[bytes] = deque(maxlen=MAX_QUEUED)
        self._waiter: asyncio.Future[AudioFrame] | None = None
        self._samples = 0

    def put(self, pcm: bytes) -> None:
        """Hand on 640 bytes of PCM."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(self._frame(pcm))
            self._waiter = None
        else:
            self._frames.append(pcm)

    def recv(self) -> asyncio.Future[AudioFrame]:  # type: ignore[override]
        """The next frame; a future and no coroutine, so that awaiting it with a time-out makes no task.

        Raises:
            MediaStreamError: the call is over.
        """
        if self.readyState != "live":
            raise MediaStreamError
        waiter: asyncio.Future[AudioFrame] = asyncio.get_running_loop().create_future()
        if self._frames:
            waiter.set_result(self._frame(self._frames.popleft()))
        else:
            self._waiter = waiter
        return waiter

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
        return True

    def set_enabled(self, enabled: bool) -> None:
        """A device that mutes itself sends silence; there is nothing to switch here."""

    async def discard_old_frames(self) -> None:
        self._frames.clear()


class Source(Protocol):
    """What a sender sends: `take` gives 640 bytes of PCM, or `None` when there is silence."""

    @property
    def track(self) -> MediaStreamTrack | None: ...
    def take(self) -> bytes | None: ...


class DeviceReceiver:
    """RTP in, a steady 20 ms of PCM out.

    Args:
        replaced: aiortc's receiver, whose place this takes.
        sender: the sender of the same call, which sends our receiver reports with its own.
    """

    def __init__(self, replaced: RTCRtpReceiver, sender: DeviceSender) -> None:
        self.transport: RTCDtlsTransport = replaced.transport
        self._track = replaced.track
        self._enabled = True
        self._sender = sender
        self._playout = VoicePlayout()
        self._timer: asyncio.TimerHandle | None = None
        self._payload_types: set[int] = set()
        self._loop = asyncio.get_running_loop()
        self.pcm = PcmTrack()

    @property
    def track(self) -> MediaStreamTrack:
        return self._track

    @property
    def stats(self) -> Any:
        return self._playout.stats

    def setTransport(self, transport: RTCDtlsTransport) -> None:  # noqa: N802 -- aiortc's name
        self.transport = transport

    async def receive(self, parameters: RTCRtpReceiveParameters) -> None:
        if not self._payload_types:
            self._payload_types = {
                c.payloadType
                for c in parameters.codecs
                if c.name.lower() == "opus" and c.payloadType is not None
            }
            self.transport._register_rtp_receiver(self, parameters)

    async def stop(self) -> None:
        self.transport._unregister_rtp_receiver(self)
        self._handle_disconnect()

    def _handle_disconnect(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        self.pcm.stop()
        self._track.stop()

    async def _handle_rtp_packet(self, packet: RtpPacket, arrival_time_ms: int) -> None:  # noqa: ARG002
        if packet.payload_type not in self._payload_types or self.pcm.readyState != "live":
            return
        self._sender.reception(packet)
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
        if isinstance(packet, RtcpSrPacket):
            self._sender.heard_report(packet)

    def _set_rtcp_ssrc(self, ssrc: int) -> None:
        """Our reports go out under the sender's own SSRC."""

    async def getStats(self) -> RTCStatsReport:  # noqa: N802 -- aiortc's name
        return RTCStatsReport()


class DeviceSender:
    """PCM of a bot's track in, one Opus packet every 20 ms out, and the RTCP of both directions.

    Args:
        replaced: aiortc's sender, whose place and SSRC this takes.
        settings: the encoder's.
        on_audio: called with the loop's time when sound goes out after silence.
    """

    def __init__(
        self, replaced: RTCRtpSender, settings: OpusSettings, on_audio: Callable[[float], None] | None
    ) -> None:
        self.transport: RTCDtlsTransport = replaced.transport
        self.kind = "audio"
        self.rtt: float | None = None
        self.far_jitter: float | None = None
        self.far_loss: float | None = None
        self._ssrc = replaced._ssrc
        self._rtx_ssrc = replaced._rtx_ssrc
        self._stream_id = replaced._stream_id
        self._track_id = replaced._track_id
        self._enabled = True
        self._encoder = OpusEncoder(settings)
        self._on_audio = on_audio
        self._source: Source | None = None
        self._next_at: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._reports: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()
        self._payload_type = 0
        self._sequence = random.randrange(1 << 15)  # the lower half spares SRTP an early roll-over
        self._timestamp_origin = random.getrandbits(32)
        self._timestamp = 0
        self._packets = 0
        self._octets = 0
        self._speaking = False
        self._cname = ""
        self._received: dict[int, StreamStatistics] = {}
        self._last_report: dict[int, tuple[int, float]] = {}
        self._own_report: tuple[int, float] | None = None

    @property
    def track(self) -> MediaStreamTrack | None:
        return self._source.track if self._source is not None else None

    def use(self, source: Source | None) -> None:
        """Send from this source from now on."""
        self._source = source

    def replaceTrack(self, track: MediaStreamTrack | None) -> None:  # noqa: N802 -- aiortc's name
        self._source = TrackSource(track) if isinstance(track, RawAudioTrack) else None

    def setTransport(self, transport: RTCDtlsTransport) -> None:  # noqa: N802
        self.transport = transport

    async def send(self, parameters: RTCRtpSendParameters) -> None:
        if self._next_at is not None:
            return
        self._payload_type = parameters.codecs[0].payloadType or 0
        self._cname = parameters.rtcp.cname or ""
        self.transport._register_rtp_sender(self, parameters)
        self._next_at = self._loop.time()
        self._tick()
        self._reports = asyncio.create_task(self._send_reports(), name=f"rtcp-{self._ssrc}")

    async def stop(self) -> None:
        if self._next_at is None:
            return
        self.transport._unregister_rtp_sender(self)
        if self._timer is not None:
            self._timer.cancel()
        if self._reports is not None:
            self._reports.cancel()
            await asyncio.gather(self._reports, return_exceptions=True)
        await self._send_rtcp([RtcpByePacket(sources=[self._ssrc])])

    def _tick(self) -> None:
        assert self._next_at is not None
        now = self._loop.time()
        behind = max(0, int((now - self._next_at) / FRAME_SECONDS))
        self._timestamp += behind * FRAME_TICKS
        self._next_at += (1 + behind) * FRAME_SECONDS
        pcm = self._source.take() if self._source is not None else None
        if pcm is not None and not self._speaking and self._on_audio is not None:
            self._on_audio(now)
        self._speaking = pcm is not None
        self._send(self._encoder.encode(pcm if pcm is not None else _SILENCE))
        self._timestamp += FRAME_TICKS
        self._timer = self._loop.call_at(self._next_at, self._tick)

    def _send(self, payload: bytes) -> None:
        timestamp = (self._timestamp_origin + self._timestamp) & 0xFFFFFFFF
        header = struct.pack("!BBHLL", 0x80, self._payload_type, self._sequence, timestamp, self._ssrc)
        if stock.send_rtp(self.transport, header + payload):
            self._sequence = (self._sequence + 1) & 0xFFFF
            self._packets += 1
            self._octets += len(payload)

    def reception(self, packet: RtpPacket) -> None:
        """Count a packet that came in, for our receiver reports (RFC 3550, section 6.4.1)."""
        statistics = self._received.get(packet.ssrc)
        if statistics is None:
            self._received = {packet.ssrc: (statistics := StreamStatistics(RTP_CLOCK))}
        statistics.add(packet)

    def heard_report(self, report: RtcpSrPacket) -> None:
        """Note when the client's sender report came, so that it can tell its round trip from ours."""
        middle = (report.sender_info.ntp_timestamp >> 16) & 0xFFFFFFFF
        self._last_report = {report.ssrc: (middle, time.time())}

    async def _send_reports(self) -> None:
        while True:
            await asyncio.sleep(0.5 + random.random())  # RFC 3550, section 6.2: not in step with others
            ntp = clock.current_ntp_time()
            self._own_report = ((ntp >> 16) & 0xFFFFFFFF, time.time())
            sender_info = RtcpSenderInfo(
                ntp_timestamp=ntp,
                rtp_timestamp=(self._timestamp_origin + self._timestamp) & 0xFFFFFFFF,
                packet_count=self._packets & 0xFFFFFFFF,
                octet_count=self._octets & 0xFFFFFFFF,
            )
            await self._send_rtcp(
                [
                    RtcpSrPacket(self._ssrc, sender_info, [self._about(s) for s in self._received]),
                    RtcpSdesPacket([RtcpSourceInfo(self._ssrc, [(1, self._cname.encode())])]),
                ]
            )

    def _about(self, ssrc: int) -> RtcpReceiverInfo:
        statistics = self._received[ssrc]
        last, at = self._last_report.get(ssrc, (0, 0.0))
        return RtcpReceiverInfo(
            ssrc=ssrc,
            fraction_lost=statistics.fraction_lost,
            packets_lost=statistics.packets_lost,
            highest_sequence=statistics.cycles + (statistics.max_seq or 0),
            jitter=statistics.jitter,
            lsr=last,
            dlsr=min(int((time.time() - at) * 65_536), 0xFFFFFFFF) if last else 0,
        )

    async def _send_rtcp(self, packets: list[AnyRtcpPacket]) -> None:
        try:
            await self.transport._send_rtp(b"".join(bytes(p) for p in packets))
        except ConnectionError:
            return  # the client is gone; ICE will say so

    async def _handle_rtcp_packet(self, packet: AnyRtcpPacket) -> None:
        if not isinstance(packet, (RtcpRrPacket, RtcpSrPacket)):
            return
        for report in (r for r in packet.reports if r.ssrc == self._ssrc):
            self.far_loss = report.fraction_lost / 256
            self.far_jitter = report.jitter / RTP_CLOCK
            self._encoder.set_expected_loss(round(100 * self.far_loss))
            self._measure_round_trip(report)

    def _measure_round_trip(self, report: RtcpReceiverInfo) -> None:
        if self._own_report is None or not report.dlsr or report.lsr != self._own_report[0]:
            return
        sample = max(0.0, time.time() - self._own_report[1] - report.dlsr / 65_536)
        self.rtt = sample if self.rtt is None else _RTT_ALPHA * self.rtt + (1 - _RTT_ALPHA) * sample

    async def getStats(self) -> RTCStatsReport:  # noqa: N802 -- aiortc's name
        return RTCStatsReport()


_SILENCE: Final = bytes(FRAME_BYTES)


class TrackSource:
    """Takes 20 ms at a time of what a bot writes to its output track, as 16 kHz mono."""

    def __init__(self, track: RawAudioTrack) -> None:
        self.track = track
        rate = stock.sample_rate(track)
        self._resampler = None if rate == SAMPLE_RATE else soxr.ResampleStream(rate, SAMPLE_RATE, 1, "int16")
        self._pending = b""

    def take(self) -> bytes | None:
        """640 bytes of PCM, the last ones padded with silence, or `None` when the bot is silent."""
        while len(self._pending) < FRAME_BYTES:
            chunk = stock.take_10ms(self.track)
            if chunk is None:
                break
            self._pending += chunk if self._resampler is None else self._resample(chunk)
        if not self._pending:
            return None
        pcm, self._pending = self._pending[:FRAME_BYTES], self._pending[FRAME_BYTES:]
        return pcm.ljust(FRAME_BYTES, b"\0")

    def _resample(self, chunk: bytes) -> bytes:
        assert self._resampler is not None
        resampled: bytes = self._resampler.resample_chunk(np.frombuffer(chunk, np.int16)).tobytes()
        return resampled
