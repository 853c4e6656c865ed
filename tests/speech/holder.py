"""A process that holds a recogniser until it is killed: `python -m tests.speech.holder ARPA DICTIONARY ACOUSTIC`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from gateway.speech.engine_process import held
from gateway.speech.language_model import LanguageModel
from gateway.speech.sphinx import recogniser


async def _main(arpa: str, dictionary: str, acoustic: str) -> None:
    process = recogniser(LanguageModel(Path(arpa), Path(dictionary), Path(acoustic)))
    async with held(process):
        sys.stdout.write(f"{process.pid} {process.path}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
