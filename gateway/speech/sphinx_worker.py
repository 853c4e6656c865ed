"""The recogniser process: decodes several streams with pocketsphinx, which holds the GIL while it does.

Run as `python -m gateway.speech.sphinx_worker ARPA DICTIONARY ACOUSTIC`, with messages (framing.py) on
stdin and stdout. It ends when stdin does, so it can't outlive the process that started it.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from pocketsphinx import Decoder

from gateway.speech.framing import Kind, Message, read_message
from gateway.speech.sphinx_stream import MAX_UTTERANCE

MAX_DECODERS = 32  # 8 MB each; a stream holds one only while someone speaks


@dataclass(slots=True)
class Utterance:
    """What one stream is saying."""

    number: int
    decoder: Decoder
    size: int = 0


@dataclass(slots=True)
class Recogniser:
    """Streams to decoders. Each stream keeps its own cepstral mean: microphones differ."""

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
        decoder.set_cmn(self.means.get(message.stream, self.first_mean))
        decoder.start_utt()
        self.live[message.stream] = Utterance(message.utterance, decoder)

    def _audio(self, message: Message) -> None:
        utterance = self.live.get(message.stream)
        if utterance is None or utterance.number != message.utterance or utterance.size >= MAX_UTTERANCE:
            return
        utterance.size += len(message.payload)
        utterance.decoder.process_raw(message.payload)

    def _end(self, message: Message) -> Message:
        utterance = self.live.get(message.stream)
        if utterance is None or utterance.number != message.utterance:
            return Message(Kind.FAILED, message.stream, message.utterance, b"there is no such utterance")
        del self.live[message.stream]
        decoder = utterance.decoder
        decoder.end_utt()
        self.means[message.stream] = decoder.get_cmn(False)
        found = decoder.hyp()
        self.idle.append(decoder)
        return Message(
            Kind.RESULT, message.stream, message.utterance, (found.hypstr if found else "").encode()
        )

    def _release(self, stream: int) -> None:
        utterance = self.live.pop(stream, None)
        if utterance is not None:
            utterance.decoder.end_utt()
            self.idle.append(utterance.decoder)


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
