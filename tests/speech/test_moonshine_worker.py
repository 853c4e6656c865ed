"""Both recognisers behind one engine, with a real sphinx: what is answered, when, and what is forgotten."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from gateway.speech import sphinx_worker
from gateway.speech.framing import Kind, Message
from gateway.speech.language_model import LanguageModel
from gateway.speech.moonshine import Text
from gateway.speech.moonshine_worker import Both, loud
from gateway.speech.serving import Engine
from gateway.speech.sphinx_stream import MAX_UTTERANCE
from gateway.speech.sphinx_worker import MAX_DECODERS

Say = Callable[[str], bytes]


@pytest.fixture(scope="module")
def sphinx(model: LanguageModel) -> Engine:
    return sphinx_worker.recogniser(str(model.arpa), str(model.dictionary), str(model.acoustic))


def _pieces(pcm: bytes, stream: int = 1) -> Iterator[Message]:
    yield Message(Kind.START, stream, 1)
    for at in range(0, len(pcm), 6_400):
        yield Message(Kind.AUDIO, stream, 1, pcm[at : at + 6_400])


def _run(engine: Both, *messages: Message) -> list[Message]:
    answers = [answer for message in messages for answer in engine.handle(1, message)]
    return [answer[1] for answer in answers if answer is not None]


def _hears(*texts: Text) -> Callable[[NDArray[np.float32]], list[Text]]:
    return lambda _: list(texts)


_END = Message(Kind.END, 1, 1)


def test_the_end_is_answered_once_with_what_was_chosen(sphinx: Engine, say: Say) -> None:
    both = Both(sphinx, _hears(Text("put the kettle on", 0.9)), lambda _: False)
    answers = _run(both, *_pieces(say("what time is it")), _END)
    assert answers == [Message(Kind.RESULT, 1, 1, b"put the kettle on")]


def test_what_sphinx_heard_stands_where_the_other_is_not_sure(sphinx: Engine, say: Say) -> None:
    both = Both(sphinx, _hears(Text("watt I miss it", 0.55)), lambda text: text == "what time is it")
    answers = _run(both, *_pieces(say("what time is it")), _END)
    assert answers == [Message(Kind.RESULT, 1, 1, b"what time is it")]


def test_what_neither_is_sure_of_is_unclear(sphinx: Engine) -> None:
    both = Both(sphinx, _hears(Text("thank you", 0.3)), lambda _: True)
    (answer,) = _run(both, *_pieces(bytes(32_000)), _END)
    assert answer.kind is Kind.UNCLEAR


def test_what_is_too_long_for_a_request_is_sphinx_s_alone(sphinx: Engine) -> None:
    asked: list[int] = []

    def hear(sound: NDArray[np.float32]) -> list[Text]:
        asked.append(sound.size)
        return []

    _run(Both(sphinx, hear, lambda _: True), *_pieces(bytes(13 * 32_000)), _END)
    assert asked == []


_PAUSE, _ON = Message(Kind.PAUSE, 1, 1), Message(Kind.ON, 1, 1)
_MORE = Message(Kind.AUDIO, 1, 1, bytes(6_400))


class _Ears:
    """Hears so many seconds as words, and notes each time."""

    def __init__(self, likely: float = 0.95) -> None:
        self.sizes: list[int] = []
        self._likely = likely

    def hear(self, sound: NDArray[np.float32]) -> list[Text]:
        self.sizes.append(sound.size)
        return [Text(f"hearing {len(self.sizes)}", self._likely)]


def test_what_was_heard_at_a_pause_is_the_answer_where_nothing_follows(sphinx: Engine) -> None:
    ears = _Ears()
    both = Both(sphinx, ears.hear, lambda _: True)
    assert _run(both, *_pieces(bytes(32_000)), _PAUSE) == []
    assert len(ears.sizes) == 1
    assert _run(both, _MORE, _END) == [Message(Kind.RESULT, 1, 1, b"hearing 1")]
    assert len(ears.sizes) == 1


def test_what_was_heard_at_a_pause_is_thrown_away_where_speech_goes_on(sphinx: Engine) -> None:
    ears = _Ears()
    both = Both(sphinx, ears.hear, lambda _: True)
    answers = _run(both, *_pieces(bytes(32_000)), _PAUSE, _ON, _MORE, _END)
    assert answers == [Message(Kind.RESULT, 1, 1, b"hearing 2")]
    assert ears.sizes[1] == (32_000 + 6_400) // 2


def test_of_two_pauses_the_last_holds(sphinx: Engine) -> None:
    both = Both(sphinx, _Ears().hear, lambda _: True)
    (answer,) = _run(both, *_pieces(bytes(32_000)), _PAUSE, _ON, _MORE, _PAUSE, _END)
    assert answer.payload == b"hearing 2"


def test_what_is_not_sure_at_a_pause_is_heard_again_at_the_end(sphinx: Engine) -> None:
    ears = _Ears(likely=0.4)
    _run(Both(sphinx, ears.hear, lambda _: False), *_pieces(bytes(32_000)), _PAUSE, _MORE, _END)
    assert ears.sizes[1] == (32_000 + 6_400) // 2


def test_a_pause_of_another_utterance_is_none_of_this_one(sphinx: Engine) -> None:
    ears = _Ears()
    both = Both(sphinx, ears.hear, lambda _: True)
    _run(both, *_pieces(bytes(32_000)), Message(Kind.PAUSE, 1, 2), Message(Kind.PAUSE, 2, 1))
    assert ears.sizes == []


def test_others_have_their_turn_while_sphinx_decodes(sphinx: Engine, say: Say) -> None:
    both = Both(sphinx, _hears(Text("watt", 0.6)), lambda _: False)
    for message in _pieces(pcm := say("what time is it")):
        list(both.handle(1, message))
    *before, last = list(both.handle(1, _END))
    assert before.count(None) >= len(pcm) // 6_400
    assert last is not None


def test_of_too_many_who_has_most_gives_way(sphinx: Engine) -> None:
    both = Both(sphinx, _hears(), lambda _: False)
    for stream in range(MAX_DECODERS):
        assert list(both.handle(1, Message(Kind.START, stream, 1))) == []
    (answer,) = both.handle(2, Message(Kind.START, 1, 1))
    assert answer is not None
    assert (answer[0], answer[1].kind) == (1, Kind.FAILED)
    assert (2, 1) in both.live
    assert len(both.live) == MAX_DECODERS


def test_no_more_is_kept_of_an_utterance_than_may_be(sphinx: Engine) -> None:
    both = Both(sphinx, _hears(), lambda _: False)
    _run(both, *_pieces(bytes(MAX_UTTERANCE + 64_000)))
    assert len(both.live[1, 1].said) == MAX_UTTERANCE


@pytest.mark.parametrize("over", [Kind.DROP, Kind.CLOSE])
def test_nothing_is_kept_of_what_is_over(sphinx: Engine, over: Kind) -> None:
    both = Both(sphinx, _hears(), lambda _: False)
    _run(both, *_pieces(bytes(6_400)), *_pieces(bytes(6_400), stream=2), Message(over, 1, 1))
    assert set(both.live) == {(1, 2)}
    both.leave(1)
    assert both.live == {}


def test_an_end_of_nothing_is_refused(sphinx: Engine) -> None:
    (answer,) = _run(Both(sphinx, _hears(Text("yes", 0.9)), lambda _: True), Message(Kind.END, 7, 1))
    assert answer.kind is Kind.FAILED


def test_near_and_far_are_as_loud() -> None:
    far = (np.sin(np.arange(1_600)) * 60).astype("<i2").tobytes()
    near = (np.sin(np.arange(1_600)) * 6_000).astype("<i2").tobytes()
    assert np.abs(loud(far)).max() == pytest.approx(np.abs(loud(near)).max(), rel=0.02)
