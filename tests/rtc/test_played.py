from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from gateway.rtc.played import played_in

HEADER = struct.pack("!BBHLL", 0x80, 111, 7, 960, 5)
TOLD = struct.pack("!HHL", 0x5647, 1, 0xFFFFFC40)


def extended(header: bytes, extension: bytes) -> bytes:
    return bytes([header[0] | 0x10]) + header[1:] + extension


def test_it_is_read_whatever_comes_before_and_after() -> None:
    assert played_in(extended(HEADER, TOLD + b"opus")) == 0xFFFFFC40
    sources = bytes([0x82]) + HEADER[1:] + bytes(8)
    assert played_in(extended(sources, TOLD)) == 0xFFFFFC40


def test_a_packet_that_says_nothing_of_it_says_nothing() -> None:
    assert played_in(HEADER + b"opus") is None
    assert played_in(extended(HEADER, struct.pack("!HHL", 0xBEDE, 1, 9))) is None
    assert played_in(extended(HEADER, struct.pack("!HH", 0x5647, 0))) is None


@given(st.binary(max_size=40))
def test_nonsense_is_no_error(packet: bytes) -> None:
    played_in(packet)
