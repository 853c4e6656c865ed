"""NATS as `voicegw nats` sets it up: who gets in, and what a host can and can't do."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
import tomllib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.bus import crossing, placing, subjects
from gateway.bus.subjects import HostId
from gateway.front.shared.registry import SHELF
from gateway.sections import Nats
from gateway.wire.calls import Answer, SessionEvent
from tests.support import nats
from tests.support.fleet import Fleet, Front, guarded, knows
from tests.support.gateway import voicegw
from tests.support.waiting import until

pytestmark = pytest.mark.skipif(not nats.possible(), reason=nats.WHY_NOT)

ADDRESS = ("--address", "127.0.0.1")


def write(folder: Path, *arguments: str) -> str:
    """Run `voicegw nats`; gives what it prints."""
    done = voicegw("nats", str(folder), "--store", str(folder / "store"), *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def members(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("members")
    write(folder, *ADDRESS, "--front", "f1", "--front", "f2", "--host", "h1", "--host", "h2")
    return folder


@pytest.fixture
async def fleet(members: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Fleet]:
    monkeypatch.setattr(placing, "PING_SECONDS", 20.0)
    async with guarded(members, tmp_path) as found:
        yield found


@asynccontextmanager
async def connected(at: Nats, **more: Any) -> AsyncIterator[tuple[Any, list[str]]]:
    """A client of anyone's, and what NATS tells it off for."""
    from nats.aio.client import Client  # noqa: PLC0415 -- an extra

    told: list[str] = []

    async def failed(error: Exception) -> None:
        told.append(str(error))

    client = Client()
    options: dict[str, Any] = {
        "servers": list(at.urls),
        "user": at.user,
        "password": at.password() if at.user else None,
        "tls": ssl.create_default_context(cafile=at.ca) if at.ca else None,
        "allow_reconnect": False,
        "max_reconnect_attempts": 1,
        "connect_timeout": 5,
        "error_cb": failed,
        "inbox_prefix": subjects.inboxes(at.user or "anyone"),
        **more,
    }
    await client.connect(**options)
    try:
        yield client, told
    finally:
        await client.close()


async def test_with_what_it_wrote_calls_are_placed_and_keys_shared(fleet: Fleet) -> None:
    one, two = await fleet.front("f1"), await fleet.front("f2")
    await fleet.host("h1")
    await knows(two, 1)
    _, key = await one.shared.registry.add("kitchen")
    answer = await one.offer("kitchen")
    again = await two.offer("kitchen", pc_id=answer.pc_id, restart=True)
    assert again.resumed

    async def known() -> bool:
        return "kitchen" in {d.name for d in await two.shared.registry.all()}

    while not await known():  # noqa: ASYNC110 -- the registry tells of no change
        await asyncio.sleep(0.02)
    assert (await two.shared.registry.authenticate(key)).name == "kitchen"


@pytest.mark.parametrize(
    "more",
    [{"user": None, "password": None}, {"password": "wrong"}, {"user": "front-f9"}, {"tls": None}],
)
async def test_nobody_else_gets_in(fleet: Fleet, more: dict[str, Any]) -> None:
    with pytest.raises(Exception):  # noqa: B017, PT011 -- nats-py has one for each
        async with connected(fleet.at("host-h1"), **more):
            pass


async def test_a_host_reads_no_key_and_changes_none(fleet: Fleet) -> None:
    one = await fleet.front("f1")
    await one.shared.registry.add("porch")
    async with connected(fleet.at("host-h1")) as (client, told):
        for subject in (
            f"$KV.{SHELF}.x",
            f"$JS.API.STREAM.MSG.GET.KV_{SHELF}",
            f"$JS.API.DIRECT.GET.KV_{SHELF}",
            f"$JS.API.STREAM.DELETE.KV_{SHELF}",
        ):
            await client.publish(subject, b"{}")
        for subject in (f"$KV.{SHELF}.>", "$KV.>", ">", "_INBOX.>", "$JS.>"):
            await client.subscribe(subject)
        await client.flush()
        await until(lambda: len(told) == 9, f"all nine are refused: {told}")
        assert all("permissions violation" in text.lower() for text in told)


async def test_a_host_cant_pose_as_a_front_nor_as_another_host(fleet: Fleet) -> None:
    one = await fleet.front("f1")
    other = await fleet.host("h2")
    await knows(one, 1)
    await one.offer("kitchen")
    held = {"version": "1", "headroom": {"calls": 0, "most": 9}}
    async with connected(fleet.at("host-h1")) as (client, told):
        refused = (
            subjects.place(3),
            subjects.asked(str(other.who), "end"),
            other.who.state,
            other.who.event,
            other.who.ask,
            subjects.TELLINGS,
            f"{subjects.inboxes('front-f1')}.x",
        )
        for subject in refused:
            await client.publish(subject, crossing.pack(held))
        for subject in (
            subjects.EVENTS,
            subjects.TELLINGS,
            f"{subjects.inboxes('front-f1')}.>",
            f"{subjects.inboxes('host-h2')}.>",
        ):
            await client.subscribe(subject)
        await client.publish(HostId("h1", "1").state, crossing.pack(held))
        await client.flush()
        await until(lambda: len(told) == len(refused) + 4, f"all are refused: {told}")
        await until(lambda: len(one.hosts.state()) == 2, "what is its own is heard")
    assert one.devices() == ["kitchen"]


POSED = {
    "session_id": "posed",
    "pc_id": "p",
    "device": "kitchen",
    "owner": {
        "caller": {"address": "1.2.3.4", "name": "kitchen", "role": "device", "key_id": "k"},
        "board": None,
        "who": {"id": None, "address": "1.2.3.4"},
    },
    "described": {"id": "posed", "state": "live", "device": "kitchen", "media": None},
    "order": [9e12, 9],
}
LIST = {"id": 0, "tool": "list_timers", "arguments": {}, "session": "posed", "device": "kitchen"}


def session_of(front: Front, answer: Answer) -> str:
    entry = front.switchboard._calls.known_by(answer.pc_id)
    assert entry is not None
    return entry.session_id


@asynccontextmanager
async def posing(fleet: Fleet, call: dict[str, Any], fronts: int = 1) -> AsyncIterator[list[Any]]:
    """Tell of a call as host h1, and ask for what its device's bot may; gives what h1 is asked and answered."""
    who = HostId("h1", "1")
    async with connected(fleet.at("host-h1")) as (client, _):
        heard: list[Any] = []

        async def answer(message: Any) -> None:
            heard.append((message.subject.rsplit(".", 1)[1], crossing.unpack(message.data)))
            await client.publish(message.reply, crossing.pack({"ok": True}))

        await client.subscribe("voicegw.host.h1.>", cb=answer)
        await client.publish(who.event, crossing.pack({"call": call}))
        ask = {"kind": "ask", "session_id": call["session_id"], "data": LIST}
        await client.publish(who.ask, crossing.pack(ask))
        await client.flush()
        await client.publish(who.state, crossing.pack({"version": "1", "headroom": {"calls": 1, "most": 9}}))
        await until(lambda: [name for name, _ in heard].count("held") >= fronts, "all fronts have heard it")
        yield heard


async def test_a_host_overhears_no_offer_of_another(fleet: Fleet) -> None:
    one = await fleet.front("f1")
    await fleet.host("h2")
    await knows(one, 1)
    async with connected(fleet.at("host-h1")) as (client, told):
        heard: list[Any] = []

        async def take(message: Any) -> None:
            heard.append(message)

        await client.subscribe("voicegw.place.*", cb=take)
        await client.subscribe(subjects.place(3), cb=take)
        await client.subscribe(subjects.place(3), queue="mine", cb=take)
        await client.flush()
        await until(lambda: len(told) == 3, f"all three are refused: {told}")
        await one.offer("kitchen")
        await client.flush()
        assert heard == []


@pytest.mark.parametrize("more", [{}, {"seal": "0" * 64, "placed": "0" * 64}], ids=["none", "wrong"])
async def test_a_host_takes_no_devices_call_over_and_asks_for_nothing_of_its(
    fleet: Fleet, more: dict[str, str]
) -> None:
    one = await fleet.front("f1")
    await fleet.host("h2")
    await knows(one, 1)
    answer = await one.offer("kitchen")
    session = session_of(one, answer)
    async with posing(fleet, {**POSED, **more}) as heard:
        assert [e.session_id for e in one.switchboard._calls.of("kitchen")] == [session]
        asks = [e for e in one.events if e.kind == "ask"]
        assert all(e.data["device"] is None for e in asks)
        assert not any(name == "end" for name, _ in heard)
    assert [e for e in one.events if e.kind == "ended"] == []
    assert bool(asks) == (not more)


async def test_what_a_hosts_bot_asks_for_is_for_its_calls_own_device(fleet: Fleet) -> None:
    one = await fleet.front("f1")
    host = await fleet.host("h1")
    await knows(one, 1)
    answer = await one.offer("porch")
    host.desk.emit(0, SessionEvent(kind="ask", session_id=session_of(one, answer), data=LIST))
    await until(lambda: any(e.kind == "ask" for e in one.events), "it is heard")
    assert [e.data["device"] for e in one.events if e.kind == "ask"] == ["porch"]


async def test_another_hosts_seal_is_no_seal(fleet: Fleet) -> None:
    one, two = await fleet.front("f1"), await fleet.front("f2")
    other = await fleet.host("h2")
    await knows(one, 1)
    answer = await one.offer("kitchen")
    session = session_of(one, answer)
    await until(lambda: session in one.hosts and session in two.hosts, "both fronts know of it")
    [call] = other.desk._calls.values()
    async with posing(fleet, call.model_dump(mode="json"), fronts=2):
        assert one.hosts._at[session].name == "h2"
        assert two.hosts._at[session].name == "h2"


def test_what_is_there_stays_when_a_member_is_added(tmp_path: Path) -> None:
    write(tmp_path, *ADDRESS, "--front", "f1")
    before = {
        name: (tmp_path / name).read_bytes()
        for name in ("front-f1/front-f1.password", "nats/ca.pem", "nats/server.pem")
    }
    told = write(tmp_path, "--host", "h1")
    assert "host-h1" in told
    assert before == {name: (tmp_path / name).read_bytes() for name in before}
    config = (tmp_path / "nats" / "nats-server.conf").read_text()
    assert config.count("password:") == 2


def test_what_is_secret_is_its_users_alone(tmp_path: Path) -> None:
    write(tmp_path, *ADDRESS, "--host", "h1")
    for path in tmp_path.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--host", "h1"), "nobody knows yet where NATS is"),
        ((*ADDRESS, "--host", "a.b"), "no machine's name"),
        (("--address", ""), "--address '' is neither an address nor a name"),
        (("--address", "tls://10.0.0.1:4222"), "neither an address nor a name"),
        (("--address", "one two"), "neither an address nor a name"),
        (("--address", "k\udcf6ln"), "neither an address nor a name"),
        ((*ADDRESS, "--store", " "), "--store ' ' is no path"),
    ],
)
def test_what_cant_be_is_said_in_a_line(tmp_path: Path, arguments: tuple[str, ...], says: str) -> None:
    done = voicegw("nats", str(tmp_path / "new"), *arguments)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "new").exists()


def test_names_and_addresses_are_written_as_urls_have_them(tmp_path: Path) -> None:
    write(
        tmp_path, "--address", "fd00::1", "--address", "[fd00::2]", "--address", "köln.lan", "--front", "f1"
    )
    told = tomllib.loads((tmp_path / "front-f1" / "nats.toml").read_text())["nats"]["urls"]
    assert told == ["tls://[fd00::1]:4222", "tls://[fd00::2]:4222", "tls://xn--kln-sna.lan:4222"]


def test_a_store_is_any_folder(tmp_path: Path) -> None:
    done = voicegw("nats", str(tmp_path / "new"), "--store", str(tmp_path / 'dätä "1"'), *ADDRESS)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "new" / "nats"
    server = subprocess.run(
        ["nats-server", "-t", "-c", "nats-server.conf"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert server.returncode == 0, server.stderr
    assert 'dätä \\"1\\"' in (folder / "nats-server.conf").read_text()
