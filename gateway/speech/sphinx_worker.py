"""The recogniser process: decodes the streams of several processes with pocketsphinx.

Run as `python -m gateway.speech.sphinx_worker FD ARPA DICTIONARY ACOUSTIC`, where FD is a listening Unix socket that it
inherits; serving.py says who is served when. It ends when stdin does, so it can't outlive the process that started it.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from pocketsphinx import Decoder

from gateway.speech.framing import Kind, Message
from gateway.speech.serving import PIECE, Answer, serve
from gateway.speech.sphinx_stream import MAX_UTTERANCE

_LEAST, _MEAN = 0.08, 0.4  # of the words' posterior probabilities
_SLOWEST = 14  # frames of 10 ms a letter
_LEARN = 32_000 * 16 // 10  # bytes: 1.6 s
_FRAME = 320  # bytes: sphinx's 10 ms
_FEWEST_FRAMES = 30
_CMN_WINDOW = 500  # frames; CMN_WIN of sphinxbase
MAX_DECODERS = 32  # 8 MB each; a stream holds one only while someone speaks

Stream = tuple[int, int]
"""A client's number, and that client's own number for one of its streams."""


@dataclass(slots=True)
class Utterance:
    """What one stream is saying. `held` is audio that waits for its cepstral mean, None once known."""

    number: int
    decoder: Decoder
    size: int = 0
    held: bytearray | None = None


@dataclass(slots=True)
class Recogniser:
    """Streams to decoders. Each stream has its own cepstral mean, since microphones differ.

    The mean of a stream's first utterance is learnt from its first 1.6 s, before any of it is decoded:
    with the model's default mean 13 % of first questions were misunderstood, so 6 % (docs/speech.md).
    """

    new_decoder: Callable[[], Decoder]
    idle: list[Decoder] = field(default_factory=list)
    live: dict[Stream, Utterance] = field(default_factory=dict)
    means: dict[Stream, str] = field(default_factory=dict)
    first_mean: str = ""

    def warm(self) -> None:
        """Load the first decoder, so that the first utterance needn't wait."""
        decoder = self.new_decoder()
        self.first_mean = decoder.get_cmn(False)
        self.idle.append(decoder)

    def handle(self, client: int, message: Message) -> Iterator[Answer | None]:
        """Act on one message; yields the answers to it and who is to get them, and `None` for a pause."""
        stream = client, message.stream
        try:
            if message.kind is Kind.START:
                yield from self._start(stream, message.utterance)
            elif message.kind is Kind.AUDIO:
                yield from self._audio(stream, message)
            elif message.kind is Kind.END:
                yield from self._end(stream, message.utterance)
            elif message.kind in (Kind.DROP, Kind.CLOSE):
                self._release(stream)
                if message.kind is Kind.CLOSE:
                    self.means.pop(stream, None)
        except RuntimeError as error:  # of pocketsphinx
            self.live.pop(stream, None)  # its decoder with it
            yield client, Message(Kind.FAILED, message.stream, message.utterance, str(error).encode())

    def leave(self, client: int) -> None:
        """Forget all streams of a client that is gone."""
        for stream in [each for each in self.live if each[0] == client]:
            self._release(stream)
        for stream in [each for each in self.means if each[0] == client]:
            del self.means[stream]

    def _start(self, stream: Stream, number: int) -> Iterator[Answer]:
        self._release(stream)
        if len(self.live) >= MAX_DECODERS:
            whose = who_gives_way(self.live, stream)
            utterance = number if whose == stream else self.live[whose].number
            yield whose[0], Message(Kind.FAILED, whose[1], utterance, b"too many people speak at once")
            if whose == stream:
                return
            self._release(whose)
        decoder = self.idle.pop() if self.idle else self.new_decoder()
        started = self.live[stream] = Utterance(number, decoder)
        if stream in self.means:
            decoder.set_cmn(self.means[stream])
            decoder.start_utt()
        else:
            started.held = bytearray()

    def _audio(self, stream: Stream, message: Message) -> Iterator[None]:
        utterance = self.live.get(stream)
        if utterance is None or utterance.number != message.utterance or utterance.size >= MAX_UTTERANCE:
            return
        utterance.size += len(message.payload)
        if utterance.held is None:
            utterance.decoder.process_raw(message.payload)
            return
        utterance.held += message.payload
        if len(utterance.held) >= _LEARN:
            yield from self._decode_held(stream, utterance)

    def _decode_held(self, stream: Stream, utterance: Utterance) -> Iterator[None]:
        """Decode what waited for its mean, in pieces: in each pause the utterance may be taken away."""
        pcm, utterance.held = bytes(utterance.held or b""), None
        utterance.decoder.set_cmn(learned_mean(utterance.decoder, pcm, self.first_mean))
        utterance.decoder.start_utt()
        for at in range(0, len(pcm), PIECE):
            utterance.decoder.process_raw(pcm[at : at + PIECE])
            yield None
            if self.live.get(stream) is not utterance:
                return

    def _end(self, stream: Stream, number: int) -> Iterator[Answer | None]:
        utterance = self.live.get(stream)
        if utterance is not None and utterance.number == number and utterance.held is not None:
            yield from self._decode_held(stream, utterance)
        if utterance is None or utterance.number != number or self.live.get(stream) is not utterance:
            yield stream[0], Message(Kind.FAILED, stream[1], number, b"there is no such utterance")
            return
        decoder = utterance.decoder
        decoder.end_utt()
        found = decoder.hyp()
        text = found.hypstr if found else ""
        clear = is_clear(decoder.seg()) if text else True
        if text and clear:  # noise teaches nothing about the voice
            self.means[stream] = decoder.get_cmn(False)
        del self.live[stream]
        self.idle.append(decoder)
        kind = Kind.RESULT if clear else Kind.UNCLEAR
        yield stream[0], Message(kind, stream[1], number, text.encode())

    def _release(self, stream: Stream) -> None:
        utterance = self.live.pop(stream, None)
        if utterance is not None:
            if utterance.held is None:
                utterance.decoder.end_utt()
            self.idle.append(utterance.decoder)


def who_gives_way(live: Collection[Stream], stream: Stream) -> Stream:
    """Who has to go: the oldest utterance of a client that has more of them than this one would, else this."""
    held = Counter(client for client, _ in live)
    client, most = held.most_common(1)[0]
    if most <= held[stream[0]] + 1:
        return stream
    return next(each for each in live if each[0] == client)


class Segment(Protocol):
    """A word of a hypothesis, or a filler such as <sil>, as pocketsphinx gives it; frames are 10 ms."""

    word: str
    start_frame: int
    end_frame: int
    prob: float


def is_clear(segments: Iterable[Segment]) -> bool:
    """Whether a hypothesis can be trusted: its words are likely, and spoken as fast as people speak.

    `prob` is a word's posterior probability. The bounds lost 2 % of what was understood rightly, and let
    through 1 of the 10 pieces of noise and of other talk, of 592, that made sense by chance (docs/speech.md).
    """
    words = [segment for segment in segments if segment.word[0] not in "<["]
    if not words:
        return False
    frames = sum(word.end_frame - word.start_frame + 1 for word in words)
    letters = sum(len(word.word.split("(")[0]) for word in words)
    likely = [word.prob for word in words]
    return min(likely) >= _LEAST and sum(likely) / len(likely) >= _MEAN and frames / letters <= _SLOWEST


def learned_mean(decoder: Decoder, pcm: bytes, first: str) -> str:
    """The cepstral mean of `pcm`, as set_cmn takes it; `first` where there is too little of it.

    Sphinx's own running mean starts as 500 frames' worth of `first` (cmn_live.c); that weight is undone here.
    """
    frames = len(pcm) // _FRAME
    if frames < _FEWEST_FRAMES:
        return first
    decoder.set_cmn(first)
    decoder.start_utt()
    decoder.process_raw(pcm, no_search=True)
    running = decoder.get_cmn(True)
    decoder.end_utt()
    pairs = zip(running.split(","), first.split(","), strict=True)
    return ",".join(f"{float(r) + (float(r) - float(f)) * _CMN_WINDOW / frames:.4g}" for r, f in pairs)


def recogniser(arpa: str, dictionary: str, acoustic: str) -> Recogniser:
    """With a decoder loaded, so that the first utterance needn't wait."""
    made = Recogniser(lambda: Decoder(hmm=acoustic, lm=arpa, dict=dictionary, loglevel="FATAL"))
    made.warm()
    return made


def main() -> None:
    """Parse the arguments and serve."""
    parser = argparse.ArgumentParser()
    parser.add_argument("listener", type=int)
    for name in ("arpa", "dictionary", "acoustic"):
        parser.add_argument(name)
    given = parser.parse_args()
    serve(given.listener, recogniser(given.arpa, given.dictionary, given.acoustic))


if __name__ == "__main__":
    main()
