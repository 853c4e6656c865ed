from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.board import improv
from tools.board.improv import Command, Kind, Packet, Reader
from tools.errors import ImprovError


def test_a_request_is_as_the_specification_shows_it() -> None:
    # https://www.improv-wifi.com/serial/, "RPC Command: Send Wi-Fi settings": MyWirelessAP, mysecurepassword
    data = b"\x01\x1e\x0cMyWirelessAP\x10mysecurepassword"
    framed = b"IMPROV\x01\x03" + bytes([len(data)]) + data
    assert (
        improv.command(Command.SET_WIFI, "MyWirelessAP", "mysecurepassword")
        == framed + bytes([sum(framed) & 255]) + b"\n"
    )


def test_a_request_without_arguments() -> None:
    assert improv.command(Command.GET_STATE) == b"IMPROV\x01\x03\x02\x02\x00\xe5\n"


@given(
    st.lists(st.binary(max_size=60), max_size=4),
    st.binary(max_size=40).filter(lambda b: b"I" not in b),
    st.data(),
)
def test_packets_are_found_however_they_are_cut(
    datas: list[bytes], noise: bytes, data: st.DataObject
) -> None:
    packets = [Packet(Kind.RESULT, d) for d in datas]
    stream = noise + noise.join(improv.encode(Kind.RESULT, d) for d in datas) + noise
    reader, found = Reader(), []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        found += reader.feed(stream[:size])[0]
        stream = stream[size:]
    assert found == packets


def test_the_log_between_packets_is_kept() -> None:
    packets, other = Reader().feed(
        b"I (1) boot\n" + improv.encode(Kind.STATE, b"\x02") + b"I (2) IMPROVing\n"
    )
    assert packets == [Packet(Kind.STATE, b"\x02")]
    assert other == b"I (1) boot\nI (2) IMPROVing\n"


def test_a_packet_with_a_wrong_checksum_is_left_out() -> None:
    good = improv.encode(Kind.STATE, b"\x02")
    bad = good[:-2] + bytes([good[-2] ^ 1]) + b"\n"
    assert Reader().feed(bad + good)[0] == [Packet(Kind.STATE, b"\x02")]


def test_a_result_has_its_texts() -> None:
    assert improv.result(Packet(Kind.RESULT, b"\x04\x0a\x05attic\x03-70")) == (4, ["attic", "-70"])


@given(st.binary(max_size=30))
def test_a_malformed_result_is_a_typed_error(data: bytes) -> None:
    try:
        _, texts = improv.result(Packet(Kind.RESULT, data))
    except ImprovError:
        return
    assert sum(len(t.encode(errors="replace")) for t in texts) + len(texts) >= len(data) - 2


def test_what_is_too_long_for_a_packet_is_refused() -> None:
    with pytest.raises(ImprovError, match="too long"):
        improv.command(Command.SET_WIFI, "a" * 200, "b" * 60)
