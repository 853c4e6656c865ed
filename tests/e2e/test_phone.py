"""Calls on the phone, by a client that speaks as each provider does, to a stock bot; nothing gets out of its LAN."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from websockets.exceptions import InvalidStatus

from tests.support import lan
from tests.support import phone as phones
from tests.support.gateway import BOTS, GatewayProcess, client, serving, voicegw
from tests.support.phone import Caller, calling

BOT = Path(__file__).parents[1] / "unchanged" / "bots" / "phone.py"
pytestmark = pytest.mark.skipif(not lan.possible(), reason="network namespaces need root and iproute2")
EACH = pytest.mark.parametrize("provider", phones.PROVIDERS)


@pytest.fixture(scope="module")
def machine() -> Iterator[lan.Machine]:
    """The gateway's: what a bot's serializer says to its provider leads nowhere."""
    with lan.machine() as made:
        yield made


@asynccontextmanager
async def answering(
    machine: lan.Machine, folder: Path, provider: str, **more: Any
) -> AsyncIterator[GatewayProcess]:
    settings = {"bot": "echo", "phone": {"provider": provider, "url": phones.URL, "bot": str(BOT)}, **more}
    async with serving(
        folder, settings, host="::", prefix=machine.prefix, extra=phones.ENVIRONMENT
    ) as gateway:
        yield gateway


async def rung(machine: lan.Machine, gateway: GatewayProcess, provider: str) -> str:
    """Where the webhook's answer sends the media stream."""
    async with client(f"https://{machine.there(1)}:{gateway.port}") as http:
        http.headers.update({"Host": phones.HOST, **phones.signed(provider)})
        answer = await http.post("/", data=phones.FORM)
        assert answer.status_code == 200, answer.text
        return phones.stream_of(answer.text)


@asynccontextmanager
async def call(machine: lan.Machine, gateway: GatewayProcess, provider: str) -> AsyncIterator[Caller]:
    stream = await rung(machine, gateway, provider)
    headers = phones.handshake(provider)
    async with calling(provider, stream, machine.there(1), gateway.port, headers) as caller:
        yield caller


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def _twilio(
    machine: lan.Machine, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[GatewayProcess]:
    async with answering(machine, tmp_path_factory.mktemp("twilio"), "twilio") as gateway:
        yield gateway


@pytest.fixture
def twilio(_twilio: GatewayProcess) -> GatewayProcess:
    """One that takes Twilio's calls, for several tests."""
    _twilio.forget_log()
    return _twilio


async def sessions(machine: lan.Machine, gateway: GatewayProcess, key: str) -> list[dict[str, Any]]:
    """As an operator sees them."""
    async with client(f"https://{machine.there(1)}:{gateway.port}", key=key) as http:
        found: list[dict[str, Any]] = (await http.get("/api/state")).raise_for_status().json()["sessions"]
        return found


def operators_key(gateway: GatewayProcess) -> str:
    settings = ("--config", str(gateway.directory / "voicegw.toml"))
    made = voicegw(
        "devices", *settings, "add", "page", "--role", "operator", "--json", extra=phones.ENVIRONMENT
    )
    return str(json.loads(made.stdout)["key"])


@EACH
async def test_a_caller_and_a_stock_bot_hear_each_other(
    machine: lan.Machine, tmp_path: Path, provider: str
) -> None:
    async with answering(machine, tmp_path, provider) as gateway:
        key = operators_key(gateway)
        async with call(machine, gateway, provider) as caller:
            await caller.hears(440.0)
            [session] = await sessions(machine, gateway, key)
            assert (session["client"], session["state"]) == (provider, "live")
            await caller.hangs_up()
            await gateway.logged("EVENT disconnected")
            assert await gateway.ended() == ["client_left"]
            assert f"EVENT ('{provider}', None, '{provider}')" in gateway.log()


async def test_a_bot_that_ends_hangs_up(machine: lan.Machine, twilio: GatewayProcess) -> None:
    async with call(machine, twilio, "twilio") as caller:
        await caller.hears(440.0)
        await caller.presses("5")
        await caller.hung_up_on()
        assert caller.code == 1000
        assert await twilio.ended() == ["bot_ended"]
        assert "EVENT digit 5" in twilio.log()


async def test_a_bot_that_fails_hangs_up_and_says_why(machine: lan.Machine, tmp_path: Path) -> None:
    bot = {"provider": "twilio", "url": phones.URL, "bot": str(BOTS / "raises_at_start.py")}
    async with (
        answering(machine, tmp_path, "twilio", phone=bot) as gateway,
        call(machine, gateway, "twilio") as caller,
    ):
        await caller.hung_up_on()
        assert caller.code == 1011
        assert await gateway.ended() == ["bot_failed"]


async def test_what_the_provider_has_not_signed_gets_nothing(
    machine: lan.Machine, twilio: GatewayProcess
) -> None:
    async with client(f"https://{machine.there(1)}:{twilio.port}") as http:
        http.headers["Host"] = phones.HOST
        for headers in ({}, phones.signed("plivo"), {"X-Twilio-Signature": "bm8="}):
            refused = await http.post("/", data=phones.FORM, headers=headers)
            assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    for path in ("/ws", "/ws/guess"):
        with pytest.raises(InvalidStatus):
            await _connect(machine, twilio, f"wss://{phones.HOST}{path}")
    stream = await rung(machine, twilio, "twilio")
    with pytest.raises(InvalidStatus):  # a name that leads here and is not ours
        await _connect(machine, twilio, stream.replace(phones.HOST, "other.example.com"))
    async with calling("twilio", stream, machine.there(1), twilio.port) as caller:
        await caller.hears(440.0)
    with pytest.raises(InvalidStatus):
        await _connect(machine, twilio, stream)  # again
    await twilio.ended()


async def _connect(machine: lan.Machine, gateway: GatewayProcess, stream: str) -> None:
    async with calling("twilio", stream, machine.there(1), gateway.port):
        pass


async def test_calls_are_bounded_as_others_are(machine: lan.Machine, tmp_path: Path) -> None:
    async with (
        answering(machine, tmp_path, "twilio", limits={"sessions": 1}) as gateway,
        call(machine, gateway, "twilio") as caller,
    ):
        await caller.hears(440.0)
        with pytest.raises(InvalidStatus):
            async with call(machine, gateway, "twilio"):
                pass
        await caller.hears(440.0)


async def test_a_front_that_dies_hangs_up(machine: lan.Machine, tmp_path: Path) -> None:
    async with (
        answering(machine, tmp_path, "twilio") as gateway,
        call(machine, gateway, "twilio") as caller,
    ):
        await caller.hears(440.0)
        gateway.process.kill()
        await gateway.logged("EVENT disconnected")
        assert await gateway.ended() == ["client_left"]


# -- nobody is answered until it is set


async def test_nothing_of_it_is_there_by_default(tmp_path: Path) -> None:
    async with serving(tmp_path) as gateway, client(gateway.url) as http:
        assert (await http.post("/", data=phones.FORM)).status_code == 405
        for _ in range(100):  # more than one address may have connections
            with pytest.raises(InvalidStatus):
                async with calling("twilio", f"ws://localhost:{gateway.port}/ws", "127.0.0.1", gateway.port):
                    pass
        assert (await http.get("/healthz")).status_code == 200


async def test_streams_that_were_refused_take_no_room(machine: lan.Machine, twilio: GatewayProcess) -> None:
    """The door counts connections that have become WebSockets, and forgets them when they end."""
    for _ in range(100):
        with pytest.raises(InvalidStatus):
            await _connect(machine, twilio, f"wss://{phones.HOST}/ws")
    async with client(f"https://{machine.there(1)}:{twilio.port}") as http:
        assert (await http.get("/healthz")).status_code == 200
