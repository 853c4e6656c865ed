"""The voice that needs no key: a synthesiser that is installed, and the Pipecat service around it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Protocol

from pipecat.frames.frames import ErrorFrame, Frame
from pipecat.services.settings import TTSSettings
from pipecat.services.tts_service import TTSService

from gateway.errors import ConfigError
from gateway.speech import espeak, flite

_PIECES_PER_SECOND = 50  # 20 ms, what a device is sent at a time


class Synthesiser(Protocol):
    """Text to 16-bit mono PCM at `sample_rate`; blocks; may be called from any thread."""

    name: str
    sample_rate: int

    def speak(self, text: str) -> bytes:
        """`text` as PCM, silence trimmed; no bytes where there is nothing to say."""
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
        """The speech of one sentence, as audio frames of 20 ms."""
        try:
            pcm = await asyncio.to_thread(self._synthesiser.speak, text)
        except OSError as error:
            yield ErrorFrame(error=f"speech synthesis failed: {error}")
            return
        await self.start_tts_usage_metrics(text)
        async for frame in self._stream_audio_frames_from_iterator(
            _pieces(pcm, self._synthesiser.sample_rate),
            in_sample_rate=self._synthesiser.sample_rate,
            context_id=context_id,
        ):
            await self.stop_ttfb_metrics()
            yield frame


async def _pieces(pcm: bytes, rate: int) -> AsyncIterator[bytes]:
    size = rate // _PIECES_PER_SECOND * 2
    for start in range(0, len(pcm), size):
        yield pcm[start : start + size]
