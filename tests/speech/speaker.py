"""A process that speaks to the recogniser: `python -m tests.speech.speaker ARPA DICTIONARY ACOUSTIC FILE`.

Says half of the PCM in FILE, prints "half", waits for a line, says the rest, prints what was heard. That once for each
line it gets.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from gateway.speech import sphinx_stream
from gateway.speech.language_model import LanguageModel
from gateway.speech.sphinx import shared_engine
from gateway.speech.sphinx_stream import SphinxStream


def _tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


async def _speak(stream: SphinxStream, pcm: bytes) -> str:
    pieces = [pcm[at : at + 640] for at in range(0, len(pcm), 640)]
    stream.start()
    for piece in pieces[: len(pieces) // 2]:
        stream.feed(piece)
    _tell("half")
    await asyncio.to_thread(sys.stdin.readline)
    for piece in pieces[len(pieces) // 2 :]:
        stream.feed(piece)
    return (await stream.finish()).text


async def _main(arpa: str, dictionary: str, acoustic: str, file: str) -> None:
    pcm = Path(file).read_bytes()
    async with shared_engine(LanguageModel(Path(arpa), Path(dictionary), Path(acoustic))) as engine:
        stream = engine.open()
        while await asyncio.to_thread(sys.stdin.readline):
            _tell(await _speak(stream, pcm))
        stream.close()


if __name__ == "__main__":
    sphinx_stream._RESULT_SECONDS = 60.0  # the machine may be slow
    asyncio.run(_main(*sys.argv[1:]))
