"""What is said to the client of a call beside its bot: announcements, and what rings until somebody stops it."""

from __future__ import annotations

import asyncio
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from itertools import groupby
from typing import Any, Final

from loguru import logger

from gateway.errors import GatewayError
from gateway.media.sounds import RATE, sound
from gateway.wire import messages
from gateway.wire.calls import SayCall

RING_SECONDS: Final = 120.0
"""After which nobody is there to hear it."""
PAUSE_SECONDS: Final = 2.0
"""Between rings: a device that does not hear while it speaks has to hear "stop"."""
SPEAK_EACH: Final = 3
"""It is said what rings with the first and each so many further rings."""
BOT_QUIET_SECONDS: Final = 1.0
"""Since the bot last said something, before it rings again: in a pause people may talk with it."""
MAX_WAIT_SECONDS: Final = 15.0
AHEAD_SECONDS: Final = 0.3
_PIECE_SECONDS: Final = 0.1
_REMEMBERED: Final = 64
_IT: Final = (
    r"(?:it|that|this|(?:(?:the|that|this|my) )?(?:timer|alarm|reminder)|(?:(?:the|that|this) )?"
    r"(?:ringing|beeping|noise))"
)
_STOPS: Final = re.compile(
    r"(?:(?:please|okay|ok|yes|yeah|hey|now|oh|just|alright|all right|nabu|jarvis|alexa|mycroft|computer|"
    r"(?:can|could|will|would) you) )*(?:"
    rf"(?:stop|cancel|dismiss|end|kill|silence|turn off|switch off|shut off)(?: {_IT})?|(?:turn|switch|shut) {_IT} off|"
    r"(?:timer|alarm)? ?off|make it stop|(?:be )?(?:quiet|silent)|hush|shush|sh+|shut up|mute|silence|"
    r"that's (?:enough|it)|enough|cut it out|okay|ok|alright|all ?right|fine|done|never ?mind|"
    r"(?:i )?got it|i(?:'m| am) (?:up|awake)|"
    r"i hear(?:d)?(?: (?:you|it))?|thanks|thank you"
    r")(?: (?:please|now|thanks|thank you|already|very much|so much|a lot))*"
)

Speak = Callable[[str], Coroutine[Any, Any, tuple[bytes, int]]]


def means_stop(text: str) -> bool:
    """Whether somebody who hears a ring says with this that it should stop."""
    words = "".join(c for c in text.lower() if c.isalpha() or c in " '").split()
    return _STOPS.fullmatch(" ".join(word for word, _ in groupby(words))) is not None


class Announcing:
    """Says one thing after the other, before whatever the bot says.

    Args:
        say: is given PCM and its rate.
        hush: drops what was given and is not played yet.
        send: sends a message to the client.
        speak: makes a text into PCM and its rate; raises GatewayError.
        ended: is told how each ended: its number, `done`, `stopped`, `unheard` or `failed`, and why it failed.
        session_id: for the log.
    """

    def __init__(  # noqa: PLR0913 -- a call's two ends
        self,
        say: Callable[[bytes, int], None],
        hush: Callable[[], None],
        send: Callable[[dict[str, Any]], None],
        *,
        speak: Speak,
        ended: Callable[[int, str, str], None],
        session_id: str,
    ) -> None:
        self._say, self._hush, self._send, self._speak = say, hush, send, speak
        self._ended = ended
        self._log = logger.bind(session=session_id)
        self._name = f"announce-{session_id}"
        self._waiting: OrderedDict[int, SayCall] = OrderedDict()
        self._over: OrderedDict[tuple[int, bool], tuple[str, str]] = OrderedDict()
        self._now: SayCall | None = None
        self._stopped = asyncio.Event()
        self._bot_spoke = -BOT_QUIET_SECONDS
        self._task: asyncio.Task[None] | None = None
        self.speaks = False
        """Whether it is heard now: meanwhile the bot is not."""

    @property
    def rings(self) -> bool:
        """Whether something rings."""
        return self._now is not None and self._now.until_stopped

    def put(self, call: SayCall) -> None:
        """Say this once its turn has come. What is known already is not said twice: a new front may ask again."""
        if (over := self._over.get((call.number, call.until_stopped))) is not None:
            self._ended(call.number, *over)
            return
        if call.number in self._waiting or (self._now is not None and self._now.number == call.number):
            return
        self._waiting[call.number] = call
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name=self._name)

    def bot_spoke(self) -> None:
        """The bot has just said something."""
        self._bot_spoke = time.monotonic()

    def stop(self, number: int | None = None) -> None:
        """Stop what is said or waits, or only this."""
        for waiting in [n for n in self._waiting if number in {None, n}]:
            self._settle(self._waiting.pop(waiting), "stopped")
        if self._now is not None and number in {None, self._now.number}:
            self._stopped.set()

    def stop_ringing(self) -> None:
        """Stop what rings, and leave the rest."""
        if self._now is not None and self.rings:
            self._stopped.set()

    async def close(self) -> None:
        """Say nothing any more; what is not done is told to nobody, and remains."""
        self._waiting.clear()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    # -- the work

    async def _run(self) -> None:
        while self._waiting:
            _, call = self._waiting.popitem(last=False)
            self._now = call
            self._stopped.clear()
            try:
                how, why = await self._one(call)
            finally:
                self.speaks, self._now = False, None
                if call.volume:
                    self._send(messages.command("alert", 0))
            self._settle(call, how, why)

    def _settle(self, call: SayCall, how: str, why: str = "") -> None:
        self._over[call.number, call.until_stopped] = (how, why)
        while len(self._over) > _REMEMBERED:
            self._over.popitem(last=False)
        self._ended(call.number, how, why)

    async def _one(self, call: SayCall) -> tuple[str, str]:
        """Say one thing to its end; how that was."""
        speaking = asyncio.create_task(self._spoken(call.text), name=f"{self._name}-voice")
        work = asyncio.create_task(self._said(call, speaking), name=f"{self._name}-{call.number}")
        stopped = asyncio.create_task(self._stopped.wait(), name=f"{self._name}-stop")
        if call.volume:
            self._send(messages.command("alert", call.volume))
        try:
            await asyncio.wait({work, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                self._hush()
                return "stopped", ""
            return work.result()
        finally:
            for task in (work, stopped, speaking):
                task.cancel()
            await asyncio.gather(work, stopped, speaking, return_exceptions=True)

    async def _spoken(self, text: str) -> tuple[bytes, int] | GatewayError:
        try:
            return await self._speak(text) if text else (b"", RATE)
        except GatewayError as error:
            self._log.error("what was to be said could not be: {}", error.message)
            return error

    async def _said(
        self, call: SayCall, speaking: asyncio.Task[tuple[bytes, int] | GatewayError]
    ) -> tuple[str, str]:
        deadline = time.monotonic() + RING_SECONDS
        turn = 0
        while True:
            await self._play(sound(call.sound), RATE)
            if turn % SPEAK_EACH == 0:
                spoken = await speaking
                if isinstance(spoken, GatewayError):
                    if not call.until_stopped:
                        return "failed", spoken.message
                else:
                    await self._play(*spoken)
            if not call.until_stopped:
                return "done", ""
            turn += 1
            if time.monotonic() > deadline:
                return "unheard", ""
            await self._pause()

    async def _pause(self) -> None:
        """Let people speak, and the bot."""
        self.speaks = False
        began = time.monotonic()
        wait = PAUSE_SECONDS
        while wait > 0:
            await asyncio.sleep(wait)
            wait = min(
                self._bot_spoke + BOT_QUIET_SECONDS - time.monotonic(),
                began + MAX_WAIT_SECONDS - time.monotonic(),
            )

    async def _play(self, pcm: bytes, rate: int) -> None:
        """Hand it over as it is played, and return when it has been."""
        if not pcm:
            return
        if not self.speaks:
            self._hush()  # of the bot
            self.speaks = True
        size = int(rate * _PIECE_SECONDS) * 2
        began, given = time.monotonic(), 0.0
        for start in range(0, len(pcm), size):
            piece = pcm[start : start + size]
            self._say(piece, rate)
            given += len(piece) / 2 / rate
            await asyncio.sleep(max(0.0, began + given - AHEAD_SECONDS - time.monotonic()))
        await asyncio.sleep(max(0.0, began + given - time.monotonic()))
