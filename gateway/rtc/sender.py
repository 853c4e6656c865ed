"""The sender of a device's audio, in the place of aiortc's: one Opus packet every 20 ms, and the RTCP reports."""

from __future__ import annotations

import asyncio
import math
import secrets
import struct
from collections.abc import Callable

import numpy as np
import soxr
from aiortc import RTCRtpSender
from aiortc.mediastreams import MediaStreamTrack
from aiortc.rtcdtlstransport import RTCDtlsTransport
from aiortc.rtcrtpparameters import RTCRtpSendParameters
from aiortc.rtp import AnyRtcpPacket, RtcpByePacket
from aiortc.stats import RTCStatsReport

from gateway.rtc import stock
from gateway.rtc.codec import SAMPLE_RATE, OpusEncoder, OpusSettings
from gateway.rtc.pacer import Outgoing, Pacer
from gateway.rtc.red import Redundancy
from gateway.rtc.rtcp import Reports


class DeviceSender:
    """PCM in, evenly paced packets out.

    Args:
        replaced: aiortc's sender, whose place and SSRC this takes.
        settings: the encoder's.
        on_audio: called when sound goes out after silence.
        sent: is given each packet, and the Opus that it became.
    """

    kind = "audio"

    def __init__(
        self,
        replaced: RTCRtpSender,
        settings: OpusSettings,
        on_audio: Callable[[], None] | None = None,
        sent: Callable[[Outgoing, bytes], None] | None = None,
    ) -> None:
        self.transport: RTCDtlsTransport = replaced.transport
        self._enabled = True
        self._ssrc, self._rtx_ssrc, self._stream_id, self._track_id = stock.sender_identity(replaced)
        self.reports = Reports(self._ssrc)
        self._settings = settings
        self._encoder = OpusEncoder(settings)
        self._on_audio = on_audio
        self._sent = sent
        self._loop = asyncio.get_running_loop()
        self._pacer = Pacer(
            self._loop.time(), timestamp=secrets.randbits(32), send_silence=settings.send_silence
        )
        self._resampler: soxr.ResampleStream | None = None
        self._rate = SAMPLE_RATE
        self._timer: asyncio.TimerHandle | None = None
        self._reporting: asyncio.Task[None] | None = None
        self._stopped = False
        self._payload_type = 0
        self._red_type: int | None = None
        self._redundancy = Redundancy(0)
        self._sequence = secrets.randbits(15)  # the lower half spares SRTP an early roll-over
        self._timestamp = 0
        self._packets = 0
        self._octets = 0
        self._speaking = False
        self._cname = ""

    @property
    def track(self) -> MediaStreamTrack | None:
        """None: what is sent is written, not read from a track."""
        return None

    def write(self, pcm: bytes, rate: int = SAMPLE_RATE) -> None:
        """Queue mono 16-bit PCM of any rate; what is written after `stop` goes nowhere."""
        if self._stopped:
            return
        if rate != SAMPLE_RATE:
            pcm = self._resample(pcm, rate)
        now = self._loop.time()
        self._pacer.push(pcm, now)
        if self._reporting is not None:
            self._send_due(now)  # at once, as a timer would cost a wake of its own

    def clear(self) -> None:
        """Barge-in: what is queued is not said any more."""
        self._pacer.clear()
        self._speaking = False

    @property
    def speaks(self) -> bool:
        """Whether the last packet had sound in it."""
        return self._speaking

    def _resample(self, pcm: bytes, rate: int) -> bytes:
        if self._resampler is None or rate != self._rate:
            self._resampler, self._rate = soxr.ResampleStream(rate, SAMPLE_RATE, 1, "int16"), rate
        resampled: bytes = self._resampler.resample_chunk(np.frombuffer(pcm, np.int16)).tobytes()
        return resampled

    def replaceTrack(self, track: MediaStreamTrack | None) -> None:  # noqa: N802 -- aiortc's name
        """There is no track to replace; what is sent is written."""

    def setTransport(self, transport: RTCDtlsTransport) -> None:  # noqa: N802
        self.transport = transport

    async def send(self, parameters: RTCRtpSendParameters) -> None:
        """Start the packets and the reports."""
        if self._stopped or self._reporting is not None:
            return
        self._payload_type = stock.opus_payload_types(parameters)[0]
        self._red_type = stock.red_payload_type(parameters)
        self._redundancy = Redundancy(self._payload_type)
        self._cname = parameters.rtcp.cname or ""
        stock.register_sender(self.transport, self, parameters)
        self._reporting = asyncio.create_task(self._report(), name=f"rtcp-{self._ssrc}")
        self._schedule()

    async def stop(self) -> None:
        """Stop for good, with a BYE."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._reporting is None:
            return
        stock.unregister_sender(self.transport, self)
        self._reporting.cancel()
        await asyncio.gather(self._reporting, return_exceptions=True)
        await stock.send_rtcp(self.transport, bytes(RtcpByePacket([self._ssrc])))

    def _schedule(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        deadline = self._pacer.deadline
        self._timer = self._loop.call_at(deadline, self._tick) if deadline < math.inf else None

    def _tick(self) -> None:
        self._send_due(self._loop.time())

    def _send_due(self, now: float) -> None:
        packet = self._pacer.next_packet(now)
        if packet is not None:
            opus = self._encoder.encode(packet.pcm)
            self._send_opus(opus, packet.timestamp, marker=packet.marker)
            if not packet.silent and not self._speaking and self._on_audio is not None:
                self._on_audio()
            if self._sent is not None:
                self._sent(packet, opus)
            self._speaking = not packet.silent
        self._schedule()

    def _send_opus(self, payload: bytes, timestamp: int, *, marker: bool) -> None:
        if self._red_type is not None:
            wrapped = self._redundancy.wrap(payload, timestamp, self._loop.time())
            if wrapped is not None:
                self._send(self._red_type, wrapped, timestamp, marker=marker)
                return
        self._send(self._payload_type, payload, timestamp, marker=marker)

    def _send(self, payload_type: int, payload: bytes, timestamp: int, *, marker: bool) -> None:
        second = payload_type | (0x80 if marker else 0)
        header = struct.pack("!BBHLL", 0x80, second, self._sequence, timestamp, self._ssrc)
        if stock.send_rtp(self.transport, header + payload):
            self._sequence = (self._sequence + 1) & 0xFFFF
            self._timestamp = timestamp
            self._packets += 1
            self._octets += len(payload)

    async def _report(self) -> None:
        while True:
            await asyncio.sleep(
                0.5 + secrets.randbelow(1000) / 1000
            )  # not in step with others (RFC 3550, 6.2)
            report = self.reports.make(
                cname=self._cname, timestamp=self._timestamp, packets=self._packets, octets=self._octets
            )
            await stock.send_rtcp(self.transport, report)

    async def _handle_rtcp_packet(self, packet: AnyRtcpPacket) -> None:
        self.reports.take(packet)
        if self.reports.far_loss is not None:
            seen = round(100 * self.reports.far_loss)
            self._encoder.set_expected_loss(max(seen, self._settings.expected_loss))
            self._redundancy.heed(self.reports.far_loss, self.reports.far_lost, self._loop.time())

    async def getStats(self) -> RTCStatsReport:  # noqa: N802 -- aiortc's name
        return RTCStatsReport()
