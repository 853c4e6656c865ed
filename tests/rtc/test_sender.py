from __future__ import annotations

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest
from aiortc import RTCPeerConnection
from aiortc.rtp import RtcpReceiverInfo, RtcpRrPacket

from gateway.rtc import stock
from gateway.rtc.codec import OpusSettings
from gateway.rtc.red import split
from gateway.rtc.sender import DeviceSender

FRAME = bytes(640)
RED = 63


def opus(*payload_types: int) -> Any:
    """Send parameters with Opus under each of these."""
    codecs = [SimpleNamespace(name="opus" if p != RED else "red", payloadType=p) for p in payload_types]
    return SimpleNamespace(codecs=codecs, rtcp=SimpleNamespace(cname="us"))


@pytest.fixture
async def sender() -> AsyncIterator[DeviceSender]:
    pc = RTCPeerConnection()
    with mock.patch.multiple(
        "gateway.rtc.stock",
        register_sender=mock.DEFAULT,
        unregister_sender=mock.DEFAULT,
        send_rtcp=mock.AsyncMock(),
        send_rtp=mock.Mock(return_value=True),
    ):
        sender = DeviceSender(pc.addTransceiver("audio").sender, OpusSettings())
        yield sender
        await sender.stop()
    await pc.close()


async def test_a_bot_that_speaks_on_after_the_stop_starts_no_packets(sender: DeviceSender) -> None:
    await sender.send(opus(111))
    await sender.stop()
    sender.write(FRAME)
    assert sender._timer is None


async def test_nor_does_one_that_never_started(sender: DeviceSender) -> None:
    await sender.stop()
    sender.write(FRAME)
    await sender.send(opus(111))
    assert sender._timer is None


async def test_it_sends_under_the_payload_type_that_the_answer_names(sender: DeviceSender) -> None:
    await sender.send(opus(111, 96))
    assert sender._payload_type == 111


async def test_what_is_due_goes_out_as_it_is_written_and_what_is_not_waits(sender: DeviceSender) -> None:
    await sender.send(opus(111))
    sent = stock.send_rtp
    assert isinstance(sent, mock.Mock)
    sender.write(2 * FRAME)
    assert sent.call_count == 1
    sender.write(FRAME)
    assert sent.call_count == 1
    assert sender._pacer.queued_ms == 40


async def test_barge_in_leaves_nothing_queued(sender: DeviceSender) -> None:
    await sender.send(opus(111))
    sender.write(10 * FRAME)
    assert sender._pacer.queued_ms > 100
    sender.clear()
    assert sender._pacer.queued_ms == 0


def report(sender: DeviceSender, *, lost: int) -> RtcpRrPacket:
    """Of a far end that missed so many of the last fifty."""
    info = RtcpReceiverInfo(sender._ssrc, lost * 256 // 50, lost, 0, 0, 0, 0)
    return RtcpRrPacket(ssrc=6, reports=[info])


def payload_types(send_rtp: Any) -> list[int]:
    return [call.args[1][1] & 0x7F for call in send_rtp.call_args_list]


async def say(sender: DeviceSender, frames: list[bytes]) -> None:
    for frame in frames:
        sender._send_opus(sender._encoder.encode(frame), sender._timestamp + 960, marker=False)


@pytest.mark.parametrize(
    ("offered", "lost", "sends"), [(True, 10, True), (True, 1, False), (False, 10, False)]
)
async def test_it_repeats_to_who_takes_redundancy_and_reports_bursts(
    sender: DeviceSender, speech: list[bytes], *, offered: bool, lost: int, sends: bool
) -> None:
    await sender.send(opus(111, RED) if offered else opus(111))
    sent = stock.send_rtp
    assert isinstance(sent, mock.Mock)
    await say(sender, speech[20:30])
    assert set(payload_types(sent)) == {111}
    await sender._handle_rtcp_packet(report(sender, lost=lost))
    sent.reset_mock()
    await say(sender, speech[30:40])
    assert (RED in payload_types(sent)) is sends
    if sends:
        primary, older = split(sent.call_args.args[1][12:], [111])
        assert [len(older), len(primary) > 10] == [2, True]
