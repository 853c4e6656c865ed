"""The end-of-turn model in a process that calls share: 8 s of speech go there, a probability comes back."""

from __future__ import annotations

import socket
from pathlib import Path

from gateway.speech.engine_process import EngineProcess
from gateway.speech.framing import MAX_PAYLOAD, FramingError, Kind, Message, Splitter

_SECONDS = 5.0  # to answer; a new process starts within
_TRIES = 2
_READ = 1 << 12


def turns() -> EngineProcess:
    """The process, to be started."""
    return EngineProcess("turns", "smart-turn", "gateway.speech.turns_worker")


def ask(path: Path, pcm: bytes) -> float:
    """How probable it is that who said `pcm` (16-bit mono at 16 kHz) has finished. Blocks.

    A process that dies over it is asked once more, when it is back. Raises OSError or FramingError without an answer.
    """
    for _ in range(_TRIES - 1):
        try:
            return _ask(path, pcm)
        except ConnectionError:
            continue
    return _ask(path, pcm)


def _ask(path: Path, pcm: bytes) -> float:
    pieces = [pcm[at : at + MAX_PAYLOAD] for at in range(0, len(pcm), MAX_PAYLOAD)]
    question = [
        Message(Kind.START),
        *(Message(Kind.AUDIO, payload=piece) for piece in pieces),
        Message(Kind.END),
    ]
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(_SECONDS)
        connection.connect(str(path))
        connection.sendall(b"".join(message.encode() for message in question))
        splitter = Splitter()
        while data := connection.recv(_READ):
            for message in splitter.feed(data):
                if message.kind is Kind.RESULT:
                    return float(message.payload)
                if message.kind is not Kind.READY:
                    raise FramingError(f"{message.kind.name}: {message.payload.decode(errors='replace')}")
    raise ConnectionResetError("the process ended")
