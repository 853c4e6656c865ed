"""Sender and receiver reports of one call (RFC 3550, section 6.4): what we tell, and what the client tells us."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Final

from aiortc.clock import current_ntp_time
from aiortc.rtcrtpreceiver import StreamStatistics
from aiortc.rtp import (
    AnyRtcpPacket,
    RtcpReceiverInfo,
    RtcpRrPacket,
    RtcpSdesPacket,
    RtcpSenderInfo,
    RtcpSourceInfo,
    RtcpSrPacket,
)

from gateway.rtc.rtp import RtpPacket

RTP_CLOCK: Final = 48_000
"""Opus over RTP counts in 48 kHz at any bandwidth (RFC 7587, section 4.1)."""
_RTT_ALPHA: Final = 0.85
_DLSR_UNIT: Final = 65_536
_CNAME: Final = 1


class Reports:
    """Both directions of one call. Times are seconds, `None` until the client reports.

    `far_loss` is the fraction of its last report, `far_lost` how many packets it missed in all.

    Args:
        ssrc: of our stream.
        clock: seconds; only differences count.
    """

    def __init__(self, ssrc: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.rtt: float | None = None
        self.far_jitter: float | None = None
        self.far_loss: float | None = None
        self.far_lost = 0
        self._ssrc = ssrc
        self._clock = clock
        self._source: tuple[int, StreamStatistics] | None = None
        self._theirs: tuple[int, float] | None = None
        self._ours: tuple[int, float] | None = None

    def received(self, packet: RtpPacket) -> None:
        """Count a packet of the client's; a new SSRC starts anew."""
        if self._source is None or self._source[0] != packet.ssrc:
            self._source = (packet.ssrc, StreamStatistics(RTP_CLOCK))
            self._theirs = None
        self._source[1].add(packet)  # type: ignore[arg-type]  # of aiortc's kind it reads no more

    def take(self, packet: AnyRtcpPacket) -> None:
        """Read a report of the client's."""
        if isinstance(packet, RtcpSrPacket):
            self._theirs = (_middle(packet.sender_info.ntp_timestamp), self._clock())
        if isinstance(packet, RtcpRrPacket | RtcpSrPacket):
            for report in packet.reports:
                if report.ssrc == self._ssrc:
                    self._about_us(report)

    def make(self, *, cname: str, timestamp: int, packets: int, octets: int) -> bytes:
        """A compound of sender report and SDES, to send now."""
        ntp = current_ntp_time()
        self._ours = (_middle(ntp), self._clock())
        sender = RtcpSenderInfo(ntp, timestamp, packets & 0xFFFFFFFF, octets & 0xFFFFFFFF)
        report = RtcpSrPacket(self._ssrc, sender, list(self._about_them()))
        source = RtcpSourceInfo(self._ssrc, [(_CNAME, cname.encode())])
        return bytes(report) + bytes(RtcpSdesPacket([source]))

    def _about_them(self) -> Iterable[RtcpReceiverInfo]:
        if self._source is None:
            return
        ssrc, statistics = self._source
        last, at = self._theirs or (0, 0.0)
        yield RtcpReceiverInfo(
            ssrc=ssrc,
            fraction_lost=statistics.fraction_lost,
            packets_lost=statistics.packets_lost,
            highest_sequence=statistics.cycles + (statistics.max_seq or 0),
            jitter=statistics.jitter,
            lsr=last,
            dlsr=min(int((self._clock() - at) * _DLSR_UNIT), 0xFFFFFFFF) if last else 0,
        )

    def _about_us(self, report: RtcpReceiverInfo) -> None:
        self.far_loss = report.fraction_lost / 256
        self.far_lost = report.packets_lost
        self.far_jitter = report.jitter / RTP_CLOCK
        if self._ours is not None and report.dlsr and report.lsr == self._ours[0]:
            sample = max(0.0, self._clock() - self._ours[1] - report.dlsr / _DLSR_UNIT)
            self.rtt = sample if self.rtt is None else _RTT_ALPHA * self.rtt + (1 - _RTT_ALPHA) * sample


def _middle(ntp: int) -> int:
    return (ntp >> 16) & 0xFFFFFFFF
