"""Pipecat's own examples, each at our gateway and at its own runner: `make unchanged ARGS="--examples FOLDER"`.

FOLDER is `examples/` of a checkout of Pipecat's; nothing of it is kept here. Those that need a service that `engines`
and `services` do not play are named with that service.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.support.peer import Peer, gathering_on
from tests.unchanged import alone, script
from tests.unchanged.sides import SIDES

TALK_SECONDS: Final = 9.0
"""From ready on: a question of one second is asked after four."""
PLAYED: Final = frozenset({"openai", "cartesia", "deepgram"})
"""Services that are played, by the module of Pipecat's that a bot imports."""
NO_SERVICES: Final = frozenset(
    {"ai_service", "image_service", "llm_service", "mcp_service", "settings", "stt_service", "tts_service"}
)
_SERVICE: Final = re.compile(r"pipecat\.services\.([a-z0-9_]+)")
_FAULT: Final = re.compile(r"\b(ERROR|CRITICAL)\b.*? [-|] (.*)$|^(\w*(?:Error|Exception)): ")
_FLEETING: Final = re.compile(r"0x[0-9a-f]+|#\d+|\d+(\.\d+)?|[0-9a-f-]{16,}")


@dataclass(frozen=True, slots=True)
class Example:
    """One of them; `lacks` is why it cannot be run."""

    name: str
    path: Path
    lacks: str | None

    @property
    def family(self) -> str:
        """The folder that it lies in."""
        return self.name.partition("/")[0]


def found(folder: Path) -> Iterator[Example]:
    """All that have a bot."""
    for path in sorted(folder.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if "async def bot(" in text:
            yield Example(str(path.relative_to(folder)), path, _lacks(text))


def _lacks(text: str) -> str | None:
    services = set(_SERVICE.findall(text)) - NO_SERVICES - PLAYED
    if services:
        return f"service {', '.join(sorted(services))}"
    if '"webrtc"' not in text and "SmallWebRTC" not in text:
        return "another transport"
    return None


@dataclass(frozen=True, slots=True)
class Heard:
    """What one side had for its client: messages, whether a tone was heard, and what it logged as wrong."""

    messages: list[str]
    sound: bool
    faults: list[str]

    def lines(self) -> list[str]:
        """All of it."""
        return [*self.messages, f"sound {self.sound}", *(f"fault {f}" for f in self.faults)]


async def _call(open_side: Any, example: Example, directory: Path, environment: dict[str, str]) -> Heard:
    async with open_side(example.path, directory, environment) as side:
        video = "video_in_enabled=True" in example.path.read_text(encoding="utf-8")
        peer = Peer(side.url, request_data=None, gather=lambda: gathering_on(alone.ADDRESS))
        peer.pc.getTransceivers()[0].sender.replaceTrack(script.Speech())
        if video:
            script.with_video(peer.pc)
        talk = script.Talk(side, peer)
        heard = False
        try:
            async with peer:
                await asyncio.wait_for(peer.connect(), 30)
                talk.say("client-ready", {"version": "1.0.0", "about": {"library": "unchanged"}})
                for _ in range(int(TALK_SECONDS / 0.1)):
                    heard = heard or peer.ear.hears(440.0, 0.2)
                    await asyncio.sleep(0.1)
                messages = talk.record()
        except (AssertionError, TimeoutError) as error:
            messages = [*talk.record(), f"failed: {error}"]
        return Heard(messages, heard, _faults(side.printed()))


def _faults(log: str) -> list[str]:
    """What is logged as wrong, without what never is the same twice; each once."""
    lines = [m[2] or m[3] for line in log.splitlines() if (m := _FAULT.search(line))]
    return sorted({_FLEETING.sub("…", line)[:160] for line in lines})


async def compare(example: Example, directory: Path, environment: dict[str, str]) -> list[str]:
    """In what the two sides differ; a difference that does not come again is chance."""
    differ: list[str] = []
    for turn in range(2):
        sides = [
            _call(
                s, example, directory / f"{example.name.replace('/', '-')}-{s.__name__}-{turn}", environment
            )
            for s in SIDES
        ]
        ours, theirs = await asyncio.gather(*sides)
        a, b = Counter(theirs.lines()), Counter(ours.lines())
        differ = [*(f"- {line}" for line in (a - b)), *(f"+ {line}" for line in (b - a))]
        if not differ:
            return []
    return differ


async def run(
    folder: Path, chosen: set[str], directory: Path, environment: dict[str, str], say: Any
) -> tuple[int, int]:
    """Compare all that can be run; gives how many are the same, and how many were run."""
    same = count = 0
    for example in found(folder):
        if chosen and not any(name in example.name for name in chosen):
            continue
        if example.lacks is not None:
            say(f"example {example.name:60} not run: {example.lacks}")
            continue
        count += 1
        try:
            differ = await compare(example, directory, environment)
        except (AssertionError, OSError, subprocess.SubprocessError) as error:
            differ = [f"failed: {str(error)[-600:]}"]
        same += not differ
        say(f"example {example.name:60} {'same' if not differ else 'differs'}", *differ)
    return same, count
