"""The process of the end-of-turn model: `python -m gateway.speech.turns_worker FD`; see serving.py."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from pipecat.audio.turn.smart_turn.base_smart_turn import SmartTurnParams

from gateway.environment import without_telemetry
from gateway.speech.framing import Kind, Message
from gateway.speech.serving import Answer, serve

_LONGEST = 8 * 32_000  # bytes: the model looks at the last 8 s


@dataclass(slots=True)
class Turns:
    """What each client has said; END asks whether that was all, answered with the probability as text."""

    judge: Callable[[NDArray[np.float32]], float]
    said: dict[int, bytearray] = field(default_factory=dict)

    def handle(self, client: int, message: Message) -> Iterator[Answer | None]:
        """Act on one message; yields the answer to an END."""
        if message.kind is Kind.START:
            self.said[client] = bytearray()
        elif message.kind is Kind.AUDIO and client in self.said:
            self.said[client] += message.payload
            del self.said[client][: max(0, len(self.said[client]) - _LONGEST)]
        elif message.kind is Kind.END:
            yield client, self._end(message, self.said.pop(client, bytearray()))

    def _end(self, message: Message, said: bytearray) -> Message:
        pcm = np.frombuffer(bytes(said[: len(said) // 2 * 2]), dtype=np.int16)
        if not len(pcm):
            return Message(Kind.FAILED, message.stream, message.utterance, b"nothing was said")
        probability = self.judge(pcm.astype(np.float32) / np.float32(32_768))
        return Message(Kind.RESULT, message.stream, message.utterance, f"{probability:.6f}".encode())

    def leave(self, client: int) -> None:
        """Forget what a client that is gone has said."""
        self.said.pop(client, None)


def main() -> None:
    """Load the model and serve."""
    without_telemetry()
    from gateway.speech.models import EndOfTurn  # noqa: PLC0415 -- onnxruntime reads the environment when it is imported

    model = EndOfTurn(SmartTurnParams(), keep=True)
    model.judge(np.zeros(16_000, dtype=np.float32))  # so that the first one needn't wait
    serve(int(sys.argv[1]), Turns(lambda pcm: float(model.judge(pcm)["probability"])))


if __name__ == "__main__":
    main()
