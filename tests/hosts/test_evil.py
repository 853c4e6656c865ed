"""A host that somebody has taken over: what it may say at all, and what fronts make of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from loguru import logger

from gateway.bus import crossing, placing, subjects
from gateway.bus.subjects import HostId
from gateway.errors import Busy
from gateway.front.access import Caller
from gateway.front.places import hosts
from gateway.front.registry import Role
from gateway.front.shared.registry import SHELF
from gateway.front.switchboard import Offered
from gateway.wire.calls import KeptCall, OfferCall
from gateway.wire.promises import Wish
from tests.hosts.test_trust import ADDRESS, POSED, connected, session_of, write
from tests.support import nats
from tests.support.fleet import Fleet, Front, guarded, knows
from tests.support.offers import captured
from tests.support.waiting import until

pytestmark = pytest.mark.skipif(not nats.possible(), reason=nats.WHY_NOT)

EVIL = HostId("h1", "1")
STATE: dict[str, Any] = {"version": "1", "headroom": {"calls": 0, "most": 9}}


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


@pytest.fixture(autouse=True)
def _no_traces() -> Iterator[None]:
    """Whatever it says, it is no fault of ours."""
    found: list[str] = []
    sink = logger.add(found.append, filter=lambda record: record["exception"] is not None)
    yield
    logger.remove(sink)
    assert found == []


@asynccontextmanager
async def evil(fleet: Fleet) -> AsyncIterator[Any]:
    """A client of NATS's as host h1, which answers whatever it is asked, and does nothing."""
    async with connected(fleet.at("host-h1")) as (client, _):

        async def agree(message: Any) -> None:
            await client.publish(message.reply, crossing.pack({"ok": True, "calls": []}))

        await client.subscribe("voicegw.host.h1.>", cb=agree)
        await client.flush()
        yield client


async def told(client: Any, front: Front) -> None:
    """Wait until the front has heard all that the host has said."""
    await client.flush()
    await front.shared.bus.settled()


async def works(front: Front) -> None:
    """It takes calls, and shows what it knows."""
    await front.offer("well")
    shown = [front.hosts.state(), list(front.telemetry.sessions.values()), list(front.telemetry.reports)]
    json.dumps(shown, ensure_ascii=False, allow_nan=False).encode()
    front.telemetry.metrics(front.hosts.state())
    assert front.hosts.load >= 0


@pytest.mark.parametrize(
    ("name", "subject"),
    [
        ("porch", f"$JS.API.STREAM.PURGE.KV_{SHELF}"),
        ("yard", f"$KV.{SHELF}.{b'yard'.hex()}"),
    ],
)
async def test_a_host_can_not_have_a_front_say_something_elsewhere(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch, name: str, subject: str
) -> None:
    monkeypatch.setattr(placing, "DEAD_SECONDS", 0.0)
    one = await fleet.front("f1")
    await one.shared.registry.add(name)
    async with evil(fleet) as client:
        heard: list[Any] = []

        async def take(message: Any) -> None:
            heard.append(message)
            await client.publish(message.reply, crossing.pack({"takes": str(EVIL)}), reply=subject)

        await client.subscribe(subjects.place(3), queue=subjects.HOSTS, cb=take)
        await client.flush()
        for _ in range(40):  # NATS drops whom a busy machine has answer late: then there is nobody to ask
            with pytest.raises(Busy):
                await one.offer("kitchen")
            await asyncio.sleep(0.2)
            if heard:
                break
        assert heard
        await told(client, one)
        there = await one.shared.registry._shelf.get(name.encode().hex())
        assert there is not None
        assert there.body is not None
        assert there.body["name"] == name


@pytest.mark.parametrize("name", ["h1." + "x" * 5_000, "h1.1.x", ["h1"]])
async def test_a_host_that_calls_itself_nothing_has_no_call(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch, name: Any
) -> None:
    """NATS ends the connection of a front that asks after a name that is too long."""
    monkeypatch.setattr(placing, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(placing, "PING_SECONDS", 0.2)
    monkeypatch.setattr(placing, "DEAD_SECONDS", 0.0)
    one = await fleet.front("f1")
    async with evil(fleet) as client:
        said: list[bytes] = []

        async def hear(message: Any) -> None:
            said.append(message.data)

        await client.subscribe("_INBOX.host-h1.x", cb=hear)

        async def take(message: Any) -> None:
            await client.publish(message.reply, crossing.pack({"takes": name}), reply="_INBOX.host-h1.x")

        await client.subscribe(subjects.place(3), queue=subjects.HOSTS, cb=take)
        await client.flush()
        with pytest.raises(Busy):
            await one.offer("kitchen")
        await told(client, one)
        assert not any(crossing.unpack(data).get("yes") for data in said)
    assert one.shared.bus.here


def raw(text: str) -> bytes:
    return f'{{"v":1,"body":{text}}}'.encode()


def headroom(**odd: Any) -> bytes:
    return raw(json.dumps({**STATE, "headroom": {**STATE["headroom"], **odd}}))


@pytest.mark.parametrize(
    "data",
    [
        headroom(calls=-(10**400)),
        headroom(cpu=float("nan")),
        headroom(lag_ms=float("-inf")),
        raw('{"version":"\\ud800","headroom":{"calls":0,"most":9}}'),
        raw(json.dumps({**STATE, "version": "x" * 400_000})),
    ],
)
async def test_whatever_a_host_says_of_itself_fronts_go_on(fleet: Fleet, data: bytes) -> None:
    one = await fleet.front("f1")
    await fleet.host("h2")
    await knows(one, 1)
    async with evil(fleet) as client:
        await client.publish(EVIL.state, data)
        await told(client, one)
        await works(one)
        assert len(json.dumps(one.hosts.state())) < 2_000


HELD: dict[str, Any] = POSED
SESSION: dict[str, Any] = {**HELD["described"], "state": "live"}
ODD_SESSIONS: list[dict[str, Any]] = [
    {"media": {"rtt_ms": "soon"}},
    {"media": {"rtt_ms": 10**400}},
    {"media": 7},
    {"state": "x" * 100_000},
    {"figures": {f"f{n}": 1 for n in range(100_000 // 8)}},
]


@pytest.mark.parametrize("odd", [*ODD_SESSIONS, {"state": "\ud800"}])
async def test_whatever_a_host_says_of_a_call_fronts_go_on(fleet: Fleet, odd: dict[str, Any]) -> None:
    one = await fleet.front("f1")
    await fleet.host("h2")
    await knows(one, 1)
    call = {**HELD, "device": None}
    async with evil(fleet) as client:
        for described in (SESSION, {**SESSION, **odd}):
            await client.publish(EVIL.event, raw(json.dumps({"call": {**call, "described": described}})))
            event = {"kind": "session", "session_id": "posed", "data": described}
            await client.publish(EVIL.event, raw(json.dumps(event)))
        await told(client, one)
        await works(one)
        assert len(json.dumps(one.telemetry.sessions["posed"], default=str)) < 2_000


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("turn", {}),
        ("turn", {"stages_ms": 5, "user": 5}),
        ("measures", {"items": [{"service": "s", "model": "m", "kind": "x", "value": "y"}]}),
        ("transcript", {"final": "maybe"}),
        ("report", {"kind": "command-result", "data": 5}),
        ("report", {"kind": "crash", "data": {"text": {"deep": "x" * 100_000}}, "at": 1}),
        ("tool", {"name": "x" * 100_000, "ok": 1, "ms": "long"}),
        ("said", {"number": "one"}),
        ("ask", {"id": "x"}),
        ("ended", {}),
    ],
)
async def test_whatever_a_host_tells_of_what_happens_fronts_go_on(
    fleet: Fleet, kind: str, data: dict[str, Any]
) -> None:
    one = await fleet.front("f1")
    await fleet.host("h2")
    await knows(one, 1)
    async with evil(fleet) as client:
        await client.publish(EVIL.event, raw(json.dumps({"call": {**HELD, "described": SESSION}})))
        subject = EVIL.ask if kind == "ask" else EVIL.event
        await client.publish(subject, raw(json.dumps({"kind": kind, "session_id": "posed", "data": data})))
        await told(client, one)
        await works(one)
    assert len(json.dumps(list(one.telemetry.reports))) < 20_000
    assert [e.kind for e in one.events if e.session_id == "posed"] in (["session"], ["session", "report"])


async def test_a_call_with_no_address_keeps_nobody_out(fleet: Fleet) -> None:
    one = await fleet.front("f1")
    await fleet.host("h2")
    await knows(one, 1)
    caller = {"address": "nowhere", "name": None, "role": "device", "key_id": None}
    call = {**HELD, "device": None, "owner": {**HELD["owner"], "caller": caller}}
    async with evil(fleet) as client:
        await client.publish(EVIL.event, raw(json.dumps({"call": call})))
        await told(client, one)
        offered = Offered(captured("libpeer"), "offer", None, False, None)
        stranger = Caller("192.0.2.7", None, Role.DEVICE, None)
        await one.switchboard.offer(offered, stranger, arrived_on="127.0.0.1")


async def test_one_name_makes_no_crowd(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosts, "MOST_OF_A_NAME", 20, raising=False)
    one = await fleet.front("f1")
    async with evil(fleet) as client:
        for n in range(60):
            await client.publish(HostId("h1", f"i{n}").state, raw(json.dumps(STATE)))
        await told(client, one)
        assert len(one.hosts.state()) <= 20
        for n in range(60):
            await client.publish(EVIL.event, raw(json.dumps({"call": {**HELD, "session_id": f"s{n}"}})))
        await told(client, one)
        assert one.hosts.count <= 20


async def test_what_one_host_tells_without_end_is_not_read(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosts, "TOLD_BURST", 20)
    monkeypatch.setattr(hosts, "TOLD_PER_SECOND", 5)
    one = await fleet.front("f1")
    await fleet.host("h2")
    await knows(one, 1)
    errors: list[str] = []
    sink = logger.add(errors.append, level="ERROR", format="{message}")
    async with evil(fleet) as client:
        await client.publish(EVIL.event, raw(json.dumps({"call": {**HELD, "described": SESSION}})))
        for _ in range(200):
            event = {"kind": "session", "session_id": "posed", "data": SESSION}
            await client.publish(EVIL.event, raw(json.dumps(event)))
        await told(client, one)
        assert len([e for e in one.events if e.session_id == "posed"]) < 100
        await works(one)
    logger.remove(sink)
    assert ["h1 has told" in line for line in errors] == [True]


async def test_a_host_that_was_only_offered_a_call_never_has_it(fleet: Fleet) -> None:
    """Its seal tells whose it is; that of its place the host has that took it."""
    one = await fleet.front("f1")
    async with evil(fleet) as client:
        offers: list[OfferCall] = []

        async def refuse(message: Any) -> None:
            offers.append(crossing.read(message.data, OfferCall))
            await client.publish(message.reply, crossing.pack({"full": str(EVIL)}))
            if len(offers) == 1:
                await fleet.host("h2")

        await client.subscribe("voicegw.place.*", queue=subjects.HOSTS, cb=refuse)
        await client.flush()
        asked = asyncio.create_task(_placed(one))
        await asked
        [entry] = one.switchboard._calls.of("kitchen")
        await one.switchboard.end(entry.session_id, "revoked")
        await until(lambda: one.devices() == [], "it has ended")
        offer = next(o for o in offers if o.session_id == entry.session_id)
        kept = KeptCall(
            session_id=offer.session_id,
            pc_id="p",
            device=offer.device,
            owner=offer.owner,
            described=SESSION,
            seal=offer.seal,
        )
        await client.publish(EVIL.event, crossing.pack({"call": kept.model_dump(mode="json")}))
        await told(client, one)
        assert one.switchboard._calls.of("kitchen") == []
        assert one.switchboard.live_session("kitchen") is None


async def _placed(front: Front) -> None:
    while True:
        try:
            await front.offer("kitchen")
        except Busy:
            continue
        return


async def test_a_call_whose_device_has_a_later_one_is_its_no_more_whatever_its_host_says(
    fleet: Fleet,
) -> None:
    one = await fleet.front("f1")
    host = await fleet.host("h1")
    await knows(one, 1)
    answer = await one.offer("kitchen")
    [call] = host.desk._calls.values()
    await host.desk.close()
    await fleet.host("h2")
    await until(lambda: [h["host"] for h in one.hosts.state() if h["ready"]] == ["h2"], "h1 is gone")
    async with evil(fleet) as client:
        held = crossing.pack({"call": call.model_dump(mode="json")})
        await client.publish(EVIL.event, held)
        await told(client, one)
        assert (
            one.switchboard._calls.known_by(answer.pc_id) is not None
        )  # it may go on, as far as a front knows
        later = session_of(one, await one.offer("kitchen"))
        await client.publish(EVIL.event, held)
        ask = {"kind": "ask", "session_id": call.session_id, "data": {"id": 0, "tool": "list_timers"}}
        await client.publish(EVIL.ask, raw(json.dumps(ask)))
        await told(client, one)
        await until(lambda: any(e.kind == "ask" for e in one.events), "it asks")
        assert [e.data["device"] for e in one.events if e.kind == "ask"] == [None]
        assert one.switchboard._calls.with_device("kitchen").session_id == later
        await one.switchboard.end(later, "revoked")
        await until(lambda: later not in one.hosts, "the later one has ended")
        await client.publish(EVIL.event, held)
        await told(client, one)
        assert one.switchboard.live_session("kitchen") is None
        assert "kitchen" not in one.switchboard.devices_live()


async def test_a_host_tells_how_something_ended_in_its_own_calls_alone(fleet: Fleet) -> None:
    one = await fleet.front("f1")
    made = await one.promises.add("kitchen", Wish(kind="say", text="hello"))
    one.promises._said_in[made["number"]] = "elsewhere"
    async with evil(fleet) as client:
        await client.publish(EVIL.event, raw(json.dumps({"call": {**HELD, "described": SESSION}})))
        said = {"number": made["number"], "how": "heard", "why": ""}
        event = {"kind": "said", "session_id": "posed", "data": said}
        await client.publish(EVIL.event, raw(json.dumps(event)))
        await told(client, one)
    assert one.promises._said_in == {made["number"]: "elsewhere"}
