from __future__ import annotations

import struct
from contextlib import suppress

import pytest
from aiortc.rtp import RtpPacket as StockPacket
from hypothesis import given
from hypothesis import strategies as st

from gateway.rtc.rtp import RtpPacket, read

HEADER = struct.pack("!BBHLL", 0x80, 111, 7, 960, 5)
TOLD = struct.pack("!HHL", 0x5647, 1, 0xFFFFFC40)


def extended(header: bytes, extension: bytes) -> bytes:
    return bytes([header[0] | 0x10]) + header[1:] + extension


def test_a_plain_packet_is_read() -> None:
    assert read(HEADER + b"opus") == RtpPacket(111, 7, 960, 5, b"opus", None)
    marked = HEADER[:1] + bytes([HEADER[1] | 0x80]) + HEADER[2:]
    assert read(marked + b"opus").payload_type == 111


def test_what_was_played_is_read_whatever_comes_before_and_after() -> None:
    assert read(extended(HEADER, TOLD + b"opus")) == RtpPacket(111, 7, 960, 5, b"opus", 0xFFFFFC40)
    sources = bytes([0x82]) + HEADER[1:] + bytes(8)
    assert read(extended(sources, TOLD)).played == 0xFFFFFC40


def test_a_packet_that_says_nothing_of_it_says_nothing() -> None:
    assert read(HEADER + b"opus").played is None
    assert read(extended(HEADER, struct.pack("!HHL", 0xBEDE, 1, 9))).played is None
    assert read(extended(HEADER, struct.pack("!HH", 0x5647, 0))).played is None


@pytest.mark.parametrize(
    "wrong",
    [b"", HEADER[:11], b"\x40" + HEADER[1:], b"\x82" + HEADER[1:], extended(HEADER, TOLD[:-1])],
    ids=["empty", "short", "version", "sources", "extension"],
)
def test_what_is_no_packet_is_refused(wrong: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        read(wrong)


@given(first=st.integers(0x80, 0xBF), rest=st.binary(max_size=60))
def test_it_reads_what_aiortc_reads(first: int, rest: bytes) -> None:
    packet = bytes([first]) + rest
    with suppress(ValueError):
        stock = StockPacket.parse(packet)
        found = read(packet)
        assert found.payload_type == stock.payload_type
        assert found.sequence_number == stock.sequence_number
        assert (found.timestamp, found.ssrc) == (stock.timestamp, stock.ssrc)
        assert found.payload == stock.payload


@given(st.binary(max_size=40))
def test_nonsense_is_refused_or_read(packet: bytes) -> None:
    with suppress(ValueError):
        read(packet)
