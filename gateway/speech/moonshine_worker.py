"""The recogniser process that hears with two: with Moonshine, and with sphinx where that is not sure.

Run as `python -m gateway.speech.moonshine_worker FD ARPA DICTIONARY ACOUSTIC [SENTENCES]`; see sphinx_worker.py.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gateway.environment import without_telemetry
from gateway.speech import sphinx_worker
from gateway.speech.choosing import Means, by_both, by_moonshine
from gateway.speech.framing import Kind, Message
from gateway.speech.meaning.intents import Recogniser
from gateway.speech.meaning.sentences import load_book
from gateway.speech.meaning.understanding import Understanding
from gateway.speech.moonshine import Moonshine, Text, folder
from gateway.speech.serving import PIECE, Answer, Engine, serve
from gateway.speech.sphinx_stream import MAX_UTTERANCE, Heard
from gateway.speech.sphinx_worker import MAX_DECODERS, Stream, who_gives_way

_LONGEST: Final = 12 * 32_000
"""Bytes: what is longer is no request, and would hold up others; sphinx hears it, in pieces."""
_LOUDEST: Final = 0.5
_SILENCE: Final = bytes(4_160)
"""0.13 s: with it what is said before a pause is heard as with the real silence behind it (docs/speech.md)."""


@dataclass(slots=True)
class Utterance:
    """What one stream is saying."""

    number: int
    said: bytearray = field(default_factory=bytearray)
    at_pause: Heard | None = None


@dataclass(slots=True)
class Both:
    """Streams to both, when they have ended; to Moonshine at a pause already.

    Args:
        sphinx: asked where Moonshine is not sure.
        hear: sound to what may have been said, the likeliest first.
        means: whether a sentence asks for anything.
    """

    sphinx: Engine
    hear: Callable[[NDArray[np.float32]], list[Text]]
    means: Means
    live: dict[Stream, Utterance] = field(default_factory=dict)

    def handle(self, client: int, message: Message) -> Iterator[Answer | None]:
        """Act on one message; yields the answers to it and who is to get them, and `None` for a pause."""
        stream = client, message.stream
        if message.kind is Kind.START:
            yield from self._start(stream, message.utterance)
        elif message.kind is Kind.AUDIO:
            utterance = self.live.get(stream)
            if utterance is not None and utterance.number == message.utterance:
                utterance.said += message.payload[: MAX_UTTERANCE - len(utterance.said)]
        elif message.kind in (Kind.PAUSE, Kind.ON):
            self._pause(stream, message)
            yield None
        elif message.kind is Kind.END:
            yield from self._end(stream, message)
        elif message.kind in (Kind.DROP, Kind.CLOSE):
            self.live.pop(stream, None)
            yield from self.sphinx.handle(client, message)

    def leave(self, client: int) -> None:
        """Forget all streams of a client that is gone."""
        self.sphinx.leave(client)
        for stream in [each for each in self.live if each[0] == client]:
            del self.live[stream]

    def _start(self, stream: Stream, number: int) -> Iterator[Answer]:
        self.live.pop(stream, None)
        if len(self.live) >= MAX_DECODERS:
            whose = who_gives_way(self.live, stream)
            gone = self.live.pop(whose, Utterance(number))
            yield whose[0], Message(Kind.FAILED, whose[1], gone.number, b"too many people speak at once")
            if whose == stream:
                return
        self.live[stream] = Utterance(number)

    def _pause(self, stream: Stream, message: Message) -> None:
        """What is said so far, where that is sure: what is not is heard again with the silence behind it."""
        utterance = self.live.get(stream)
        if utterance is not None and utterance.number == message.utterance:
            paused = message.kind is Kind.PAUSE
            said = bytes(utterance.said) + _SILENCE
            utterance.at_pause = by_moonshine(self._heard(said), self.means) if paused else None

    def _heard(self, said: bytes) -> list[Text]:
        return self.hear(loud(said)) if 0 < len(said) <= _LONGEST else []

    def _end(self, stream: Stream, end: Message) -> Iterator[Answer | None]:
        utterance = self.live.pop(stream, None)
        if utterance is None or utterance.number != end.utterance:
            yield stream[0], replace(end, kind=Kind.FAILED, payload=b"there is no such utterance")
            return
        if utterance.at_pause is not None:
            yield stream[0], _answer(end, utterance.at_pause)
            return
        said = bytes(utterance.said)
        found = self._heard(said)
        yield None
        heard = by_moonshine(found, self.means)
        if heard is not None:
            yield stream[0], _answer(end, heard)
            return
        for answer in self._by_sphinx(stream[0], end, said):
            if answer is None or answer[1].kind is Kind.FAILED:
                yield answer
            else:
                sphinx = Heard(answer[1].payload.decode(), clear=answer[1].kind is Kind.RESULT)
                yield answer[0], _answer(end, by_both(found, sphinx, self.means) if found else sphinx)

    def _by_sphinx(self, client: int, end: Message, said: bytes) -> Iterator[Answer | None]:
        yield from self.sphinx.handle(client, replace(end, kind=Kind.START))
        for at in range(0, len(said), PIECE):
            piece = replace(end, kind=Kind.AUDIO, payload=said[at : at + PIECE])
            yield from self.sphinx.handle(client, piece)
            yield None
        yield from self.sphinx.handle(client, end)


def _answer(end: Message, heard: Heard) -> Message:
    return replace(end, kind=Kind.RESULT if heard.clear else Kind.UNCLEAR, payload=heard.text.encode())


def loud(said: bytes) -> NDArray[np.float32]:
    """Sound as Moonshine takes it, as loud whether somebody is near or far."""
    sound = np.frombuffer(said[: len(said) // 2 * 2], "<i2").astype(np.float32) / np.float32(32_768)
    loudest = float(np.abs(sound).max(initial=0))
    return sound * np.float32(_LOUDEST / max(loudest, 1e-3))


def meaning(sentences: Path | None) -> Means:
    """Whether a sentence asks for anything, by what the assistant understands."""
    understanding = Understanding(Recogniser(load_book(sentences)))
    return understanding.may_mean


def main() -> None:
    """Parse the arguments and serve."""
    parser = argparse.ArgumentParser()
    parser.add_argument("listener", type=int)
    for name in ("arpa", "dictionary", "acoustic"):
        parser.add_argument(name)
    parser.add_argument("sentences", nargs="?", type=Path)
    given = parser.parse_args()
    without_telemetry()
    files = folder()
    assert files is not None, "whoever starts this has looked"
    moonshine = Moonshine(files)
    moonshine.hear(np.zeros(16_000, np.float32))  # so that the first one needn't wait
    sphinx = sphinx_worker.recogniser(given.arpa, given.dictionary, given.acoustic)
    serve(given.listener, Both(sphinx, moonshine.hear, meaning(given.sentences)))


if __name__ == "__main__":
    main()
