"""One microphone's utterances on their way through the recogniser, kept until their transcripts are there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.errors import GatewayError
from gateway.speech.framing import MAX_PAYLOAD, Kind, Message

MAX_UTTERANCE = 30 * 32_000  # bytes kept for a replay; the recogniser decodes no more either
_RESULT_SECONDS = 5.0
_TRIES = 2


class RecogniserError(GatewayError):
    """The recogniser process could not give a transcript; the call goes on without it."""

    code = "recogniser"
    status = 503


@dataclass(frozen=True, slots=True)
class Heard:
    """A transcript in lower case, empty where there were no words; `clear` says whether to trust it."""

    text: str
    clear: bool = True


@dataclass(slots=True)
class _Utterance:
    """What was said, kept until its transcript is there: a new process gets it again."""

    number: int
    result: asyncio.Future[Heard]
    audio: bytearray = field(default_factory=bytearray)
    ended: bool = False
    tries: int = 1


class SphinxStream:
    """One session's microphone: start an utterance, feed it, finish it."""

    def __init__(
        self, number: int, send: Callable[[Message], None], forget: Callable[[SphinxStream], None]
    ) -> None:
        self.number = number
        self._send = send
        self._forget = forget
        self._last = 0
        self._current: _Utterance | None = None
        self._open: dict[int, _Utterance] = {}  # begun, transcript not there yet

    def start(self) -> None:
        """Begin an utterance; one that was not finished is dropped."""
        if self._current is not None:
            self._open.pop(self._current.number, None)
        self._last += 1
        self._current = _Utterance(self._last, asyncio.get_running_loop().create_future())
        self._open[self._last] = self._current
        self._send(Message(Kind.START, self.number, self._last))

    def feed(self, pcm: bytes) -> None:
        """Some 16-bit mono PCM at 16 kHz of the utterance; ignored outside of one, and after 30 s of it."""
        if self._current is None or len(self._current.audio) >= MAX_UTTERANCE:
            return
        self._current.audio += pcm
        self._send_audio(self._current, pcm)

    def pause(self) -> None:
        """Have heard what was said so far: that is the answer if the utterance is finished before it goes on."""
        self._tell(Kind.PAUSE)

    def go_on(self) -> None:
        """The utterance goes on after a pause."""
        self._tell(Kind.ON)

    def _tell(self, kind: Kind) -> None:
        if self._current is not None:
            self._send(Message(kind, self.number, self._current.number))

    async def finish(self) -> Heard:
        """End the utterance; what was heard in it.

        Raises RecogniserError where the recogniser died twice over it, or takes longer than 5 s.
        """
        utterance, self._current = self._current, None
        if utterance is None:
            return Heard("")
        utterance.ended = True
        self._send(Message(Kind.END, self.number, utterance.number))
        try:
            return await asyncio.wait_for(utterance.result, _RESULT_SECONDS)
        except TimeoutError:
            raise RecogniserError(f"no transcript after {_RESULT_SECONDS:g} s") from None
        finally:
            self._open.pop(utterance.number, None)

    def close(self) -> None:
        """Give the stream back."""
        self._current = None
        self.fail("the stream was closed")
        self._forget(self)

    def replay(self) -> None:
        """Say everything open again to a new recogniser process; give up what already killed two."""
        for utterance in list(self._open.values()):
            utterance.tries += 1
            if utterance.tries > _TRIES:
                self._fail(utterance, "the recogniser died twice over this utterance")
                continue
            self._send(Message(Kind.START, self.number, utterance.number))
            self._send_audio(utterance, bytes(utterance.audio))
            if utterance.ended:
                self._send(Message(Kind.END, self.number, utterance.number))

    def settle(self, message: Message) -> None:
        """Take an answer of the recogniser; one to an utterance that was dropped is ignored."""
        utterance = self._open.get(message.utterance)
        if utterance is None or utterance.result.done():
            return
        text = message.payload.decode()
        if message.kind is Kind.FAILED:
            self._fail(utterance, text)
        else:
            utterance.result.set_result(Heard(text, clear=message.kind is Kind.RESULT))

    def fail(self, why: str) -> None:
        """Give up everything open."""
        for utterance in list(self._open.values()):
            self._fail(utterance, why)

    def _fail(self, utterance: _Utterance, why: str) -> None:
        if utterance.ended and not utterance.result.done():
            utterance.result.set_exception(RecogniserError(why))
        elif not utterance.ended:
            self._open.pop(utterance.number, None)
            self._current = None if self._current is utterance else self._current

    def _send_audio(self, utterance: _Utterance, pcm: bytes) -> None:
        for start in range(0, len(pcm), MAX_PAYLOAD):
            piece = pcm[start : start + MAX_PAYLOAD]
            self._send(Message(Kind.AUDIO, self.number, utterance.number, piece))
