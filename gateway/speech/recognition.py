"""The recogniser as a Pipecat service: it decodes while you speak."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack

from pipecat.frames.frames import (
    Frame,
    StartFrame,
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameDirection
from pipecat.services.settings import STTSettings
from pipecat.services.stt_service import STTService
from pipecat.transcriptions.language import Language
from pipecat.utils.time import time_now_iso8601

from gateway.speech.language_model import LanguageModel
from gateway.speech.pauses import PauseFrame, WentOnFrame
from gateway.speech.sphinx import Beside, shared_engine
from gateway.speech.sphinx_stream import Heard, RecogniserError, SphinxStream

SAMPLE_RATE = 16_000
UNCLEAR = "[unclear]"
BEFORE_SPEECH = SAMPLE_RATE  # bytes: 0.5 s; the VAD says "speech" 0.1 s after it began (settings.Hearing)
# Seconds from the end of speech to the transcript: 0.2 of VAD silence, then the last pass. docs/speech.md.
TTFS_P99 = 0.35
TTFS_P99_OF_BOTH = 0.8


class SphinxSTTService(STTService):
    """Transcribes each stretch of speech that the VAD marks. Needs VAD frames, and audio at 16 kHz.

    Pushes one finalised TranscriptionFrame for each stretch in which there were words, none for noise.
    A recogniser that dies costs an ErrorFrame at most; the session goes on.
    """

    def __init__(self, model: LanguageModel, beside: Beside | None = None) -> None:
        super().__init__(
            sample_rate=SAMPLE_RATE,
            ttfs_p99_latency=TTFS_P99 if beside is None else TTFS_P99_OF_BOTH,
            settings=STTSettings(model="pocketsphinx", language=Language.EN),
        )
        self._model, self._beside = model, beside
        self._resources = AsyncExitStack()
        self._stream: SphinxStream | None = None
        self._speech = False
        self._before = bytearray()

    def can_generate_metrics(self) -> bool:
        """True: the time from end of speech to transcript is measured."""
        return True

    async def start(self, frame: StartFrame) -> None:
        """Take a stream of the shared recogniser."""
        await super().start(frame)
        engine = await self._resources.enter_async_context(shared_engine(self._model, self._beside))
        self._stream = engine.open()
        self._resources.callback(self._stream.close)

    async def cleanup(self) -> None:
        """Give the stream back."""
        await super().cleanup()  # type: ignore[no-untyped-call] # Pipecat leaves it untyped
        self._stream = None
        await self._resources.aclose()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """As Pipecat's; at a pause what was said is heard already."""
        if self._stream is not None and isinstance(frame, PauseFrame):
            self._stream.pause()
        elif self._stream is not None and isinstance(frame, WentOnFrame):
            self._stream.go_on()
        await super().process_frame(frame, direction)

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame | None, None]:
        """Feed the recogniser; what it heard comes when the VAD says that speech ended."""
        if self._stream is not None and self._speech:
            self._stream.feed(audio)
        else:
            self._before += audio
            del self._before[:-BEFORE_SPEECH]
        yield None

    async def _handle_vad_user_started_speaking(self, frame: VADUserStartedSpeakingFrame) -> None:
        await super()._handle_vad_user_started_speaking(frame)
        if self._stream is not None:
            self._speech = True
            self._stream.start()
            self._stream.feed(bytes(self._before))
            self._before.clear()

    async def _handle_vad_user_stopped_speaking(self, frame: VADUserStoppedSpeakingFrame) -> None:
        await super()._handle_vad_user_stopped_speaking(frame)
        if self._stream is not None and self._speech:
            self._speech = False
            self.create_task(self._transcribe(self._stream), "transcribe")

    async def _transcribe(self, stream: SphinxStream) -> None:
        try:
            heard = await stream.finish()
        except RecogniserError as error:
            await self.push_error(f"speech recognition: {error.message}")
            return
        text = transcript(heard)
        if text:
            frame = TranscriptionFrame(text, self._user_id, time_now_iso8601(), Language.EN, finalized=True)
            await self.push_frame(frame)


def transcript(heard: Heard) -> str:
    """What to pass on of what was heard: nothing for a single unclear word, which is noise.

    More unclear words get a mark that no intent matches: they are shown, and not acted on.
    """
    if heard.clear:
        return heard.text
    return f"{UNCLEAR} {heard.text}" if " " in heard.text else ""
