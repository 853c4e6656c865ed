"""What is said in a call and how long each step of an answer takes, read off the frames of any bot's pipeline."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, get_args
from weakref import WeakValueDictionary

from pipecat.frames.frames import (
    BotStartedSpeakingFrame,
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

from gateway.wire import plain
from gateway.wire.talk import Stage

STAGES: tuple[str, ...] = get_args(Stage)

LATE_SECONDS = 0.5
"""From a transcript to the turn that it begins."""

Report = Callable[[dict[str, Any]], None]


@dataclass(slots=True)
class _Turn:
    ended_at: float | None = None
    at: dict[str, float] = field(default_factory=dict)
    user: list[str] = field(default_factory=list)
    bot: list[str] = field(default_factory=list)

    def mark(self, stage: str, now: float) -> None:
        if self.ended_at is not None:
            self.at.setdefault(stage, now)

    def stages(self) -> dict[str, float | None]:
        """Milliseconds of each step after the one before; a step that came early counts as 0."""
        assert self.ended_at is not None
        result: dict[str, float | None] = {}
        before = self.ended_at
        for stage in STAGES:
            now = self.at.get(stage)
            result[stage] = None if now is None else round(1000 * max(0.0, now - before), 1)
            before = max(before, now) if now is not None else before
        return result


class TurnClock:
    """Follows one call; times are of the monotonic clock, in seconds.

    Args:
        on_turn: is given each turn that was answered: its words, stages and total in milliseconds.
        on_transcript: is given each piece of text, of the user and of the bot, as it comes.
        sees_packets: whether `packet` will be called; else the bot's own start of speaking stands for it.
    """

    def __init__(self, on_turn: Report, on_transcript: Report, *, sees_packets: bool) -> None:
        self._on_turn = on_turn
        self._on_transcript = on_transcript
        self._turn = _Turn()
        self._heard_at = -LATE_SECONDS
        self._seen: WeakValueDictionary[int, Frame] = WeakValueDictionary()
        self._handlers: dict[type[Frame], Callable[[Any, float], None]] = {
            VADUserStoppedSpeakingFrame: self._speech_ended,
            UserStartedSpeakingFrame: self._turn_began,
            UserStoppedSpeakingFrame: self._turn_ended,
            InterimTranscriptionFrame: lambda f, _: self._said("user", f.text, final=False),
            TranscriptionFrame: self._transcribed,
            LLMTextFrame: lambda _, now: self._turn.mark("text", now),
            TTSSpeakFrame: lambda _, now: self._turn.mark("text", now),
            TTSStartedFrame: lambda _, now: self._turn.mark("text", now),
            TTSTextFrame: self._spoken,
            TTSAudioRawFrame: lambda _, now: self._turn.mark("audio", now),
            BotStoppedSpeakingFrame: lambda *_: self._finish(),
        }
        if not sees_packets:
            self._handlers[BotStartedSpeakingFrame] = lambda *_: self.packet()

    @property
    def kinds(self) -> frozenset[type[Frame]]:
        """Of frames that it takes note of; it need not be given others."""
        return frozenset(self._handlers)

    def frame(self, frame: Frame) -> None:
        """Take note of a frame that is pushed, by each processor of a pipeline or by one; only the first counts."""
        handler = self._handlers.get(type(frame))
        if handler is not None and frame.id not in self._seen:
            self._seen[frame.id] = frame
            handler(frame, time.monotonic())

    def packet(self, at: float | None = None) -> None:
        """Sound has gone out after silence, at `at` or now."""
        if "audio" in self._turn.at:
            self._turn.mark("packet", time.monotonic() if at is None else at)

    def _speech_ended(self, frame: VADUserStoppedSpeakingFrame, now: float) -> None:
        self._turn.ended_at = now - frame.stop_secs

    def _turn_began(self, _frame: Frame, now: float) -> None:
        """Where a transcript has begun it, which came so late, it is that transcript's."""
        if "audio" not in self._turn.at and now - self._heard_at <= LATE_SECONDS:
            return
        self._finish()
        self._turn = _Turn()

    def _turn_ended(self, _frame: Frame, now: float) -> None:
        """Where no end of speech was told of, as by models that hear for themselves, this stands for it."""
        if self._turn.ended_at is None:
            self._turn.ended_at = now
        self._turn.mark("turn", now)

    def _transcribed(self, frame: TranscriptionFrame, now: float) -> None:
        self._turn.mark("transcript", now)
        self._turn.user.append(plain.text(frame.text.strip()))
        self._heard_at = now
        self._said("user", frame.text, final=True)

    def _spoken(self, frame: TTSTextFrame, _now: float) -> None:
        self._turn.bot.append(plain.text(frame.text.strip()))
        self._said("bot", frame.text, final=True)

    def _said(self, who: str, text: str, *, final: bool) -> None:
        if text := plain.text(text.strip()):
            self._on_transcript({"at": time.time(), "who": who, "text": text, "final": final})

    def _finish(self) -> None:
        turn, self._turn = self._turn, _Turn()
        if turn.ended_at is None or "audio" not in turn.at:
            return
        stages = turn.stages()
        self._on_turn(
            {
                "at": time.time(),
                "since": time.time() - (time.monotonic() - turn.ended_at),
                "user": " ".join(turn.user),
                "bot": " ".join(turn.bot),
                "stages_ms": stages,
                "total_ms": round(sum(s for s in stages.values() if s is not None), 1),
            }
        )
