"""`make does-demo`: a simulated device asks an assistant with a model and tools for five things, aloud.

The model is one that goes by rules (tests/support/model.py), the calendar a real MCP server. The light is a lamp of a
Home Assistant: a real one where its program is there (docs/home-assistant.md), else what a real one has said, recorded.
Each request is a call of its own, so that what was asked before is known from what the gateway has kept.
"""

from __future__ import annotations

import asyncio
import importlib.util
import itertools
import json
import subprocess
import sys
import tempfile
import wave
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gateway.speech.flite import Flite
from tests.support.device import PLAIN, device
from tests.support.gateway import GatewayProcess, serving, voicegw
from tests.support.home_assistant import HASS, House, house
from tests.support.home_recording import Player, keep, played, recorded
from tests.support.waiting import PATIENCE, eventually

ASKED: Final = (
    "turn on the light",
    "my timer please",
    "add milk to my shopping list",
    "what's the weather today",
    "what did I ask before",
)
PAUSES: Final = (1.5, 6.0, 15.0)
"""Seconds from live to the question, each time that it is said."""
ANSWER_SECONDS: Final = 30.0
LAMP: Final = "light.kitchen_lamp"
_RATE: Final = 16_000
_SERVER: Final = Path(__file__).parents[1] / "data" / "mcp" / "calendar_server.py"


@dataclass(frozen=True, slots=True)
class Line:
    """What came of one request."""

    asked: str
    did: str
    said: str
    before: str
    """What was heard in the call before: the last request, or this one where it was misheard and said again."""

    def __str__(self) -> str:
        asked, did, said = (text.replace('"', "'") for text in (self.asked, self.did, self.said))
        return f'asked="{asked}" did="{did}" said="{said}"'


@dataclass(frozen=True, slots=True)
class At:
    """What is asked: a gateway with a Home Assistant, by a device with a key of it."""

    gateway: GatewayProcess
    folder: Path
    key: str
    home: House
    log: Path
    """Where the model writes what it is asked."""


async def show(folder: Path, home: House, requests: int = len(ASKED)) -> list[Line]:
    """Ask the first so many in this folder; the device stands in that home's kitchen."""
    async with AsyncExitStack() as stack:
        model, log = start_model(stack, folder)
        calendar = {
            "name": "calendar",
            "command": [sys.executable, str(_SERVER)],
            "tools": ["*"],
            "timeout_s": 20,
        }
        settings = {
            "bot": "assistant",
            "memory": {"history": True},
            "llm": {"provider": "openai", "options": {"model": "rules", "base_url": model}},
            **({"mcp": [calendar]} if importlib.util.find_spec("mcp") else {}),
            "home_assistant": {"url": home.url, "timeout_s": 30},
            "devices": {"kitchen": {"area": "Kitchen"}},
        }
        extra = {"HOME_ASSISTANT_TOKEN": home.token}
        gateway = await stack.enter_async_context(serving(folder / "gateway", settings, extra=extra))
        config = str(folder / "gateway" / "voicegw.toml")
        key = json.loads(voicegw("devices", "--config", config, "add", "kitchen", "--json").stdout)["key"]
        at = At(gateway, folder, key, home, log)
        return [await asked(at, number) for number in range(requests)]


async def asked(at: At, number: int) -> Line:
    """Ask one of them, in a call of its own; who is not heard, or misheard, says it again, and waits a little longer.

    A device is live before its bot listens; on a machine that does other work that may take seconds.
    """
    text = ASKED[number]
    turn: dict[str, Any] = {}
    before = ""
    for after in PAUSES:
        turns = (await at.gateway.state())["turns"]
        before = turns[-1]["user"] if turns else ""
        turn = await tried(at, text, after) or turn
        if turn.get("user", "").lower() == text.lower():
            break
    assert turn, f"nobody answers {text!r}"
    done = did(at.log, turn) if number else f"Home Assistant's {LAMP} is {await at.home.state(LAMP)}"
    return Line(turn["user"], done, turn["bot"], before)


async def tried(at: At, text: str, after: float) -> dict[str, Any] | None:
    """Say it once; the turn that comes of it, if one does."""
    question = at.folder / "question.wav"
    write(question, text, after=after)
    before = len((await at.gateway.state())["turns"])
    async with device(
        at.folder / "device",
        "--mic",
        str(question),
        url=at.gateway.secure_url,
        key=at.key,
        plain=PLAIN.exists(),
    ) as own:
        await own.live()
        try:
            turn = await answered(at.gateway, before, after + ANSWER_SECONDS)
        except AssertionError:
            turn = None
        with (at.folder / "device.log").open("a") as kept:
            kept.write(own.log())
    await at.gateway.idle()
    return turn


def write(path: Path, text: str, *, after: float = 1.0) -> None:
    """A request as a recording, after so many seconds, by a voice that is not the assistant's."""
    pcm = bytes(2 * round(after * _RATE)) + Flite("cmu_us_slt").speak(text)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(_RATE)
        file.writeframes(pcm)


def start_model(stack: AsyncExitStack, folder: Path) -> tuple[str, Path]:
    """The URL of a model that runs until the stack is left, and where it writes what it was asked."""
    log = folder / "model.log"
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.model"], stdout=subprocess.PIPE, stderr=errors
        )
    stack.callback(process.wait)
    stack.callback(process.terminate)
    assert process.stdout is not None
    return process.stdout.readline().decode().strip(), log


async def answered(gateway: GatewayProcess, before: int, seconds: float = PATIENCE) -> dict[str, Any]:
    """The turn that comes after so many."""
    turns: list[dict[str, Any]] = []

    async def one_more() -> bool:
        nonlocal turns
        turns = (await gateway.state())["turns"]
        return len(turns) > before

    await eventually(one_more, f"question {before + 1} is answered", seconds)
    return turns[before]


def did(log: Path, turn: dict[str, Any]) -> str:
    """The tool that a question has led to and what it gave, as the model was told."""
    seen = [json.loads(line)["last"] for line in log.read_text().splitlines() if line.startswith("{")]
    for question, result in itertools.pairwise(seen):
        if question["role"] == "user" and turn["user"].lower() in str(question["content"]).lower():
            return str(result["content"]).strip('"') if result["role"] == "tool" else "no tool"
    return "looked up what was kept of the calls before"


async def showed() -> list[Line]:
    """Do it all; says first what takes part."""
    if importlib.util.find_spec("mcp") is None:
        print("no MCP server: pipecat-ai[mcp] is not installed; its tools are missing", flush=True)  # noqa: T201
    with tempfile.TemporaryDirectory(prefix="voicegw-does-") as name:
        folder = Path(name)
        async with AsyncExitStack() as stack:
            if HASS is not None:
                (folder / "home").mkdir()
                home, which = await stack.enter_async_context(house(folder / "home")), "real"
            else:
                home, player = await stack.enter_async_context(played())
                stack.callback(told, player)
                which = "recorded: its program is not installed here"
            print(f"Home Assistant {await home.version()}, {which}", flush=True)  # noqa: T201
            return await show(folder, home)


def told(player: Player) -> None:
    """Say what a recorded home could not answer."""
    for asked_of_it in player.unknown:
        print(f"not recorded: {asked_of_it}")  # noqa: T201


async def record() -> None:
    """Have a real Home Assistant asked, and keep what it says for `played`."""
    with tempfile.TemporaryDirectory(prefix="voicegw-home-") as name:
        folder = Path(name)
        (folder / "home").mkdir()
        async with house(folder / "home") as real, recorded(real) as (home, exchanges):
            await home.version()
            await show(folder, home)
    keep(exchanges)


def main() -> int:
    """Show it, or with `--record` record it; gives the exit status."""
    if "--record" in sys.argv:
        if HASS is None:
            sys.exit("error: no Home Assistant is installed\nfirst see docs/home-assistant.md, Tests")
        asyncio.run(record())
        return 0
    lines = asyncio.run(showed())
    for line in lines:
        print(line)  # noqa: T201
    return 0 if len(lines) == len(ASKED) and all(line.said for line in lines) else 1


if __name__ == "__main__":
    sys.exit(main())
