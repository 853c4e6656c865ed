"""The recogniser process with Moonshine: `python -m gateway.speech.moonshine_worker FD`; see serving.py."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gateway.environment import without_telemetry
from gateway.speech.framing import Kind, Message
from gateway.speech.moonshine import Moonshine, Text, folder
from gateway.speech.serving import Answer, serve
from gateway.speech.sphinx_stream import MAX_UTTERANCE

_LIKELY, _LEAST = 0.5, 0.08
_LOUDEST: Final = 0.5

Stream = tuple[int, int]


@dataclass(slots=True)
class Utterance:
    """What one stream is saying."""

    number: int
    said: bytearray = field(default_factory=bytearray)


@dataclass(slots=True)
class Recogniser:
    """Streams to one model, which hears each utterance when it has ended."""

    hear: Callable[[NDArray[np.float32]], Text]
    live: dict[Stream, Utterance] = field(default_factory=dict)

    def handle(self, client: int, message: Message) -> Iterator[Answer | None]:
        """Act on one message; yields the answer to an END."""
        stream = client, message.stream
        utterance = self.live.get(stream)
        if message.kind is Kind.START:
            self.live[stream] = Utterance(message.utterance)
        elif message.kind is Kind.AUDIO and utterance is not None:
            if utterance.number == message.utterance and len(utterance.said) < MAX_UTTERANCE:
                utterance.said += message.payload
        elif message.kind is Kind.END:
            yield client, self._end(stream, message.utterance)
        elif message.kind in (Kind.DROP, Kind.CLOSE):
            self.live.pop(stream, None)

    def leave(self, client: int) -> None:
        """Forget all streams of a client that is gone."""
        for stream in [each for each in self.live if each[0] == client]:
            del self.live[stream]

    def _end(self, stream: Stream, number: int) -> Message:
        utterance = self.live.get(stream)
        if utterance is None or utterance.number != number:
            return Message(Kind.FAILED, stream[1], number, b"there is no such utterance")
        del self.live[stream]
        pcm = np.frombuffer(bytes(utterance.said[: len(utterance.said) // 2 * 2]), "<i2")
        sound = pcm.astype(np.float32) / np.float32(32_768)
        loudest = float(np.abs(sound).max(initial=0))
        heard = self.hear(sound * np.float32(_LOUDEST / max(loudest, 1e-3)))
        clear = heard.likely >= _LIKELY and heard.least >= _LEAST
        kind = Kind.RESULT if clear else Kind.UNCLEAR
        return Message(kind, stream[1], number, spoken(heard.words).encode())


def spoken(text: str) -> str:
    """A written sentence as it is spoken: lower case, no punctuation."""
    text = text.lower().replace("’", "'").replace("%", " percent")
    text = re.sub(r"(?<=\d),(?=\d{3})", "", text)
    return " ".join(re.sub(r"[^\w':.+*/=]|(?<!\d)[.:]|[.:](?!\d)", " ", text).split())


def main() -> None:
    """Load the model and serve."""
    without_telemetry()
    files = folder()
    assert files is not None
    model = Moonshine(files)
    model.hear(np.zeros(16_000, np.float32))
    serve(int(sys.argv[1]), Recogniser(model.hear))


if __name__ == "__main__":
    main()
