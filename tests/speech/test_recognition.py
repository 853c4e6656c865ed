import pytest

from gateway.speech.meaning.intents import Recogniser
from gateway.speech.recognition import transcript
from gateway.speech.sphinx_stream import Heard


@pytest.mark.parametrize(
    ("heard", "passed_on"),
    [
        (Heard("what time is it"), "what time is it"),
        (Heard(""), ""),
        (Heard("mute", clear=False), ""),
        (Heard("what time is it", clear=False), "[unclear] what time is it"),
    ],
)
def test_only_what_is_clear_is_passed_on_as_it_is(heard: Heard, passed_on: str) -> None:
    assert transcript(heard) == passed_on


def test_no_intent_matches_what_is_unclear(recogniser: Recogniser) -> None:
    assert recogniser.recognise(transcript(Heard("what time is it", clear=False))) is None
