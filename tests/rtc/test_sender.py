from __future__ import annotations

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest
from aiortc import RTCPeerConnection

from gateway.rtc.codec import OpusSettings
from gateway.rtc.sender import DeviceSender

FRAME = bytes(640)


def opus(*payload_types: int) -> Any:
    """Send parameters with Opus under each of these."""
    codecs = [SimpleNamespace(name="opus", payloadType=p) for p in payload_types]
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


async def test_barge_in_leaves_nothing_queued(sender: DeviceSender) -> None:
    await sender.send(opus(111))
    sender.write(10 * FRAME)
    assert sender._pacer.queued_ms > 100
    sender.clear()
    assert sender._pacer.queued_ms == 0
