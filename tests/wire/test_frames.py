from __future__ import annotations

import json
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.wire.frames import (
    HEADER,
    MAX_MESSAGE,
    MAX_SOUND,
    Frame,
    FrameError,
    Kind,
    Reader,
    encode,
    encode_message,
)

SOUND = st.builds(
    lambda kind, words, rate: Frame(kind, struct.pack(f"<{len(words)}h", *words), rate),
    st.sampled_from([Kind.HEARD, Kind.SAID]),
    st.lists(st.integers(-(1 << 15), (1 << 15) - 1), max_size=400),
    st.integers(8_000, 192_000),
)
SIGNALS = st.sampled_from([Frame(Kind.SILENCE), Frame(Kind.HOLD), Frame(Kind.CLEAR)])
MESSAGES = st.builds(lambda body: Frame(Kind.MESSAGE, body), st.binary(max_size=200))


@given(st.lists(SOUND | SIGNALS | MESSAGES, max_size=8), st.lists(st.integers(1, 700), min_size=1))
def test_frames_come_out_as_they_went_in_however_the_stream_is_cut(
    frames: list[Frame], cuts: list[int]
) -> None:
    stream = b"".join(encode(f.kind, f.body, f.rate) for f in frames)
    reader, found, at = Reader(), [], 0
    for n in range(len(stream) + 1):
        if at >= len(stream):
            break
        size = cuts[n % len(cuts)]
        found += reader.feed(stream[at : at + size])
        at += size
    assert found == frames


@given(st.binary(max_size=300))
def test_any_bytes_are_frames_or_an_error_and_take_no_more_room_than_came(data: bytes) -> None:
    try:
        frames = Reader().feed(data)
    except FrameError:
        return
    assert sum(HEADER.size + len(f.body) for f in frames) <= len(data)


@pytest.mark.parametrize(
    ("header", "says"),
    [
        (HEADER.pack(0, 0, 0, 0.0), "no frame of kind 0"),
        (HEADER.pack(99, 0, 0, 0.0), "no frame of kind 99"),
        (HEADER.pack(Kind.SAID, 16_000, MAX_SOUND + 2, 0.0), "has 65538 bytes"),
        (HEADER.pack(Kind.MESSAGE, 0, MAX_MESSAGE + 1, 0.0), "has 262145 bytes"),
        (HEADER.pack(Kind.CLEAR, 0, 1, 0.0), "CLEAR has 1 bytes"),
        (HEADER.pack(Kind.SAID, 16_000, 3, 0.0), "sound of 3 bytes"),
        (HEADER.pack(Kind.SAID, 0, 2, 0.0), "at 0 samples"),
        (HEADER.pack(Kind.HEARD, 1 << 31, 2, 0.0), "at 2147483648 samples"),
    ],
)
def test_what_is_no_frame_is_refused_by_its_header(header: bytes, says: str) -> None:
    with pytest.raises(FrameError, match=says):
        Reader().feed(header)


def test_no_more_is_sent_than_the_other_end_takes() -> None:
    with pytest.raises(FrameError, match="may not have"):
        encode(Kind.SAID, bytes(MAX_SOUND + 2), 16_000)
    with pytest.raises(FrameError, match="may not have"):
        encode_message({"x": "a" * MAX_MESSAGE})


@pytest.mark.parametrize("body", [b"", b"[1]", b"{", b"\xff\xfe", b"[" * 100_000])
def test_a_message_is_a_json_object(body: bytes) -> None:
    with pytest.raises(FrameError):
        Frame(Kind.MESSAGE, body).message()


def test_a_message_that_is_nested_deep_is_neither_sent_nor_read() -> None:
    deep: dict[str, Any] = {}
    for _ in range(100):
        deep = {"x": deep}
    with pytest.raises(FrameError, match="deeper"):
        encode_message(deep)
    with pytest.raises(FrameError, match="deeper"):
        Frame(Kind.MESSAGE, json.dumps(deep).encode()).message()
    assert Frame(Kind.MESSAGE, json.dumps({"x": "[" * 100}).encode()).message() == {"x": "[" * 100}
