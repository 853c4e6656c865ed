"""What goes wrong in a bot, with the defaults: nobody else notices, its call stays, and a new bot takes its place."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from aiortc.mediastreams import VideoStreamTrack

from tests.support.gateway import BOTS, GatewayProcess, alive, children, command_line, serving
from tests.support.peer import Peer, calling, gaps
from tests.support.waiting import until

LONGEST_GAP = 1.0
"""Seconds without one's tone that pass for the shared machine's doing; a lost call's gap never ends."""
SETTINGS = {
    "bots": {
        "rascal": str(BOTS / "misbehaves.py"),
        "slow": str(BOTS / "blocks_at_start.py"),
        "raises": str(BOTS / "raises_at_start.py"),
        "returns": str(BOTS / "returns_at_once.py"),
    },
    "limits": {"offers_per_minute": 6_000},  # the tests' own: they call more often than a home does
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def _shared_by_all(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[GatewayProcess]:
    async with serving(tmp_path_factory.mktemp("trouble"), SETTINGS) as started:
        yield started


@pytest.fixture
async def gateway(_shared_by_all: GatewayProcess) -> AsyncIterator[GatewayProcess]:
    """A gateway that nobody calls."""
    _shared_by_all.forget_log()
    yield _shared_by_all
    await _shared_by_all.idle()


def named(name: str) -> dict[str, dict[str, str]]:
    return {"device": {"id": name}}


async def session_of(gateway: GatewayProcess, name: str) -> str:
    [session] = [s for s in await gateway.sessions() if s["device"] == name]
    return str(session["id"])


def errors(peer: Peer) -> list[tuple[str, bool]]:
    """The errors that a client was told, and whether they ended its call."""
    return [(m["data"]["error"], m["data"]["fatal"]) for m in peer.messages if m.get("type") == "error"]


def below(pid: int) -> Iterator[int]:
    """All that a process has started, and what that has."""
    for child in children(pid):
        yield child
        yield from below(child)


@pytest.mark.parametrize(
    ("trouble", "says"),
    [
        ("raise", "RuntimeError: asked to raise"),
        ("block", "is blocked"),
        ("interpreter", "is blocked"),
        ("exit", "exit status 7"),
        ("crash", "SIGSEGV"),
        ("kill", "SIGKILL"),
        ("fork", "exit status 9"),
        ("descriptors", "bot rascal failed"),
        ("memory", "bot rascal failed"),
        ("garbage", "bot rascal failed"),
    ],
)
async def test_a_bot_that_fails_costs_nobody_else_and_not_its_own_call(
    gateway: GatewayProcess, trouble: str, says: str
) -> None:
    async with (
        calling(gateway.url, request_data=named("rascal")) as rascal,
        calling(gateway.url, hertz=880, request_data=named("y")) as neighbour,
    ):
        await rascal.hears()
        await neighbour.hears()
        session, before = await session_of(gateway, "rascal"), neighbour.ear.seconds
        rascal.send(json.dumps({"type": trouble}))
        await until(lambda: bool(errors(rascal)), "its client is told")
        silent = rascal.ear.seconds
        await until(lambda: rascal.ear.seconds > silent + 1, "it has heard on")
        await rascal.hears()
        assert errors(rascal) == [("bot_failed", False)]
        assert await session_of(gateway, "rascal") == session
        assert gaps(neighbour.ear.since(before), 880) <= LONGEST_GAP + neighbour.late
        assert errors(neighbour) == []
        await gateway.logged(says.replace("bot rascal", f"bot {SETTINGS['bots']['rascal']}"))  # type: ignore[index]
    await until(lambda: not _sleepers(gateway), "nothing that it has started is left")


def _sleepers(gateway: GatewayProcess) -> list[int]:
    return [p for p in below(gateway.pid) if b"sleep" in command_line(p) or b"while True" in command_line(p)]


@pytest.mark.parametrize("trouble", ["binary", "hog", "flood"])
async def test_a_bot_that_takes_all_it_can_costs_nobody_else(gateway: GatewayProcess, trouble: str) -> None:
    async with (
        calling(gateway.url, request_data=named("rascal")) as rascal,
        calling(gateway.url, hertz=880, request_data=named("y")) as neighbour,
    ):
        await rascal.hears()
        await neighbour.hears()
        rascal.send(json.dumps({"type": trouble}))
        heard = await neighbour.heard_more(3)
        assert gaps(heard, 880) <= LONGEST_GAP + neighbour.late
        assert errors(neighbour) == errors(rascal) == []
        assert gateway.log().isprintable() or all(line.isprintable() for line in gateway.log().splitlines())
    await until(lambda: not _sleepers(gateway), "nothing that it has started is left")


async def test_a_bot_that_is_slow_to_start_is_waited_for(gateway: GatewayProcess) -> None:
    async with calling(gateway.url) as other, calling(gateway.url, request_data=named("slow")) as slow:
        await other.hears()
        before = other.ear.seconds
        await slow.hears()
        assert errors(slow) == []
        assert gaps(other.ear.since(before), other.hertz) < LONGEST_GAP + other.late


async def test_a_call_with_video_is_answered_though_its_bot_blocks(tmp_path: Path) -> None:
    loaded = tmp_path / "loaded"
    settings = {"bot": str(BOTS / "waits_for_a_file.py")}
    async with (
        serving(tmp_path / "gateway", settings, extra={"WAITS_FOR": str(loaded)}) as gateway,
        Peer(gateway.url, request_data=None) as peer,
    ):
        peer.pc.addTransceiver(VideoStreamTrack(), direction="sendrecv")
        answer = await peer.post(await peer.offer())  # as Pipecat's runner, which begins the bot only then
        loaded.touch()
        await peer.take(answer)
        await peer.connected()
        await peer.hears()


async def test_a_bot_that_returns_ends_its_call(gateway: GatewayProcess) -> None:
    async with calling(gateway.url, request_data=named("rascal")) as rascal:
        await rascal.hears()
        rascal.send('{"type": "leave"}')
        await rascal.closed()
        assert errors(rascal) == [("bot_ended", True)]
    assert await gateway.ended() == ["bot_ended"]


@pytest.mark.parametrize("request_data", [named("peer"), None])
async def test_a_bot_that_wants_the_peer_connection_has_it_from_its_second_call_on(
    tmp_path: Path, request_data: object
) -> None:
    async with serving(tmp_path, {"bot": str(BOTS / "uses_the_peer_connection.py")}) as gateway:
        async with calling(gateway.url, request_data=request_data) as first:
            await first.closed()
            assert errors(first)[-1] == ("bot_failed", True)
        async with calling(gateway.url, request_data=request_data) as second:
            await second.hears()
            assert errors(second) == []
        assert await gateway.ended(2) == ["bot_failed", "client_left"]


async def test_a_bot_that_asks_for_the_peer_connection_late_ends_no_other_call(tmp_path: Path) -> None:
    async with serving(tmp_path, {"bot": str(BOTS / "asks_for_the_peer_connection.py")}) as gateway:
        async with (
            calling(gateway.url, request_data=named("asked")) as asked,
            calling(gateway.url, hertz=880, request_data=named("other")) as other,
        ):
            await asked.hears()
            await other.hears()
            asked.send('{"type": "ask"}')
            await asked.closed()
            assert errors(asked) == [("bot_failed", True)]
            async with calling(gateway.url, request_data=named("later")) as later:
                await later.hears()
                later.send('{"type": "ask"}')
                await until(lambda: {"type": "state", "is": "connected"} in later.messages, "it has it")
            await other.hears()
            assert errors(other) == []
        assert await gateway.ended(3) == ["bot_failed", "client_left", "client_left"]


async def test_a_bot_that_never_ends_is_ended(gateway: GatewayProcess) -> None:
    async with calling(gateway.url, request_data=named("rascal")) as rascal:
        await rascal.hears()
        rascal.send('{"type": "stay"}')
        await until(lambda: "is asked to stay" in gateway.log(), "it stays")
    assert await gateway.ended() == ["client_left"]
    await gateway.logged("takes longer than 5 s to end")


@pytest.mark.parametrize(
    ("name", "says"), [("raises", "no microphone cable"), ("returns", "it returned before")]
)
async def test_a_bot_that_does_not_start_leaves_its_device_in_its_call(
    gateway: GatewayProcess, name: str, says: str
) -> None:
    async with calling(gateway.url, request_data=named(name)) as peer:
        await until(lambda: len(errors(peer)) > 1, "it is told, and another bot is tried")
        assert set(errors(peer)) == {("bot_failed", False)}
        await peer.heard_more(1)
        assert peer.pc.connectionState == "connected"
        await gateway.logged(says)


async def test_a_browser_whose_bot_fails_is_told_why_its_call_ends(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, {"bot": str(BOTS / "misbehaves.py")}) as gateway,
        calling(gateway.url, request_data=None) as page,
    ):
        await page.hears()
        page.send('{"type": "exit"}')
        await page.closed()
        assert errors(page) == [("bot_failed", True)]
        assert await gateway.ended() == ["bot_failed"]


async def test_bots_end_with_their_gateway(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, {**SETTINGS, "limits": {"front_lost_s": 0}}) as doomed,  # no other front will come
        calling(doomed.url, request_data=named("rascal")) as rascal,
    ):
        await rascal.hears()
        rascal.send('{"type": "block"}')
        await doomed.logged("blocking from now on")
        family = list(below(doomed.pid))
        doomed.process.kill()
        await until(lambda: not any(map(alive, family)), "no process is left")
    await asyncio.to_thread(doomed.process.wait)
