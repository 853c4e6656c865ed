"""What fronts share over a real NATS: keys, nonces, promises, and what they show of themselves."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, closing
from pathlib import Path
from typing import Any

import pytest
from loguru import logger

from gateway.bus import shelf
from gateway.errors import Busy, Conflict, NotFound, Unauthorized
from gateway.front import registry_file
from gateway.front.access import Caller
from gateway.front.memory_book import MemoryBook, Said
from gateway.front.registry import Role, open_registry
from gateway.front.shared import promises
from gateway.front.switchboard import Offered
from gateway.wire.promises import Wish
from tests.support import nats
from tests.support.fleet import Fleet, Front, knows
from tests.support.offers import captured
from tests.support.waiting import eventually, until

pytestmark = pytest.mark.skipif(not nats.possible(), reason=nats.WHY_NOT)


@pytest.fixture
async def fleet(tmp_path: Path) -> AsyncIterator[Fleet]:
    async with nats.served(tmp_path / "nats") as server, AsyncExitStack() as stack:
        yield Fleet(server, stack, tmp_path)


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


async def test_a_revocation_that_a_front_could_not_keep_holds_there_once_it_can(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry_file, "_WAIT_SECONDS", 0.1)
    one, two = await fleet.front("f1"), await fleet.front("f2")
    _, key = await one.shared.registry.add("kitchen")
    await eventually(lambda: _has(two, "kitchen"), "both know it")
    said: list[str] = []
    sink = logger.add(said.append, level="ERROR", format="{message}")
    with closing(sqlite3.connect(fleet.directory / "f2" / "devices.db")) as other:
        other.execute("BEGIN IMMEDIATE")  # as who makes a copy of it
        await one.shared.registry.revoke("kitchen")
        await until(lambda: any("is not kept" in line for line in said), "it could not be kept")
        other.rollback()
    logger.remove(sink)

    async def dead() -> bool:
        try:
            await two.shared.registry.authenticate(key)
        except Unauthorized:
            return True
        return False

    await eventually(dead, "it holds there too")


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


async def test_a_nats_that_is_full_is_told_of_and_a_bucket_that_is_taken_away_is_made_anew(
    tmp_path: Path,
) -> None:
    (tmp_path / "nats").mkdir()
    (tmp_path / "nats" / "full.conf").write_text('jetstream { store_dir: "store", max_file_store: 1MB }')
    said: list[str] = []
    sink = logger.add(said.append, level="ERROR", format="{message}")
    async with nats.served(tmp_path / "nats", "-c", "full.conf") as server, AsyncExitStack() as stack:
        one = await Fleet(server, stack, tmp_path).front("f1")
        kept, order = one.shared.reserved._shelf, one.shared.clock._shelf
        await kept.is_whole.wait()
        with pytest.raises(Busy, match="NATS keeps nothing new") as full:
            await fill(kept)
        assert "disk" in full.value.remedy
        with pytest.raises(Busy, match="NATS keeps nothing new"):
            await one.shared.clock.order()
        assert any("voicegw_order" in line for line in said)
        for shelf_ in (kept, order):
            await one.shared.bus.jetstream.delete_stream(f"KV_{shelf_._name}")

        async def ordered() -> bool:
            try:
                await one.shared.clock.order()
            except Busy:
                return False
            return True

        await eventually(ordered, "it is there again")
    logger.remove(sink)


async def fill(bucket: shelf.Shelf) -> None:
    for number in range(40):
        await bucket.put(str(number), {"much": "x" * 50_000})


async def test_of_timers_that_are_over_nothing_is_kept(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    one = await fleet.front("f1")

    async def kept() -> int:
        return int((await one.shared.bus.jetstream.stream_info(f"KV_{promises.SHELF}")).state.messages)

    async def come_and_go(front: Front, number: int) -> None:
        for _ in range(number):
            made = await front.promises.add("kitchen", Wish(kind="say", text="hello"))
            await front.shared.book.remove(made["number"])

    await come_and_go(one, 9)
    assert await kept() >= 9  # until all fronts have surely heard of it
    monkeypatch.setattr(shelf, "MARK_SECONDS", 0.0)
    two = await fleet.front("f2")
    await until(two.shared.book._shelf.is_whole.is_set, "it knows what there was")
    await come_and_go(two, 9)
    assert await kept() < 9
    stays = await two.promises.add("kitchen", Wish(kind="say", text="stay"))
    await come_and_go(two, 9)
    await until(lambda: [p["number"] for p in one.promises.of("kitchen")] == [stays["number"]], "it is kept")


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


async def test_what_is_over_after_a_while_is_kept_by_nats_alone(fleet: Fleet) -> None:
    """It tells of no end of these: a front would keep them for as long as its connection holds."""
    one, two = await fleet.front("f1"), await fleet.front("f2")
    for front in (one, two):
        await front.shared.challenges._used.is_whole.wait()
        await front.shared.reserved._shelf.is_whole.wait()
    await one.shared.challenges.use(one.shared.challenges.nonce())
    await one.shared.reserved.keep("0" * 16, {"much": "x" * 1_000})
    for front in (one, two):
        await front.shared.bus.settled()
        assert front.shared.challenges._used.entries == {}
        assert front.shared.reserved._shelf.entries == {}
    assert await two.shared.reserved.find("0" * 16) is not None


async def test_no_call_has_the_id_of_another_fronts(fleet: Fleet) -> None:
    one, two = await fleet.front("f1"), await fleet.front("f2")
    hosts = [await fleet.host("h1"), await fleet.host("h2")]
    for front in (one, two):
        await knows(front, 2)
        await front.shared.reserved._shelf.is_whole.wait()
    caller = Caller("127.0.0.1", None, Role.OPERATOR)
    session_id = await one.switchboard.reserve({}, caller)
    offered = Offered(captured("libpeer"), "offer", None, False, None)
    await asyncio.gather(
        *(
            front.switchboard.offer(offered, caller, arrived_on="127.0.0.1", session_id=session_id)
            for front in (one, two)
        )
    )
    ids = [call for host in hosts for call in host.desk._calls]
    assert len(ids) == len(set(ids)) == 2
    assert session_id in ids
    assert set(one.telemetry.sessions) == set(ids)


async def test_what_was_said_with_a_device_goes_with_its_key_at_all_fronts(fleet: Fleet) -> None:
    one, two = await fleet.front("f1"), await fleet.front("f2")
    await one.shared.registry.add("kitchen")
    await eventually(lambda: _has(two, "kitchen"), "both know it")
    book = MemoryBook(two.shared.registry.store)
    said = Said(0, "kitchen", time.time(), "who am I", "Ada")
    await book.add("kitchen", said, most=9, since=0)
    await one.shared.registry.revoke("kitchen")

    async def forgotten() -> bool:
        return not await book.history("kitchen", 9)

    await eventually(forgotten, "the other front has forgotten it")
