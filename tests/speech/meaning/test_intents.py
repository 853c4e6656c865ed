import pytest

from gateway.speech.meaning.intents import Intent, Recogniser
from gateway.speech.meaning.sentences import load_book
from gateway.speech.sampling import corpus
from tests.speech.conftest import DATA


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("What time is it?", Intent("Time")),
        ("could you please tell me what time it is", Intent("Time")),
        ("what day is it", Intent("Date", {"when": "today"})),
        ("what's the date tomorrow", Intent("Date", {"when": "tomorrow"})),
        ("what is twelve times seven", Intent("Sum", {"a": 12, "operator": "times", "b": 7})),
        ("12 × 7", Intent("Sum", {"a": 12, "operator": "times", "b": 7})),  # noqa: RUF001
        ("what's 20% of 50", Intent("Sum", {"a": 20, "operator": "percent of", "b": 50})),
        (
            "what is two point oh five times three",
            Intent("Sum", {"a": 2, "a_decimals": "05", "operator": "times", "b": 3}),
        ),
        ("set a timer for five minutes", Intent("TimerSet", {"minutes": 5})),
        ("set a timer for an hour and a half", Intent("TimerSet", {"hours": 1, "minutes": 30})),
        ("set a timer for half an hour", Intent("TimerSet", {"minutes": 30})),
        ("set a timer for two and a half minutes", Intent("TimerSet", {"minutes": 2, "seconds": 30})),
        ("set an egg timer for three minutes", Intent("TimerSet", {"timer_name": "egg", "minutes": 3})),
        (
            "remind me in ten minutes to check the oven",
            Intent("TimerSet", {"minutes": 10, "reminder": "check the oven"}),
        ),
        ("cancel the timer", Intent("TimerCancel")),
        ("cancel all timers", Intent("TimerCancel", {"which": "all"})),
        ("how much time is left", Intent("TimerLeft")),
        ("turn it up", Intent("VolumeUp")),
        ("a little quieter please", Intent("VolumeDown")),
        ("set the volume to fifty percent", Intent("VolumeSet", {"percent": 50})),
        ("mute", Intent("Mute")),
        ("repeat after me the cat sat on the mat", Intent("Repeat", {"repeated": "the cat sat on the mat"})),
        ("what did i say", Intent("RepeatLast")),
        ("say that again", Intent("RepeatLast", {"whose": "bot"})),
        ("what can you do", Intent("Help")),
        ("one more time", Intent("RepeatLast", {"whose": "bot"})),
        ("what's the weather like today", Intent("Unavailable", {"what": "weather"})),
    ],
)
def test_a_sentence_means_its_intent(recogniser: Recogniser, text: str, expected: Intent) -> None:
    found = recogniser.recognise(text)
    assert found is not None
    assert (found.name, dict(found.slots)) == (expected.name, dict(expected.slots))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("is the front door locked", "SmartHome"),
        ("start the vacuum", "SmartHome"),
        ("set a timer for 90 seconds named tea", "TimerSet"),
        ("add sugar to my shopping list", "Unavailable"),
    ],
)
def test_home_assistants_sentences_are_known_too(recogniser: Recogniser, text: str, name: str) -> None:
    found = recogniser.recognise(text)
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize("text", ["", "   ", "?!", "what time is it over there my friend", "x" * 100_000])
def test_what_no_template_covers_means_nothing(recogniser: Recogniser, text: str) -> None:
    assert recogniser.recognise(text) is None


def test_every_sentence_of_the_model_is_understood(recogniser: Recogniser) -> None:
    sentences = {" ".join(words) for words in corpus(load_book(), per_template=2, seed=1)}
    assert {text for text in sentences if recogniser.recognise(text) is None} == set()


@pytest.mark.parametrize("text", (DATA / "off_topic.txt").read_text().splitlines())
def test_off_topic_text_means_nothing(recogniser: Recogniser, text: str) -> None:
    assert recogniser.recognise(text) is None
