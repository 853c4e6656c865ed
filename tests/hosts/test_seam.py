"""Fronts and hosts over a real NATS, without the processes around them: what each side does where it counts."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from gateway.bus import crossing, placing, subjects
from gateway.bus.connection import Message, connected
from gateway.bus.subjects import HostId
from gateway.errors import Busy, Conflict, NotFound, Unauthorized
from gateway.front.access import Caller
from gateway.front.registry import Role, open_registry
from gateway.front.switchboard import Offered
from gateway.wire.calls import Answer, EndCall, OfferCall, SessionEvent
from gateway.wire.headroom import TIERS
from gateway.wire.hosts import Held
from gateway.wire.promises import Wish
from gateway.wire.sdp import Client
from tests.support import nats
from tests.support.fleet import Fleet, Front, knows
from tests.support.offers import captured
from tests.support.waiting import eventually, until

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


# -- what fronts share


async def test_a_key_made_at_one_front_is_good_at_the_other_until_it_is_revoked_at_either(
    fleet: Fleet,
) -> None:
    one, two = await fleet.front("f1"), await fleet.front("f2")
    _, key = await one.shared.registry.add("kitchen")

    async def known() -> bool:
        try:
            return (await two.shared.registry.authenticate(key)).name == "kitchen"
        except Unauthorized:
            return False

    await eventually(known, "the other front knows it")
    with pytest.raises(Conflict):
        await two.shared.registry.add("kitchen")
    await two.shared.registry.revoke("kitchen")

    async def dead() -> bool:
        return not await known_at(one)

    async def known_at(front: Front) -> bool:
        try:
            await front.shared.registry.authenticate(key)
        except Unauthorized:
            return False
        return True

    await eventually(dead, "the first one refuses it")
    device, _ = await one.shared.registry.add("kitchen")
    assert device.revoked_at is None


async def test_while_nats_is_away_known_keys_are_good_and_changes_are_refused(fleet: Fleet) -> None:
    one = await fleet.front("f1")
    _, key = await one.shared.registry.add("kitchen")
    fleet.server.stop()
    await until(lambda: not one.shared.bus.here, "it is missed")
    assert (await one.shared.registry.authenticate(key)).name == "kitchen"
    for change in (one.shared.registry.add("porch"), one.shared.registry.revoke("kitchen")):
        with pytest.raises(Busy):
            await change
    with pytest.raises(Busy):
        await one.offer("kitchen")
    await fleet.server.start()
    await until(lambda: one.shared.bus.here, "it is back")
    await eventually_does(one.shared.registry.revoke, "kitchen")
    with pytest.raises(Unauthorized):
        await one.shared.registry.authenticate(key)


async def eventually_does(work: Any, *arguments: Any) -> Any:
    async def done() -> bool:
        try:
            await work(*arguments)
        except Busy:
            return False
        return True

    await eventually(done, "it can be done again")


async def test_a_revocation_while_one_front_was_away_holds_there_when_it_is_back(fleet: Fleet) -> None:
    one, two = await fleet.front("f1"), await fleet.front("f2")
    _, key = await one.shared.registry.add("kitchen")
    await eventually(lambda: _good(two, key), "the other front knows it")
    two.shared.bus._client._transport.close()  # as a cable that is pulled
    await one.shared.registry.revoke("kitchen")

    async def dead() -> bool:
        return not await _good(two, key)

    await eventually(dead, "it is dead there as well")


async def _good(front: Front, key: str) -> bool:
    try:
        await front.shared.registry.authenticate(key)
    except Unauthorized:
        return False
    return True


async def test_what_a_front_knew_before_there_was_nats_is_put_there_and_so_is_what_nats_has_lost(
    fleet: Fleet, tmp_path: Path
) -> None:
    async with open_registry(tmp_path / "f1") as alone:
        _, key = await alone.add("kitchen")
        await alone.add("porch")
        await alone.revoke("porch")
    await fleet.front("f1")
    two = await fleet.front("f2")
    await eventually(lambda: _good(two, key), "the other front knows it")

    async def revoked() -> bool:
        return any(d.name == "porch" and d.revoked_at for d in await two.shared.registry.all())

    await eventually(revoked, "and who is revoked")


async def test_fronts_put_back_what_nats_has_lost(fleet: Fleet) -> None:
    one = await fleet.front("f1")
    _, key = await one.shared.registry.add("kitchen")
    fleet.server.stop()
    shutil.rmtree(fleet.server.directory / "store")
    await fleet.server.start()
    two = await fleet.front("f2")
    await eventually(lambda: _good(two, key), "a front that never met the old NATS knows the key")


async def test_a_nonce_is_good_at_every_front_and_once_among_all(fleet: Fleet) -> None:
    one, two = await fleet.front("f1"), await fleet.front("f2")
    for front in (one, two):
        await front.shared.challenges._secrets.is_whole.wait()
        await front.shared.challenges._used.is_whole.wait()
    nonce = one.shared.challenges.nonce()
    await two.shared.challenges.use(nonce)
    for front in (one, two):
        with pytest.raises(Unauthorized):
            await front.shared.challenges.use(nonce)
    ticket = one.shared.challenges.ticket("/x")
    assert two.shared.challenges.is_ticket("/x", ticket)


async def test_while_nats_is_away_a_nonce_is_good_where_it_was_given(fleet: Fleet) -> None:
    one, two = await fleet.front("f1"), await fleet.front("f2")
    for front in (one, two):
        await front.shared.challenges._secrets.is_whole.wait()
    fleet.server.stop()
    await until(lambda: not one.shared.bus.here and not two.shared.bus.here, "NATS is missed")
    nonce = one.shared.challenges.nonce()
    with pytest.raises(Busy):
        await two.shared.challenges.use(nonce)
    await one.shared.challenges.use(nonce)
    with pytest.raises(Unauthorized):
        await one.shared.challenges.use(nonce)


async def test_what_start_was_given_is_known_to_the_other_front(fleet: Fleet) -> None:
    one, two = await fleet.front("f1"), await fleet.front("f2")
    await fleet.host("h1")
    await knows(two, 1)
    for front in (one, two):
        await front.shared.reserved._shelf.is_whole.wait()
    caller = Caller("127.0.0.1", None, Role.OPERATOR)
    session_id = await one.switchboard.reserve({"device": {"id": "porch"}}, caller)
    offered = Offered(captured("libpeer"), "offer", None, False, None)
    await two.switchboard.offer(offered, caller, arrived_on="127.0.0.1", session_id=session_id)
    assert list(two.telemetry.sessions) == [session_id]


async def test_a_timer_is_known_to_both_fronts_and_cancelled_at_either(fleet: Fleet) -> None:
    one, two = await fleet.front("f1"), await fleet.front("f2")
    for front in (one, two):
        await front.shared.book._shelf.is_whole.wait()
        await front.shared.book._claims.is_whole.wait()
    made = await one.promises.add("kitchen", Wish(kind="timer", seconds=600, label="tea"))
    await until(lambda: [p["label"] for p in two.promises.of("kitchen")] == ["tea"], "the other knows")
    await two.promises.cancel("kitchen", made["number"])
    await until(lambda: one.promises.of("kitchen") == [], "it is gone at both")
    with pytest.raises(NotFound):
        await one.promises.cancel("kitchen", made["number"])


async def test_what_is_due_is_said_by_one_front(fleet: Fleet) -> None:
    one, two = await fleet.front("f1"), await fleet.front("f2")
    for front in (one, two):
        await front.shared.book._claims.is_whole.wait()
    made = await one.promises.add("kitchen", Wish(kind="say", text="hello"))
    await until(lambda: len(two.promises.of("kitchen")) == 1, "the other knows")
    claims = [await f.shared.book.claim(made["number"], "session") for f in (one, two)]
    assert claims == [True, False]
    await until(lambda: two.promises.of("kitchen")[0]["ringing"], "the other knows that it is being said")
    await one.shared.book.release(made["number"])
    assert await two.shared.book.claim(made["number"], "session")


async def test_clocks_apart_by_minutes_make_no_difference(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = await fleet.front("f1")
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + 300)
    two = await fleet.front("f2")
    await until(lambda: abs(two.shared.clock.now() - one.shared.clock.now()) < 5, "both have NATS's time")
    nonce = one.shared.challenges.nonce()
    await two.shared.challenges._secrets.is_whole.wait()
    two.shared.challenges.check(nonce)


async def test_what_one_front_shows_of_itself_the_others_show(fleet: Fleet) -> None:
    one, two = await fleet.front("f1"), await fleet.front("f2")
    await two.shared.registry.add("kitchen")
    await eventually(lambda: _has(one, "kitchen"), "both know it")
    with two.telemetry.listening() as queue:

        async def heard() -> bool:
            one.telemetry.publish(
                "arrived", {"device": "kitchen", "address": "10.0.0.9", "board": "b", "fw": "1"}
            )
            return not queue.empty()

        await eventually(heard, "the other shows it")

    async def noted() -> bool:
        return any(d.address == "10.0.0.9" for d in await two.shared.registry.all())

    await eventually(noted, "and notes it")


async def _has(front: Front, name: str) -> bool:
    return name in {d.name for d in await front.shared.registry.all()}


async def test_ending_a_call_that_is_gone_is_no_fault(fleet: Fleet) -> None:
    front = await fleet.front("f1")
    await front.switchboard.end("gone", "revoked")
    with pytest.raises(NotFound):
        await front.hosts.end(EndCall(session_id="gone", reason="revoked"))


def test_a_tries_wait_is_short_beside_the_devices() -> None:
    """A device gives up after 12 s (call/session.c), and one that sleeps may be met in each try."""
    assert placing.DEAD_SECONDS + placing.AGAIN_SECONDS * placing.TRIES * len(TIERS) < 12
