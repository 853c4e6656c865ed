"""Engines over the Wyoming protocol, as people of Home Assistant run them: faster-whisper, piper and their like.

One connection an utterance or sentence, as Home Assistant does: a server that was restarted costs nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from loguru import logger
from pipecat.frames.frames import ErrorFrame, Frame, TranscriptionFrame
from pipecat.services.settings import STTSettings, TTSSettings
from pipecat.services.stt_service import SegmentedSTTService
from pipecat.services.tts_service import TTSService
from pipecat.utils.time import time_now_iso8601

from gateway.errors import ConfigError, GatewayError
from gateway.sections import EngineSpec
from gateway.speech.catalogue import Kind
from ground import installing

if TYPE_CHECKING:
    from wyoming.client import AsyncTcpClient
    from wyoming.event import Event

OPTIONS: Final = {
    "stt": frozenset({"url", "model", "language", "timeout_s"}),
    "tts": frozenset({"url", "voice", "speaker", "language", "timeout_s"}),
}
_RATE: Final = 16_000
_PIECE: Final = 2 * _RATE // 10
_LOOK_SECONDS: Final = 3.0
_IS: Final = {"stt": "asr", "tts": "tts"}
_LEAVE_SECONDS: Final = 1.0
_MOST_EVENTS: Final = 20_000
_MOST_SECONDS: Final = 300
"""Of sound, for one sentence."""
"""For a connection to close: one whose server does not read never would."""
_RATES: Final = range(8_000, 96_001)
_ODD: Final = (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError, ArithmeticError)
"""What its client makes of a server that breaks off, or says what is not of the protocol."""
_TTFS_P99: Final = 1.0
"""Until the transcript, from the end of speech; depends on the model, and on whose machine it runs."""


class WyomingError(GatewayError):
    """A Wyoming server could not be asked."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where one listens, and how long it may take to say the next thing."""

    host: str
    port: int
    timeout_s: float

    def __str__(self) -> str:
        return f"tcp://{self.host}:{self.port}"


def server(kind: Kind, spec: EngineSpec) -> Server:
    """The server of these options.

    Raises:
        ConfigError: there is no such one, or the client is not installed.
    """
    if find_spec("wyoming") is None:
        raise ConfigError(f"{kind} 'wyoming' is not installed", remedy=installing.line("wyoming>=1.8,<2"))
    url, timeout = str(spec.options.get("url", "")), spec.options.get("timeout_s", 15)
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not url.startswith("tcp://") or not host or not port:
        raise ConfigError(
            f"{kind} 'wyoming': {url or 'no url'} is no server", remedy='url = "tcp://127.0.0.1:10300", say'
        )
    if not isinstance(timeout, int | float) or not 0 < timeout <= 120:
        raise ConfigError(f"{kind} 'wyoming': timeout_s is {timeout}", remedy="give seconds, up to 120")
    return Server(host, port, float(timeout))


def check(kind: Kind, spec: EngineSpec) -> None:
    """Find out whether a server can do this; one that is away is a warning, and is asked again. Blocks.

    Raises:
        ConfigError: it is no such engine, or has no such model or voice.
    """
    asked = server(kind, spec)
    try:
        names = asyncio.run(asyncio.wait_for(_names(kind, asked), _LOOK_SECONDS))
    except (WyomingError, TimeoutError):
        logger.warning("{} at {} does not answer: nothing of it works until it does", kind, asked)
        return
    if not names:
        raise ConfigError(
            f"{kind} 'wyoming': the server at {asked} does other things", remedy="look at its port"
        )
    wanted = spec.options.get("model" if kind == "stt" else "voice")
    if wanted is not None and wanted not in names:
        raise ConfigError(
            f"{kind} 'wyoming': {asked} has no {wanted}", remedy=f"it has {', '.join(sorted(names)[:20])}"
        )
    logger.info("{} by {}: {}", kind, asked, ", ".join(sorted(names)[:5]))


async def _names(kind: Kind, asked: Server) -> set[str]:
    """The models or voices that a server has for this."""
    from wyoming.info import Describe, Info  # noqa: PLC0415 -- an extra

    async with _talk(asked, [Describe().event()]) as events:
        async for event in events:
            if Info.is_type(event.type):
                programs = getattr(Info.from_event(event), _IS[kind])
                found = [p.models if kind == "stt" else p.voices for p in programs]
                return {str(item.name) for items in found for item in items}
    return set()


@asynccontextmanager
async def _talk(asked: Server, events: list[Event]) -> AsyncIterator[AsyncIterator[Event]]:
    """What a server answers to these, until it closes or the reader has enough.

    Raises:
        WyomingError: it does not answer, or in time, or says that it can't, or what can't be read.
    """
    try:
        async with aclosing(_answers(asked, events)) as answers:
            yield answers
    except TimeoutError:
        raise WyomingError(f"the server at {asked} gave no answer within {asked.timeout_s:g} s") from None
    except _ODD as error:
        raise WyomingError(f"the server at {asked} can't be asked: {error!r}") from None


async def _answers(asked: Server, events: list[Event]) -> AsyncGenerator[Event, None]:
    from wyoming.client import AsyncTcpClient  # noqa: PLC0415 -- an extra
    from wyoming.error import Error  # noqa: PLC0415

    client: AsyncTcpClient = AsyncTcpClient(asked.host, asked.port)
    try:
        async with asyncio.timeout(asked.timeout_s):
            await client.connect()
            for event in events:
                await client.write_event(event)
        for _ in range(_MOST_EVENTS):
            answer = await asyncio.wait_for(client.read_event(), asked.timeout_s)
            if answer is None:
                return
            if Error.is_type(answer.type):
                raise WyomingError(f"the server at {asked} says: {Error.from_event(answer).text}")
            yield answer
        raise WyomingError(f"the server at {asked} comes to no end")
    finally:
        with suppress(OSError):  # which a TimeoutError is
            await asyncio.wait_for(client.disconnect(), _LEAVE_SECONDS)


class WyomingSTTService(SegmentedSTTService):
    """Has each stretch of speech that the VAD marks transcribed by a Wyoming server."""

    def __init__(self, spec: EngineSpec) -> None:
        self._asked = server("stt", spec)
        self._model, self._spoken = spec.options.get("model"), spec.options.get("language")
        super().__init__(
            sample_rate=_RATE,
            ttfs_p99_latency=_TTFS_P99,
            settings=STTSettings(model=str(self._model or "wyoming"), language=None),
        )

    @property
    def wants_wav_segments(self) -> bool:
        """False: samples go as they are."""
        return False

    def can_generate_metrics(self) -> bool:
        """True: the time from end of speech to transcript is measured."""
        return True

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame | None, None]:
        """The transcript of a stretch of 16 kHz mono 16-bit PCM, or an ErrorFrame."""
        from wyoming.asr import Transcribe, Transcript  # noqa: PLC0415 -- an extra
        from wyoming.audio import AudioChunk, AudioStart, AudioStop  # noqa: PLC0415

        form: dict[str, Any] = {"rate": self.sample_rate, "width": 2, "channels": 1}
        pieces = (audio[at : at + _PIECE] for at in range(0, len(audio), _PIECE))
        events = [
            Transcribe(name=self._model, language=self._spoken).event(),
            AudioStart(**form).event(),
            *(AudioChunk(audio=piece, **form).event() for piece in pieces),
            AudioStop().event(),
        ]
        await self.start_processing_metrics()
        try:
            async with _talk(self._asked, events) as answer:
                async for event in answer:
                    if Transcript.is_type(event.type):
                        if text := Transcript.from_event(event).text.strip():
                            yield TranscriptionFrame(text, self._user_id, time_now_iso8601())
                        break
                else:
                    yield ErrorFrame(error=f"the server at {self._asked} has heard nothing, and hung up")
        except WyomingError as error:
            yield ErrorFrame(error=error.message)
        await self.stop_processing_metrics()


class WyomingTTSService(TTSService):
    """Has each sentence spoken by a Wyoming server; what it says begins to sound with its first piece."""

    def __init__(self, spec: EngineSpec) -> None:
        self._asked = server("tts", spec)
        self._options = spec.options
        super().__init__(
            push_start_frame=True,
            push_stop_frames=True,
            sample_rate=_RATE,
            settings=TTSSettings(model="wyoming", voice=spec.options.get("voice"), language=None),
        )

    def can_generate_metrics(self) -> bool:
        """True: time to first audio is measured."""
        return True

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        """The speech of one sentence, as it comes."""
        from wyoming.tts import Synthesize, SynthesizeVoice  # noqa: PLC0415 -- an extra

        named = {
            key: self._options[name]
            for key, name in (("name", "voice"), ("speaker", "speaker"), ("language", "language"))
            if name in self._options
        }
        asked = Synthesize(text=text, voice=SynthesizeVoice(**named) if named else None).event()
        await self.start_tts_usage_metrics(text)
        try:
            async with _talk(self._asked, [asked]) as answer:
                speech = _Speech(self._asked, answer)
                rate = await speech.rate()
                async for frame in self._stream_audio_frames_from_iterator(
                    speech.pieces(), in_sample_rate=rate, context_id=context_id
                ):
                    await self.stop_ttfb_metrics()
                    yield frame
        except WyomingError as error:
            yield ErrorFrame(error=error.message)


class _Speech:
    """The sound in a server's answer."""

    def __init__(self, asked: Server, events: AsyncIterator[Event]) -> None:
        self._asked, self._events = asked, events
        self._first = b""
        self._left = 0

    async def rate(self) -> int:
        """Of the samples, once the first have come. Raises WyomingError."""
        from wyoming.audio import AudioChunk, AudioStop  # noqa: PLC0415 -- an extra

        async for event in self._events:
            if AudioChunk.is_type(event.type):
                chunk = AudioChunk.from_event(event)
                if (chunk.width, chunk.channels) != (2, 1) or chunk.rate not in _RATES:
                    form = f"{chunk.channels} channels, {chunk.width} bytes a sample and {chunk.rate} Hz"
                    raise WyomingError(f"the server at {self._asked} has a voice of {form}")
                self._first = chunk.audio
                self._left = 2 * chunk.rate * _MOST_SECONDS
                return int(chunk.rate)
            if AudioStop.is_type(event.type):
                return _RATE
        raise WyomingError(f"the server at {self._asked} has said nothing, and hung up")

    async def pieces(self) -> AsyncIterator[bytes]:
        """The samples. Raises WyomingError."""
        from wyoming.audio import AudioChunk, AudioStop  # noqa: PLC0415 -- an extra

        if not self._first:
            return
        yield self._first
        async for event in self._events:
            if AudioChunk.is_type(event.type):
                piece = AudioChunk.from_event(event).audio
                self._left -= len(piece)
                if self._left < 0:
                    raise WyomingError(f"the server at {self._asked} comes to no end")
                yield piece
            elif AudioStop.is_type(event.type):
                return


def make_stt(spec: EngineSpec) -> WyomingSTTService:
    """The recogniser of these options; raises ConfigError."""
    return WyomingSTTService(spec)


def make_tts(spec: EngineSpec) -> WyomingTTSService:
    """The voice of these options; raises ConfigError."""
    return WyomingTTSService(spec)
