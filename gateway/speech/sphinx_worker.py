"""The recogniser process: decodes several streams with pocketsphinx, which holds the GIL while it does.

Run as `python -m gateway.speech.sphinx_worker ARPA DICTIONARY ACOUSTIC`, with messages (framing.py) on
stdin and stdout. It ends when stdin does, so it can't outlive the process that started it.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol

from pocketsphinx import Decoder

from gateway.speech.framing import Kind, Message, read_message
from gateway.speech.sphinx_stream import MAX_UTTERANCE

_LEAST, _MEAN = 0.08, 0.4  # of the words' posterior probabilities
_SLOWEST = 14  # frames of 10 ms a letter
_LEARN = 32_000 * 16 // 10  # bytes: 1.6 s
_FRAME = 320  # bytes: sphinx's 10 ms
_FEWEST_FRAMES = 30
_CMN_WINDOW = 500  # frames; CMN_WIN of sphinxbase
MAX_DECODERS = 32  # 8 MB each; a stream holds one only while someone speaks


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
    live: dict[int, Utterance] = field(default_factory=dict)
    means: dict[int, str] = field(default_factory=dict)
    first_mean: str = ""

    def warm(self) -> None:
        """Load the first decoder, so that the first utterance needn't wait."""
        decoder = self.new_decoder()
        self.first_mean = decoder.get_cmn(False)
        self.idle.append(decoder)

    def handle(self, message: Message) -> Iterator[Message]:
        """Act on one message; yields the answers to it."""
        if message.kind is Kind.START:
            yield from self._start(message)
        elif message.kind is Kind.AUDIO:
            self._audio(message)
        elif message.kind is Kind.END:
            yield self._end(message)
        elif message.kind in (Kind.DROP, Kind.CLOSE):
            self._release(message.stream)
            if message.kind is Kind.CLOSE:
                self.means.pop(message.stream, None)

    def _start(self, message: Message) -> Iterator[Message]:
        self._release(message.stream)
        if len(self.live) >= MAX_DECODERS:
            yield Message(Kind.FAILED, message.stream, message.utterance, b"too many people speak at once")
            return
        decoder = self.idle.pop() if self.idle else self.new_decoder()
        utterance = self.live[message.stream] = Utterance(message.utterance, decoder)
        if message.stream in self.means:
            decoder.set_cmn(self.means[message.stream])
            decoder.start_utt()
        else:
            utterance.held = bytearray()

    def _audio(self, message: Message) -> None:
        utterance = self.live.get(message.stream)
        if utterance is None or utterance.number != message.utterance or utterance.size >= MAX_UTTERANCE:
            return
        utterance.size += len(message.payload)
        if utterance.held is None:
            utterance.decoder.process_raw(message.payload)
            return
        utterance.held += message.payload
        if len(utterance.held) >= _LEARN:
            self._decode_held(utterance)

    def _decode_held(self, utterance: Utterance) -> None:
        pcm, utterance.held = bytes(utterance.held or b""), None
        utterance.decoder.set_cmn(learned_mean(utterance.decoder, pcm, self.first_mean))
        utterance.decoder.start_utt()
        if pcm:
            utterance.decoder.process_raw(pcm)

    def _end(self, message: Message) -> Message:
        utterance = self.live.get(message.stream)
        if utterance is None or utterance.number != message.utterance:
            return Message(Kind.FAILED, message.stream, message.utterance, b"there is no such utterance")
        del self.live[message.stream]
        decoder = utterance.decoder
        if utterance.held is not None:
            self._decode_held(utterance)
        decoder.end_utt()
        found = decoder.hyp()
        text = found.hypstr if found else ""
        clear = is_clear(decoder.seg()) if text else True
        if text and clear:  # noise teaches nothing about the voice
            self.means[message.stream] = decoder.get_cmn(False)
        self.idle.append(decoder)
        kind = Kind.RESULT if clear else Kind.UNCLEAR
        return Message(kind, message.stream, message.utterance, text.encode())

    def _release(self, stream: int) -> None:
        utterance = self.live.pop(stream, None)
        if utterance is not None:
            if utterance.held is None:
                utterance.decoder.end_utt()
            self.idle.append(utterance.decoder)


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


def serve(reader: BinaryIO, writer: BinaryIO, recogniser: Recogniser) -> None:
    """Answer messages until the reader ends."""
    recogniser.warm()
    _send(writer, Message(Kind.READY))
    while (message := read_message(reader.read)) is not None:
        for answer in recogniser.handle(message):
            _send(writer, answer)


def _send(writer: BinaryIO, message: Message) -> None:
    writer.write(message.encode())
    writer.flush()


def main() -> None:
    """Parse the paths and serve on stdin and stdout."""
    parser = argparse.ArgumentParser()
    for name in ("arpa", "dictionary", "acoustic"):
        parser.add_argument(name)
    paths = parser.parse_args()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the owner decides
    recogniser = Recogniser(
        lambda: Decoder(hmm=paths.acoustic, lm=paths.arpa, dict=paths.dictionary, loglevel="FATAL")
    )
    try:
        serve(sys.stdin.buffer, sys.stdout.buffer, recogniser)
    except BrokenPipeError:
        os._exit(0)  # the owner is gone, and so is stdout: nothing is left to flush


if __name__ == "__main__":
    main()
