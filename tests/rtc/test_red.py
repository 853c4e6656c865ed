"""RED as RFC 2198 has it: what of a payload is believed, and when frames are sent once more."""

from __future__ import annotations

import contextlib
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import CodecError
from gateway.rtc.codec import OpusEncoder, is_inactive
from gateway.rtc.red import MAX_BYTES, Block, Redundancy, split

OPUS = 111
VOICED = bytes([0x48, 0x80])  # SILK, 20 ms, mono; what follows is the frame
SILENT = bytes([0x48, 0x00])
BAD = (0.2, 10)  # a fifth, of fifty


def voiced(number: int, size: int = 20) -> bytes:
    return VOICED + bytes([number]) * (size - 2)


def header(offset: int, length: int, payload_type: int = OPUS) -> bytes:
    return ((0x80 | payload_type) << 24 | offset << 10 | length).to_bytes(4, "big")


def of(*blocks: tuple[int, bytes], primary: bytes = voiced(9), payload_type: int = OPUS) -> bytes:
    headers = b"".join(header(offset, len(block)) for offset, block in blocks)
    return headers + bytes([payload_type]) + b"".join(block for _, block in blocks) + primary


# -- what is read


def test_the_blocks_of_a_payload_as_the_rfc_lays_them_out() -> None:
    # RFC 2198, section 3: F, payload type, 14 bits of offset, 10 of length; the last header is one octet
    payload = bytes.fromhex("ef1e0003 ef0f0002 6f") + b"\x48\x80a" + b"\x48b" + b"\x48\x80c"
    assert split(payload, [OPUS]) == (b"\x48\x80c", [Block(960, b"\x48b"), Block(1920, b"\x48\x80a")])


def test_a_payload_of_the_primary_alone() -> None:
    assert split(bytes([OPUS]) + voiced(1), [OPUS]) == (voiced(1), [])


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        header(960, 3),
        header(960, 3)[:2],
        bytes([OPUS]),
        header(960, 3) + bytes([OPUS]) + b"abc",  # no primary
        header(960, 1023) + bytes([OPUS]) + b"abc",
        of(payload_type=0),
        header(960, 0) * 33 + bytes([OPUS]) + voiced(1),
    ],
)
def test_what_is_no_red_is_refused(payload: bytes) -> None:
    with pytest.raises(CodecError):
        split(payload, [OPUS])


def test_a_frame_counts_only_where_it_ends_as_the_next_begins() -> None:
    """Else nobody knows its sequence number."""
    assert split(of((2880, voiced(1)), (960, voiced(2))), [OPUS])[1] == [Block(960, voiced(2))]
    assert split(of((1920, voiced(1))), [OPUS])[1] == []
    assert split(of((0, voiced(1))), [OPUS])[1] == []


def test_blocks_that_are_no_opus_are_left_out() -> None:
    other = header(960, 2, payload_type=0) + bytes([OPUS]) + b"ab" + voiced(1)
    assert split(other, [OPUS]) == (voiced(1), [])
    assert split(of((960, b"\x4b")), [OPUS])[1] == []  # a frame count is missing (RFC 6716, 3.2.5)
    assert split(of((960, b"")), [OPUS])[1] == []


@given(st.binary(max_size=300))
def test_nothing_that_comes_raises_anything_else(payload: bytes) -> None:
    with contextlib.suppress(CodecError):
        primary, older = split(payload, [OPUS, 5])
        assert primary
        assert all(0 < block.offset < 1 << 14 for block in older)
        assert len(primary) + sum(len(block.payload) for block in older) < len(payload)


# -- what is sent


def bad(redundancy: Redundancy, now: float = 0.0) -> Redundancy:
    redundancy.heed(*BAD, now)
    return redundancy


def test_nothing_is_sent_twice_before_losses_are_reported() -> None:
    redundancy = Redundancy(OPUS)
    assert [redundancy.wrap(voiced(n), n * 960, n * 0.02) for n in range(5)] == [None] * 5


def test_two_older_frames_go_out_once_they_are() -> None:
    redundancy = Redundancy(OPUS)
    for number in range(3):
        redundancy.wrap(voiced(number), number * 960, 0.0)
    wrapped = bad(redundancy).wrap(voiced(3), 3 * 960, 0.0)
    assert wrapped is not None
    assert split(wrapped, [OPUS]) == (voiced(3), [Block(960, voiced(2)), Block(1920, voiced(1))])


@pytest.mark.parametrize(
    ("fraction", "lost", "sends"),
    [(0.1, 3, True), (0.99, 2, False), (0.09, 30, False), (0.0, 0, False)],
)
def test_it_takes_three_in_one_report_and_a_tenth(fraction: float, lost: int, sends: bool) -> None:
    redundancy = Redundancy(OPUS)
    redundancy.wrap(voiced(0), 0, 0.0)
    redundancy.heed(fraction, lost, 0.0)
    assert (redundancy.wrap(voiced(1), 960, 0.0) is not None) is sends


def test_what_was_lost_before_does_not_count_again() -> None:
    redundancy = Redundancy(OPUS)
    redundancy.heed(0.01, 10, 0.0)
    redundancy.heed(0.5, 11, 1.0)  # one of two
    redundancy.wrap(voiced(0), 0, 1.0)
    assert redundancy.wrap(voiced(1), 960, 1.0) is None


def test_it_ends_when_the_network_is_good_again() -> None:
    redundancy = bad(Redundancy(OPUS))
    redundancy.wrap(voiced(0), 0, 14.9)
    assert redundancy.wrap(voiced(1), 960, 14.9) is not None
    assert redundancy.wrap(voiced(2), 1920, 15.1) is None
    redundancy.heed(0.2, 20, 16.0)
    assert redundancy.wrap(voiced(3), 2880, 16.0) is not None


def test_silence_is_not_sent_twice() -> None:
    redundancy = bad(Redundancy(OPUS))
    redundancy.wrap(voiced(0), 0, 0.0)
    assert redundancy.wrap(SILENT + b"x", 960, 0.0) is not None  # the end of a word is
    assert redundancy.wrap(SILENT + b"y", 1920, 0.0) is None
    assert redundancy.wrap(voiced(3), 2880, 0.0) is None


def test_nothing_from_before_a_pause_is() -> None:
    redundancy = bad(Redundancy(OPUS))
    redundancy.wrap(voiced(0), 0, 0.0)
    assert redundancy.wrap(voiced(1), 50 * 960, 1.0) is None


def test_timestamps_wrap() -> None:
    redundancy = bad(Redundancy(OPUS))
    redundancy.wrap(voiced(0), 2**32 - 960, 0.0)
    wrapped = redundancy.wrap(voiced(1), 0, 0.0)
    assert wrapped is not None
    assert split(wrapped, [OPUS])[1] == [Block(960, voiced(0))]


@given(st.lists(st.integers(2, 1100), min_size=1, max_size=12))
def test_no_payload_is_too_long_for_the_path(sizes: list[int]) -> None:
    redundancy = bad(Redundancy(OPUS))
    for number, size in enumerate(sizes):
        wrapped = redundancy.wrap(voiced(number, size), number * 960, 0.0)
        assert wrapped is None or len(wrapped) <= MAX_BYTES
        if wrapped is not None:
            assert split(wrapped, [OPUS])[0] == voiced(number, size)


def test_speech_comes_back_as_it_was(speech: list[bytes]) -> None:
    encoder, redundancy = OpusEncoder(), bad(Redundancy(OPUS))
    packets = [encoder.encode(frame) for frame in speech[:100]]
    older_seen = 0
    for number, packet in enumerate(packets):
        wrapped = redundancy.wrap(packet, number * 960, 0.0)
        if wrapped is None:
            continue
        primary, older = split(wrapped, [OPUS])
        assert primary == packet
        assert [block.payload for block in older] == packets[number - len(older) : number][::-1]
        older_seen += len(older)
    runs = itertools.groupby(packets, is_inactive)
    assert older_seen > sum(len(list(run)) for silent, run in runs if not silent)
