"""A Wyoming server as people write them: the protocol's own classes, around engines that need no download.

The servers that people run (faster-whisper, piper) load models from a hub when they start, which tests can't.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from wyoming.asr import Transcribe, Transcript
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.error import Error
from wyoming.event import Event
from wyoming.info import (
    AsrModel,
    AsrProgram,
    Attribution,
    Describe,
    Info,
    TtsProgram,
    TtsVoice,
    WakeModel,
    WakeProgram,
)
from wyoming.server import AsyncEventHandler, AsyncServer
from wyoming.tts import Synthesize
from wyoming.wake import Detect, Detection

from gateway.media.words import Spotter
from gateway.speech.flite import SAMPLE_RATE, VOICES, Flite

_BY = Attribution(name="voicegw's tests", url="")
_ABOUT: dict[str, Any] = {"attribution": _BY, "installed": True, "description": "", "version": "1"}


@dataclass
class Asked:
    """What a server does, and what it was asked."""

    hear: Callable[[bytes], str] | None = None
    speaks: bool = False
    spots: Callable[[], Spotter] | None = None
    fails: str = ""
    url: str = ""
    transcribe: list[Transcribe] = field(default_factory=list)
    synthesize: list[Synthesize] = field(default_factory=list)
    detect: list[Detect] = field(default_factory=list)


class Engines(AsyncEventHandler):
    """One client."""

    def __init__(self, asked: Asked, *streams: Any) -> None:
        super().__init__(*streams)
        self._asked = asked
        self._pcm = b""
        self._spotter = asked.spots() if asked.spots is not None else None

    async def handle_event(self, event: Event) -> bool:
        """Do what it asks for; whether there may be more."""
        if Describe.is_type(event.type):
            await self.write_event(info(self._asked).event())
        elif self._asked.fails:
            await self.write_event(Error(text=self._asked.fails).event())
        elif Transcribe.is_type(event.type):
            self._asked.transcribe.append(Transcribe.from_event(event))
        elif Detect.is_type(event.type):
            self._asked.detect.append(Detect.from_event(event))
        elif Synthesize.is_type(event.type):
            await self._speak(Synthesize.from_event(event))
        else:
            await self._hear(event)
        return True

    async def _hear(self, event: Event) -> None:
        if AudioChunk.is_type(event.type) and self._spotter is not None:
            for word in self._spotter.heard(AudioChunk.from_event(event).audio):
                await self.write_event(Detection(name=f"{word}_v0.1").event())
        elif AudioChunk.is_type(event.type):
            self._pcm += AudioChunk.from_event(event).audio
        elif AudioStop.is_type(event.type) and self._asked.hear is not None:
            pcm, self._pcm = self._pcm, b""
            text = await asyncio.to_thread(self._asked.hear, pcm)
            await self.write_event(Transcript(text=text).event())

    async def _speak(self, asked: Synthesize) -> None:
        self._asked.synthesize.append(asked)
        voice = asked.voice.name if asked.voice is not None and asked.voice.name else VOICES[0]
        pcm = Flite(voice).speak(asked.text)
        form: dict[str, Any] = {"rate": SAMPLE_RATE, "width": 2, "channels": 1}
        await self.write_event(AudioStart(**form).event())
        for at in range(0, len(pcm), 2048):
            await self.write_event(AudioChunk(audio=pcm[at : at + 2048], **form).event())
        await self.write_event(AudioStop().event())


def info(asked: Asked) -> Info:
    """What it tells of itself."""
    model = AsrModel(name="sphinx", languages=["en"], **_ABOUT)
    voices = [TtsVoice(name=name, languages=["en"], **_ABOUT) for name in VOICES]
    wake = WakeModel(name="alexa_v0.1", languages=["en"], phrase="alexa", **_ABOUT)
    return Info(
        asr=[AsrProgram(name="sphinx", models=[model], **_ABOUT)] if asked.hear is not None else [],
        tts=[TtsProgram(name="flite", voices=voices, **_ABOUT)] if asked.speaks else [],
        wake=[WakeProgram(name="spotter", models=[wake], **_ABOUT)] if asked.spots is not None else [],
    )


@contextlib.asynccontextmanager
async def serving(asked: Asked, url: str = "") -> AsyncIterator[Asked]:
    """Run one on loopback for the length of the block."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    asked.url = url or f"tcp://127.0.0.1:{port}"
    server = AsyncServer.from_uri(asked.url)
    await server.start(partial(Engines, asked))
    try:
        yield asked
    finally:
        await server.stop()


@contextlib.asynccontextmanager
async def saying(words: bytes, *, reads: bool = True, endless: bool = False) -> AsyncIterator[str]:
    """A server of something else, or an ill one: says `words` to whoever connects, and hangs up; gives its URL.

    One that does not read stays silent, and keeps its clients. An endless one says it again until they leave.
    """
    gone = asyncio.Event()

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if reads:
            await reader.read(65_536)
            writer.write(words)
            with contextlib.suppress(ConnectionError):
                while endless:
                    await writer.drain()
                    writer.write(words)
            writer.close()
        else:
            writer.transport.pause_reading()  # type: ignore[attr-defined]
            await gone.wait()
            writer.transport.abort()

    server = await asyncio.start_server(one, "127.0.0.1", 0)
    try:
        yield f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        gone.set()
        server.close()
