import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.speech.framing import HEADER, MAX_PAYLOAD, FramingError, Kind, Message, Splitter

_U32 = st.integers(min_value=0, max_value=2**32 - 1)


@given(st.sampled_from(Kind), _U32, _U32, st.binary(max_size=1000))
def test_a_message_comes_back_as_it_was(kind: Kind, stream: int, utterance: int, payload: bytes) -> None:
    message = Message(kind, stream, utterance, payload)
    assert list(Splitter().feed(message.encode())) == [message]


@given(st.lists(st.binary(max_size=30), max_size=5), st.integers(min_value=1, max_value=40))
def test_messages_come_whole_however_they_are_cut(payloads: list[bytes], size: int) -> None:
    messages = [Message(Kind.AUDIO, 1, number, payload) for number, payload in enumerate(payloads)]
    data = b"".join(message.encode() for message in messages)
    splitter = Splitter()
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    assert [message for piece in pieces for message in splitter.feed(piece)] == messages


def test_a_payload_that_is_too_long_is_not_sent() -> None:
    with pytest.raises(FramingError):
        Message(Kind.AUDIO, payload=bytes(MAX_PAYLOAD + 1)).encode()


@pytest.mark.parametrize(
    "data",
    [
        HEADER.pack(2, 1, 1, MAX_PAYLOAD + 1),
        HEADER.pack(99, 1, 1, 0),
        Message(Kind.AUDIO, 1, 1, b"ab").encode() + bytes(HEADER.size),
    ],
)
def test_nonsense_is_refused(data: bytes) -> None:
    with pytest.raises(FramingError):
        list(Splitter().feed(data))
