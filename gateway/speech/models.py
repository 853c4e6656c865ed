"""Voice activity and end of turn: the models that Pipecat bundles, in less memory than Pipecat opens them in.

To be imported after `settings.without_telemetry()`: onnxruntime reads the environment when it is imported. Private
details of Pipecat's are touched here; `tests/speech/test_models.py` fails when its version moves.
"""

from __future__ import annotations

import asyncio
import ctypes
import time
from importlib.resources import files
from typing import Any

import numpy as np
import onnxruntime
from loguru import logger
from numpy.typing import NDArray
from pipecat.audio.turn.base_turn_analyzer import EndOfTurnState
from pipecat.audio.turn.smart_turn.base_smart_turn import (
    BaseSmartTurn,
    SmartTurnParams,
    SmartTurnTimeoutException,
)
from pipecat.audio.turn.smart_turn.local_smart_turn_v3 import LocalSmartTurnAnalyzerV3
from pipecat.audio.vad.silero import SileroOnnxModel, SileroVADAnalyzer
from pipecat.audio.vad.vad_analyzer import VADAnalyzer, VADParams, VADState
from pipecat.metrics.metrics import MetricsData, TurnMetricsData

from gateway.environment import engine_socket
from gateway.speech import turns
from gateway.speech.framing import FramingError
from gateway.speech.gain import Gain

CHECKED = "1.14.0"  # pipecat-ai

_VAD = files("pipecat.audio.vad.data") / "silero_vad.onnx"
_SILENCE = np.zeros(2_080, np.int16)  # 0.13 s at 16 kHz: with it a pause sounds like an end (docs/speech.md)
_TURN = files("pipecat.audio.turn.smart_turn.data") / "smart-turn-v3.2-cpu.onnx"


def open_session(model: Any, *, keep: bool) -> onnxruntime.InferenceSession:
    """A session of one thread, which may keep memory from one run to the next: then it is quicker."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = options.enable_mem_pattern = keep
    return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])


def give_back() -> None:
    """Let glibc give what was freed back to the system: half of what loading and running a model took."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


class _Silero(SileroOnnxModel):
    def __init__(self) -> None:
        self.session = open_session(_VAD, keep=True)  # it runs 31 times a second, in little
        self.sample_rates = [8000, 16000]
        self.reset_states()  # type: ignore[no-untyped-call]


class VoiceActivity(SileroVADAnalyzer):
    """Pipecat's Silero VAD, which is shown what is far away as if it were near.

    Args:
        sample_rate: in hertz.
        params: when speech begins and ends.
        gain_db: how much louder it is shown what is quiet.
    """

    def __init__(self, sample_rate: int, params: VADParams, gain_db: float = 0.0) -> None:
        VADAnalyzer.__init__(self, sample_rate=sample_rate, params=params)
        self._model = _Silero()
        self._gain = Gain(gain_db, self.num_frames_required() / sample_rate)
        self._windows_since_reset = 0
        self._low_confidence_windows = 0
        give_back()

    @property
    def in_speech(self) -> bool:
        """Whether somebody speaks, or has stopped too short a time ago for it to be the end."""
        return self._vad_state in (VADState.SPEAKING, VADState.STOPPING)

    @property
    def silent_s(self) -> float:
        """For how long somebody who speaks has been silent."""
        windows = self._vad_stopping_count if self._vad_state is VADState.STOPPING else 0
        return windows * self.num_frames_required() / self.sample_rate

    def voice_confidence(self, buffer: bytes) -> float:
        """As Pipecat's; `buffer` is 16-bit mono PCM."""
        block = np.frombuffer(buffer, np.int16).astype(np.float32) / np.float32(32_768)
        louder = (self._gain.take(block) * 32_768).clip(-32_768, 32_767).astype(np.int16)
        confidence: float = super().voice_confidence(louder.tobytes())
        return confidence


class EndOfTurn(LocalSmartTurnAnalyzerV3):
    """Pipecat's smart-turn v3, asked of the process that was announced for it.

    Where there is none it is loaded here, when somebody speaks for the first time, on the thread that it will run on.
    To `keep` memory from one judgement to the next makes it quicker by a fifth.
    """

    def __init__(self, params: SmartTurnParams, *, keep: bool = False) -> None:
        BaseSmartTurn.__init__(self, params=params)
        self._log_data = False
        self._session: Any = None
        self._loading = False
        self._keep = keep
        self._ahead: asyncio.Future[tuple[EndOfTurnState, MetricsData | None]] | None = None
        self._spoke_at = 0  # the first frame of speech, in the buffer
        self.probability = 0.0
        """That the speaker has finished, as it was judged last at the end of speech."""

    def append_audio(self, buffer: bytes, is_speech: bool) -> EndOfTurnState:
        """As Pipecat's; the first speech has the model loaded."""
        if is_speech and not self._loading and engine_socket("turns") is None:
            self._loading = True
            self._model_executor.submit(self._load)
        if self._speech_start_time == 0:
            self._spoke_at = len(self._audio_buffer)
        return super().append_audio(buffer, is_speech)

    def look_ahead(self) -> None:
        """Judge what has been said so far, as if silence followed."""
        said = [*self._audio_buffer, (time.monotonic(), _SILENCE)]
        self._ahead = asyncio.get_running_loop().run_in_executor(
            self._model_executor, self._process_speech_segment, said
        )

    def forget(self) -> None:
        """Something followed."""
        self._ahead = None

    async def analyze_end_of_turn(self) -> tuple[EndOfTurnState, MetricsData | None]:
        """As Pipecat's; where it was looked ahead and the speaker had finished, that is the answer."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            state, judged = await ahead
            if state is EndOfTurnState.COMPLETE:
                self._clear(state)
                return state, judged
        state, judged = await super().analyze_end_of_turn()
        self.probability = judged.probability if isinstance(judged, TurnMetricsData) else 0.0
        return state, judged

    def _process_speech_segment(
        self, audio_buffer: list[tuple[float, NDArray[np.int16]]]
    ) -> tuple[EndOfTurnState, MetricsData | None]:
        """As Pipecat's, which cuts by when audio came; of a burst, or after a stall, only its length says when."""
        before = sum(audio.size for _, audio in audio_buffer[: self._spoke_at])
        at = self._speech_start_time - before / self._sample_rate
        timed = []
        for _, audio in audio_buffer:
            timed.append((at, audio))
            at += len(audio) / self._sample_rate
        return super()._process_speech_segment(timed)

    def _load(self) -> None:
        if self._session is None:
            self._session = open_session(_TURN, keep=self._keep)

    def _predict_endpoint(self, audio_array: NDArray[np.float32]) -> dict[str, Any]:
        path = engine_socket("turns")
        if path is None:
            return self.judge(audio_array)
        try:
            probability = turns.ask(
                path, (self._resample_to_model_rate(audio_array) * 32_768).astype(np.int16).tobytes()
            )
        except (OSError, FramingError) as error:
            logger.warning("the end of a turn is not judged: {}", error)
            raise SmartTurnTimeoutException from error  # Pipecat then takes it for ended
        return {"prediction": int(probability > 0.5), "probability": probability}

    def judge(self, audio_array: NDArray[np.float32]) -> dict[str, Any]:
        """As Pipecat's own, here and now: the probability that the speaker has finished."""
        self._load()
        try:
            return super()._predict_endpoint(audio_array)
        finally:
            if not self._keep:
                give_back()
