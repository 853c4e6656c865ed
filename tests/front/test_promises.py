"""What is kept, and when it is said: with a clock that the test sets, and a switchboard that only notes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gateway.errors import BadRequest, Busy, NotFound
from gateway.front.promise_book import PromiseBook
from gateway.front.promises import ASK_SECONDS, RUNG_SECONDS, Promises
from gateway.front.registry import Registry, open_registry
from gateway.front.tools import Tools
from gateway.settings import Settings
from gateway.wire.calls import SayCall, SessionEvent
from gateway.wire.promises import MAX_SECONDS, MOST, Moment, Wish


@dataclass
class Switchboard:
    """Who is live, and what they were told."""

    live: dict[str, str] = field(default_factory=dict)
    said: list[SayCall] = field(default_factory=list)
    hushed: list[int] = field(default_factory=list)
    refuses: bool = False

    def live_session(self, device: str) -> str | None:
        return self.live.get(device)

    def devices_live(self) -> set[str]:
        return set(self.live)

    async def say(self, call: SayCall) -> None:
        if self.refuses:
            raise Busy("no")
        self.said.append(call)

    async def hush(self, _session_id: str, number: int) -> None:
        self.hushed.append(number)


@dataclass
class World:
    """The promises of a gateway, and what is around them."""

    registry: Registry
    board: Switchboard
    now: Moment
    told: list[str] = field(default_factory=list)

    async def promises(self) -> Promises:
        """As a gateway that starts has them."""
        made = Promises(
            PromiseBook(self.registry.store),
            self.board,  # type: ignore[arg-type]
            lambda _kind, data: self.told.append(str(data["state"])),
            lambda: self.now,
        )
        await made.load()
        return made

    def later(self, seconds: float) -> None:
        self.now = replace(self.now, wall=self.now.wall + seconds, up=self.now.up + seconds)


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_registry(tmp_path) as registry:
        yield World(registry, Switchboard(), Moment(1_000_000.0, "boot", 100.0))


def said(number: int, session: str, how: str) -> SessionEvent:
    """What a call tells when something was said."""
    data: dict[str, Any] = {"device": "kitchen", "number": number, "how": how, "why": ""}
    return SessionEvent(kind="said", session_id=session, data=data)


async def test_a_timer_rings_once_it_is_due_and_is_gone_once_it_was_stopped(world: World) -> None:
    promises = await world.promises()
    world.board.live["kitchen"] = "s1"
    await promises.add("kitchen", Wish(seconds=60, label="pasta"))
    await promises._look()
    assert world.board.said == []
    world.later(60)
    await promises._look()
    await promises._look()
    [call] = world.board.said
    assert (call.session_id, call.sound, call.until_stopped, call.volume) == ("s1", "ring", True, 50)
    assert [p["ringing"] for p in promises.of("kitchen")] == [True]
    promises.take(said(call.number, "s1", "stopped"))
    await promises._look()
    assert promises.of("kitchen") == []
    assert world.told == ["kept", "ringing", "stopped"]


async def test_what_ended_while_nobody_could_be_told_is_asked_after(world: World) -> None:
    promises = await world.promises()
    world.board.live["kitchen"] = "s1"
    await promises.add("kitchen", Wish(seconds=0))
    await promises._look()
    world.later(ASK_SECONDS)
    world.board.refuses = True
    await promises._look()
    world.board.refuses = False
    world.later(ASK_SECONDS)
    await promises._look()
    first, again = world.board.said
    assert again == first
    promises.take(said(first.number, "s1", "stopped"))  # as a call answers that has said it
    world.later(ASK_SECONDS)
    await promises._look()
    await promises._look()
    assert promises.of("kitchen") == []
    assert len(world.board.said) == 2


async def test_how_something_ended_is_kept_until_it_can_be_noted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    promises = await world.promises()
    world.board.live["kitchen"] = "s1"
    kept = await promises.add("kitchen", Wish(seconds=0))
    await promises._look()
    promises.take(said(kept["number"], "s1", "stopped"))
    with monkeypatch.context() as away:
        away.setattr(promises._book, "remove", refuse)
        await promises.add("kitchen", Wish(seconds=0))
        for _ in range(2):
            with pytest.raises(Busy):
                await promises._look()
    await promises._look()
    assert [p["number"] for p in promises.of("kitchen")] == [kept["number"] + 1]
    assert [call.number for call in world.board.said] == [kept["number"], kept["number"] + 1]


async def refuse(_number: int) -> None:
    raise Busy("NATS does not answer")


async def test_what_was_just_stopped_is_still_told_of_and_can_be_cancelled(world: World) -> None:
    promises = await world.promises()
    world.board.live["kitchen"] = "s1"
    tools = Tools(Settings(), world.registry, world.board, promises, None)  # type: ignore[arg-type]
    await promises.add("kitchen", Wish(seconds=600, label="pasta"))
    kept = await promises.add("kitchen", Wish(seconds=0, label="egg"))
    await promises._look()
    promises.take(said(kept["number"], "s1", "stopped"))
    for _ in range(2):
        listed = await tools._list_timers("kitchen")
        assert [(p["label"], p["ringing"]) for p in listed] == [("egg", True), ("pasta", False)]
        await promises._look()
    assert promises.rung("porch") == []
    await promises.cancel("kitchen", kept["number"])
    world.later(RUNG_SECONDS + 1)
    assert promises.rung("kitchen") == []
    with pytest.raises(NotFound):
        await promises.cancel("kitchen", kept["number"])


async def test_once_stop_is_understood_the_timer_is_the_one_that_runs(world: World) -> None:
    promises = await world.promises()
    world.board.live["kitchen"] = "s1"
    tools = Tools(Settings(), world.registry, world.board, promises, None)  # type: ignore[arg-type]
    await promises.add("kitchen", Wish(seconds=600, label="pasta"))
    for number in [(await promises.add("kitchen", Wish(seconds=0, label=egg)))["number"] for egg in "ab"]:
        await promises._look()
        promises.take(said(number, "s1", "stopped"))
        await promises._look()
        assert len(await tools._list_timers("kitchen")) > 1
        if promises.rung("kitchen")[0]["label"] == "a":
            await tools._stop_ringing("kitchen")
        else:
            await tools._cancel_timer("kitchen", number)
    assert [p["label"] for p in await tools._list_timers("kitchen")] == ["pasta"]


async def test_a_bot_may_promise_something_at_a_time_of_the_gateways_day(world: World) -> None:
    tools = Tools(Settings(timezone="Asia/Tokyo"), world.registry, world.board, await world.promises(), None)  # type: ignore[arg-type]
    timed = tools._timed({"kind": "alarm", "time": "07:00"})
    assert datetime.fromtimestamp(timed["at"], UTC).hour == 22
    with pytest.raises(BadRequest):
        tools._timed({"kind": "alarm", "time": "at breakfast"})


async def test_an_announcement_finds_its_device_by_the_name_that_people_say(world: World) -> None:
    promises = await world.promises()
    tools = Tools(Settings(), world.registry, world.board, promises, None)  # type: ignore[arg-type]
    for name in ("living-room", "kitchen", "room1", "room-1"):
        await world.registry.add(name)
    told = await tools._announce("kitchen", "Living Room", "Dinner!")
    assert told["device"] == "living-room"
    assert (await tools._announce("kitchen", "room-1", "Dinner!"))["device"] == "room-1"
    with pytest.raises(NotFound, match="no device cellar; there are kitchen, living-room, room-1, room1"):
        await tools._announce("kitchen", "cellar", "Dinner!")


async def test_what_is_too_far_ahead_is_refused(world: World) -> None:
    promises = await world.promises()
    with pytest.raises(BadRequest, match="more than a year ahead"):
        await promises.add("kitchen", Wish(kind="alarm", at=world.now.wall + MAX_SECONDS + 1))
    assert promises.of("kitchen") == []


async def test_a_ring_that_a_cut_has_ended_goes_on_in_the_next_call(world: World) -> None:
    promises = await world.promises()
    world.board.live["kitchen"] = "s1"
    await promises.add("kitchen", Wish(seconds=0))
    await promises._look()
    del world.board.live["kitchen"]
    promises.take(SessionEvent(kind="ended", session_id="s1", data={"reason": "worker_lost"}))
    await promises._look()
    world.board.live["kitchen"] = "s2"
    await promises._look()
    assert [(c.session_id, c.until_stopped) for c in world.board.said] == [("s1", True), ("s2", True)]


async def test_it_is_kept_over_a_restart(world: World) -> None:
    await (await world.promises()).add("kitchen", Wish(seconds=60))
    world.later(59)
    again = await world.promises()
    assert [p["left"] for p in again.of("kitchen")] == [1.0]
    world.board.live["kitchen"] = "s1"
    world.later(1)
    await again._look()
    assert len(world.board.said) == 1


async def test_what_is_late_is_told_as_missed_and_does_not_ring(world: World) -> None:
    promises = await world.promises()
    await promises.add("kitchen", Wish(seconds=60, label="pasta"))
    world.later(60 + 600)
    await promises._look()
    assert [p["missed"] for p in promises.of("kitchen")] == [True]
    world.board.live["kitchen"] = "s1"
    await promises._look()
    [call] = world.board.said
    assert (call.sound, call.until_stopped) == ("chime", False)
    assert call.text == "You missed this, 10 minutes ago: Your pasta timer is done."
    promises.take(said(call.number, "s1", "done"))
    await promises._look()
    assert promises.of("kitchen") == []


async def test_what_nobody_heard_is_told_by_the_next_call_and_not_by_this_one(world: World) -> None:
    promises = await world.promises()
    world.board.live["kitchen"] = "s1"
    kept = await promises.add("kitchen", Wish(seconds=0))
    await promises._look()
    promises.take(said(kept["number"], "s1", "unheard"))
    world.later(600)
    await promises._look()
    assert len(world.board.said) == 1
    world.board.live["kitchen"] = "s2"
    await promises._look()
    assert [c.session_id for c in world.board.said] == ["s1", "s2"]
    assert world.board.said[1].text.startswith("You missed this")


async def test_an_announcement_waits_for_its_device_but_not_for_ever(world: World) -> None:
    promises = await world.promises()
    await promises.add("kitchen", Wish(kind="say", text="Dinner!"))
    await promises.add("kitchen", Wish(kind="say", text="Quick!", keep_s=10))
    world.later(3_600)
    await promises._look()
    world.board.live["kitchen"] = "s1"
    await promises._look()
    assert [(c.text, c.sound, c.until_stopped) for c in world.board.said] == [("Dinner!", "chime", False)]


async def test_what_can_not_be_handed_over_is_tried_again(world: World) -> None:
    promises = await world.promises()
    world.board.live["kitchen"], world.board.refuses = "s1", True
    await promises.add("kitchen", Wish(kind="say", text="Dinner!"))
    await promises._look()
    world.board.refuses = False
    await promises._look()
    assert world.board.said == []
    world.later(6)
    await promises._look()
    assert len(world.board.said) == 1


async def test_one_that_is_taken_back_is_stopped(world: World) -> None:
    promises = await world.promises()
    world.board.live["kitchen"] = "s1"
    kept = await promises.add("kitchen", Wish(seconds=0))
    await promises._look()
    with pytest.raises(NotFound):
        await promises.cancel("porch", kept["number"])
    await promises.cancel("kitchen", kept["number"])
    assert world.board.hushed == [kept["number"]]
    assert promises.of("kitchen") == []
    assert (await world.promises()).of("kitchen") == []


async def test_a_device_that_is_revoked_takes_its_promises_along(world: World) -> None:
    await world.registry.add("kitchen")
    promises = await world.promises()
    await promises.add("kitchen", Wish(seconds=0))
    await world.registry.revoke("kitchen")
    world.board.live["kitchen"] = "s1"
    await promises._look()
    assert world.board.said == []


async def test_one_device_has_so_many_and_no_more(world: World) -> None:
    promises = await world.promises()
    for _ in range(MOST):
        await promises.add("kitchen", Wish(seconds=60))
    with pytest.raises(Busy):
        await promises.add("kitchen", Wish(seconds=60))
    await promises.add("porch", Wish(seconds=60))
