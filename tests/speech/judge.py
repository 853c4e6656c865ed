"""An end of turn that is known beforehand."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pipecat.audio.turn.base_turn_analyzer import EndOfTurnState
from pipecat.audio.turn.smart_turn.base_smart_turn import SmartTurnParams

from gateway.speech import models


class Judge(models.EndOfTurn):
    """Judges by rote, and notes how much it was given."""

    def __init__(self, *probable: float) -> None:
        super().__init__(SmartTurnParams())
        self.set_sample_rate(16_000)
        self._probable = list(probable)
        self.given: list[int] = []

    def _predict_endpoint(self, audio_array: NDArray[np.float32]) -> dict[str, Any]:
        self.given.append(audio_array.size)
        probable = self._probable.pop(0)
        return {"prediction": int(probable > 0.5), "probability": probable}

    def say(self, blocks: int) -> None:
        for _ in range(blocks):
            self.append_audio(bytes(640), is_speech=True)

    async def ended(self) -> bool:
        state, _ = await self.analyze_end_of_turn()
        await self.cleanup()  # type: ignore[no-untyped-call]
        return state is EndOfTurnState.COMPLETE
