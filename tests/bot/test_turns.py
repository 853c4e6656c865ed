from __future__ import annotations

from typing import Any

import pytest
from pipecat.frames.frames import (
    BotStoppedSpeakingFrame,
    Frame,
    InterimTranscriptionFrame,
    LLMTextFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    TTSSpeakFrame,
    TTSStartedFrame,
    TTSTextFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)

from gateway.bot.turns import STAGES, TurnClock
from gateway.wire import talk


class Call:
    """A clock, its reports, and a time that moves by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        self.turns: list[dict[str, Any]] = []
        self.transcripts: list[dict[str, Any]] = []
        monkeypatch.setattr("gateway.bot.turns.time.monotonic", lambda: self.now)
        self.clock = TurnClock(self.turns.append, self.transcripts.append, sees_packets=True)

    def after(self, seconds: float, frame: Frame) -> None:
        self.now += seconds
        self.clock.frame(frame)

    def question(self) -> None:
        self.after(0, UserStartedSpeakingFrame())
        self.after(1.2, VADUserStoppedSpeakingFrame(stop_secs=0.2))


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch) -> Call:
    return Call(monkeypatch)


def said(text: str) -> TranscriptionFrame:
    return TranscriptionFrame(text, "user", "now")


def spoken(text: str) -> TTSTextFrame:
    return TTSTextFrame(text, text_type="sentence")


def sound() -> TTSAudioRawFrame:
    return TTSAudioRawFrame(bytes(640), 16_000, 1)


def whole_turn(call: Call) -> None:
    call.question()
    call.after(0.1, UserStoppedSpeakingFrame())
    call.after(0.05, said("what time is it "))
    call.after(0.01, LLMTextFrame("noon"))
    call.after(0.1, sound())
    call.now += 0.02
    call.clock.packet()
    call.after(0, spoken("It is noon."))
    call.after(1, BotStoppedSpeakingFrame())


def test_a_turn_is_split_into_its_stages_from_the_end_of_speech(call: Call) -> None:
    whole_turn(call)
    [turn] = call.turns
    assert turn["stages_ms"] == pytest.approx(
        {"turn": 300.0, "transcript": 50.0, "text": 10.0, "audio": 100.0, "packet": 20.0}
    )
    assert turn["total_ms"] == pytest.approx(480.0)


def test_a_turn_has_both_sides_words(call: Call) -> None:
    whole_turn(call)
    assert (call.turns[0]["user"], call.turns[0]["bot"]) == ("what time is it", "It is noon.")


def test_stages_are_named_in_order(call: Call) -> None:
    whole_turn(call)
    assert tuple(call.turns[0]["stages_ms"]) == STAGES


def test_a_stage_that_came_early_counts_as_nothing(call: Call) -> None:
    call.question()
    call.after(0, said("stop"))
    call.after(0.1, UserStoppedSpeakingFrame())
    call.after(0.1, sound())
    call.after(1, BotStoppedSpeakingFrame())
    stages = call.turns[0]["stages_ms"]
    assert stages["transcript"] == 0.0
    assert stages["audio"] == pytest.approx(100.0)


def test_a_stage_that_did_not_happen_is_none(call: Call) -> None:
    call.question()
    call.after(0.1, sound())
    call.after(1, BotStoppedSpeakingFrame())
    stages = call.turns[0]["stages_ms"]
    assert stages["transcript"] is None
    assert stages["packet"] is None


@pytest.mark.parametrize("frame", [TTSSpeakFrame("x"), TTSStartedFrame(), LLMTextFrame("x")])
def test_the_first_text_may_come_in_any_of_these(call: Call, frame: Frame) -> None:
    call.question()
    call.after(0.3, frame)
    call.after(0.3, LLMTextFrame("more"))
    call.after(0.1, sound())
    call.after(1, BotStoppedSpeakingFrame())
    assert call.turns[0]["stages_ms"]["text"] == pytest.approx(500.0)


def test_what_was_not_answered_is_no_turn(call: Call) -> None:
    call.question()
    call.after(0.1, said("hm"))
    call.after(1, BotStoppedSpeakingFrame())
    assert call.turns == []


def test_speech_of_the_bot_alone_is_no_turn(call: Call) -> None:
    call.after(0, TTSSpeakFrame("Welcome."))
    call.after(0.1, sound())
    call.clock.packet()
    call.after(1, BotStoppedSpeakingFrame())
    assert call.turns == []


def test_a_turn_that_a_late_transcript_begins_has_its_words_and_its_time(call: Call) -> None:
    call.question()
    call.after(0.1, UserStoppedSpeakingFrame())  # given up, for nothing was heard
    call.after(3, said("what time is it"))
    call.after(0, UserStartedSpeakingFrame())
    call.after(0.1, UserStoppedSpeakingFrame())
    call.after(0.1, sound())
    call.after(0, spoken("It is noon."))
    call.after(1, BotStoppedSpeakingFrame())
    [turn] = call.turns
    assert (turn["user"], turn["bot"]) == ("what time is it", "It is noon.")
    assert turn["stages_ms"]["transcript"] == pytest.approx(3000.0)


def test_a_bot_that_tells_no_end_of_speech_has_turns_too(call: Call) -> None:
    call.after(0, UserStartedSpeakingFrame())
    call.after(1, UserStoppedSpeakingFrame())
    call.after(0.1, said("what time is it"))
    call.after(0.2, sound())
    call.after(0, spoken("Noon."))
    call.after(1, BotStoppedSpeakingFrame())
    [turn] = call.turns
    assert turn["user"] == "what time is it"
    assert (turn["stages_ms"]["turn"], turn["stages_ms"]["audio"]) == (0.0, pytest.approx(200.0))


def test_words_that_nobody_answered_are_not_the_next_turns(call: Call) -> None:
    call.question()
    call.after(0.1, said("to somebody else"))
    call.after(2, UserStartedSpeakingFrame())
    call.question()
    call.after(0.1, said("what time is it"))
    call.after(0.1, sound())
    call.after(1, BotStoppedSpeakingFrame())
    assert [turn["user"] for turn in call.turns] == ["what time is it"]


def test_an_answer_that_is_interrupted_is_a_turn(call: Call) -> None:
    call.question()
    call.after(0.1, sound())
    call.question()
    assert len(call.turns) == 1


def test_packets_before_the_answers_audio_are_none_of_it(call: Call) -> None:
    call.question()
    call.clock.packet()
    call.after(0.1, sound())
    call.now += 0.05
    call.clock.packet()
    call.after(1, BotStoppedSpeakingFrame())
    assert call.turns[0]["stages_ms"]["packet"] == pytest.approx(50.0)


def test_a_frame_counts_once_however_often_it_is_pushed(call: Call) -> None:
    text = said("what time")
    call.clock.frame(text)
    call.clock.frame(text)
    assert len(call.transcripts) == 1


def test_words_are_told_as_they_come(call: Call) -> None:
    call.clock.frame(InterimTranscriptionFrame("what", "user", "now"))
    call.clock.frame(said("what time"))
    call.clock.frame(spoken("Noon."))
    call.clock.frame(said("  "))
    assert [(t["who"], t["text"], t["final"]) for t in call.transcripts] == [
        ("user", "what", False),
        ("user", "what time", True),
        ("bot", "Noon.", True),
    ]


def test_words_with_half_a_character_can_be_told(call: Call) -> None:
    call.question()
    call.after(0.1, said("what \ud83d"))
    call.after(0.1, sound())
    call.after(0.1, spoken("\ude00 this"))
    call.after(1, BotStoppedSpeakingFrame())
    [turn] = call.turns
    for told in [{"t": "turn", **turn}, *({"t": "transcript", **words} for words in call.transcripts)]:
        talk.from_bot(told)
    assert (turn["user"], turn["bot"]) == ("what ?", "? this")
