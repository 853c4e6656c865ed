"""The voice that needs no key: a synthesiser that is installed, and the Pipecat service around it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Protocol

from pipecat.frames.frames import ErrorFrame, Frame
from pipecat.services.settings import TTSSettings
from pipecat.services.tts_service import TTSService

from gateway.errors import ConfigError
from gateway.speech import espeak, flite


class Synthesiser(Protocol):
    """Text to 16-bit mono PCM at `sample_rate`; blocks; may be called from any thread."""

    name: str
    sample_rate: int

    def speak(self, text: str) -> bytes:
        """`text` as PCM, silence trimmed; no bytes where there is nothing to say."""
        ...

    def stream(self, text: str, take: Callable[[bytes], bool | None]) -> None:
        """Likewise, each piece given to `take` as soon as it is there, until that says that it was enough."""
        ...


def make_synthesiser(voice: str | None = None) -> Synthesiser:
    """Flite, or espeak-ng where flite isn't installed.

    Raises ConfigError, with the line that installs flite, where neither can be had, or where a flite
    voice was asked for by name and flite isn't there.
    """
    if voice is not None or flite.available():
        return flite.Flite(voice or flite.DEFAULT_VOICE)
    try:
        return espeak.Espeak()
    except ConfigError as error:
        raise ConfigError(
            f"no speech synthesiser: libflite1 is not installed, and {error.message}", remedy=flite.INSTALL
        ) from error


class LocalTTSService(TTSService):
    """Speaks with a local synthesiser, sentence by sentence, off the event loop."""

    def __init__(self, synthesiser: Synthesiser) -> None:
        super().__init__(
            push_start_frame=True,
            push_stop_frames=True,
            sample_rate=flite.SAMPLE_RATE,
            settings=TTSSettings(model=synthesiser.name, voice=synthesiser.name, language="en"),
        )
        self._synthesiser = synthesiser

    def can_generate_metrics(self) -> bool:
        """True: time to first audio is measured."""
        return True

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        """The speech of one sentence, from the first piece that there is of it."""
        await self.start_tts_usage_metrics(text)
        try:
            async for frame in self._stream_audio_frames_from_iterator(
                pieces(self._synthesiser, text),
                in_sample_rate=self._synthesiser.sample_rate,
                context_id=context_id,
            ):
                await self.stop_ttfb_metrics()
                yield frame
        except OSError as error:
            yield ErrorFrame(error=f"speech synthesis failed: {error}")


async def pieces(synthesiser: Synthesiser, text: str) -> AsyncGenerator[bytes]:
    """The speech of a sentence, synthesised on a thread; whoever takes no more of it ends that."""
    loop, found = asyncio.get_running_loop(), asyncio.Queue[bytes]()
    wanted = True

    def take(pcm: bytes) -> bool:
        if wanted:
            loop.call_soon_threadsafe(found.put_nowait, pcm)
        return not wanted

    speaking = loop.run_in_executor(None, synthesiser.stream, text, take)
    speaking.add_done_callback(lambda _: found.put_nowait(b""))
    try:
        while piece := await found.get():
            yield piece
        await speaking
    finally:
        wanted = False
