"""What a real Home Assistant has said, and says again where its program is not there.

A recording has the exchanges that a real one's version had, each with what was asked; what was not asked then is not
answered, and told as that. `python -m tests.support.does_demo --record` makes it anew, with a real one.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
from aiohttp import web

from tests.support.home_assistant import House

RECORDING: Final = Path(__file__).parents[1] / "data" / "home_assistant.json"
ASKED_OF_IT: Final = ("text", "language", "agent_id", "entity_id")
"""What of a request tells what is asked; the rest is of one conversation."""
_TOKEN: Final = "any"
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer."""

    method: str
    path: str
    asked: dict[str, Any]
    status: int
    answer: Any

    def answers(self, method: str, path: str, asked: dict[str, Any]) -> bool:
        """Whether it is what was asked."""
        return (self.method, self.path, self.asked) == (method, path, asked)


@dataclass(slots=True)
class Player:
    """Says again what was said: of what had been changed before, once that has been asked for here as well."""

    exchanges: list[Exchange]
    unknown: list[str] = field(default_factory=list)
    """What was asked and is not recorded."""
    _done: set[int] = field(default_factory=set)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        asked = _asked(await _body(request))
        for number, one in enumerate(self.exchanges):
            if one.answers(request.method, request.path, asked) and self._may_come(number):
                self._done.add(number)
                return web.json_response(one.answer, status=one.status)
        self.unknown.append(f"{request.method} {request.path} {json.dumps(asked)}")
        return web.json_response({"message": "not recorded"}, status=501)

    def _may_come(self, number: int) -> bool:
        """A question of how things are is as good as what has led to it."""
        changes = {n for n, e in enumerate(self.exchanges[:number]) if e.method == "POST"}
        return self.exchanges[number].method == "POST" or changes <= self._done


@dataclass(frozen=True, slots=True)
class Recorder:
    """Passes on, and writes down."""

    home: House
    exchanges: list[Exchange]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        headers = {"Authorization": f"Bearer {self.home.token}"}
        async with httpx.AsyncClient(base_url=self.home.url, trust_env=False, timeout=30) as http:
            body = await _body(request)
            got = await http.request(request.method, request.path, json=body, headers=headers)
        one = Exchange(request.method, request.path, _asked(body), got.status_code, got.json())
        self.exchanges.append(one)
        return web.json_response(one.answer, status=one.status)


async def _body(request: web.Request) -> Any:
    return await request.json() if request.can_read_body else None


def _asked(body: Any) -> dict[str, Any]:
    return {name: body[name] for name in ASKED_OF_IT if name in (body or {})}


@contextlib.asynccontextmanager
async def played() -> AsyncIterator[tuple[House, Player]]:
    """A house that says what the recorded one said."""
    player = Player([Exchange(**one) for one in json.loads(RECORDING.read_text())])
    async with _served(player.handle) as url:
        yield House(url, _TOKEN), player


@contextlib.asynccontextmanager
async def recorded(home: House) -> AsyncIterator[tuple[House, list[Exchange]]]:
    """That house, what is said to it and by it written down."""
    recorder = Recorder(home, [])
    async with _served(recorder.handle) as url:
        yield House(url, _TOKEN), recorder.exchanges


@contextlib.asynccontextmanager
async def _served(handle: _Handler) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()


def keep(exchanges: Sequence[Exchange]) -> None:
    """Make these the recording; the first is the version, whose answer tells much of this machine as well."""
    kept = [dataclasses.asdict(one) for one in exchanges]
    kept[0]["answer"] = {"version": kept[0]["answer"]["version"]}
    RECORDING.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n")
