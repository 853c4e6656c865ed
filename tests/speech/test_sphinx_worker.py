from dataclasses import dataclass, field

import pytest

from gateway.speech.framing import Kind, Message
from gateway.speech.sphinx_stream import MAX_UTTERANCE
from gateway.speech.sphinx_worker import MAX_DECODERS, Recogniser, is_clear


@dataclass
class _Word:
    word: str
    prob: float = 1.0
    start_frame: int = 0
    end_frame: int = 29


@dataclass
class _Decoder:
    """Says how many bytes it heard, and keeps a cepstral mean that tells who spoke to it last."""

    mean: str = "0"
    heard: int = 0
    words: list[_Word] = field(default_factory=lambda: [_Word("word")])

    def get_cmn(self, _update: bool) -> str:
        return self.mean

    def set_cmn(self, mean: str) -> None:
        self.mean = mean

    def start_utt(self) -> None:
        self.heard = 0

    def process_raw(self, pcm: bytes, *, no_search: bool = False) -> None:
        self.heard += 0 if no_search else len(pcm)

    def end_utt(self) -> None:
        self.mean = f"{self.mean}+{self.heard}"

    def seg(self) -> list["_Word"]:
        return self.words

    def hyp(self) -> object:
        return type("Hypothesis", (), {"hypstr": str(self.heard)})


def _recogniser() -> Recogniser:
    recogniser = Recogniser(_Decoder)
    recogniser.warm()
    return recogniser


def _run(recogniser: Recogniser, *messages: Message) -> list[Message]:
    answers = [answer for message in messages for answer in recogniser.handle(1, message)]
    return [answer[1] for answer in answers if answer is not None]


def _utterance(stream: int, number: int, size: int) -> list[Message]:
    return [
        Message(Kind.START, stream, number),
        Message(Kind.AUDIO, stream, number, bytes(size)),
        Message(Kind.END, stream, number),
    ]


def test_an_utterance_is_answered_once() -> None:
    assert _run(_recogniser(), *_utterance(1, 7, 640)) == [Message(Kind.RESULT, 1, 7, b"640")]


def test_each_stream_keeps_its_own_mean() -> None:
    recogniser = _recogniser()
    _run(recogniser, *_utterance(1, 1, 640), *_utterance(2, 1, 2))
    assert recogniser.means == {(1, 1): "0+640", (1, 2): "0+2"}


def test_a_decoder_is_used_again() -> None:
    recogniser = _recogniser()
    _run(recogniser, *_utterance(1, 1, 640), *_utterance(2, 1, 640))
    assert len(recogniser.idle) == 1


def test_a_dropped_utterance_is_not_answered() -> None:
    recogniser = _recogniser()
    assert _run(recogniser, Message(Kind.START, 1, 1), Message(Kind.DROP, 1, 1)) == []
    assert recogniser.live == {}


def test_an_end_without_a_start_fails() -> None:
    (answer,) = _run(_recogniser(), Message(Kind.END, 1, 1))
    assert answer.kind is Kind.FAILED


def test_audio_of_an_old_utterance_is_ignored() -> None:
    start, audio, end = _utterance(1, 2, 640)
    stale = Message(Kind.AUDIO, 1, 1, bytes(640))
    assert _run(_recogniser(), start, stale, audio, end)[0].payload == b"640"


def test_more_than_the_longest_utterance_is_not_decoded() -> None:
    recogniser = _recogniser()
    _run(recogniser, Message(Kind.START, 1, 1))
    recogniser.live[1, 1].size = MAX_UTTERANCE
    assert _run(recogniser, *_utterance(1, 1, 640)[1:])[0].payload == b"0"


def test_one_speaker_too_many_is_told_so() -> None:
    recogniser = _recogniser()
    answers = _run(recogniser, *(Message(Kind.START, stream, 1) for stream in range(MAX_DECODERS + 1)))
    assert [answer.kind for answer in answers] == [Kind.FAILED]


def _fill(recogniser: Recogniser, **streams: int) -> None:
    for client, count in enumerate(streams.values(), 1):
        for stream in range(count):
            assert list(recogniser.handle(client, Message(Kind.START, stream, 7))) == []


def test_whoever_has_most_gives_way() -> None:
    recogniser = _recogniser()
    _fill(recogniser, first=1, second=MAX_DECODERS - 1)
    (answer,) = recogniser.handle(3, Message(Kind.START, 1, 1))
    assert answer is not None
    assert (answer[0], answer[1].kind, answer[1].stream, answer[1].utterance) == (2, Kind.FAILED, 0, 7)
    assert {client for client, _ in recogniser.live} == {1, 2, 3}
    assert len(recogniser.live) == MAX_DECODERS


def test_a_client_that_is_gone_gives_all_back() -> None:
    recogniser = _recogniser()
    _run(recogniser, *_utterance(1, 1, 640), Message(Kind.START, 1, 2))
    _fill(recogniser, other=0, second=1)
    recogniser.leave(1)
    assert (list(recogniser.live), recogniser.means) == ([(2, 0)], {})


def test_an_utterance_that_is_taken_away_while_it_is_decoded_touches_nobodys_decoder() -> None:
    recogniser = _recogniser()
    start, audio, end = _utterance(1, 1, 20_000)
    _run(recogniser, start, audio)
    ending = recogniser.handle(1, end)
    assert next(ending) is None
    recogniser.leave(1)
    (decoder,) = recogniser.idle
    decoder.start_utt()
    (answer,) = ending
    assert answer is not None
    assert answer[1].kind is Kind.FAILED
    assert decoder.heard == 0
    assert recogniser.idle == [decoder]


def test_a_decoder_that_fails_is_not_used_again() -> None:
    recogniser = _recogniser()
    _run(recogniser, Message(Kind.START, 1, 1))
    recogniser.live[1, 1].decoder.end_utt = _fail
    (answer,) = _run(recogniser, Message(Kind.END, 1, 1))
    assert answer == Message(Kind.FAILED, 1, 1, b"no")
    assert (recogniser.idle, recogniser.live) == ([], {})


def _fail() -> None:
    raise RuntimeError("no")


def test_a_closed_stream_is_forgotten() -> None:
    recogniser = _recogniser()
    _run(recogniser, *_utterance(1, 1, 640), Message(Kind.CLOSE, 1))
    assert recogniser.means == {}


@pytest.mark.parametrize(
    ("segments", "clear"),
    [
        ([_Word("what"), _Word("time")], True),
        ([_Word("<sil>", prob=0.0, end_frame=500), _Word("time")], True),
        ([_Word("what"), _Word("time", prob=0.05)], False),
        ([_Word("what", prob=0.2), _Word("time(2)", prob=0.3)], False),
        ([_Word("no", end_frame=60)], False),
        ([_Word("<sil>")], False),
    ],
)
def test_only_likely_words_at_a_human_pace_are_clear(segments: list[_Word], clear: bool) -> None:
    assert is_clear(segments) is clear


def test_unclear_words_are_marked() -> None:
    recogniser = Recogniser(lambda: _Decoder(words=[_Word("what", prob=0.01)]))
    recogniser.warm()
    assert [answer.kind for answer in _run(recogniser, *_utterance(1, 1, 640))] == [Kind.UNCLEAR]
