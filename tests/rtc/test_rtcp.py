from __future__ import annotations

import pytest
from aiortc.rtp import RtcpPacket, RtcpReceiverInfo, RtcpRrPacket, RtcpSenderInfo, RtcpSrPacket

from gateway.rtc.rtcp import Reports
from gateway.rtc.rtp import RtpPacket

OURS, THEIRS = 0x1111, 0x2222


class Clock:
    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def reports(clock: Clock) -> Reports:
    return Reports(OURS, clock)


def made(reports: Reports) -> RtcpSrPacket:
    """The next report, read back."""
    report, source = RtcpPacket.parse(reports.make(cname="me", timestamp=960, packets=2, octets=50))
    assert isinstance(report, RtcpSrPacket)
    assert source.chunks[0].items == [(1, b"me")]  # type: ignore[union-attr]
    return report


def packet(sequence: int, *, ssrc: int = THEIRS) -> RtpPacket:
    return RtpPacket(111, sequence, 960 * sequence, ssrc, b"")


def about(
    ssrc: int = OURS, *, lsr: int = 0, dlsr: int = 0, lost: int = 0, jitter: int = 0, in_all: int = 0
) -> RtcpRrPacket:
    info = RtcpReceiverInfo(
        ssrc=ssrc,
        fraction_lost=lost,
        packets_lost=in_all,
        highest_sequence=0,
        jitter=jitter,
        lsr=lsr,
        dlsr=dlsr,
    )
    return RtcpRrPacket(ssrc=THEIRS, reports=[info])


def lsr(report: RtcpSrPacket) -> int:
    return (report.sender_info.ntp_timestamp >> 16) & 0xFFFFFFFF


def test_a_report_says_what_was_sent(reports: Reports) -> None:
    report = made(reports)
    assert report.ssrc == OURS
    assert report.sender_info.rtp_timestamp == 960
    assert (report.sender_info.packet_count, report.sender_info.octet_count) == (2, 50)


def test_nothing_is_reported_of_who_sent_nothing(reports: Reports) -> None:
    assert made(reports).reports == []


def test_counters_wrap(reports: Reports) -> None:
    data = reports.make(cname="me", timestamp=0, packets=(1 << 32) + 5, octets=(1 << 33) + 7)
    report = RtcpPacket.parse(data)[0]
    assert isinstance(report, RtcpSrPacket)
    assert (report.sender_info.packet_count, report.sender_info.octet_count) == (5, 7)


def test_a_report_says_what_was_received_and_lost(reports: Reports) -> None:
    for sequence in (1, 2, 3, 5, 6, 7, 8):
        reports.received(packet(sequence))
    [info] = made(reports).reports
    assert (info.ssrc, info.packets_lost, info.highest_sequence) == (THEIRS, 1, 8)
    assert info.fraction_lost == 256 // 8


def test_a_new_ssrc_starts_anew(reports: Reports) -> None:
    for sequence in (1, 9):
        reports.received(packet(sequence))
    reports.received(packet(500, ssrc=0x3333))
    [info] = made(reports).reports
    assert (info.ssrc, info.packets_lost, info.highest_sequence) == (0x3333, 0, 500)


def test_their_last_report_is_echoed_with_its_age(reports: Reports, clock: Clock) -> None:
    reports.received(packet(1))
    sender = RtcpSenderInfo(ntp_timestamp=0xAAAABBBBCCCCDDDD, rtp_timestamp=0, packet_count=1, octet_count=1)
    reports.take(RtcpSrPacket(ssrc=THEIRS, sender_info=sender, reports=[]))
    clock.now += 0.5
    [info] = made(reports).reports
    assert (info.lsr, info.dlsr) == (0xBBBBCCCC, 32_768)


def test_the_round_trip_is_the_time_that_their_answer_took_less_their_delay(
    reports: Reports, clock: Clock
) -> None:
    report = made(reports)
    clock.now += 0.6
    reports.take(about(lsr=lsr(report), dlsr=32_768))
    assert reports.rtt == pytest.approx(0.1)


def test_the_round_trip_is_smoothed(reports: Reports, clock: Clock) -> None:
    for seconds in (0.6, 1.6):
        report = made(reports)
        clock.now += seconds
        reports.take(about(lsr=lsr(report), dlsr=32_768))
    assert reports.rtt == pytest.approx(0.85 * 0.1 + 0.15 * 1.1)


def test_the_round_trip_is_never_negative(reports: Reports, clock: Clock) -> None:
    report = made(reports)
    clock.now += 0.1
    reports.take(about(lsr=lsr(report), dlsr=65_536))
    assert reports.rtt == 0.0


@pytest.mark.parametrize("wrong", [{"lsr": 1, "dlsr": 1}, {"dlsr": 1}, {"ssrc": 0x9999, "lsr": 1, "dlsr": 1}])
def test_an_answer_to_no_report_of_ours_tells_no_round_trip(reports: Reports, wrong: dict[str, int]) -> None:
    made(reports)
    reports.take(about(**wrong))
    assert reports.rtt is None


def test_what_they_lost_of_ours_is_known(reports: Reports) -> None:
    reports.take(about(lost=64, jitter=480, in_all=7))
    assert (reports.far_loss, reports.far_lost) == (0.25, 7)
    assert reports.far_jitter == pytest.approx(0.01)


def test_reports_about_others_are_none_of_ours(reports: Reports) -> None:
    reports.take(about(0x9999, lost=64))
    assert reports.far_loss is None
