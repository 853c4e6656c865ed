"""What a bot is given, by our gateway and by Pipecat's own runner: the same, but for what docs/bots.md names."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.support import pipecat_runner
from tests.support.gateway import BOTS, client, serving
from tests.support.offers import made
from tests.support.waiting import until

BOT = BOTS / "tells.py"
ANSWERS = "/api/offer"
TRIES = 12
"""With a minute between the first and the last: each case leaves a call behind, and a busy machine has room for few."""


class Teller:
    """A server that runs the bot, and the folder that the bot writes into."""

    def __init__(self, url: str, folder: Path) -> None:
        self._url = url
        self._folder = folder

    async def told(self, start: Any = ..., kind: str = "application/json", **given: Any) -> dict[str, Any]:
        """What the bot was given for an offer like this, after a `/start` like this, both of a kind."""
        before = set(self._folder.glob("*.json"))
        async with client(self._url) as http:

            async def post(path: str, body: Any) -> Any:
                for _ in range(TRIES):
                    sent = await http.post(path, content=json.dumps(body), headers={"Content-Type": kind})
                    if sent.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                        break
                    await asyncio.sleep(float(sent.headers["Retry-After"]))
                return sent.raise_for_status().json()

            path = ANSWERS
            if start is not ...:
                path = f"/sessions/{(await post('/start', start))['sessionId']}/api/offer"
            await post(path, {"sdp": made(), "type": "offer", **given})
        await until(lambda: bool(set(self._folder.glob("*.json")) - before), "the bot has told")
        [file] = set(self._folder.glob("*.json")) - before
        found: dict[str, Any] = json.loads(file.read_text())
        assert found.pop("session_id") == file.stem
        return found


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def both(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Teller, Teller]]:
    """Ours and Pipecat's."""
    ours, theirs = tmp_path_factory.mktemp("ours"), tmp_path_factory.mktemp("theirs")
    settings = {"bot": str(BOT), "limits": {"offers_per_minute": 6_000}}
    async with (
        serving(ours, settings, extra={"TOLD": str(ours)}) as gateway,
        pipecat_runner.running(BOT, theirs, extra={"TOLD": str(theirs)}) as url,
    ):
        yield Teller(gateway.url, ours), Teller(url, theirs)


@pytest.mark.parametrize(
    "request_",
    [
        {},
        {"request_data": None},
        {"request_data": "a text"},
        {"request_data": ["a", 1, None]},
        {"request_data": {"room": "kitchen"}},
        {"request_data": {"room": "kitchen"}, "start": {"body": {"room": "hall"}}},
        {"requestData": {"room": "kitchen"}, "start": {"body": {"room": "hall"}}},
        {"start": {"body": {"room": "hall"}}},
        {"start": {"body": ["a", 1]}},
        {"start": {"body": "a text"}},
        {"start": {}},
        {"start": {"body": []}},
        {"start": {"body": ""}},
        {"start": {"body": 0}},
        {"start": {"body": False}},
        {"start": {"transport": None, "enableDefaultIceServers": None, "body": {"a": 1}}},
        {"start": {"body": {"a": 1}}, "kind": "text/plain"},  # as `fetch` has a text
        {"start": {"body": {"a": 1}}, "kind": "application/x-www-form-urlencoded"},  # and curl all
        {"start": {"enableDefaultIceServers": True, "body": {"a": 1}}, "request_data": {}},
    ],
    ids=json.dumps,
)
async def test_the_body_is_what_the_client_sent(
    both: tuple[Teller, Teller], request_: dict[str, Any]
) -> None:
    ours, theirs = [await teller.told(**request_) for teller in both]
    assert ours["body"] == theirs["body"]


async def test_all_else_is_what_pipecats_runner_gives(both: tuple[Teller, Teller]) -> None:
    ours, theirs = [await teller.told() for teller in both]
    for each in (ours["cli_args"], theirs["cli_args"]):
        each.pop("port")
    assert (ours.pop("own"), theirs.pop("own")) == (True, False)
    theirs["argv"] = theirs["argv"][:1]  # the runner's options are in the gateway's settings
    assert ours == theirs
