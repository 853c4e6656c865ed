"""The PROXY protocol: read whole or not at all, and believed of those that are trusted alone."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.front import proxied
from gateway.front.proxied import Header

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
V1 = b"PROXY TCP4 192.168.1.5 192.168.1.2 40000 7860\r\n"
V2 = SIGNATURE + struct.pack("!BBH4s4sHH", 0x21, 0x11, 12, b"\xc0\xa8\1\5", b"\xc0\xa8\1\2", 40_000, 7860)
V6 = SIGNATURE + struct.pack(
    "!BBH16s16sHH", 0x21, 0x21, 36, b"\xfd" + bytes(14) + b"\1", bytes(16), 40_000, 7860
)
TLV = SIGNATURE + struct.pack("!BBH4s4sHH5s", 0x21, 0x11, 17, b"\xc0\xa8\1\5", bytes(4), 1, 2, b"\x05\0\2hi")


@pytest.mark.parametrize(
    ("data", "source"),
    [
        (V1, ("192.168.1.5", 40_000)),
        (b"PROXY TCP6 fd00::1 fd00::2 40000 7860\r\n", ("fd00::1", 40_000)),
        (b"PROXY UNKNOWN\r\n", None),
        (b"PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n", None),
        (V2, ("192.168.1.5", 40_000)),
        (V6, ("fd00::1", 40_000)),
        (TLV, ("192.168.1.5", 1)),
        (SIGNATURE + b"\x20\0\0\0", None),
    ],
)
def test_who_is_connected_for(data: bytes, source: tuple[str, int] | None) -> None:
    assert proxied.read(data + b"\x16\x03\x01") == Header(len(data), source)
    assert all(proxied.begins(data[:length]) for length in range(1, len(data)))


@pytest.mark.parametrize("data", [V1, V2, V6, TLV])
def test_half_of_it_is_none(data: bytes) -> None:
    for length in range(len(data)):
        with pytest.raises(ValueError, match=r"."):
            proxied.read(data[:length])


@pytest.mark.parametrize(
    "data",
    [
        b"PROXY TCP4 192.168.1.5 192.168.1.2 40000\r\n",
        b"PROXY TCP4 fd00::1 fd00::2 1 2\r\n",
        b"PROXY TCP4 192.168.1.5 192.168.1.2 -1 2\r\n",
        b"PROXY TCP4 192.168.1.5 192.168.1.2 65536 2\r\n",
        b"PROXY TCP4 \xff 192.168.1.2 1 2\r\n",
        b"PROXY UDP4 192.168.1.5 192.168.1.2 1 2\r\n",
        b"PROXY TCP4 " + b"1" * 100 + b"\r\n",
        SIGNATURE + b"\x31\x11\0\0",
        SIGNATURE + b"\x21\x12\0\x0c" + bytes(12),
        SIGNATURE + b"\x21\x11\xff\xff" + bytes(65_535),
    ],
)
def test_what_is_malformed_is_none(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        proxied.read(data)


@pytest.mark.parametrize("data", [b"", b"POST / HTTP/1.1", b"PATCH", b"GET", b"\x16\x03\x01", b"\r\nGET"])
def test_what_else_a_connection_begins_with_begins_no_header(data: bytes) -> None:
    assert not proxied.begins(data)


@given(st.one_of(st.binary(), st.binary().map(b"PROXY ".__add__), st.binary().map(SIGNATURE.__add__)))
def test_nothing_but_a_value_error_comes_of_anything(data: bytes) -> None:
    try:
        header = proxied.read(data)
    except ValueError:
        return
    assert 0 < header.length <= len(data)
