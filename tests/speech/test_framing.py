import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.speech.framing import HEADER, MAX_PAYLOAD, FramingError, Kind, Message, read_message

_U32 = st.integers(min_value=0, max_value=2**32 - 1)


@given(st.sampled_from(Kind), _U32, _U32, st.binary(max_size=1000))
def test_a_message_comes_back_as_it_was(kind: Kind, stream: int, utterance: int, payload: bytes) -> None:
    message = Message(kind, stream, utterance, payload)
    assert read_message(io.BytesIO(message.encode()).read) == message


def test_the_end_is_none() -> None:
    assert read_message(io.BytesIO().read) is None


def test_a_payload_that_is_too_long_is_not_sent() -> None:
    with pytest.raises(FramingError):
        Message(Kind.AUDIO, payload=bytes(MAX_PAYLOAD + 1)).encode()


@pytest.mark.parametrize(
    "data",
    [
        HEADER.pack(2, 1, 1, MAX_PAYLOAD + 1),
        HEADER.pack(99, 1, 1, 0),
        HEADER.pack(2, 1, 1, 4) + b"ab",
        b"\x02\x00",
    ],
)
def test_nonsense_is_refused(data: bytes) -> None:
    with pytest.raises(FramingError):
        read_message(io.BytesIO(data).read)
