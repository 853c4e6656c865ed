from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass, field

import pytest

from gateway.media.ear import FRAME_SECONDS, Around, WakingEar
from gateway.media.earshot import Earshot
from gateway.media.own import OWN_SECONDS, OwnWords
from gateway.media.words import Spotter, find
from gateway.sections import AttentionSettings
from tests.media.sound import frames, room, spoken

SILENCE = bytes(640)
"""Stands in what is heard for that there is no more."""
NABU = "okay nabboo"
"""How flite says it as people do."""


@dataclass
class Listener:
    """A device's ear, and all that comes of it. Time goes on by what it hears."""

    earshot: Earshot = field(default_factory=Earshot)
    limits: AttentionSettings = field(default_factory=AttentionSettings)
    heard: list[bytes] = field(default_factory=list)
    told: list[tuple[str, str | None]] = field(default_factory=list)
    hushed: int = 0
    speaks: bool = False
    rings: bool = False
    now: float = 0.0

    def __post_init__(self) -> None:
        words = [find("okay nabu"), find("hey jarvis")]
        self.earshot.clock = lambda: self.now
        around = Around(
            self.heard.append, self._rest, lambda: self.speaks, lambda: self.rings, self._hush, self._tell
        )
        own = OwnWords(Spotter(words), lambda: self.now)
        stops = frozenset({"hey jarvis"})
        self.ear = WakingEar(Spotter(words), own, stops, self.limits, around, self.earshot)

    def _rest(self) -> None:
        self.heard.append(SILENCE)

    def _tell(self, attention: str, by: str | None) -> None:
        self.told.append((str(attention), by))

    def _hush(self) -> None:
        self.hushed += 1
        self.speaks = False

    def hear(self, pcm: bytes) -> None:
        for frame in frames(pcm):
            self.now += FRAME_SECONDS
            self.ear.hear(frame)

    def states(self) -> list[str]:
        return [state for state, _ in self.told]


def at_once(listeners: Sequence[Listener], pcms: Sequence[bytes]) -> None:
    """Each hears its own, all at the same time."""
    for pieces in zip(*map(frames, pcms), strict=True):
        for listener, frame in zip(listeners, pieces, strict=True):
            listener.hear(frame)


@pytest.fixture
def new() -> Iterator[Callable[..., Listener]]:
    made: list[Listener] = []

    def make(earshot: Earshot | None = None, **limits: object) -> Listener:
        made.append(Listener(earshot or Earshot(), AttentionSettings.model_validate(limits)))
        return made[-1]

    yield make
    for listener in made:
        listener.ear.close()


@pytest.fixture
def device(new: Callable[..., Listener]) -> Listener:
    return new()


def test_a_sleeping_device_passes_nothing(device: Listener) -> None:
    device.hear(spoken("What time is it? Turn off the lights, please, and set a timer for five minutes."))
    assert (device.heard, device.told) == ([], [])


class Counting(Spotter):
    """Counts what is searched."""

    frames = 0

    def heard(self, pcm: bytes, but: Container[str] = ()) -> set[str]:
        self.frames += 1
        return super().heard(pcm, but)


def test_a_silent_room_is_not_searched_and_a_faint_word_in_it_is_found(new: Callable[..., Listener]) -> None:
    device = new()
    device.ear._spotter = spotter = Counting([find("okay nabu")])
    device.hear(room(10.0))
    before = spotter.frames
    device.hear(room(5.0))
    assert spotter.frames == before
    device.hear(spoken(NABU, level=0.06))  # -53 dBFS
    assert device.told == [("attentive", "okay nabu")]


def test_the_word_and_the_same_breath_reach_the_bot_whole(device: Listener) -> None:
    pcm = spoken(f"{NABU}, what time is it?", after=1.0)
    device.hear(pcm)
    assert device.told == [("attentive", "okay nabu")]
    handed = b"".join(device.heard)
    assert pcm.endswith(handed[-640:])
    assert handed in pcm, "in order, with nothing left out"
    begun = len(pcm) - len(handed)
    assert begun <= 2 * 16_000 * 1.02, "it begins before the word, which begins after a second"


def test_what_was_held_back_is_handed_on_a_little_at_a_time(device: Listener) -> None:
    counts = []
    for frame in frames(spoken(f"{NABU}, what time is it?")):
        before = len(device.heard)
        device.hear(frame)
        counts.append(len(device.heard) - before)
    assert max(counts) == 4  # a bot that has 50 waiting drops the oldest


def test_who_was_called_and_hears_nobody_sleeps_again_and_says_so_once(new: Callable[..., Listener]) -> None:
    device = new(listen_s=2)
    device.hear(spoken(NABU, after=6.0))
    assert device.states() == ["attentive", "asleep"]
    assert device.heard[-1] == SILENCE
    count = len(device.heard)
    device.hear(room(3.0))
    assert len(device.heard) == count


def test_who_speaks_is_heard_out(new: Callable[..., Listener]) -> None:
    device = new(listen_s=1)
    device.hear(
        spoken(f"{NABU}, please set a timer for twenty five minutes for the cake in the oven.", after=0.2)
    )
    assert device.states() == ["attentive"]


def test_after_an_answer_it_listens_without_the_word(device: Listener) -> None:
    device.hear(spoken(f"{NABU}, what time is it?"))
    device.speaks = True
    device.hear(room(2.0))
    assert device.heard[-1] == SILENCE, "it does not hear itself"
    device.speaks = False
    count = len(device.heard)
    device.hear(room(1.0))
    device.hear(spoken("And tomorrow?"))
    assert device.states() == ["attentive", "speaking", "attentive"]
    assert len(device.heard) > count + 50
    device.hear(room(10.0))
    assert device.states()[-1] == "asleep"


def test_a_pause_between_two_sentences_of_the_bot_is_no_end(device: Listener) -> None:
    for speaks in (True, False, True):
        device.speaks = speaks
        device.hear(room(0.3))
    assert device.states() == ["speaking"]


def test_what_the_bot_says_by_itself_wakes_the_device_for_an_answer(device: Listener) -> None:
    device.speaks = True
    device.hear(room(1.0))
    device.speaks = False
    device.hear(room(1.0))
    assert device.states() == ["speaking", "attentive"]


@pytest.mark.parametrize(("text", "by"), [("hey jarvis", "hey jarvis"), (NABU, "okay nabu")])
def test_a_word_interrupts_the_bot(device: Listener, text: str, by: str) -> None:
    device.speaks = True
    device.hear(spoken(text))
    assert device.told == [("speaking", None), ("attentive", by)]
    assert device.hushed == 1
    assert b"".join(device.heard[:5]) in spoken(text)
    assert not device.ear.may_say()


def test_a_word_to_stop_means_nothing_while_nobody_speaks(device: Listener) -> None:
    device.hear(spoken("hey jarvis"))
    assert device.told == []


@pytest.mark.parametrize(("text", "by"), [("hey jarvis", "hey jarvis"), (NABU, "okay nabu")])
def test_a_word_calls_who_rings_in_the_pauses_too(device: Listener, text: str, by: str) -> None:
    device.ear.call("button")
    device.rings = True
    device.hear(spoken(text))
    assert device.told[-1] == ("attentive", by)


def test_its_own_voice_does_not_call_it(device: Listener) -> None:
    pcm = spoken(NABU, after=1.0)
    device.speaks = True
    late = room(0.2)[: 640 * 10]
    for out, back in zip(frames(pcm), frames(late + pcm), strict=False):
        device.ear.said(out)
        device.hear(back)
    assert device.states() == ["speaking"]
    device.hear(room(OWN_SECONDS))
    device.hear(pcm)
    assert device.told[-1] == ("attentive", "okay nabu"), "said by somebody else it does"


def test_other_talk_does_not_interrupt_the_bot(device: Listener) -> None:
    device.speaks = True
    device.hear(spoken("I think that we should go to the market on Sunday."))
    assert (device.states(), device.hushed, device.heard) == (["speaking"], 0, [])


def test_where_speech_may_interrupt_the_bot_hears_it_while_it_speaks(new: Callable[..., Listener]) -> None:
    device = new(interrupt="speech")
    device.speaks = True
    device.hear(room(1.0))
    assert len(device.heard) == 50


def test_what_was_interrupted_is_not_said_on_and_what_comes_after_it_is(device: Listener) -> None:
    device.speaks = True
    device.hear(spoken("hey jarvis", after=0.1))
    for _ in range(50):
        device.hear(room(0.1))
        assert not device.ear.may_say()  # the bot goes on with its answer, as one that notices nothing
    device.hear(room(1.1))
    assert device.ear.may_say()


def test_a_bot_that_knows_of_it_may_speak_at_once(device: Listener) -> None:
    device.speaks = True
    device.hear(spoken("hey jarvis", after=0.1))
    device.ear.cleared()
    assert device.ear.may_say()


def test_a_button_wakes(device: Listener) -> None:
    device.ear.call("button")
    device.hear(room(0.5))
    assert device.told == [("attentive", "button")]
    assert len(device.heard) == 25


def test_of_two_devices_the_one_that_hears_the_word_better_answers(new: Callable[..., Listener]) -> None:
    earshot = Earshot()
    far, near = new(earshot), new(earshot)
    loud = spoken(f"{NABU}, what time is it?")
    at_once([far, near], [spoken(f"{NABU}, what time is it?", level=0.1), loud])
    assert (far.told, near.told) == ([], [("attentive", "okay nabu")])
    assert b"".join(near.heard) in loud


def test_a_device_alone_does_not_wait_for_others(new: Callable[..., Listener]) -> None:
    earshot = Earshot()
    new(earshot).ear.close()
    device = new(earshot)
    device.hear(spoken(NABU))
    alone = len(device.heard)
    other = new(earshot)
    other.hear(spoken(NABU))
    assert len(other.heard) < alone


def test_silence_matters_to_it_while_somebody_may_be_heard(device: Listener) -> None:
    assert device.ear.listens, "it does not know the room yet"
    device.hear(room(10.0))
    assert not device.ear.listens
    device.hear(spoken("dinner is ready", after=0.1))
    assert device.ear.listens
    device.hear(room(5.0))
    assert not device.ear.listens
    device.ear.call("button")
    assert device.ear.listens
