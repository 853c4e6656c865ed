"""A text as sound, for what is said beside a bot: by a process, so that neither engine nor Pipecat is here."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from typing import Final

from gateway.errors import GatewayError
from gateway.sections import EngineSpec

SPEAKER: Final = "gateway.speech.speaking"
SECONDS: Final = 30.0
"""For an engine to load and to speak; one that is asked over a network may be slow."""


class NoVoice(GatewayError):
    """A text could not be spoken."""


async def spoken(text: str, engine: EngineSpec, log: Callable[[str], None]) -> tuple[bytes, int]:
    """A text as mono 16-bit PCM, and its rate.

    Args:
        text: what to say.
        engine: the voice, as the settings have it.
        log: is given what the engine prints.

    Raises:
        NoVoice: it can't be said; says why.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-m",
        SPEAKER,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    asked = json.dumps({"text": text, "engine": engine.model_dump(mode="json")}).encode()
    try:
        out, said = await asyncio.wait_for(process.communicate(asked), SECONDS)
    except TimeoutError:
        raise NoVoice(f"tts {engine.provider!r} said nothing within {SECONDS:g} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    lines = [line for line in said.decode(errors="replace").splitlines() if line.strip()]
    for line in lines[:20]:
        log(line)
    if process.returncode != 0:
        raise NoVoice(f"tts {engine.provider!r}: {lines[-1] if lines else f'status {process.returncode}'}")
    rate, _, pcm = out.partition(b"\n")
    return pcm, int(rate)
