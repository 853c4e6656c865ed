"""Fronts and hosts over a real NATS, without the processes around them: what each side does where it counts."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from gateway.bus import crossing, placing, subjects
from gateway.bus.connection import Message, connected
from gateway.bus.subjects import HostId
from gateway.errors import Busy, ConfigError, GatewayError, NoRoute, NotFound
from gateway.front.places.place import Lost
from gateway.hosting.desk import Desk
from gateway.wire.calls import Answer, EndCall, OfferCall, SessionEvent
from gateway.wire.headroom import TIERS
from gateway.wire.hosts import Held
from gateway.wire.sdp import Client
from tests.support import nats
from tests.support.fleet import Fleet, Host, Still, knows
from tests.support.offers import captured
from tests.support.waiting import until

pytestmark = pytest.mark.skipif(not nats.possible(), reason=nats.WHY_NOT)


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loaded machine is no sleeping host."""
    monkeypatch.setattr(placing, "PING_SECONDS", 20.0)
    monkeypatch.setattr(placing, "CONFIRM_SECONDS", 1.0)


@pytest.fixture
async def fleet(tmp_path: Path) -> AsyncIterator[Fleet]:
    async with nats.served(tmp_path / "nats") as server, AsyncExitStack() as stack:
        yield Fleet(server, stack, tmp_path)


async def test_with_no_host_an_offer_is_refused_at_once(fleet: Fleet) -> None:
    front = await fleet.front("f1")
    with pytest.raises(Busy, match="no host has room"):
        await front.offer("kitchen")


async def test_a_call_is_placed_known_to_every_front_and_ended_by_any(fleet: Fleet) -> None:
    one, two = await fleet.front("f1"), await fleet.front("f2")
    await fleet.host("h1")
    await knows(two, 1)
    answer = await one.offer("kitchen")
    await until(lambda: two.devices() == ["kitchen"], "the other front knows of it")
    [session] = two.telemetry.sessions.values()
    assert session["host"] == "h1"
    again = await two.offer("kitchen", pc_id=answer.pc_id, restart=True)
    assert again.resumed
    await two.switchboard.end(session["id"], "revoked")
    await until(lambda: one.devices() == [] == two.devices(), "both know that it has ended")


async def test_a_full_host_takes_no_more(fleet: Fleet) -> None:
    front = await fleet.front("f1")
    await fleet.host("h1", most=1)
    await knows(front, 1)
    await front.offer("kitchen")
    with pytest.raises(Busy, match="no host has room"):
        await front.offer("porch")


async def test_the_emptier_of_two_hosts_takes_the_call(fleet: Fleet) -> None:
    front = await fleet.front("f1")
    busy, idle = await fleet.host("busy", most=4), await fleet.host("idle", most=4)
    await knows(front, 2)
    await idle.desk.drain()
    for device in ("a", "b", "c"):
        await front.offer(device)
    assert busy.workers.count == 3
    idle.desk._draining = False
    await idle.desk._follow()
    await until(lambda: front.hosts._emptiest() == TIERS[0], "it says so")
    await front.offer("d")
    assert (busy.workers.count, idle.workers.count) == (3, 1)


def break_bot(host: Host) -> None:
    """As one whose file has an error is."""
    assert host.workers._local is not None
    host.workers._local._bots.check = cannot  # type: ignore[method-assign]


def cannot(bot: str) -> None:
    raise ConfigError(f"bot {bot} does not import")


async def test_a_host_whose_bot_cant_begin_leaves_calls_to_others(fleet: Fleet) -> None:
    front = await fleet.front("f1")
    broken, well = await fleet.host("broken"), await fleet.host("well")
    await knows(front, 2)
    break_bot(broken)
    offers = itertools.count(1)
    while not broken.desk.headroom.failing:  # NATS picks at random whom of the two it asks first
        await front.offer(f"d{next(offers)}")
    assert broken.desk.headroom.tier == TIERS[-1]
    made = next(offers)
    await front.offer(f"d{made}")
    await until(lambda: (broken.workers.count, well.workers.count) == (0, made), "the other has them")


async def test_where_no_hosts_bot_can_begin_the_client_hears_why(fleet: Fleet) -> None:
    front = await fleet.front("f1")
    break_bot(await fleet.host("h1"))
    await knows(front, 1)
    for device in ("a", "b"):  # also once it is asked last
        with pytest.raises(ConfigError, match="does not import"):
            await front.offer(device)


async def test_a_host_that_has_lost_the_devices_network_leaves_calls_to_others(fleet: Fleet) -> None:
    front = await fleet.front("f1")
    lost = await fleet.host("lost")
    await knows(front, 1)
    asked: list[OfferCall] = []

    async def begin(call: OfferCall) -> Answer:
        asked.append(call)
        raise NoRoute("no address of this host leads there")

    lost.desk._begin = begin  # type: ignore[method-assign]
    with pytest.raises(NoRoute, match="no address of this host"):
        await front.offer("alone")
    well = await fleet.host("well")
    await knows(front, 2)
    for n in range(12):  # NATS picks at random whom of the two it asks first
        await front.offer(f"d{n}")
    assert len(asked) > 1
    await until(lambda: well.workers.count == 12, "the other has them")


@pytest.mark.parametrize("why", [NoRoute("no address of this host leads there"), Lost("it has ended")])
async def test_a_client_that_its_host_can_not_take_up_again_has_a_new_call(
    fleet: Fleet, why: GatewayError
) -> None:
    front = await fleet.front("f1")
    host = await fleet.host("h1")
    await knows(front, 1)
    first = await front.offer("kitchen")

    async def renegotiate(*_: object) -> Answer:
        raise why

    host.desk._renegotiate = renegotiate  # type: ignore[method-assign,assignment]
    answer = await front.offer("kitchen", pc_id=first.pc_id, restart=True)
    assert not answer.resumed
    assert answer.pc_id != first.pc_id
    await until(lambda: front.devices() == ["kitchen"], "it has one call")


async def test_nobody_is_asked_where_no_host_is_known_to_be(fleet: Fleet) -> None:
    front = await fleet.front("f1")
    await fleet.host("h1", most=4)
    await knows(front, 1)
    for device in ("a", "b", "c"):
        await front.offer(device)
    await until(lambda: front.hosts._emptiest() == 1, "it has said how full it is")
    heard: list[Message] = []
    async with connected(fleet.at("host-spy"), "host-spy") as spy:
        for tier in (3, 2):
            await spy.hear(subjects.place(tier), heard.append)
        await spy.settled()
        await front.offer("d")
        await spy.settled()
    assert heard == []


async def test_a_front_that_starts_later_knows_the_calls_that_there_are(fleet: Fleet) -> None:
    one = await fleet.front("f1")
    await fleet.host("h1")
    await knows(one, 1)
    await one.offer("kitchen")
    two = await fleet.front("f2")
    await until(lambda: two.devices() == ["kitchen"], "it was told")
    await two.switchboard.command("kitchen", "identify", None)


async def test_of_two_calls_of_a_device_the_later_one_goes_on(fleet: Fleet) -> None:
    one, two = await fleet.front("f1"), await fleet.front("f2")
    first, second = await fleet.host("h1"), await fleet.host("h2")
    await knows(one, 2)
    await knows(two, 2)
    await asyncio.gather(one.offer("kitchen"), two.offer("kitchen"))
    await until(lambda: first.workers.count + second.workers.count == 1, "one of them is ended")
    await until(lambda: one.devices() == ["kitchen"] == two.devices(), "both fronts know which")


async def test_a_front_that_dies_in_mid_offer_leaves_no_call(fleet: Fleet) -> None:
    """The host has begun it; nobody takes the answer."""
    front = await fleet.front("f1")
    host = await fleet.host("h1")
    await knows(front, 1)
    begun, go_on = asyncio.Event(), asyncio.Event()
    offer = host.workers.offer

    async def slow(call: OfferCall) -> Answer:
        begun.set()
        await go_on.wait()
        return await offer(call)

    host.workers.offer = slow  # type: ignore[method-assign]
    task = asyncio.create_task(front.offer("kitchen"))
    await begun.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    go_on.set()
    await until(lambda: any(e.kind == "ended" for e in front.events), "the host has ended it")
    await until(lambda: host.workers.count == 0, "it has none")


async def test_a_call_that_nobody_waits_for_any_more_is_cancelled_as_it_begins(fleet: Fleet) -> None:
    """As when its host has slept meanwhile."""
    front = await fleet.front("f1")
    host = await fleet.host("h1")
    await knows(front, 1)
    bus, heard = front.shared.bus, asyncio.Queue[Message]()
    call = OfferCall(
        session_id="s",
        sdp=captured("libpeer"),
        type="offer",
        client=Client.DEVICE,
        device=None,
        bot="echo",
        address="127.0.0.1",
        remote="127.0.0.1",
    )
    inbox = bus.inbox()
    end = await bus.hear(inbox, heard.put_nowait)
    await bus.tell(subjects.place(3), crossing.pack(call), inbox)
    assert "takes" in crossing.unpack((await heard.get()).data)
    await end()  # and nobody says yes
    await until(lambda: host.desk.count == 0, "it is left")
    assert "s" not in front.hosts
    assert host.desk._calls == {}


async def test_a_host_that_is_asked_again_before_it_has_answered_begins_one_call(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(placing, "AGAIN_SECONDS", 0.0001)
    front = await fleet.front("f1")
    host = await fleet.host("h1")
    await knows(front, 1)
    await front.offer("kitchen")
    await host.bus.settled()
    await until(lambda: host.desk.count == 1, "no other try is under way")
    assert host.workers.count == 1
    assert front.devices() == ["kitchen"]
    assert not any(e.kind == "ended" for e in front.events)


async def test_a_host_that_leaves_a_call_says_so(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its front was slow to want it, and would else wait for the answer."""
    monkeypatch.setattr(placing, "CONFIRM_SECONDS", 0.0)
    front = await fleet.front("f1")
    host = await fleet.host("h1")
    await knows(front, 1)
    with pytest.raises(Busy, match="no host has room"):
        await front.offer("kitchen")
    await until(lambda: host.desk.count == 0, "it has left all")


async def test_an_offer_is_tried_until_nats_knows_that_a_host_is_dead(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(placing, "DEAD_SECONDS", 60.0)
    front = await fleet.front("f1")
    heard: list[Message] = []
    async with connected(fleet.at("host-dead"), "host-dead") as dead:
        for tier in TIERS:
            await dead.hear(subjects.place(tier), heard.append, subjects.HOSTS)
        await dead.settled()
        offer = asyncio.create_task(front.offer("kitchen"))
        await until(lambda: len(heard) > len(TIERS) * placing.TRIES, "it is tried once more")
        await fleet.host("lives")
    await offer


async def test_a_host_that_has_gone_makes_its_calls_lost_when_it_is_asked(fleet: Fleet) -> None:
    front = await fleet.front("f1")
    gone = await fleet.host("h1")
    await knows(front, 1)
    answer = await front.offer("kitchen")
    await gone.bus._client.close()  # NATS sees that, and nobody says goodbye
    await fleet.host("h2")
    await knows(front, 2)
    again = await front.offer("kitchen", pc_id=answer.pc_id, restart=True)
    assert not again.resumed
    assert [s["host"] for s in front.telemetry.sessions.values()] == ["h2"]


async def test_a_host_that_was_given_up_tells_of_its_calls_when_it_is_back(fleet: Fleet) -> None:
    front = await fleet.front("f1")
    host = await fleet.host("h1")
    await knows(front, 1)
    await front.offer("kitchen")
    front.hosts._lose(host.who, "was out of sight")
    assert front.devices() == []
    await until(lambda: front.hosts.count == 1, "its call is there again")
    assert front.devices() == ["kitchen"]
    await front.switchboard.command("kitchen", "identify", None)


async def test_a_call_that_the_next_start_of_its_host_has_goes_on_when_the_start_before_is_given_up(
    fleet: Fleet,
) -> None:
    front = await fleet.front("f1")
    host = await fleet.host("h1")
    await knows(front, 1)
    await front.offer("kitchen")
    [call] = host.desk._calls.values()
    later = HostId("h1", "2")
    await host.bus.tell(later.event, crossing.pack(Held(call=call)))
    await until(lambda: front.hosts._at[call.session_id] == later, "the front knows where it is")
    front.hosts._lose(host.who, "was killed")
    assert front.devices() == ["kitchen"]
    assert call.session_id in front.hosts


async def test_what_becomes_of_a_call_is_told_by_the_host_that_has_it(fleet: Fleet) -> None:
    """Another one was asked as well, since this one was slow, and has left it again."""
    front = await fleet.front("f1")
    host, other = await fleet.host("h1"), await fleet.host("h2")
    await knows(front, 2)
    await front.offer("kitchen")
    [session_id] = front.telemetry.sessions
    who = other.who if front.hosts._at[session_id] == host.who else host.who
    ended = SessionEvent(kind="ended", session_id=session_id, data={"reason": "failed"})
    await other.bus.tell(who.event, crossing.pack(ended))
    await other.bus.settled()
    await front.shared.bus.settled()
    assert front.devices() == ["kitchen"]
    assert session_id in front.hosts


async def test_what_can_not_be_told_of_one_call_keeps_no_other_from_being_told_of(fleet: Fleet) -> None:
    front, host = await fleet.front("f1"), await fleet.host("h1")
    await knows(front, 1)
    for device in ("kitchen", "porch"):
        await front.offer(device)
    ids = {str(s["device"]): sid for sid, s in front.telemetry.sessions.items()}
    deep: dict[str, object] = {}
    for _ in range(300):
        deep = {"x": deep}
    for odd in ({"half": "\ud800"}, deep, {"no": {object()}}):
        host.desk.emit(0, SessionEvent(kind="report", session_id=ids["porch"], data=odd))
    await front.switchboard.end(ids["kitchen"], "revoked")
    await until(lambda: front.devices() == ["porch"], "its end is told")


async def test_a_later_version_is_understood(fleet: Fleet) -> None:
    """Its host tells of more, in a message that says so."""
    front = await fleet.front("f1")
    host = await fleet.host("h1")
    await knows(front, 1)
    data = crossing.pack({"version": "99", "headroom": {"calls": 0, "most": 9, "watts": 3}, "zone": "b"})
    await host.bus.tell(HostId("later", "1").state, data.replace(b'{"v":1', b'{"v":2'))
    await until(lambda: any(h["version"] == "99" for h in front.hosts.state()), "it is there")
    event = {"kind": "thought", "session_id": "s", "data": {}, "more": 1}
    await host.bus.tell(host.who.event, crossing.pack(event))  # of a kind that is not known here
    await front.offer("kitchen")
    assert front.devices() == ["kitchen"]


async def test_ending_a_call_that_is_gone_is_no_fault(fleet: Fleet) -> None:
    front = await fleet.front("f1")
    await front.switchboard.end("gone", "revoked")
    with pytest.raises(NotFound):
        await front.hosts.end(EndCall(session_id="gone", reason="revoked"))


def test_a_tries_wait_is_short_beside_the_devices() -> None:
    """A device gives up after 12 s (call/session.c), and one that sleeps may be met in each try."""
    assert placing.DEAD_SECONDS + placing.AGAIN_SECONDS * placing.TRIES * len(TIERS) < 12


async def test_a_host_of_more_calls_than_a_message_holds_tells_of_all(fleet: Fleet) -> None:
    """As of those whose boards have many tools."""
    one, host = await fleet.front("f1"), await fleet.host("h1")
    await knows(one, 1)
    devices = [f"d{n}" for n in range(9)]
    for device in devices:
        await one.offer(device)
    schema = {"type": "string", "description": "ü" * 900}
    told = {"name": "lamp", "description": "a lamp", "properties": {"how": schema}}
    tools = [{**told, "name": f"lamp{n}"} for n in range(16)]
    for sid, call in host.desk._calls.items():
        host.desk._calls[sid] = call.model_copy(update={"described": {**call.described, "tools": tools}})
    two = await fleet.front("f2")
    await until(lambda: two.devices() == devices, "a front that starts later knows all")
    assert len(two.switchboard.described("d5")["tools"]) == 16


@pytest.mark.parametrize(
    "says",
    [
        {"error": {"code": "unreadable", "message": "", "remedy": ""}},
        {"error": {"code": "key_required", "message": "", "remedy": ""}},
        {"error": "no"},
        {"answer": {"sdp": 1}},
        [],
    ],
)
async def test_a_host_that_can_not_be_understood_leaves_calls_to_others(fleet: Fleet, says: object) -> None:
    """Nor does one that is of another version say anything to a device."""
    front = await fleet.front("f1")
    await fleet.host("h1")
    await knows(front, 1)
    heard: list[Message] = []
    async with connected(fleet.at("host-odd"), "host-odd") as odd:

        def answer(message: Message) -> None:
            heard.append(message)
            task = asyncio.create_task(odd.tell(message.reply, json.dumps({"v": 1, "body": says}).encode()))
            tasks.append(task)

        tasks: list[asyncio.Task[None]] = []
        await odd.hear(subjects.place(3), answer, subjects.HOSTS)
        await odd.settled()
        for n in range(8):
            await front.offer(f"d{n}")
    assert heard


async def test_a_devices_call_is_the_later_one_also_while_the_other_ones_host_sleeps(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    front = await fleet.front("f1")
    asleep = await fleet.host("h1")
    await knows(front, 1)
    await front.offer("kitchen")
    [before] = asleep.desk._calls
    monkeypatch.setattr(placing, "PING_SECONDS", 0.1)

    async def sleep(_message: Message) -> None:
        """As a machine that does nothing: NATS goes on giving it what it is asked."""

    monkeypatch.setattr(asleep.desk, "_answer", sleep)
    monkeypatch.setattr(asleep.desk, "_take", sleep)
    awake = await fleet.host("h2")
    await knows(front, 2)
    while not awake.desk._calls:
        with contextlib.suppress(Busy):
            await front.offer("kitchen")
    [after] = awake.desk._calls
    assert {before, after} <= {e.session_id for e in front.switchboard._calls}
    await front.switchboard.command("kitchen", "identify", None)  # it is not asked of the one that sleeps
    assert front.switchboard.described("kitchen")["id"] == after


async def test_the_next_start_of_a_host_knows_whose_its_calls_are(fleet: Fleet) -> None:
    front, host = await fleet.front("f1"), await fleet.host("h1")
    await knows(front, 1)
    await front.offer("kitchen")
    assert host.workers._local is not None
    [call] = host.workers._local.calls
    await until(lambda: call.kept().placed != "", "its media know what the front has said")
    await until(lambda: not host.desk._coming, "its front has taken the answer")
    await host.desk.close()
    await until(lambda: front.devices() == [], "the start before has left")
    later = Desk(host.desk._settings, host.bus, HostId("h1", "2"), Still())
    await later.start(host.workers, [call.kept()])
    fleet.stack.push_async_callback(later.close)
    await until(lambda: front.devices() == ["kitchen"], "the next one has it")
    await front.switchboard.command("kitchen", "identify", None)
