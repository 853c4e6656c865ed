"""The receiver of a device's audio, in the place of aiortc's: no thread, no resampler, no prefetch."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from aiortc import RTCRtpReceiver
from aiortc.mediastreams import MediaStreamTrack
from aiortc.rtcdtlstransport import RTCDtlsTransport
from aiortc.rtcrtpparameters import RTCRtpReceiveParameters
from aiortc.rtp import AnyRtcpPacket
from aiortc.rtp import RtpPacket as StockPacket
from aiortc.stats import RTCStatsReport

from gateway.rtc import stock
from gateway.rtc.playout import Heard, PlayoutStats, VoicePlayout
from gateway.rtc.rtcp import Reports
from gateway.rtc.rtp import RtpPacket


class DeviceReceiver:
    """RTP in, a steady 20 ms of PCM out.

    Args:
        replaced: aiortc's receiver, whose place this takes.
        reports: of this call.
        hear: is given what is heard, 20 ms at a time.
        listens: says whether silence matters just now; else it comes in larger steps.
    """

    def __init__(
        self,
        replaced: RTCRtpReceiver,
        reports: Reports,
        hear: Callable[[Heard], None],
        listens: Callable[[], bool] = lambda: True,
    ) -> None:
        self.transport: RTCDtlsTransport = replaced.transport
        self._hear = hear
        self._listens = listens
        self._stopped = False
        self._track = replaced.track
        self._enabled = True
        self._reports = reports
        self._playout = VoicePlayout()
        self._timer: asyncio.TimerHandle | None = None
        self._payload_types: set[int] = set()
        self._red: int | None = None
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
            self._red = stock.red_payload_type(parameters)
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
        self._stopped = True
        if self._track is not None:
            self._track.stop()

    async def _handle_rtp_packet(self, packet: StockPacket, arrival_time_ms: int) -> None:  # noqa: ARG002
        read = (packet.payload_type, packet.sequence_number, packet.timestamp, packet.ssrc, packet.payload)
        self._take(RtpPacket(*read))

    def _take(self, packet: RtpPacket) -> None:
        is_red = packet.payload_type == self._red
        if (is_red or packet.payload_type in self._payload_types) and not self._stopped:
            self._reports.received(packet)
            red_of = self._payload_types if is_red else ()
            self._hand_on(self._playout.push(packet, self._loop.time(), red_of))

    def _due(self) -> None:
        self._hand_on(self._playout.poll(self._loop.time()))

    def _hand_on(self, frames: list[bytes]) -> None:
        playout, back = self._playout, len(frames)
        for pcm in frames:
            self._hear(Heard(pcm, playout.played(back), playout.made_up(back)))
            back -= 1
        playout.rest(not self._listens())
        if self._timer is not None:
            self._timer.cancel()
        deadline = playout.deadline
        self._timer = None if deadline is None else self._loop.call_at(deadline, self._due)

    async def _handle_rtcp_packet(self, packet: AnyRtcpPacket) -> None:
        self._reports.take(packet)

    def _set_rtcp_ssrc(self, ssrc: int) -> None:
        """Our reports go out under the sender's own SSRC."""

    async def getStats(self) -> RTCStatsReport:  # noqa: N802 -- aiortc's name
        return RTCStatsReport()
