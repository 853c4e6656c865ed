"""Answers what our intents understand, in the place of a language model or in front of one."""

from __future__ import annotations

import contextlib
import math
import random
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from time import monotonic

from loguru import logger
from pipecat.frames.frames import (
    CancelFrame,
    EndFrame,
    Frame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    OutputAudioRawFrame,
    TTSSpeakFrame,
)
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.processors.frameworks.rtvi.frames import RTVIClientMessageFrame, RTVIServerMessageFrame

from gateway.errors import GatewayError
from gateway.speech.home_assistant import Home, Said
from gateway.speech.meaning.intents import Intent, Recogniser
from gateway.speech.meaning.reply import (
    Action,
    CancelTimers,
    Context,
    KeepResult,
    Reply,
    SetVolume,
    StartTimer,
    StopRinging,
    Timer,
)
from gateway.speech.meaning.skills import NOT_UNDERSTOOD, answer
from gateway.speech.meaning.timer_skills import ring_text
from gateway.speech.meaning.understanding import UNCLEAR, Understanding, is_to_it
from gateway.speech.timers import Asked, KeptTimers, Timers

DEVICE_STATE = "device-state"  # the type of a device's RTVI client message: {"volume": 0..100}
ATTENTION = (
    "device-attention"  # of what the gateway tells of a device that waits for its word (docs/protocol.md)
)
_RATE = 16_000
NO_HOME = "I can't reach the smart home just now."
NOT_NOW = "Sorry, I can't do that just now."
_FOR_A_MODEL = frozenset({"SmartHome", "Unavailable"})  # what we only refuse, a model may have a tool for
_KEPT_MESSAGES = 40  # of the conversation: a device's call may last for months


@dataclass(slots=True)
class CallState:
    """What a call remembers between turns; volume in percent."""

    volume: int = 70
    before_mute: int = 70
    last_heard: str = ""
    last_said: str = ""
    result: Fraction | None = None
    rng: random.Random = field(default_factory=random.Random)

    def set_volume(self, percent: int) -> None:
        """Keep a volume; one above zero is what unmuting comes back to."""
        self.volume = percent
        self.before_mute = percent or self.before_mute


class Dialogue(FrameProcessor):
    """Turns the user's finished turn into a reply and device commands.

    Stands where a pipeline has its LLM. What no intent covers goes on to the LLM behind it if `has_llm`;
    else it says that it did not understand, where that was plainly said to it: after its word, or as a request.
    `before` is what was heard and said last in the call before.
    """

    def __init__(  # noqa: PLR0913 -- what is around it, by name
        self,
        recogniser: Recogniser,
        now: Callable[[], datetime],
        *,
        has_llm: bool = False,
        volume: int = 70,
        gateway: Asked | None = None,
        home: Home | None = None,
        before: tuple[str, str] = ("", ""),
    ) -> None:
        super().__init__(name="Dialogue")
        self._understanding = Understanding(recogniser)
        self._called = False
        self._now = now
        self._has_llm = has_llm
        self._home = home
        self._state = CallState(volume, volume or 70, last_heard=before[0], last_said=before[1])
        self._timers = Timers(self._ring) if gateway is None else KeptTimers(gateway)

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Answer a context frame or pass it on; take a device's state; pass all else."""
        await super().process_frame(frame, direction)
        if isinstance(frame, EndFrame | CancelFrame):
            await self._close()
        elif isinstance(frame, RTVIClientMessageFrame) and frame.type == DEVICE_STATE:
            self._take_state(frame.data)
        elif isinstance(frame, RTVIClientMessageFrame) and frame.type == ATTENTION:
            self._take_attention(frame.data)
        elif isinstance(frame, LLMContextFrame) and direction is FrameDirection.DOWNSTREAM:
            trim(frame.context)
            if await self._answer(last_user_text(frame.context)):
                return
        await self.push_frame(frame, direction)

    def is_whole(self, heard: str) -> bool:
        """Whether it asks for something that can be done here, with nothing left to say."""
        return self._understanding.is_whole(heard, monotonic())

    async def cleanup(self) -> None:
        """Cancel what still runs."""
        await super().cleanup()  # type: ignore[no-untyped-call] # Pipecat leaves it untyped
        await self._close()

    async def _close(self) -> None:
        await self._timers.close()
        if self._home is not None:
            await self._home.close()

    async def _answer(self, heard: str) -> bool:
        """Reply to `heard`; whether that settles it."""
        called, self._called = self._called, False
        intents = self._understanding.intents(heard, monotonic())
        of_home = any(intent.name == "SmartHome" for intent in intents)
        home = await self._at_home(heard, intents, of_home=of_home)
        if home is not None and (home.known or of_home):
            await self._say(home.text)
        elif self._has_llm and all(intent.name in _FOR_A_MODEL for intent in intents):
            self._state.last_heard, self._state.last_said = heard, ""
            return False
        elif not intents and (is_to_it(heard) or (called and len(heard.split()) > 1)):
            if not await self._rings():  # else it was to that, "turn it off" say, and is done
                await self._say(NOT_UNDERSTOOD if home is None else home.text)
        else:
            await self._say(" ".join(filter(None, [await self._do(intent) for intent in intents])))
        self._state.last_heard = heard or self._state.last_heard
        return True

    async def _rings(self) -> bool:
        return any(timer.rings for timer in await self._if_known())

    async def _if_known(self) -> tuple[Timer, ...]:
        try:
            return await self._timers.list()
        except GatewayError:
            return ()

    async def _do(self, intent: Intent) -> str:
        """Do what is asked for; gives what to say of it."""
        try:
            reply = await self._reply(intent)
            for action in reply.actions:
                await self._act(action)
        except GatewayError:
            return NOT_NOW
        return reply.text

    async def _reply(self, intent: Intent) -> Reply:
        state = self._state
        context = Context(
            now=self._now(),
            rng=state.rng,
            volume=state.volume,
            before_mute=state.before_mute,
            timers=await self._timers_for(intent),
            last_heard=state.last_heard,
            last_said=state.last_said,
            result=state.result,
        )
        return answer(intent, context)

    async def _timers_for(self, intent: Intent) -> tuple[Timer, ...]:
        if intent.name == "Mute":  # which needs them no more than to know what is meant
            return await self._if_known()
        return await self._timers.list() if intent.name.startswith(("Timer", "Alarm")) else ()

    async def _at_home(self, heard: str, intents: list[Intent], *, of_home: bool) -> Said | None:
        """What a smart home says to it; `None` where there is none, or it is nothing for it."""
        if (
            self._home is None
            or UNCLEAR in heard
            or not (of_home or (not intents and len(heard.split()) > 1))
        ):
            return None
        try:
            return await self._home.ask(heard)
        except GatewayError as error:
            logger.warning("{}", error.message)
            return Said(NO_HOME) if of_home else None

    async def _say(self, text: str) -> None:
        if not text:
            return
        self._state.last_said = text
        await self.push_frame(LLMFullResponseStartFrame())
        await self.push_frame(LLMTextFrame(text))
        await self.push_frame(LLMFullResponseEndFrame())

    async def _act(self, action: Action) -> None:
        match action:
            case SetVolume(percent):
                self._state.set_volume(percent)
                await self._command("volume", percent)
            case StartTimer():
                await self._timers.start(action)
            case KeepResult(value):
                self._state.result = value
            case CancelTimers(numbers):
                await self._timers.cancel(numbers)
            case StopRinging():
                with contextlib.suppress(GatewayError):  # a bot that is told to stop does, whoever is away
                    await self._timers.stop_ringing()

    async def _command(self, command: str, value: int) -> None:
        await self.push_frame(
            RTVIServerMessageFrame(data={"type": "device-command", "command": command, "value": value})
        )

    async def _ring(self, timer: Timer) -> None:
        tone = ring_tone()
        await self.push_frame(OutputAudioRawFrame(audio=tone, sample_rate=_RATE, num_channels=1))
        await self.push_frame(TTSSpeakFrame(ring_text(timer)))

    def _take_attention(self, data: object) -> None:
        """What comes after its word is to it, and an apology is due where it is not understood."""
        if isinstance(data, dict):
            self._called = data.get("by") is not None or (self._called and data.get("state") != "asleep")

    def _take_state(self, data: object) -> None:
        volume = data.get("volume") if isinstance(data, dict) else None
        if isinstance(volume, int) and 0 <= volume <= 100:
            self._state.set_volume(volume)


def last_user_text(context: LLMContext) -> str:
    """What the user said last, as text; empty where the last message isn't the user's."""
    messages = context.get_messages()
    last = messages[-1] if messages else None
    if not isinstance(last, dict) or last.get("role") != "user":
        return ""
    content = last.get("content")
    if isinstance(content, str):
        return content.strip()
    parts = content if isinstance(content, list) else []
    return " ".join(str(part["text"]) for part in parts if isinstance(part, dict) and "text" in part).strip()


def trim(context: LLMContext) -> None:
    """Forget the oldest messages beyond the last 40, up to one of the user's: a tool's result needs its call."""
    messages = context.get_messages()
    if len(messages) > _KEPT_MESSAGES:
        kept = messages[-_KEPT_MESSAGES:]
        first = next((n for n, m in enumerate(kept) if isinstance(m, dict) and m.get("role") == "user"), 0)
        context.set_messages(kept[first:])


def ring_tone() -> bytes:
    """Three short notes, 16-bit mono PCM at 16 kHz, 0.66 s, ending in silence."""
    out = array("h")
    for frequency in (880.0, 1108.7, 1318.5):
        length = _RATE * 18 // 100
        for n in range(length):
            fade = min(1.0, n / 160, (length - n) / 1600)
            out.append(int(9000 * fade * math.sin(2 * math.pi * frequency * n / _RATE)))
        out.extend([0] * (_RATE * 4 // 100))
    return out.tobytes()
