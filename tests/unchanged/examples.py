"""Pipecat's own examples, each at our gateway and at its own runner: `make unchanged ARGS="--examples FOLDER"`.

FOLDER is `examples/` of a checkout of Pipecat's; nothing of it is kept here. Those that need a service that `engines`
and `services` do not play are named with that service.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from tests.support.peer import Peer, gathering_on
from tests.unchanged import alone, script
from tests.unchanged.rows import NotRunError, Row, Say
from tests.unchanged.sides import Side, compared, with_bot

TALK_SECONDS: Final = (9.0, 25.0)
"""From ready on, at least and at most: a question of one second is asked after four."""
REST_SECONDS: Final = 3.0
"""Without anything new, then it is over."""
AT_ONCE: Final = 2
"""Calls mostly wait; starting takes the CPU."""
PLAYED: Final = frozenset({"openai", "cartesia", "deepgram"})
"""Services that are played, by the module of Pipecat's that a bot imports."""
NO_SERVICES: Final = frozenset(
    {"ai_service", "image_service", "llm_service", "mcp_service", "settings", "stt_service", "tts_service"}
)
_NOT_PLAYED: Final = re.compile(r"pipecat\.services\.openai\.(responses|realtime)|OpenAIResponses")
_SERVICE: Final = re.compile(r"pipecat\.services\.([a-z0-9_]+)")
_FAULT: Final = re.compile(r"\b(?:ERROR|CRITICAL) +(?:\| \S+:\d+ - |w\S+ \S+ )(.*)$")
"""As Pipecat's runner and the gateway log it."""
_MISSING: Final = re.compile(r"failed: .*(No module named '[\w.]+'|No such file or directory)")
_SPOKEN: Final = re.compile(r'bot-output .*"spoken": true|bot-output .*"spoken_status": "in-progress"')
"""Words as they are spoken."""
_FLEETING: Final = re.compile(r"0x[0-9a-f]+|#\d+|\d+(\.\d+)?|[0-9a-f-]{16,}")


@dataclass(frozen=True, slots=True)
class Example:
    """One of them; `sees` is whether it wants video, `lacks` why it cannot be run."""

    name: str
    path: Path
    sees: bool
    lacks: str | None


def find(folder: Path) -> Iterator[Example]:
    """All that have a bot."""
    for path in sorted(folder.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if "async def bot(" in text:
            yield Example(str(path.relative_to(folder)), path, "video_in_enabled=True" in text, _lacks(text))


def _lacks(text: str) -> str | None:
    services = set(_SERVICE.findall(text)) - NO_SERVICES - PLAYED
    if services:
        return f"service {', '.join(sorted(services))}"
    if _NOT_PLAYED.search(text) is not None:
        return "service openai, over a WebSocket"
    if '"webrtc"' not in text and "SmallWebRTC" not in text:
        return "another transport"
    return None


async def _call(example: Example, side: Side, _directory: Path) -> list[str]:
    peer = Peer(side.url, request_data=None, gather=lambda: gathering_on(alone.ADDRESS))
    peer.pc.getTransceivers()[0].sender.replaceTrack(script.Speech())
    if example.sees:
        script.with_video(peer.pc)
    talk = script.Talk(side, peer)
    async with peer:
        await peer.connect()
        talk.say("client-ready", {"version": "1.0.0", "about": {"library": "unchanged"}})
        heard = await _listen(talk)
        messages = [line for line in talk.record() if _SPOKEN.match(line) is None]
    return [*sorted(messages), f"sound {heard}", *(f"fault {f}" for f in _faults(side.printed()))]


async def _listen(talk: script.Talk) -> bool:
    """Until nothing new comes; whether a tone was heard."""
    least, most = TALK_SECONDS
    began = new = time.monotonic()
    heard, count = False, 0
    while (now := time.monotonic()) < began + most and (now < began + least or now < new + REST_SECONDS):
        if len(talk.record()) > count:
            count, new = len(talk.record()), now
        heard = heard or talk.peer.ear.hears(440.0, 0.2)
        await asyncio.sleep(0.1)
    return heard


def _faults(log: str) -> list[str]:
    """What is logged as wrong, without what never is the same twice; each once."""
    lines = [found[1] for line in log.splitlines() if (found := _FAULT.search(line))]
    return sorted({_FLEETING.sub("…", line)[:160] for line in lines})


async def _compare(example: Example, environment: dict[str, str], directory: Path) -> list[str]:
    """In what the two sides differ; a difference that does not come again is chance."""
    differ: list[str] = []
    for turn in ("first", "again"):
        sides = with_bot(example.path, environment)
        differ = await compared(partial(_call, example), sides, directory / turn)
        _must_have_run(differ)
        if not differ:
            break
    return differ


def _must_have_run(differ: Sequence[str]) -> None:
    """Where neither side could import it for the same want of something, that is no comparison."""
    missing = [(line[0], found[1]) for line in differ if (found := _MISSING.search(line)) is not None]
    if {side for side, _ in missing} in ({"-", "+"}, {"f"}):
        raise NotRunError(", ".join(sorted({what for _, what in missing})))


def rows(folder: Path, chosen: Sequence[str], environment: dict[str, str], say: Say) -> list[Row]:
    """All that can be run; those that cannot are told at once, with what they lack."""
    found: list[Row] = []
    for example in find(folder):
        if chosen and not any(name in example.name for name in chosen):
            continue
        if example.lacks is not None:
            say(f"{'example':8} {example.name:60} not run: {example.lacks}")
        else:
            found.append(Row("example", example.name, partial(_compare, example, environment)))
    return found
