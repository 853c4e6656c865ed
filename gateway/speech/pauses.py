"""A pause in speech, told of before it is long enough to be its end: who hears and judges needn't wait for that.

A `PauseFrame` says that somebody who speaks is silent, a `WentOnFrame` that it was not the end. Where it was, Pipecat's
`VADUserStoppedSpeakingFrame` comes as ever, and whatever was found out at the pause holds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pipecat.frames.frames import (
    Frame,
    InputAudioRawFrame,
    SystemFrame,
    TranscriptionFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.processors.audio.vad_processor import VADProcessor
from pipecat.processors.frame_processor import FrameDirection
from pipecat.turns.types import ProcessFrameResult
from pipecat.turns.user_stop import TurnAnalyzerUserTurnStopStrategy

if TYPE_CHECKING:
    from gateway.speech.models import EndOfTurn, VoiceActivity

PAUSE_SECONDS: Final = 0.06
"""Of silence: two of the VAD's windows. After one of them a word's last consonant may still come."""
MOST: Final = 3
"""Pauses of one stretch of speech that are told of: each costs a hearing and a judgement."""
DOUBTFUL: Final = 0.1
"""From this probability on that a turn is over, words that ask for something whole end it; from 0.5 on it has ended."""


IsWhole = Callable[[str], bool]
"""Whether words ask for something that can be done as it stands."""


def never(_words: str) -> bool:
    """What nobody here understands may always go on."""
    return False


@dataclass
class PauseFrame(SystemFrame):
    """Somebody who speaks is silent; all that was said has been passed on before."""


@dataclass
class WentOnFrame(SystemFrame):
    """Speech goes on after a pause."""


class Pauses:
    """Which pauses are told of, and when one is over. Pure."""

    def __init__(self) -> None:
        self._silent = 0.0
        self._told = False
        self._left = MOST

    def step(self, silent_s: float, *, in_speech: bool) -> list[PauseFrame | WentOnFrame]:
        """What there is to tell.

        Args:
            silent_s: for how long somebody who speaks has been silent.
            in_speech: whether somebody speaks at all, for the VAD.
        """
        before, self._silent = self._silent, silent_s
        found: list[PauseFrame | WentOnFrame] = []
        if not in_speech:
            self._told, self._left = False, MOST
        elif self._told and silent_s < before:
            self._told = False
            found.append(WentOnFrame())
        if not self._told and self._left and silent_s >= PAUSE_SECONDS:
            self._told, self._left = True, self._left - 1
            found.append(PauseFrame())
        return found


class PauseProcessor(VADProcessor):
    """Pipecat's VAD processor, which tells of pauses too.

    Args:
        vad: what finds speech.
    """

    def __init__(self, vad: VoiceActivity) -> None:
        super().__init__(vad_analyzer=vad)
        self._vad = vad
        self._pauses = Pauses()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """As Pipecat's; audio is passed on before what is told of it."""
        await super().process_frame(frame, direction)
        if isinstance(frame, InputAudioRawFrame):
            for told in self._pauses.step(self._vad.silent_s, in_speech=self._vad.in_speech):
                await self.push_frame(told)


class TurnStop(TurnAnalyzerUserTurnStopStrategy):  # type: ignore[no-untyped-call] # Pipecat leaves it untyped
    """Pipecat's end of a turn, judged at the pause, and by what was said.

    Args:
        analyzer: what judges how it was said.
        is_whole: decides where that is in doubt.
    """

    def __init__(self, analyzer: EndOfTurn, is_whole: IsWhole = never) -> None:
        super().__init__(turn_analyzer=analyzer)
        self._analyzer = analyzer
        self._is_whole = is_whole
        self._said: list[str] = []

    async def handle_user_turn_started(self) -> None:
        """As Pipecat's."""
        await super().handle_user_turn_started()  # type: ignore[no-untyped-call]
        self._said.clear()

    async def process_frame(self, frame: Frame) -> ProcessFrameResult:
        """As Pipecat's."""
        if isinstance(frame, PauseFrame):
            self._analyzer.look_ahead()
        elif isinstance(frame, WentOnFrame):
            self._analyzer.forget()
        elif isinstance(frame, TranscriptionFrame):
            self._said.append(frame.text)
        found = await super().process_frame(frame)
        if isinstance(frame, TranscriptionFrame | VADUserStoppedSpeakingFrame):
            await self._end_what_is_whole()
        return found

    async def _end_what_is_whole(self) -> None:
        in_doubt = self._vad_stopped and not self._turn_complete and self._analyzer.probability >= DOUBTFUL
        if in_doubt and self._transcript_finalized and self._is_whole(" ".join(self._said)):
            self._turn_complete = True
            await self._maybe_trigger_user_turn_stopped()  # type: ignore[no-untyped-call]
